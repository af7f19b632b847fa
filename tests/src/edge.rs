//! One running edge of either edition, as a test needs it: options, a door, and what it leaves
//! behind.
//!
//! INVARIANT: an edge that was started has ended when it goes out of scope, whatever happened
//! before.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::{Duration, Instant, SystemTime};

use eyesonly_harness::command_line::CommandLine;
use eyesonly_harness::installation::{self, Config, Installation, Server, Serving, Spin, TlsFiles};
use eyesonly_harness::process::Process;
use tempfile::TempDir;

use crate::built::{self, Edition};
use crate::http::Door;
use crate::people::Household;

/// What can differ from one edge to another.
#[derive(Debug, Clone, Default)]
pub struct EdgeOptions {
    /// Which edition; the one under test if not set.
    pub edition: Option<Edition>,
    /// The key that the Spin edition is given, if not its store's own; `Some(None)` leaves the
    /// variable unset.
    pub spin_key: Option<Option<String>>,
    /// How long a session lasts.
    pub session_seconds: Option<u64>,
    /// Budget of the memory tier.
    pub memory_tier_bytes: Option<u64>,
    /// Serves TLS with this certificate and key, both PEM.
    pub tls: Option<TlsFiles>,
    /// The data folder, if not a fresh one.
    pub data: Option<PathBuf>,
    /// The folder of the components, if not the built one.
    pub components: Option<PathBuf>,
    /// What is logged, as in `EYESONLY_LOG`; `info` if not set.
    pub log: Option<String>,
    /// The native host's allocator gives memory back at once, so that its peak is what was in use.
    pub memory_goes_back: bool,
}

impl EdgeOptions {
    /// Sets an installation up as the options are now.
    fn apply(&self, installation: &mut Installation) {
        let folder = installation.folder().to_owned();
        match &mut installation.edition {
            installation::Edition::Native(config) => {
                *config = self.config(&folder);
                let log = self.log.clone().unwrap_or_else(|| "info".into());
                installation.environment = vec![("EYESONLY_LOG", log)];
                if self.memory_goes_back {
                    installation.environment.push(("MIMALLOC_PURGE_DELAY", "0".into()));
                }
            }
            installation::Edition::Spin(spin) => {
                let given = self.spin_key.clone();
                spin.given_key = given.unwrap_or_else(|| Some(spin.kek.clone()));
                spin.session_seconds = self.session_seconds;
            }
        }
    }

    fn config(&self, folder: &Path) -> Config {
        let components = self.components.clone().unwrap_or_else(built::components);
        let config = Config::new(folder, &components, 0);
        Config {
            data: self.data.clone().unwrap_or(config.data),
            metrics: Some("127.0.0.1:0".into()),
            memory_tier_bytes: self.memory_tier_bytes,
            session_seconds: self.session_seconds,
            tls: self.tls.clone(),
            ..config
        }
    }

    fn spin(&self) -> Spin {
        let native = self.tls.is_some() || self.data.is_some() || self.components.is_some();
        assert!(!native, "an option of the native host");
        let server = match built::spin() {
            Some(spin) => Server::Spin(spin),
            None => Server::Engine(built::engine()),
        };
        Spin::new(server, &built::spin_component(), &built::spin_manifest(), 0)
    }
}

/// An installation in a folder of its own, and its `serve` process.
pub struct Edge {
    installation: Installation,
    options: EdgeOptions,
    door: Door,
    metrics: Option<SocketAddr>,
    process: Option<Process>,
    _folder: TempDir,
}

impl Edge {
    /// Starts an edge in a fresh folder, and waits until it says that it listens.
    ///
    /// # Panics
    /// If it does not start; the panic has its log.
    #[track_caller]
    pub fn start(options: EdgeOptions) -> Self {
        let mut edge = Self::installed(options);
        if let Err(log) = edge.try_serve() {
            panic!("the edge did not start:\n{log}");
        }
        edge
    }

    /// An edge with a fresh folder, and no process yet.
    pub fn installed(options: EdgeOptions) -> Self {
        let folder = tempfile::Builder::new().prefix("eyesonly-").tempdir().unwrap();
        let edition = match options.edition.unwrap_or_else(built::edition) {
            Edition::Native => installation::Edition::Native(options.config(folder.path())),
            Edition::Spin => installation::Edition::Spin(options.spin()),
        };
        Self {
            installation: Installation::create(&built::binary(), folder.path(), edition).unwrap(),
            door: Door::new(options.tls.as_ref().map(|tls| tls.certificate.as_path())),
            options,
            metrics: None,
            process: None,
            _folder: folder,
        }
    }

    /// Starts the process; `Err` says how it ended instead, with the end of its log.
    ///
    /// # Errors
    /// The edge did not start.
    pub fn try_serve(&mut self) -> Result<(), String> {
        assert!(self.process.is_none(), "it is running");
        self.options.apply(&mut self.installation);
        let served = self.installation.serve().map_err(|error| format!("{error:#}"));
        let Serving { address, process } = served?;
        self.door.set_address(&address);
        self.process = Some(process);
        self.metrics = self
            .log()
            .lines()
            .find_map(|line| line.split_once("metrics address=")?.1.trim().parse().ok());
        Ok(())
    }

    fn is_spin(&self) -> bool {
        matches!(self.installation.edition, installation::Edition::Spin(_))
    }

    /// The Spin edition's key-value store.
    pub fn spin_store(&self) -> PathBuf {
        self.installation.spin_store()
    }

    /// Ends the process in order (SIGTERM) and says how it ended. Killed if that takes too long.
    pub fn stop(&mut self) -> ExitStatus {
        self.process.take().expect("it is running").stop().unwrap()
    }

