//! Behind nginx and haproxy as they come from Debian: people sign in, cameras keep their
//! connections, and the throttle counts clients.
//!
//! A test that pauses does so around limits that proxies or the edge have or had. None asserts a
//! time.

use std::net::IpAddr;
use std::time::Duration;

use eyesonly_harness::footage::{description, footage_id, fresh_id, now_milliseconds};
use eyesonly_harness::installation::Proxies;
use eyesonly_harness::paths;
use eyesonly_tests::proxy::{Program, Proxy, free_port};
use eyesonly_tests::raw::Line;
use eyesonly_tests::tool::tool;
use eyesonly_tests::{Answer, Door, EdgeOptions, Home};
use reqwest::Method;
use serde_json::json;

use super::wire::with_a_stall;
use super::{is_native, report};

/// The time from one still to the next, in milliseconds.
const STILL_MILLISECONDS: u64 = 15_000;
/// The stills of an hour.
const STILLS: u64 = 240;
/// Twice as many wrong passwords as are free for an address.
const TRIES: usize = 40;
/// The most times that an address is throttled anew. Each wait is twice as long as the one before.
const WAITS: usize = 8;

#[tokio::test]
async fn behind_nginx_an_hour_of_uploads() {
    an_hour_of_uploads(Program::Nginx).await;
}

#[tokio::test]
async fn behind_haproxy_an_hour_of_uploads() {
    an_hour_of_uploads(Program::Haproxy).await;
}

#[tokio::test]
async fn behind_nginx_a_browser_signs_in() {
    if !tool("nginx") {
        return;
    }
    let home = Home::new().await;
    for host in HOSTS {
        let proxy =
            Proxy::start_at(Program::Nginx, &home.edge, free_port(), |config| host.set(config));
        a_browser_signs_in(&home, &proxy).await;
        let plain = sign_in(&home, &proxy, &[("origin", proxy.origin())]).await;
        if host.is_kept {
            plain.expect(201);
        } else {
            told_of_public_url(&plain);
        }
    }
}

#[tokio::test]
async fn behind_haproxy_a_browser_signs_in() {
    if !tool("haproxy") {
        return;
    }
    let home = Home::new().await;
    let proxy = Proxy::start(Program::Haproxy, &home.edge);
    a_browser_signs_in(&home, &proxy).await;
    sign_in(&home, &proxy, &[("origin", proxy.origin())]).await.expect(201);
}

#[tokio::test]
async fn behind_nginx_the_throttle_counts_clients_and_public_url_counts() {
    if !is_native() || !tool("nginx") {
        return;
    }
    let (home, port) = set_up_for_a_proxy().await;
    for host in HOSTS {
        let proxy = Proxy::start_at(Program::Nginx, &home.edge, port, |config| host.set(config));
        public_url_counts(&home, &proxy).await;
    }
    let proxy = Proxy::start_at(Program::Nginx, &home.edge, port, |config| config);
    the_throttle_counts_clients(&home, &proxy).await;
}

#[tokio::test]
async fn behind_haproxy_the_throttle_counts_clients_and_public_url_counts() {
    if !is_native() || !tool("haproxy") {
        return;
    }
    let (home, port) = set_up_for_a_proxy().await;
    let proxy = Proxy::start_at(Program::Haproxy, &home.edge, port, |config| config);
    public_url_counts(&home, &proxy).await;
    the_throttle_counts_clients(&home, &proxy).await;
}

/// Whoever is no configured proxy states an address in vain: the throttle counts the connection's.
#[tokio::test]
async fn behind_nginx_that_is_not_configured_the_throttle_counts_the_proxy() {
    if !is_native() || !tool("nginx") {
        return;
    }
    let home = Home::new().await;
    let proxy = Proxy::start(Program::Nginx, &home.edge);
    let door = proxy.door(&home.edge);
    let (first, second) = (from("127.0.0.2", &door), from("127.0.0.3", &door));
    let ask = async || wrong_login(&second, "somebody", None).await.status;
    assert!(waits_with(&first, ask).await, "two clients are told apart");
}

/// What nginx makes of the header `Host`.
struct HostLine {
    line: &'static str,
    /// Says that the edge gets what the browser wrote.
    is_kept: bool,
}

const DOCUMENTED: &str = "proxy_set_header Host $http_host;";
const HOSTS: [HostLine; 3] = [
    HostLine { line: DOCUMENTED, is_kept: true },
    // It lacks the port.
    HostLine { line: "proxy_set_header Host $host;", is_kept: false },
    // It is the upstream's name.
    HostLine { line: "", is_kept: false },
];

impl HostLine {
    fn set(&self, config: String) -> String {
        assert!(config.contains(DOCUMENTED), "{config}");
        config.replace(DOCUMENTED, self.line)
    }
}

