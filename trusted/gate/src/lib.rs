//! The gate: who gets in, what a request may reach, how it opens, and how it leaves.
//!
//! Read it in this order: [`admission`] (the door in), [`grant`] (what a request may ask),
//! [`vault`] (how an answer proves itself and opens), [`rules`] (what one instance may do),
//! [`departure`] (the door out). Beside them: [`records`] (the registry's answers, proven) and
//! the traits of what is asked and never believed ([`registry`], [`ledger`], [`host`]).
//!
//! Both editions link this crate. It has no IO and no clock of its own: whoever makes an
//! [`Admission`] brings registry, ledger, keys, clock and randomness.
#![forbid(unsafe_code)]
#![deny(missing_docs, clippy::arithmetic_side_effects)]

pub mod admission;
pub mod departure;
pub mod grant;
pub mod host;
pub mod ledger;
pub mod records;
pub mod registry;
pub mod rules;
pub mod vault;

pub use admission::{Admission, Identified, RawCredential, Refused};
pub use departure::{Answer, Content, Cut, Departure, Leaving, Source};
pub use grant::{Asked, Grant, IntakeGrant, Offered};
pub use host::{Clock, Keys, KeysError, Random};
pub use ledger::{Ledger, Seam};
pub use records::Records;
pub use registry::Registry;
pub use rules::Instance;
pub use vault::{Claimed, Located, OpenExtent, Plain, Sealed, SealedPart};
