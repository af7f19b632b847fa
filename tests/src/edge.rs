//! One running edge of either edition: its folder, its configuration, its process.
//!
//! INVARIANT: an edge that was started is gone when it goes out of scope, whatever happened before.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde::Serialize;
use tempfile::TempDir;

pub use crate::built::{Edition, binary, components, edition, spin_component, storm_binary};
use crate::built::{engine, spin, spin_manifest};
pub use crate::command_line::CommandLine;
use crate::http::Door;
use crate::people::Household;

/// How long a start may take: it compiles the handlers, on a machine that is busy with other tests.
const START_SECONDS_MAX: u64 = 120;
/// How long an orderly end may take before the process is killed.
const STOP_SECONDS_MAX: u64 = 30;

/// What can differ from one edge to another.
#[derive(Debug, Clone, Default)]
pub struct EdgeOptions {
    /// Which edition; the one under test if not set.
    pub edition: Option<Edition>,
    /// What the Spin edition is given as its key, if not the one that its store was begun with; with none of it the variable is not set.
    pub spin_key: Option<Option<String>>,
    /// How long a session lasts.
    pub session_seconds: Option<u64>,
    /// Budget of the memory tier.
    pub memory_tier_bytes: Option<u64>,
    /// Serve TLS with this certificate and key, both PEM.
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

/// Where certificate and key are.
#[derive(Debug, Clone, Serialize)]
pub struct TlsFiles {
    /// Certificate chain, PEM.
    pub certificate: PathBuf,
    /// Private key, PEM.
    pub key: PathBuf,
}

#[derive(Serialize)]
struct Config<'a> {
    listen: &'a str,
    data: &'a Path,
    components: &'a Path,
    metrics: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    memory_tier_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_seconds: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tls: Option<&'a TlsFiles>,
}

