//! `eyesonly-storm`, as a person runs it: a small storm, its report, and the arguments that it
//! refuses to start with. A further test checks that the host has none of it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "all of this is a test"
)]

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Output, Stdio};

use eyesonly_tests::built::{binary, host_with_all_features, storm_binary};
use eyesonly_tests::tool::tool;
use rustix::process::Signal;
use serde_json::Value;

fn storm(arguments: &[&str]) -> Output {
    let mut command = Command::new(storm_binary());
    command.args(arguments);
    command.env("EYESONLY_LOG", "off").output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Runs a storm that must hold, with a report. Returns what it printed, the report's JSON and its
/// page.
fn reported(arguments: &[&str]) -> (String, Value, String) {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report");
    let output = storm(&[arguments, &["--report", report.to_str().unwrap()]].concat());
    let (said, complained) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{said}\n{complained}");
    let json = std::fs::read(report.with_extension("json")).unwrap();
    let page = std::fs::read_to_string(report.with_extension("html")).unwrap();
    (said, serde_json::from_slice(&json).unwrap(), page)
}

#[test]
fn a_small_storm_shows_nothing_here_and_the_conventional_server_leaks() {
    let (said, report, page) =
        reported(&["--households", "40", "--lie", "all@0.05", "--seed", "7"]);
    let here = &report["here"];
    for nothing in ["exposed", "stale", "wrong", "uploads_lost", "accounts_shown"] {
        assert_eq!(here[nothing], 0, "{nothing}: {said}");
    }
    let leaked = report["conventional"]["exposed"].as_u64().unwrap();
    assert!(leaked > 0, "the detector is not shown to work: {said}");
    assert!(report["conventional"]["accounts_shown"].as_u64().unwrap() > 0);
    // Guests see what is shared with them. The conventional server goes on showing it.
    assert!(here["share_shown"].as_u64().unwrap() > 0, "{said}");
    assert_eq!(here["share_exposed"], 0, "{said}");
    assert!(report["conventional"]["share_exposed"].as_u64().unwrap() > 0, "{said}");
    assert!(here["uploads_acknowledged"].as_u64().unwrap() >= 40 * 2 * 12, "{said}");
    let (ours, theirs) = (&here["ledger"], &report["conventional"]["ledger"]);
    assert!(ours["deliveries"].as_u64().unwrap() > 0 && ours["acts"].as_u64().unwrap() >= 80);
    for nothing in ["listed", "unnoticed", "foreign_lines"] {
        assert_eq!(ours[nothing], 0, "{nothing}: {ours}");
    }
    let number = |name: &str| theirs[name].as_u64().unwrap();
    assert!(number("shown_unknown") > 0, "its ledger knows all that it leaked: {theirs}");
    let shown = number("shown_known") + number("shown_unknown");
    assert_eq!(report["conventional"]["accounts_shown"], shown, "{theirs}");
    let refused: u64 = here["misdeliveries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["count"].as_u64().unwrap())
        .sum();
    let requests =
        here["requests"].as_u64().unwrap() + report["conventional"]["requests"].as_u64().unwrap();
    let closing = format!(
        "exposures: 0 (conventional: {leaked}), misdeliveries refused: {refused}, requests: \
         {requests}, seed: 7"
    );
    assert_eq!(said.lines().last().unwrap(), closing);
    assert!(
        page.starts_with("<!DOCTYPE html>") && page.contains("<svg") && !page.contains("<script")
    );
}

#[test]
fn a_lie_that_is_forged_is_seen() {
    let arguments =
        ["--households", "20", "--lie", "coalescer@0.5", "--forge", "seal", "--seed", "3"];
    let (_, report, page) = reported(&arguments);
    assert!(report["here"]["exposed"].as_u64().unwrap() > 0);
    assert_eq!(report["forged"][0], "seal");
    assert!(page.contains("seal"));
}

#[test]
fn a_web_cache_that_ignores_everything_has_nothing_for_the_second_viewer() {
    if !tool("nginx") || !tool("varnishd") {
        return;
    }
    let (said, report, _) = reported(&["--households", "4", "--lie", "none", "--web-caches"]);
    let caches = report["web_caches"].as_array().unwrap();
    assert_eq!(caches.len(), 2, "{said}");
    for cache in caches {
        for server in ["here", "conventional"] {
            let (asked, hits) = (&cache[server]["asked"], &cache[server]["hits"]);
            assert!(hits.as_u64().unwrap() > 0, "it keeps nothing: {cache}");
            assert!(hits.as_u64() < asked.as_u64(), "{cache}");
        }
        assert_eq!(cache["here"]["exposed"], 0, "{cache}");
        assert!(cache["conventional"]["exposed"].as_u64().unwrap() > 0, "{cache}");
    }
    // This shows that the session in the address keeps the viewers apart.
    let (_, report, _) =
        reported(&["--households", "4", "--lie", "none", "--web-caches", "--forge", "tag"]);
    for cache in report["web_caches"].as_array().unwrap() {
        assert!(cache["here"]["exposed"].as_u64().unwrap() > 0, "{cache}");
    }
}

#[test]
fn what_it_can_not_do_is_said_before_anything_starts() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = folder.path().join("no/such/folder/report");
    let here = folder.path().to_str().unwrap();
    let cases: [(&[&str], &str); 20] = [
        (&["--lie", "moon:cut@0.1"], "there is no seam"),
        (&["--lie", "index:cut@0.1"], "can't tell"),
        (&["--lie", "index:missing@1.5"], "not within 0 to 1"),
        (&["--lie", "index:missing@often"], "not a rate"),
        (&["--lie", "all:cut@0.1"], "takes no kind"),
        (&["--lie", "none@0.1"], "neither a kind nor a rate"),
        (&["--lie", "none", "--lie", "pool@0.1"], "nobody would lie"),
        (&["--lie", "pool@0.1", "--lie", "pool:late-reply@0.1"], "already"),
        (&["--forge", "moat"], "there is no defence"),
        (&["--households", "0"], "a whole number from 1"),
        (&["--households", "-5"], "a whole number from 1"),
        (&["--households", "many"], "a whole number from 1"),
        (&["--workers", "1.5"], "a whole number from 1"),
        (&["--seed", "abc"], "a whole number"),
        (&["--seed", "-1"], "a whole number"),
        (&["--jitter-seconds", "-1"], "jitter-seconds"),
        (&["--report", nowhere.to_str().unwrap()], "can't be written"),
        (&["--report", here], "is a folder"),
        (&["--data", nowhere.to_str().unwrap()], "--data"),
        (&["--cells", "--web-caches"], "its own lies"),
    ];
    for (arguments, expected) in cases {
        let output = storm(arguments);
        let complained = text(&output.stderr);
        assert!(!output.status.success(), "{arguments:?} was taken");
        assert!(complained.contains(expected), "{arguments:?}: {complained}");
        assert!(output.stdout.is_empty(), "{arguments:?} began: {}", text(&output.stdout));
    }
}

#[test]
fn web_caches_that_are_not_installed_are_an_error_and_not_left_out() {
    let mut command = Command::new(storm_binary());
    command.arg("--web-caches");
    let output = command.env("PATH", "/nonexistent").output().unwrap();
    let complained = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        complained.contains("nginx-light varnish") && complained.contains("nothing was started"),
        "{complained}"
    );
    assert!(output.stdout.is_empty());
}

