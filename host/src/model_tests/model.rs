//! The model of who may see what, in sets and maps. It knows nothing of the host. It names
//! everything by a number: the first household is 0.
//!
//! Numbers in operations are taken modulo how many there ever were, so that removed things are
//! asked for too.
//!
//! Long: it is one model, and its operations and answers can be read in one go.

use std::collections::{BTreeMap, BTreeSet};

/// The number of events, and of stills, that a camera may have. A greater number is a later one.
pub const EVENTS: u8 = 6;
/// The number of different pictures.
pub const JPEGS: u8 = 3;
/// A new still removes those at least this many numbers before it. Two stills are 4 minutes apart,
/// and one goes when it is 10 minutes older than the new one.
const SUPERSEDES: u8 = 3;

/// The asker: the credential that comes with a request.
#[derive(Debug, Clone, Copy)]
pub enum Who {
    Session(u8),
    Camera(u8),
    Nobody,
}

/// The footage that a camera hands in.
#[derive(Debug, Clone, Copy)]
pub enum Push {
    Still { still: u8, jpeg: u8 },
    Event { event: u8, label: u8 },
    EventStill { event: u8, jpeg: u8 },
    Clip { event: u8, clip: u8 },
}

/// The part of a camera that is looked at or deleted.
#[derive(Debug, Clone, Copy)]
pub enum What {
    Thumbnail,
    Page { before: Option<u8>, limit: u8 },
    Event(u8),
    EventThumbnail(u8),
    Clip(u8),
    Delete(u8),
}

/// The thing that is looked at.
#[derive(Debug, Clone, Copy)]
pub enum Look {
    Cameras,
    At { camera: u8, what: What },
}

/// The role of somebody who belongs to a household.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Owner,
    Member,
    /// One who came after all the footage.
    Installer,
}

/// What is shared of a camera: kinds of footage, and the numbers of the first and the last.
#[derive(Debug, Clone, Copy)]
pub struct Share {
    pub live: bool,
    pub events: bool,
    pub clips: bool,
    pub from: Option<u8>,
    pub until: Option<u8>,
}

impl Share {
    /// The right of an owner.
    const WHOLE: Self = Self { live: true, events: true, clips: true, from: None, until: None };

    fn has(&self, number: u8) -> bool {
        self.from.is_none_or(|from| from <= number)
            && self.until.is_none_or(|until| number <= until)
    }
}

/// One step.
#[derive(Debug, Clone, Copy)]
pub enum Operation {
    AddHousehold,
    RemoveHousehold(u8),
    AddCamera(u8),
    RemoveCamera(u8),
    AddViewer(u8),
    RemoveViewer(u8),
    SetMember {
        household: u8,
        viewer: u8,
        role: Role,
    },
    RemoveMember {
        household: u8,
        viewer: u8,
    },
    Share {
        camera: u8,
        viewer: u8,
        share: Share,
    },
    Unshare {
        camera: u8,
        viewer: u8,
    },
    /// A viewer signs in.
    Begin(u8),
    /// Somebody signs out.
    End(Who),
    Push(Who, Push),
    /// In an address with the tag of this session. `None`: with the asker's own tag, or the first
    /// session's if the asker has none.
    Look {
        who: Who,
        tag: Option<u8>,
        look: Look,
    },
}

/// An event as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    pub event: u8,
    pub label: u8,
    pub still: bool,
    pub clip: bool,
}

/// An answer of the edge or the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Says whether administration did it.
    Done(bool),
    /// Only a status.
    Status(u16),
    Cameras(Vec<u8>),
    Page(Vec<Shown>, Option<u8>),
    Event(Shown),
    Picture(u8),
    Clip(u8),
    /// Something that nobody handed in.
    Strange(String),
}

/// The thing that a model is wrong about. It shows that the comparison can fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrong {
    RemovedCamera,
    EndedSession,
    OthersTag,
    OthersCamera,
    DeletedEvent,
    FormerMember,
    TakenBack,
    Window,
    Kinds,
    GuestDeletes,
}

pub const WRONGS: [Wrong; 10] = [
    Wrong::RemovedCamera,
    Wrong::EndedSession,
    Wrong::OthersTag,
    Wrong::OthersCamera,
    Wrong::DeletedEvent,
    Wrong::FormerMember,
    Wrong::TakenBack,
    Wrong::Window,
    Wrong::Kinds,
    Wrong::GuestDeletes,
];

#[derive(Debug, Clone, Default)]
struct Event {
    label: u8,
    still: Option<u8>,
    clip: Option<u8>,
}

