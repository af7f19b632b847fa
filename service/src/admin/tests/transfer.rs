//! Tests of cameras that are switched off, and of those that change hands.

use super::sharing::Lane;
use super::whole;
use crate::admin::{AdminError, NewCamera, Share};
use crate::clock;
use crate::ingest::DRIFT_MILLISECONDS_MAX;
use eyesonly_gate::{RawCredential, Refused};
use eyesonly_rights::Window;

/// A camera of the lane with a credential that is known, and a household that may take it.
struct Moving {
    lane: Lane,
    camera: NewCamera,
    birch: eyesonly_seal::HouseholdId,
}

impl Moving {
    async fn new() -> Self {
        let lane = Lane::new().await;
        let camera = lane.town.admin.add_camera(lane.home, "Porch", "S-1", None).await.unwrap();
        let birch = lane.town.home("Birch Row 9").await;
        lane.town.viewer(Some(birch), "birch").await;
        Self { lane, camera, birch }
    }

    /// Says how the camera is received at the door with a credential.
    async fn received(&self, credential: &str) -> Result<(), Refused> {
        let raw = RawCredential::new(credential);
        self.lane.town.door.admit_camera(&raw).await.map(|_| ())
    }
}

#[tokio::test]
async fn a_camera_that_is_off_hands_in_nothing() {
    let moving = Moving::new().await;
    let (admin, camera) = (&moving.lane.town.admin, moving.camera.camera);
    let owner = moving.lane.signed("owner").await;
    let raw = RawCredential::new(&moving.camera.credential);
    let under_way = moving.lane.town.door.admit_camera(&raw).await.unwrap();
    for _ in 0..2 {
        admin.by(owner()).switch(camera, false).await.unwrap();
    }
    let credential = &moving.camera.credential;
    let refused = moving.received(credential).await;
    assert!(matches!(refused, Err(Refused::Off)), "{refused:?}");
    let refused = moving.lane.town.door.again_intake(&under_way).await;
    assert!(matches!(refused, Err(Refused::Off)), "what is under way: {refused:?}");
    // Its people still see what is there.
    let rights = moving.lane.town.rights(moving.lane.owner).await.unwrap();
    assert_eq!(rights.cameras.len(), 2);
    let birch = moving.lane.signed("birch").await;
    let refused = admin.by(birch()).switch(camera, true).await;
    assert!(matches!(refused, Err(AdminError::Absent(_))), "{refused:?}");
    admin.by(owner()).switch(camera, true).await.unwrap();
    moving.received(credential).await.unwrap();
    admin.remove_camera(camera).await.unwrap();
    let ended = admin.by(owner()).switch(camera, true).await;
    assert!(matches!(ended, Err(AdminError::Ended)), "{ended:?}");
}

#[tokio::test]
async fn a_camera_that_changes_hands_keeps_the_past_apart() {
    let moving = Moving::new().await;
    let Moving { lane, camera, birch } = &moving;
    let admin = &lane.town.admin;
    let share = whole(camera.camera, lane.guest);
    admin.share(share.clone()).await.unwrap();
    let (owner, taker) = (lane.signed("owner").await, lane.signed("birch").await);
    let refused = admin.by(taker()).offer_camera(camera.camera).await.map(|_| ());
    assert!(matches!(refused, Err(AdminError::Absent(_))), "{refused:?}");
    let first = admin.by(owner()).offer_camera(camera.camera).await.unwrap().token;
    let token = admin.by(owner()).offer_camera(camera.camera).await.unwrap().token;
    let invitation = lane.invited().await.token;
    // An invitation's token takes no camera, and a transfer's is no invitation. The first offer
    // ended with the second.
    for token in [&first, &invitation] {
        let refused = admin.by(taker()).take_camera(token, *birch, "Hall").await.map(|_| ());
        assert!(matches!(refused, Err(AdminError::NoInvitation)), "{refused:?}");
    }
    assert!(matches!(admin.look(&token).await, Err(AdminError::NoInvitation)));
    // Nobody takes it into a household that is not theirs, nor into its own.
    let refused = admin.by(owner()).take_camera(&token, *birch, "Hall").await.map(|_| ());
    assert!(matches!(refused, Err(AdminError::Absent(_))), "{refused:?}");
    let refused = admin.by(owner()).take_camera(&token, lane.home, "Hall").await.map(|_| ());
    assert!(matches!(refused, Err(AdminError::Input(_))), "{refused:?}");

    let before = clock::now_milliseconds();
    let new = admin.by(taker()).take_camera(&token, *birch, "Hall").await.unwrap();
    assert_ne!(new.camera, camera.camera);
    let refused = moving.received(&camera.credential).await;
    assert!(matches!(refused, Err(Refused::Unidentified)), "{refused:?}");
    moving.received(&new.credential).await.unwrap();
    // The old people keep the past and see nothing of after; the new ones see the new camera alone.
    for viewer in [lane.owner, lane.guest] {
        let rights = lane.town.rights(viewer).await.unwrap();
        let right = rights.cameras.iter().find(|right| right.camera == camera.camera).unwrap();
        let until = right.window.until_milliseconds.unwrap();
        // Nothing that has come is lost to a clock that is fast.
        let drift = DRIFT_MILLISECONDS_MAX;
        assert!((before..=clock::now_milliseconds()).contains(&(until - drift)));
        assert!(rights.cameras.iter().all(|right| right.camera != new.camera));
    }
    let taken = lane.town.rights(admin.viewer_of("birch").await.unwrap()).await.unwrap();
    assert!(taken.cameras.iter().any(|right| right.camera == new.camera));
    assert!(taken.cameras.iter().all(|right| right.camera != camera.camera));

    // It is taken once. A closed enrolment is not switched, renewed, offered or shared anew.
    let again = admin.by(taker()).take_camera(&token, *birch, "Hall").await.map(|_| ());
    assert!(matches!(again, Err(AdminError::NoInvitation)), "{again:?}");
    let third = lane.town.viewer(None, "third").await;
    for ended in [
        admin.by(owner()).switch(camera.camera, true).await,
        admin.by(owner()).offer_camera(camera.camera).await.map(|_| ()),
        admin.renew_credential(camera.camera).await.map(|_| ()),
        admin.share(Share { viewer: third, ..share.clone() }).await,
    ] {
        assert!(matches!(ended, Err(AdminError::Ended)), "{ended:?}");
    }
    // What is shared of it can be narrowed, and the end of its time stays.
    let wide = Share { window: Window::default(), ..share };
    admin.by(owner()).share(wide).await.unwrap();
    let right = lane.town.rights(lane.guest).await.unwrap().cameras.remove(0);
    assert!(right.window.until_milliseconds.is_some());
    admin.remove_camera(camera.camera).await.unwrap();
    assert!(lane.town.rights(lane.guest).await.unwrap().cameras.is_empty());
    let gone = admin.remove_camera(camera.camera).await;
    assert!(matches!(gone, Err(AdminError::Ended)), "{gone:?}");
}

