//! Invitations: how an owner shares cameras with somebody who may not have an account yet.
//!
//! Who has the token of an invitation may ask for what it offers, once. The right starts when an
//! owner confirms who asked, or at once if the invitation was made for that very account. A token
//! is a MAC over the household and the invitation, so no record holds it.
//!
//! An invitation must never change a right that is there, and looking at it spends nothing.

use super::household::{HouseholdRecord, Share};
use super::pace::Who;
use super::people::{check_offer, input, room_for_shares};
use super::token::INVITATION;
use super::writing::{Along, Writing};
use super::{Admin, AdminError, login_name};
use crate::clock;
use eyesonly_gate::registry::Expect;
use eyesonly_rights::{CameraRecord, Kinds, Role, ViewerRecord, Window};
use eyesonly_seal::{CameraId, CredentialId, HouseholdId, ViewerId};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// How long an invitation holds unless another time is given, in seconds.
pub const INVITATION_SECONDS_DEFAULT: u64 = 72 * 3600;
/// The longest time for which an invitation holds, in seconds.
pub const INVITATION_SECONDS_MAX: u64 = 30 * 86_400;
/// The most invitations of one household that hold at the same time.
pub const INVITATIONS_MAX: usize = 100;
/// The most cameras of one invitation.
pub const INVITATION_CAMERAS_MAX: usize = 64;
/// How often somebody with an invitation may ask for a login name that is taken.
pub const INVITATION_TRIES: u8 = 5;

/// What an invitation offers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Offer {
    /// The cameras, each once.
    pub cameras: Vec<CameraId>,
    /// The kinds of footage that may be seen.
    pub kinds: Kinds,
    /// The time of the footage that may be seen.
    pub window: Window,
    /// Whether footage from before the share may be seen too.
    pub past: bool,
    /// When the shares end, in seconds since 1970. `None`: they hold until they are taken back.
    pub expires_at_seconds: Option<u64>,
    /// The account that the invitation is for. `None`: whoever has the token may ask.
    pub viewer: Option<ViewerId>,
}

/// An invitation, in its household's record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Invitation {
    /// The invitation's id.
    pub invitation: CredentialId,
    /// The owner who made it. `None`: it was the operator.
    pub giver: Option<ViewerId>,
    /// What it offers.
    pub offer: Offer,
    /// When it ends, in seconds since 1970.
    pub until_seconds: u64,
    /// How often a login name was asked for that is taken.
    pub tries: u8,
    /// Who asked.
    pub request: Option<Request>,
}

/// The request that somebody made with an invitation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The account that asks.
    pub viewer: ViewerId,
    /// When it asked, in seconds since 1970.
    pub at_seconds: u64,
    /// Whether an owner has confirmed it.
    pub confirmed: bool,
}

impl Offer {
    /// Returns the window of a share that starts now.
    fn starts_now(&self) -> Window {
        let mut window = self.window;
        if !self.past {
            let now = clock::now_milliseconds();
            window.from_milliseconds = window.from_milliseconds.max(Some(now));
        }
        window
    }
}

impl Invitation {
    /// Says whether it has led to what it offers.
    pub fn is_done(&self) -> bool {
        self.request.is_some_and(|request| request.confirmed)
    }
}

/// An invitation that was just made.
pub struct Invited {
    /// The invitation's id.
    pub invitation: CredentialId,
    /// The token, shown once.
    pub token: Zeroizing<String>,
    /// When the invitation ends, in seconds since 1970.
    pub until_seconds: u64,
}

/// Who makes an account with an invitation. FROM CLIENT: the name.
pub struct Newcomer {
    /// The login name.
    pub name: String,
    /// The hash of the password.
    pub password_hash: String,
}

/// What a token shows: what is offered, and by whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The household's name.
    pub household: String,
    /// The names of the cameras.
    pub cameras: Vec<String>,
    /// What is offered.
    pub offer: Offer,
    /// When the invitation ends, in seconds since 1970.
    pub until_seconds: u64,
}

/// What became of an invitation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accepted {
    /// An owner has yet to confirm who asked.
    Waits,
    /// The cameras are shared.
    Shared,
}

