//! What clients send and read about sharing, accounts and sessions. FROM CLIENT: each body.

use crate::problem::Problem;
use eyesonly_rights::{Kinds, Role, Window};
use eyesonly_seal::{CameraId, SessionId, ViewerId};
use eyesonly_service::admin::{Accepted, Offer, Owned, Sharing, Shown};
use eyesonly_service::identity::Listed;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use zeroize::Zeroizing;

/// The body that makes an invitation.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Invite {
    /// The cameras.
    pub cameras: Vec<CameraId>,
    /// What may be seen.
    pub kinds: Kinds,
    /// The time of the footage; without it, all from the share's start on.
    #[serde(default)]
    pub window: Window,
    /// Whether footage from before the share may be seen too.
    #[serde(default)]
    pub past: bool,
    /// When the shares end, in seconds since 1970.
    #[serde(default)]
    pub expires_at_seconds: Option<u64>,
    /// The account that it is for.
    #[serde(default)]
    pub viewer: Option<ViewerId>,
    /// How long it holds, in seconds; three days unless given.
    #[serde(default)]
    pub seconds: Option<u64>,
}

impl Invite {
    /// Returns what is offered, and how long the invitation holds.
    pub fn offer(self) -> (Offer, Option<u64>) {
        let Self { cameras, kinds, window, past, expires_at_seconds, viewer, seconds } = self;
        (Offer { cameras, kinds, window, past, expires_at_seconds, viewer }, seconds)
    }
}

/// The body that confirms a request.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Confirm {
    /// The account that asked.
    pub viewer: ViewerId,
}

/// The body that changes a share.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// What may be seen.
    pub kinds: Kinds,
    /// The time of the footage.
    pub window: Window,
    /// When the share ends, in seconds since 1970.
    pub expires_at_seconds: Option<u64>,
}

/// The body that gives a role.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// The role.
    pub role: Role,
    /// An installer's hours.
    #[serde(default)]
    pub hours: Option<u64>,
}

/// The body that switches a camera.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Switch {
    /// Whether it is on.
    pub on: bool,
}

/// The body that takes a camera.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Take {
    /// The token of the transfer.
    pub token: Zeroizing<String>,
    /// What the camera is called from now on.
    pub name: String,
}

/// The body that shows an invitation's token.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Token {
    /// The token.
    pub token: Zeroizing<String>,
}

/// The body of a newcomer.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewAccount {
    /// The token of the invitation.
    pub token: Zeroizing<String>,
    /// The login name.
    pub name: String,
    /// The password.
    pub password: Zeroizing<String>,
}

/// The body that changes a password.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Password {
    /// The password of now.
    pub old: Zeroizing<String>,
    /// The next one.
    pub new: Zeroizing<String>,
}

/// Reads a body. It must be an object, because serde would also take a list of the values.
///
/// # Errors
/// [`Problem::BadRequest`], which says what is wrong with it.
pub fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    if !body.trim_ascii_start().starts_with(b"{") {
        return Err(Problem::BadRequest("The body must be a JSON object.".into()));
    }
    // The message may quote what was sent, but never the value of another field than the wrong one.
    serde_json::from_slice(body).map_err(|error| {
        let what = match error.classify() {
            serde_json::error::Category::Data => error.to_string(),
            _ => "it is not JSON".to_owned(),
        };
        Problem::BadRequest(format!("The body can't be read: {what}.").into())
    })
}

/// Returns what a viewer shares and has from others, as JSON.
pub fn sharing(sharing: &Sharing) -> Value {
    let given = sharing.given.iter().map(|(right, household)| {
        json!({
            "camera": right.camera, "name": right.name, "household": household,
            "household_id": right.household,
            "role": right.role, "kinds": right.kinds, "window": right.window,
            "expires_at_seconds": right.expires_at_seconds,
        })
    });
    json!({
        "viewer": sharing.viewer, "name": sharing.name,
        "households": sharing.owned.iter().map(owned).collect::<Vec<_>>(),
        "given": given.collect::<Vec<_>>(),
    })
}

