//! Tests of what the footage module hands out, makes and deletes, over seams in memory. Tests in
//! which the seams lie are in lies.rs.

mod crossed;
mod cut;
mod door;
mod entered;
mod floors;
mod liars;
mod lies;
mod listed;
mod renewed;
mod rules;
mod source;
mod vault;

use super::testing::{Home, drain, footage_id};
use super::{FootageError, Held, Recalled};
use crate::ingest::{IngestError, Taken};
use bytes::Bytes;
use eyesonly_gate::ledger::{Delivery, Handed};
use eyesonly_gate::rules::{MediaType, Status};
use eyesonly_gate::{
    Answer, Content, Cut, Departure, Grant, Instance, Leaving, RawCredential, Refused, Source,
};
use eyesonly_rights::Action;
use eyesonly_seal::{Kind, ObjectName};
use std::sync::Arc;

/// Makes a JPEG that is one by its markers, with `body` as its picture. Ingest asks for no more.
fn jpeg(body: &[u8]) -> Vec<u8> {
    let quantiser = [&[0xFF, 0xDB, 0, 67, 0][..], &[1; 64]].concat();
    let frame: &[u8] = &[0xFF, 0xC0, 0, 11, 8, 0, 90, 0, 160, 1, 1, 0x11, 0];
    // Tables of DC (0x00) and AC (0x10) with one code each.
    let table = |name: u8| [&[0xFF, 0xC4, 0, 20, name, 1][..], &[0; 16]].concat();
    let huffman = [table(0x00), table(0x10)].concat();
    let scan: &[u8] = &[0xFF, 0xDA, 0, 8, 1, 1, 0, 0, 63, 0];
    [&[0xFF, 0xD8], quantiser.as_slice(), frame, &huffman, scan, body, &[0xFF, 0xD9]].concat()
}

/// Makes a body of `length` bytes that do not repeat and contain no marker.
fn body(length: usize, seed: u32) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        ((state >> 24) as u8).min(0xFE)
    };
    (0..length).map(|_| next()).collect()
}

/// Reads the whole object as the way out does, piece by piece.
async fn all(held: &mut Held) -> Result<Vec<u8>, Cut> {
    let (mut bytes, end) = (Vec::new(), held.length());
    while (bytes.len() as u64) < end {
        bytes.extend_from_slice(held.piece(bytes.len() as u64, end).await?.bytes());
    }
    Ok(bytes)
}

/// Makes the departure of the whole object that is held.
async fn depart(home: &Home, held: Held) -> Result<Departure, Refused> {
    let length = held.length();
    depart_part(home, Box::new(held), 0, length).await
}

/// Makes the departure of `length` bytes from `offset` on.
async fn depart_part(
    home: &Home,
    source: Box<dyn Source>,
    offset: u64,
    length: u64,
) -> Result<Departure, Refused> {
    let (grant, answer) = answer(source, offset, length);
    open(home, &grant, home.presents().0, answer).await
}

/// Makes an answer of `length` bytes from `offset` on, and returns its grant too.
fn answer(source: Box<dyn Source>, offset: u64, length: u64) -> (Arc<Grant>, Answer) {
    let grant = Arc::clone(source.located().grant());
    let content = Content::Footage { source, offset, length };
    let answer = Instance::new(Arc::clone(&grant)).answers(Status::Ok, MediaType::Jpeg, content);
    (grant, answer.unwrap())
}

/// Opens the way out for an answer to whoever presents `raw`.
async fn open(
    home: &Home,
    grant: &Arc<Grant>,
    raw: &RawCredential,
    answer: Answer,
) -> Result<Departure, Refused> {
    let leaving = Leaving { handed: Handed::Still, event: None, is_head: false };
    Departure::open(&home.admission, grant, raw, answer, leaving).await
}

/// Makes a home with one still of two extents and a bit.
async fn with_still() -> (Home, Vec<u8>) {
    let home = Home::new().await;
    let still = jpeg(&body(2_200_000, 1));
    assert_eq!(home.put(Kind::Still, footage_id(), &still).await.unwrap(), Taken::Created);
    (home, still)
}

async fn held(home: &Home) -> Result<Held, FootageError> {
    home.footage.newest_still(&home.grant(Action::Live).await).await
}

async fn newest(home: &Home) -> Result<Vec<u8>, FootageError> {
    all(&mut held(home).await?).await.map_err(|Cut| FootageError::Unavailable)
}

fn stored(home: &Home) -> Vec<(ObjectName, Bytes)> {
    home.store.objects.lock().unwrap().iter().map(|(name, bytes)| (*name, bytes.clone())).collect()
}

#[tokio::test]
async fn every_range_is_what_was_handed_in() {
    let (home, still) = with_still().await;
    let held = held(&home).await.unwrap();
    let length = still.len() as u64;
    assert_eq!(held.length(), length);
    for offset in [0, 1, 16_383, 16_384, 131_072, 1_048_575, 1_048_576, 2_097_151, length - 1] {
        for count in [1, 2, 16_384, 16_385, 1_048_577, u32::MAX] {
            let end = (offset + u64::from(count)).min(length);
            let got = held.read(offset, count).await.unwrap();
            assert!(got == still[offset as usize..end as usize], "{count} bytes from {offset}");
        }
    }
    assert_eq!(held.read(length, 1).await, Err(FootageError::Invalid));
    assert_eq!(held.read(0, 0).await, Err(FootageError::Invalid));
}

