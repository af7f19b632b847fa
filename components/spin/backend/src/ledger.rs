//! The ledger of the Spin edition: a line on stderr for each delivery, before it leaves, and for
//! each misdelivery. The engine keeps these lines, and nothing proves later that none is missing. A
//! tamper-evident ledger comes behind the same trait.
//!
//! It must never write anything but ids, numbers and words of the ledger: no footage, no name that
//! a person gave, no credential.

use async_trait::async_trait;
use eyesonly_gate::entry::Entry;
use eyesonly_gate::ledger::{Delivery, Handed, Ledger, LedgerError, Misdelivery};
use std::fmt::Display;

/// Writes lines to stderr.
pub struct StderrLedger;

fn or_none<T: Display>(value: Option<T>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

const fn word(handed: Handed) -> &'static str {
    match handed {
        Handed::Cameras => "cameras",
        Handed::Still => "still",
        Handed::Events => "events",
        Handed::Clip => "clip",
        Handed::Live => "live",
        Handed::Deletion => "deletion",
    }
}

fn delivery_line(entry: &Delivery) -> String {
    format!(
        "ledger delivery at_milliseconds={} viewer={} session={} household={} camera={} handed={} \
         event={} body_bytes={}",
        entry.at_milliseconds,
        entry.viewer,
        entry.session,
        or_none(entry.source.map(|(household, _)| household)),
        or_none(entry.source.map(|(_, camera)| camera)),
        word(entry.handed),
        or_none(entry.event),
        entry.body_bytes,
    )
}

fn misdelivery_line(entry: &Misdelivery) -> String {
    format!(
        "ledger misdelivery at_milliseconds={} seam={} fault={} camera={}",
        entry.at_milliseconds,
        entry.seam.name(),
        entry.fault.name(),
        or_none(entry.camera),
    )
}

#[async_trait]
impl Ledger for StderrLedger {
    async fn starts(&self, entry: &Entry<'_>) -> Result<bool, LedgerError> {
        let written = crate::log::write_line(&delivery_line(entry.delivery()));
        written.map(|()| true).map_err(|_| LedgerError::Closed)
    }

    fn lets_out(&self, _: &Entry<'_>) {}

    // A request of this edition ends with its answer, and so does its line.
    fn ends(&self, _: &Entry<'_>) {}

    fn misdelivery(&self, entry: &Misdelivery) {
        crate::log::line(&misdelivery_line(entry));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use eyesonly_gate::Seam;
    use eyesonly_gate::entry::Opened;
    use eyesonly_rights::Fault;
    use eyesonly_seal::{CameraId, HouseholdId, SessionId, ViewerId};

    #[test]
    fn a_line_has_every_field_and_nothing_else() {
        let entry = Delivery {
            at_milliseconds: 7,
            viewer: ViewerId::from_bytes([1; 16]),
            session: SessionId::from_bytes([2; 16]),
            source: Some((HouseholdId::from_bytes([3; 16]), CameraId::from_bytes([4; 16]))),
            handed: Handed::Clip,
            event: None,
            number: [0; 16],
            until_milliseconds: 0,
            opened: Opened::default(),
            body_bytes: 9,
        };
        assert_eq!(
            delivery_line(&entry),
            "ledger delivery at_milliseconds=7 viewer=01010101-0101-0101-0101-010101010101 \
             session=02020202-0202-0202-0202-020202020202 \
             household=03030303-0303-0303-0303-030303030303 \
             camera=04040404-0404-0404-0404-040404040404 handed=clip event=- body_bytes=9"
        );
        let entry = Misdelivery {
            at_milliseconds: 7,
            seam: Seam::Index,
            fault: Fault::WrongSeal,
            camera: None,
        };
        assert_eq!(
            misdelivery_line(&entry),
            "ledger misdelivery at_milliseconds=7 seam=index fault=wrong_seal camera=-"
        );
        StderrLedger.misdelivery(&entry);
    }
}
