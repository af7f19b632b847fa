//! A journal: several values that change together, over a store that can compare and swap only one.
//!
//! A journal is one key. The key's value has a version, a small state, and the writes of the last
//! change. One compare-and-swap of this key decides a change; then the writes are made to their own
//! keys. If a writer goes away in between, the next writer makes those writes first. Each written
//! value carries the version that wrote it and never goes back. So it does not matter how often or
//! how late a write is made.
//!
//! At most one journal governs a value. A journal must never make a write of a change that was not
//! decided.

use super::{KeyValue, KvError, TRIES_MAX, decode, encode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The value of a journal's key.
#[derive(Serialize, Deserialize)]
struct Head<S> {
    version: u64,
    state: S,
    /// The writes of the last change, or none once they are made.
    writes: Vec<(String, Option<Vec<u8>>)>,
}

/// The value of a governed key: the version that wrote it, and no value once it is removed.
#[derive(Serialize, Deserialize)]
struct Entry {
    version: u64,
    value: Option<Vec<u8>>,
}

/// Returns the value of a governed key, and the version that wrote it.
pub(super) fn entry(kv: &dyn KeyValue, key: &str) -> Result<Option<(Vec<u8>, u64)>, KvError> {
    kv.get(key)?.map_or(Ok(None), |raw| open(key, &raw))
}

/// Decodes a raw value that was read, with the result of [`entry`].
pub(super) fn open(key: &str, raw: &[u8]) -> Result<Option<(Vec<u8>, u64)>, KvError> {
    let entry: Entry = decode(key, raw)?;
    Ok(entry.value.map(|value| (value, entry.version)))
}

/// Returns the version and state of a journal, or 0 and the default if there is none. It makes what
/// the last change has left unmade, so no value is older than the version that it returns.
pub(super) fn state<S: DeserializeOwned + Default>(
    kv: &dyn KeyValue,
    journal: &str,
) -> Result<(u64, S), KvError> {
    let Some(raw) = kv.get(journal)? else {
        return Ok((0, S::default()));
    };
    let head: Head<S> = decode(journal, &raw)?;
    make(kv, head.version, &head.writes)?;
    Ok((head.version, head.state))
}

/// A change that is being put together, which reads what is there now and what it has itself put.
pub(super) struct Draft<'a, S> {
    kv: &'a dyn KeyValue,
    journal: String,
    was: Option<Vec<u8>>,
    version: u64,
    /// The journal's state, which the commit writes as it is left here.
    pub(super) state: S,
    writes: BTreeMap<String, Option<Vec<u8>>>,
}

