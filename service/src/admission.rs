//! Admission: the one way to a grant. Raw credential and route in, grant out; everything between is asked afresh.
//!
//! INVARIANT: [`Admission::admit`] is the only caller of `Grant::new` and [`Admission::admit_camera`] the only one of `IntakeGrant::new`.
//! It must never cache an answer of the registry, and never use one that was not proven against its question.

use crate::clock;
use crate::defence::{self, Defence};
use crate::grant::{Grant, IntakeGrant};
use crate::keys::{Keys, KeysError};
use crate::ledger::{Fault, Ledger, Misdelivery, Seam};
use crate::registry::{Change, Registry, RegistryError};
use eyesonly_rights::{
    Action, CameraRecord, Credentials, Floor, Intake, Nonce, Record, RecordError, Refusal, Requester, SessionRecord,
    Unidentified, VerifiedCamera, VerifiedSession, ViewerRecord, intake, permit, prove, requester, seal_record,
};
use eyesonly_seal::{CameraId, HouseholdKey, SealingKey};
use std::collections::HashMap;
use std::hash::BuildHasher as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use zeroize::Zeroizing;

/// How often a question is asked when answers are refused: the second time on a new connection.
const ASKS_MAX: usize = 2;
/// How many records' last sequences are remembered. Past it, new ones are only held to the registry's own sequence.
pub const FLOORS_MAX: usize = 1 << 20;

/// What a client presented, as text. Wiped when it goes; never printed.
pub struct RawCredential(Zeroizing<String>);

impl RawCredential {
    /// Takes the text of a credential. FROM CLIENT.
    pub fn new(text: &str) -> Self {
        Self(Zeroizing::new(text.to_owned()))
    }
    /// The text.
    pub fn text(&self) -> &str {
        &self.0
    }
}

/// Why nobody is admitted. The status that each becomes is chosen in `http::problem`.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// No credential, not one of ours, or no live session.
    #[error("nobody is signed in with this credential")]
    Unidentified,
    /// Signed in, but there is nothing for them under this name.
    #[error("nothing here for this requester")]
    NotFound,
    /// No proven answer could be had.
    #[error("no proven answer from {0}")]
    Unavailable(&'static str),
}

/// Admits requesters and cameras.
pub struct Admission {
    credentials: Credentials,
    record_key: SealingKey,
    registry: Arc<dyn Registry>,
    keys: Arc<dyn Keys>,
    ledger: Arc<dyn Ledger>,
    floors: Floors,
}

/// A viewer who was identified, and their proven rights.
pub struct Identified {
    /// Who it is.
    pub requester: Requester,
    /// What they may see.
    pub rights: ViewerRecord,
    sequence: u64,
}

impl Admission {
    /// Admission over these services.
    pub fn new(keys: Arc<dyn Keys>, registry: Arc<dyn Registry>, ledger: Arc<dyn Ledger>) -> Self {
        Self {
            credentials: Credentials::new(keys.edge()),
            record_key: keys.edge().record_key(),
            registry,
            keys,
            ledger,
            floors: Floors::default(),
        }
    }

