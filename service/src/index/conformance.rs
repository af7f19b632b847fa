//! The suite for every index: one for all implementations of the seam.
//!
//! It must never look past the trait: it asserts only what the trait's documentation says.
//! Long: it is one suite, and what an index does can be read in one place.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "for tests: a failed expectation is the point"
)]

use super::{
    Committed, INLINE_BYTES_MAX, Index, IndexError, NewObject, PAGE_ROWS_MAX, Rows, SLOTS_MAX,
    quota_bytes,
};
use crate::testing;
use eyesonly_gate::vault::{ObjectRow, State};
use eyesonly_rights::Nonce;
use eyesonly_seal::{CameraId, FootageId, HouseholdId, Kind, ObjectName, ObjectVersion, SlotName};

const HOUSEHOLD: HouseholdId = HouseholdId::from_bytes([1; 16]);
const OTHER_HOUSEHOLD: HouseholdId = HouseholdId::from_bytes([2; 16]);
const QUOTA_BYTES: u64 = 1 << 40;
const EVENT_KINDS: [Kind; 3] = [Kind::Event, Kind::EventStill, Kind::Clip];

/// Runs the suite against a new, empty index. Panics if the index does not conform.
pub async fn check(index: &dyn Index) {
    nothing_is_an_answer_too(index).await;
    a_commit_is_read_back(index).await;
    a_taken_slot_stays(index).await;
    an_event_comes_before_its_footage(index).await;
    the_quota_holds(index).await;
    the_pointer_never_goes_back(index).await;
    a_newer_still_supersedes_older_ones(index).await;
    events_page_newest_first(index).await;
    an_event_goes_with_all_that_is_its(index).await;
    a_clip_without_tombstone_goes_too(index).await;
    a_camera_is_forgotten(index).await;
    names_are_known_while_live(index).await;
    limits_are_refused(index).await;
    what_is_no_new_row_is_refused(index).await;
    answers_survive_a_reset(index).await;
}

pub fn camera(number: u8) -> CameraId {
    CameraId::from_bytes([number; 16])
}

pub fn id(milliseconds: u64) -> FootageId {
    FootageId::from_time(milliseconds, [7; 10]).unwrap()
}

/// Returns a live row whose slot, version and name follow from what it is. It is as old as its id.
pub fn row(camera: CameraId, kind: Kind, id: FootageId, rendition: Option<u8>) -> ObjectRow {
    let mut slot = [0; 32];
    slot[..16].copy_from_slice(id.as_bytes());
    slot[16..24].copy_from_slice(&camera.as_bytes()[..8]);
    slot[24] = kind.code();
    slot[25] = rendition.unwrap_or(0);
    let (mut name, mut digest) = (slot, [0; 32]);
    name[31] = 1;
    digest[31] = 0xd1;
    let inline = (kind == Kind::Event).then(|| testing::part(7, 100).bytes().to_vec());
    ObjectRow {
        slot: SlotName::from_bytes(slot),
        camera,
        kind,
        id,
        rendition: rendition.is_some(),
        version: ObjectVersion::from_bytes(*id.as_bytes()),
        name: ObjectName::from_bytes(name),
        sealed_length: if inline.is_some() { 100 } else { 1000 },
        body_digest: digest,
        state: State::Live,
        inline,
        proof: [0xaa; 32],
    }
}

pub fn new(mut row: ObjectRow) -> NewObject {
    let inline = row.inline.take().map(|inline| testing::part(7, inline.len()));
    NewObject {
        row,
        inline,
        household: HOUSEHOLD,
        quota_bytes: QUOTA_BYTES,
        requires: None,
        pointer: None,
        supersedes: None,
    }
}

fn requiring(row: ObjectRow, required: &ObjectRow) -> NewObject {
    NewObject { requires: Some(required.slot), ..new(row) }
}

fn tombstone(row: &ObjectRow) -> ObjectRow {
    ObjectRow { state: State::Deleted, proof: [0xdd; 32], inline: None, ..row.clone() }
}

async fn write(index: &dyn Index, new: NewObject) {
    assert_eq!(index.commit(new).await.unwrap(), Committed::Written(vec![]));
}

