//! Long: the liars stand beside the tests that they lie to.
//!
//! Lies told to the footage room, one by one: a tier, the store, the index and the registry answer with something else, and what is
//! handed out is the right footage or an error, counted at its seam. Each test first shows that the same question has an answer.

use super::testing::{Home, footage_id};
use super::{FootageError, Held, Pieces, Recalled};
use crate::admission::Refused;
use crate::index::memory::MemoryIndex;
use crate::index::{Committed, Index, IndexError, NewObject, ObjectRow, Removed, Rows};
use crate::ingest::{IngestError, Taken};
use crate::ledger::{Fault, Ledger as _, Seam};
use crate::registry::memory::MemoryRegistry;
use crate::registry::{Answer, Change, Listed, Nonce, Registry, RegistryError};
use crate::vault::SealedExtent;
use async_trait::async_trait;
use bytes::Bytes;
use eyesonly_rights::Action;
use eyesonly_seal::{CameraId, FootageId, HouseholdId, Kind, ObjectName, SlotName};
use std::sync::{Arc, Mutex};

/// A JPEG that is one by its markers, with `body` as its picture: ingest asks for no more.
fn jpeg(body: &[u8]) -> Vec<u8> {
    let head: &[u8] = &[
        0xFF, 0xD8, 0xFF, 0xC0, 0, 11, 8, 0, 90, 0, 160, 1, 1, 0x11, 0, 0xFF, 0xDA, 0, 2,
    ];
    [head, body, &[0xFF, 0xD9]].concat()
}

/// A body of `length` bytes that repeat nothing.
fn body(length: usize, seed: u32) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..length).map(|_| next()).collect()
}

