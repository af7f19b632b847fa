//! Settles a town: it writes the records of households, cameras, viewers and sessions, many in each
//! commit.
//!
//! This is a mint: sessions start here without a password. It must never be reachable from a
//! server.

use crate::conventional::{Book, plain};
use crate::shares::Right;
use crate::town::{Place, Town};
use anyhow::Context as _;
use eyesonly_gate::Records;
use eyesonly_gate::registry::{CHANGES_MAX, Change, Expect, Nonce, Registry, RegistryError};
use eyesonly_rights::{
    CameraRecord, CameraRight, CameraState, Kinds, Mint, Record, Role, SessionRecord, ViewerRecord,
    Window,
};
use eyesonly_service::admin::{Act, ActRecord, HouseholdRecord, Member};
use eyesonly_service::clock;
use std::sync::Arc;
use std::time::Duration;

/// The quota of a household, in bytes. The storm is not about quotas.
const QUOTA_BYTES: u64 = 1 << 50;

/// How often a commit is tried that somebody else's came before.
const COMMIT_TRIES: u32 = 50;
/// How often, and how long apart, it is looked whether acts wait.
const ACTS_LOOKS: u32 = 600;
const ACTS_LOOK: Duration = Duration::from_millis(50);

/// The form of records: this system seals them, and a conventional server writes them in the clear.
pub enum How {
    /// Sealed, and committed by the records that the edge asks by, so that the edge knows of the
    /// change.
    Sealed(Arc<Records>, Mint),
    /// In the clear. The book says what the map is.
    Plain(Arc<Book>),
}

/// The writer of one server's records.
pub struct Writer {
    how: How,
    /// The registry itself, without a liar around it.
    registry: Arc<dyn Registry>,
}

impl Writer {
    /// Makes the writer of one server's records.
    pub fn new(how: How, registry: Arc<dyn Registry>) -> Self {
        Self { how, registry }
    }

    fn record<R: Record>(&self, record: &R) -> anyhow::Result<Change> {
        let sealed = match &self.how {
            How::Sealed(_, mint) => mint.seal(record, clock::random())?,
            How::Plain(_) => plain::record(record),
        };
        Ok(Change { kind: R::KIND, key: record.key(), expect: Expect::Any, record: Some(sealed) })
    }

    /// Commits changes. `number` is the sequence that the records carry. Sessions carry none.
    async fn commit(&self, changes: Vec<Change>, number: Option<u64>) -> anyhow::Result<()> {
        match &self.how {
            How::Sealed(records, _) => records.commit(changes, number).await?,
            How::Plain(_) => self.registry.commit(changes, number).await?,
        };
        Ok(())
    }

    /// Writes every household of the town. Sessions end at `expires_at_seconds`.
    ///
    /// # Errors
    /// The registry does not answer or commit, or a record can't be sealed.
    pub async fn settle(&self, town: &Town, expires_at_seconds: u64) -> anyhow::Result<()> {
        let each = town.cameras_each as usize + 2;
        let households: Vec<u32> = (0..town.all_households()).collect();
        for some in households.chunks((CHANGES_MAX / each).max(1)) {
            let sequence = self.next().await?;
            let mut changes = Vec::with_capacity(some.len() * each);
            for household in some {
                self.household(town, *household, sequence, &mut changes)?;
            }
            self.commit(changes, Some(sequence)).await.context("the town can't be settled")?;
            let sessions = some.iter().map(|household| {
                self.record(&SessionRecord {
                    session: town.session_id(*household),
                    viewer: town.viewer_id(*household),
                    epoch: 0,
                    expires_at_seconds,
                    client: String::new(),
                })
            });
            let sessions = sessions.collect::<Result<_, _>>()?;
            self.commit(sessions, None).await.context("nobody can be signed in")?;
        }
        Ok(())
    }

    async fn next(&self) -> anyhow::Result<u64> {
        let answer = self.registry.read(&[], Nonce::from_bytes(clock::random())).await?;
        Ok(answer.position.rights.number.saturating_add(1))
    }

    fn household(
        &self,
        town: &Town,
        household: u32,
        sequence: u64,
        changes: &mut Vec<Change>,
    ) -> anyhow::Result<()> {
        let places = places_of(town, household);
        let viewer = town.viewer_id(household);
        changes.push(self.record(&HouseholdRecord {
            household: town.household_id(household),
            name: town.home_name(household),
            cameras: places.iter().map(|place| town.camera_id(*place)).collect(),
            members: vec![Member::owner(viewer, 0)],
            shares: vec![],
            invitations: vec![],
            closed: vec![],
            transfers: vec![],
            quota_bytes: QUOTA_BYTES,
            sequence,
        })?);
        for place in &places {
            changes.push(self.record(&CameraRecord {
                camera: town.camera_id(*place),
                household: town.household_id(household),
                credential: Some(town.credential_id(*place)),
                name: town.camera_name(*place),
                serial: String::new(),
                quota_bytes: QUOTA_BYTES,
                state: CameraState::On,
                sequence,
            })?);
        }
        changes.push(self.viewer(&rights(town, household, &places, None, sequence))?);
        Ok(())
    }

    /// Makes a viewer's record. A conventional server's book says what is in it.
    fn viewer(&self, record: &ViewerRecord) -> anyhow::Result<Change> {
        if let How::Plain(book) = &self.how {
            book.written(record);
        }
        self.record(record)
    }

    /// Takes a camera from its viewer, who may not see it any more. The camera's footage stays
    /// where it is.
    ///
    /// # Errors
    /// The registry does not answer or commit, or the record can't be sealed.
    pub async fn revoke(&self, town: &Town, revoked: Place) -> anyhow::Result<()> {
        let mut places = places_of(town, revoked.household);
        places.retain(|place| *place != revoked);
        self.change_rights(town, revoked.household, &places, None).await
    }

