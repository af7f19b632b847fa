//! Clips: what players play is taken, byte for byte; what is refused says what to do.

use super::{event_with_clip, report};
use bytes::Bytes;
use eyesonly_harness::footage::mp4_box;
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
async fn r09_variants() {
    let home = Home::new().await;
    let (sound, fragments) =
        (report("00-good-h264-aac-faststart.mp4"), report("00c-h264-fragmented.mp4"));
    let hevc = report("23-hevc-hev1-aac.mp4");
    // The file type comes first, and its length says where the next box starts.
    let file_type = sound[3].into();
    let with_tail = |clip: &Bytes, tail: &[u8]| -> Bytes { [clip, tail].concat().into() };
    let free = mp4_box(b"free", &[0; 5000]);
    for (name, clip) in [
        ("one byte", with_tail(&sound, &[0])),
        ("CR LF", with_tail(&sound, b"\r\n")),
        ("64 KiB of zeros", with_tail(&sound, &[0; 64 * 1024])),
        ("64 KiB of 0xFF", with_tail(&sound, &[0xFF; 64 * 1024])),
        ("a trailer in a box", with_tail(&sound, &mp4_box(b"dhav", &[7; 3000]))),
        ("a trailer behind a free box", with_tail(&sound, &[&*free, &[0; 4]].concat())),
        ("after fragments", with_tail(&fragments, &[0; 4])),
        ("after HEVC", with_tail(&hevc, b"dhavY\x19\x01\0")),
        (
            "free space behind the file type",
            [&sound[..file_type], &free, &sound[file_type..], &[0; 4]].concat().into(),
        ),
    ] {
        let (event, answer) = event_with_clip(&home, clip.clone()).await;
        assert_eq!(answer.status, 201, "{name}: {}", answer.told());
        let back = home.viewer.clip(&home.camera, &event).await.expect(200);
        assert!(back.body == clip, "{name} came back otherwise");
    }
    for kind in [b"wide", b"free", b"mdat", b"moov", b"pnot"] {
        let clip = [&mp4_box(kind, &[0; 8]), &sound[file_type..]].concat();
        let (_, answer) = event_with_clip(&home, clip.into()).await;
        assert!(answer.expect_problem(415).told().contains("ffmpeg"), "{kind:?}");
    }
    for (name, clip, status) in [
        ("a trailer of 64 KiB and a byte", with_tail(&sound, &[0; 64 * 1024 + 1]), 422),
        ("cut in the last box", sound.slice(..sound.len() - 100), 422),
        ("cut off, then a trailer", with_tail(&sound.slice(..file_type), &[0; 4000]), 422),
    ] {
        let (_, answer) = event_with_clip(&home, clip).await;
        assert_eq!(answer.expect_problem(status).status, status, "{name}");
    }
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
