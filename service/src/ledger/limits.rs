//! How much one viewer may have entered in the ledger, so that one viewer can't fill it for all,
//! and which deliveries an entry covers that is there.
//!
//! It must never hold anything back for another viewer than the one who has had too much.

use crate::known::make_room;
use eyesonly_gate::entry::Opened;
use eyesonly_gate::ledger::{Delivery, Handed};
use eyesonly_seal::{CameraId, FootageId, Kind, SessionId, ViewerId};
use std::collections::{HashMap, HashSet};
use tokio::sync::watch;

/// The most entries of one viewer in a second.
pub const ENTRIES_A_SECOND: u64 = 50;
/// The most entries of one viewer in a day (UTC).
pub const ENTRIES_A_DAY: u64 = 200_000;
/// How long an entry covers the same still in the same session, in milliseconds.
pub const SAME_STILL_MILLISECONDS: u64 = 10_000;
/// A live view gets its next entry this long before the one that covers it has ended, in
/// milliseconds. A segment that starts just before is followed for 10 s, and nothing of it leaves
/// more than 30 s after it came.
const RENEWED_MILLISECONDS: u64 = 40_000;

/// What an entry covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Covered {
    /// A still, by its session, its camera, the event of the address, what was opened, and length.
    Still(SessionId, CameraId, Option<FootageId>, Opened, u64),
    /// The live view of a camera. Without a picture it was a list of streams.
    Live(SessionId, CameraId, bool),
}

/// What a delivery needs that is about to start.
#[derive(Debug)]
pub enum Needs {
    /// Nothing: an entry that is there covers it.
    Nothing,
    /// The end of another delivery's start, whose entry may cover it. `changed` returns then.
    Another(watch::Receiver<()>),
    /// An entry of its own, which is counted.
    Entry,
}

/// A delivery that has an entry, and has neither left nor failed yet.
#[derive(Debug)]
struct Starting {
    /// The delivery's number.
    number: [u8; 16],
    /// Who waits for it is told when it is dropped.
    over: watch::Sender<()>,
}

/// The entries of one viewer in a second and in a day.
#[derive(Debug, Clone, Copy, Default)]
struct Count {
    second: u64,
    in_second: u64,
    day: u64,
    in_day: u64,
}

/// The limits of all viewers.
#[derive(Debug, Default)]
pub struct Limits {
    viewers: HashMap<ViewerId, Count>,
    /// From when until when each is covered, in milliseconds since 1970.
    covered: HashMap<Covered, (u64, u64)>,
    /// What may soon be covered. Each is as long in it as a request is at work.
    starting: HashMap<Covered, Starting>,
    /// The numbers of deliveries that wait for another, and have no entry.
    waiting: HashSet<[u8; 16]>,
    /// Until when the live view that left may go on, in milliseconds since 1970.
    live: HashMap<(CameraId, ViewerId), u64>,
    /// What was decided before this number of the rights covers nothing.
    since: u64,
}

impl Limits {
    /// Says what a delivery needs that is about to start, and counts its entry if it needs one.
    /// Then [`Self::lets_out`] or [`Self::fails`] is called, whichever comes. If it `may_wait`, it
    /// is told of another delivery that may cover it.
    ///
    /// # Errors
    /// This viewer has too many, and nothing is counted: the seconds until the next one.
    pub fn starts(&mut self, delivery: &Delivery, may_wait: bool) -> Result<Needs, u32> {
        if !self.waiting.is_empty() {
            self.waiting.remove(&delivery.number);
        }
        let keys = covering(delivery);
        if self.covers(delivery, &keys) {
            self.watches(delivery);
            return Ok(Needs::Nothing);
        }
        let starting = keys.iter().flatten().find_map(|key| self.starting.get(key));
        if let Some(starting) = starting.filter(|_| may_wait) {
            self.waiting.insert(delivery.number);
            return Ok(Needs::Another(starting.over.subscribe()));
        }
        self.take(delivery)?;
        if let [Some(key), _] = keys {
            let starting = Starting { number: delivery.number, over: watch::Sender::default() };
            self.starting.insert(key, starting);
        }
        Ok(Needs::Entry)
    }

    /// Notes that a delivery ends that has not left. Says whether it had an entry: it has none if
    /// it still waited for another.
    pub fn fails(&mut self, delivery: &Delivery) -> bool {
        // What ends may have another length than what started, so it is found by its number.
        if covered(delivery).is_some() {
            self.starting.retain(|_, starting| starting.number != delivery.number);
        }
        !self.waiting.remove(&delivery.number)
    }

