//! Whoever loses the right sees nothing that reached the edge after the acknowledgement.
//!
//! Variable: EYESONLY_LIVE_ROUNDS, how often each right is taken away. The fragments carry their
//! number, so the last one that a camera had sent at the acknowledgement is known.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use eyesonly_tests::live::{Streaming, numbers, recording};
use eyesonly_tests::{Answer, Camera, EdgeOptions, Viewer, poll, variable};

use crate::{Following, Scene};

/// How many others follow meanwhile.
const OTHERS: usize = 4;

/// Follows a camera segment after segment until the edge refuses. Returns what came, when the last
/// byte did, and whether it was cut. `begun` is set by the first bytes.
async fn follow_on(
    viewer: Viewer,
    path: String,
    begun: Arc<AtomicBool>,
) -> (Vec<u8>, Instant, bool) {
    let (mut bytes, mut last, mut query) = (Vec::new(), Instant::now(), String::new());
    loop {
        let request = viewer.ask(reqwest::Method::GET, &format!("{path}{query}"));
        let Ok(response) = request.timeout(Duration::from_secs(60)).send().await else {
            return (bytes, last, true);
        };
        if response.status() != 200 {
            return (bytes, last, false);
        }
        let location = response.headers()["content-location"].to_str().unwrap();
        let segment = location.rsplit('/').next().unwrap().to_owned();
        query = format!("?after={segment}");
        let mut following = Following { segment, response };
        loop {
            match following.piece().await {
                Ok(Some(piece)) => {
                    bytes.extend_from_slice(&piece);
                    begun.store(true, Ordering::SeqCst);
                    last = Instant::now();
                }
                Ok(None) => break,
                Err(_) => return (bytes, last, true),
            }
        }
    }
}

/// A right that is taken away.
enum Act {
    Logout,
    Password,
    Viewer,
    Camera,
    /// The camera was shared, and is not any more.
    Unshare,
    /// The camera is shared, but nothing of now.
    Window,
    /// An installer's role is over.
    Installer,
    Household,
    /// The camera is switched off.
    Off,
    /// The camera goes to another household.
    Transfer,
}

