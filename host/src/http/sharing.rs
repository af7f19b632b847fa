//! The requests about sharing: what is shared, invitations, shares and members. FROM CLIENT: every
//! parameter and body.
//!
//! Who may do it is decided by administration, inside each commit, and never here.

use super::problem::Problem;
use super::viewer::ByViewer;
use super::wayout;
use super::{Edge, read_body};
use axum::body::Body;
use axum::extract::{ConnectInfo, Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use eyesonly_gate::{Identified, RawCredential};
use eyesonly_seal::{CameraId, CredentialId, HouseholdId, ViewerId};
use eyesonly_service::admin::{Admin, AdminError, Newcomer, Share, Signed};
use eyesonly_web::answer;
use eyesonly_web::login::LOGIN_SECONDS_MAX;
use eyesonly_web::sharing::{
    Change, Confirm, Invite, Member, NewAccount, SHARING_BYTES_MAX, Switch, Take, Token,
};
use eyesonly_web::viewer::{join_page, sharing_page};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
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
    let bytes = Zeroizing::new(read_body(body, SHARING_BYTES_MAX, LOGIN_SECONDS_MAX).await?);
    eyesonly_web::sharing::read(&bytes)
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
pub(super) async fn administer<T: Send + 'static>(
    edge: &Edge,
    act: impl AsyncFnOnce() -> Result<T, AdminError> + Send + 'static,
) -> Result<T, Problem> {
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

    /// Reads the body of a change by a viewer who is signed in, from a page of this site.
    pub(super) async fn change<T: DeserializeOwned>(
        &self,
        tag: &str,
        body: Body,
    ) -> Result<T, Problem> {
        self.edge.check_json(&self.headers, &self.uri)?;
        self.count(&self.identified(tag).await?)?;
        read(body).await
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

    /// Checks a change without a body, and says who asks. If it does more than take something away,
    /// the caller counts it.
    pub(super) async fn plain_change(&self, tag: &str) -> Result<Identified, Problem> {
        self.check_origin()?;
        self.identified(tag).await
    }

    /// Counts a change of a viewer who is signed in.
    fn count(&self, identified: &Identified) -> Result<(), Problem> {
        Ok(self.edge.admin.count(identified.rights().requester().viewer())?)
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

/// `POST /v1/{tag}/invitation`
pub async fn ask(Path(tag): Path<String>, asks: ByViewer, body: Body) -> Result<Response, Problem> {
    let Token { token } = asks.change(&tag, body).await?;
    let admin = asks.admin(&tag);
    let act = async move || admin.accept(&token, None).await;
    let accepted = administer(&asks.edge, act).await?;
    Ok(told(StatusCode::OK, &eyesonly_web::sharing::accepted(accepted)))
}

/// `GET /v1/{tag}/sharing/`
pub async fn page(Path(tag): Path<String>, asks: ByViewer) -> Result<Response, Problem> {
    let identified = asks.identified(&tag).await?;
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

/// `POST /v1/{tag}/households/{household}/invitations`
pub async fn invite(
    Path((tag, household)): Path<(String, String)>,
    asks: ByViewer,
    body: Body,
) -> Result<Response, Problem> {
    let (offer, seconds) = asks.change::<Invite>(&tag, body).await?.offer();
    let household: HouseholdId = id(&household)?;
    let admin = asks.admin(&tag);
    let act = async move || admin.invite(household, offer, seconds).await;
    let invited = administer(&asks.edge, act).await?;
    let value = json!({
        "id": invited.invitation, "token": *invited.token, "until_seconds": invited.until_seconds,
    });
    Ok(told(StatusCode::CREATED, &value))
}

/// `DELETE /v1/{tag}/households/{household}/invitations/{invitation}`
pub async fn withdraw(
    Path((tag, household, invitation)): Path<(String, String, String)>,
    asks: ByViewer,
) -> Result<Response, Problem> {
    asks.plain_change(&tag).await?;
    let (household, invitation): (HouseholdId, CredentialId) = (id(&household)?, id(&invitation)?);
    let admin = asks.admin(&tag);
    administer(&asks.edge, async move || admin.withdraw(household, invitation).await).await?;
    Ok(done())
}

/// `POST /v1/{tag}/households/{household}/invitations/{invitation}/confirmation`
pub async fn confirm(
    Path((tag, household, invitation)): Path<(String, String, String)>,
    asks: ByViewer,
    body: Body,
) -> Result<Response, Problem> {
    let Confirm { viewer } = asks.change(&tag, body).await?;
    let (household, invitation): (HouseholdId, CredentialId) = (id(&household)?, id(&invitation)?);
    let admin = asks.admin(&tag);
    administer(&asks.edge, async move || admin.confirm(household, invitation, viewer).await)
        .await?;
    Ok(done())
}

/// `PUT /v1/{tag}/shares/{camera}/{viewer}`
pub async fn put_share(
    Path((tag, camera, viewer)): Path<(String, String, String)>,
    asks: ByViewer,
    body: Body,
) -> Result<Response, Problem> {
    let Change { kinds, window, expires_at_seconds } = asks.change(&tag, body).await?;
    let (camera, viewer): (CameraId, ViewerId) = (id(&camera)?, id(&viewer)?);
    let share = Share { camera, viewer, giver: None, kinds, window, expires_at_seconds };
    let admin = asks.admin(&tag);
    administer(&asks.edge, async move || admin.share(share).await).await?;
    Ok(done())
}

/// `DELETE /v1/{tag}/shares/{camera}/{viewer}`
pub async fn delete_share(
    Path((tag, camera, viewer)): Path<(String, String, String)>,
    asks: ByViewer,
) -> Result<Response, Problem> {
    asks.plain_change(&tag).await?;
    let (camera, viewer): (CameraId, ViewerId) = (id(&camera)?, id(&viewer)?);
    let admin = asks.admin(&tag);
    administer(&asks.edge, async move || admin.unshare(camera, viewer).await).await?;
    Ok(done())
}

/// `PUT /v1/{tag}/households/{household}/members/{viewer}`
pub async fn put_member(
    Path((tag, household, viewer)): Path<(String, String, String)>,
    asks: ByViewer,
    body: Body,
) -> Result<Response, Problem> {
    let Member { role, hours } = asks.change(&tag, body).await?;
    let seconds = hours.map(|hours| hours.saturating_mul(3600));
    let (household, viewer): (HouseholdId, ViewerId) = (id(&household)?, id(&viewer)?);
    let admin = asks.admin(&tag);
    let act = async move || admin.set_member(household, viewer, role, seconds).await;
    administer(&asks.edge, act).await?;
    Ok(done())
}

/// `DELETE /v1/{tag}/households/{household}/members/{viewer}`
pub async fn delete_member(
    Path((tag, household, viewer)): Path<(String, String, String)>,
    asks: ByViewer,
) -> Result<Response, Problem> {
    asks.plain_change(&tag).await?;
    let (household, viewer): (HouseholdId, ViewerId) = (id(&household)?, id(&viewer)?);
    let admin = asks.admin(&tag);
    administer(&asks.edge, async move || admin.remove_member(household, viewer).await).await?;
    Ok(done())
}

/// `PUT /v1/{tag}/switches/{camera}`
pub async fn switch(
    Path((tag, camera)): Path<(String, String)>,
    asks: ByViewer,
    body: Body,
) -> Result<Response, Problem> {
    let Switch { on } = asks.change(&tag, body).await?;
    let camera: CameraId = id(&camera)?;
    let admin = asks.admin(&tag);
    administer(&asks.edge, async move || admin.switch(camera, on).await).await?;
    if !on {
        // What streams is cut at its next fragment; what is there already goes now.
        asks.edge.live.drop_camera(camera).await;
    }
    Ok(done())
}

/// `POST /v1/{tag}/transfers/{camera}`
pub async fn offer_camera(
    Path((tag, camera)): Path<(String, String)>,
    asks: ByViewer,
) -> Result<Response, Problem> {
    asks.count(&asks.plain_change(&tag).await?)?;
    let camera: CameraId = id(&camera)?;
    let admin = asks.admin(&tag);
    let offered = administer(&asks.edge, async move || admin.offer_camera(camera).await).await?;
    let value = json!({ "token": *offered.token, "until_seconds": offered.until_seconds });
    Ok(told(StatusCode::CREATED, &value))
}

/// `DELETE /v1/{tag}/transfers/{camera}`
pub async fn keep_camera(
    Path((tag, camera)): Path<(String, String)>,
    asks: ByViewer,
) -> Result<Response, Problem> {
    asks.plain_change(&tag).await?;
    let camera: CameraId = id(&camera)?;
    let admin = asks.admin(&tag);
    administer(&asks.edge, async move || admin.keep_camera(camera).await).await?;
    Ok(done())
}

/// `POST /v1/{tag}/households/{household}/cameras`
pub async fn take_camera(
    Path((tag, household)): Path<(String, String)>,
    asks: ByViewer,
    body: Body,
) -> Result<Response, Problem> {
    let Take { token, name } = asks.change(&tag, body).await?;
    let household: HouseholdId = id(&household)?;
    let admin = asks.admin(&tag);
    let act = async move || admin.take_camera(&token, household, &name).await;
    let new = administer(&asks.edge, act).await?;
    let value = json!({ "camera": new.camera, "credential": *new.credential });
    Ok(told(StatusCode::CREATED, &value))
}
