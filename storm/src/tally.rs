//! The tally: it counts what storm's clients saw, in all and over time.

use crate::audit::{By, Exposed, Pair};
use crate::detect::Verdict;
use crate::report::{Phase, Side, Step};
use std::collections::HashSet;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// The length of one step of the course.
const STEP: Duration = Duration::from_millis(250);
/// The most steps that are kept: an hour.
const STEPS_MAX: usize = 4 * 3600;
/// The parts of a run, in their order.
const PHASES: [&str; 3] = ["before", "herd", "after"];

/// The end of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// With an answer.
    Answered(Verdict),
    /// Without one.
    Unanswered,
    /// The client gave it up.
    Dropped,
}

#[derive(Default)]
struct Counts {
    side: Side,
    shown: HashSet<u32>,
    opened: HashSet<u32>,
    seen: HashSet<u32>,
    exposed: Exposed,
    steps: Vec<StepCounts>,
    phases: Vec<PhaseCounts>,
}

#[derive(Default)]
struct StepCounts {
    phase: usize,
    exposed: u64,
    refused: u64,
    micros: Vec<u32>,
}

struct PhaseCounts {
    began: Instant,
    seconds: f64,
    right: u64,
    micros: Vec<u32>,
}

/// The counts of one server's answers.
pub struct Tally {
    began: Instant,
    counts: Mutex<Counts>,
}

impl Default for Tally {
    fn default() -> Self {
        Self { began: Instant::now(), counts: Mutex::default() }
    }
}

impl Tally {
    /// Starts the next phase.
    pub fn next_phase(&self) {
        self.end_phase();
        if let Ok(mut counts) = self.counts.lock() {
            counts.phases.push(PhaseCounts {
                began: Instant::now(),
                seconds: 0.0,
                right: 0,
                micros: Vec::new(),
            });
        }
    }

    /// Ends the phase that is under way.
    pub fn end_phase(&self) {
        if let Ok(mut counts) = self.counts.lock()
            && let Some(phase) = counts.phases.last_mut().filter(|phase| phase.seconds == 0.0)
        {
            phase.seconds = phase.began.elapsed().as_secs_f64();
        }
    }

    /// Counts the end of one request of the viewer of `household`. `opens` says that the viewer
    /// opened something, such as an event, its video, or a larger still. What is followed takes as
    /// long as it is made: it has no `began`, and is in no latency.
    pub fn count(&self, household: u32, opens: bool, began: Option<Instant>, ended: Ended) {
        let micros =
            began.map(|began| u32::try_from(began.elapsed().as_micros()).unwrap_or(u32::MAX));
        let at = usize::try_from(self.began.elapsed().as_millis() / STEP.as_millis())
            .unwrap_or(usize::MAX);
        let Ok(mut counts) = self.counts.lock() else { return };
        let counts = &mut *counts;
        counts.side.requests += 1;
        let phase = counts.phases.len().saturating_sub(1);
        if at < STEPS_MAX && counts.steps.len() <= at {
            counts.steps.resize_with(at + 1, || StepCounts { phase, ..StepCounts::default() });
        }
        let verdict = match ended {
            Ended::Dropped => {
                counts.side.dropped += 1;
                return;
            }
            Ended::Unanswered => {
                counts.side.errors += 1;
                return;
            }
            Ended::Answered(verdict) => verdict,
        };
        let step = counts.steps.get_mut(at);
        let phase = counts.phases.last_mut();
        match verdict {
            Verdict::Right => {
                counts.side.right += 1;
                if let Some(phase) = phase {
                    phase.right += 1;
                    phase.micros.extend(micros);
                }
            }
            Verdict::Refused { shed } => {
                counts.side.refused += 1;
                counts.side.shed += u64::from(shed);
                if let Some(phase) = phase {
                    phase.micros.extend(micros);
                }
            }
            Verdict::Exposed(of) | Verdict::Outside(of) => {
                counts.side.exposed += 1;
                counts.side.share_exposed += u64::from(matches!(verdict, Verdict::Outside(_)));
                counts.shown.insert(household);
                counts.seen.insert(of);
                if opens {
                    counts.opened.insert(household);
                }
            }
            Verdict::Stale => counts.side.stale += 1,
            Verdict::Wrong => counts.side.wrong += 1,
        }
        if let Some(step) = step {
            step.micros.extend(micros);
            step.exposed += u64::from(verdict.exposes().is_some());
            step.refused += u64::from(matches!(verdict, Verdict::Refused { .. }));
        }
    }

    /// Notes what an exposed answer showed to which account.
    pub fn saw(&self, pair: Pair, by: By) {
        if let Ok(mut counts) = self.counts.lock() {
            counts.exposed.add(pair, by);
        }
    }

    /// Returns what was shown to whom.
    pub fn exposed(&self) -> Exposed {
        self.counts.lock().map(|counts| counts.exposed.clone()).unwrap_or_default()
    }

    /// Counts a segment of live video that was followed. It is one of the requests, too.
    pub fn followed(&self, verdict: Verdict) {
        if let Ok(mut counts) = self.counts.lock() {
            counts.side.live_followed += 1;
            counts.side.live_exposed += u64::from(verdict.exposes().is_some());
        }
    }

