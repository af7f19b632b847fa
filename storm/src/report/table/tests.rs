//! Tests the table with made-up reports: its look, its width, and that a name can't move the
//! cursor.

use super::super::{Lie, Misdeliveries, Passed, WebCache};
use super::*;
use crate::audit::Audit;

fn report() -> Report {
    let phase = |name, goodput, p50_milliseconds, p99_milliseconds| Phase {
        name,
        seconds: 5.0,
        goodput,
        p50_milliseconds,
        p99_milliseconds,
    };
    let refused = |seam: &str, fault: &str, count| Misdeliveries {
        seam: seam.to_owned(),
        fault: fault.to_owned(),
        count,
    };
    let passed = |asked, hits, exposed| Passed { asked, hits, exposed };
    let cache =
        |name: &str, here, conventional| WebCache { name: name.to_owned(), here, conventional };
    let lie = |seam, kind, rate, told_here, told_conventional| Lie {
        seam,
        kind,
        rate,
        told_here,
        told_conventional,
        answers_here: 100_000,
        answers_conventional: 100_000,
        note: None,
    };
    Report {
        version: "0.1.0",
        began_at: "2000-01-01T00:00:00Z".to_owned(),
        seed: 7,
        command: "eyesonly-storm --seed 7".to_owned(),
        households: 100,
        cameras: 200,
        viewers: 150,
        jitter_seconds: 0.0,
        forged: Vec::new(),
        lies: vec![
            lie("memory-tier", "another-household", 0.02, 1234, 1300),
            lie("registry", "the-past", 0.0005, 12, 9),
            Lie { answers_here: 0, ..lie("disk-tier", "cut", 0.01, 0, 0) }.noted(true),
            lie("index", "missing", 0.01, 0, 3).noted(false),
        ],
        here: Side {
            requests: 1_234_567,
            right: 1_200_000,
            refused: 34_000,
            shed: 30_000,
            dropped: 567,
            live_followed: 1_081,
            share_looks: 5_100,
            share_shown: 4_200,
            misdeliveries: vec![
                refused("memory-tier", "wrong-seal", 1234),
                refused("registry", "stale", 12),
                refused("object-store", "missing", 0),
            ],
            uploads_acknowledged: 200,
            ledger: Some(Audit {
                deliveries: 12_345,
                acts: 250,
                groups: vec![("not-affected", 150), ("shown", 0)],
                gaps: 2,
                noticed: vec!["dropped: start".to_owned()],
                ..Audit::default()
            }),
            origin_reads: 210,
            origin_objects: 200,
            set_aside: vec![("memory-tier".to_owned(), 3)],
            phases: vec![phase("before", 2000.0, 0.42, 9.5), phase("herd", 98_765.4, 12.3, 1234.5)],
            ..Side::default()
        },
        conventional: Side {
            requests: 1_200_000,
            right: 1_100_000,
            live_followed: 1_080,
            exposed: 1290,
            live_exposed: 12,
            share_exposed: 7,
            stale: 9,
            accounts_shown: 140,
            accounts_opened: 60,
            accounts_seen: 90,
            ledger: Some(Audit {
                shown_known: 8,
                shown_unknown: 132,
                seen_known: 7,
                seen_unknown: 83,
                ..Audit::default()
            }),
            uploads_acknowledged: 200,
            uploads_lost: 1,
            phases: vec![phase("before", 2100.0, 0.3, 4.0)],
            ..Side::default()
        },
        web_caches: vec![
            cache("nginx", passed(750, 250, 0), passed(750, 500, 250)),
            cache("varnish", passed(0, 0, 0), passed(750, 0, 0)),
        ],
    }
}

