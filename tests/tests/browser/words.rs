//! Times as the page's own words have them, in a zone whose clocks change.

use eyesonly_tests::tool::tool;
use eyesonly_tests::webdriver::Browser;
use eyesonly_tests::{Edge, EdgeOptions};
use serde_json::Value;

use super::is_read_in;

#[tokio::test]
async fn r20_times_are_told_apart_in_the_readers_zone() {
    if !tool("chromium") {
        return;
    }
    let edge = Edge::start(EdgeOptions::default());
    let browser = Browser::start(800, 600).await;
    is_read_in(&browser, "Europe/Berlin").await;
    browser.open(&format!("{}/", edge.door().address())).await;
    let load = "import('/assets/words.js').then((words) => { window.words = words; })";
    browser.script(load, &[]).await;
    browser.until("the words are there", "return !!window.words", &[]).await;
    let check = async |call: &str, expected: &str| {
        let body = format!("const at = (text) => new Date(text); return window.words.{call}");
        assert_eq!(browser.script(&body, &[]).await, Value::from(expected), "{call}");
    };
    check("dayKey(at('2026-01-31T23:30:00Z'))", "2026-02-01").await;
    check("timeOfDay(at('2026-11-28T00:30:00Z'))", "01:30").await;
    // On this day 02:30 comes twice.
    check("timeOfDay(at('2026-10-25T00:30:00Z'))", "02:30 CEST").await;
    check("timeOfDay(at('2026-10-25T01:30:00Z'), true)", "02:30:00 CET").await;
    for (time, expected) in [
        ("2026-11-28T13:02:00Z", "14:02"),
        ("2026-11-27T22:59:00Z", "Friday 23:59"),
        ("2026-11-22T13:02:00Z", "Sunday 14:02"),
        ("2026-11-21T13:02:00Z", "21 November, 14:02"),
        ("2025-11-21T13:02:00Z", "21 November 2025, 14:02"),
    ] {
        check(&format!("sinceWords(at('{time}'), at('2026-11-28T20:00:00Z'))"), expected).await;
    }
    for (milliseconds, expected) in
        [(-1, "now"), (9_999, "now"), (20_500, "20 s ago"), (59_999, "59 s ago")]
    {
        check(&format!("ageWords({milliseconds})"), expected).await;
    }
    check("ageWords(3 * 60_000)", "3 min ago").await;
}
