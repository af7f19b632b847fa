//! Decisions: who asks, and what that viewer may see.
//!
//! Each proof has one constructor: [`requester`], [`Rights::of`], [`Rights::permit`] or [`intake`].
//! A proof must never be made from a path, a body or a cache.
//!
//! Long: the tests of the decisions stand beside them.

use crate::credential::{VerifiedCamera, VerifiedSession, Verifier};
use crate::record::{
    CameraRecord, CameraRight, CameraState, Kinds, Role, SessionRecord, ViewerRecord, Window,
};
use eyesonly_seal::{CameraId, HouseholdId, Kind, SessionId, ViewerId};

/// The reason why somebody is not a requester.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unidentified {
    /// There is no live session for the credential.
    #[error("the session has ended or never was")]
    NoSession,
    /// The session's time is over.
    #[error("the session has expired")]
    Expired,
    /// The session store returned the record of another session or another viewer.
    #[error("the session store answered for another session")]
    Crossed,
}

/// The verified viewer of one request.
#[derive(Clone, PartialEq, Eq)]
pub struct Requester {
    verified: VerifiedSession,
    epoch: u64,
    expires_at_seconds: u64,
}

impl Requester {
    /// Returns the viewer.
    pub fn viewer(&self) -> ViewerId {
        self.verified.viewer()
    }
    /// Returns the session.
    pub fn session(&self) -> SessionId {
        self.verified.session()
    }
    /// Returns the verified content of the credential, for deciding again.
    pub fn verified(&self) -> &VerifiedSession {
        &self.verified
    }
    /// Says whether the raw credential of a request belongs to this requester.
    pub fn sent(&self, verifier: &Verifier, raw: &str) -> bool {
        verifier.viewer(raw).is_ok_and(|sent| sent == self.verified)
    }
}

/// Makes the requester from a credential's viewer and session, if the session's record is theirs
/// and live. `now_seconds` counts from 1970.
///
/// # Errors
/// [`Unidentified`] if there is no record, if it is another's, or if the session has expired.
pub fn requester(
    verified: &VerifiedSession,
    record: Option<&SessionRecord>,
    now_seconds: u64,
) -> Result<Requester, Unidentified> {
    let record = record.ok_or(Unidentified::NoSession)?;
    // INVARIANT: the session store can end a session, but can't change whose it is.
    if record.session != verified.session() || record.viewer != verified.viewer() {
        return Err(Unidentified::Crossed);
    }
    if record.expires_at_seconds <= now_seconds {
        return Err(Unidentified::Expired);
    }
    let SessionRecord { epoch, expires_at_seconds, .. } = *record;
    Ok(Requester { verified: *verified, epoch, expires_at_seconds })
}

/// The action of a route on a camera.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Seeing the newest still or the live view.
    Live,
    /// Seeing events: pages, details and stills.
    Events,
    /// Seeing an event's video.
    Clips,
    /// Deleting an event.
    Delete,
}

/// The rights of one requester at one moment: those rights in the record that are in force.
#[derive(PartialEq, Eq)]
pub struct Rights {
    requester: Requester,
    name: String,
    cameras: Vec<CameraRight>,
}

/// One camera, with all that its viewer may know of it.
pub struct Visible<'a> {
    /// The camera.
    pub camera: CameraId,
    /// Its household.
    pub household: HouseholdId,
    /// The name that its people gave it.
    pub name: &'a str,
    /// The kinds of footage that may be seen.
    pub kinds: Kinds,
    /// True if events may be deleted.
    pub may_delete: bool,
}

impl Rights {
    /// Takes the rights that are in force from a proven record. Returns `None` if the record is
    /// another viewer's, or of another epoch than the session. `now_seconds` counts from 1970.
    #[must_use]
    pub fn of(requester: Requester, record: ViewerRecord, now_seconds: u64) -> Option<Self> {
        let ViewerRecord { viewer, name, households, mut cameras, epoch, .. } = record;
        cameras.retain(|right| right.is_in_force(&households, now_seconds));
        let is_theirs = viewer == requester.viewer() && epoch == requester.epoch;
        is_theirs.then_some(Self { requester, name, cameras })
    }
    /// Returns the requester whose rights these are.
    pub fn requester(&self) -> &Requester {
        &self.requester
    }
    /// Returns the requester's login name.
    pub fn viewer_name(&self) -> &str {
        &self.name
    }
    /// Returns the cameras of which something may be seen. No other camera is named here.
    pub fn cameras(&self) -> impl Iterator<Item = Visible<'_>> {
        let visible = self.cameras.iter().filter(|right| right.seen() != Kinds::NONE);
        visible.map(|right| Visible {
            camera: right.camera,
            household: right.household,
            name: &right.name,
            kinds: right.seen(),
            may_delete: right.may_delete(),
        })
    }
    /// Decides whether the requester may do this with this camera. `None` means that the requester
    /// has nothing under this name. Whether others have something there stays unsaid.
    pub fn permit(&self, camera: CameraId, action: Action) -> Option<Permit> {
        let right = self.cameras.iter().find(|right| right.camera == camera)?;
        let session_ends = self.requester.expires_at_seconds;
        right.allows(action).then(|| Permit {
            requester: self.requester.clone(),
            camera,
            household: right.household,
            action,
            kinds: right.seen(),
            window: right.window,
            expires_at_seconds: right.expires_at_seconds.unwrap_or(session_ends).min(session_ends),
            may_delete: right.may_delete(),
        })
    }
}

