//! Clocks: what came last is the newest, and a camera whose clock is wrong learns of it.

use super::report;
use eyesonly_harness::footage::{footage_id, now_milliseconds};
use eyesonly_tests::Home;
use eyesonly_tests::picture::Picture;

#[tokio::test]
async fn r19_a_clock_that_was_ahead_and_is_set_right() {
    let home = Home::new().await;
    let ahead = now_milliseconds() + 4 * 60 * 1000;
    let (red, blue) = (report("19-red.jpg"), report("19-blue.jpg"));
    home.camera.put_still(&footage_id(ahead), red).await.expect(201);
    home.camera.put_still(&footage_id(now_milliseconds()), blue).await.expect(201);
    let shown = home.viewer.thumbnail(&home.camera, 320).await.expect(200);
    let [red, _, blue] = Picture::decode(&shown.body).colour();
    assert!(blue > 150 && red < 100, "what came last is shown at once");
}
