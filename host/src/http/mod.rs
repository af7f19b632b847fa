//! HTTP: routes in, responses out.
//!
//! What is said alike by both editions is `eyesonly_web`: the table of routes, the one file that chooses statuses ([`problem`]), ranges, pages. Here is
//! what answers, and one way out for what is private
//! (`wayout`). This room must never decide who may see what, never build an answer from anything but a grant's, and never log an address or a
//! credential.

mod camera;
mod inlet;
mod outlet;
pub mod routes;
mod serve;
mod viewer;
mod wayout;

pub use eyesonly_web::problem;
pub use inlet::Inlet;
pub use outlet::{Departing, Outlet};
pub use serve::{Listener, ServeError, Tls, serve, serve_metrics};

use crate::admission::Admission;
use crate::footage::Footage;
use crate::identity::Identity;
use crate::ingest::Ingest;
use crate::metrics::Metrics;
use crate::sandbox::Handler;
use eyesonly_web::{credential, openapi, range};
use std::sync::Arc;

/// Nothing in between: the inlet and the outlet of an edge that has neither proxy nor queue inside.
pub struct Direct;

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
    /// What brings a camera's body.
    pub inlet: Arc<dyn Inlet>,
    /// What carries an answer to the way out.
    pub outlet: Arc<dyn Outlet>,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// Cookies are `Secure` and bear the `__Host-` prefix.
    pub tls: bool,
}
