//! One running edge of either edition, as a test needs it: options, a door, and access to its files
//! and logs.
//!
//! INVARIANT: an edge that was started has ended when it goes out of scope, whatever happened
//! before.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::{Duration, Instant, SystemTime};

use eyesonly_harness::command_line::CommandLine;
use eyesonly_harness::installation::{
    self, Config, Installation, Proxies, Server, Serving, Spin, TlsFiles,
};
use eyesonly_harness::process::Process;
use tempfile::TempDir;

use crate::built::{self, Edition};
use crate::http::Door;
use crate::people::Household;
use crate::seed;

/// The options of an edge.
#[derive(Debug, Clone, Default)]
pub struct EdgeOptions {
    /// The edition; the one under test if not set.
    pub edition: Option<Edition>,
    /// The key that the Spin edition gets, if not its store's own; `Some(None)` leaves the variable
    /// unset.
    pub spin_key: Option<Option<String>>,
    /// How long a session lasts, in seconds.
    pub session_seconds: Option<u64>,
    /// The budget of the memory tier, in bytes.
    pub memory_tier_bytes: Option<u64>,
    /// The bytes of the disk that uploads leave free.
    pub reserve_bytes: Option<u64>,
    /// The certificate and key to serve TLS with, both PEM.
    pub tls: Option<TlsFiles>,
    /// The address in the browsers of people whom a proxy serves.
    pub public_url: Option<String>,
    /// The proxies that are believed who a client is.
    pub proxy: Option<Proxies>,
    /// The data folder, if not a fresh one.
    pub data: Option<PathBuf>,
    /// True if the fresh data folder is empty, so that the first start makes the keys and compiles
    /// the handlers.
    pub is_empty: bool,
    /// The folder of the components, if not those that the binary brings along.
    pub components: Option<PathBuf>,
    /// The log filter, as in `EYESONLY_LOG`; `info` if not set.
    pub log: Option<String>,
    /// True if the native host's allocator gives memory back at once, so that its peak is what was
    /// in use.
    pub memory_goes_back: bool,
}

