//! The rows of live view: what a viewer costs beside node-media-server and nginx, and how old a
//! picture is when it is on the screen.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use eyesonly_harness::process::Process;
use indicatif::ProgressBar;
use serde::Deserialize;
use serde_json::{Value, json};

use super::counters::{cpu_seconds, family, memory_mebibytes};
use super::nginx::{Nginx, free_port};
use super::report::{Goal, Row};
use super::rows::Pace;
use super::setup::{Session, World};
use crate::workspace::{Workspace, execute};

/// The server of HTTP-FLV, pinned so that the row means the same next year.
const FLV_SERVER: &str = "node-media-server@4.4.3";
/// The cameras, and the viewers of all of them together.
const CAMERAS: usize = 20;
const VIEWERS: usize = 200;
/// The cameras and the viewers of one household.
const CAMERAS_EACH: usize = 5;
const VIEWERS_EACH: usize = 2;
/// The bytes of a file of two seconds at 1 Mbit/s.
const SEGMENT_BYTES: usize = 250_000;
/// The longest load, beside its measured time.
const LOAD_MORE: Duration = Duration::from_secs(60);
/// The tests of the page whose pictures carry their time, and what they are called in the table.
const GLASS: [(&str, &str); 2] = [
    ("a_live_picture_is_close_to_the_world", "glass to glass, HTTP/1.1"),
    ("a_live_picture_over_tls_is_close_to_the_world", "glass to glass, TLS with HTTP/2"),
];

/// What one load came to, as `eyesonly-bench live` says it.
#[derive(Debug, Clone, Copy, Deserialize)]
struct Load {
    stalls: usize,
    requests: u64,
    bytes: u64,
    p50_milliseconds: Option<f64>,
    p95_milliseconds: Option<f64>,
    /// The CPU of the server, in seconds.
    #[serde(default)]
    cpu_seconds: f64,
    /// What the server's memory grew by, in MiB.
    #[serde(default)]
    memory: f64,
}

/// A server that is loaded: the helper's input, and the processes that count.
struct Side {
    input: Value,
    processes: Vec<u32>,
}

/// A running node-media-server.
struct FlvServer {
    address: String,
    process: Process,
}

impl FlvServer {
    /// Starts it, from a folder below `tools` that npm fills when it is missing.
    ///
    /// Errors: there is no npm, or the registry of npm can't be reached.
    fn start(tools: &Path, folder: &Path) -> Result<Self> {
        let home = tools.join("flv");
        if !home.join("node_modules").join("node-media-server").exists() {
            fs::create_dir_all(&home)?;
            let mend = "apt-get install -y npm; the registry of npm must be reachable";
            let mut npm = Command::new("npm");
            npm.args(["install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix"]);
            execute(npm.arg(&home).arg(FLV_SERVER), mend)?;
        }
        let port = free_port()?;
        let data = folder.join("flv");
        let config = json!({
            "bind": "127.0.0.1", "http": { "port": port }, "webadmin": { "enable": false },
            "auth": { "play": false, "publish": false }, "store": { "path": data },
        });
        let script =
            format!("new (require('node-media-server'))({config}).run(); console.log('started')");
        let mut node = Command::new("node");
        let mut process = Process::start(node.args(["-e", &script]).current_dir(&home), Some(""))?;
        process.line_of("started", Duration::from_secs(20)).context("node-media-server")?;
        Ok(Self { address: format!("127.0.0.1:{port}"), process })
    }
}

/// Loads one server, and counts its CPU and memory meanwhile.
fn load(helper: &Path, side: &Side, seconds: u64) -> Result<Load> {
    let memory =
        || -> Result<f64> { side.processes.iter().map(|id| memory_mebibytes(*id, "VmRSS")).sum() };
    let before = memory()?;
    let mut command = Command::new(helper);
    let mut helper = Process::start(command.arg("live"), Some(&side.input.to_string()))?;
    helper.line("measuring", Some(LOAD_MORE)).context("the load of live view")?;
    let cpu = cpu_seconds(&side.processes)?;
    helper.line("measured", Some(Duration::from_secs(seconds) + LOAD_MORE))?;
    let (cpu_seconds, memory) = (cpu_seconds(&side.processes)? - cpu, memory()? - before);
    let load: Load = serde_json::from_str(&helper.line("", Some(LOAD_MORE))?)?;
    Ok(Load { cpu_seconds, memory, ..load })
}

