//! The access ledger over a key-value store: each entry waits under a key of its own, until a
//! command enters it in the log.
//!
//! A request can't number the lines of an owner, or sign a checkpoint: the store has no lock, and
//! many instances write at once. So a request writes its sealed entry under a new key, and nobody
//! waits for anybody else.
//!
//! INVARIANT: an entry is in the store before [`Ledger::starts`] returns. Threat: the store is NOT
//! trusted. What stands around a sealed entry here is not proven, and decides no more than where in
//! the log the entry stands. That no entry was dropped from the store is not proven.

use super::{KeyValue, KvError, decode, encode, hex};
use crate::admin::Deed;
use crate::chain::Chain;
use crate::clock;
use crate::ledger::acts::Done;
use crate::ledger::{Counts, MemoryLedger};
use async_trait::async_trait;
use eyesonly_gate::Seam;
use eyesonly_gate::entry::{Entry, Owner, Rejected};
use eyesonly_gate::ledger::{Ledger, LedgerError, Misdelivery};
use eyesonly_rights::Fault;
use eyesonly_seal::{EdgeKey, HouseholdId, LedgerKey, SealError, ViewerId};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The prefix of the entries' keys.
const PLACE: &str = "ledger/";
/// The most values that are read at once.
const READ_MAX: usize = 256;

/// An entry's value.
#[derive(Serialize, Deserialize)]
struct Value {
    decided_at: u64,
    owner: [u8; 17],
    day: u32,
    sealed: Vec<u8>,
}

/// An entry that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// The time in its key, in milliseconds since 1970.
    pub at_milliseconds: u64,
    /// The number of the rights by which it was decided, as the store says.
    pub decided_at: u64,
    /// Whose entry it is.
    pub owner: Owner,
    /// The UTC day of its key, counted from 1970.
    pub day: u32,
    /// The sealed entry.
    pub sealed: Vec<u8>,
}

fn owner_bytes(owner: &Owner) -> [u8; 17] {
    let kind = match owner {
        Owner::Household(_) => 1,
        Owner::Viewer(_) => 2,
        Owner::Edge => 3,
    };
    let mut bytes = [0; 17];
    let (_, id) = owner.parts();
    bytes.iter_mut().zip([kind].iter().chain(id)).for_each(|(to, from)| *to = *from);
    bytes
}

fn owner_from(bytes: &[u8; 17]) -> Option<Owner> {
    let [kind, id @ ..] = bytes;
    match kind {
        1 => Some(Owner::Household(HouseholdId::from_bytes(*id))),
        2 => Some(Owner::Viewer(ViewerId::from_bytes(*id))),
        3 => Some(Owner::Edge).filter(|_| *id == [0; 16]),
        _ => None,
    }
}

fn key_of(at_milliseconds: u64) -> String {
    // Keys come in the order of time. The random part keeps two of one moment apart.
    format!("{PLACE}{at_milliseconds:016x}/{}", hex(&clock::random::<16>()))
}

/// The ledger of one request.
pub struct KvLedger {
    kv: Arc<dyn KeyValue>,
    edge: LedgerKey,
    /// Counts what this process saw, and logs what was rejected.
    counts: MemoryLedger,
}

impl KvLedger {
    /// Makes a ledger over this store.
    pub fn new(kv: Arc<dyn KeyValue>, edge: &EdgeKey) -> Self {
        Self { kv, edge: edge.ledger_key(), counts: MemoryLedger::default() }
    }

    fn write(
        &self,
        (owner, day): (Owner, u32),
        (at_milliseconds, decided_at): (u64, u64),
        sealed: Result<Vec<u8>, SealError>,
    ) -> Result<(), LedgerError> {
        let written = sealed.map_err(|error| KvError(error.into())).and_then(|sealed| {
            let value = Value { decided_at, owner: owner_bytes(&owner), day, sealed };
            self.kv.set(&key_of(at_milliseconds), &encode(&value)?)
        });
        written.map_err(|error| {
            tracing::error!(error = %Chain(&error), "the access ledger did not take an entry");
            LedgerError::Closed
        })
    }

    fn of_session(&self, deed: Deed, viewer: ViewerId) -> Result<(), LedgerError> {
        let done = Done::of_session(deed, viewer, clock::now_milliseconds());
        let sealed = done.seal(done.owner(), &self.edge, clock::random());
        self.write((done.owner(), done.day()), (done.at_milliseconds, 0), sealed)
    }
}

