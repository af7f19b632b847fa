//! The sandbox under production settings, with guests that misbehave.
//!
//! The guests are in `tests/guests` at the root of the repository. If one is missing, its test
//! fails; no test is skipped.

mod canary;
mod contract;
mod registers;

use std::path::PathBuf;

use super::*;
use eyesonly_gate::Content;
use eyesonly_rights::Action;
use eyesonly_service::footage::testing::{Home, home_with, household};

/// The content of every test household's still.
const STILL: &[u8] = b"a still: forty bytes that stand for one.";

fn guest_path(name: &str) -> PathBuf {
    let components = std::env::var_os("EYESONLY_COMPONENTS")
        .map_or_else(|| "../target/components".into(), PathBuf::from);
    let path = components.join("guests").join(format!("{name}.wasm"));
    assert!(path.is_file(), "{} is missing: run `cargo xtask build`", path.display());
    path
}

/// As in production, but one household may have the whole pool, because the tests search all of it.
fn limits() -> Limits {
    let limits = Limits::default();
    Limits { instances_of_household_max: limits.instances_max, ..limits }
}

fn sandbox() -> Sandbox {
    Sandbox::new(limits(), None).unwrap()
}

fn guest(name: &str) -> Handler {
    sandbox().load(name, &guest_path(name)).unwrap()
}

fn width(width: u32) -> Question {
    Question::Still { event: None, width }
}

async fn ask(handler: &Handler, question: u32) -> Result<Answer, HandlerFailure> {
    let (footage, grant) = household(STILL).await;
    handler.handle(footage, grant, width(question)).await
}

fn bytes(answer: Answer) -> Vec<u8> {
    match answer.content() {
        Content::Bytes(bytes) => bytes.to_vec(),
        Content::Empty => panic!("an empty body"),
        Content::Footage { .. } => panic!("a range of footage"),
    }
}

/// Returns the bytes of an answer that arrive at its viewer.
async fn arrives(home: &Home, grant: &Arc<Grant>, answer: Answer) -> Vec<u8> {
    let (bytes, cut) = home.let_out(grant, answer).await.unwrap();
    assert_eq!(cut, None);
    bytes
}
