//! Help for authors of handlers: a scripted grant for native tests ([`Grant`]). With the feature
//! `sandbox`, also the built component in the real sandbox, over a household in memory (`House`).
//!
//! A handler in the real sandbox, here the one that the host brings along:
//!
//! ```
//! # #[cfg(feature = "sandbox")]
//! # {
//! use eyesonly_testkit::{House, Question, Status};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/media/alder-front-door.jpg");
//! # let jpeg = std::fs::read(path).unwrap();
//! let house = House::new().await;
//! house.put_still(&jpeg).await;
//! let question = Question::Still { event: None, width: 320 };
//! let answered = house.ask(&house.handlers().thumbnail, question).await.unwrap();
//! assert_eq!(answered.status, Status::Ok);
//! assert!(answered.bytes.len() < jpeg.len());
//! # }
//! # main();
//! # }
//! ```
//!
//! docs/writing-a-component.md shows both at work. The kit must never be more generous than the
//! host: what the contract always refuses, the scripted grant refuses too, whatever was scripted.
//! It is for tests alone, and nothing that is deployed may depend on it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "for tests: a failed expectation is the point"
)]

mod grant;
#[cfg(feature = "sandbox")]
mod house;

pub use grant::{ErrorCode, Grant, Kinds, Notes, Object};
#[cfg(feature = "sandbox")]
pub use house::{Answered, House, build};

#[cfg(feature = "sandbox")]
pub use eyesonly::component_check::{Verdict, check};
#[cfg(feature = "sandbox")]
pub use eyesonly::handlers::Handlers;
#[cfg(feature = "sandbox")]
pub use eyesonly::sandbox::{Handler, HandlerFailure, Question};
#[cfg(feature = "sandbox")]
pub use eyesonly_gate::rules::{MediaType, Status};
