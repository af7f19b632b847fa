//! The properties of every page: names stay text, nothing runs inline, and every file asked for is
//! there.

use std::collections::BTreeSet;

use super::{WallCamera, join_page, login_page, path_segment, sharing_page, wall_page};
use crate::viewer::{ASSETS, CONTENT_SECURITY_POLICY};

fn camera<'a>(id: &str, name: &'a str) -> WallCamera<'a> {
    WallCamera { id: id.to_owned(), name, live: true, events: true, clips: true, may_delete: true }
}

fn wall() -> String {
    wall_page("Night owl", &[camera("0193", "Front door"), camera("0194", "Garden")], true)
}

fn asset_text(path: &str) -> &'static str {
    let asset = ASSETS.iter().find(|asset| asset.path == path).unwrap();
    std::str::from_utf8(asset.bytes).unwrap()
}

/// Returns each page with the module that runs on it.
fn pages() -> [(String, &'static str); 4] {
    [
        (login_page(), "login.js"),
        (wall(), "wall.js"),
        (join_page(), "join.js"),
        (sharing_page("Night owl"), "sharing.js"),
    ]
}

/// Returns every tag of a page with its attributes, without the text between tags.
fn tags(page: &str) -> Vec<&str> {
    page.split('<').skip(1).map(|rest| rest.split_once('>').unwrap().0).collect()
}

/// Returns the text between each `before` and the next character of `until`.
fn all_between<'a>(text: &'a str, before: &str, until: &[char]) -> Vec<&'a str> {
    text.split(before).skip(1).map(|rest| rest.split(until).next().unwrap()).collect()
}

#[test]
fn names_are_text_wherever_they_stand() {
    let evil = "<script>alert(1)</script>\" onload=\"x\" '&";
    let page = wall_page(evil, &[camera("0193", evil)], true);
    assert!(!page.contains("<script>"), "a name opened a tag");
    assert!(!page.contains("\" onload"), "a name left its attribute");
    // The page has the viewer's name twice (text, title), and the camera's in its button, its
    // heading and its link.
    assert_eq!(page.matches("&lt;script&gt;alert(1)&lt;/script&gt;&quot; onload").count(), 5);
}

#[test]
fn a_camera_id_stays_one_segment() {
    assert_eq!(path_segment("0193-af_~."), "0193-af_~.");
    assert_eq!(path_segment("a/b?c#d\"é"), "a%2Fb%3Fc%23d%22%C3%A9");
    let page = wall_page("v", &[camera("../x", "n")], true);
    assert!(page.contains("src=\"cameras/..%2Fx/thumbnail?width=640\""));
}

#[test]
fn the_login_page_is_the_same_for_everybody() {
    let first = login_page();
    let _ = (wall(), sharing_page("Night owl"));
    assert_eq!(first.as_bytes(), login_page().as_bytes());
    for page in [first, join_page()] {
        assert!(!page.contains("Night owl") && !page.contains("/v1/0"));
        let is_post = page.contains("method=\"post\"");
        assert!(is_post, "a GET form would put the password into an address");
    }
}

#[test]
fn the_hooks_that_browser_tests_use_are_there() {
    let hooks = |page: &str| -> BTreeSet<String> {
        all_between(page, "data-testid=\"", &['"']).into_iter().map(str::to_owned).collect()
    };
    let login = hooks(&login_page());
    for hook in ["login-name", "login-password", "login-submit", "login-error"] {
        assert!(login.contains(hook), "{hook}");
    }
    let wall = hooks(&wall());
    for hook in [
        "wall",
        "camera-card",
        "camera-thumb",
        "camera-name",
        "camera-events",
        "enlarged-image",
        "enlarged-close",
        "timeline",
        "timeline-news",
        "event-item",
        "event-play",
        "clip-video",
        "player-download",
        "event-delete",
        "event-delete-confirm",
        "logout",
        "older",
    ] {
        assert!(wall.contains(hook), "{hook}");
    }
}

#[test]
fn nothing_runs_or_is_styled_inline() {
    for page in pages().map(|(page, _)| page).into_iter().chain([wall_page("v", &[], true)]) {
        for tag in tags(&page) {
            for attribute in tag.split_whitespace().skip(1) {
                let name = attribute.split('=').next().unwrap();
                // Names that people chose are no attributes: on this page, none has a blank before
                // "on".
                assert!(!(name.starts_with("on") && attribute.contains('=')), "handler in <{tag}>");
                assert_ne!(name, "style", "style in <{tag}>");
            }
            assert!(!tag.contains("javascript:"), "<{tag}>");
        }
        assert!(!page.contains("<style"));
        for script in all_between(&page, "<script", &['\n']) {
            let (opening, rest) = script.split_once('>').unwrap();
            assert!(opening.contains(" src=\"/assets/"), "<script{opening}>");
            assert!(rest.starts_with("</script>"), "a script with a body");
        }
        assert_eq!(page.matches("<script").count(), 1);
    }
}

