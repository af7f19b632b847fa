//! The modules between HTTP and the seams, for both editions. `footage` finds what a grant covers,
//! `ingest` takes in what cameras hand in, `identity` keeps accounts, and `admin` administers. The
//! seams are here too: all of these modules ask the seams and never trust them.
//!
//! The crate `eyesonly_gate` decides who gets in, opens footage, and lets answers out. This crate
//! knows no HTTP, no sandbox, no file and no database. It must never believe an answer that has not
//! proven that it belongs to its question.
//!
//! The whole way of one still, over seams in memory: a camera hands it in, a viewer is admitted,
//! and it departs.
//!
//! ```
//! use eyesonly_gate::ledger::Handed;
//! use eyesonly_gate::rules::{MediaType, Status};
//! use eyesonly_gate::{Content, Departure, Instance, Leaving};
//! use eyesonly_rights::Action;
//! use eyesonly_seal::Kind;
//! use eyesonly_service::footage::testing::{Home, drain, footage_id};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/media/alder-front-door.jpg");
//! # let jpeg = std::fs::read(path)?;
//! let home = Home::new().await;
//! home.put(Kind::Still, footage_id(), &jpeg).await?;
//!
//! // A grant is for one requester, one camera and one action.
//! let (credential, tag) = home.presents();
//! let camera = home.camera.to_string();
//! let grant = home.admission.admit(credential, &tag, &camera, Action::Live).await?;
//! let still = home.footage.newest_still(&grant).await?;
//!
//! // The way out takes nothing but the answer of an instance that had this very grant.
//! let length = still.length();
//! let content = Content::Footage { source: Box::new(still), offset: 0, length };
//! let instance = Instance::new(grant.clone());
//! let answer = instance.answers(Status::Ok, MediaType::Jpeg, content)?;
//! let leaving = Leaving { handed: Handed::Still, event: None, is_head: false };
//! let mut departure =
//!     Departure::open(&home.admission, &grant, credential, answer, leaving).await?;
//! let (bytes, cut) = drain(&mut departure).await;
//! assert!(bytes == jpeg && cut.is_none());
//! # Ok(())
//! # }
//! ```

mod acknowledged;
pub mod admin;
pub mod catalogue;
pub mod chain;
pub mod clock;
pub mod footage;
pub mod identity;
pub mod index;
pub mod ingest;
pub mod keys;
mod known;
pub mod kv;
pub mod ledger;
pub mod listing;
#[cfg(feature = "live")]
pub mod live;
pub mod registry;
#[cfg(all(test, schedules))]
mod schedules;
pub mod store;
mod sync;
#[cfg(any(test, feature = "conformance"))]
pub mod testing;
pub mod tiers;
pub mod turns;
