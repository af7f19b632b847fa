//! What entries say, in words and as JSON.

pub mod names;

use super::read::{End, Opened};
use eyesonly_gate::entry::{Object, Outcome, Says, Stage};
use eyesonly_gate::ledger::{Delivery, Handed};
use eyesonly_seal::Kind;
use eyesonly_service::ledger::acts::Done;
use serde_json::{Value, json};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The last moment that RFC 3339 can write, in milliseconds since 1970: the end of the year 9999.
const LAST_MILLISECONDS: u64 = 253_402_300_799_999;

/// Returns a time in milliseconds since 1970 as the system's. A later one than can be written is
/// the last that can.
pub fn at(milliseconds: u64) -> SystemTime {
    let written = Duration::from_millis(milliseconds.min(LAST_MILLISECONDS));
    UNIX_EPOCH.checked_add(written).unwrap_or(UNIX_EPOCH)
}

/// Returns a time in milliseconds since 1970 as people read it, in whole seconds.
pub fn shown(milliseconds: u64) -> humantime::Rfc3339Timestamp {
    humantime::format_rfc3339_seconds(at(milliseconds))
}

/// Says in a word what was handed out.
pub const fn handed(handed: Handed) -> &'static str {
    match handed {
        Handed::Cameras => "list of cameras",
        Handed::Still => "still",
        Handed::Events => "events",
        Handed::Clip => "clip",
        Handed::Live => "live view",
        Handed::Deletion => "deletion",
    }
}

/// Says what was handed out, and where there was nothing in it.
pub fn what(delivery: &Delivery) -> String {
    let word = handed(delivery.handed);
    match (delivery.handed, delivery.opened.count()) {
        // It names no segment, and stands for no picture.
        (Handed::Live, _) if delivery.event.is_none() => "list of live streams".to_owned(),
        // Nothing is opened for these.
        (Handed::Cameras | Handed::Deletion | Handed::Live, _) | (_, 1..) => word.to_owned(),
        (_, 0) => format!("{word} (nothing in it)"),
    }
}

/// Says how much of a delivery left.
pub fn left(delivery: &Delivery, end: Option<&End>) -> String {
    let most = delivery.body_bytes;
    match end {
        None if delivery.handed == Handed::Live => {
            format!("until {} at most", shown(delivery.until_milliseconds))
        }
        None => format!("at most {most} bytes"),
        Some(End { outcome: Outcome::Withheld, .. }) => "withheld: nothing left".to_owned(),
        Some(_) if delivery.handed == Handed::Deletion => "done".to_owned(),
        Some(End { outcome: Outcome::Whole, bytes, .. }) => format!("{bytes} bytes"),
        Some(End { outcome: Outcome::Cut, bytes, .. }) => {
            format!("cut off after {bytes} bytes of {most}")
        }
    }
}

const fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Still => "still",
        Kind::EventStill => "event still",
        Kind::Clip => "clip",
        Kind::Event => "event",
        Kind::LiveChunk => "live",
    }
}

/// Says in a word how a delivery ended.
pub const fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Whole => "whole",
        Outcome::Cut => "cut",
        Outcome::Withheld => "withheld",
    }
}

/// Returns a delivery as JSON. `bytes` are those that may leave, or have left.
pub fn delivery(delivery: &Delivery) -> Value {
    let object = |object: &Object| {
        let kind = kind(object.kind);
        json!({ "kind": kind, "id": object.id, "rendition": object.rendition })
    };
    let objects: Vec<Value> = delivery.opened.objects().map(object).collect();
    json!({
        "at_milliseconds": delivery.at_milliseconds,
        "until_milliseconds": Some(delivery.until_milliseconds).filter(|until| *until > 0),
        "viewer": delivery.viewer,
        "session": delivery.session,
        "household": delivery.source.map(|(household, _)| household),
        "camera": delivery.source.map(|(_, camera)| camera),
        "handed": handed(delivery.handed),
        "event": delivery.event,
        "opened": objects,
        "opened_count": delivery.opened.count(),
        "bytes": delivery.body_bytes,
    })
}

/// Returns an act as JSON.
pub fn act(done: &Done) -> Value {
    let Done { sequence, at_milliseconds, actor, act } = done;
    json!({
        "number": sequence, "at_milliseconds": at_milliseconds, "actor": actor, "deed": act.deed,
        "household": act.household, "camera": act.camera, "viewer": act.viewer,
        "before": act.before, "right": act.right,
    })
}

/// Adds fields to a JSON object, or puts others in their place.
pub fn with(mut object: Value, fields: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    if let Value::Object(known) = &mut object {
        known.extend(fields.into_iter().map(|(name, value)| (name.to_owned(), value)));
    }
    object
}

/// Returns what a household's entry says as JSON: an act, or a delivery that starts or has ended.
/// Start and end have the same number. `None`: it does not open.
pub fn value(opened: &Opened) -> Option<Value> {
    match opened {
        Opened::Says(Says::Delivery(stage, says)) => {
            let stage = match stage {
                Stage::Starts => "starts",
                Stage::Ends(ended) => outcome(*ended),
            };
            let number = format!("{:032x}", u128::from_be_bytes(says.number));
            Some(with(delivery(says), [("stage", stage.into()), ("delivery", number.into())]))
        }
        Opened::Act(done) => Some(act(done)),
        Opened::Says(Says::Rejected(_)) | Opened::NoKey | Opened::Damaged => None,
    }
}
