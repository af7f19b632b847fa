//! Events that come while somebody looks: the open list and the open event show them by themselves.

use eyesonly_harness::footage::{description, footage_id, fresh_id, now_milliseconds};
use eyesonly_tests::Home;
use eyesonly_tests::footage::media;
use eyesonly_tests::tool::tool;
use eyesonly_tests::webdriver::Browser;
use serde_json::json;

use super::{item, screenshots, sign_in, testid};

const MINUTE: u64 = 60 * 1000;

/// A script that returns the listed ids.
const LISTED: &str =
    "return [...document.querySelectorAll('[data-event]')].map((item) => item.dataset.event)";

/// Makes a home and signs in. The camera has handed in an event of each of these times before now,
/// in milliseconds. Returns the events too, newest first.
async fn home_of(ago: impl Iterator<Item = u64>) -> (Home, Browser, Vec<String>) {
    let home = Home::new().await;
    let now = now_milliseconds();
    let mut events = Vec::new();
    for ago in ago {
        events.push(happened(&home, now - ago).await);
    }
    events.sort_by(|one, other| other.cmp(one));
    let browser = Browser::start(1280, 900).await;
    sign_in(&browser, &home.edge.door().address(), &home.account).await;
    (home, browser, events)
}

async fn happened(home: &Home, milliseconds: u64) -> String {
    let event = footage_id(milliseconds);
    home.camera.put_event(&event, &description("it moved")).await.expect(201);
    event
}

/// Waits until exactly these events are listed, in this order.
async fn lists(browser: &Browser, what: &str, expected: &[String]) {
    let same = format!(
        "const listed = (() => {{ {LISTED} }})(); \
         return JSON.stringify(listed) === JSON.stringify(arguments[0])"
    );
    browser.until(what, &same, &[json!(expected)]).await;
}

#[tokio::test]
async fn r21_what_comes_later_appears_by_itself() {
    if !tool("chromium") {
        return;
    }
    let (home, browser, events) = home_of([20 * MINUTE].into_iter()).await;
    let event = fresh_id();
    home.camera.put_event(&event, &description("early")).await.expect(201);
    browser.click(&testid("camera-events")).await;
    lists(&browser, "both are listed", &[event.clone(), events[0].clone()]).await;
    let says = "const message = document.querySelector('[data-testid=player-message]'); \
                return message.checkVisibility() && message.textContent.includes(arguments[0])";
    browser.click(&item(&events[0])).await;
    browser.until("nothing more is awaited", says, &[json!("This event has no clip.")]).await;
    browser.click(&testid("player-close")).await;

    browser.click(&item(&event)).await;
    browser.until("the clip is awaited", says, &[json!("No clip yet")]).await;
    home.camera.put_event_still(&event, media("alder-driveway-car.jpg")).await.expect(201);
    let still = "const still = document.querySelector('[data-testid=event-still]'); \
                 return still.checkVisibility() && still.naturalWidth > 0";
    browser.until("the still appears in the player", still, &[]).await;
    home.camera.put_clip(&event, media("alder-driveway-car.mp4")).await.expect(201);
    let clip = "const video = document.querySelector('[data-testid=clip-video]'); \
                return video.checkVisibility() && video.readyState >= 1";
    browser.until("the clip appears in the player", clip, &[]).await;
    let row = "const item = document.querySelector(`[data-event='${arguments[0]}']`); \
               return item.querySelector('.event-picture').dataset.state === 'shown' \
               && item.querySelector('img').naturalWidth > 0 \
               && item.textContent.includes('play the clip')";
    browser.until("the list has both", row, &[json!(event)]).await;
}

