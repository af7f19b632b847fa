//! What every registry does: one suite for all implementations of the seam.
//!
//! It must never look past the trait: what it asserts is what the trait's documentation says.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "for tests: a failed expectation is the point"
)]

use super::{
    CHANGES_MAX, Change, Expect, LIST_MAX, Nonce, RECORD_BYTES_MAX, RECORD_KEY_BYTES_MAX, Registry, RegistryError,
};

/// Runs the suite against a new, empty registry. Panics where the registry does not conform.
pub async fn check(registry: &dyn Registry) {
    nothing_is_at_sequence_0(registry).await;
    a_commit_is_read_back(registry).await;
    a_wrong_expectation_changes_nothing(registry).await;
    commits_without_a_sequence_take_the_next(registry).await;
    a_removed_record_is_absent(registry).await;
    kinds_and_keys_are_apart(registry).await;
    a_listing_pages_by_key(registry).await;
    limits_are_refused(registry).await;
    answers_survive_a_reset(registry).await;
}

fn change(kind: &'static str, key: &[u8], expect: Expect, record: Option<&[u8]>) -> Change {
    Change {
        kind,
        key: key.to_vec(),
        expect,
        record: record.map(<[u8]>::to_vec),
    }
}

/// Reads, checks that the nonce came back, and returns record, its sequence, and the registry's.
async fn read(registry: &dyn Registry, kind: &'static str, key: &[u8]) -> (Option<Vec<u8>>, u64, u64) {
    for byte in [0x00, 0x5a, 0xff] {
        let nonce = Nonce::from_bytes([byte; 16]);
        let answer = registry.read(kind, key, nonce).await.unwrap();
        assert_eq!(answer.nonce, nonce, "the question's nonce comes back");
        assert_eq!(answer.sequence, registry.sequence().await.unwrap());
        if byte == 0xff {
            return (answer.record, answer.record_sequence, answer.sequence);
        }
    }
    unreachable!()
}

async fn nothing_is_at_sequence_0(registry: &dyn Registry) {
    assert_eq!(registry.sequence().await.unwrap(), 0);
    assert_eq!(read(registry, "viewer", b"alder").await, (None, 0, 0));
    assert!(registry.list("viewer", None, LIST_MAX).await.unwrap().is_empty());
}

async fn a_commit_is_read_back(registry: &dyn Registry) {
    let first = vec![
        change("viewer", b"alder", Expect::Absent, Some(b"one")),
        change("viewer", b"birch", Expect::Absent, Some(b"")),
    ];
    assert_eq!(registry.commit(first, Some(1)).await.unwrap(), 1);
    assert_eq!(read(registry, "viewer", b"alder").await, (Some(b"one".to_vec()), 1, 1));
    assert_eq!(
        read(registry, "viewer", b"birch").await,
        (Some(Vec::new()), 1, 1),
        "empty is not absent"
    );

    let second = vec![change("viewer", b"alder", Expect::At(1), Some(b"two"))];
    assert_eq!(registry.commit(second, Some(2)).await.unwrap(), 2);
    assert_eq!(read(registry, "viewer", b"alder").await, (Some(b"two".to_vec()), 2, 2));
    assert_eq!(
        read(registry, "viewer", b"birch").await,
        (Some(Vec::new()), 1, 2),
        "its own sequence stays"
    );
    assert_eq!(
        read(registry, "viewer", b"cedar").await,
        (None, 0, 2),
        "an absence carries the registry's sequence"
    );
}

async fn a_wrong_expectation_changes_nothing(registry: &dyn Registry) {
    let before = registry.sequence().await.unwrap();
    let next = before + 1;
    let cases = [
        ("the sequence is taken", Expect::Any, Some(before)),
        ("the sequence is too far", Expect::Any, Some(next + 1)),
        ("sequence 0", Expect::Any, Some(0)),
        ("the greatest sequence", Expect::Any, Some(u64::MAX)),
        ("there is a record", Expect::Absent, Some(next)),
        ("it was written since", Expect::At(1), Some(next)),
        ("it was never written then", Expect::At(u64::MAX), None),
    ];
    for (case, expect, sequence) in cases {
        // The first change of each would be fine by itself: it must not stay.
        let changes = vec![
            change("viewer", b"maple", Expect::Absent, Some(b"new")),
            change("viewer", b"birch", Expect::At(1), None),
            change("viewer", b"alder", expect, Some(b"three")),
        ];
        let found = registry.commit(changes, sequence).await;
        assert!(matches!(found, Err(RegistryError::Conflict)), "{case}: {found:?}");
        assert_eq!(registry.sequence().await.unwrap(), before, "{case}");
        assert_eq!(read(registry, "viewer", b"maple").await.0, None, "{case}");
        assert_eq!(read(registry, "viewer", b"birch").await.0, Some(Vec::new()), "{case}");
        assert_eq!(
            read(registry, "viewer", b"alder").await,
            (Some(b"two".to_vec()), 2, before),
            "{case}"
        );
    }
    let absent = registry
        .commit(vec![change("viewer", b"cedar", Expect::At(1), Some(b"x"))], Some(next))
        .await;
    assert!(
        matches!(absent, Err(RegistryError::Conflict)),
        "what is absent was written at no sequence"
    );
}