#[async_trait]
impl Ledger for KvLedger {
    async fn starts(&self, entry: &Entry<'_>) -> Result<bool, LedgerError> {
        let at = (entry.delivery().at_milliseconds, entry.decided_at());
        self.write((entry.owner(), entry.day()), at, entry.seal(clock::random()))?;
        self.counts.count();
        Ok(true)
    }

    /// Does nothing: no request knows of another, so an entry covers its own delivery alone.
    fn lets_out(&self, _: &Entry<'_>) {}

    fn ends(&self, entry: &Entry<'_>) {
        let at = (entry.delivery().at_milliseconds, entry.decided_at());
        // Without it, all counts as received that might have left.
        let _ = self.write((entry.owner(), entry.day()), at, entry.seal(clock::random()));
    }

    fn misdelivery(&self, entry: &Misdelivery) {
        self.counts.misdelivery(entry);
        let rejected = Rejected { first: *entry, count: 1 };
        let sealed = rejected.seal(&self.edge, clock::random());
        let _ = self.write((Owner::Edge, rejected.day()), (entry.at_milliseconds, 0), sealed);
    }
}

#[async_trait]
impl Counts for KvLedger {
    async fn signed_in(&self, viewer: ViewerId) -> Result<(), LedgerError> {
        self.of_session(Deed::SignedIn, viewer)
    }

    fn signed_out(&self, viewer: ViewerId) {
        let _ = self.of_session(Deed::SignedOut, viewer);
    }

    fn misdeliveries(&self, seam: Seam, fault: Fault) -> u64 {
        self.counts.misdeliveries(seam, fault)
    }

    fn deliveries(&self) -> u64 {
        self.counts.deliveries()
    }

    fn is_open(&self) -> bool {
        true
    }
}

/// The entries that wait in a store, for whoever enters them in the log.
pub struct KvEntries(Arc<dyn KeyValue>);

impl KvEntries {
    /// Makes the list of the entries in this store.
    pub fn new(kv: Arc<dyn KeyValue>) -> Self {
        Self(kv)
    }

    /// Lists the keys of what waits, in the order of time.
    ///
    /// # Errors
    /// [`KvError`] if the store does not answer.
    pub fn keys(&self) -> Result<Vec<String>, KvError> {
        self.0.list(PLACE)
    }

    /// Reads what waits under these keys. What is no entry is none; what is gone is left out.
    ///
    /// # Errors
    /// [`KvError`] if the store does not answer.
    pub fn read(&self, keys: &[String]) -> Result<Vec<(String, Option<Waiting>)>, KvError> {
        let mut read = Vec::with_capacity(keys.len());
        for keys in keys.chunks(READ_MAX) {
            let values = self.0.get_many(keys)?;
            for (key, value) in keys.iter().zip(values) {
                if let Some(value) = value {
                    read.push((key.clone(), waiting(key, &value)));
                }
            }
        }
        Ok(read)
    }

