//! A household's quota: uploads beyond it are refused, and serving goes on.

use eyesonly_harness::footage::{description, fresh_id, mp4_around, noise};
use eyesonly_tests::{Household, poll};

use crate::Home;

#[tokio::test]
async fn a_household_has_its_quota_and_no_more() {
    let home = Home::new().await;
    let small = home.edge.household_with_quota("Birch Court 9", 1_000_000);
    let (camera, viewer) = (small.camera("Hallway"), small.viewer("birch").login().await);
    let first = fresh_id();
    camera.put_event(&first, &description("fits")).await.expect(201);
    camera.put_clip(&first, mp4_around(&noise("fits", 700_000))).await.expect(201);
    let second = fresh_id();
    camera.put_event(&second, &description("has no clip")).await.expect(201);
    camera.put_clip(&second, mp4_around(&noise("does not", 700_000))).await.expect_problem(507);
    // What was acknowledged is acknowledged again: that needs no room.
    camera.put_clip(&first, mp4_around(&noise("fits", 700_000))).await.expect(200);
    // Without a Content-Length, the edge finds out at the end.
    let pieces: Vec<_> = mp4_around(&noise("does not", 700_000))
        .chunks(50_000)
        .map(|c| Ok::<_, std::io::Error>(c.to_vec()))
        .collect();
    let body = reqwest::Body::wrap_stream(futures::stream::iter(pieces));
    let upload = camera.upload(&format!("events/{second}/clip"), "video/mp4").body(body);
    eyesonly_tests::Answer::of(upload).await.expect_problem(507);
    assert_eq!(viewer.event(&camera, &second).await.expect(200).json()["clip"], false);
    poll("nothing of it is kept", 30, async || home.edge.store_files().len() == 1).await;
    // Another household has a quota of its own, and deleted footage counts no more.
    let event = fresh_id();
    home.camera.put_event(&event, &description("elsewhere")).await.expect(201);
    home.camera.put_clip(&event, mp4_around(&noise("elsewhere", 700_000))).await.expect(201);
    viewer.delete(&camera, &first).await.expect(204);
    camera.put_clip(&second, mp4_around(&noise("fits now", 700_000))).await.expect(201);
}

#[tokio::test]
async fn two_uploads_at_once_do_not_share_the_last_room() {
    let home = Home::new().await;
    let small: Household = home.edge.household_with_quota("Birch Court 9", 1_000_000);
    let (camera, viewer) = (small.camera("Hallway"), small.viewer("birch").login().await);
    let events: Vec<_> = (0..4).map(|_| fresh_id()).collect();
    for event in &events {
        camera.put_event(event, &description("at once")).await.expect(201);
    }
    let uploads =
        events.iter().map(|event| camera.put_clip(event, mp4_around(&noise(event, 600_000))));
    let mut statuses: Vec<_> =
        futures::future::join_all(uploads).await.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 507, 507, 507]);
    let clips = viewer.events(&camera).await.iter().filter(|event| event["clip"] == true).count();
    assert_eq!(clips, 1);
}
