//! hls.js plays the playlist, with the cookie of the page alone.

use eyesonly_tests::built::{Edition, edition};
use eyesonly_tests::live::{Streaming, recording};
use eyesonly_tests::tool::tool;
use eyesonly_tests::webdriver::Browser;
use eyesonly_tests::{Edge, EdgeOptions, npm, poll};
use serde_json::json;

use super::sign_in;

const VERSION: &str = "1.7.4";
const SHA256: &str = "e4ab3d5d13f7cca9ef241d098f39686e19fd451831ba07dc9943482fd5ff75c7";

/// Plays a playlist (`arguments[0]`) for some seconds (`arguments[1]`), and calls back with what it
/// played and each error.
const PLAY: &str = "
    const [address, seconds, done] = arguments;
    const video = document.createElement('video');
    video.muted = true;
    document.body.append(video);
    const errors = [];
    const hls = new Hls({ enableWorker: false });
    hls.on(Hls.Events.ERROR, (_, data) => errors.push(`${data.details} ${data.fatal}`));
    const play = () => video.play().catch((error) => errors.push(String(error)));
    hls.on(Hls.Events.MANIFEST_PARSED, play);
    hls.loadSource(address);
    hls.attachMedia(video);
    const start = performance.now();
    let first = null;
    const timer = setInterval(() => {
        if (first === null && video.currentTime > 0) first = video.currentTime;
        const played = first === null ? 0 : video.currentTime - first;
        if (played < seconds && performance.now() - start < 40_000) return;
        clearInterval(timer);
        const state = [video.readyState, video.paused, video.currentTime, video.buffered.length];
        done({ played, errors, width: video.videoWidth, state });
    }, 250);";

#[tokio::test]
async fn hls_js_plays_the_playlist_with_the_cookie() {
    if edition() != Edition::Native || !tool("chromium") || !tool("curl") {
        return;
    }
    let edge = Edge::start(EdgeOptions::default());
    let household = edge.household("Alder Lane 4");
    let (camera, account) = (household.camera("Front door"), household.viewer("alder"));
    let _streaming = Streaming::start(&camera, "main", recording("alder-front-door"));
    let viewer = account.login().await;
    let path = format!("cameras/{}/live/index.m3u8", camera.id);
    poll("four segments are whole", 60, async || viewer.get(&path).await.status == 200).await;
    let browser = Browser::start(800, 600).await;
    sign_in(&browser, &edge.door().address(), &account).await;
    // It is a script of the test, and not of the page, whose policy allows none.
    let library = npm::file("hls.js", VERSION, SHA256, "dist/hls.light.min.js");
    let library = String::from_utf8(library).unwrap();
    let script = format!(
        "const module = {{ exports: {{}} }}; const exports = module.exports; {library}\n; \
         const Hls = module.exports; {PLAY}"
    );
    let told = browser.later(&script, &[json!(path), json!(8)]).await;
    assert!(told["played"].as_f64().unwrap() >= 8.0, "{told}");
    assert_eq!((&told["errors"], &told["width"]), (&json!([]), &json!(640)), "{told}");
}