async fn check(act: Act, what: &str) {
    let rounds = variable("EYESONLY_LIVE_ROUNDS", 1);
    let scene = Scene::new().await;
    let mut times = Vec::new();
    for round in 0..rounds {
        let own = scene.edge.household(&format!("Cedar Lane {round}"));
        let owner = own.viewer(&format!("owner-{round}"));
        let camera = own.camera(&format!("Camera {round}"));
        let account = own.viewer(&format!("guest-{round}"));
        let home = ["--household", own.id.as_str(), "--viewer", &account.login];
        let share = ["--camera", camera.id.as_str(), "--viewer", &account.login];
        let run = |command: &[&str], of: &[&str], more: &[&str]| {
            own.command(&[command, of, more].concat());
        };
        match act {
            Act::Unshare | Act::Window => {
                run(&["member", "remove"], &home, &[]);
                run(&["share", "add"], &share, &["--kinds", "live", "--past"]);
            }
            Act::Installer => {
                run(&["member", "set"], &home, &["--role", "installer", "--hours", "1"]);
            }
            _ => {}
        }
        let (owner, viewer) = (owner.login().await, account.login().await);
        let streaming = Streaming::start(&camera, "main", recording("alder-front-door"));
        let path = format!("cameras/{}/live", camera.id);
        poll("the camera is live", 30, async || {
            owner.get(&path).await.json()["streams"][0].is_object()
        })
        .await;
        let next = format!("{path}/next");
        let others: Vec<_> = (0..OTHERS)
            .map(|_| tokio::spawn(follow_on(owner.clone(), next.clone(), Arc::default())))
            .collect();
        let begun = Arc::<AtomicBool>::default();
        let following = follow_on(viewer.clone(), next.clone(), Arc::clone(&begun));
        let following = tokio::spawn(following);
        poll("something is followed", 30, async || begun.load(Ordering::SeqCst)).await;
        // Each round takes the right away at another moment of a segment.
        tokio::time::sleep(Duration::from_millis(900 + 137 * (round % 15))).await;
        match act {
            Act::Logout => drop(viewer.logout().await.expect(204)),
            Act::Viewer => own.remove_viewer(&account),
            Act::Camera => own.remove_camera(&camera),
            Act::Password => drop(own.new_password(&account)),
            Act::Unshare => run(&["share", "remove"], &share, &[]),
            Act::Installer => run(&["member", "remove"], &home, &[]),
            Act::Household => drop(own.command(&["household", "remove", &own.id])),
            Act::Off => drop(own.command(&["camera", "switch", &camera.id, "off"])),
            Act::Transfer => hand_over(&owner, &camera, &scene).await,
            Act::Window => {
                let now = humantime::format_rfc3339_millis(SystemTime::now()).to_string();
                run(&["share", "add"], &share, &["--kinds", "live", "--past", "--until", &now]);
            }
        }
        let (acknowledged, sent) = (Instant::now(), streaming.sent());
        let (bytes, last, _) =
            tokio::time::timeout(Duration::from_secs(30), following).await.expect(what).unwrap();
        times.push(last.saturating_duration_since(acknowledged));
        let seen = numbers(&bytes);
        let newest = *seen.last().expect("something was followed before");
        assert!(newest < sent, "{what}, round {round}: {newest} was sent after {sent}");
        match act {
            Act::Camera | Act::Household => {
                let answer = streaming.ended().await;
                assert!([401, 409].contains(&answer.status), "{}", answer.told());
                let gone = if matches!(act, Act::Camera) { 404 } else { 401 };
                viewer.get(&path).await.expect_problem(gone);
            }
            Act::Unshare | Act::Installer => drop(viewer.get(&path).await.expect_problem(404)),
            // Its people keep what was before, and nothing is live.
            Act::Off | Act::Transfer => {
                let ended = if matches!(act, Act::Off) { 403 } else { 401 };
                streaming.ended().await.expect_problem(ended);
                let live = viewer.get(&path).await.expect(200).json();
                assert_eq!(live["streams"], serde_json::json!([]), "{what}, round {round}");
                let (bytes, ..) = follow_on(viewer.clone(), next.clone(), Arc::default()).await;
                assert!(bytes.is_empty(), "{what}, round {round}");
            }
            // The segment that began in the window is there until it ends, cut where the window is.
            Act::Window => {
                let again = || follow_on(viewer.clone(), next.clone(), Arc::default());
                poll("nothing of now is there", 30, async || {
                    let (bytes, _, is_cut) = again().await;
                    assert!(numbers(&bytes).iter().all(|number| *number < sent), "{what}, {round}");
                    !is_cut && bytes.is_empty()
                })
                .await;
            }
            Act::Logout | Act::Password | Act::Viewer => {
                viewer.get(&path).await.expect_problem(401);
            }
        }
        others.iter().for_each(tokio::task::JoinHandle::abort);
    }
    times.sort();
    let p99 = times[(times.len() - 1) * 99 / 100];
    println!("{what}: {rounds} rounds, last byte after the acknowledgement: p99 {p99:?}");
}

