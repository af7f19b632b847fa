//! The pages in a real browser: sign-in, the wall, an enlarged picture, events, a clip played and
//! sought in, a deletion, sign-out. Then a second household in the same browser sees none of it.
//!
//! The modules beside this one are about the age of pictures, a list that renews itself, and clips
//! that a browser can't play. The tests save pictures of the pages in `target/screenshots`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "all of this is a test"
)]

mod age;
mod clips;
mod events;
mod hls;
mod live;
mod proxy;
mod refused;
mod sharing;
mod words;

use std::path::PathBuf;

use eyesonly_harness::media::requests;
use eyesonly_tests::built::Edition;
use eyesonly_tests::footage::manifest;
use eyesonly_tests::picture::{apart, colour, nearest};
use eyesonly_tests::tool::tool;
use eyesonly_tests::webdriver::Browser;
use eyesonly_tests::{Account, Camera, Edge, EdgeOptions};
use serde_json::json;

/// The most that a channel of a flat colour may be off after JPEG or H.264.
const COLOUR_TOLERANCE: u8 = 24;

/// A script for the mean colour of the square in the lower left corner of a picture or video
/// (`arguments[0]`: selector).
const CORNER: &str = "
    const source = document.querySelector(arguments[0]);
    const width = source.videoWidth || source.naturalWidth, \
    height = source.videoHeight || source.naturalHeight;
    const canvas = document.createElement('canvas');
    canvas.width = width; canvas.height = height;
    const context = canvas.getContext('2d');
    context.drawImage(source, 0, 0);
    const side = width / 20;
    const from = [Math.round(side * 0.2), Math.round(height - side * 0.8)], \
    size = Math.round(side * 0.6);
    const pixels = context.getImageData(from[0], from[1], size, size).data;
    const sums = [0, 0, 0];
    for (let at = 0; at < pixels.length; at += 4) for (const channel of [0, 1, 2]) \
    sums[channel] += pixels[at + channel];
    return sums.map((sum) => Math.round(sum / (pixels.length / 4)));";

/// A camera of the manifest, enrolled, with its events (newest first): id, and whether there is a
/// clip.
struct Filming {
    camera: Camera,
    name: String,
    corner: String,
    events: Vec<(String, bool)>,
}

struct Home {
    account: Account,
    cameras: Vec<Filming>,
}

async fn film(camera: Camera, plan: &eyesonly_demo::Camera) -> Filming {
    let footage = plan.footage();
    for request in requests(&footage, &camera) {
        camera.put(request).await.expect(201);
    }
    let events = footage.events.into_iter();
    Filming {
        camera,
        name: plan.name.clone(),
        corner: plan.corner_colour.clone(),
        events: events.map(|(id, clip)| (id, clip.is_some())).collect(),
    }
}

/// Adds the household of the manifest at `number`, and hands in all its footage.
async fn home(edge: &Edge, number: usize) -> Home {
    let manifest = manifest();
    let plan = &manifest.households[number];
    let household = edge.household(&plan.name);
    let account = household.viewer(&plan.login);
    let mut cameras = Vec::new();
    for camera in &plan.cameras {
        cameras.push(film(household.camera(&camera.name), camera).await);
    }
    Home { account, cameras }
}

fn testid(name: &str) -> String {
    format!("[data-testid={name}]")
}

fn screenshots() -> PathBuf {
    std::env::current_exe().unwrap().ancestors().nth(3).unwrap().join("screenshots")
}

/// Checks that the picture that `selector` finds has this corner's colour, and so is of its camera.
async fn shows_camera_of(browser: &Browser, selector: &str, corner: &str) {
    let seen = browser.script(CORNER, &[json!(selector)]).await;
    let seen: [u8; 3] = serde_json::from_value(seen).unwrap();
    let households = manifest().households;
    let all = households.iter().flat_map(|household| &household.cameras);
    let all: Vec<&str> = all.map(|camera| camera.corner_colour.as_str()).collect();
    assert_eq!(nearest(seen, all), corner, "{selector} shows another camera: {seen:?}");
    assert!(
        apart(seen, colour(corner)) <= COLOUR_TOLERANCE,
        "{selector}: {seen:?} is not {corner}"
    );
}

/// Makes the browser that of a person in `zone` who reads British English.
async fn is_read_in(browser: &Browser, zone: &str) {
    let agent = browser.script("return navigator.userAgent", &[]).await;
    let language = json!({ "userAgent": agent, "acceptLanguage": "en-GB" });
    browser.devtools("Emulation.setUserAgentOverride", language).await;
    browser.devtools("Emulation.setTimezoneOverride", json!({ "timezoneId": zone })).await;
}

