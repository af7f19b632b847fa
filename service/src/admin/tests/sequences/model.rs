//! Who may see what, as SPEC.md says it: written once more, in a small world.
//!
//! Time is counted in days from the moment of the test, which is day 0 from its start to its end.
//! So what starts or ends "now" does it at 0, and nobody looks at 0.

use std::collections::BTreeMap;

/// A person, by number. The first two own a household each from the start.
pub type Who = usize;
/// The number of people.
pub const PEOPLE: usize = 5;
/// The moments that are looked at, in days.
pub const LOOKED_AT: [f64; 6] = [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5];

/// What is given of a camera.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Given {
    /// Live, events, clips.
    pub kinds: [bool; 3],
    /// The first day of the window.
    pub from: Option<i64>,
    /// The last one.
    pub until: Option<i64>,
}

/// An act, by somebody who is signed in, or by the operator.
#[derive(Debug, Clone)]
pub enum Act {
    Give { camera: usize, to: Who, given: Given },
    Change { by: Who, camera: usize, to: Who, given: Given },
    TakeBack { by: Who, camera: usize, of: Who },
    Invite { by: Who, camera: usize, only: Option<Who>, given: Given, past: bool },
    Accept { by: Who, invitation: usize },
    Confirm { by: Who, invitation: usize, whom: Who },
    Withdraw { by: Who, invitation: usize },
    Offer { by: Who, camera: usize },
    Keep { by: Who, camera: usize },
    Take { by: Who, offer: usize, home: usize },
    Remove { camera: usize },
    Join { home: usize, who: Who, is_owner: bool },
    Leave { by: Who, home: usize, who: Who },
}

/// A way in which the model can be wrong. A comparison that does not find it can't fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// What is taken back stays.
    Kept,
    /// An invitation without the past opens it.
    Past,
    /// Whoever handed a camera over goes on seeing.
    AfterTransfer,
    /// A change leaves the invitations that were made before it.
    OldToken,
    /// What was given is not narrowed.
    NotNarrowed,
    /// Whoever leaves keeps what was shared beside the membership.
    LeftOver,
    /// An invitation for one person is anybody's.
    Anybodys,
    /// Whoever asked sees before an owner has confirmed.
    Unconfirmed,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Open,
    Closed,
    Removed,
}

struct Camera {
    home: usize,
    state: State,
    shares: BTreeMap<Who, Given>,
}

struct Invitation {
    camera: usize,
    giver: Who,
    only: Option<Who>,
    given: Given,
    past: bool,
    asked: Option<(Who, bool)>,
    holds: bool,
}

struct Offer {
    camera: usize,
    giver: Who,
    holds: bool,
}

/// The world.
pub struct Model {
    cameras: Vec<Camera>,
    invitations: Vec<Invitation>,
    offers: Vec<Offer>,
    /// Of each household, who belongs to it, and whether as an owner.
    homes: [BTreeMap<Who, bool>; 2],
    fault: Option<Fault>,
}

impl Model {
    /// Two households with an owner each. The first has two cameras, the second one.
    pub fn new(fault: Option<Fault>) -> Self {
        let camera = |home| Camera { home, state: State::Open, shares: BTreeMap::new() };
        Self {
            cameras: vec![camera(0), camera(0), camera(1)],
            invitations: Vec::new(),
            offers: Vec::new(),
            homes: [BTreeMap::from([(0, true)]), BTreeMap::from([(1, true)])],
            fault,
        }
    }

    /// Returns how many cameras, invitations and offers there have been.
    pub fn counts(&self) -> [usize; 3] {
        [self.cameras.len(), self.invitations.len(), self.offers.len()]
    }

    /// Returns the household of a camera.
    pub fn home_of(&self, camera: usize) -> usize {
        self.cameras[camera].home
    }

    /// Returns the camera of an invitation.
    pub fn camera_of(&self, invitation: usize) -> usize {
        self.invitations[invitation].camera
    }

