//! How old each picture is, as a person reads it: an old one must never pass for the present.

use std::time::Duration;

use eyesonly_harness::footage::{footage_id, fresh_id, now_milliseconds};
use eyesonly_tests::footage::media;
use eyesonly_tests::tool::tool;
use eyesonly_tests::webdriver::Browser;
use eyesonly_tests::{Camera, Home};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::proxy::Proxy;
use super::{is_read_in, screenshots, sign_in, testid};

const MINUTE: u64 = 60 * 1000;
const DAY: u64 = 24 * 60 * MINUTE;

/// A script that returns what a camera's card (`arguments[0]`) says, once its picture is shown or
/// missing.
const CARD: &str = "
    const frame = document.querySelector(`[data-camera='${arguments[0]}'] .picture`);
    if (frame.dataset.state === 'loading') return null;
    return {
        state: frame.dataset.state,
        age: frame.dataset.age,
        badge: frame.querySelector('.age-loud').textContent,
        words: frame.closest('.card').querySelector('.age-quiet').textContent,
        name: frame.querySelector('.unseen').textContent,
        grey: getComputedStyle(frame.querySelector('img')).filter.includes('grayscale'),
    };";

async fn still_of(camera: &Camera, milliseconds: u64) {
    let jpeg = media("alder-front-door.jpg");
    camera.put_still(&footage_id(milliseconds), jpeg).await.expect(201);
}

/// Waits until a card says this, and returns all that it says.
async fn until(browser: &Browser, what: &str, camera: &Camera, condition: &str) -> Value {
    let body = format!(
        "const card = (() => {{ {CARD} }}).apply(null, arguments); \
         return card && ({condition}) ? card : null"
    );
    browser.until(what, &body, &[json!(camera.id)]).await
}

#[tokio::test]
async fn r20_an_old_picture_looks_old() {
    if !tool("chromium") {
        return;
    }
    let home = Home::new().await;
    let camera = |name| home.household.camera(name);
    let (late, fresh, none) = (camera("Garden"), camera("Drive"), camera("Attic"));
    let then = now_milliseconds() - 3 * DAY;
    still_of(&home.camera, then).await;
    still_of(&late, now_milliseconds() - 4 * MINUTE).await;
    still_of(&fresh, now_milliseconds()).await;
    let browser = Browser::start(1280, 900).await;
    is_read_in(&browser, "Asia/Kathmandu").await;
    sign_in(&browser, &home.edge.door().address(), &home.account).await;

    let when = "return new Intl.DateTimeFormat('en-GB', { weekday: 'long' })\
                .format(new Date(arguments[0])) + ' ' + new Intl.DateTimeFormat('en-GB', \
                { timeStyle: 'short' }).format(new Date(arguments[0]))";
    let when = browser.script(when, &[json!(then)]).await;
    let words = format!("No picture since {}", when.as_str().unwrap());
    let old = until(&browser, "the old one says so", &home.camera, "card.age === 'old'").await;
    assert_eq!((&old["badge"], &old["grey"]), (&json!(words), &json!(true)));
    let name = old["name"].as_str().unwrap();
    assert!(name.contains("Front door") && name.contains(&words), "{name}");

    let late = until(&browser, "the late one says so", &late, "card.age === 'late'").await;
    assert_eq!((&late["words"], &late["grey"]), (&json!("4 min ago"), &json!(false)));
    let fresh = until(&browser, "the fresh one says so", &fresh, "card.age === 'fresh'").await;
    let said = fresh["words"].as_str().unwrap();
    assert!(said == "now" || said.ends_with(" s ago"), "{said}");
    let none = until(&browser, "there is none", &none, "card.state === 'empty'").await;
    assert_eq!((&none["words"], &none["badge"]), (&json!(""), &json!("")));
    browser.photograph(&screenshots().join("ages.png")).await;

    let card = format!("[data-camera='{}'] {}", home.camera.id, testid("camera-enlarge"));
    browser.click(&card).await;
    let enlarged = "return document.querySelector('#enlarge-badge').textContent";
    browser
        .until("the large one says so", &format!("{enlarged} === arguments[0]"), &[json!(words)])
        .await;
    browser.photograph(&screenshots().join("age-enlarged.png")).await;
    still_of(&home.camera, now_milliseconds()).await;
    let renewed = format!("{enlarged} !== arguments[0]");
    browser.until("the large one is renewed", &renewed, &[json!(words)]).await;
    browser.press("\u{E00C}").await;
    let renewed = "card.age === 'fresh' && !card.grey";
    until(&browser, "the camera is back", &home.camera, renewed).await;
}

