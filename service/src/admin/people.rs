//! Viewers, those who belong to a household, and what is shared with whom.
//!
//! An account is a viewer's own. A household gives and takes memberships and shares. Only one that
//! is removed takes accounts along: those of its owners and members who have nothing elsewhere.

use super::household::{HouseholdRecord, INSTALLER_SECONDS_MAX, Member, Share};
use super::invitations::Newcomer;
use super::writing::{Along, Writing};
use super::{Admin, AdminError, Deed, MEMBERS_MAX, has_ended, login_name};
use crate::clock;
use crate::identity::{AccountRecord, NOBODY, account_name, hash_password};
use eyesonly_gate::registry::Expect;
use eyesonly_rights::{CameraState, Kinds, Role, ViewerRecord, Window};
use eyesonly_seal::{CameraId, HouseholdId, ViewerId};
use zeroize::Zeroizing;

/// The most shares of one household.
pub const SHARES_MAX: usize = 2000;

impl Admin {
    /// Adds a viewer. With a household, the viewer is one of its owners; without one, the viewer
    /// sees nothing until something is shared.
    ///
    /// # Errors
    /// Name or password can't be used, the name is taken, or the household has no room.
    pub async fn add_viewer(
        &self,
        household: Option<HouseholdId>,
        name: &str,
        password: &Zeroizing<String>,
    ) -> Result<ViewerId, AdminError> {
        login_name(name)?;
        let password_hash = hash_password(password)?;
        let viewer = ViewerId::from_bytes(clock::fresh_id());
        let newcomer = Newcomer { name: name.to_owned(), password_hash };
        self.settle(async |writing| {
            let record = self.new_account(writing, &newcomer, viewer).await?;
            match household {
                None => writing.put(&record, Expect::Absent)?,
                Some(household) => {
                    let home: HouseholdRecord =
                        self.read(household.as_bytes(), "household").await?;
                    room(&home, None)?;
                    let along = Along { viewer: Some(record), ..Along::default() };
                    let owner = Member::owner(viewer, clock::now_milliseconds());
                    writing.household(home, along, |home| home.members.push(owner)).await?;
                }
            }
            Ok(())
        })
        .await?;
        Ok(viewer)
    }

    /// Makes an account, and returns the viewer's record, which is not written yet.
    ///
    /// # Errors
    /// [`AdminError::Taken`] if the name is taken.
    pub(super) async fn new_account(
        &self,
        writing: &mut Writing<'_>,
        newcomer: &Newcomer,
        viewer: ViewerId,
    ) -> Result<ViewerRecord, AdminError> {
        login_name(&newcomer.name)?;
        let account = account_name(&self.accounts, &newcomer.name);
        if self.records.read::<AccountRecord>(account.as_bytes()).await?.is_some() {
            return Err(AdminError::Taken(newcomer.name.clone()));
        }
        let (sequence, epoch) = (writing.sequence, 0);
        let password_hash = newcomer.password_hash.clone();
        let login = AccountRecord { account, viewer, password_hash, epoch, sequence };
        writing.act(Deed::Viewer, None, None, Some(viewer));
        writing.put(&login, Expect::Absent)?;
        let (name, households, cameras) = (newcomer.name.clone(), Vec::new(), Vec::new());
        Ok(ViewerRecord { viewer, name, households, cameras, epoch, sequence })
    }

    /// Removes a viewer's account, with all that the viewer belongs to or was given. The viewer's
    /// sessions are worth nothing from the next request on.
    ///
    /// # Errors
    /// There is no such viewer, or the registry gave no proven answer.
    pub async fn remove_viewer(&self, viewer: ViewerId) -> Result<(), AdminError> {
        self.settle(async |writing| {
            let rights: ViewerRecord = self.read(viewer.as_bytes(), "viewer").await?;
            self.remove_account(writing, &rights).await
        })
        .await
    }