    /// The credentials of this installation.
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }
    /// Seals a record for the registry.
    ///
    /// # Errors
    /// [`RecordError`].
    pub fn seal<R: Record>(&self, record: &R) -> Result<Vec<u8>, RecordError> {
        #[cfg(feature = "storm")]
        if !defence::is_on(Defence::Records) {
            return Ok(crate::storm::plain::record(record));
        }
        seal_record(&self.record_key, record, clock::random())
    }
    /// The registry.
    pub fn registry(&self) -> &Arc<dyn Registry> {
        &self.registry
    }
    /// The ledger.
    pub fn ledger(&self) -> &Arc<dyn Ledger> {
        &self.ledger
    }
    /// The keys.
    pub fn keys(&self) -> &Arc<dyn Keys> {
        &self.keys
    }

    /// Says who sent `raw`, without looking at rights: for ending a session.
    ///
    /// # Errors
    /// [`Refused::Unidentified`], [`Refused::Unavailable`].
    pub async fn identify(&self, raw: &RawCredential) -> Result<Requester, Refused> {
        self.requester(&self.verified(raw)?).await
    }

    fn verified(&self, raw: &RawCredential) -> Result<VerifiedSession, Refused> {
        let verified = self.credentials.verify_viewer(raw.text());
        verified.map_err(|_| Refused::Unidentified)
    }

    async fn requester(&self, verified: &VerifiedSession) -> Result<Requester, Refused> {
        let (record, _) = self
            .ask::<SessionRecord>(Seam::Sessions, verified.session().as_bytes())
            .await?;
        #[cfg(feature = "storm")]
        if !defence::is_on(Defence::Records) {
            return self.believed(record.as_ref());
        }
        requester(verified, record.as_ref(), clock::now_seconds()).map_err(|why| {
            if why == Unidentified::Crossed {
                self.refuse(Seam::Sessions, Fault::WrongAnswer, None);
            }
            Refused::Unidentified
        })
    }

    #[cfg(feature = "storm")]
    fn believed(&self, record: Option<&SessionRecord>) -> Result<Requester, Refused> {
        record
            .and_then(|record| {
                let verified = crate::storm::plain::believed_session(&self.credentials, record)?;
                requester(&verified, Some(record), clock::now_seconds()).ok()
            })
            .ok_or(Refused::Unidentified)
    }

    /// Says who sent `raw` and what they may see, read now. `tag`: the tag in the address, which must be this session's.
    ///
    /// # Errors
    /// [`Refused`].
    pub async fn rights(&self, raw: &RawCredential, tag: &str) -> Result<Identified, Refused> {
        let verified = self.verified(raw)?;
        let requester = self.requester(&verified).await?;
        if defence::is_on(Defence::Tag) && !verified.tag().is(tag) {
            return Err(Refused::NotFound);
        }
        let (rights, sequence) = self
            .ask::<ViewerRecord>(Seam::Registry, requester.viewer().as_bytes())
            .await?;
        // A viewer who was removed has no record: their session is worth nothing.
        let rights = rights.ok_or(Refused::Unidentified)?;
        Ok(Identified {
            requester,
            rights,
            sequence,
        })
    }

    /// The one way to a grant.
    ///
    /// # Errors
    /// [`Refused`]. What the requester may not see and what does not exist are the same [`Refused::NotFound`].
    pub async fn admit(&self, raw: &RawCredential, tag: &str, camera: &str, action: Action) -> Result<Grant, Refused> {
        let identified = self.rights(raw, tag).await?;
        let camera = CameraId::parse(camera).map_err(|_| Refused::NotFound)?;
        let permit = permit(
            &identified.requester,
            &identified.rights,
            camera,
            action,
            clock::now_seconds(),
        )
        .ok_or(Refused::NotFound)?;
        let key = self.household_key(permit.household(), camera)?;
        Ok(Grant::new(permit, &key, identified.sequence))
    }

    /// The one way to a camera's own grant.
    ///
    /// # Errors
    /// [`Refused::Unidentified`], [`Refused::Unavailable`].
    pub async fn admit_camera(&self, raw: &RawCredential) -> Result<IntakeGrant, Refused> {
        let verified = self
            .credentials
            .verify_camera(raw.text())
            .map_err(|_| Refused::Unidentified)?;
        let (intake, sequence) = self.intake(&verified).await?;
        let key = self.household_key(intake.household(), intake.camera())?;
        Ok(IntakeGrant::new(&intake, verified, &key, sequence))
    }

    async fn intake(&self, verified: &VerifiedCamera) -> Result<(Intake, u64), Refused> {
        let (record, sequence) = self
            .ask::<CameraRecord>(Seam::Registry, verified.camera().as_bytes())
            .await?;
        #[cfg(feature = "storm")]
        if !defence::is_on(Defence::Records) {
            let believed = record
                .as_ref()
                .and_then(|record| crate::storm::plain::believed_camera(&self.credentials, record));
            return believed
                .and_then(|verified| intake(&verified, record.as_ref()))
                .map(|intake| (intake, sequence))
                .ok_or(Refused::Unidentified);
        }
        Ok((
            intake(verified, record.as_ref()).ok_or(Refused::Unidentified)?,
            sequence,
        ))
    }

    /// Whether a camera's credential is still in force: an upload may take long, and is asked again before it is committed.
    ///
    /// # Errors
    /// [`Refused`]: it is not, or nobody can say.
    pub async fn still_takes(&self, grant: &IntakeGrant) -> Result<(), Refused> {
        let sequence = self.registry.sequence().await.map_err(|e| unavailable(&e))?;
        if sequence == grant.registry_sequence() {
            return Ok(());
        }
        self.intake(grant.credential()).await.map(|_| ())
    }

    /// Whether a grant that was made a while ago would be made again now: for long responses, before each extent.
    ///
    /// # Errors
    /// [`Refused`]: it would not, or nobody can say.
    pub async fn still_holds(&self, grant: &Grant, kind_action: Action) -> Result<(), Refused> {
        let now = clock::now_seconds();
        if !grant.holds_at(now) {
            return Err(Refused::Unidentified);
        }
        let sequence = self.registry.sequence().await.map_err(|e| unavailable(&e))?;
        if sequence == grant.registry_sequence() {
            return Ok(());
        }
        // Something was written since: decide again, from the session on.
        let asker = grant.requester();
        let (session, _) = self
            .ask::<SessionRecord>(Seam::Sessions, asker.session().as_bytes())
            .await?;
        let live = session
            .is_some_and(|s| s.viewer == asker.viewer() && s.session == asker.session() && s.expires_at_seconds > now);
        if !live {
            return Err(Refused::Unidentified);
        }
        let (rights, _) = self
            .ask::<ViewerRecord>(Seam::Registry, asker.viewer().as_bytes())
            .await?;
        let rights = rights.ok_or(Refused::Unidentified)?;
        let again = permit(asker, &rights, grant.scope().camera(), kind_action, now).ok_or(Refused::NotFound)?;
        if again.household() == grant.scope().household() {
            Ok(())
        } else {
            Err(Refused::NotFound)
        }
    }

    fn household_key(
        &self,
        household: eyesonly_seal::HouseholdId,
        camera: CameraId,
    ) -> Result<Arc<HouseholdKey>, Refused> {
        self.keys.household_key(household).map_err(|error| {
            if matches!(error, KeysError::WrongKey) {
                self.refuse(Seam::Keyring, Fault::WrongAnswer, Some(camera));
            }
            tracing::error!(%error, "a household's key can't be had");
            Refused::Unavailable("the keyring")
        })
    }

    /// Asks the registry for the record of kind `R` under `key` until an answer proves its question, at most twice.
    ///
    /// # Errors
    /// [`Refused::Unavailable`].
    pub async fn ask<R: Record>(&self, seam: Seam, key: &[u8]) -> Result<(Option<R>, u64), Refused> {
        for _ in 0..ASKS_MAX {
            let nonce = Nonce::from_bytes(clock::random());
            let slot = self.floors.slot(R::KIND, key);
            // Known before the question: what is written meanwhile may or may not be in the answer.
            let floor = self.floors.floor(slot);
            let answer = match self.registry.read(R::KIND, key, nonce).await {
                Ok(answer) => answer,
                Err(error) => {
                    tracing::error!(%error, "the registry does not answer");
                    self.registry.reset();
                    continue;
                }
            };
            #[cfg(feature = "storm")]
            if !defence::is_on(Defence::Records) {
                return Ok((crate::storm::plain::believed(key, &answer), answer.sequence));
            }
            match prove::<R>(&self.record_key, key, nonce, &answer, floor) {
                Ok(record) => {
                    self.floors
                        .raise(slot, answer.sequence, record.as_ref().map_or(0, Record::sequence));
                    return Ok((record, answer.sequence));
                }
                Err(refusal) => {
                    let fault = match refusal {
                        Refusal::WrongNonce => Fault::WrongAnswer,
                        Refusal::Stale => Fault::Stale,
                        Refusal::WrongRecord => Fault::WrongSeal,
                    };
                    self.refuse(seam, fault, None);
                    self.registry.reset();
                }
            }
        }
        Err(Refused::Unavailable(seam.name()))
    }

    /// Writes records, and holds every later answer to the sequence that this gave: none of these records is one of before, and
    /// what was removed does not come back but by a commit.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub async fn commit(&self, changes: Vec<Change>, sequence: Option<u64>) -> Result<u64, RegistryError> {
        // Records that carry no sequence (sessions) are written once: only their end is one.
        let raised: Vec<u64> = changes
            .iter()
            .filter(|change| change.record.is_none() || sequence.is_some())
            .map(|change| self.floors.slot(change.kind, &change.key))
            .collect();
        let reached = self.registry.commit(changes, sequence).await?;
        self.floors.registry.fetch_max(reached, Ordering::AcqRel);
        for slot in raised {
            self.floors.raise_record(slot, reached);
        }
        Ok(reached)
    }

    /// Counts a misdelivery.
    pub fn refuse(&self, seam: Seam, fault: Fault, camera: Option<CameraId>) {
        self.ledger.misdelivery(&Misdelivery {
            at_milliseconds: clock::now_milliseconds(),
            seam,
            fault,
            camera,
        });
    }
}

