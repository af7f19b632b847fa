//! The sandbox under production settings, with guests that misbehave.
//!
//! The guests are in `tests/guests` at the root of the repository. A missing one is a failure, never a skip.

mod canary;
mod contract;
mod registers;

use std::path::PathBuf;

use super::*;
use crate::footage::testing::household;

/// What every test household's still holds.
const STILL: &[u8] = b"a still: forty bytes that stand for one.";

fn guest_path(name: &str) -> PathBuf {
    let components =
        std::env::var_os("EYESONLY_COMPONENTS").map_or_else(|| "../target/components".into(), PathBuf::from);
    let path = components.join("guests").join(format!("{name}.wasm"));
    assert!(path.is_file(), "{} is missing: run `cargo xtask build`", path.display());
    path
}

/// As in production, but that one household may have the whole pool: all of it is to be looked at.
fn limits() -> Limits {
    let limits = Limits::default();
    Limits {
        instances_of_household_max: limits.instances_max,
        ..limits
    }
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
    match answer.body {
        Body::Bytes(bytes) => bytes,
        Body::Empty => panic!("an empty body"),
        Body::Footage { .. } => panic!("a range of footage"),
    }
}

async fn footage_bytes(answer: Answer) -> Vec<u8> {
    let Body::Footage { source, offset, length } = answer.body else {
        panic!("not a range of footage");
    };
    let Ok(bytes) = source.read(offset, u32::try_from(length).unwrap()).await else {
        panic!("the answer's object can't be read");
    };
    bytes
}
