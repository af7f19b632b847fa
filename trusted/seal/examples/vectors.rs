//! Writes and opens vectors, for the comparison with an independent implementation
//! (tests/vectors/vectors.py).
//!
//! `vectors write DIR` seals objects of several sizes and writes a manifest. `vectors check DIR`
//! opens the objects of such a directory. Keys and salts here are for tests only, because they are
//! fixed or counted and not random.

use eyesonly_seal::format::SALT_BYTES;
use eyesonly_seal::{
    CameraId, Context, EdgeKey, FootageId, HouseholdId, HouseholdKey, KeyEncryptionKey, Kind,
    ObjectVersion, Question, Rendition, SealError, SealingKey, Slot, open_all, seal_all,
};
use serde_json::{Value, json};
use std::{env, error::Error, fs, path::Path, process::ExitCode};

type Fallible<T> = Result<T, Box<dyn Error>>;

const CHUNK: usize = 16_384;
const SIZES: [usize; 8] =
    [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 64 * CHUNK - 1, 64 * CHUNK, 64 * CHUNK + 1];
const KINDS: [(&str, Kind); 5] = [
    ("still", Kind::Still),
    ("event-still", Kind::EventStill),
    ("clip", Kind::Clip),
    ("event", Kind::Event),
    ("live-chunk", Kind::LiveChunk),
];

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Fallible<Vec<u8>> {
    let digits = text.as_bytes().chunks(2);
    digits.map(|pair| Ok(u8::from_str_radix(str::from_utf8(pair)?, 16)?)).collect()
}

fn unhex_32(text: &str) -> Fallible<[u8; 32]> {
    unhex(text)?.try_into().map_err(|_| "not 32 bytes".into())
}

fn text<'a>(entry: &'a Value, field: &str) -> Fallible<&'a str> {
    entry.get(field).and_then(Value::as_str).ok_or_else(|| format!("no {field}").into())
}

/// The context and the key of one entry of a manifest, and the names that follow from its fields.
struct Answer {
    context: Context,
    names: Vec<(&'static str, String)>,
    lock: Lock,
}

enum Lock {
    Sealing(SealingKey),
    Wrapping(KeyEncryptionKey, Vec<u8>),
}

impl Answer {
    fn to(entry: &Value) -> Fallible<Self> {
        let root = unhex_32(text(entry, "root")?)?;
        match text(entry, "type")? {
            "footage" => Self::to_footage(entry, &HouseholdKey::from_bytes(root)),
            "record" => Ok(Self {
                context: Context::record(text(entry, "kind")?, &unhex(text(entry, "key")?)?)?,
                names: Vec::new(),
                lock: Lock::Sealing(EdgeKey::from_bytes(root).record_key()),
            }),
            "wrapped-key" => {
                let owner = unhex(text(entry, "owner")?)?;
                let context = Context::wrapped_key(&owner)?;
                let lock = Lock::Wrapping(KeyEncryptionKey::from_bytes(root), owner);
                Ok(Self { context, names: Vec::new(), lock })
            }
            other => Err(format!("unknown type {other}").into()),
        }
    }

    fn to_footage(entry: &Value, root: &HouseholdKey) -> Fallible<Self> {
        let kind = text(entry, "kind")?;
        let kind = KINDS.iter().find(|(name, _)| *name == kind).ok_or("unknown kind")?.1;
        let rendition = match entry.get("rendition") {
            None | Some(Value::Null) => None,
            Some(made) => Some(Rendition {
                name: text(made, "name")?,
                handler: unhex_32(text(made, "handler")?)?,
            }),
        };
        let question = Question {
            household: HouseholdId::parse(text(entry, "household")?)?,
            camera: CameraId::parse(text(entry, "camera")?)?,
            kind,
            rendition,
            object: FootageId::parse(text(entry, "object")?)?,
        };
        let version = ObjectVersion::parse(text(entry, "version")?)?;
        let camera = root.camera_key(&question.household, &question.camera);
        let context = Context::footage(&question, version)?;
        let slot = camera.slot_name(&Slot::footage(&question)?);
        let names = vec![
            ("object_name", camera.object_name(&context).to_string()),
            ("slot_name", slot.to_string()),
        ];
        Ok(Self { context, names, lock: Lock::Sealing(camera.footage_key(&question.object)) })
    }

    fn seal(&self, salt: [u8; SALT_BYTES], plain: &[u8]) -> Fallible<Vec<u8>> {
        Ok(match &self.lock {
            Lock::Sealing(key) => seal_all(key, &self.context, salt, plain)?,
            Lock::Wrapping(key, owner) => key.wrap(owner, plain.try_into()?, salt)?,
        })
    }

