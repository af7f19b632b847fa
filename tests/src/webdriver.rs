//! A browser as a person has it: Chromium, driven by its own driver, with a fresh profile and
//! nothing from elsewhere.
//!
//! It must never outlive the test: driver and browser end when it goes out of scope.

use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use eyesonly_harness::process::Process;
use fantoccini::elements::Element;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::poll;

/// The longest time that a page may take for anything on a busy machine, in seconds.
const SECONDS_MAX: u64 = 60;

/// The driver's line when it listens.
const READY: &str = "ChromeDriver was started successfully on port ";

/// Headless, without a sandbox (tests run as root in CI), and without any request that a browser
/// makes by itself.
const FLAGS: [&str; 12] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-proxy-server",
    "--hide-scrollbars",
    "--lang=en-GB",
];

/// A browser with one window.
pub struct Browser {
    client: Client,
    /// The driver's address of this session.
    session: String,
    http: reqwest::Client,
    driver: Process,
    _profile: TempDir,
}

/// One line of the browser's log.
#[derive(Debug, Clone)]
pub struct Logged {
    /// `SEVERE`, `WARNING`, `INFO` or `DEBUG`.
    pub level: String,
    /// `network`, `javascript`, `security`, `console-api` and others.
    pub source: String,
    /// The text of the line.
    pub message: String,
}

impl Browser {
    /// Starts driver and browser. Ask [`crate::tool::tool`] for `chromium` first.
    ///
    /// # Panics
    /// If they do not start.
    pub async fn start(width: u32, height: u32) -> Self {
        let profile = tempfile::Builder::new().prefix("eyesonly-browser-").tempdir().unwrap();
        let start = || {
            let mut command = Command::new("chromedriver");
            // The driver has its own process group, so that the browser ends with the driver.
            command
                .arg("--port=0")
                .process_group(0)
                .env("TMPDIR", profile.path())
                .env("HOME", profile.path());
            let mut driver = Process::start(command.stderr(Stdio::null()), Some("")).unwrap();
            let port = driver.line_of(READY, Duration::from_secs(SECONDS_MAX));
            port.map(|port| (driver, port))
        };
        // The driver takes a port that is free for IPv4, and ends if it is not for IPv6.
        let (driver, port) = start().or_else(|_| start()).unwrap();
        let address = format!("http://127.0.0.1:{}", port.trim_end_matches('.'));
        let arguments = FLAGS.iter().map(|flag| (*flag).to_owned()).chain([
            format!("--user-data-dir={}", profile.path().join("profile").display()),
            format!("--window-size={width},{height}"),
        ]);
        let capabilities = json!({
            "browserName": "chrome",
            // Tests of TLS make their certificate themselves.
            "acceptInsecureCerts": true,
            "goog:chromeOptions": { "args": arguments.collect::<Vec<_>>() },
            "goog:loggingPrefs": { "browser": "ALL" },
        });
        let mut builder = ClientBuilder::new(HttpConnector::new());
        builder.capabilities(capabilities.as_object().unwrap().clone());
        let client = builder.connect(&address).await.expect("a browser");
        let id = client.session_id().await.unwrap().expect("a session has an id");
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { client, session: format!("{address}/session/{id}"), http, driver, _profile: profile }
    }

    /// Opens an address.
    pub async fn open(&self, address: &str) {
        self.client.goto(address).await.unwrap();
    }

    /// Returns the path and fragment of the page.
    pub async fn place(&self) -> String {
        self.script("return location.pathname + location.hash", &[])
            .await
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// Runs the body of a function in the page and returns its result. `arguments[0]` and so on are
    /// `arguments`.
    pub async fn script(&self, body: &str, arguments: &[Value]) -> Value {
        let answer = self.client.execute(body, arguments.to_vec()).await;
        answer.unwrap_or_else(|error| panic!("{body}: {error}"))
    }

    /// Runs the body of a function that calls its last argument back, and returns what it is called
    /// with.
    pub async fn later(&self, body: &str, arguments: &[Value]) -> Value {
        let timeouts = json!({ "script": 3_600_000 });
        self.drive("timeouts", &timeouts).await;
        let answer = self.client.execute_async(body, arguments.to_vec()).await;
        answer.unwrap_or_else(|error| panic!("{body}: {error}"))
    }

    /// Waits until the body of a function returns a true value, and returns that value.
    pub async fn until(&self, what: &str, body: &str, arguments: &[Value]) -> Value {
        let mut found = Value::Null;
        poll(what, SECONDS_MAX, async || {
            found = self.script(body, arguments).await;
            !matches!(found, Value::Null | Value::Bool(false))
        })
        .await;
        found
    }

    /// Waits for an element that matches a CSS selector and is shown.
    pub async fn shown(&self, selector: &str) -> Element {
        let deadline = Instant::now() + Duration::from_secs(SECONDS_MAX);
        loop {
            for element in self.client.find_all(Locator::Css(selector)).await.unwrap() {
                // The element may go before it is checked.
                if element.is_displayed().await.unwrap_or(false) {
                    return element;
                }
            }
            assert!(Instant::now() < deadline, "not within {SECONDS_MAX} s: {selector} is shown");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Clicks the element that matches, once it is shown.
    pub async fn click(&self, selector: &str) {
        self.shown(selector)
            .await
            .click()
            .await
            .unwrap_or_else(|error| panic!("{selector}: {error}"));
    }

    /// Types into the element that has the focus.
    pub async fn press(&self, keys: &str) {
        self.client.active_element().await.unwrap().send_keys(keys).await.unwrap();
    }

    /// Sends a command of the driver's own, by its path below the session.
    async fn drive(&self, path: &str, body: &Value) -> Value {
        let request = self.http.post(format!("{}/{path}", self.session)).json(body);
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        assert!(answer["value"]["error"].is_null(), "{path} {body}: {answer}");
        answer["value"].clone()
    }

    /// Lets the browser stand still, as a device that sleeps does, or go on.
    ///
    /// # Panics
    /// If the signal can't be sent.
    pub fn sleeps(&self, sleeps: bool) {
        let group = i32::try_from(self.driver.id()).ok().and_then(Pid::from_raw).expect("a group");
        let signal = if sleeps { Signal::STOP } else { Signal::CONT };
        kill_process_group(group, signal).expect("a signal to the browser");
    }

    /// Sends a command of the DevTools protocol.
    pub async fn devtools(&self, command: &str, parameters: Value) -> Value {
        self.drive("goog/cdp/execute", &json!({ "cmd": command, "params": parameters })).await
    }

    /// Returns the lines that the browser logged since the last call.
    pub async fn log(&self) -> Vec<Logged> {
        let lines = self.drive("se/log", &json!({ "type": "browser" })).await;
        let text = |line: &Value, field: &str| line[field].as_str().unwrap_or_default().to_owned();
        let logged = |line: &Value| Logged {
            level: text(line, "level"),
            source: text(line, "source"),
            message: text(line, "message"),
        };
        lines.as_array().unwrap().iter().map(logged).collect()
    }

    /// Saves a picture of the page, once nothing fades or moves any more.
    pub async fn photograph(&self, path: &Path) {
        let still = "return document.getAnimations().every((each) => \
                     each.playState !== 'running' || \
                     each.effect.getComputedTiming().endTime === Infinity)";
        self.until("nothing moves", still, &[]).await;
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, self.client.screenshot().await.unwrap()).unwrap();
    }
}
