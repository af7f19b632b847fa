//! The cells: every seam with every lie that it can tell, and each with its control.
//!
//! A cell holds if its lie was told, nothing wrong was shown, and its control was seen. A control
//! is the same lie, forged with the keys of the defences that stop it. The detector must see it: a
//! cell that can't fail shows nothing. Both run the same code, which is the code that is deployed.

use crate::arena::{TIER_BYTES, Which};
use crate::lies::{Kind, Liar, Lie, TABLE};
use crate::replay::{Outcome, Plan, Watch, replay};
use eyesonly::handlers::Handlers;
use serde::Serialize;
use std::path::PathBuf;
use std::time::Duration;

/// The clips that are on their way when their right is taken, in a cell about that.
const STREAMS: u32 = 4;

/// The households whose cameras stream, in a cell about live video.
const LIVE: u32 = 4;
/// The least number of segments that are followed there in the end: two of each camera.
const FOLLOWS_MIN: u64 = 16;

/// The size of the cells.
#[derive(Debug, Clone)]
pub struct Size {
    /// The households of each cell.
    pub households: u32,
    /// The least number of requests of a cell.
    pub requests_min: u64,
    /// The least number of requests of its control.
    pub control_requests_min: u64,
    /// The seed that everything follows from.
    pub seed: u64,
    /// The folder in which the cells' folders are made.
    pub folder: Option<PathBuf>,
}

/// The outcome of one cell and its control.
#[derive(Debug, Clone, Serialize)]
pub struct Cell {
    /// The seam.
    pub seam: &'static str,
    /// The lie.
    pub kind: &'static str,
    /// The share of the seam's answers that were to be lies, 0 to 1.
    pub rate: f64,
    /// The number of times that it was told.
    pub told: u64,
    /// Requests.
    pub requests: u64,
    /// Exposed answers; must be zero.
    pub exposed: u64,
    /// Stale answers; must be zero.
    pub stale: u64,
    /// Wrong answers; must be zero.
    pub wrong: u64,
    /// Acknowledged uploads that were not there at the end; must be zero.
    pub lost: u64,
    /// Misdeliveries that were rejected.
    pub refused: u64,
    /// The faults and seams of the rejections, the most frequent one first.
    pub refused_as: Vec<String>,
    /// The defences that the liar forged in the control.
    pub forged: Vec<&'static str>,
    /// The number of times that it was told in the control.
    pub control_told: u64,
    /// The number of exposed, stale, wrong and lost together that the detector saw in the control;
    /// must not be zero.
    pub control_seen: u64,
    /// The exposed answers among them.
    pub control_exposed: u64,
    /// Says whether the lie was told, nothing wrong was shown, and the control was seen.
    pub holds: bool,
}

impl Cell {
    /// Says what is wrong with the cell, if anything.
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

    /// Writes the heading over the lines.
    pub fn heading() -> String {
        let cell = format!(
            "{:<13} {:<24} {:>5} {:>9} {:>7} {:>7} {:<27} {:>7} {:>5} {:>5} {:>4}",
            "seam",
            "lie",
            "rate",
            "requests",
            "told",
            "refused",
            "as",
            "exposed",
            "stale",
            "wrong",
            "lost"
        );
        let control =
            format!("{:<20} {:>6} {:>6} {:>7}", "control forges", "told", "seen", "exposed");
        format!("{:<6} {cell} | {control}", "cell")
    }

    /// Writes the cell as one line.
    pub fn line(&self) -> String {
        let verdict = if self.holds { "holds" } else { "FAILS" };
        let cell = format!(
            "{:<13} {:<24} {:>5} {:>9} {:>7} {:>7} {:<27} {:>7} {:>5} {:>5} {:>4}",
            self.seam,
            self.kind,
            self.rate,
            self.requests,
            self.told,
            self.refused,
            self.refused_as.first().map_or("", String::as_str),
            self.exposed,
            self.stale,
            self.wrong,
            self.lost
        );
        let control = format!(
            "{:<20} {:>6} {:>6} {:>7}",
            self.forged.join("+"),
            self.control_told,
            self.control_seen,
            self.control_exposed
        );
        format!("{verdict:<6} {cell} | {control}")
    }
}

/// Chooses a cell's tiers: only the tier that lies, or one where another seam lies. There is none
/// if what is behind the tiers lies. There is none either if tiers would keep what collection took.
fn tiers(liar: Liar, kind: Kind) -> Vec<Liar> {
    match liar {
        Liar::DiskTier | Liar::SharedCache => vec![liar],
        Liar::ObjectStore | Liar::Coalescer => Vec::new(),
        _ if kind.is_of_collection() => Vec::new(),
        _ => vec![Liar::MemoryTier],
    }
}

