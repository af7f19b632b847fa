//! Handler: event pages, single events and their clips. It writes only what the host opened under
//! the grant. It must never put a clip's bytes into its own memory: a clip is answered by its
//! handle.

mod answer;
mod json;

pub use answer::{Answer, Event, Footage, MAX_EVENTS, Page, Refusal, clip, event, events};

#[cfg(target_arch = "wasm32")]
mod component;
