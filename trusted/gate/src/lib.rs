//! The gate: who is admitted, what a request may reach, how an answer opens, and how it leaves.
//!
//! Read it in this order:
//!
//! - [`admission`]: the way in;
//! - [`grant`]: what a request may ask for;
//! - [`vault`]: how an answer proves itself and opens;
//! - [`live`]: the same for live view, chunk by chunk;
//! - [`rules`]: what one instance may do;
//! - [`departure`]: the way out;
//! - [`entry`]: what the ledger is told of it.
//!
//! Beside them are [`records`] (the registry's answers, proven), [`derived`] (keys that need not be
//! derived twice), and three files of traits for what the gate asks: [`registry`], [`ledger`] and
//! [`host`].
//!
//! Both editions link this crate, which has no IO and no clock of its own. Whoever makes an
//! [`Admission`] brings registry, ledger, keys, clock and randomness.
#![forbid(unsafe_code)]
#![deny(missing_docs, clippy::arithmetic_side_effects)]

pub mod admission;
pub mod departure;
pub mod derived;
pub mod entry;
pub mod grant;
pub mod host;
pub mod ledger;
pub mod live;
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
