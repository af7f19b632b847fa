//! Who viewed a household's cameras, for its owners: the newest of its own lines.
//!
//! It reads the log from its end, and never more than [`ENTRIES_MAX`] entries. It must never show
//! a line that the household's own key does not open.

use super::read::{Opened, ReadError, lines};
use super::words::handed;
use super::{folder, open};
use crate::keyring::Keyring;
use eyesonly_gate::entry::{Outcome, Owner, Says, Stage};
use eyesonly_gate::ledger::{Delivery, Handed};
use eyesonly_gate::{Keys as _, KeysError, Refused, Seam};
use eyesonly_ledger::{Folder, FolderError};
use eyesonly_seal::{CameraId, HouseholdId, LedgerKey, ViewerId};
use eyesonly_service::clock;
use eyesonly_service::ledger::limits::SAME_STILL_MILLISECONDS;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// The most entries that are read for one answer.
const ENTRIES_MAX: u64 = 262_144;
/// The most views in one answer.
const VIEWS_MAX: usize = 200;
/// The entries that are read in one piece.
const PIECE: u64 = 1024;
/// The longest pause within one view, in milliseconds.
const PAUSE_MILLISECONDS: u64 = 5 * 60 * 1000;
/// The most answers that are read at the same time.
const READERS: usize = 2;
/// The longest wait for one of them.
const TURN: Duration = Duration::from_secs(10);

/// Reads the log for owners.
pub struct Viewed {
    log: PathBuf,
    keys: Arc<Keyring>,
    turns: Arc<Semaphore>,
}

/// What one viewer saw of one camera without a longer pause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// The viewer.
    pub viewer: ViewerId,
    /// The camera.
    pub camera: CameraId,
    /// What was handed out, in a word.
    pub handed: &'static str,
    /// When it began, in milliseconds since 1970.
    pub from_milliseconds: u64,
    /// When it had ended at the latest, in milliseconds since 1970.
    pub until_milliseconds: u64,
    /// The number of deliveries.
    pub deliveries: u64,
}

/// The newest views of a household.
#[derive(Debug, Default)]
pub struct Views {
    /// The views, the newest first.
    pub views: Vec<View>,
    /// Whether older ones may be missing here. The operator's `eyesonly ledger who` has all.
    pub is_part: bool,
}

impl Viewed {
    /// Makes the reader of the log in a data folder.
    pub fn new(data: &Path, keys: Arc<Keyring>) -> Self {
        Self { log: folder(data), keys, turns: Arc::new(Semaphore::new(READERS)) }
    }

    /// Returns the newest views of a household.
    ///
    /// # Errors
    /// [`Refused::Unavailable`] if the log can't be read.
    pub async fn of(&self, household: HouseholdId) -> Result<Views, Refused> {
        let failed = || Refused::Unavailable(Seam::WayOut, None);
        let turn = Arc::clone(&self.turns).acquire_owned();
        let turn = tokio::time::timeout(TURN, turn).await.map_err(|_| failed())?;
        let turn = turn.map_err(|_| failed())?;
        let key = match self.keys.household_key(household) {
            Ok(key) => key.ledger_key(&household),
            Err(KeysError::NoKey) => return Ok(Views::default()),
            Err(error) => return Err(Refused::Unavailable(Seam::Keyring, Some(Box::new(error)))),
        };
        let log = self.log.clone();
        let reading = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            let owner = Owner::Household(household);
            match open(&log) {
                Ok(log) => newest(&log, owner, &key),
                Err(FolderError::Absent { .. }) => Ok(Views::default()),
                Err(error) => Err(error.into()),
            }
        });
        let read = reading.await.map_err(|_| failed())?;
        read.map_err(|error| Refused::Unavailable(Seam::WayOut, Some(Box::new(error))))
    }
}

/// Reads the newest views of an owner.
fn newest(log: &Folder, owner: Owner, key: &LedgerKey) -> Result<Views, ReadError> {
    let now = clock::now_milliseconds();
    let (mut read, mut end) = (Views::default(), log.size());
    // An end stands behind its start, so it is met first. So is the act that ended a right.
    let (mut withheld, mut cuts) = (HashSet::new(), Cuts::new());
    let oldest = log.oldest().max(log.size().saturating_sub(ENTRIES_MAX));
    let mut keys = HashMap::new();
    while end > oldest {
        let start = end.saturating_sub(PIECE).max(oldest);
        let mut piece = Vec::new();
        for line in lines(log, start) {
            let (index, _, line) = line?;
            if index >= end {
                break;
            }
            if line.owner == owner {
                piece.push(line);
            }
        }
        for line in piece.iter().rev() {
            let key = keys.entry(line.day).or_insert_with(|| key.day_key(line.day));
            match Opened::by(key, line) {
                Opened::Says(Says::Delivery(Stage::Ends(Outcome::Withheld), says)) => {
                    withheld.insert(says.number);
                }
                Opened::Says(Says::Delivery(Stage::Starts, says))
                    if !withheld.contains(&says.number)
                        && !add(&mut read.views, &cuts, &says, now) =>
                {
                    read.is_part = true;
                    return Ok(read);
                }
                Opened::Act(done) => {
                    if let (Some(viewer), Some(camera)) = (done.act.viewer, done.act.camera) {
                        cuts.insert((viewer, camera), done.at_milliseconds);
                    }
                }
                Opened::Damaged => read.is_part = true,
                _ => {}
            }
        }
        end = start;
    }
    read.is_part |= oldest > 0;
    Ok(read)
}

