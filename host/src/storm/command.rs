//! `eyesonly storm`: reads the command line, replays against both servers, and reports.

use super::arena::{TIER_BYTES, Which};
use super::cells::{self, Cell, Size};
use super::lies::{self, Liar, Lie, Told, defence_name};
use super::replay::{Outcome, Plan, replay};
use super::report::{self, Report};
use super::rows;
use super::tally::Tally;
use super::webcaches;
use crate::clock;
use crate::defence::{self, Defence};
use crate::sandbox::{Handler, Limits, Sandbox};
use anyhow::{Context as _, bail};
use indicatif::ProgressBar;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

/// Most households of one storm: their keys are kept in memory.
const HOUSEHOLDS_MAX: u32 = 100_000;
/// How often nothing is said of lies: one answer of a hundred of every seam.
const LIES_DEFAULT: &str = "all";

/// Replays an outage in which every seam lies, against this system and a conventional one, and counts what reached the wrong eyes.
#[derive(clap::Args)]
pub struct Arguments {
    /// Folder with `thumbnail.wasm` and `events.wasm`.
    #[arg(long, default_value = "components", value_name = "FOLDER")]
    components: PathBuf,
    /// How many households come back.
    #[arg(long, default_value_t = 13_000, value_parser = clap::value_parser!(u32).range(1..=i64::from(HOUSEHOLDS_MAX)))]
    households: u32,
    /// Cameras of each household.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=16))]
    cameras: u32,
    /// What is told: `seam:kind@rate`, `seam@rate`, `all@rate`; may be given several times. `none`: nobody lies.
    #[arg(long = "lie", value_name = "LIE")]
    lies: Vec<String>,
    /// Switches a defence of this system off, to see what the detector sees then; may be given several times.
    #[arg(long, value_name = "DEFENCE", value_parser = lies::defence)]
    without: Vec<Defence>,
    /// Repeats the run that printed this seed.
    #[arg(long)]
    seed: Option<u64>,
    /// Over how many seconds cameras and viewers come back; 0: all at once.
    #[arg(long, default_value_t = 0.0, value_parser = seconds, allow_negative_numbers = true)]
    jitter_seconds: f64,
    /// At least so many requests of each server.
    #[arg(long, default_value_t = 0)]
    requests: u64,
    /// How many cameras and viewers are at it at once.
    #[arg(long, default_value_t = 128, value_parser = clap::value_parser!(u32).range(1..=4096))]
    workers: u32,
    /// Writes FILE.json and FILE.html.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Where data folders are made; they go with the run.
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// Stands nginx and varnish in front of both servers as well.
    #[arg(long)]
    web_caches: bool,
    /// Runs every seam with every lie that it can tell, each with its control, instead of one storm; a line each.
    #[arg(long)]
    cells: bool,
    /// Measures an honest run beside one in which all lie and one tier always does; a row each.
    #[arg(long, conflicts_with = "cells")]
    bench: bool,
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.0..=3600.0).contains(&seconds) => Ok(seconds),
        _ => Err("it must be a number of seconds from 0 to 3600".to_owned()),
    }
}

impl Arguments {
    fn told(&self) -> anyhow::Result<Vec<Lie>> {
        let said: Vec<&str> = if self.lies.is_empty() {
            vec![LIES_DEFAULT]
        } else {
            self.lies.iter().map(String::as_str).collect()
        };
        let mut lies = Vec::new();
        for text in said.into_iter().filter(|text| *text != "none") {
            let told: Told = text.parse().map_err(|error| anyhow::anyhow!("--lie {text}: {error}"))?;
            lies.extend(told.lies());
        }
        Ok(lies)
    }

