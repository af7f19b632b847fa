//! Replaying the acts of administration: what a viewer had a right to, at one place of the ledger.
//!
//! It judges a delivery by the acts before it and by what was opened, and never by the decision
//! that let the delivery out. So it has rules of its own, and shares none with `eyesonly_rights`.

use super::acts::Done;
use crate::admin::{Deed, Given};
use eyesonly_gate::ledger::{Delivery, Handed};
use eyesonly_rights::{CameraRight, Role, ViewerRecord};
use eyesonly_seal::{CameraId, HouseholdId, Kind, ViewerId};
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};

/// The reason why a delivery should not have been.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wrong {
    /// The viewer had no right to the camera.
    NoRight,
    /// The right had expired.
    Expired,
    /// The right was not to this kind of footage, or not to delete.
    Kind,
    /// The footage was of a time outside of the right's window.
    Time,
}

/// An act that does not follow what was before it: one between them is missing, or a record was
/// written without its act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Hole {
    /// The number of the act. `None`: the record of today does not follow the last act.
    pub number: Option<u64>,
    /// The viewer whose right it is.
    pub viewer: ViewerId,
    /// The camera that the right is to.
    pub camera: CameraId,
}

/// A camera, with its household.
type Camera = (HouseholdId, CameraId);

/// The rights at one place of the ledger. Before the ledger has stated all rights for the first
/// time, nobody knows them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Replay {
    held: HashMap<Camera, BTreeMap<ViewerId, Held>>,
    known: Known,
}

/// What is known of all rights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Known {
    /// Nothing.
    #[default]
    Nothing,
    /// They are being stated for the first time.
    Stating,
    /// All of them, since this time in milliseconds since 1970.
    All(u64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Held {
    right: Option<Given>,
    /// The number and the time of the act that wrote it. A registry that was put back from a copy
    /// counts the same numbers again, at a later time.
    written: (u64, u64),
}

/// What a delivery is, by the rights that are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judged {
    /// The rights of that time are not known.
    Unknown,
    /// The viewer had a right to all of it.
    Right,
    /// It should not have been.
    Wrong(Wrong),
}

/// Returns whose right an act is about.
fn whose(done: &Done) -> Option<(Camera, ViewerId)> {
    let is_right = matches!(done.act.deed, Deed::Right | Deed::RightTaken | Deed::Stated);
    let (viewer, household, camera) = (done.act.viewer?, done.act.household?, done.act.camera?);
    is_right.then_some(((household, camera), viewer))
}

/// Lists the rights that stand in viewers' records.
fn written<'a>(
    records: impl IntoIterator<Item = &'a ViewerRecord>,
) -> impl Iterator<Item = (Camera, ViewerId, Given)> {
    records.into_iter().flat_map(|record| {
        let of = |right: &CameraRight| {
            ((right.household, right.camera), record.viewer, Given::of(right))
        };
        record.cameras.iter().map(of)
    })
}

impl Replay {
    /// Goes on by an act, in the order of the ledger. One that was entered twice counts once.
    ///
    /// # Errors
    /// [`Hole`] if it does not follow what was before. What it says holds from now on all the same.
    pub fn act(&mut self, done: &Done) -> Result<(), Hole> {
        match (done.act.deed, self.known) {
            (Deed::Stating, Known::Nothing | Known::Stating) => {
                // A statement that was broken off is begun anew.
                (self.held, self.known) = (HashMap::new(), Known::Stating);
            }
            (Deed::AllStated, Known::Stating) => self.known = Known::All(done.at_milliseconds),
            _ => {}
        }
        let Some((camera, viewer)) = whose(done) else { return Ok(()) };
        let of_camera = self.held.entry(camera).or_default();
        let before = of_camera.get(&viewer).copied();
        let is_stated = done.act.deed == Deed::Stated;
        let written = (done.sequence, done.at_milliseconds);
        // A statement has the number of the record, which a newer act may have passed.
        let is_older =
            |held: Held| written.0 <= held.written.0 && (is_stated || written.1 <= held.written.1);
        if before.is_some_and(is_older) {
            return Ok(());
        }
        of_camera.insert(viewer, Held { right: done.act.right, written });
        let (had, says) = (before.and_then(|held| held.right), done.act.before);
        let follows = match (self.known, is_stated) {
            (Known::All(_), true) => had == done.act.right,
            (Known::All(_), false) => had == says,
            // What was not stated yet is not known.
            (Known::Stating, false) => before.is_none() || had == says,
            (Known::Stating, true) | (Known::Nothing, _) => true,
        };
        let hole = Hole { number: Some(done.sequence), viewer, camera: camera.1 };
        if follows { Ok(()) } else { Err(hole) }
    }

