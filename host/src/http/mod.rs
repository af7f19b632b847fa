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
#[cfg(test)]
mod tests;
mod viewer;
mod wayout;

use eyesonly_web::problem;
pub use inlet::Inlet;
pub use outlet::{Departing, Outlet};
pub use serve::{Listener, ServeError, Tls, serve, serve_metrics};

use crate::metrics::Metrics;
use crate::sandbox::Handler;
use axum::http::Extensions;
use eyesonly_gate::Admission;
use eyesonly_service::catalogue::Catalogue;
use eyesonly_service::footage::Footage;
use eyesonly_service::identity::Identity;
use eyesonly_service::ingest::Ingest;
use eyesonly_service::ledger::MemoryLedger;
use eyesonly_service::tiers::Ladder;
use eyesonly_web::routes::{Handles, Route, Who};
use eyesonly_web::{credential, openapi, range};
use problem::Problem;
use std::sync::Arc;

/// The row of the table that a request came by, if it lets these ask.
///
/// # Errors
/// [`Problem::Failed`]: what answers is not what the row says.
fn of_row(extensions: &Extensions, who: Who) -> Result<&'static Route, Problem> {
    let row = extensions.get::<&'static Route>().copied();
    row.filter(|row| row.who == who).ok_or(Problem::Failed)
}

/// Nothing in between: the inlet and the outlet of an edge that has neither proxy nor queue inside.
pub struct Direct;

/// Everything that a request may use.
pub struct Edge {
    /// The one way to a grant.
    pub admission: Arc<Admission>,
    /// What the index says, proven.
    pub catalogue: Arc<Catalogue>,
    /// The layers of sealed extents.
    pub ladder: Arc<Ladder>,
    /// What was delivered and rejected.
    pub ledger: Arc<MemoryLedger>,
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

impl Edge {
    fn handler(&self, which: Handles) -> &Handler {
        match which {
            Handles::Thumbnail => &self.thumbnail,
            Handles::Events => &self.events,
        }
    }
}