impl Admin {
    /// Makes an invitation of a household. `seconds`: how long it holds, or
    /// [`INVITATION_SECONDS_DEFAULT`].
    ///
    /// # Errors
    /// [`AdminError::Input`] if the offer allows nothing, has another household's cameras, or if
    /// there are too many invitations. [`AdminError::Absent`] if the asker does not own the
    /// household.
    pub async fn invite(
        &self,
        household: HouseholdId,
        offer: Offer,
        seconds: Option<u64>,
    ) -> Result<Invited, AdminError> {
        check_offer(offer.kinds, &offer.starts_now(), offer.expires_at_seconds)?;
        let seconds = seconds.unwrap_or(INVITATION_SECONDS_DEFAULT);
        if seconds == 0 || seconds > INVITATION_SECONDS_MAX {
            let days = INVITATION_SECONDS_MAX / 86_400;
            return Err(input(&format!("an invitation holds for 1 second to {days} days")));
        }
        let mut cameras = offer.cameras.clone();
        cameras.sort_unstable();
        cameras.dedup();
        let is_whole = cameras.len() == offer.cameras.len();
        if cameras.is_empty() || cameras.len() > INVITATION_CAMERAS_MAX || !is_whole {
            return Err(input(&format!(
                "an invitation names 1 to {INVITATION_CAMERAS_MAX} cameras, and each once"
            )));
        }
        let invitation = CredentialId::from_bytes(clock::fresh_id());
        let until_seconds = clock::now_seconds().saturating_add(seconds);
        self.settle(async |writing| {
            let home: HouseholdRecord = self.read(household.as_bytes(), "household").await?;
            writing.allow_owner(&home)?;
            let has = |camera| home.cameras.contains(&camera) && home.closed(camera).is_none();
            if !offer.cameras.iter().all(|camera| has(*camera)) {
                return Err(AdminError::Absent("camera"));
            }
            // An owner is not told whether there is somebody of this id.
            if let (Some(viewer), None) = (offer.viewer, writing.actor) {
                let _there: ViewerRecord = self.read(viewer.as_bytes(), "viewer").await?;
            }
            let in_force = home.in_force(clock::now_seconds());
            let open = in_force.invitations.iter().filter(|invitation| !invitation.is_done());
            if open.count() >= INVITATIONS_MAX {
                return Err(input(&format!(
                    "a household has at most {INVITATIONS_MAX} invitations; take one back first"
                )));
            }
            let (giver, offer) = (writing.actor, offer.clone());
            let (tries, request) = (0, None);
            let made = Invitation { invitation, giver, offer, until_seconds, tries, request };
            writing.household(home, Along::default(), |home| home.invitations.push(made)).await
        })
        .await?;
        Ok(Invited {
            invitation,
            token: self.token(INVITATION, household, invitation),
            until_seconds,
        })
    }

    /// Takes an invitation back, and refuses who asked with it.
    ///
    /// # Errors
    /// [`AdminError::Absent`] if there is none, or if the asker does not own the household.
    pub async fn withdraw(
        &self,
        household: HouseholdId,
        invitation: CredentialId,
    ) -> Result<(), AdminError> {
        self.settle(async |writing| {
            let home: HouseholdRecord = self.read(household.as_bytes(), "household").await?;
            writing.allow_owner(&home)?;
            let open = find(&home, invitation).filter(|found| !found.is_done());
            let _there = open.ok_or(AdminError::Absent("share invitation"))?;
            let without = |home: &mut HouseholdRecord| {
                home.invitations.retain(|other| other.invitation != invitation);
            };
            writing.household(home, Along::default(), without).await
        })
        .await
    }

    /// Confirms that `viewer` may have what they asked for with an invitation. The shares start
    /// now.
    ///
    /// # Errors
    /// [`AdminError::Absent`] if there is no such request, or if the asker does not own the
    /// household. [`AdminError::Standing`] if the viewer has a right to one of the cameras by now.
    pub async fn confirm(
        &self,
        household: HouseholdId,
        invitation: CredentialId,
        viewer: ViewerId,
    ) -> Result<(), AdminError> {
        self.settle(async |writing| {
            let home: HouseholdRecord = self.read(household.as_bytes(), "household").await?;
            writing.allow_owner(&home)?;
            let found = find(&home, invitation).ok_or(AdminError::Absent("share invitation"))?;
            let request = found.request.filter(|request| request.viewer == viewer);
            let request = request.ok_or(AdminError::Absent("share invitation"))?;
            if request.confirmed {
                return match gave(&home, &found.offer, viewer) {
                    true => Ok(()),
                    false => Err(AdminError::Absent("share invitation")),
                };
            }
            let _there: ViewerRecord = self.read(viewer.as_bytes(), "viewer").await?;
            let giver = writing.actor;
            self.start(writing, home, (invitation, giver, viewer)).await
        })
        .await
    }

