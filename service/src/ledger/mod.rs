//! Ledgers: one in memory, and what one on a disk is made of.

pub mod acts;
pub mod limits;
pub mod replay;

use async_trait::async_trait;
use eyesonly_gate::Seam;
use eyesonly_gate::entry::Entry;
use eyesonly_gate::ledger::{Delivery, Ledger, LedgerError, Misdelivery};
use eyesonly_rights::Fault;
use eyesonly_seal::{CameraId, ViewerId};
use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// The number of latest deliveries and of latest misdeliveries that the in-memory sink keeps: some
/// minutes of a busy edge, 8 MiB.
pub const ENTRIES_MAX: usize = 32_768;

/// What an edge asks of its ledger beside the gate: entries about sessions, and counts.
#[async_trait]
pub trait Counts: Ledger {
    /// Returns how many answers of one seam were rejected with this fault since the start.
    fn misdeliveries(&self, seam: Seam, fault: Fault) -> u64;

    /// Returns how many deliveries were recorded since the start.
    fn deliveries(&self) -> u64;

    /// Says whether the ledger takes entries, without which nothing leaves.
    fn is_open(&self) -> bool;

    /// Enters that a viewer has signed in, which is durable on return.
    ///
    /// # Errors
    /// [`LedgerError`]: there is no such entry, so that the session must not be given out.
    async fn signed_in(&self, _viewer: ViewerId) -> Result<(), LedgerError> {
        Ok(())
    }

    /// Enters that a viewer has ended a session, if the log takes it.
    fn signed_out(&self, _viewer: ViewerId) {}

    /// Lists who watches these cameras live, as far as the ledger keeps it in mind.
    fn watchers(&self, _cameras: &[CameraId]) -> Vec<(CameraId, ViewerId)> {
        Vec::new()
    }
}

/// The in-memory sink: it keeps the latest [`ENTRIES_MAX`] of each, and counts all.
pub struct MemoryLedger {
    recent: Mutex<(VecDeque<Delivery>, VecDeque<Misdelivery>)>,
    deliveries: AtomicU64,
    misdeliveries: [[AtomicU64; Fault::ALL.len()]; Seam::ALL.len()],
}

impl Default for MemoryLedger {
    fn default() -> Self {
        Self {
            recent: Mutex::default(),
            deliveries: AtomicU64::new(0),
            misdeliveries: std::array::from_fn(|_| std::array::from_fn(|_| AtomicU64::new(0))),
        }
    }
}

impl MemoryLedger {
    fn counter(&self, seam: Seam, fault: Fault) -> Option<&AtomicU64> {
        self.misdeliveries.get(seam as usize)?.get(fault as usize)
    }

    /// Counts a delivery that another ledger keeps.
    pub fn count(&self) {
        self.deliveries.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns the latest deliveries, oldest first.
    pub fn recent_deliveries(&self) -> Vec<Delivery> {
        self.recent.lock().map(|r| r.0.iter().copied().collect()).unwrap_or_default()
    }
}

fn keep<T>(queue: &mut VecDeque<T>, entry: T) {
    if queue.len() >= ENTRIES_MAX {
        queue.pop_front();
    }
    queue.push_back(entry);
}

impl MemoryLedger {
    /// Counts a delivery, and keeps it as one of the latest.
    fn keep(&self, delivery: &Delivery) -> Result<(), LedgerError> {
        let mut recent = self.recent.lock().map_err(|_| LedgerError::Closed)?;
        keep(&mut recent.0, *delivery);
        self.deliveries.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

#[async_trait]
impl Ledger for MemoryLedger {
    async fn starts(&self, entry: &Entry<'_>) -> Result<bool, LedgerError> {
        self.keep(entry.delivery()).map(|()| true)
    }

    fn lets_out(&self, _: &Entry<'_>) {}

    fn ends(&self, _: &Entry<'_>) {}

    fn misdelivery(&self, entry: &Misdelivery) {
        if let Some(counter) = self.counter(entry.seam, entry.fault) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
        if let Ok(mut recent) = self.recent.lock() {
            keep(&mut recent.1, *entry);
        }
        tracing::warn!(
            seam = entry.seam.name(),
            fault = entry.fault.name(),
            "an answer was rejected"
        );
    }
}

#[async_trait]
impl Counts for MemoryLedger {
    fn misdeliveries(&self, seam: Seam, fault: Fault) -> u64 {
        self.counter(seam, fault).map_or(0, |c| c.load(Ordering::Relaxed))
    }

    fn deliveries(&self) -> u64 {
        self.deliveries.load(Ordering::Relaxed)
    }

    fn is_open(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use eyesonly_gate::entry::Opened;
    use eyesonly_gate::ledger::Handed;
    use eyesonly_seal::{SessionId, ViewerId};

    #[test]
    fn it_counts_all_and_keeps_the_latest() {
        let ledger = MemoryLedger::default();
        for n in 0..(ENTRIES_MAX as u64 + 5) {
            let entry = Delivery {
                at_milliseconds: n,
                viewer: ViewerId::from_bytes([1; 16]),
                session: SessionId::from_bytes([2; 16]),
                source: None,
                handed: Handed::Cameras,
                event: None,
                number: [0; 16],
                until_milliseconds: 0,
                opened: Opened::default(),
                body_bytes: n,
            };
            ledger.keep(&entry).unwrap();
        }
        let recent = ledger.recent_deliveries();
        assert_eq!(
            (recent.len(), recent[0].at_milliseconds, ledger.deliveries()),
            (ENTRIES_MAX, 5, ENTRIES_MAX as u64 + 5)
        );
    }

    #[test]
    fn every_seam_and_fault_has_its_own_counter() {
        let ledger = MemoryLedger::default();
        for (seam, _) in Seam::ALL {
            for (fault, _) in Fault::ALL {
                ledger.misdelivery(&Misdelivery { at_milliseconds: 0, seam, fault, camera: None });
                assert_eq!(ledger.misdeliveries(seam, fault), 1, "{seam:?} {fault:?}");
            }
        }
    }

    /// Metrics take the names from the table, log lines from the function.
    #[test]
    fn every_seam_has_one_name() {
        for (seam, name) in Seam::ALL {
            assert_eq!(seam.name(), name, "{seam:?}");
        }
    }
}
