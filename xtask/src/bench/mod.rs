//! `bench`: the whole path beside baselines, from one run on one machine. docs/bench.md says what
//! each row means.
//!
//! It must never print a number that it did not measure. A row that can't be measured says why, and
//! the run then fails.

mod counters;
mod h2load;
mod hot;
mod ledger;
mod live;
mod many;
mod nginx;
mod report;
mod requests;
mod rows;
mod scale;
mod setup;
mod vips;
mod wire;
mod wrk;

use std::fs;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use eyesonly_demo::Manifest;
use eyesonly_harness::footage::{mp4_around, noise};
use eyesonly_harness::process::Process;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;

use self::nginx::Nginx;
use self::report::{Goal, NotMeasured, Report, Row};
use self::requests::LARGE_CAMERAS;
use self::rows::{HERD, Pace, Rooms, Source};
use self::setup::{Binaries, Tier, Wall, World};
use self::vips::Vips;
use crate::spin;
use crate::tools::certify;
use crate::workspace::{Workspace, output_of, step};

/// The still whose thumbnail is asked for hot. That thumbnail has about 12 KiB.
const HOT_STILL: &str = "cedar-garage.jpg";
/// The length of the noise in the clip, in bytes.
const CLIP_BYTES: usize = 64 << 20;

/// The arguments of `cargo xtask bench`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Fewer and shorter rounds, to see that it runs; not for comparing.
    #[arg(long)]
    quick: bool,
    /// Only the rows of live view, (i) and (j).
    #[arg(long)]
    live: bool,
    /// Measures the plain release build, which is built in half the time. Without it, what
    /// `cargo xtask dist` makes is measured, since that is what is handed out.
    #[arg(long)]
    release: bool,
    /// Only the rows of the access ledger, (k).
    #[arg(long, conflicts_with = "live")]
    ledger: bool,
    /// Only the rows of requests and starts, without the Spin edition: (a), (a2), (c), (f), (g) and
    /// (h).
    #[arg(long, conflicts_with_all = ["live", "ledger"])]
    requests: bool,
    /// An earlier binary of the host, which (a) then shows beside this one.
    #[arg(long, value_name = "BINARY")]
    before: Option<PathBuf>,
}

/// Returns a drawn file.
///
/// Errors: there is none of this name.
fn still(name: &str) -> Result<&'static [u8]> {
    eyesonly_demo::file(name).with_context(|| format!("the demo has no {name}"))
}

/// The state that all rows share.
struct Bench<'a> {
    workspace: &'a Workspace,
    binaries: Binaries,
    world: World,
    pace: Pace,
    bar: ProgressBar,
    report: Report,
}

/// Builds, measures every row, prints the table and writes target/bench.json.
///
/// Errors: a row could not be measured. A goal that is not reached is no error; the table shows it.
pub fn run(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    // The rows of the ledger load the helper's own edge.
    let release = arguments.release || arguments.ledger;
    let all = !arguments.live && !arguments.ledger && !arguments.requests;
    let mut binaries = setup::build(workspace, release, all)?;
    binaries.before.clone_from(&arguments.before);
    let world = World::create(&binaries, &workspace.target.join("bench"))?;
    let pace = if arguments.quick { Pace::QUICK } else { Pace::FULL };
    step("bench: rounds alternate between what is compared; leave the machine alone meanwhile");
    let mut bench = Bench {
        workspace,
        binaries,
        world,
        pace,
        bar: progress(pace),
        report: Report {
            at_seconds: SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs(),
            quick: arguments.quick,
            machine: machine(),
            rows: Vec::new(),
            not_measured: Vec::new(),
        },
    };
    if arguments.live {
        bench.world.start(Tier::Default)?;
        bench.world.log_in()?;
        bench.live_rows();
    } else if arguments.ledger {
        bench.say("(k) enrolling households");
        bench.world.start(Tier::Default)?;
        let walls = bench.walls(&bench.world, pace.walls)?;
        let rows = bench.ledger(&walls);
        bench.keep("(k)", rows);
    } else if arguments.requests {
        bench.requests()?;
    } else {
        bench.all()?;
    }
    bench.bar.finish_and_clear();
    let mut report = bench.report;
    // The table has the order of docs/bench.md. The rows were measured in the order of what they
    // need.
    report.rows.sort_by_key(|row| row.group);
    let path = workspace.target.join("bench.json");
    fs::write(&path, serde_json::to_vec_pretty(&report)?)
        .with_context(|| format!("writing {}", path.display()))?;
    println!();
    for (name, value) in &report.machine {
        println!("  {name}: {value}");
    }
    println!("\n{}\n  {}", report.text(), path.display());
    if report.quick {
        println!("  These were short rounds: for comparing, run it without --quick.");
    }
    if !report.not_measured.is_empty() {
        bail!("{} of the bench was not measured: why is above", report.not_measured.len());
    }
    Ok(())
}

