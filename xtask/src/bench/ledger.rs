//! The rows of the access ledger: what it costs that an entry is on the disk before the first byte
//! leaves. The same host is loaded with its ledger and with one in memory that keeps nothing.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use eyesonly_harness::paths;
use eyesonly_harness::process::Process;
use indicatif::ProgressBar;
use serde::Deserialize;
use serde_json::json;

use super::counters::cpu_seconds;
use super::report::{Goal, Row};
use super::rows::{Pace, WIDTH};
use super::setup::Wall;

/// The events of each household.
pub const EVENTS: usize = 4;
/// The connections of the loads, and the goal of the ratio where every request has an entry.
const CONNECTIONS: [(usize, Option<Goal>); 3] =
    [(1, None), (64, Some(Goal::AtLeast(0.7))), (1024, None)];
/// The goal of the ratio where entries cover further requests.
const COVERED: Goal = Goal::AtLeast(0.9);
/// The longest time for a start, and what a load may take more than its time.
const WAIT: Duration = Duration::from_secs(60);

/// What a load came to, as `eyesonly-bench walls` says it.
#[derive(Debug, Clone, Copy, Deserialize)]
struct Load {
    requests_per_second: f64,
    p50_milliseconds: f64,
    p99_milliseconds: f64,
    /// The CPU of the server, in microseconds a request.
    #[serde(default)]
    cpu: f64,
}

/// An edge of the helper's.
struct Side {
    address: String,
    process: Process,
}

impl Side {
    fn start(helper: &Path, config: &Path, ledger: bool) -> Result<Self> {
        let input = json!({ "config": config, "ledger": ledger }).to_string();
        let mut process = Process::start(Command::new(helper).arg("edge"), Some(&input))?;
        let address = process.line("listening on ", Some(WAIT)).context("the bench's edge")?;
        Ok(Self { address, process })
    }

    fn load(
        &self,
        helper: &Path,
        asked: &[(String, String)],
        connections: usize,
        seconds: u64,
    ) -> Result<Load> {
        let input = json!({
            "address": self.address, "connections": connections, "seconds": seconds,
            "asked": asked,
        });
        let before = cpu_seconds(&[self.process.id()])?;
        let mut command = Command::new(helper);
        let mut load = Process::start(command.arg("walls"), Some(&input.to_string()))?;
        let said = load.line("", Some(Duration::from_secs(seconds) + WAIT))?;
        let load: Load = serde_json::from_str(&said)?;
        let cpu = cpu_seconds(&[self.process.id()])? - before;
        let requests = load.requests_per_second * seconds as f64;
        Ok(Load { cpu: cpu * 1e6 / requests, ..load })
    }
}

/// Measures (k), by the configuration of an edge that has stopped and that of a copy of it.
///
/// Errors: an edge does not start, or refuses a viewer.
pub fn measure(
    helper: &Path,
    [config, copy]: [&Path; 2],
    walls: &[Wall],
    pace: Pace,
    bar: &ProgressBar,
) -> Result<Vec<Row>> {
    let with = Side::start(helper, config, true)?;
    let without = Side::start(helper, copy, false)?;
    // Every viewer asks once before anybody asks again: nobody comes to fifty a second.
    let events: Vec<_> = (0..EVENTS)
        .flat_map(|nth| walls.iter().map(move |wall| (wall, nth)))
        .filter_map(|(wall, nth)| {
            let path = paths::event(wall.cameras.first()?, wall.events.get(nth)?);
            Some(wall.session.asks(&path))
        })
        .collect();
    let stills: Vec<_> = walls
        .iter()
        .filter_map(|wall| {
            let path = paths::thumbnail(wall.cameras.first()?, WIDTH);
            Some(wall.session.asks(&path))
        })
        .collect();
    let mut rows = Vec::new();
    let kinds = [("events, an entry each", &events), ("stills of walls that renew", &stills)];
    for (kind, (what, asked)) in kinds.into_iter().enumerate() {
        for (connections, goal) in CONNECTIONS {
            let goal = if kind == 0 { goal } else { goal.map(|_| COVERED) };
            let mut pairs: Vec<(Load, Load)> = Vec::new();
            for round in 0..=pace.rounds {
                let load = |side: &Side| side.load(helper, asked, connections, pace.load_seconds);
                let pair = if round % 2 == 0 {
                    let ours = load(&with)?;
                    (ours, load(&without)?)
                } else {
                    let other = load(&without)?;
                    (load(&with)?, other)
                };
                // The first round warms up.
                if round > 0 {
                    pairs.push(pair);
                }
            }
            bar.inc(1);
            let of = |value: fn(&Load) -> f64| -> Vec<(f64, f64)> {
                pairs.iter().map(|(ours, other)| (value(ours), value(other))).collect()
            };
            let beside = "no ledger";
            let name = |unit: &str| format!("{what}, {connections} connections: {unit}");
            let row = |unit: &str, measure: &'static str, value, goal| {
                Row::beside("(k)", &name(unit), measure, beside, &of(value), goal)
            };
            rows.push(row("speed", "requests/s", |load| load.requests_per_second, goal));
            rows.push(row("half of them within", "ms", |load| load.p50_milliseconds, None));
            rows.push(row("99 of 100 within", "ms", |load| load.p99_milliseconds, None));
            rows.push(row("CPU", "µs", |load| load.cpu, None));
        }
    }
    Ok(rows)
}
