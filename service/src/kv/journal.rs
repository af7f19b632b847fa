//! Several values that change together, over a store that can compare and set one.
//!
//! A journal is one key. Its value has a version, a small state, and the writes of its last change. A change is decided by setting that one key;
//! then its writes are made where they belong. Whoever comes next makes first what the one before has left unmade. Each value carries the
//! version that wrote it and never goes back, so it does not matter how often or how late a write is made.
//!
//! A value that a journal governs is governed by no other. It must never make a write of a change that was not decided.

use super::{KeyValue, KvError, TRIES_MAX, decode, encode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a journal's key has.
#[derive(Serialize, Deserialize)]
struct Head<S> {
    version: u64,
    state: S,
    /// Writes of the last change; none once they are made.
    writes: Vec<(String, Option<Vec<u8>>)>,
}

/// What a governed key has: the version that wrote it; no value once it is removed.
#[derive(Serialize, Deserialize)]
struct Entry {
    version: u64,
    value: Option<Vec<u8>>,
}

/// The value of a governed key, and the version that wrote it.
pub(super) fn entry(kv: &dyn KeyValue, key: &str) -> Result<Option<(Vec<u8>, u64)>, KvError> {
    kv.get(key)?.map_or(Ok(None), |raw| open(key, &raw))
}

/// As [`entry`], of a raw value that was read.
pub(super) fn open(key: &str, raw: &[u8]) -> Result<Option<(Vec<u8>, u64)>, KvError> {
    let entry: Entry = decode(key, raw)?;
    Ok(entry.value.map(|value| (value, entry.version)))
}

/// The version and state of a journal; of one that nobody has begun: 0 and the default.
pub(super) fn state<S: DeserializeOwned + Default>(kv: &dyn KeyValue, journal: &str) -> Result<(u64, S), KvError> {
    let Some(raw) = kv.get(journal)? else {
        return Ok((0, S::default()));
    };
    let head: Head<S> = decode(journal, &raw)?;
    Ok((head.version, head.state))
}

/// A change that is being put together: it reads what is there now, and what it has itself put.
pub(super) struct Draft<'a, S> {
    kv: &'a dyn KeyValue,
    journal: String,
    was: Option<Vec<u8>>,
    version: u64,
    /// The journal's state; as it is left here, it is written.
    pub(super) state: S,
    writes: BTreeMap<String, Option<Vec<u8>>>,
}

impl<'a, S: Serialize + DeserializeOwned + Default> Draft<'a, S> {
    /// Begins a change; what the one before has left unmade is made.
    pub(super) fn begin(kv: &'a dyn KeyValue, journal: String) -> Result<Self, KvError> {
        let was = kv.get(&journal)?;
        let head = match &was {
            Some(raw) => decode::<Head<S>>(&journal, raw)?,
            None => Head {
                version: 0,
                state: S::default(),
                writes: Vec::new(),
            },
        };
        make(kv, head.version, &head.writes)?;
        Ok(Self {
            kv,
            journal,
            was,
            version: head.version,
            state: head.state,
            writes: BTreeMap::new(),
        })
    }

    /// The version that this change makes.
    pub(super) fn next(&self) -> u64 {
        self.version.saturating_add(1)
    }

    /// The value of a governed key.
    pub(super) fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, KvError> {
        let raw = match self.writes.get(key) {
            Some(put) => put.clone(),
            None => entry(self.kv, key)?.map(|(value, _)| value),
        };
        raw.map(|raw| decode(key, &raw)).transpose()
    }

    /// The version that wrote a governed key, if it is there.
    pub(super) fn written_at(&self, key: &str) -> Result<Option<u64>, KvError> {
        Ok(entry(self.kv, key)?.map(|(_, version)| version))
    }

    /// Puts a value.
    pub(super) fn put<T: Serialize>(&mut self, key: String, value: &T) -> Result<(), KvError> {
        self.writes.insert(key, Some(encode(value)?));
        Ok(())
    }

    /// Removes a value.
    pub(super) fn remove(&mut self, key: String) {
        self.writes.insert(key, None);
    }

    /// Decides the change and makes its writes. None: somebody else was first, and nothing was changed.
    pub(super) fn commit(self) -> Result<Option<u64>, KvError> {
        let version = self.next();
        let mut head = Head {
            version,
            state: self.state,
            writes: self.writes.into_iter().collect(),
        };
        let decided = encode(&head)?;
        if !self.kv.swap(&self.journal, self.was.as_deref(), &decided)? {
            return Ok(None);
        }
        make(self.kv, version, &head.writes)?;
        // From here on nobody needs to make them again; if this does not succeed, somebody will.
        head.writes.clear();
        if let Ok(made) = encode(&head) {
            let _ = self.kv.swap(&self.journal, Some(&decided), &made);
        }
        Ok(Some(version))
    }
}

/// Makes the writes of a change that was decided.
fn make(kv: &dyn KeyValue, version: u64, writes: &[(String, Option<Vec<u8>>)]) -> Result<(), KvError> {
    for (key, value) in writes {
        let entry = encode(&Entry {
            version,
            value: value.clone(),
        })?;
        raise(kv, key, version, &entry)?;
    }
    Ok(())
}

fn raise(kv: &dyn KeyValue, key: &str, version: u64, entry: &[u8]) -> Result<(), KvError> {
    for _ in 0..TRIES_MAX {
        let was = kv.get(key)?;
        let present = match &was {
            Some(raw) => decode::<Entry>(key, raw)?.version,
            None => 0,
        };
        if present >= version || kv.swap(key, was.as_deref(), entry)? {
            return Ok(());
        }
    }
    Err(KvError(format!("{key} is written by too many at once")))
}
