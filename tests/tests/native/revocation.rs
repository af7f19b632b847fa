//! Whoever loses a right reads nothing more: not with the next request, and not to the end of what
//! is under way.
//!
//! Variable: EYESONLY_REVOCATION_ROUNDS, how often each right is taken away.

use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use eyesonly_harness::footage::{description, fresh_id, mp4_around, noise};
use eyesonly_tests::footage::media;
use eyesonly_tests::{Account, Answer, Camera, EdgeOptions, Home, Household, Viewer, variable};
use reqwest::Method;
use tokio::task::JoinSet;

/// More than what the sockets between the edge and a viewer hold.
const CLIP_BYTES: usize = 24 << 20;
/// The neighbours who take turns, so that nobody asks too often.
const NEIGHBOURS: usize = 8;
/// The requests that are under way when a right is taken away, for each way to look.
const AT_ONCE: usize = 3;
/// The connections that look at something else meanwhile.
const OTHERS: usize = 4;

/// Prints the times from the acknowledgement to the last byte.
fn print(what: &str, times: &mut [Duration]) {
    times.sort();
    let at = |percent: usize| times[(times.len() - 1) * percent / 100];
    println!(
        "{what}: {} times, last byte after the acknowledgement: p50 {:?}, p99 {:?}, at most {:?}",
        times.len(),
        at(50),
        at(99),
        at(100)
    );
}

