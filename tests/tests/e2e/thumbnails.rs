//! Thumbnails: a sound JPEG of the right width, the right way up, of the right camera.

use bytes::Bytes;
use eyesonly_harness::footage::{description, footage_id, fresh_id, now_milliseconds};
use eyesonly_tests::footage::{ffmpeg, flat_still, manifest, media};
use eyesonly_tests::picture::{Picture, apart, colour, nearest};
use eyesonly_tests::tool::tool;
use eyesonly_tests::{Camera, Edge, EdgeOptions, Viewer};

use crate::Home;

/// The most that JPEG and scaling may change a channel of a flat colour.
const TOLERANCE: u8 = 12;

async fn thumbnail(viewer: &Viewer, camera: &Camera, width: u32) -> Picture {
    let answer = viewer.thumbnail(camera, width).await.expect(200);
    assert_eq!(answer.header("content-type"), "image/jpeg");
    assert_eq!(answer.header("cache-control"), "private, no-store");
    Picture::decode(&answer.body)
}

/// Hands in `jpeg` as the still of a new event, and returns its thumbnail.
async fn event_still(home: &Home, jpeg: Bytes, width: u32) -> Picture {
    let event = fresh_id();
    home.camera.put_event(&event, &description("a still")).await.expect(201);
    home.camera.put_event_still(&event, jpeg).await.expect(201);
    let answer = home.viewer.event_thumbnail(&home.camera, &event, width).await.expect(200);
    assert_eq!(answer.header("content-type"), "image/jpeg");
    Picture::decode(&answer.body)
}

#[tokio::test]
async fn each_viewer_sees_their_own_cameras_and_each_camera_its_own_picture() {
    let edge = Edge::start(EdgeOptions::default());
    let manifest = manifest();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let mut households = Vec::new();
    let mut colours = Vec::new();
    for household in &manifest.households {
        let enrolled = edge.household(&household.name);
        let mut cameras = Vec::new();
        for camera in &household.cameras {
            let handle = enrolled.camera(&camera.name);
            handle.put_still(&fresh_id(), media(&camera.still)).await.expect(201);
            colours.push(camera.corner_colour.clone());
            cameras.push((handle, camera.name.clone(), camera.corner_colour.clone()));
        }
        households.push((enrolled.viewer(&household.login).login().await, cameras));
    }
    assert!(households.len() == 3 && colours.len() == 8);
    for (viewer, cameras) in &households {
        let listed = viewer.cameras().await;
        let listed: Vec<_> =
            listed.iter().map(|camera| (text(&camera["id"]), text(&camera["name"]))).collect();
        let mut own: Vec<_> =
            cameras.iter().map(|(camera, name, _)| (camera.id.clone(), name.clone())).collect();
        let mut sorted = listed.clone();
        sorted.sort();
        own.sort();
        assert_eq!(sorted, own);
        for (camera, name, corner) in cameras {
            for width in [320, 640] {
                let picture = thumbnail(viewer, camera, width).await;
                assert_eq!(
                    (picture.width, picture.height),
                    (width as usize, width as usize * 9 / 16),
                    "{name}"
                );
                let seen = picture.corner();
                assert_eq!(
                    nearest(seen, colours.iter().map(String::as_str)),
                    corner,
                    "{name} shows {seen:?}"
                );
            }
        }
    }
    // All ask at once, many times: nothing that requests share may mix them.
    let asked: Vec<_> = households
        .iter()
        .flat_map(|(viewer, cameras)| cameras.iter().map(move |camera| (viewer, camera)))
        .collect();
    let rounds = (0..6).flat_map(|_| &asked).map(|(viewer, (camera, _, corner))| async move {
        assert!(
            apart(thumbnail(viewer, camera, 160).await.corner(), colour(corner)) <= 24,
            "{corner}"
        );
    });
    futures::future::join_all(rounds).await;
    assert_eq!(edge.misdeliveries().await, 0.0);
}

#[tokio::test]
async fn flat_colours_come_back_as_they_were() {
    if !tool("ffmpeg") {
        return;
    }
    let edge = Edge::start(EdgeOptions::default());
    for (name, wanted) in [("alder", "#c02020"), ("birch", "#20a040"), ("cedar", "#2030c0")] {
        let household = edge.household(name);
        let (camera, viewer) =
            (household.camera("Front door"), household.viewer(name).login().await);
        camera.put_still(&fresh_id(), flat_still(wanted, 1280, 720)).await.expect(201);
        for width in [160, 960] {
            let seen = thumbnail(&viewer, &camera, width).await.colour();
            assert!(apart(seen, colour(wanted)) <= TOLERANCE, "{name}: {seen:?} for {wanted}");
        }
    }
}

