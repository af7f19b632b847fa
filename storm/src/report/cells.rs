//! What came of the cells together: the report of `--cells`, as numbers.
//!
//! Its last line is read by scripts and must stay as it is.

use crate::cells::Cell;
use serde::Serialize;

/// Every cell of one run.
#[derive(Debug, Clone, Serialize)]
pub struct CellsReport {
    /// The version of this program.
    pub version: &'static str,
    /// When the run began, RFC 3339, UTC.
    pub began_at: String,
    /// How long it took.
    pub took_seconds: f64,
    /// What the run can be repeated from.
    pub seed: u64,
    /// The command that repeats it.
    pub command: String,
    /// Households of each cell.
    pub households: u64,
    /// Each cell had at least so many requests.
    pub requests_min: u64,
    /// And its control so many.
    pub control_requests_min: u64,
    /// The sums.
    pub totals: Totals,
    /// In the order of the table of lies.
    pub cells: Vec<Cell>,
}

/// Sums over cells.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// How many cells there are.
    pub cells: u64,
    /// How many of them hold.
    pub hold: u64,
    /// Requests, without those of the controls.
    pub requests: u64,
    /// Lies told.
    pub told: u64,
    /// Misdeliveries refused.
    pub refused: u64,
    /// Must be zero.
    pub exposed: u64,
    /// Must be zero.
    pub stale: u64,
    /// Must be zero.
    pub wrong: u64,
    /// Must be zero.
    pub lost: u64,
    /// Lies told in the controls.
    pub control_told: u64,
    /// Exposed, stale and wrong answers, and lost uploads, that were seen in the controls.
    pub control_seen: u64,
    /// Of those, exposed.
    pub control_exposed: u64,
}

impl Totals {
    /// Of these cells.
    pub fn of(cells: &[Cell]) -> Self {
        let sum = |of: fn(&Cell) -> u64| cells.iter().map(of).fold(0, u64::saturating_add);
        Self {
            cells: cells.len() as u64,
            hold: sum(|cell| u64::from(cell.holds)),
            requests: sum(|cell| cell.requests),
            told: sum(|cell| cell.told),
            refused: sum(|cell| cell.refused),
            exposed: sum(|cell| cell.exposed),
            stale: sum(|cell| cell.stale),
            wrong: sum(|cell| cell.wrong),
            lost: sum(|cell| cell.lost),
            control_told: sum(|cell| cell.control_told),
            control_seen: sum(|cell| cell.control_seen),
            control_exposed: sum(|cell| cell.control_exposed),
        }
    }
}

impl CellsReport {
    /// What is wrong with each cell that does not hold.
    pub fn faults(&self) -> Vec<String> {
        self.cells.iter().filter_map(Cell::fault).collect()
    }

    /// The last line of the run.
    pub fn closing_line(&self) -> String {
        let totals = &self.totals;
        format!(
            "exposures: {} (controls: {}), misdeliveries refused: {}, requests: {}, seed: {}",
            totals.exposed, totals.control_exposed, totals.refused, totals.requests, self.seed
        )
    }
}
