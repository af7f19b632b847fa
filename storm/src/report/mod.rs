//! The report: the counts of a run, shown as a table, a JSON file and a page.
//!
//! Storm's clients, which know nothing of the servers, count everything here, except where a field
//! says that the server counted it.

mod cells;
mod html;
mod table;

pub use cells::{CellsReport, Totals};
pub use html::{cells_page, page};
pub use table::{closing_line, table};

use crate::audit::Audit;
use serde::Serialize;

/// One run against both servers.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The version of this program.
    pub version: &'static str,
    /// The start of the run, RFC 3339, UTC.
    pub began_at: String,
    /// The seed that the run can be repeated from.
    pub seed: u64,
    /// The command that repeats it.
    pub command: String,
    /// The number of households.
    pub households: usize,
    /// The number of cameras.
    pub cameras: usize,
    /// The number of viewers.
    pub viewers: usize,
    /// The seconds over which cameras and viewers came back. 0: all came at once.
    pub jitter_seconds: f64,
    /// The defences that the liars here could forge, by name; empty except in a control.
    pub forged: Vec<String>,
    /// The lies that were told. The same liars stood in both servers, at the same rates.
    pub lies: Vec<Lie>,
    /// This system.
    pub here: Side,
    /// A server built the way such systems are built.
    pub conventional: Side,
    /// Web caches that stood in front, told to ignore every header that forbids caching.
    pub web_caches: Vec<WebCache>,
}

/// One kind of lie of one seam.
#[derive(Debug, Clone, Serialize)]
pub struct Lie {
    /// The seam, such as `memory-tier`.
    pub seam: &'static str,
    /// The kind, such as `another-household`.
    pub kind: &'static str,
    /// The share of answers that were to be lies, 0 to 1.
    pub rate: f64,
    /// The number of times that it was told to this system.
    pub told_here: u64,
    /// The number of times that it was told to the conventional server.
    pub told_conventional: u64,
    /// Answers that the seam gave at this system and that might have been lies, of this kind or of
    /// another one.
    pub answers_here: u64,
    /// The same at the conventional server.
    pub answers_conventional: u64,
    /// A caution before anything is concluded from it: it was not told, and why not.
    pub note: Option<String>,
}

impl Lie {
    /// Says whether this lie was told to this system. If not, the run shows nothing of it.
    pub const fn is_told(&self) -> bool {
        self.told_here > 0
    }

    /// Notes whether it was told. `behind`: the seam is a tier behind a nearer one.
    #[must_use]
    pub fn noted(mut self, behind: bool) -> Self {
        let why = |answers: u64| match answers {
            _ if self.rate <= 0.0 => "its rate is 0",
            0 if behind => "this tier was never needed, for the nearer one answered everything",
            0 => "the seam gave no answer that could have been a lie",
            _ => "none of the seam's answers that could be this lie was drawn",
        };
        self.note = match (self.told_here, self.told_conventional) {
            (0, 0) => Some(format!("{NOT_TOLD}; {}", why(self.answers_here))),
            (0, _) => Some(format!("{NOT_TOLD} of this system; {}", why(self.answers_here))),
            (_, 0) => Some(format!(
                "not told to the conventional server; {}",
                why(self.answers_conventional)
            )),
            _ => None,
        };
        self
    }
}

/// The words for a lie that was not told.
const NOT_TOLD: &str = "not told: shows nothing";

