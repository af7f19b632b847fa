//! The state of one instance: gate and services, put together as the native host does over its own
//! seams, and what was admitted.
//!
//! INVARIANT: one instance is asked for one thing ([`Backend::first_question`]), and what is
//! admitted is set once. Services are made at their first use. It must never name key material in
//! an error.

use crate::contract::Handling;
use eyesonly_gate::{Admission, Identified, Keys as _, KeysError, Records};
use eyesonly_rights::Freshness;
use eyesonly_service::catalogue::Catalogue;
use eyesonly_service::clock::System;
use eyesonly_service::footage::Footage;
use eyesonly_service::identity::Identity;
use eyesonly_service::ingest::{Ingest, StillCheck};
use eyesonly_service::kv::{KeyValue, KvAttempts, KvIndex, KvKeys, KvRegistry, KvStore, read_kek};
use eyesonly_service::ledger::Counts;
use eyesonly_service::tiers::{Alone, Ladder};
use eyesonly_web::origin::PublicUrl;
use eyesonly_web::problem::Problem;
use eyesonly_web::routes::Serves;
use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use zeroize::Zeroizing;

/// How long a session lasts if no other time is configured, in seconds.
const SESSION_SECONDS_DEFAULT: u64 = 7 * 24 * 3600;

/// The component's configuration.
#[derive(Default)]
pub struct Settings {
    /// `key_encryption_key`: 64 hexadecimal digits.
    pub key_encryption_key: Option<Zeroizing<String>>,
    /// `session_seconds`, if given: a number.
    pub session_seconds: Option<String>,
    /// `public_url`, if given: the address in people's browsers.
    pub public_url: Option<String>,
}

/// The reason why nothing can be answered, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum Closed {
    /// There is no key-encryption key.
    #[error(
        "the variable `key_encryption_key` is not set; set SPIN_VARIABLE_KEY_ENCRYPTION_KEY to the \
         key that the store was started with (64 hexadecimal digits)"
    )]
    NoVariable,
    /// The variable is not a key-encryption key.
    #[error(
        "the variable `key_encryption_key` is not a key: it must be 64 hexadecimal digits; none of \
         it is shown"
    )]
    BadVariable,
    /// The variable is not a number of seconds.
    #[error(
        "the variable `session_seconds` must be a whole number of seconds, at least 1; or leave it \
         away"
    )]
    SessionSeconds,
    /// The variable is not an address.
    #[error("{0}")]
    PublicUrl(&'static str),
    /// The store has not been initialised.
    #[error(
        "the key-value store was not started; `eyesonly --spin-store FILE household add NAME` \
         starts it with the same key_encryption_key"
    )]
    NotBegun,
    /// The store belongs to another key.
    #[error(
        "the key-value store was started with another key_encryption_key: set \
         SPIN_VARIABLE_KEY_ENCRYPTION_KEY to that one, or serve another store"
    )]
    OtherKey,
    /// The store does not answer.
    #[error("the keys can't be read")]
    Store(#[source] Box<dyn Error + Send + Sync>),
}

/// The one thing that this instance admitted.
pub enum Admitted {
    /// A request for a camera.
    Grant {
        /// The part of the route table's row that the request was admitted for.
        serves: Serves,
        /// The handler's grant, and the objects that it opens.
        handling: Arc<Handling>,
    },
    /// A request for the list of cameras.
    Cameras(Identified),
}

/// Everything behind one request.
pub struct Backend {
    kv: Arc<dyn KeyValue>,
    keys: Arc<KvKeys>,
    records: Arc<Records>,
    admission: Arc<Admission>,
    ledger: Arc<dyn Counts>,
    stills: Arc<dyn StillCheck>,
    session_seconds: u64,
    public_url: Option<PublicUrl>,
    kept: OnceLock<(Arc<Catalogue>, Arc<Ladder>)>,
    footage: OnceLock<Arc<Footage>>,
    ingest: OnceLock<Arc<Ingest>>,
    identity: OnceLock<Identity>,
    asked: AtomicBool,
    pub(crate) admitted: OnceLock<Admitted>,
}

