//! The command: reads its arguments, runs what they ask for, and says how it ended.
//!
//! Whatever is wrong with an argument is an error before anything starts. A run that was stopped
//! must never conclude anything.

use crate::again;
use crate::arena::{TIER_BYTES, Which};
use crate::cells::{self, Cell, Size};
use crate::defence::Defence;
use crate::files::Files;
use crate::incident::{self, Row};
use crate::lies::{Liar, Lie};
use crate::progress::Progress;
use crate::replay::{Outcome, Plan, replay};
use crate::report::{self, CellsReport, Report};
use crate::rows;
use crate::said;
use crate::stop::{RunFolder, Stops};
use crate::tally::Tally;
use crate::webcaches;
use anyhow::bail;
use eyesonly::handlers::Handlers;
use eyesonly::sandbox::{Limits, Sandbox};
use eyesonly_service::clock;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant, UNIX_EPOCH};

/// What `--version` says, so that nobody takes this program for what is deployed.
pub const VERSION: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    ": replays an outage with lying seams; serves on loopback only; not for deployment"
);

/// Most households of one storm: their keys are kept in memory.
const HOUSEHOLDS_MAX: u64 = 100_000;
/// How long what is under way may take to end, after all is over or was stopped.
const END_MAX: Duration = Duration::from_secs(5);
/// The households whose cameras stream, if nothing else is said.
const LIVE: u64 = 12;
/// The most of them: with 16 cameras each, the host's limit of streams.
const LIVE_MAX: u64 = 32;
/// The least number of segments that are followed after some rights were taken, of each household
/// whose cameras stream.
const FOLLOWS_EACH: u64 = 8;
/// Clips that are on their way while their right is taken.
const STREAMS: u32 = 8;

/// Replays an outage in which every seam lies, against this system and a conventional one, and
/// counts what reached the wrong eyes.
///
/// Exit status: 0 if nothing was exposed here (with --cells: every cell holds), or if the liars
/// forged on purpose. 1 if something was exposed, if a cell does not hold, or if the run could not
/// be made. 2 if an argument can't be read. 130 or 143 if it was stopped by Ctrl-C or SIGTERM,
/// which concludes nothing. docs/storm.md explains lies, defences and what is counted.
#[derive(clap::Args)]
pub struct Arguments {
    /// Folder with `thumbnail.wasm` and `events.wasm`, instead of the handlers of this build.
    #[arg(long, value_name = "FOLDER")]
    pub(super) components: Option<PathBuf>,
    /// How many households come back.
    #[arg(
        long,
        default_value_t = 13_000,
        value_parser = whole(1, HOUSEHOLDS_MAX),
        value_name = "NUMBER",
        allow_negative_numbers = true
    )]
    pub(super) households: u64,
    /// Cameras of each household.
    #[arg(
        long,
        default_value_t = 2,
        value_parser = whole(1, 16),
        value_name = "NUMBER",
        allow_negative_numbers = true
    )]
    pub(super) cameras: u64,
    /// How many households have cameras that stream all the time: the first ones. Their viewers
    /// follow each camera.
    #[arg(
        long,
        default_value_t = LIVE,
        value_parser = whole(0, LIVE_MAX),
        value_name = "NUMBER",
        allow_negative_numbers = true
    )]
    pub(super) live: u64,
    /// What is told: `seam:kind@rate`, `seam@rate`, `all@rate`; may be given several times. `none`:
    /// nobody lies.
    ///
    /// The rate is the share of the seam's answers that are to be lies, and 0.01 if it is left out.
    /// Where no kind is named, the rate is that of all kinds of a seam together: each has an equal
    /// part of it. Without --lie: `all@0.01`.
    #[arg(long = "lie", value_name = "LIE")]
    pub(super) lies: Vec<String>,
    /// Gives the liars in front of this system what a defence rests on (its key, or that it
    /// forgets), to see what the detector sees then; may be given several times.
    #[arg(long, value_name = "DEFENCE")]
    pub(super) forge: Vec<Defence>,
    /// Repeats the run that printed this seed: the same lies in the same order. Which request meets
    /// which depends on timing.
    #[arg(
        long,
        value_parser = whole(0, u64::MAX),
        value_name = "NUMBER",
        allow_negative_numbers = true
    )]
    pub(super) seed: Option<u64>,
    /// Over how many seconds cameras and viewers come back; 0: all at once.
    #[arg(
        long,
        default_value_t = 0.0,
        value_parser = seconds,
        value_name = "SECONDS",
        allow_negative_numbers = true
    )]
    pub(super) jitter_seconds: f64,
    /// At least so many requests of each server; with --cells, of each cell.
    #[arg(
        long,
        default_value_t = 0,
        value_parser = whole(0, u64::MAX),
        value_name = "NUMBER",
        allow_negative_numbers = true
    )]
    pub(super) requests: u64,
    /// How many cameras and viewers are at it at once.
    #[arg(
        long,
        default_value_t = 128,
        value_parser = whole(1, 4096),
        value_name = "NUMBER",
        allow_negative_numbers = true
    )]
    pub(super) workers: u64,
    /// Writes FILE.json and FILE.html when all is over (with --bench or --incident, FILE.json
    /// alone).
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Where the run's data folder is made; it goes with the run.
    #[arg(long, value_name = "FOLDER")]
    pub(super) data: Option<PathBuf>,
    /// Stands nginx and varnish in front of both servers as well; both have to be installed.
    #[arg(long)]
    pub(super) web_caches: bool,
    /// Runs every seam with every lie that it can tell, each with its control, instead of one
    /// storm; a line each. Lies, cameras, workers and tiers are the cells' own.
    #[arg(long)]
    pub(super) cells: bool,
    /// Prints what the ledgers of both servers knew of what the clients saw, in storms and in
    /// controls; a line each.
    #[arg(long, conflicts_with_all = ["cells", "bench"])]
    pub(super) incident: bool,
    /// With --incident: so many storms, with the seed and those after it.
    #[arg(
        long,
        default_value_t = 3,
        value_parser = whole(1, 100),
        value_name = "NUMBER",
        requires = "incident",
        allow_negative_numbers = true
    )]
    pub(super) seeds: u64,
    /// Measures an honest run beside one in which all lie and one tier always does; a row each.
    #[arg(long, conflicts_with = "cells")]
    pub(super) bench: bool,
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.0..=3600.0).contains(&seconds) => Ok(seconds),
        _ => Err("it must be a number of seconds from 0 to 3600".to_owned()),
    }
}