#[derive(Debug, Clone, Default)]
struct Camera {
    household: u8,
    gone: bool,
    /// The stills with their pictures, in the order in which they came.
    stills: Vec<(u8, u8)>,
    events: BTreeMap<u8, Event>,
    deleted: BTreeSet<u8>,
}

#[derive(Debug, Clone, Default)]
struct Household {
    gone: bool,
    members: BTreeMap<u8, Role>,
    /// What is shared, by camera and viewer.
    shares: BTreeMap<(u8, u8), Share>,
}

impl Household {
    fn is_last_owner(&self, viewer: u8) -> bool {
        let owners = self.members.iter().filter(|(_, role)| **role == Role::Owner);
        owners.map(|(owner, _)| *owner).collect::<Vec<_>>() == [viewer]
    }

    fn leave(&mut self, viewer: u8) {
        self.members.remove(&viewer);
        self.shares.retain(|(_, of), _| *of != viewer);
    }

    fn knows(&self, viewer: u8) -> bool {
        self.members.contains_key(&viewer) || self.shares.keys().any(|(_, of)| *of == viewer)
    }
}

/// Everybody and everything that ever was, by number.
#[derive(Debug, Clone, Default)]
pub struct Model {
    households: Vec<Household>,
    cameras: Vec<Camera>,
    /// Says for each viewer whether the account exists.
    viewers: Vec<bool>,
    /// The viewer of each session, and whether the session is live.
    sessions: Vec<(u8, bool)>,
    wrong: Option<Wrong>,
}

/// Returns `n` as one of `many`, which is at least 1.
pub fn pick(n: u8, many: usize) -> u8 {
    n % u8::try_from(many).unwrap()
}

/// Returns the status for an id that is used again: the same content is no fault, other content is.
const fn same(there: u8, new: u8) -> u16 {
    if there == new { 200 } else { 409 }
}

impl Model {
    pub fn wrong(wrong: Wrong) -> Self {
        Self { wrong: Some(wrong), ..Self::default() }
    }

    /// Does an operation, and returns the answer that is expected.
    pub fn answer(&mut self, operation: &Operation) -> Answer {
        match *operation {
            Operation::AddHousehold => {
                self.households.push(Household::default());
                Answer::Done(true)
            }
            Operation::RemoveHousehold(n) => {
                let n = pick(n, self.households.len());
                let home = std::mem::take(&mut self.households[usize::from(n)]);
                self.households[usize::from(n)].gone = true;
                self.cameras
                    .iter_mut()
                    .filter(|camera| camera.household == n)
                    .for_each(|camera| camera.gone = true);
                // Those who have nothing elsewhere go with it.
                for member in home.members.keys() {
                    if !self.households.iter().any(|other| other.knows(*member)) {
                        self.viewers[usize::from(*member)] = false;
                    }
                }
                Answer::Done(!home.gone)
            }
            Operation::AddCamera(n) => {
                let household = pick(n, self.households.len());
                let there = !self.households[usize::from(household)].gone;
                if there {
                    self.cameras.push(Camera { household, ..Camera::default() });
                }
                Answer::Done(there)
            }
            Operation::RemoveCamera(n) => {
                let n = pick(n, self.cameras.len());
                let camera = &mut self.cameras[usize::from(n)];
                let home = &mut self.households[usize::from(camera.household)];
                home.shares.retain(|(of, _), _| *of != n);
                Answer::Done(!std::mem::replace(&mut camera.gone, true))
            }
            Operation::AddViewer(n) => {
                let household = pick(n, self.households.len());
                let home = &mut self.households[usize::from(household)];
                if !home.gone {
                    let viewer = u8::try_from(self.viewers.len()).unwrap();
                    home.members.insert(viewer, Role::Owner);
                    self.viewers.push(true);
                }
                Answer::Done(!home.gone)
            }
            Operation::RemoveViewer(n) => {
                let n = pick(n, self.viewers.len());
                self.households.iter_mut().for_each(|home| home.leave(n));
                Answer::Done(std::mem::replace(&mut self.viewers[usize::from(n)], false))
            }
            Operation::SetMember { household, viewer, role } => {
                let viewer = pick(viewer, self.viewers.len());
                let household = pick(household, self.households.len());
                let home = &mut self.households[usize::from(household)];
                let done = !home.gone
                    && self.viewers[usize::from(viewer)]
                    && (role == Role::Owner || !home.is_last_owner(viewer));
                if done {
                    home.members.insert(viewer, role);
                    if role != Role::Member {
                        home.shares.retain(|(_, of), _| *of != viewer);
                    }
                }
                Answer::Done(done)
            }
            Operation::RemoveMember { household, viewer } => {
                let viewer = pick(viewer, self.viewers.len());
                let household = pick(household, self.households.len());
                let home = &mut self.households[usize::from(household)];
                let done = home.members.contains_key(&viewer) && !home.is_last_owner(viewer);
                if done && self.wrong != Some(Wrong::FormerMember) {
                    home.leave(viewer);
                }
                Answer::Done(done)
            }
            Operation::Share { camera, viewer, share } => {
                let viewer = pick(viewer, self.viewers.len());
                let n = pick(camera, self.cameras.len());
                let camera = &self.cameras[usize::from(n)];
                let home = &mut self.households[usize::from(camera.household)];
                let allows = (share.live || share.events || share.clips)
                    && share.from.is_none_or(|from| share.until.is_none_or(|until| from <= until));
                let needs_none =
                    home.members.get(&viewer).is_some_and(|role| *role != Role::Member);
                let there = !camera.gone && self.viewers[usize::from(viewer)];
                let done = there && allows && !needs_none;
                if done {
                    home.shares.insert((n, viewer), share);
                }
                Answer::Done(done)
            }
            Operation::Unshare { camera, viewer } => {
                let viewer = pick(viewer, self.viewers.len());
                let n = pick(camera, self.cameras.len());
                let household = self.cameras[usize::from(n)].household;
                let shares = &mut self.households[usize::from(household)].shares;
                let done = shares.contains_key(&(n, viewer));
                if done && self.wrong != Some(Wrong::TakenBack) {
                    shares.remove(&(n, viewer));
                }
                Answer::Done(done)
            }
            Operation::Begin(n) => {
                self.sessions.push((pick(n, self.viewers.len()), true));
                Answer::Done(true)
            }
            Operation::End(who) => match self.session(who) {
                Some((n, _)) => {
                    self.sessions[usize::from(n)].1 = false;
                    Answer::Status(204)
                }
                None => Answer::Status(401),
            },
            Operation::Push(who, push) => Answer::Status(self.push(who, push)),
            Operation::Look { who, tag, look } => self.look(who, tag, look),
        }
    }

