//! What people look at: pictures and the report as one page.

#[cfg(feature = "html")]
pub mod html;
#[cfg(any(feature = "html", feature = "plot"))]
mod passes;
#[cfg(feature = "plot")]
pub mod plot;