/// Reads a whole number within these.
fn whole(
    least: u64,
    most: u64,
) -> impl Fn(&str) -> Result<u64, String> + Clone + Send + Sync + 'static {
    move |text| match text.parse::<u64>() {
        Ok(number) if (least..=most).contains(&number) => Ok(number),
        _ => Err(format!("it must be a whole number from {least} to {most}")),
    }
}

/// All that a run has, found to be in order before it starts.
struct Run<'a> {
    arguments: &'a Arguments,
    lies: Vec<Lie>,
    files: Option<Files>,
    seed: u64,
    progress: Progress,
}

impl<'a> Run<'a> {
    fn new(arguments: &'a Arguments) -> anyhow::Result<Self> {
        let lies = said::lies(&arguments.lies).map_err(anyhow::Error::msg)?;
        let own = [("--cells", arguments.cells), ("--bench", arguments.bench)];
        let also =
            !arguments.forge.is_empty() || !arguments.lies.is_empty() || arguments.web_caches;
        if arguments.incident && (!arguments.forge.is_empty() || arguments.web_caches) {
            bail!(
                "--incident has its own controls, without web caches; leave out --forge and \
                   --web-caches"
            );
        }
        if let Some((which, _)) = own.iter().find(|(_, is)| *is && also) {
            bail!(
                "{which} has its own lies and controls, without web caches; leave out --lie, \
                 --forge and --web-caches"
            );
        }
        if arguments.web_caches {
            webcaches::installed()?;
        }
        Ok(Self {
            arguments,
            lies,
            files: arguments.report.as_deref().map(Files::new).transpose()?,
            seed: arguments.seed.unwrap_or_else(|| u64::from_be_bytes(clock::random()) >> 16),
            progress: Progress::new(),
        })
    }

