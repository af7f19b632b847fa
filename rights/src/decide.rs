//! Decisions: who is asking, and may they see this.
//!
//! The only way to a [`Permit`] is [`permit`], to a [`Requester`] is [`requester`], to an [`Intake`] is [`intake`]. None of them
//! may be made from a path, a body or a cache.

use crate::credential::{Credentials, VerifiedCamera, VerifiedSession};
use crate::record::{CameraRecord, CameraRight, Kinds, Role, SessionRecord, ViewerRecord, Window};
use eyesonly_seal::{CameraId, FootageId, HouseholdId, SessionId, ViewerId};

/// Why somebody is not a requester.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unidentified {
    /// There is no live session for the credential.
    #[error("the session has ended or never was")]
    NoSession,
    /// The session's time is over.
    #[error("the session has expired")]
    Expired,
    /// What the session store returned is another session's state.
    #[error("the session store answered for another session")]
    Crossed,
}

/// The verified viewer of one request.
#[derive(Clone, PartialEq, Eq)]
pub struct Requester {
    viewer: ViewerId,
    session: SessionId,
    expires_at_seconds: u64,
}

impl Requester {
    /// Who it is.
    pub fn viewer(&self) -> ViewerId {
        self.viewer
    }
    /// In which session.
    pub fn session(&self) -> SessionId {
        self.session
    }
    /// When the session ends by itself, seconds since 1970.
    pub fn expires_at_seconds(&self) -> u64 {
        self.expires_at_seconds
    }
    /// Whether the raw credential of a request is this requester's: the way out asks this again before the first byte.
    pub fn sent(&self, credentials: &Credentials, raw: &str) -> bool {
        credentials
            .verify_viewer(raw)
            .is_ok_and(|v| v.viewer() == self.viewer && v.session() == self.session)
    }
}

/// Says who is asking: the credential's viewer and session, if the session's record is theirs and live.
///
/// # Errors
/// [`Unidentified`].
pub fn requester(
    verified: &VerifiedSession,
    record: Option<&SessionRecord>,
    now_seconds: u64,
) -> Result<Requester, Unidentified> {
    let record = record.ok_or(Unidentified::NoSession)?;
    // INVARIANT: the session store can end a session, it can't change whose it is.
    if record.session != verified.session() || record.viewer != verified.viewer() {
        return Err(Unidentified::Crossed);
    }
    if record.expires_at_seconds <= now_seconds {
        return Err(Unidentified::Expired);
    }
    Ok(Requester {
        viewer: record.viewer,
        session: record.session,
        expires_at_seconds: record.expires_at_seconds,
    })
}

/// What a route wants to do with a camera.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// See the newest still or live view.
    Live,
    /// See events: pages, details, stills.
    Events,
    /// See an event's video.
    Clips,
    /// Delete an event.
    Delete,
}

/// Permission for one requester, one camera, one request.
pub struct Permit {
    requester: Requester,
    camera: CameraId,
    household: HouseholdId,
    kinds: Kinds,
    window: Window,
    expires_at_seconds: u64,
    may_delete: bool,
}

impl Permit {
    /// Whose it is.
    pub fn requester(&self) -> &Requester {
        &self.requester
    }
    /// The camera that it covers, and no other.
    pub fn camera(&self) -> CameraId {
        self.camera
    }
    /// The camera's household.
    pub fn household(&self) -> HouseholdId {
        self.household
    }
    /// What may be seen.
    pub fn kinds(&self) -> Kinds {
        self.kinds
    }
    /// Whether footage with this id lies in the window. An id's own time is the time of its footage.
    pub fn covers(&self, id: FootageId) -> bool {
        self.window.covers(id.time_milliseconds())
    }
    /// Whether it still holds: neither the right nor the session has run out.
    pub fn holds_at(&self, now_seconds: u64) -> bool {
        now_seconds < self.expires_at_seconds
    }
    /// Whether events may be deleted.
    pub fn may_delete(&self) -> bool {
        self.may_delete
    }
}

