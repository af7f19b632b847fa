//! Lies told to the footage module, one by one: a tier, the store, the index or the registry
//! answers with something else. The module hands out the right footage or an error, and the lie is
//! counted at its seam. Each test first shows that the same question has an answer.

use super::liars::{Lie, LyingIndex, LyingRegistry};
use super::{body, jpeg, newest, stored, with_still};
use crate::footage::FootageError;
use crate::footage::testing::{Home, footage_id};
use crate::index::Index as _;
use crate::index::memory::MemoryIndex;
use crate::ledger::Counts as _;
use crate::registry::memory::MemoryRegistry;
use crate::store::collect_before;
use crate::tiers::{ExtentKey, Tier};
use async_trait::async_trait;
use bytes::Bytes;
use eyesonly_gate::{Claimed, Refused, Sealed, Seam};
use eyesonly_rights::{Action, Fault, Nonce, Position};
use eyesonly_seal::{Kind, ObjectName};
use std::sync::Arc;

fn count(home: &Home, seam: Seam) -> u64 {
    Fault::ALL.iter().map(|(fault, _)| home.ledger.misdeliveries(seam, *fault)).sum()
}

/// A tier that gives the answers that a test sets, until they are evicted. A real tier takes only
/// extents that came out of the vault.
#[derive(Default)]
struct SayingTier {
    says: std::sync::Mutex<std::collections::HashMap<ExtentKey, Claimed>>,
    kept: std::sync::Mutex<std::collections::HashMap<ExtentKey, Sealed>>,
}

#[async_trait]
impl Tier for SayingTier {
    async fn get(&self, key: ExtentKey) -> Option<Claimed> {
        let said = self.says.lock().unwrap().get(&key).cloned();
        said.or_else(|| self.kept.lock().unwrap().get(&key).cloned().map(Claimed::from))
    }
    async fn put(&self, key: ExtentKey, extent: Sealed) {
        self.kept.lock().unwrap().insert(key, extent);
    }
    async fn evict(&self, key: ExtentKey) {
        self.says.lock().unwrap().remove(&key);
        self.kept.lock().unwrap().remove(&key);
    }
}

#[tokio::test]
async fn a_memory_tier_that_lies_is_refused_and_the_store_asked() {
    let tier = Arc::new(SayingTier::default());
    let home = Home::with_tier(Arc::clone(&tier) as _).await;
    let still = jpeg(&body(2_200_000, 1));
    home.put(Kind::Still, footage_id(), &still).await.unwrap();
    assert!(newest(&home).await.unwrap() == still);
    let name = stored(&home)[0].0;
    let honest = [tier.get((name, 0)).await.unwrap(), tier.get((name, 1)).await.unwrap()];
    let mut flipped = honest[1].chunks.to_vec();
    flipped[500_000] ^= 1;
    let lies = [
        Claimed { header: [7; 56], ..honest[1].clone() },
        Claimed { chunks: Bytes::from(flipped), ..honest[1].clone() },
        Claimed { chunks: honest[1].chunks.slice(..1_000_000), ..honest[1].clone() },
        Claimed { chunks: Bytes::new(), ..honest[1].clone() },
        honest[0].clone(),
    ];
    for (n, lie) in lies.into_iter().enumerate() {
        tier.says.lock().unwrap().insert((name, 1), lie);
        let before = count(&home, Seam::MemoryTier);
        assert!(newest(&home).await.unwrap() == still, "lie {n}");
        assert!(count(&home, Seam::MemoryTier) > before, "lie {n} was not counted");
        assert_eq!(
            tier.get((name, 1)).await.unwrap().chunks,
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
    let pieces =
        futures::stream::iter([Ok::<_, std::io::Error>(Bytes::from(jpeg(&body(2_200_000, 2))))]);
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
            if let Some(kept) = home.ladder.first().get((name, extent)).await {
                let start = 56 + extent as usize * 1_049_600;
                assert_eq!(
                    kept.chunks,
                    honest.slice(start..honest.len().min(start + 1_049_600)),
                    "a lie is in the tier"
                );
            }
            home.ladder.first().evict((name, extent)).await;
        }
    }
    home.store.objects.lock().unwrap().insert(name, honest);
    assert!(newest(&home).await.unwrap() == still);
}

