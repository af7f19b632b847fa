//! One running edge: its folder, its configuration, its command line, its process.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use anyhow::{Context, Result, bail};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::components::Built;
use crate::process::Process;
use crate::workspace::show;

/// How much of the log is shown when something failed.
const LOG_LINES_SHOWN: usize = 20;
/// How an edge says where it listens.
const READY: &str = "listening on ";
/// How `spin up` does.
const READY_SPIN: &str = "Serving ";

/// An edge's configuration and data in one folder.
pub struct Installation {
    binary: PathBuf,
    config: PathBuf,
    log: PathBuf,
    /// What a served process finds in its environment.
    variable: Option<(&'static str, PathBuf)>,
    spin: Option<Spin>,
}

/// How the Spin edition is served from a folder; its store is where the native host has its configuration.
struct Spin {
    server: Server,
    folder: PathBuf,
    listen: String,
    kek: String,
}

/// What serves the Spin edition's component.
#[derive(Clone)]
pub enum Server {
    /// `eyesonly-engine`: wasmtime's own WASI HTTP.
    Engine(PathBuf),
    /// `spin up`.
    Spin(PathBuf),
}

/// What the Spin edition is made of.
pub struct SpinEdition {
    /// The command line, which administers its store.
    pub binary: PathBuf,
    /// spin.toml.
    pub manifest: PathBuf,
    /// The composed component.
    pub component: PathBuf,
    /// What serves it.
    pub server: Server,
}

/// Where spin.toml has the component.
pub const COMPONENT: &str = "target/components/spin/eyesonly.wasm";

/// A `serve` process that said it is ready.
pub struct Edge {
    /// `http://127.0.0.1:PORT`
    pub address: String,
    process: Process,
}

/// A household that was added.
#[derive(Deserialize)]
pub struct HouseholdAdded {
    /// Its id.
    pub household: String,
}

/// A camera that was added.
#[derive(Deserialize)]
pub struct CameraAdded {
    /// Its id.
    pub camera: String,
    /// What it hands in with.
    pub credential: String,
}

/// A viewer who was added.
#[derive(Deserialize)]
pub struct ViewerAdded {
    /// Its id.
    pub viewer: String,
}

#[derive(Serialize)]
struct Config<'a> {
    listen: String,
    data: &'a Path,
    components: &'a Path,
}

impl Installation {
    /// Writes eyesonly.toml into `folder`; the data goes to `folder/data`.
    ///
    /// Errors: the folder can't be written.
    pub fn create(built: &Built, folder: &Path, port: u16) -> Result<Self> {
        let data = folder.join("data");
        fs::create_dir_all(&data).with_context(|| format!("making {}", data.display()))?;
        let config = folder.join("eyesonly.toml");
        let content = Config {
            listen: format!("127.0.0.1:{port}"),
            data: &data,
            components: &built.components,
        };
        fs::write(&config, toml::to_string(&content)?).with_context(|| format!("writing {}", config.display()))?;
        Ok(Self {
            binary: built.binary.clone(),
            config,
            log: folder.join("eyesonly.log"),
            variable: None,
            spin: None,
        })
    }

    /// The Spin edition in `folder` as it is in a checkout: spin.toml, the component, its store in `.spin`; with a key of its own.
    ///
    /// Errors: the folder can't be written.
    pub fn create_spin(edition: &SpinEdition, folder: &Path, port: u16) -> Result<Self> {
        let state = folder.join(".spin");
        let component = folder.join(COMPONENT);
        for folder in [Some(state.as_path()), component.parent()].into_iter().flatten() {
            fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
        }
        for (from, to) in [
            (&edition.manifest, folder.join("spin.toml")),
            (&edition.component, component),
        ] {
            fs::copy(from, &to).with_context(|| format!("copying {} to {}", from.display(), to.display()))?;
        }
        let kek = [Uuid::new_v4(), Uuid::new_v4()].map(|half| half.simple().to_string());
        Ok(Self {
            binary: edition.binary.clone(),
            config: state.join("sqlite_key_value.db"),
            log: folder.join("eyesonly.log"),
            variable: None,
            spin: Some(Spin {
                server: edition.server.clone(),
                folder: folder.to_owned(),
                listen: format!("127.0.0.1:{port}"),
                kek: kek.concat(),
            }),
        })
    }

    /// A served process finds this in its environment.
    pub fn with_variable(mut self, name: &'static str, value: PathBuf) -> Self {
        self.variable = Some((name, value));
        self
    }

    /// The command line over this installation.
    fn command_line(&self) -> Command {
        let mut command = Command::new(&self.binary);
        match &self.spin {
            Some(spin) => command
                .arg("--spin-store")
                .arg(&self.config)
                .env("EYESONLY_KEK", &spin.kek),
            None => command.arg("--config").arg(&self.config),
        };
        command
    }