fn proven(answer: Rows, nonce: Nonce) -> Vec<ObjectRow> {
    assert!(answer.echo.is_none_or(|echo| echo == nonce), "the question's nonce comes back");
    answer.rows
}

async fn known(index: &dyn Index, names: &[ObjectName]) -> Vec<ObjectName> {
    let nonce = Nonce::from_bytes([0x4b; 16]);
    let answer = index.known(names, nonce).await.unwrap();
    assert!(answer.echo.is_none_or(|echo| echo == nonce), "the question's nonce comes back");
    answer.names
}

async fn forget(
    index: &dyn Index,
    household: HouseholdId,
    camera: CameraId,
    limit: usize,
) -> usize {
    let nonce = Nonce::from_bytes([0xf0; 16]);
    let answer = index.forget(household, camera, limit, nonce).await.unwrap();
    assert!(answer.echo.is_none_or(|echo| echo == nonce), "the question's nonce comes back");
    answer.rows
}

/// Asks an index that hands nonces back, and checks that each question gets its own.
pub async fn echoes(index: &dyn Index) {
    for byte in [0x00, 0x5a, 0xff] {
        let nonce = Nonce::from_bytes([byte; 16]);
        let slots = [SlotName::from_bytes([byte; 32])];
        let (camera, names) = (camera(1), [ObjectName::from_bytes([byte; 32])]);
        let echoes = [
            index.objects(&slots, nonce).await.unwrap().echo,
            index.events(camera, None, 1, nonce).await.unwrap().echo,
            index.newest_still(camera, nonce).await.unwrap().echo,
            index.known(&names, nonce).await.unwrap().echo,
            index.forget(HOUSEHOLD, camera, 0, nonce).await.unwrap().echo,
        ];
        assert_eq!(echoes, [Some(nonce); 5]);
    }
}

async fn objects(index: &dyn Index, slots: &[SlotName]) -> Vec<ObjectRow> {
    let nonce = Nonce::from_bytes([0x0b; 16]);
    proven(index.objects(slots, nonce).await.unwrap(), nonce)
}

async fn events(
    index: &dyn Index,
    camera: CameraId,
    before: Option<FootageId>,
    limit: usize,
) -> Vec<ObjectRow> {
    let nonce = Nonce::from_bytes([0xe0; 16]);
    proven(index.events(camera, before, limit, nonce).await.unwrap(), nonce)
}

async fn newest(index: &dyn Index, camera: CameraId) -> Vec<ObjectRow> {
    let nonce = Nonce::from_bytes([0x9e; 16]);
    proven(index.newest_still(camera, nonce).await.unwrap(), nonce)
}

async fn bytes(index: &dyn Index, household: HouseholdId) -> u64 {
    index.household_bytes(household).await.unwrap()
}

async fn nothing_is_an_answer_too(index: &dyn Index) {
    assert!(objects(index, &[]).await.is_empty());
    assert!(objects(index, &[SlotName::from_bytes([0; 32])]).await.is_empty());
    assert!(events(index, camera(1), None, PAGE_ROWS_MAX).await.is_empty());
    assert!(newest(index, camera(1)).await.is_empty());
    assert_eq!(bytes(index, HOUSEHOLD).await, 0);
    assert!(known(index, &[]).await.is_empty());
}

async fn a_commit_is_read_back(index: &dyn Index) {
    let kinds = [Kind::Still, Kind::EventStill, Kind::Clip, Kind::Event, Kind::LiveChunk];
    let rows: Vec<_> = kinds.iter().map(|kind| row(camera(1), *kind, id(10), None)).collect();
    for row in &rows {
        write(index, new(row.clone())).await;
        assert_eq!(objects(index, &[row.slot]).await, std::slice::from_ref(row));
    }
    let mut slots: Vec<_> = rows.iter().map(|row| row.slot).collect();
    slots.push(SlotName::from_bytes([9; 32]));
    let mut found = objects(index, &slots).await;
    found.sort_by_key(|row| row.kind.code());
    let mut expected = rows.clone();
    expected.sort_by_key(|row| row.kind.code());
    assert_eq!(found, expected, "all that are there, and no more");
    assert_eq!(bytes(index, HOUSEHOLD).await, 4100, "what is inline counts as well");
    assert_eq!(bytes(index, OTHER_HOUSEHOLD).await, 0);
}