#[tokio::test]
async fn widths_are_rounded_up_and_never_above_the_source() {
    let home = Home::new().await;
    home.camera.put_still(&fresh_id(), media("alder-front-door.jpg")).await.expect(201);
    for (asked, expected) in [
        (1, 160),
        (159, 160),
        (160, 160),
        (161, 320),
        (320, 320),
        (321, 640),
        (641, 960),
        (961, 1280),
        (1281, 1920),
        (1920, 1920),
    ] {
        let picture = thumbnail(&home.viewer, &home.camera, asked).await;
        assert_eq!(
            (picture.width, picture.height),
            (expected, expected * 9 / 16),
            "asked for {asked}"
        );
    }
    // A question without a width gets 320.
    let answer =
        home.viewer.get(&format!("cameras/{}/thumbnail", home.camera.id)).await.expect(200);
    assert_eq!(Picture::decode(&answer.body).width, 320);
    for (still, width, height) in [
        ("special/orientation-1.jpg", 64, 48),
        ("special/progressive.jpg", 960, 540),
        ("cedar-porch-guest.jpg", 1280, 720),
    ] {
        let picture = event_still(&home, media(still), 1920).await;
        assert_eq!((picture.width, picture.height), (width, height), "{still} was scaled up");
    }
}

#[tokio::test]
async fn pictures_are_shown_upright() {
    let home = Home::new().await;
    for orientation in 1..=8 {
        let picture =
            event_still(&home, media(&format!("special/orientation-{orientation}.jpg")), 320).await;
        assert_eq!((picture.width, picture.height), (64, 48), "orientation {orientation}");
        let corners = [
            ((0.1, 0.1), "#ff0000"),
            ((0.6, 0.1), "#00ff00"),
            ((0.1, 0.6), "#0000ff"),
            ((0.6, 0.6), "#ffff00"),
        ];
        for ((left, top), wanted) in corners {
            let seen = picture.mean((left, top), (left + 0.3, top + 0.3));
            let is = nearest(seen, ["#ff0000", "#00ff00", "#0000ff", "#ffff00"]);
            assert_eq!(is, wanted, "orientation {orientation} at {left}, {top}: {seen:?}");
        }
    }
}

#[tokio::test]
async fn other_kinds_of_jpeg_are_shown() {
    let home = Home::new().await;
    let progressive = event_still(&home, media("special/progressive.jpg"), 320).await;
    assert_eq!((progressive.width, progressive.height), (320, 180));
    let source = Picture::decode(&media("special/progressive.jpg"));
    assert!(apart(progressive.colour(), source.colour()) <= TOLERANCE);
    let grey = event_still(&home, media("special/greyscale.jpg"), 320).await;
    assert_eq!((grey.width, grey.height), (320, 180));
    let source = Picture::decode(&media("special/greyscale.jpg"));
    assert!(apart(grey.colour(), source.colour()) <= TOLERANCE);
    let [red, green, blue] = grey.colour();
    assert!(
        red.abs_diff(green) <= 2 && green.abs_diff(blue) <= 2,
        "grey became {:?}",
        grey.colour()
    );
    if tool("ffmpeg") {
        for format in ["yuvj420p", "yuvj422p", "yuvj444p", "gray"] {
            let jpeg = ffmpeg(
                "testsrc=s=641x479",
                &format!("-frames:v 1 -c:v mjpeg -q:v 3 -pix_fmt {format}"),
                "still.jpg",
            );
            let picture = event_still(&home, jpeg.clone(), 320).await;
            assert!(
                picture.width == 320 && (238..=240).contains(&picture.height),
                "{format}: {}×{}",
                picture.width,
                picture.height
            );
            assert!(
                apart(picture.colour(), Picture::decode(&jpeg).colour()) <= TOLERANCE,
                "{format}"
            );
        }
    }
}

#[tokio::test]
async fn the_newest_still_is_the_one_that_came_last() {
    let home = Home::new().await;
    home.viewer.thumbnail(&home.camera, 320).await.expect_problem(404);
    let now = now_milliseconds();
    let corner = |picture: &Picture, wanted: &str| apart(picture.corner(), colour(wanted)) <= 24;
    home.camera.put_still(&footage_id(now - 1000), media("alder-driveway.jpg")).await.expect(201);
    assert!(corner(&thumbnail(&home.viewer, &home.camera, 320).await, "#2e86de"));
    home.camera.put_still(&footage_id(now), media("alder-front-door.jpg")).await.expect(201);
    assert!(
        corner(&thumbnail(&home.viewer, &home.camera, 320).await, "#e4572e"),
        "a newer still is not shown"
    );
    // What came last is shown, whatever the camera's clock says.
    home.camera.put_still(&footage_id(now - 500), media("alder-driveway.jpg")).await.expect(201);
    assert!(
        corner(&thumbnail(&home.viewer, &home.camera, 320).await, "#2e86de"),
        "the still before is shown"
    );
}