    /// Says whether an entry that is there covers this delivery.
    fn covers(&self, delivery: &Delivery, keys: &[Option<Covered>; 2]) -> bool {
        // A clock that was set back covers nothing.
        keys.iter()
            .flatten()
            .filter_map(|key| self.covered.get(key))
            .any(|(from, until)| (*from..*until).contains(&delivery.at_milliseconds))
    }

    fn take(&mut self, delivery: &Delivery) -> Result<(), u32> {
        let second = delivery.at_milliseconds / 1000;
        let day = second / 86_400;
        make_room(&mut self.viewers, &delivery.viewer, |count| count.day == day);
        let count = self.viewers.entry(delivery.viewer).or_default();
        if count.second != second {
            (count.second, count.in_second) = (second, 0);
        }
        if count.day != day {
            (count.day, count.in_day) = (day, 0);
        }
        if count.in_day >= ENTRIES_A_DAY {
            return Err(u32::try_from(86_400 - second % 86_400).unwrap_or(u32::MAX));
        }
        if count.in_second >= ENTRIES_A_SECOND {
            return Err(1);
        }
        count.in_second = count.in_second.saturating_add(1);
        count.in_day = count.in_day.saturating_add(1);
        Ok(())
    }

    /// Forgets what is covered, since rights have changed up to this number. What comes then has an
    /// entry of its own, behind that of the change.
    pub fn forget_cover(&mut self, number: u64) {
        self.covered.clear();
        // Who still watches has an entry anew at once.
        self.live.clear();
        self.since = self.since.max(number);
    }

    /// Lists who watches these cameras live, by what left until now (milliseconds since 1970).
    pub fn watchers(&self, cameras: &[CameraId], now: u64) -> Vec<(CameraId, ViewerId)> {
        let watches = self
            .live
            .iter()
            .filter(|((camera, _), until)| cameras.contains(camera) && now < **until);
        let mut watchers: Vec<_> = watches.map(|(who, _)| *who).collect();
        watchers.sort_unstable();
        watchers
    }

    /// Notes who watches live, whether an entry covers it or it has one of its own.
    fn watches(&mut self, delivery: &Delivery) {
        // A list of streams names no segment, and shows no picture.
        let shows = delivery.handed == Handed::Live && delivery.event.is_some();
        if let Some((_, camera)) = delivery.source.filter(|_| shows) {
            let who = (camera, delivery.viewer);
            make_room(&mut self.live, &who, |until| delivery.at_milliseconds < *until);
            self.live.insert(who, delivery.until_milliseconds);
        }
    }

    /// Notes that a delivery leaves that was decided at this number of the rights, so that its
    /// entry covers what comes.
    pub fn lets_out(&mut self, delivery: &Delivery, decided_at: u64) {
        self.watches(delivery);
        let Some(key) = covered(delivery) else { return };
        // Who waits asks again, behind whoever holds these limits now.
        self.starting.remove(&key);
        if decided_at < self.since {
            return;
        }
        let until = match delivery.handed {
            Handed::Still => delivery.at_milliseconds.saturating_add(SAME_STILL_MILLISECONDS),
            _ => delivery.until_milliseconds.saturating_sub(RENEWED_MILLISECONDS),
        };
        make_room(&mut self.covered, &key, |(_, until)| delivery.at_milliseconds < *until);
        self.covered.insert(key, (delivery.at_milliseconds, until));
    }
}

/// Returns what an entry of this delivery covers, if it covers more than itself.
fn covered(delivery: &Delivery) -> Option<Covered> {
    let (_, camera) = delivery.source?;
    let (session, opened) = (delivery.session, delivery.opened);
    match delivery.handed {
        // A still of two sizes is two files: both are opened, and both have an entry.
        Handed::Still if opened.count() > 0 => {
            Some(Covered::Still(session, camera, delivery.event, opened, delivery.body_bytes))
        }
        // A handler that opened anything else gets an entry for it.
        Handed::Live if opened.objects().all(|object| object.kind == Kind::LiveChunk) => {
            Some(Covered::Live(session, camera, delivery.event.is_some()))
        }
        _ => None,
    }
}

/// Lists what covers a delivery.
fn covering(delivery: &Delivery) -> [Option<Covered>; 2] {
    let key = covered(delivery);
    // What covers pictures covers lists of streams, and not the other way round.
    let shows = match key {
        Some(Covered::Live(session, camera, false)) => Some(Covered::Live(session, camera, true)),
        _ => None,
    };
    [key, shows]
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "a failed expectation is how a test fails")]
mod tests {
    use super::*;
    use eyesonly_gate::entry::Object;
    use eyesonly_seal::HouseholdId;

