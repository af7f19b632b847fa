//! Decisions: who is asking, and what may they see.
//!
//! Each proof has one constructor: [`requester`], [`Rights::of`], [`Rights::permit`], [`intake`].
//! None of them may be made from a path, a body or a cache.

use crate::credential::{VerifiedCamera, VerifiedSession, Verifier};
use crate::record::{CameraRecord, CameraRight, Kinds, Role, SessionRecord, ViewerRecord, Window};
use eyesonly_seal::{CameraId, FootageId, HouseholdId, Kind, SessionId, ViewerId};

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
    verified: VerifiedSession,
    expires_at_seconds: u64,
}

impl Requester {
    /// Who it is.
    pub fn viewer(&self) -> ViewerId {
        self.verified.viewer()
    }
    /// In which session.
    pub fn session(&self) -> SessionId {
        self.verified.session()
    }
    /// The credential's verified content, to be decided on again.
    pub fn verified(&self) -> &VerifiedSession {
        &self.verified
    }
    /// Says whether the raw credential of a request is this requester's.
    pub fn sent(&self, verifier: &Verifier, raw: &str) -> bool {
        verifier.viewer(raw).is_ok_and(|sent| sent == self.verified)
    }
}

/// Says who is asking: the credential's viewer and session, if the session's record is theirs
/// and live.
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
    Ok(Requester { verified: *verified, expires_at_seconds: record.expires_at_seconds })
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

/// What one requester may see at one moment: the rights of their record that are in force.
#[derive(PartialEq, Eq)]
pub struct Rights {
    requester: Requester,
    name: String,
    cameras: Vec<CameraRight>,
}

/// One camera, as its viewer may know of it.
pub struct Visible<'a> {
    /// The camera.
    pub camera: CameraId,
    /// Its household.
    pub household: HouseholdId,
    /// What its people call it.
    pub name: &'a str,
    /// What may be seen.
    pub kinds: Kinds,
    /// Whether events may be deleted.
    pub may_delete: bool,
}

impl Rights {
    /// Takes from a proven record what holds now. None: it is another viewer's record.
    #[must_use]
    pub fn of(requester: Requester, record: ViewerRecord, now_seconds: u64) -> Option<Self> {
        let ViewerRecord { viewer, name, households, mut cameras, .. } = record;
        cameras.retain(|right| {
            households.contains(&right.household)
                && right.expires_at_seconds.is_none_or(|at| now_seconds < at)
        });
        (viewer == requester.viewer()).then_some(Self { requester, name, cameras })
    }
    /// Whose they are.
    pub fn requester(&self) -> &Requester {
        &self.requester
    }
    /// The requester's login name.
    pub fn viewer_name(&self) -> &str {
        &self.name
    }
    /// The cameras of which something may be seen. What is not among them has no name here.
    pub fn cameras(&self) -> impl Iterator<Item = Visible<'_>> {
        let visible = self.cameras.iter().filter(|right| right.kinds != Kinds::NONE);
        visible.map(|right| Visible {
            camera: right.camera,
            household: right.household,
            name: &right.name,
            kinds: right.kinds,
            may_delete: right.may_delete(),
        })
    }
    /// Decides. None: there is nothing for them under this name, and nobody tells them whether
    /// there is for others.
    pub fn permit(&self, camera: CameraId, action: Action) -> Option<Permit> {
        let right = self.cameras.iter().find(|right| right.camera == camera)?;
        let allowed = match action {
            Action::Live => right.kinds.live,
            Action::Events => right.kinds.events,
            Action::Clips => right.kinds.clips,
            Action::Delete => right.may_delete(),
        };
        let session_ends = self.requester.expires_at_seconds;
        allowed.then(|| Permit {
            requester: self.requester.clone(),
            camera,
            household: right.household,
            action,
            kinds: right.kinds,
            window: right.window,
            expires_at_seconds: right.expires_at_seconds.unwrap_or(session_ends).min(session_ends),
            may_delete: right.may_delete(),
        })
    }
}

impl CameraRight {
    /// Says whether events may be deleted: by an owner, who must see them.
    fn may_delete(&self) -> bool {
        self.role == Role::Owner && self.kinds.events
    }
}