    /// Ends the process as a power cut would (SIGKILL).
    pub fn kill9(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill();
        }
    }

    /// Starts again on the same folder, in order. The handles of cameras and viewers follow to the
    /// new port.
    #[track_caller]
    pub fn restart(&mut self) {
        self.restart_with(|_| {});
    }

    /// Starts again with other options.
    #[track_caller]
    pub fn restart_with(&mut self, change: impl FnOnce(&mut EdgeOptions)) {
        if let Err(log) = self.try_restart_with(change) {
            panic!("the edge did not start again:\n{log}");
        }
    }

    /// Starts again with other options; `Err` is that of [`Self::try_serve`].
    ///
    /// # Errors
    /// The edge did not start.
    pub fn try_restart_with(
        &mut self,
        change: impl FnOnce(&mut EdgeOptions),
    ) -> Result<(), String> {
        change(&mut self.options);
        if self.process.is_some() {
            self.stop();
        }
        self.try_serve()
    }

    /// Whether the process is running.
    pub fn is_running(&mut self) -> bool {
        self.process.as_mut().is_some_and(|process| process.ended().unwrap().is_none())
    }

    /// The process id of `serve`.
    ///
    /// # Panics
    /// If it is not running.
    pub fn pid(&self) -> u32 {
        self.process.as_ref().expect("it is running").id()
    }

    /// Where clients come in.
    pub fn door(&self) -> &Door {
        &self.door
    }

    /// Administration by the command line.
    pub fn command_line(&self) -> CommandLine {
        self.installation.command_line()
    }

    /// Adds a household.
    pub fn household(&self, name: &str) -> Household {
        Household::add(self.command_line(), self.door.clone(), name, None)
    }

    /// Adds a household that may hold so many bytes.
    pub fn household_with_quota(&self, name: &str, quota_bytes: u64) -> Household {
        Household::add(self.command_line(), self.door.clone(), name, Some(quota_bytes))
    }

    /// The folder that configuration, log and (unless set otherwise) data are in.
    pub fn folder(&self) -> &Path {
        self.installation.folder()
    }

    /// The data folder.
    pub fn data(&self) -> PathBuf {
        match &self.options.data {
            Some(data) => data.clone(),
            None => self.folder().join("data"),
        }
    }

    /// The sealed files in the store, without staged uploads.
    pub fn objects(&self) -> Vec<PathBuf> {
        if self.is_spin() {
            return self.keys(&["object/"]);
        }
        let mut found = self.store_files();
        found.retain(|path| path.file_name().is_some_and(|name| name.len() == 64));
        found
    }

    /// Everything below `objects/`, staged uploads too.
    pub fn store_files(&self) -> Vec<PathBuf> {
        if self.is_spin() {
            return self.keys(&["object/", "upload/"]);
        }
        let mut found = crate::canary::files_below(&self.data().join("objects"));
        found.sort();
        found
    }

    /// Makes every file of the store two days old: collection lets what is young be.
    pub fn age_files(&self) {
        let then = SystemTime::now() - Duration::from_secs(2 * 24 * 3600);
        for path in self.store_files() {
            let file = std::fs::File::options().write(true).open(path).unwrap();
            file.set_modified(then).unwrap();
        }
    }

    /// The keys in the Spin edition's store that begin so.
    fn keys(&self, beginnings: &[&str]) -> Vec<PathBuf> {
        let store = rusqlite::Connection::open(self.spin_store()).unwrap();
        store.busy_timeout(Duration::from_secs(10)).unwrap();
        let mut asked = store.prepare("SELECT key FROM spin_key_value ORDER BY key").unwrap();
        let keys = asked.query_map([], |row| row.get::<_, String>(0)).unwrap();
        let keys = keys.map(Result::unwrap);
        keys.filter(|key| beginnings.iter().any(|begin| key.starts_with(begin)))
            .map(PathBuf::from)
            .collect()
    }

    /// What the present process has logged (the last one, if none runs).
    pub fn log(&self) -> String {
        self.installation.log()
    }

    /// What all processes on this folder have logged.
    pub fn log_of_all_processes(&self) -> String {
        self.installation.log_of_all_processes()
    }

    /// The text of `/metrics`.
    pub async fn metrics(&self) -> String {
        let address = self.metrics.expect("its log says where metrics are");
        reqwest::get(format!("http://{address}/metrics")).await.unwrap().text().await.unwrap()
    }

    /// The sum of all samples of `name` whose labels contain `labels`.
    pub async fn metric(&self, name: &str, labels: &str) -> f64 {
        let text = self.metrics().await;
        let samples = text.lines().filter(|line| line.starts_with(name) && line.contains(labels));
        samples.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok()).sum()
    }

    /// How many answers did not prove their question, and were rejected.
    pub async fn misdeliveries(&self) -> f64 {
        if self.is_spin() {
            return self.log().matches("ledger misdelivery").count() as f64;
        }
        self.metric("eyesonly_misdeliveries_total", "").await
    }

    /// A line of `/proc/PID/status` in KiB, such as `VmHWM`.
    ///
    /// # Panics
    /// If it isn't there.
    pub fn memory_kib(&self, field: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line =
            status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':')).unwrap();
        line.split_whitespace().next().unwrap().parse().unwrap()
    }
}

impl Drop for Edge {
    fn drop(&mut self) {
        self.kill9();
        if std::thread::panicking() {
            eprintln!("the edge's log:\n{}", self.log_of_all_processes());
        }
    }
}

/// Asks until `holds`, at most `seconds_max`.
///
/// # Panics
/// If it did not hold by then.
pub async fn poll(what: &str, seconds_max: u64, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(seconds_max);
    while !holds().await {
        assert!(Instant::now() < deadline, "not within {seconds_max} s: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