/// An installation in a folder of its own, and its `serve` process.
pub struct Edge {
    folder: TempDir,
    options: EdgeOptions,
    door: Door,
    metrics: Option<SocketAddr>,
    child: Option<Child>,
    /// The Spin edition's key-encryption key.
    kek: Option<String>,
    /// Bytes of the log when the present process began.
    log_begin: usize,
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
        let spin = options.edition.unwrap_or_else(edition) == Edition::Spin;
        let kek = spin.then(|| {
            let native = options.tls.is_some() || options.data.is_some() || options.components.is_some();
            assert!(!native, "an option of the native host");
            lay_out(folder.path());
            crate::footage::fresh_key()
        });
        let door = Door::new(options.tls.as_ref().map(|tls| tls.certificate.as_path()));
        Self {
            folder,
            options,
            door,
            metrics: None,
            child: None,
            kek,
            log_begin: 0,
        }
    }

    /// Starts the process; `Err` is its log, if it ended instead.
    ///
    /// # Errors
    /// The log.
    pub fn try_serve(&mut self) -> Result<(), String> {
        assert!(self.child.is_none(), "it is running");
        self.log_begin = self.log_of_all_processes().len();
        let log = File::options().create(true).append(true).open(self.log_path()).unwrap();
        let mut command = self.serve_command();
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let output = child.stdout.take().unwrap();
        self.child = Some(child);
        let (say, said) = mpsc::channel();
        // Reads to the end, so that the process never writes to a closed or a full pipe.
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let _ = say.send(line);
            }
        });
        // `spin up` begins with an empty line.
        let beginnings = ["listening on ", "Serving "];
        let deadline = Instant::now() + Duration::from_secs(START_SECONDS_MAX);
        loop {
            let Ok(line) = said.recv_timeout(deadline.saturating_duration_since(Instant::now())) else {
                self.kill9();
                return Err(self.log());
            };
            if let Some(address) = beginnings.iter().find_map(|begin| line.strip_prefix(begin)) {
                self.door.set_address(address);
                break;
            }
            assert!(line.is_empty(), "it said {line:?} where {beginnings:?} were expected");
        }
        self.metrics = self
            .log()
            .lines()
            .find_map(|line| line.split_once("metrics address=")?.1.trim().parse().ok());
        Ok(())
    }

    fn serve_command(&self) -> Command {
        let Some(kek) = &self.kek else {
            let mut command = Command::new(binary());
            let log = self.options.log.as_deref().unwrap_or("info");
            command
                .arg("--config")
                .arg(self.config())
                .arg("serve")
                .env("EYESONLY_LOG", log);
            if self.options.memory_goes_back {
                command.env("MIMALLOC_PURGE_DELAY", "0");
            }
            return command;
        };
        let key = self.options.spin_key.clone().unwrap_or_else(|| Some(kek.clone()));
        let seconds = self.options.session_seconds.map(|seconds| seconds.to_string());
        let variables = [("key_encryption_key", key), ("session_seconds", seconds)];
        let variables = variables.into_iter().filter_map(|(name, value)| Some((name, value?)));
        match spin() {
            Some(spin) => {
                let mut command = Command::new(spin);
                command.current_dir(self.folder.path());
                command.args(["up", "--listen", "127.0.0.1:0"]);
                for (name, value) in variables {
                    command.env(format!("SPIN_VARIABLE_{}", name.to_uppercase()), value);
                }
                // What it serves by is a process of its own, which is ended with it.
                command.process_group(0);
                command
            }
            None => {
                let mut command = Command::new(engine());
                command.arg("--component").arg(spin_component());
                command.arg("--store").arg(self.spin_store());
                command.args(["--listen", "127.0.0.1:0"]);
                for (name, value) in variables {
                    command.args(["--config", &format!("{name}={value}")]);
                }
                command
            }
        }
    }

    /// The Spin edition's key-value store, where `spin up` has it.
    pub fn spin_store(&self) -> PathBuf {
        self.folder.path().join(".spin/sqlite_key_value.db")
    }

    /// Writes the configuration as the options are now.
    fn config(&self) -> PathBuf {
        let data = self.data();
        let config = Config {
            listen: "127.0.0.1:0",
            data: &data,
            components: &self.options.components.clone().unwrap_or_else(components),
            metrics: "127.0.0.1:0",
            memory_tier_bytes: self.options.memory_tier_bytes,
            session_seconds: self.options.session_seconds,
            tls: self.options.tls.as_ref(),
        };
        let path = self.folder.path().join("eyesonly.toml");
        fs::write(&path, toml::to_string(&config).unwrap()).unwrap();
        path
    }

    /// Ends the process in order (SIGTERM) and says how it ended. Killed if that takes too long.
    pub fn stop(&mut self) -> ExitStatus {
        let mut child = self.child.take().expect("it is running");
        let pid = rustix::process::Pid::from_child(&child);
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        let deadline = Instant::now() + Duration::from_secs(STOP_SECONDS_MAX);
        loop {
            if let Some(status) = child.try_wait().unwrap() {
                return status;
            }
            if Instant::now() > deadline {
                let _ = child.kill();
                return child.wait().unwrap();
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Ends the process as a power cut would (SIGKILL).
    pub fn kill9(&mut self) {
        if let Some(mut child) = self.child.take() {
            if self.kek.is_some() && spin().is_some() {
                let group = rustix::process::Pid::from_child(&child);
                let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
            }
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Starts again on the same folder, in order. The handles of cameras and viewers follow to the new port.
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

    /// Starts again with other options; `Err` is its log, if it ended instead.
    ///
    /// # Errors
    /// The log.
    pub fn try_restart_with(&mut self, change: impl FnOnce(&mut EdgeOptions)) -> Result<(), String> {
        change(&mut self.options);
        if self.child.is_some() {
            self.stop();
        }
        self.try_serve()
    }

    /// Whether the process is running.
    pub fn is_running(&mut self) -> bool {
        self.child
            .as_mut()
            .is_some_and(|child| child.try_wait().unwrap().is_none())
    }

    /// The process id of `serve`.
    ///
    /// # Panics
    /// If it is not running.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().expect("it is running").id()
    }

    /// Where clients come in.
    pub fn door(&self) -> &Door {
        &self.door
    }

    /// Administration by the command line.
    pub fn command_line(&self) -> CommandLine {
        if self.kek.is_some() {
            return CommandLine {
                place: self.spin_store(),
                kek: self.kek.clone(),
            };
        }
        let place = self.folder.path().join("eyesonly.toml");
        if !place.exists() {
            self.config();
        }
        CommandLine { place, kek: None }
    }

    /// Adds a household.
    pub fn household(&self, name: &str) -> Household {
        Household::add(self.command_line(), self.door.clone(), &["household", "add", name])
    }

    /// Adds a household that may hold so many bytes.
    pub fn household_with_quota(&self, name: &str, quota_bytes: u64) -> Household {
        let quota = quota_bytes.to_string();
        Household::add(
            self.command_line(),
            self.door.clone(),
            &["household", "add", name, "--quota-bytes", &quota],
        )
    }

    /// The folder that configuration, log and (unless set otherwise) data are in.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The data folder.
    pub fn data(&self) -> PathBuf {
        self.options
            .data
            .clone()
            .unwrap_or_else(|| self.folder.path().join("data"))
    }

    /// The sealed files in the store, without staged uploads.
    pub fn objects(&self) -> Vec<PathBuf> {
        if self.kek.is_some() {
            return self.keys(&["object/"]);
        }
        let mut found = crate::canary::files_below(&self.data().join("objects"));
        found.retain(|path| path.file_name().is_some_and(|name| name.len() == 64));
        found.sort();
        found
    }

    /// Everything below `objects/`, staged uploads too.
    pub fn store_files(&self) -> Vec<PathBuf> {
        if self.kek.is_some() {
            return self.keys(&["object/", "upload/"]);
        }
        let mut found = crate::canary::files_below(&self.data().join("objects"));
        found.sort();
        found
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

    fn log_path(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    /// What the present process has logged (the last one, if none runs).
    pub fn log(&self) -> String {
        self.log_of_all_processes()
            .get(self.log_begin..)
            .unwrap_or_default()
            .to_owned()
    }

    /// What all processes on this folder have logged.
    pub fn log_of_all_processes(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.log_path()).unwrap_or_default()).into_owned()
    }

    /// The text of `/metrics`.
    pub async fn metrics(&self) -> String {
        let address = self.metrics.expect("its log says where metrics are");
        reqwest::get(format!("http://{address}/metrics"))
            .await
            .unwrap()
            .text()
            .await
            .unwrap()
    }

    /// The sum of all samples of `name` whose labels contain `labels`.
    pub async fn metric(&self, name: &str, labels: &str) -> f64 {
        let text = self.metrics().await;
        let samples = text
            .lines()
            .filter(|line| line.starts_with(name) && line.contains(labels));
        samples
            .filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok())
            .sum()
    }

    /// The answers that were refused because they did not prove their question.
    pub async fn misdeliveries(&self) -> f64 {
        if self.kek.is_some() {
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
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))
            .unwrap();
        line.split_whitespace().next().unwrap().parse().unwrap()
    }
}

/// What `spin up` finds in its folder.
fn lay_out(folder: &Path) {
    fs::create_dir(folder.join(".spin")).unwrap();
    if spin().is_some() {
        fs::copy(spin_manifest(), folder.join("spin.toml")).unwrap();
        let component = folder.join("target/components/spin/eyesonly.wasm");
        fs::create_dir_all(component.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(spin_component(), component).unwrap();
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