async fn a_taken_slot_stays(index: &dyn Index) {
    let first = row(camera(1), Kind::Clip, id(10), None);
    let mut second = first.clone();
    second.name = ObjectName::from_bytes([0x77; 32]);
    second.body_digest = [0x78; 32];
    let before = bytes(index, HOUSEHOLD).await;
    // A taken slot is answered as such, even if the quota is used up and the event is missing.
    let missing = row(camera(1), Kind::Event, id(999), None);
    let retry =
        NewObject { quota_bytes: 0, pointer: Some(second.clone()), ..requiring(second, &missing) };
    assert_eq!(index.commit(retry).await.unwrap(), Committed::Taken(Box::new(first.clone())));
    assert_eq!(objects(index, &[first.slot]).await, [first]);
    assert_eq!(bytes(index, HOUSEHOLD).await, before);
    assert!(newest(index, camera(1)).await.is_empty());
}

async fn an_event_comes_before_its_footage(index: &dyn Index) {
    let details = row(camera(2), Kind::Event, id(20), None);
    let clip = row(camera(2), Kind::Clip, id(20), None);
    assert_eq!(index.commit(requiring(clip.clone(), &details)).await.unwrap(), Committed::NoEvent);
    assert!(objects(index, &[clip.slot]).await.is_empty());
    write(index, new(details.clone())).await;
    write(index, requiring(clip.clone(), &details)).await;
    assert_eq!(objects(index, &[clip.slot]).await, [clip]);
}

async fn the_quota_holds(index: &dyn Index) {
    let still = |milliseconds| row(camera(3), Kind::Still, id(milliseconds), None);
    let of = |row: ObjectRow, quota_bytes| NewObject {
        pointer: Some(row.clone()),
        household: OTHER_HOUSEHOLD,
        quota_bytes,
        ..new(row)
    };
    write(index, of(still(30), 1000)).await;
    assert_eq!(
        index.commit(of(still(31), 1999)).await.unwrap(),
        Committed::OverQuota,
        "one byte too few"
    );
    assert!(objects(index, &[still(31).slot]).await.is_empty());
    assert_eq!(newest(index, camera(3)).await, [still(30)]);
    assert_eq!(bytes(index, OTHER_HOUSEHOLD).await, 1000);
    write(index, of(still(31), 2000)).await;
    assert_eq!(bytes(index, OTHER_HOUSEHOLD).await, 2000);
    write(index, of(still(32), u64::MAX)).await;
    assert_eq!(index.commit(of(still(33), 0)).await.unwrap(), Committed::OverQuota);
}

async fn the_pointer_never_goes_back(index: &dyn Index) {
    let still = |milliseconds| row(camera(4), Kind::Still, id(milliseconds), None);
    let pointer = |milliseconds| ObjectRow {
        slot: SlotName::from_bytes([4; 32]),
        proof: [0xbb; 32],
        ..still(milliseconds)
    };
    for (pushed, expected) in [(41, 41), (40, 41), (43, 43), (42, 43)] {
        write(index, NewObject { pointer: Some(pointer(pushed)), ..new(still(pushed)) }).await;
        assert_eq!(newest(index, camera(4)).await, [pointer(expected)], "after {pushed}");
        assert_eq!(
            objects(index, &[still(pushed).slot]).await,
            [still(pushed)],
            "an older still is kept as well"
        );
    }
    write(index, new(still(44))).await;
    assert_eq!(newest(index, camera(4)).await, [pointer(43)], "none was given");
    assert!(objects(index, &[pointer(43).slot]).await.is_empty(), "a pointer is no object");
    // What came last is the newest, whatever the camera's clock said.
    let late = ObjectRow { version: ObjectVersion::from_bytes(*id(45).as_bytes()), ..pointer(39) };
    write(index, NewObject { pointer: Some(late.clone()), ..new(still(39)) }).await;
    assert_eq!(newest(index, camera(4)).await, [late]);
}

