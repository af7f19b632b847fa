//! Handler: stills at the width asked for. It decodes pictures that cameras made, so it runs only
//! inside an instance that holds one grant. It must never import anything but the contract, and
//! never copy a source's metadata into what it makes.
//!
//! A stored rendition is answered by its handle: no byte of it enters this instance. If there is
//! none, the source is decoded at the smallest scale that suffices, resized, turned upright,
//! encoded and remembered.

mod answer;
mod picture;
mod width;

pub use answer::{Answer, Footage, Refusal, answer};
pub use picture::{PictureError, rendition};
pub use width::{ALLOWED_WIDTHS, round_up};

#[cfg(target_arch = "wasm32")]
mod component;