    async fn remove_account(
        &self,
        writing: &mut Writing<'_>,
        rights: &ViewerRecord,
    ) -> Result<(), AdminError> {
        let viewer = rights.viewer;
        for household in of(rights) {
            let key = household.as_bytes();
            let Some(home) = self.records.read::<HouseholdRecord>(key).await? else { continue };
            let along = Along { gone: Some(viewer), ..Along::default() };
            writing.household(home, along, |home| leave(home, viewer)).await?;
        }
        writing.remove_viewer(rights);
        let account = account_name(&self.accounts, &rights.name);
        let login = self.records.read::<AccountRecord>(account.as_bytes()).await?;
        // Two accounts of an older version may have had one name: another's login stays.
        let Some(mut login) = login.filter(|login| login.viewer == viewer) else { return Ok(()) };
        // The record stays, so that the name is never given to somebody else. No password fits it.
        login.password_hash = NOBODY.to_owned();
        let expect = writing.renumber(&mut login.sequence);
        writing.put(&login, expect)
    }

    /// Takes a viewer out of a household that is removed. Removes the account of an owner or member
    /// who has nothing elsewhere. An installer's stays, for the next household.
    pub(super) async fn depart(
        &self,
        household: HouseholdId,
        viewer: ViewerId,
    ) -> Result<(), AdminError> {
        self.settle(async |writing| {
            let home: HouseholdRecord = self.read(household.as_bytes(), "household").await?;
            let role = home.in_force(clock::now_seconds()).member(viewer).map(|member| member.role);
            let rights = self.records.read::<ViewerRecord>(viewer.as_bytes()).await?;
            match rights.filter(|rights| of(rights) == [household]) {
                Some(rights) if matches!(role, Some(Role::Owner | Role::Member)) => {
                    self.remove_account(writing, &rights).await
                }
                _ => writing.household(home, Along::default(), |home| leave(home, viewer)).await,
            }
        })
        .await
    }

    /// Gives a viewer a role in a household: that of an owner, of a member, or of an installer for
    /// some seconds. An owner or installer has no shares: what was shared with them before ends.
    ///
    /// # Errors
    /// [`AdminError::Input`] if a guest was to be made a member, if an installer's time is missing
    /// or above [`INSTALLER_SECONDS_MAX`], if the role of others was to end by itself, or if the
    /// household would have no owner or too many members.
    pub async fn set_member(
        &self,
        household: HouseholdId,
        viewer: ViewerId,
        role: Role,
        seconds: Option<u64>,
    ) -> Result<(), AdminError> {
        let until_seconds = match (role, seconds) {
            (Role::Owner | Role::Member, None) => None,
            (Role::Installer, Some(seconds @ 1..=INSTALLER_SECONDS_MAX)) => {
                Some(clock::now_seconds().saturating_add(seconds))
            }
            (Role::Installer, _) => {
                let hours = INSTALLER_SECONDS_MAX / 3600;
                return Err(input(&format!(
                    "an installer's role ends after 1 to {hours} hours: say how many"
                )));
            }
            (Role::Guest, _) => {
                return Err(input(
                    "a guest does not belong to the household: share a camera instead \
                     (`eyesonly share add`)",
                ));
            }
            (_, Some(_)) => return Err(input("only an installer's role ends by itself")),
        };
        self.settle(async |writing| {
            let home: HouseholdRecord = self.read(household.as_bytes(), "household").await?;
            writing.allow_owner(&home)?;
            // An owner gives roles to those who are known here, and nobody else becomes one.
            let known = home.in_force(clock::now_seconds()).people();
            if writing.actor.is_some() && !known.contains(&viewer) {
                return Err(AdminError::Absent("viewer"));
            }
            room(&home, Some(viewer))?;
            let _there: ViewerRecord = self.read(viewer.as_bytes(), "viewer").await?;
            if role != Role::Owner {
                keep_an_owner(&home, viewer)?;
            }
            let since_milliseconds = clock::now_milliseconds();
            let member = Member { viewer, role, since_milliseconds, until_seconds };
            let change = |home: &mut HouseholdRecord| {
                home.members.retain(|other| other.viewer != viewer);
                home.members.push(member);
                // A share that slept under the role would come back with its end.
                if role != Role::Member {
                    take_shares(home, viewer);
                    forget_requests(home, viewer);
                }
            };
            writing.household(home, Along::default(), change).await
        })
        .await
    }