    fn plan(&self, lies: Vec<Lie>, seed: u64) -> Plan {
        Plan {
            seed,
            households: self.households,
            cameras_each: self.cameras,
            before: 1,
            backlog: 2,
            visits: 1,
            requests_min: self.requests,
            jitter: Duration::from_secs_f64(self.jitter_seconds),
            workers: self.workers as usize,
            dropped_share: 0.02,
            lies,
            tiers: vec![Liar::MemoryTier, Liar::DiskTier, Liar::SharedCache],
            tier_bytes: TIER_BYTES,
            folder: self.data.clone(),
        }
    }
}

/// Where a report goes: found to be writable before anything starts.
struct Files {
    json: PathBuf,
    html: PathBuf,
}

impl Files {
    fn new(path: &Path) -> anyhow::Result<Self> {
        let files = Self {
            json: path.with_extension("json"),
            html: path.with_extension("html"),
        };
        for path in [&files.json, &files.html] {
            std::fs::OpenOptions::new()
                .create(true)
                .append(true)
                .open(path)
                .with_context(|| format!("--report: {} can't be written; nothing was started", path.display()))?;
        }
        Ok(files)
    }
}

/// Runs it.
///
/// # Errors
/// What is wrong with the arguments, or could not be set up. Exposures here are an error too, but in a control.
pub async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let lies = arguments.told()?;
    let files = arguments.report.as_deref().map(Files::new).transpose()?;
    if arguments.cells && (!arguments.without.is_empty() || !arguments.lies.is_empty()) {
        bail!("--cells has its own lies and controls; leave out --lie and --without");
    }
    let seed = arguments
        .seed
        .unwrap_or_else(|| u64::from_be_bytes(clock::random()) >> 16);
    let bar = progress();
    bar.set_message("preparing the handlers");
    let handlers = handlers(&arguments.components)?;
    if arguments.cells {
        return run_cells(arguments, seed, files, &handlers, &bar).await;
    }
    let plan = arguments.plan(lies, seed);
    if arguments.bench {
        let watch = |what: &str, _: &Tally| bar.set_message(what.to_owned());
        let rows = rows::measure(&plan, &handlers, &watch).await?;
        bar.finish_and_clear();
        if let Some(files) = files {
            write(&files.json, &serde_json::to_string_pretty(&rows)?)?;
        }
        rows.iter().for_each(|row| println!("{}", row.line()));
        return Ok(());
    }
    let began_at = humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_millis(clock::now_milliseconds()));
    let watch = |name: &'static str| {
        let bar = bar.clone();
        move |what: &str, tally: &Tally| {
            let (requests, exposed) = tally.so_far();
            bar.set_message(format!("{name}: {what} ({requests} requests, {exposed} exposures)"));
        }
    };
    let conventional = replay(Which::Conventional, &plan, handlers.clone(), &watch("conventional")).await?;
    defence::only_without(&arguments.without);
    let here = replay(Which::Here, &plan, handlers.clone(), &watch("eyesonly")).await;
    defence::only_without(&[]);
    let here = here?;
    let web_caches = if arguments.web_caches {
        bar.set_message("web caches in front");
        let (rows, absent) = webcaches::stand_before(seed, arguments.data.as_deref(), &handlers).await?;
        for name in absent {
            tracing::warn!("{name} is not installed: it does not stand in front");
        }
        rows
    } else {
        Vec::new()
    };
    bar.finish_and_clear();
    let report = Report {
        version: env!("CARGO_PKG_VERSION"),
        began_at: began_at.to_string(),
        seed,
        command: command(arguments, seed),
        households: arguments.households as usize,
        cameras: (arguments.households * arguments.cameras) as usize,
        viewers: arguments.households as usize,
        jitter_seconds: arguments.jitter_seconds,
        without: arguments
            .without
            .iter()
            .map(|one| defence_name(*one).to_owned())
            .collect(),
        lies: table_of_lies(&here, &conventional),
        here: here.side,
        conventional: conventional.side,
        web_caches,
    };
    if let Some(files) = files {
        write(&files.json, &serde_json::to_string_pretty(&report)?)?;
        write(&files.html, &report::page(&report))?;
    }
    println!("{}", report::table(&report));
    println!("{}", report::closing_line(&report));
    let shown = report.here.exposed + report.web_caches.iter().map(|cache| cache.exposed_here).sum::<u64>();
    if shown > 0 && arguments.without.is_empty() {
        bail!("{shown} answers showed somebody what is not theirs");
    }
    Ok(())
}