/// Decides. `record` is the requester's own, proven for this request. None: there is nothing for them under this name, and nobody tells
/// them whether there is for others.
pub fn permit(
    requester: &Requester,
    record: &ViewerRecord,
    camera: CameraId,
    action: Action,
    now_seconds: u64,
) -> Option<Permit> {
    if record.viewer != requester.viewer() {
        return None;
    }
    let right = record.cameras.iter().find(|right| right.camera == camera)?;
    if !record.households.contains(&right.household) || !right_holds(right, now_seconds) {
        return None;
    }
    let may_delete = right.role == Role::Owner;
    let allowed = match action {
        Action::Live => right.kinds.live,
        Action::Events => right.kinds.events,
        Action::Clips => right.kinds.clips,
        Action::Delete => may_delete && right.kinds.events,
    };
    allowed.then(|| Permit {
        requester: requester.clone(),
        camera,
        household: right.household,
        kinds: right.kinds,
        window: right.window,
        expires_at_seconds: right.expires_at_seconds.map_or(requester.expires_at_seconds(), |at| {
            at.min(requester.expires_at_seconds())
        }),
        may_delete,
    })
}

/// Whether the right itself has not run out.
fn right_holds(right: &CameraRight, now_seconds: u64) -> bool {
    right.expires_at_seconds.is_none_or(|at| now_seconds < at)
}

/// A camera's permission to hand in its own footage: its identity comes from its credential alone.
pub struct Intake {
    household: HouseholdId,
    camera: CameraId,
    quota_bytes: u64,
}

impl Intake {
    /// The camera's household.
    pub fn household(&self) -> HouseholdId {
        self.household
    }
    /// The camera.
    pub fn camera(&self) -> CameraId {
        self.camera
    }
    /// How many bytes of sealed objects the household may hold.
    pub fn quota_bytes(&self) -> u64 {
        self.quota_bytes
    }
}

