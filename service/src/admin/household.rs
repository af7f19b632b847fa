//! A household's record, and the rights that follow from it.
//!
//! Who belongs to a household and what is shared is written once, in its record. A viewer's own
//! record has the rights that follow. Both change in one commit.

use super::invitations::Invitation;
use eyesonly_rights::{CameraRight, Kinds, Record, Role, Window};
use eyesonly_seal::{CameraId, CredentialId, HouseholdId, ViewerId};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// The longest time for which an installer belongs to a household, in seconds.
pub const INSTALLER_SECONDS_MAX: u64 = 48 * 60 * 60;

/// A household. The record's key is the household's id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Written")]
pub struct HouseholdRecord {
    /// The household's id.
    pub household: HouseholdId,
    /// The household's name.
    pub name: String,
    /// The household's cameras that are enrolled now.
    pub cameras: Vec<CameraId>,
    /// The viewers who belong to the household, each once.
    pub members: Vec<Member>,
    /// What is shared, at most once for each camera and viewer.
    pub shares: Vec<Share>,
    /// The invitations, each once.
    pub invitations: Vec<Invitation>,
    /// Those of the cameras that were handed over.
    pub closed: Vec<Closed>,
    /// The cameras that are offered to others, each once.
    pub transfers: Vec<Transfer>,
    /// The most bytes of sealed objects that the household may hold.
    pub quota_bytes: u64,
    /// The registry's number when this record was written.
    pub sequence: u64,
}

/// A viewer who belongs to a household.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// The viewer.
    pub viewer: ViewerId,
    /// An owner, a member or an installer.
    pub role: Role,
    /// Since when the viewer has this role, in milliseconds since 1970. It is 0 where nobody wrote
    /// it down.
    pub since_milliseconds: u64,
    /// When the role ends by itself, in seconds since 1970. An installer's always does.
    pub until_seconds: Option<u64>,
}

/// A camera that is shared with a viewer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Share {
    /// The camera.
    pub camera: CameraId,
    /// The viewer who may see it.
    pub viewer: ViewerId,
    /// The owner who gave it. `None`: it was the operator.
    pub giver: Option<ViewerId>,
    /// The kinds of footage that may be seen.
    pub kinds: Kinds,
    /// The time of the footage that may be seen.
    pub window: Window,
    /// When the share ends, in seconds since 1970. `None`: it holds until it is taken back.
    pub expires_at_seconds: Option<u64>,
}

/// A camera that was handed over. Its people keep what was filmed before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Closed {
    /// The camera.
    pub camera: CameraId,
    /// Up to which time they keep it, in milliseconds since 1970. It lies a clock's drift after the
    /// handing over: nothing comes later, and a clock that is fast loses nothing that has come.
    pub at_milliseconds: u64,
}

/// An offer to hand a camera over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transfer {
    /// The offer's id.
    pub transfer: CredentialId,
    /// The camera.
    pub camera: CameraId,
    /// The owner who made it. `None`: it was the operator.
    pub giver: Option<ViewerId>,
    /// When it ends, in seconds since 1970.
    pub until_seconds: u64,
}

/// The record as it is read. Earlier versions wrote `viewers`, who were all owners.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    household: HouseholdId,
    name: String,
    cameras: Vec<CameraId>,
    #[serde(default)]
    viewers: Vec<ViewerId>,
    #[serde(default)]
    members: Vec<Member>,
    #[serde(default)]
    shares: Vec<Share>,
    #[serde(default)]
    invitations: Vec<Invitation>,
    #[serde(default)]
    closed: Vec<Closed>,
    #[serde(default)]
    transfers: Vec<Transfer>,
    quota_bytes: u64,
    sequence: u64,
}

impl From<Written> for HouseholdRecord {
    fn from(written: Written) -> Self {
        let Written { household, name, cameras, viewers, mut members, .. } = written;
        members.extend(viewers.into_iter().map(|viewer| Member::owner(viewer, 0)));
        let Written { shares, invitations, closed, transfers, .. } = written;
        Self {
            household,
            name,
            cameras,
            members,
            shares,
            invitations,
            closed,
            transfers,
            quota_bytes: written.quota_bytes,
            sequence: written.sequence,
        }
    }
}

impl Record for HouseholdRecord {
    const KIND: &'static str = "household";
    fn key(&self) -> Vec<u8> {
        self.household.as_bytes().to_vec()
    }
    fn sequence(&self) -> u64 {
        self.sequence
    }
}

impl Member {
    /// Makes an owner.
    pub fn owner(viewer: ViewerId, since_milliseconds: u64) -> Self {
        Self { viewer, role: Role::Owner, since_milliseconds, until_seconds: None }
    }
}

impl HouseholdRecord {
    /// Returns a viewer's membership.
    pub fn member(&self, viewer: ViewerId) -> Option<&Member> {
        self.members.iter().find(|member| member.viewer == viewer)
    }

    /// Says whether a viewer is an owner.
    pub fn has_owner(&self, viewer: ViewerId) -> bool {
        self.member(viewer).is_some_and(|member| member.role == Role::Owner)
    }

