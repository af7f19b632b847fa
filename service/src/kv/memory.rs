//! A key-value store in memory, for tests.
#![allow(clippy::unwrap_used, reason = "for tests: a failed expectation is the point")]

use super::{KeyValue, KvError};
use std::collections::BTreeMap;
use std::sync::Mutex;

/// The store.
#[derive(Default)]
pub struct MemoryKv(pub Mutex<BTreeMap<String, Vec<u8>>>);

impl KeyValue for MemoryKv {
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, KvError> {
        Ok(self.0.lock().unwrap().get(key).cloned())
    }
    fn get_many(&self, keys: &[String]) -> Result<Vec<Option<Vec<u8>>>, KvError> {
        let values = self.0.lock().unwrap();
        Ok(keys.iter().map(|key| values.get(key).cloned()).collect())
    }
    fn set(&self, key: &str, value: &[u8]) -> Result<(), KvError> {
        self.0.lock().unwrap().insert(key.to_owned(), value.to_vec());
        Ok(())
    }
    fn swap(&self, key: &str, was: Option<&[u8]>, value: &[u8]) -> Result<bool, KvError> {
        let mut values = self.0.lock().unwrap();
        let same = values.get(key).map(Vec::as_slice) == was;
        if same {
            values.insert(key.to_owned(), value.to_vec());
        }
        Ok(same)
    }
    fn delete_many(&self, keys: &[String]) -> Result<(), KvError> {
        let mut values = self.0.lock().unwrap();
        for key in keys {
            values.remove(key);
        }
        Ok(())
    }
    fn list(&self, prefix: &str) -> Result<Vec<String>, KvError> {
        let values = self.0.lock().unwrap();
        Ok(values.keys().filter(|key| key.starts_with(prefix)).cloned().collect())
    }
}

#[tokio::test]
async fn conforms() {
    super::conformance::check(&|| std::sync::Arc::new(MemoryKv::default())).await;
}