/// Permission for one requester, one camera, one request.
pub struct Permit {
    requester: Requester,
    camera: CameraId,
    household: HouseholdId,
    action: Action,
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
    /// What was asked to be done.
    pub fn action(&self) -> Action {
        self.action
    }
    /// What may be seen.
    pub fn kinds(&self) -> Kinds {
        self.kinds
    }
    /// Says whether footage of this kind with this id may be seen. An id's own time is the time
    /// of its footage, and must lie in the window.
    pub fn covers(&self, kind: Kind, id: FootageId) -> bool {
        let allowed = match kind {
            Kind::Still | Kind::Live => self.kinds.live,
            Kind::Event | Kind::EventStill => self.kinds.events,
            Kind::Clip => self.kinds.clips,
        };
        allowed && self.window.covers(id.time_milliseconds())
    }
    /// When right or session end, seconds since 1970.
    pub fn expires_at_seconds(&self) -> u64 {
        self.expires_at_seconds
    }
    /// Says whether events may be deleted.
    pub fn may_delete(&self) -> bool {
        self.may_delete
    }
}

/// A camera's permission to hand in its own footage: its identity comes from its credential alone.
pub struct Intake {
    verified: VerifiedCamera,
    quota_bytes: u64,
}

impl Intake {
    /// The camera, by its verified credential.
    pub fn verified(&self) -> &VerifiedCamera {
        &self.verified
    }
    /// How many bytes of sealed objects the household may hold.
    pub fn quota_bytes(&self) -> u64 {
        self.quota_bytes
    }
}

