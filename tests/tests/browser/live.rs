//! The live picture in the page: how far it is behind the world, and that it never stands still
//! where it looks live.
//!
//! Variable: EYESONLY_LIVE_SECONDS, how long it is watched. The pictures carry their time.

use std::process::Command;
use std::time::Duration;

use eyesonly_harness::installation::TlsFiles;
use eyesonly_tests::built::{Edition, edition};
use eyesonly_tests::burnt::{AGES, Burnt};
use eyesonly_tests::footage::ffmpeg;
use eyesonly_tests::live::{Stream, Streaming, recording};
use eyesonly_tests::tool::tool;
use eyesonly_tests::webdriver::Browser;
use eyesonly_tests::{Account, Camera, Edge, EdgeOptions, variable};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::proxy::Proxy;
use super::{screenshots, sign_in};

const GONE: &str = "return !document.querySelector(arguments[0])";
const VIDEO: &str = ".card .picture[data-live='live'] video";

struct Watched {
    edge: Edge,
    camera: Camera,
    account: Account,
}

impl Watched {
    fn with(options: EdgeOptions) -> Self {
        let edge = Edge::start(options);
        let household = edge.household("Alder Lane 4");
        let (camera, account) = (household.camera("Front door"), household.viewer("alder"));
        Self { edge, camera, account }
    }

    fn film(&self, key_frames: u32) -> Burnt {
        let address = format!("{}/v1/ingest/live/main", self.edge.door().address());
        Burnt::start(&address, &self.camera.credential, key_frames)
    }

    async fn signed_in(&self) -> Browser {
        let browser = Browser::start(1280, 900).await;
        sign_in(&browser, &self.edge.door().address(), &self.account).await;
        browser
    }
}

/// The sorted ages of the pictures that were shown, and the longest time between two of them, in
/// milliseconds.
struct Ages {
    ages: Vec<u64>,
    gap: u64,
}

impl Ages {
    async fn of(browser: &Browser, seconds: u64) -> Self {
        let told = browser.later(AGES, &[json!(VIDEO), json!(seconds * 1000)]).await;
        let numbers = |name: &str| -> Vec<u64> {
            told[name].as_array().unwrap().iter().filter_map(Value::as_u64).collect()
        };
        let (mut ages, gaps) = (numbers("ages"), numbers("gaps"));
        ages.sort_unstable();
        assert!(ages.len() as u64 > seconds * 5, "{} pictures in {seconds} s", ages.len());
        Self { ages, gap: gaps.into_iter().max().unwrap() }
    }

    fn at(&self, percent: usize) -> u64 {
        self.ages[(self.ages.len() - 1) * percent / 100]
    }

    fn print(&self, what: &str) {
        println!(
            "{what}: {} pictures, p50 {} ms, p95 {} ms, longest gap {} ms",
            self.ages.len(),
            self.at(50),
            self.at(95),
            self.gap
        );
    }
}

