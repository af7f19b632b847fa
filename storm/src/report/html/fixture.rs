//! Made-up reports for the tests of the page. They must never look like a real run's: seeds and
//! dates here are round.

use super::super::{
    CellsReport, Lie, Misdeliveries, Passed, Phase, Report, Side, Step, Totals, WebCache,
};
use crate::cells::Cell;

/// Makes a course of so many steps of half a second. The herd is in its second fifth.
pub(super) fn course(steps: usize, exposed: fn(usize) -> u64) -> Vec<Step> {
    let phase = |n: usize| match n * 5 / steps.max(1) {
        0 => "before",
        1 => "herd",
        _ => "after",
    };
    (0..steps)
        .map(|n| {
            let slow = if phase(n) == "herd" { 40.0 } else { 1.0 };
            let wave = 1.0 + ((n * 7919) % 13) as f64 / 13.0;
            Step {
                at_seconds: n as f64 * 0.5,
                phase: phase(n),
                requests: 1000,
                exposed: exposed(n),
                refused: if phase(n) == "herd" { 25 } else { 0 },
                p50_milliseconds: (n != 3).then_some(2.0 * slow * wave),
                p99_milliseconds: (n != 3).then_some(9.0 * slow * wave * wave),
            }
        })
        .collect()
}

/// Makes the report of a run as it should be.
pub(super) fn normal() -> Report {
    let phase = |name, seconds, goodput, p50_milliseconds, p99_milliseconds| Phase {
        name,
        seconds,
        goodput,
        p50_milliseconds,
        p99_milliseconds,
    };
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
    let refused = |seam: &str, fault: &str, count| Misdeliveries {
        seam: seam.to_owned(),
        fault: fault.to_owned(),
        count,
    };
    let passed = |asked, hits, exposed| Passed { asked, hits, exposed };
    let cache =
        |name: &str, here, conventional| WebCache { name: name.to_owned(), here, conventional };
    Report {
        version: "0.1.0",
        began_at: "2000-01-01T00:00:00Z".to_owned(),
        seed: 1_000_000,
        command: "eyesonly-storm --seed 1000000 --households 1000".to_owned(),
        households: 1000,
        cameras: 2000,
        viewers: 1500,
        jitter_seconds: 0.0,
        forged: Vec::new(),
        lies: vec![
            lie("memory-tier", "another-household", 0.02, 4321, 4400),
            lie("memory-tier", "bad-chunk", 0.005, 1010, 0),
            lie("shared-cache", "another-household", 0.02, 987, 1002),
            lie("coalescer", "another-question", 0.0001, 12, 15),
            lie("registry", "the-past", 0.01, 2100, 2098),
        ],
        here: Side {
            requests: 123_456,
            right: 120_000,
            refused: 3000,
            shed: 2500,
            errors: 0,
            dropped: 456,
            misdeliveries: vec![
                refused("memory-tier", "wrong-seal", 4321),
                refused("memory-tier", "bad-chunk", 1010),
                refused("shared-cache", "wrong-seal", 987),
                refused("coalescer", "wrong-answer", 12),
                refused("registry", "stale", 2100),
            ],
            uploads_acknowledged: 2000,
            origin_reads: 2100,
            origin_objects: 2000,
            set_aside: vec![("shared-cache".to_owned(), 2)],
            phases: vec![
                phase("before", 6.0, 2000.0, 2.9, 21.0),
                phase("herd", 6.0, 9876.5, 118.0, 1234.0),
                phase("after", 18.0, 2000.0, 3.1, 25.5),
            ],
            course: course(60, |_| 0),
            ..Side::default()
        },
        conventional: Side {
            requests: 125_000,
            right: 110_000,
            refused: 900,
            errors: 120,
            dropped: 460,
            exposed: 4332,
            stale: 2000,
            wrong: 321,
            accounts_shown: 1234,
            accounts_opened: 321,
            accounts_seen: 876,
            uploads_acknowledged: 2000,
            uploads_lost: 3,
            origin_reads: 9200,
            origin_objects: 2000,
            phases: vec![
                phase("before", 6.0, 2100.0, 1.4, 12.0),
                phase("herd", 6.0, 7000.0, 260.0, 4100.0),
                phase("after", 18.0, 2100.0, 1.5, 14.0),
            ],
            course: course(60, |n| if (12..24).contains(&n) { 325 } else { 9 }),
            ..Side::default()
        },
        web_caches: vec![
            cache("nginx", passed(750, 250, 0), passed(750, 500, 250)),
            cache("varnish", passed(0, 0, 0), passed(750, 0, 0)),
        ],
    }
}

