//! Tests of invitations, and of what a viewer may change by a session.

use super::{Town, whole};
use crate::admin::{
    Accepted, AdminError, HouseholdRecord, INVITATION_TRIES, Invited, Newcomer, Offer, Share,
    Signed,
};
use crate::clock;
use crate::identity::{Identity, SESSIONS_MAX, Throttle, hash_password};
use eyesonly_gate::{RawCredential, Refused};
use eyesonly_rights::{Kinds, Role, Window};
use eyesonly_seal::{CameraId, HouseholdId, ViewerId};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use zeroize::Zeroizing;

const PASSWORD: &str = "a long password";
/// How long a session holds: longer than the longest test.
const SESSION_SECONDS: u64 = 7 * 24 * 3600;

/// A household with one camera and an owner, and somebody without anything.
pub(super) struct Lane {
    pub(super) town: Town,
    pub(super) home: HouseholdId,
    camera: CameraId,
    pub(super) owner: ViewerId,
    pub(super) guest: ViewerId,
}

impl Lane {
    pub(super) async fn new() -> Self {
        let town = Town::new();
        let home = town.home("Alder Lane 4").await;
        let owner = town.viewer(Some(home), "owner").await;
        let guest = town.viewer(None, "guest").await;
        let record: HouseholdRecord = town.admin.read(home.as_bytes(), "").await.unwrap();
        let camera = record.cameras[0];
        Self { town, home, camera, owner, guest }
    }

    fn identity(&self) -> Identity {
        let records = Arc::clone(&self.town.admin.records);
        Identity::new(&*self.town.keys, records, SESSION_SECONDS, Arc::new(Throttle::default()))
            .listing()
    }

    /// Signs somebody in, and returns what their requests present.
    pub(super) async fn signed(&self, name: &str) -> impl Fn() -> Signed + use<> {
        let (door, address) = (Arc::clone(&self.town.door), IpAddr::V4(Ipv4Addr::LOCALHOST));
        let password = Zeroizing::new(PASSWORD.to_owned());
        let session = self.identity().login(name, password, address, "a browser").await.unwrap();
        let (text, tag) = (session.credential.text().to_owned(), session.tag.to_text());
        move || Signed { door: Arc::clone(&door), raw: RawCredential::new(&text), tag: tag.clone() }
    }

    fn offer(&self) -> Offer {
        Offer {
            cameras: vec![self.camera],
            kinds: Kinds::ALL,
            window: Window::default(),
            past: false,
            expires_at_seconds: None,
            viewer: None,
        }
    }

    pub(super) async fn invited(&self) -> Invited {
        let owner = self.signed("owner").await;
        self.town.admin.by(owner()).invite(self.home, self.offer(), None).await.unwrap()
    }

    async fn shares(&self) -> Vec<Share> {
        self.record().await.shares
    }

    async fn record(&self) -> HouseholdRecord {
        self.town.admin.read(self.home.as_bytes(), "").await.unwrap()
    }
}

fn newcomer(name: &str) -> Newcomer {
    let password = Zeroizing::new(PASSWORD.to_owned());
    Newcomer { name: name.to_owned(), password_hash: hash_password(&password).unwrap() }
}

