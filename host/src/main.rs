//! `eyesonly`: parses the command line and wires the parts together.

mod camera_commands;
mod commands;
mod demo;
mod incident_command;
mod invitation_commands;
mod keys;
mod ledger_commands;
mod ledger_files;
mod people;
mod place;

use anyhow::Context as _;
use camera_commands::CameraCommand;
use clap::{Parser, Subcommand};
use commands::say;
use eyesonly::config::Config;
use eyesonly::http::{Edge, Listener, Tls, serve};
use eyesonly::ledger::{self, LogLedger};
use eyesonly::{component_check, edge, process};
use eyesonly_gate::Keys as _;
use eyesonly_seal::HouseholdId;
use eyesonly_service::admin::QUOTA_BYTES_DEFAULT;
use eyesonly_service::chain::Chain;
use incident_command::IncidentArguments;
use keys::KeysCommand;
use ledger_commands::LedgerCommand;
use people::{MemberCommand, ShareCommand, ViewerCommand, WhyArguments};
use place::Place;
use std::io::{IsTerminal as _, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Serves home-camera footage to many households from one edge, and keeps them apart.
///
/// `eyesonly demo` shows it at once. To keep footage, start with a configuration file that has the
/// line `data = "eyesonly-data"`. Add a household, its cameras and its viewers; then `serve`.
#[derive(Parser)]
#[command(version, max_term_width = 100)]
struct Arguments {
    /// The configuration file.
    #[arg(long, global = true, default_value = "eyesonly.toml", value_name = "FILE")]
    config: PathBuf,
    /// Administer the Spin edition: its key-value store is this SQLite file
    /// (`.spin/sqlite_key_value.db` beside spin.toml, unless Spin was told otherwise). No
    /// configuration file is read; the key-encryption key is in EYESONLY_KEK, and is what Spin gets
    /// as `key_encryption_key`.
    #[arg(long, global = true, value_name = "FILE")]
    spin_store: Option<PathBuf>,
    /// Answer in JSON, for scripts: one document a line. `serve` says {"listening": "http://…"}.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Show it: an edge with three made-up households, until told to stop.
    ///
    /// It listens on this machine only, needs no configuration file, and keeps nothing.
    Demo {
        /// The port to listen on, on 127.0.0.1; 0 lets the system choose.
        #[arg(long, default_value_t = 8080, conflicts_with = "at")]
        port: u16,
        /// Keep everything in this folder, which must be empty or new.
        #[arg(long, value_name = "DIR", conflicts_with = "at")]
        keep: Option<PathBuf>,
        /// With --spin-store: enrol the households there, and hand their footage in to the edge
        /// that serves the store at this address.
        #[arg(long, value_name = "http://HOST:PORT", requires = "spin_store")]
        at: Option<String>,
    },
    /// Serve viewers and cameras until told to stop (Ctrl-C, SIGTERM).
    Serve {
        /// Listen here instead of where the configuration says; port 0 lets the system choose.
        #[arg(long, value_name = "ADDRESS:PORT")]
        listen: Option<SocketAddr>,
    },
    /// Households: the tenants. Each has a key of its own.
    #[command(subcommand)]
    Household(HouseholdCommand),
    /// Cameras: each enrolled in one household, with a credential of its own.
    #[command(subcommand)]
    Camera(CameraCommand),
    /// Viewers: people with an account.
    #[command(subcommand)]
    Viewer(ViewerCommand),
    /// Members: the viewers who belong to a household, as owners, members or installers.
    #[command(subcommand)]
    Member(MemberCommand),
    /// Shares: what a viewer may see of a camera without owning it.
    #[command(subcommand)]
    Share(ShareCommand),
    /// Say why a viewer may see a camera's footage, or may not.
    Why(WhyArguments),
    /// With --spin-store: delete the sealed objects that deletions, removed households and cameras
    /// and broken uploads left in the store, and counters of failed logins that count for nothing
    /// any more. Enter in the log of the access ledger what waits in the store.
    ///
    /// Run it daily; Spin may serve meanwhile: what was written within the last day stays. The
    /// native host does this by itself.
    Collect {
        /// What is older than a minute too. An upload that takes longer and is on its way ends with
        /// an error.
        #[arg(long)]
        now: bool,
        /// How many days entries of the access ledger are kept.
        #[arg(long, default_value_t = eyesonly::config::LEDGER_DAYS_DEFAULT, value_name = "DAYS")]
        ledger_days: u32,
    },
    /// Keys: the key-encryption key, which wraps the key of each household.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// The access ledger: who received what, and whether its log is whole.
    #[command(subcommand)]
    Ledger(LedgerCommand),
    /// After an incident: who received footage that they had no right to, whose it was, and who was
    /// not affected, by the acts and deliveries of the ledger. The exit code is 3 if the lists may
    /// lack something.
    Incident(IncidentArguments),
    /// Components: the sandboxed handlers.
    #[command(subcommand)]
    Component(ComponentCommand),
}

#[derive(Subcommand)]
enum HouseholdCommand {
    /// Add a household and print its id.
    Add {
        /// What it is called.
        name: String,
        /// How many bytes of footage it may hold.
        #[arg(long, default_value_t = QUOTA_BYTES_DEFAULT, value_name = "BYTES")]
        quota_bytes: u64,
    },
    /// List households, with the bytes that they hold and may hold.
    List,
    /// Change how many bytes of footage a household may hold. A quota below what it holds deletes
    /// nothing: uploads are refused until it fits.
    Quota {
        /// Its id.
        id: HouseholdId,
        /// How many bytes of footage it may hold.
        #[arg(long, value_name = "BYTES")]
        quota_bytes: u64,
    },
    /// Remove a household with its cameras, footage and viewers, and destroy its key.
    ///
    /// Nothing here opens its footage any more; the server deletes the sealed files within a day or
    /// two. A backup opens it as long as it has both the `keyring.json` of before and the
    /// key-encryption key that it was wrapped under.
    Remove {
        /// Its id.
        id: HouseholdId,
        /// Do not ask. Without a terminal nothing is asked.
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Subcommand)]
enum ComponentCommand {
    /// Show what a component imports and exports; exit 1 if it asks for more than a handler may
    /// have.
    Check {
        /// The component.
        file: PathBuf,
    },
}

/// Reads a time of the command line.
pub fn time(text: &str) -> Result<SystemTime, &'static str> {
    humantime::parse_rfc3339(text).map_err(|_| "write it as 2026-01-31T17:30:00Z")
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // A person who looks at the demo reads its few lines, and no log between them.
    let is_demo = matches!(arguments.command, Command::Demo { .. });
    process::log(if is_demo { "warn" } else { "info" });
    let json = arguments.json;
    match run(arguments) {
        Ok(code) => code,
        Err(error) if json => {
            let error = Chain(&*error).to_string();
            let _ = writeln!(std::io::stderr(), "{}", serde_json::json!({ "error": error }));
            ExitCode::FAILURE
        }
        Err(error) => {
            commands::note(&Chain(&*error).to_string());
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let json = arguments.json;
    if let Command::Component(ComponentCommand::Check { file }) = arguments.command {
        return check_component(&file, json);
    }
    process::forbid_core_dumps()?;
    // Every file that is written is for this user alone, copies and archives too.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().context("no runtime")?;
    let place = match (&arguments.spin_store, &arguments.command) {
        (Some(store), _) => Place::SpinStore(store.clone()),
        (None, Command::Demo { port, keep, .. }) => {
            runtime.block_on(demo::serve(*port, keep.as_deref(), json))?;
            runtime.shutdown_timeout(Duration::from_secs(1));
            return Ok(ExitCode::SUCCESS);
        }
        (None, Command::Collect { .. }) => {
            anyhow::bail!(
                "`collect` goes with --spin-store FILE; `serve` collects by itself in its \
                 data folder"
            )
        }
        (None, _) => {
            let file = arguments.config.clone();
            Place::DataFolder(Box::new(Config::read(&file)?), file)
        }
    };
    let admin = async |may_make| place.admin(may_make).await;
    match arguments.command {
        Command::Serve { listen } => match &place {
            Place::DataFolder(config, _) => {
                runtime.block_on(serve_until_stopped(config, listen, json))?
            }
            Place::SpinStore(_) => anyhow::bail!(
                "--spin-store goes with `household`, `camera`, `viewer`, `member`, `share`, `why`, \
                 `keys`, `ledger`, `incident` and `collect`; what is in a Spin store is served by \
                 `spin up`"
            ),
        },
        Command::Collect { now, ledger_days } => match &place {
            // Refused above.
            Place::DataFolder(..) => {}
            Place::SpinStore(store) => {
                runtime.block_on(commands::collect(store, now, ledger_days, json))?
            }
        },
        Command::Household(command) => {
            let may_make = matches!(command, HouseholdCommand::Add { .. });
            runtime.block_on(async {
                let admin = admin(may_make).await?;
                if may_make {
                    place.begin_ledger().await?;
                }
                commands::household(&admin, command, json).await
            })?;
        }
        Command::Camera(command) => runtime.block_on(async {
            camera_commands::camera(&admin(false).await?, command, json).await
        })?,
        Command::Viewer(command) => {
            runtime.block_on(async { people::viewer(&admin(false).await?, command, json).await })?
        }
        Command::Member(command) => {
            runtime.block_on(async { people::member(&admin(false).await?, command, json).await })?
        }
        Command::Share(command) => {
            runtime.block_on(async { people::share(&admin(false).await?, command, json).await })?
        }
        Command::Why(asked) => {
            runtime.block_on(async { people::why(&admin(false).await?, &asked, json).await })?;
        }
        Command::Demo { at, .. } => {
            let at = at.context(
                "with --spin-store, `demo` takes --at, the address where the store is served",
            )?;
            runtime.block_on(async {
                let admin = admin(true).await?;
                place.begin_ledger().await?;
                demo::fill_at(&admin, &at, json).await
            })?;
        }
        Command::Ledger(command) => {
            return runtime.block_on(ledger_commands::run(&place, command, json));
        }
        Command::Incident(asked) => {
            return runtime.block_on(async {
                let kept = place.kept().await?;
                incident_command::run(&kept, &asked, json).await
            });
        }
        Command::Keys(command) => match &place {
            Place::DataFolder(config, _) => keys::run(config, &arguments.config, &command, json)?,
            Place::SpinStore(store) => keys::run_in_store(store, &command, json)?,
        },
        Command::Component(_) => {}
    }
    runtime.shutdown_timeout(Duration::from_secs(1));
    Ok(ExitCode::SUCCESS)
}

async fn serve_until_stopped(
    config: &Config,
    listen: Option<SocketAddr>,
    json: bool,
) -> anyhow::Result<()> {
    let stop = Stop::watch();
    let ready = Ready::make(config, listen).await?;
    let address = ready.address();
    say(json, &serde_json::json!({ "listening": address }), || format!("listening on {address}"))?;
    ready.serve(&stop).await
}

/// An edge that listens, and does not serve yet.
struct Ready {
    edge: Arc<Edge>,
    listener: Listener,
    tls: Option<Tls>,
    data: edge::Data,
    ledger: Arc<LogLedger>,
    /// The lock that keeps other servers from the data folder.
    _alone: std::fs::File,
}

impl Ready {
    /// Opens everything. `listen` takes the place of the address in the configuration.
    async fn make(config: &Config, listen: Option<SocketAddr>) -> anyhow::Result<Self> {
        let started_at_milliseconds = eyesonly_service::clock::now_milliseconds();
        let data = edge::open_data(config)?;
        let alone = edge::lock_data(&config.data)?;
        if let Err(error) = commands::native_admin(&data).await {
            tracing::error!("{}: the people of those accounts can't sign in", Chain(&*error));
        }
        let tls = config.tls.as_ref();
        let tls = tls.map(|tls| Tls::read(&tls.certificate, &tls.key)).transpose()?;
        // The port may be taken. This is found before the handlers are compiled, which takes some
        // seconds the first time.
        let listener = Listener::bind("listen", listen.unwrap_or(config.listen)).await?;
        let spinner = progress();
        let handlers = edge::load_handlers(config, &data.keyring, |name| {
            spinner.set_message(format!("preparing the {name} handler (compiled once, then kept)"));
        })?;
        spinner.finish_and_clear();
        if data.keyring.has_households() && !ledger::folder(&config.data).exists() {
            tracing::warn!(
                "a new access ledger begins, as it does at the first start. If this data folder \
                 was put back from a copy, stop the edge and put its `ledger` back too"
            );
        }
        let ledger = Arc::new(LogLedger::open(&config.data, data.keyring.edge())?);
        let seams = edge::seams(config, &data.database)?;
        let edge = edge::assemble(config, &data.keyring, seams, handlers, Arc::clone(&ledger) as _);
        ledger.takes_acts(Arc::clone(edge.admission.records()), Arc::clone(&data.keyring) as _);
        if let Some(address) = config.metrics {
            let listener = Listener::bind("metrics", address).await?;
            tracing::info!(address = %listener.address, "metrics");
            tokio::spawn(eyesonly::http::serve_metrics(Arc::clone(&edge.metrics), listener));
        }
        if let Some(tls) = &tls {
            tokio::spawn(tls.clone().watch());
        }
        tokio::spawn(edge::watch_keyring(Arc::clone(&data.keyring)));
        tokio::spawn(edge::collect(Arc::clone(&edge), started_at_milliseconds));
        tokio::spawn(Arc::clone(&ledger).keep(config.ledger_days));
        Ok(Self { edge, listener, tls, data, ledger, _alone: alone })
    }

    /// Returns the address that clients connect to.
    fn address(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.listener.address)
    }

    /// Serves until it is stopped.
    async fn serve(self, stop: &Stop) -> anyhow::Result<()> {
        if self.tls.is_none() && !self.listener.address.ip().is_loopback() {
            tracing::warn!(
                "no certificate is configured: passwords and footage cross the network in the clear"
            );
        }
        serve(self.edge, self.listener, self.tls, stop.stopped()).await;
        if let Err(error) = self.ledger.close().await {
            tracing::error!(%error, "the ledger was not closed as it should be");
        }
        // Writes the queue, and folds the log into the one file.
        self.data.database.close();
        tracing::info!("stopped");
        Ok(())
    }
}

fn progress() -> indicatif::ProgressBar {
    if !std::io::stderr().is_terminal() {
        return indicatif::ProgressBar::hidden();
    }
    let spinner = indicatif::ProgressBar::new_spinner();
    spinner.enable_steady_tick(Duration::from_millis(100));
    spinner
}

/// Ctrl-C and SIGTERM, which are caught from the moment on that this is made.
struct Stop(tokio::sync::watch::Receiver<bool>);

impl Stop {
    /// Catches both signals.
    fn watch() -> Self {
        let (told, stop) = tokio::sync::watch::channel(false);
        tokio::spawn(async move {
            stopped().await;
            told.send_replace(true);
        });
        Self(stop)
    }

    /// Waits until one of the signals came.
    fn stopped(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut stop = self.0.clone();
        async move {
            let _told = stop.wait_for(|stopped| *stopped).await;
        }
    }
}

async fn stopped() {
    let terminated = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => drop(signal.recv().await),
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = terminated => {}
    }
}

fn check_component(file: &std::path::Path, json: bool) -> anyhow::Result<ExitCode> {
    let bytes =
        std::fs::read(file).with_context(|| format!("{}: can't be read", file.display()))?;
    let report = component_check::check(&bytes).with_context(|| file.display().to_string())?;
    let allowed = report.verdict == component_check::Verdict::Allowed;
    let names = |items: &[component_check::Item]| {
        items.iter().map(|item| item.name.clone()).collect::<Vec<_>>()
    };
    let value = serde_json::json!({
        "sha256": report.sha256.iter().map(|b| format!("{b:02x}")).collect::<String>(),
        "size_bytes": report.size_bytes,
        "imports": names(&report.imports),
        "exports": names(&report.exports),
        "allowed": allowed,
    });
    say(json, &value, || report.to_string())?;
    Ok(if allowed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
