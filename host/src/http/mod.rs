//! HTTP: routes in, responses out.
//!
//! `eyesonly_web` has everything that both editions answer alike: the table of routes, ranges,
//! pages, and [`problem`], the one file that chooses statuses. This module has the functions that
//! answer, and `wayout`, the only way out for private bodies. This module must never decide who may
//! see what, and never build an answer from anything but a grant's. It must never log a
//! request's target or a credential.

mod accounts;
mod camera;
mod inlet;
mod linger;
mod live;
mod outlet;
mod proxy;
pub mod routes;
mod serve;
mod sharing;
#[cfg(test)]
mod tests;
mod tls;
mod viewer;
mod wayout;

use eyesonly_web::problem;
pub use inlet::Inlet;
pub use outlet::{Departing, Outlet};
pub use proxy::Proxies;
pub use serve::{Listener, ServeError, serve, serve_metrics};
pub use tls::Tls;

use crate::handlers::Handlers;
use crate::ledger::Viewed;
use crate::metrics::Metrics;
use crate::room::Room;
use crate::sandbox::Handler;
use axum::body::{Body, to_bytes};
use axum::http::{Extensions, HeaderMap, Uri};
use eyesonly_gate::Admission;
use eyesonly_service::admin::Admin;
use eyesonly_service::catalogue::Catalogue;
use eyesonly_service::footage::Footage;
use eyesonly_service::identity::Identity;
use eyesonly_service::ingest::Ingest;
use eyesonly_service::ledger::Counts;
use eyesonly_service::live::Live;
use eyesonly_service::tiers::Ladder;
use eyesonly_web::routes::{Handles, Route, Who};
use eyesonly_web::{credential, login, openapi, range};
use problem::Problem;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// Returns the row of the table that routed the request, if the row lets `who` ask.
///
/// # Errors
/// [`Problem::Failed`] if the request has no row, or its row is for another kind of client.
fn of_row(extensions: &Extensions, who: Who) -> Result<&'static Route, Problem> {
    let row = extensions.get::<&'static Route>().copied();
    row.filter(|row| row.who == who).ok_or(Problem::Failed)
}

/// The inlet and the outlet of an edge that has neither proxy nor queue inside: they change
/// nothing.
pub struct Direct;

/// The most changes by viewers that are made at the same time.
pub const CHANGES: usize = 8;

/// Everything that the handling of a request may use.
pub struct Edge {
    /// The only source of grants.
    pub admission: Arc<Admission>,
    /// The answers of the index, after they are proven.
    pub catalogue: Arc<Catalogue>,
    /// The tiers of sealed extents, in the order in which they are asked.
    pub ladder: Arc<Ladder>,
    /// The record of deliveries and rejections.
    pub ledger: Arc<dyn Counts>,
    /// The access to footage under a grant.
    pub footage: Arc<Footage>,
    /// Live streams.
    pub live: Arc<Live>,
    /// Accounts and sessions.
    pub identity: Identity,
    /// What owners change of their households.
    pub admin: Arc<Admin>,
    /// The turns of these changes.
    pub changes: Arc<Semaphore>,
    /// Who viewed a household's cameras.
    pub viewed: Viewed,
    /// Uploads.
    pub ingest: Ingest,
    /// The handlers.
    pub handlers: Handlers,
    /// The room on the disk, of which uploads leave a reserve.
    pub room: Room,
    /// The seam that brings a camera's body to ingest.
    pub inlet: Arc<dyn Inlet>,
    /// The seam that carries an answer to the way out.
    pub outlet: Arc<dyn Outlet>,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// Says that cookies are `Secure` and have the `__Host-` prefix.
    pub tls: bool,
    /// The origin that people open, where a proxy changes it on the way.
    pub public_origin: Option<String>,
    /// The proxies that are believed who a client is.
    pub proxies: Proxies,
}

/// Reads a small body, within its limits of size (bytes) and time.
///
/// # Errors
/// [`Problem::TooSlow`] or [`Problem::TooLarge`].
async fn read_body(body: Body, most: usize, seconds: u64) -> Result<Vec<u8>, Problem> {
    let read = tokio::time::timeout(Duration::from_secs(seconds), to_bytes(body, most));
    let read = read.await.map_err(|_| Problem::TooSlow(seconds))?;
    Ok(read.map_err(|_| Problem::TooLarge(most as u64))?.into())
}

impl Edge {
    /// Checks that a JSON body comes from a page of this site, or from no page.
    fn check_json(&self, headers: &HeaderMap, uri: &Uri) -> Result<(), Problem> {
        let authority = uri.authority().map(|authority| authority.as_str());
        login::check(headers, authority, self.public_origin.as_deref())
    }

    fn handler(&self, which: Handles) -> &Handler {
        match which {
            Handles::Thumbnail => &self.handlers.thumbnail,
            Handles::Events => &self.handlers.events,
            Handles::Live => &self.handlers.live,
        }
    }
}