    /// Takes a viewer's membership, with what was shared with them. The account stays.
    ///
    /// # Errors
    /// [`AdminError::Input`] if the viewer does not belong to the household, or is its last owner.
    pub async fn remove_member(
        &self,
        household: HouseholdId,
        viewer: ViewerId,
    ) -> Result<(), AdminError> {
        self.settle(async |writing| {
            let home: HouseholdRecord = self.read(household.as_bytes(), "household").await?;
            writing.allow_own(&home, viewer, home.member(viewer).is_some())?;
            if home.member(viewer).is_none() {
                return Err(match writing.actor {
                    Some(_) => AdminError::Absent("viewer"),
                    None => input("this viewer does not belong to the household"),
                });
            }
            keep_an_owner(&home, viewer)?;
            writing.household(home, Along::default(), |home| leave(home, viewer)).await
        })
        .await
    }

    /// Shares a camera with a viewer, or changes what is shared. It holds from the next request on,
    /// and cuts what is under way outside of it.
    ///
    /// # Errors
    /// [`AdminError::Input`] if the share would allow nothing, if it is for an owner or installer,
    /// or if the household has [`SHARES_MAX`] already. [`AdminError::Ended`] if the camera's
    /// enrolment has ended.
    pub async fn share(&self, share: Share) -> Result<(), AdminError> {
        check_offer(share.kinds, &share.window, share.expires_at_seconds)?;
        self.settle(async |writing| {
            let (camera, home) = self.camera_at_home(share.camera).await?;
            if has_ended(&camera) {
                return Err(AdminError::Ended);
            }
            let _there: ViewerRecord = self.read(share.viewer.as_bytes(), "viewer").await?;
            writing.allow_owner(&home)?;
            let share = Share { giver: writing.actor.or(share.giver), ..share.clone() };
            let in_force = home.in_force(clock::now_seconds());
            if in_force.member(share.viewer).is_some_and(|member| member.role != Role::Member) {
                return Err(input(
                    "nothing was shared: an owner sees every camera already, and an installer \
                     every live one; end that role first",
                ));
            }
            let is_it = |other: &Share| is_of(other, share.camera, share.viewer);
            // Nobody gets a share of a viewer without having asked for it, and nobody a new one of
            // a camera that was handed over.
            if !in_force.shares.iter().any(is_it) {
                if writing.actor.is_some() {
                    return Err(AdminError::Absent("share"));
                }
                if camera.state == CameraState::Closed {
                    return Err(AdminError::Ended);
                }
            }
            let others = in_force.shares.iter().filter(|other| !is_it(other));
            room_for_shares(others.count() + 1)?;
            let change = |home: &mut HouseholdRecord| {
                match home.shares.iter_mut().find(|other| is_it(other)) {
                    Some(other) => other.clone_from(&share),
                    None => home.shares.push(share.clone()),
                }
                end_invitations(home, share.camera);
            };
            writing.household(home, Along::default(), change).await
        })
        .await
    }

    /// Takes back what is shared of a camera with a viewer.
    ///
    /// # Errors
    /// [`AdminError::Input`] if nothing is shared.
    pub async fn unshare(&self, camera: CameraId, viewer: ViewerId) -> Result<(), AdminError> {
        self.settle(async |writing| {
            let (_, home) = self.camera_at_home(camera).await?;
            let is_it = |share: &Share| is_of(share, camera, viewer);
            writing.allow_own(&home, viewer, home.shares.iter().any(is_it))?;
            if !home.shares.iter().any(is_it) {
                return Err(match writing.actor {
                    Some(_) => AdminError::Absent("share"),
                    None => input("nothing of this camera is shared with this viewer"),
                });
            }
            let is_own = writing.actor == Some(viewer);
            let change = |home: &mut HouseholdRecord| {
                home.shares.retain(|share| !is_it(share));
                if is_own {
                    forget_requests(home, viewer);
                } else {
                    end_invitations(home, camera);
                }
            };
            writing.household(home, Along::default(), change).await
        })
        .await
    }

    /// Finds a viewer by login name.
    ///
    /// # Errors
    /// [`AdminError::Absent`] if nobody has this name.
    pub async fn viewer_of(&self, name: &str) -> Result<ViewerId, AdminError> {
        let account = account_name(&self.accounts, name);
        let login: AccountRecord = self.read(account.as_bytes(), "viewer").await?;
        Ok(login.viewer)
    }
}

pub(super) fn input(words: &str) -> AdminError {
    AdminError::Input(words.to_owned())
}

