//! Who may see what: credentials, records, proofs and decisions.
//!
//! Everything here is a pure function of its arguments: no IO, no clock, no randomness of its own, no tokio, no HTTP. The host
//! and the edge edition both decide with this crate, so that there is one place to read and one to test.
//!
//! The types show where trust comes from. A [`Requester`], [`Permit`] or [`Intake`] has private fields and one constructor each;
//! whoever holds one holds the proof that the checks were made.
//!
//! It must never decide from anything that was not proven: a record counts only once [`prove`] has opened it under the key
//! that it was asked by.
#![forbid(unsafe_code)]
#![deny(missing_docs, clippy::arithmetic_side_effects)]

mod credential;
mod decide;
mod proof;
mod record;

pub use credential::{CredentialError, Credentials, Tag, VerifiedCamera, VerifiedSession};
pub use decide::{Action, Intake, Permit, Requester, Unidentified, intake, permit, requester};
pub use proof::{Answer, Floor, Nonce, Refusal, prove};
pub use record::{
    CameraRecord, CameraRight, HouseholdRecord, Kinds, LoginRecord, Record, RecordError, Role, SessionRecord,
    ViewerRecord, Window, seal_record,
};