impl Backend {
    /// Opens the back end over this store. `ledger` makes the ledger, once the keys are open.
    ///
    /// # Errors
    /// [`Closed`]: no request can be answered.
    pub fn open(
        settings: Settings,
        kv: Arc<dyn KeyValue>,
        ledger: impl FnOnce(&KvKeys) -> Arc<dyn Counts>,
        stills: Arc<dyn StillCheck>,
    ) -> Result<Self, Closed> {
        let text = settings.key_encryption_key.unwrap_or_default();
        if text.trim().is_empty() {
            return Err(Closed::NoVariable);
        }
        let kek = read_kek(&text).map_err(|_| Closed::BadVariable)?;
        let session_seconds = match settings.session_seconds.as_deref().map(str::trim) {
            None | Some("") => SESSION_SECONDS_DEFAULT,
            Some(text) => {
                text.parse().ok().filter(|seconds| *seconds > 0).ok_or(Closed::SessionSeconds)?
            }
        };
        let public_url = settings.public_url.filter(|text| !text.trim().is_empty());
        let public_url =
            public_url.map(PublicUrl::try_from).transpose().map_err(Closed::PublicUrl)?;
        let keys = KvKeys::open(Arc::clone(&kv), kek, false).map_err(|error| match error {
            KeysError::NoKey => Closed::NotBegun,
            KeysError::WrongKey => Closed::OtherKey,
            KeysError::Unavailable(why) => Closed::Store(why),
        })?;
        let keys = Arc::new(keys);
        let registry = Arc::new(KvRegistry::new(Arc::clone(&kv)));
        let system = (Arc::new(System) as _, Arc::new(System) as _);
        // A key-value store can't hand a nonce back. So an answer proves only its own seal, name
        // and number.
        let demanded = Freshness::Unproven;
        let ledger = ledger(&keys);
        let records = Records::new(&*keys, registry, Arc::clone(&ledger) as _, system, demanded);
        let door = (Arc::clone(&keys) as _, Arc::clone(&records));
        Ok(Self {
            admission: Admission::new(door.0, door.1, Arc::clone(&ledger) as _, Arc::new(System)),
            ledger,
            kv,
            keys,
            records,
            stills,
            session_seconds,
            public_url,
            kept: OnceLock::new(),
            footage: OnceLock::new(),
            ingest: OnceLock::new(),
            identity: OnceLock::new(),
            asked: AtomicBool::new(false),
            admitted: OnceLock::new(),
        })
    }

    /// Lets the first question of this instance pass, and refuses every later one.
    ///
    /// # Errors
    /// [`Problem::Unavailable`]: there was one already.
    pub fn first_question(&self) -> Result<(), Problem> {
        if self.asked.swap(true, Ordering::AcqRel) {
            tracing::error!(
                "an instance was asked for a second thing, and refused: each request needs an \
                 instance of its own"
            );
            return Err(Problem::Unavailable);
        }
        Ok(())
    }

    /// Returns the access ledger.
    pub fn ledger(&self) -> &dyn Counts {
        &*self.ledger
    }

    /// Returns the keys.
    pub fn keys(&self) -> &Arc<KvKeys> {
        &self.keys
    }

    /// Returns the registry's records.
    pub fn records(&self) -> &Arc<Records> {
        &self.records
    }

    /// Returns the index.
    pub fn catalogue(&self) -> &Arc<Catalogue> {
        &self.kept().0
    }

    /// Returns admission.
    pub fn admission(&self) -> &Arc<Admission> {
        &self.admission
    }

    /// Returns index and store. There are no tiers, because nothing outlives the request.
    fn kept(&self) -> &(Arc<Catalogue>, Arc<Ladder>) {
        self.kept.get_or_init(|| {
            let index = Arc::new(KvIndex::new(Arc::clone(&self.kv)));
            let store = Arc::new(KvStore::new(Arc::clone(&self.kv)));
            let ladder = Ladder::new(Vec::new(), store, Arc::clone(&self.records));
            let ladder = Arc::new(ladder.with_coalescer(Arc::new(Alone)));
            (Catalogue::new(index, Arc::clone(&self.records)), ladder)
        })
    }

    /// Returns the service that handlers ask.
    pub fn footage(&self) -> &Arc<Footage> {
        self.footage.get_or_init(|| {
            let (catalogue, ladder) = self.kept();
            Footage::new(Arc::clone(catalogue), Arc::clone(ladder))
        })
    }

    /// Returns the origin of the address in people's browsers, if one is configured.
    pub fn public_origin(&self) -> Option<&str> {
        self.public_url.as_ref().map(PublicUrl::origin)
    }

    /// Returns the service that cameras ask.
    pub fn ingest(&self) -> &Arc<Ingest> {
        self.ingest.get_or_init(|| {
            let (catalogue, ladder) = self.kept();
            let (catalogue, ladder) = (Arc::clone(catalogue), Arc::clone(ladder));
            let (admission, stills) = (Arc::clone(&self.admission), Arc::clone(&self.stills));
            Arc::new(Ingest::new(catalogue, ladder, admission, stills))
        })
    }

    /// Returns the service for logins.
    pub fn identity(&self) -> &Identity {
        self.identity.get_or_init(|| {
            let attempts = KvAttempts::new(Arc::clone(&self.kv), self.keys.edge().attempts_key());
            let (keys, records) = (&*self.keys, Arc::clone(&self.records));
            Identity::new(keys, records, self.session_seconds, Arc::new(attempts))
        })
    }
}
