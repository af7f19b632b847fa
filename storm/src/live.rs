//! Live video in the storm: some cameras stream all the time, and their viewers follow.

use crate::client::{Ask, Client};
use crate::detect::{Live, Sure, Verdict};
use crate::load::Crowd;
use crate::mark::What;
use crate::shares::{Course, Held};
use crate::tally::{Ended, Tally};
use crate::town::Place;
use crate::video::{EVERY, GROUP, NUMBERS};
use axum::body::Bytes;
use eyesonly_service::clock;
use futures::stream;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

/// The wait of a camera or viewer before it tries again.
const AGAIN: Duration = Duration::from_millis(100);
/// The longest wait for the follows that a run needs.
const FOLLOWS_WITHIN: Duration = Duration::from_secs(30);

/// The live video of one camera, as the camera itself knows it.
#[derive(Default)]
pub struct Sent {
    /// The pictures that were sent so far.
    begun: AtomicU32,
    /// How many had been sent when the viewer's right ended, plus 1. 0: it has not.
    until: AtomicU32,
    /// Says that what was sent before may still be seen.
    sees_the_past: AtomicBool,
    /// The first picture of each stream but the first, one for each stream that has ended.
    starts: Mutex<Vec<u32>>,
}

impl Sent {
    /// Returns how many pictures were sent so far.
    pub fn begun(&self) -> u32 {
        self.begun.load(Ordering::SeqCst)
    }

    /// Notes that the viewer may see nothing any more, from now on; or only what was sent before.
    pub fn parted(&self, sees_the_past: bool) {
        self.sees_the_past.store(sees_the_past, Ordering::SeqCst);
        let until = self.begun.load(Ordering::SeqCst).saturating_add(1);
        let _earlier = self.until.compare_exchange(0, until, Ordering::SeqCst, Ordering::SeqCst);
    }

    /// Says whether the camera has streamed.
    pub fn has_begun(&self) -> bool {
        self.begun.load(Ordering::SeqCst) > 0
    }

    fn until(&self) -> Option<u32> {
        self.until.load(Ordering::SeqCst).checked_sub(1)
    }

    /// Says whether the viewer may see nothing at all.
    fn is_over(&self) -> bool {
        self.until().is_some() && !self.sees_the_past.load(Ordering::SeqCst)
    }

    /// Returns how many streams of the camera have ended.
    fn ended(&self) -> usize {
        self.starts.lock().map_or(usize::MAX, |starts| starts.len())
    }

    /// Takes the next picture's number for a stream that began when this many had ended. None: that
    /// stream has ended, too. A server may read on for a while what it has answered already.
    fn next(&self, ended: usize) -> Option<u32> {
        let starts = self.starts.lock().ok()?;
        (starts.len() == ended).then(|| self.begun.fetch_add(1, Ordering::SeqCst))
    }

    /// Notes that the stream has ended. The next one starts with a key frame.
    fn broke(&self) {
        let Ok(mut starts) = self.starts.lock() else { return };
        let next = self.begun.load(Ordering::SeqCst).next_multiple_of(GROUP);
        starts.push(next);
        self.begun.store(next, Ordering::SeqCst);
    }
}

/// The live video of a run, which ends when this is dropped.
pub struct Lives {
    cameras: Vec<JoinHandle<()>>,
    viewers: Vec<JoinHandle<()>>,
    /// The segments that came, or a part of them.
    follows: Arc<AtomicU64>,
}

impl Lives {
    /// Lets these cameras stream to the server at `address`. No cache stands before them: it would
    /// wait for an end that does not come.
    pub fn start(
        crowd: &Arc<Crowd>,
        address: SocketAddr,
        places: impl Iterator<Item = Place>,
    ) -> Self {
        let client = Client::new(address);
        let cameras =
            places.map(|place| tokio::spawn(camera(Arc::clone(crowd), client.clone(), place)));
        Self { cameras: cameras.collect(), viewers: Vec::new(), follows: Arc::default() }
    }

    /// Lets the viewers of the cameras that stream follow them, and those with whom one is shared.
    pub fn follow(
        &mut self,
        crowd: &Arc<Crowd>,
        tally: &Arc<Tally>,
        streams: impl Fn(&Place) -> bool,
    ) {
        let own = crowd.town.places().map(|place| (place, place.household));
        let held = crowd.shares.all().filter(|held| held.share.course != Course::Offered);
        let shared = held.map(|held| (held.share.place, held.share.guest));
        let followed = own.chain(shared).filter(|(place, _)| streams(place));
        let viewers = followed.map(|(place, household)| {
            let (crowd, tally) = (Arc::clone(crowd), Arc::clone(tally));
            // Only what owners follow is waited for.
            let is_own = place.household == household;
            let follows = if is_own { Arc::clone(&self.follows) } else { Arc::default() };
            tokio::spawn(viewer(crowd, tally, (place, household), follows))
        });
        self.viewers = viewers.collect();
    }

