//! The subcommands about the access ledger.

use crate::commands::{note, say};
use crate::{people, time};
use anyhow::{Context as _, bail, ensure};
use clap::Subcommand;
use eyesonly::config::Config;
use eyesonly::ledger::read::{self, Opened};
use eyesonly::ledger::{self, copy};
use eyesonly_gate::entry::{Outcome, Owner, Rejected, Says, Stage};
use eyesonly_gate::ledger::{Delivery, Handed};
use eyesonly_ledger::Folder;
use eyesonly_log::{Checkpoint, VerifyingKey};
use eyesonly_rights::{CameraRecord, ViewerRecord};
use eyesonly_seal::{CameraId, HouseholdId, Kind, ViewerId};
use eyesonly_service::admin::{Admin, AdminError};
use eyesonly_service::ledger::limits::SAME_STILL_MILLISECONDS;
use serde_json::{Value, json};
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The exit code of `verify` where the ledger is not whole.
const NOT_WHOLE: u8 = 3;

/// What is done with the access ledger.
#[derive(Subcommand)]
pub enum LedgerCommand {
    /// Say who received what, a line for each delivery. A line about a still stands for the same
    /// still during 10 s, and one about live view for all pictures until the time that it names.
    /// "At most" says that no more can have left; less may have.
    Who {
        /// Only what is of this household's cameras.
        #[arg(long)]
        household: Option<HouseholdId>,
        /// Only what is of this camera.
        #[arg(long)]
        camera: Option<CameraId>,
        /// Only what this viewer received: an id or a login name.
        #[arg(long)]
        viewer: Option<String>,
        /// Only what may have been received at this time or later, such as 2026-01-31T17:30:00Z.
        #[arg(long, value_name = "TIME", value_parser = time)]
        from: Option<SystemTime>,
        /// Only what began at this time or earlier.
        #[arg(long, value_name = "TIME", value_parser = time)]
        until: Option<SystemTime>,
    },
    /// Say which answers of caches, stores and the like were rejected, since they were not what was
    /// asked for: a line for each second, place and fault.
    Misdeliveries {
        /// Only those of this time and later, such as 2026-01-31T17:30:00Z.
        #[arg(long, value_name = "TIME", value_parser = time)]
        from: Option<SystemTime>,
        /// Only those of this time and earlier.
        #[arg(long, value_name = "TIME", value_parser = time)]
        until: Option<SystemTime>,
    },
    /// Verify a ledger by its files and its public key alone. `serve` may go on meanwhile. The exit
    /// code is 3 if the ledger is not whole, and 1 if it can't be read.
    Verify {
        /// The folder of the log. Without it, the one of the data folder.
        folder: Option<PathBuf>,
        /// The public key, as `eyesonly ledger key` says it. Without it, the one that stands in the
        /// folder: whoever changed the folder may have changed that too.
        #[arg(long)]
        key: Option<String>,
        /// A checkpoint of before that was kept elsewhere. The log must have grown from it.
        #[arg(long, value_name = "FILE")]
        since: Vec<PathBuf>,
    },
    /// Copy the ledger while `serve` goes on, and verify the copy.
    Copy {
        /// The folder of the copy, which must not exist yet.
        to: PathBuf,
    },
    /// Say the newest checkpoint. Keep it elsewhere: a later one must have grown from it. `serve`
    /// signs one within a second after an entry, and when it stops.
    Checkpoint,
    /// Say the public key of the ledger.
    Key,
}

