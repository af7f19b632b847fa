//! Sealed objects: headers and chunks. Only what sealing makes opens, to the byte. Nothing opens as
//! another object, under another key, or after a change. The keys are fixed: this target must never
//! be taken for a test of the cipher.
#![no_main]

use eyesonly_fuzz::{Input, changed};
use eyesonly_seal::format::{
    CHUNK_BYTES, HEADER_BYTES, SALT_BYTES, SEALED_CHUNK_BYTES, TAG_BYTES, plain_length,
    sealed_length,
};
use eyesonly_seal::{
    CameraId, CameraKey, Context, FootageId, HouseholdId, HouseholdKey, Kind, ObjectVersion,
    Opener, Question, Rendition, SealError, SealingKey, open_all, seal_all,
};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

/// The most plain bytes of an object here: two full chunks and some of a third.
const PLAIN_BYTES_MAX: usize = 2 * CHUNK_BYTES + 100;

struct Keys {
    key: SealingKey,
    other: SealingKey,
    context: Context,
    /// The contexts of other objects, each of which differs in one field.
    contexts: Vec<Context>,
}

static KEYS: LazyLock<Keys> = LazyLock::new(|| {
    let question = Question {
        household: HouseholdId::from_bytes([1; 16]),
        camera: CameraId::from_bytes([2; 16]),
        kind: Kind::Still,
        rendition: None,
        object: FootageId::from_time(1_708_075_800_250, [3; 10]).unwrap(),
    };
    let camera: CameraKey =
        HouseholdKey::from_bytes([4; 32]).camera_key(&question.household, &question.camera);
    let later = FootageId::from_time(1_708_075_800_251, [3; 10]).unwrap();
    let next_day = FootageId::from_time(1_708_075_800_250 + 86_400_000, [3; 10]).unwrap();
    let rendition = Rendition { name: "w320-1", handler: [5; 32] };
    let others = [
        Question { household: HouseholdId::from_bytes([6; 16]), ..question },
        Question { camera: CameraId::from_bytes([6; 16]), ..question },
        Question { kind: Kind::EventStill, ..question },
        Question { rendition: Some(rendition), ..question },
        Question { object: later, ..question },
    ];
    let context = |question, version| {
        Context::footage(&question, ObjectVersion::from_bytes([version; 16])).unwrap()
    };
    let mut contexts: Vec<Context> = others.map(|other| context(other, 7)).into();
    contexts.push(context(question, 8));
    Keys {
        key: camera.footage_key(&question.object),
        other: camera.footage_key(&next_day),
        context: context(question, 7),
        contexts,
    }
});

fn open(context: &Context, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
    #[cfg(planted)]
    if let Some(opened) = at_fault(context, sealed) {
        return Ok(opened);
    }
    open_all(&KEYS.key, context, sealed)
}

/// The fault: an empty chunk at the end of several is taken for granted.
#[cfg(planted)]
fn at_fault(context: &Context, sealed: &[u8]) -> Option<Vec<u8>> {
    let (header, chunks) = sealed.split_first_chunk()?;
    if chunks.len() <= SEALED_CHUNK_BYTES || chunks.len() % SEALED_CHUNK_BYTES != TAG_BYTES {
        return None;
    }
    let mut plain = Vec::new();
    let opener = Opener::new(&KEYS.key, context, header).ok()?;
    opener.open_chunks(0, &chunks[..chunks.len() - TAG_BYTES], &mut plain).ok()?;
    Some(plain)
}

/// Checks an object that may be anything.
fn check(sealed: &[u8]) {
    let opened = open(&KEYS.context, sealed);
    if let Ok(plain) = &opened {
        assert_eq!(plain_length(sealed.len() as u64), Ok(plain.len() as u64));
        assert_eq!(sealed_length(plain.len() as u64), Some(sealed.len() as u64));
        let salt: [u8; SALT_BYTES] = *sealed.first_chunk().unwrap();
        let again = seal_all(&KEYS.key, &KEYS.context, salt, plain).unwrap();
        assert!(again == sealed, "two objects open as one");
    }
    for context in &KEYS.contexts {
        assert!(open(context, sealed).is_err(), "opens as another object");
    }
    assert!(open_all(&KEYS.other, &KEYS.context, sealed).is_err(), "opens with another key");
}

/// Opens a run of chunks, and compares it with the plain bytes.
fn check_run(sealed: &[u8], plain: &[u8], input: &mut Input<'_>) {
    let (header, chunks) = sealed.split_first_chunk::<HEADER_BYTES>().unwrap();
    let opener = Opener::new(&KEYS.key, &KEYS.context, header).unwrap();
    let chunks: Vec<&[u8]> = chunks.chunks(SEALED_CHUNK_BYTES).collect();
    let first = usize::from(input.byte()) % chunks.len();
    let count = 1 + usize::from(input.byte()) % (chunks.len() - first);
    let run = chunks[first..first + count].concat();
    let before = input.take(3).to_vec();
    let mut out = before.clone();
    opener.open_chunks(first as u64, &run, &mut out).unwrap();
    let expected: Vec<u8> =
        plain.chunks(CHUNK_BYTES).skip(first).take(count).flatten().copied().collect();
    assert!(out == [&before[..], &expected].concat(), "a run is not its part of the object");

    let mut out = before.clone();
    let elsewhere = first as u64 ^ input.number();
    if elsewhere != first as u64 {
        assert!(opener.open_chunks(elsewhere, &run, &mut out).is_err(), "chunks were moved");
    }
    let different = changed(&run, input);
    if different != run {
        let opened = opener.open_chunks(first as u64, &different, &mut out);
        // A run that is cut between two chunks is a shorter run.
        let is_shorter = run.starts_with(&different)
            && !different.is_empty()
            && different.len() % SEALED_CHUNK_BYTES == 0;
        assert_eq!(opened.is_ok(), is_shorter, "chunks were changed");
        if is_shorter {
            return;
        }
    }
    assert!(out == before, "a rejected run left something");
}

fuzz_target!(|bytes: &[u8]| {
    let mut input = Input(bytes);
    match input.byte() {
        0 => {
            let number = input.number();
            if let Some(sealed) = sealed_length(number) {
                assert_eq!(plain_length(sealed), Ok(number));
            }
            if let Ok(plain) = plain_length(number) {
                assert_eq!(sealed_length(plain), Some(number));
            }
            check(input.rest());
        }
        chunks => {
            let bytes = usize::from(chunks % 3) * CHUNK_BYTES + input.short() % 100;
            let filling = input.byte();
            let mut salt = [filling; SALT_BYTES];
            salt[0] = input.byte();
            let mut plain = input.take(usize::from(input.0.first().copied().unwrap_or(0))).to_vec();
            plain.resize(bytes.min(PLAIN_BYTES_MAX), filling);
            let sealed = seal_all(&KEYS.key, &KEYS.context, salt, &plain).unwrap();
            assert!(sealed.len() >= HEADER_BYTES + TAG_BYTES);
            assert!(open(&KEYS.context, &sealed).unwrap() == plain);
            let different = changed(&sealed, &mut input);
            if different != sealed {
                assert!(open(&KEYS.context, &different).is_err(), "what was changed opens");
            }
            check_run(&sealed, &plain, &mut input);
        }
    }
});
