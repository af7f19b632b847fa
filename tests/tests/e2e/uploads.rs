//! Uploads: each is taken once, whole or not at all, in order.

use eyesonly_harness::footage::{description, fresh_id, mp4_around, noise};
use eyesonly_tests::built::ROOT;
use eyesonly_tests::footage::media;
use eyesonly_tests::poll;
use eyesonly_tests::tool::tool;
use reqwest::Body;
use serde_json::json;
use std::process::Command;

use crate::Home;

#[tokio::test]
async fn the_same_again_is_200_and_another_is_409() {
    let home = Home::new().await;
    let (still, other_still) =
        (media("special/orientation-1.jpg"), media("special/orientation-2.jpg"));
    let (clip, other_clip) =
        (mp4_around(&noise("one", 2_000_000)), mp4_around(&noise("other", 2_000_000)));
    let event = fresh_id();
    home.camera.put_event(&event, &description("once")).await.expect(201);
    home.camera.put_event(&event, &description("once")).await.expect(200);
    // This is the same description, written otherwise.
    let spaced = home.camera.upload(&format!("events/{event}"), "application/json");
    let spaced =
        spaced.body(r#"{ "duration_milliseconds" : 4000, "label" : "once", "kind" : "motion" }"#);
    eyesonly_tests::Answer::of(spaced).await.expect(200);
    home.camera.put_event(&event, &description("twice")).await.expect_problem(409);

    home.camera.put_still(&event, still.clone()).await.expect(201);
    home.camera.put_event_still(&event, still.clone()).await.expect(201);
    home.camera.put_clip(&event, clip.clone()).await.expect(201);
    let files = home.edge.store_files();
    for _ in 0..2 {
        home.camera.put_still(&event, still.clone()).await.expect(200);
        home.camera.put_event_still(&event, still.clone()).await.expect(200);
        home.camera.put_clip(&event, clip.clone()).await.expect(200);
        home.camera.put_still(&event, other_still.clone()).await.expect_problem(409);
        home.camera.put_event_still(&event, other_still.clone()).await.expect_problem(409);
        home.camera.put_clip(&event, other_clip.clone()).await.expect_problem(409);
    }
    assert_eq!(home.edge.store_files(), files);
    assert!(home.viewer.clip(&home.camera, &event).await.expect(200).body == clip);
    assert_eq!(home.viewer.event(&home.camera, &event).await.expect(200).json()["label"], "once");
}

#[tokio::test]
async fn of_uploads_at_once_one_wins_and_the_rest_are_compared_with_it() {
    let home = Home::new().await;
    for round in 0..5 {
        let event = fresh_id();
        home.camera.put_event(&event, &description("at once")).await.expect(201);
        let bodies: Vec<_> =
            (0..2).map(|body| mp4_around(&noise(&format!("{round} {body}"), 1_500_000))).collect();
        let before = home.edge.objects().len();
        let uploads = (0..6).map(|number| home.camera.put_clip(&event, bodies[number % 2].clone()));
        let answers = futures::future::join_all(uploads).await;
        let shown = home.viewer.clip(&home.camera, &event).await.expect(200).body;
        let winner =
            bodies.iter().position(|body| *body == shown).expect("the clip is one of the two");
        let mut created = 0;
        for (number, answer) in answers.iter().enumerate() {
            let same = number % 2 == winner;
            match answer.status {
                201 if same => created += 1,
                200 if same => {}
                409 if !same => {}
                _ => panic!(
                    "{} for a body that is {}the winner's",
                    answer.told(),
                    if same { "" } else { "not " }
                ),
            }
        }
        assert_eq!(created, 1);
        poll("only the winner's object stays", 30, async || {
            home.edge.store_files().len() == before + 1
        })
        .await;
    }
}

#[tokio::test]
async fn an_event_comes_before_its_still_and_its_clip() {
    let home = Home::new().await;
    let event = fresh_id();
    home.camera
        .put_event_still(&event, media("special/orientation-1.jpg"))
        .await
        .expect_problem(409);
    home.camera.put_clip(&event, mp4_around(b"a clip")).await.expect_problem(409);
    assert!(home.edge.store_files().is_empty());
    home.camera.put_event(&event, &description("first")).await.expect(201);
    home.camera.put_event_still(&event, media("special/orientation-1.jpg")).await.expect(201);
    home.camera.put_clip(&event, mp4_around(b"a clip")).await.expect(201);
}

/// A body without Content-Length and without Content-Digest is taken as it comes.
#[tokio::test]
async fn a_body_may_come_in_pieces() {
    let home = Home::new().await;
    let event = fresh_id();
    home.camera.put_event(&event, &json!({ "kind": "motion" })).await.expect(201);
    let clip = mp4_around(&noise("pieces", 300_000));
    let pieces: Vec<_> =
        clip.chunks(777).map(|piece| Ok::<_, std::io::Error>(piece.to_vec())).collect();
    let upload = home.camera.upload(&format!("events/{event}/clip"), "video/mp4");
    eyesonly_tests::Answer::of(upload.body(Body::wrap_stream(futures::stream::iter(pieces))))
        .await
        .expect(201);
    assert!(home.viewer.clip(&home.camera, &event).await.expect(200).body == clip);
}

/// docs/hand-in.sh is what the README tells people to run by cron.
#[tokio::test]
async fn the_script_for_cron_hands_in_a_picture_or_nothing() {
    if !tool("ffmpeg") || !tool("curl") {
        return;
    }
    let home = Home::new().await;
    let (edge, credential) = (home.edge.door().address(), home.camera.credential.clone());
    let run = async |camera: &str| {
        let mut script = Command::new("sh");
        script.arg(format!("{ROOT}/docs/hand-in.sh")).current_dir("/");
        script.env("EDGE", &edge).env("CREDENTIAL", &credential).env("CAMERA", camera);
        let output = tokio::task::spawn_blocking(move || script.output()).await.unwrap().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        (output.status.success(), said.trim().to_owned())
    };
    // A camera that gives no picture must not look as if it had given one.
    let gone = run(&format!("{ROOT}/tests/media/gone.mp4")).await;
    assert_eq!(gone, (false, String::new()));
    home.viewer.thumbnail(&home.camera, 160).await.expect_problem(404);
    let taken = run(&format!("{ROOT}/tests/media/alder-driveway-car.mp4")).await;
    assert_eq!(taken, (true, "201".to_owned()));
    home.viewer.thumbnail(&home.camera, 160).await.expect(200);
}