impl Bench<'_> {
    fn all(&mut self) -> Result<()> {
        let walls = self.requests()?;
        self.say("pushing footage");
        let drawn = self.drawn()?;
        let stills = read_all(&drawn)?;
        let herd = self.world.push_events(&stills, HERD, &self.bar)?;
        let for_rooms = self.world.push_events(&stills, self.pace.cold_stills + 1, &self.bar)?;
        self.say("(e) the Spin edition");
        let spin = self.spin(&walls);
        self.keep("(e)", spin);
        let cold = self.cold(&drawn, &stills);
        self.keep("(b)", cold);

        self.say("(d) memory");
        // The edge starts with its defaults, and with nothing in memory yet.
        self.world.start(Tier::Default)?;
        let memory = rows::memory(&self.world, &herd, self.pace, &self.bar);
        self.keep("(d)", memory);

        self.live_rows();

        let ledger = self.ledger(&walls);
        self.keep("(k)", ledger);

        self.world.stop();
        let rooms = self.rooms(&for_rooms);
        self.keep("also", rooms);
        Ok(())
    }

    /// Measures the rows of requests and starts. The edge runs, and these households are in it.
    fn requests(&mut self) -> Result<Vec<Wall>> {
        self.world.start(Tier::Large)?;
        self.world.log_in()?;
        self.world.push_still(still(HOT_STILL)?)?;
        self.say("enrolling households");
        let walls = self.walls(&self.world, self.pace.walls)?;
        let large = (LARGE_CAMERAS, 0);
        let large = self.world.enrol_walls(("large", 1), large, still(HOT_STILL)?, &self.bar)?;
        // Renditions are made here, and are part of the copies.
        let made = self.world.hot("the edge", hot::thumbnails(&walls))?.answers()?;
        self.world.hot("the edge", hot::thumbnails(&large))?.answers()?;
        self.say("(h) starts");
        let newest = hot::thumbnails(&large).pop().context("no thumbnail")?;
        let starts = scale::starts(&mut self.world, &newest, self.pace, &self.bar);
        self.keep("(h)", starts);
        self.world.stop();
        let mut release = self.world.twin(self.binaries.release(), &self.folder())?;
        release.start(Tier::Large)?;
        self.world.start(Tier::Large)?;
        let all: Vec<&Wall> = walls.iter().chain(&large).collect();
        let certificate = certify(self.world.folder())?;
        match self.conventional(&release, &all, (&made, &certificate)) {
            Ok((nginx, check)) => {
                self.say("(a2) thumbnails over TLS with HTTP/2");
                let tls = self.tls(&large, (&nginx, &check), certificate);
                self.keep("(a2)", tls);
                self.say("(a) hot thumbnails");
                let hot = self.hot(&release, &walls, (&nginx, &check), made.len());
                self.keep("(a)", hot);
                self.say("(c) clips");
                let clips = self.clips(&nginx);
                self.keep("(c)", clips);
            }
            Err(error) => {
                let reason = format!("{error:#}");
                for group in ["(a)", "(a2)", "(c)"] {
                    self.keep(group, Err(anyhow::anyhow!(reason.clone())));
                }
            }
        }
        drop(release);
        self.say("(f) growth");
        let growth = self.growth(&walls);
        self.keep("(f)", growth);
        self.say("(g) idle connections");
        let idle = scale::idle(&self.world, &newest, self.pace, &self.bar);
        self.keep("(g)", idle.map(|row| vec![row]));
        Ok(walls)
    }

    fn live_rows(&mut self) {
        self.say("(i) viewers of live view");
        let live = self.live();
        self.keep("(i)", live);
        self.say("(j) pictures on the screen");
        let glass = live::glass(self.workspace, self.binaries.edge(), self.pace, &self.bar);
        self.keep("(j)", glass);
    }

    /// Says what is being done: beside the bar, or as a line where the bar is hidden.
    fn say(&self, what: &str) {
        self.bar.set_message(what.to_owned());
        if self.bar.is_hidden() {
            eprintln!("   {what}");
        }
    }

    /// Keeps a group's rows, or the reason why it has none. The other groups are measured all the
    /// same.
    fn keep(&mut self, group: &'static str, rows: Result<Vec<Row>>) {
        match rows {
            Ok(rows) => self.report.rows.extend(rows),
            Err(error) => {
                self.report.not_measured.push(NotMeasured { group, reason: format!("{error:#}") })
            }
        }
    }

    /// Lists the stills of 1920×1080 in the repository: those that cameras show as their newest.
    fn drawn(&self) -> Result<Vec<PathBuf>> {
        let folder = self.workspace.root.join("tests").join("media");
        let manifest = Manifest::load()?;
        let households = manifest.households.iter();
        let stills: Vec<PathBuf> = households
            .flat_map(|household| &household.cameras)
            .map(|camera| folder.join(&camera.still))
            .collect();
        if stills.is_empty() {
            bail!("tests/media has no stills");
        }
        Ok(stills)
    }

    /// Returns the folder in which each run has one.
    fn folder(&self) -> PathBuf {
        self.workspace.target.join("bench")
    }

    /// Measures (k). The edge has to run with these households, and is stopped.
    fn ledger(&mut self, walls: &[Wall]) -> Result<Vec<Row>> {
        self.say("(k) the ledger");
        self.world.stop();
        let copy = self.world.twin(self.binaries.release(), &self.folder())?;
        let configs = [&*self.world.config(), &*copy.config()];
        ledger::measure(&self.binaries.helper, configs, walls, self.pace, &self.bar)
    }

    fn live(&mut self) -> Result<Vec<Row>> {
        // What it serves there asks nobody who is asking.
        let nginx = Nginx::start(self.world.folder(), None)?;
        // The edge starts anew, with nothing in memory yet.
        self.world.start(Tier::Default)?;
        let helper = &self.binaries.helper;
        live::viewers(self.workspace, &self.world, helper, &nginx, (self.pace, &self.bar))
    }

    fn clips(&self, nginx: &Nginx) -> Result<Vec<Row>> {
        let clip = mp4_around(&noise("bench", CLIP_BYTES));
        let event = self.world.push_clip(&clip)?;
        fs::write(self.world.folder().join("files").join("clip.mp4"), &clip)?;
        rows::clips(&self.world, nginx, &event, &clip, self.pace, &self.bar)
    }

    fn cold(&mut self, drawn: &[PathBuf], stills: &[Vec<u8>]) -> Result<Vec<Row>> {
        self.say("(b) libvips makes its sources");
        let tools = self.workspace.target.join("tools");
        let mut vips = Vips::start(&self.workspace.root.join("bench").join("vips.py"), &tools)?;
        self.report.machine.push(("libvips".into(), vips.version.clone()));
        let made = vips.make(drawn, self.world.folder())?;
        let goal = Some(Goal::AtMost(1.5));
        let kinds = [
            ("a drawn still", drawn.to_vec(), stills.to_vec(), goal),
            ("with a sensor's noise", made.noisy.clone(), read_all(&made.noisy)?, goal),
            ("progressive", made.progressive.clone(), read_all(&made.progressive)?, None),
        ];
        let mut rows = Vec::new();
        for (name, files, bytes, goal) in kinds {
            self.say(&format!("(b) cold stills: {name}"));
            let count = self.pace.cold_stills * self.pace.rounds;
            let events = self.world.push_events(&bytes, count, &self.bar)?;
            let source = Source { name, events, files, goal };
            rows.push(rows::cold(&self.world, &mut vips, &source, self.pace, &self.bar)?);
        }
        Ok(rows)
    }

    fn rooms(&self, cold_events: &[String]) -> Result<Vec<Row>> {
        self.say("the host's rooms one by one");
        let world = &self.world;
        let input = json!({
            "config": world.config(), "token": world.token, "tag": world.tag,
            "camera": world.camera.id,
            "cold_events": cold_events, "round_milliseconds": self.pace.room_milliseconds,
        });
        let mut command = Command::new(&self.binaries.helper);
        let mut helper = Process::start(command.arg("rooms"), Some(&input.to_string()))?;
        let rooms: Rooms =
            serde_json::from_str(&helper.line("", None).context("the host's rooms")?)?;
        self.bar.inc(1);
        Ok(rooms.rows())
    }
}