#[tokio::test]
async fn a_store_that_hangs_is_not_waited_for() {
    let (home, still) = with_still().await;
    let hangs = |whether| home.store.hangs.store(whether, std::sync::atomic::Ordering::SeqCst);
    hangs(true);
    assert_eq!(newest(&home).await.err(), Some(FootageError::Unavailable));
    hangs(false);
    assert!(newest(&home).await.unwrap() == still);
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
    let old_pointer =
        index.newest_still(home.camera, Nonce::from_bytes([0; 16])).await.unwrap().rows;
    home.put(Kind::Still, new, &jpeg(b"new")).await.unwrap();
    assert_eq!(newest(&home).await.unwrap(), jpeg(b"new"));
    assert_eq!(home.footage.events(&grant, None, 10).await.unwrap().events.len(), 3);

    // Rows of another camera are not what was asked for, although the camera is of the same
    // household, and of the same viewer.
    let (_, other) = home.second_camera().await;
    let lies: Vec<(&str, Lie)> = vec![
        ("nonce", Box::new(|rows| rows.echo = Some(Nonce::from_bytes([9; 16])))),
        ("no nonce", Box::new(|rows| rows.echo = None)),
        ("length", Box::new(|rows| rows.rows.iter_mut().for_each(|row| row.sealed_length += 1))),
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
                rows.rows.iter_mut().for_each(|row| row.name = ObjectName::from_bytes([1; 32]))
            }),
        ),
        ("twice", Box::new(|rows| rows.rows = [rows.rows.clone(), rows.rows.clone()].concat())),
        ("kind", Box::new(|rows| rows.rows.iter_mut().for_each(|row| row.kind = Kind::Clip))),
        ("proof", Box::new(|rows| rows.rows.iter_mut().for_each(|row| row.proof[0] ^= 1))),
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
    assert_eq!(newest(&home).await.err(), Some(FootageError::Unavailable), "the pointer went back");
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
    index.tell(|rows| rows.rows.iter_mut().for_each(|row| row.inline.as_mut().unwrap()[60] ^= 1));
    assert_eq!(
        home.footage.events(&grant, None, 10).await.err(),
        Some(FootageError::Unavailable),
        "details that do not open"
    );
}

#[tokio::test]
async fn a_record_of_before_a_revocation_is_refused() {
    let registry = Arc::new(LyingRegistry::default());
    let home = Home::over(Arc::new(MemoryIndex::default()), Arc::clone(&registry) as _).await;
    registry.stick(false);
    assert!(home.admit(home.camera, Action::Live).await.is_ok());
    registry.tell_nothing_to_administration(true);
    home.admin.remove_camera(home.camera).await.unwrap();
    registry.tell_nothing_to_administration(false);
    assert!(matches!(home.admit(home.camera, Action::Live).await, Err(Refused::Unavailable(..))));
    assert!(home.ledger.misdeliveries(Seam::Registry, Fault::Stale) >= 2);
    registry.tell(|_, _| {});
    assert!(
        matches!(home.admit(home.camera, Action::Live).await, Err(Refused::NotFound)),
        "the honest answer revokes"
    );
}

#[tokio::test]
async fn a_registry_that_claims_no_freshness_is_refused() {
    let registry = Arc::new(LyingRegistry::default());
    let home = Home::over(Arc::new(MemoryIndex::default()), Arc::clone(&registry) as _).await;
    registry.tell(|_, answer| answer.echo = None);
    let refused = home.admit(home.camera, Action::Live).await;
    assert!(matches!(refused, Err(Refused::Unavailable(..))));
    assert_eq!(home.ledger.misdeliveries(Seam::Registry, Fault::WrongAnswer), 2);
}

/// The index leaves out live rows, and nothing that was acknowledged is deleted.
#[tokio::test]
async fn what_was_acknowledged_is_not_collected_for_want_of_a_row() {
    let index = Arc::new(LyingIndex::default());
    let home = Home::over(Arc::clone(&index) as _, Arc::new(MemoryRegistry::default())).await;
    let still = jpeg(b"at the door");
    home.put(Kind::Still, footage_id(), &still).await.unwrap();
    *index.withholds.lock().unwrap() = true;
    let before = count(&home, Seam::Index);
    let collected = collect_before(&home.catalogue, &*home.store, u64::MAX).await;
    assert_eq!((collected.unwrap(), stored(&home).len()), (0, 1));
    assert!(count(&home, Seam::Index) > before, "and it is counted");
    *index.withholds.lock().unwrap() = false;
    assert_eq!(newest(&home).await.unwrap(), still);
    // A catalogue without that memory loses the object, so the memory is what keeps it.
    *index.withholds.lock().unwrap() = true;
    let forgetful =
        crate::catalogue::Catalogue::new(Arc::clone(&index) as _, Arc::clone(&home.records));
    let collected = collect_before(&forgetful, &*home.store, u64::MAX).await;
    assert_eq!((collected.unwrap(), stored(&home).len()), (1, 0));
}

/// A commit comes between a question and the check of its answer. The answer is of now all the
/// same. As the answer to a later question it would be stale.
#[tokio::test]
async fn what_is_written_during_a_question_makes_its_answer_no_stale_one() {
    let home = Home::new().await;
    let asked = home.records.question();
    let position = home.records.position().await.unwrap();
    home.admin.add_camera(home.household, "Garden", "", None).await.unwrap();
    let check = |asked: (Nonce, Position)| home.records.check(asked, Some(asked.0), Some(position));
    assert_eq!(check(asked), Ok(()));
    assert_eq!(check(home.records.question()), Err(Fault::Stale));
}