#[tokio::test]
async fn r20_the_age_is_by_the_edges_clock() {
    if !tool("chromium") {
        return;
    }
    let home = Home::new().await;
    still_of(&home.camera, now_milliseconds() - 2 * DAY).await;
    let browser = Browser::start(1280, 900).await;
    // By this device's clock the picture is a day ahead.
    let behind = "{ const Real = Date; const shift = 3 * 24 * 60 * 60 * 1000; \
                  globalThis.Date = class extends Real { \
                  constructor(...given) { if (given.length) super(...given); \
                  else super(Real.now() - shift); } \
                  static now() { return Real.now() - shift; } }; }";
    browser.devtools("Page.addScriptToEvaluateOnNewDocument", json!({ "source": behind })).await;
    sign_in(&browser, &home.edge.door().address(), &home.account).await;
    let drift = browser.script("return Date.now()", &[]).await.as_u64().unwrap();
    assert!(now_milliseconds() - drift > 2 * DAY, "the device's clock is behind");
    let old = until(&browser, "it says so", &home.camera, "card.age === 'old'").await;
    assert!(old["badge"].as_str().unwrap().starts_with("No picture since "), "{old}");
    // The thumbnail's own header says the same as the list did.
    still_of(&home.camera, now_milliseconds() - DAY).await;
    let renewed = "card.age === 'old' && card.badge !== arguments[1]";
    let body = format!(
        "const card = (() => {{ {CARD} }}).apply(null, arguments); return card && {renewed}"
    );
    browser
        .until("the newer one is old too", &body, &[json!(home.camera.id), old["badge"].clone()])
        .await;
}

#[tokio::test]
async fn r20_the_age_goes_on_without_a_connection() {
    if !tool("chromium") {
        return;
    }
    let home = Home::new().await;
    still_of(&home.camera, now_milliseconds()).await;
    let browser = Browser::start(1280, 900).await;
    sign_in(&browser, &home.edge.door().address(), &home.account).await;
    until(&browser, "it is fresh", &home.camera, "card.age === 'fresh'").await;
    let offline = |is: bool| {
        let none = json!({ "offline": is, "latency": 0, "downloadThroughput": -1,
            "uploadThroughput": -1 });
        browser.devtools("Network.emulateNetworkConditions", none)
    };
    browser.devtools("Network.enable", json!({})).await;
    offline(true).await;
    let stale =
        "card.state === 'stale' && card.badge === 'Not updating' && / s ago$/.test(card.words)";
    let first = until(&browser, "it isn't renewed any more", &home.camera, stale).await;
    let seconds = |card: &Value| -> u64 {
        let words = card["words"].as_str().unwrap();
        words.chars().filter(char::is_ascii_digit).collect::<String>().parse().unwrap()
    };
    let second = loop {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let card = until(&browser, "it says its age", &home.camera, stale).await;
        if card != first {
            break card;
        }
    };
    assert!(seconds(&second) > seconds(&first), "{first} {second}");
    browser.photograph(&screenshots().join("age-offline.png")).await;
    offline(false).await;
    let jpeg = media("alder-front-door.jpg");
    home.camera.put_still(&fresh_id(), jpeg).await.expect(201);
    until(&browser, "it goes on", &home.camera, "card.state === 'shown'").await;
}

#[tokio::test]
async fn r20_a_picture_never_has_the_age_of_a_newer_one() {
    if !tool("chromium") {
        return;
    }
    let home = Home::new().await;
    still_of(&home.camera, now_milliseconds() - 2 * DAY).await;
    let (open, gate) = watch::channel(false);
    let held = Some(("/cameras HTTP/1.1", gate));
    let address = Proxy { held, ..Proxy::default() }.start(&home.edge).await;
    let browser = Browser::start(1280, 900).await;
    sign_in(&browser, &address, &home.account).await;
    let unknown = "card.state === 'shown' && card.age === 'unknown'";
    until(&browser, "the old picture is there", &home.camera, unknown).await;
    // A new still comes before the page learns the age of "the newest".
    still_of(&home.camera, now_milliseconds()).await;
    open.send(true).unwrap();
    until(&browser, "its age is there", &home.camera, "card.age === 'fresh'").await;
    let source = "return document.querySelector('[data-testid=camera-thumb]').currentSrc";
    let source = browser.script(source, &[]).await;
    assert!(source.as_str().unwrap().starts_with("blob:"), "the old picture is there: {source}");
}

#[tokio::test]
async fn r20_the_age_ticks_while_an_answer_is_awaited() {
    if !tool("chromium") {
        return;
    }
    let home = Home::new().await;
    still_of(&home.camera, now_milliseconds()).await;
    let (open, gate) = watch::channel(true);
    let held = Some(("/thumbnail?", gate));
    let address = Proxy { held, ..Proxy::default() }.start(&home.edge).await;
    let browser = Browser::start(1280, 900).await;
    sign_in(&browser, &address, &home.account).await;
    until(&browser, "its age is there", &home.camera, "card.age === 'fresh'").await;
    open.send(false).unwrap();
    let count = "window.ticks = 0; const frame = document.querySelector('.card .picture'); \
                 new MutationObserver(() => { if (frame.dataset.state === 'shown') ticks += 1; })\
                 .observe(document.querySelector('.card .age-quiet'), { childList: true })";
    browser.script(count, &[]).await;
    // One change may be of an answer that was under way. The second one is of no answer.
    browser.until("it ticks", "return window.ticks >= 2", &[]).await;
}
