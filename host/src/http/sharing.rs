//! The requests about sharing: what is shared, invitations, shares and members. FROM CLIENT: every
//! parameter and body.
//!
//! Who may do it is decided by administration, inside each commit, and never here.

use super::problem::Problem;
use super::viewer::{ByViewer, page_or_login};
use super::wayout;
use super::{Edge, read_body};
use axum::body::Body;
use axum::extract::{ConnectInfo, Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use eyesonly_gate::{Identified, RawCredential};
use eyesonly_service::admin::{Admin, Newcomer, Signed};
use eyesonly_web::answer;
use eyesonly_web::change::{self, Ids, Told};
use eyesonly_web::login::{CHANGE_BYTES_MAX, LOGIN_SECONDS_MAX};
use eyesonly_web::sharing::{NewAccount, Token};
use eyesonly_web::viewer::{join_page, sharing_page};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;
use zeroize::Zeroizing;

type Edged = State<Arc<Edge>>;

/// The longest wait for a turn.
const TURN: Duration = Duration::from_secs(10);

/// Reads a JSON body, within its limits of size and time.
pub(super) async fn read<T: DeserializeOwned>(body: Body) -> Result<T, Problem> {
    eyesonly_web::sharing::read(&read_bytes(body).await?)
}

async fn read_bytes(body: Body) -> Result<Zeroizing<Vec<u8>>, Problem> {
    Ok(Zeroizing::new(read_body(body, CHANGE_BYTES_MAX, LOGIN_SECONDS_MAX).await?))
}

/// Reads an id of an address.
pub(super) fn id<T: FromStr>(text: &str) -> Result<T, Problem> {
    text.parse().map_err(|_| Problem::NotFound)
}

/// Builds a private answer that is not a list: what became of something.
pub(super) fn told(status: StatusCode, value: &Value) -> Response {
    let mut response = (status, value.to_string()).into_response();
    let headers = response.headers_mut();
    answer::private(headers);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

pub(super) fn done() -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    answer::private(response.headers_mut());
    response
}

/// Makes a change, at most [`super::CHANGES`] of them at the same time. It goes on to its end even
/// if the client leaves. It runs on a thread of its own, because its future can't move between
/// threads.
pub(super) async fn administer<T, E>(
    edge: &Edge,
    act: impl AsyncFnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, Problem>
where
    T: Send + 'static,
    E: Send + 'static,
    Problem: From<E>,
{
    let turn = Arc::clone(&edge.changes).acquire_owned();
    let turn = tokio::time::timeout(TURN, turn).await.map_err(|_| Problem::Unavailable)?;
    let turn = turn.map_err(|_| Problem::Failed)?;
    let runtime = tokio::runtime::Handle::current();
    let acting = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        runtime.block_on(act())
    });
    Ok(acting.await.map_err(|_| Problem::Failed)??)
}

impl ByViewer {
    /// Returns the administration that acts for this request's viewer.
    pub(super) fn admin(&self, tag: &str) -> Admin {
        let (door, raw) = (Arc::clone(&self.edge.admission), RawCredential::new(self.raw.text()));
        self.edge.admin.by(Signed { door, raw, tag: tag.to_owned() })
    }

    /// Says who asks. Before that nothing is read of a body or of the ids in the address.
    pub(super) async fn identified(&self, tag: &str) -> Result<Identified, Problem> {
        Ok(self.edge.admission.rights(&self.raw, tag).await?)
    }

    /// Reads the body of a change that only takes something away, and says who asks. Nobody who has
    /// changed too much, by a session that was stolen too, is kept from it.
    pub(super) async fn uncounted<T: DeserializeOwned>(
        &self,
        tag: &str,
        body: Body,
    ) -> Result<(Identified, T), Problem> {
        self.edge.check_json(&self.headers, &self.uri)?;
        let identified = self.identified(tag).await?;
        Ok((identified, read(body).await?))
    }