/// Makes a home on an edge that knows its proxy, and returns the port that the proxy must have.
async fn set_up_for_a_proxy() -> (Home, u16) {
    let port = free_port();
    let options = EdgeOptions {
        public_url: Some(format!("http://127.0.0.1:{port}")),
        proxy: Some(Proxies { addresses: vec!["127.0.0.1/32".into()] }),
        ..EdgeOptions::default()
    };
    (Home::with(options).await, port)
}

async fn an_hour_of_uploads(program: Program) {
    if !tool(program.name()) {
        return;
    }
    let home = Home::new().await;
    let proxy = Proxy::start(program, &home.edge);
    // Nothing else uses the connections of this one, so it closes them itself after 60 seconds.
    let quiet = Proxy::start(program, &home.edge);
    let door = proxy.door(&home.edge);
    let (stalled, ..) = tokio::join!(
        with_a_stall(&home, &door, report("00-good-h264-aac-faststart.mp4"), 31),
        async {
            an_hour_of_stills(&home, &proxy).await;
            a_clip_and_its_ranges(&home, &proxy).await;
        },
        pause_between_uploads(&home, &proxy, 22),
        pause_between_uploads(&home, &quiet, 62),
    );
    assert_eq!(stalled, 201);
    if is_native() {
        refusals(&home, &proxy).await;
    }
    expect_no_failure(program, &proxy);
    expect_no_failure(program, &quiet);
}

/// Sends an hour's stills over one connection, without a pause.
async fn an_hour_of_stills(home: &Home, proxy: &Proxy) {
    let mut line = Line::to(&proxy.door(&home.edge)).await;
    let begun = now_milliseconds() - STILLS * STILL_MILLISECONDS;
    for number in 0..STILLS {
        let id = footage_id(begun + number * STILL_MILLISECONDS);
        let answer = line.ask(&home.camera.still(&id, report("19-red.jpg"))).await;
        assert_eq!(answer.status, 201, "still {number}: {answer:?}");
    }
}

/// Uses a connection again after it was idle for so long.
async fn pause_between_uploads(home: &Home, proxy: &Proxy, seconds: u64) {
    let mut line = Line::to(&proxy.door(&home.edge)).await;
    for pause in [0, seconds] {
        tokio::time::sleep(Duration::from_secs(pause)).await;
        let answer = line.ask(&home.camera.still(&fresh_id(), report("19-blue.jpg"))).await;
        assert_eq!(answer.status, 201, "after {pause} s: {answer:?}");
    }
}

async fn a_clip_and_its_ranges(home: &Home, proxy: &Proxy) {
    let door = proxy.door(&home.edge);
    let (camera, viewer) = (home.camera.through(&door), home.account.through(&door).login().await);
    let (event, clip) = (fresh_id(), report("00-good-h264-aac-faststart.mp4"));
    camera.put_event(&event, &description("by proxy")).await.expect(201);
    camera.put_clip(&event, clip.clone()).await.expect(201);
    assert!(viewer.clip(&camera, &event).await.expect(200).body == clip);
    let part = viewer.clip_range(&camera, &event, "bytes=1000-1999").await.expect(206);
    assert!(part.body == clip.slice(1000..2000));
    let length = clip.len();
    assert_eq!(part.header("content-range"), format!("bytes 1000-1999/{length}"));
    let head = viewer.ask(Method::HEAD, &paths::clip(&camera.id, &event));
    let head = Answer::of(head).await.expect(200);
    assert_eq!(head.header("content-length"), length.to_string());
    assert!(head.body.is_empty());
    viewer.clip(&camera, &fresh_id()).await.expect_problem(404);
}

/// A client that has sent all of a refused body reads why.
async fn refusals(home: &Home, proxy: &Proxy) {
    let door = proxy.door(&home.edge);
    let large = vec![0; 9 << 20];
    let stranger = home.camera.with_credential("nobody's");
    for (request, status) in [
        (home.camera.still(&fresh_id(), large.clone()), 413),
        (stranger.still(&fresh_id(), large[..6 << 20].to_vec()), 401),
        (home.camera.clip("not-an-id", large[..6 << 20].to_vec()), 400),
    ] {
        let answer = Line::to(&door).await.ask(&request).await;
        assert_eq!(answer.status, status, "{answer:?}");
        assert_eq!(answer.header("content-type"), "application/problem+json");
    }
}

/// Checks that the proxy never met a connection that the edge had closed.
fn expect_no_failure(program: Program, proxy: &Proxy) {
    let log = proxy.log();
    match program {
        Program::Nginx => assert_eq!(log, ""),
        // How a request ended is a field of its own: four dashes mean that nobody broke off.
        Program::Haproxy => {
            let requests: Vec<_> =
                log.lines().filter(|line| line.contains(" eyesonly/edge ")).collect();
            assert!(!requests.is_empty(), "{log}");
            for request in requests {
                assert!(request.contains(" ---- "), "{request}");
            }
        }
    }
}