fn unavailable(error: &RegistryError) -> Refused {
    tracing::error!(%error, "the registry does not answer");
    Refused::Unavailable("registry")
}

/// The highest sequences seen: of the registry, and of each record. Nothing of a record's content is kept.
///
/// Nobody vouches for the registry's sequence in an answer. So one answer raises nothing by itself: a lie of a huge sequence would refuse every
/// later truth. What two answers in a row have said, a record has under its seal, or a commit of ours gave, does.
struct Floors {
    registry: AtomicU64,
    /// What the last answer said.
    said: AtomicU64,
    records: Mutex<HashMap<u64, u64>>,
    hasher: std::hash::RandomState,
}

impl Default for Floors {
    fn default() -> Self {
        Self {
            registry: AtomicU64::new(0),
            said: AtomicU64::new(0),
            records: Mutex::default(),
            hasher: std::hash::RandomState::new(),
        }
    }
}

impl Floors {
    fn slot(&self, kind: &str, key: &[u8]) -> u64 {
        self.hasher.hash_one((kind, key))
    }

    fn floor(&self, slot: u64) -> Floor {
        if !defence::is_on(Defence::Floors) {
            return Floor::default();
        }
        let record = self
            .records
            .lock()
            .map_or(0, |records| records.get(&slot).copied().unwrap_or(0));
        Floor {
            registry: self.registry.load(Ordering::Acquire),
            record,
        }
    }