#[tokio::test]
async fn a_right_starts_when_an_owner_confirms_who_asked() {
    let lane = Lane::new().await;
    let admin = &lane.town.admin;
    let Invited { invitation, token, .. } = lane.invited().await;
    let shown = admin.look(&token).await.unwrap();
    assert_eq!((&*shown.household, &*shown.cameras), ("Alder Lane 4", &["Door".to_owned()][..]));

    assert_eq!(admin.accept(&token, Some(&newcomer("fern"))).await.unwrap(), Accepted::Waits);
    let fern = admin.viewer_of("fern").await.unwrap();
    assert!(lane.town.rights(fern).await.unwrap().cameras.is_empty());
    // A token that was used shows nothing any more, and makes no account.
    assert!(matches!(admin.look(&token).await, Err(AdminError::NoInvitation)));
    assert!(matches!(admin.may_join(&token, "moss").await, Err(AdminError::NoInvitation)));
    // Nobody else gets in by the same token, and the owner confirms a name and not a token.
    assert!(matches!(admin.accept(&token, Some(&newcomer("moss"))).await, Err(AdminError::Used)));
    assert!(admin.viewer_of("moss").await.is_err());
    let owner = lane.signed("owner").await;
    for (by, viewer) in [("owner", lane.guest), ("guest", fern), ("fern", fern)] {
        let by = admin.by((lane.signed(by).await)());
        let confirmed = by.confirm(lane.home, invitation, viewer).await;
        assert!(matches!(confirmed, Err(AdminError::Absent(_))), "{confirmed:?}");
    }
    let before = clock::now_milliseconds();
    admin.by(owner()).confirm(lane.home, invitation, fern).await.unwrap();
    admin.by(owner()).confirm(lane.home, invitation, fern).await.unwrap();
    let right = lane.town.rights(fern).await.unwrap().cameras.remove(0);
    assert_eq!((right.camera, right.role), (lane.camera, Role::Guest));
    assert!(right.window.from_milliseconds.unwrap() >= before, "the past stays closed");
    assert_eq!(lane.shares().await[0].giver, Some(lane.owner));
    // The same account again gets the same answer, and nothing changes.
    let fern = lane.signed("fern").await;
    assert_eq!(admin.by(fern()).accept(&token, None).await.unwrap(), Accepted::Shared);
    assert_eq!(lane.shares().await.len(), 1);
}

#[tokio::test]
async fn an_invitation_for_one_account_is_nobody_elses() {
    let lane = Lane::new().await;
    let (admin, owner) = (&lane.town.admin, lane.signed("owner").await);
    let offer = Offer { viewer: Some(lane.guest), past: true, ..lane.offer() };
    let Invited { token, .. } = admin.by(owner()).invite(lane.home, offer, None).await.unwrap();
    lane.town.viewer(None, "other").await;
    let other = lane.signed("other").await;
    for wrong in [
        admin.by(other()).accept(&token, None).await.map(|_| ()),
        admin.accept(&token, Some(&newcomer("moss"))).await.map(|_| ()),
    ] {
        assert!(matches!(wrong, Err(AdminError::NoInvitation)), "{wrong:?}");
    }
    let guest = lane.signed("guest").await;
    assert_eq!(admin.by(guest()).accept(&token, None).await.unwrap(), Accepted::Shared);
    let right = lane.town.rights(lane.guest).await.unwrap().cameras.remove(0);
    assert_eq!(right.window, Window::default(), "the owner opened the past");
}

/// What was taken back does not come again by a token that was made before, whoever it is for.
#[tokio::test]
async fn who_was_taken_out_does_not_come_back_by_a_token() {
    let lane = Lane::new().await;
    let (admin, owner) = (&lane.town.admin, lane.signed("owner").await);
    let guest = lane.signed("guest").await;
    let back = async |token: &str, what: &str| {
        let accepted = admin.by(guest()).accept(token, None).await;
        assert!(matches!(accepted, Err(AdminError::NoInvitation)), "{what}: {accepted:?}");
    };
    let bound = Offer { viewer: Some(lane.guest), past: true, ..lane.offer() };
    let invite = async |offer| admin.by(owner()).invite(lane.home, offer, None).await.unwrap();
    admin.set_member(lane.home, lane.guest, Role::Member, None).await.unwrap();
    let token = invite(bound.clone()).await.token;
    admin.by(owner()).remove_member(lane.home, lane.guest).await.unwrap();
    back(&token, "a member who was taken out").await;

    // An open invitation to a camera that was shared with them ends too.
    admin.set_member(lane.home, lane.guest, Role::Member, None).await.unwrap();
    admin.share(whole(lane.camera, lane.guest)).await.unwrap();
    let token = invite(lane.offer()).await.token;
    admin.by(owner()).remove_member(lane.home, lane.guest).await.unwrap();
    back(&token, "a camera that was taken back").await;

    let token = invite(bound).await.token;
    admin.set_member(lane.home, lane.guest, Role::Installer, Some(60)).await.unwrap();
    admin.remove_member(lane.home, lane.guest).await.unwrap();
    back(&token, "an installer").await;
}

