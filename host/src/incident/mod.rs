//! What became of footage in a span of time: who received what they had no right to, whose it was,
//! and who was not touched.
//!
//! It must never believe the decision that let a delivery out. It replays the acts of
//! administration from the ledger, and judges each delivery by what was opened for it.

pub mod letters;
pub mod report;

use crate::ledger;
use crate::ledger::read::{self, End, Opened, ReadError, Span};
use crate::ledger::words;
use crate::ledger::words::names::Names;
use eyesonly_gate::Keys;
use eyesonly_gate::entry::{Outcome, Says, Stage};
use eyesonly_gate::ledger::{Delivery, Handed, Seam};
use eyesonly_ledger::Folder;
use eyesonly_rights::{Role, ViewerRecord};
use eyesonly_seal::{CameraId, FootageId, HouseholdId, ViewerId};
use eyesonly_service::admin::{ActRecord, Admin, AdminError};
use eyesonly_service::clock;
use eyesonly_service::ledger::acts::Done;
use eyesonly_service::ledger::replay::{Hole, Judged, Replay, Wrong};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::Path;

/// What an account had to do with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Group {
    /// Nothing of its households was handed to others, and it received nothing of others.
    NotAffected,
    /// Footage of a camera of its households was handed to somebody who had no right to it.
    Shown,
    /// It received footage that it had no right to, and opened none of it.
    Received,
    /// It opened footage that it had no right to: an event, a clip or the live view. Or it deleted
    /// an event.
    Opened,
}

impl Group {
    /// All groups.
    pub const ALL: [Self; 4] = [Self::NotAffected, Self::Shown, Self::Received, Self::Opened];

    /// Returns its name in reports, and of its letter.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotAffected => "not-affected",
            Self::Shown => "shown",
            Self::Received => "received",
            Self::Opened => "opened",
        }
    }
}

/// A delivery that should not have been.
#[derive(Debug, Clone, Serialize)]
pub struct Exposure {
    /// The place of its entry in the log.
    pub entry: u64,
    /// When it was about to leave, in milliseconds since 1970.
    pub at_milliseconds: u64,
    /// Who received it.
    pub viewer: ViewerId,
    /// The login name of whoever received it. `None`: it was not read, or the account is gone.
    pub viewer_name: Option<String>,
    /// The household whose footage it was.
    pub household: HouseholdId,
    /// The household's name. `None`: it was not read, or the household is gone.
    pub household_name: Option<String>,
    /// The camera whose footage it was.
    pub camera: CameraId,
    /// The camera's name. `None`: it was not read, or the camera is gone.
    pub camera_name: Option<String>,
    /// What was handed out, in a word.
    pub handed: &'static str,
    /// What was handed out, and whether there was anything in it.
    pub what: String,
    /// The event that it was about.
    pub event: Option<FootageId>,
    /// The ids of the objects that were opened: up to the first seven and the last one.
    pub objects: Vec<FootageId>,
    /// How many objects were opened.
    pub objects_count: u32,
    /// The bytes that left. `None`: nobody knows, and it may be all.
    pub bytes: Option<u64>,
    /// How much left, in words.
    pub left: String,
    /// Why it should not have been.
    pub wrong: Wrong,
}

/// An account, and what it had to do with it.
#[derive(Debug, Clone, Serialize)]
pub struct Account {
    /// Its id.
    pub viewer: ViewerId,
    /// Its login name. `None`: the account is gone.
    pub name: Option<String>,
    /// How many cameras it has today as an owner or a member.
    pub cameras: usize,
    /// Its groups. One that was shown to others may have received something too.
    pub groups: BTreeSet<Group>,
    /// The entries of the deliveries that it is about.
    pub entries: Vec<u64>,
}

/// An act or a record that does not follow what was before it, with names.
#[derive(Debug, Clone, Serialize)]
pub struct NamedHole {
    /// What does not follow.
    #[serde(flatten)]
    pub hole: Hole,
    /// The viewer's login name. `None`: it was not read, or the account is gone.
    pub viewer_name: Option<String>,
    /// The camera's name. `None`: it was not read, or the camera is gone.
    pub camera_name: Option<String>,
}

impl From<Hole> for NamedHole {
    fn from(hole: Hole) -> Self {
        Self { hole, viewer_name: None, camera_name: None }
    }
}