    fn raise(&self, slot: u64, registry: u64, record: u64) {
        let before = self.said.swap(registry, Ordering::AcqRel);
        self.registry
            .fetch_max(before.min(registry).max(record), Ordering::AcqRel);
        if record > 0 {
            self.raise_record(slot, record);
        }
    }

    fn raise_record(&self, slot: u64, record: u64) {
        if let Ok(mut records) = self.records.lock() {
            if let Some(floor) = records.get_mut(&slot) {
                *floor = record.max(*floor);
            } else if records.len() < FLOORS_MAX {
                records.insert(slot, record);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_answer_alone_raises_no_floor() {
        let floors = Floors::default();
        let check = |registry, record, expected| {
            floors.raise(7, registry, record);
            assert_eq!(floors.floor(7).registry, expected, "after {registry}");
        };
        check(5, 0, 0);
        check(5, 0, 5);
        check(u64::MAX, 0, 5);
        check(6, 0, 6);
        // What is under a record's seal was written.
        check(9, 8, 8);
        // A record that was removed carried no sequence, as a session's: put back, it is below the floor of its end.
        floors.raise_record(9, 7);
        assert_eq!(floors.floor(9).record, 7);
        assert_eq!(floors.floor(7).record, 8);
        assert_eq!(floors.floor(8).record, 0);
    }
}