/// The paths of what is looked at: a still that nobody has seen in this width needs a decoder, a
/// clip needs a turn, and each waits for the ledger.
fn paths(camera: &Camera, event: &str, round: u64) -> [String; 5] {
    let of = format!("cameras/{}", camera.id);
    let widths = [160, 320, 640];
    [
        format!("{of}/thumbnail?width={}", widths[round as usize % widths.len()]),
        format!("{of}/events?limit=2"),
        format!("{of}/events/{event}"),
        format!("{of}/events/{event}/thumbnail?width=320"),
        format!("{of}/events/{event}/clip"),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_read_after_a_share_was_taken_back() {
    let rounds = variable("EYESONLY_REVOCATION_ROUNDS", 6);
    let home = Home::with(EdgeOptions { memory_tier_bytes: Some(0), ..EdgeOptions::default() });
    let mut home = home.await;
    let event = fresh_id();
    home.camera.put_event(&event, &description("a cat")).await.expect(201);
    home.camera.put_event_still(&event, media("alder-driveway-car.jpg")).await.expect(201);
    home.camera.put_clip(&event, mp4_around(&noise("a clip", 300_000))).await.expect(201);
    let street = home.edge.household("Birch Row 9");
    let mut neighbours = Vec::new();
    for nth in 0..NEIGHBOURS {
        let account = street.viewer(&format!("birch-{nth}"));
        neighbours.push((account.login().await, account));
    }
    // Others look at their own camera all the time.
    let porch = street.camera("Porch");
    porch.put_still(&fresh_id(), media("cedar-porch.jpg")).await.expect(201);
    let mut others = JoinSet::new();
    for nth in 0..OTHERS {
        let (viewer, porch) = (neighbours[nth % NEIGHBOURS].0.clone(), porch.clone());
        others.spawn(async move {
            loop {
                let answer = viewer.thumbnail(&porch, 320).await;
                assert!([200, 429].contains(&answer.status), "{}", answer.told());
                tokio::time::sleep(Duration::from_millis(40)).await;
            }
        });
    }
    let absent = format!("cameras/{}", fresh_id());
    let (mut times, mut shown, mut refused) = (Vec::new(), 0, 0);
    for round in 0..rounds {
        let (neighbour, account) = &neighbours[round as usize % NEIGHBOURS];
        let of = ["--camera", &home.camera.id, "--viewer", &account.id];
        home.camera.put_still(&fresh_id(), media("alder-front-door.jpg")).await.expect(201);
        home.household.command(&[&["share", "add"], &of[..], &["--past"]].concat());
        neighbour.event(&home.camera, &event).await.expect(200);
        let mut under_way = JoinSet::new();
        for path in paths(&home.camera, &event, round).into_iter().cycle().take(5 * AT_ONCE) {
            let neighbour = neighbour.clone();
            under_way.spawn(async move {
                let answer = Answer::try_of(neighbour.ask(Method::GET, &path)).await;
                (answer, Instant::now())
            });
        }
        // Each round takes the right away at another moment of the requests.
        tokio::time::sleep(Duration::from_millis(round * 7 % 40)).await;
        home.household.command(&[&["share", "remove"], &of[..]].concat());
        let acknowledged = Instant::now();
        for path in paths(&home.camera, &event, round) {
            let answer = neighbour.get(&path).await.expect_problem(404);
            let (_, rest) = path.split_once('/').unwrap();
            let (_, rest) = rest.split_once('/').unwrap();
            let absent = neighbour.get(&format!("{absent}/{rest}")).await;
            assert_eq!(answer.seen(), absent.seen(), "round {round}: {path}");
        }
        while let Some(ended) = under_way.join_next().await {
            let (answer, at) = ended.unwrap();
            match answer.map_or(404, |answer| answer.status) {
                200 => {
                    shown += 1;
                    times.push(at.saturating_duration_since(acknowledged));
                }
                404 | 429 | 503 => refused += 1,
                status => panic!("round {round}: {status}"),
            }
        }
    }
    others.abort_all();
    print("share taken back", &mut times);
    println!("of what was under way, {shown} were shown and {refused} were not");
    assert!(shown > 0, "something was under way");
    // The ledger judges by acts: nothing was handed out after its right was taken. Of the last
    // deliveries an edge that runs may not have said yet that nothing left.
    assert!(home.edge.stop().success());
    let report = home.edge.command_line().command(&["incident", "--json"]).output().unwrap();
    let said = String::from_utf8_lossy(&report.stderr).into_owned();
    let report: serde_json::Value = serde_json::from_slice(&report.stdout).expect(&said);
    assert_eq!(report["exposures"], serde_json::json!([]), "{report}");
    assert!(report["deliveries"].as_u64().unwrap() >= shown, "{report}");
}

/// A right that is taken away.
#[derive(Clone, Copy, PartialEq)]
enum Act {
    Unshare,
    Window,
    Logout,
    Password,
    Household,
    /// The camera is switched off, which takes nothing of the past.
    Off,
}

/// A household with a long clip, and a neighbour who may see it.
struct Lane {
    household: Household,
    camera: Camera,
    event: String,
}

impl Lane {
    async fn new(home: &Home, name: &str, clip: &Bytes) -> Self {
        let household = home.edge.household_with_quota(name, 1 << 30);
        // A household keeps an owner.
        household.viewer(&format!("owner-{}", household.id));
        let (camera, event) = (household.camera("Yard"), fresh_id());
        camera.put_event(&event, &description("long")).await.expect(201);
        camera.put_clip(&event, clip.clone()).await.expect(201);
        Self { household, camera, event }
    }

    fn takes(&self, act: Act, account: &Account) {
        let of = ["--camera", &self.camera.id, "--viewer", &account.login];
        match act {
            Act::Unshare => drop(self.household.command(&[&["share", "remove"], &of[..]].concat())),
            Act::Window => {
                let past = SystemTime::now() - Duration::from_secs(3600);
                let past = humantime::format_rfc3339_seconds(past).to_string();
                let until = ["--past", "--until", &past];
                self.household.command(&[&["share", "add"], &of[..], &until].concat());
            }
            Act::Password => drop(self.household.new_password(account)),
            Act::Household => {
                self.household.command(&["household", "remove", &self.household.id]);
            }
            Act::Off => drop(self.household.command(&["camera", "switch", &self.camera.id, "off"])),
            Act::Logout => {}
        }
    }
}

/// Takes a right away in the middle of a clip, again and again.
async fn cut(act: Act, what: &str) {
    let rounds = variable("EYESONLY_REVOCATION_ROUNDS", 2);
    let home = Home::new().await;
    let street = home.edge.household("Birch Row 9");
    let clip = mp4_around(&noise("long", CLIP_BYTES));
    let mut lane = Lane::new(&home, "Cedar Lane 3", &clip).await;
    let (mut times, mut more) = (Vec::new(), 0);
    for round in 0..rounds {
        if act == Act::Household && round > 0 {
            lane = Lane::new(&home, &format!("Cedar Lane {}", 3 + round), &clip).await;
        }
        let account = street.viewer(&format!("birch-{round}"));
        let of = ["--camera", &lane.camera.id, "--viewer", &account.login];
        lane.household.command(&[&["share", "add"], &of[..], &["--past"]].concat());
        let viewer = account.login().await;
        let path = format!("cameras/{}/events/{}/clip", lane.camera.id, lane.event);
        let mut response = viewer.ask(Method::GET, &path).send().await.unwrap();
        assert_eq!(response.status(), 200, "{what}, round {round}");
        let first = response.chunk().await.unwrap().expect("a first piece");
        tokio::time::sleep(Duration::from_millis(round * 3 % 20)).await;
        match act {
            Act::Logout => drop(viewer.logout().await.expect(204)),
            _ => lane.takes(act, &account),
        }
        let (acknowledged, mut last) = (Instant::now(), Instant::now());
        let (mut bytes, mut is_cut) = (first.len(), false);
        loop {
            match response.chunk().await {
                Ok(Some(piece)) => {
                    bytes += piece.len();
                    last = Instant::now();
                }
                Ok(None) => break,
                Err(_) => {
                    is_cut = true;
                    break;
                }
            }
        }
        times.push(last.saturating_duration_since(acknowledged));
        more = more.max(bytes);
        let whole = bytes == clip.len();
        assert!(is_cut != whole, "{what}, round {round}: {bytes} bytes, cut: {is_cut}");
        assert_eq!(whole, act == Act::Off, "{what}, round {round}: {bytes} of {}", clip.len());
        after(act, what, &viewer, &path).await;
    }
    println!("{what}: at most {more} of {} bytes came", clip.len());
    print(what, &mut times);
}

/// Asks once more.
async fn after(act: Act, what: &str, viewer: &Viewer, path: &str) {
    let answer = viewer.get(path).await;
    let expected = match act {
        Act::Unshare | Act::Window | Act::Household => 404,
        Act::Logout | Act::Password => 401,
        Act::Off => 200,
    };
    assert_eq!(answer.status, expected, "{what}: {}", answer.told());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clip_is_cut_where_a_share_is_taken_back() {
    cut(Act::Unshare, "share taken back in mid-clip").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clip_is_cut_where_the_window_is_narrowed() {
    cut(Act::Window, "window narrowed in mid-clip").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clip_is_cut_where_the_session_ends() {
    cut(Act::Logout, "logout in mid-clip").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clip_is_cut_where_the_password_changes() {
    cut(Act::Password, "new password in mid-clip").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clip_is_cut_where_its_household_goes() {
    cut(Act::Household, "household removed in mid-clip").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clip_goes_on_where_its_camera_is_switched_off() {
    cut(Act::Off, "camera switched off in mid-clip").await;
}