fn owned(owned: &Owned) -> Value {
    let Owned { record, cameras, names } = owned;
    let name = |viewer: ViewerId| names.get(&viewer);
    let is_offered = |id| record.transfers.iter().any(|transfer| transfer.camera == id);
    let cameras = cameras.iter().map(|(id, name, state)| {
        json!({ "id": id, "name": name, "state": state, "offered": is_offered(*id) })
    });
    let members = record.members.iter().map(|member| {
        json!({
            "viewer": member.viewer, "name": name(member.viewer), "role": member.role,
            "until_seconds": member.until_seconds,
        })
    });
    let shares = record.shares.iter().map(|share| {
        json!({
            "camera": share.camera, "viewer": share.viewer, "name": name(share.viewer),
            "given_by": share.giver.and_then(name), "kinds": share.kinds, "window": share.window,
            "expires_at_seconds": share.expires_at_seconds,
        })
    });
    let invitations = record.invitations.iter().map(|invitation| {
        let request = invitation.request.map(|request| {
            json!({
                "viewer": request.viewer, "name": name(request.viewer),
                "at_seconds": request.at_seconds, "confirmed": request.confirmed,
            })
        });
        json!({
            "id": invitation.invitation, "given_by": invitation.giver.and_then(name),
            "offer": offer(&invitation.offer), "until_seconds": invitation.until_seconds,
            "request": request,
        })
    });
    json!({
        "id": record.household, "name": record.name,
        "cameras": cameras.collect::<Vec<_>>(), "members": members.collect::<Vec<_>>(),
        "shares": shares.collect::<Vec<_>>(), "invitations": invitations.collect::<Vec<_>>(),
    })
}

fn offer(offer: &Offer) -> Value {
    let Offer { cameras, kinds, window, past, expires_at_seconds, viewer } = offer;
    json!({
        "cameras": cameras, "kinds": kinds, "window": window, "past": past,
        "expires_at_seconds": expires_at_seconds, "viewer": viewer,
    })
}

/// Returns what an invitation offers, as JSON. It names no account, and no camera by its id.
pub fn shown(shown: &Shown) -> Value {
    let Offer { kinds, window, past, expires_at_seconds, .. } = &shown.offer;
    json!({
        "household": shown.household, "cameras": shown.cameras, "kinds": kinds, "window": window,
        "past": past, "expires_at_seconds": expires_at_seconds,
        "until_seconds": shown.until_seconds,
    })
}

/// Returns what became of an invitation, as JSON.
pub fn accepted(accepted: Accepted) -> Value {
    let state = match accepted {
        Accepted::Waits => "waits",
        Accepted::Shared => "shared",
    };
    json!({ "state": state })
}

/// Returns a viewer's sessions, as JSON. `present`: the one that asks.
pub fn sessions(sessions: &[Listed], present: SessionId) -> Value {
    let session = |listed: &Listed| {
        json!({
            "id": listed.session, "since_milliseconds": listed.since_milliseconds,
            "expires_at_seconds": listed.expires_at_seconds, "client": listed.client,
            "is_this": listed.session == present,
        })
    };
    json!({ "sessions": sessions.iter().map(session).collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_an_object_with_known_fields() {
        let id = "01890a5d-ac96-774b-bcce-b302099a8057";
        let body = format!(
            r#"{{"cameras":["{id}"],"kinds":{{"live":true,"events":false,"clips":false}}}}"#
        );
        let (offer, seconds) = read::<Invite>(body.as_bytes()).ok().unwrap().offer();
        assert_eq!((offer.cameras.len(), offer.past, seconds), (1, false, None));
        for wrong in [
            "",
            "[]",
            "null",
            "{}",
            r#"{"old":"a"}"#,
            &body.replace("cameras", "camera"),
            &body.replace("true", "1"),
            &body.replace(id, "one"),
        ] {
            let told = read::<Invite>(wrong.as_bytes()).err();
            assert!(matches!(told, Some(Problem::BadRequest(_))), "{wrong}: {told:?}");
        }
    }
}