/// Runs a subcommand on the ledger of the data folder that the configuration names. `admin` opens
/// the administration, which knows people and cameras by their names.
pub async fn run(
    config: &Config,
    admin: impl AsyncFnOnce() -> anyhow::Result<Admin>,
    command: LedgerCommand,
    json: bool,
) -> anyhow::Result<ExitCode> {
    let at = ledger::folder(&config.data);
    match command {
        LedgerCommand::Verify { folder, key, since } => {
            return verify(&folder.unwrap_or(at), key.as_deref(), &since, json);
        }
        LedgerCommand::Key => {
            let key = Folder::origin(&at)?;
            say(json, &json!({ "key": key.to_string() }), || key.to_string())?;
        }
        LedgerCommand::Checkpoint => {
            let log = open(&at)?;
            let note = log.note().trim_end();
            say(json, &json!({ "checkpoint": format!("{note}\n") }), || note.to_owned())?;
        }
        LedgerCommand::Copy { to } => {
            let size = copy::copy(&at, &to)?;
            let value = json!({ "entries": size, "folder": to });
            say(json, &value, || format!("{}: {size} entries, and whole", to.display()))?;
        }
        LedgerCommand::Misdeliveries { from, until } => {
            drop(admin().await?);
            misdeliveries(&config.data, &at, &Span { from, until }, json)?;
        }
        LedgerCommand::Who { household, camera, viewer, from, until } => {
            let admin = admin().await?;
            let viewer = match viewer {
                None => None,
                Some(who) => Some(people::find(&admin, &who).await?),
            };
            let span = Span { from, until };
            let wanted = Wanted { household, camera, viewer, span };
            who(&config.data, &admin, &at, &wanted, json).await?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Opens the log of a folder, whichever log that is.
fn open(folder: &Path) -> anyhow::Result<Folder> {
    Ok(Folder::open(folder, &Folder::origin(folder)?)?)
}

/// A span of time. An end that is `None` does not limit.
struct Span {
    from: Option<SystemTime>,
    until: Option<SystemTime>,
}

impl Span {
    /// Says whether something of this time, in milliseconds since 1970, is in the span. Times are
    /// shown in whole seconds, so a second counts to its end.
    fn meets(&self, began_milliseconds: u64, ended_milliseconds: u64) -> bool {
        let began = at(began_milliseconds / 1000 * 1000);
        self.from.is_none_or(|from| from <= at(ended_milliseconds))
            && self.until.is_none_or(|until| began <= until)
    }
}

struct Wanted {
    household: Option<HouseholdId>,
    camera: Option<CameraId>,
    viewer: Option<ViewerId>,
    span: Span,
}

impl Wanted {
    fn owner(&self, owner: Owner) -> bool {
        match owner {
            Owner::Household(id) => self.household.is_none_or(|wanted| wanted == id),
            Owner::Viewer(id) => {
                self.household.is_none()
                    && self.camera.is_none()
                    && self.viewer.is_none_or(|wanted| wanted == id)
            }
            Owner::Edge => false,
        }
    }

    fn delivery(&self, delivery: &Delivery, end: Option<&End>) -> bool {
        let camera = delivery.source.map(|(_, camera)| camera);
        let began = delivery.at_milliseconds;
        let ended = match delivery.handed {
            Handed::Still => began.saturating_add(SAME_STILL_MILLISECONDS),
            _ => delivery.until_milliseconds.max(end.map_or(began, |end| end.at_milliseconds)),
        };
        self.camera.is_none_or(|wanted| Some(wanted) == camera)
            && self.viewer.is_none_or(|wanted| wanted == delivery.viewer)
            && self.span.meets(began, ended)
    }
}

/// How a delivery ended.
struct End {
    outcome: Outcome,
    bytes: u64,
    at_milliseconds: u64,
}

/// The names of viewers and cameras that are there.
#[derive(Default)]
struct Names {
    viewers: HashMap<ViewerId, Option<String>>,
    cameras: HashMap<CameraId, Option<String>>,
}

/// Returns a record's name, or `None` if there is no such record.
fn name<R>(read: Result<R, AdminError>, of: fn(R) -> String) -> anyhow::Result<Option<String>> {
    match read {
        Ok(record) => Ok(Some(of(record))),
        Err(AdminError::Absent(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

impl Names {
    /// Returns the names of the viewer and of the camera of a delivery.
    async fn of(
        &mut self,
        admin: &Admin,
        of: &Delivery,
    ) -> anyhow::Result<(Option<String>, Option<String>)> {
        if let Entry::Vacant(unknown) = self.viewers.entry(of.viewer) {
            let record = admin.read::<ViewerRecord>(of.viewer.as_bytes(), "viewer").await;
            unknown.insert(name(record, |record| record.name)?);
        }
        let camera = of.source.map(|(_, camera)| camera);
        if let Some(camera) = camera
            && let Entry::Vacant(unknown) = self.cameras.entry(camera)
        {
            let record = admin.read::<CameraRecord>(camera.as_bytes(), "camera").await;
            unknown.insert(name(record, |record| record.name)?);
        }
        let camera = camera.and_then(|camera| self.cameras.get(&camera).cloned().flatten());
        Ok((self.viewers.get(&of.viewer).cloned().flatten(), camera))
    }
}

fn at(milliseconds: u64) -> SystemTime {
    UNIX_EPOCH.checked_add(Duration::from_millis(milliseconds)).unwrap_or(UNIX_EPOCH)
}

fn shown(milliseconds: u64) -> humantime::Rfc3339Timestamp {
    humantime::format_rfc3339_seconds(at(milliseconds))
}

const fn word(handed: Handed) -> &'static str {
    match handed {
        Handed::Cameras => "list of cameras",
        Handed::Still => "still",
        Handed::Events => "events",
        Handed::Clip => "clip",
        Handed::Live => "live view",
        Handed::Deletion => "deletion",
    }
}

const fn kind_word(kind: Kind) -> &'static str {
    match kind {
        Kind::Still => "still",
        Kind::EventStill => "event still",
        Kind::Clip => "clip",
        Kind::Event => "event",
        Kind::LiveChunk => "live",
    }
}

async fn who(
    data: &Path,
    admin: &Admin,
    folder: &Path,
    wanted: &Wanted,
    json: bool,
) -> anyhow::Result<()> {
    let keyring = eyesonly::keyring::Keyring::open(data)?;
    let log = open(folder)?;
    let is_whole = read::faults(&log, &[])?.is_empty();
    // The end of a delivery is entered after its start, so the ends are read first.
    let mut ends: HashMap<[u8; 16], End> = HashMap::new();
    for seen in read::opened(&log, &keyring, |owner| wanted.owner(owner)) {
        if let Opened::Says(Says::Delivery(Stage::Ends(outcome), end)) = seen?.says {
            let (bytes, at_milliseconds) = (end.body_bytes, end.at_milliseconds);
            ends.insert(end.number, End { outcome, bytes, at_milliseconds });
        }
    }
    let (mut told, mut gone, mut damaged, mut names) = (0_u64, 0_u64, 0_u64, Names::default());
    let (mut known, mut doubles) = (HashSet::new(), 0_u64);
    for seen in read::opened(&log, &keyring, |owner| wanted.owner(owner)) {
        let seen = seen?;
        match seen.says {
            // Nothing starts twice. Whoever can write there could put an entry in again.
            Opened::Says(Says::Delivery(Stage::Starts, delivery))
                if !known.insert(delivery.number) =>
            {
                doubles = doubles.saturating_add(1);
            }
            Opened::Says(Says::Delivery(Stage::Starts, delivery)) => {
                let end = ends.get(&delivery.number);
                if wanted.delivery(&delivery, end) {
                    let names = names.of(admin, &delivery).await?;
                    tell(seen.index, &delivery, end, &names, json)?;
                    told = told.saturating_add(1);
                }
            }
            Opened::Says(_) => {}
            Opened::NoKey => gone = gone.saturating_add(1),
            Opened::Damaged => damaged = damaged.saturating_add(1),
        }
    }
    if told == 0 {
        note("the ledger has no such delivery");
    }
    if gone > 0 {
        note(&format!(
            "{gone} entries can't be read: they are of households that were removed, and their \
             keys with them"
        ));
    }
    ensure!(doubles == 0, "{doubles} entries are there twice: somebody put them in again");
    ensure!(is_whole, "the ledger is not whole; run `eyesonly ledger verify`");
    ensure!(
        damaged == 0,
        "{damaged} entries do not open with their owner's key, so this list may lack something; \
         run `eyesonly ledger verify`"
    );
    Ok(())
}

fn misdeliveries(data: &Path, folder: &Path, span: &Span, json: bool) -> anyhow::Result<()> {
    let keyring = eyesonly::keyring::Keyring::open(data)?;
    let log = open(folder)?;
    for seen in read::opened(&log, &keyring, |owner| owner == Owner::Edge) {
        let seen = seen?;
        let Opened::Says(Says::Rejected(Rejected { first, count })) = seen.says else {
            bail!("entry {} does not open; run `eyesonly ledger verify`", seen.index);
        };
        if !span.meets(first.at_milliseconds, first.at_milliseconds) {
            continue;
        }
        let value = json!({
            "entry": seen.index,
            "at_milliseconds": first.at_milliseconds,
            "seam": first.seam.name(),
            "fault": first.fault.name(),
            "camera": first.camera,
            "count": count,
        });
        say(json, &value, || {
            let camera = first.camera.map(|camera| format!("  asked for camera {camera}"));
            let (seam, fault) = (first.seam.name(), first.fault.name());
            let when = shown(first.at_milliseconds);
            format!("{when}  {seam}  {fault}  {count} times{}", camera.unwrap_or_default())
        })?;
    }
    Ok(())
}

fn tell(
    index: u64,
    delivery: &Delivery,
    end: Option<&End>,
    (name, camera_name): &(Option<String>, Option<String>),
    json: bool,
) -> anyhow::Result<()> {
    let objects: Vec<Value> = delivery
        .opened
        .objects()
        .map(|object| {
            let kind = kind_word(object.kind);
            json!({ "kind": kind, "id": object.id, "rendition": object.rendition })
        })
        .collect();
    let outcome = end.map(|end| match end.outcome {
        Outcome::Whole => "whole",
        Outcome::Cut => "cut",
        Outcome::Withheld => "withheld",
    });
    let value = json!({
        "entry": index,
        "at_milliseconds": delivery.at_milliseconds,
        "until_milliseconds": Some(delivery.until_milliseconds).filter(|until| *until > 0),
        "viewer": delivery.viewer,
        "name": name,
        "session": delivery.session,
        "household": delivery.source.map(|(household, _)| household),
        "camera": delivery.source.map(|(_, camera)| camera),
        "camera_name": camera_name,
        "handed": word(delivery.handed),
        "event": delivery.event,
        "opened": objects,
        "opened_count": delivery.opened.count(),
        "outcome": outcome,
        "bytes": end.map_or(delivery.body_bytes, |end| end.bytes),
    });
    say(json, &value, || {
        let what = match (delivery.handed, delivery.event) {
            (Handed::Still | Handed::Clip | Handed::Deletion, Some(event)) => {
                format!("{} of event {event}", word(delivery.handed))
            }
            (Handed::Events, Some(event)) => format!("event {event}"),
            (handed, _) => word(handed).to_owned(),
        };
        let camera = delivery.source.map(|(_, camera)| match camera_name {
            Some(name) => format!(" of {name} ({camera})"),
            None => format!(" of camera {camera}, which is gone"),
        });
        let bytes = delivery.body_bytes;
        let how = match end {
            None if delivery.handed == Handed::Live => {
                format!("until {} at most", shown(delivery.until_milliseconds))
            }
            None => format!("at most {bytes} bytes"),
            Some(End { outcome: Outcome::Withheld, .. }) => "withheld: nothing left".to_owned(),
            Some(_) if delivery.handed == Handed::Deletion => "done".to_owned(),
            Some(End { outcome: Outcome::Whole, bytes, .. }) => format!("{bytes} bytes"),
            Some(End { outcome: Outcome::Cut, bytes, .. }) => {
                format!("cut off after {bytes} bytes of {}", delivery.body_bytes)
            }
        };
        let viewer = match name {
            Some(name) => name.clone(),
            None => format!("viewer {}, who is gone,", delivery.viewer),
        };
        let when = shown(delivery.at_milliseconds);
        format!("{when}  {viewer}  {what}{}  {how}", camera.unwrap_or_default())
    })
}

fn verify(
    folder: &Path,
    key: Option<&str>,
    since: &[PathBuf],
    json: bool,
) -> anyhow::Result<ExitCode> {
    let key = match key {
        Some(text) => VerifyingKey::parse(text.trim()).context(
            "--key is no public key of a ledger; give the text that `eyesonly ledger key` says",
        )?,
        None => Folder::origin(folder)?,
    };
    let mut kept = Vec::new();
    for file in since {
        let note =
            std::fs::read(file).with_context(|| format!("{}: can't be read", file.display()))?;
        kept.push(Checkpoint::open(&note, &key).with_context(|| {
            format!(
                "{}: no checkpoint of this ledger, whose name is {}. If it was one, the ledger was \
                 begun anew since",
                file.display(),
                key.name()
            )
        })?);
    }
    let log = Folder::open(folder, &key)?;
    let faults = read::faults(&log, &kept)?;
    let size = log.checkpoint().size();
    let value = json!({ "entries": size, "faults": faults, "forgotten": log.oldest() });
    say(json, &value, || {
        if !faults.is_empty() {
            return format!(
                "the ledger is NOT whole:\n  {}\nKeep this folder as it is: it shows what was \
                 done. docs/running.md says what next.",
                faults.join("\n  ")
            );
        }
        let grown = kept.iter().map(|kept| format!("; it has grown from {} entries", kept.size()));
        let grown: String = grown.collect();
        format!("the ledger is whole: {size} entries, as its checkpoint says{grown}")
    })?;
    Ok(if faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(NOT_WHOLE) })
}
