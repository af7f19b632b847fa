//! The requests about a viewer's own account, and about who viewed the viewer's cameras.
//! FROM CLIENT: every parameter and body.

use super::problem::Problem;
use super::sharing::{administer, done, id, told};
use super::viewer::ByViewer;
use crate::ledger::{View, Views};
use axum::body::Body;
use axum::extract::{ConnectInfo, Path};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use eyesonly_rights::ViewerRecord;
use eyesonly_seal::{CameraId, HouseholdId, SessionId, ViewerId};
use eyesonly_web::change::signs;
use eyesonly_web::login;
use eyesonly_web::sharing::Password;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::net::SocketAddr;

/// `GET /v1/{tag}/sessions`
pub async fn sessions(Path(tag): Path<String>, asks: ByViewer) -> Result<Response, Problem> {
    let identified = asks.identified(&tag).await?;
    let requester = identified.rights().requester();
    let listed = asks.edge.identity.sessions(requester.viewer()).await?;
    let body = eyesonly_web::sharing::sessions(&listed, requester.session()).to_string();
    asks.list(&identified, body.into()).await
}

/// `DELETE /v1/{tag}/sessions/{session}`
pub async fn end_session(
    Path((tag, session)): Path<(String, String)>,
    asks: ByViewer,
) -> Result<Response, Problem> {
    let identified = asks.plain_change(&tag).await?;
    let session: SessionId = id(&session)?;
    let requester = identified.rights().requester();
    asks.edge.identity.end(requester, session).await?;
    asks.edge.ledger.signed_out(requester.viewer());
    Ok(done())
}

/// `PUT /v1/{tag}/password`
pub async fn password(
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path(tag): Path<String>,
    asks: ByViewer,
    body: Body,
) -> Result<Response, Problem> {
    let (identified, Password { old, new }) = asks.uncounted(&tag, body).await?;
    let edge = &asks.edge;
    let name = identified.rights().viewer_name();
    let address = edge.proxies.client(peer, &asks.headers);
    let checked = edge.identity.check(name, old, address).await?;
    let password_hash = edge.identity.hash(new).await?;
    let admin = asks.admin(&tag);
    let act = async move || admin.change_password(&checked, password_hash).await;
    administer(edge, act).await?;
    // This session has ended with all others.
    Ok(login::ended(edge.tls).into_response())
}

/// `GET /v1/{tag}/households/{household}/viewed`
pub async fn viewed(
    Path((tag, household)): Path<(String, String)>,
    asks: ByViewer,
) -> Result<Response, Problem> {
    let identified = asks.identified(&tag).await?;
    let household: HouseholdId = id(&household)?;
    // Only an owner is told who looked.
    let owned = asks.admin(&tag).owned_household(household).await?;
    let Views { views, is_part } = asks.edge.viewed.of(household).await?;
    let mut names = owned.names;
    for view in &views {
        name(&asks, &mut names, view.viewer).await?;
    }
    let view = |view: View| {
        let View { viewer, camera, handed, from_milliseconds, until_milliseconds, deliveries } =
            view;
        let camera_name =
            owned.cameras.iter().find(|(id, ..)| *id == camera).map(|(_, name, _)| name);
        json!({
            "viewer": viewer, "name": names.get(&viewer), "camera": camera,
            "camera_name": camera_name, "handed": handed, "from_milliseconds": from_milliseconds,
            "until_milliseconds": until_milliseconds, "deliveries": deliveries,
        })
    };
    let views: Vec<Value> = views.into_iter().map(view).collect();
    let body = json!({ "views": views, "is_part": is_part }).to_string();
    asks.list(&identified, body.into()).await
}

/// Looks a viewer's name up, if it is not known. An account that was removed has none.
async fn name(
    asks: &ByViewer,
    names: &mut BTreeMap<ViewerId, String>,
    viewer: ViewerId,
) -> Result<(), Problem> {
    if let Entry::Vacant(unknown) = names.entry(viewer) {
        let records = asks.edge.admission.records();
        if let Some(record) = records.read::<ViewerRecord>(viewer.as_bytes()).await? {
            unknown.insert(record.name);
        }
    }
    Ok(())
}

/// `GET /v1/{tag}/watching`: who watches the viewer's own cameras live, of which nobody is told of
/// themselves, and which of the cameras that the viewer sees are switched off.
pub async fn watching(Path(tag): Path<String>, asks: ByViewer) -> Result<Response, Problem> {
    let identified = asks.identified(&tag).await?;
    let rights = identified.rights();
    let own = rights.cameras().filter(|camera| camera.may_delete);
    let own: Vec<CameraId> = own.map(|camera| camera.camera).collect();
    let (mut names, mut who) = (BTreeMap::new(), Vec::new());
    for (camera, viewer) in asks.edge.ledger.watchers(&own) {
        if viewer != rights.requester().viewer() {
            name(&asks, &mut names, viewer).await?;
            who.push(json!({ "camera": camera, "name": names.get(&viewer) }));
        }
    }
    let signs = signs(asks.edge.admission.records(), &identified).await?;
    // It names what the page shows already, and is asked for each few seconds: it has no entry.
    Ok(told(StatusCode::OK, &signs.with_watching(&who)))
}
