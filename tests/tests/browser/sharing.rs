//! A camera is shared from the page: a link, a second browser, a confirmation, and the dark.

use eyesonly_harness::footage::fresh_id;
use eyesonly_tests::built::{Edition, edition};
use eyesonly_tests::footage::media;
use eyesonly_tests::webdriver::Browser;
use eyesonly_tests::{Answer, Edge, EdgeOptions};
use reqwest::Method;
use serde_json::json;

use crate::{screenshots, sign_in, testid};

/// Waits until the text of an element has these words.
async fn says(browser: &Browser, id: &str, words: &str) {
    let script = "return document.querySelector(arguments[0])?.textContent.includes(arguments[1])";
    let what = format!("{id} says {words:?}");
    browser.until(&what, script, &[json!(testid(id)), json!(words)]).await;
}

/// Clicks the button with this label in a section.
async fn press(browser: &Browser, id: &str, words: &str) {
    let script = "const buttons = [...document.querySelectorAll(`${arguments[0]} button`)]; \
                  const button = buttons.find((one) => one.textContent === arguments[1]); \
                  button?.click(); return !!button";
    let what = format!("{id} has a button {words:?}");
    browser.until(&what, script, &[json!(testid(id)), json!(words)]).await;
}

/// Clicks the button with this label in a section, and again when it asks with `sure`.
async fn press_twice(browser: &Browser, id: &str, words: &str, sure: &str) {
    let script = "const buttons = [...document.querySelectorAll(`${arguments[0]} button`)]; \
                  const button = buttons.find((one) => one.textContent === arguments[1]); \
                  button?.click(); if (button?.textContent !== arguments[2]) return false; \
                  button.click(); return true";
    let what = format!("{id} has a button {words:?} that asks {sure:?}");
    let arguments = [json!(testid(id)), json!(words), json!(sure)];
    browser.until(&what, script, &arguments).await;
}

/// Says whether all boxes that match a CSS selector are checked.
async fn are_checked(browser: &Browser, selector: &str) -> bool {
    let script = "return [...document.querySelectorAll(arguments[0])].every((box) => box.checked)";
    browser.script(script, &[json!(selector)]).await == json!(true)
}

async fn type_into(browser: &Browser, id: &str, text: &str) {
    let field = browser.shown(&testid(id)).await;
    field.clear().await.unwrap();
    field.send_keys(text).await.unwrap();
}

