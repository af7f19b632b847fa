//! The records and tokens of sharing as tests/vectors knows them. A script that shares no code with
//! this crate makes them from SPEC.md.

use crate::admin::token::{INVITATION, TRANSFER};
use crate::admin::{ActRecord, HouseholdRecord};
use crate::identity::AccountRecord;
use eyesonly_rights::{CameraRecord, Record, SessionRecord, ViewerRecord};
use eyesonly_seal::{Context, CredentialId, EdgeKey, HouseholdId, open_all};
use serde_json::Value;

/// The edge key of the vectors.
fn edge() -> EdgeKey {
    EdgeKey::from_bytes([0x11; 32])
}

fn answers() -> Value {
    serde_json::from_str(include_str!("../../../../tests/vectors/known-answers.json")).unwrap()
}

fn unhex(value: &Value) -> Vec<u8> {
    let digits = value.as_str().unwrap().as_bytes().chunks(2);
    digits.map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

/// Opens a sealed record, reads it, and writes it again.
fn is_as_known<R: Record>(entry: &Value) {
    let (key, content) = (unhex(&entry["key"]), entry["content"].as_str().unwrap());
    let context = Context::record(R::KIND, &key).unwrap();
    let plain = open_all(&edge().record_key(), &context, &unhex(&entry["sealed"])).unwrap();
    assert_eq!(str::from_utf8(&plain).unwrap(), content);
    let record: R = serde_json::from_str(content).unwrap();
    assert_eq!(record.key(), key, "{content}");
    assert_eq!(serde_json::to_string(&record).unwrap(), content);
}

#[test]
fn records_are_written_as_known() {
    for entry in answers()["records"].as_array().unwrap() {
        match entry["kind"].as_str().unwrap() {
            "household" => is_as_known::<HouseholdRecord>(entry),
            "camera" => is_as_known::<CameraRecord>(entry),
            "viewer" => is_as_known::<ViewerRecord>(entry),
            "account" => is_as_known::<AccountRecord>(entry),
            "session" => is_as_known::<SessionRecord>(entry),
            "act" => is_as_known::<ActRecord>(entry),
            other => panic!("an unknown kind {other}"),
        }
    }
    assert_eq!(answers()["records"].as_array().unwrap().len(), 6);
}

#[test]
fn tokens_are_as_known() {
    let answers = answers();
    let household = HouseholdId::parse(answers["household"].as_str().unwrap()).unwrap();
    let tokens = answers["tokens"].as_array().unwrap();
    for (of, known) in [INVITATION, TRANSFER].into_iter().zip(tokens) {
        let id = CredentialId::parse(known["id"].as_str().unwrap()).unwrap();
        let made = of.token(&edge().account_key(), household, id);
        assert_eq!(made.as_str(), known["token"]);
    }
    assert_eq!(tokens.len(), 2);
}
