use super::{Components, ComponentsMut, Prior};
use crate::code::encoder::Encoder;

/// N(0, I).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StandardNormal;

impl<E: Encoder> Prior<E> for StandardNormal {
    fn components<'a>(
        &self,
        _parameters: &'a [E::Scalar],
        _pseudo: Option<&'a E::Posterior>,
    ) -> Components<'a, E::Scalar> {
        Components::standard_normal()
    }

    fn components_mut<'a>(
        &self,
        _parameters: &'a mut [E::Scalar],
        _pseudo: Option<&'a mut E::Posterior>,
    ) -> ComponentsMut<'a, E::Scalar> {
        ComponentsMut { logits: &mut [], means: &mut [], log_variances: &mut [] }
    }
}