    /// Shows what a token offers. FROM CLIENT: the token.
    ///
    /// # Errors
    /// [`AdminError::NoInvitation`] if the token is not one of an invitation that holds.
    pub async fn look(&self, token: &str) -> Result<Shown, AdminError> {
        let (household, invitation) = self.opened(INVITATION, token)?;
        let (home, found) = self.offered(household, invitation).await?;
        if found.request.is_some() {
            return Err(AdminError::NoInvitation);
        }
        let mut cameras = Vec::new();
        for camera in &found.offer.cameras {
            cameras.push(self.read::<CameraRecord>(camera.as_bytes(), "camera").await?.name);
        }
        let (offer, until_seconds) = (found.offer, found.until_seconds);
        Ok(Shown { household: home.name, cameras, offer, until_seconds })
    }

    /// Checks whether a newcomer may ask with a token under this name, before a password is hashed.
    /// FROM CLIENT: both.
    ///
    /// # Errors
    /// As [`Admin::accept`], and [`AdminError::TooMany`] if the household's invitations have made
    /// too many accounts today.
    pub async fn may_join(&self, token: &str, name: &str) -> Result<(), AdminError> {
        let (household, invitation) = self.opened(INVITATION, token)?;
        let (_, found) = self.offered(household, invitation).await?;
        if found.request.is_some() || found.offer.viewer.is_some() {
            return Err(AdminError::NoInvitation);
        }
        login_name(name)?;
        let taken = self.pace.take(Who::Household(household), clock::now_seconds());
        taken.map_err(|seconds| AdminError::TooMany { seconds })
    }

    /// Asks for what a token offers: as the viewer who is signed in, or as a newcomer, whose
    /// account is made in the same commit. FROM CLIENT: the token.
    ///
    /// # Errors
    /// [`AdminError::NoInvitation`] if the token is not one of an invitation that holds, or is for
    /// another account. [`AdminError::Used`] if somebody else has asked. [`AdminError::Standing`]
    /// if the viewer has a right to one of the cameras. [`AdminError::Taken`] if the newcomer's
    /// name is taken.
    pub async fn accept(
        &self,
        token: &str,
        newcomer: Option<&Newcomer>,
    ) -> Result<Accepted, AdminError> {
        let (household, invitation) = self.opened(INVITATION, token)?;
        let fresh = ViewerId::from_bytes(clock::fresh_id());
        let accepted = self.settle(async |writing| {
            let (home, found) = self.offered(household, invitation).await?;
            // The token allows what follows, and no more.
            writing.allowed = true;
            let viewer = match (writing.actor, newcomer) {
                (Some(actor), None) => actor,
                (None, Some(_)) => fresh,
                _ => return Err(input("sign in, or make an account: one of them")),
            };
            if found.offer.viewer.is_some_and(|only| only != viewer) {
                return Err(AdminError::NoInvitation);
            }
            match found.request {
                Some(request) if request.viewer != viewer => return Err(AdminError::Used),
                Some(Request { confirmed: true, .. }) if gave(&home, &found.offer, viewer) => {
                    return Ok(Ok(Accepted::Shared));
                }
                Some(Request { confirmed: true, .. }) => return Err(AdminError::NoInvitation),
                Some(_) => return Ok(Ok(Accepted::Waits)),
                None => {}
            }
            standing(&home, &found.offer, viewer)?;
            if let Some(newcomer) = newcomer {
                writing.actor = Some(fresh);
                match self.new_account(writing, newcomer, viewer).await {
                    Ok(record) => writing.put(&record, Expect::Absent)?,
                    Err(taken @ AdminError::Taken(_)) => {
                        let tried = |home: &mut HouseholdRecord| one_more_try(home, invitation);
                        writing.household(home, Along::default(), tried).await?;
                        return Ok(Err(taken));
                    }
                    Err(error) => return Err(error),
                }
            }
            let at_seconds = clock::now_seconds();
            let request = Request { viewer, at_seconds, confirmed: false };
            if found.offer.viewer == Some(viewer) {
                let mut home = home;
                ask(&mut home, invitation, request);
                self.start(writing, home, (invitation, found.giver, viewer)).await?;
                return Ok(Ok(Accepted::Shared));
            }
            let asked = |home: &mut HouseholdRecord| ask(home, invitation, request);
            writing.household(home, Along::default(), asked).await?;
            Ok(Ok(Accepted::Waits))
        });
        accepted.await?
    }