/// Makes the report of a run in which nothing happened.
pub(super) fn nothing() -> Report {
    Report {
        version: "0.1.0",
        began_at: String::new(),
        seed: 0,
        command: String::new(),
        households: 0,
        cameras: 0,
        viewers: 0,
        jitter_seconds: 0.0,
        forged: Vec::new(),
        lies: Vec::new(),
        here: Side::default(),
        conventional: Side::default(),
        web_caches: Vec::new(),
    }
}

/// Makes the report of a control that forges two defences.
pub(super) fn control() -> Report {
    let mut report = normal();
    report.forged = vec!["seal".to_owned(), "bound-records".to_owned()];
    report.here.exposed = 4200;
    report.here.accounts_shown = 1200;
    report.here.course = course(60, |n| if (12..24).contains(&n) { 350 } else { 0 });
    report
}

/// Makes the report of a run that exposed something here.
pub(super) fn exposed() -> Report {
    let mut report = normal();
    report.here.exposed = 1;
    report.here.accounts_shown = 1;
    report.here.course = course(60, |n| u64::from(n == 20));
    report
}

/// Makes the report of a very long run with the largest numbers that can be written.
pub(super) fn huge() -> Report {
    let mut report = normal();
    report.here.course = course(10_000, |_| 0);
    report.conventional.course = course(10_000, |_| u64::MAX);
    report.conventional.exposed = u64::MAX;
    report.conventional.accounts_shown = u64::MAX;
    report.conventional.requests = u64::MAX;
    report.here.origin_reads = u64::MAX;
    report.here.origin_objects = 1;
    report.here.misdeliveries.push(Misdeliveries {
        seam: "store".to_owned(),
        fault: "a-fault-with-a-name-that-is-far-too-long-for-any-chart".to_owned(),
        count: u64::MAX / 2,
    });
    if let Some(step) = report.here.course.get_mut(5000) {
        step.p99_milliseconds = Some(f64::MAX);
    }
    report
}

/// Makes the report of a run whose decimals are NaN or infinite.
pub(super) fn broken() -> Report {
    let mut report = normal();
    report.jitter_seconds = f64::NAN;
    for phase in &mut report.here.phases {
        phase.goodput = f64::NAN;
        phase.p99_milliseconds = f64::INFINITY;
        phase.seconds = f64::NEG_INFINITY;
    }
    for (n, step) in report.here.course.iter_mut().enumerate() {
        step.at_seconds = if n % 7 == 0 { f64::NAN } else { step.at_seconds };
        step.p50_milliseconds = Some(f64::NAN);
        step.p99_milliseconds = if n % 2 == 0 { Some(f64::INFINITY) } else { Some(0.0) };
    }
    report.lies.iter_mut().for_each(|lie| lie.rate = f64::NAN);
    report
}

/// Makes the report of three cells that hold.
pub(super) fn cells() -> CellsReport {
    let cell = |seam, kind, refused, forged: &[&'static str]| Cell {
        seam,
        kind,
        rate: 0.25,
        told: 1000,
        requests: 100_000,
        exposed: 0,
        stale: 0,
        wrong: 0,
        lost: 0,
        refused,
        refused_as: vec!["wrong-seal at memory-tier".to_owned()],
        forged: forged.to_vec(),
        control_told: 50,
        control_seen: 40,
        control_exposed: 20,
        holds: true,
    };
    let cells = vec![
        cell("memory-tier", "cut", 1000, &["seal"]),
        cell("memory-tier", "flipped-bit", 900, &["seal"]),
        cell("pool", "late-reply", 1000, &["records", "way-out"]),
    ];
    CellsReport {
        version: "0.1.0",
        began_at: "2000-01-01T00:00:00Z".to_owned(),
        took_seconds: 100.0,
        seed: 1_000_000,
        command: "eyesonly-storm --cells --seed 1000000".to_owned(),
        households: 1000,
        requests_min: 100_000,
        control_requests_min: 5000,
        totals: Totals::of(&cells),
        cells,
    }
}
