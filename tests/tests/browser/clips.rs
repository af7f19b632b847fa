//! Clips that this browser can't play, or only without their sound: the page says so.

use bytes::Bytes;
use eyesonly_harness::footage::{description, fresh_id};
use eyesonly_tests::Home;
use eyesonly_tests::footage::{ffmpeg, media};
use eyesonly_tests::tool::tool;
use eyesonly_tests::webdriver::Browser;
use serde_json::{Value, json};

use super::{item, screenshots, sign_in, testid};

/// A script that returns what the player shows.
const PLAYER: &str = "
    const part = (name) => document.querySelector(`[data-testid=${name}]`);
    const link = part('player-download');
    return {
        words: part('player-message').checkVisibility() ? part('player-message').textContent : '',
        sound: part('player-sound').textContent,
        video: part('clip-video').checkVisibility(),
        width: part('clip-video').videoWidth,
        still: part('event-still').checkVisibility() ? part('event-still').naturalWidth : 0,
        link: link.checkVisibility() ? link.getAttribute('href') : null,
        file: link.download,
    };";

/// Hands in an event with this clip, opens it, and waits until the player says this.
async fn opened(clip: Bytes, what: &str, condition: &str) -> (Home, Browser, Value) {
    let home = Home::new().await;
    let event = fresh_id();
    home.camera.put_event(&event, &description("a clip")).await.expect(201);
    home.camera.put_event_still(&event, media("alder-driveway-car.jpg")).await.expect(201);
    home.camera.put_clip(&event, clip).await.expect(201);
    let browser = Browser::start(1280, 900).await;
    sign_in(&browser, &home.edge.door().address(), &home.account).await;
    browser.click(&testid("camera-events")).await;
    browser.click(&item(&event)).await;
    let body =
        format!("const player = (() => {{ {PLAYER} }})(); return ({condition}) ? player : null");
    let player = browser.until(what, &body, &[]).await;
    (home, browser, player)
}

/// Checks that the link that is offered has this file.
async fn the_file_is_offered(browser: &Browser, player: &Value, clip: &Bytes) {
    let size = "window.size = null; fetch(arguments[0]).then((answer) => answer.blob())\
                .then((blob) => { window.size = blob.size; })";
    browser.script(size, std::slice::from_ref(&player["link"])).await;
    let size = browser.until("the link is answered", "return window.size", &[]).await;
    assert_eq!(size, clip.len());
    let name = player["file"].as_str().unwrap();
    assert!(name.starts_with("Front door 20") && name.ends_with(".mp4"), "{name}");
}

#[tokio::test]
async fn r23_a_video_that_the_browser_cannot_play() {
    if !tool("chromium") {
        return;
    }
    let clip = media("reports/23-hevc-hev1-aac.mp4");
    let says = "player.words.includes('H.265') && player.still";
    let (_home, browser, player) = opened(clip.clone(), "the player says why", says).await;
    assert_eq!((&player["video"], &player["sound"]), (&json!(false), &json!("")), "{player}");
    browser.photograph(&screenshots().join("player-hevc.png")).await;
    the_file_is_offered(&browser, &player, &clip).await;
}

#[tokio::test]
async fn r23_sound_that_the_browser_cannot_play() {
    if !tool("chromium") || !tool("ffmpeg") {
        return;
    }
    let sound = "-t 3 -f lavfi -i sine=r=48000 -t 3 -c:v libx264 -pix_fmt yuv420p -c:a ac3";
    let clip = ffmpeg("testsrc=s=320x240:r=15", sound, "clip.mp4");
    let says = "player.sound.includes('AC-3') && player.width";
    let (_home, browser, player) = opened(clip.clone(), "the player says it", says).await;
    assert_eq!((&player["video"], &player["words"]), (&json!(true), &json!("")), "{player}");
    browser.photograph(&screenshots().join("player-ac3.png")).await;
    the_file_is_offered(&browser, &player, &clip).await;
}

/// Plays a clip to its end, and returns what the player says then, and whether it decoded sound.
async fn played(clip: &str) -> (Value, bool) {
    let there = "player.video && player.width";
    let (_home, browser, player) = opened(media(clip), "it is there", there).await;
    assert_eq!(player["words"], "", "{player}");
    let ended = "const video = document.querySelector('#player-video'); \
                 if (video.ended) return true; \
                 video.muted = true; video.play(); return false";
    browser.until("it plays to its end", ended, &[]).await;
    let decoded = "return document.querySelector('#player-video').webkitAudioDecodedByteCount > 0";
    let decoded = browser.script(decoded, &[]).await.as_bool().unwrap();
    (browser.script(PLAYER, &[]).await, decoded)
}

#[tokio::test]
async fn r23_what_plays_has_no_such_words() {
    if !tool("chromium") {
        return;
    }
    let (player, decoded) = played("reports/00b-h264-aac-moov-at-end.mp4").await;
    assert!(decoded && player["sound"] == "" && player["link"].is_null(), "{player}");
    // No browser says that it plays PCM. Some do, and only the others need the words.
    let (player, decoded) = played("reports/23c-h264-pcm-ipcm-like-mediamtx.mp4").await;
    let says = player["sound"].as_str().unwrap().contains("PCM");
    assert!(says != decoded && player["link"].is_null() == decoded, "{player}");
}