    /// Returns how many segments the viewers have followed so far.
    pub fn follows(&self) -> u64 {
        self.follows.load(Ordering::Relaxed)
    }

    /// Waits until the viewers have followed so many segments, within a bound.
    pub async fn followed(&self, follows: u64) {
        let began = Instant::now();
        while self.follows() < follows && began.elapsed() < FOLLOWS_WITHIN {
            tokio::time::sleep(AGAIN).await;
        }
    }

    /// Ends the viewers.
    pub async fn leave(&mut self) {
        for viewer in self.viewers.drain(..) {
            viewer.abort();
            let _ended = viewer.await;
        }
    }
}

impl Drop for Lives {
    fn drop(&mut self) {
        self.cameras.iter().chain(&self.viewers).for_each(JoinHandle::abort);
    }
}

/// Streams, and comes back after each end.
async fn camera(crowd: Arc<Crowd>, client: Client, place: Place) {
    loop {
        let (Some(sent), Some(credential)) = (crowd.live(place), crowd.credential(place)) else {
            return;
        };
        let (ticks, ended) = (tokio::time::interval(EVERY), sent.ended());
        let pieces = stream::unfold((Arc::clone(&crowd), ticks, false), move |on| async move {
            let (crowd, mut ticks, has_init) = on;
            let piece: Bytes = if has_init {
                ticks.tick().await;
                let number = crowd.live(place)?.next(ended)?;
                crowd.town.live_fragment(place, number % NUMBERS)
            } else {
                crowd.town.live_init(place)
            };
            Some((Ok::<_, Infallible>(piece), (crowd, ticks, true)))
        });
        client.stream("/v1/ingest/live/main", credential, pieces).await;
        sent.broke();
        tokio::time::sleep(AGAIN).await;
    }
}

/// Follows a camera, one segment after the other.
async fn viewer(
    crowd: Arc<Crowd>,
    tally: Arc<Tally>,
    (place, household): (Place, u32),
    follows: Arc<AtomicU64>,
) {
    let (Some(sent), Some((credential, prefix))) =
        (crowd.live(place), crowd.viewers.get(household as usize))
    else {
        return;
    };
    let (town, shares) = (&crowd.town, &crowd.shares);
    let shared = shares.with(household).find(|held| held.share.place == place);
    let (mut last, mut early, mut after) = (None, None, String::new());
    loop {
        let path = format!("{prefix}/cameras/{}/live/next{after}", town.camera_id(place));
        let was_over = shared.is_none() && sent.is_over();
        let since = clock::now_milliseconds();
        let Some(reply) = crowd.client.ask(&Ask::get(path, credential)).await else {
            tally.count(household, true, None, Ended::Unanswered);
            tokio::time::sleep(AGAIN).await;
            continue;
        };
        let live = Live {
            begun: sent.begun(),
            after: last,
            early,
            until: shared.map_or_else(|| sent.until(), Held::live_until),
            starts: sent.starts.lock().map(|starts| starts.clone()).unwrap_or_default(),
        };
        let detector = crowd.detector(household, since);
        let sure = if was_over { Sure::No } else { detector.sure(place, What::Live, 0..=0) };
        let (mut verdict, newest) = match sure {
            Sure::No => (detector.nothing(&reply, place), None),
            Sure::Maybe | Sure::Yes => detector.live(&reply, place, &live),
        };
        let may_end = live.until.is_some() || sure == Sure::Maybe;
        if may_end && matches!(verdict, Verdict::Refused { .. }) {
            // It was refused, or cut, because the right has ended.
            verdict = Verdict::Right;
        }
        if shared.is_some() {
            tally.looked(verdict == Verdict::Right && newest.is_some());
        }
        tally.count(household, true, None, Ended::Answered(verdict));
        crowd.note(household, verdict, false, &tally);
        tally.followed(verdict);
        // A refusal comes at once, and would make a run short.
        let has_come = newest.is_some() || !matches!(verdict, Verdict::Refused { .. });
        if has_come && !reply.body.is_empty() && reply.status.is_success() {
            follows.fetch_add(1, Ordering::Relaxed);
        }
        if let Some(newest) = newest {
            let is_early = reply.whole && !(newest + 1).is_multiple_of(GROUP);
            (last, early) = (Some(newest), is_early.then_some(newest));
        }
        if let Some(location) = &reply.location {
            after = format!("?after={}", location.rsplit('/').next().unwrap_or(""));
        }
        if verdict != Verdict::Right || sure == Sure::No {
            tokio::time::sleep(AGAIN).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_that_has_ended_sends_nothing_more() {
        let sent = Sent::default();
        let first = sent.ended();
        assert_eq!((sent.next(first), sent.next(first)), (Some(0), Some(1)));
        sent.broke();
        let second = sent.ended();
        assert_eq!(sent.next(first), None);
        assert_eq!((sent.next(second), sent.next(second)), (Some(GROUP), Some(GROUP + 1)));
        assert_eq!(*sent.starts.lock().unwrap(), [GROUP]);
    }
}
