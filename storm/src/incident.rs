//! The incident report over the storm: what the ledgers knew of what the clients saw.
//!
//! In a storm, this system's lists have to be empty under every lie. In a control whose liar forges
//! records, the replayed audit has to list exactly what the clients saw. In a control whose liar
//! forges what was served, no ledger can know: that is counted beside it.

use crate::arena::Which;
use crate::audit::Audit;
use crate::cells::{self, Size};
use crate::lies::{Kind, Liar};
use crate::replay::{Plan, Watch, replay};
use eyesonly::handlers::Handlers;
use serde::Serialize;

/// The least number of requests of a control. More come until something is seen.
const CONTROL_REQUESTS_MIN: u64 = 800;
/// The most viewers who come in a control. They may be shown any household of the town.
const CONTROL_VIEWERS_MAX: u32 = 3_000;

/// What a ledger can know of what is shown in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Expected {
    /// Nothing is shown, and nobody is listed.
    Empty,
    /// Exactly what the clients saw of footage and details is listed.
    Exact,
    /// What sessions showed that had ended is not judged, and nobody is listed.
    Sessions,
    /// The server entered what it believed to serve, so nobody is listed.
    Unknowable,
    /// A conventional server's ledger knows a part.
    Part,
}

/// The controls, each with what the ledger can know of it.
pub const CONTROLS: &[(Liar, Kind, Expected)] = &[
    (Liar::Registry, Kind::AnotherViewer, Expected::Exact),
    (Liar::Registry, Kind::NoFreshness, Expected::Exact),
    (Liar::Registry, Kind::BeforeRevocation, Expected::Exact),
    (Liar::Pool, Kind::CancelledQuestion, Expected::Exact),
    (Liar::Pool, Kind::LateReply, Expected::Exact),
    (Liar::Sessions, Kind::AnotherSession, Expected::Sessions),
    (Liar::Sessions, Kind::EndedAsLive, Expected::Sessions),
    (Liar::MemoryTier, Kind::AnotherHousehold, Expected::Unknowable),
    (Liar::ObjectStore, Kind::AnotherHousehold, Expected::Unknowable),
    (Liar::Coalescer, Kind::AnotherFlight, Expected::Unknowable),
    (Liar::Index, Kind::AnotherCamera, Expected::Unknowable),
    (Liar::WayOut, Kind::AnotherRequest, Expected::Unknowable),
    (Liar::WayOut, Kind::CrossedBodies, Expected::Unknowable),
    (Liar::Registry, Kind::CrossedMap, Expected::Unknowable),
    (Liar::LiveHub, Kind::AnotherHousehold, Expected::Unknowable),
];

/// A run that is asked for.
pub struct Asked {
    /// Its name in the table.
    pub name: String,
    which: Which,
    plan: Plan,
    expected: Expected,
}

/// What came of a run.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// The seed that it can be repeated from.
    pub seed: u64,
    /// The storm of a server, or the control.
    pub name: String,
    /// What was to come of it.
    pub expected: Expected,
    /// Exposed answers, as the clients counted them.
    pub exposed: u64,
    /// Accounts that were shown something.
    pub accounts_shown: u64,
    /// Accounts whose home was seen.
    pub accounts_seen: u64,
    /// What the ledger knew of that.
    pub audit: Audit,
}

/// Lists the runs of one seed: the storm at both servers, and every control here.
pub fn all(plan: &Plan) -> Vec<Asked> {
    let size = Size {
        households: plan.households,
        requests_min: 0,
        control_requests_min: CONTROL_REQUESTS_MIN,
        seed: plan.seed,
        folder: plan.folder.clone(),
    };
    let storm = |name: &str, which, expected| Asked {
        name: format!("storm: {name}"),
        which,
        plan: plan.clone(),
        expected,
    };
    let storms = [
        storm("conventional", Which::Conventional, Expected::Part),
        storm("eyesonly", Which::Here, Expected::Empty),
    ];
    storms.into_iter().chain(CONTROLS.iter().map(|one| control(*one, &size))).collect()
}

/// Makes a control with a ledger. Nobody gives a question up: of such an answer, nobody knows
/// whether it was seen. Nobody shares: clients and ledger would judge a right's last moment by two
/// clocks. Each household has one camera, which hands in one event in the storm and nothing before.
/// A list has accounts, and there are as many as in the storm.
pub fn control((liar, kind, expected): (Liar, Kind, Expected), size: &Size) -> Asked {
    let plan = cells::control((liar, kind), size);
    let plan = Plan { ledger: true, shares: false, dropped_share: 0.0, workers: 16, ..plan };
    let plan =
        Plan { cameras_each: 1, before: 0, backlog: 1, viewers: CONTROL_VIEWERS_MAX, ..plan };
    Asked { name: format!("{}:{kind}", liar.name()), which: Which::Here, plan, expected }
}

impl Asked {
    /// Runs it.
    ///
    /// # Errors
    /// The server can't be set up, or its ledger can't be read.
    pub async fn run(&self, handlers: Handlers, watch: Watch<'_>) -> anyhow::Result<Row> {
        let side = replay(self.which, &self.plan, handlers, watch).await?.side;
        Ok(Row {
            seed: self.plan.seed,
            name: self.name.clone(),
            expected: self.expected,
            exposed: side.exposed,
            accounts_shown: side.accounts_shown,
            accounts_seen: side.accounts_seen,
            audit: side.ledger.unwrap_or_default(),
        })
    }
}