/// Measures (i): what viewers of live view cost, beside node-media-server and nginx.
///
/// Errors: a server does not start, or refuses a camera or a viewer.
pub fn viewers(
    workspace: &Workspace,
    world: &World,
    helper: &Path,
    nginx: &Nginx,
    (pace, bar): (Pace, &ProgressBar),
) -> Result<Vec<Row>> {
    let flv = FlvServer::start(&workspace.target.join("tools"), world.folder())?;
    let seconds = pace.live_seconds;
    let edge = Side { input: at_edge(world, seconds)?, processes: vec![world.process()?] };
    let by_flv =
        Side { input: at_flv(&flv.address, seconds), processes: family(flv.process.id())? };
    let files = world.folder().join("files");
    fs::create_dir_all(&files)?;
    fs::write(files.join("live.m4s"), vec![7; SEGMENT_BYTES])?;
    let by_files = Side { input: at_files(&nginx.address, seconds), processes: nginx.processes()? };
    let mut rounds: Vec<[Load; 3]> = Vec::new();
    for _ in 0..pace.live_rounds {
        let mut round = Vec::new();
        for side in [&edge, &by_flv, &by_files] {
            round.push(load(helper, side, seconds)?);
            bar.inc(1);
        }
        rounds.push(round.try_into().ok().context("three loads")?);
    }
    let pairs = |other: usize, of: &dyn Fn(&Load) -> f64| -> Vec<(f64, f64)> {
        let pair = |round: &[Load; 3]| Some((of(round.first()?), of(round.get(other)?)));
        rounds.iter().filter_map(pair).collect()
    };
    let ours = |of: &dyn Fn(&Load) -> f64| -> Vec<f64> {
        pairs(0, of).into_iter().map(|(ours, _)| ours).collect()
    };
    let (viewers, time) = (VIEWERS as f64, seconds as f64);
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    let cpu = |load: &Load| load.cpu_seconds / time / viewers * 100.0;
    let memory = |load: &Load| load.memory * 1024.0 / viewers;
    let bytes = |load: &Load| load.bytes as f64 * 8e-6 / time / viewers;
    let p50 = |load: &Load| load.p50_milliseconds.unwrap_or(f64::NAN);
    let p95 = |load: &Load| load.p95_milliseconds.unwrap_or(f64::NAN);
    let name = format!("CPU of one of {VIEWERS} viewers of {CAMERAS} cameras");
    let (node, plain) = ("node-media-server", "nginx, files");
    Ok(vec![
        Row::beside("(i)", &name, "% of a core", node, &pairs(1, &cpu), Some(Goal::AtMost(1.0))),
        Row::beside("(i)", &name, "% of a core", plain, &pairs(2, &cpu), None),
        Row::beside("(i)", "what came to a viewer", "Mbit/s", node, &pairs(1, &bytes), None),
        Row::beside("(i)", "memory for a viewer", "KiB", node, &pairs(1, &memory), None),
        Row::beside("(i)", "age of half of the fragments", "ms", node, &pairs(1, &p50), None),
        Row::beside("(i)", "age of 95 of 100 fragments", "ms", node, &pairs(1, &p95), None),
        Row::beside(
            "(i)",
            "viewers whose picture stood still",
            "viewers",
            node,
            &pairs(1, &|load| load.stalls as f64),
            None,
        ),
        Row::alone(
            "(i)",
            "segments, each under a grant of its own",
            "segments/s",
            &ours(&|load| load.requests as f64 / time),
            None,
        ),
        Row::alone(
            "(i)",
            &format!("viewers that {cores} cores carry, by this CPU alone"),
            "viewers",
            &ours(&|load| cores as f64 * 100.0 / cpu(load)),
            None,
        ),
    ])
}

