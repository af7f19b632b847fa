//! The grant's life: it lives while its body is on its way out, wherever that is cut off, and not a moment longer; and a body whose session ends
//! gets no further extent.

use super::scene::{Scene, clock_that_stands};
use super::{fails, holds};
use crate::footage::Pieces;
use crate::grant::Grant;
use crate::sync::spawn;
use eyesonly_rights::Action;
use eyesonly_seal::format::{CHUNK_BYTES, EXTENT_CHUNKS};
use shuttle::future::yield_now;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Weak};

/// Of one extent in bytes.
const EXTENT: u64 = (CHUNK_BYTES * EXTENT_CHUNKS) as u64;
/// An extent and a bit more: some pieces, and one question whether the grant still holds.
const LENGTH: usize = CHUNK_BYTES * EXTENT_CHUNKS + 1000;

static STILL: LazyLock<Vec<u8>> = LazyLock::new(|| vec![0x5A; LENGTH]);

/// A body is on its way out, holding its grant by what it is given; somebody hangs up, and the session ends meanwhile. `HOLDS`: as the way out
/// holds it; not, as a control: its grant is let go when the first piece is out. `ASKS`: as the pieces ask again; not: read in one go.
async fn scene<const HOLDS: bool, const ASKS: bool>() {
    let scene = Arc::new(Scene::new(&STILL).await);
    let has_ended = Arc::new(AtomicBool::new(false));
    let grant = scene.grant(Action::Live).await;
    let life: Weak<Grant> = Arc::downgrade(&grant);
    let body = {
        let (scene, has_ended, life) = (Arc::clone(&scene), Arc::clone(&has_ended), life.clone());
        spawn(async move {
            let mut held = Some(scene.footage.newest_still(&grant).await.unwrap());
            drop(grant);
            let length = LENGTH as u64;
            let mut pieces = Pieces::new(held.as_ref().unwrap(), 0, length).unwrap();
            let mut sent = 0;
            while sent < length {
                assert!(life.strong_count() > 0, "the grant ended before its body");
                let Some(source) = &held else { return };
                let asks_now = sent == EXTENT;
                let had_ended = has_ended.load(Ordering::SeqCst);
                let piece = if !ASKS && asks_now {
                    let rest = source.read(sent, 1 << 20).await;
                    rest.map(|rest| Some(rest.into()))
                } else {
                    pieces.next(source).await
                };
                match piece {
                    Ok(piece) => {
                        assert!(!(asks_now && had_ended), "a further extent after the session's end");
                        let piece: bytes::Bytes = piece.unwrap();
                        sent += piece.len() as u64;
                    }
                    Err(_) => {
                        assert!(
                            asks_now && has_ended.load(Ordering::SeqCst),
                            "a body was cut for nothing"
                        );
                        return;
                    }
                }
                if !HOLDS {
                    held = None;
                }
                // The client takes its time.
                yield_now().await;
            }
        })
    };
    let ends = {
        let (scene, has_ended) = (Arc::clone(&scene), Arc::clone(&has_ended));
        spawn(async move {
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