#[test]
fn every_file_asked_for_is_served() {
    let served: BTreeSet<&str> = ASSETS.iter().map(|asset| asset.path).collect();
    let mut asked: BTreeSet<String> = BTreeSet::new();
    for (page, _) in pages() {
        asked.extend(
            all_between(&page, "\"/assets/", &['"', '#'])
                .iter()
                .map(|name| format!("/assets/{name}")),
        );
    }
    for asset in ASSETS.iter().filter(|asset| asset.path.ends_with(".js")) {
        let text = asset_text(asset.path);
        asked.extend(
            all_between(text, "from \"./", &['"']).iter().map(|name| format!("/assets/{name}")),
        );
        asked.extend(
            all_between(text, "`/assets/", &['`', '#'])
                .iter()
                .map(|name| format!("/assets/{name}")),
        );
    }
    assert!(asked.len() > 10, "found only {asked:?}");
    let asked: BTreeSet<&str> = asked.iter().map(String::as_str).collect();
    assert_eq!(asked, served, "asked for (left) and served (right) differ");
}

#[test]
fn every_drawing_is_in_the_sprite() {
    let sprite: BTreeSet<&str> =
        all_between(asset_text("/assets/icons.svg"), "symbol id=\"", &['"']).into_iter().collect();
    for (page, _) in pages() {
        for name in all_between(&page, "icons.svg#", &['"']) {
            assert!(sprite.contains(name), "no drawing {name}");
        }
    }
    for kind in ["person", "motion", "vehicle", "animal", "package", "doorbell", "sound", "other"] {
        assert!(sprite.contains(kind), "no drawing {kind}");
    }
}

#[test]
fn every_part_that_a_module_takes_is_on_its_page() {
    let ids = |page: &str| -> BTreeSet<String> {
        all_between(page, " id=\"", &['"']).into_iter().map(str::to_owned).collect()
    };
    for (page, entry) in pages() {
        let there = ids(&page);
        for module in modules_of(entry) {
            for id in all_between(asset_text(&format!("/assets/{module}")), "part(\"", &['"']) {
                assert!(there.contains(id), "{module} takes #{id}, on the page of {entry}");
            }
        }
    }
    assert_eq!(ids(&wall_page("v", &[], true)), ids(&wall()), "an empty wall lacks parts");
}

/// Returns a module, and all that it imports.
fn modules_of(entry: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut next = vec![entry.to_owned()];
    while let Some(module) = next.pop() {
        let text = asset_text(&format!("/assets/{module}"));
        next.extend(all_between(text, "from \"./", &['"']).into_iter().map(str::to_owned));
        if !found.insert(module) {
            next.retain(|other| !found.contains(other));
        }
    }
    found
}

#[test]
fn no_module_turns_text_into_markup_or_code() {
    for asset in ASSETS.iter().filter(|asset| asset.path.ends_with(".js")) {
        let text = asset_text(asset.path);
        for word in [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "Function(",
            "setHTML",
            "://",
            "import(",
            ".cssText",
            "sessionStorage",
            "document.cookie",
        ] {
            assert!(!text.contains(word), "{} has {word}", asset.path);
        }
        assert!(text.starts_with("// "), "{} doesn't say what it is for", asset.path);
    }
    assert!(
        !asset_text("/assets/app.css").contains("url(")
            && !asset_text("/assets/app.css").contains("@import")
    );
}

#[test]
fn the_policy_lets_nothing_inline_or_foreign_in() {
    let directives: Vec<&str> = CONTENT_SECURITY_POLICY.split(';').map(str::trim).collect();
    assert_eq!(directives.first(), Some(&"default-src 'none'"));
    for directive in &directives {
        for source in directive.split_whitespace().skip(1) {
            assert!(["'none'", "'self'", "'script'", "blob:"].contains(&source), "{directive}");
        }
        let may = ["img-src ", "media-src "].iter().any(|name| directive.starts_with(name));
        assert!(!directive.contains("blob:") || may, "{directive}");
    }
}

#[test]
fn the_wall_offers_only_what_the_viewer_may_do() {
    let mut shared = camera("0195", "Yard");
    shared.events = false;
    shared.clips = false;
    shared.may_delete = false;
    let page = wall_page("v", &[shared], true);
    assert!(!page.contains("data-testid=\"camera-events\""));
    assert!(
        !page.contains(" data-may-delete")
            && !page.contains(" data-clips")
            && !page.contains(" data-events")
    );
    let page = wall_page("v", &[camera("0195", "Yard")], true);
    assert!(page.contains("href=\"#camera=0195\""));
    assert!(page.contains(" data-may-delete") && page.contains(" data-clips"));
}

#[test]
fn an_empty_wall_says_so() {
    assert!(wall_page("v", &[], true).contains("No cameras yet"));
    let page = wall_page("v", &[], false);
    assert!(!page.contains("live-toggle"), "an edition without live view offers none");
    assert!(!wall().contains("No cameras yet"));
}

#[test]
fn the_modules_named_for_fetching_ahead_are_those_there_are() {
    for (page, entry) in pages() {
        let ahead = all_between(&page, "modulepreload\" href=\"/assets/", &['"']);
        let ahead = ahead.into_iter().chain([entry]).map(str::to_owned).collect::<BTreeSet<_>>();
        assert_eq!(ahead, modules_of(entry), "{entry}");
    }
}