fn table_of_lies(here: &Outcome, conventional: &Outcome) -> Vec<report::Lie> {
    let both = here.told.iter().zip(&conventional.told);
    both.map(|((lie, told_here), (_, told_conventional))| report::Lie {
        seam: lie.liar.name(),
        kind: lie.kind.name(),
        rate: lie.rate,
        told_here: *told_here,
        told_conventional: *told_conventional,
    })
    .collect()
}

/// The command that repeats the run.
fn command(arguments: &Arguments, seed: u64) -> String {
    let mut command = format!(
        "eyesonly storm --households {} --cameras {} --seed {seed}",
        arguments.households, arguments.cameras
    );
    for lie in &arguments.lies {
        command.push_str(&format!(" --lie {lie}"));
    }
    for defence in &arguments.without {
        command.push_str(&format!(" --without {}", defence_name(*defence)));
    }
    if arguments.jitter_seconds > 0.0 {
        command.push_str(&format!(" --jitter-seconds {}", arguments.jitter_seconds));
    }
    if arguments.requests > 0 {
        command.push_str(&format!(" --requests {}", arguments.requests));
    }
    command
}

async fn run_cells(
    arguments: &Arguments,
    seed: u64,
    files: Option<Files>,
    handlers: &(Handler, Handler),
    bar: &ProgressBar,
) -> anyhow::Result<()> {
    let size = Size {
        households: arguments.households,
        requests_min: arguments.requests,
        // A control only has to be seen.
        control_requests_min: arguments.requests / 20,
        seed,
        folder: arguments.data.clone(),
    };
    let mut done: Vec<Cell> = Vec::new();
    let pairs = cells::pairs();
    for (nth, (liar, kind)) in pairs.iter().enumerate() {
        let watch = |what: &str, _: &Tally| {
            bar.set_message(format!("{}/{}: {}:{kind}: {what}", nth + 1, pairs.len(), liar.name()));
        };
        let cell = cells::cell((*liar, *kind), &size, handlers, &watch).await?;
        bar.suspend(|| println!("{}", cell.line()));
        done.push(cell);
    }
    bar.finish_and_clear();
    if let Some(files) = files {
        write(&files.json, &serde_json::to_string_pretty(&done)?)?;
    }
    let sum = |of: fn(&Cell) -> u64| done.iter().map(of).sum::<u64>();
    println!(
        "exposures: {} (controls: {}), misdeliveries refused: {}, requests: {}, seed: {seed}",
        sum(|cell| cell.exposed),
        sum(|cell| cell.control_exposed),
        sum(|cell| cell.misdeliveries),
        sum(|cell| cell.requests),
    );
    let faults: Vec<String> = done.iter().filter_map(Cell::fault).collect();
    if !faults.is_empty() {
        bail!(
            "{} of {} cells do not hold:\n{}",
            faults.len(),
            done.len(),
            faults.join("\n")
        );
    }
    Ok(())
}

fn handlers(folder: &Path) -> anyhow::Result<(Handler, Handler)> {
    let sandbox = Sandbox::new(Limits::default(), None)?;
    let load = |name: &str| {
        let path = folder.join(format!("{name}.wasm"));
        sandbox.load(name, &path).with_context(|| {
            format!("the {name} handler can't be loaded; --components must be the folder with {name}.wasm (`cargo xtask build` makes target/components)")
        })
    };
    Ok((load("thumbnail")?, load("events")?))
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    std::fs::write(path, text).with_context(|| format!("{}: can't be written", path.display()))
}

fn progress() -> ProgressBar {
    use std::io::IsTerminal as _;
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new_spinner();
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}