    /// Counts a guest's look at something of a shared camera. It is one of the requests, too.
    /// `shows`: the guest saw what they may see.
    pub fn looked(&self, shows: bool) {
        if let Ok(mut counts) = self.counts.lock() {
            counts.side.share_looks += 1;
            counts.side.share_shown += u64::from(shows);
        }
    }

    /// Counts an upload that was acknowledged.
    pub fn acknowledged(&self) {
        if let Ok(mut counts) = self.counts.lock() {
            counts.side.uploads_acknowledged += 1;
        }
    }

    /// Counts an acknowledged upload that was not there at the end.
    pub fn lost(&self) {
        if let Ok(mut counts) = self.counts.lock() {
            counts.side.uploads_lost += 1;
        }
    }

    /// Returns how many requests have ended, and how many showed what they should not.
    pub fn so_far(&self) -> (u64, u64) {
        self.counts.lock().map_or((0, 0), |counts| (counts.side.requests, counts.side.exposed))
    }

    /// Returns how many answers were exposed, stale or wrong so far.
    pub fn seen(&self) -> u64 {
        let counts = self.counts.lock();
        counts.map_or(0, |counts| counts.side.exposed + counts.side.stale + counts.side.wrong)
    }

    /// Sums up the counts. What the server counts itself is not among them.
    pub fn side(&self) -> Side {
        self.end_phase();
        let Ok(mut counts) = self.counts.lock() else {
            return Side::default();
        };
        let counts = &mut *counts;
        let phase = |(at, phase): (usize, &mut PhaseCounts)| {
            phase.micros.sort_unstable();
            Phase {
                name: PHASES.get(at).copied().unwrap_or("after"),
                seconds: phase.seconds,
                goodput: if phase.seconds > 0.0 { phase.right as f64 / phase.seconds } else { 0.0 },
                p50_milliseconds: share_of(&phase.micros, 0.5).unwrap_or(0.0),
                p99_milliseconds: share_of(&phase.micros, 0.99).unwrap_or(0.0),
            }
        };
        let step = |(at, step): (usize, &mut StepCounts)| {
            step.micros.sort_unstable();
            Step {
                at_seconds: at as f64 * STEP.as_secs_f64(),
                phase: PHASES.get(step.phase).copied().unwrap_or("after"),
                requests: step.micros.len() as u64,
                exposed: step.exposed,
                refused: step.refused,
                p50_milliseconds: share_of(&step.micros, 0.5),
                p99_milliseconds: share_of(&step.micros, 0.99),
            }
        };
        Side {
            accounts_shown: counts.shown.len() as u64,
            accounts_opened: counts.opened.len() as u64,
            accounts_seen: counts.seen.len() as u64,
            phases: counts.phases.iter_mut().enumerate().map(phase).collect(),
            course: counts.steps.iter_mut().enumerate().map(step).collect(),
            ..counts.side.clone()
        }
    }
}

/// Returns the latency, in milliseconds, that this share of the answers does not exceed. `micros`
/// are microseconds in ascending order.
fn share_of(micros: &[u32], share: f64) -> Option<f64> {
    let at = (micros.len() as f64 * share).ceil() as usize;
    micros.get(at.saturating_sub(1)).map(|micros| f64::from(*micros) / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_and_accounts_are_counted_once() {
        let tally = Tally::default();
        tally.next_phase();
        let now = Instant::now();
        let answered = |household, opens, verdict| {
            tally.count(household, opens, Some(now), Ended::Answered(verdict))
        };
        answered(1, false, Verdict::Right);
        answered(1, false, Verdict::Exposed(2));
        answered(1, true, Verdict::Exposed(2));
        answered(3, false, Verdict::Outside(4));
        answered(3, false, Verdict::Refused { shed: true });
        answered(3, false, Verdict::Stale);
        answered(3, false, Verdict::Wrong);
        tally.count(1, false, Some(now), Ended::Dropped);
        tally.count(1, false, Some(now), Ended::Unanswered);
        let side = tally.side();
        assert_eq!(
            (
                side.requests,
                side.right,
                side.refused,
                side.shed,
                side.exposed,
                side.stale,
                side.wrong
            ),
            (9, 1, 1, 1, 3, 1, 1)
        );
        assert_eq!((side.errors, side.dropped), (1, 1));
        assert_eq!(side.share_exposed, 1, "one of the exposures is through a share");
        assert_eq!((side.accounts_shown, side.accounts_opened, side.accounts_seen), (2, 1, 2));
        assert_eq!(side.course.iter().map(|step| step.exposed).sum::<u64>(), 3);
        assert_eq!(side.phases.len(), 1);
    }

    #[test]
    fn shares_are_of_what_there_is() {
        assert_eq!(share_of(&[], 0.5), None);
        assert_eq!(share_of(&[1000], 0.99), Some(1.0));
        let many: Vec<u32> = (1..=100).map(|n| n * 1000).collect();
        assert_eq!((share_of(&many, 0.5), share_of(&many, 0.99)), (Some(50.0), Some(99.0)));
    }
}
