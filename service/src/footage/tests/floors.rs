//! A record's own number, which is under its seal, raises what later answers must reach.

use super::liars::LyingRegistry;
use crate::ledger::{Counts as _, MemoryLedger};
use crate::testing::{FixedKeys, Residents, doors};
use eyesonly_gate::registry::{Expect, Nonce, Position};
use eyesonly_gate::{Keys as _, Records, Registry as _, Seam};
use eyesonly_rights::{Fault, Mint, Record as _, ViewerRecord};
use std::sync::Arc;

const RESIDENTS: Residents = Residents::new(0);

/// A registry in which a viewer's rights were taken away, and the sealed record of before.
struct Scene {
    keys: Arc<FixedKeys>,
    registry: Arc<LyingRegistry>,
    before: Vec<u8>,
}

impl Scene {
    async fn new() -> Self {
        let (keys, registry) = (Arc::new(FixedKeys::default()), Arc::new(LyingRegistry::default()));
        let mint = Mint::new(keys.edge());
        let (writer, _) = doors(
            Arc::clone(&keys) as _,
            Arc::clone(&registry) as _,
            Arc::new(MemoryLedger::default()),
        );
        RESIDENTS.move_in(&writer, &mint).await;
        let names = [(ViewerRecord::KIND, RESIDENTS.viewer.as_bytes().as_slice())];
        let before =
            registry.read(&names, Nonce::from_bytes([7; 16])).await.unwrap().records.remove(0);
        RESIDENTS.write_rights(&writer, &mint, vec![], Expect::Any).await;
        Self { keys, registry, before: before.unwrap() }
    }

    /// Returns a client that has asked for nothing yet, and its ledger.
    fn reader(&self) -> (Arc<Records>, Arc<MemoryLedger>) {
        let (keys, ledger) = (Arc::clone(&self.keys), Arc::new(MemoryLedger::default()));
        let (reader, _) = doors(keys, Arc::clone(&self.registry) as _, Arc::clone(&ledger) as _);
        (reader, ledger)
    }
}

/// Returns the number of cameras in the viewer's record, if an answer is proven.
async fn cameras(reader: &Records) -> Option<usize> {
    let read = reader.read::<ViewerRecord>(RESIDENTS.viewer.as_bytes()).await;
    read.ok().map(|record| record.unwrap().cameras.len())
}

#[tokio::test]
async fn an_older_record_is_rejected_once_a_newer_one_was_read() {
    let scene = Scene::new().await;
    let (reader, ledger) = scene.reader();
    assert_eq!(cameras(&reader).await, Some(0));
    let before = scene.before.clone();
    scene.registry.tell(move |_, answer| answer.records = vec![Some(before.clone())]);
    assert_eq!(cameras(&reader).await, None);
    assert!(ledger.misdeliveries(Seam::Registry, Fault::Stale) > 0);
    // Whoever has read nothing can't know better: the control.
    assert_eq!(cameras(&scene.reader().0).await, Some(1));
}

#[tokio::test]
async fn a_position_before_a_record_that_was_read_is_rejected() {
    let scene = Scene::new().await;
    let (reader, ledger) = scene.reader();
    assert_eq!(cameras(&reader).await, Some(0));
    scene.registry.tell(|_, answer| {
        let Position { rights, sessions } = answer.position;
        answer.position = Position::new(rights.epoch, rights.number - 1, sessions.number);
    });
    assert!(reader.position().await.is_err());
    assert!(ledger.misdeliveries(Seam::Registry, Fault::Stale) > 0);
    assert!(scene.reader().0.position().await.is_ok(), "the control");
}
