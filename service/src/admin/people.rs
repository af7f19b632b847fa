//! Viewers, those who belong to a household, and what is shared with whom.
//!
//! An account is a viewer's own. A household gives and takes memberships and shares. Only one that
//! is removed takes accounts along: those of its owners and members who have nothing elsewhere.

use super::household::{HouseholdRecord, INSTALLER_SECONDS_MAX, Member, Share};
use super::writing::{Along, Writing};
use super::{Admin, AdminError, Deed, MEMBERS_MAX, login_name};
use crate::clock;
use crate::identity::{AccountRecord, account_name, hash_password};
use eyesonly_gate::registry::Expect;
use eyesonly_rights::{CameraRecord, Kinds, Record as _, Role, ViewerRecord};
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
        let account = account_name(&self.accounts, name);
        self.settle(async |writing| {
            if self.records.read::<AccountRecord>(account.as_bytes()).await?.is_some() {
                return Err(AdminError::Taken(name.to_owned()));
            }
            let sequence = writing.sequence;
            let (password_hash, epoch) = (password_hash.clone(), 0);
            let login = AccountRecord { account, viewer, password_hash, epoch, sequence };
            writing.act(Deed::Viewer, None, None, Some(viewer));
            writing.put(&login, Expect::Absent)?;
            let (name, households, cameras) = (name.to_owned(), Vec::new(), Vec::new());
            let record = ViewerRecord { viewer, name, households, cameras, epoch, sequence };
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
        writing.remove(AccountRecord::KIND, account.as_bytes().to_vec());
        Ok(())
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
                    "an installer's role ends after 1 to {hours} hours (`--hours`)"
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
                    home.shares.retain(|share| share.viewer != viewer);
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
            if home.member(viewer).is_none() {
                return Err(input("this viewer does not belong to the household"));
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
        check(&share)?;
        self.settle(async |writing| {
            let camera: CameraRecord = self.read(share.camera.as_bytes(), "camera").await?;
            if camera.credential.is_none() {
                return Err(AdminError::Ended);
            }
            let _there: ViewerRecord = self.read(share.viewer.as_bytes(), "viewer").await?;
            let home: HouseholdRecord = self.read(camera.household.as_bytes(), "household").await?;
            let in_force = home.in_force(clock::now_seconds());
            if in_force.member(share.viewer).is_some_and(|member| member.role != Role::Member) {
                return Err(input(
                    "nothing was shared: an owner sees every camera already, and an installer \
                     every live one; `member remove` ends that role",
                ));
            }
            let is_it = |other: &Share| is_of(other, share.camera, share.viewer);
            let others = in_force.shares.iter().filter(|other| !is_it(other));
            if others.count() >= SHARES_MAX {
                return Err(AdminError::Input(format!(
                    "a household has at most {SHARES_MAX} shares; end some first"
                )));
            }
            let change = |home: &mut HouseholdRecord| match home
                .shares
                .iter_mut()
                .find(|other| is_it(other))
            {
                Some(other) => other.clone_from(&share),
                None => home.shares.push(share.clone()),
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
            let record: CameraRecord = self.read(camera.as_bytes(), "camera").await?;
            let home: HouseholdRecord = self.read(record.household.as_bytes(), "household").await?;
            let is_it = |share: &Share| is_of(share, camera, viewer);
            if !home.shares.iter().any(is_it) {
                return Err(input("nothing of this camera is shared with this viewer"));
            }
            let change = |home: &mut HouseholdRecord| home.shares.retain(|share| !is_it(share));
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

fn input(words: &str) -> AdminError {
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
    home.shares.retain(|share| share.viewer != viewer);
}

/// Refuses to take the last owner of a household.
fn keep_an_owner(home: &HouseholdRecord, leaves: ViewerId) -> Result<(), AdminError> {
    let is_owner = |member: &&Member| member.role == Role::Owner;
    let mut owners = home.members.iter().filter(is_owner);
    let is_last = owners.clone().any(|owner| owner.viewer == leaves)
        && owners.all(|owner| owner.viewer == leaves);
    if is_last {
        return Err(input(
            "this is the household's last owner; make another viewer an owner first \
             (`eyesonly member set`)",
        ));
    }
    Ok(())
}

fn is_of(share: &Share, camera: CameraId, viewer: ViewerId) -> bool {
    share.camera == camera && share.viewer == viewer
}

/// Refuses a share that allows nothing.
fn check(share: &Share) -> Result<(), AdminError> {
    let (from, until) = (share.window.from_milliseconds, share.window.until_milliseconds);
    if share.kinds == Kinds::NONE {
        return Err(input("a share has at least one kind: live, events or clips"));
    }
    if from.is_some_and(|from| until.is_some_and(|until| until < from)) {
        return Err(input("the window of a share must not end before it starts"));
    }
    if share.expires_at_seconds.is_some_and(|at| at <= clock::now_seconds()) {
        return Err(input("the share would have ended already; give a time that lies ahead"));
    }
    Ok(())
}