#[tokio::test]
async fn a_herd_for_one_still_costs_one_read_an_extent() {
    let (home, still) = with_still().await;
    let mut held = Vec::new();
    for _ in 0..40 {
        held.push(self::held(&home).await.unwrap());
    }
    let results = futures::future::join_all(held.iter_mut().map(all)).await;
    assert!(results.into_iter().all(|got| got.unwrap() == still));
    assert_eq!(home.store.reads.load(std::sync::atomic::Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_long_response_ends_when_its_right_does() {
    let (home, still) = with_still().await;
    let mut departure = depart(&home, held(&home).await.unwrap()).await.unwrap();
    home.admin.remove_camera(home.camera).await.unwrap();
    let (got, cut) = drain(&mut departure).await;
    assert_eq!((got.len(), cut), (1_048_576, Some(Cut)), "no byte of the next extent leaves");
    assert!(still.starts_with(&got) && still.len() > got.len());
}

#[tokio::test]
async fn a_response_has_all_its_bytes_while_nothing_changes() {
    let (home, still) = with_still().await;
    let mut departure = depart(&home, held(&home).await.unwrap()).await.unwrap();
    assert_eq!(departure.length(), Some(still.len() as u64));
    assert!(drain(&mut departure).await == (still, None));
}

#[tokio::test]
async fn renditions_are_made_once_and_belong_to_their_maker() {
    let (home, _) = with_still().await;
    let grant = home.grant(Action::Live).await;
    let source = home.footage.newest_still(&grant).await.unwrap();
    let Recalled::Make(making) = home.footage.recall(&source, &[1; 32], "w320").await.unwrap()
    else {
        panic!("nothing to recall yet")
    };
    let recall = home.footage.recall(&source, &[1; 32], "w320");
    let remember = async {
        let mut held =
            home.footage.remember(&source, &[1; 32], "w320", b"small".to_vec()).await.unwrap();
        drop(making);
        all(&mut held).await.unwrap()
    };
    let (recalled, made) = futures::future::join(recall, remember).await;
    let Recalled::AtHand(mut held) = recalled.unwrap() else {
        panic!("it waited for the one that makes it")
    };
    assert_eq!((all(&mut held).await.unwrap(), made), (b"small".to_vec(), b"small".to_vec()));
    for (handler, name) in [([2; 32], "w320"), ([1; 32], "w640")] {
        let other = home.footage.recall(&source, &handler, name).await.unwrap();
        assert!(matches!(other, Recalled::Make(_)), "{name} of another maker");
    }
    for name in ["", "W", "a/b", "a b", &"x".repeat(33)] {
        assert_eq!(
            home.footage.recall(&source, &[1; 32], name).await.err(),
            Some(FootageError::Invalid),
            "{name}"
        );
    }
    assert_eq!(
        home.footage.recall(&held, &[1; 32], "w100").await.err(),
        Some(FootageError::Invalid),
        "a rendition of a rendition"
    );
    let large = vec![0; 1_000_001];
    assert_eq!(
        home.footage.remember(&source, &[1; 32], "w1", large).await.err(),
        Some(FootageError::Limit)
    );
}

#[tokio::test]
async fn uploads_are_told_apart_and_deletions_stay() {
    let home = Home::new().await;
    let (event, still) = (footage_id(), jpeg(b"at the door"));
    assert!(matches!(home.put(Kind::EventStill, event, &still).await, Err(IngestError::NoEvent)));
    assert_eq!(home.put_event(event, "first").await.unwrap(), Taken::Created);
    assert_eq!(home.put_event(event, "first").await.unwrap(), Taken::Same);
    assert!(matches!(home.put_event(event, "second").await, Err(IngestError::Conflict)));
    assert_eq!(home.put(Kind::EventStill, event, &still).await.unwrap(), Taken::Created);
    assert_eq!(home.put(Kind::EventStill, event, &still).await.unwrap(), Taken::Same);
    assert!(matches!(
        home.put(Kind::EventStill, event, &jpeg(b"other")).await,
        Err(IngestError::Conflict)
    ));
    assert_eq!(stored(&home).len(), 1, "what was not taken is not kept");

    let grant = home.grant(Action::Delete).await;
    home.footage.delete_event(&grant, event).await.unwrap();
    assert!(stored(&home).is_empty());
    assert_eq!(home.footage.event(&grant, event).await.err(), Some(FootageError::NotFound));
    assert_eq!(home.footage.event_still(&grant, event).await.err(), Some(FootageError::NotFound));
    assert_eq!(home.footage.delete_event(&grant, event).await.err(), Some(FootageError::NotFound));
    assert!(matches!(home.put_event(event, "first").await, Err(IngestError::Deleted)));
    assert!(matches!(home.put(Kind::EventStill, event, &still).await, Err(IngestError::Deleted)));
    assert!(matches!(home.put(Kind::Clip, event, b"").await, Err(IngestError::Deleted)));
}

#[tokio::test]
async fn two_at_once_make_one_object() {
    let home = Home::new().await;
    let (id, one, two) = (footage_id(), jpeg(b"one"), jpeg(b"two"));
    let results = futures::future::join_all([
        home.put(Kind::Still, id, &one),
        home.put(Kind::Still, id, &two),
    ])
    .await;
    let created = results.iter().filter(|r| matches!(r, Ok(Taken::Created))).count();
    let refused = results.iter().filter(|r| matches!(r, Err(IngestError::Conflict))).count();
    assert_eq!((created, refused, stored(&home).len()), (1, 1, 1));
}
