//! Who may see what: credentials, records, proofs and decisions.
//!
//! Everything here is a pure function of its arguments: it has no IO, no clock and no randomness of
//! its own. Both editions decide with this crate, so that there is one place to read and one to
//! test.
//!
//! The types show where trust comes from. [`Requester`], [`Rights`], [`Permit`] and [`Intake`] have
//! private fields and one constructor each. So a value of one of them proves that the checks were
//! made. [`Verifier`] can verify a credential but not make one; [`Mint`] makes them.
//!
//! This crate must never decide from anything that was not proven. A record counts only once
//! [`prove`] has opened it under the key that was asked for.
#![forbid(unsafe_code)]
#![deny(missing_docs, clippy::arithmetic_side_effects)]

mod credential;
mod decide;
mod proof;
mod record;

pub use credential::{CredentialError, Mint, Tag, VerifiedCamera, VerifiedSession, Verifier};
pub use decide::{
    Action, Intake, Permit, Requester, Rights, Unidentified, Visible, intake, requester,
};
pub use proof::{Answer, Count, Fault, Freshness, Nonce, Position, check, open, prove};
pub use record::{
    CameraRecord, CameraRight, CameraState, Kinds, Record, RecordError, Role, SessionRecord,
    ViewerRecord, Window,
};
