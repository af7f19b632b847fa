//! The rows of the storm's bench. The first is the goodput that is left when something lies all the
//! time. The others are how much slower the herd is, and what the herd costs the store.
//!
//! All numbers come from one run on one machine: read the ratios. Nothing here is a test: a row
//! below its goal is printed as below.

use crate::arena::Which;
use crate::lies::{Kind, Liar, Lie};
use crate::replay::{Outcome, Plan, Watch, replay};
use crate::said::Told;
use eyesonly::handlers::Handlers;
use serde::Serialize;

/// The lies of the lying run, beside the tier that always lies.
const ALL: &str = "all@0.01";

/// The budget of each tier, in bytes: enough for all that is asked for. So what is read twice was
/// asked for by two at once.
const TIER_BYTES: u64 = 2 << 30;

/// One row of the bench.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// The name of the row.
    pub what: &'static str,
    /// The value that was measured.
    pub value: f64,
    /// The value that it is compared with.
    pub beside: f64,
    /// The measured value divided by the other one.
    pub ratio: f64,
    /// `at least` or `at most`, and the goal.
    pub goal: (&'static str, f64),
}

impl Row {
    fn new(what: &'static str, value: f64, beside: f64, goal: (&'static str, f64)) -> Self {
        let ratio = if beside > 0.0 { value / beside } else { 0.0 };
        Self { what, value, beside, ratio, goal }
    }

    /// Says whether the goal is reached.
    pub fn is_met(&self) -> bool {
        match self.goal {
            ("at least", goal) => self.ratio >= goal,
            (_, goal) => self.ratio <= goal && self.ratio > 0.0,
        }
    }

    /// Writes the row as one line.
    pub fn line(&self) -> String {
        let met = if self.is_met() { "met" } else { "missed" };
        format!(
            "{:<64} {:>9.2} beside {:>9.2}  ratio {:>5.2}  ({} {}: {met})",
            self.what, self.value, self.beside, self.ratio, self.goal.0, self.goal.1
        )
    }
}

/// Measures the rows in two runs. One is honest. In the other one everything lies, and the memory
/// tier does so in every answer.
///
/// # Errors
/// A server can't be set up.
pub async fn measure(
    plan: &Plan,
    handlers: &Handlers,
    watch: Watch<'_>,
) -> anyhow::Result<Vec<Row>> {
    let plan = Plan {
        streams: 0,
        shares: false,
        live: 0,
        tier_bytes: TIER_BYTES,
        ledger: false,
        ..plan.clone()
    };
    let honest = Plan { lies: Vec::new(), ..plan.clone() };
    let always = Lie { liar: Liar::MemoryTier, kind: Kind::AnotherHousehold, rate: 1.0 };
    let told: Told = ALL.parse().map_err(|error: String| anyhow::anyhow!(error))?;
    let others = told.lies().into_iter().filter(|lie| lie.liar != Liar::MemoryTier);
    let lying = Plan { lies: others.chain([always]).collect(), ..plan };
    let honest = replay(Which::Here, &honest, handlers.clone(), watch).await?;
    let lying = replay(Which::Here, &lying, handlers.clone(), watch).await?;
    let goodput = |outcome: &Outcome| {
        let (right, seconds) =
            outcome.side.phases.iter().fold((0.0, 0.0), |(right, seconds), phase| {
                (phase.goodput.mul_add(phase.seconds, right), seconds + phase.seconds)
            });
        if seconds > 0.0 { right / seconds } else { 0.0 }
    };
    let p99 = |name: &str| {
        let phase = honest.side.phases.iter().find(|phase| phase.name == name);
        phase.map_or(0.0, |phase| phase.p99_milliseconds)
    };
    Ok(vec![
        Row::new(
            "goodput while all lie and one tier always does, beside honest, a second",
            goodput(&lying),
            goodput(&honest),
            ("at least", 0.5),
        ),
        Row::new(
            "p99 in the herd, beside before it, ms",
            p99("herd"),
            p99("before"),
            ("at most", 5.0),
        ),
        Row::new(
            "reads of the store in the honest herd, beside different objects",
            honest.side.origin_reads as f64,
            honest.side.origin_objects as f64,
            ("at most", 1.05),
        ),
    ])
}