/// Answers that were rejected before anything left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rejections {
    /// The seam that gave them.
    pub seam: &'static str,
    /// What was wrong with them.
    pub fault: &'static str,
    /// How many there were.
    pub count: u64,
}

/// What is known of an incident.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    /// When it was made, as people read it.
    pub made: String,
    /// The time that was looked at, as people read it.
    pub from: Option<String>,
    /// Its end.
    pub until: Option<String>,
    /// The camera whose footage alone was looked at.
    pub camera: Option<CameraId>,
    /// That camera's name. `None`: it was not read, or the camera is gone.
    pub camera_name: Option<String>,
    /// Since when the ledger knows all rights, as people read it. `None`: it does not.
    pub known_since: Option<String>,
    /// A part of that time was before then.
    pub begins_before: bool,
    /// What is wrong with the ledger. If it is empty, the log is whole.
    pub faults: Vec<String>,
    /// The entries of that time that nobody can read any more, since the keys of their households
    /// were destroyed.
    pub unreadable: u64,
    /// The entries that do not open with their owner's key, or are there twice.
    pub damaged: u64,
    /// Acts that do not follow one another. Around them nobody knows which rights there were.
    pub holes: Vec<NamedHole>,
    /// How many acts were replayed.
    pub acts: u64,
    /// How many deliveries of footage were judged.
    pub deliveries: u64,
    /// How many could not be judged, since the ledger had not stated all rights before them.
    pub not_judged: u64,
    /// Those that should not have been.
    pub exposures: Vec<Exposure>,
    /// Answers that were rejected before anything left.
    pub rejected: Vec<Rejections>,
    /// All accounts.
    pub accounts: Vec<Account>,
}

impl Report {
    /// Says whether the lists lack nothing.
    pub fn is_complete(&self) -> bool {
        let counts = [self.unreadable, self.damaged, self.not_judged];
        let has_gap = self.begins_before || !self.faults.is_empty() || !self.holes.is_empty();
        !has_gap && counts == [0; 3]
    }

    /// Lists the deliveries that put an account into a group.
    fn of(&self, account: &Account, group: Group) -> impl Iterator<Item = &Exposure> {
        let found = account.entries.iter().filter_map(|entry| {
            // They stand in the order of the log.
            let at = self.exposures.binary_search_by_key(entry, |exposure| exposure.entry).ok()?;
            self.exposures.get(at)
        });
        found.filter(move |exposure| exposure.is_of(account, group))
    }
}

/// The reason why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum IncidentError {
    /// The log can't be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The records can't be read.
    #[error(transparent)]
    Records(#[from] AdminError),
    /// Nobody ever had a right to the camera.
    #[error("the ledger knows no such camera; `eyesonly camera list` shows what there is")]
    Camera,
}

/// What is asked for.
pub struct Asked {
    /// The time to look at.
    pub span: Span,
    /// Only answers of this seam are counted among the rejected ones.
    pub seam: Option<Seam>,
    /// Only deliveries of this camera are judged.
    pub camera: Option<CameraId>,
}

/// Today's records, as the log's last act and those that wait have left them.
pub struct Today {
    /// The viewers.
    pub viewers: Vec<ViewerRecord>,
    /// The acts that were not entered yet.
    pub waiting: Vec<ActRecord>,
    /// When they were read, in milliseconds since 1970.
    pub at_milliseconds: u64,
}

/// Reads today's records, and then opens the log of a data folder: an act that does not wait among
/// them any more is in the log.
///
/// # Errors
/// [`IncidentError`] if records or log can't be read.
pub async fn open(admin: &Admin, data: &Path) -> Result<(Folder, Today), IncidentError> {
    let (at, at_milliseconds) = (ledger::folder(data), clock::now_milliseconds());
    let (viewers, waiting, log) = admin.rights_with(|| ledger::open(&at)).await?;
    Ok((log.map_err(ReadError::from)?, Today { viewers, waiting, at_milliseconds }))
}

