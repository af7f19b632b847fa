//! Tests of what happens to a camera in the middle of an upload.

use super::liars::LyingIndex;
use super::{Home, footage_id, jpeg};
use crate::ingest::IngestError;
use crate::registry::memory::MemoryRegistry;
use eyesonly_rights::Action;
use eyesonly_seal::Kind;
use std::sync::Arc;

/// Hands in a still, and does something to the camera when the still is committed and nobody knows
/// yet. The upload is refused.
async fn meanwhile(home: &Home, index: &LyingIndex, act: impl AsyncFnOnce(&Home)) {
    let held = index.held.lock().await;
    let bytes = async || home.catalogue.index().household_bytes(home.household).await.unwrap();
    let before = bytes().await;
    let acts = async {
        // The rest of the upload waits for the index alone.
        while bytes().await == before {
            tokio::task::yield_now().await;
        }
        act(home).await;
        drop(held);
    };
    let still = jpeg(&[1; 1500]);
    let (taken, ()) = tokio::join!(home.put(Kind::Still, footage_id(), &still), acts);
    assert!(matches!(taken, Err(IngestError::Revoked)), "{taken:?}");
}

async fn home() -> (Home, Arc<LyingIndex>) {
    let index = Arc::new(LyingIndex::default());
    let registry = Arc::new(MemoryRegistry::default());
    let home = Home::over(Arc::clone(&index) as _, registry).await;
    home.put(Kind::Still, footage_id(), &jpeg(&[2; 200])).await.unwrap();
    (home, index)
}

#[tokio::test]
async fn a_new_credential_takes_no_footage_along() {
    let (home, index) = home().await;
    meanwhile(&home, &index, async |home| {
        home.admin.renew_credential(home.camera).await.unwrap();
    })
    .await;
    let grant = home.grant(Action::Live).await;
    home.footage.newest_still(&grant).await.unwrap();
}

#[tokio::test]
async fn a_removal_leaves_no_footage_behind() {
    let (home, index) = home().await;
    meanwhile(&home, &index, async |home| {
        home.admin.remove_camera(home.camera).await.unwrap();
    })
    .await;
    assert_eq!(home.catalogue.index().household_bytes(home.household).await.unwrap(), 0);
}