/// Logs in at `address`, and waits for the wall.
async fn sign_in(browser: &Browser, address: &str, account: &Account) {
    browser.open(&format!("{address}/")).await;
    browser.shown(&testid("login-name")).await.send_keys(&account.login).await.unwrap();
    let password = browser.shown(&testid("login-password")).await;
    password.send_keys(&account.password).await.unwrap();
    browser.click(&testid("login-submit")).await;
    browser.shown(&testid("wall")).await;
}

/// Logs in at the second try.
async fn log_in(browser: &Browser, edge: &Edge, account: &Account) {
    browser.open(&format!("{}/", edge.door().address())).await;
    let name = browser.shown(&testid("login-name")).await;
    let password = browser.shown(&testid("login-password")).await;

    name.send_keys(&account.login).await.unwrap();
    password.send_keys("not the password").await.unwrap();
    browser.click(&testid("login-submit")).await;
    let message = "const message = \
                   document.querySelector('[data-testid=login-error]').textContent; \
                   return message || null";
    let message = browser.until("the form says that it was wrong", message, &[]).await;
    assert!(message.as_str().unwrap().contains("don't match"), "{message}");
    assert_eq!(browser.place().await, "/");

    password.clear().await.unwrap();
    password.send_keys(&account.password).await.unwrap();
    browser.click(&testid("login-submit")).await;
    browser.shown(&testid("wall")).await;
    assert!(browser.place().await.starts_with("/v1/"));
}

/// Checks that the wall has exactly this household's cameras, and that each shows its own picture.
async fn wall(browser: &Browser, home: &Home) {
    let cards = "return [...document.querySelectorAll('[data-testid=camera-card]')].map((card) => \
                 [card.dataset.camera, \
                 card.querySelector('[data-testid=camera-name]').textContent])";
    let cards = browser.script(cards, &[]).await;
    let mut seen: Vec<(String, String)> = serde_json::from_value(cards).unwrap();
    let mut expected: Vec<_> =
        home.cameras.iter().map(|each| (each.camera.id.clone(), each.name.clone())).collect();
    seen.sort();
    expected.sort();
    assert_eq!(seen, expected);
    let states = "return \
                  [...document.querySelectorAll('[data-testid=camera-enlarge]')].every((each) => \
                  each.dataset.state === 'shown' && each.querySelector('img').naturalWidth > 0)";
    browser.until("every camera shows its picture", states, &[]).await;
    for each in &home.cameras {
        shows_camera_of(browser, &format!("{} img", card(each)), &each.corner).await;
    }
}

fn card(filming: &Filming) -> String {
    format!("[data-camera='{}']", filming.camera.id)
}

async fn enlarge(browser: &Browser, filming: &Filming) {
    browser.click(&format!("{} {}", card(filming), testid("camera-enlarge"))).await;
    browser.shown(&testid("enlarge")).await;
    let large = "return document.querySelector('[data-testid=enlarged-image]').naturalWidth > 640";
    browser.until("the large picture is there", large, &[]).await;
    shows_camera_of(browser, &testid("enlarged-image"), &filming.corner).await;
    let name = browser.shown(&testid("enlarged-name")).await.text().await.unwrap();
    assert_eq!(name, filming.name);
    assert!(browser.place().await.contains("#still="));

    browser.press("\u{E00C}").await;
    browser
        .until(
            "Escape closes it",
            "return !document.querySelector('[data-testid=enlarge]').open",
            &[],
        )
        .await;
    browser.until("the wall's own place is there again", "return !location.hash", &[]).await;
}

async fn open_events(browser: &Browser, filming: &Filming) {
    browser.click(&format!("{} {}", card(filming), testid("camera-events"))).await;
    browser.shown(&testid("event-item")).await;
    let listed = browser
        .script(
            "return [...document.querySelectorAll('[data-testid=event-item]')]\
             .map((item) => item.dataset.event)",
            &[],
        )
        .await;
    let listed: Vec<String> = serde_json::from_value(listed).unwrap();
    let expected: Vec<_> = filming.events.iter().map(|(id, _)| id.clone()).collect();
    assert_eq!(listed, expected, "all events, the newest first");
}

fn item(event: &str) -> String {
    format!("[data-event='{event}'] {}", testid("event-play"))
}

