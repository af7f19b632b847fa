//! The ledger: who received what, when, under which grant; and every misdelivery that was refused.
//!
//! This is the seam, the record type and the call that comes before the first byte of a response. The sink behind it is
//! bounded and in memory for now; a tamper-evident one on disk comes behind the same trait.
//!
//! It must never hold footage, a name that a person gave, or a credential.

use eyesonly_seal::{CameraId, FootageId, HouseholdId, SessionId, ViewerId};
use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// How many of the latest deliveries and misdeliveries the in-memory sink keeps of each: some minutes of a busy edge, 8 MiB.
pub const ENTRIES_MAX: usize = 32_768;

/// A place where the host asks and something else answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Seam {
    /// The tier of sealed extents in memory.
    MemoryTier,
    /// The tier of sealed extents on a local disk.
    DiskTier,
    /// A tier that several edges share.
    SharedTier,
    /// Many waiters, one read.
    Coalescer,
    /// The object store.
    Store,
    /// The registry of rights.
    Registry,
    /// The session store.
    Sessions,
    /// The index of objects and events.
    Index,
    /// The keyring file.
    Keyring,
    /// What brings a camera's body to ingest.
    Ingest,
    /// The way out of a response.
    WayOut,
}

impl Seam {
    /// All of them, in the order of the metrics.
    pub const ALL: [Self; 11] = [
        Self::MemoryTier,
        Self::DiskTier,
        Self::SharedTier,
        Self::Coalescer,
        Self::Store,
        Self::Registry,
        Self::Sessions,
        Self::Index,
        Self::Keyring,
        Self::Ingest,
        Self::WayOut,
    ];

    /// The name in metrics and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::MemoryTier => "memory_tier",
            Self::DiskTier => "disk_tier",
            Self::SharedTier => "shared_tier",
            Self::Coalescer => "coalescer",
            Self::Store => "store",
            Self::Registry => "registry",
            Self::Sessions => "sessions",
            Self::Index => "index",
            Self::Keyring => "keyring",
            Self::Ingest => "ingest",
            Self::WayOut => "way_out",
        }
    }
}

/// What was wrong with an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// Sealed as something else, or for somebody else.
    WrongSeal,
    /// Sealed as it should be, but a chunk did not authenticate.
    BadChunk,
    /// Too short, too long or no sealed object at all.
    WrongLength,
    /// What the index says is there, is not.
    Missing,
    /// Another question's answer.
    WrongAnswer,
    /// An answer of the past.
    Stale,
}

impl Fault {
    /// All of them, in the order of the metrics.
    pub const ALL: [Self; 6] = [
        Self::WrongSeal,
        Self::BadChunk,
        Self::WrongLength,
        Self::Missing,
        Self::WrongAnswer,
        Self::Stale,
    ];

    /// The name in metrics and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::WrongSeal => "wrong_seal",
            Self::BadChunk => "bad_chunk",
            Self::WrongLength => "wrong_length",
            Self::Missing => "missing",
            Self::WrongAnswer => "wrong_answer",
            Self::Stale => "stale",
        }
    }
}

/// An answer that did not prove its question: refused and counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Misdelivery {
    /// When, milliseconds since 1970.
    pub at_milliseconds: u64,
    /// Where.
    pub seam: Seam,
    /// What was wrong.
    pub fault: Fault,
    /// Whose question it was, as far as that was known.
    pub camera: Option<CameraId>,
}

/// What was handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handed {
    /// The list of cameras.
    Cameras,
    /// A still.
    Still,
    /// Event details.
    Events,
    /// An event's video, or a part of it.
    Clip,
    /// Nothing was shown: an event was deleted.
    Deletion,
}

/// One response, as it is about to leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delivery {
    /// When, milliseconds since 1970.
    pub at_milliseconds: u64,
    /// To whom.
    pub viewer: ViewerId,
    /// In which session.
    pub session: SessionId,
    /// Whose footage; none for the list of cameras.
    pub source: Option<(HouseholdId, CameraId)>,
    /// What.
    pub handed: Handed,
    /// Which event, where the question named one.
    pub event: Option<FootageId>,
    /// Bytes of the body.
    pub body_bytes: u64,
}

/// The ledger did not take an entry: nothing may leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the ledger did not take the entry")]
pub struct LedgerError;

/// Takes entries. `delivery` is called before the first byte of a response leaves; if it fails, nothing leaves.
pub trait Ledger: Send + Sync + 'static {
    /// Records a delivery that is about to begin.
    ///
    /// # Errors
    /// [`LedgerError`]: the caller answers 503 instead.
    fn delivery(&self, entry: &Delivery) -> Result<(), LedgerError>;

    /// Records a refused answer. Never fails: refusing is done already.
    fn misdelivery(&self, entry: &Misdelivery);

    /// How many misdeliveries were refused since the start, of one seam and fault.
    fn misdeliveries(&self, seam: Seam, fault: Fault) -> u64;

    /// How many deliveries were recorded since the start.
    fn deliveries(&self) -> u64;
}

/// The in-memory sink: keeps the latest [`ENTRIES_MAX`] of each, and counts all.
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

    /// The latest deliveries, oldest first.
    pub fn recent_deliveries(&self) -> Vec<Delivery> {
        self.recent
            .lock()
            .map(|r| r.0.iter().copied().collect())
            .unwrap_or_default()
    }
}

fn keep<T>(queue: &mut VecDeque<T>, entry: T) {
    if queue.len() >= ENTRIES_MAX {
        queue.pop_front();
    }
    queue.push_back(entry);
}

impl Ledger for MemoryLedger {
    fn delivery(&self, entry: &Delivery) -> Result<(), LedgerError> {
        let mut recent = self.recent.lock().map_err(|_| LedgerError)?;
        keep(&mut recent.0, *entry);
        self.deliveries.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

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
            "misdelivery refused"
        );
    }

    fn misdeliveries(&self, seam: Seam, fault: Fault) -> u64 {
        self.counter(seam, fault).map_or(0, |c| c.load(Ordering::Relaxed))
    }

    fn deliveries(&self) -> u64 {
        self.deliveries.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
                body_bytes: n,
            };
            ledger.delivery(&entry).unwrap();
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
        for seam in Seam::ALL {
            for fault in Fault::ALL {
                ledger.misdelivery(&Misdelivery {
                    at_milliseconds: 0,
                    seam,
                    fault,
                    camera: None,
                });
                assert_eq!(ledger.misdeliveries(seam, fault), 1, "{seam:?} {fault:?}");
            }
        }
    }
}