/// Says whether households share cameras in a cell: where the lie is about who may see what, or
/// where an answer meets its reader. What a tier is asked for was decided before.
const fn has_shares(liar: Liar) -> bool {
    matches!(liar, Liar::Registry | Liar::Pool | Liar::Sessions | Liar::WayOut | Liar::LiveHub)
}

/// Chooses a lie's rate: often enough to be seen in a small cell, and seldom enough that something
/// else happens as well.
fn rate(kind: Kind) -> f64 {
    match kind {
        Kind::CancelledQuestion | Kind::LateReply => 0.1,
        // What is told of records that change meanwhile must let them change.
        Kind::BeforeRevocation | Kind::OldHousehold | Kind::AnotherInvitation => 0.5,
        Kind::EndedAsLive
        | Kind::WebCache
        | Kind::OneCredential
        | Kind::OldPosition
        | Kind::LatePosition
        | Kind::NotDurable
        | Kind::Dropped
        // A collection believes two answers that follow each other.
        | Kind::WithheldFromCollection
        | Kind::AnotherLine => 1.0,
        Kind::LateCollection => 0.5,
        Kind::Withheld | Kind::EarlyEnd => 0.1,
        _ => 0.25,
    }
}

/// Lists who has to notice a lie of the ledger, unless a start has noticed it first.
fn noticed_by(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::NotDurable | Kind::Dropped => &["start"],
        Kind::AnotherLine => &["who viewed", "verify", "export"],
        _ => &[],
    }
}

/// What came of the ledger's own lies: lines of others that were shown, deliveries that are gone
/// without a notice or notices that are missing, and who noticed something.
fn of_ledger(outcome: &Outcome, kind: Kind) -> (u64, u64, Vec<String>) {
    let Some(audit) = &outcome.side.ledger else { return (0, 0, Vec::new()) };
    let has = |who: &str| audit.noticed.contains(&format!("{kind}: {who}"));
    let missing = noticed_by(kind).iter().filter(|who| !has(who) && !has("start")).count() as u64;
    (audit.foreign_lines, audit.unnoticed.max(missing), audit.noticed.clone())
}

/// Lists every pair of the table.
pub fn pairs() -> Vec<(Liar, Kind)> {
    TABLE.iter().flat_map(|(liar, kinds)| kinds.iter().map(|kind| (*liar, *kind))).collect()
}

/// Runs one cell and its control.
///
/// # Errors
/// A server can't be set up.
pub async fn cell(
    (liar, kind): (Liar, Kind),
    size: &Size,
    handlers: &Handlers,
    watch: Watch<'_>,
) -> anyhow::Result<Cell> {
    let held = replay(Which::Here, &plan((liar, kind), size), handlers.clone(), watch).await?;
    let control =
        replay(Which::Here, &control((liar, kind), size), handlers.clone(), watch).await?;
    let told = |outcome: &Outcome| outcome.told.iter().map(|count| count.times).sum::<u64>();
    let (foreign, unnoticed, noticed) = of_ledger(&held, kind);
    let (mut control_foreign, mut control_unnoticed) = (0, 0);
    if let Some(audit) = &control.side.ledger {
        (control_foreign, control_unnoticed) = (audit.foreign_lines, audit.unnoticed);
        // As SPEC.md says of what the log's own key can hide.
        let is_shown = audit.shown_by_kept == told(&control);
        anyhow::ensure!(is_shown, "a checkpoint that was kept does not show {kind} in the ledger");
    }
    let mut refused = held.side.misdeliveries.clone();
    refused.sort_by_key(|entry| std::cmp::Reverse(entry.count));
    let seen = &control.side;
    let mut cell = Cell {
        seam: liar.name(),
        kind: kind.name(),
        rate: rate(kind),
        told: told(&held),
        requests: held.side.requests,
        exposed: held.side.exposed + foreign,
        stale: held.side.stale,
        wrong: held.side.wrong + unnoticed,
        lost: held.side.uploads_lost,
        refused: refused.iter().map(|entry| entry.count).sum::<u64>() + noticed.len() as u64,
        refused_as: noticed
            .into_iter()
            .chain(refused.iter().map(|entry| format!("{} at {}", entry.fault, entry.seam)))
            .collect(),
        forged: kind.forged_with(liar).iter().map(|defence| defence.name()).collect(),
        control_told: told(&control),
        control_seen: seen.exposed
            + seen.stale
            + seen.wrong
            + seen.uploads_lost
            + control_foreign
            + control_unnoticed,
        control_exposed: seen.exposed + control_foreign,
        holds: false,
    };
    cell.holds = cell.fault().is_none();
    Ok(cell)
}

