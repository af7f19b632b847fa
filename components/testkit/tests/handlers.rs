//! Runs the built components of the two handlers that are served, in the real sandbox.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failed expectation is how a test fails"
)]

use eyesonly_testkit::{House, MediaType, Question, Status};

const STILL: &[u8] = include_bytes!("../../../tests/media/alder-front-door.jpg");
const CLIP: &[u8] = include_bytes!("../../../tests/media/alder-front-door-person.mp4");

#[tokio::test]
async fn a_thumbnail_is_made_once() {
    let house = House::new().await;
    let thumbnail = house.handlers().thumbnail;
    house.put_still(STILL).await;
    assert!(!house.is_at_hand(&thumbnail, None, "w160-1").await);
    let question = Question::Still { event: None, width: 160 };
    let first = house.ask(&thumbnail, question.clone()).await.unwrap();
    assert_eq!((first.status, first.media_type), (Status::Ok, MediaType::Jpeg));
    assert!(first.bytes.starts_with(b"\xff\xd8") && first.bytes.len() < STILL.len());
    assert!(house.is_at_hand(&thumbnail, None, "w160-1").await);
    assert_eq!(house.ask(&thumbnail, question).await.unwrap(), first);
}

#[tokio::test]
async fn an_event_is_json_and_its_clip_the_very_file() {
    let house = House::new().await;
    let events = house.handlers().events;
    let id = house.put_event("a person").await;
    house.put_event_clip(&id, CLIP).await;
    let event = house.ask(&events, Question::Event(id.clone())).await.unwrap();
    assert_eq!((event.status, event.media_type), (Status::Ok, MediaType::Json));
    let text = String::from_utf8(event.bytes).unwrap();
    assert!(
        text.contains(&id) && text.contains("\"a person\"") && text.contains("\"clip\":true"),
        "{text}"
    );
    let clip = house.ask(&events, Question::Clip(id)).await.unwrap();
    assert_eq!((clip.status, clip.media_type), (Status::Ok, MediaType::Mp4));
    assert!(clip.is_footage && clip.bytes == CLIP);
}

#[tokio::test]
async fn what_is_absent_is_not_found() {
    let house = House::new().await;
    let events = house.handlers().events;
    let absent = Question::Event("01900000-0000-7000-8000-000000000000".to_owned());
    assert_eq!(house.ask(&events, absent).await.unwrap().status, Status::NotFound);
}
