//! The subcommands about the access ledger.

use crate::commands::{note, say};
use crate::ledger_files;
use crate::place::{Kept, Place};
use crate::{people, time};
use anyhow::{bail, ensure};
use clap::Subcommand;
use eyesonly::ledger::read::{self, End, Opened, Span};
use eyesonly::ledger::words::names::{self, Names};
use eyesonly::ledger::words::{self, shown};
use eyesonly::ledger::{self, copy, open};
use eyesonly_gate::entry::{Owner, Rejected, Says, Stage};
use eyesonly_gate::ledger::{Delivery, Handed};
use eyesonly_ledger::Folder;
use eyesonly_seal::{CameraId, HouseholdId, ViewerId};
use eyesonly_service::admin::{Deed, Given};
use eyesonly_service::ledger::acts::Done;
use serde_json::json;
use std::collections::HashSet;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::SystemTime;

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
    /// Say what administration did: who got a right to see what, and who lost one. What was done
    /// since `serve` stopped is said after it has started again.
    Acts {
        /// Only what is of this household.
        #[arg(long)]
        household: Option<HouseholdId>,
        /// Only what was done at this time or later, such as 2026-01-31T17:30:00Z.
        #[arg(long, value_name = "TIME", value_parser = time)]
        from: Option<SystemTime>,
        /// Only what was done at this time or earlier.
        #[arg(long, value_name = "TIME", value_parser = time)]
        until: Option<SystemTime>,
    },
    /// Verify a ledger by its files and its public key alone. `serve` may go on meanwhile. The exit
    /// code is 3 if the ledger is not whole, and 1 if it can't be read.
    Verify {
        /// The folder of the log, or the file of an export. Without it, the folder in the data
        /// folder.
        log: Option<PathBuf>,
        /// The public key, as `eyesonly ledger key` says it. Without it, the one that stands in the
        /// folder or file: whoever changed that may have changed the key too.
        #[arg(long)]
        key: Option<String>,
        /// A checkpoint of before that was kept elsewhere. The log must have grown from it.
        #[arg(long, value_name = "FILE")]
        since: Vec<PathBuf>,
    },
    /// Write a household's own entries to a file, which can be read and verified without the log
    /// and without you. It has the keys that open these entries: give it to nobody else.
    Export {
        /// The household.
        #[arg(long)]
        household: HouseholdId,
        /// The file, which must not exist yet.
        to: PathBuf,
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

/// Runs a subcommand on the ledger of a data folder or a Spin store.
pub async fn run(place: &Place, command: LedgerCommand, json: bool) -> anyhow::Result<ExitCode> {
    let at = ledger::folder(&place.data());
    match command {
        LedgerCommand::Verify { log, key, since } => {
            return ledger_files::verify(&log.unwrap_or(at), key.as_deref(), &since, json);
        }
        LedgerCommand::Export { household, to } => {
            let kept = place.kept().await?;
            ledger_files::export(&*kept.keys, &kept.log()?, household, &to, json)?;
        }
        LedgerCommand::Key => {
            let key = Folder::origin(&at)?;
            say(json, &json!({ "key": key.to_string() }), || key.to_string())?;
        }
        LedgerCommand::Checkpoint => {
            place.enter_waiting().await?;
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
            misdeliveries(&place.kept().await?, &Span { from, until }, json).await?;
        }
        LedgerCommand::Acts { household, from, until } => {
            acts(&place.kept().await?, household, &Span { from, until }, json).await?;
        }
        LedgerCommand::Who { household, camera, viewer, from, until } => {
            let kept = place.kept().await?;
            let viewer = match viewer {
                None => None,
                Some(who) => Some(people::find(&kept.admin, &who).await?),
            };
            let span = Span { from, until };
            let wanted = Wanted { household, camera, viewer, span };
            who(&kept, &wanted, json).await?;
        }
    }
    Ok(ExitCode::SUCCESS)
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
        self.camera.is_none_or(|wanted| Some(wanted) == camera)
            && self.viewer.is_none_or(|wanted| wanted == delivery.viewer)
            && self.span.meets_delivery(delivery, end)
    }
}