async fn a_newer_still_supersedes_older_ones(index: &dyn Index) {
    let household = HouseholdId::from_bytes([9; 16]);
    let of = |row: ObjectRow, supersedes: Option<u64>, quota_bytes| NewObject {
        household,
        quota_bytes,
        pointer: (row.kind == Kind::Still && !row.rendition).then(|| row.clone()),
        supersedes: supersedes.map(id),
        ..new(row)
    };
    let still = |milliseconds| row(camera(12), Kind::Still, id(milliseconds), None);
    let came_later = ObjectVersion::from_bytes(*id(31).as_bytes());
    let stays = [
        row(camera(12), Kind::Event, id(5), None),
        row(camera(13), Kind::Still, id(5), None),
        ObjectRow { version: came_later, ..still(6) },
    ];
    let (old, small) = (still(10), row(camera(12), Kind::Still, id(10), Some(1)));
    for object in [&stays[0], &stays[1], &stays[2], &old, &small, &still(20)] {
        write(index, of(object.clone(), None, QUOTA_BYTES)).await;
    }
    let used = index.household_bytes(household).await.unwrap();
    assert_eq!(used, 4100);
    // The rows that go make room. If there is too little room then, nothing goes.
    let newer = of(still(30), Some(20), used - 1);
    assert_eq!(index.commit(newer.clone()).await.unwrap(), Committed::OverQuota);
    assert_eq!(objects(index, &[old.slot]).await.len(), 1);
    let quota_bytes = used;
    let Committed::Written(mut names) =
        index.commit(NewObject { quota_bytes, ..newer }).await.unwrap()
    else {
        panic!("it fits")
    };
    names.sort();
    let mut expected = [old.name, small.name];
    expected.sort();
    assert_eq!(names, expected);
    assert!(objects(index, &[old.slot, small.slot]).await.is_empty());
    let left = [stays[0].slot, stays[1].slot, stays[2].slot, still(20).slot, still(30).slot];
    assert_eq!(objects(index, &left).await.len(), 5, "and nothing else");
    assert_eq!(index.household_bytes(household).await.unwrap(), used);
}

async fn events_page_newest_first(index: &dyn Index) {
    let event = |number: u8, milliseconds| row(camera(number), Kind::Event, id(milliseconds), None);
    for milliseconds in [53, 50, 52, 54, 51] {
        write(index, new(event(5, milliseconds))).await;
        // None of these is an event of camera 5.
        write(index, new(event(6, milliseconds))).await;
        write(index, new(row(camera(5), Kind::Clip, id(milliseconds), None))).await;
        write(index, new(row(camera(5), Kind::EventStill, id(milliseconds), Some(1)))).await;
        write(index, new(row(camera(5), Kind::Event, id(milliseconds), Some(1)))).await;
    }
    assert_eq!(events(index, camera(5), None, 2).await, [event(5, 54), event(5, 53)]);
    assert_eq!(events(index, camera(5), Some(id(53)), 2).await, [event(5, 52), event(5, 51)]);
    assert_eq!(events(index, camera(5), Some(id(51)), 2).await, [event(5, 50)]);
    assert!(events(index, camera(5), Some(id(50)), 2).await.is_empty());
    assert!(events(index, camera(5), None, 0).await.is_empty());
    assert_eq!(events(index, camera(5), None, PAGE_ROWS_MAX).await.len(), 5);
}

