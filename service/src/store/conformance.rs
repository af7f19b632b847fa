//! The suite for every store: one for all of them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "for tests: a failed expectation is the point"
)]

use super::{Store, StoreError};
use crate::testing;
use eyesonly_seal::ObjectName;

fn name(n: u8) -> ObjectName {
    ObjectName::from_bytes([n; 32])
}

/// Runs the suite on an empty store.
pub async fn check(store: &dyn Store) {
    objects_are_read_back(store).await;
    uploads_appear_whole_or_not_at_all(store).await;
    the_sweep_lists_what_is_there(store).await;
}

async fn objects_are_read_back(store: &dyn Store) {
    let part = testing::part(1, 256);
    let body = part.bytes().clone();
    assert!(matches!(store.get(name(1), &[(0, 1)]).await, Err(StoreError::NotFound)));
    store.put(name(1), part).await.unwrap();
    assert!(matches!(store.put(name(1), testing::part(2, 100)).await, Err(StoreError::Exists)));
    let parts = store.get(name(1), &[(0, 56), (200, 56)]).await.unwrap();
    assert_eq!(parts, [body.slice(0..56), body.slice(200..256)]);
    assert!(matches!(store.get(name(1), &[(200, 57)]).await, Err(StoreError::Short)));
    assert!(matches!(store.get(name(1), &[(300, 1)]).await, Err(StoreError::Short)));
    store.delete(name(1)).await.unwrap();
    store.delete(name(1)).await.unwrap();
    assert!(matches!(store.get(name(1), &[(0, 1)]).await, Err(StoreError::NotFound)));
}

async fn uploads_appear_whole_or_not_at_all(store: &dyn Store) {
    let (parts, last) = testing::parts(3, store.part_bytes(), 2 * store.part_bytes());
    let [part, ..] = parts.as_slice() else { panic!("no part") };
    let mut upload = store.begin(name(2)).await.unwrap();
    let mut length = 0;
    for part in &parts {
        length += part.bytes().len() as u64;
        upload.part(part.clone()).await.unwrap();
    }
    upload.part(last.clone()).await.unwrap();
    assert!(
        matches!(store.get(name(2), &[(0, 1)]).await, Err(StoreError::NotFound)),
        "not before it is finished"
    );
    upload.finish().await.unwrap();
    let end = store.get(name(2), &[(length, last.bytes().len() as u64)]).await.unwrap();
    assert_eq!(end, [last.bytes().clone()]);
    let mut upload = store.begin(name(3)).await.unwrap();
    upload.part(part.clone()).await.unwrap();
    upload.abort().await;
    assert!(matches!(store.get(name(3), &[(0, 1)]).await, Err(StoreError::NotFound)));
}

async fn the_sweep_lists_what_is_there(store: &dyn Store) {
    store.put(name(4), testing::part(4, 100)).await.unwrap();
    let mut names: Vec<_> =
        store.sweep(u64::MAX).await.unwrap().into_iter().map(|listed| listed.name).collect();
    names.sort();
    assert_eq!(names, [name(2), name(4)]);
}