async fn play_and_seek(browser: &Browser, filming: &Filming) {
    let event = &filming.events.iter().find(|(_, has_clip)| *has_clip).unwrap().0;
    browser.click(&item(event)).await;
    browser.shown(&testid("clip-video")).await;
    let video = "const video = document.querySelector('[data-testid=clip-video]');";
    let plays = format!(
        "{video} if (video.error) throw new Error(video.error.message); \
         return video.readyState >= 2 && video.currentTime > 0.3"
    );
    browser.until("the clip plays", &plays, &[]).await;
    let before =
        browser.script(&format!("{video} return video.currentTime"), &[]).await.as_f64().unwrap();
    let advances = format!("{video} return video.currentTime > arguments[0] + 0.3");
    browser.until("time goes on", &advances, &[json!(before)]).await;
    shows_camera_of(browser, &testid("clip-video"), &filming.corner).await;

    let length =
        browser.script(&format!("{video} return video.duration"), &[]).await.as_f64().unwrap();
    for at in [length * 0.75, length * 0.25] {
        let seek = format!(
            "{video} video.pause(); delete video.dataset.sought; \
             video.addEventListener('seeked', () => {{ video.dataset.sought = 'yes'; }}, \
             {{ once: true }}); video.currentTime = arguments[0]"
        );
        browser.script(&seek, &[json!(at)]).await;
        let arrived =
            format!("{video} return video.dataset.sought === 'yes' && video.readyState >= 2");
        browser.until("it has arrived where it was sent", &arrived, &[]).await;
        let now = browser
            .script(&format!("{video} return video.currentTime"), &[])
            .await
            .as_f64()
            .unwrap();
        assert!((now - at).abs() < 0.2, "{now} instead of {at}");
        shows_camera_of(browser, &testid("clip-video"), &filming.corner).await;
    }
    browser.photograph(&screenshots().join("player.png")).await;
    browser.click(&testid("player-close")).await;
    browser
        .until(
            "the player closes",
            "return !document.querySelector('[data-testid=player]').open",
            &[],
        )
        .await;
}

async fn delete(browser: &Browser, filming: &Filming, event: &str) {
    browser.click(&item(event)).await;
    browser.click(&testid("event-delete")).await;
    browser.click(&testid("event-delete-confirm")).await;
    let gone = "return !document.querySelector(arguments[0])";
    browser
        .until("the event goes from the list", gone, &[json!(format!("[data-event='{event}']"))])
        .await;
    let left = browser
        .script("return document.querySelectorAll('[data-testid=event-item]').length", &[])
        .await;
    assert_eq!(left, filming.events.len() - 1);
}

async fn log_out(browser: &Browser) {
    browser.click(&testid("logout")).await;
    browser.shown(&testid("login-name")).await;
    assert_eq!(browser.place().await, "/");
}

/// Checks that nothing is wider than the screen.
async fn fits(browser: &Browser, what: &str) {
    let widths = browser
        .script("return [document.documentElement.scrollWidth, window.innerWidth]", &[])
        .await;
    assert_eq!(widths[0], widths[1], "{what} is wider than the screen");
}

async fn colours(browser: &Browser, scheme: &str) -> u64 {
    let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
    browser.devtools("Emulation.setEmulatedMedia", json!({ "features": features })).await;
    // A canvas gives numbers, in whatever form the colour is written.
    let brightness = "
        const context = document.createElement('canvas').getContext('2d');
        for (const element of [document.documentElement, document.body]) {
            context.fillStyle = getComputedStyle(element).backgroundColor;
            context.fillRect(0, 0, 1, 1);
        }
        const [red, green, blue] = context.getImageData(0, 0, 1, 1).data;
        return Math.round((red + green + blue) / 3);";
    browser.script(brightness, &[]).await.as_u64().unwrap()
}

async fn by_day_and_by_night(browser: &Browser) {
    let day = colours(browser, "light").await;
    browser.photograph(&screenshots().join("wall-light.png")).await;
    let night = colours(browser, "dark").await;
    browser.photograph(&screenshots().join("wall-dark.png")).await;
    assert!(day > 200 && night < 60, "brightness by day {day}, by night {night}");
    colours(browser, "light").await;
}

async fn on_a_phone(browser: &Browser, home: &Home) {
    let phone = json!({ "width": 360, "height": 740, "deviceScaleFactor": 2, "mobile": true });
    browser.devtools("Emulation.setDeviceMetricsOverride", phone).await;
    browser.until("the page is a phone's", "return window.innerWidth === 360", &[]).await;
    wall(browser, home).await;
    fits(browser, "the wall").await;
    browser.photograph(&screenshots().join("phone.png")).await;
    let filming = &home.cameras[0];
    open_events(browser, filming).await;
    fits(browser, "the timeline").await;
    browser.photograph(&screenshots().join("phone-events.png")).await;
    browser.click(&item(&filming.events[0].0)).await;
    browser
        .until(
            "the clip is there",
            "return document.querySelector('[data-testid=clip-video]').readyState >= 2",
            &[],
        )
        .await;
    fits(browser, "the player").await;
    browser.photograph(&screenshots().join("phone-player.png")).await;
    browser.click(&testid("player-close")).await;
    browser.click(&testid("timeline-back")).await;
    browser.shown(&testid("wall")).await;
    browser.devtools("Emulation.clearDeviceMetricsOverride", json!({})).await;
}

