//! The load generator, wrk. One run is one number. A run with a wrong answer must never become a
//! number.

use std::fs;
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
    /// Half of the answers came within this time, in milliseconds.
    pub half_milliseconds: f64,
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

/// A script of wrk's: it asks for the lines of a file in turn, each a path and its token. The
/// requests are written before the load starts.
const IN_TURN: &str = r#"
local requests, asked = {}, 0
for line in io.lines(os.getenv("ASKED")) do
    local path, token = line:match("^(%S+) (%S+)$")
    requests[#requests + 1] = "GET " .. path .. " HTTP/1.1\r\nHost: bench\r\n"
        .. "Authorization: Bearer " .. token .. "\r\n\r\n"
end
request = function()
    asked = asked % #requests + 1
    return requests[asked]
end
"#;

/// Asks a server at `HOST:PORT` for these paths in turn, each with its token, over kept connections
/// for some seconds.
///
/// Errors: wrk fails, or any answer was not 2xx.
pub fn run(
    address: &str,
    asked: &[(String, String)],
    connections: u32,
    seconds: u64,
) -> Result<Load> {
    let folder = tempfile::tempdir()?;
    let (script, list) = (folder.path().join("in-turn.lua"), folder.path().join("asked"));
    let lines: String = asked.iter().map(|(path, token)| format!("{path} {token}\n")).collect();
    fs::write(&script, IN_TURN)?;
    fs::write(&list, lines)?;
    let mut command = Command::new("wrk");
    command
        .args(["-t1", &format!("-c{connections}"), &format!("-d{seconds}s"), "--timeout", "10s"])
        .args(["--latency", "--script"])
        .arg(&script)
        .arg(format!("http://{address}/"))
        .env("ASKED", &list);
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
    let half_milliseconds = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("50%"))
        .and_then(|rest| milliseconds(rest.trim()))
        .context("wrk says no half of the latencies")?;
    Ok(Load { requests_per_second, requests, half_milliseconds })
}

/// Reads a time as wrk writes it: `88.00us`, `1.23ms` or `1.00s`.
fn milliseconds(text: &str) -> Option<f64> {
    let units = [("us", 0.001), ("ms", 1.0), ("s", 1000.0)];
    let (number, unit) =
        units.iter().find_map(|(name, unit)| Some((text.strip_suffix(name)?, unit)))?;
    Some(number.parse::<f64>().ok()? * unit)
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
  Latency Distribution
     50%    1.82ms
     99%    4.03ms
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
        let (requests_per_second, requests) = (34190.5, 34242.0);
        let load =
            |half_milliseconds| Ok(Load { requests_per_second, requests, half_milliseconds });
        check(WHOLE, load(1.82));
        check(&WHOLE.replace("1.82ms", "88.00us"), load(0.088));
        check(&WHOLE.replace("1.82ms", "2.00s"), load(2000.0));
        check(&WHOLE.replace("50%", "51%"), Err("half"));
        check(&format!("{WHOLE}  Non-2xx or 3xx responses: 7\n"), Err("responses: 7"));
        check(
            &format!("{WHOLE}  Socket errors: connect 0, read 1, write 0, timeout 0\n"),
            Err("read 1"),
        );
        check("", Err("Requests/sec"));
        check(&WHOLE.replace("34242", "0"), Err("no answer"));
    }
}
