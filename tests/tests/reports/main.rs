//! Public reports of what real cameras, proxies, players and people send to other systems, each
//! with its number. `tests/media/reports` has the inputs. One suite serves both editions.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "all of this is a test"
)]

mod clips;
mod clocks;
mod http;
mod mutants;
mod mutations;
mod proxies;
mod public;
mod segments;
mod stills;
mod wire;

use bytes::Bytes;
use eyesonly_harness::footage::{description, fresh_id};
use eyesonly_tests::built::{Edition, edition};
use eyesonly_tests::footage::media;
use eyesonly_tests::{Answer, Home};

/// Says whether the edge under test has a listener of its own. That of the Spin edition is the
/// engine's, with the engine's waits.
fn is_native() -> bool {
    edition() == Edition::Native
}

/// Reads the input of a report.
fn report(name: &str) -> Bytes {
    media(&format!("reports/{name}"))
}

/// Hands in an event with this clip, and returns the event and the answer to the clip.
async fn event_with_clip(home: &Home, mp4: Bytes) -> (String, Answer) {
    let event = fresh_id();
    home.camera.put_event(&event, &description("a clip")).await.expect(201);
    let answer = home.camera.put_clip(&event, mp4).await;
    (event, answer)
}