/// Refuses one more member than [`MEMBERS_MAX`]. Whoever belongs to the household already, `who`,
/// does not count.
fn room(home: &HouseholdRecord, who: Option<ViewerId>) -> Result<(), AdminError> {
    let home = home.in_force(clock::now_seconds());
    let others = home.members.iter().filter(|member| Some(member.viewer) != who);
    if others.count() < MEMBERS_MAX {
        return Ok(());
    }
    Err(AdminError::Input(format!(
        "a household has at most {MEMBERS_MAX} members; take one out first"
    )))
}

/// Refuses more shares than [`SHARES_MAX`]. `shares`: how many the household would have.
pub(super) fn room_for_shares(shares: usize) -> Result<(), AdminError> {
    if shares <= SHARES_MAX {
        return Ok(());
    }
    Err(AdminError::Input(format!("a household has at most {SHARES_MAX} shares; end some first")))
}

/// Lists the households that a viewer belongs to or has something of, each once.
fn of(rights: &ViewerRecord) -> Vec<HouseholdId> {
    let given = rights.cameras.iter().map(|right| right.household);
    let mut all: Vec<HouseholdId> = rights.households.iter().copied().chain(given).collect();
    all.sort_unstable();
    all.dedup();
    all
}

fn leave(home: &mut HouseholdRecord, viewer: ViewerId) {
    home.members.retain(|member| member.viewer != viewer);
    take_shares(home, viewer);
    forget_requests(home, viewer);
}

/// Takes back all that is shared with a viewer, and what was offered of it before.
fn take_shares(home: &mut HouseholdRecord, viewer: ViewerId) {
    let taken: Vec<Share> = home.shares.extract_if(.., |share| share.viewer == viewer).collect();
    for share in taken {
        end_invitations(home, share.camera);
    }
}

/// Ends the invitations that a viewer has asked with, and those that are for that viewer.
fn forget_requests(home: &mut HouseholdRecord, viewer: ViewerId) {
    home.invitations.retain(|invitation| {
        let asked = invitation.request.is_some_and(|request| request.viewer == viewer);
        !asked && invitation.offer.viewer != Some(viewer)
    });
}

/// Ends the invitations to a camera. What was changed or taken back must not come again by a token
/// that was made before.
pub(super) fn end_invitations(home: &mut HouseholdRecord, camera: CameraId) {
    home.invitations.retain(|invitation| !invitation.offer.cameras.contains(&camera));
}

/// Refuses to take the last owner of a household.
fn keep_an_owner(home: &HouseholdRecord, leaves: ViewerId) -> Result<(), AdminError> {
    let is_owner = |member: &&Member| member.role == Role::Owner;
    let mut owners = home.members.iter().filter(is_owner);
    let is_last = owners.clone().any(|owner| owner.viewer == leaves)
        && owners.all(|owner| owner.viewer == leaves);
    if is_last {
        return Err(input(
            "this is the household's last owner; make another viewer an owner first",
        ));
    }
    Ok(())
}

fn is_of(share: &Share, camera: CameraId, viewer: ViewerId) -> bool {
    share.camera == camera && share.viewer == viewer
}

/// The last moment of the year 9999, in milliseconds since 1970. Nothing writes a later date.
const LAST_MILLISECONDS: u64 = 253_402_300_799_999;

/// Refuses a share that allows nothing, or that names a time without a date.
pub(super) fn check_offer(
    kinds: Kinds,
    window: &Window,
    expires_at_seconds: Option<u64>,
) -> Result<(), AdminError> {
    let (from, until) = (window.from_milliseconds, window.until_milliseconds);
    if kinds == Kinds::NONE {
        return Err(input("a share has at least one kind: live, events or clips"));
    }
    if from.is_some_and(|from| until.is_some_and(|until| until < from)) {
        return Err(input("the window of a share must not end before it starts"));
    }
    if expires_at_seconds.is_some_and(|at| at <= clock::now_seconds()) {
        return Err(input("the share would have ended already; give a time that lies ahead"));
    }
    let ends = expires_at_seconds.map(|at| at.saturating_mul(1000));
    if [from, until, ends].into_iter().flatten().max() > Some(LAST_MILLISECONDS) {
        return Err(input("no time of a share may lie after the year 9999"));
    }
    Ok(())
}