/// Makes the report from the log.
///
/// # Errors
/// [`IncidentError`] if the log can't be read, or if it knows nothing of the camera.
pub fn report(
    log: &Folder,
    keys: &dyn Keys,
    today: &Today,
    asked: &Asked,
) -> Result<Report, IncidentError> {
    let ends = read::ends(log, keys, |_| true)?;
    let mut replay = Replay::default();
    let shown = |at| humantime::format_rfc3339_seconds(at).to_string();
    let report = Report {
        made: words::shown(today.at_milliseconds).to_string(),
        from: asked.span.from.map(shown),
        until: asked.span.until.map(shown),
        camera: asked.camera,
        faults: read::faults(log, &[])?,
        ..Report::default()
    };
    let mut found = Found { report, shown: Vec::new() };
    let mut known = HashSet::new();
    let mut rejected: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for seen in read::opened(log, keys, |_| true) {
        let seen = seen?;
        match seen.says {
            Opened::Act(done) => found.act(&mut replay, &done),
            Opened::Says(Says::Delivery(Stage::Starts, delivery)) => {
                let end = ends.get(&delivery.number);
                if !known.insert(delivery.number) {
                    found.report.damaged = found.report.damaged.saturating_add(1);
                } else if asked.wants(&delivery) && asked.span.meets_delivery(&delivery, end) {
                    found.delivery(&replay, seen.index, &delivery, end);
                }
            }
            Opened::Says(Says::Delivery(Stage::Ends(_), _)) => {}
            Opened::Says(Says::Rejected(more)) => {
                let at = more.first.at_milliseconds;
                let is_wanted = asked.seam.is_none_or(|seam| seam == more.first.seam);
                let is_of = asked.camera.is_none_or(|camera| Some(camera) == more.first.camera);
                if is_wanted && is_of && asked.span.meets(at, at) {
                    let what = (more.first.seam.name(), more.first.fault.name());
                    let count = rejected.entry(what).or_default();
                    *count = count.saturating_add(u64::from(more.count));
                }
            }
            Opened::NoKey => {
                let (begins, ends) = (day_begins(seen.day), day_begins(seen.day.saturating_add(1)));
                if asked.span.meets(begins, ends) {
                    found.report.unreadable = found.report.unreadable.saturating_add(1);
                }
            }
            Opened::Damaged => found.report.damaged = found.report.damaged.saturating_add(1),
        }
    }
    for done in today.waiting.iter().flat_map(Done::all) {
        found.act(&mut replay, &done);
    }
    found.report.holes.extend(replay.holes(&today.viewers).into_iter().map(NamedHole::from));
    let since = replay.known_since();
    found.report.known_since = since.map(|since| words::shown(since).to_string());
    // Without a beginning, the time begins with the ledger.
    let ends = [asked.span.from, asked.span.until];
    let is_before = |since| ends.iter().flatten().any(|end| *end < words::at(since));
    found.report.begins_before = since.is_none_or(is_before);
    let row = |((seam, fault), count)| Rejections { seam, fault, count };
    found.report.rejected = rejected.into_iter().map(row).collect();
    if asked.camera.is_some_and(|camera| !replay.knows(camera)) {
        return Err(IncidentError::Camera);
    }
    Ok(found.finish(today))
}

/// Puts names beside the ids, as the registry has them today.
///
/// # Errors
/// [`IncidentError`] if the records can't be read.
pub async fn name(admin: &Admin, report: &mut Report) -> Result<(), IncidentError> {
    let mut names = Names::default();
    report.camera_name = names.camera(admin, report.camera).await?;
    for exposure in &mut report.exposures {
        exposure.viewer_name = names.viewer(admin, Some(exposure.viewer)).await?;
        exposure.household_name = names.household(admin, Some(exposure.household)).await?;
        exposure.camera_name = names.camera(admin, Some(exposure.camera)).await?;
    }
    for NamedHole { hole, viewer_name, camera_name } in &mut report.holes {
        *viewer_name = names.viewer(admin, Some(hole.viewer)).await?;
        *camera_name = names.camera(admin, Some(hole.camera)).await?;
    }
    Ok(())
}

/// Returns the first millisecond of a UTC day that is counted from 1970.
fn day_begins(day: u32) -> u64 {
    u64::from(day).saturating_mul(86_400_000)
}

impl Asked {
    fn wants(&self, delivery: &Delivery) -> bool {
        // A list of cameras has no footage.
        let Some((_, camera)) = delivery.source else { return false };
        self.camera.is_none_or(|wanted| wanted == camera)
    }
}

/// What was found until now.
struct Found {
    report: Report,
    /// Whose footage each exposure was, by the entry.
    shown: Vec<(u64, Vec<ViewerId>)>,
}

