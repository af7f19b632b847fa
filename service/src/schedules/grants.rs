//! The grant's life: it lives exactly as long as its body is on its way out, wherever the body is
//! cut off. A body whose session ends gets no further extent.

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

/// The length of one extent, in bytes.
const EXTENT: u64 = (CHUNK_BYTES * EXTENT_CHUNKS) as u64;
/// The length of the still: an extent and a bit more. Such a body has some pieces, and one question
/// whether the grant holds.
const LENGTH: usize = CHUNK_BYTES * EXTENT_CHUNKS + 1000;

static STILL: LazyLock<Vec<u8>> = LazyLock::new(|| vec![0x5A; LENGTH]);

/// A body on its way out: the real one, or one that is wrong about one thing.
enum Sent {
    Departure(Departure),
    /// A control's body: its object, and the offset of its next piece.
    Wrong(Option<Held>, u64),
}

impl Sent {
    /// Returns the next piece. None: the body was cut.
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

/// Sends a body, which holds its grant by its source, while the client hangs up and the session
/// ends.
///
/// With both parameters set, the body is a real departure. Without `HOLDS`, a control lets the
/// grant go when the first piece is out. Without `ASKS`, a control only reads and never asks again.
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
                let leaving = Leaving { handed: Handed::Still, event: None, is_head: false };
                let departure =
                    Departure::open(&scene.admission, &grant, &scene.raw(), answer, leaving).await;
                // If the session ended before the body could leave, nothing leaves.
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
    // The body has about as many steps.
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