/// When each viewer's right to each camera was changed next, in milliseconds since 1970.
type Cuts = HashMap<(ViewerId, CameraId), u64>;

/// Adds a delivery that is older than all before it, as it is `now` (milliseconds since 1970).
/// Returns false if there is no place for it.
fn add(views: &mut Vec<View>, cuts: &Cuts, says: &Delivery, now: u64) -> bool {
    let Some((_, camera)) = says.source else { return true };
    // A list of streams shows no picture.
    if says.handed == Handed::Live && says.event.is_none() {
        return true;
    }
    let from = says.at_milliseconds;
    // An entry covers more than was shown, and no time in which the right was another.
    let cut = cuts.get(&(says.viewer, camera)).copied();
    let until = match says.handed {
        Handed::Still => from.saturating_add(SAME_STILL_MILLISECONDS),
        _ => says.until_milliseconds.max(from),
    };
    let until = until.min(now).min(cut.unwrap_or(u64::MAX)).max(from);
    let handed = handed(says.handed);
    let known = views
        .iter_mut()
        .rev()
        .find(|view| (view.viewer, view.camera, view.handed) == (says.viewer, camera, handed));
    if let Some(view) = known
        && cut.is_none_or(|cut| view.from_milliseconds < cut)
        && view.from_milliseconds.saturating_sub(until) <= PAUSE_MILLISECONDS
    {
        view.from_milliseconds = view.from_milliseconds.min(from);
        view.until_milliseconds = view.until_milliseconds.max(until);
        view.deliveries = view.deliveries.saturating_add(1);
        return true;
    }
    if views.len() >= VIEWS_MAX {
        return false;
    }
    views.push(View {
        viewer: says.viewer,
        camera,
        handed,
        from_milliseconds: from,
        until_milliseconds: until,
        deliveries: 1,
    });
    true
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "a failed expectation is how a test fails")]
mod tests {
    use super::*;

    fn says(viewer: u8, at_milliseconds: u64, handed: Handed) -> Delivery {
        Delivery {
            number: [0; 16],
            at_milliseconds,
            until_milliseconds: 0,
            viewer: ViewerId::from_bytes([viewer; 16]),
            session: eyesonly_seal::SessionId::from_bytes([1; 16]),
            source: Some((HouseholdId::from_bytes([2; 16]), CameraId::from_bytes([3; 16]))),
            handed,
            event: None,
            opened: Default::default(),
            body_bytes: 1,
        }
    }

    #[test]
    fn what_has_no_long_pause_is_one_view() {
        let mut views = Vec::new();
        // The newest first, as they are read.
        let minute = 60_000;
        for (viewer, at, handed) in [
            (1, 100 * minute, Handed::Still),
            (2, 99 * minute, Handed::Still),
            (1, 98 * minute, Handed::Still),
            (1, 97 * minute, Handed::Clip),
            (1, 90 * minute, Handed::Still),
            (1, 89 * minute, Handed::Still),
        ] {
            assert!(add(&mut views, &Cuts::new(), &says(viewer, at, handed), u64::MAX));
        }
        let seen: Vec<_> = views
            .iter()
            .map(|view| {
                (view.viewer.as_bytes()[0], view.from_milliseconds / minute, view.deliveries)
            })
            .collect();
        assert_eq!(seen, [(1, 98, 2), (2, 99, 1), (1, 97, 1), (1, 89, 2)]);
        assert_eq!(views[0].until_milliseconds, 100 * minute + SAME_STILL_MILLISECONDS);
        for n in 0..VIEWS_MAX as u8 {
            add(&mut views, &Cuts::new(), &says(n, 0, Handed::Clip), u64::MAX);
        }
        assert_eq!(views.len(), VIEWS_MAX);
        let mut adds = |says: &Delivery| add(&mut views, &Cuts::new(), says, u64::MAX);
        assert!(!adds(&says(255, 0, Handed::Clip)), "there is no place");
        assert!(adds(&Delivery { source: None, ..says(255, 0, Handed::Cameras) }));
        assert!(adds(&says(255, 0, Handed::Live)), "a list of streams is no view");
    }

    #[test]
    fn a_view_ends_with_its_right() {
        let minute = 60_000;
        let live = |at| Delivery {
            event: Some(eyesonly_seal::FootageId::from_time(at, [1; 10]).unwrap()),
            until_milliseconds: at + minute,
            ..says(1, at, Handed::Live)
        };
        let (mut views, mut cuts) = (Vec::new(), Cuts::new());
        // The newest first: what came after the right was given anew, and what came before.
        let who = (ViewerId::from_bytes([1; 16]), CameraId::from_bytes([3; 16]));
        add(&mut views, &cuts, &live(12 * minute), u64::MAX);
        cuts.insert(who, 11 * minute);
        cuts.insert(who, 10 * minute + 7);
        add(&mut views, &cuts, &live(10 * minute), u64::MAX);
        add(&mut views, &cuts, &live(9 * minute), u64::MAX);
        let times: Vec<_> = views
            .iter()
            .map(|view| (view.from_milliseconds, view.until_milliseconds, view.deliveries))
            .collect();
        assert_eq!(times, [(12 * minute, 13 * minute, 1), (9 * minute, 10 * minute + 7, 2)]);
    }
}