fn certificate(folder: &TempDir) -> TlsFiles {
    let (certificate, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    TlsFiles { certificate, key }
}

fn seconds() -> u64 {
    variable("EYESONLY_LIVE_SECONDS", 6)
}

fn is_possible() -> bool {
    edition() == Edition::Native && tool("chromium") && tool("ffmpeg")
}

async fn is_live(browser: &Browser) {
    let body = "return document.querySelector(arguments[0])?.videoWidth > 0";
    browser.until("the picture is live", body, &[json!(VIDEO)]).await;
}

async fn watch(watched: &Watched, what: &str, key_frames: u32) -> Ages {
    let _camera = watched.film(key_frames);
    let browser = watched.signed_in().await;
    is_live(&browser).await;
    // It steers in the first seconds.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let ages = Ages::of(&browser, seconds()).await;
    ages.print(what);
    browser.photograph(&screenshots().join(format!("live-{what}.png"))).await;
    for line in browser.log().await {
        assert!(line.source != "javascript", "{line:?}");
    }
    ages
}

/// A second is far more than what is measured, so that a busy machine does not fail the test. A
/// picture that stands still, or one that drifts away, would.
fn check(ages: &Ages) {
    assert!(ages.at(50) < 1000, "p50 {} ms", ages.at(50));
    assert!(ages.gap < 2500, "a gap of {} ms", ages.gap);
}

#[tokio::test]
async fn a_live_picture_is_close_to_the_world() {
    if !is_possible() {
        return;
    }
    check(&watch(&Watched::with(EdgeOptions::default()), "http", 30).await);
}

#[tokio::test]
async fn a_live_picture_over_tls_is_close_to_the_world() {
    if !is_possible() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let tls = Some(certificate(&folder));
    check(&watch(&Watched::with(EdgeOptions { tls, ..EdgeOptions::default() }), "tls", 30).await);
}

/// A camera with a key frame each eight seconds is live at once, and stays so.
#[tokio::test]
async fn rare_key_frames_cost_nothing() {
    if !is_possible() {
        return;
    }
    check(&watch(&Watched::with(EdgeOptions::default()), "rare", 120).await);
}

/// Whatever happens to edge or camera, the picture comes back by itself, and an old one never looks
/// live.
#[tokio::test]
async fn a_live_picture_comes_back_by_itself() {
    if !is_possible() {
        return;
    }
    let mut watched = Watched::with(EdgeOptions::default());
    // The edge has another port after its restart, and the page has the proxy's.
    let address = Proxy::plain(&watched.edge).await;
    let browser = Browser::start(1280, 900).await;
    sign_in(&browser, &address, &watched.account).await;
    {
        let _camera = watched.film(30);
        is_live(&browser).await;
        signal(&watched.edge, "STOP");
        tokio::time::sleep(Duration::from_secs(4)).await;
        let hidden = browser.script(GONE, &[json!(VIDEO)]).await;
        assert_eq!(hidden, json!(true), "the picture of a stopped edge does not look live");
        signal(&watched.edge, "CONT");
        is_live(&browser).await;
    }
    browser.until("the camera is off", GONE, &[json!(VIDEO)]).await;
    {
        // The camera starts again.
        let _camera = watched.film(30);
        is_live(&browser).await;
        watched.edge.restart_with(|_| ());
        browser.until("the edge is off", GONE, &[json!(VIDEO)]).await;
    }
    let _camera = watched.film(30);
    is_live(&browser).await;
    Ages::of(&browser, 3).await.print("after a restart");
}

/// A device sleeps for longer than the edge keeps a stream. When it wakes, the picture is of now.
#[tokio::test]
async fn a_device_that_slept_is_live_again() {
    if !is_possible() {
        return;
    }
    let watched = Watched::with(EdgeOptions::default());
    let _camera = watched.film(30);
    let browser = watched.signed_in().await;
    is_live(&browser).await;
    browser.sleeps(true);
    tokio::time::sleep(Duration::from_secs(16)).await;
    browser.sleeps(false);
    // A few seconds are for the browser itself.
    tokio::time::sleep(Duration::from_secs(4)).await;
    let ages = Ages::of(&browser, 3).await;
    ages.print("after a sleep");
    check(&ages);
}

fn signal(edge: &Edge, name: &str) {
    let sent = Command::new("kill").arg(format!("-{name}")).arg(edge.pid().to_string()).status();
    assert!(sent.unwrap().success());
}

/// A picture is enlarged, the live pictures are switched off, and the session ends.
#[tokio::test]
async fn a_person_decides_what_moves() {
    if !is_possible() {
        return;
    }
    let watched = Watched::with(EdgeOptions::default());
    let _streaming = Streaming::start(&watched.camera, "main", recording("alder-front-door"));
    let browser = watched.signed_in().await;
    is_live(&browser).await;
    let name = "return document.querySelector('.card button.picture').innerText.includes('Live')";
    browser.until("it says that it is live", name, &[]).await;
    browser.click("[data-testid='camera-enlarge']").await;
    let large = ".enlarge .picture[data-live='live'] video";
    let body = "return document.querySelector(arguments[0])?.videoWidth > 0";
    browser.until("the large one is live", body, &[json!(large)]).await;
    browser.photograph(&screenshots().join("live-enlarged.png")).await;
    browser.click("[data-testid='enlarged-close']").await;
    is_live(&browser).await;
    browser.click("[data-testid='live-toggle']").await;
    let gone = "return !document.querySelector('.picture[data-live]')";
    browser.until("nothing moves", gone, &[]).await;
    browser.click("[data-testid='live-toggle']").await;
    is_live(&browser).await;
    // The session ends elsewhere: the page shows nothing of the home any more.
    let viewer = watched.account.login().await;
    viewer.logout().await.expect(204);
    browser.click("[data-testid='logout']").await;
    browser.shown("[data-testid='login-name']").await;
}

/// A line that carries less than the stream: pictures are left out, and what is shown as live is
/// young.
#[tokio::test]
async fn a_slow_line_skips_and_does_not_fall_behind() {
    if !is_possible() {
        return;
    }
    let watched = Watched::with(EdgeOptions::default());
    let _camera = watched.film(30);
    // The stream has about 100 KB a second.
    let slow = Proxy { bytes_a_second: Some(70_000), ..Proxy::default() };
    let address = slow.start(&watched.edge).await;
    let browser = Browser::start(1280, 900).await;
    sign_in(&browser, &address, &watched.account).await;
    is_live(&browser).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let told = browser.later(AGES, &[json!(VIDEO), json!(seconds().max(15) * 1000)]).await;
    let mut ages: Vec<u64> =
        told["ages"].as_array().unwrap().iter().filter_map(Value::as_u64).collect();
    ages.sort_unstable();
    let (p95, worst) = (ages[(ages.len() - 1) * 95 / 100], ages[ages.len() - 1]);
    println!("a slow line: {} pictures, p95 {p95} ms, worst {worst} ms", ages.len());
    assert!(ages.len() > 30 && worst < 4_000, "{} pictures, worst {worst} ms", ages.len());
}

/// Nine cameras: all of them over HTTP/2, and as many as leave room for stills over HTTP/1.1.
#[tokio::test]
async fn nine_cameras_are_live_at_once() {
    if !is_possible() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let over = [(None, 4), (Some(certificate(&folder)), 9)];
    for (tls, expected) in over {
        let edge = Edge::start(EdgeOptions { tls, ..EdgeOptions::default() });
        let household = edge.household("Alder Lane 4");
        let account = household.viewer("alder");
        let _streaming: Vec<_> = (0..9)
            .map(|number| household.camera(&format!("Camera {number}")))
            .map(|camera| Streaming::start(&camera, "main", recording("alder-front-door")))
            .collect();
        // All of them are on the screen.
        let browser = Browser::start(1280, 1400).await;
        sign_in(&browser, &edge.door().address(), &account).await;
        let count = "return document.querySelectorAll(\".picture[data-live='live']\").length";
        let body = format!("{count} === arguments[0]");
        browser.until("they are live", &body, &[json!(expected)]).await;
        tokio::time::sleep(Duration::from_secs(4)).await;
        assert_eq!(browser.script(count, &[]).await, json!(expected), "and they stay so");
        let stills = browser.script(
            "return [...document.querySelectorAll('.picture')].filter((frame) => \
             frame.dataset.state !== 'loading').length",
            &[],
        );
        assert_eq!(stills.await, json!(9), "the others are answered too");
        browser.photograph(&screenshots().join(format!("live-{expected}-of-9.png"))).await;
    }
}

/// A stream that the browser can't decode is named, and the still stays.
#[tokio::test]
async fn a_codec_that_the_browser_lacks_is_named() {
    if !is_possible() {
        return;
    }
    let watched = Watched::with(EdgeOptions::default());
    let browser = watched.signed_in().await;
    let encoded = "-c:v libx265 -preset ultrafast -x265-params log-level=none -tag:v hvc1 -pix_fmt \
                   yuv420p -g 10 -movflags frag_keyframe+empty_moov+default_base_moof -f mp4";
    let film = ffmpeg("testsrc=s=320x180:r=10:d=4", encoded, "film.mp4");
    let line = Stream::open(&watched.camera, "main");
    line.send(film);
    let says = "const words = document.querySelector('.live-words')?.textContent ?? ''; \
                return words.includes('H.265') ? words : null";
    let words = browser.until("the page names the codec", says, &[]).await;
    assert!(words.as_str().unwrap().contains("can't show the live picture"), "{words}");
    assert_eq!(browser.script(GONE, &[json!(VIDEO)]).await, json!(true), "no picture looks live");
}