    /// Narrows what a viewer may see of a camera to what is of the past now.
    ///
    /// # Errors
    /// The registry does not answer or commit, or the record can't be sealed.
    pub async fn narrow(&self, town: &Town, narrowed: Place) -> anyhow::Result<()> {
        let (household, places) = (narrowed.household, places_of(town, narrowed.household));
        let until = Some((narrowed, clock::now_milliseconds()));
        self.change_rights(town, household, &places, until).await
    }

    /// Writes what a household's viewer has, with what is shared with them.
    ///
    /// # Errors
    /// The registry does not answer or commit, or the record can't be sealed.
    pub async fn share(
        &self,
        town: &Town,
        guest: u32,
        shared: Option<(Place, Right)>,
    ) -> anyhow::Result<()> {
        let sequence = self.next().await?;
        let mut record = rights(town, guest, &places_of(town, guest), None, sequence);
        record.cameras.extend(shared.map(|(place, right)| CameraRight {
            role: Role::Guest,
            kinds: right.kinds,
            window: Window {
                from_milliseconds: town.window_from(place, right.from),
                until_milliseconds: None,
            },
            expires_at_seconds: right.expires_at_seconds,
            ..right_to(town, place)
        }));
        self.commit(vec![self.viewer(&record)?], Some(sequence)).await
    }

    /// Writes the rights of a household's viewer anew.
    async fn change_rights(
        &self,
        town: &Town,
        household: u32,
        places: &[Place],
        until: Option<(Place, u64)>,
    ) -> anyhow::Result<()> {
        let mut tries = 0..COMMIT_TRIES;
        loop {
            let sequence = self.next().await?;
            let record = rights(town, household, places, until, sequence);
            let mut changes = vec![self.viewer(&record)?];
            if let How::Sealed(..) = self.how {
                // The ledger takes what was done from the very commit, as of administration.
                let before = rights(town, household, &places_of(town, household), None, 0);
                let acts = Act::changes(record.viewer, &before.cameras, &record.cameras);
                let (at_milliseconds, actor) = (clock::now_milliseconds(), None);
                changes.push(self.record(&ActRecord { sequence, at_milliseconds, actor, acts })?);
            }
            match self.commit(changes, Some(sequence)).await {
                // The ledger has removed the acts that it entered.
                Err(error) if is_conflict(&error) && tries.next().is_some() => {}
                done => return done,
            }
        }
    }

    /// Waits until the ledger has entered all acts.
    ///
    /// # Errors
    /// The registry does not answer, or acts wait for too long.
    pub async fn acts_are_entered(&self) -> anyhow::Result<()> {
        for _ in 0..ACTS_LOOKS {
            let nonce = Nonce::from_bytes(clock::random());
            let waiting = self.registry.list(ActRecord::KIND, None, 1, nonce).await?;
            if waiting.keys.is_empty() {
                return Ok(());
            }
            tokio::time::sleep(ACTS_LOOK).await;
        }
        anyhow::bail!("the ledger does not enter the acts that wait")
    }
}

fn is_conflict(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(RegistryError::Conflict))
}

/// Lists the cameras of a household.
fn places_of(town: &Town, household: u32) -> Vec<Place> {
    (0..town.cameras_each).map(|camera| Place { household, camera }).collect()
}

/// An owner's right to a camera.
fn right_to(town: &Town, place: Place) -> CameraRight {
    CameraRight {
        camera: town.camera_id(place),
        household: town.household_id(place.household),
        name: town.camera_name(place),
        role: Role::Owner,
        kinds: Kinds::ALL,
        window: Window::default(),
        expires_at_seconds: None,
    }
}

/// The rights of a household's viewer. `until` narrows the window of one camera to what is of
/// before a time, in milliseconds since 1970.
fn rights(
    town: &Town,
    household: u32,
    places: &[Place],
    until: Option<(Place, u64)>,
    sequence: u64,
) -> ViewerRecord {
    let window = |place: &Place| Window {
        until_milliseconds: until.filter(|(narrowed, _)| narrowed == place).map(|(_, at)| at),
        ..Window::default()
    };
    let right = |place: &Place| CameraRight { window: window(place), ..right_to(town, *place) };
    ViewerRecord {
        viewer: town.viewer_id(household),
        name: town.household_name(household),
        households: vec![town.household_id(household)],
        cameras: places.iter().map(right).collect(),
        epoch: 0,
        sequence,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::Exposed;
    use eyesonly_service::registry::memory::MemoryRegistry;

    #[tokio::test]
    async fn a_share_stands_in_the_book_of_a_conventional_server() {
        let town = Town::new(5, 9, 0, 2, 1_800_000_000_000);
        let (book, registry) = (Arc::new(Book::default()), Arc::new(MemoryRegistry::default()));
        let writer = Writer::new(How::Plain(Arc::clone(&book)), registry);
        writer.settle(&town, u64::MAX).await.unwrap();
        let place = Place { household: 0, camera: 1 };
        let right = Right { kinds: Kinds::ALL, from: 0, expires_at_seconds: None };
        let listed = |expected: u64, when: &str| {
            book.handed(town.viewer_id(5), town.camera_id(place));
            assert_eq!(book.audit(&town, &Exposed::default()).listed, expected, "{when}");
        };
        listed(1, "before it is shared");
        writer.share(&town, 5, Some((place, right))).await.unwrap();
        listed(1, "what is shared is no exposure");
        writer.share(&town, 5, None).await.unwrap();
        listed(2, "after it was taken back");
    }
}