impl Found {
    fn act(&mut self, replay: &mut Replay, done: &Done) {
        self.report.acts = self.report.acts.saturating_add(1);
        if let Err(hole) = replay.act(done) {
            self.report.holes.push(hole.into());
        }
    }

    fn delivery(&mut self, replay: &Replay, entry: u64, delivery: &Delivery, end: Option<&End>) {
        let Some((household, camera)) = delivery.source else { return };
        if end.is_some_and(|end| end.outcome == Outcome::Withheld) {
            return;
        }
        let wrong = match replay.judge(delivery) {
            Judged::Unknown => {
                self.report.not_judged = self.report.not_judged.saturating_add(1);
                return;
            }
            Judged::Right => None,
            Judged::Wrong(wrong) => Some(wrong),
        };
        self.report.deliveries = self.report.deliveries.saturating_add(1);
        let Some(wrong) = wrong else { return };
        // Whoever received it may be one of the household.
        let mut people = replay.people(household, camera);
        people.retain(|viewer| *viewer != delivery.viewer);
        self.shown.push((entry, people));
        self.report.exposures.push(Exposure {
            entry,
            at_milliseconds: delivery.at_milliseconds,
            viewer: delivery.viewer,
            viewer_name: None,
            household,
            household_name: None,
            camera,
            camera_name: None,
            handed: words::handed(delivery.handed),
            what: words::what(delivery),
            event: delivery.event,
            objects: delivery.opened.objects().map(|object| object.id).collect(),
            objects_count: delivery.opened.count(),
            bytes: end.map(|end| end.bytes),
            left: words::left(delivery, end),
            wrong,
        });
    }

    /// Puts all accounts into their groups.
    fn finish(mut self, today: &Today) -> Report {
        let mut touched: HashMap<ViewerId, (BTreeSet<Group>, Vec<u64>)> = HashMap::new();
        let mut touch = |viewer, group, entry| {
            let of: &mut (BTreeSet<Group>, Vec<u64>) = touched.entry(viewer).or_default();
            of.0.insert(group);
            of.1.push(entry);
        };
        for exposure in &self.report.exposures {
            touch(exposure.viewer, exposure.group(), exposure.entry);
        }
        for (entry, people) in self.shown {
            people.into_iter().for_each(|viewer| touch(viewer, Group::Shown, entry));
        }
        let account = |viewer, record: Option<&ViewerRecord>, of| {
            let (mut groups, entries): (BTreeSet<Group>, Vec<u64>) = of;
            if groups.contains(&Group::Opened) {
                groups.remove(&Group::Received);
            }
            if groups.is_empty() {
                groups.insert(Group::NotAffected);
            }
            let (name, cameras) = (record.map(|record| record.name.clone()), cameras_of(record));
            Account { viewer, name, cameras, groups, entries }
        };
        let there = today.viewers.iter().map(|record| {
            let of = touched.remove(&record.viewer).unwrap_or_default();
            account(record.viewer, Some(record), of)
        });
        let mut accounts: Vec<Account> = there.collect();
        accounts.extend(touched.into_iter().map(|(viewer, of)| account(viewer, None, of)));
        accounts.sort_by_key(|account| (account.groups.clone(), account.viewer));
        self.report.accounts = accounts;
        self.report
    }
}

/// Counts the cameras that a viewer has as an owner or a member.
fn cameras_of(record: Option<&ViewerRecord>) -> usize {
    let rights = record.into_iter().flat_map(|record| &record.cameras);
    rights.filter(|right| matches!(right.role, Role::Owner | Role::Member)).count()
}

impl Exposure {
    /// Says whether it is what put an account into a group.
    fn is_of(&self, account: &Account, group: Group) -> bool {
        let is_receiver = self.viewer == account.viewer;
        match group {
            Group::NotAffected => false,
            Group::Shown => !is_receiver,
            // Whoever opened something is told of all that they received.
            Group::Received | Group::Opened => is_receiver,
        }
    }

    /// Returns the group of whoever received it. Walls and lists show stills by themselves. Clips,
    /// the live view and the details of one event are what somebody has opened.
    fn group(&self) -> Group {
        let is_of_one = self.handed == words::handed(Handed::Events) && self.event.is_some();
        let opened = [Handed::Clip, Handed::Live, Handed::Deletion].map(words::handed);
        if is_of_one || opened.contains(&self.handed) { Group::Opened } else { Group::Received }
    }
}
