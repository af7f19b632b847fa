//! One installation in a folder of its own: its configuration, its log, and what serves it.
//!
//! It must never write outside its folder.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::command_line::{CommandLine, Place};
use crate::footage::fresh_key;
use crate::process::{Process, show};

/// The path of the composed component in spin.toml, below that file's own folder.
pub const COMPONENT: &str = "target/components/spin/eyesonly.wasm";

/// The longest start: it compiles the handlers, on a machine that may be busy with other things.
const START: Duration = Duration::from_secs(120);
/// The words before the address when an edge says where it listens.
const READY: &str = "listening on ";
/// The words before the address when `spin up` says it.
const READY_SPIN: &str = "Serving ";
/// The number of lines of the log in an error.
const LOG_LINES_SHOWN: usize = 20;

/// An edge's folder, and how the edge is served from there.
#[derive(Debug)]
pub struct Installation {
    /// The program `eyesonly`.
    binary: PathBuf,
    folder: PathBuf,
    /// The edition that is served. A change counts from the next start on.
    pub edition: Edition,
    /// Further variables in the environment of the served process.
    pub environment: Vec<(&'static str, String)>,
    /// The bytes of the log before the present process.
    log_start: usize,
}

/// The edition that is served.
#[derive(Debug, Clone)]
pub enum Edition {
    /// The native host.
    Native(Config),
    /// The Spin edition's component.
    Spin(Spin),
}

/// The native host's configuration, eyesonly.toml, as far as launchers set it.
#[derive(Debug, Clone, Serialize)]
pub struct Config {
    /// The address to listen on, such as `127.0.0.1:0` for any free port.
    pub listen: String,
    /// The data folder.
    pub data: PathBuf,
    /// The folder of the components; `None`: those that the binary brings along.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub components: Option<PathBuf>,
    /// The address where metrics are served.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics: Option<String>,
    /// The budget of the memory tier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_tier_bytes: Option<u64>,
    /// The bytes of the disk that uploads leave free.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reserve_bytes: Option<u64>,
    /// The length of a session, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_seconds: Option<u64>,
    /// The address that people open in their browser, where a proxy changes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_url: Option<String>,
    /// The proxies that are believed who a client is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy: Option<Proxies>,
    /// The files for TLS, if it is served.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsFiles>,
}

/// The proxies before an edge.
#[derive(Debug, Clone, Serialize)]
pub struct Proxies {
    /// Their networks, such as `127.0.0.1/32`.
    pub addresses: Vec<String>,
}

/// A certificate and its key.
#[derive(Debug, Clone, Serialize)]
pub struct TlsFiles {
    /// Certificate chain, PEM.
    pub certificate: PathBuf,
    /// Private key, PEM.
    pub key: PathBuf,
}

/// The Spin edition, and what serves it.
#[derive(Debug, Clone)]
pub struct Spin {
    /// The program that serves it.
    pub server: Server,
    /// The composed component.
    pub component: PathBuf,
    /// spin.toml, which `spin up` reads.
    pub manifest: PathBuf,
    /// The address to listen on, such as `127.0.0.1:0` for any free port.
    pub listen: String,
    /// The key-encryption key of its store, by which the command line administers it.
    pub kek: String,
    /// The key that the served process is given; `None` leaves the variable unset.
    pub given_key: Option<String>,
    /// The length of a session, in seconds.
    pub session_seconds: Option<u64>,
    /// The address in people's browsers.
    pub public_url: Option<String>,
}

/// The program that serves the Spin edition's component.
#[derive(Debug, Clone)]
pub enum Server {
    /// `eyesonly-engine`: wasmtime's own WASI HTTP.
    Engine(PathBuf),
    /// `spin up`.
    Spin(PathBuf),
}

/// A served edge that said where it listens.
pub struct Serving {
    /// The address, as `http://127.0.0.1:PORT`.
    pub address: String,
    /// Its process.
    pub process: Process,
}

impl Config {
    /// Makes the configuration of an installation in `folder`, whose data goes to `folder/data`.
    pub fn new(folder: &Path, port: u16) -> Self {
        Self {
            listen: listen(port),
            data: folder.join("data"),
            components: None,
            metrics: None,
            memory_tier_bytes: None,
            reserve_bytes: None,
            session_seconds: None,
            public_url: None,
            proxy: None,
            tls: None,
        }
    }
}

impl Spin {
    /// Makes the Spin edition with a key of its own.
    pub fn new(server: Server, component: &Path, manifest: &Path, port: u16) -> Self {
        let kek = fresh_key();
        Self {
            server,
            component: component.to_owned(),
            manifest: manifest.to_owned(),
            listen: listen(port),
            given_key: Some(kek.clone()),
            kek,
            session_seconds: None,
            public_url: None,
        }
    }

