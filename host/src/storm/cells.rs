//! The cells: every seam with every lie that it can tell, and each with its control.
//!
//! A cell holds if its lie was told, and nothing wrong was shown. Its control is the same lie without the defences that stop it, and must be seen by
//! the detector: a cell that can't fail shows nothing.

use super::arena::{TIER_BYTES, Which};
use super::lies::{Kind, Liar, Lie, TABLE, defence_name};
use super::replay::{Outcome, Plan, Watch, replay};
use crate::defence::{self, Defence};
use crate::sandbox::Handler;
use serde::Serialize;
use std::path::PathBuf;
use std::time::Duration;

/// How large cells are.
#[derive(Debug, Clone)]
pub struct Size {
    /// Households.
    pub households: u32,
    /// At least so many requests in a cell.
    pub requests_min: u64,
    /// And in its control.
    pub control_requests_min: u64,
    /// What everything follows from.
    pub seed: u64,
    /// Where folders are made.
    pub folder: Option<PathBuf>,
}

/// What came of one cell and its control.
#[derive(Debug, Clone, Serialize)]
pub struct Cell {
    /// The seam.
    pub seam: &'static str,
    /// The lie.
    pub kind: &'static str,
    /// The share of the seam's answers that were to be lies, 0 to 1.
    pub rate: f64,
    /// How often it was told.
    pub told: u64,
    /// Requests.
    pub requests: u64,
    /// What must be zero.
    pub exposed: u64,
    /// What must be zero.
    pub stale: u64,
    /// What must be zero.
    pub wrong: u64,
    /// Acknowledged uploads that were not there at the end; must be zero.
    pub lost: u64,
    /// Misdeliveries that were refused.
    pub refused: u64,
    /// What was switched off for the control.
    pub without: Vec<&'static str>,
    /// How often it was told in the control.
    pub control_told: u64,
    /// What the detector saw in the control: exposed, stale and wrong together; must not be zero.
    pub control_seen: u64,
    /// Of those, exposed.
    pub control_exposed: u64,
    /// Whether the lie was told, nothing wrong was shown, and the control was seen.
    pub holds: bool,
}

impl Cell {
    /// What is wrong with it, if anything.
    pub fn fault(&self) -> Option<String> {
        let name = format!("{}:{}", self.seam, self.kind);
        if self.told == 0 {
            Some(format!("{name} was never told"))
        } else if self.exposed + self.stale + self.wrong + self.lost > 0 {
            Some(format!(
                "{name}: {} exposed, {} stale, {} wrong, {} lost",
                self.exposed, self.stale, self.wrong, self.lost
            ))
        } else if self.control_seen == 0 {
            Some(format!(
                "{name} can't fail: its control (told {} times) showed nothing",
                self.control_told
            ))
        } else {
            None
        }
    }

    /// What stands over the lines.
    pub fn heading() -> String {
        let cell = format!(
            "{:<13} {:<18} {:>5} {:>9} {:>7} {:>7} {:>7} {:>5} {:>5} {:>4}",
            "seam", "lie", "rate", "requests", "told", "refused", "exposed", "stale", "wrong", "lost"
        );
        let control = format!("{:<17} {:>6} {:>6} {:>7}", "control without", "told", "seen", "exposed");
        format!("{:<6} {cell} | {control}", "cell")
    }

    /// One line.
    pub fn line(&self) -> String {
        let verdict = if self.holds { "holds" } else { "FAILS" };
        let cell = format!(
            "{:<13} {:<18} {:>5} {:>9} {:>7} {:>7} {:>7} {:>5} {:>5} {:>4}",
            self.seam,
            self.kind,
            self.rate,
            self.requests,
            self.told,
            self.refused,
            self.exposed,
            self.stale,
            self.wrong,
            self.lost
        );
        let control = format!(
            "{:<17} {:>6} {:>6} {:>7}",
            self.without.join("+"),
            self.control_told,
            self.control_seen,
            self.control_exposed
        );
        format!("{verdict:<6} {cell} | {control}")
    }
}

/// Which tiers a cell has: the one that lies, or one where something else does; none where what is behind the tiers lies.
fn tiers(liar: Liar) -> Vec<Liar> {
    match liar {
        Liar::DiskTier | Liar::SharedCache => vec![liar],
        Liar::ObjectStore | Liar::Coalescer => Vec::new(),
        _ => vec![Liar::MemoryTier],
    }
}