/// Decides whether a camera's credential is in force. `record` was proven for the camera that the credential names.
pub fn intake(verified: &VerifiedCamera, record: Option<&CameraRecord>) -> Option<Intake> {
    let record = record?;
    let same = record.camera == verified.camera()
        && record.household == verified.household()
        && record.credential == Some(verified.credential());
    same.then_some(Intake {
        household: record.household,
        camera: record.camera,
        quota_bytes: record.quota_bytes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use eyesonly_seal::{CredentialId, EdgeKey};

    const NOW: u64 = 1_000;

    fn id(n: u8) -> [u8; 16] {
        [n; 16]
    }

    fn who(session_ends: u64) -> Result<Requester, Unidentified> {
        let c = Credentials::new(&EdgeKey::from_bytes([1; 32]));
        let verified = c
            .verify_viewer(&c.mint_viewer(ViewerId::from_bytes(id(1)), SessionId::from_bytes(id(2))))
            .unwrap();
        let record = SessionRecord {
            session: SessionId::from_bytes(id(2)),
            viewer: ViewerId::from_bytes(id(1)),
            expires_at_seconds: session_ends,
        };
        requester(&verified, Some(&record), NOW)
    }

    fn right() -> CameraRight {
        CameraRight {
            camera: CameraId::from_bytes(id(3)),
            household: HouseholdId::from_bytes(id(4)),
            name: "Front door".into(),
            role: Role::Owner,
            kinds: Kinds::ALL,
            window: Window::default(),
            expires_at_seconds: None,
        }
    }

    fn record(right: CameraRight) -> ViewerRecord {
        ViewerRecord {
            viewer: ViewerId::from_bytes(id(1)),
            name: "alder".into(),
            households: vec![HouseholdId::from_bytes(id(4))],
            cameras: vec![right],
            sequence: 1,
        }
    }

    fn check(record: &ViewerRecord, camera: u8, action: Action, expected: bool) {
        let got = permit(
            &who(NOW + 10).unwrap(),
            record,
            CameraId::from_bytes(id(camera)),
            action,
            NOW,
        );
        assert_eq!(got.is_some(), expected, "{action:?} on camera {camera}");
    }

    #[test]
    fn an_owner_may_and_a_stranger_may_not() {
        for action in [Action::Live, Action::Events, Action::Clips, Action::Delete] {
            check(&record(right()), 3, action, true);
            check(&record(right()), 9, action, false);
            let other = ViewerRecord {
                viewer: ViewerId::from_bytes(id(8)),
                ..record(right())
            };
            check(&other, 3, action, false);
            let left = ViewerRecord {
                households: vec![],
                ..record(right())
            };
            check(&left, 3, action, false);
        }
    }

    #[test]
    fn kinds_roles_and_expiry_are_kept() {
        let only = |live, events, clips| {
            record(CameraRight {
                kinds: Kinds { live, events, clips },
                ..right()
            })
        };
        check(&only(false, true, true), 3, Action::Live, false);
        check(&only(true, false, true), 3, Action::Events, false);
        check(&only(true, false, true), 3, Action::Delete, false);
        check(&only(true, true, false), 3, Action::Clips, false);
        check(
            &record(CameraRight {
                role: Role::Member,
                ..right()
            }),
            3,
            Action::Delete,
            false,
        );
        check(
            &record(CameraRight {
                expires_at_seconds: Some(NOW),
                ..right()
            }),
            3,
            Action::Live,
            false,
        );
        check(
            &record(CameraRight {
                expires_at_seconds: Some(NOW + 1),
                ..right()
            }),
            3,
            Action::Live,
            true,
        );
    }

    #[test]
    fn a_permit_ends_with_the_session_or_the_right() {
        let camera = CameraId::from_bytes(id(3));
        let by_session = permit(&who(NOW + 10).unwrap(), &record(right()), camera, Action::Live, NOW).unwrap();
        assert!(by_session.holds_at(NOW + 9) && !by_session.holds_at(NOW + 10));
        let short = record(CameraRight {
            expires_at_seconds: Some(NOW + 5),
            ..right()
        });
        let by_right = permit(&who(NOW + 10).unwrap(), &short, camera, Action::Live, NOW).unwrap();
        assert!(by_right.holds_at(NOW + 4) && !by_right.holds_at(NOW + 5));
    }

    #[test]
    fn a_window_is_inclusive() {
        let window = Window {
            from_milliseconds: Some(10),
            until_milliseconds: Some(20),
        };
        for (time, expected) in [(9, false), (10, true), (20, true), (21, false)] {
            assert_eq!(window.covers(time), expected, "{time}");
        }
    }

    #[test]
    fn a_session_is_its_viewers_and_ends() {
        assert!(who(NOW + 1).is_ok());
        assert_eq!(who(NOW).err(), Some(Unidentified::Expired));
        let c = Credentials::new(&EdgeKey::from_bytes([1; 32]));
        let verified = c
            .verify_viewer(&c.mint_viewer(ViewerId::from_bytes(id(1)), SessionId::from_bytes(id(2))))
            .unwrap();
        assert_eq!(requester(&verified, None, NOW).err(), Some(Unidentified::NoSession));
        for (session, viewer) in [(9, 1), (2, 9)] {
            let crossed = SessionRecord {
                session: SessionId::from_bytes(id(session)),
                viewer: ViewerId::from_bytes(id(viewer)),
                expires_at_seconds: NOW + 1,
            };
            assert_eq!(
                requester(&verified, Some(&crossed), NOW).err(),
                Some(Unidentified::Crossed)
            );
        }
    }

    #[test]
    fn the_way_out_knows_its_requester() {
        let c = Credentials::new(&EdgeKey::from_bytes([1; 32]));
        let mine = c.mint_viewer(ViewerId::from_bytes(id(1)), SessionId::from_bytes(id(2)));
        let other_session = c.mint_viewer(ViewerId::from_bytes(id(1)), SessionId::from_bytes(id(3)));
        let other_viewer = c.mint_viewer(ViewerId::from_bytes(id(5)), SessionId::from_bytes(id(2)));
        let requester = who(NOW + 1).unwrap();
        assert!(requester.sent(&c, &mine));
        assert!(!requester.sent(&c, &other_session) && !requester.sent(&c, &other_viewer) && !requester.sent(&c, ""));
    }

    #[test]
    fn a_camera_hands_in_only_with_the_credential_in_force() {
        let c = Credentials::new(&EdgeKey::from_bytes([1; 32]));
        let (household, camera) = (HouseholdId::from_bytes(id(4)), CameraId::from_bytes(id(3)));
        let verified = c
            .verify_camera(&c.mint_camera(household, camera, CredentialId::from_bytes(id(6))))
            .unwrap();
        let record = |credential: Option<u8>| CameraRecord {
            camera,
            household,
            credential: credential.map(|n| CredentialId::from_bytes(id(n))),
            name: "Front door".into(),
            serial: String::new(),
            quota_bytes: 1,
            sequence: 1,
        };
        assert!(intake(&verified, Some(&record(Some(6)))).is_some());
        assert!(
            intake(&verified, Some(&record(Some(7)))).is_none(),
            "revoked and replaced"
        );
        assert!(intake(&verified, Some(&record(None))).is_none(), "ended");
        assert!(intake(&verified, None).is_none());
        let moved = CameraRecord {
            household: HouseholdId::from_bytes(id(9)),
            ..record(Some(6))
        };
        assert!(intake(&verified, Some(&moved)).is_none(), "enrolled elsewhere");
    }
}