    /// Runs `eyesonly … --json` and reads its answer. `input` goes to its standard input.
    ///
    /// Errors: the command fails (its message is in the error), or answers with something else.
    pub fn command<T: DeserializeOwned>(&self, arguments: &[&str], input: Option<&str>) -> Result<T> {
        let mut command = self.command_line();
        command.args(arguments).arg("--json");
        command.stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() });
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("`{}` does not start", show(&command)))?;
        if let (Some(input), Some(mut stdin)) = (input, child.stdin.take()) {
            stdin.write_all(input.as_bytes())?;
        }
        let output = child.wait_with_output()?;
        if !output.status.success() {
            let message = String::from_utf8_lossy(&output.stderr);
            bail!("`{}` failed ({}): {}", show(&command), output.status, message.trim());
        }
        serde_json::from_slice(&output.stdout).with_context(|| {
            format!(
                "`{}` answered {:?}",
                show(&command),
                String::from_utf8_lossy(&output.stdout).trim()
            )
        })
    }

    /// Adds a household.
    ///
    /// Errors: as [`Self::command`].
    pub fn add_household(&self, name: &str) -> Result<HouseholdAdded> {
        self.command(&["household", "add", name], None)
    }

    /// Adds a camera.
    ///
    /// Errors: as [`Self::command`].
    pub fn add_camera(&self, household: &HouseholdAdded, name: &str, serial: &str) -> Result<CameraAdded> {
        let household = ["camera", "add", "--household", &household.household];
        self.command(&[&household[..], &["--name", name, "--serial", serial]].concat(), None)
    }

    /// Adds a viewer.
    ///
    /// Errors: as [`Self::command`].
    pub fn add_viewer(&self, household: &HouseholdAdded, login: &str, password: &str) -> Result<ViewerAdded> {
        let household = ["viewer", "add", "--household", &household.household];
        let login = ["--name", login, "--password-stdin"];
        self.command(&[&household[..], &login].concat(), Some(&format!("{password}\n")))
    }

    /// Starts serving and waits until it is said where.
    ///
    /// Errors: it ends before that; the end of its log is in the error.
    pub fn serve(&self) -> Result<Edge> {
        let log = File::create(&self.log).with_context(|| format!("writing {}", self.log.display()))?;
        let (mut command, ready) = match &self.spin {
            None => (self.command_line(), READY),
            Some(spin) => spin.command(&self.config),
        };
        if self.spin.is_none() {
            command.arg("serve");
        }
        if let Some((name, value)) = &self.variable {
            command.env(name, value);
        }
        let mut process = Process::start(command.stderr(log), Some(""))?;
        let address = process
            .line_of(ready)
            .with_context(|| format!("`{}`. Its log ends:\n{}", show(&command), self.log_end()))?;
        Ok(Edge { address, process })
    }

    /// The last lines of the log, for an error.
    pub fn log_end(&self) -> String {
        let log = fs::read(&self.log).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        let shown = lines
            .get(lines.len().saturating_sub(LOG_LINES_SHOWN)..)
            .unwrap_or_default();
        shown.iter().map(|line| format!("  | {line}\n")).collect()
    }

    /// Where the configuration is.
    pub fn config(&self) -> &Path {
        &self.config
    }
}

impl Spin {
    /// What serves, and how it says where.
    fn command(&self, store: &Path) -> (Command, &'static str) {
        match &self.server {
            Server::Engine(engine) => {
                let mut command = Command::new(engine);
                command.arg("--component").arg(self.folder.join(COMPONENT));
                command.arg("--store").arg(store).args(["--listen", &self.listen]);
                command.args(["--config", &format!("key_encryption_key={}", self.kek)]);
                (command, READY)
            }
            Server::Spin(spin) => {
                let mut command = Command::new(spin);
                command.arg("up").args(["--listen", &self.listen]);
                command.current_dir(&self.folder);
                command.env("SPIN_VARIABLE_KEY_ENCRYPTION_KEY", &self.kek);
                (command, READY_SPIN)
            }
        }
    }
}

impl Edge {
    /// The id of its process.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Whether the process has ended by itself, and how.
    ///
    /// Errors: the system does not say.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        self.process.ended()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    /// An installation whose binary is a shell script.
    fn installation(folder: &Path, script: &str) -> Installation {
        let binary = folder.join("eyesonly");
        fs::write(&binary, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&binary, fs::Permissions::from_mode(0o755)).unwrap();
        let built = Built {
            binary,
            components: folder.join("components"),
        };
        Installation::create(&built, folder, 0).unwrap()
    }

    #[test]
    fn a_ready_edge_has_an_address_and_ends_with_its_scope() {
        let folder = tempfile::tempdir().unwrap();
        let done = folder.path().join("done");
        let script = format!(
            "trap 'echo > {}; exit 0' TERM; echo listening on http://127.0.0.1:7; while :; do sleep 0.01; done",
            done.display()
        );
        let mut edge = installation(folder.path(), &script).serve().unwrap();
        assert_eq!(edge.address, "http://127.0.0.1:7");
        assert!(edge.ended().unwrap().is_none());
        drop(edge);
        assert!(done.exists(), "it was not asked to end in order");
    }

    #[test]
    fn an_edge_that_fails_shows_its_log() {
        let folder = tempfile::tempdir().unwrap();
        let error = installation(folder.path(), "echo the port is taken >&2; exit 3")
            .serve()
            .err()
            .unwrap();
        let message = format!("{error:#}");
        assert!(
            message.contains("the port is taken") && message.contains("exit status: 3"),
            "{message}"
        );
    }

    #[test]
    fn a_command_gives_its_answer_or_its_complaint() {
        #[derive(serde::Deserialize)]
        struct Answer {
            viewer: String,
        }
        let folder = tempfile::tempdir().unwrap();
        let script = r#"read password; test "$password" = secret || { echo bad password >&2; exit 1; }
            test "$1 $3 $4 $5" = "--config viewer add --json" && echo '{"viewer":"v"}'"#;
        let installation = installation(folder.path(), script);
        let answer: Answer = installation.command(&["viewer", "add"], Some("secret\n")).unwrap();
        assert_eq!(answer.viewer, "v");
        let error = installation
            .command::<Answer>(&["viewer", "add"], Some("wrong\n"))
            .err()
            .unwrap();
        assert!(format!("{error:#}").contains("bad password"), "{error:#}");
    }
}