/// The counts of one server.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Side {
    /// Requests that were made.
    pub requests: u64,
    /// Answers that were right, to the byte that could be predicted.
    pub right: u64,
    /// Refusals where a right answer was possible: a status that is not a success, or a body that
    /// was cut.
    pub refused: u64,
    /// The refusals with status 503 and `Retry-After`.
    pub shed: u64,
    /// Requests that had no answer at all: the connection broke, or time was up.
    pub errors: u64,
    /// Requests that the client gave up in the middle, on purpose.
    pub dropped: u64,
    /// Answers with footage, details or names of somebody who may not be seen: the number that must
    /// be zero.
    pub exposed: u64,
    /// The requests for segments of live video.
    pub live_followed: u64,
    /// The exposed answers among them.
    pub live_exposed: u64,
    /// Guests' looks at shared cameras: at what they may see, and at what they may not.
    pub share_looks: u64,
    /// The looks among them that showed what the guest may see.
    pub share_shown: u64,
    /// The exposed answers that showed a guest more of a shared camera than they may see.
    pub share_exposed: u64,
    /// Answers of the past, and footage that went on to its end after its right was taken.
    pub stale: u64,
    /// Answers with bytes that are nobody's, or of another object of the same camera.
    pub wrong: u64,
    /// Accounts that were shown something that they may not see.
    pub accounts_shown: u64,
    /// Accounts that opened something that they may not see, such as an event, its video or a
    /// larger still.
    pub accounts_opened: u64,
    /// Accounts whose homes were seen by others.
    pub accounts_seen: u64,
    /// Misdeliveries that the server itself counted, by seam and fault; the conventional server
    /// counts none.
    pub misdeliveries: Vec<Misdeliveries>,
    /// Uploads that were acknowledged.
    pub uploads_acknowledged: u64,
    /// Acknowledged uploads that were not there at the end.
    pub uploads_lost: u64,
    /// Reads that reached the store.
    pub origin_reads: u64,
    /// The different extents that these reads were for.
    pub origin_objects: u64,
    /// Tiers that were set aside because they kept lying, and how often.
    pub set_aside: Vec<(String, u64)>,
    /// What the server's ledger knew of all this; none if it was not audited.
    pub ledger: Option<Audit>,
    /// The phases before, during and after the herd.
    pub phases: Vec<Phase>,
    /// The course of the run, in steps of equal length.
    pub course: Vec<Step>,
}

/// Misdeliveries of one seam and fault.
#[derive(Debug, Clone, Serialize)]
pub struct Misdeliveries {
    /// The seam, as `--lie` calls it.
    pub seam: String,
    /// The fault, as in the metrics, but with hyphens.
    pub fault: String,
    /// Their number.
    pub count: u64,
}

/// One phase of the run.
#[derive(Debug, Clone, Serialize)]
pub struct Phase {
    /// `before`, `herd` or `after`.
    pub name: &'static str,
    /// The length of the phase, in seconds.
    pub seconds: f64,
    /// Right answers a second.
    pub goodput: f64,
    /// The milliseconds within which half of the answers came.
    pub p50_milliseconds: f64,
    /// The milliseconds within which 99 of 100 answers came.
    pub p99_milliseconds: f64,
}

/// The counts of one step of the course.
#[derive(Debug, Clone, Serialize)]
pub struct Step {
    /// Seconds from the start of the run to the start of the step.
    pub at_seconds: f64,
    /// The phase that it started in.
    pub phase: &'static str,
    /// Requests that ended in it.
    pub requests: u64,
    /// Exposures in it.
    pub exposed: u64,
    /// Refusals in it.
    pub refused: u64,
    /// As in [`Phase`]; none if no request ended in it.
    pub p50_milliseconds: Option<f64>,
    /// As in [`Phase`].
    pub p99_milliseconds: Option<f64>,
}

/// The counts of one web cache, in front of each server.
#[derive(Debug, Clone, Serialize)]
pub struct WebCache {
    /// `nginx` or `varnish`.
    pub name: String,
    /// In front of this system.
    pub here: Passed,
    /// In front of the conventional server.
    pub conventional: Passed,
}

/// The counts of a web cache in front of one server.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Passed {
    /// The questions that came: of each address, two of its first viewer and one of the second.
    pub asked: u64,
    /// The questions that the cache answered by itself. Without one, the row shows nothing.
    pub hits: u64,
    /// Second viewers who got something of the first's.
    pub exposed: u64,
}

impl Report {
    /// Counts the misdeliveries that this system rejected.
    pub fn refused_misdeliveries(&self) -> u64 {
        self.here.misdeliveries.iter().map(|entry| entry.count).sum()
    }

    /// Returns how many kinds of lies were told to this system, and how many were asked for.
    pub fn kinds_told(&self) -> (usize, usize) {
        let told = self.lies.iter().filter(|lie| lie.is_told());
        (told.count(), self.lies.len())
    }

    /// Lists why lies were not told to this system: each reason once, with its seams.
    fn reasons(&self) -> Vec<(&str, Vec<&'static str>)> {
        let mut reasons: Vec<(&str, Vec<&'static str>)> = Vec::new();
        for lie in self.lies.iter().filter(|lie| !lie.is_told()) {
            let Some((_, why)) = lie.note.as_deref().and_then(|note| note.split_once("; ")) else {
                continue;
            };
            match reasons.iter_mut().find(|(known, _)| *known == why) {
                Some((_, seams)) if seams.contains(&lie.seam) => {}
                Some((_, seams)) => seams.push(lie.seam),
                None => reasons.push((why, vec![lie.seam])),
            }
        }
        reasons
    }
}