impl EdgeOptions {
    /// Applies the present options to an installation.
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
                spin.public_url.clone_from(&self.public_url);
            }
        }
    }

    fn config(&self, folder: &Path) -> Config {
        let config = Config::new(folder, 0);
        Config {
            components: self.components.clone(),
            data: self.data.clone().unwrap_or(config.data),
            metrics: Some("127.0.0.1:0".into()),
            memory_tier_bytes: self.memory_tier_bytes,
            reserve_bytes: self.reserve_bytes,
            session_seconds: self.session_seconds,
            public_url: self.public_url.clone(),
            proxy: self.proxy.clone(),
            tls: self.tls.clone(),
            ..config
        }
    }

    fn spin(&self) -> Spin {
        let native = self.tls.is_some() || self.data.is_some() || self.components.is_some();
        assert!(!native && self.proxy.is_none(), "an option of the native host");
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

    /// Makes an edge with a fresh folder, and no process yet.
    pub fn installed(options: EdgeOptions) -> Self {
        let folder = tempfile::Builder::new().prefix("eyesonly-").tempdir().unwrap();
        let edition = options.edition.unwrap_or_else(built::edition);
        if edition == Edition::Native && options.data.is_none() && !options.is_empty {
            seed::sow(&folder.path().join("data"));
        }
        let edition = match edition {
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

    /// Starts the process. `Err` says how it ended instead, with the end of its log.
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

    /// Returns the path of the Spin edition's key-value store.
    pub fn spin_store(&self) -> PathBuf {
        self.installation.spin_store()
    }

    /// Stops the process in order (SIGTERM), and returns its exit status. The process is killed if
    /// that takes too long.
    pub fn stop(&mut self) -> ExitStatus {
        self.process.take().expect("it is running").stop().unwrap()
    }

    /// Ends the process as a power cut would (SIGKILL).
    pub fn kill9(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill();
        }
    }

    /// Stops the process in order, and starts it again on the same folder. The handles of cameras
    /// and viewers follow to the new port.
    #[track_caller]
    pub fn restart(&mut self) {
        self.restart_with(|_| {});
    }

    /// Restarts with other options.
    #[track_caller]
    pub fn restart_with(&mut self, change: impl FnOnce(&mut EdgeOptions)) {
        if let Err(log) = self.try_restart_with(change) {
            panic!("the edge did not start again:\n{log}");
        }
    }

    /// Restarts with other options; `Err` is that of [`Self::try_serve`].
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

    /// Says whether the process is running.
    pub fn is_running(&mut self) -> bool {
        self.process.as_mut().is_some_and(|process| process.ended().unwrap().is_none())
    }

    /// Returns the process id of `serve`.
    ///
    /// # Panics
    /// If the process is not running.
    pub fn pid(&self) -> u32 {
        self.process.as_ref().expect("it is running").id()
    }

    /// Returns the door that clients come in by.
    pub fn door(&self) -> &Door {
        &self.door
    }

    /// Returns administration by the command line.
    pub fn command_line(&self) -> CommandLine {
        self.installation.command_line()
    }

    /// Adds a household.
    pub fn household(&self, name: &str) -> Household {
        Household::add(self.command_line(), self.door.clone(), name, None)
    }

    /// Adds a household that may hold this many bytes.
    pub fn household_with_quota(&self, name: &str, quota_bytes: u64) -> Household {
        Household::add(self.command_line(), self.door.clone(), name, Some(quota_bytes))
    }

    /// Returns the folder of configuration, log and (unless set otherwise) data.
    pub fn folder(&self) -> &Path {
        self.installation.folder()
    }

    /// Returns the data folder.
    pub fn data(&self) -> PathBuf {
        match &self.options.data {
            Some(data) => data.clone(),
            None => self.folder().join("data"),
        }
    }

    /// Returns the sealed files in the store, without staged uploads.
    pub fn objects(&self) -> Vec<PathBuf> {
        if self.is_spin() {
            return self.keys(&["object/"]);
        }
        let mut found = self.store_files();
        found.retain(|path| path.file_name().is_some_and(|name| name.len() == 64));
        found
    }

    /// Returns everything below `objects/`, staged uploads too.
    pub fn store_files(&self) -> Vec<PathBuf> {
        if self.is_spin() {
            return self.keys(&["object/", "upload/"]);
        }
        let mut found = crate::canary::files_below(&self.data().join("objects"));
        found.sort();
        found
    }

    /// Makes every file of the store two days old, because collection spares young files.
    pub fn age_files(&self) {
        let then = SystemTime::now() - Duration::from_secs(2 * 24 * 3600);
        for path in self.store_files() {
            let file = std::fs::File::options().write(true).open(path).unwrap();
            file.set_modified(then).unwrap();
        }
    }

    /// Returns the keys in the Spin edition's store that start with one of these texts.
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

    /// Returns the log of the present process (of the last one, if none runs).
    pub fn log(&self) -> String {
        self.installation.log()
    }

    /// Returns the log of all processes on this folder.
    pub fn log_of_all_processes(&self) -> String {
        self.installation.log_of_all_processes()
    }

    /// Returns the text of `/metrics`.
    pub async fn metrics(&self) -> String {
        let address = self.metrics.expect("its log says where metrics are");
        reqwest::get(format!("http://{address}/metrics")).await.unwrap().text().await.unwrap()
    }

    /// Returns the sum of all samples of `name` whose labels contain `labels`.
    pub async fn metric(&self, name: &str, labels: &str) -> f64 {
        let text = self.metrics().await;
        let samples = text.lines().filter(|line| line.starts_with(name) && line.contains(labels));
        samples.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok()).sum()
    }

    /// Returns how many answers did not prove their question, and were rejected.
    pub async fn misdeliveries(&self) -> f64 {
        if self.is_spin() {
            return self.log().matches("an answer was rejected").count() as f64;
        }
        self.metric("eyesonly_misdeliveries_total", "").await
    }

    /// Returns a line of `/proc/PID/status` in KiB, such as `VmHWM`.
    ///
    /// # Panics
    /// If there is no such line.
    pub fn memory_kib(&self, field: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line =
            status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':')).unwrap();
        line.split_whitespace().next().unwrap().parse().unwrap()
    }

    /// Returns how many seconds of CPU the process has used, of all its threads.
    ///
    /// # Panics
    /// If the process is gone.
    pub fn cpu_seconds(&self) -> f64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid())).unwrap();
        // The name of the process may have spaces, and stands in brackets.
        let fields: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
        let ticks: f64 = fields[11..13].iter().map(|ticks| ticks.parse::<f64>().unwrap()).sum();
        // The kernel counts in hundredths for whoever reads this file.
        ticks / 100.0
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

/// Polls until `holds` returns true, for at most `seconds_max`.
///
/// # Panics
/// If the time runs out.
pub async fn poll(what: &str, seconds_max: u64, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(seconds_max);
    while !holds().await {
        assert!(Instant::now() < deadline, "not within {seconds_max} s: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