impl Row {
    /// Says what is wrong with it, if anything.
    pub fn fault(&self) -> Option<String> {
        let Audit { listed, pairs_known, pairs_unknown, pairs_alone, own_after_end, .. } =
            self.audit;
        let is_whole = self.audit.gaps == 0 && self.audit.unnoticed == 0;
        let fault = match self.expected {
            Expected::Empty if self.exposed > 0 => "something was shown",
            Expected::Empty if !self.audit.is_empty() => "the lists are not empty",
            Expected::Exact | Expected::Sessions | Expected::Unknowable if !is_whole => {
                "the ledger has gaps"
            }
            Expected::Exact if !self.audit.is_exact() => "the list is not what the clients saw",
            Expected::Exact if pairs_known == 0 => "the control showed nothing",
            Expected::Sessions if listed > 0 || own_after_end == 0 => "no session was shown alone",
            Expected::Unknowable if pairs_alone > 0 => "somebody is listed who saw nothing",
            Expected::Unknowable if pairs_unknown == 0 => "the control showed nothing",
            Expected::Part if self.exposed == 0 => "the detector saw nothing",
            _ => return None,
        };
        let pairs = format!("{pairs_known} known, {pairs_unknown} not, {pairs_alone} alone");
        Some(format!("seed {} {}: {fault} ({pairs})", self.seed, self.name))
    }

    /// Writes the heading over the lines.
    pub fn heading() -> String {
        let columns =
            ["shown", "knew", "not", "seen", "knew", "not", "alone", "lists", "ended"].map(column);
        format!("{:<6} {:<16} {:<30}{}  expected", "line", "seed", "run", columns.concat())
    }

    /// Writes it as one line.
    pub fn line(&self) -> String {
        let verdict = if self.fault().is_none() { "holds" } else { "FAILS" };
        let expected = match self.expected {
            Expected::Empty => "empty",
            Expected::Exact => "exact",
            Expected::Sessions => "not judged",
            Expected::Unknowable => "no ledger could know",
            Expected::Part => "a part",
        };
        let audit = &self.audit;
        let columns = [
            self.accounts_shown,
            audit.shown_known,
            audit.shown_unknown,
            self.accounts_seen,
            audit.seen_known,
            audit.seen_unknown,
            audit.pairs_alone,
            audit.pairs_of_lists,
            audit.own_after_end,
        ];
        let columns = columns.map(column).concat();
        format!("{verdict:<6} {:<16} {:<30}{columns}  {expected}", self.seed, self.name)
    }
}

fn column(cell: impl std::fmt::Display) -> String {
    format!(" {cell:>6}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::said;
    use eyesonly::sandbox::{Limits, Sandbox};
    use eyesonly_service::clock;
    use futures::StreamExt as _;
    use std::path::PathBuf;

    /// The runs at once.
    const AT_ONCE: usize = 4;

    /// Runs the storms at both servers, and a control of each kind. EYESONLY_STORM_HOUSEHOLDS makes
    /// it larger, with every control, and EYESONLY_STORM_SEED repeats it.
    #[tokio::test(flavor = "multi_thread")]
    async fn the_ledger_knows_what_it_can_know() {
        let sandbox = Sandbox::new(Limits::default(), None).unwrap();
        let handlers = Handlers::load(&sandbox, None, |_| ()).unwrap();
        let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
        let households = number("EYESONLY_STORM_HOUSEHOLDS");
        let seed = number("EYESONLY_STORM_SEED");
        let seed = seed.unwrap_or_else(|| u64::from_be_bytes(clock::random()) >> 16);
        let size = Size {
            households: households.map_or(8, |number| u32::try_from(number).unwrap()),
            requests_min: 0,
            control_requests_min: 400,
            seed,
            folder: Some(PathBuf::from("/dev/shm")).filter(|folder| folder.is_dir()),
        };
        let storm = Plan {
            lies: said::lies(&["all@0.1".to_owned()]).unwrap(),
            ledger: true,
            requests_min: 400,
            streams: 2,
            live: 2,
            follows_min: 4,
            tiers: vec![Liar::MemoryTier, Liar::SharedCache],
            ..cells::control((Liar::MemoryTier, Kind::Cut), &size)
        };
        let storm = Plan { forge: Vec::new(), until_seen: false, ..storm };
        let few = [
            (Liar::Registry, Kind::AnotherViewer),
            (Liar::Registry, Kind::BeforeRevocation),
            (Liar::Pool, Kind::CancelledQuestion),
            (Liar::Sessions, Kind::EndedAsLive),
            (Liar::MemoryTier, Kind::AnotherHousehold),
            (Liar::Index, Kind::AnotherCamera),
            (Liar::WayOut, Kind::CrossedBodies),
        ];
        let is_wanted = |(liar, kind, _): &&(Liar, Kind, Expected)| {
            households.is_some() || few.contains(&(*liar, *kind))
        };
        let controls = CONTROLS.iter().filter(is_wanted).map(|one| control(*one, &size));
        let asked: Vec<Asked> = all(&storm).into_iter().take(2).chain(controls).collect();
        println!("{}", Row::heading());
        let rows = asked.iter().map(|asked| asked.run(handlers.clone(), &|_, _| {}));
        let mut faults = Vec::new();
        let mut rows = futures::stream::iter(rows).buffered(AT_ONCE);
        while let Some(row) = rows.next().await {
            let row = row.unwrap();
            println!("{}", row.line());
            faults.extend(row.fault());
        }
        assert!(faults.is_empty(), "seed {seed}:\n{}", faults.join("\n"));
    }
}