#[tokio::test]
async fn two_who_ask_at_the_same_moment_are_not_both_in() {
    let lane = Lane::new().await;
    let Invited { token, .. } = lane.invited().await;
    let (one, two) = (newcomer("fern"), newcomer("moss"));
    let admin = &lane.town.admin;
    let both = tokio::join!(admin.accept(&token, Some(&one)), admin.accept(&token, Some(&two)));
    assert!(
        matches!(
            both,
            (Ok(Accepted::Waits), Err(AdminError::Used))
                | (Err(AdminError::Used), Ok(Accepted::Waits))
        ),
        "{both:?}"
    );
    let made = [admin.viewer_of("fern").await, admin.viewer_of("moss").await];
    assert_eq!(made.iter().filter(|made| made.is_ok()).count(), 1, "an account, or none");
}

#[tokio::test]
async fn an_invitation_changes_no_right_that_is_there() {
    let lane = Lane::new().await;
    let (admin, owner) = (&lane.town.admin, lane.signed("owner").await);
    let Invited { token, .. } = lane.invited().await;
    let own = admin.by(owner()).accept(&token, None).await;
    assert!(matches!(own, Err(AdminError::Standing)), "{own:?}");
    let kinds = Kinds { clips: false, ..Kinds::ALL };
    let share = Share { kinds, ..whole(lane.camera, lane.guest) };
    admin.share(share.clone()).await.unwrap();
    // What was changed ends what was offered before it.
    assert!(matches!(admin.look(&token).await, Err(AdminError::NoInvitation)));
    let Invited { token, .. } = lane.invited().await;
    let guest = lane.signed("guest").await;
    let again = admin.by(guest()).accept(&token, None).await;
    assert!(matches!(again, Err(AdminError::Standing)), "{again:?}");
    assert_eq!(lane.shares().await, [share]);
}

#[tokio::test]
async fn an_invitation_ends_with_what_it_comes_from() {
    let lane = Lane::new().await;
    let (admin, owner) = (&lane.town.admin, lane.signed("owner").await);
    let gone = async |token: &str, why: &str| {
        let looked = admin.look(token).await;
        assert!(matches!(looked, Err(AdminError::NoInvitation)), "{why}: {looked:?}");
        let accepted = admin.accept(token, Some(&newcomer("fern"))).await;
        assert!(matches!(accepted, Err(AdminError::NoInvitation)), "{why}: {accepted:?}");
    };
    let Invited { invitation, token, .. } = lane.invited().await;
    admin.by(owner()).withdraw(lane.home, invitation).await.unwrap();
    gone(&token, "taken back").await;

    let Invited { token, .. } = lane.invited().await;
    lane.town.viewer(Some(lane.home), "second").await;
    admin.remove_member(lane.home, lane.owner).await.unwrap();
    gone(&token, "its giver was removed").await;

    let second = lane.signed("second").await;
    let offer = lane.offer();
    let invited = admin.by(second()).invite(lane.home, offer, Some(1)).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    gone(&invited.token, "its time is over").await;

    let invited = admin.by(second()).invite(lane.home, lane.offer(), None).await.unwrap();
    admin.remove_camera(lane.camera).await.unwrap();
    gone(&invited.token, "its camera is gone").await;
    for token in ["", "ei1.", "ei1.AAAA", &invited.token[..invited.token.len() - 1]] {
        gone(token, "no token").await;
    }
    let mut forged = invited.token.to_string().into_bytes();
    forged[30] ^= 1;
    gone(&String::from_utf8(forged).unwrap(), "forged").await;
}

#[tokio::test]
async fn a_name_may_be_tried_so_often() {
    let lane = Lane::new().await;
    let Invited { token, .. } = lane.invited().await;
    for _ in 0..INVITATION_TRIES {
        let taken = lane.town.admin.accept(&token, Some(&newcomer("guest"))).await;
        assert!(matches!(taken, Err(AdminError::Taken(_))), "{taken:?}");
    }
    let spent = lane.town.admin.accept(&token, Some(&newcomer("fern"))).await;
    assert!(matches!(spent, Err(AdminError::NoInvitation)), "{spent:?}");
}

/// The last second that has a date of four digits.
const LAST_SECONDS: u64 = 253_402_300_799;

