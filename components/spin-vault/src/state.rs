//! What one instance has: the services, put together as `host/src/edge.rs` does over its own seams, and what was admitted.
//!
//! INVARIANT: one instance is asked for one thing ([`Vault::first_question`]), and what is admitted is set once. Services are made when they are
//! first asked for. It must never name key material in an error.

use crate::contract::Opened;
use eyesonly_rights::Requester;
use eyesonly_service::admission::Admission;
use eyesonly_service::footage::Footage;
use eyesonly_service::grant::Grant;
use eyesonly_service::identity::Identity;
use eyesonly_service::ingest::Ingest;
use eyesonly_service::keys::{Keys as _, KeysError};
use eyesonly_service::kv::{KeyValue, KvAttempts, KvIndex, KvKeys, KvRegistry, KvStore, read_kek};
use eyesonly_service::ledger::Ledger;
use eyesonly_service::tiers::{Alone, Ladder};
use eyesonly_web::problem::Problem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use zeroize::Zeroizing;

/// How long a session lasts, unless it is configured.
const SESSION_SECONDS_DEFAULT: u64 = 7 * 24 * 3600;

/// What was configured for the component.
#[derive(Default)]
pub struct Settings {
    /// `key_encryption_key`: 64 hexadecimal digits.
    pub key_encryption_key: Option<Zeroizing<String>>,
    /// `session_seconds`, if given: a number.
    pub session_seconds: Option<String>,
}

/// Why nothing can be answered, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum Closed {
    /// No key-encryption key.
    #[error(
        "the variable `key_encryption_key` is not set; set SPIN_VARIABLE_KEY_ENCRYPTION_KEY to the key that the store was begun with (64 hexadecimal digits)"
    )]
    NoVariable,
    /// Not a key-encryption key.
    #[error("the variable `key_encryption_key` is not a key: it must be 64 hexadecimal digits; none of it is shown")]
    BadVariable,
    /// Not a number of seconds.
    #[error("the variable `session_seconds` must be a whole number of seconds, at least 1; or leave it away")]
    SessionSeconds,
    /// Nobody has begun the store.
    #[error(
        "the key-value store was not begun; `eyesonly --spin-store FILE household add NAME` begins it with the same key_encryption_key"
    )]
    NotBegun,
    /// The store is another key's.
    #[error(
        "the key-value store was begun with another key_encryption_key: set SPIN_VARIABLE_KEY_ENCRYPTION_KEY to that one, or serve another store"
    )]
    OtherKey,
    /// The store does not answer.
    #[error("the keys can't be read: {0}")]
    Store(String),
}

/// What this instance admitted.
pub enum Admitted {
    /// A request for a camera.
    Grant(Arc<Grant>),
    /// A request for the list of cameras.
    Cameras(Requester),
}

/// Everything behind one request.
pub struct Vault {
    kv: Arc<dyn KeyValue>,
    keys: Arc<KvKeys>,
    admission: Arc<Admission>,
    session_seconds: u64,
    footage: OnceLock<Arc<Footage>>,
    ingest: OnceLock<Arc<Ingest>>,
    identity: OnceLock<Identity>,
    asked: AtomicBool,
    pub(crate) admitted: OnceLock<Admitted>,
    pub(crate) opened: Opened,
}

impl Vault {
    /// The vault over this store.
    ///
    /// # Errors
    /// [`Closed`]: no request can be answered.
    pub fn open(settings: Settings, kv: Arc<dyn KeyValue>, ledger: Arc<dyn Ledger>) -> Result<Self, Closed> {
        let text = settings.key_encryption_key.unwrap_or_default();
        if text.trim().is_empty() {
            return Err(Closed::NoVariable);
        }
        let kek = read_kek(&text).map_err(|_| Closed::BadVariable)?;
        let session_seconds = match settings.session_seconds.as_deref().map(str::trim) {
            None | Some("") => SESSION_SECONDS_DEFAULT,
            Some(text) => text
                .parse()
                .ok()
                .filter(|seconds| *seconds > 0)
                .ok_or(Closed::SessionSeconds)?,
        };
        let keys = KvKeys::open(Arc::clone(&kv), kek, false).map_err(|error| match error {
            KeysError::NoKey => Closed::NotBegun,
            KeysError::WrongKey => Closed::OtherKey,
            KeysError::Unavailable(why) => Closed::Store(why),
        })?;
        let keys = Arc::new(keys);
        let registry = Arc::new(KvRegistry::new(Arc::clone(&kv)));
        Ok(Self {
            admission: Arc::new(Admission::new(Arc::clone(&keys) as _, registry, ledger)),
            kv,
            keys,
            session_seconds,
            footage: OnceLock::new(),
            ingest: OnceLock::new(),
            identity: OnceLock::new(),
            asked: AtomicBool::new(false),
            admitted: OnceLock::new(),
            opened: Opened::default(),
        })
    }

    /// Lets the first question of this instance pass, and no other.
    ///
    /// # Errors
    /// [`Problem::Unavailable`]: there was one already.
    pub fn first_question(&self) -> Result<(), Problem> {
        if self.asked.swap(true, Ordering::AcqRel) {
            tracing::error!(
                "an instance was asked for a second thing, and refused: each request needs an instance of its own"
            );
            return Err(Problem::Unavailable);
        }
        Ok(())
    }

    /// Admission.
    pub fn admission(&self) -> &Arc<Admission> {
        &self.admission
    }

    /// What handlers ask. There are no tiers: nothing outlives the request.
    pub fn footage(&self) -> &Arc<Footage> {
        self.footage.get_or_init(|| {
            let index = Arc::new(KvIndex::new(Arc::clone(&self.kv)));
            let store = Arc::new(KvStore::new(Arc::clone(&self.kv)));
            let ladder = Ladder::new(Vec::new(), store, Arc::clone(self.admission.ledger()));
            let ladder = ladder.with_coalescer(Arc::new(Alone));
            Arc::new(Footage::new(index, ladder, Arc::clone(&self.admission)))
        })
    }

    /// What cameras ask.
    pub fn ingest(&self) -> &Arc<Ingest> {
        self.ingest
            .get_or_init(|| Arc::new(Ingest::new(Arc::clone(self.footage()))))
    }

    /// Logins.
    pub fn identity(&self) -> &Identity {
        self.identity.get_or_init(|| {
            let attempts = KvAttempts::new(Arc::clone(&self.kv), self.keys.edge().attempts_key());
            Identity::new(Arc::clone(&self.admission), self.session_seconds, Arc::new(attempts))
        })
    }
}
