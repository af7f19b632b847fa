//! Serves the one component of the Spin edition without Spin. So tests run the component that is
//! deployed on an engine that they control. They choose its key-value store, which may fail or
//! forget, and its configuration, and it is one process.
//!
//! It does as Spin does: wasmtime's `wasi:http`, a fresh instance for each request, the same two
//! interfaces for keys and configuration (`services`). It gives no files, no network and no
//! environment. It must never give a component more than Spin would, or let two requests meet in
//! one instance. It must never end an answer that was cut short as if the answer were whole. It is
//! for tests: Spin is what is deployed.

mod answer;
mod compiled;
mod guest;
mod services;

use answer::Answer;
use eyesonly_service::kv::KeyValue;
use guest::Guest;
use hyper::body::Incoming;
use hyper::header::HeaderValue;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, StatusCode};
use services::Services;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use wasmtime::component::Linker;
use wasmtime::{Config, InstanceAllocationStrategy, PoolingAllocationConfig, Store};
use wasmtime_wasi_http::WasiHttpView as _;
use wasmtime_wasi_http::io::TokioIo;
use wasmtime_wasi_http::p2::bindings::ProxyPre;
use wasmtime_wasi_http::p2::bindings::http::types::Scheme;

/// How long a request may take, its answer's last byte included. Spin has no such limit: the
/// component keeps its own.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(600);
/// How often an instance that computes lets others run: a loop without end must not keep a thread
/// past its time.
const TICK: Duration = Duration::from_millis(10);
/// How long to wait after a connection could not be accepted. The cause is a lack of descriptors,
/// which come back as other connections end.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// The default of Spin's `SPIN_MAX_INSTANCE_COUNT`, from which Spin derives its pool. Each of the
/// composed component's four memories counts, so a quarter as many requests can be in the pool at
/// once.
const INSTANCES_MAX: u32 = 1000;
/// The name that a component opens its store by.
pub const STORE_NAME_DEFAULT: &str = "default";

/// The reason why a component can't be served.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The file can't be read.
    #[error("{}: {source}: name the composed component of the Spin edition", path.display())]
    Read {
        /// The component's path.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The engine does not take these settings on this machine.
    #[error("the engine can't be set up: {0:#}")]
    Engine(wasmtime::Error),
    /// The thread that stops instances at their time could not be started.
    #[error("the engine can't be set up: no thread for its clock: {0}")]
    Ticker(io::Error),
    /// It does not compile, imports what is not served here, or exports no
    /// `wasi:http/incoming-handler`.
    #[error(
        "{}: {source:#}: it must be a component that exports wasi:http/incoming-handler@0.2 and \
         imports nothing but WASI 0.2, \
         wasi:keyvalue@0.2.0-draft2 and wasi:config@0.2.0-draft-2024-09-27",
        path.display()
    )]
    Component {
        /// The component's path.
        path: PathBuf,
        /// The engine's error.
        source: wasmtime::Error,
    },
}

/// One compiled component, with the services that it gets.
pub struct Engine {
    component: ProxyPre<Guest>,
    services: Services,
    request_time_max: Duration,
}

impl Engine {
    /// Compiles the component at `component` and ties it to the host. It gets `kv` as its store
    /// [`STORE_NAME_DEFAULT`], and `config` as its variables.
    pub fn new(
        component: &Path,
        kv: Arc<dyn KeyValue>,
        config: BTreeMap<String, String>,
    ) -> Result<Self, EngineError> {
        let bytes = std::fs::read(component)
            .map_err(|source| EngineError::Read { path: component.to_owned(), source })?;
        let engine = wasmtime::Engine::new(&settings()).map_err(EngineError::Engine)?;
        let linker = linker(&engine).map_err(EngineError::Engine)?;
        let prepared = compiled::component(&engine, component, &bytes)
            .and_then(|component| linker.instantiate_pre(&component))
            .and_then(ProxyPre::new)
            .map_err(|source| EngineError::Component { path: component.to_owned(), source })?;
        tick(&engine).map_err(EngineError::Ticker)?;
        Ok(Self {
            component: prepared,
            services: Services::new(kv, STORE_NAME_DEFAULT, config),
            request_time_max: REQUEST_TIME_MAX,
        })
    }

    /// Gives the component its store under this name instead, and denies it every other name.
    #[must_use]
    pub fn store_name(mut self, name: &str) -> Self {
        self.services.store_name = name.into();
        self
    }

    /// Lets a request take this long instead of ten minutes.
    #[must_use]
    pub fn request_time_max(mut self, time: Duration) -> Self {
        self.request_time_max = time;
        self
    }

