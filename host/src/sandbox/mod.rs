//! The sandbox: a handler is a WebAssembly component, and each request gets a fresh instance of it,
//! used for one call only.
//!
//! An instance gets one grant and what the grant leads to. It has no clock, network, file,
//! environment or random source; [`Limits`] says what it may use. If it traps, loops or asks for
//! too much, only its own request ends. This module must never run two requests in one instance. It
//! must never hand an instance anything that isn't reached through its grant. It must never let the
//! next instance see a byte of its memory.

mod compiled;
mod contract;
mod engine;
mod exchange;
mod ferry;
mod limits;
mod still;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};
use wasmtime::component::{Component, HasSelf, Linker};
use wasmtime::{Engine, Store, Trap, UpdateDeadline};

use self::contract::State;
use self::contract::bindings::exports::eyesonly::edge::handler as wire;
use self::contract::bindings::{FootageHandler, FootageHandlerPre};
use self::engine::Ticker;
use crate::component_check::{self, CheckError, Role};
use eyesonly_gate::{Answer, Grant};
use eyesonly_service::footage::Footage;
use eyesonly_service::ingest::UPLOADS_OF_HOUSEHOLD_MAX;
use eyesonly_service::turns::Turns;

pub use self::compiled::{CacheDir, CacheMac};
pub use self::exchange::{HandlerFailure, Question};
pub use self::limits::Limits;
pub use self::still::StillChecker;

/// Why the sandbox or a handler could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The engine does not take these settings on this machine.
    #[error("the sandbox can't be set up: {0:#}")]
    Engine(wasmtime::Error),
    /// The thread that enforces the guests' time limits could not be started.
    #[error("the sandbox can't be set up: no thread for its clock: {0}")]
    Ticker(std::io::Error),
    /// The file can't be read.
    #[error("{path}: {source}", path = path.display())]
    Read {
        /// The component's path.
        path: PathBuf,
        /// The error from the system.
        source: std::io::Error,
    },
    /// The file is not a component that the contract allows.
    #[error("{path}: {source}", path = path.display())]
    Check {
        /// The component's path.
        path: PathBuf,
        /// The fault of the component.
        source: CheckError,
    },
    /// The component does not compile, or does not fit the contract.
    #[error("{path}: {source:#}", path = path.display())]
    Component {
        /// The component's path.
        path: PathBuf,
        /// The error from wasmtime.
        source: wasmtime::Error,
    },
}

/// The engine, the contract and the limits. It is made once at start, and handlers are loaded from
/// it.
pub struct Sandbox {
    house: Arc<House>,
    linker: Linker<State>,
    cache: Option<CacheDir>,
}

/// The parts that all handlers share.
struct House {
    engine: Engine,
    ticker: Ticker,
    limits: Arc<Limits>,
    instances: Arc<Turns>,
    decodes: Arc<Turns>,
    /// The turns to check a still. They are not those of `decodes`, so that cameras that come back
    /// all at once leave viewers theirs.
    checks: Arc<Turns>,
}

impl Sandbox {
    /// Sets up the engine and the pool of instances.
    ///
    /// # Errors
    /// [`SandboxError::Engine`] if this machine does not allow what `limits` asks for (above all,
    /// address space).
    pub fn new(limits: Limits, cache: Option<CacheDir>) -> Result<Self, SandboxError> {
        let engine = Engine::new(&engine::config(&limits)).map_err(SandboxError::Engine)?;
        let mut linker = Linker::new(&engine);
        FootageHandler::add_to_linker::<_, HasSelf<State>>(&mut linker, |state| state)
            .map_err(SandboxError::Engine)?;
        let house = House {
            ticker: Ticker::start(&engine).map_err(SandboxError::Ticker)?,
            instances: Turns::new(
                count(limits.instances_max),
                count(limits.instances_of_household_max),
                count(limits.queue_of_household_max),
            ),
            // Only instances wait for these turns, and `instances` limits those of one household.
            decodes: Turns::new(
                count(limits.decodes_max),
                count(limits.decodes_max),
                count(limits.instances_of_household_max),
            ),
            // Only uploads wait for these, and ingest limits those of one household.
            checks: Turns::new(
                count(limits.decodes_max),
                count(limits.decodes_max),
                UPLOADS_OF_HOUSEHOLD_MAX,
            ),
            limits: Arc::new(limits),
            engine,
        };
        Ok(Self { house: Arc::new(house), linker, cache })
    }