async fn an_event_goes_with_all_that_is_its(index: &dyn Index) {
    let of = |kind, rendition| row(camera(7), kind, id(70), rendition);
    let own = EVENT_KINDS.map(|kind| of(kind, None));
    let renditions = [of(Kind::EventStill, Some(1)), of(Kind::EventStill, Some(2))];
    let others = [
        row(camera(7), Kind::Event, id(71), None),
        row(camera(7), Kind::Still, id(70), None),
        row(camera(8), Kind::Event, id(70), None),
        row(camera(8), Kind::Clip, id(70), None),
    ];
    let before = bytes(index, HOUSEHOLD).await;
    for row in own.iter().chain(&renditions).chain(&others) {
        write(index, new(row.clone())).await;
    }
    let kept = bytes(index, HOUSEHOLD).await - before - 2100;
    // A rendition's row goes even if a tombstone is given for it.
    let tombstones: Vec<_> = own.iter().chain(&renditions[..1]).map(tombstone).collect();
    let delete = async || {
        index.delete_event(HOUSEHOLD, camera(7), id(70), tombstones.clone()).await.unwrap()
    };

    let mut removed = delete().await.unwrap();
    let mut names: Vec<_> = own.iter().chain(&renditions).map(|row| row.name).collect();
    names.sort_unstable();
    removed.names.sort_unstable();
    assert_eq!((removed.names, removed.sealed_bytes), (names, 2100));
    assert_eq!(bytes(index, HOUSEHOLD).await, before + kept);
    for (row, tombstone) in own.iter().zip(&tombstones) {
        assert_eq!(objects(index, &[row.slot]).await, std::slice::from_ref(tombstone));
        let retry = index.commit(new(row.clone())).await.unwrap();
        assert_eq!(
            retry,
            Committed::Taken(Box::new(tombstone.clone())),
            "a retry does not bring it back"
        );
    }
    assert!(objects(index, &renditions.clone().map(|row| row.slot)).await.is_empty());
    assert_eq!(events(index, camera(7), None, 9).await, others[..1]);
    for other in &others {
        assert_eq!(objects(index, &[other.slot]).await, std::slice::from_ref(other));
    }
    let [details, still, _] = &own;
    let [rendition, _] = &renditions;
    for required in [details, still] {
        let late = index.commit(requiring(rendition.clone(), required)).await.unwrap();
        assert_eq!(late, Committed::NoEvent, "what was deleted is not there");
    }
    assert!(delete().await.is_none(), "it is gone already");
    assert_eq!(bytes(index, HOUSEHOLD).await, before + kept);
}

async fn a_clip_without_tombstone_goes_too(index: &dyn Index) {
    let [details, still, clip] = EVENT_KINDS.map(|kind| row(camera(9), kind, id(90), None));
    write(index, new(details.clone())).await;
    write(index, requiring(clip.clone(), &details)).await;
    // The still was never handed in, so its tombstone has nothing to mark.
    let tombstones = vec![tombstone(&still), tombstone(&details)];
    let clip_only = index.delete_event(HOUSEHOLD, camera(9), id(90), vec![tombstone(&clip)]).await;
    assert!(
        matches!(clip_only, Err(IndexError::Unavailable(_))),
        "the details need one: {clip_only:?}"
    );
    assert_eq!(
        objects(index, &[clip.slot]).await,
        std::slice::from_ref(&clip),
        "and nothing was changed"
    );

    let removed =
        index.delete_event(HOUSEHOLD, camera(9), id(90), tombstones).await.unwrap().unwrap();
    assert_eq!((removed.names.len(), removed.sealed_bytes), (2, 1100));
    assert_eq!(objects(index, &[details.slot, still.slot, clip.slot]).await, [tombstone(&details)]);
    assert_eq!(index.commit(requiring(clip, &details)).await.unwrap(), Committed::NoEvent);
}

async fn a_camera_is_forgotten(index: &dyn Index) {
    let household = HouseholdId::from_bytes([3; 16]);
    let of = |object: ObjectRow| NewObject { household, ..new(object) };
    let [details, still, clip] = EVENT_KINDS.map(|kind| row(camera(10), kind, id(90), None));
    let rendition = row(camera(10), Kind::EventStill, id(90), Some(1));
    let stays = row(camera(11), Kind::Event, id(90), None);
    for object in [&details, &still, &clip, &rendition, &stays] {
        write(index, of(object.clone())).await;
    }
    let newest = row(camera(10), Kind::Still, id(91), None);
    let pointed = NewObject { pointer: Some(newest.clone()), ..of(newest.clone()) };
    write(index, pointed).await;
    let deleted = row(camera(10), Kind::Event, id(80), None);
    write(index, of(deleted.clone())).await;
    let tombstones = vec![tombstone(&deleted)];
    index.delete_event(household, camera(10), id(80), tombstones).await.unwrap();

    assert_eq!(forget(index, household, camera(10), 3).await, 3, "so many at a time");
    assert!(self::newest(index, camera(10)).await.is_empty());
    assert_eq!(forget(index, household, camera(10), 3).await, 2);
    assert_eq!(forget(index, household, camera(10), 3).await, 0);
    let slots = [&details, &still, &clip, &rendition, &newest].map(|row| row.slot);
    assert!(objects(index, &slots).await.is_empty());
    let names = [&details, &still, &clip, &rendition, &newest, &stays].map(|row| row.name);
    assert_eq!(known(index, &names).await, [stays.name]);
    assert_eq!(
        objects(index, &[stays.slot, deleted.slot]).await.len(),
        2,
        "another camera's row, and what says that an event was deleted"
    );
    assert_eq!(bytes(index, household).await, quota_bytes(&stays));
}

