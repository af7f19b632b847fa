//! Tests of ids: each has one spelling, and no other is read.

use super::*;
use std::format;
use std::string::ToString;

const TEXT: &str = "018bcfe5-6800-7abc-9def-0123456789ab";

#[track_caller]
fn refused(text: &str, expected: IdError) {
    assert_eq!(HouseholdId::parse(text), Err(expected), "{text:?}");
    assert_eq!(FootageId::parse(text), Err(expected), "{text:?}");
}

#[test]
fn the_canonical_form_comes_back() {
    let id = CameraId::parse(TEXT).unwrap();
    assert_eq!(id.to_string(), TEXT);
    assert_eq!(format!("{id:?}"), TEXT);
    assert_eq!(id.as_bytes()[..3], [0x01, 0x8b, 0xcf]);
    assert_eq!(CameraId::from_bytes(*id.as_bytes()), id);
    let all = "00010203-0405-0607-0809-0a0b0c0d0e0f";
    assert_eq!(
        ViewerId::parse(all).unwrap().as_bytes(),
        &core::array::from_fn(|place| u8::try_from(place).unwrap())
    );
}

#[test]
fn every_other_spelling_is_refused() {
    refused("", IdError::Length);
    refused("018bcfe568007abc9def0123456789ab", IdError::Length);
    refused(&format!("{{{TEXT}}}"), IdError::Length);
    refused(&format!("urn:uuid:{TEXT}"), IdError::Length);
    refused(&format!("{TEXT} "), IdError::Length);
    refused(&TEXT.to_uppercase(), IdError::Form);
    refused("018bcfe56-800-7abc-9def-0123456789ab", IdError::Form);
    refused("018bcfe5-6800-7abc-9def-0123456789a-", IdError::Form);
    refused("018bcfe5-6800-7abc-9def-0123456789ag", IdError::Form);
    refused("018bcfe5-6800-7abc-9def-0123456789a\0", IdError::Form);
    refused("018bcfe5 6800-7abc-9def-0123456789ab", IdError::Form);
    refused("018bcfe5-6800-7abc-9def-0123456789\u{e9}", IdError::Form);
    for place in 0..36 {
        for character in ['G', 'A', '`', '/', ':', '+', ' '] {
            let mut text = TEXT.to_string();
            text.replace_range(place..=place, &character.to_string());
            refused(&text, IdError::Form);
        }
    }
}

#[test]
fn a_footage_id_is_of_version_7() {
    for (place, wrong) in
        [(14, "4"), (14, "1"), (14, "0"), (19, "0"), (19, "7"), (19, "c"), (19, "f")]
    {
        let mut text = TEXT.to_string();
        text.replace_range(place..=place, wrong);
        assert_eq!(FootageId::parse(&text), Err(IdError::NotVersion7), "{text}");
        assert!(CameraId::parse(&text).is_ok(), "other ids may be of any version");
        let bytes = *CameraId::parse(&text).unwrap().as_bytes();
        assert_eq!(FootageId::from_bytes(bytes), Err(IdError::NotVersion7));
        assert!(serde_json::from_value::<FootageId>(text.into()).is_err());
    }
    for variant in ["8", "9", "a", "b"] {
        let mut text = TEXT.to_string();
        text.replace_range(19..=19, variant);
        assert!(FootageId::parse(&text).is_ok());
    }
}

#[test]
fn a_footage_id_tells_its_time() {
    let id = FootageId::parse(TEXT).unwrap();
    assert_eq!(id.time_milliseconds(), 0x018b_cfe5_6800);
    assert_eq!(id.day(), 19_675, "2023-11-14");
    let day = 86_400_000;
    for (milliseconds, expected) in [(0, 0), (day - 1, 0), (day, 1), ((1 << 48) - 1, 3_257_812)] {
        let id = FootageId::from_time(milliseconds, [0xff; 10]).unwrap();
        assert_eq!((id.time_milliseconds(), id.day()), (milliseconds, expected));
        assert_eq!(FootageId::from_bytes(*id.as_bytes()), Ok(id), "what is made is a version 7");
    }
    assert_eq!(FootageId::from_time(1 << 48, [0; 10]), Err(IdError::Time));
    let (early, late) =
        (FootageId::from_time(1, [0xff; 10]).unwrap(), FootageId::from_time(2, [0; 10]).unwrap());
    assert!(early < late, "order of ids is order of time");
}

#[test]
fn records_hold_ids_as_text() {
    let id = FootageId::parse(TEXT).unwrap();
    let json = serde_json::to_string(&id).unwrap();
    assert_eq!(json, format!("\"{TEXT}\""));
    assert_eq!(serde_json::from_str::<FootageId>(&json).unwrap(), id);
    assert!(serde_json::from_str::<CameraId>(&json.to_uppercase()).is_err());
    assert!(serde_json::from_str::<CameraId>("[1]").is_err());
}

#[test]
fn names_have_one_spelling() {
    let name = crate::ObjectName::from_bytes([0xa5; 32]);
    assert_eq!(name.to_string(), "a5".repeat(32));
    assert_eq!(crate::ObjectName::parse(&name.to_string()), Ok(name));
    assert_eq!(crate::ObjectName::parse(&"A5".repeat(32)), Err(IdError::Form));
    assert_eq!(crate::ObjectName::parse(&"a5".repeat(31)), Err(IdError::Length));
}
