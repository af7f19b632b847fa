//! What administration did, as the ledger will say it.
//!
//! An act is a record of the very commit that it is about: no right changes without its act, and
//! there is no act without its change. Whoever holds the ledger's log enters the acts in the order
//! of their numbers, and removes the records then. What a change did to rights is found by
//! comparing viewers' records before and after. So an act says what was written, and not what was
//! meant.

use eyesonly_rights::{CameraRight, Kinds, Record, Role, Window};
use eyesonly_seal::{CameraId, HouseholdId, ViewerId};
use serde::{Deserialize, Serialize};

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Deed {
    /// A household was added, or its quota changed.
    Household,
    /// A household is gone.
    HouseholdRemoved,
    /// A camera was enrolled, or got a new credential.
    Camera,
    /// A camera's enrolment has ended.
    CameraRemoved,
    /// A viewer's account was made, or has a new password.
    Viewer,
    /// A viewer's account is gone.
    ViewerRemoved,
    /// A viewer has this right to a camera, in the place of any that the viewer had.
    Right,
    /// A viewer has no right to a camera any more.
    RightTaken,
    /// The ledger begins to state all rights that there are.
    Stating,
    /// A viewer has this right to a camera, as it stands in the viewer's record.
    Stated,
    /// All rights were stated.
    AllStated,
    /// A camera was switched off.
    SwitchedOff,
    /// A camera was switched on.
    SwitchedOn,
    /// A camera was handed over to another household. Its enrolment takes nothing any more.
    HandedOver,
    /// A viewer has signed in.
    SignedIn,
    /// A viewer has ended a session.
    SignedOut,
}

/// One thing that was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Act {
    /// What it was.
    pub deed: Deed,
    /// The household that it is about.
    pub household: Option<HouseholdId>,
    /// The camera that it is about.
    pub camera: Option<CameraId>,
    /// The viewer whose account or right it is.
    pub viewer: Option<ViewerId>,
    /// The right that the viewer had before.
    pub before: Option<Given>,
    /// The right that the viewer has now.
    pub right: Option<Given>,
}

/// A right, as it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Given {
    /// The role that it comes from.
    pub role: Role,
    /// The kinds of footage that may be seen.
    pub kinds: Kinds,
    /// The time of the footage that may be seen.
    pub window: Window,
    /// When it ends, in seconds since 1970.
    pub expires_at_seconds: Option<u64>,
}

/// The acts of one commit. The record's key is the commit's number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActRecord {
    /// The registry's number when this record was written.
    pub sequence: u64,
    /// When it was, in milliseconds since 1970.
    pub at_milliseconds: u64,
    /// Who did it. `None`: the operator.
    pub actor: Option<ViewerId>,
    /// What was done.
    pub acts: Vec<Act>,
}

impl Record for ActRecord {
    const KIND: &'static str = "act";
    fn key(&self) -> Vec<u8> {
        self.sequence.to_be_bytes().to_vec()
    }
    fn sequence(&self) -> u64 {
        self.sequence
    }
}

impl Act {
    /// Makes an act without a right.
    pub fn of(
        deed: Deed,
        household: Option<HouseholdId>,
        camera: Option<CameraId>,
        viewer: Option<ViewerId>,
    ) -> Self {
        Self { deed, household, camera, viewer, before: None, right: None }
    }

    /// Lists what became of a viewer's rights.
    pub fn changes(viewer: ViewerId, before: &[CameraRight], after: &[CameraRight]) -> Vec<Self> {
        let of = |right: &CameraRight, deed, before, given| Act {
            before,
            right: given,
            ..Act::of(deed, Some(right.household), Some(right.camera), Some(viewer))
        };
        let given_in = |list: &[CameraRight], right: &CameraRight| {
            let is_it = |other: &&CameraRight| {
                (other.camera, other.household) == (right.camera, right.household)
            };
            list.iter().find(is_it).map(Given::of)
        };
        let taken = before
            .iter()
            .filter(|right| given_in(after, right).is_none())
            .map(|right| of(right, Deed::RightTaken, Some(Given::of(right)), None));
        let written = after.iter().filter_map(|right| {
            let (old, new) = (given_in(before, right), Some(Given::of(right)));
            (old != new).then(|| of(right, Deed::Right, old, new))
        });
        taken.chain(written).collect()
    }
}

impl Given {
    /// Returns what is of a right without its camera.
    pub fn of(right: &CameraRight) -> Self {
        let CameraRight { role, kinds, window, expires_at_seconds, .. } = *right;
        Self { role, kinds, window, expires_at_seconds }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn right(camera: u8, kinds: Kinds) -> CameraRight {
        CameraRight {
            camera: CameraId::from_bytes([camera; 16]),
            household: HouseholdId::from_bytes([9; 16]),
            name: format!("camera {camera}"),
            role: Role::Guest,
            kinds,
            window: Window::default(),
            expires_at_seconds: None,
        }
    }

    #[test]
    fn only_what_changed_is_an_act() {
        let viewer = ViewerId::from_bytes([7; 16]);
        let before = [right(1, Kinds::ALL), right(2, Kinds::ALL), right(3, Kinds::ALL)];
        let narrow = Kinds { live: false, ..Kinds::ALL };
        let renamed = CameraRight { name: "another".into(), ..right(1, Kinds::ALL) };
        let after = [right(4, Kinds::ALL), renamed, right(2, narrow)];
        let acts = Act::changes(viewer, &before, &after);
        let said: Vec<_> =
            acts.iter().map(|act| (act.deed, act.camera.map(|id| id.as_bytes()[0]))).collect();
        assert_eq!(
            said,
            [(Deed::RightTaken, Some(3)), (Deed::Right, Some(4)), (Deed::Right, Some(2))]
        );
        assert!(acts.iter().all(|act| act.viewer == Some(viewer)));
        assert_eq!(acts[2].right.map(|given| given.kinds), Some(narrow));
        let had: Vec<_> = acts.iter().map(|act| act.before.map(|given| given.kinds)).collect();
        assert_eq!(had, [Some(Kinds::ALL), None, Some(Kinds::ALL)]);
        assert_eq!(Act::changes(viewer, &before, &before), []);
    }
}
