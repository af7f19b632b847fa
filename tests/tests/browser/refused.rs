//! A proxy that hands on another Host: the page says so, and sends nobody to the wrong person.

use eyesonly_tests::Home;
use eyesonly_tests::tool::tool;
use eyesonly_tests::webdriver::Browser;
use serde_json::json;

use super::proxy::Proxy;
use super::{sign_in, testid};

/// The proxy hands on another Host. Browsers send Sec-Fetch-Site only to addresses that they trust,
/// and one in a home network without TLS isn't.
const CHANGED: [(&str, &str); 2] =
    [("Host: 127.0.0.1", "Host: 127.0.0.9"), ("Sec-Fetch-Site", "Old-Fetch-Site")];

fn names_the_proxy(words: &str) {
    assert!(["proxy", "Host", "public_url"].iter().all(|word| words.contains(word)), "{words}");
    assert!(!words.contains("shared"), "{words}");
}

#[tokio::test]
async fn r16_a_proxy_that_changes_the_host_is_named() {
    if !tool("chromium") {
        return;
    }
    let home = Home::new().await;
    let direct = home.edge.door().address();
    let proxied = Proxy { changed: &CHANGED, ..Proxy::default() }.start(&home.edge).await;
    let browser = Browser::start(1280, 900).await;
    browser.open(&format!("{proxied}/")).await;
    browser.shown(&testid("login-name")).await.send_keys(&home.account.login).await.unwrap();
    let password = browser.shown(&testid("login-password")).await;
    password.send_keys(&home.account.password).await.unwrap();
    browser.click(&testid("login-submit")).await;
    let says = "return document.querySelector(arguments[0]).textContent || null";
    let words = browser.until("it says why", says, &[json!(testid("login-error"))]).await;
    names_the_proxy(words.as_str().unwrap());

    // A session of before, whose cookie is for any port.
    sign_in(&browser, &direct, &home.account).await;
    let wall = browser.place().await;
    browser.open(&format!("{proxied}{wall}")).await;
    browser.click(&testid("logout")).await;
    let words = browser.until("it says why", says, &[json!(testid("status"))]).await;
    names_the_proxy(words.as_str().unwrap());
}
