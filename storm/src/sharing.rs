//! Sharing, as people do it: owners invite, guests ask, owners confirm, narrow and take back.
//!
//! Here all of it goes by HTTP, as the pages do it, so that the liars meet each act. The
//! conventional server gets the same rights in its own map.

use crate::arena::Arena;
use crate::client::Ask;
use crate::load::Crowd;
use crate::shares::{Course, Held, Right};
use anyhow::ensure;
use axum::http::Method;
use eyesonly_service::clock;
use serde_json::{Value, json};
use std::time::Duration;

/// The most tries of one act. The next act of its people comes all the same.
const TRIES_MAX: u32 = 4;
/// The pause before the second try. Before the third it is twice as long, and so on.
const PAUSE: Duration = Duration::from_millis(20);
/// The least seconds from the start of a share that ends by itself to its end.
const SECONDS_MIN: u64 = 3;
/// Of so many households, each adds a second, so that such a share is seen in a large storm too.
const HOUSEHOLDS_A_SECOND: u32 = 256;

/// One act of sharing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    /// The owner invites this very guest, who asks, and has it at once.
    Give(Right),
    /// The owner invites whoever has the token.
    Invite(Right),
    /// The guest asks with the token.
    Ask,
    /// The owner confirms who asked.
    Confirm(Right),
    /// The owner changes what is shared.
    Narrow(Right),
    /// The owner takes it back.
    TakeBack,
}

/// Lets households share before the outage, while nobody lies.
///
/// # Errors
/// The server does not take an act.
pub async fn begin(crowd: &Crowd, arena: &Arena) -> anyhow::Result<()> {
    let seconds = SECONDS_MIN + u64::from(crowd.town.households / HOUSEHOLDS_A_SECOND);
    // Those that end by themselves start last.
    let expires = |held: &&Held| held.share.course == Course::Expires;
    let others = crowd.shares.all().filter(|held| !expires(held));
    for held in others.chain(crowd.shares.all().filter(expires)) {
        let right = held.share.first(clock::now_seconds().saturating_add(seconds));
        let act = match held.share.course {
            Course::Asked | Course::Offered => Act::Invite(right),
            _ => Act::Give(right),
        };
        // On a slow machine, the time of a share that ends by itself may be over before it starts.
        let is_taken = do_it(crowd, arena, held, act).await? || expires(&held);
        ensure!(is_taken, "the server does not take {act:?}");
    }
    Ok(())
}

/// Lets owners confirm, narrow and take back, while everybody comes back.
///
/// # Errors
/// The registry of the conventional server does not take an act.
pub async fn go_on(crowd: &Crowd, arena: &Arena) -> anyhow::Result<()> {
    for held in crowd.shares.all() {
        let acts = match held.share.course {
            Course::TakenBack => vec![Act::TakeBack],
            Course::Narrowed => vec![Act::Narrow(held.share.narrowed())],
            Course::Asked => vec![Act::Ask, Act::Confirm(held.share.first(0))],
            Course::Expires | Course::Offered | Course::WhileRead => vec![],
        };
        for act in acts {
            if !do_it(crowd, arena, held, act).await? {
                break;
            }
        }
    }
    Ok(())
}

/// Waits until what ends by itself has ended.
pub async fn expired(crowd: &Crowd) {
    let ends = crowd.shares.all().filter_map(Held::expires_at_seconds).max().unwrap_or(0);
    let left = ends.saturating_mul(1000).saturating_sub(clock::now_milliseconds());
    tokio::time::sleep(Duration::from_millis(left)).await;
}

/// Takes a share back. True: it was acknowledged.
///
/// # Errors
/// The registry of the conventional server does not take it.
pub async fn take_back(crowd: &Crowd, arena: &Arena, held: &Held) -> anyhow::Result<bool> {
    do_it(crowd, arena, held, Act::TakeBack).await
}

/// Does one act, and notes when it was sent and when it was acknowledged. False: it was not.
async fn do_it(crowd: &Crowd, arena: &Arena, held: &Held, act: Act) -> anyhow::Result<bool> {
    let next = match act {
        // An invitation shows names, until somebody asks with it.
        Act::Invite(_) => Some(Right::NAMES),
        Act::Ask | Act::TakeBack => None,
        Act::Give(right) | Act::Confirm(right) | Act::Narrow(right) => Some(right),
    };
    if !crowd.has_sharing && matches!(act, Act::Invite(_) | Act::Ask) {
        return Ok(true);
    }
    held.asks(next, clock::now_milliseconds());
    let is_done = if crowd.has_sharing {
        by_http(crowd, held, act).await
    } else {
        let shared = next.map(|right| (held.share.place, right));
        arena.share(&crowd.town, held.share.guest, shared).await?;
        true
    };
    if is_done {
        let sent = crowd.live(held.share.place).map_or(0, |live| live.begun());
        held.acknowledged(clock::now_milliseconds(), sent);
    }
    Ok(is_done)
}

