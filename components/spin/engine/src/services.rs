//! `wasi:keyvalue` and `wasi:config` in the versions that Spin 4 serves, over a [`KeyValue`] that
//! tests supply.
//!
//! Where Spin is strict, this file is too: another store's name is denied, and the number of swaps
//! of an instance is limited. Where Spin is lax, this file is not. A swap of an absent key fails if
//! somebody else wrote that key meanwhile, where Spin's SQLite store overwrites it. A swap of a key
//! that was never read fails. It must never answer for a store that failed: every error goes to the
//! component.

use eyesonly_service::chain::Chain;
use eyesonly_service::kv::{KeyValue, KvError};
use std::collections::BTreeMap;
use std::sync::Arc;
use wasmtime::component::{HasData, Linker, Resource, ResourceTable};

use crate::guest::Guest;

/// The bindings generated from the backend's own WIT. Their types never leave this file.
#[allow(
    missing_docs,
    clippy::all,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "generated code"
)]
mod bindings {
    wasmtime::component::bindgen!({
        inline: "
            package eyesonly:engine;
            world services {
                import wasi:keyvalue/store@0.2.0-draft2;
                import wasi:keyvalue/atomics@0.2.0-draft2;
                import wasi:keyvalue/batch@0.2.0-draft2;
                import wasi:config/store@0.2.0-draft-2024-09-27;
            }
        ",
        path: [
            "../wit/deps/keyvalue",
            "../wit/deps/config",
        ],
        // Nothing here waits: a call of the store is one round trip on this machine.
        imports: { default: trappable },
        with: {
            "wasi:keyvalue/store.bucket": super::Bucket,
            "wasi:keyvalue/atomics.cas": super::Cas,
        },
    });
}

use bindings::wasi::config::store as config;
use bindings::wasi::keyvalue::atomics::{self, CasError};
use bindings::wasi::keyvalue::batch;
use bindings::wasi::keyvalue::store::{self, Error};

/// The most `cas` that one instance may make. As in Spin, a swapped one counts, and a dropped one
/// does not.
const CAS_MAX: u32 = 256;

type Reply<T, E = Error> = wasmtime::Result<Result<T, E>>;

/// The services that a component gets. Each instance has a copy, with a count of its own.
#[derive(Clone)]
pub(crate) struct Services {
    kv: Arc<dyn KeyValue>,
    pub(crate) store_name: Arc<str>,
    config: Arc<BTreeMap<String, String>>,
    cas_count: u32,
}

impl Services {
    pub(crate) fn new(
        kv: Arc<dyn KeyValue>,
        store_name: &str,
        config: BTreeMap<String, String>,
    ) -> Self {
        Self { kv, store_name: store_name.into(), config: Arc::new(config), cas_count: 0 }
    }
}

/// The host's side of the component's `bucket`. It is empty, because there is one store.
pub struct Bucket(());

/// The host's side of the component's `cas`.
pub struct Cas {
    key: String,
    /// The result of the read, once there was one: a value, or none if the key is absent.
    read: Option<Option<Vec<u8>>>,
}

/// The services of one instance, for one call.
pub(crate) struct View<'a> {
    pub(crate) services: &'a mut Services,
    pub(crate) table: &'a mut ResourceTable,
}

/// The type that names [`View`] to the linker.
struct Lent;

impl HasData for Lent {
    type Data<'a> = View<'a>;
}

pub(crate) fn add_to_linker(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    store::add_to_linker::<_, Lent>(linker, Guest::services)?;
    atomics::add_to_linker::<_, Lent>(linker, Guest::services)?;
    batch::add_to_linker::<_, Lent>(linker, Guest::services)?;
    config::add_to_linker::<_, Lent>(linker, Guest::services)
}

fn failed(error: KvError) -> Error {
    Error::Other(Chain(&*error.0).to_string())
}