/// How often a lie is told: often enough to be seen in a small cell, seldom enough that something else happens as well.
fn rate(kind: Kind) -> f64 {
    match kind {
        Kind::CancelledQuestion | Kind::LateReply => 0.1,
        Kind::BeforeRevocation | Kind::EndedAsLive | Kind::WebCache | Kind::OneCredential => 1.0,
        _ => 0.25,
    }
}

/// Every pair of the table.
pub fn pairs() -> Vec<(Liar, Kind)> {
    TABLE
        .iter()
        .flat_map(|(liar, kinds)| kinds.iter().map(|kind| (*liar, *kind)))
        .collect()
}

/// Runs one cell and its control. The defences are those of the whole process: one cell at a time.
///
/// # Errors
/// What could not be set up.
pub async fn cell(
    (liar, kind): (Liar, Kind),
    size: &Size,
    handlers: &(Handler, Handler),
    watch: Watch<'_>,
) -> anyhow::Result<Cell> {
    let plan = Plan {
        seed: size.seed,
        households: size.households,
        cameras_each: 2,
        before: 2,
        backlog: 2,
        visits: 1,
        requests_min: size.requests_min,
        jitter: Duration::ZERO,
        workers: 32,
        dropped_share: 0.02,
        lies: vec![Lie {
            liar,
            kind,
            rate: rate(kind),
        }],
        tiers: tiers(liar),
        tier_bytes: TIER_BYTES,
        folder: size.folder.clone(),
    };
    // A tier that is set aside tells no more: here it stays, so that every request can be lied to.
    defence::only_without(&[Defence::Standing]);
    let held = replay(Which::Here, &plan, handlers.clone(), watch).await?;
    let without: Vec<Defence> = kind.stopped_by().iter().copied().chain([Defence::Standing]).collect();
    defence::only_without(&without);
    let control_plan = Plan {
        requests_min: size.control_requests_min,
        ..plan
    };
    let control = replay(Which::Here, &control_plan, handlers.clone(), watch).await;
    defence::only_without(&[]);
    let control = control?;
    let told = |outcome: &Outcome| outcome.told.iter().map(|count| count.times).sum();
    let mut cell = Cell {
        seam: liar.name(),
        kind: kind.name(),
        rate: rate(kind),
        told: told(&held),
        requests: held.side.requests,
        exposed: held.side.exposed,
        stale: held.side.stale,
        wrong: held.side.wrong,
        lost: held.side.uploads_lost,
        refused: held.side.misdeliveries.iter().map(|entry| entry.count).sum(),
        without: kind.stopped_by().iter().map(|defence| defence_name(*defence)).collect(),
        control_told: told(&control),
        control_seen: control.side.exposed + control.side.stale + control.side.wrong,
        control_exposed: control.side.exposed,
        holds: false,
    };
    cell.holds = cell.fault().is_none();
    Ok(cell)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::{Limits, Sandbox};
    use std::path::Path;

    fn handlers() -> (Handler, Handler) {
        let built = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/components");
        let folder = std::env::var("EYESONLY_COMPONENTS").unwrap_or_else(|_| built.to_owned());
        let sandbox = Sandbox::new(Limits::default(), None).unwrap();
        let load = |name: &str| {
            sandbox
                .load(name, &Path::new(&folder).join(format!("{name}.wasm")))
                .unwrap()
        };
        (load("thumbnail"), load("events"))
    }

    /// All in one process and one after the other: the defences are switched for the whole process. EYESONLY_STORM_SEED repeats a run,
    /// EYESONLY_STORM_CELL runs the cells whose name has this in it.
    #[tokio::test(flavor = "multi_thread")]
    async fn every_cell_holds_and_can_fail() {
        let seed = std::env::var("EYESONLY_STORM_SEED")
            .ok()
            .and_then(|seed| seed.parse().ok());
        let seed = seed.unwrap_or_else(|| u64::from_be_bytes(crate::clock::random()) >> 16);
        let only = std::env::var("EYESONLY_STORM_CELL").unwrap_or_default();
        let size = Size {
            households: 16,
            requests_min: 600,
            control_requests_min: 600,
            seed,
            folder: None,
        };
        let handlers = handlers();
        let mut faults = Vec::new();
        println!("{}", Cell::heading());
        for pair in pairs() {
            if !format!("{}:{}", pair.0.name(), pair.1.name()).contains(&only) {
                continue;
            }
            let cell = cell(pair, &size, &handlers, &|_, _| {}).await.unwrap();
            println!("{}", cell.line());
            faults.extend(cell.fault());
        }
        assert!(faults.is_empty(), "seed {seed}:\n{}", faults.join("\n"));
    }
}