fn read_all(files: &[PathBuf]) -> Result<Vec<Vec<u8>>> {
    let read =
        |path: &PathBuf| fs::read(path).with_context(|| format!("reading {}", path.display()));
    files.iter().map(read).collect()
}

/// Describes the machine and the versions, on which every number depends.
fn machine() -> Vec<(String, String)> {
    let line = |path: &str, key: &str| {
        let text = fs::read_to_string(path).unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with(key)).unwrap_or_default();
        line.split_once(':').map_or(line, |(_, value)| value).trim().to_owned()
    };
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZeroUsize::get);
    let versions = [
        ("kernel", output_of("uname", &["-sr"])),
        ("rustc", output_of("rustc", &["--version"])),
        ("nginx", output_of("sh", &["-c", "PATH=$PATH:/usr/sbin nginx -v 2>&1"])),
    ];
    let mut machine = vec![
        ("processor".to_owned(), format!("{cores} × {}", line("/proc/cpuinfo", "model name"))),
        ("memory".to_owned(), line("/proc/meminfo", "MemTotal")),
    ];
    machine.extend(
        versions.map(|(name, version)| {
            (name.to_owned(), version.unwrap_or_else(|| "not there".into()))
        }),
    );
    machine
}

fn progress(pace: Pace) -> ProgressBar {
    let target = if std::io::stderr().is_terminal() {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    // The steps of the bar: eight loads in (a), two in (c), two in (e) and one more with a `spin`.
    // Each load has a round to warm up. Further there are three sources in (b), four single steps,
    // three loads in (i), two pages in (j) and six loads in (k).
    let loads = 8 + 2 + 2 + usize::from(spin::installed().is_ok_and(|spin| spin.is_some()));
    let steps = loads * (pace.rounds + 1) + 3 * pace.rounds + 4 + 5 * pace.live_rounds + 6;
    let bar = ProgressBar::with_draw_target(Some(steps as u64), target);
    if let Ok(style) = ProgressStyle::with_template("   {bar:30} {pos}/{len}  {elapsed}  {msg}") {
        bar.set_style(style);
    }
    bar
}
