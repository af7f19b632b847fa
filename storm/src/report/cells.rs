//! The report of `--cells`, as numbers: the sum of what came of the cells.
//!
//! Scripts read its last line, which must stay as it is.

use crate::cells::Cell;
use serde::Serialize;

/// Every cell of one run.
#[derive(Debug, Clone, Serialize)]
pub struct CellsReport {
    /// The version of this program.
    pub version: &'static str,
    /// The start of the run, RFC 3339, UTC.
    pub began_at: String,
    /// The length of the run, in seconds.
    pub took_seconds: f64,
    /// The seed that the run can be repeated from.
    pub seed: u64,
    /// The command that repeats it.
    pub command: String,
    /// Households of each cell.
    pub households: u64,
    /// The least number of requests of each cell.
    pub requests_min: u64,
    /// The least number of requests of each control.
    pub control_requests_min: u64,
    /// The sums.
    pub totals: Totals,
    /// The cells, in the order of the table of lies.
    pub cells: Vec<Cell>,
}

/// Sums over cells.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// The number of cells.
    pub cells: u64,
    /// The number of cells that hold.
    pub hold: u64,
    /// Requests, without those of the controls.
    pub requests: u64,
    /// Lies told.
    pub told: u64,
    /// Misdeliveries that were rejected.
    pub refused: u64,
    /// Exposed answers; must be zero.
    pub exposed: u64,
    /// Stale answers; must be zero.
    pub stale: u64,
    /// Wrong answers; must be zero.
    pub wrong: u64,
    /// Lost uploads; must be zero.
    pub lost: u64,
    /// Lies told in the controls.
    pub control_told: u64,
    /// Exposed, stale and wrong answers, and lost uploads, that were seen in the controls.
    pub control_seen: u64,
    /// The exposed answers among them.
    pub control_exposed: u64,
}

impl Totals {
    /// Sums up these cells.
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
    /// Says what is wrong with each cell that does not hold.
    pub fn faults(&self) -> Vec<String> {
        self.cells.iter().filter_map(Cell::fault).collect()
    }

    /// Writes the last line of the run.
    pub fn closing_line(&self) -> String {
        let totals = &self.totals;
        format!(
            "exposures: {} (controls: {}), misdeliveries refused: {}, requests: {}, seed: {}",
            totals.exposed, totals.control_exposed, totals.refused, totals.requests, self.seed
        )
    }
}
