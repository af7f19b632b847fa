//! The outlet: what carries a handler's answer from the sandbox to the way out.
//!
//! Threat. An executor, a queue or a pool in between may hand one request the answer of another, in an envelope of either. What must hold:
//! an answer carries the grant of the instance that made it, where nobody but `eyesonly_gate` can write it, and leaves only by the request that
//! holds that very grant, and only to the requester whose it is.

use super::Direct;
use eyesonly_gate::{Answer, Grant};
use std::sync::Arc;

/// An answer on its way.
pub struct Departing {
    /// The grant that it is said to be made under: the envelope, which nobody believes.
    pub grant: Arc<Grant>,
    /// What the handler answered.
    pub answer: Answer,
}

/// Carries answers. NOT trusted.
pub trait Outlet: Send + Sync + 'static {
    /// What comes out where `departing` went in.
    fn carry(&self, departing: Departing) -> Departing;
}

impl Outlet for Direct {
    fn carry(&self, departing: Departing) -> Departing {
        departing
    }
}