#[tokio::test]
async fn a_time_without_a_date_is_refused() {
    let lane = Lane::new().await;
    let admin = &lane.town.admin;
    let share = whole(lane.camera, lane.guest);
    let window = |from, until| Window { from_milliseconds: from, until_milliseconds: until };
    let late = Some(LAST_SECONDS * 1000 + 1000);
    for refused in [
        Share { expires_at_seconds: Some(LAST_SECONDS + 1), ..share.clone() },
        Share { expires_at_seconds: Some(u64::MAX), ..share.clone() },
        Share { window: window(late, None), ..share.clone() },
        Share { window: window(None, late), ..share.clone() },
    ] {
        let told = admin.share(refused.clone()).await;
        assert!(matches!(told, Err(AdminError::Input(_))), "{refused:?}: {told:?}");
        let Share { window, expires_at_seconds, .. } = refused;
        let offer = Offer { window, expires_at_seconds, ..lane.offer() };
        let told = admin.invite(lane.home, offer, None).await.map(|_| ());
        assert!(matches!(told, Err(AdminError::Input(_))), "{told:?}");
    }
    admin.share(Share { expires_at_seconds: Some(LAST_SECONDS), ..share }).await.unwrap();
}

#[tokio::test]
async fn a_viewer_may_no_more_than_an_owner_of_the_household() {
    let lane = Lane::new().await;
    let admin = &lane.town.admin;
    let birch = lane.town.home("Birch Row 9").await;
    lane.town.viewer(Some(birch), "stranger").await;
    lane.town.viewer(None, "member").await;
    let member = admin.viewer_of("member").await.unwrap();
    admin.set_member(lane.home, member, Role::Member, None).await.unwrap();
    let share = whole(lane.camera, lane.guest);
    admin.share(share.clone()).await.unwrap();
    let before = lane.record().await;
    for name in ["stranger", "member", "guest"] {
        let signed = lane.signed(name).await;
        let by = || admin.by(signed());
        let wide = Share { expires_at_seconds: Some(LAST_SECONDS), ..share.clone() };
        let given = by().invite(lane.home, lane.offer(), None).await.map(|_| ());
        for refused in [
            given,
            by().share(wide).await,
            by().set_member(lane.home, lane.guest, Role::Owner, None).await,
            by().remove_member(lane.home, lane.owner).await,
            by().confirm(lane.home, eyesonly_seal::CredentialId::from_bytes([1; 16]), lane.guest)
                .await,
        ] {
            assert!(matches!(refused, Err(AdminError::Absent(_))), "{name}: {refused:?}");
        }
        // What no viewer is meant to do is refused where it would be written.
        for refused in [
            by().add_camera(lane.home, "Yard", "", None).await.map(|_| ()),
            by().set_quota(lane.home, 7).await,
            by().remove_camera(lane.camera).await,
            by().remove_viewer(lane.owner).await,
            by().set_password(lane.owner, &Zeroizing::new(PASSWORD.to_owned())).await,
        ] {
            assert!(matches!(refused, Err(AdminError::Forbidden)), "{name}: {refused:?}");
        }
        assert_eq!(lane.record().await, before, "{name}");
    }
    // An owner gives nobody a share who has not asked, nor a role to somebody unknown here.
    let owner = lane.signed("owner").await;
    let unasked = Share { viewer: admin.viewer_of("stranger").await.unwrap(), ..share };
    let refused = admin.by(owner()).share(unasked.clone()).await;
    assert!(matches!(refused, Err(AdminError::Absent(_))), "{refused:?}");
    let refused = admin.by(owner()).set_member(lane.home, unasked.viewer, Role::Member, None).await;
    assert!(matches!(refused, Err(AdminError::Absent(_))), "{refused:?}");
    // A guest gives back what is theirs.
    let guest = lane.signed("guest").await;
    admin.by(guest()).unshare(lane.camera, lane.guest).await.unwrap();
    assert!(lane.shares().await.is_empty());
}

#[tokio::test]
async fn two_owners_who_end_each_other_leave_one() {
    let lane = Lane::new().await;
    let second = lane.town.viewer(Some(lane.home), "second").await;
    let (one, two) = (lane.signed("owner").await, lane.signed("second").await);
    let admin = &lane.town.admin;
    let (by_one, by_two) = (admin.by(one()), admin.by(two()));
    let ended = tokio::join!(
        by_one.remove_member(lane.home, second),
        by_two.remove_member(lane.home, lane.owner)
    );
    assert!(ended.0.is_ok() != ended.1.is_ok(), "{ended:?}");
    let left = lane.record().await;
    assert_eq!(left.members.len(), 1);
    // The last owner can't leave.
    let (last, name) = if ended.0.is_ok() { (lane.owner, one) } else { (second, two) };
    let leaves = admin.by(name()).remove_member(lane.home, last).await;
    assert!(matches!(leaves, Err(AdminError::Input(_))), "{leaves:?}");
}

