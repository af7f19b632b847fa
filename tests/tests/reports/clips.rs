//! Clips: what players play is taken, byte for byte; what is refused says what to do.

use super::{event_with_clip, report};
use eyesonly_tests::Home;

#[tokio::test]
async fn r09_bytes_after_the_last_box() {
    let home = Home::new().await;
    for name in [
        "00-good-h264-aac-faststart.mp4",
        "00b-h264-aac-moov-at-end.mp4",
        "00c-h264-fragmented.mp4",
        "09-mp4-4-zero-bytes-after-last-box.mp4",
        "09c-mp4-dhav-8-bytes-after-last-box.mp4",
        "23-hevc-hev1-aac.mp4",
        "23c-h264-pcm-ipcm-like-mediamtx.mp4",
    ] {
        let clip = report(name);
        let (event, answer) = event_with_clip(&home, clip.clone()).await;
        assert_eq!(answer.status, 201, "{name}: {}", answer.told());
        let back = home.viewer.clip(&home.camera, &event).await.expect(200);
        assert!(back.body == clip, "{name} came back otherwise");
    }
}

#[tokio::test]
async fn r09_a_quicktime_file_is_told_what_to_do() {
    let home = Home::new().await;
    let (_, answer) = event_with_clip(&home, report("09e-quicktime-skip-first-no-ftyp.mp4")).await;
    let answer = answer.expect_problem(415);
    let told = answer.told();
    assert!(told.contains("QuickTime") && told.contains("ffmpeg"), "{told}");
}

#[tokio::test]
async fn r17_json_has_one_kind_of_number() {
    let home = Home::new().await;
    for (text, expected) in [
        (r#"{"kind":"motion","duration_milliseconds":8000.0}"#, 201),
        (r#"{"kind":"motion","duration_milliseconds":8e3}"#, 201),
        (r#"{"kind":"motion","duration_milliseconds":8000}"#, 201),
        (r#"{"kind":"motion","label":null,"duration_milliseconds":null}"#, 201),
        (r#"{"kind":"motion","duration_milliseconds":8000.5}"#, 422),
        (r#"{"kind":"motion","duration_milliseconds":-1}"#, 422),
        (r#"{"kind":"motion","duration_milliseconds":"8000"}"#, 422),
        (r#"{"kind":"motion","duration_milliseconds":1e99}"#, 422),
    ] {
        let event = eyesonly_harness::footage::fresh_id();
        let request = home.camera.upload(&format!("events/{event}"), "application/json");
        let answer = eyesonly_tests::Answer::of_upload(request.body(text)).await;
        assert_eq!(answer.status, expected, "{text}: {}", answer.told());
        if expected == 201 && !text.contains("null") {
            let shown = home.viewer.event(&home.camera, &event).await.expect(200).json();
            assert_eq!(shown["duration_milliseconds"], 8000, "{text}");
        }
    }
}
