use super::{Components, ComponentsMut, Prior};
use crate::code::posterior::Posterior;
use crate::numbers::scalar::Float;

/// N(0, I).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StandardNormal;

impl<T: Float> Prior<T> for StandardNormal {
    fn describe(&self) -> String {
        "StandardNormal".to_owned()
    }

    fn components<'a>(
        &self,
        _parameters: &'a [T],
        _pseudo: Option<&'a Posterior<T>>,
    ) -> Components<'a, T> {
        Components::standard_normal()
    }

    fn components_mut<'a>(
        &self,
        _parameters: &'a mut [T],
        _pseudo: Option<&'a mut Posterior<T>>,
    ) -> ComponentsMut<'a, T> {
        ComponentsMut { logits: &mut [], means: &mut [], log_variances: &mut [] }
    }
}
