//! The grant's life: it lives while its body is on its way out, wherever that is cut off, and not a moment longer; and a body whose session ends
//! gets no further extent.

use super::scene::{Scene, clock_that_stands};
use super::{fails, holds};
use crate::footage::Held;
use crate::sync::spawn;
use bytes::Bytes;
use eyesonly_gate::ledger::Handed;
use eyesonly_gate::rules::{MediaType, Status};
use eyesonly_gate::{Content, Departure, Grant, Instance, Leaving, Source as _};
use eyesonly_rights::Action;
use eyesonly_seal::format::{CHUNK_BYTES, EXTENT_CHUNKS};
use http_body::Body as _;
use shuttle::future::yield_now;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Weak};

/// Of one extent in bytes.
const EXTENT: u64 = (CHUNK_BYTES * EXTENT_CHUNKS) as u64;
/// An extent and a bit more: some pieces, and one question whether the grant still holds.
const LENGTH: usize = CHUNK_BYTES * EXTENT_CHUNKS + 1000;

static STILL: LazyLock<Vec<u8>> = LazyLock::new(|| vec![0x5A; LENGTH]);

/// A body on its way out: the real one, or what is wrong about one thing.
enum Sent {
    Departure(Departure),
    /// A control's: its object, and where it is.
    Wrong(Option<Held>, u64),
}

impl Sent {
    /// The next piece. None: it was cut.
    async fn next(&mut self) -> Option<Bytes> {
        match self {
            Self::Departure(departure) => {
                let frame =
                    std::future::poll_fn(|context| Pin::new(&mut *departure).poll_frame(context))
                        .await;
                frame?.ok()?.into_data().ok()
            }
            Self::Wrong(held, at) => {
                let piece = held.as_mut()?.piece(*at, LENGTH as u64).await.ok()?;
                *at += piece.bytes().len() as u64;
                Some(piece.bytes().clone())
            }
        }
    }
}

/// A body is on its way out, holding its grant by what it is given; somebody hangs up, and the session ends meanwhile. `HOLDS`: as the way out
/// holds it; not, as a control: its grant is let go when the first piece is out. `ASKS`: as a departure asks again; not: it is only read.
async fn scene<const HOLDS: bool, const ASKS: bool>() {
    let scene = Arc::new(Scene::new(&STILL).await);
    let (has_ended, ending) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let grant = scene.grant(Action::Live).await;
    let life: Weak<Grant> = Arc::downgrade(&grant);
    let body = {
        let (scene, life) = (Arc::clone(&scene), life.clone());
        let (has_ended, ending) = (Arc::clone(&has_ended), Arc::clone(&ending));
        spawn(async move {
            let held = scene.footage.newest_still(&grant).await.unwrap();
            let length = LENGTH as u64;
            let mut body = if HOLDS && ASKS {
                let content = Content::Footage { source: Box::new(held), offset: 0, length };
                let instance = Instance::new(Arc::clone(&grant));
                let answer = instance.answers(Status::Ok, MediaType::Jpeg, content).unwrap();
                let leaving = Leaving { handed: Handed::Still, event: None };
                let departure =
                    Departure::open(&scene.admission, &grant, &scene.raw(), answer, leaving).await;
                // Signed out before it could leave: then nothing does.
                let Ok(departure) = departure else {
                    assert!(has_ended.load(Ordering::SeqCst) || ending.load(Ordering::SeqCst));
                    return;
                };
                Sent::Departure(departure)
            } else {
                Sent::Wrong(Some(held), 0)
            };
            drop(grant);
            let mut sent = 0;
            while sent < length {
                assert!(life.strong_count() > 0, "the grant ended before its body");
                let asks_now = sent == EXTENT;
                let had_ended = has_ended.load(Ordering::SeqCst);
                match body.next().await {
                    Some(piece) => {
                        assert!(
                            !(asks_now && had_ended),
                            "a further extent after the session's end"
                        );
                        sent += piece.len() as u64;
                    }
                    None => {
                        assert!(
                            asks_now
                                && (has_ended.load(Ordering::SeqCst)
                                    || ending.load(Ordering::SeqCst)),
                            "a body was cut for nothing"
                        );
                        return;
                    }
                }
                if !HOLDS && let Sent::Wrong(held, _) = &mut body {
                    *held = None;
                }
                // The client takes its time.
                yield_now().await;
            }
        })
    };
    let ends = {
        let (scene, has_ended, ending) =
            (Arc::clone(&scene), Arc::clone(&has_ended), Arc::clone(&ending));
        spawn(async move {
            ending.store(true, Ordering::SeqCst);
            scene.sign_out().await;
            has_ended.store(true, Ordering::SeqCst);
        })
    };
    ends.await.unwrap();
    // About as many steps as the body has.
    for _ in 0..12 {
        yield_now().await;
    }
    body.abort();
    let _ = body.await;
    assert_eq!(life.strong_count(), 0, "the grant outlived its body");
}

#[test]
fn a_grant_lives_as_long_as_its_body() {
    let runtime = clock_that_stands();
    let _clock = runtime.enter();
    holds(scene::<true, true>, 300);
}

#[test]
fn controls_are_caught() {
    let runtime = clock_that_stands();
    let _clock = runtime.enter();
    fails(scene::<false, true>, "the grant ended before its body");
    fails(scene::<true, false>, "a further extent after the session's end");
}