impl<'a, S: Serialize + DeserializeOwned + Default> Draft<'a, S> {
    /// Starts a change. First makes the writes that the change before has left.
    pub(super) fn begin(kv: &'a dyn KeyValue, journal: String) -> Result<Self, KvError> {
        let was = kv.get(&journal)?;
        let head = match &was {
            Some(raw) => decode::<Head<S>>(&journal, raw)?,
            None => Head { version: 0, state: S::default(), writes: Vec::new() },
        };
        if head.version == u64::MAX {
            return Err(KvError(format!("{journal} has no version after its own").into()));
        }
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

    /// Returns the version that this change makes.
    pub(super) fn next(&self) -> u64 {
        self.version.saturating_add(1)
    }

    /// Returns the value of a governed key.
    pub(super) fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, KvError> {
        let raw = match self.writes.get(key) {
            Some(put) => put.clone(),
            None => self.entry(key)?.map(|(value, _)| value),
        };
        raw.map(|raw| decode(key, &raw)).transpose()
    }

    /// Returns the version that wrote a governed key, if the key has a value.
    pub(super) fn written_at(&self, key: &str) -> Result<Option<u64>, KvError> {
        Ok(self.entry(key)?.map(|(_, version)| version))
    }

    /// Reads a governed key, as the function [`entry`] does. Fails if the value is ahead of a
    /// journal that has not changed meanwhile: then the journal was lost or set back. A change that
    /// such a journal decides would not go over such a value, and would be lost.
    fn entry(&self, key: &str) -> Result<Option<(Vec<u8>, u64)>, KvError> {
        let Some(raw) = self.kv.get(key)? else { return Ok(None) };
        let entry: Entry = decode(key, &raw)?;
        if entry.version > self.version && self.kv.get(&self.journal)? == self.was {
            return Err(KvError(
                format!("{} is behind {key}: it was lost or set back", self.journal).into(),
            ));
        }
        Ok(entry.value.map(|value| (value, entry.version)))
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

    /// Decides the change and makes its writes. None: somebody else was first, and nothing was
    /// changed.
    pub(super) fn commit(self) -> Result<Option<u64>, KvError> {
        let version = self.next();
        let mut head =
            Head { version, state: self.state, writes: self.writes.into_iter().collect() };
        let decided = encode(&head)?;
        if !self.kv.swap(&self.journal, self.was.as_deref(), &decided)? {
            return Ok(None);
        }
        make(self.kv, version, &head.writes)?;
        // The writes are made and go from the journal. If clearing them fails, the next change
        // makes them again.
        head.writes.clear();
        if let Ok(made) = encode(&head) {
            let _ = self.kv.swap(&self.journal, Some(&decided), &made);
        }
        Ok(Some(version))
    }
}

/// Makes the writes of a change that was decided.
fn make(
    kv: &dyn KeyValue,
    version: u64,
    writes: &[(String, Option<Vec<u8>>)],
) -> Result<(), KvError> {
    for (key, value) in writes {
        let entry = encode(&Entry { version, value: value.clone() })?;
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
    Err(KvError(format!("{key} is written by too many at once").into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kv::memory::MemoryKv;
    use std::sync::atomic::{AtomicUsize, Ordering};

    const JOURNAL: &str = "journal";

    /// A store that goes away after so many calls.
    struct GoesAway {
        kv: &'static MemoryKv,
        left: AtomicUsize,
    }

    impl GoesAway {
        fn there(&self) -> Result<&MemoryKv, KvError> {
            let gone = KvError("gone".into());
            let left = self
                .left
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
            left.map(|_| self.kv).map_err(|_| gone)
        }
    }

    impl KeyValue for GoesAway {
        fn get(&self, key: &str) -> Result<Option<Vec<u8>>, KvError> {
            self.there()?.get(key)
        }
        fn get_many(&self, keys: &[String]) -> Result<Vec<Option<Vec<u8>>>, KvError> {
            self.there()?.get_many(keys)
        }
        fn set(&self, key: &str, value: &[u8]) -> Result<(), KvError> {
            self.there()?.set(key, value)
        }
        fn swap(&self, key: &str, was: Option<&[u8]>, value: &[u8]) -> Result<bool, KvError> {
            self.there()?.swap(key, was, value)
        }
        fn delete_many(&self, keys: &[String]) -> Result<(), KvError> {
            self.there()?.delete_many(keys)
        }
        fn list(&self, prefix: &str) -> Result<Vec<String>, KvError> {
            self.there()?.list(prefix)
        }
    }

    /// Puts `n` under every one of `keys`.
    fn write(kv: &dyn KeyValue, keys: &[&str], n: u8) -> Result<Option<u64>, KvError> {
        let mut draft = Draft::<()>::begin(kv, JOURNAL.to_owned())?;
        for key in keys {
            draft.put((*key).to_owned(), &n)?;
        }
        draft.commit()
    }

    fn read(kv: &dyn KeyValue, key: &str) -> Option<u8> {
        let found = entry(kv, key).unwrap();
        found.map(|(value, _)| decode(key, &value).unwrap())
    }

    #[test]
    fn a_change_that_broke_off_is_made_in_full_or_not_at_all() {
        let mut outcomes = Vec::new();
        for calls in 0.. {
            let kv: &'static MemoryKv = Box::leak(Box::default());
            write(kv, &["a", "b"], 1).unwrap().unwrap();
            let goes = GoesAway { kv, left: AtomicUsize::new(calls) };
            let said = write(&goes, &["a", "b"], 2);
            // The next writer makes what was left.
            write(kv, &["c"], 3).unwrap().unwrap();
            let both = (read(kv, "a"), read(kv, "b"));
            assert!(
                both == (Some(1), Some(1)) || both == (Some(2), Some(2)),
                "half of it after {calls} calls: {both:?}"
            );
            assert_eq!(read(kv, "c"), Some(3));
            if let Ok(Some(_)) = said {
                assert_eq!(both, (Some(2), Some(2)), "it was said to be written");
                break;
            }
            outcomes.push(both.0);
        }
        assert!(
            outcomes.contains(&Some(1)) && outcomes.contains(&Some(2)),
            "it broke off before and after it was decided: {outcomes:?}"
        );
    }

    #[test]
    fn whoever_reads_the_version_finds_what_it_decided() {
        let mut decided_and_not_made = 0;
        for calls in 0.. {
            let kv: &'static MemoryKv = Box::leak(Box::default());
            write(kv, &["a", "b"], 1).unwrap().unwrap();
            let goes = GoesAway { kv, left: AtomicUsize::new(calls) };
            let said = write(&goes, &["a", "b"], 2);
            let before = read(kv, "b");
            let (version, ()) = state(kv, JOURNAL).unwrap();
            let expected = if version == 2 { Some(2) } else { Some(1) };
            assert_eq!((read(kv, "a"), read(kv, "b")), (expected, expected), "after {calls} calls");
            decided_and_not_made += usize::from(before != expected);
            if let Ok(Some(_)) = said {
                break;
            }
        }
        assert!(decided_and_not_made > 0, "it broke off between the decision and the writes");
    }

    #[test]
    fn a_write_that_comes_late_changes_nothing() {
        let kv = MemoryKv::default();
        write(&kv, &["a"], 1).unwrap().unwrap();
        write(&kv, &["a"], 2).unwrap().unwrap();
        // A slow writer, which had read the first change, makes its write only now.
        make(&kv, 1, &[("a".to_owned(), Some(encode(&1_u8).unwrap()))]).unwrap();
        assert_eq!(read(&kv, "a"), Some(2));
        let mut draft = Draft::<()>::begin(&kv, JOURNAL.to_owned()).unwrap();
        draft.remove("a".to_owned());
        draft.commit().unwrap().unwrap();
        make(&kv, 2, &[("a".to_owned(), Some(encode(&2_u8).unwrap()))]).unwrap();
        assert_eq!(read(&kv, "a"), None, "what was removed does not come back");
    }

    #[test]
    fn of_two_changes_at_once_one_is_made() {
        let kv = MemoryKv::default();
        let begin = || Draft::<()>::begin(&kv, JOURNAL.to_owned()).unwrap();
        let (mut one, mut two) = (begin(), begin());
        one.put("a".to_owned(), &1_u8).unwrap();
        two.put("a".to_owned(), &2_u8).unwrap();
        assert_eq!(one.commit().unwrap(), Some(1));
        assert_eq!(two.commit().unwrap(), None, "somebody else was first");
        assert_eq!(read(&kv, "a"), Some(1));
    }

    #[test]
    fn a_journal_that_was_lost_or_set_back_decides_nothing() {
        let kv = MemoryKv::default();
        write(&kv, &["a"], 1).unwrap();
        let early = kv.get(JOURNAL).unwrap().unwrap();
        write(&kv, &["a"], 2).unwrap();
        let after = |kv: &MemoryKv| -> Result<(), KvError> {
            let mut draft = Draft::<()>::begin(kv, JOURNAL.to_owned())?;
            draft.get::<u8>("a")?;
            draft.put("a".to_owned(), &3_u8)?;
            draft.commit().map(drop)
        };
        kv.set(JOURNAL, &early).unwrap();
        assert!(after(&kv).unwrap_err().0.to_string().contains("is behind a"));
        kv.delete_many(&[JOURNAL.to_owned()]).unwrap();
        assert!(after(&kv).unwrap_err().0.to_string().contains("is behind a"));
        let last = Head { version: u64::MAX, state: (), writes: Vec::new() };
        kv.set(JOURNAL, &encode(&last).unwrap()).unwrap();
        assert!(after(&kv).unwrap_err().0.to_string().contains("no version after"));
        assert_eq!(read(&kv, "a"), Some(2), "nothing was changed");
    }
}
