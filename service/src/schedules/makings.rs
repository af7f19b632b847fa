//! The duty to make a rendition: at most one maker holds it. If the maker goes away, the waiters
//! ask again.

use super::scene::{Scene, clock_that_stands};
use super::{fails, holds};
use crate::footage::{Held, Recalled};
use crate::sync::{Mutex, spawn};
use async_trait::async_trait;
use eyesonly_rights::Action;
use shuttle::future::yield_now;
use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::watch;

const HANDLER: [u8; 32] = [7; 32];
const RENDITION: &[u8] = b"a rendition";

/// A duty, held while something is made. None: the rendition is at hand.
type Duty = Option<Box<dyn Any + Send>>;

/// A keeper of renditions: the footage room, or a control.
#[async_trait]
trait Renditions: Send + Sync + 'static {
    async fn new() -> Arc<Self>;
    async fn recall(&self) -> Duty;
    async fn remember(&self);
}

struct Real(Scene, Held);

#[async_trait]
impl Renditions for Real {
    async fn new() -> Arc<Self> {
        let scene = Scene::new(b"a still").await;
        let grant = scene.grant(Action::Live).await;
        let source = scene.footage.newest_still(&grant).await.unwrap();
        Arc::new(Self(scene, source))
    }
    async fn recall(&self) -> Duty {
        match self.0.footage.recall(&self.1, &HANDLER, "320").await.unwrap() {
            Recalled::Make(making) => Some(Box::new(making)),
            Recalled::AtHand(held) => {
                assert_eq!(held.read(0, 100).await.unwrap(), RENDITION);
                None
            }
        }
    }
    async fn remember(&self) {
        let kept = self.0.footage.remember(&self.1, &HANDLER, "320", RENDITION.to_vec()).await;
        assert!(kept.is_ok());
    }
}

/// Lets three ask, the first of which goes away wherever it is by then.
async fn scene<R: Renditions>() {
    let renditions = R::new().await;
    let makers = Arc::new(AtomicUsize::new(0));
    let ask = || {
        let (renditions, makers) = (Arc::clone(&renditions), Arc::clone(&makers));
        spawn(async move {
            let Some(_duty) = renditions.recall().await else { return };
            let _maker = Maker::new(&makers);
            yield_now().await;
            renditions.remember().await;
        })
    };
    let gone = ask();
    let staying = [ask(), ask()];
    yield_now().await;
    gone.abort();
    for task in staying {
        task.await.unwrap();
    }
    let _ = gone.await;
    assert!(renditions.recall().await.is_none(), "it was made and is not there");
}

struct Maker(Arc<AtomicUsize>);

impl Maker {
    fn new(makers: &Arc<AtomicUsize>) -> Self {
        assert_eq!(makers.fetch_add(1, Ordering::SeqCst), 0, "two makers at once");
        Self(Arc::clone(makers))
    }
}

impl Drop for Maker {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[test]
fn one_makes_and_the_others_wait_or_take_over() {
    let runtime = clock_that_stands();
    let _clock = runtime.enter();
    holds(scene::<Real>, 1000);
}

const LOOKS_FIRST: u8 = 0;
const NEVER_ASKS_AGAIN: u8 = 1;

/// A control: duties that are wrong about one thing.
#[derive(Default)]
struct Wrong<const ABOUT: u8> {
    making: Mutex<Option<watch::Receiver<bool>>>,
    is_made: Mutex<bool>,
    done: Mutex<Option<watch::Sender<bool>>>,
}

struct WrongDuty<const ABOUT: u8>(Arc<Wrong<ABOUT>>);

impl<const ABOUT: u8> Drop for WrongDuty<ABOUT> {
    fn drop(&mut self) {
        // The scene may have failed by now, with a lock held.
        if let Ok(mut making) = self.0.making.lock() {
            *making = None;
        }
        if ABOUT == LOOKS_FIRST
            && let Ok(mut done) = self.0.done.lock()
        {
            *done = None;
        }
    }
}

#[async_trait]
impl<const ABOUT: u8> Renditions for Arc<Wrong<ABOUT>> {
    async fn new() -> Arc<Self> {
        Arc::new(Arc::new(Wrong::default()))
    }
    async fn recall(&self) -> Duty {
        loop {
            if *self.is_made.lock().unwrap() {
                return None;
            }
            let (done, waiting) = watch::channel(false);
            let making = if ABOUT == LOOKS_FIRST {
                // This control looks and starts under two locks.
                self.making.lock().unwrap().clone()
            } else {
                let mut making = self.making.lock().unwrap();
                let there = making.clone();
                making.get_or_insert_with(|| waiting.clone());
                there
            };
            match making {
                Some(mut there) => drop(there.changed().await),
                None => {
                    *self.making.lock().unwrap() = Some(waiting);
                    *self.done.lock().unwrap() = Some(done);
                    return Some(Box::new(WrongDuty(Arc::clone(self))));
                }
            }
        }
    }
    async fn remember(&self) {
        *self.is_made.lock().unwrap() = true;
        // Only a finished rendition is announced here.
        if let Some(done) = &*self.done.lock().unwrap() {
            let _ = done.send(true);
        }
    }
}

#[test]
fn controls_are_caught() {
    fails(scene::<Arc<Wrong<LOOKS_FIRST>>>, "two makers at once");
    fails(scene::<Arc<Wrong<NEVER_ASKS_AGAIN>>>, "deadlock");
}
