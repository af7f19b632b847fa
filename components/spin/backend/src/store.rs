//! The key-value store of the edge, by `wasi:keyvalue`, as the services ask for one.
//!
//! Threat. The store is NOT trusted: see `eyesonly_service::kv`. This file adds order alone. Each
//! value stands under the key that was asked for, whatever the store returns and in whichever
//! order. It must never list: only administration lists keys, and has other means.

use std::collections::HashMap;

/// Puts the values that a store returned in the order of `keys`. A key without a value is absent;
/// values of other keys are left out.
pub fn in_order(keys: &[String], returned: Vec<(String, Option<Vec<u8>>)>) -> Vec<Option<Vec<u8>>> {
    let values: HashMap<String, Option<Vec<u8>>> = returned.into_iter().collect();
    keys.iter().map(|key| values.get(key).cloned().flatten()).collect()
}

#[cfg(target_arch = "wasm32")]
pub use wasi::WasiKv;

#[cfg(target_arch = "wasm32")]
mod wasi {
    use super::in_order;
    use crate::component::bindings::wasi::keyvalue::{atomics, batch, store};
    use eyesonly_service::kv::{KeyValue, KvError};

    /// The label of the store in `spin.toml` and in the runtime configuration.
    const LABEL: &str = "default";

    /// The store, opened once.
    pub struct WasiKv(store::Bucket);

    fn failed(error: store::Error) -> KvError {
        let words = match error {
            store::Error::NoSuchStore => {
                format!("there is no store `{LABEL}`; the runtime configuration must have it")
            }
            store::Error::AccessDenied => {
                format!(
                    "the backend may not use the store `{LABEL}`; its component must have \
                     key_value_stores = [\"{LABEL}\"]"
                )
            }
            store::Error::Other(words) => words,
        };
        KvError(words.into())
    }

    impl WasiKv {
        /// Opens the store.
        pub fn open() -> Result<Self, KvError> {
            store::open(LABEL).map(Self).map_err(failed)
        }
    }

    impl KeyValue for WasiKv {
        fn get(&self, key: &str) -> Result<Option<Vec<u8>>, KvError> {
            self.0.get(key).map_err(failed)
        }

        fn get_many(&self, keys: &[String]) -> Result<Vec<Option<Vec<u8>>>, KvError> {
            if keys.is_empty() {
                return Ok(Vec::new());
            }
            let returned = batch::get_many(&self.0, keys).map_err(failed)?;
            Ok(in_order(keys, returned))
        }

        fn set(&self, key: &str, value: &[u8]) -> Result<(), KvError> {
            self.0.set(key, value).map_err(failed)
        }

        fn swap(&self, key: &str, was: Option<&[u8]>, value: &[u8]) -> Result<bool, KvError> {
            let cas = atomics::Cas::new(&self.0, key).map_err(failed)?;
            if cas.current().map_err(failed)?.as_deref() != was {
                return Ok(false);
            }
            match atomics::swap(cas, value) {
                Ok(()) => Ok(true),
                Err(atomics::CasError::CasFailed(_)) => Ok(false),
                Err(atomics::CasError::StoreError(error)) => Err(failed(error)),
            }
        }

        fn delete_many(&self, keys: &[String]) -> Result<(), KvError> {
            if keys.is_empty() {
                return Ok(());
            }
            batch::delete_many(&self.0, keys).map_err(failed)
        }

        fn list(&self, _: &str) -> Result<Vec<String>, KvError> {
            Err(KvError(
                "keys are listed by administration alone (the command line), never by a request"
                    .into(),
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stand_under_the_keys_that_were_asked() {
        let keys = ["a", "b", "c", "a"].map(str::to_owned);
        let (one, two, other) = (Some(vec![1]), Some(vec![2]), Some(vec![3]));
        let returned = [("c", two.clone()), ("z", other), ("b", None), ("a", one.clone())];
        let returned = returned.map(|(key, value)| (key.to_owned(), value)).to_vec();
        assert_eq!(in_order(&keys, returned), [one.clone(), None, two, one]);
        assert_eq!(in_order(&keys, Vec::new()), [None, None, None, None]);
    }
}