    fn delivery(viewer: u8, handed: Handed, at_milliseconds: u64) -> Delivery {
        Delivery {
            number: [0; 16],
            at_milliseconds,
            until_milliseconds: if handed == Handed::Live { at_milliseconds + 60_000 } else { 0 },
            viewer: ViewerId::from_bytes([viewer; 16]),
            session: SessionId::from_bytes([viewer; 16]),
            source: Some((HouseholdId::from_bytes([1; 16]), CameraId::from_bytes([2; 16]))),
            handed,
            event: None,
            opened: Opened::default(),
            body_bytes: 1,
        }
    }

    fn covers(limits: &Limits, delivery: &Delivery) -> bool {
        limits.covers(delivery, &covering(delivery))
    }

    fn id(n: u8) -> FootageId {
        FootageId::from_time(1000, [n; 10]).unwrap()
    }

    fn opened(objects: &[u8]) -> Opened {
        let mut opened = Opened::default();
        for n in objects {
            opened.add(Object { kind: Kind::Still, id: id(*n), rendition: false });
        }
        opened
    }

    #[test]
    fn one_viewer_has_a_limit_of_their_own() {
        let mut limits = Limits::default();
        for n in 0..ENTRIES_A_SECOND {
            assert_eq!(limits.take(&delivery(1, Handed::Clip, 1000 + n)), Ok(()));
        }
        assert_eq!(limits.take(&delivery(1, Handed::Clip, 1999)), Err(1));
        assert_eq!(limits.take(&delivery(2, Handed::Clip, 1999)), Ok(()), "somebody else");
        assert_eq!(limits.take(&delivery(1, Handed::Clip, 2000)), Ok(()), "the next second");
    }

    #[test]
    fn a_day_has_a_limit_too() {
        let mut limits = Limits::default();
        let taken = (0..86_400_u64)
            .flat_map(|second| (0..10).map(move |n| second * 1000 + n))
            .filter(|at| limits.take(&delivery(1, Handed::Clip, *at)).is_ok())
            .count();
        assert_eq!(taken as u64, ENTRIES_A_DAY);
        assert_eq!(limits.take(&delivery(1, Handed::Clip, 86_300_000)), Err(100));
        assert_eq!(limits.take(&delivery(1, Handed::Clip, 86_400_000)), Ok(()), "the next day");
    }

    #[test]
    fn a_live_view_is_renewed_before_it_ends() {
        let mut limits = Limits::default();
        assert!(!covers(&limits, &delivery(1, Handed::Live, 5_000)));
        limits.lets_out(&delivery(1, Handed::Live, 5_000), 0);
        assert!(covers(&limits, &delivery(1, Handed::Live, 24_999)));
        assert!(!covers(&limits, &delivery(1, Handed::Live, 25_000)));
        assert!(!covers(&limits, &delivery(1, Handed::Live, 4_999)), "the clock was set back");
        assert!(!covers(&limits, &delivery(2, Handed::Live, 5_001)), "another session");
        let still = opened(&[1]);
        assert!(!covers(&limits, &Delivery { opened: still, ..delivery(1, Handed::Live, 5_001) }));
        // What was a list of streams covers no picture. What showed one covers lists, too.
        let shows = |at| Delivery { event: Some(id(9)), ..delivery(1, Handed::Live, at) };
        assert!(!covers(&limits, &shows(5_001)));
        limits.lets_out(&shows(30_000), 0);
        assert!(covers(&limits, &shows(30_001)));
        assert!(covers(&limits, &delivery(1, Handed::Live, 30_001)));
        // A clip is entered each time.
        limits.lets_out(&delivery(1, Handed::Clip, 0), 0);
        assert!(!covers(&limits, &delivery(1, Handed::Clip, 1)));
    }

    #[test]
    fn who_watches_is_known_until_a_right_changes() {
        let mut limits = Limits::default();
        let camera = CameraId::from_bytes([2; 16]);
        let shows =
            |viewer, at| Delivery { event: Some(id(9)), ..delivery(viewer, Handed::Live, at) };
        // A list of streams shows nothing.
        limits.lets_out(&delivery(1, Handed::Live, 5_000), 0);
        assert_eq!(limits.watchers(&[camera], 5_001), []);
        limits.watches(&shows(2, 5_000));
        limits.lets_out(&shows(1, 9_000), 0);
        let who = [1, 2].map(|viewer| (camera, ViewerId::from_bytes([viewer; 16])));
        assert_eq!(limits.watchers(&[camera], 9_001), who);
        assert_eq!(limits.watchers(&[CameraId::from_bytes([3; 16])], 9_001), []);
        assert_eq!(limits.watchers(&[camera], 65_000), who[..1]);
        limits.forget_cover(1);
        assert_eq!(limits.watchers(&[camera], 9_001), []);
    }