    fn has(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    fn owns(&self, who: Who, home: usize) -> bool {
        self.homes[home].get(&who) == Some(&true)
    }

    fn is_last_owner(&self, who: Who, home: usize) -> bool {
        self.owns(who, home) && self.homes[home].values().filter(|owner| **owner).count() == 1
    }

    /// Says what somebody may see of a camera: the kinds, and the window.
    pub fn right(&self, who: Who, camera: usize) -> Option<Given> {
        let of = &self.cameras[camera];
        if of.state == State::Removed {
            return None;
        }
        let mut given = match self.owns(who, of.home) {
            true => Given { kinds: [true; 3], from: None, until: None },
            false => *of.shares.get(&who)?,
        };
        if of.state == State::Closed && !self.has(Fault::AfterTransfer) {
            given.until = Some(given.until.unwrap_or(0).min(0));
        }
        Some(given)
    }

    /// Says whether somebody may delete events of a camera.
    pub fn deletes(&self, who: Who, camera: usize) -> bool {
        self.right(who, camera).is_some() && self.owns(who, self.cameras[camera].home)
    }

    /// Does an act, and says whether it is allowed. An act that is not changes nothing.
    pub fn allows(&mut self, act: &Act) -> bool {
        let done = self.done(act).is_some();
        self.end_empty_offers();
        done
    }

    fn done(&mut self, act: &Act) -> Option<()> {
        match *act {
            Act::Give { camera, to, given } => {
                let has = self.cameras[camera].shares.contains_key(&to);
                let is_open = self.cameras[camera].state == State::Open;
                (has || is_open).then_some(())?;
                self.give(camera, to, given)
            }
            Act::Change { by, camera, to, given } => {
                self.owns(by, self.cameras[camera].home).then_some(())?;
                let had = *self.cameras[camera].shares.get(&to)?;
                let given = if self.has(Fault::NotNarrowed) { had } else { given };
                self.give(camera, to, given)
            }
            Act::TakeBack { by, camera, of } => {
                let may = by == of || self.owns(by, self.cameras[camera].home);
                (may && self.cameras[camera].shares.contains_key(&of)).then_some(())?;
                if !self.has(Fault::Kept) {
                    self.cameras[camera].shares.remove(&of);
                }
                match by == of {
                    true => self.forget(self.cameras[camera].home, of),
                    false => self.end_invitations(camera),
                }
                Some(())
            }
            Act::Invite { by, camera, only, given, past } => {
                let of = &self.cameras[camera];
                (self.owns(by, of.home) && of.state == State::Open).then_some(())?;
                is_some_time(start(given, past))?;
                let (giver, asked, holds) = (by, None, true);
                let made = Invitation { camera, giver, only, given, past, asked, holds };
                self.invitations.push(made);
                Some(())
            }
            Act::Accept { by, invitation } => {
                let found = &self.invitations[invitation];
                let is_theirs = found.only.is_none_or(|only| only == by);
                (found.holds && (is_theirs || self.has(Fault::Anybodys))).then_some(())?;
                let (camera, only) = (found.camera, found.only);
                match found.asked {
                    Some((who, _)) if who != by => return None,
                    Some((_, true)) => {
                        return self.cameras[camera].shares.contains_key(&by).then_some(());
                    }
                    Some((_, false)) => return Some(()),
                    None => {}
                }
                self.is_new(camera, by)?;
                match only.is_some() || self.has(Fault::Unconfirmed) {
                    true => self.start(invitation, by),
                    false => {
                        self.invitations[invitation].asked = Some((by, false));
                        Some(())
                    }
                }
            }
            Act::Confirm { by, invitation, whom } => {
                let found = &self.invitations[invitation];
                let camera = found.camera;
                let owns = self.owns(by, self.cameras[camera].home);
                (found.holds && owns).then_some(())?;
                match found.asked {
                    Some((who, true)) if who == whom => {
                        self.cameras[camera].shares.contains_key(&whom).then_some(())
                    }
                    Some((who, false)) if who == whom => self.start(invitation, whom),
                    _ => None,
                }
            }
            Act::Withdraw { by, invitation } => {
                let found = &self.invitations[invitation];
                let is_open = found.holds && found.asked.is_none_or(|(_, done)| !done);
                (is_open && self.owns(by, self.cameras[found.camera].home)).then_some(())?;
                self.invitations[invitation].holds = false;
                Some(())
            }
            Act::Offer { by, camera } => {
                let of = &self.cameras[camera];
                (self.owns(by, of.home) && of.state == State::Open).then_some(())?;
                self.end_offers(camera);
                self.offers.push(Offer { camera, giver: by, holds: true });
                Some(())
            }
            Act::Keep { by, camera } => {
                let of = &self.cameras[camera];
                let is_offered =
                    self.offers.iter().any(|offer| offer.camera == camera && offer.holds);
                let owns = self.owns(by, of.home) && of.state != State::Removed;
                (owns && is_offered).then_some(())?;
                self.end_offers(camera);
                Some(())
            }
            Act::Take { by, offer, home } => {
                let Offer { camera, holds, .. } = self.offers[offer];
                let is_elsewhere = self.cameras[camera].home != home;
                (holds && is_elsewhere && self.owns(by, home)).then_some(())?;
                self.cameras[camera].state = State::Closed;
                self.end_offers(camera);
                self.end_invitations(camera);
                self.cameras.push(Camera { home, state: State::Open, shares: BTreeMap::new() });
                Some(())
            }
            Act::Remove { camera } => {
                let of = &mut self.cameras[camera];
                (of.state != State::Removed).then_some(())?;
                of.state = State::Removed;
                of.shares.clear();
                Some(())
            }
            Act::Join { home, who, is_owner } => {
                (is_owner || !self.is_last_owner(who, home)).then_some(())?;
                self.homes[home].insert(who, is_owner);
                if is_owner {
                    self.take_shares(home, who);
                    self.forget(home, who);
                }
                Some(())
            }
            Act::Leave { by, home, who } => {
                let may = by == who || self.owns(by, home);
                let belongs = self.homes[home].contains_key(&who);
                (may && belongs && !self.is_last_owner(who, home)).then_some(())?;
                self.homes[home].remove(&who);
                if !self.has(Fault::LeftOver) {
                    self.take_shares(home, who);
                }
                self.forget(home, who);
                Some(())
            }
        }
    }

    fn give(&mut self, camera: usize, to: Who, given: Given) -> Option<()> {
        let of = &self.cameras[camera];
        (of.state != State::Removed && !self.owns(to, of.home)).then_some(())?;
        is_some_time(given)?;
        self.cameras[camera].shares.insert(to, given);
        self.end_invitations(camera);
        Some(())
    }

    /// An invitation changes no right that is there.
    fn is_new(&self, camera: usize, who: Who) -> Option<()> {
        let of = &self.cameras[camera];
        (!self.owns(who, of.home) && !of.shares.contains_key(&who)).then_some(())
    }

    fn start(&mut self, invitation: usize, who: Who) -> Option<()> {
        let is_wrong = self.has(Fault::Past);
        let found = &mut self.invitations[invitation];
        let (camera, given) = (found.camera, start(found.given, found.past || is_wrong));
        self.is_new(camera, who)?;
        is_some_time(given)?;
        self.invitations[invitation].asked = Some((who, true));
        self.cameras[camera].shares.insert(who, given);
        Some(())
    }

    fn take_shares(&mut self, home: usize, who: Who) {
        for camera in 0..self.cameras.len() {
            let of = &mut self.cameras[camera];
            if of.home == home && of.shares.remove(&who).is_some() {
                self.end_invitations(camera);
            }
        }
    }

    fn end_invitations(&mut self, camera: usize) {
        if !self.has(Fault::OldToken) {
            let of_camera = |one: &&mut Invitation| one.camera == camera;
            self.invitations.iter_mut().filter(of_camera).for_each(|one| one.holds = false);
        }
    }

    fn end_offers(&mut self, camera: usize) {
        let of_camera = |one: &&mut Offer| one.camera == camera;
        self.offers.iter_mut().filter(of_camera).for_each(|one| one.holds = false);
    }

    /// Ends the invitations that somebody has asked with, and those that are for them.
    fn forget(&mut self, home: usize, who: Who) {
        let Self { cameras, invitations, .. } = self;
        for one in invitations.iter_mut().filter(|one| cameras[one.camera].home == home) {
            let asked = one.asked.is_some_and(|(asker, _)| asker == who);
            one.holds &= !asked && one.only != Some(who);
        }
    }

    /// What somebody offered ends when they own the household no more, or with the camera.
    fn end_empty_offers(&mut self) {
        let Self { cameras, invitations, offers, homes, .. } = self;
        let is_there = |camera: usize, giver: Who| {
            let of = &cameras[camera];
            of.state != State::Removed && homes[of.home].get(&giver) == Some(&true)
        };
        for one in invitations {
            one.holds &= is_there(one.camera, one.giver);
        }
        for one in offers {
            one.holds &= is_there(one.camera, one.giver);
        }
    }
}

/// The window starts when the right does, unless the past is opened.
fn start(given: Given, past: bool) -> Given {
    let from = if past { given.from } else { Some(given.from.unwrap_or(0).max(0)) };
    Given { from, ..given }
}

/// Nothing is given for a window that ends before it starts.
fn is_some_time(given: Given) -> Option<()> {
    let Given { from, until, .. } = given;
    from.is_none_or(|from| until.is_none_or(|until| from <= until)).then_some(())
}