#[test]
fn the_table() {
    let mut report = report();
    report.forged = vec!["seal".to_owned()];
    insta::assert_snapshot!(table(&report), @r"
                                             here   conventional
    requests                            1,234,567      1,200,000
    right                               1,200,000      1,100,000
    refused                                34,000              0
      of those shed                        30,000              0
    errors                                      0              0
    dropped on purpose                        567              0
    live segments followed                  1,081          1,080
    guests' looks                           5,100              0
      of those shown                        4,200              0
    EXPOSED                                     0          1,290
      of those of live video                    0             12
      of those through a share                  0              7
    stale                                       0              9
    wrong bytes                                 0              0
    accounts shown something                    0            140
      the ledger knew of                        0              8
      it could not know of                      0            132
    accounts that opened something              0             60
    accounts that were seen                     0             90
      the ledger knew of                        0              7
      it could not know of                      0             83
    misdeliveries refused                   1,246              0
    uploads acknowledged                      200            200
    uploads lost                                0              1
    origin reads per object                  1.05              -
    before: p50 / p99 in ms           0.42 / 9.50    0.30 / 4.00
    before: goodput/s                     2,000.0        2,100.0
    herd: p50 / p99 in ms            12.3 / 1,234              -
    herd: goodput/s                      98,765.4              -

    misdeliveries refused here, by seam and fault
      memory-tier  wrong-seal   1,234
      registry     stale           12

    the incident report over the ledger here
      12,345 deliveries judged by 250 acts: 0 listed
      accounts: not-affected 150, shown 0
      the lists may lack something: 2 gaps
      a lie of the ledger was noticed: dropped: start

    lies told                           rate    here   conventional
      memory-tier  another-household      2%   1,234          1,300
      registry     the-past            0.05%      12              9
      disk-tier    cut                    1%       0              0   not told: shows nothing
      index        missing                1%       0              3   not told: shows nothing
      2 of 4 kinds were told here
      disk-tier, not told: this tier was never needed, for the nearer one answered everything
      index, not told: none of the seam's answers that could be this lie was drawn

    tiers set aside         times
      memory-tier    here       3

    web caches                          questions   hits   exposed
      nginx, here                             750    250         0
      nginx, conventional                     750    500       250
      varnish, here - no hits
      varnish, conventional - no hits

    defences that liars forged here
      seal
    ");
}

#[test]
fn the_closing_line_has_plain_numbers() {
    let mut report = report();
    assert_eq!(
        closing_line(&report),
        "exposures: 0 (conventional: 1290), misdeliveries refused: 1246, requests: 2434567, seed: 7"
    );
    report.here.requests = u64::MAX;
    assert!(closing_line(&report).contains("requests: 18446744073709551615, "));
}

#[test]
fn what_was_not_is_left_out() {
    let mut report = report();
    report.here.set_aside.clear();
    report.web_caches.clear();
    report.here.misdeliveries.clear();
    report.lies.clear();
    let text = table(&report);
    for heading in ["tiers set aside", "web caches", "defences that liars forged"] {
        assert!(!text.contains(heading), "{heading}");
    }
    assert!(
        text.contains("by seam and fault\n  none\n")
            && text.contains("lies told\n  none: none were asked for\n")
    );
}

#[test]
fn no_line_is_wider_than_the_terminal_nor_moves_its_cursor() {
    let mut report = report();
    let name = || "\u{1b}[31m".repeat(40);
    let widest = |side: &mut Side| {
        side.requests = u64::MAX;
        side.exposed = u64::MAX;
        for phase in &mut side.phases {
            phase.p50_milliseconds = f64::MAX;
            phase.p99_milliseconds = f64::MAX;
            phase.goodput = f64::MAX;
        }
    };
    widest(&mut report.here);
    widest(&mut report.conventional);
    report.forged = vec![name()];
    report.lies.iter_mut().for_each(|lie| {
        lie.note = Some(format!("{NOT_TOLD}; {}", "long words \u{1b}[31m ".repeat(20)))
    });
    report.here.set_aside = vec![(name(), u64::MAX)];
    report.here.misdeliveries =
        vec![Misdeliveries { seam: name(), fault: name(), count: u64::MAX }];
    let text = table(&report);
    let widest = text.lines().map(|line| line.chars().count()).max();
    assert!(widest <= Some(COLUMNS_MAX), "{widest:?}\n{text}");
    assert!(!text.contains('\u{1b}') && !text.contains("inf") && !text.contains("NaN"));
}

#[test]
fn numbers_as_text() {
    assert_eq!(whole(0), "0");
    assert_eq!(whole(999), "999");
    assert_eq!(whole(1000), "1,000");
    assert_eq!(whole(u64::MAX), "18,446,744,073,709,551,615");
    assert_eq!(decimal(-1234.567, 2), "-1,234.57");
    assert_eq!(decimal(f64::NAN, 2), "-");
    assert_eq!(decimal(f64::INFINITY, 2), "-");
    assert_eq!(decimal(f64::MAX, 2), "1.80e308");
    assert_eq!(milliseconds(0.042), "0.04");
    assert_eq!(milliseconds(12.34), "12.3");
    assert_eq!(milliseconds(12345.6), "12,346");
    assert_eq!(percentage(0.02), "2%");
    assert_eq!(percentage(0.0005), "0.05%");
    assert_eq!(percentage(1.0), "100%");
    assert_eq!(percentage(0.0), "0%");
    assert_eq!(percentage(f64::NAN), "-");
}
