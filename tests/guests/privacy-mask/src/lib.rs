//! Handler: stills with a zone blacked out. It must never answer with a byte of a still that has
//! not been masked, and never import anything but the contract.

mod answer;
mod mask;

pub use answer::{Answer, Footage, Refusal, WIDTHS, answer};
pub use mask::{MaskError, ZONE, Zone, masked};

#[cfg(target_arch = "wasm32")]
mod component;
