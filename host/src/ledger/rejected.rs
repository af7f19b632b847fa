//! What was rejected since the last entry about it, counted by seam, fault and camera.
//!
//! A liar may answer wrongly as often as it likes: what is kept of that is bounded.

use eyesonly_gate::Seam;
use eyesonly_gate::entry::Rejected;
use eyesonly_gate::ledger::Misdelivery;
use eyesonly_rights::Fault;
use eyesonly_seal::CameraId;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// The most cameras whose rejected answers are counted apart in one second, over all seams and
/// faults. What comes then is counted without its camera.
pub const APART_MAX: usize = 256;

/// What waits to be entered.
#[derive(Debug, Default)]
pub struct Waiting(HashMap<(Seam, Fault, Option<CameraId>), Rejected>);

impl Waiting {
    /// Counts an answer that was rejected.
    pub fn add(&mut self, misdelivery: &Misdelivery) {
        let mut first = *misdelivery;
        let has_room = self.0.len() < APART_MAX;
        let mut place = self.0.entry((first.seam, first.fault, first.camera));
        if !has_room && matches!(place, Entry::Vacant(_)) {
            first.camera = None;
            place = self.0.entry((first.seam, first.fault, None));
        }
        let rejected = place.or_insert(Rejected { first, count: 0 });
        rejected.count = rejected.count.saturating_add(1);
    }

    /// Takes what waits, in the order of time.
    pub fn take(&mut self) -> Vec<Rejected> {
        let mut all: Vec<_> = self.0.drain().map(|(_, rejected)| rejected).collect();
        all.sort_unstable_by_key(|rejected| rejected.first.at_milliseconds);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn misdelivery(at_milliseconds: u64, seam: Seam, camera: Option<u16>) -> Misdelivery {
        let camera = camera.map(|n| {
            let [high, low] = n.to_be_bytes();
            CameraId::from_bytes([9, high, low, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1])
        });
        Misdelivery { at_milliseconds, seam, fault: Fault::BadChunk, camera }
    }

    #[test]
    fn each_seam_fault_and_camera_is_counted_apart() {
        let mut waiting = Waiting::default();
        for (at, seam, camera) in [
            (5, Seam::Store, Some(1)),
            (2, Seam::Index, None),
            (6, Seam::Store, Some(1)),
            (7, Seam::Store, Some(2)),
        ] {
            waiting.add(&misdelivery(at, seam, camera));
        }
        let counts = waiting.take();
        let said: Vec<_> = counts.iter().map(|r| (r.first.at_milliseconds, r.count)).collect();
        assert_eq!(said, [(2, 1), (5, 2), (7, 1)]);
        assert_eq!(waiting.take(), []);
    }

    #[test]
    fn a_liar_makes_no_more_than_so_many_entries() {
        let mut waiting = Waiting::default();
        for n in 0..10_000 {
            waiting.add(&misdelivery(u64::from(n), Seam::Store, Some(n)));
        }
        let counts = waiting.take();
        assert_eq!(counts.len(), APART_MAX + 1);
        assert_eq!(counts.iter().map(|rejected| rejected.count).sum::<u32>(), 10_000);
        let rest = counts.iter().find(|rejected| rejected.first.camera.is_none());
        assert_eq!(rest.map(|rejected| rejected.count), Some(10_000 - 256));
    }
}