async fn by_http(crowd: &Crowd, held: &Held, act: Act) -> bool {
    let (town, share) = (&crowd.town, &held.share);
    let (household, guest) = (town.household_id(share.place.household), share.guest);
    let viewer = town.viewer_id(guest);
    let invitations = format!("households/{household}/invitations");
    let at_share = format!("shares/{}/{viewer}", town.camera_id(share.place));
    let owner = async |method, path: &str, body: Option<Value>| {
        send(crowd, share.place.household, method, path, body).await
    };
    match act {
        Act::Give(right) => {
            let mut offer = offer(crowd, held, right);
            if let Some(offer) = offer.as_object_mut() {
                offer.insert("viewer".to_owned(), json!(viewer));
            }
            invite(held, owner(Method::POST, &invitations, Some(offer)).await)
                && ask(crowd, held).await
        }
        Act::Invite(right) => {
            let offer = offer(crowd, held, right);
            invite(held, owner(Method::POST, &invitations, Some(offer)).await)
        }
        Act::Ask => ask(crowd, held).await,
        Act::Confirm(_) => {
            let Some((id, _)) = held.invitation() else { return false };
            let path = format!("{invitations}/{id}/confirmation");
            owner(Method::POST, &path, Some(json!({ "viewer": viewer }))).await.is_some()
        }
        Act::Narrow(right) => {
            let change = change(crowd, held, right);
            owner(Method::PUT, &at_share, Some(change)).await.is_some()
        }
        Act::TakeBack => owner(Method::DELETE, &at_share, None).await.is_some(),
    }
}

/// Keeps the invitation that was made.
fn invite(held: &Held, made: Option<Value>) -> bool {
    let text = |made: &Value, field: &str| Some(made.get(field)?.as_str()?.to_owned());
    let made = made.and_then(|made| Some((text(&made, "id")?, text(&made, "token")?)));
    made.map(|(id, token)| held.invites(id, token)).is_some()
}

/// Asks, as the guest, with the token.
async fn ask(crowd: &Crowd, held: &Held) -> bool {
    let Some((_, token)) = held.invitation() else { return false };
    let body = json!({ "token": token });
    send(crowd, held.share.guest, Method::POST, "invitation", Some(body)).await.is_some()
}

fn change(crowd: &Crowd, held: &Held, right: Right) -> Value {
    let from = crowd.town.window_from(held.share.place, right.from);
    json!({
        "kinds": right.kinds,
        "window": { "from_milliseconds": from, "until_milliseconds": null },
        "expires_at_seconds": right.expires_at_seconds,
    })
}

/// Writes what an invitation offers. The window starts in the past, which the owner opens.
fn offer(crowd: &Crowd, held: &Held, right: Right) -> Value {
    let mut offer = change(crowd, held, right);
    if let Some(offer) = offer.as_object_mut() {
        offer.insert("past".to_owned(), json!(true));
        offer.insert("cameras".to_owned(), json!([crowd.town.camera_id(held.share.place)]));
    }
    offer
}

/// Sends one act of a household's viewer. Returns what it was answered, if it was taken.
async fn send(
    crowd: &Crowd,
    household: u32,
    method: Method,
    path: &str,
    body: Option<Value>,
) -> Option<Value> {
    let (credential, prefix) = crowd.viewers.get(household as usize)?;
    let ask = Ask {
        method,
        body: body.map(|body| ("application/json", body.to_string().into())),
        ..Ask::get(format!("{prefix}/{path}"), credential)
    };
    for turn in 0..TRIES_MAX {
        let reply = crowd.client.ask(&ask).await;
        if let Some(reply) = reply.filter(|reply| reply.status.is_success() && reply.whole) {
            return Some(serde_json::from_slice(&reply.body).unwrap_or(Value::Null));
        }
        tokio::time::sleep(PAUSE * 2_u32.pow(turn)).await;
    }
    None
}
