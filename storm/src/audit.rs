//! The audit: what a server's ledger says of who was shown what, beside what the clients saw.
//!
//! The clients tell by marks. A ledger tells by what the server has entered. Where both tell of the
//! same account and the same household's footage, the ledger knew. Where the clients alone tell, no
//! query over this ledger could have found it.

use crate::town::Town;
use eyesonly::incident::{self, Asked, Group};
use eyesonly::keyring::Keyring;
use eyesonly::ledger::read::Span;
use eyesonly_seal::{HouseholdId, ViewerId};
use eyesonly_service::admin::Admin;
use serde::Serialize;
use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;

/// An account that was shown something, and the household whose footage it was, by their numbers.
/// An account has the number of its own household.
pub type Pair = (u32, u32);

/// What an exposed answer was seen in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// Footage, or the details of events.
    Footage,
    /// A list of cameras, with their names.
    List,
    /// The account's own, after its session had ended.
    OwnAfterEnd,
}

/// What the clients saw, by account and by whose it was.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exposed {
    /// Footage, or the details of events.
    pub footage: BTreeSet<Pair>,
    /// Names on lists of cameras.
    pub lists: BTreeSet<Pair>,
    /// The account's own, after its session had ended.
    pub own_after_end: BTreeSet<Pair>,
}

impl Exposed {
    /// Adds what an exposed answer showed.
    pub fn add(&mut self, pair: Pair, by: By) {
        let set = match by {
            By::Footage => &mut self.footage,
            By::List => &mut self.lists,
            By::OwnAfterEnd => &mut self.own_after_end,
        };
        set.insert(pair);
    }

    fn all(&self) -> impl Iterator<Item = Pair> + '_ {
        let sets = [&self.footage, &self.lists, &self.own_after_end];
        sets.into_iter().flatten().copied()
    }
}

/// What a ledger lists, and how it compares with what the clients saw.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Audit {
    /// Deliveries of footage that were judged.
    pub deliveries: u64,
    /// Acts, or changes of the map, by which they were judged.
    pub acts: u64,
    /// Deliveries that should not have been.
    pub listed: u64,
    /// How many accounts are in each group of the incident report; none for a conventional server.
    pub groups: Vec<(&'static str, u64)>,
    /// What is wrong with the ledger itself.
    pub faults: Vec<String>,
    /// Entries that do not open or are there twice, acts that do not follow one another, and
    /// deliveries that could not be judged.
    pub gaps: u64,
    /// Accounts that were shown something, and that the audit lists.
    pub shown_known: u64,
    /// Accounts that were shown something, and that the audit does not list.
    pub shown_unknown: u64,
    /// Accounts whose home was seen, and that the audit lists.
    pub seen_known: u64,
    /// Accounts whose home was seen, and that the audit does not list.
    pub seen_unknown: u64,
    /// Of footage and details: an account with a household, seen by the clients and listed.
    pub pairs_known: u64,
    /// The same, seen by the clients and not listed.
    pub pairs_unknown: u64,
    /// The same, listed and not seen by the clients.
    pub pairs_alone: u64,
    /// The same, of names on lists of cameras and nothing else. No ledger here judges lists.
    pub pairs_of_lists: u64,
    /// Accounts that saw their own, after their session had ended. No ledger here judges sessions.
    pub own_after_end: u64,
    /// Lies of the ledger that were noticed, by who noticed them.
    pub noticed: Vec<String>,
    /// Deliveries that were entered and that the ledger lacks, though nobody noticed a lie.
    pub unnoticed: u64,
    /// Lines of another household that a household was shown by the ledger.
    pub foreign_lines: u64,
    /// Lies of the ledger that a checkpoint shows which somebody else kept.
    pub shown_by_kept: u64,
}

impl Audit {
    /// Compares what an audit lists with what the clients saw.
    pub fn compare(&mut self, seen: &Exposed, listed: &BTreeSet<Pair>) {
        let count = |pairs: Vec<&Pair>| pairs.len() as u64;
        let (shown, homes): (BTreeSet<u32>, BTreeSet<u32>) = seen.all().unzip();
        let both: BTreeSet<Pair> = seen.all().filter(|pair| listed.contains(pair)).collect();
        let (known, known_homes): (BTreeSet<u32>, BTreeSet<u32>) = both.iter().copied().unzip();
        self.shown_known = known.len() as u64;
        self.shown_unknown = shown.difference(&known).count() as u64;
        self.seen_known = known_homes.len() as u64;
        self.seen_unknown = homes.difference(&known_homes).count() as u64;
        self.pairs_known = count(seen.footage.intersection(listed).collect());
        self.pairs_unknown = count(seen.footage.difference(listed).collect());
        let is_unseen = |pair: &&Pair| !seen.all().any(|seen| seen == **pair);
        self.pairs_alone = count(listed.difference(&seen.footage).filter(is_unseen).collect());
        self.pairs_of_lists = count(seen.lists.difference(&seen.footage).collect());
        self.own_after_end = seen.own_after_end.len() as u64;
    }