/// Returns the status code of a `fetch` in the page for each address.
async fn fetched(browser: &Browser, addresses: &[String]) -> Vec<u64> {
    let start = "window.fetched = null; Promise.all(arguments[0].map((address) => \
                 fetch(address, { cache: 'no-store' }).then((answer) => answer.status)))\
                 .then((statuses) => { window.fetched = statuses; })";
    browser.script(start, &[json!(addresses)]).await;
    let statuses = browser.until("every address is answered", "return window.fetched", &[]).await;
    serde_json::from_value(statuses).unwrap()
}

/// Returns every private address of a household, under a wall's address.
fn addresses(wall: &str, home: &Home) -> Vec<String> {
    let mut addresses = Vec::new();
    for each in &home.cameras {
        let camera = format!("{wall}cameras/{}", each.camera.id);
        addresses.extend([format!("{camera}/thumbnail?width=320"), format!("{camera}/events")]);
        for (event, _) in &each.events {
            addresses.extend(
                ["", "/thumbnail?width=320", "/clip"]
                    .map(|rest| format!("{camera}/events/{event}{rest}")),
            );
        }
    }
    addresses
}

/// Checks that no script failed, that no policy was broken, and that nothing was refused except
/// what this test provoked.
async fn nothing_was_logged_but(browser: &Browser, provoked: &[&str]) {
    let fits = |message: &str| provoked.iter().any(|part| message.contains(part));
    let log = browser.log().await;
    let bad: Vec<_> = log
        .iter()
        .filter(|line| {
            line.source != "network" && matches!(line.level.as_str(), "SEVERE" | "WARNING")
        })
        .collect();
    assert!(bad.is_empty(), "{bad:#?}");
    let refused: Vec<_> =
        log.iter().filter(|line| line.source == "network" && !fits(&line.message)).collect();
    assert!(refused.is_empty(), "{refused:#?}");
}

#[tokio::test]
async fn two_households_at_one_screen() {
    if !tool("chromium") {
        return;
    }
    let edge = Edge::start(EdgeOptions::default());
    let (alder, birch) = (home(&edge, 0).await, home(&edge, 1).await);
    let browser = Browser::start(1280, 900).await;

    log_in(&browser, &edge, &alder.account).await;
    let alders_wall = browser.place().await;
    wall(&browser, &alder).await;
    by_day_and_by_night(&browser).await;
    enlarge(&browser, &alder.cameras[1]).await;
    let own = addresses(&alders_wall, &alder);
    // The control: the household's own addresses are answered in its own session.
    let answered = fetched(&browser, &own).await;
    assert!(
        answered.iter().filter(|status| **status == 200).count() > own.len() / 2,
        "{answered:?}"
    );
    open_events(&browser, &alder.cameras[0]).await;
    play_and_seek(&browser, &alder.cameras[0]).await;
    let deleted = &alder.cameras[0].events[1].0;
    delete(&browser, &alder.cameras[0], deleted).await;
    let elsewhere = alder.account.login().await;
    elsewhere.event(&alder.cameras[0].camera, deleted).await.expect_problem(404);
    log_out(&browser).await;
    browser.open(&format!("{}{alders_wall}", edge.door().address())).await;
    browser.shown(&testid("login-name")).await;
    nothing_was_logged_but(&browser, &["/v1/session", "404 (Not Found)"]).await;

    log_in(&browser, &edge, &birch.account).await;
    let birchs_wall = browser.place().await;
    assert_ne!(birchs_wall, alders_wall);
    wall(&browser, &birch).await;
    let source = browser.script("return document.documentElement.outerHTML", &[]).await;
    for each in &alder.cameras {
        assert!(!source.as_str().unwrap().contains(&each.camera.id), "{}", each.name);
    }
    on_a_phone(&browser, &birch).await;
    nothing_was_logged_but(&browser, &["/v1/session"]).await;

    for address in [&alders_wall, &birchs_wall] {
        let statuses = fetched(&browser, &addresses(address, &alder)).await;
        assert!(statuses.iter().all(|status| matches!(status, 401 | 404)), "{statuses:?}");
    }
    log_out(&browser).await;
    let statuses = fetched(&browser, &addresses(&birchs_wall, &birch)).await;
    assert!(statuses.iter().all(|status| *status == 401), "{statuses:?}");
    assert_eq!(edge.misdeliveries().await, 0.0);
    let ranges = match eyesonly_tests::built::edition() {
        Edition::Native => edge.metric("eyesonly_requests_total", "/clip\",status=\"206\"").await,
        // The Spin edition has no metrics. Its ledger says what was handed out.
        Edition::Spin => {
            let who = edge.command_line().command(&["--json", "ledger", "who"]).output().unwrap();
            String::from_utf8_lossy(&who.stdout).matches("\"handed\":\"clip\"").count() as f64
        }
    };
    assert!(ranges > 0.0, "the player asked for ranges");
}
