//! Real proxies before an edge: nginx and haproxy, each set up as docs/running.md says.
//!
//! It must never set a proxy up otherwise, but for addresses, logs, and what a test changes itself.

use std::fs::{self, File};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use eyesonly_harness::process::Process;
use tempfile::TempDir;

use crate::built::ROOT;
use crate::{Door, Edge};

/// The longest start of a proxy, in seconds.
const START_SECONDS_MAX: u64 = 30;
/// The address of the edge in the documentation.
const EDGE: &str = "127.0.0.1:8080";

/// The program that is the proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// nginx.
    Nginx,
    /// haproxy.
    Haproxy,
}

/// A running proxy before an edge.
pub struct Proxy {
    address: String,
    log: PathBuf,
    // It ends before its folder goes.
    _process: Process,
    _folder: TempDir,
}

impl Program {
    /// Returns its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Haproxy => "haproxy",
        }
    }

    /// Returns its configuration as docs/running.md shows it.
    fn documented(self) -> String {
        let page = fs::read_to_string(Path::new(ROOT).join("docs/running.md")).unwrap();
        let start = format!("```{}\n", self.name());
        page.split_once(&start).unwrap().1.split_once("```").unwrap().0.to_owned()
    }

    /// Writes a whole configuration around the part that is documented.
    fn around(self, part: &str, folder: &Path) -> String {
        let folder = folder.display();
        // If root starts nginx, its workers are another user, who may not look into the folder.
        let user = if rustix::process::geteuid().is_root() { "user root;" } else { "" };
        match self {
            Self::Nginx => format!(
                "{user} daemon off; worker_processes 1; pid {folder}/pid; error_log stderr error;
events {{ worker_connections 256; }}
http {{
access_log off;
client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
{part}}}
"
            ),
            Self::Haproxy => format!(
                "global\n    maxconn 256\n    log stderr format raw local0\n{}",
                part.replace("defaults\n", "defaults\n    log global\n    option httplog\n")
            ),
        }
    }

    fn command(self, config: &Path, folder: &Path) -> Command {
        let mut command = Command::new(self.name());
        match self {
            Self::Nginx => {
                command.arg("-c").arg(config).arg("-p").arg(folder).args(["-e", "stderr"])
            }
            Self::Haproxy => command.arg("-db").arg("-f").arg(config),
        };
        command
    }
}

impl Proxy {
    /// Starts a proxy before `edge`, and waits until it takes connections.
    ///
    /// # Panics
    /// If it does not start. Ask [`crate::tool::tool`] first whether it is installed.
    pub fn start(program: Program, edge: &Edge) -> Self {
        Self::start_at(program, edge, free_port(), |config| config)
    }

    /// Starts a proxy on this port of 127.0.0.1. `change` may write its configuration otherwise.
    ///
    /// # Panics
    /// If it does not start.
    pub fn start_at(
        program: Program,
        edge: &Edge,
        port: u16,
        change: impl FnOnce(String) -> String,
    ) -> Self {
        let folder = tempfile::Builder::new().prefix("eyesonly-proxy-").tempdir().unwrap();
        let address = format!("127.0.0.1:{port}");
        let part = change(program.documented());
        let part = part.replace(EDGE, &edge.door().authority());
        let part = part.replace("listen 80;", &format!("listen {address};"));
        let part = part.replace("bind :80\n", &format!("bind {address}\n"));
        let (config, log) = (folder.path().join("configuration"), folder.path().join("log"));
        fs::write(&config, program.around(&part, folder.path())).unwrap();
        let mut command = program.command(&config, folder.path());
        command.stderr(File::create(&log).unwrap());
        let mut process = Process::start(&mut command, Some("")).unwrap();
        let began = Instant::now();
        while TcpStream::connect(&address).is_err() {
            let said = fs::read_to_string(&log).unwrap();
            let goes_on = process.ended().unwrap().is_none();
            let in_time = began.elapsed() < Duration::from_secs(START_SECONDS_MAX);
            assert!(goes_on && in_time, "{} does not start: {said}", program.name());
            // It does not say when it is ready.
            thread::sleep(Duration::from_millis(20));
        }
        Self { address: format!("http://{address}"), log, _process: process, _folder: folder }
    }

    /// Returns a door through this proxy, for a client with connections of its own.
    pub fn door(&self, edge: &Edge) -> Door {
        edge.door().by(|client| client).at(&self.address)
    }

    /// Returns its address, as a browser has it for the origin of a page.
    pub fn origin(&self) -> &str {
        &self.address
    }

    /// Reads its log. That of nginx has nothing but errors. That of haproxy has a line for each
    /// request.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }
}

/// Returns a port that was free a moment ago: proxies can't choose one and say which.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
