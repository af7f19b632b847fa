//! The built component in the real sandbox: what it hides of a real still, whose renditions it
//! gets, and what it may import.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failed expectation is how a test fails"
)]

use std::sync::LazyLock;

use eyesonly_testkit::{
    Answered, Handler, House, MediaType, Question, Status, Verdict, build, check,
};
use jpeg_decoder::Decoder;
use privacy_mask::ZONE;

const STILL: &[u8] = include_bytes!("../../../media/alder-front-door.jpg");
const EVENT_STILL: &[u8] = include_bytes!("../../../media/alder-front-door-person.jpg");

/// This crate as a component, built once for all tests.
static MASK: LazyLock<Vec<u8>> = LazyLock::new(|| build(env!("CARGO_MANIFEST_DIR")));

async fn still(house: &House, handler: &Handler, event: Option<&str>, width: u32) -> Answered {
    let event = event.map(str::to_owned);
    house.ask(handler, Question::Still { event, width }).await.unwrap()
}

/// Returns width and height of the picture, the pixel in the middle of the zone, and that pixel's
/// mirror image outside of the zone.
fn look(answered: &Answered) -> ((u16, u16), [u8; 3], [u8; 3]) {
    assert_eq!((answered.status, answered.media_type), (Status::Ok, MediaType::Jpeg));
    let mut decoder = Decoder::new(&answered.bytes[..]);
    let pixels = decoder.decode().unwrap();
    let info = decoder.info().unwrap();
    let (columns, rows) = (usize::from(info.width), usize::from(info.height));
    let at = |x: usize, y: usize| {
        pixels.as_chunks::<3>().0[y * rows / 1000 * columns + x * columns / 1000]
    };
    let (x, y) = (ZONE.left + ZONE.width / 2, ZONE.top + ZONE.height / 2);
    ((info.width, info.height), at(x, y), at(1000 - x, y))
}

fn is_black(pixel: [u8; 3]) -> bool {
    pixel.iter().all(|level| *level < 4)
}

#[tokio::test]
async fn the_zone_is_black_and_the_rest_is_not() {
    let house = House::new().await;
    let mask = house.load("privacy-mask", &MASK);
    house.put_still(STILL).await;
    let event = house.put_event("somebody at the door").await;
    house.put_event_still(&event, EVENT_STILL).await;
    for (event, width, size) in [
        (None, 320, (320, 180)),
        (None, 1920, (1920, 1080)),
        (Some(event.as_str()), 600, (640, 360)),
    ] {
        let (found, inside, outside) = look(&still(&house, &mask, event, width).await);
        assert_eq!(found, size);
        assert!(is_black(inside), "{size:?}: {inside:?} in the zone");
        assert!(!is_black(outside), "{size:?}: {outside:?} outside of it");
    }
}

#[tokio::test]
async fn a_rendition_of_the_mask_is_nobody_elses() {
    let house = House::new().await;
    let (mask, thumbnail) = (house.load("privacy-mask", &MASK), house.handlers().thumbnail);
    assert_ne!(mask.sha256(), thumbnail.sha256());
    house.put_still(STILL).await;

    let masked = still(&house, &mask, None, 320).await;
    assert!(masked.is_footage, "it was remembered, and is answered by its handle");
    // Both handlers call it `w320-1`.
    assert!(house.is_at_hand(&mask, None, "w320-1").await);
    assert!(!house.is_at_hand(&thumbnail, None, "w320-1").await);

    let (_, inside, _) = look(&still(&house, &thumbnail, None, 320).await);
    assert!(!is_black(inside), "the thumbnail handler was given the mask's rendition");
    assert!(house.is_at_hand(&thumbnail, None, "w320-1").await);
    assert_eq!(still(&house, &mask, None, 320).await, masked);
}

#[tokio::test]
async fn other_questions_are_not_its() {
    let house = House::new().await;
    let mask = house.load("privacy-mask", &MASK);
    let event = house.put_event("").await;
    for question in [
        Question::Still { event: None, width: 320 },
        Question::Still { event: Some(event.clone()), width: 320 },
        Question::Event(event.clone()),
        Question::Clip(event),
        Question::Events { before: None, limit: 10 },
    ] {
        let answered = house.ask(&mask, question).await.unwrap();
        assert_eq!((answered.status, answered.bytes), (Status::NotFound, Vec::new()));
    }
    house.put_still(STILL).await;
    assert_eq!(still(&house, &mask, None, 0).await.status, Status::BadRequest);
}

#[test]
fn it_asks_for_footage_and_renditions_and_nothing_else() {
    let report = check(&MASK).unwrap();
    assert_eq!(report.verdict, Verdict::Allowed, "{report}");
    let imports: Vec<&str> = report.imports.iter().map(|import| import.name.as_str()).collect();
    assert_eq!(
        imports,
        [
            "eyesonly:edge/types@0.3.0",
            "eyesonly:edge/footage@0.3.0",
            "eyesonly:edge/renditions@0.3.0"
        ]
    );
}