    /// Makes the command that serves it from `folder`. Returns the words before the address as
    /// well.
    fn command(&self, folder: &Path) -> (Command, &'static str) {
        let seconds = self.session_seconds.map(|seconds| seconds.to_string());
        let variables = [
            ("key_encryption_key", self.given_key.clone()),
            ("session_seconds", seconds),
            ("public_url", self.public_url.clone()),
        ];
        let variables = variables.into_iter().filter_map(|(name, value)| Some((name, value?)));
        match &self.server {
            Server::Engine(engine) => {
                let mut command = Command::new(engine);
                command.arg("--component").arg(&self.component);
                command.arg("--store").arg(store(folder));
                command.args(["--listen", &self.listen]);
                for (name, value) in variables {
                    command.args(["--config", &format!("{name}={value}")]);
                }
                (command, READY)
            }
            Server::Spin(spin) => {
                let mut command = Command::new(spin);
                command.current_dir(folder);
                command.args(["up", "--listen", &self.listen]);
                for (name, value) in variables {
                    command.env(format!("SPIN_VARIABLE_{}", name.to_uppercase()), value);
                }
                // `spin up` serves by a process of its own, which ends with the group.
                command.process_group(0);
                (command, READY_SPIN)
            }
        }
    }
}

impl Installation {
    /// Writes into `folder` what the edition needs there. `binary` is the program `eyesonly`.
    ///
    /// Errors: the folder can't be written.
    pub fn create(binary: &Path, folder: &Path, edition: Edition) -> Result<Self> {
        let installation = Self {
            binary: binary.to_owned(),
            folder: folder.to_owned(),
            edition,
            environment: Vec::new(),
            log_start: 0,
        };
        match &installation.edition {
            Edition::Native(config) => installation.write(config)?,
            Edition::Spin(spin) => lay_out(folder, spin)
                .with_context(|| format!("laying out the Spin edition in {}", folder.display()))?,
        }
        Ok(installation)
    }

    /// Returns the folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns the path of the native host's configuration file.
    pub fn config(&self) -> PathBuf {
        self.folder.join("eyesonly.toml")
    }

    /// Returns the path of the Spin edition's key-value store, where `spin up` has it.
    pub fn spin_store(&self) -> PathBuf {
        store(&self.folder)
    }

    fn write(&self, config: &Config) -> Result<()> {
        let path = self.config();
        fs::write(&path, toml::to_string(config)?)
            .with_context(|| format!("writing {}", path.display()))
    }

    /// Returns the command line over this installation.
    pub fn command_line(&self) -> CommandLine {
        CommandLine {
            binary: self.binary.clone(),
            place: match &self.edition {
                Edition::Native(_) => Place::Config(self.config()),
                Edition::Spin(spin) => Place::Store(self.spin_store(), spin.kek.clone()),
            },
        }
    }

    /// Starts serving, and waits until the edge says where it listens.
    ///
    /// Errors: the edge ends before that, or takes too long. The error has the end of its log.
    pub fn serve(&mut self) -> Result<Serving> {
        let (mut command, ready) = match &self.edition {
            Edition::Native(config) => {
                self.write(config)?;
                (self.command_line().command(&["serve"]), READY)
            }
            Edition::Spin(spin) => spin.command(&self.folder),
        };
        self.log_start = self.log_of_all_processes().len();
        let path = self.log_path();
        let log = File::options().create(true).append(true).open(&path);
        let log = log.with_context(|| format!("writing {}", path.display()))?;
        command.envs(self.environment.iter().cloned()).stderr(log);
        let mut process = Process::start(&mut command, Some(""))?;
        let address = process
            .line(ready, Some(START))
            .with_context(|| format!("`{}`. Its log ends:\n{}", show(&command), self.log_end()))?;
        Ok(Serving { address, process })
    }

    fn log_path(&self) -> PathBuf {
        self.folder.join("eyesonly.log")
    }

    /// Reads what all processes on this folder have logged.
    pub fn log_of_all_processes(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.log_path()).unwrap_or_default()).into_owned()
    }

    /// Reads what the present process has logged (the last one, if none runs).
    pub fn log(&self) -> String {
        let log = self.log_of_all_processes();
        log.get(self.log_start..).unwrap_or_default().to_owned()
    }

    /// Returns the last lines of the log, for an error.
    pub fn log_end(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        let skipped = lines.len().saturating_sub(LOG_LINES_SHOWN);
        let shown = lines.iter().skip(skipped);
        shown.map(|line| format!("  | {line}\n")).collect()
    }
}

fn listen(port: u16) -> String {
    format!("127.0.0.1:{port}")
}

fn store(folder: &Path) -> PathBuf {
    folder.join(".spin").join("sqlite_key_value.db")
}

/// Makes the folder as it is in a checkout. `spin up` finds the component where spin.toml has it.
fn lay_out(folder: &Path, spin: &Spin) -> std::io::Result<()> {
    fs::create_dir_all(folder.join(".spin"))?;
    if let Server::Spin(_) = spin.server {
        fs::copy(&spin.manifest, folder.join("spin.toml"))?;
        let component = folder.join(COMPONENT);
        component.parent().map_or(Ok(()), fs::create_dir_all)?;
        symlink(&spin.component, component)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    /// Makes an installation whose binary is a shell script.
    fn installation(folder: &Path, script: &str) -> Installation {
        let binary = folder.join("eyesonly");
        fs::write(&binary, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&binary, fs::Permissions::from_mode(0o755)).unwrap();
        let config = Config::new(folder, 0);
        Installation::create(&binary, folder, Edition::Native(config)).unwrap()
    }

    #[test]
    fn a_ready_edge_has_an_address_and_ends_with_its_scope() {
        let folder = tempfile::tempdir().unwrap();
        let done = folder.path().join("done");
        let script = format!(
            "trap 'echo > {}; exit 0' TERM; echo listening on http://127.0.0.1:7; while :; do \
             sleep 0.01; done",
            done.display()
        );
        let mut serving = installation(folder.path(), &script).serve().unwrap();
        assert_eq!(serving.address, "http://127.0.0.1:7");
        assert!(serving.process.ended().unwrap().is_none());
        drop(serving);
        assert!(done.exists(), "it was not asked to end in order");
    }

    #[test]
    fn an_edge_that_fails_shows_its_log() {
        let folder = tempfile::tempdir().unwrap();
        let mut installation = installation(folder.path(), "echo the port is taken >&2; exit 3");
        let error = installation.serve().err().unwrap();
        let message = format!("{error:#}");
        assert!(
            message.contains("the port is taken") && message.contains("exit status: 3"),
            "{message}"
        );
    }
}