impl CameraRight {
    /// Says whether the right is in force for a viewer of these households. It must not have
    /// expired. Only a guest has a right without belonging to its household, and an installer's
    /// right must expire.
    #[must_use]
    pub fn is_in_force(&self, households: &[HouseholdId], now_seconds: u64) -> bool {
        let lasts = match self.expires_at_seconds {
            Some(at) => now_seconds < at,
            None => self.role != Role::Installer,
        };
        lasts && (self.role == Role::Guest || households.contains(&self.household))
    }
    /// Returns the kinds of footage that may be seen. Of those in the record, an installer sees
    /// the live picture alone.
    #[must_use]
    pub fn seen(&self) -> Kinds {
        match self.role {
            Role::Installer => Kinds { live: self.kinds.live, ..Kinds::NONE },
            Role::Owner | Role::Member | Role::Guest => self.kinds,
        }
    }
    /// Says whether the right allows an action.
    #[must_use]
    pub fn allows(&self, action: Action) -> bool {
        match action {
            Action::Live => self.seen().live,
            Action::Events => self.seen().events,
            Action::Clips => self.seen().clips,
            Action::Delete => self.may_delete(),
        }
    }
    /// Says whether events may be deleted. Only an owner may delete them, who must be able to see
    /// them.
    fn may_delete(&self) -> bool {
        self.role == Role::Owner && self.kinds.events
    }
}

/// The permission of one requester to do one thing with one camera, in one request.
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
    /// Returns the requester whose permit it is.
    pub fn requester(&self) -> &Requester {
        &self.requester
    }
    /// Returns the one camera that the permit covers.
    pub fn camera(&self) -> CameraId {
        self.camera
    }
    /// Returns the camera's household.
    pub fn household(&self) -> HouseholdId {
        self.household
    }
    /// Returns the action that was asked for.
    pub fn action(&self) -> Action {
        self.action
    }
    /// Returns the kinds of footage that may be seen.
    pub fn kinds(&self) -> Kinds {
        self.kinds
    }
    /// Returns the time of the footage that may be seen.
    pub fn window(&self) -> Window {
        self.window
    }
    /// Says whether footage of this kind and this time (milliseconds since 1970) may be seen. The
    /// time must lie in the right's window.
    pub fn covers(&self, kind: Kind, time_milliseconds: u64) -> bool {
        let allowed = match kind {
            Kind::Still | Kind::LiveChunk => self.kinds.live,
            Kind::Event | Kind::EventStill => self.kinds.events,
            Kind::Clip => self.kinds.clips,
        };
        allowed && self.window.covers(time_milliseconds)
    }
    /// Returns when the permit ends, in seconds since 1970: with the right or the session,
    /// whichever ends first.
    pub fn expires_at_seconds(&self) -> u64 {
        self.expires_at_seconds
    }
    /// Says whether events may be deleted.
    pub fn may_delete(&self) -> bool {
        self.may_delete
    }
}

/// The permission of a camera to hand in its own footage. The camera's identity comes from its
/// credential alone.
pub struct Intake {
    verified: VerifiedCamera,
    quota_bytes: u64,
    takes: bool,
}

impl Intake {
    /// Returns the verified credential, which names the camera.
    pub fn verified(&self) -> &VerifiedCamera {
        &self.verified
    }
    /// Returns how many bytes of sealed objects the household may hold.
    pub fn quota_bytes(&self) -> u64 {
        self.quota_bytes
    }
    /// Says whether the camera takes footage now.
    pub fn takes(&self) -> bool {
        self.takes
    }
}

/// Decides whether a camera's credential is in force. `record` was proven for the camera that the
/// credential names. Returns `None` if the record has another household or another credential in
/// force, or if there is no record.
#[must_use]
pub fn intake(verified: &VerifiedCamera, record: Option<&CameraRecord>) -> Option<Intake> {
    let record = record?;
    let same = record.camera == verified.camera()
        && record.household == verified.household()
        && record.credential == Some(verified.credential());
    let (quota_bytes, takes) = (record.quota_bytes, record.state == CameraState::On);
    same.then_some(Intake { verified: *verified, quota_bytes, takes })
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
            epoch: 7,
            expires_at_seconds: session_ends,
            client: "a browser".into(),
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
            epoch: 7,
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
            let ended = ViewerRecord { epoch: 8, ..record(right()) };
            check(&ended, 3, action, false);
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
            (Kind::LiveChunk, false),
            (Kind::Event, true),
            (Kind::EventStill, true),
            (Kind::Clip, false),
        ] {
            for (time, inside) in [(999, false), (1000, true), (2000, true), (2001, false)] {
                assert_eq!(permit.covers(kind, time), expected && inside, "{kind:?} at {time}");
            }
        }
    }

    #[test]
    fn only_what_may_be_seen_has_a_name() {
        let names = |record: ViewerRecord| {
            let rights = Rights::of(who(NOW + 10).unwrap(), record, NOW).unwrap();
            assert_eq!(rights.viewer_name(), "alder");
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
                epoch: 0,
                expires_at_seconds: NOW + 1,
                client: String::new(),
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
            state: CameraState::On,
            sequence: 1,
        };
        assert!(intake(&verified, Some(&record(Some(6)))).is_some());
        assert!(intake(&verified, Some(&record(Some(7)))).is_none(), "revoked and replaced");
        assert!(intake(&verified, Some(&record(None))).is_none(), "ended");
        assert!(intake(&verified, None).is_none());
        assert!(intake(&verified, Some(&record(Some(6)))).unwrap().takes());
        for state in [CameraState::Off, CameraState::Closed] {
            let shut = CameraRecord { state, ..record(Some(6)) };
            assert!(!intake(&verified, Some(&shut)).unwrap().takes(), "{state:?}");
        }
        let moved = CameraRecord { household: HouseholdId::from_bytes(id(9)), ..record(Some(6)) };
        assert!(intake(&verified, Some(&moved)).is_none(), "enrolled elsewhere");
    }
}