/// Offers a camera, and takes it into the scene's household.
async fn hand_over(owner: &Viewer, camera: &Camera, scene: &Scene) {
    let offer = owner.ask(reqwest::Method::POST, &format!("transfers/{}", camera.id));
    let offered = Answer::of(offer).await.expect(201).json();
    let take = format!("households/{}/cameras", scene.household.id);
    let body = serde_json::json!({ "token": offered["token"], "name": "Taken" });
    Answer::of(scene.viewer.ask(reqwest::Method::POST, &take).json(&body)).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_comes_after_a_logout() {
    check(Act::Logout, "logout").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_comes_after_a_viewer_was_removed() {
    check(Act::Viewer, "removed viewer").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_comes_after_a_camera_was_removed() {
    check(Act::Camera, "removed camera").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_comes_after_a_new_password() {
    check(Act::Password, "new password").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_comes_after_a_share_was_taken_back() {
    check(Act::Unshare, "share taken back").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_comes_after_a_window_was_narrowed() {
    check(Act::Window, "narrowed window").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_comes_after_an_installers_role_was_ended() {
    check(Act::Installer, "installer's end").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_comes_after_a_household_was_removed() {
    check(Act::Household, "removed household").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_comes_after_a_camera_was_switched_off() {
    check(Act::Off, "camera switched off").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_comes_after_a_camera_changed_hands() {
    check(Act::Transfer, "camera changed hands").await;
}

/// What arrived at the edge after the session's end is not sent.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_comes_after_a_session_has_expired() {
    let rounds = variable("EYESONLY_LIVE_ROUNDS", 1);
    let scene = Scene::with(EdgeOptions { session_seconds: Some(3), ..EdgeOptions::default() });
    let scene = scene.await;
    let streaming = Streaming::start(&scene.camera, "main", recording("alder-front-door"));
    for round in 0..rounds {
        let viewer = scene.account.login().await;
        let start = Instant::now();
        let following = follow_on(viewer.clone(), scene.path("/next"), Arc::default());
        let (bytes, last, _) =
            tokio::time::timeout(Duration::from_secs(30), following).await.expect("an end");
        assert!(!numbers(&bytes).is_empty(), "round {round}: something was followed before");
        assert!(last.duration_since(start) < Duration::from_millis(3_900), "round {round}");
        viewer.get("cameras").await.expect_problem(401);
    }
    assert!(streaming.sent() > 30, "the camera streams on");
}

/// A stranger, a made-up camera and one that was removed are answered at once and alike.
#[tokio::test]
async fn waiting_tells_nothing() {
    let scene = Scene::new().await;
    let _streaming = Streaming::start(&scene.camera, "main", recording("alder-front-door"));
    scene.is_live().await;
    let stranger = scene.edge.household("Birch Road 9").viewer("birch").login().await;
    let removed = scene.household.camera("Old");
    scene.household.remove_camera(&removed);
    let nobody = "0190a0a0-0000-7000-8000-000000000000";
    let asked = [
        ("a stranger, the camera", &stranger, scene.camera.id.as_str()),
        ("a stranger, no camera", &stranger, nobody),
        ("a viewer, a camera that was removed", &scene.viewer, removed.id.as_str()),
        ("a viewer, no camera", &scene.viewer, nobody),
    ];
    let mut answers = Vec::new();
    let mut times = vec![Vec::new(); asked.len()];
    for _ in 0..variable("EYESONLY_LIVE_ROUNDS", 10) {
        for ((_, viewer, camera), times) in asked.into_iter().zip(&mut times) {
            let start = Instant::now();
            let answer: Answer = viewer.get(&format!("cameras/{camera}/live/next")).await;
            times.push(start.elapsed());
            answers.push(answer.expect_problem(404).seen());
        }
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "they can't be told apart");
    for ((who, ..), times) in asked.into_iter().zip(&mut times) {
        times.sort();
        let at = |percent: usize| times[(times.len() - 1) * percent / 100];
        println!(
            "{who}: {} times, p10 {:?}, p50 {:?}, p90 {:?}",
            times.len(),
            at(10),
            at(50),
            at(90)
        );
        assert!(at(100) < Duration::from_secs(5), "nobody waits: {:?}", at(100));
    }
}

/// One viewer's waiting requests are bounded, and don't slow another household.
#[tokio::test(flavor = "multi_thread")]
async fn many_that_wait_slow_nobody() {
    let scene = Scene::new().await;
    let other = scene.edge.household("Birch Road 9");
    let (camera, viewer) = (other.camera("Porch"), other.viewer("birch").login().await);
    let _streaming = Streaming::start(&camera, "main", recording("cedar-porch"));
    let path = scene.path("/next");
    let waiting: Vec<_> = (0..variable("EYESONLY_LIVE_WAITING", 200))
        .map(|_| {
            let (viewer, path) = (scene.viewer.clone(), path.clone());
            tokio::spawn(async move { viewer.get(&path).await.status })
        })
        .collect();
    let next = format!("cameras/{}/live", camera.id);
    poll("the other household is live", 30, async || {
        viewer.get(&next).await.json()["streams"][0].is_object()
    })
    .await;
    let (bytes, is_cut) = Following::of(&viewer, &format!("{next}/next")).await.rest().await;
    assert!(!is_cut && !numbers(&bytes).is_empty());
    let mut refused = 0;
    for waits in waiting {
        match waits.await.unwrap() {
            404 => {}
            503 => refused += 1,
            status => panic!("{status}"),
        }
    }
    assert!(refused > 100, "a viewer has few places to wait: {refused} were refused");
}