/// Makes the plan of one cell's control.
pub fn control((liar, kind): (Liar, Kind), size: &Size) -> Plan {
    Plan {
        requests_min: size.control_requests_min,
        // Only the end of the run looks for what collection took. The ledger lies once.
        until_seen: !kind.is_of_collection() && liar != Liar::Ledger,
        forge: kind.forged_with(liar).to_vec(),
        ..plan((liar, kind), size)
    }
}

/// Makes the plan of one cell.
fn plan((liar, kind): (Liar, Kind), size: &Size) -> Plan {
    let is_live = liar == Liar::LiveHub;
    // Where the hub lies, segments are what is looked at, and little else is handed in.
    let (households, kept) =
        if is_live { (size.households.min(2 * LIVE), 1) } else { (size.households, 2) };
    Plan {
        seed: size.seed,
        households,
        cameras_each: 2,
        before: kept,
        backlog: kept,
        viewers: households,
        // The file of a bundle of entries is lied about only once the next one is full.
        visits: if liar == Liar::Ledger { 3 } else { 1 },
        requests_min: size.requests_min,
        until_seen: false,
        jitter: Duration::ZERO,
        workers: 32,
        dropped_share: 0.02,
        lies: vec![Lie { liar, kind, rate: rate(kind) }],
        forge: Vec::new(),
        streams: if kind.is_of_streams() { STREAMS } else { 0 },
        shares: has_shares(liar),
        // What is told while footage is on its way is told of live video, too.
        live: if is_live || kind.is_of_streams() { LIVE } else { 0 },
        follows_min: FOLLOWS_MIN,
        // A tier that is set aside tells no more lies. Here it stays, so that every request can be
        // lied to.
        sets_aside: false,
        // A log on the disk costs time, and a cell needs it only if it lies itself.
        ledger: liar == Liar::Ledger,
        tiers: tiers(liar, kind),
        tier_bytes: TIER_BYTES,
        folder: size.folder.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use eyesonly::sandbox::{Limits, Sandbox};
    use eyesonly_service::clock;
    use futures::StreamExt as _;

    /// The cells that run at once: there is always one that does not wait.
    const AT_ONCE: usize = 4;

    fn handlers() -> Handlers {
        let sandbox = Sandbox::new(Limits::default(), None).unwrap();
        Handlers::load(&sandbox, None, |_| ()).unwrap()
    }

    fn small() -> Size {
        let seed = std::env::var("EYESONLY_STORM_SEED").ok().and_then(|seed| seed.parse().ok());
        Size {
            households: 10,
            requests_min: 400,
            control_requests_min: 400,
            seed: seed.unwrap_or_else(|| u64::from_be_bytes(clock::random()) >> 16),
            // A cell makes thousands of uploads durable: in memory, where that is possible.
            folder: Some(PathBuf::from("/dev/shm")).filter(|folder| folder.is_dir()),
        }
    }

    /// EYESONLY_STORM_SEED repeats a run. EYESONLY_STORM_CELL runs only the cells that have this in
    /// their names.
    #[tokio::test(flavor = "multi_thread")]
    async fn every_cell_holds_and_can_fail() {
        let (size, handlers) = (small(), handlers());
        let only = std::env::var("EYESONLY_STORM_CELL").unwrap_or_default();
        let wanted =
            |(liar, kind): &(Liar, Kind)| format!("{}:{kind}", liar.name()).contains(&only);
        let pairs: Vec<_> = pairs().into_iter().filter(wanted).collect();
        assert!(!pairs.is_empty(), "no cell has {only:?} in its name");
        println!("{}", Cell::heading());
        let cells = pairs.into_iter().map(|pair| cell(pair, &size, &handlers, &|_, _| {}));
        let mut faults = Vec::new();
        let mut cells = futures::stream::iter(cells).buffered(AT_ONCE);
        while let Some(cell) = cells.next().await {
            let cell = cell.unwrap();
            println!("{}", cell.line());
            faults.extend(cell.fault());
        }
        assert!(faults.is_empty(), "seed {}:\n{}", size.seed, faults.join("\n"));
    }

    /// Checks that no name is unknown to the liars. Of a name that it does not know, a liar tells
    /// nothing, and its cell then shows less than it says.
    #[tokio::test(flavor = "multi_thread")]
    async fn liars_know_whose_every_name_is() {
        let plan =
            Plan { households: 4, ..plan((Liar::MemoryTier, Kind::AnotherHousehold), &small()) };
        let outcome = replay(Which::Here, &plan, handlers(), &|_, _| {}).await.unwrap();
        assert!(outcome.side.right > 0);
        assert_eq!(outcome.strangers, 0);
    }
}
