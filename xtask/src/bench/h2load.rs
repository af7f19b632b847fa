//! The load generator for TLS with HTTP/2, h2load. A run with a wrong answer must never become a
//! number.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::hot::Asked;
use super::wrk::Load;
use crate::tools::need;

/// Checks that h2load is installed.
///
/// Errors: it is not. The error says how to get it.
pub fn probe() -> Result<()> {
    need("h2load", "nghttp2-client", "it loads over TLS with HTTP/2")
}

/// Asks a server at `HOST:PORT` for one viewer's paths in turn, over so many connections with eight
/// streams each, for some seconds.
///
/// Errors: h2load fails, or any answer was not 2xx.
pub fn run(address: &str, asked: &[Asked], connections: u32, seconds: u64) -> Result<Load> {
    let (_, token) = asked.first().context("no questions")?;
    let folder = tempfile::tempdir()?;
    let list = folder.path().join("asked");
    let urls: String = asked.iter().map(|(path, _)| format!("https://{address}{path}\n")).collect();
    fs::write(&list, urls)?;
    let mut command = Command::new("h2load");
    command
        .args(["-t1", "-m8", &format!("-c{connections}"), &format!("--duration={seconds}")])
        .args(["--header", &format!("authorization: Bearer {token}")])
        .arg("--input-file")
        .arg(&list);
    let output = command.output().context("h2load does not start")?;
    let text = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        bail!("h2load failed: {text}{}", String::from_utf8_lossy(&output.stderr));
    }
    parse(&text)
}

fn parse(text: &str) -> Result<Load> {
    let line = |start: &str| text.lines().find_map(|line| line.strip_prefix(start));
    let codes = line("status codes: ").context("h2load says no status codes")?;
    let count = |code: &str| -> Option<f64> {
        codes.split(", ").find_map(|part| part.strip_suffix(code)?.trim().parse().ok())
    };
    for wrong in ["3xx", "4xx", "5xx"] {
        if count(wrong) != Some(0.0) {
            bail!("h2load got wrong answers: {codes}");
        }
    }
    let told = line("requests: ").context("h2load says no requests")?;
    for wrong in ["failed", "errored", "timeout"] {
        if !told.contains(&format!(" 0 {wrong}")) {
            bail!("h2load missed answers: {told}");
        }
    }
    let requests = count("2xx").filter(|count| *count >= 1.0).context("h2load got no answer")?;
    let speed = line("finished in ").and_then(|rest| rest.split(", ").nth(1));
    let speed = speed.and_then(|speed| speed.strip_suffix(" req/s")?.trim().parse().ok());
    let requests_per_second = speed.context("h2load says no req/s")?;
    // h2load says how long the mean takes, and not how long half of them.
    Ok(Load { requests_per_second, requests, half_milliseconds: f64::NAN })
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = "\
finished in 3.00s, 8123.33 req/s, 95.21MB/s
requests: 24370 total, 24498 started, 24370 done, 24370 succeeded, 0 failed, 0 errored, 0 timeout
status codes: 24370 2xx, 0 3xx, 0 4xx, 0 5xx
";

    #[test]
    fn a_run_is_a_number_only_when_every_answer_was_right() {
        let load = parse(WHOLE).unwrap();
        assert_eq!((load.requests_per_second, load.requests), (8123.33, 24370.0));
        for (from, to, part) in [
            ("0 5xx", "7 5xx", "7 5xx"),
            ("0 timeout", "7 timeout", "7 timeout"),
            ("24370 2xx", "0 2xx", "no answer"),
            ("req/s", "", "no req/s"),
            ("status codes", "", "no status codes"),
        ] {
            let error = parse(&WHOLE.replace(from, to)).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
