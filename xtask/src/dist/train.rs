//! `dist`, the load that the compiler learns from: cameras hand in and stream, and viewers look at
//! their walls, at events, clips and live video, over plain HTTP and over TLS with HTTP/2.
//!
//! The bench measures other cameras, widths and paths, in another mix. What is loaded here must
//! never be what is measured there.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Result, ensure};
use eyesonly_harness::installation::{Config, Edition, Installation};
use eyesonly_harness::paths;
use eyesonly_harness::process::Process;

use crate::client::Client;
use crate::demo::{self, Household};
use crate::tools::{certify, need};
use crate::workspace::step;

/// The longest time until the next answer.
const ANSWER: Duration = Duration::from_secs(300);
/// How often each viewer looks at everything.
const ROUNDS: usize = 250;
/// Of so many rounds, one also reads lists and opens events, their stills and their clips: each has
/// an entry in the ledger, and a viewer has 50 of these a second.
const OPENS_EVERY: usize = 10;
/// The widths of a wall and of a still that is looked at closely, in pixels.
const WIDTHS: [u32; 3] = [240, 480, 1280];
/// The segments of each stream that are followed, of up to two seconds each.
const SEGMENTS: usize = 100;
/// The connections of each viewer, or the streams of one connection.
const AT_ONCE: &str = "8";
/// The least share of answers that have to be right. A busy viewer is asked to come back.
const RIGHT_MIN: f64 = 0.5;

/// A viewer's requests.
struct Asked {
    token: String,
    paths: Vec<String>,
}

/// Loads the demo of this binary, and then its folder served over TLS. Each process counts into a
/// file of its own in `counts`.
///
/// Errors: a tool is missing, an edge does not start, or most answers were wrong.
pub fn run(binary: &Path, counts: &Path) -> Result<()> {
    need("curl", "curl", "it loads the edge that counts")?;
    let folder = tempfile::Builder::new().prefix("eyesonly-train-").tempdir()?;
    let kept = folder.path().join("edge");
    let each = counts.join("%p.profraw").to_string_lossy().into_owned();
    let environment = vec![("LLVM_PROFILE_FILE", each), ("EYESONLY_LOG", "off".to_owned())];

    step("what the compiler learns from: the demo, over HTTP");
    let mut command = Command::new(binary);
    command.args(["demo", "--port", "0", "--keep"]).arg(&kept).envs(environment.iter().cloned());
    let (mut process, demo) = demo::start(command)?;
    let asked = demo.households.iter().map(|household| asked(&demo.listening, household));
    let (looks, live): (Vec<_>, Vec<_>) = asked.collect::<Result<Vec<_>>>()?.into_iter().unzip();
    load(&demo.listening, &[], looks.iter().chain(&live))?;
    // An edge writes what it counted when it ends in order.
    ensure!(process.stop()?.success(), "the demo did not end in order");

    step("what the compiler learns from: the same over TLS with HTTP/2");
    let tls = certify(&kept)?;
    let certificate = tls.certificate.to_string_lossy().into_owned();
    let config = Config { tls: Some(tls), ..Config::new(&kept, 0) };
    let mut installation = Installation::create(binary, &kept, Edition::Native(config))?;
    installation.environment = environment;
    let mut edge = installation.serve()?;
    load(&edge.address, &["--http2", "--cacert", &certificate], &looks)?;
    ensure!(edge.process.stop()?.success(), "the edge with TLS did not end in order");
    Ok(())
}

/// Signs the viewer of a household in. Lists what that person looks at, and the segments of live
/// video.
fn asked(address: &str, household: &Household) -> Result<(Asked, Asked)> {
    let session = Client::new(address).log_in(&household.account(), true)?;
    let (mut wall, mut opens) = (Vec::new(), vec![paths::CAMERAS.to_owned()]);
    for camera in &household.cameras {
        wall.extend(WIDTHS.map(|width| paths::thumbnail(&camera.id, width)));
        opens.push(paths::events(&camera.id));
        for (event, clip) in &camera.events {
            opens.push(paths::event(&camera.id, event));
            opens.extend(WIDTHS.map(|width| paths::event_thumbnail(&camera.id, event, width)));
            opens.extend(clip.as_ref().map(|_| paths::clip(&camera.id, event)));
        }
    }
    let round = |nth: usize| {
        let opens = opens.iter().filter(|_| nth.is_multiple_of(OPENS_EVERY));
        wall.iter().chain(opens).map(|path| session.path(path)).collect::<Vec<_>>()
    };
    let streams = household.cameras.iter().filter(|camera| camera.live.is_some());
    let segments = streams.flat_map(|camera| vec![paths::live_next(&camera.id); SEGMENTS]);
    let live = segments.map(|path| session.path(&path)).collect();
    let of = |paths| Asked { token: session.credential.secret().to_owned(), paths };
    Ok((of((0..ROUNDS).flat_map(round).collect()), of(live)))
}

/// Lets all viewers ask at once, each by a curl of their own.
fn load<'a>(
    address: &str,
    options: &[&str],
    viewers: impl IntoIterator<Item = &'a Asked>,
) -> Result<()> {
    let viewers: Vec<&Asked> = viewers.into_iter().collect();
    let all: usize = viewers.iter().map(|asked| asked.paths.len()).sum();
    let start = |asked: &Asked| {
        let one = |path: &String| format!("url = \"{address}{path}\"\noutput = \"/dev/null\"\n");
        let urls: String = asked.paths.iter().map(one).collect();
        let mut curl = Command::new("curl");
        curl.args(["--no-progress-meter", "--parallel", "--parallel-max", AT_ONCE]);
        curl.args(["--config", "-", "--write-out", "%{http_code}\n"]).args(options);
        curl.args(["--header", &format!("Authorization: Bearer {}", asked.token)]);
        Process::start(curl.stderr(Stdio::inherit()), Some(&urls))
    };
    let mut curls = viewers.into_iter().map(start).collect::<Result<Vec<_>>>()?;
    let mut right = 0_usize;
    for curl in &mut curls {
        while let Ok(status) = curl.line("", Some(ANSWER)) {
            right += usize::from(status.starts_with('2'));
        }
    }
    eprintln!("   {right} of {all} answers were right; the others ask the viewer to come back");
    ensure!(right as f64 > all as f64 * RIGHT_MIN, "most answers were wrong");
    Ok(())
}
