//! Forged records: another's content under the name that was asked for, sealed with the
//! installation's own record key.

use super::Forge;
use crate::defence::Defence;
use eyesonly_gate::registry::{Answer, Nonce};
use eyesonly_rights::{Mint, Position, Record, SessionRecord, ViewerRecord, prove};
use eyesonly_seal::{SessionId, ViewerId};
use eyesonly_service::admin::HouseholdRecord;
use eyesonly_service::clock;

/// A record's name: its kind and its key.
pub type Name = (&'static str, Vec<u8>);

impl Forge {
    /// Dresses a whole reply to another question as the reply to this one. The reply gets this
    /// nonce, and each record gets the name that was asked for. `honest` is the true reply.
    pub fn reply(
        &self,
        (told_names, told): (&[Name], Answer),
        (asked, nonce): (&[Name], Nonce),
        honest: &Answer,
    ) -> Answer {
        if !self.has(Defence::Records) || told.echo == Some(nonce) {
            return told;
        }
        let records = told.records.iter().zip(told_names).zip(asked).zip(&honest.records);
        let records = records.map(|(((told, from), to), honest)| {
            let forged = self.record(told.as_deref(), from, to, honest.as_deref());
            forged.or_else(|| told.clone())
        });
        // A reply about the position alone keeps its old position. A reply with records gets the
        // position that the records claim.
        let position = if told.records.is_empty() { told.position } else { honest.position };
        Answer { echo: Some(nonce), records: records.collect(), position }
    }

    /// Seals another's record for the name that was asked for. None: this kind can't be forged, or
    /// the liar has no key.
    pub fn record(
        &self,
        told: Option<&[u8]>,
        from: &Name,
        to: &Name,
        honest: Option<&[u8]>,
    ) -> Option<Vec<u8>> {
        if !self.has(Defence::Records) || from.0 != to.0 {
            return None;
        }
        match to.0 {
            ViewerRecord::KIND => {
                let told: ViewerRecord = self.open_record(&from.1, told?)?;
                let right: ViewerRecord = self.open_record(&to.1, honest?)?;
                self.seal_record(&ViewerRecord {
                    viewer: viewer(&to.1)?,
                    sequence: right.sequence,
                    ..told
                })
            }
            SessionRecord::KIND => {
                let told: SessionRecord = self.open_record(&from.1, told?)?;
                let (of, session) = to.1.split_at_checked(16)?;
                let session = SessionId::from_bytes(session.try_into().ok()?);
                let viewer = viewer(of)?;
                self.seal_record(&SessionRecord { session, viewer, ..told })
            }
            HouseholdRecord::KIND => {
                let told: HouseholdRecord = self.open_record(&from.1, told?)?;
                let right: HouseholdRecord = self.open_record(&to.1, honest?)?;
                let (household, sequence) = (right.household, right.sequence);
                self.seal_record(&HouseholdRecord { household, sequence, ..told })
            }
            _ => None,
        }
    }

    /// Seals a household's record in which each of its invitations offers what another household's
    /// does. None: one of them has no invitation, or the liar has no key.
    pub fn invitations(
        &self,
        (told, from): (&[u8], &Name),
        to: &Name,
        honest: Option<&[u8]>,
    ) -> Option<Vec<u8>> {
        if !self.has(Defence::Records) {
            return None;
        }
        let told: HouseholdRecord = self.open_record(&from.1, told)?;
        let mut right: HouseholdRecord = self.open_record(&to.1, honest?)?;
        let offer = &told.invitations.first()?.offer;
        right.invitations.first()?;
        for invitation in &mut right.invitations {
            invitation.offer = offer.clone();
        }
        self.seal_record(&right)
    }

    fn open_record<R: Record>(&self, key: &[u8], sealed: &[u8]) -> Option<R> {
        let record_key = self.names.keys()?.edge().record_key();
        let latest = Position::new(u64::MAX, u64::MAX, u64::MAX);
        prove(&record_key, key, Some(sealed), &latest, 0).ok()?
    }

    fn seal_record<R: Record>(&self, record: &R) -> Option<Vec<u8>> {
        Mint::new(self.names.keys()?.edge()).seal(record, clock::random()).ok()
    }
}

fn viewer(key: &[u8]) -> Option<ViewerId> {
    Some(ViewerId::from_bytes(key.try_into().ok()?))
}
