//! The suite for every key-value store and for what stands on it: one for all of them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "for tests: a failed expectation is the point"
)]

use super::{KeyValue, KvIndex, KvRegistry, KvStore};
use std::sync::Arc;

/// Runs the suite, for which `new` makes an empty store.
pub async fn check(new: &dyn Fn() -> Arc<dyn KeyValue>) {
    values_are_read_back(&*new());
    crate::registry::conformance::check(&KvRegistry::new(new())).await;
    crate::index::conformance::check(&KvIndex::new(new())).await;
    crate::store::conformance::check(&KvStore::new(new())).await;
}

fn values_are_read_back(kv: &dyn KeyValue) {
    assert_eq!(kv.get("a").unwrap(), None);
    kv.set("a", b"one").unwrap();
    kv.set("b", b"").unwrap();
    assert_eq!(kv.get("a").unwrap().as_deref(), Some(b"one".as_slice()));
    assert_eq!(kv.get("b").unwrap(), Some(Vec::new()), "empty is not absent");
    let keys = ["b", "c", "a", "a"].map(str::to_owned);
    let one = Some(b"one".to_vec());
    assert_eq!(
        kv.get_many(&keys).unwrap(),
        [Some(Vec::new()), None, one.clone(), one],
        "in the order of the keys"
    );
    assert!(kv.get_many(&[]).unwrap().is_empty());
    assert!(!kv.swap("a", None, b"two").unwrap(), "there is one");
    assert!(!kv.swap("a", Some(b"other"), b"two").unwrap());
    assert!(!kv.swap("d", Some(b""), b"two").unwrap(), "absent is not empty");
    assert!(kv.swap("a", Some(b"one"), b"two").unwrap());
    assert!(kv.swap("d", None, b"four").unwrap());
    assert_eq!(kv.get("a").unwrap().as_deref(), Some(b"two".as_slice()));
    kv.set("da", b"x").unwrap();
    assert_eq!(kv.list("d").unwrap(), ["d", "da"]);
    kv.delete_many(&["a", "z", "d"].map(str::to_owned)).unwrap();
    assert_eq!(kv.list("").unwrap(), ["b", "da"]);
    kv.delete_many(&["b", "da"].map(str::to_owned)).unwrap();
}