async fn names_are_known_while_live(index: &dyn Index) {
    let live = row(camera(1), Kind::Clip, id(10), None).name;
    let deleted = row(camera(7), Kind::Clip, id(70), None).name;
    let strange = (0..3 * SLOTS_MAX as u32).map(|number| {
        let mut name = [0xf0; 32];
        name[..4].copy_from_slice(&number.to_be_bytes());
        ObjectName::from_bytes(name)
    });
    // These are more than one question's worth, with a live one at either end.
    let last = row(camera(1), Kind::Still, id(10), None).name;
    let names: Vec<_> = [live, deleted].into_iter().chain(strange).chain([last]).collect();
    let mut known = known(index, &names).await;
    known.sort_unstable();
    let mut expected = [live, last];
    expected.sort_unstable();
    assert_eq!(known, expected);
}

async fn limits_are_refused(index: &dyn Index) {
    let nonce = Nonce::from_bytes([0; 16]);
    let slots = vec![row(camera(1), Kind::Clip, id(10), None).slot; SLOTS_MAX + 1];
    assert!(matches!(index.objects(&slots, nonce).await, Err(IndexError::Limit(_))));
    assert_eq!(
        objects(index, &slots[1..]).await.len(),
        1,
        "a slot that is asked for twice is one row"
    );
    let page = index.events(camera(1), None, PAGE_ROWS_MAX + 1, nonce).await;
    assert!(matches!(page, Err(IndexError::Limit(_))));

    let mut large = row(camera(10), Kind::Event, id(100), None);
    large.sealed_length = INLINE_BYTES_MAX as u64 + 1;
    large.inline = Some(testing::part(7, INLINE_BYTES_MAX + 1).bytes().to_vec());
    assert!(matches!(index.commit(new(large.clone())).await, Err(IndexError::Limit(_))));
    large.sealed_length = INLINE_BYTES_MAX as u64;
    large.inline = Some(testing::part(7, INLINE_BYTES_MAX).bytes().to_vec());
    write(index, new(large.clone())).await;
    assert_eq!(objects(index, &[large.slot]).await, [large]);

    let endless =
        ObjectRow { sealed_length: u64::MAX, ..row(camera(10), Kind::Clip, id(100), None) };
    let endless = NewObject { quota_bytes: u64::MAX, ..new(endless) };
    assert!(matches!(index.commit(endless).await, Err(IndexError::Limit(_))));
}

async fn what_is_no_new_row_is_refused(index: &dyn Index) {
    let good = row(camera(11), Kind::Event, id(110), None);
    let before = bytes(index, HOUSEHOLD).await;
    let cases = [
        (
            "another's name",
            ObjectRow { name: row(camera(1), Kind::Clip, id(10), None).name, ..good.clone() },
        ),
        ("born deleted", tombstone(&good)),
        ("an inline of another length", ObjectRow { sealed_length: 99, ..good.clone() }),
    ];
    for (case, bad) in cases {
        let found = index.commit(new(bad)).await;
        assert!(matches!(found, Err(IndexError::Unavailable(_))), "{case}: {found:?}");
        assert!(objects(index, &[good.slot]).await.is_empty(), "{case}");
        assert_eq!(bytes(index, HOUSEHOLD).await, before, "{case}");
    }
    write(index, new(good)).await;
}

async fn answers_survive_a_reset(index: &dyn Index) {
    let before = events(index, camera(5), None, 9).await;
    assert_eq!(before.len(), 5);
    index.reset();
    index.reset();
    assert_eq!(events(index, camera(5), None, 9).await, before);
}