    /// Writes the shares of an invitation whose request is granted.
    async fn start(
        &self,
        writing: &mut Writing<'_>,
        home: HouseholdRecord,
        (invitation, giver, viewer): (CredentialId, Option<ViewerId>, ViewerId),
    ) -> Result<(), AdminError> {
        let found = find(&home, invitation).ok_or(AdminError::NoInvitation)?;
        let window = found.offer.starts_now();
        let Offer { cameras, kinds, expires_at_seconds, .. } = found.offer.clone();
        standing(&home, &found.offer, viewer)?;
        room_for_shares(home.in_force(clock::now_seconds()).shares.len() + cameras.len())?;
        check_offer(kinds, &window, expires_at_seconds)?;
        let shares = cameras.into_iter().map(|camera| Share {
            camera,
            viewer,
            giver,
            kinds,
            window,
            expires_at_seconds,
        });
        let change = |home: &mut HouseholdRecord| {
            home.shares.extend(shares);
            alter(home, invitation, |found| {
                found.request = found.request.map(|asked| Request { confirmed: true, ..asked });
            });
        };
        writing.household(home, Along::default(), change).await
    }

    /// Reads an invitation that holds, with its household.
    async fn offered(
        &self,
        household: HouseholdId,
        invitation: CredentialId,
    ) -> Result<(HouseholdRecord, Invitation), AdminError> {
        let home = self.records.read::<HouseholdRecord>(household.as_bytes()).await?;
        let home = home.ok_or(AdminError::NoInvitation)?;
        let found = find(&home, invitation).cloned().ok_or(AdminError::NoInvitation)?;
        Ok((home, found))
    }
}

fn find(home: &HouseholdRecord, invitation: CredentialId) -> Option<&Invitation> {
    let now = clock::now_seconds();
    let holds = |other: &&Invitation| other.invitation == invitation && now < other.until_seconds;
    home.invitations.iter().find(holds)
}

/// Changes an invitation, if there is one.
fn alter(
    home: &mut HouseholdRecord,
    invitation: CredentialId,
    change: impl FnOnce(&mut Invitation),
) {
    let found = home.invitations.iter_mut().find(|other| other.invitation == invitation);
    if let Some(found) = found {
        change(found);
    }
}

fn ask(home: &mut HouseholdRecord, invitation: CredentialId, request: Request) {
    alter(home, invitation, |found| found.request = Some(request));
}

/// Counts a name that was taken. The last one ends the invitation.
fn one_more_try(home: &mut HouseholdRecord, invitation: CredentialId) {
    alter(home, invitation, |found| found.tries = found.tries.saturating_add(1));
    home.invitations.retain(|other| other.tries < INVITATION_TRIES);
}

/// Says whether what was offered is shared.
fn gave(home: &HouseholdRecord, offer: &Offer, viewer: ViewerId) -> bool {
    let home = home.in_force(clock::now_seconds());
    let is_shared = |camera: &CameraId| {
        home.shares.iter().any(|share| share.viewer == viewer && share.camera == *camera)
    };
    offer.cameras.iter().all(is_shared)
}

/// Refuses to change a right that is there.
fn standing(home: &HouseholdRecord, offer: &Offer, viewer: ViewerId) -> Result<(), AdminError> {
    let home = home.in_force(clock::now_seconds());
    // A member has what is shared with them, and nothing else.
    let whole = home.member(viewer).is_some_and(|member| member.role != Role::Member);
    let has = |share: &Share| share.viewer == viewer && offer.cameras.contains(&share.camera);
    if whole || home.shares.iter().any(has) { Err(AdminError::Standing) } else { Ok(()) }
}