    fn open(&self, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        match &self.lock {
            Lock::Sealing(key) => open_all(key, &self.context, sealed),
            Lock::Wrapping(key, owner) => key.unwrap(owner, sealed).map(|secret| secret.to_vec()),
        }
    }
}

fn entries() -> Fallible<Vec<(usize, Value)>> {
    let mut entries = Vec::new();
    for (number, size) in SIZES.into_iter().enumerate() {
        let byte = u8::try_from(number)?;
        let rendition = json!({ "name": format!("width={number}"), "handler": hex(&[byte; 32]) });
        let milliseconds = 1_700_000_000_000 + 50_000_000 * u64::from(byte);
        let (kind, _) = KINDS.iter().cycle().nth(number).ok_or("no kind")?;
        let entry = json!({
            "type": "footage",
            "root": hex(&[0xa1; 32]),
            "household": HouseholdId::from_bytes([0xb2; 16]).to_string(),
            "camera": CameraId::from_bytes([0xc3; 16]).to_string(),
            "kind": kind,
            "rendition": if number % 2 == 0 { Value::Null } else { rendition },
            "object": FootageId::from_time(milliseconds, [byte; 10])?.to_string(),
            "version": ObjectVersion::from_bytes([byte; 16]).to_string(),
        });
        entries.push((size, entry));
    }
    let root = hex(&[0xd4; 32]);
    entries.push((300, json!({ "type": "record", "root": root, "kind": "rights", "key": "0102" })));
    entries.push((32, json!({ "type": "wrapped-key", "root": root, "owner": "0304" })));
    Ok(entries)
}

fn write(directory: &Path) -> Fallible<usize> {
    fs::create_dir_all(directory)?;
    let mut manifest = Vec::new();
    for (number, (size, mut entry)) in entries()?.into_iter().enumerate() {
        let plain: Vec<u8> = (0..size).map(|place| (place ^ place >> 8).to_le_bytes()[0]).collect();
        let answer = Answer::to(&entry)?;
        let fields = entry.as_object_mut().ok_or("not an object")?;
        fields.insert("context".into(), hex(answer.context.as_bytes()).into());
        for (field, name) in &answer.names {
            fields.insert((*field).into(), name.as_str().into());
        }
        for (field, bytes) in [
            ("sealed", answer.seal([u8::try_from(number)?; SALT_BYTES], &plain)?),
            ("plain", plain),
        ] {
            let file = format!("{number}.{field}");
            fs::write(directory.join(&file), bytes)?;
            fields.insert(field.into(), file.into());
        }
        manifest.push(entry);
    }
    fs::write(directory.join("manifest.json"), serde_json::to_vec_pretty(&manifest)?)?;
    Ok(manifest.len())
}

fn check_entry(directory: &Path, entry: &Value) -> Fallible<()> {
    let answer = Answer::to(entry)?;
    if hex(answer.context.as_bytes()) != text(entry, "context")? {
        return Err("another context".into());
    }
    for (field, name) in &answer.names {
        if name != text(entry, field)? {
            return Err(format!("another {field}").into());
        }
    }
    let mut sealed = fs::read(directory.join(text(entry, "sealed")?))?;
    if answer.open(&sealed)? != fs::read(directory.join(text(entry, "plain")?))? {
        return Err("another plaintext".into());
    }
    *sealed.last_mut().ok_or("empty")? ^= 1;
    match answer.open(&sealed) {
        Err(SealError::BadChunk) => Ok(()),
        other => Err(format!("with a flipped bit: {other:?}").into()),
    }
}

fn check(directory: &Path) -> Fallible<usize> {
    let manifest = fs::read(directory.join("manifest.json"))?;
    let manifest: Vec<Value> = serde_json::from_slice(&manifest)?;
    if manifest.is_empty() {
        return Err("the manifest is empty".into());
    }
    for (number, entry) in manifest.iter().enumerate() {
        check_entry(directory, entry).map_err(|error| format!("{number}: {error}"))?;
    }
    Ok(manifest.len())
}

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let done = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["write", directory] => write(Path::new(directory)),
        ["check", directory] => check(Path::new(directory)),
        _ => Err("usage: vectors write DIR | vectors check DIR".into()),
    };
    match done {
        Ok(count) => {
            println!("vectors: {count} done");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("vectors: {error}");
            ExitCode::FAILURE
        }
    }
}
