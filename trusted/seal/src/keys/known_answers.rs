//! The known answers of tests/vectors. A script that shares no code with this crate computes them
//! from SPEC.md.

use super::*;
use crate::context::{Kind, Question, Rendition};
use crate::ids::ObjectVersion;
use serde_json::Value;
use std::string::{String, ToString};

fn answers() -> Value {
    serde_json::from_str(include_str!("../../../../tests/vectors/known-answers.json")).unwrap()
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
        ("account", edge.account_key().0),
        ("wrapped-key", kek.sealing_key().0),
        ("camera", camera.root.clone()),
        ("day", camera.footage_key(&object).0),
        ("name", camera.name.0.clone()),
        ("index", camera.index_key().0.clone()),
        ("body-digest", camera.body_digest_key().0),
    ];
    assert_eq!(keys.len(), answers["keys"].as_object().unwrap().len());
    for (purpose, key) in keys {
        assert_eq!(answers["keys"][purpose], hex(key.as_slice()), "{purpose}");
    }
}

#[test]
fn macs_and_digests_are_as_known() {
    let answers = answers();
    let parts: Vec<Vec<u8>> =
        answers["mac"]["parts"].as_array().unwrap().iter().map(unhex).collect();
    let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
    assert_eq!(answers["mac"]["mac"], hex(&camera(&answers).index_key().mac(&parts)));
    for row in answers["rows"].as_array().unwrap() {
        let parts: Vec<Vec<u8>> = row["parts"].as_array().unwrap().iter().map(unhex).collect();
        let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        assert_eq!(row["proof"], hex(&camera(&answers).index_key().mac(&parts)));
    }
    let account = &answers["account"];
    let login = account["login"].as_str().unwrap().as_bytes();
    let edge = EdgeKey::from_bytes(root(&answers["roots"]["edge"]));
    assert_eq!(account["name"], hex(&edge.account_key().mac(&[login])));
    let mut digest = KeyedDigest::new(&camera(&answers).body_digest_key());
    digest.update(&unhex(&answers["body_digest"]["body"]));
    assert_eq!(answers["body_digest"]["digest"], hex(&digest.finish()));
}

/// Returns the sealing key and the context of one entry, and compares its names.
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
                kind: if text("kind") == "clip" { Kind::Clip } else { Kind::Still },
                rendition: made.as_object().map(|_| Rendition {
                    name: made["name"].as_str().unwrap(),
                    handler: unhex(&made["handler"]).try_into().unwrap(),
                }),
                object: FootageId::parse(text("object")).unwrap(),
            };
            let camera =
                HouseholdKey::from_bytes(root).camera_key(&question.household, &question.camera);
            let version = ObjectVersion::parse(text("version")).unwrap();
            let context = Context::footage(&question, version).unwrap();
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
    assert_eq!(sealed.len(), 7);
    for entry in sealed {
        let (key, context) = question(entry);
        assert_eq!(entry["context"], hex(context.as_bytes()));
        let (bytes, plain) = (unhex(&entry["sealed"]), unhex(&entry["plain"]));
        assert_eq!(format::open_all(&key, &context, &bytes), Ok(plain.clone()));
        let salt = bytes[..SALT_BYTES].try_into().unwrap();
        assert_eq!(format::seal_all(&key, &context, salt, &plain), Ok(bytes));
    }
}

/// Checks that one implementation of the primitives gives the known answers, whether it is in use
/// or not. The answers are every key in the table of SPEC.md, the MAC, the digest and the sealed
/// objects.
fn primitives_give_the_known_answers<P: Primitives>() {
    let answers = answers();
    let step = |from: &[u8; 32], purpose: &str, ids: &[u8]| {
        *P::hkdf_expand_sha512::<32>(from, &[b"eyesonly/v1/", purpose.as_bytes(), &[0], ids])
    };
    let known = |purpose: &str| root(&answers["keys"][purpose]);
    let id = |field: &str| *CameraId::parse(answers[field].as_str().unwrap()).unwrap().as_bytes();
    let day = u32::try_from(answers["day"].as_u64().unwrap()).unwrap().to_be_bytes();
    let [edge, kek, household] =
        ["edge", "key-encryption", "household"].map(|name| root(&answers["roots"][name]));
    let cameras = [id("household"), id("camera")].concat();
    for purpose in ["credential", "tag", "record", "component-cache", "attempts", "account"] {
        assert_eq!(step(&edge, purpose, &[]), known(purpose), "{purpose}");
    }
    assert_eq!(step(&kek, "wrapped-key", &[]), known("wrapped-key"));
    assert_eq!(step(&household, "camera", &cameras), known("camera"));
    assert_eq!(step(&known("camera"), "day", &day), known("day"));
    for purpose in ["name", "index", "body-digest"] {
        assert_eq!(step(&known("camera"), purpose, &[]), known(purpose), "{purpose}");
    }

    let hmac = |key: &[u8; 32], message: &[u8]| {
        let mut mac = P::mac_start(key);
        P::mac_update(&mut mac, message);
        P::mac_finish(mac)
    };
    let list = |parts: &[Vec<u8>]| {
        let part = |part: &Vec<u8>| [&(part.len() as u64).to_be_bytes(), part.as_slice()].concat();
        parts.iter().flat_map(part).collect::<Vec<u8>>()
    };
    let parts: Vec<_> = answers["mac"]["parts"].as_array().unwrap().iter().map(unhex).collect();
    assert_eq!(answers["mac"]["mac"], hex(&hmac(&known("index"), &list(&parts))));
    let body = [[0xff; 8].as_slice(), &unhex(&answers["body_digest"]["body"])].concat();
    assert_eq!(answers["body_digest"]["digest"], hex(&hmac(&known("body-digest"), &body)));

    for entry in answers["sealed"].as_array().unwrap() {
        let context = unhex(&entry["context"]);
        let purpose = match entry["type"].as_str().unwrap() {
            "record" => "record",
            "wrapped-key" => "wrapped-key",
            _ => {
                let name = hmac(&known("name"), &list(core::slice::from_ref(&context)));
                assert_eq!(entry["object_name"], hex(&name));
                "day"
            }
        };
        let sealed = unhex(&entry["sealed"]);
        let (header, chunk) = sealed.split_first_chunk::<56>().unwrap();
        let (salt, commitment) = header.split_at(SALT_BYTES);
        let label = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0";
        let derived = P::hkdf_expand_sha512::<76>(&known(purpose), &[label, salt, &context]);
        assert_eq!(derived[44..], *commitment);

        // All four objects are shorter than a chunk, and the nonce of chunk 0 is the base nonce.
        let aead = P::aead(derived.first_chunk().unwrap()).unwrap();
        let nonce = derived[32..44].try_into().unwrap();
        let (ciphertext, tag) = chunk.split_last_chunk().unwrap();
        let mut plain = unhex(&entry["plain"]);
        let mut opened = std::vec![0; plain.len()];
        assert_eq!(P::open(&aead, nonce, ciphertext, tag, &mut opened), Ok(()));
        assert_eq!(opened, plain);
        assert_eq!(P::seal(&aead, nonce, &mut plain), Ok(*tag));
        assert_eq!(plain, ciphertext);
    }
}

#[test]
#[cfg(not(target_arch = "wasm32"))]
fn aws_lc_gives_the_known_answers() {
    primitives_give_the_known_answers::<crate::primitives::AwsLc>();
}

#[test]
fn rustcrypto_gives_the_known_answers() {
    primitives_give_the_known_answers::<crate::primitives::RustCrypto>();
}
