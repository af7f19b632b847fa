//! The suite for every registry: one for all implementations of the seam.
//!
//! It must never look past the trait: it asserts only what the trait's documentation says.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "for tests: a failed expectation is the point"
)]

use eyesonly_gate::registry::{
    ASKED_MAX, CHANGES_MAX, Change, Expect, LIST_MAX, Nonce, Position, RECORD_BYTES_MAX,
    RECORD_KEY_BYTES_MAX, Registry, RegistryError,
};

/// Runs the suite against a new, empty registry. Panics if the registry does not conform.
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
    Change { kind, key: key.to_vec(), expect, record: record.map(<[u8]>::to_vec) }
}

/// Reads several records and returns them with the position. Checks that the nonce, if one came
/// back, is the question's.
async fn ask(
    registry: &dyn Registry,
    names: &[(&'static str, &[u8])],
) -> (Vec<Option<Vec<u8>>>, Position) {
    let nonce = Nonce::from_bytes([0x5a; 16]);
    let answer = registry.read(names, nonce).await.unwrap();
    assert!(answer.echo.is_none_or(|echo| echo == nonce), "the question's nonce comes back");
    assert_eq!(answer.records.len(), names.len());
    (answer.records, answer.position)
}

/// Asks a registry that hands nonces back, and checks that each question gets its own.
pub async fn echoes(registry: &dyn Registry) {
    for byte in [0x00, 0x5a, 0xff] {
        let nonce = Nonce::from_bytes([byte; 16]);
        assert_eq!(registry.read(&[], nonce).await.unwrap().echo, Some(nonce));
        assert_eq!(registry.read(&[("viewer", b"nobody")], nonce).await.unwrap().echo, Some(nonce));
        assert_eq!(registry.list("viewer", None, 1, nonce).await.unwrap().echo, Some(nonce));
    }
}

async fn position(registry: &dyn Registry) -> Position {
    ask(registry, &[]).await.1
}

async fn rights(registry: &dyn Registry) -> u64 {
    position(registry).await.rights.number
}

async fn sessions(registry: &dyn Registry) -> u64 {
    position(registry).await.sessions.number
}

/// Reads one record.
async fn read(registry: &dyn Registry, kind: &'static str, key: &[u8]) -> Option<Vec<u8>> {
    ask(registry, &[(kind, key)]).await.0.remove(0)
}

async fn keys(
    registry: &dyn Registry,
    kind: &'static str,
    after: Option<&[u8]>,
    limit: usize,
) -> Vec<Vec<u8>> {
    let nonce = Nonce::from_bytes([0x11; 16]);
    let listing = registry.list(kind, after, limit, nonce).await.unwrap();
    assert!(listing.echo.is_none_or(|echo| echo == nonce));
    assert_eq!(listing.position, position(registry).await);
    listing.keys
}

/// Commits rights for the next number, which must be reached.
async fn commit(registry: &dyn Registry, changes: Vec<Change>) -> u64 {
    let next = rights(registry).await + 1;
    let reached = registry.commit(changes, Some(next)).await.unwrap();
    assert_eq!(reached.rights.number, next);
    assert_eq!(reached, position(registry).await);
    next
}

async fn nothing_is_at_sequence_0(registry: &dyn Registry) {
    assert_eq!((rights(registry).await, sessions(registry).await), (0, 0));
    assert_eq!(read(registry, "viewer", b"alder").await, None);
    assert!(keys(registry, "viewer", None, LIST_MAX).await.is_empty());
}

async fn a_commit_is_read_back(registry: &dyn Registry) {
    let first = vec![
        change("viewer", b"alder", Expect::Absent, Some(b"one")),
        change("viewer", b"birch", Expect::Absent, Some(b"")),
    ];
    assert_eq!(commit(registry, first).await, 1);
    assert_eq!(read(registry, "viewer", b"alder").await, Some(b"one".to_vec()));
    assert_eq!(read(registry, "viewer", b"birch").await, Some(Vec::new()), "empty is not absent");

    let second = vec![change("viewer", b"alder", Expect::At(1), Some(b"two"))];
    assert_eq!(commit(registry, second).await, 2);
    let names: [(&'static str, &[u8]); 3] =
        [("viewer", b"birch"), ("viewer", b"cedar"), ("viewer", b"alder")];
    let (records, position) = ask(registry, &names).await;
    assert_eq!(
        records,
        [Some(Vec::new()), None, Some(b"two".to_vec())],
        "in their order, from one snapshot"
    );
    assert_eq!(position.rights.number, 2, "an absence has a position too");
}

async fn a_wrong_expectation_changes_nothing(registry: &dyn Registry) {
    let before = position(registry).await;
    let next = before.rights.number + 1;
    let cases = [
        ("the number is taken", Expect::Any, Some(next - 1)),
        ("the number is too far", Expect::Any, Some(next + 1)),
        ("number 0", Expect::Any, Some(0)),
        ("the greatest number", Expect::Any, Some(u64::MAX)),
        ("there is a record", Expect::Absent, Some(next)),
        ("there is none", Expect::Present, Some(next)),
        ("it was written since", Expect::At(1), Some(next)),
        ("it was never written then", Expect::At(u64::MAX), None),
    ];
    for (case, expect, number) in cases {
        let key: &[u8] = if expect == Expect::Present { b"cedar" } else { b"alder" };
        // The first changes of each case would be fine by themselves: they must not stay.
        let changes = vec![
            change("viewer", b"maple", Expect::Absent, Some(b"new")),
            change("viewer", b"birch", Expect::At(1), None),
            change("viewer", key, expect, Some(b"three")),
        ];
        let found = registry.commit(changes, number).await;
        assert!(matches!(found, Err(RegistryError::Conflict)), "{case}: {found:?}");
        assert_eq!(position(registry).await, before, "{case}");
        assert_eq!(read(registry, "viewer", b"maple").await, None, "{case}");
        assert_eq!(read(registry, "viewer", b"birch").await, Some(Vec::new()), "{case}");
        assert_eq!(read(registry, "viewer", b"alder").await, Some(b"two".to_vec()), "{case}");
    }
    let absent = registry
        .commit(vec![change("viewer", b"cedar", Expect::At(1), Some(b"x"))], Some(next))
        .await;
    assert!(
        matches!(absent, Err(RegistryError::Conflict)),
        "what is absent was written at no number"
    );
    let own = registry
        .commit(vec![change("viewer", b"birch", Expect::At(2), Some(b"x"))], Some(next))
        .await;
    assert!(matches!(own, Err(RegistryError::Conflict)), "its own number stays");
}

async fn commits_without_a_sequence_take_the_next(registry: &dyn Registry) {
    let (rights_before, next) = (rights(registry).await, sessions(registry).await + 1);
    let session = vec![change("session", b"s1", Expect::Absent, Some(b"live"))];
    assert_eq!(registry.commit(session, None).await.unwrap().sessions.number, next);
    assert_eq!(read(registry, "session", b"s1").await, Some(b"live".to_vec()));
    let again = vec![change("session", b"s1", Expect::At(next), Some(b"again"))];
    assert_eq!(registry.commit(again, None).await.unwrap().sessions.number, next + 1);
    // A registry may keep one count for both.
    let rights_now = rights(registry).await;
    let one_count = rights_now != rights_before;
    assert!(
        !one_count || rights_now == sessions(registry).await,
        "a session changes nobody's rights"
    );
    assert_eq!(commit(registry, Vec::new()).await, rights_now + 1, "each commit adds one");
    let next = if one_count { next + 2 } else { next + 1 };
    assert_eq!(sessions(registry).await, next);
    let both = vec![
        change("session", b"s2", Expect::Absent, Some(b"live")),
        change("login", b"s2", Expect::Absent, Some(b"hash")),
    ];
    assert_eq!(commit(registry, both).await, rights_now + 2);
    assert_eq!(sessions(registry).await, next + 1, "a commit of both raises both");
}

async fn a_removed_record_is_absent(registry: &dyn Registry) {
    // What is there can be written again without its number.
    let again = vec![change("session", b"s1", Expect::Present, Some(b"live"))];
    registry.commit(again, None).await.unwrap();
    let remove = || vec![change("session", b"s1", Expect::Any, None)];
    let reached = registry.commit(remove(), None).await.unwrap();
    assert_eq!(read(registry, "session", b"s1").await, None);
    let again = registry.commit(remove(), None).await.unwrap();
    assert_eq!(
        again.sessions.number,
        reached.sessions.number + 1,
        "to end what has ended is no error"
    );
    let back = registry
        .commit(vec![change("session", b"s1", Expect::Absent, Some(b"x"))], None)
        .await
        .unwrap();
    assert!(back.sessions > again.sessions, "the count never starts again");
}

async fn kinds_and_keys_are_apart(registry: &dyn Registry) {
    let changes = vec![
        change("login", b"alder", Expect::Absent, Some(b"hash")),
        change("login", b"alder\0", Expect::Absent, Some(b"longer")),
        change("login", b"Alder", Expect::Absent, Some(b"upper")),
        change("login", &[0xff, 0x00], Expect::Absent, Some(b"bytes")),
    ];
    commit(registry, changes).await;
    assert_eq!(read(registry, "login", b"alder").await.as_deref(), Some(b"hash".as_slice()));
    assert_eq!(read(registry, "login", b"alder\0").await.as_deref(), Some(b"longer".as_slice()));
    assert_eq!(read(registry, "login", b"Alder").await.as_deref(), Some(b"upper".as_slice()));
    assert_eq!(read(registry, "login", &[0xff, 0x00]).await.as_deref(), Some(b"bytes".as_slice()));
    assert_eq!(read(registry, "login", b"alde").await, None);
    assert_eq!(read(registry, "viewer", b"alder").await.as_deref(), Some(b"two".as_slice()));
}

async fn a_listing_pages_by_key(registry: &dyn Registry) {
    let changes = (0..5u8)
        .rev()
        .map(|key| change("camera", &[key, 9], Expect::Absent, Some(&[key])))
        .collect();
    commit(registry, changes).await;
    let mut found: Vec<Vec<u8>> = Vec::new();
    loop {
        let page = keys(registry, "camera", found.last().map(Vec::as_slice), 2).await;
        assert!(page.len() <= 2);
        if page.is_empty() {
            break;
        }
        found.extend(page);
    }
    assert_eq!(found, [[0, 9], [1, 9], [2, 9], [3, 9], [4, 9]]);
    assert_eq!(
        keys(registry, "camera", Some(&[2]), LIST_MAX).await.len(),
        3,
        "after a key that is not there"
    );
    assert!(keys(registry, "camera", None, 0).await.is_empty());
}

async fn limits_are_refused(registry: &dyn Registry) {
    let before = position(registry).await;
    let long = vec![0; RECORD_BYTES_MAX + 1];
    let ending = |key: u32| change("session", &key.to_be_bytes(), Expect::Any, None);
    let cases = [
        ("no key", vec![change("viewer", b"", Expect::Any, Some(b"x"))]),
        (
            "a long key",
            vec![change("viewer", &[1; RECORD_KEY_BYTES_MAX + 1], Expect::Any, Some(b"x"))],
        ),
        ("a long record", vec![change("viewer", b"long", Expect::Any, Some(&long))]),
        ("many changes", (0..=CHANGES_MAX as u32).map(ending).collect()),
    ];
    for (case, changes) in cases {
        let found = registry.commit(changes, None).await;
        assert!(matches!(found, Err(RegistryError::Limit(_))), "{case}: {found:?}");
    }
    let found = registry.list("viewer", None, LIST_MAX + 1, Nonce::from_bytes([1; 16])).await;
    assert!(matches!(found, Err(RegistryError::Limit(_))), "a long page: {found:?}");
    let many = vec![("viewer", b"x".as_slice()); ASKED_MAX + 1];
    let found = registry.read(&many, Nonce::from_bytes([1; 16])).await;
    assert!(matches!(found, Err(RegistryError::Limit(_))), "a long question: {found:?}");
    assert_eq!(position(registry).await, before);

    let longest = vec![
        change("viewer", &[1; RECORD_KEY_BYTES_MAX], Expect::Absent, Some(&long[1..])),
        change("viewer", b"x", Expect::Absent, Some(b"x")),
    ];
    registry.commit(longest, None).await.unwrap();
    assert_eq!(
        read(registry, "viewer", &[1; RECORD_KEY_BYTES_MAX]).await.unwrap().len(),
        RECORD_BYTES_MAX
    );
    registry.commit((0..CHANGES_MAX as u32).map(ending).collect(), None).await.unwrap();
}

async fn answers_survive_a_reset(registry: &dyn Registry) {
    let before = read(registry, "viewer", b"alder").await;
    registry.reset();
    registry.reset();
    assert_eq!(read(registry, "viewer", b"alder").await, before);
}