impl View<'_> {
    /// Returns the store, if the component has opened it. A number that stands for no bucket ends
    /// the instance.
    fn opened(&self, bucket: &Resource<Bucket>) -> wasmtime::Result<&dyn KeyValue> {
        self.table.get(bucket)?;
        Ok(&*self.services.kv)
    }

    fn make_cas(&mut self, cas: Cas) -> Reply<Resource<Cas>> {
        if self.services.cas_count >= CAS_MAX {
            return Ok(Err(Error::Other("too many compare_and_swaps opened".to_owned())));
        }
        self.services.cas_count = self.services.cas_count.saturating_add(1);
        Ok(Ok(self.table.push(cas)?))
    }
}

impl store::Host for View<'_> {
    fn open(&mut self, identifier: String) -> Reply<Resource<Bucket>> {
        if *identifier != *self.services.store_name {
            return Ok(Err(Error::AccessDenied));
        }
        Ok(Ok(self.table.push(Bucket(()))?))
    }
}

impl store::HostBucket for View<'_> {
    fn get(&mut self, bucket: Resource<Bucket>, key: String) -> Reply<Option<Vec<u8>>> {
        Ok(self.opened(&bucket)?.get(&key).map_err(failed))
    }

    fn set(&mut self, bucket: Resource<Bucket>, key: String, value: Vec<u8>) -> Reply<()> {
        Ok(self.opened(&bucket)?.set(&key, &value).map_err(failed))
    }

    fn drop(&mut self, bucket: Resource<Bucket>) -> wasmtime::Result<()> {
        self.table.delete(bucket)?;
        Ok(())
    }
}

impl atomics::Host for View<'_> {
    fn swap(&mut self, cas: Resource<Cas>, value: Vec<u8>) -> Reply<(), CasError> {
        let Cas { key, read } = self.table.delete(cas)?;
        let Some(was) = read else {
            let reason =
                format!("{key} was to be swapped before it was read: call `current` first");
            return Ok(Err(CasError::StoreError(Error::Other(reason))));
        };
        match self.services.kv.swap(&key, was.as_deref(), &value) {
            Ok(true) => return Ok(Ok(())),
            Ok(false) => {}
            Err(error) => return Ok(Err(CasError::StoreError(failed(error)))),
        }
        // The next try is against the value that is there now.
        let read = match self.services.kv.get(&key) {
            Ok(read) => Some(read),
            Err(error) => return Ok(Err(CasError::StoreError(failed(error)))),
        };
        Ok(Err(match self.make_cas(Cas { key, read })? {
            Ok(again) => CasError::CasFailed(again),
            Err(error) => CasError::StoreError(error),
        }))
    }
}

impl atomics::HostCas for View<'_> {
    fn new(&mut self, bucket: Resource<Bucket>, key: String) -> Reply<Resource<Cas>> {
        self.opened(&bucket)?;
        self.make_cas(Cas { key, read: None })
    }

    fn current(&mut self, cas: Resource<Cas>) -> Reply<Option<Vec<u8>>> {
        let cas = self.table.get_mut(&cas)?;
        Ok(match self.services.kv.get(&cas.key) {
            Ok(value) => {
                cas.read = Some(value.clone());
                Ok(value)
            }
            Err(error) => Err(failed(error)),
        })
    }

    fn drop(&mut self, cas: Resource<Cas>) -> wasmtime::Result<()> {
        self.table.delete(cas)?;
        self.services.cas_count = self.services.cas_count.saturating_sub(1);
        Ok(())
    }
}

impl batch::Host for View<'_> {
    fn get_many(
        &mut self,
        bucket: Resource<Bucket>,
        keys: Vec<String>,
    ) -> Reply<Vec<(String, Option<Vec<u8>>)>> {
        Ok(self
            .opened(&bucket)?
            .get_many(&keys)
            .map(|values| keys.into_iter().zip(values).collect())
            .map_err(failed))
    }

    fn delete_many(&mut self, bucket: Resource<Bucket>, keys: Vec<String>) -> Reply<()> {
        Ok(self.opened(&bucket)?.delete_many(&keys).map_err(failed))
    }
}