    /// Checks a change without a body, and says who asks.
    pub(super) async fn plain_change(&self, tag: &str) -> Result<Identified, Problem> {
        self.check_origin()?;
        self.identified(tag).await
    }
}

/// `GET /join`. The token is in the fragment of the address, which no browser sends.
pub async fn join() -> Response {
    let mut response = join_page().into_response();
    answer::page(response.headers_mut());
    response
}

/// `POST /v1/invitation`
pub async fn look(
    State(edge): Edged,
    headers: HeaderMap,
    uri: Uri,
    body: Body,
) -> Result<Response, Problem> {
    edge.check_json(&headers, &uri)?;
    let Token { token } = read(body).await?;
    let shown = edge.admin.look(&token).await?;
    Ok(told(StatusCode::OK, &eyesonly_web::sharing::shown(&shown)))
}

/// `POST /v1/invitation/account`
pub async fn new_account(
    State(edge): Edged,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    uri: Uri,
    body: Body,
) -> Result<Response, Problem> {
    edge.check_json(&headers, &uri)?;
    let NewAccount { token, name, password } = read(body).await?;
    // Without a token that may make an account, no password is hashed. Each try counts as a login
    // that failed.
    edge.admin.may_join(&token, &name).await?;
    let address = edge.proxies.client(peer, &headers);
    let password_hash = edge.identity.newcomer(&name, password, address).await?;
    let joined = name.clone();
    let newcomer = Newcomer { name, password_hash };
    let admin = Arc::clone(&edge.admin);
    let act = async move || admin.accept(&token, Some(&newcomer)).await;
    let accepted = administer(&edge, act).await?;
    edge.identity.joined(&joined, address);
    Ok(told(StatusCode::CREATED, &eyesonly_web::sharing::accepted(accepted)))
}

/// `GET /v1/{tag}/sharing/`
pub async fn page(
    Path(tag): Path<String>,
    headers: HeaderMap,
    asks: Result<ByViewer, Problem>,
) -> Result<Response, Problem> {
    let page = match asks {
        Ok(asks) => page_of(&asks, &tag).await,
        Err(problem) => Err(problem),
    };
    page_or_login(&headers, page)
}

async fn page_of(asks: &ByViewer, tag: &str) -> Result<Response, Problem> {
    let identified = asks.identified(tag).await?;
    let html = sharing_page(identified.rights().viewer_name());
    Ok(wayout::page(asks.depart(&identified, html.into()).await?))
}

/// `GET /v1/{tag}/sharing`
pub async fn sharing(Path(tag): Path<String>, asks: ByViewer) -> Result<Response, Problem> {
    let identified = asks.identified(&tag).await?;
    let sharing = asks.admin(&tag).sharing().await?;
    let body = eyesonly_web::sharing::sharing(&sharing).to_string();
    asks.list(&identified, body.into()).await
}

/// A change that a row of the table has, by a viewer who is signed in.
pub async fn change(
    Path(parameters): Path<Vec<(String, String)>>,
    asks: ByViewer,
    body: Body,
) -> Result<Response, Problem> {
    let (row, ids) = (asks.row.name, Ids::from_iter(parameters));
    if row.takes_body() {
        asks.edge.check_json(&asks.headers, &asks.uri)?;
    } else {
        asks.check_origin()?;
    }
    let identified = asks.identified(ids.text("tag")).await?;
    let body = if row.takes_body() { read_bytes(body).await? } else { Zeroizing::default() };
    if change::is_counted(row, &body) {
        asks.edge.admin.count(identified.rights().requester().viewer())?;
    }
    let admin = asks.admin(ids.text("tag"));
    let act = async move || change::change(&admin, row, &ids, &body).await;
    match administer(&asks.edge, act).await? {
        Told::Done => Ok(done()),
        Told::Off(camera) => {
            // What streams is cut at its next fragment; what is there already goes now.
            asks.edge.live.drop_camera(camera).await;
            Ok(done())
        }
        Told::Made(status, value) => Ok(told(status, &value)),
    }
}