    /// Says whether it lists exactly what the clients saw of footage and details.
    pub fn is_exact(&self) -> bool {
        (self.pairs_unknown, self.pairs_alone) == (0, 0)
    }

    /// Says whether the ledger lists nobody.
    pub fn is_empty(&self) -> bool {
        let others = |(name, count): &(&str, u64)| *name != Group::NotAffected.name() && *count > 0;
        self.listed == 0 && !self.groups.iter().any(others)
    }
}

/// The numbers of a town's viewers and households, by their ids.
pub struct Numbers {
    viewers: HashMap<ViewerId, u32>,
    households: HashMap<HouseholdId, u32>,
}

impl Numbers {
    /// Numbers everybody in a town.
    pub fn of(town: &Town) -> Self {
        let all = || 0..town.all_households();
        Self {
            viewers: all().map(|number| (town.viewer_id(number), number)).collect(),
            households: all().map(|number| (town.household_id(number), number)).collect(),
        }
    }

    /// Returns a pair. What is not of the town has the greatest number.
    pub fn pair(&self, viewer: &ViewerId, household: &HouseholdId) -> Pair {
        let viewer = self.viewers.get(viewer).copied().unwrap_or(u32::MAX);
        (viewer, self.households.get(household).copied().unwrap_or(u32::MAX))
    }
}

/// Audits this system's ledger: `eyesonly incident` over all of its time.
///
/// # Errors
/// The log or the registry can't be read.
pub async fn of_log(
    admin: &Admin,
    keyring: &Arc<Keyring>,
    data: &Path,
    (town, seen): (&Town, &Exposed),
) -> anyhow::Result<Audit> {
    let (log, today) = incident::open(admin, data).await?;
    let keyring = Arc::clone(keyring);
    let asked = Asked { span: Span { from: None, until: None }, seam: None, camera: None };
    let report = move || incident::report(&log, &*keyring, &today, &asked);
    let report = tokio::task::spawn_blocking(report).await??;
    let numbers = Numbers::of(town);
    let pair = |exposure: &incident::Exposure| numbers.pair(&exposure.viewer, &exposure.household);
    let listed: BTreeSet<Pair> = report.exposures.iter().map(pair).collect();
    let group = |group: Group| {
        let of = report.accounts.iter().filter(|account| account.groups.contains(&group));
        (group.name(), of.count() as u64)
    };
    let mut audit = Audit {
        deliveries: report.deliveries,
        acts: report.acts,
        listed: report.exposures.len() as u64,
        groups: Group::ALL.map(group).to_vec(),
        gaps: report.damaged + report.unreadable + report.not_judged + report.holes.len() as u64,
        faults: report.faults,
        ..Audit::default()
    };
    audit.compare(seen, &listed);
    Ok(audit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_clients_saw_and_what_is_listed_are_compared() {
        let mut seen = Exposed::default();
        for pair in [(1, 2), (1, 3), (4, 5)] {
            seen.add(pair, By::Footage);
        }
        seen.add((1, 2), By::List);
        seen.add((6, 2), By::List);
        seen.add((7, 7), By::OwnAfterEnd);
        let mut audit = Audit::default();
        audit.compare(&seen, &BTreeSet::from([(1, 2), (8, 9)]));
        let pairs = (audit.pairs_known, audit.pairs_unknown, audit.pairs_alone);
        assert_eq!(pairs, (1, 2, 1));
        assert_eq!((audit.pairs_of_lists, audit.own_after_end), (1, 1));
        // Accounts 1, 4, 6 and 7 were shown something, of households 2, 3, 5 and 7.
        assert_eq!((audit.shown_known, audit.shown_unknown), (1, 3));
        assert_eq!((audit.seen_known, audit.seen_unknown), (1, 3));
        assert!(!audit.is_exact());
        audit.compare(&seen, &seen.footage.clone());
        assert!(audit.is_exact());
        assert_eq!((audit.shown_known, audit.shown_unknown), (2, 2));
    }
}