/// Signs in as the page does, with these headers.
async fn sign_in(home: &Home, proxy: &Proxy, headers: &[(&str, &str)]) -> Answer {
    let account = &home.account;
    let login = json!({ "name": account.login, "password": account.password });
    let request = proxy.door(&home.edge).request(Method::POST, "/v1/session").json(&login);
    let add = |request: reqwest::RequestBuilder, (name, value): &(&str, &str)| {
        request.header(*name, *value)
    };
    Answer::of(headers.iter().fold(request, add)).await
}

/// A browser says whose page it is, whatever the proxy makes of `Host`.
async fn a_browser_signs_in(home: &Home, proxy: &Proxy) {
    let own = [("origin", proxy.origin()), ("sec-fetch-site", "same-origin")];
    let answer = sign_in(home, proxy, &own).await.expect(201);
    // The session is one through the proxy, and its end is a write as well.
    let tag = answer.header("location").trim_start_matches("/v1/").trim_end_matches('/');
    let cookie = answer.header("set-cookie").split(';').next().unwrap();
    let ask = |method, path: &str| {
        let request = proxy.door(&home.edge).request(method, path).header("cookie", cookie);
        Answer::of(request.header(own[0].0, own[0].1).header(own[1].0, own[1].1))
    };
    ask(Method::GET, &format!("/v1/{tag}/cameras")).await.expect(200);
    ask(Method::DELETE, "/v1/session").await.expect(204);
    ask(Method::GET, &format!("/v1/{tag}/cameras")).await.expect_problem(401);

    // Another site's page stays outside, even if it could make up the rest.
    for site in ["cross-site", "same-site"] {
        let other = [("origin", proxy.origin()), ("sec-fetch-site", site)];
        sign_in(home, proxy, &other).await.expect_problem(403);
    }
    told_of_public_url(&sign_in(home, proxy, &[("origin", "http://elsewhere.example")]).await);
    told_of_public_url(&sign_in(home, proxy, &[("origin", "null")]).await);
}

#[track_caller]
fn told_of_public_url(answer: &Answer) {
    let told = answer.clone().expect_problem(403).json();
    let told = told["detail"].as_str().unwrap();
    assert!(told.contains("proxy") && told.contains("`public_url`"), "{told}");
}

/// A browser that says no more than an origin signs in where `public_url` is that origin.
async fn public_url_counts(home: &Home, proxy: &Proxy) {
    sign_in(home, proxy, &[("origin", proxy.origin())]).await.expect(201);
    let other = proxy.origin().replace("127.0.0.1", "127.0.0.9");
    told_of_public_url(&sign_in(home, proxy, &[("origin", &other)]).await);
    let cross = [("origin", proxy.origin()), ("sec-fetch-site", "cross-site")];
    sign_in(home, proxy, &cross).await.expect_problem(403);
}

/// Returns the same door for a client of another address of this machine.
fn from(address: &str, door: &Door) -> Door {
    let address: IpAddr = address.parse().unwrap();
    door.by(|client| client.local_address(address))
}

async fn wrong_login(door: &Door, name: &str, stated: Option<&str>) -> Answer {
    let login = json!({ "name": name, "password": "not the password" });
    let mut request = door.request(Method::POST, "/v1/session").json(&login);
    if let Some(stated) = stated {
        request = request.header("x-forwarded-for", stated).header("forwarded", stated);
    }
    Answer::of(request).await
}

/// Tries an account after the other until the client has to wait. The client may state another
/// address each time. Returns whether it has to.
async fn until_throttled(door: &Door, states: bool) -> bool {
    for number in 0..TRIES {
        let stated = states.then(|| format!("198.51.100.{number}"));
        let answer = wrong_login(door, &format!("nobody {number}"), stated.as_deref()).await;
        match answer.status {
            429 => return true,
            status => assert_eq!(status, 401, "{}", answer.told()),
        }
    }
    false
}

/// Says whether `ask` is answered that it has to wait while `throttled` has to. A wait may end
/// between the two.
async fn waits_with(throttled: &Door, ask: impl AsyncFn() -> u16) -> bool {
    for _ in 0..WAITS {
        assert!(until_throttled(throttled, false).await, "an address is not throttled");
        if ask().await == 429 {
            return true;
        }
    }
    false
}

async fn the_throttle_counts_clients(home: &Home, proxy: &Proxy) {
    let door = proxy.door(&home.edge);
    let (first, second) = (from("127.0.0.2", &door), from("127.0.0.3", &door));
    // The right password has to wait too. Another client has not.
    let account = home.account.through(&first);
    let ask = async || account.try_login(&account.password, true).await.status;
    assert!(waits_with(&first, ask).await, "the right password need not wait");
    assert_eq!(wrong_login(&second, "somebody", None).await.status, 401);
    home.account.through(&second).login().await;
    // The proxy's word comes after what the client made up.
    assert!(until_throttled(&from("127.0.0.4", &door), true).await, "a client made it up");
    // Somebody who comes past the proxy is no proxy.
    let past = from("127.0.0.5", home.edge.door());
    assert!(until_throttled(&past, true).await, "it is no proxy, and was believed");
}
