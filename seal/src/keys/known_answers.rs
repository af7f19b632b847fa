//! The known answers of tests/vectors, which a script that shares no code with this crate computes from SPEC.md.

use super::*;
use crate::context::{Kind, Question, Rendition};
use crate::ids::ObjectVersion;
use serde_json::Value;
use std::string::{String, ToString};

fn answers() -> Value {
    serde_json::from_str(include_str!("../../../tests/vectors/known-answers.json")).unwrap()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| std::format!("{byte:02x}")).collect()
}

fn unhex(value: &Value) -> Vec<u8> {
    let text = value.as_str().unwrap();
    let digits = text.as_bytes().chunks(2).map(|pair| str::from_utf8(pair).unwrap());
    digits.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}

fn root(value: &Value) -> [u8; 32] {
    unhex(value).try_into().unwrap()
}

fn camera(answers: &Value) -> CameraKey {
    let household = HouseholdId::parse(answers["household"].as_str().unwrap()).unwrap();
    let camera = CameraId::parse(answers["camera"].as_str().unwrap()).unwrap();
    HouseholdKey::from_bytes(root(&answers["roots"]["household"])).camera_key(&household, &camera)
}

#[test]
fn the_key_schedule_is_as_known() {
    let answers = answers();
    let edge = EdgeKey::from_bytes(root(&answers["roots"]["edge"]));
    let kek = KeyEncryptionKey::from_bytes(root(&answers["roots"]["key-encryption"]));
    let camera = camera(&answers);
    let object = FootageId::parse(answers["object"].as_str().unwrap()).unwrap();
    assert_eq!(answers["day"], object.day());
    let keys = [
        ("credential", edge.credential_key().0),
        ("tag", edge.tag_key().0),
        ("record", edge.record_key().0),
        ("component-cache", edge.component_cache_key().0),
        ("attempts", edge.attempts_key().0),
        ("wrapped-key", kek.sealing_key().0),
        ("camera", camera.0),
        ("day", camera.footage_key(&object).0),
        ("name", camera.name_key().0),
        ("index", camera.index_key().0),
        ("body-digest", camera.body_digest_key().0),
    ];
    assert_eq!(keys.len(), answers["keys"].as_object().unwrap().len());
    for (purpose, key) in keys {
        assert_eq!(answers["keys"][purpose], hex(&key), "{purpose}");
    }
}

#[test]
fn macs_and_digests_are_as_known() {
    let answers = answers();
    let parts: Vec<Vec<u8>> = answers["mac"]["parts"].as_array().unwrap().iter().map(unhex).collect();
    let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
    assert_eq!(answers["mac"]["mac"], hex(&camera(&answers).index_key().mac(&parts)));
    let mut digest = KeyedDigest::new(&camera(&answers).body_digest_key());
    digest.update(&unhex(&answers["body_digest"]["body"]));
    assert_eq!(answers["body_digest"]["digest"], hex(&digest.finish()));
}

/// The sealing key and the context of one entry; names are compared on the way.
fn question(entry: &Value) -> (SealingKey, Context) {
    let root = root(&entry["root"]);
    let text = |field: &str| entry[field].as_str().unwrap();
    match text("type") {
        "record" => {
            let context = Context::record(text("kind"), &unhex(&entry["key"]));
            (EdgeKey::from_bytes(root).record_key(), context.unwrap())
        }
        "wrapped-key" => {
            let context = Context::wrapped_key(&unhex(&entry["owner"]));
            (KeyEncryptionKey::from_bytes(root).sealing_key(), context.unwrap())
        }
        _ => {
            let made = &entry["rendition"];
            let question = Question {
                household: HouseholdId::parse(text("household")).unwrap(),
                camera: CameraId::parse(text("camera")).unwrap(),
                kind: if text("kind") == "clip" {
                    Kind::Clip
                } else {
                    Kind::Still
                },
                rendition: made.as_object().map(|_| Rendition {
                    name: made["name"].as_str().unwrap(),
                    handler: unhex(&made["handler"]).try_into().unwrap(),
                }),
                object: FootageId::parse(text("object")).unwrap(),
            };
            let camera = HouseholdKey::from_bytes(root).camera_key(&question.household, &question.camera);
            let version = ObjectVersion::parse(text("version")).unwrap();
            let context = Context::footage(&question.at(version)).unwrap();
            assert_eq!(text("object_name"), camera.object_name(&context).to_string());
            assert_eq!(
                text("slot_name"),
                camera.slot_name(&Slot::footage(&question).unwrap()).to_string()
            );
            (camera.footage_key(&question.object), context)
        }
    }
}

#[test]
fn sealed_objects_are_as_known() {
    let answers = answers();
    let sealed = answers["sealed"].as_array().unwrap();
    assert_eq!(sealed.len(), 4);
    for entry in sealed {
        let (key, context) = question(entry);
        assert_eq!(entry["context"], hex(context.as_bytes()));
        let (bytes, plain) = (unhex(&entry["sealed"]), unhex(&entry["plain"]));
        assert_eq!(format::open_all(&key, &context, &bytes), Ok(plain.clone()));
        let salt = bytes[..SALT_BYTES].try_into().unwrap();
        assert_eq!(format::seal_all(&key, &context, salt, &plain), Ok(bytes));
    }
}