async fn all(held: &Held) -> Result<Vec<u8>, FootageError> {
    let mut pieces = Pieces::new(held, 0, held.length())?;
    let mut bytes = Vec::new();
    while let Some(piece) = pieces.next(held).await? {
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}

/// A home with one still of two extents and a bit.
async fn with_still() -> (Home, Vec<u8>) {
    let home = Home::new().await;
    let still = jpeg(&body(2_200_000, 1));
    assert_eq!(
        home.put(Kind::Still, footage_id(), &still).await.unwrap(),
        Taken::Created
    );
    (home, still)
}

async fn newest(home: &Home) -> Result<Vec<u8>, FootageError> {
    let held = home.footage.newest_still(&home.grant(Action::Live).await).await?;
    all(&held).await
}

fn count(home: &Home, seam: Seam) -> u64 {
    Fault::ALL
        .iter()
        .map(|fault| home.ledger.misdeliveries(seam, *fault))
        .sum()
}

fn stored(home: &Home) -> Vec<(ObjectName, Bytes)> {
    home.store
        .objects
        .lock()
        .unwrap()
        .iter()
        .map(|(name, bytes)| (*name, bytes.clone()))
        .collect()
}

#[tokio::test]
async fn every_range_is_what_was_handed_in() {
    let (home, still) = with_still().await;
    let held = home
        .footage
        .newest_still(&home.grant(Action::Live).await)
        .await
        .unwrap();
    let length = still.len() as u64;
    assert_eq!(held.length(), length);
    for offset in [
        0,
        1,
        16_383,
        16_384,
        131_072,
        1_048_575,
        1_048_576,
        2_097_151,
        length - 1,
    ] {
        for count in [1, 2, 16_384, 16_385, 1_048_577, u32::MAX] {
            let end = (offset + u64::from(count)).min(length);
            let got = held.read(offset, count).await.unwrap();
            assert!(
                got == still[offset as usize..end as usize],
                "{count} bytes from {offset}"
            );
        }
    }
    assert_eq!(held.read(length, 1).await, Err(FootageError::Invalid));
    assert_eq!(held.read(0, 0).await, Err(FootageError::Invalid));
    assert!(Pieces::new(&held, 1, length).is_err() && Pieces::new(&held, u64::MAX, 2).is_err());
}

#[tokio::test]
async fn a_memory_tier_that_lies_is_refused_and_the_store_asked() {
    let (home, still) = with_still().await;
    assert!(newest(&home).await.unwrap() == still);
    let name = stored(&home)[0].0;
    let memory = home.footage.ladder().memory();
    let honest = [
        memory.get((name, 0)).await.unwrap(),
        memory.get((name, 1)).await.unwrap(),
    ];
    let mut flipped = honest[1].chunks.to_vec();
    flipped[500_000] ^= 1;
    let lies = [
        SealedExtent {
            header: [7; 56],
            ..honest[1].clone()
        },
        SealedExtent {
            chunks: Bytes::from(flipped),
            ..honest[1].clone()
        },
        SealedExtent {
            chunks: honest[1].chunks.slice(..1_000_000),
            ..honest[1].clone()
        },
        SealedExtent {
            chunks: Bytes::new(),
            ..honest[1].clone()
        },
        honest[0].clone(),
    ];
    for (n, lie) in lies.into_iter().enumerate() {
        memory.put((name, 1), lie).await;
        let before = count(&home, Seam::MemoryTier);
        assert!(newest(&home).await.unwrap() == still, "lie {n}");
        assert!(count(&home, Seam::MemoryTier) > before, "lie {n} was not counted");
        assert_eq!(
            memory.get((name, 1)).await.unwrap().chunks,
            honest[1].chunks,
            "lie {n} was not replaced"
        );
    }
}

#[tokio::test]
async fn a_store_that_lies_yields_an_error_and_fills_no_tier() {
    let (home, still) = with_still().await;
    let (name, honest) = stored(&home).remove(0);
    let (other, _) = home.second_camera().await;
    let pieces = futures::stream::iter([Ok::<_, std::io::Error>(Bytes::from(jpeg(&body(2_200_000, 2))))]);
    let declared = crate::ingest::Declared::default();
    home.ingest
        .footage(&other, Kind::Still, &footage_id().to_string(), declared, pieces)
        .await
        .unwrap();
    let foreign = stored(&home).into_iter().find(|(n, _)| *n != name).unwrap().1;
    let flip = |at: usize| {
        let mut bytes = honest.to_vec();
        bytes[at] ^= 0x80;
        Bytes::from(bytes)
    };
    let lies = [
        foreign,
        flip(0),
        flip(30),
        flip(56),
        flip(1_500_000),
        flip(honest.len() - 1),
        honest.slice(..honest.len() - 1),
        Bytes::new(),
    ];
    for (n, lie) in lies.into_iter().enumerate() {
        home.store.objects.lock().unwrap().insert(name, lie);
        let before = count(&home, Seam::Store);
        assert_eq!(newest(&home).await.err(), Some(FootageError::Unavailable), "lie {n}");
        assert!(count(&home, Seam::Store) > before, "lie {n} was not counted");
        for extent in 0..3 {
            if let Some(kept) = home.footage.ladder().memory().get((name, extent)).await {
                let start = 56 + extent as usize * 1_049_600;
                assert_eq!(
                    kept.chunks,
                    honest.slice(start..honest.len().min(start + 1_049_600)),
                    "a lie is in the tier"
                );
            }
            home.footage.ladder().memory().evict((name, extent)).await;
        }
    }
    home.store.objects.lock().unwrap().insert(name, honest);
    assert!(newest(&home).await.unwrap() == still);
}

#[tokio::test]
async fn a_herd_for_one_still_costs_one_read_an_extent() {
    let (home, still) = with_still().await;
    let held = home
        .footage
        .newest_still(&home.grant(Action::Live).await)
        .await
        .unwrap();
    let results = futures::future::join_all((0..40).map(|_| all(&held))).await;
    assert!(results.into_iter().all(|got| got.unwrap() == still));
    assert_eq!(home.store.reads.load(std::sync::atomic::Ordering::SeqCst), 3);
}

/// What the index does with its rows before it hands them over.
type Lie = Box<dyn Fn(&mut Rows) + Send>;

#[derive(Default)]
struct LyingIndex {
    honest: MemoryIndex,
    lie: Mutex<Option<Lie>>,
}

impl LyingIndex {
    fn told(&self, mut rows: Rows) -> Rows {
        if let Some(lie) = &*self.lie.lock().unwrap() {
            lie(&mut rows);
        }
        rows
    }
    fn tell(&self, lie: impl Fn(&mut Rows) + Send + 'static) {
        *self.lie.lock().unwrap() = Some(Box::new(lie));
    }
}

#[async_trait]
impl Index for LyingIndex {
    async fn objects(&self, slots: &[SlotName], nonce: Nonce) -> Result<Rows, IndexError> {
        self.honest.objects(slots, nonce).await.map(|rows| self.told(rows))
    }
    async fn events(
        &self,
        camera: CameraId,
        before: Option<FootageId>,
        limit: usize,
        nonce: Nonce,
    ) -> Result<Rows, IndexError> {
        self.honest
            .events(camera, before, limit, nonce)
            .await
            .map(|rows| self.told(rows))
    }
    async fn newest_still(&self, camera: CameraId, nonce: Nonce) -> Result<Rows, IndexError> {
        self.honest
            .newest_still(camera, nonce)
            .await
            .map(|rows| self.told(rows))
    }
    async fn commit(&self, new: NewObject) -> Result<Committed, IndexError> {
        self.honest.commit(new).await
    }
    async fn delete_event(
        &self,
        h: HouseholdId,
        c: CameraId,
        e: FootageId,
        rows: Vec<ObjectRow>,
    ) -> Result<Option<Removed>, IndexError> {
        self.honest.delete_event(h, c, e, rows).await
    }
    async fn household_bytes(&self, household: HouseholdId) -> Result<u64, IndexError> {
        self.honest.household_bytes(household).await
    }
    async fn known(&self, names: &[ObjectName]) -> Result<Vec<ObjectName>, IndexError> {
        self.honest.known(names).await
    }
    fn reset(&self) {}
}

#[tokio::test]
async fn an_index_that_lies_is_refused() {
    let index = Arc::new(LyingIndex::default());
    let home = Home::over(Arc::clone(&index) as _, Arc::new(MemoryRegistry::default())).await;
    let (old, new) = (footage_id(), footage_id());
    let (old, new) = (old.min(new), old.max(new));
    home.put(Kind::Still, old, &jpeg(b"old")).await.unwrap();
    for n in 0..3 {
        home.put_event(footage_id(), &format!("event {n}")).await.unwrap();
    }
    let grant = home.grant(Action::Events).await;
    let old_pointer = index
        .newest_still(home.camera, Nonce::from_bytes([0; 16]))
        .await
        .unwrap()
        .rows;
    home.put(Kind::Still, new, &jpeg(b"new")).await.unwrap();
    assert_eq!(newest(&home).await.unwrap(), jpeg(b"new"));
    assert_eq!(home.footage.events(&grant, None, 10).await.unwrap().events.len(), 3);

    // Rows of another camera of the same household, and of the same viewer: still not what was asked for.
    let (_, other) = home.second_camera().await;
    let lies: Vec<(&str, Lie)> = vec![
        ("nonce", Box::new(|rows| rows.nonce = Nonce::from_bytes([9; 16]))),
        (
            "length",
            Box::new(|rows| rows.rows.iter_mut().for_each(|row| row.sealed_length += 1)),
        ),
        (
            "version",
            Box::new(|rows| {
                rows.rows
                    .iter_mut()
                    .for_each(|row| row.version = eyesonly_seal::ObjectVersion::from_bytes([1; 16]))
            }),
        ),
        (
            "name",
            Box::new(|rows| {
                rows.rows
                    .iter_mut()
                    .for_each(|row| row.name = ObjectName::from_bytes([1; 32]))
            }),
        ),
        (
            "twice",
            Box::new(|rows| rows.rows = [rows.rows.clone(), rows.rows.clone()].concat()),
        ),
        (
            "kind",
            Box::new(|rows| rows.rows.iter_mut().for_each(|row| row.kind = Kind::Clip)),
        ),
        (
            "proof",
            Box::new(|rows| rows.rows.iter_mut().for_each(|row| row.proof[0] ^= 1)),
        ),
    ];
    for (what, lie) in lies {
        index.tell(lie);
        let before = count(&home, Seam::Index);
        assert_eq!(newest(&home).await.err(), Some(FootageError::Unavailable), "{what}");
        assert_eq!(
            home.footage.events(&grant, None, 10).await.err(),
            Some(FootageError::Unavailable),
            "{what}"
        );
        assert_eq!(
            count(&home, Seam::Index),
            before + 4,
            "{what}: two questions, each asked twice"
        );
    }
    let pointer = old_pointer.clone();
    index.tell(move |rows| rows.rows = pointer.clone());
    assert_eq!(
        newest(&home).await.err(),
        Some(FootageError::Unavailable),
        "the pointer went back"
    );
    assert!(home.ledger.misdeliveries(Seam::Index, Fault::Stale) > 0);
    index.tell(move |rows| rows.rows = old_pointer.clone());
    assert_eq!(
        home.footage.newest_still(&other).await.err(),
        Some(FootageError::Unavailable),
        "another camera's pointer"
    );
    index.tell(|rows| rows.rows.reverse());
    assert_eq!(
        home.footage.events(&grant, None, 10).await.err(),
        Some(FootageError::Unavailable),
        "oldest first"
    );
    index.tell(|rows| {
        rows.rows
            .iter_mut()
            .for_each(|row| row.inline.as_mut().unwrap()[60] ^= 1)
    });
    assert_eq!(
        home.footage.events(&grant, None, 10).await.err(),
        Some(FootageError::Unavailable),
        "details that do not open"
    );
}

/// What was told: kind and key of each question, and the answer.
type Told = Vec<((&'static str, Vec<u8>), Answer)>;

/// A registry that goes on telling what it told before.
#[derive(Default)]
struct StuckRegistry {
    honest: MemoryRegistry,
    stuck: Mutex<Option<Told>>,
}

#[async_trait]
impl Registry for StuckRegistry {
    async fn read(&self, kind: &'static str, key: &[u8], nonce: Nonce) -> Result<Answer, RegistryError> {
        let now = self.honest.read(kind, key, nonce).await?;
        let mut stuck = self.stuck.lock().unwrap();
        let Some(told) = &mut *stuck else { return Ok(now) };
        let asked = (kind, key.to_vec());
        if let Some((_, then)) = told.iter().find(|(question, _)| *question == asked) {
            // The record of then, dressed as an answer of now.
            return Ok(Answer {
                nonce,
                sequence: now.sequence,
                ..then.clone()
            });
        }
        told.push((asked, now.clone()));
        Ok(now)
    }
    async fn sequence(&self) -> Result<u64, RegistryError> {
        self.honest.sequence().await
    }
    async fn commit(&self, changes: Vec<Change>, sequence: Option<u64>) -> Result<u64, RegistryError> {
        self.honest.commit(changes, sequence).await
    }
    async fn list(&self, kind: &'static str, after: Option<&[u8]>, limit: usize) -> Result<Vec<Listed>, RegistryError> {
        self.honest.list(kind, after, limit).await
    }
    fn reset(&self) {}
}

#[tokio::test]
async fn a_record_of_before_a_revocation_is_refused() {
    let registry = Arc::new(StuckRegistry::default());
    let home = Home::over(Arc::new(MemoryIndex::default()), Arc::clone(&registry) as _).await;
    *registry.stuck.lock().unwrap() = Some(Vec::new());
    assert!(home.admit(home.camera, Action::Live).await.is_ok());
    let told = registry.stuck.lock().unwrap().take();
    home.admin.remove_camera(home.camera).await.unwrap();
    assert!(
        matches!(home.admit(home.camera, Action::Live).await, Err(Refused::NotFound)),
        "the honest answer revokes"
    );
    *registry.stuck.lock().unwrap() = told;
    assert!(matches!(
        home.admit(home.camera, Action::Live).await,
        Err(Refused::Unavailable(_))
    ));
    assert!(home.ledger.misdeliveries(Seam::Registry, Fault::Stale) >= 2);
}

#[tokio::test]
async fn a_long_response_ends_when_its_right_does() {
    let (home, still) = with_still().await;
    let held = home
        .footage
        .newest_still(&home.grant(Action::Live).await)
        .await
        .unwrap();
    let mut pieces = Pieces::new(&held, 0, held.length()).unwrap();
    let mut got = 0;
    while let Some(piece) = pieces.next(&held).await.ok().flatten() {
        got += piece.len();
        if got == 131_072 {
            home.admin.remove_camera(home.camera).await.unwrap();
        }
    }
    assert_eq!(got, 1_048_576, "no byte of the next extent leaves");
    assert!(still.len() > got);
}

#[tokio::test]
async fn renditions_are_made_once_and_belong_to_their_maker() {
    let (home, _) = with_still().await;
    let grant = home.grant(Action::Live).await;
    let source = home.footage.newest_still(&grant).await.unwrap();
    let Recalled::Make(making) = home.footage.recall(&source, &[1; 32], "w320").await.unwrap() else {
        panic!("nothing to recall yet")
    };
    let recall = home.footage.recall(&source, &[1; 32], "w320");
    let remember = async {
        let held = home
            .footage
            .remember(&source, &[1; 32], "w320", b"small".to_vec())
            .await
            .unwrap();
        drop(making);
        all(&held).await.unwrap()
    };
    let (recalled, made) = futures::future::join(recall, remember).await;
    let Recalled::AtHand(held) = recalled.unwrap() else {
        panic!("it waited for the one that makes it")
    };
    assert_eq!(
        (all(&held).await.unwrap(), made),
        (b"small".to_vec(), b"small".to_vec())
    );
    for (handler, name) in [([2; 32], "w320"), ([1; 32], "w640")] {
        let other = home.footage.recall(&source, &handler, name).await.unwrap();
        assert!(matches!(other, Recalled::Make(_)), "{name} of another maker");
    }
    for name in ["", "W", "a/b", "a b", &"x".repeat(33)] {
        assert_eq!(
            home.footage.recall(&source, &[1; 32], name).await.err(),
            Some(FootageError::Invalid),
            "{name}"
        );
    }
    assert_eq!(
        home.footage.recall(&held, &[1; 32], "w100").await.err(),
        Some(FootageError::Invalid),
        "a rendition of a rendition"
    );
    let large = vec![0; 1_000_001];
    assert_eq!(
        home.footage.remember(&source, &[1; 32], "w1", large).await.err(),
        Some(FootageError::Limit)
    );
}

#[tokio::test]
async fn uploads_are_told_apart_and_deletions_stay() {
    let home = Home::new().await;
    let (event, still) = (footage_id(), jpeg(b"at the door"));
    assert!(matches!(
        home.put(Kind::EventStill, event, &still).await,
        Err(IngestError::NoEvent)
    ));
    assert_eq!(home.put_event(event, "first").await.unwrap(), Taken::Created);
    assert_eq!(home.put_event(event, "first").await.unwrap(), Taken::Same);
    assert!(matches!(
        home.put_event(event, "second").await,
        Err(IngestError::Conflict)
    ));
    assert_eq!(home.put(Kind::EventStill, event, &still).await.unwrap(), Taken::Created);
    assert_eq!(home.put(Kind::EventStill, event, &still).await.unwrap(), Taken::Same);
    assert!(matches!(
        home.put(Kind::EventStill, event, &jpeg(b"other")).await,
        Err(IngestError::Conflict)
    ));
    assert_eq!(stored(&home).len(), 1, "what was not taken is not kept");

    let grant = home.grant(Action::Delete).await;
    home.footage.delete_event(&grant, &event.to_string()).await.unwrap();
    assert!(stored(&home).is_empty());
    assert_eq!(
        home.footage.event(&grant, &event.to_string()).await.err(),
        Some(FootageError::NotFound)
    );
    assert_eq!(
        home.footage.event_still(&grant, &event.to_string()).await.err(),
        Some(FootageError::NotFound)
    );
    assert_eq!(
        home.footage.delete_event(&grant, &event.to_string()).await.err(),
        Some(FootageError::NotFound)
    );
    assert!(matches!(
        home.put_event(event, "first").await,
        Err(IngestError::Deleted)
    ));
    assert!(matches!(
        home.put(Kind::EventStill, event, &still).await,
        Err(IngestError::Deleted)
    ));
    assert!(matches!(
        home.put(Kind::Clip, event, b"").await,
        Err(IngestError::Deleted)
    ));
}

#[tokio::test]
async fn two_at_once_make_one_object() {
    let home = Home::new().await;
    let (id, one, two) = (footage_id(), jpeg(b"one"), jpeg(b"two"));
    let results = futures::future::join_all([home.put(Kind::Still, id, &one), home.put(Kind::Still, id, &two)]).await;
    let created = results.iter().filter(|r| matches!(r, Ok(Taken::Created))).count();
    let refused = results
        .iter()
        .filter(|r| matches!(r, Err(IngestError::Conflict)))
        .count();
    assert_eq!((created, refused, stored(&home).len()), (1, 1, 1));
}