#[tokio::test]
async fn r22_an_open_list_renews_itself() {
    if !tool("chromium") {
        return;
    }
    let (home, browser, mut events) =
        home_of([3 * MINUTE, 9 * MINUTE, 24 * 60 * MINUTE, 72 * 60 * MINUTE].into_iter()).await;
    browser.click(&testid("camera-events")).await;
    lists(&browser, "all are listed", &events).await;

    events.insert(0, happened(&home, now_milliseconds()).await);
    lists(&browser, "a new one is at the top", &events).await;
    let top = browser.shown(&item(&events[0])).await;
    assert!(top.is_displayed().await.unwrap());
    // Late ones: between two of today, and of a day that had none.
    events.insert(2, happened(&home, now_milliseconds() - 5 * MINUTE).await);
    events.insert(5, happened(&home, now_milliseconds() - 48 * 60 * MINUTE).await);
    lists(&browser, "late ones are in their places", &events).await;
    home.viewer.delete(&home.camera, &events[1]).await.expect(204);
    events.remove(1);
    lists(&browser, "a deleted one goes", &events).await;

    let days = "return [...document.querySelectorAll('.day')].map((day) => [day.dataset.day, \
                [...day.querySelectorAll('time')].map((time) => { \
                const of = new Date(time.getAttribute('datetime')); \
                return new Intl.DateTimeFormat('sv-SE').format(of); })])";
    let days = browser.script(days, &[]).await;
    let days: Vec<(String, Vec<String>)> = serde_json::from_value(days).unwrap();
    assert!(days.iter().all(|(day, of)| of.iter().all(|each| each == day)), "{days:?}");
    assert!(days.is_sorted_by(|one, other| one.0 > other.0), "newest first, each once: {days:?}");
    browser.photograph(&screenshots().join("timeline.png")).await;
}

/// A script that returns where an event is on the screen, and whether it has the focus.
const PLACE: &str = "
    const button = document.querySelector(arguments[0]);
    const { top, left } = button.getBoundingClientRect();
    return [Math.round(top), Math.round(left), button === document.activeElement];";

#[tokio::test]
async fn r22_the_readers_place_and_focus_stay() {
    if !tool("chromium") {
        return;
    }
    let hours = (1..=40).map(|number| number * 60 * MINUTE);
    let (home, browser, mut events) = home_of(hours).await;
    browser.click(&testid("camera-events")).await;
    lists(&browser, "the first page is listed", &events[..24]).await;
    browser.click(&testid("older")).await;
    lists(&browser, "all are listed", &events).await;
    let read = [json!(item(&events[20]))];
    let go = "const button = document.querySelector(arguments[0]); \
              button.scrollIntoView({ block: 'center' }); button.focus();";
    browser.script(go, &read).await;
    let before = browser.script(PLACE, &read).await;

    let old = events.clone();
    events.insert(0, happened(&home, now_milliseconds()).await);
    events.insert(3, happened(&home, now_milliseconds() - 150 * MINUTE).await);
    let news = "const news = document.querySelector('[data-testid=timeline-news]'); \
                return news.checkVisibility() && news.textContent === arguments[0]";
    browser.until("both are offered", news, &[json!("2 new events")]).await;
    assert_eq!(browser.script(PLACE, &read).await, before);
    lists(&browser, "nothing moves", &old).await;
    browser.photograph(&screenshots().join("timeline-news.png")).await;
    browser.click(&testid("timeline-news")).await;
    lists(&browser, "both are in their places", &events).await;
    let there = "return scrollY === 0 && document.activeElement === \
                 document.querySelector(arguments[0]) && !document\
                 .querySelector('[data-testid=timeline-news]').checkVisibility()";
    browser.until("the newest one is reached", there, &[json!(item(&events[0]))]).await;

    // The focus is in the list's first event: a late one comes below the screen, a new one waits.
    events.insert(22, happened(&home, now_milliseconds() - 20 * 60 * MINUTE - MINUTE).await);
    lists(&browser, "the late one is in its place", &events).await;
    let old = events.clone();
    events.insert(0, happened(&home, now_milliseconds()).await);
    browser.until("the new one is offered", news, &[json!("1 new event")]).await;
    lists(&browser, "it waits", &old).await;
    // A reader who is at the top without the focus in the list sees it come.
    browser.script("document.activeElement.blur()", &[]).await;
    lists(&browser, "it comes by itself", &events).await;

    // Without the focus in the list, what is on the screen stays there.
    let scroll = "document.querySelector(arguments[0]).scrollIntoView({ block: 'start' })";
    browser.script(scroll, &read).await;
    let before = browser.script(PLACE, &read).await;
    happened(&home, now_milliseconds()).await;
    browser.until("a third one is offered", news, &[json!("1 new event")]).await;
    assert_eq!(browser.script(PLACE, &read).await, before);
}