    /// Serves HTTP/1.1 until the returned future is dropped; its connections end then too.
    pub async fn serve(self, listener: TcpListener) -> Infallible {
        let engine = Arc::new(self);
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, peer)) => {
                        // A small answer must not wait until there is more to send.
                        let _ = stream.set_nodelay(true);
                        let engine = Arc::clone(&engine);
                        connections.spawn(async move {
                            let service = service_fn(move |mut request: Request<Incoming>| {
                                // Spin appends its header after those that the client sent, and so
                                // does this.
                                if let Ok(peer) = HeaderValue::from_str(&peer.to_string()) {
                                    request.headers_mut().append("spin-client-addr", peer);
                                }
                                let engine = Arc::clone(&engine);
                                async move { Ok::<_, Infallible>(engine.answer(request).await) }
                            });
                            // The client has gone, or an answer was cut short. The place where it
                            // happened logs it.
                            let _ = http1::Builder::new()
                                .serve_connection(TokioIo::new(stream), service)
                                .await;
                        });
                    }
                    Err(error) => {
                        eprintln!("eyesonly-engine: no connection could be taken: {error}");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                },
                // Ended connections are removed here, so that they are not kept until the end.
                Some(_) = connections.join_next() => {}
            }
        }
    }

    async fn answer(&self, request: Request<Incoming>) -> Answer {
        let what = format!("{} {}", request.method(), request.uri().path());
        match self.ask(&what, request).await {
            Ok(answer) => answer,
            Err((status, reason)) => {
                eprintln!("eyesonly-engine: {what}: {reason}");
                answer::failure(status, &reason)
            }
        }
    }

    async fn ask(
        &self,
        what: &str,
        request: Request<Incoming>,
    ) -> Result<Answer, (StatusCode, String)> {
        let mut store = Store::new(self.component.engine(), Guest::new(self.services.clone()));
        store.set_epoch_deadline(1);
        store.epoch_deadline_async_yield_and_update(1);

        let (sender, receiver) = oneshot::channel();
        let request = store
            .data_mut()
            .http()
            .new_incoming_request(Scheme::Http, request)
            .map_err(|error| (StatusCode::BAD_REQUEST, format!("{error:#}")))?;
        let out = store
            .data_mut()
            .http()
            .new_response_outparam(sender)
            .map_err(|error| (StatusCode::INTERNAL_SERVER_ERROR, format!("{error:#}")))?;

        // The component gets its own task, because it runs on after the head of its answer is sent.
        let cut = Arc::new(AtomicBool::new(false));
        let task = tokio::spawn({
            let (component, time, cut, what) =
                (self.component.clone(), self.request_time_max, Arc::clone(&cut), what.to_owned());
            async move {
                let call = async {
                    let proxy = component.instantiate_async(&mut store).await?;
                    proxy.wasi_http_incoming_handler().call_handle(&mut store, request, out).await
                };
                let ended = match tokio::time::timeout(time, call).await {
                    Ok(Ok(())) => Ok(()),
                    Ok(Err(error)) => {
                        Err((StatusCode::INTERNAL_SERVER_ERROR, format!("{error:?}")))
                    }
                    Err(_) => {
                        Err((StatusCode::GATEWAY_TIMEOUT, format!("it took more than {time:?}")))
                    }
                };
                if let Err((_, reason)) = &ended {
                    // `cut` is set before the store is dropped, because dropping the store ends the
                    // body.
                    cut.store(true, Ordering::SeqCst);
                    eprintln!("eyesonly-engine: {what}: the component failed: {reason}");
                }
                drop(store);
                ended
            }
        });

        match receiver.await {
            Ok(Ok(answer)) => Ok(answer::guarded(answer, cut)),
            Ok(Err(code)) => Err((
                StatusCode::INTERNAL_SERVER_ERROR,
                format!("the component gave an error for an answer: {code:?}"),
            )),
            // The store was dropped, and nothing was answered.
            Err(_) => Err(match task.await {
                Ok(Ok(())) => (
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "the component ended without an answer".to_owned(),
                ),
                Ok(Err((StatusCode::GATEWAY_TIMEOUT, reason))) => {
                    (StatusCode::GATEWAY_TIMEOUT, reason)
                }
                Ok(Err((status, _))) => {
                    (status, "the component failed before it answered".to_owned())
                }
                Err(error) => {
                    (StatusCode::INTERNAL_SERVER_ERROR, format!("the engine failed: {error}"))
                }
            }),
        }
    }
}

fn settings() -> Config {
    let mut pool = PoolingAllocationConfig::default();
    pool.total_component_instances(INSTANCES_MAX)
        .total_memories(INSTANCES_MAX)
        .total_stacks(INSTANCES_MAX)
        .total_tables(2 * INSTANCES_MAX)
        .total_core_instances(4 * INSTANCES_MAX)
        .table_elements(100_000)
        .max_core_instances_per_component(200)
        .max_tables_per_component(64)
        .max_memories_per_component(32)
        .max_tables_per_module(2)
        .max_memories_per_module(2)
        .max_component_instance_size(10 << 20)
        .max_core_instance_size(10 << 20)
        .max_memory_size(4 << 30)
        .linear_memory_keep_resident(2 << 20)
        .table_keep_resident(1 << 19);
    let mut config = Config::new();
    config.epoch_interruption(true).allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    config
}

fn linker(engine: &wasmtime::Engine) -> wasmtime::Result<Linker<Guest>> {
    let mut linker = Linker::new(engine);
    // All of WASI is linked, because Rust's standard library imports parts of it that nobody calls.
    // [`guest`] gives nothing that those parts could reach.
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
    services::add_to_linker(&mut linker)?;
    Ok(linker)
}

/// Ticks as long as the engine lives. It is a thread, because the runtime's own may all be busy
/// with instances.
fn tick(engine: &wasmtime::Engine) -> io::Result<()> {
    let engine = engine.weak();
    thread::Builder::new().name("engine-ticker".into()).spawn(move || {
        loop {
            thread::sleep(TICK);
            match engine.upgrade() {
                Some(engine) => engine.increment_epoch(),
                None => return,
            }
        }
    })?;
    Ok(())
}