/// The session ends between the decision and the commit: nothing is written.
#[tokio::test]
async fn what_an_ended_session_decided_is_not_committed() {
    let lane = Lane::new().await;
    let (admin, owner) = (&lane.town.admin, lane.signed("owner").await);
    let requester = lane.town.door.identify(&owner().raw).await.unwrap();
    let acting = admin.by(owner());
    let identity = lane.identity();
    let invite = acting.settle(async |writing| {
        writing.allow_owner(&lane.record().await)?;
        identity.logout(&requester).await.unwrap();
        let home = lane.record().await;
        writing.household(home, Default::default(), |home| home.name = "Mine".into()).await
    });
    let refused = invite.await;
    assert!(
        matches!(refused, Err(AdminError::Refused(Refused::Unidentified))),
        "decided again, without a session: {refused:?}"
    );
    assert_eq!(lane.record().await.name, "Alder Lane 4");
}

#[tokio::test]
async fn sessions_are_listed_ended_and_so_many() {
    let lane = Lane::new().await;
    let identity = lane.identity();
    let first = lane.signed("owner").await;
    let requester = lane.town.door.identify(&first().raw).await.unwrap();
    let strangers = lane.signed("guest").await;
    let stranger = lane.town.door.identify(&strangers().raw).await.unwrap();
    let refused = identity.end(&requester, stranger.session()).await;
    assert!(matches!(refused, Err(Refused::NotFound)), "{refused:?}");
    assert_eq!(identity.sessions(lane.guest).await.unwrap().len(), 1);
    for _ in 1..SESSIONS_MAX {
        let _session = lane.signed("owner").await;
    }
    let listed = identity.sessions(lane.owner).await.unwrap();
    assert_eq!(listed.len(), SESSIONS_MAX);
    assert!(listed.is_sorted_by(|a, b| a.session > b.session), "the newest first");
    assert_eq!(listed[0].client, "a browser");
    let _session = lane.signed("owner").await;
    assert_eq!(identity.sessions(lane.owner).await.unwrap().len(), SESSIONS_MAX);
    let ended = lane.town.door.identify(&first().raw).await;
    assert!(matches!(ended, Err(Refused::Unidentified)), "the oldest made room");

    let last = lane.signed("owner").await;
    let requester = lane.town.door.identify(&last().raw).await.unwrap();
    let other = identity.sessions(lane.owner).await.unwrap()[5].session;
    identity.end(&requester, other).await.unwrap();
    let again = identity.end(&requester, other).await;
    assert!(matches!(again, Err(Refused::NotFound)), "{again:?}");
    assert_eq!(identity.sessions(lane.owner).await.unwrap().len(), SESSIONS_MAX - 1);
}

#[tokio::test]
async fn a_password_is_changed_by_its_own_viewer_who_knows_the_old_one() {
    let lane = Lane::new().await;
    let (admin, identity) = (&lane.town.admin, lane.identity());
    let (owner, guest) = (lane.signed("owner").await, lane.signed("guest").await);
    let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let old = || Zeroizing::new(PASSWORD.to_owned());
    let checked = identity.check("owner", old(), address).await.unwrap();
    let new = hash_password(&Zeroizing::new("another long password".to_owned())).unwrap();
    let by_guest = admin.by(guest()).change_password(&checked, new.clone()).await;
    assert!(matches!(by_guest, Err(AdminError::Forbidden)), "{by_guest:?}");
    admin.by(owner()).change_password(&checked, new.clone()).await.unwrap();
    assert!(lane.town.door.rights(&owner().raw, &owner().tag).await.is_err());
    assert!(identity.sessions(lane.owner).await.unwrap().is_empty());
    assert!(identity.check("owner", old(), address).await.is_err());
    let stale = admin.change_password(&checked, new).await;
    assert!(matches!(stale, Err(AdminError::Changed)), "{stale:?}");
}