    fn plan(&self, folder: &Path) -> Plan {
        let arguments = self.arguments;
        Plan {
            seed: self.seed,
            households: small(arguments.households),
            cameras_each: small(arguments.cameras),
            before: 1,
            backlog: 2,
            viewers: small(arguments.households),
            visits: 1,
            requests_min: arguments.requests,
            until_seen: false,
            jitter: Duration::from_secs_f64(arguments.jitter_seconds),
            workers: small(arguments.workers) as usize,
            dropped_share: 0.02,
            lies: self.lies.clone(),
            forge: arguments.forge.clone(),
            streams: STREAMS,
            shares: true,
            live: small(arguments.live),
            follows_min: arguments.live * FOLLOWS_EACH,
            sets_aside: true,
            ledger: true,
            tiers: vec![Liar::MemoryTier, Liar::DiskTier, Liar::SharedCache],
            tier_bytes: TIER_BYTES,
            folder: Some(folder.to_owned()),
        }
    }

    async fn perform(&self, folder: &Path) -> anyhow::Result<()> {
        self.progress.say("preparing the handlers");
        let components = self.arguments.components.clone();
        // Compiling takes seconds in which nothing else of this task could be stopped.
        let handlers =
            tokio::task::spawn_blocking(move || handlers(components.as_deref())).await??;
        if self.arguments.cells {
            self.cells(folder, &handlers).await
        } else if self.arguments.incident {
            self.incident(folder, &handlers).await
        } else if self.arguments.bench {
            self.bench(folder, &handlers).await
        } else {
            self.storm(folder, &handlers).await
        }
    }

    async fn bench(&self, folder: &Path, handlers: &Handlers) -> anyhow::Result<()> {
        let watch = |what: &str, tally: &Tally| self.progress.watch(what, tally);
        let rows = rows::measure(&self.plan(folder), handlers, &watch).await?;
        self.progress.end();
        if let Some(files) = &self.files {
            files.write_json(&rows)?;
        }
        rows.iter().for_each(|row| println!("{}", row.line()));
        Ok(())
    }

    async fn incident(&self, folder: &Path, handlers: &Handlers) -> anyhow::Result<()> {
        let mut rows: Vec<Row> = Vec::new();
        self.progress.print(&Row::heading());
        for seed in (0..self.arguments.seeds).map(|nth| self.seed.wrapping_add(nth)) {
            let plan = Plan { seed, ..self.plan(folder) };
            for asked in incident::all(&plan) {
                let watch = |what: &str, tally: &Tally| {
                    self.progress.watch(&format!("{seed} {}: {what}", asked.name), tally);
                };
                let row = asked.run(handlers.clone(), &watch).await?;
                self.progress.print(&row.line());
                rows.push(row);
            }
        }
        self.progress.end();
        if let Some(files) = &self.files {
            files.write_json(&rows)?;
        }
        let faults: Vec<String> = rows.iter().filter_map(Row::fault).collect();
        if !faults.is_empty() {
            bail!("{} of {} lines fail:\n{}", faults.len(), rows.len(), faults.join("\n"));
        }
        Ok(())
    }