    /// Loads the component at `path` as the handler `name`.
    ///
    /// # Errors
    /// [`SandboxError::Read`], and those of [`Self::load_bytes`].
    pub fn load(&self, name: &str, path: &Path) -> Result<Handler, SandboxError> {
        let bytes = std::fs::read(path)
            .map_err(|source| SandboxError::Read { path: path.to_owned(), source })?;
        self.load_bytes(name, path, &bytes)
    }

    /// Loads a component as the handler `name`: checks that it asks for no more than the contract,
    /// compiles it or takes it from the cache, and ties it to the host. `path` is for errors.
    ///
    /// # Errors
    /// [`SandboxError::Check`] (not a handler, or imports more than it may),
    /// [`SandboxError::Component`].
    pub fn load_bytes(
        &self,
        name: &str,
        path: &Path,
        bytes: &[u8],
    ) -> Result<Handler, SandboxError> {
        let (component, sha256) = self.compile(path, bytes, Role::Handler)?;
        let prepared = self
            .linker
            .instantiate_pre(&component)
            .and_then(FootageHandlerPre::new)
            .map_err(|source| SandboxError::Component { path: path.to_owned(), source })?;
        Ok(Handler(Arc::new(Loaded {
            name: name.to_owned(),
            sha256,
            prepared,
            house: Arc::clone(&self.house),
        })))
    }

    /// Loads a component as the check of stills. `path` is for errors.
    ///
    /// # Errors
    /// Those of [`Self::load_bytes`]; the component may import nothing.
    pub fn load_still_check(
        &self,
        path: &Path,
        bytes: &[u8],
    ) -> Result<StillChecker, SandboxError> {
        let (component, _) = self.compile(path, bytes, Role::StillCheck)?;
        StillChecker::load(&component, Arc::clone(&self.house))
            .map_err(|source| SandboxError::Component { path: path.to_owned(), source })
    }

    /// Compiles a component that asks for no more than its role may, or takes it from the cache.
    /// Also returns its SHA-256.
    fn compile(
        &self,
        path: &Path,
        bytes: &[u8],
        role: Role,
    ) -> Result<(Component, [u8; 32]), SandboxError> {
        let report = component_check::check_as(bytes, role)
            .and_then(component_check::Report::admitted)
            .map_err(|source| SandboxError::Check { path: path.to_owned(), source })?;
        let engine = &self.house.engine;
        let component = match &self.cache {
            Some(cache) => cache.component(engine, bytes, &report.sha256),
            None => Component::from_binary(engine, bytes),
        };
        let component = component
            .map_err(|source| SandboxError::Component { path: path.to_owned(), source })?;
        Ok((component, report.sha256))
    }
}

/// A loaded handler. A clone is cheap.
#[derive(Clone)]
pub struct Handler(Arc<Loaded>);

struct Loaded {
    name: String,
    sha256: [u8; 32],
    prepared: FootageHandlerPre<State>,
    house: Arc<House>,
}

impl fmt::Debug for Handler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handler").field("name", &self.0.name).finish_non_exhaustive()
    }
}

impl Handler {
    /// Returns the name that the handler was loaded under.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Returns the SHA-256 of the component.
    pub fn sha256(&self) -> &[u8; 32] {
        &self.0.sha256
    }

    /// Answers one question under one grant, in a fresh instance that is gone when this returns.
    ///
    /// # Errors
    /// [`HandlerFailure`]: a failure of the guest ends this request and no other.
    pub async fn handle(
        &self,
        footage: Arc<Footage>,
        grant: Arc<Grant>,
        question: Question,
    ) -> Result<Answer, HandlerFailure> {
        let limit = Duration::from_millis(self.0.house.limits.deadline_milliseconds);
        self.handle_within(limit, footage, grant, question).await
    }

