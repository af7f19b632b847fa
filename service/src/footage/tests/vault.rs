//! What the vault makes of rows and parts, at its edges.

use super::body;
use crate::footage::testing::{Home, footage_id};
use eyesonly_gate::rules::RENDITION_BYTES_MAX;
use eyesonly_gate::vault::{Finished, State};
use eyesonly_gate::{Claimed, Located};
use eyesonly_rights::{Action, Fault};
use eyesonly_seal::format::{EXTENT_PLAIN_BYTES, EXTENT_SEALED_BYTES, HEADER_BYTES};
use eyesonly_seal::{Kind, ObjectVersion, SealError};

/// Seals `plain` as the camera's object of this kind, and returns the object's parts.
async fn sealed(home: &Home, kind: Kind, plain: &[u8]) -> Finished {
    let intake = home.intake().await;
    let offered = intake.offer(kind, footage_id());
    let mut sealing = offered.seal(ObjectVersion::from_bytes([1; 16]), [2; 24]).unwrap();
    sealing.push(plain).unwrap();
    sealing.finish().unwrap()
}

/// Locates what was sealed, and returns its first extent too.
async fn located(home: &Home, finished: Finished) -> (Located, Claimed) {
    let row = finished.row;
    let asked = home.grant(Action::Live).await.ask(row.kind, row.id).unwrap();
    let mut chunks = finished.rest.into_bytes();
    let header = chunks.split_to(HEADER_BYTES).as_ref().try_into().unwrap();
    chunks.truncate(EXTENT_SEALED_BYTES);
    (asked.locate(&row).unwrap().unwrap(), Claimed { header, chunks })
}

#[tokio::test]
async fn a_tombstone_has_nothing_of_what_it_buries() {
    let (home, event) = (Home::new().await, footage_id());
    home.put_event(event, "at the door").await.unwrap();
    let grant = home.grant(Action::Delete).await;
    let [details, ..] = grant.ask_to_delete(event).unwrap();
    let (nonce, _) = home.records.question();
    let slots = [details.slot().unwrap()];
    let row = home.catalogue.index().objects(&slots, nonce).await.unwrap().rows.remove(0);
    assert!(row.inline.is_some(), "the details are kept in the row");
    let tombstone = details.bury(&row).unwrap();
    assert_eq!((tombstone.inline.is_none(), tombstone.state), (true, State::Deleted));
    assert_eq!(details.prove(&tombstone), Ok(State::Deleted));
    assert_eq!(details.prove(&row), Ok(State::Live));
}

#[tokio::test]
async fn only_a_still_has_a_pointer() {
    let home = Home::new().await;
    for (kind, has) in [(Kind::Still, true), (Kind::EventStill, false), (Kind::Clip, false)] {
        assert_eq!(sealed(&home, kind, b"footage").await.pointer.is_some(), has, "{kind:?}");
    }
}

#[tokio::test]
async fn extents_end_with_their_object() {
    let home = Home::new().await;
    let (header, extent) = (HEADER_BYTES as u64, EXTENT_SEALED_BYTES as u64);
    let one = sealed(&home, Kind::Still, &body(EXTENT_PLAIN_BYTES, 1)).await;
    let (one, _) = located(&home, one).await;
    assert_eq!(one.extent_range(0), Some((header, extent)));
    assert_eq!(one.extent_range(1), Some((header + extent, 16)), "an empty last chunk");
    let more = sealed(&home, Kind::Still, &body(EXTENT_PLAIN_BYTES + 1, 1)).await;
    let (more, _) = located(&home, more).await;
    assert_eq!(more.extent_range(1), Some((header + extent, 17)));
    for none in [2, 3, u64::MAX] {
        assert_eq!((one.extent_range(none), more.extent_range(none)), (None, None));
    }
}

#[tokio::test]
async fn only_a_rendition_is_sealed_by_a_handler() {
    let home = Home::new().await;
    let (mut still, _) = located(&home, sealed(&home, Kind::Still, b"a still").await).await;
    let refused = |located: &mut Located, bytes| located.seal(vec![0; bytes], [3; 24]).err();
    assert_eq!(refused(&mut still, 10), Some(SealError::TooLong), "it is no rendition");
    let mut small = still.rendition("w320", [4; 32]).unwrap();
    assert_eq!(small.plain_length(), 0, "nothing is known of it yet");
    assert_eq!(refused(&mut small, RENDITION_BYTES_MAX + 1), Some(SealError::TooLong));
    assert_eq!(refused(&mut small, RENDITION_BYTES_MAX), None);
    assert_eq!(small.plain_length(), RENDITION_BYTES_MAX as u64);
    let (plain, extent, row) = small.seal(b"small".to_vec(), [3; 24]).unwrap();
    assert_eq!((&plain.bytes()[..], row.rendition), (&b"small"[..], true));
    assert_eq!(small.open_whole(extent.into()).unwrap().bytes(), plain.bytes());
}

#[tokio::test]
async fn each_fault_has_its_name() {
    let home = Home::new().await;
    let (still, extent) = located(&home, sealed(&home, Kind::Still, &body(50_000, 1)).await).await;
    let fault = |change: fn(&mut Claimed)| {
        let mut extent = extent.clone();
        change(&mut extent);
        still.accept(0, extent).and_then(|open| open.open(0, 4)).err()
    };
    assert_eq!(fault(|_| {}), None);
    assert_eq!(fault(|extent| extent.header[0] ^= 1), Some(Fault::WrongSeal));
    assert_eq!(fault(|extent| extent.chunks.truncate(16_400)), Some(Fault::WrongLength));
    let flipped = fault(|extent| {
        let mut chunks = extent.chunks.to_vec();
        chunks[20_000] ^= 1;
        extent.chunks = chunks.into();
    });
    assert_eq!(flipped, Some(Fault::BadChunk));
}

#[tokio::test]
async fn a_part_of_footage_says_where_it_lies() {
    let (home, plain) = (Home::new().await, body(50_000, 1));
    let (still, extent) = located(&home, sealed(&home, Kind::Still, &plain).await).await;
    let open = still.accept(0, extent).unwrap().open(1, 2).unwrap();
    assert_eq!((open.at(), open.bytes().len()), (16_384, 32_768));
    let ranges = [(16_384, 49_152), (20_000, 30_000), (0, 17_000), (49_000, 60_000)];
    for (from, to) in ranges {
        let part = open.within(&(from..to));
        let (from, to) = (from.max(16_384), to.min(49_152));
        assert_eq!(part.at(), from);
        assert!(part.bytes()[..] == plain[from as usize..to as usize], "{from} to {to}");
    }
}
