//! The outlet: what carries a handler's answer from the sandbox to the way out.
//!
//! Threat. An executor, a queue or a pool in between may hand one request the answer of another. What must hold: an answer carries the grant
//! that made it, and the way out lets it leave only by the request that holds that very grant, and only to the requester whose it is.

use super::Direct;
use crate::grant::Grant;
use crate::sandbox::Answer;
use std::sync::Arc;

/// An answer on its way.
pub struct Departing {
    /// The grant that it was made under.
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