    async fn handle_within(
        &self,
        limit: Duration,
        footage: Arc<Footage>,
        grant: Arc<Grant>,
        question: Question,
    ) -> Result<Answer, HandlerFailure> {
        let house = &self.0.house;
        let deadline = Instant::now() + limit;
        // Declared before the store, so that the turn is given back after the store's slots.
        let (household, asker) = (grant.household(), *grant.requester().viewer().as_bytes());
        let _room =
            house.instances.wait(household, asker, deadline).await.ok_or(HandlerFailure::Busy)?;
        let _running = house.ticker.run();
        let mut store = self.store(footage, grant, deadline);
        let ferry = store.data().ferry.clone();
        let spent = timeout_at(deadline, ferry.drive(self.0.call(&mut store, question))).await;
        match spent {
            Ok(Ok(response)) => exchange::checked(&mut store, response).await,
            Ok(Err(error)) => Err(failure(error, store.data().growth.is_refused())),
            // The instance never got its turn to decode, so the client is told to come back.
            Err(_) if store.data().waits_for_decode() => Err(HandlerFailure::Busy),
            Err(_) => Err(HandlerFailure::Deadline),
        }
    }

    fn store(&self, footage: Arc<Footage>, grant: Arc<Grant>, deadline: Instant) -> Store<State> {
        let house = &self.0.house;
        let limits = Arc::clone(&house.limits);
        let transfer_bytes_max = limits.transfer_bytes_max;
        let turns = (Arc::clone(&house.decodes), deadline);
        let state = State::new(footage, grant, self.0.sha256, limits, turns);
        let mut store = Store::new(&house.engine, state);
        store.limiter(|state| &mut state.growth);
        store.set_hostcall_fuel(transfer_bytes_max);
        interrupted(&mut store, &house.limits, deadline);
        store
    }
}

/// Has the guest of `store` yield after each slice, and end at `deadline`.
fn interrupted<T>(store: &mut Store<T>, limits: &Limits, deadline: Instant) {
    let slice_ticks = limits.slice_ticks;
    store.set_epoch_deadline(slice_ticks);
    store.epoch_deadline_callback(move |_| {
        if Instant::now() >= deadline {
            Err(wasmtime::Error::new(PastDeadline))
        } else {
            // Yield this thread to other requests.
            Ok(UpdateDeadline::Yield(slice_ticks))
        }
    });
}

impl Loaded {
    async fn call(
        &self,
        store: &mut Store<State>,
        question: Question,
    ) -> wasmtime::Result<wire::Response> {
        let instance = self.prepared.instantiate_async(&mut *store).await.map_err(NotStarted)?;
        let grant = store.data_mut().give_grant()?;
        instance.eyesonly_edge_handler().call_handle(&mut *store, grant, &question.into()).await
    }
}

/// The error of a guest that was running at its deadline.
#[derive(Debug, thiserror::Error)]
#[error("past its deadline")]
struct PastDeadline;

/// The error of an instance that could not be made, with wasmtime's own.
#[derive(Debug, thiserror::Error)]
#[error("not started")]
struct NotStarted(#[source] wasmtime::Error);

fn failure(error: wasmtime::Error, memory_refused: bool) -> HandlerFailure {
    if error.is::<PastDeadline>() {
        return HandlerFailure::Deadline;
    }
    if memory_refused {
        return HandlerFailure::Memory;
    }
    // Of a trap only the trap itself is kept: wasmtime's error has the guest's backtrace too.
    match (error.downcast_ref::<Trap>().copied(), error.downcast::<NotStarted>()) {
        (_, Ok(NotStarted(cause))) => HandlerFailure::Start(cause.into()),
        (Some(trap), Err(_)) => HandlerFailure::Trapped(trap.into()),
        (None, Err(error)) => HandlerFailure::Trapped(error.into()),
    }
}

fn count(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