async fn commits_without_a_sequence_take_the_next(registry: &dyn Registry) {
    let next = registry.sequence().await.unwrap() + 1;
    let session = vec![change("session", b"s1", Expect::Absent, Some(b"live"))];
    assert_eq!(registry.commit(session, None).await.unwrap(), next);
    assert_eq!(
        read(registry, "session", b"s1").await,
        (Some(b"live".to_vec()), next, next)
    );
    let any = vec![change("session", b"s1", Expect::Any, Some(b"again"))];
    assert_eq!(registry.commit(any, None).await.unwrap(), next + 1);
    assert_eq!(
        registry.commit(Vec::new(), Some(next + 2)).await.unwrap(),
        next + 2,
        "each commit adds one"
    );
}

async fn a_removed_record_is_absent(registry: &dyn Registry) {
    let at = read(registry, "session", b"s1").await.1;
    let sequence = registry
        .commit(vec![change("session", b"s1", Expect::At(at), None)], None)
        .await
        .unwrap();
    assert_eq!(read(registry, "session", b"s1").await, (None, 0, sequence));
    let again = registry
        .commit(vec![change("session", b"s1", Expect::Any, None)], None)
        .await
        .unwrap();
    assert_eq!(again, sequence + 1, "to end what has ended is no error");
    let back = registry
        .commit(vec![change("session", b"s1", Expect::Absent, Some(b"x"))], None)
        .await
        .unwrap();
    assert_eq!(
        read(registry, "session", b"s1").await.1,
        back,
        "the sequence never starts again"
    );
}

async fn kinds_and_keys_are_apart(registry: &dyn Registry) {
    let next = registry.sequence().await.unwrap() + 1;
    let changes = vec![
        change("login", b"alder", Expect::Absent, Some(b"hash")),
        change("login", b"alder\0", Expect::Absent, Some(b"longer")),
        change("login", b"Alder", Expect::Absent, Some(b"upper")),
        change("login", &[0xff, 0x00], Expect::Absent, Some(b"bytes")),
    ];
    registry.commit(changes, Some(next)).await.unwrap();
    assert_eq!(
        read(registry, "login", b"alder").await.0.as_deref(),
        Some(b"hash".as_slice())
    );
    assert_eq!(
        read(registry, "login", b"alder\0").await.0.as_deref(),
        Some(b"longer".as_slice())
    );
    assert_eq!(
        read(registry, "login", b"Alder").await.0.as_deref(),
        Some(b"upper".as_slice())
    );
    assert_eq!(
        read(registry, "login", &[0xff, 0x00]).await.0.as_deref(),
        Some(b"bytes".as_slice())
    );
    assert_eq!(read(registry, "login", b"alde").await.0, None);
    assert_eq!(
        read(registry, "viewer", b"alder").await.0.as_deref(),
        Some(b"two".as_slice())
    );
}

async fn a_listing_pages_by_key(registry: &dyn Registry) {
    let changes = (0..5u8)
        .rev()
        .map(|key| change("camera", &[key, 9], Expect::Absent, Some(&[key])))
        .collect();
    let sequence = registry.commit(changes, None).await.unwrap();
    let mut keys = Vec::new();
    loop {
        let page = registry
            .list("camera", keys.last().map(Vec::as_slice), 2)
            .await
            .unwrap();
        assert!(page.len() <= 2);
        if page.is_empty() {
            break;
        }
        for row in page {
            assert_eq!((row.record.as_slice(), row.sequence), (&row.key[..1], sequence));
            keys.push(row.key);
        }
    }
    assert_eq!(keys, [[0, 9], [1, 9], [2, 9], [3, 9], [4, 9]]);
    assert_eq!(
        registry.list("camera", Some(&[2]), LIST_MAX).await.unwrap().len(),
        3,
        "after a key that is not there"
    );
    assert!(registry.list("camera", None, 0).await.unwrap().is_empty());
}

async fn limits_are_refused(registry: &dyn Registry) {
    let before = registry.sequence().await.unwrap();
    let long = vec![0; RECORD_BYTES_MAX + 1];
    let ending = |key: u32| change("session", &key.to_be_bytes(), Expect::Any, None);
    let cases = [
        ("no key", vec![change("viewer", b"", Expect::Any, Some(b"x"))]),
        (
            "a long key",
            vec![change(
                "viewer",
                &[1; RECORD_KEY_BYTES_MAX + 1],
                Expect::Any,
                Some(b"x"),
            )],
        ),
        (
            "a long record",
            vec![change("viewer", b"long", Expect::Any, Some(&long))],
        ),
        ("many changes", (0..=CHANGES_MAX as u32).map(ending).collect()),
    ];
    for (case, changes) in cases {
        let found = registry.commit(changes, None).await;
        assert!(matches!(found, Err(RegistryError::Limit(_))), "{case}: {found:?}");
    }
    let found = registry.list("viewer", None, LIST_MAX + 1).await;
    assert!(matches!(found, Err(RegistryError::Limit(_))), "a long page: {found:?}");
    assert_eq!(registry.sequence().await.unwrap(), before);

    let longest = vec![
        change("viewer", &[1; RECORD_KEY_BYTES_MAX], Expect::Absent, Some(&long[1..])),
        change("viewer", b"x", Expect::Absent, Some(b"x")),
    ];
    registry.commit(longest, None).await.unwrap();
    assert_eq!(
        read(registry, "viewer", &[1; RECORD_KEY_BYTES_MAX])
            .await
            .0
            .unwrap()
            .len(),
        RECORD_BYTES_MAX
    );
    registry
        .commit((0..CHANGES_MAX as u32).map(ending).collect(), None)
        .await
        .unwrap();
}

async fn answers_survive_a_reset(registry: &dyn Registry) {
    let before = read(registry, "viewer", b"alder").await;
    registry.reset();
    registry.reset();
    assert_eq!(read(registry, "viewer", b"alder").await, before);
}