    #[test]
    fn a_changed_right_ends_what_entries_cover() {
        let mut limits = Limits::default();
        let (live, later) = (delivery(1, Handed::Live, 5_000), delivery(1, Handed::Live, 5_001));
        limits.lets_out(&live, 3);
        assert!(covers(&limits, &later));
        limits.forget_cover(4);
        assert!(!covers(&limits, &later));
        // What was decided before the change covers nothing, though it leaves after it.
        limits.lets_out(&live, 3);
        assert!(!covers(&limits, &later));
        limits.lets_out(&live, 4);
        assert!(covers(&limits, &later));
    }

    #[test]
    fn one_entry_covers_all_that_ask_for_a_still_at_once() {
        let mut limits = Limits::default();
        let of = |number: u8, object: u8| Delivery {
            number: [number; 16],
            opened: opened(&[object]),
            ..delivery(1, Handed::Still, 5_000)
        };
        let waits = |limits: &mut Limits, delivery: &Delivery| match limits.starts(delivery, true) {
            Ok(Needs::Another(another)) => another,
            other => panic!("{other:?}"),
        };
        assert!(matches!(limits.starts(&of(1, 1), true), Ok(Needs::Entry)));
        let waiting: Vec<_> = (2..=100).map(|n| waits(&mut limits, &of(n, 1))).collect();
        // Another still, and whoever can't wait, have their own.
        assert!(matches!(limits.starts(&of(101, 2), true), Ok(Needs::Entry)));
        limits.lets_out(&of(101, 2), 0);
        assert!(waiting.iter().all(|another| another.has_changed().is_ok()), "it still starts");
        limits.lets_out(&of(1, 1), 0);
        assert!(waiting.iter().all(|another| another.has_changed().is_err()), "it is over");
        assert!(matches!(limits.starts(&of(2, 1), true), Ok(Needs::Nothing)));

        // If the first one fails, the next one has an entry of its own. What fails has no length.
        let mut limits = Limits::default();
        assert!(matches!(limits.starts(&of(1, 1), true), Ok(Needs::Entry)));
        let another = waits(&mut limits, &of(2, 1));
        let _ = waits(&mut limits, &of(3, 1));
        assert!(!limits.fails(&Delivery { body_bytes: 0, ..of(3, 1) }), "it had no entry");
        assert!(another.has_changed().is_ok(), "somebody else failed");
        assert!(limits.fails(&Delivery { body_bytes: 0, ..of(1, 1) }));
        assert!(another.has_changed().is_err());
        assert!(matches!(limits.starts(&of(2, 1), true), Ok(Needs::Entry)));
        // Whoever can't wait takes its place. Then the end of the one before frees nobody.
        assert!(matches!(limits.starts(&of(3, 1), false), Ok(Needs::Entry)));
        let another = waits(&mut limits, &of(4, 1));
        assert!(limits.fails(&of(2, 1)));
        assert!(another.has_changed().is_ok());
        // A clip is entered each time, and nobody waits for it.
        for n in 1..3 {
            let clip = Delivery { number: [n; 16], ..delivery(2, Handed::Clip, 5_000) };
            assert!(matches!(limits.starts(&clip, true), Ok(Needs::Entry)));
        }
    }

    #[test]
    fn an_entry_covers_the_very_same_still_alone() {
        let mut limits = Limits::default();
        let of = |objects: &[u8], at| Delivery {
            opened: opened(objects),
            ..delivery(1, Handed::Still, at)
        };
        limits.lets_out(&of(&[1, 2], 5_000), 0);
        assert!(covers(&limits, &of(&[1, 2], 14_999)));
        assert!(!covers(&limits, &of(&[1, 2], 15_000)) && !covers(&limits, &of(&[1, 2], 4_999)));
        for other in [&[1][..], &[2], &[2, 1], &[1, 3, 2]] {
            assert!(!covers(&limits, &of(other, 5_001)), "{other:?}");
        }
        let longer = Delivery { body_bytes: 2, ..of(&[1, 2], 5_001) };
        let of_event = Delivery { event: Some(id(9)), ..of(&[1, 2], 5_001) };
        assert!(!covers(&limits, &longer) && !covers(&limits, &of_event));
        // What opened nothing says nothing of what leaves.
        limits.lets_out(&of(&[], 5_000), 0);
        assert!(!covers(&limits, &of(&[], 5_001)));
    }
}