async fn who(kept: &Kept, wanted: &Wanted, json: bool) -> anyhow::Result<()> {
    let (log, keys, admin) = (kept.log()?, &*kept.keys, &kept.admin);
    let is_whole = read::faults(&log, &[])?.is_empty();
    let ends = read::ends(&log, keys, |owner| wanted.owner(owner))?;
    let (mut told, mut gone, mut damaged, mut names) = (0_u64, 0_u64, 0_u64, Names::default());
    let (mut known, mut doubles) = (HashSet::new(), 0_u64);
    for seen in read::opened(&log, keys, |owner| wanted.owner(owner)) {
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
                    let camera = delivery.source.map(|(_, camera)| camera);
                    let viewer = names.viewer(admin, Some(delivery.viewer)).await?;
                    let camera = names.camera(admin, camera).await?;
                    tell(seen.index, &delivery, end, &(viewer, camera), json)?;
                    told = told.saturating_add(1);
                }
            }
            Opened::Says(_) | Opened::Act(_) => {}
            Opened::NoKey => gone = gone.saturating_add(1),
            Opened::Damaged => damaged = damaged.saturating_add(1),
        }
    }
    if told == 0 {
        note("the ledger has no such delivery");
    }
    note_gone(gone);
    ensure!(doubles == 0, "{doubles} entries are there twice: somebody put them in again");
    complete(is_whole, damaged)
}

async fn misdeliveries(kept: &Kept, span: &Span, json: bool) -> anyhow::Result<()> {
    let log = kept.log()?;
    let (mut is_empty, mut names) = (true, Names::default());
    for seen in read::opened(&log, &*kept.keys, |owner| owner == Owner::Edge) {
        let seen = seen?;
        let Rejected { first, count } = match seen.says {
            Opened::Says(Says::Rejected(rejected)) => rejected,
            Opened::Act(_) => continue,
            _ => bail!("entry {} does not open; run `eyesonly ledger verify`", seen.index),
        };
        if !span.meets(first.at_milliseconds, first.at_milliseconds) {
            continue;
        }
        is_empty = false;
        let camera_name = names.camera(&kept.admin, first.camera).await?;
        let value = json!({
            "entry": seen.index,
            "at_milliseconds": first.at_milliseconds,
            "seam": first.seam.name(),
            "fault": first.fault.name(),
            "camera": first.camera,
            "camera_name": camera_name,
            "count": count,
        });
        say(json, &value, || {
            let camera = first.camera.map(|id| names::camera(camera_name.as_deref(), id));
            let camera = camera.map(|camera| format!("  in place of what is of {camera}"));
            let (seam, fault) = (first.seam.name(), first.fault.name());
            let when = shown(first.at_milliseconds);
            let times = if count == 1 { "once".to_owned() } else { format!("{count} times") };
            format!("{when}  {seam}  {fault}  {times}{}", camera.unwrap_or_default())
        })?;
    }
    if is_empty && !json {
        note("no answer was rejected");
    }
    Ok(())
}

const fn deed_word(deed: Deed) -> &'static str {
    match deed {
        Deed::Household => "household added or changed",
        Deed::HouseholdRemoved => "household removed",
        Deed::Camera => "camera enrolled, or a new credential",
        Deed::CameraRemoved => "camera's enrolment ended",
        Deed::Viewer => "account made, or a new password",
        Deed::ViewerRemoved => "account removed",
        Deed::Right => "right given",
        Deed::RightTaken => "right taken",
        Deed::Stating => "all rights, as they stand:",
        Deed::Stated => "right that is there",
        Deed::AllStated => "these were all rights",
        Deed::SwitchedOff => "camera switched off",
        Deed::SwitchedOn => "camera switched on",
        Deed::HandedOver => "camera handed over",
        Deed::SignedIn => "signed in",
        Deed::SignedOut => "session ended",
    }
}