    /// Removes what is in the log.
    ///
    /// # Errors
    /// [`KvError`] if the store does not answer. Then some of it may be gone.
    pub fn remove(&self, keys: &[String]) -> Result<(), KvError> {
        keys.chunks(READ_MAX).try_for_each(|keys| self.0.delete_many(keys))
    }
}

fn waiting(key: &str, value: &[u8]) -> Option<Waiting> {
    let time = key.strip_prefix(PLACE)?.split_once('/')?.0;
    let Value { decided_at, owner, day, sealed } = decode(key, value).ok()?;
    Some(Waiting {
        at_milliseconds: u64::from_str_radix(time, 16).ok()?,
        decided_at,
        owner: owner_from(&owner)?,
        day,
        sealed,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kv::memory::MemoryKv;
    use eyesonly_gate::entry::{self, Says};
    use eyesonly_seal::CameraId;

    fn edge() -> EdgeKey {
        EdgeKey::from_bytes([7; 32])
    }

    fn misdelivery(at_milliseconds: u64) -> Misdelivery {
        let camera = Some(CameraId::from_bytes([5; 16]));
        Misdelivery { at_milliseconds, seam: Seam::Index, fault: Fault::Stale, camera }
    }

    #[test]
    fn an_owner_is_read_back() {
        let household = Owner::Household(HouseholdId::from_bytes([3; 16]));
        for owner in [household, Owner::Viewer(ViewerId::from_bytes([4; 16])), Owner::Edge] {
            assert_eq!(owner_from(&owner_bytes(&owner)), Some(owner));
        }
        for (kind, id) in [(0, 0), (4, 0), (3, 1)] {
            let mut bytes = [id; 17];
            bytes[0] = kind;
            assert_eq!(owner_from(&bytes), None, "{kind} {id}");
        }
    }

    #[tokio::test]
    async fn what_was_written_waits_in_the_order_of_time() {
        let kv = Arc::new(MemoryKv::default());
        let ledger = KvLedger::new(Arc::clone(&kv) as _, &edge());
        for at in [86_400_000 * 300, 5, 86_400_000 * 300, 70_000] {
            ledger.misdelivery(&misdelivery(at));
        }
        ledger.signed_in(ViewerId::from_bytes([4; 16])).await.unwrap();
        assert_eq!(ledger.misdeliveries(Seam::Index, Fault::Stale), 4);
        let waiting = KvEntries::new(Arc::clone(&kv) as _);
        let keys = waiting.keys().unwrap();
        let read: Vec<Waiting> =
            waiting.read(&keys).unwrap().into_iter().map(|(_, value)| value.unwrap()).collect();
        let times: Vec<u64> = read.iter().map(|read| read.at_milliseconds).collect();
        assert_eq!(times[..4], [5, 70_000, 86_400_000 * 300, 86_400_000 * 300]);
        assert_eq!(read[4].owner, Owner::Viewer(ViewerId::from_bytes([4; 16])));
        for waits in &read[..4] {
            let key = edge().ledger_key().day_key(waits.day);
            let says = entry::open(waits.owner, waits.day, &key, &waits.sealed).unwrap();
            let first = misdelivery(waits.at_milliseconds);
            assert_eq!(says, Says::Rejected(Rejected { first, count: 1 }));
        }
        waiting.remove(&keys).unwrap();
        assert_eq!(kv.list("").unwrap(), [""; 0]);
    }

    #[test]
    fn what_is_no_entry_is_none() {
        let kv = Arc::new(MemoryKv::default());
        let ledger = KvLedger::new(Arc::clone(&kv) as _, &edge());
        ledger.misdelivery(&misdelivery(9));
        let waiting = KvEntries::new(Arc::clone(&kv) as _);
        let keys = waiting.keys().unwrap();
        let whole = kv.get(&keys[0]).unwrap().unwrap();
        for cut in 0..whole.len() {
            kv.set(&keys[0], &whole[..cut]).unwrap();
            assert_eq!(waiting.read(&keys).unwrap(), [(keys[0].clone(), None)], "cut at {cut}");
        }
        for key in ["ledger/", "ledger/9", "ledger/xyz/0"] {
            kv.set(key, &whole).unwrap();
            assert_eq!(waiting.read(&[key.to_owned()]).unwrap(), [(key.to_owned(), None)]);
        }
        kv.delete_many(&keys).unwrap();
        assert_eq!(waiting.read(&keys).unwrap(), []);
    }

    struct Full;

    fn full<T>() -> Result<T, KvError> {
        Err(KvError("no room".into()))
    }

    impl KeyValue for Full {
        fn get(&self, _: &str) -> Result<Option<Vec<u8>>, KvError> {
            full()
        }
        fn get_many(&self, _: &[String]) -> Result<Vec<Option<Vec<u8>>>, KvError> {
            full()
        }
        fn set(&self, _: &str, _: &[u8]) -> Result<(), KvError> {
            full()
        }
        fn swap(&self, _: &str, _: Option<&[u8]>, _: &[u8]) -> Result<bool, KvError> {
            full()
        }
        fn delete_many(&self, _: &[String]) -> Result<(), KvError> {
            full()
        }
        fn list(&self, _: &str) -> Result<Vec<String>, KvError> {
            full()
        }
    }

    #[tokio::test]
    async fn a_store_that_takes_nothing_is_a_ledger_that_takes_nothing() {
        let ledger = KvLedger::new(Arc::new(Full), &edge());
        let signed_in = ledger.signed_in(ViewerId::from_bytes([4; 16])).await;
        assert_eq!(signed_in, Err(LedgerError::Closed));
        // What must not fail does not.
        ledger.misdelivery(&misdelivery(9));
        ledger.signed_out(ViewerId::from_bytes([4; 16]));
    }
}
