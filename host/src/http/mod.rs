//! HTTP: routes in, responses out.
//!
//! One table of routes ([`routes::ROUTES`]); one file that chooses statuses ([`problem`]); one way out for what is private
//! (`wayout`). This room must never decide who may see what, never build an answer from anything but a grant's, and never log an address or a
//! credential.

mod camera;
mod credential;
mod openapi;
pub mod problem;
mod range;
pub mod routes;
mod serve;
mod viewer;
mod wayout;

pub use serve::{Listener, ServeError, Tls, serve, serve_metrics};

use crate::admission::Admission;
use crate::footage::Footage;
use crate::identity::Identity;
use crate::ingest::Ingest;
use crate::metrics::Metrics;
use crate::sandbox::Handler;
use std::sync::Arc;

/// Everything that a request may use.
pub struct Edge {
    /// The one way to a grant.
    pub admission: Arc<Admission>,
    /// What grants lead to.
    pub footage: Arc<Footage>,
    /// Accounts and sessions.
    pub identity: Identity,
    /// Uploads.
    pub ingest: Ingest,
    /// The thumbnail handler.
    pub thumbnail: Handler,
    /// The events handler.
    pub events: Handler,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// Cookies are `Secure` and bear the `__Host-` prefix.
    pub tls: bool,
}