/// Enrols the households at the edge, and writes the helper's input.
fn at_edge(world: &World, seconds: u64) -> Result<Value> {
    let (mut cameras, mut viewers) = (Vec::new(), Vec::new());
    let each = VIEWERS / CAMERAS;
    for number in 0..CAMERAS / CAMERAS_EACH {
        let home = world.enrol_live(&format!("live-{number}"), CAMERAS_EACH, VIEWERS_EACH)?;
        for camera in home.cameras {
            for nth in 0..each {
                let Session { token, tag, .. } =
                    home.sessions.get(nth % VIEWERS_EACH).context("no session")?;
                let path = format!("/v1/{tag}/cameras/{}/live/next", camera.id);
                viewers.push(json!([cameras.len(), { "path": path, "credential": token }]));
            }
            let path = "/v1/ingest/live/main";
            cameras.push(json!({ "path": path, "credential": camera.credential }));
        }
    }
    Ok(json!({
        "kind": "edge", "address": world.address, "seconds": seconds,
        "cameras": cameras, "viewers": viewers,
    }))
}

fn at_flv(address: &str, seconds: u64) -> Value {
    let path = |camera: usize| json!({ "path": format!("/live/{camera}.flv"), "credential": "" });
    let cameras: Vec<Value> = (0..CAMERAS).map(path).collect();
    let viewer = |nth: usize| json!([nth % CAMERAS, path(nth % CAMERAS)]);
    let viewers: Vec<Value> = (0..VIEWERS).map(viewer).collect();
    json!({
        "kind": "flv", "address": address, "seconds": seconds,
        "cameras": cameras, "viewers": viewers,
    })
}

fn at_files(address: &str, seconds: u64) -> Value {
    let path = json!({ "path": "/live.m4s", "credential": "" });
    let viewers: Vec<Value> = (0..VIEWERS).map(|_| json!([0, path])).collect();
    json!({
        "kind": "files", "address": address, "seconds": seconds,
        "cameras": [], "viewers": viewers,
    })
}

/// Measures (j): how old a picture is on the screen, in Chromium, with the edge of the bench. It
/// runs the tests that watch the page, for longer.
///
/// Errors: a test fails, or Chromium or ffmpeg is missing.
pub fn glass(
    workspace: &Workspace,
    edge: &Path,
    pace: Pace,
    bar: &ProgressBar,
) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (test, name) in GLASS {
        let mut ages: Vec<[f64; 3]> = Vec::new();
        for _ in 0..pace.live_rounds {
            ages.push(watched(workspace, edge, test, pace.glass_seconds)?);
            bar.inc(1);
        }
        let of = |at: usize| -> Vec<f64> {
            ages.iter().filter_map(|ages| ages.get(at).copied()).collect()
        };
        let half = format!("{name}, half of the pictures");
        rows.push(Row::alone("(j)", &half, "ms", &of(0), Some(Goal::AtMost(250.0))));
        let most = format!("{name}, 95 of 100");
        rows.push(Row::alone("(j)", &most, "ms", &of(1), Some(Goal::AtMost(400.0))));
        rows.push(Row::alone("(j)", &format!("{name}, longest gap"), "ms", &of(2), None));
    }
    Ok(rows)
}

/// Runs one test of the page, and reads the numbers that it prints.
fn watched(workspace: &Workspace, edge: &Path, test: &str, seconds: u64) -> Result<[f64; 3]> {
    let mut cargo = workspace.cargo();
    cargo
        // The whole workspace's features, so that nothing is built twice.
        .args(["test", "--quiet", "--workspace", "--test", "browser", "--", test])
        .args(["--nocapture", "--test-threads", "1"])
        .env("EYESONLY_BIN", edge)
        .env("EYESONLY_LIVE_SECONDS", seconds.to_string());
    let output = cargo.output().context("cargo does not start")?;
    let said = String::from_utf8_lossy(&output.stdout);
    let numbers = said.lines().find_map(|line| {
        let (_, rest) = line.split_once(" pictures, p50 ")?;
        let words = rest.split(|letter: char| !letter.is_ascii_digit());
        let numbers: Vec<f64> = words.filter_map(|word| word.parse().ok()).collect();
        // The second one is the 95 of `p95`.
        let [half, _, most, gap] = *numbers.as_slice() else { return None };
        Some([half, most, gap])
    });
    match numbers {
        Some(numbers) if output.status.success() => Ok(numbers),
        _ => {
            let told = String::from_utf8_lossy(&output.stderr);
            bail!(
                "the test `{test}` says no ages (chromium, chromium-driver and ffmpeg have to be \
                 installed): {said}{told}"
            )
        }
    }
}