/// Decides whether a camera's credential is in force. `record` was proven for the camera that the
/// credential names.
#[must_use]
pub fn intake(verified: &VerifiedCamera, record: Option<&CameraRecord>) -> Option<Intake> {
    let record = record?;
    let same = record.camera == verified.camera()
        && record.household == verified.household()
        && record.credential == Some(verified.credential());
    same.then_some(Intake { verified: *verified, quota_bytes: record.quota_bytes })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Mint;
    use eyesonly_seal::{CredentialId, EdgeKey};

    const NOW: u64 = 1_000;

    fn id(n: u8) -> [u8; 16] {
        [n; 16]
    }

    fn keys() -> (Mint, Verifier) {
        let edge = EdgeKey::from_bytes([1; 32]);
        (Mint::new(&edge), Verifier::new(&edge))
    }

    fn credential(viewer: u8, session: u8) -> String {
        let (viewer, session) =
            (ViewerId::from_bytes(id(viewer)), SessionId::from_bytes(id(session)));
        keys().0.viewer(viewer, session)
    }

    fn who(session_ends: u64) -> Result<Requester, Unidentified> {
        let verified = keys().1.viewer(&credential(1, 2)).unwrap();
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

    fn permit(record: &ViewerRecord, camera: u8, action: Action) -> Option<Permit> {
        let rights = Rights::of(who(NOW + 10).unwrap(), record.clone(), NOW)?;
        rights.permit(CameraId::from_bytes(id(camera)), action)
    }

    fn check(record: &ViewerRecord, camera: u8, action: Action, expected: bool) {
        let got = permit(record, camera, action);
        assert_eq!(got.is_some(), expected, "{action:?} on camera {camera}");
    }

    #[test]
    fn an_owner_may_and_a_stranger_may_not() {
        for action in [Action::Live, Action::Events, Action::Clips, Action::Delete] {
            check(&record(right()), 3, action, true);
            check(&record(right()), 9, action, false);
            let other = ViewerRecord { viewer: ViewerId::from_bytes(id(8)), ..record(right()) };
            check(&other, 3, action, false);
            let left = ViewerRecord { households: vec![], ..record(right()) };
            check(&left, 3, action, false);
        }
    }

    #[test]
    fn kinds_roles_and_expiry_are_kept() {
        let only = |live, events, clips| {
            record(CameraRight { kinds: Kinds { live, events, clips }, ..right() })
        };
        check(&only(false, true, true), 3, Action::Live, false);
        check(&only(true, false, true), 3, Action::Events, false);
        check(&only(true, false, true), 3, Action::Delete, false);
        check(&only(true, true, false), 3, Action::Clips, false);
        check(&record(CameraRight { role: Role::Member, ..right() }), 3, Action::Delete, false);
        check(
            &record(CameraRight { expires_at_seconds: Some(NOW), ..right() }),
            3,
            Action::Live,
            false,
        );
        check(
            &record(CameraRight { expires_at_seconds: Some(NOW + 1), ..right() }),
            3,
            Action::Live,
            true,
        );
    }

    #[test]
    fn a_permit_ends_with_the_session_or_the_right() {
        let ends =
            |record: &ViewerRecord| permit(record, 3, Action::Live).unwrap().expires_at_seconds();
        assert_eq!(ends(&record(right())), NOW + 10);
        assert_eq!(
            ends(&record(CameraRight { expires_at_seconds: Some(NOW + 5), ..right() })),
            NOW + 5
        );
        assert_eq!(
            ends(&record(CameraRight { expires_at_seconds: Some(NOW + 50), ..right() })),
            NOW + 10
        );
    }

    #[test]
    fn a_permit_covers_its_kinds_in_its_window() {
        let kinds = Kinds { live: false, events: true, clips: false };
        let window = Window { from_milliseconds: Some(1000), until_milliseconds: Some(2000) };
        let permit =
            permit(&record(CameraRight { kinds, window, ..right() }), 3, Action::Events).unwrap();
        for (kind, expected) in [
            (Kind::Still, false),
            (Kind::Live, false),
            (Kind::Event, true),
            (Kind::EventStill, true),
            (Kind::Clip, false),
        ] {
            for (time, inside) in [(999, false), (1000, true), (2000, true), (2001, false)] {
                let id = FootageId::from_time(time, [7; 10]).unwrap();
                assert_eq!(permit.covers(kind, id), expected && inside, "{kind:?} at {time}");
            }
        }
    }

    #[test]
    fn only_what_may_be_seen_has_a_name() {
        let names = |record: ViewerRecord| {
            let rights = Rights::of(who(NOW + 10).unwrap(), record, NOW).unwrap();
            rights.cameras().map(|camera| camera.name.to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(names(record(right())), ["Front door"]);
        let none: [String; 0] = [];
        assert_eq!(names(record(CameraRight { expires_at_seconds: Some(NOW), ..right() })), none);
        assert_eq!(names(record(CameraRight { kinds: Kinds::NONE, ..right() })), none);
        let foreign = HouseholdId::from_bytes(id(9));
        assert_eq!(names(record(CameraRight { household: foreign, ..right() })), none);
    }

    #[test]
    fn a_window_is_inclusive() {
        let window = Window { from_milliseconds: Some(10), until_milliseconds: Some(20) };
        for (time, expected) in [(9, false), (10, true), (20, true), (21, false)] {
            assert_eq!(window.covers(time), expected, "{time}");
        }
    }

    #[test]
    fn a_session_is_its_viewers_and_ends() {
        assert!(who(NOW + 1).is_ok());
        assert_eq!(who(NOW).err(), Some(Unidentified::Expired));
        let verified = keys().1.viewer(&credential(1, 2)).unwrap();
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
        let (requester, verifier) = (who(NOW + 1).unwrap(), keys().1);
        assert!(requester.sent(&verifier, &credential(1, 2)));
        for other in [credential(1, 3), credential(5, 2), String::new()] {
            assert!(!requester.sent(&verifier, &other), "{other}");
        }
    }

    #[test]
    fn a_camera_hands_in_only_with_the_credential_in_force() {
        let (mint, verifier) = keys();
        let (household, camera) = (HouseholdId::from_bytes(id(4)), CameraId::from_bytes(id(3)));
        let credential = mint.camera(household, camera, CredentialId::from_bytes(id(6)));
        let verified = verifier.camera(&credential).unwrap();
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
        assert!(intake(&verified, Some(&record(Some(7)))).is_none(), "revoked and replaced");
        assert!(intake(&verified, Some(&record(None))).is_none(), "ended");
        assert!(intake(&verified, None).is_none());
        let moved = CameraRecord { household: HouseholdId::from_bytes(id(9)), ..record(Some(6)) };
        assert!(intake(&verified, Some(&moved)).is_none(), "enrolled elsewhere");
    }
}