    async fn storm(&self, folder: &Path, handlers: &Handlers) -> anyhow::Result<()> {
        let (arguments, plan) = (self.arguments, self.plan(folder));
        let began_at = now();
        let watch = |name: &'static str| {
            move |what: &str, tally: &Tally| self.progress.watch(&format!("{name}: {what}"), tally)
        };
        let conventional =
            replay(Which::Conventional, &plan, handlers.clone(), &watch("conventional")).await?;
        let here = replay(Which::Here, &plan, handlers.clone(), &watch("eyesonly")).await?;
        let web_caches = if arguments.web_caches {
            self.progress.say("web caches in front");
            webcaches::stand_before(self.seed, &plan, handlers).await?
        } else {
            Vec::new()
        };
        self.progress.end();
        let forged = arguments.forge.iter().map(|defence| defence.name().to_owned());
        let report = Report {
            version: env!("CARGO_PKG_VERSION"),
            began_at,
            seed: self.seed,
            command: again::command(arguments, self.seed),
            households: plan.households as usize,
            cameras: plan.households as usize * plan.cameras_each as usize,
            viewers: plan.households as usize,
            jitter_seconds: arguments.jitter_seconds,
            forged: forged.collect(),
            lies: table_of_lies(&here, &conventional),
            here: here.side,
            conventional: conventional.side,
            web_caches,
        };
        if let Some(files) = &self.files {
            files.write_json(&report)?;
            files.write_html(&report::page(&report))?;
        }
        println!("{}", report::table(&report));
        println!("{}", report::closing_line(&report));
        let shown = report.here.exposed
            + report.web_caches.iter().map(|cache| cache.here.exposed).sum::<u64>();
        if shown > 0 && arguments.forge.is_empty() {
            bail!("{shown} answers showed somebody what is not theirs");
        }
        Ok(())
    }

    async fn cells(&self, folder: &Path, handlers: &Handlers) -> anyhow::Result<()> {
        let (began, began_at) = (Instant::now(), now());
        let size = Size {
            households: small(self.arguments.households),
            requests_min: self.arguments.requests,
            // A control only has to be seen.
            control_requests_min: self.arguments.requests / 20,
            seed: self.seed,
            folder: Some(folder.to_owned()),
        };
        let mut done: Vec<Cell> = Vec::new();
        let pairs = cells::pairs();
        self.progress.print(&Cell::heading());
        for (nth, (liar, kind)) in pairs.iter().enumerate() {
            let name = format!("{}/{}: {}:{kind}", nth + 1, pairs.len(), liar.name());
            let watch =
                |what: &str, tally: &Tally| self.progress.watch(&format!("{name}: {what}"), tally);
            let cell = cells::cell((*liar, *kind), &size, handlers, &watch).await?;
            self.progress.print(&cell.line());
            done.push(cell);
        }
        self.progress.end();
        let report = CellsReport {
            version: env!("CARGO_PKG_VERSION"),
            began_at,
            took_seconds: began.elapsed().as_secs_f64(),
            seed: self.seed,
            command: again::command(self.arguments, self.seed),
            households: self.arguments.households,
            requests_min: size.requests_min,
            control_requests_min: size.control_requests_min,
            totals: report::Totals::of(&done),
            cells: done,
        };
        if let Some(files) = &self.files {
            files.write_json(&report)?;
            files.write_html(&report::cells_page(&report))?;
        }
        println!("{}", report.closing_line());
        let faults = report.faults();
        if !faults.is_empty() {
            let (failed, all) = (faults.len(), report.cells.len());
            bail!("{failed} of {all} cells do not hold:\n{}", faults.join("\n"));
        }
        Ok(())
    }
}

/// Runs it.
///
/// # Errors
/// What is wrong with the arguments, or could not be set up. Exposures here are an error too, but
/// in a control.
pub fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let run = Run::new(arguments)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut stops = {
        let _within = runtime.enter();
        Stops::listen()?
    };
    let folder = RunFolder::new(arguments.data.as_deref())?;
    let ended = runtime.block_on(async {
        tokio::select! {
            stop = stops.first() => Err(stop),
            ended = run.perform(folder.path()) => Ok(ended),
        }
    });
    run.progress.end();
    // Servers and clients may be writing: they end first, or the folder could not be removed.
    runtime.shutdown_timeout(END_MAX);
    drop(folder);
    match ended {
        Ok(ended) => ended.map(|()| ExitCode::SUCCESS),
        Err(stop) => {
            let said =
                format!("eyesonly-storm: interrupted: nothing was concluded; seed {}", run.seed);
            let _closed = writeln!(std::io::stderr(), "{said}");
            Ok(ExitCode::from(stop.status()))
        }
    }
}

/// A number that was found to be small when it was read.
fn small(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn now() -> String {
    humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_millis(clock::now_milliseconds()))
        .to_string()
}

fn table_of_lies(here: &Outcome, conventional: &Outcome) -> Vec<report::Lie> {
    let both = here.told.iter().zip(&conventional.told);
    both.map(|(here, conventional)| {
        let lie = report::Lie {
            seam: here.lie.liar.name(),
            kind: here.lie.kind.name(),
            rate: here.lie.rate,
            told_here: here.times,
            told_conventional: conventional.times,
            answers_here: here.answers,
            answers_conventional: conventional.answers,
            note: None,
        };
        lie.noted(matches!(here.lie.liar, Liar::DiskTier | Liar::SharedCache))
    })
    .collect()
}

fn handlers(folder: Option<&Path>) -> anyhow::Result<Handlers> {
    let sandbox = Sandbox::new(Limits::default(), None)?;
    Handlers::load(&sandbox, folder, |_| ())
}