    /// Returns the live session of a credential, and its viewer.
    fn session(&self, who: Who) -> Option<(u8, u8)> {
        let Who::Session(n) = who else { return None };
        let n = pick(n, self.sessions.len());
        let (viewer, live) = self.sessions[usize::from(n)];
        (live || self.wrong == Some(Wrong::EndedSession)).then_some((n, viewer))
    }

    fn push(&mut self, who: Who, push: Push) -> u16 {
        let Who::Camera(n) = who else { return 401 };
        let n = pick(n, self.cameras.len());
        let camera = &mut self.cameras[usize::from(n)];
        if camera.gone {
            return 401;
        }
        let event = match push {
            Push::Still { still, jpeg } => {
                if let Some((_, there)) = camera.stills.iter().find(|(old, _)| *old == still) {
                    return same(*there, jpeg);
                }
                camera.stills.retain(|(old, _)| *old + SUPERSEDES > still);
                camera.stills.push((still, jpeg));
                return 201;
            }
            Push::Event { event, .. }
            | Push::EventStill { event, .. }
            | Push::Clip { event, .. } => event,
        };
        // A deleted event does not come back.
        if camera.deleted.contains(&event) {
            return 410;
        }
        let Some(there) = camera.events.get_mut(&event) else {
            // The description comes first.
            let Push::Event { label, .. } = push else { return 409 };
            let new = Event { label, ..Event::default() };
            camera.events.insert(event, new);
            return 201;
        };
        let (place, new) = match push {
            Push::Event { label, .. } => return same(there.label, label),
            Push::EventStill { jpeg, .. } | Push::Still { jpeg, .. } => (&mut there.still, jpeg),
            Push::Clip { clip, .. } => (&mut there.clip, clip),
        };
        if let Some(there) = *place {
            return same(there, new);
        }
        *place = Some(new);
        201
    }