    /// Returns when one of the cameras was handed over.
    pub fn closed(&self, camera: CameraId) -> Option<&Closed> {
        self.closed.iter().find(|closed| closed.camera == camera)
    }

    /// Returns the record without the memberships, shares and invitations that have ended by
    /// themselves.
    pub fn in_force(&self, now_seconds: u64) -> Self {
        let mut home = self.clone();
        home.members.retain(|member| member.until_seconds.is_none_or(|until| now_seconds < until));
        home.shares.retain(|share| share.expires_at_seconds.is_none_or(|at| now_seconds < at));
        home.invitations.retain(|invitation| now_seconds < invitation.until_seconds);
        home.transfers.retain(|transfer| now_seconds < transfer.until_seconds);
        home
    }

    /// Ends the invitations and transfers whose giver is no owner any more, and those of a camera
    /// that is not the household's any more.
    pub(super) fn end_empty_offers(&mut self) {
        let (members, cameras) = (&self.members, &self.cameras);
        let gives = |giver: ViewerId| {
            members.iter().any(|member| member.viewer == giver && member.role == Role::Owner)
        };
        self.invitations.retain(|invitation| {
            invitation.giver.is_none_or(gives)
                && invitation.offer.cameras.iter().all(|camera| cameras.contains(camera))
        });
        self.transfers.retain(|transfer| {
            transfer.giver.is_none_or(gives) && cameras.contains(&transfer.camera)
        });
    }

    /// Lists everybody who belongs to the household or has a share, each once.
    pub fn people(&self) -> Vec<ViewerId> {
        let members = self.members.iter().map(|member| member.viewer);
        let mut people: Vec<ViewerId> =
            members.chain(self.shares.iter().map(|share| share.viewer)).collect();
        people.sort_unstable();
        people.dedup();
        people
    }

    /// Returns the rights of a viewer that follow from this record, in the order of the cameras.
    /// Their names are empty: they are the cameras'.
    pub fn rights_of(&self, viewer: ViewerId) -> Vec<CameraRight> {
        let member = self.member(viewer);
        let of_viewer = self.shares.iter().filter(|share| share.viewer == viewer);
        let shares: HashMap<CameraId, &Share> =
            of_viewer.map(|share| (share.camera, share)).collect();
        let right = |camera: &CameraId| {
            let closed = self.closed(*camera);
            let whole = |role, kinds, window: Window, expires_at_seconds| CameraRight {
                camera: *camera,
                household: self.household,
                name: String::new(),
                role,
                kinds,
                window: closed.map_or(window, |closed| until(window, closed.at_milliseconds)),
                expires_at_seconds,
            };
            match member {
                Some(Member { role: Role::Owner, until_seconds, .. }) => {
                    Some(whole(Role::Owner, Kinds::ALL, Window::default(), *until_seconds))
                }
                Some(Member {
                    role: Role::Installer, since_milliseconds, until_seconds, ..
                }) => {
                    let from_milliseconds = Some(*since_milliseconds);
                    let window = Window { from_milliseconds, until_milliseconds: None };
                    let kinds = Kinds { live: true, ..Kinds::NONE };
                    Some(whole(Role::Installer, kinds, window, *until_seconds))
                }
                Some(Member { role: Role::Member, until_seconds, .. }) => {
                    let share = shares.get(camera)?;
                    let ends = [share.expires_at_seconds, *until_seconds];
                    let ends = ends.into_iter().flatten().min();
                    Some(whole(Role::Member, share.kinds, share.window, ends))
                }
                // A guest does not belong to the household, whatever the record says.
                Some(Member { role: Role::Guest, .. }) | None => {
                    let share = shares.get(camera)?;
                    let ends = share.expires_at_seconds;
                    Some(whole(Role::Guest, share.kinds, share.window, ends))
                }
            }
        };
        self.cameras.iter().filter_map(right).collect()
    }
}

/// Ends a window at this time, in milliseconds since 1970, unless it ends before.
fn until(window: Window, at_milliseconds: u64) -> Window {
    let ends = window.until_milliseconds.into_iter().chain([at_milliseconds]);
    Window { until_milliseconds: ends.min(), ..window }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_a_viewer_is_an_owner() {
        let id = "01890a5d-ac96-774b-bcce-b302099a8057";
        let old = format!(
            r#"{{"household":"{id}","name":"Alder Lane 4","cameras":[],"viewers":["{id}"],
            "quota_bytes":5,"sequence":3}}"#
        );
        let record: HouseholdRecord = serde_json::from_str(&old).unwrap();
        assert_eq!(record.members, [Member::owner(ViewerId::parse(id).unwrap(), 0)]);
        let again = serde_json::to_string(&record).unwrap();
        assert!(!again.contains("viewers"), "{again}");
        assert_eq!(serde_json::from_str::<HouseholdRecord>(&again).unwrap(), record);
        let unknown = old.replace("name", "title");
        assert!(serde_json::from_str::<HouseholdRecord>(&unknown).is_err());
    }
}
