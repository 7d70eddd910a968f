//! What people look at: pictures and the report as one page.

#[cfg(feature = "html")]
pub mod html;
mod passes;
#[cfg(feature = "plot")]
pub mod plot;
