//! The sandbox under production settings, with guests that misbehave.
//!
//! The guests are in `tests/guests` at the root of the repository. It must never skip a test for
//! want of one.

mod canary;
mod contract;
mod registers;

use std::path::Path;
use std::sync::LazyLock;

use super::*;
use eyesonly_build::{Component, Crates, Toolchain, target_folder};
use eyesonly_gate::Content;
use eyesonly_rights::Action;
use eyesonly_service::footage::testing::{Home, home_with, household};

/// The content of every test household's still.
const STILL: &[u8] = b"a still: forty bytes that stand for one.";

/// Returns a guest of the tests, as a component. `cargo xtask test` has built the guests already,
/// and names their folder in EYESONLY_COMPONENTS. Otherwise the first test of a process builds
/// them.
fn component(name: &str) -> Vec<u8> {
    static BUILT: LazyLock<Vec<Component>> = LazyLock::new(|| {
        let crates = Crates {
            root: &Path::new(env!("CARGO_MANIFEST_DIR")).join(".."),
            target: &target_folder(Path::new(env!("OUT_DIR"))),
            packages: &[
                "eyesonly-guest-canary",
                "eyesonly-guest-misbehave",
                "eyesonly-guest-wasi-import",
            ],
            locked: true,
        };
        crates.components(&Toolchain::get().unwrap()).unwrap()
    });
    if let Some(folder) = std::env::var_os("EYESONLY_COMPONENTS") {
        let path = Path::new(&folder).join("guests").join(format!("{name}.wasm"));
        return std::fs::read(&path).unwrap_or_else(|error| {
            panic!("{}: {error}: run `cargo xtask build`", path.display())
        });
    }
    let package = format!("eyesonly-guest-{name}");
    let built = BUILT.iter().find(|component| component.package == package);
    built.unwrap_or_else(|| panic!("no {package}")).bytes.clone()
}

/// Returns the limits of production, except one: one household may have the whole pool, because the
/// tests search all of it.
fn limits() -> Limits {
    let limits = Limits::default();
    Limits { instances_of_household_max: limits.instances_max, ..limits }
}

fn sandbox() -> Sandbox {
    Sandbox::new(limits(), None).unwrap()
}

fn guest(name: &str) -> Handler {
    loaded(&sandbox(), name).unwrap()
}

fn width(width: u32) -> Question {
    Question::Still { event: None, width }
}

fn loaded(sandbox: &Sandbox, name: &str) -> Result<Handler, SandboxError> {
    sandbox.load_bytes(name, Path::new(name), &component(name))
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
        Content::Live { .. } => panic!("a segment"),
    }
}

/// Returns the bytes of an answer that arrive at its viewer.
async fn arrives(home: &Home, grant: &Arc<Grant>, answer: Answer) -> Vec<u8> {
    let (bytes, cut) = home.let_out(grant, answer).await.unwrap();
    assert_eq!(cut, None);
    bytes
}