impl config::Host for View<'_> {
    fn get(&mut self, key: String) -> Reply<Option<String>, config::Error> {
        Ok(Ok(self.services.config.get(&key).cloned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use super::{atomics::Host as _, atomics::HostCas as _, batch::Host as _};
    use super::{store::Host as _, store::HostBucket as _};
    use eyesonly_service::kv::memory::MemoryKv;

    fn with<T>(kv: Arc<dyn KeyValue>, test: impl FnOnce(&mut View<'_>, u32) -> T) -> T {
        let config = BTreeMap::from([("origin".to_owned(), "https://example.org".to_owned())]);
        let mut services = Services::new(kv, "default", config);
        let mut table = ResourceTable::new();
        let mut view = View { services: &mut services, table: &mut table };
        let bucket = view.open("default".to_owned()).unwrap().unwrap().rep();
        test(&mut view, bucket)
    }

    fn bucket(rep: u32) -> Resource<Bucket> {
        Resource::new_borrow(rep)
    }

    fn key() -> String {
        "key".to_owned()
    }

    #[test]
    fn another_store_is_denied() {
        with(Arc::<MemoryKv>::default(), |view, _| {
            assert!(matches!(view.open("other".to_owned()).unwrap(), Err(Error::AccessDenied)));
        });
    }

    #[test]
    fn values_are_read_back_in_the_order_of_the_keys() {
        with(Arc::<MemoryKv>::default(), |view, rep| {
            view.set(bucket(rep), "a".to_owned(), b"one".to_vec()).unwrap().unwrap();
            view.set(bucket(rep), "b".to_owned(), Vec::new()).unwrap().unwrap();
            let keys = ["b", "c", "a", "b"].map(str::to_owned).to_vec();
            let answer = view.get_many(bucket(rep), keys.clone()).unwrap().unwrap();
            let values = [Some(Vec::new()), None, Some(b"one".to_vec()), Some(Vec::new())];
            assert_eq!(answer, keys.into_iter().zip(values).collect::<Vec<_>>());
            view.delete_many(bucket(rep), vec!["a".to_owned()]).unwrap().unwrap();
            assert_eq!(view.get(bucket(rep), "a".to_owned()).unwrap().unwrap(), None);
        });
    }

    #[test]
    fn a_swap_counts_only_if_nobody_wrote_since_it_was_read() {
        with(Arc::<MemoryKv>::default(), |view, rep| {
            // The key is absent, and remains so until the swap.
            let cas = view.new(bucket(rep), key()).unwrap().unwrap();
            let read = view.current(Resource::new_borrow(cas.rep())).unwrap().unwrap();
            assert_eq!(read, None);
            view.swap(cas, b"one".to_vec()).unwrap().unwrap();

            // The key is read, then somebody else writes it.
            let cas = view.new(bucket(rep), key()).unwrap().unwrap();
            let read = view.current(Resource::new_borrow(cas.rep())).unwrap().unwrap();
            assert_eq!(read.as_deref(), Some(b"one".as_slice()));
            view.set(bucket(rep), key(), b"theirs".to_vec()).unwrap().unwrap();
            let again = match view.swap(cas, b"two".to_vec()).unwrap() {
                Err(CasError::CasFailed(again)) => again,
                other => panic!("{other:?}"),
            };
            let now = view.get(bucket(rep), key()).unwrap().unwrap();
            assert_eq!(now.as_deref(), Some(b"theirs".as_slice()));

            // The `cas` for the next try has read the present value.
            view.swap(again, b"two".to_vec()).unwrap().unwrap();
            let now = view.get(bucket(rep), key()).unwrap().unwrap();
            assert_eq!(now.as_deref(), Some(b"two".as_slice()));
        });
    }

    #[test]
    fn absent_is_not_whatever_is_there() {
        with(Arc::<MemoryKv>::default(), |view, rep| {
            let cas = view.new(bucket(rep), key()).unwrap().unwrap();
            view.current(Resource::new_borrow(cas.rep())).unwrap().unwrap();
            view.set(bucket(rep), key(), Vec::new()).unwrap().unwrap();
            let swapped = view.swap(cas, b"one".to_vec()).unwrap();
            assert!(matches!(swapped, Err(CasError::CasFailed(_))));
            assert_eq!(view.get(bucket(rep), key()).unwrap().unwrap(), Some(Vec::new()));
        });
    }

    #[test]
    fn what_was_not_read_is_not_swapped() {
        with(Arc::<MemoryKv>::default(), |view, rep| {
            let cas = view.new(bucket(rep), key()).unwrap().unwrap();
            let swapped = view.swap(cas, b"one".to_vec()).unwrap();
            assert!(matches!(swapped, Err(CasError::StoreError(Error::Other(_)))));
            assert_eq!(view.get(bucket(rep), key()).unwrap().unwrap(), None);
        });
    }

    #[test]
    fn an_instance_has_as_many_swaps_as_spin_gives_it() {
        with(Arc::<MemoryKv>::default(), |view, rep| {
            for _ in 0..CAS_MAX {
                let dropped = view.new(bucket(rep), key()).unwrap().unwrap();
                atomics::HostCas::drop(view, dropped).unwrap();
                let swapped = view.new(bucket(rep), key()).unwrap().unwrap();
                view.current(Resource::new_borrow(swapped.rep())).unwrap().unwrap();
                view.swap(swapped, b"one".to_vec()).unwrap().unwrap();
            }
            assert!(matches!(view.new(bucket(rep), key()).unwrap(), Err(Error::Other(_))));
        });
    }

    #[test]
    fn a_store_that_fails_is_said_to_have_failed() {
        struct Broken;
        fn broken<T>() -> Result<T, KvError> {
            Err(KvError("on fire".into()))
        }
        impl KeyValue for Broken {
            fn get(&self, _: &str) -> Result<Option<Vec<u8>>, KvError> {
                broken()
            }
            fn get_many(&self, _: &[String]) -> Result<Vec<Option<Vec<u8>>>, KvError> {
                broken()
            }
            fn set(&self, _: &str, _: &[u8]) -> Result<(), KvError> {
                broken()
            }
            fn swap(&self, _: &str, _: Option<&[u8]>, _: &[u8]) -> Result<bool, KvError> {
                broken()
            }
            fn delete_many(&self, _: &[String]) -> Result<(), KvError> {
                broken()
            }
            fn list(&self, _: &str) -> Result<Vec<String>, KvError> {
                broken()
            }
        }
        let says = |error: Error| matches!(error, Error::Other(text) if text.contains("on fire"));
        with(Arc::new(Broken), |view, rep| {
            assert!(says(view.get(bucket(rep), key()).unwrap().unwrap_err()));
            assert!(says(view.set(bucket(rep), key(), Vec::new()).unwrap().unwrap_err()));
            assert!(says(view.get_many(bucket(rep), vec![key()]).unwrap().unwrap_err()));
            assert!(says(view.delete_many(bucket(rep), vec![key()]).unwrap().unwrap_err()));
            let cas = view.new(bucket(rep), key()).unwrap().unwrap();
            assert!(says(view.current(Resource::new_borrow(cas.rep())).unwrap().unwrap_err()));
        });
    }

    #[test]
    fn a_number_that_stands_for_nothing_ends_the_instance() {
        with(Arc::<MemoryKv>::default(), |view, rep| {
            assert!(view.get(bucket(rep + 1), key()).is_err());
        });
    }

    #[test]
    fn variables_are_what_was_configured() {
        with(Arc::<MemoryKv>::default(), |view, _| {
            let origin = config::Host::get(view, "origin".to_owned()).unwrap().unwrap();
            assert_eq!(origin.as_deref(), Some("https://example.org"));
            assert_eq!(config::Host::get(view, "other".to_owned()).unwrap().unwrap(), None);
        });
    }
}