#[tokio::test]
async fn whoever_owns_both_households_hands_a_camera_over_at_once() {
    let moving = Moving::new().await;
    let Moving { lane, camera, birch } = &moving;
    let admin = &lane.town.admin;
    let owner = lane.signed("owner").await;
    let taker = lane.signed("birch").await;
    for (asker, absent) in [(owner(), "household"), (taker(), "camera")] {
        let refused = admin.by(asker).hand_over(camera.camera, *birch, "Hall").await.map(|_| ());
        assert!(matches!(refused, Err(AdminError::Absent(_))), "{absent}: {refused:?}");
    }
    for (to, name) in [(lane.home, "Hall"), (*birch, "")] {
        let refused = admin.hand_over(camera.camera, to, name).await.map(|_| ());
        assert!(matches!(refused, Err(AdminError::Input(_))), "{name}: {refused:?}");
    }
    moving.received(&camera.credential).await.unwrap();
    let new = admin.hand_over(camera.camera, *birch, "Hall").await.unwrap();
    let refused = moving.received(&camera.credential).await;
    assert!(matches!(refused, Err(Refused::Unidentified)), "{refused:?}");
    moving.received(&new.credential).await.unwrap();
    let again = admin.hand_over(camera.camera, *birch, "Hall").await.map(|_| ());
    assert!(matches!(again, Err(AdminError::Ended)), "{again:?}");
    let rights = lane.town.rights(admin.viewer_of("birch").await.unwrap()).await.unwrap();
    assert!(rights.cameras.iter().all(|right| right.camera != camera.camera));
}

#[tokio::test]
async fn an_offer_ends_with_what_it_comes_from() {
    let moving = Moving::new().await;
    let Moving { lane, camera, birch } = &moving;
    let admin = &lane.town.admin;
    let (owner, taker) = (lane.signed("owner").await, lane.signed("birch").await);
    let gone = async |token: &str, why: &str| {
        let taken = admin.by(taker()).take_camera(token, *birch, "Hall").await.map(|_| ());
        assert!(matches!(taken, Err(AdminError::NoInvitation)), "{why}: {taken:?}");
    };
    let token = admin.by(owner()).offer_camera(camera.camera).await.unwrap().token;
    admin.by(owner()).keep_camera(camera.camera).await.unwrap();
    gone(&token, "taken back").await;
    let token = admin.by(owner()).offer_camera(camera.camera).await.unwrap().token;
    lane.town.viewer(Some(lane.home), "second").await;
    admin.remove_member(lane.home, lane.owner).await.unwrap();
    gone(&token, "its giver was removed").await;
    let token = admin.offer_camera(camera.camera).await.unwrap().token;
    admin.remove_camera(camera.camera).await.unwrap();
    gone(&token, "the camera is gone").await;
    // Two who take it at the same moment do not both get it.
    let other = admin.add_camera(lane.home, "Yard", "", None).await.unwrap();
    let token = admin.offer_camera(other.camera).await.unwrap().token;
    let (one, two) = (admin.by(taker()), admin.by(taker()));
    let both = tokio::join!(
        one.take_camera(&token, *birch, "One"),
        two.take_camera(&token, *birch, "Two")
    );
    assert!(both.0.is_ok() != both.1.is_ok());
}