async fn acts(
    kept: &Kept,
    household: Option<HouseholdId>,
    span: &Span,
    json: bool,
) -> anyhow::Result<()> {
    let (log, admin) = (kept.log()?, &kept.admin);
    let is_whole = read::faults(&log, &[])?.is_empty();
    let (mut gone, mut damaged, mut names) = (0_u64, 0_u64, Names::default());
    for seen in read::opened(&log, &*kept.keys, |_| true) {
        let seen = seen?;
        let done = match seen.says {
            Opened::Act(done) => done,
            Opened::Says(_) => continue,
            Opened::NoKey => {
                gone = gone.saturating_add(1);
                continue;
            }
            Opened::Damaged => {
                damaged = damaged.saturating_add(1);
                continue;
            }
        };
        let Done { at_milliseconds, act, actor, .. } = *done;
        let is_wanted = household.is_none_or(|wanted| act.household == Some(wanted));
        if !is_wanted || !span.meets(at_milliseconds, at_milliseconds) {
            continue;
        }
        let actor_name = names.viewer(admin, actor).await?;
        let viewer_name = names.viewer(admin, act.viewer).await?;
        let camera_name = names.camera(admin, act.camera).await?;
        let household_name = names.household(admin, act.household).await?;
        let fields = [
            ("entry", seen.index.into()),
            ("actor_name", actor_name.clone().into()),
            ("viewer_name", viewer_name.clone().into()),
            ("camera_name", camera_name.clone().into()),
            ("household_name", household_name.clone().into()),
        ];
        let value = words::with(words::act(&done), fields);
        say(json, &value, || {
            let viewer = |id| names::account(viewer_name.as_deref(), id);
            let camera = |id| names::camera(camera_name.as_deref(), id);
            let household = |id| names::household(household_name.as_deref(), id);
            let of = [
                act.viewer.map(|id| format!("  viewer: {}", viewer(id))),
                act.camera.map(|id| format!("  camera: {}", camera(id))),
                act.household.map(|id| format!("  household: {}", household(id))),
                act.right.map(|right| format!("  {}", right_words(&right))),
            ];
            let of: String = of.into_iter().flatten().collect();
            let by = match actor {
                Some(viewer) if Some(viewer) == act.viewer => "  by themself".to_owned(),
                Some(viewer) => format!("  by {}", names::account(actor_name.as_deref(), viewer)),
                None => String::new(),
            };
            let word = match act.deed {
                Deed::Right if act.before.is_some() => "right changed",
                deed => deed_word(deed),
            };
            format!("{}  {word}{of}{by}", shown(at_milliseconds))
        })?;
    }
    note_gone(gone);
    complete(is_whole, damaged)
}

fn note_gone(gone: u64) {
    if gone > 0 {
        note(&format!(
            "{gone} entries can't be read: they are of households that were removed, and their \
             keys with them"
        ));
    }
}

/// Fails if a list may lack something.
fn complete(is_whole: bool, damaged: u64) -> anyhow::Result<()> {
    ensure!(is_whole, "the ledger is not whole; run `eyesonly ledger verify`");
    ensure!(
        damaged == 0,
        "{damaged} entries do not open with their owner's key, so this list may lack something; \
         run `eyesonly ledger verify`"
    );
    Ok(())
}

fn right_words(right: &Given) -> String {
    let Given { role, kinds, window, expires_at_seconds } = right;
    let kinds = [("live", kinds.live), ("events", kinds.events), ("clips", kinds.clips)];
    let kinds: Vec<_> = kinds.iter().filter(|(_, has)| *has).map(|(name, _)| *name).collect();
    let ends = [
        window.from_milliseconds.map(|from| format!(", footage from {}", shown(from))),
        window.until_milliseconds.map(|until| format!(", footage until {}", shown(until))),
        expires_at_seconds.map(|at| format!(", ends {}", shown(at.saturating_mul(1000)))),
    ];
    let ends: String = ends.into_iter().flatten().collect();
    let role = format!("{role:?}").to_lowercase();
    format!("as {role}: {}{ends}", kinds.join(", "))
}

fn tell(
    index: u64,
    delivery: &Delivery,
    end: Option<&End>,
    (name, camera_name): &(Option<String>, Option<String>),
    json: bool,
) -> anyhow::Result<()> {
    let outcome = end.map(|end| words::outcome(end.outcome));
    let bytes = end.map_or(delivery.body_bytes, |end| end.bytes);
    let fields = [
        ("entry", index.into()),
        ("name", name.clone().into()),
        ("camera_name", camera_name.clone().into()),
        ("outcome", outcome.into()),
        ("bytes", bytes.into()),
    ];
    let value = words::with(words::delivery(delivery), fields);
    say(json, &value, || {
        let what = match (delivery.handed, delivery.event) {
            (Handed::Still | Handed::Clip | Handed::Deletion, Some(event)) => {
                format!("{} of event {event}", words::what(delivery))
            }
            (Handed::Events, Some(event)) => format!("event {event}"),
            _ => words::what(delivery),
        };
        let of_camera = |(_, id)| format!(" of {}", names::camera(camera_name.as_deref(), id));
        let camera = delivery.source.map(of_camera).unwrap_or_default();
        let viewer = match name {
            Some(name) => name.clone(),
            None => names::account(None, delivery.viewer),
        };
        let (when, left) = (shown(delivery.at_milliseconds), words::left(delivery, end));
        format!("{when}  {viewer}  {what}{camera}  {left}")
    })
}