/// Returns what stands in a field.
async fn value(browser: &Browser, id: &str) -> String {
    browser.shown(&testid(id)).await;
    let script = "return document.querySelector(arguments[0]).value";
    browser.script(script, &[json!(testid(id))]).await.as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_camera_is_shared_with_a_neighbour_watched_and_taken_back() {
    let edge = Edge::start(EdgeOptions::default());
    let home = edge.household("Alder Lane 4");
    let camera = home.camera("Front door");
    camera.put_still(&fresh_id(), media("special/orientation-1.jpg")).await.expect(201);
    let (account, address) = (home.viewer("alder"), edge.door().address());
    let (owner, neighbour) = (Browser::start(1000, 900).await, Browser::start(480, 900).await);

    sign_in(&owner, &address, &account).await;
    owner.click(&testid("sharing")).await;
    owner.click("#share-cameras input").await;
    says(&owner, "members", "you owner of Alder Lane 4").await;
    let button = "return document.querySelector('[data-testid=members] button')";
    assert!(owner.script(button, &[]).await.is_null(), "the only owner can't be taken out");
    // Without events there are no videos, and videos bring events.
    for kind in ["events", "clips"] {
        owner.click(&format!("#share-form [value={kind}]")).await;
    }
    assert!(are_checked(&owner, "#share-form [name=kinds]").await);
    owner.click(&testid("share-submit")).await;
    owner.shown(&testid("share-made")).await;
    let link = value(&owner, "share-once").await;
    assert!(link.starts_with(&format!("{address}/join#ei1.")), "{link}");
    owner.photograph(&screenshots().join("sharing-link.png")).await;

    // A link preview asks for the address, without the fragment.
    for method in [Method::HEAD, Method::GET] {
        Answer::of(edge.door().request(method, "/join")).await.expect(200);
    }
    neighbour.open(&link).await;
    says(&neighbour, "offer", "Alder Lane 4 offers you Front door").await;
    neighbour.photograph(&screenshots().join("sharing-join.png")).await;
    type_into(&neighbour, "join-name", "fern").await;
    type_into(&neighbour, "join-password", "a long password of fern").await;
    neighbour.click(&testid("join-submit")).await;
    says(&neighbour, "join-done", "As soon as the household confirms you").await;
    assert_eq!(neighbour.place().await, "/join", "the token is in no history");
    neighbour.click(&testid("join-wall")).await;
    neighbour.shown(&testid("wall-empty")).await;

    // The page renews itself, and the link stays.
    says(&owner, "requests", "fern asks to see Front door").await;
    assert_eq!(value(&owner, "share-once").await, link);
    owner.click(&testid("sharing-back")).await;
    says(&owner, "asks", "1 person asks").await;
    owner.photograph(&screenshots().join("sharing-asks.png")).await;
    owner.click(&testid("sharing")).await;
    owner.photograph(&screenshots().join("sharing-request.png")).await;
    press(&owner, "requests", "Confirm").await;
    says(&owner, "shares", "fern sees Front door").await;
    camera.put_still(&fresh_id(), media("special/orientation-1.jpg")).await.expect(201);
    // The empty wall looks again by itself.
    let shown = "return document.querySelector('[data-testid=camera-enlarge]')?.dataset.state \
                 === 'shown'";
    neighbour.until("the neighbour sees the door", shown, &[]).await;

    owner.open(&format!("{address}{}", owner.place().await)).await;
    let viewed = match edition() {
        Edition::Native => "fern Front door: pictures",
        Edition::Spin => "Ask whoever runs this server",
    };
    says(&owner, "viewed", viewed).await;
    owner.photograph(&screenshots().join("sharing-viewed.png")).await;
    press_twice(&owner, "shares", "Stop sharing", "Really stop?").await;
    says(&owner, "status", "isn't shared with fern any more").await;
    // The open wall goes dark by itself, with the next picture that it asks for.
    let dark = "const picture = document.querySelector('[data-testid=camera-enlarge]'); \
                return picture.dataset.state === 'empty' && !picture.querySelector('img').src \
                && picture.textContent.includes(\"isn't shared with you any more\")";
    neighbour.until("the picture is gone, and says why", dark, &[]).await;
    neighbour.photograph(&screenshots().join("sharing-dark.png")).await;
    // The link is spent.
    neighbour.open("about:blank").await;
    neighbour.open(&link).await;
    says(&neighbour, "offer", "does not hold").await;
    // Whoever is signed in asks as themself, by one button.
    owner.click("#share-cameras input").await;
    owner.click(&testid("share-submit")).await;
    let second = "return document.querySelector('[data-testid=share-once]').value !== arguments[0]";
    owner.until("a second link", second, &[json!(link)]).await;
    let link = value(&owner, "share-once").await;
    neighbour.open(&link).await;
    says(&neighbour, "join", "As fern").await;
    assert!(are_checked(&neighbour, &testid("join-this")).await, "fern is signed in");
    neighbour.photograph(&screenshots().join("sharing-join-known.png")).await;
    neighbour.click(&testid("join-submit")).await;
    says(&neighbour, "join-done", "As soon as the household confirms you").await;
    says(&owner, "requests", "fern asks to see Front door").await;
    press(&owner, "requests", "Confirm").await;
    says(&owner, "shares", "fern sees Front door").await;

    // Whoever sees a camera already can be made a member.
    let fern = "const select = document.querySelector('[data-testid=role-who]'); \
                const of = [...select.options].find((one) => one.textContent === 'fern'); \
                if (of) select.value = of.value; return !!of";
    owner.until("fern can get a role", fern, &[]).await;
    owner.click(&testid("role-submit")).await;
    says(&owner, "members", "fern member of Alder Lane 4").await;
    // To make an owner takes a second press.
    owner.until("fern can get a role", fern, &[]).await;
    owner.click("#role-form [value=owner]").await;
    owner.click(&testid("role-submit")).await;
    says(&owner, "role-submit", "Really make an owner?").await;
    owner.click(&testid("role-submit")).await;
    says(&owner, "members", "fern owner of Alder Lane 4").await;
    owner.photograph(&screenshots().join("sharing-role.png")).await;
}

#[tokio::test]
async fn a_newcomer_whose_answer_was_lost_asks_all_the_same() {
    let edge = Edge::start(EdgeOptions::default());
    let home = edge.household("Alder Lane 4");
    let camera = home.camera("Front door");
    let of = ["--household", &home.id, "--camera", &camera.id];
    let made = home.command(&[&["share", "invitation", "add"], &of[..]].concat());
    let address = edge.door().address();
    let browser = Browser::start(480, 900).await;
    let link = format!("{address}/join#{}", made["token"].as_str().unwrap());
    // Somebody was signed in here before, and so has an account.
    browser.open(&address).await;
    let wall = "localStorage.setItem('eyesonly.wall', `/v1/${'0'.repeat(32)}/`)";
    browser.script(wall, &[]).await;
    browser.open(&link).await;
    says(&browser, "offer", "Alder Lane 4 offers you Front door").await;
    assert!(are_checked(&browser, &testid("join-known")).await, "who was here has an account");
    browser.click("#join [value=new]").await;
    let refused = [
        ("fern", "too short", "This password can't be used"),
        ("Fern", "a long password of fern", "This name can't be used"),
    ];
    for (name, password, words) in refused {
        type_into(&browser, "join-name", name).await;
        type_into(&browser, "join-password", password).await;
        browser.click(&testid("join-submit")).await;
        says(&browser, "join-error", words).await;
    }
    // The account is made, and its answer does not arrive.
    let lose = "const really = window.fetch; window.fetch = async (address, options) => { \
                const answer = await really(address, options); \
                if (!String(address).endsWith('/account')) return answer; \
                window.fetch = really; throw new TypeError('lost'); }; return true";
    browser.script(lose, &[]).await;
    type_into(&browser, "join-name", "fern").await;
    type_into(&browser, "join-password", "a long password of fern").await;
    browser.click(&testid("join-submit")).await;
    says(&browser, "join-error", "there is no connection").await;
    browser.click(&testid("join-submit")).await;
    says(&browser, "join-done", "As soon as the household confirms you").await;
}

#[tokio::test]
async fn a_camera_is_handed_over_to_another_household() {
    let edge = Edge::start(EdgeOptions::default());
    let (alder, birch) = (edge.household("Alder Lane 4"), edge.household("Birch Row 9"));
    let camera = alder.camera("Front door");
    camera.put_still(&fresh_id(), media("special/orientation-1.jpg")).await.expect(201);
    birch.camera("Yard");
    let (giver, taker) = (alder.viewer("alder"), birch.viewer("birch"));
    let address = edge.door().address();
    let (old, new) = (Browser::start(1000, 900).await, Browser::start(480, 900).await);
    for (browser, account) in [(&old, &giver), (&new, &taker)] {
        sign_in(browser, &address, account).await;
        browser.click(&testid("sharing")).await;
        browser.shown(&testid("take")).await;
    }
    press(&old, "cameras", "Hand over").await;
    let withdrawn = value(&old, "offer-once").await;
    press(&old, "cameras", "Keep it").await;
    says(&old, "status", "Front door stays with you").await;
    press(&old, "cameras", "Hand over").await;
    let code = value(&old, "offer-once").await;
    says(&old, "cameras", "It is offered to another household").await;
    old.photograph(&screenshots().join("handover-code.png")).await;

    type_into(&new, "take-name", "Hall").await;
    type_into(&new, "take-code", &withdrawn).await;
    new.click(&testid("take-submit")).await;
    says(&new, "status", "does not hold").await;
    type_into(&new, "take-code", &code).await;
    new.click(&testid("take-submit")).await;
    says(&new, "status", "Hall is yours now").await;
    let credential = value(&new, "take-once").await;
    says(&new, "cameras", "Hall is on").await;
    new.photograph(&screenshots().join("handover-taken.png")).await;
    let mut cameras = taker.login().await.cameras().await;
    cameras.retain(|camera| camera["name"] == "Hall");
    let hall = cameras.remove(0);
    let hall = camera.with_credential(&credential).named(hall["id"].as_str().unwrap());
    hall.put_still(&fresh_id(), media("special/orientation-1.jpg")).await.expect(201);
    camera.put_still(&fresh_id(), media("special/orientation-1.jpg")).await.expect_problem(401);
    old.open(&format!("{address}{}", old.place().await)).await;
    says(&old, "cameras", "Front door was handed over; you keep the past").await;
}

#[tokio::test]
async fn a_member_leaves_by_the_page() {
    let edge = Edge::start(EdgeOptions::default());
    let home = edge.household("Alder Lane 4");
    let camera = home.camera("Front door");
    home.viewer("alder");
    let (account, address) = (edge.household("Birch Row 9").viewer("birch"), edge.door().address());
    let of = ["--household", &home.id, "--viewer", &account.login, "--role", "member"];
    home.command(&[&["member", "set"], &of[..]].concat());
    let of = ["--camera", &camera.id, "--viewer", &account.login];
    home.command(&[&["share", "add"], &of[..]].concat());
    let browser = Browser::start(1000, 900).await;
    sign_in(&browser, &address, &account).await;
    browser.click(&testid("sharing")).await;
    says(&browser, "given", "Alder Lane 4 has you as its member").await;
    browser.photograph(&screenshots().join("sharing-member.png")).await;
    press_twice(&browser, "given", "Leave", "Really leave?").await;
    says(&browser, "status", "You don't belong to Alder Lane 4 any more").await;
    assert_eq!(account.login().await.cameras().await, Vec::<serde_json::Value>::new());
}

#[tokio::test]
async fn somebody_sees_where_they_are_logged_in_and_logs_out_elsewhere() {
    if edition() == Edition::Spin {
        return;
    }
    let edge = Edge::start(EdgeOptions::default());
    let home = edge.household("Alder Lane 4");
    home.camera("Front door");
    let (account, address) = (home.viewer("alder"), edge.door().address());
    let elsewhere = account.login().await;
    let browser = Browser::start(1000, 900).await;
    sign_in(&browser, &address, &account).await;
    browser.click(&testid("account")).await;
    says(&browser, "sessions", "this one").await;
    let is_near = "const place = document.getElementById('account').getBoundingClientRect(); \
                   return place.top < window.innerHeight";
    browser.until("the account is in sight", is_near, &[]).await;
    press(&browser, "sessions", "Log out").await;
    says(&browser, "status", "That one is logged out").await;
    elsewhere.get("cameras").await.expect_problem(401);
    type_into(&browser, "password-old", "wrong").await;
    type_into(&browser, "password-new", "a long password, new").await;
    browser.click(&testid("password-submit")).await;
    says(&browser, "password-error", "is wrong").await;
    type_into(&browser, "password-old", &account.password).await;
    browser.click(&testid("password-submit")).await;
    browser.shown(&testid("login-name")).await;
    says(&browser, "login-news", "Your password was changed").await;
    account.try_login("a long password, new", true).await.expect(201);
}
