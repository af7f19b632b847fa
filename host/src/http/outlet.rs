//! The outlet: it carries a handler's answer from the sandbox to the way out.
//!
//! Threat. An executor, a queue or a pool in between may give one request the answer of another, in
//! the envelope of either. What must hold: an answer carries the grant of the instance that made
//! it, and only `eyesonly_gate` can write that grant. The answer leaves only through the request
//! that holds this same grant, and only to its requester.

use super::Direct;
use eyesonly_gate::{Answer, Grant};
use std::sync::Arc;

/// An answer on its way.
pub struct Departing {
    /// The envelope: the grant that the answer is said to be made under. Nothing relies on it.
    pub grant: Arc<Grant>,
    /// The handler's answer.
    pub answer: Answer,
}

/// Carries answers. NOT trusted.
pub trait Outlet: Send + Sync + 'static {
    /// Returns what comes out when `departing` goes in.
    fn carry(&self, departing: Departing) -> Departing;
}

impl Outlet for Direct {
    fn carry(&self, departing: Departing) -> Departing {
        departing
    }
}
