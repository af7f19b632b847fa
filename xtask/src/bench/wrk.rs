//! The load generator, wrk. One run is one number. A run with a wrong answer must never become a
//! number.

use std::process::Command;

use anyhow::{Context, Result, bail};
use eyesonly_harness::process::show;

use crate::workspace::output_of;

/// The result of one run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Load {
    /// The answers in a second.
    pub requests_per_second: f64,
    /// The count of all answers.
    pub requests: f64,
}

/// Checks that wrk is installed.
///
/// Errors: wrk is not installed. The error says how to get it.
pub fn probe() -> Result<()> {
    // wrk has no option that only shows its version and succeeds. Without arguments it prints its
    // usage and fails.
    output_of("sh", &["-c", "command -v wrk"])
        .map(drop)
        .context("wrk is missing: apt-get install -y wrk   (https://github.com/wg/wrk)")
}

/// Asks for `url` over kept connections for some seconds.
///
/// Errors: wrk fails, or any answer was not 2xx.
pub fn run(url: &str, token: &str, connections: u32, seconds: u64) -> Result<Load> {
    let mut command = Command::new("wrk");
    command
        .args(["-t1", &format!("-c{connections}"), &format!("-d{seconds}s"), "--timeout", "10s"])
        .args(["-H", &format!("Authorization: Bearer {token}"), url]);
    let output = command.output().context("wrk does not start")?;
    let text = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        bail!("`{}` failed: {text}", show(&command));
    }
    parse(&text)
}

fn parse(text: &str) -> Result<Load> {
    if let Some(line) = text
        .lines()
        .map(str::trim)
        .find(|line| line.starts_with("Non-2xx") || line.starts_with("Socket errors"))
    {
        bail!("wrk got wrong answers: {line}");
    }
    let requests_per_second = text
        .lines()
        .find_map(|line| line.strip_prefix("Requests/sec:"))
        .and_then(|rest| rest.trim().parse().ok())
        .context("wrk says no Requests/sec")?;
    let requests = text
        .lines()
        .find_map(|line| line.trim().split_once(" requests in "))
        .and_then(|(count, _)| count.parse().ok())
        .context("wrk says no count of requests")?;
    if requests < 1.0 {
        bail!("wrk got no answer at all");
    }
    Ok(Load { requests_per_second, requests })
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = "\
Running 1s test @ http://127.0.0.1:1/
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.90ms    0.88ms  14.85ms   95.11%
    Req/Sec    34.41k     2.40k   36.94k    90.00%
  34242 requests in 1.00s, 423.24MB read
Requests/sec:  34190.50
Transfer/sec:    422.60MB
";

    fn check(text: &str, expected: Result<Load, &str>) {
        match (parse(text), expected) {
            (Ok(load), Ok(expected)) => assert_eq!(load, expected),
            (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
            (got, expected) => panic!("{got:?} where {expected:?} was expected"),
        }
    }

    #[test]
    fn a_run_is_a_number_only_when_every_answer_was_right() {
        let load = Load { requests_per_second: 34190.5, requests: 34242.0 };
        check(WHOLE, Ok(load));
        check(&format!("{WHOLE}  Non-2xx or 3xx responses: 7\n"), Err("responses: 7"));
        check(
            &format!("{WHOLE}  Socket errors: connect 0, read 1, write 0, timeout 0\n"),
            Err("read 1"),
        );
        check("", Err("Requests/sec"));
        check(&WHOLE.replace("34242", "0"), Err("no answer"));
    }
}