#[test]
fn a_run_that_is_stopped_leaves_nothing_and_concludes_nothing() {
    for (signal, status) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let folder = tempfile::tempdir().unwrap();
        let there = || std::fs::read_dir(folder.path()).unwrap().count();
        let mut command = Command::new(storm_binary());
        command.args(["--households", "5000", "--seed", "9", "--data"]);
        command.arg(folder.path());
        command.arg("--report").arg(folder.path().join("report"));
        command.env("EYESONLY_LOG", "off").stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // Only the storm's own folder is there: an unwritten report leaves no file, not even an
        // empty one.
        let mut said = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
        assert!(said.any(|line| line.contains("cameras hand in")), "it ended before it began");
        assert_eq!(there(), 1);
        let process = rustix::process::Pid::from_raw(child.id().try_into().unwrap()).unwrap();
        rustix::process::kill_process(process, signal).unwrap();
        let last = said.last().unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(status), "{last}");
        assert_eq!(last, "eyesonly-storm: interrupted: nothing was concluded; seed 9");
        assert!(output.stdout.is_empty(), "{}", text(&output.stdout));
        assert_eq!(there(), 0, "something is left");
    }
}

#[test]
fn a_report_gets_its_endings_and_says_how_it_is_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("storm-0.1");
    let output = storm(&[
        "--households",
        "4",
        "--lie",
        "none",
        "--seed",
        "5",
        "--report",
        report.to_str().unwrap(),
    ]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let mut names: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["storm-0.1.html", "storm-0.1.json"]);
    let json: Value =
        serde_json::from_slice(&std::fs::read(folder.path().join("storm-0.1.json")).unwrap())
            .unwrap();
    let command = json["command"].as_str().unwrap();
    for part in ["--households 4 ", "--workers 128 ", "--lie none ", "--seed 5"] {
        assert!(command.contains(part), "{command}");
    }
    assert!(text(&output.stderr).contains("everybody comes back at once"), "no line for a phase");
}

#[test]
fn it_says_what_it_is_and_serves_on_loopback_only() {
    let output = Command::new(storm_binary()).arg("--version").output().unwrap();
    let said = text(&output.stdout);
    for part in [
        "eyesonly-storm ",
        "replays an outage with lying seams",
        "loopback only",
        "not for deployment",
    ] {
        assert!(said.contains(part), "{said}");
    }
    let output = storm(&["--listen", "0.0.0.0:80"]);
    assert_eq!(output.status.code(), Some(2), "no argument makes it listen elsewhere");
}

#[test]
fn the_host_has_no_liar_mint_or_switch_whatever_its_features() {
    let has = |binary: &[u8], word: &str| {
        binary.windows(word.len()).any(|window| window == word.as_bytes())
    };
    let (host, storms) =
        (std::fs::read(host_with_all_features()).unwrap(), std::fs::read(storm_binary()).unwrap());
    for word in [
        "another-household",
        "error-as-success",
        "eyesonly-mark-",
        "misdeliveries refused: ",
        "there is no defence",
        "the town can't be settled",
    ] {
        assert!(
            has(&storms, word),
            "the storm does not have {word:?}: the test looks for the wrong thing"
        );
        assert!(!has(&host, word), "the host has {word:?}");
    }
    let output = Command::new(binary()).arg("storm").output().unwrap();
    assert!(!output.status.success() && text(&output.stderr).contains("unrecognized subcommand"));
}