    fn look(&mut self, who: Who, tag: Option<u8>, look: Look) -> Answer {
        let (not_signed_in, nothing) = (Answer::Status(401), Answer::Status(404));
        let Some((session, viewer)) = self.session(who) else {
            return not_signed_in;
        };
        let tag = tag.map_or(session, |tag| pick(tag, self.sessions.len()));
        if tag != session && self.wrong != Some(Wrong::OthersTag) {
            return nothing;
        }
        if !self.viewers[usize::from(viewer)] {
            return not_signed_in;
        }
        let wrong = self.wrong;
        let Look::At { camera, what } = look else {
            let cameras = 0..u8::try_from(self.cameras.len()).unwrap();
            return Answer::Cameras(cameras.filter(|n| self.right(viewer, *n).is_some()).collect());
        };
        // One more than there are, for a camera that never was.
        let n = pick(camera, self.cameras.len() + 1);
        let right = (usize::from(n) < self.cameras.len()).then(|| self.right(viewer, n)).flatten();
        let Some((share, deletes)) = right else { return nothing };
        let camera = &mut self.cameras[usize::from(n)];
        let kinds = if wrong == Some(Wrong::Kinds) { Share::WHOLE } else { share };
        let share = if wrong == Some(Wrong::Window) {
            Share { from: None, until: None, ..share }
        } else {
            share
        };
        let allowed = match what {
            What::Thumbnail => kinds.live,
            What::Page { .. } => kinds.events,
            What::Event(n) | What::EventThumbnail(n) => kinds.events && share.has(n),
            What::Clip(n) => kinds.clips && share.has(n),
            What::Delete(_) => deletes || wrong == Some(Wrong::GuestDeletes),
        };
        if !allowed {
            return nothing;
        }
        let shown = |(n, event): (&u8, &Event)| Shown {
            event: *n,
            label: event.label,
            still: event.still.is_some(),
            clip: event.clip.is_some() && kinds.clips,
        };
        let answer = match what {
            What::Thumbnail => {
                let newest = camera.stills.last().filter(|(number, _)| share.has(*number));
                newest.map(|(_, jpeg)| Answer::Picture(*jpeg))
            }
            What::Page { before, limit } => {
                let older = camera.events.range(..before.unwrap_or(EVENTS)).rev();
                let older = older.filter(|(number, _)| share.has(**number));
                let page: Vec<Shown> = older.clone().take(usize::from(limit)).map(shown).collect();
                let next = page
                    .last()
                    .filter(|_| older.count() > usize::from(limit))
                    .map(|last| last.event);
                Some(Answer::Page(page, next))
            }
            What::Event(n) => camera.events.get_key_value(&n).map(shown).map(Answer::Event),
            What::EventThumbnail(n) => {
                camera.events.get(&n).and_then(|event| event.still).map(Answer::Picture)
            }
            What::Clip(n) => camera.events.get(&n).and_then(|event| event.clip).map(Answer::Clip),
            What::Delete(n) if wrong == Some(Wrong::DeletedEvent) => {
                camera.events.contains_key(&n).then_some(Answer::Status(204))
            }
            What::Delete(n) => camera.events.remove(&n).map(|_| {
                camera.deleted.insert(n);
                Answer::Status(204)
            }),
        };
        answer.unwrap_or(nothing)
    }

    /// Returns what a viewer may see of a camera, and whether they may delete its events.
    fn right(&self, viewer: u8, n: u8) -> Option<(Share, bool)> {
        let camera = &self.cameras[usize::from(n)];
        let is_gone = camera.gone && self.wrong != Some(Wrong::RemovedCamera);
        let home = &self.households[usize::from(camera.household)];
        if self.wrong == Some(Wrong::OthersCamera) && !is_gone {
            return Some((Share::WHOLE, true));
        }
        let share = match home.members.get(&viewer) {
            Some(Role::Owner) => Some((Share::WHOLE, true)),
            Some(Role::Installer) => Some((
                Share { events: false, clips: false, from: Some(EVENTS), ..Share::WHOLE },
                false,
            )),
            Some(Role::Member) | None => home.shares.get(&(n, viewer)).map(|share| (*share, false)),
        };
        share.filter(|_| !is_gone)
    }

    /// Returns a look of every session at every camera and all that it has.
    pub fn everything(&self) -> Vec<Operation> {
        let mut looks = Vec::new();
        let numbers = |many: usize| 0..u8::try_from(many).unwrap();
        for session in numbers(self.sessions.len()) {
            let mut add =
                |look| looks.push(Operation::Look { who: Who::Session(session), tag: None, look });
            add(Look::Cameras);
            for camera in numbers(self.cameras.len()) {
                let page = What::Page { before: None, limit: EVENTS };
                let events =
                    self.cameras[usize::from(camera)].events.keys().map(|n| What::Clip(*n));
                for what in [What::Thumbnail, page].into_iter().chain(events) {
                    add(Look::At { camera, what });
                }
            }
        }
        looks
    }
}