    /// Returns all rights.
    fn rights(&self) -> HashMap<(Camera, ViewerId), Given> {
        let of_camera = |(camera, viewers): (&Camera, &BTreeMap<ViewerId, Held>)| {
            let camera = *camera;
            let right = |(viewer, held): (&ViewerId, &Held)| Some(((camera, *viewer), held.right?));
            viewers.iter().filter_map(right).collect::<Vec<_>>()
        };
        self.held.iter().flat_map(of_camera).collect()
    }

    /// Returns since when all rights are known, in milliseconds since 1970. `None`: they are not.
    pub fn known_since(&self) -> Option<u64> {
        match self.known {
            Known::All(since) => Some(since),
            Known::Nothing | Known::Stating => None,
        }
    }

    /// Says whether the acts have told of a right to this camera.
    pub fn knows(&self, camera: CameraId) -> bool {
        self.held.keys().any(|(_, known)| *known == camera)
    }

    /// Lists the rights that are not as in today's records, where all acts up to today were
    /// replayed.
    pub fn holes<'a>(&self, today: impl IntoIterator<Item = &'a ViewerRecord>) -> Vec<Hole> {
        if self.known_since().is_none() {
            return Vec::new();
        }
        let today: HashMap<_, _> =
            written(today).map(|(camera, viewer, right)| ((camera, viewer), right)).collect();
        let replayed = self.rights();
        let new = today.keys().filter(|whose| !replayed.contains_key(whose));
        let differs = |whose: &&(Camera, ViewerId)| replayed.get(whose) != today.get(whose);
        let hole = |((_, camera), viewer): &(Camera, ViewerId)| Hole {
            number: None,
            viewer: *viewer,
            camera: *camera,
        };
        let mut holes: Vec<Hole> = replayed.keys().filter(differs).chain(new).map(hole).collect();
        holes.sort_by_key(|hole| (hole.camera, hole.viewer));
        holes
    }

    /// Lists who belongs to a camera's household: those who have its footage as owner or member.
    pub fn people(&self, household: HouseholdId, camera: CameraId) -> Vec<ViewerId> {
        let is_theirs = |held: &Held| {
            held.right.is_some_and(|right| matches!(right.role, Role::Owner | Role::Member))
        };
        let viewers = self.held.get(&(household, camera)).into_iter().flatten();
        viewers.filter(|(_, held)| is_theirs(held)).map(|(viewer, _)| *viewer).collect()
    }

    /// Judges a delivery.
    pub fn judge(&self, delivery: &Delivery) -> Judged {
        if self.known_since().is_none() {
            return Judged::Unknown;
        }
        self.wrong(delivery).map_or(Judged::Right, Judged::Wrong)
    }

    fn wrong(&self, delivery: &Delivery) -> Option<Wrong> {
        // A list of cameras has no footage.
        let (household, camera) = delivery.source?;
        let held = self.held.get(&(household, camera)).and_then(|of| of.get(&delivery.viewer));
        let Some(right) = held.and_then(|held| held.right) else { return Some(Wrong::NoRight) };
        let ends = right.expires_at_seconds.map(|at| at.saturating_mul(1000));
        if ends.is_some_and(|at| delivery.at_milliseconds >= at) {
            return Some(Wrong::Expired);
        }
        let is_owner = right.role == Role::Owner;
        let sees_past = right.role != Role::Installer;
        let (live, events, clips) =
            (right.kinds.live, right.kinds.events && sees_past, right.kinds.clips && sees_past);
        // Perhaps nothing was opened, as for an empty page.
        let may = match (delivery.handed, delivery.event) {
            (Handed::Cameras, _) => true,
            (Handed::Still, None) | (Handed::Live, _) => live,
            (Handed::Still, Some(_)) | (Handed::Events, _) => events,
            (Handed::Clip, _) => clips,
            (Handed::Deletion, _) => is_owner && events,
        };
        if !may {
            return Some(Wrong::Kind);
        }
        delivery.opened.objects().find_map(|object| {
            let is_of_kind = match object.kind {
                Kind::Still | Kind::LiveChunk => live,
                Kind::Event | Kind::EventStill => events,
                Kind::Clip => clips,
            };
            let at = object.id.time_milliseconds();
            let from = right.window.from_milliseconds.unwrap_or(0);
            let until = right.window.until_milliseconds.unwrap_or(u64::MAX);
            match (is_of_kind, (from..=until).contains(&at)) {
                (false, _) => Some(Wrong::Kind),
                (true, false) => Some(Wrong::Time),
                (true, true) => None,
            }
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed expectation is how a test fails")]
mod tests {
    use super::*;
    use crate::admin::Act;
    use eyesonly_gate::entry::{Object, Opened};
    use eyesonly_rights::{Kinds, Window};
    use eyesonly_seal::{FootageId, SessionId};

    const FOOTAGE_AT: u64 = 1_700_000_000_000;

    fn viewer() -> ViewerId {
        ViewerId::from_bytes([1; 16])
    }

    fn household() -> HouseholdId {
        HouseholdId::from_bytes([2; 16])
    }

    fn camera(n: u8) -> CameraId {
        CameraId::from_bytes([n; 16])
    }

    fn given(kinds: Kinds) -> Given {
        let window = Window::default();
        Given { role: Role::Guest, kinds, window, expires_at_seconds: None }
    }

    fn done(sequence: u64, before: Option<Given>, right: Option<Given>) -> Done {
        let deed = if right.is_some() { Deed::Right } else { Deed::RightTaken };
        let act = Act::of(deed, Some(household()), Some(camera(3)), Some(viewer()));
        let act = Act { before, right, ..act };
        Done { sequence, at_milliseconds: sequence, actor: None, act }
    }

    fn record(cameras: &[(u8, Given)]) -> ViewerRecord {
        let right = |(n, given): &(u8, Given)| CameraRight {
            camera: camera(*n),
            household: household(),
            name: String::new(),
            role: given.role,
            kinds: given.kinds,
            window: given.window,
            expires_at_seconds: given.expires_at_seconds,
        };
        let (viewer, name, households) = (viewer(), String::new(), Vec::new());
        let cameras = cameras.iter().map(right).collect();
        ViewerRecord { viewer, name, households, cameras, epoch: 0, sequence: 0 }
    }

    fn delivery(of: u8, handed: Handed, kind: Option<Kind>) -> Delivery {
        let mut opened = Opened::default();
        if let Some(kind) = kind {
            let id = FootageId::from_time(FOOTAGE_AT, [0; 10]).unwrap();
            opened.add(Object { kind, id, rendition: false });
        }
        Delivery {
            number: [0; 16],
            at_milliseconds: FOOTAGE_AT + 5_000,
            until_milliseconds: 0,
            viewer: viewer(),
            session: SessionId::from_bytes([0; 16]),
            source: Some((household(), camera(of))),
            handed,
            event: None,
            opened,
            body_bytes: 0,
        }
    }

    fn mark(deed: Deed) -> Done {
        let act = Act::of(deed, None, None, None);
        Done { sequence: 0, at_milliseconds: 0, actor: None, act }
    }

    /// Replays a statement of what stands in these records.
    fn stated(records: &[ViewerRecord]) -> Replay {
        let mut replay = Replay::default();
        replay.act(&mark(Deed::Stating)).unwrap();
        for done in records.iter().flat_map(|record| Done::stated(record, 0)) {
            replay.act(&done).unwrap();
        }
        replay.act(&mark(Deed::AllStated)).unwrap();
        replay
    }

    #[test]
    fn rights_are_those_of_their_place_in_the_ledger() {
        let (all, live) = (given(Kinds::ALL), given(Kinds { live: true, ..Kinds::NONE }));
        let acts =
            [done(5, None, Some(live)), done(8, Some(live), Some(all)), done(9, Some(all), None)];
        let today = [record(&[(4, live)])];
        let mut replay = stated(&today);
        let clip = delivery(3, Handed::Clip, Some(Kind::Clip));
        let mut judged = vec![replay.judge(&clip)];
        for act in &acts {
            replay.act(act).unwrap();
            // It is entered again after a crash.
            replay.act(act).unwrap();
            judged.push(replay.judge(&clip));
        }
        let wrong = Judged::Wrong;
        let expected =
            [wrong(Wrong::NoRight), wrong(Wrong::Kind), Judged::Right, wrong(Wrong::NoRight)];
        assert_eq!(judged, expected);
        assert_eq!(replay.holes(&today), []);
        // No act has changed this one.
        assert_eq!(replay.judge(&delivery(4, Handed::Still, Some(Kind::Still))), Judged::Right);
        // The camera of another household is another one.
        let source = Some((HouseholdId::from_bytes([7; 16]), camera(4)));
        let other = Delivery { source, ..delivery(4, Handed::Still, Some(Kind::Still)) };
        assert_eq!(replay.judge(&other), wrong(Wrong::NoRight));
        let list = Delivery { source: None, ..delivery(4, Handed::Cameras, None) };
        assert_eq!(replay.judge(&list), Judged::Right);
    }

    #[test]
    fn nothing_is_judged_before_all_rights_are_known() {
        let (all, live) = (given(Kinds::ALL), given(Kinds { live: true, ..Kinds::NONE }));
        let clip = delivery(3, Handed::Clip, Some(Kind::Clip));
        let mut replay = Replay::default();
        // Acts of before the first statement lead to nothing.
        replay.act(&done(3, Some(live), None)).unwrap();
        assert_eq!(
            (replay.judge(&clip), replay.holes(&[record(&[(3, all)])])),
            (Judged::Unknown, vec![])
        );
        // A statement that was broken off states nothing.
        replay.act(&mark(Deed::Stating)).unwrap();
        replay.act(&Done::stated(&record(&[(3, live)]), 0).next().unwrap()).unwrap();
        assert_eq!(replay.judge(&clip), Judged::Unknown);
        replay.act(&mark(Deed::Stating)).unwrap();
        // An act comes before the record that it has written is stated.
        replay.act(&done(7, Some(live), Some(all))).unwrap();
        let states = |kinds, sequence| {
            let record = ViewerRecord { sequence, ..record(&[(3, given(kinds))]) };
            Done::stated(&record, 9).next().unwrap()
        };
        replay.act(&states(Kinds::ALL, 7)).unwrap();
        replay.act(&mark(Deed::AllStated)).unwrap();
        assert_eq!(replay.judge(&clip), Judged::Right);
        // A later statement: of an older record, of the same, and of what no act has written.
        replay.act(&states(live.kinds, 6)).unwrap();
        replay.act(&states(Kinds::ALL, 8)).unwrap();
        let hole = Hole { number: Some(9), viewer: viewer(), camera: camera(3) };
        assert_eq!(replay.act(&states(live.kinds, 9)), Err(hole));
        assert_eq!(replay.judge(&clip), Judged::Wrong(Wrong::Kind));
    }

    #[test]
    fn what_is_missing_between_acts_is_a_hole() {
        let (all, live) = (given(Kinds::ALL), given(Kinds { live: true, ..Kinds::NONE }));
        let mut replay = stated(&[]);
        assert_eq!(replay.act(&done(5, None, Some(live))), Ok(()));
        let hole = Hole { number: Some(9), viewer: viewer(), camera: camera(3) };
        assert_eq!(replay.act(&done(9, Some(all), None)), Err(hole));
        // Today's record has a right that no act gave, and lacks one that an act gave.
        let hole = |n| Hole { number: None, viewer: viewer(), camera: camera(n) };
        assert_eq!(replay.holes(&[record(&[(3, all)])]), [hole(3)]);
        assert_eq!(replay.holes(&[record(&[(6, all)])]), [hole(6)]);
        replay.act(&done(10, None, Some(all))).unwrap();
        assert_eq!(replay.holes(&[]), [hole(3)]);
        // A registry that was put back counts the numbers again.
        let again = Done { at_milliseconds: 11, ..done(6, Some(all), None) };
        replay.act(&again).unwrap();
        assert_eq!(replay.holes(&[]), []);
    }

    #[test]
    fn each_rule_of_a_right_counts() {
        let judge = |right: Given, delivery: &Delivery| match stated(&[record(&[(3, right)])])
            .judge(delivery)
        {
            Judged::Wrong(wrong) => Some(wrong),
            judged => {
                assert_eq!(judged, Judged::Right);
                None
            }
        };
        let all = given(Kinds::ALL);
        let still = |right| judge(right, &delivery(3, Handed::Still, Some(Kind::Still)));
        assert_eq!(still(all), None);
        let ends = |at| Given { expires_at_seconds: Some(at), ..all };
        assert_eq!(still(ends(FOOTAGE_AT / 1000 + 6)), None);
        assert_eq!(still(ends(FOOTAGE_AT / 1000 + 5)), Some(Wrong::Expired));
        let window = |from_milliseconds, until_milliseconds| {
            let window = Window { from_milliseconds, until_milliseconds };
            still(Given { window, ..all })
        };
        assert_eq!(window(Some(FOOTAGE_AT), Some(FOOTAGE_AT)), None);
        assert_eq!(window(Some(FOOTAGE_AT + 1), None), Some(Wrong::Time));
        assert_eq!(window(None, Some(FOOTAGE_AT - 1)), Some(Wrong::Time));
        let event = Some(FootageId::from_time(FOOTAGE_AT, [0; 10]).unwrap());
        for (kind, handed, event) in [
            (Kind::Still, Handed::Still, None),
            (Kind::LiveChunk, Handed::Live, event),
            (Kind::Event, Handed::Events, None),
            (Kind::EventStill, Handed::Still, event),
            (Kind::Clip, Handed::Clip, event),
        ] {
            let is_live = matches!(kind, Kind::Still | Kind::LiveChunk);
            let (is_clip, is_event) = (kind == Kind::Clip, !is_live && kind != Kind::Clip);
            let only = Kinds { live: is_live, events: is_event, clips: is_clip };
            let not = Kinds { live: !is_live, events: !is_event, clips: !is_clip };
            let installer = Given { role: Role::Installer, ..all };
            // It is so with what was opened, and with nothing opened too.
            for kind in [Some(kind), None] {
                let of = Delivery { event, ..delivery(3, handed, kind) };
                assert_eq!(judge(given(only), &of), None, "{kind:?}");
                assert_eq!(judge(given(not), &of), Some(Wrong::Kind), "{kind:?}");
                let expected = (!is_live).then_some(Wrong::Kind);
                assert_eq!(judge(installer, &of), expected, "{kind:?}");
            }
            // What was opened counts, whatever the address says.
            let other = if is_clip { Kind::Event } else { Kind::Clip };
            let of = Delivery { event, ..delivery(3, handed, Some(other)) };
            assert_eq!(judge(given(only), &of), Some(Wrong::Kind), "{kind:?}");
        }
        let deletion = delivery(3, Handed::Deletion, None);
        assert_eq!(judge(all, &deletion), Some(Wrong::Kind));
        assert_eq!(judge(Given { role: Role::Owner, ..all }, &deletion), None);
    }

    #[test]
    fn those_whose_footage_it_is_are_owners_and_members() {
        let people = |role, of| {
            let records = [record(&[(3, Given { role, ..given(Kinds::ALL) })])];
            stated(&records).people(household(), camera(of))
        };
        assert_eq!(people(Role::Owner, 3), [viewer()]);
        assert_eq!(people(Role::Member, 3), [viewer()]);
        assert_eq!(people(Role::Guest, 3), []);
        assert_eq!(people(Role::Installer, 3), []);
        assert_eq!(people(Role::Owner, 4), []);
    }
}
