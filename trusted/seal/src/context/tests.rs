//! Tests of contexts: different fields never give the same bytes.

use super::*;
use std::collections::BTreeSet;
use std::string::String;

fn question() -> Question<'static> {
    Question {
        household: HouseholdId::from_bytes([1; 16]),
        camera: CameraId::from_bytes([2; 16]),
        kind: Kind::Still,
        rendition: None,
        object: FootageId::from_time(5, [3; 10]).unwrap(),
    }
}

#[test]
fn a_record_is_encoded_as_written() {
    let context = Context::record("rights", b"v1").unwrap();
    assert_eq!(context.as_bytes(), b"\0\x0feyesonly record\0\x01\x01\0\x06rights\0\x02v1");
    let context = Context::wrapped_key(b"h").unwrap();
    assert_eq!(context.as_bytes(), b"\0\x0ceyesonly key\0\x01\x01\0\x01h");
}

#[test]
fn fields_never_run_into_each_other() {
    let contexts = [
        Context::record("ab", b"c"),
        Context::record("a", b"bc"),
        Context::record("", b"abc"),
        Context::record("abc", b""),
        Context::wrapped_key(b"abc"),
        Context::wrapped_key(b""),
    ];
    let different: BTreeSet<_> =
        contexts.iter().map(|context| context.as_ref().unwrap().as_bytes()).collect();
    assert_eq!(different.len(), contexts.len());
}

#[test]
fn a_rendition_is_never_the_footage_itself() {
    let without = question();
    let empty = Question { rendition: Some(Rendition { name: "", handler: [0; 32] }), ..without };
    let named = Question { rendition: Some(Rendition { name: "a", handler: [0; 32] }), ..without };
    let other_handler =
        Question { rendition: Some(Rendition { name: "a", handler: [1; 32] }), ..without };
    let version = ObjectVersion::from_bytes([4; 16]);
    let all = [without, empty, named, other_handler];
    let contexts: BTreeSet<_> =
        all.iter().map(|each| Context::footage(each, version).unwrap().0).collect();
    let slots: BTreeSet<_> = all.iter().map(|each| Slot::footage(each).unwrap().0).collect();
    assert_eq!((contexts.len(), slots.len()), (4, 4));
    assert!(contexts.is_disjoint(&slots));
}

/// A slot has all fields of a context except the version, under a domain of its own.
#[test]
fn a_slot_is_the_same_for_every_version() {
    let slot = Slot::footage(&question()).unwrap();
    let fields = slot.as_bytes().strip_prefix(b"\0\x0deyesonly slot").unwrap();
    let contexts = [[4; 16], [5; 16]].map(|version| {
        let context = Context::footage(&question(), ObjectVersion::from_bytes(version)).unwrap();
        let versioned = [b"\0\x10eyesonly footage", fields, b"\0\x10", &version].concat();
        assert_eq!(context.as_bytes(), versioned);
        context
    });
    assert_ne!(contexts[0], contexts[1]);
}

#[test]
fn a_field_that_no_length_can_hold_is_refused() {
    let (longest, longer) = ("n".repeat(65_535), "n".repeat(65_536));
    let named = |name: &String| {
        let question =
            Question { rendition: Some(Rendition { name, handler: [0; 32] }), ..question() };
        Slot::footage(&question).map(|slot| slot.0.len())
    };
    assert!(named(&longest).is_ok());
    assert_eq!(named(&longer), Err(SealError::TooLong));
    assert_eq!(Context::record(&longer, b""), Err(SealError::TooLong));
    assert_eq!(Context::record("", longer.as_bytes()), Err(SealError::TooLong));
    assert_eq!(Context::wrapped_key(longer.as_bytes()), Err(SealError::TooLong));
}

#[test]
fn codes_of_kinds_stay() {
    let kinds = [Kind::Still, Kind::EventStill, Kind::Clip, Kind::Event, Kind::LiveChunk];
    assert_eq!(kinds.map(Kind::code), [1, 2, 3, 4, 6]);
    for kind in kinds {
        assert_eq!(Kind::from_code(kind.code()), Some(kind));
    }
    // 5 was kept for live segments, and never written.
    assert_eq!([0, 5, 7].map(Kind::from_code), [None, None, None]);
}
