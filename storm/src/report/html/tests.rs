//! Tests the page with made-up reports: the verdict is right, neither NaN nor infinity is shown,
//! nothing is loaded, and every name is escaped.

use super::super::Totals;
use super::fixture;
use super::*;

/// Renders the page, and checks what holds for every page.
fn checked(report: &Report) -> String {
    looked_over(page(report))
}

fn looked_over(page: String) -> String {
    for never in ["NaN", "inf", "http://", "https://", "<script", "url(", "@import"] {
        let place = page.find(never);
        let around = place.map(|place| page.get(place.saturating_sub(80)..place + 20));
        assert!(place.is_none(), "{never} in the page: {around:?}");
    }
    for tag in ["section", "table", "svg", "details", "div", "tbody", "ul"] {
        let (open, close) =
            (page.matches(&format!("<{tag}")).count(), page.matches(&format!("</{tag}>")).count());
        assert_eq!(open, close, "<{tag}> is closed as often as it is opened");
    }
    assert_eq!(page.matches("<h1").count(), 1);
    page
}

#[test]
fn a_clean_run_says_what_the_conventional_server_exposed() {
    let page = checked(&fixture::normal());
    assert!(page.contains("Nothing reached the wrong eyes. "));
    assert!(page.contains("exposed 4,332 answers to 1,234 accounts."));
    assert!(page.contains("verdict is-good"));
    assert!(!page.contains("proves nothing") && !page.contains("a control"));
    for heading in [
        "Side by side",
        "Exposures over time",
        "Latency",
        "Web caches in front",
        "What is counted and how",
    ] {
        assert!(page.contains(heading), "{heading}");
    }
    assert!(page.contains("nginx") && page.contains("(not asked)") && page.contains("(no hits)"));
    assert!(page.contains("Of 5 kinds of lies that were asked for, 5 were told to this system."));
    assert!(page.contains("with the same liars at the same rates"));
    assert!(page.contains("logarithmic"), "latencies range over more than a factor of 100");
}

#[test]
fn a_run_without_anything_proves_nothing() {
    let page = checked(&fixture::nothing());
    assert!(page.contains("This run proves nothing: the conventional server did not leak"));
    assert!(page.contains("verdict is-notice"));
    assert!(
        page.contains("No course was recorded.")
            && page.contains("No lies were told: none were asked for.")
    );
    assert!(!page.contains("Web caches in front"));
}

#[test]
fn a_control_says_so_and_what_was_forged() {
    let page = checked(&fixture::control());
    assert!(page.contains(
        "This was a control: the liars here were given what these defences rest on: seal and \
         bound-records."
    ));
    assert!(page.contains("4,200 answers to 1,200 accounts"));
    assert!(page.contains("verdict is-alert"));
    assert!(page.contains("exposed here with seal and bound-records forged"));
    let mut report = fixture::control();
    report.forged.truncate(1);
    report.here.exposed = 0;
    assert!(checked(&report).contains("given what this defence rests on: seal."));
    report.conventional.exposed = 0;
    assert!(checked(&report).contains("Neither server leaked, so it proves nothing"));
}

#[test]
fn an_exposure_here_is_said_plainly() {
    let page = checked(&fixture::exposed());
    assert!(page.contains("reached the wrong eyes here: 1 answer to 1 account."));
    assert!(page.contains("verdict is-alert") && !page.contains("Nothing reached the wrong eyes."));
    let mut report = fixture::exposed();
    report.conventional.exposed = 0;
    let page = checked(&report);
    assert!(
        page.contains("reached the wrong eyes here: 1 answer") && !page.contains("proves nothing")
    );
}

#[test]
fn an_exposure_through_a_web_cache_is_one() {
    let mut report = fixture::normal();
    report.web_caches[0].here.exposed = 2;
    let page = checked(&report);
    assert!(page.contains("through a web cache: 2 second viewers."));
    assert!(page.contains("verdict is-alert") && !page.contains("Nothing reached the wrong eyes."));
}

#[test]
fn what_limits_the_verdict_is_said() {
    let mut report = fixture::normal();
    report.here.right = 0;
    report.here.uploads_lost = 1;
    report.lies.iter_mut().for_each(|lie| lie.told_here = 0);
    let page = checked(&report);
    for caution in
        ["No answer of this system was right", "No lie was told to this system", "lost 1 upload."]
    {
        assert!(page.contains(caution), "{caution}");
    }
    assert!(!checked(&fixture::normal()).contains("cautions\""));
}

#[test]
fn a_long_run_is_thinned_and_stays_small() {
    let page = checked(&fixture::huge());
    assert!(page.len() < 300_000, "{} bytes", page.len());
    assert!(page.contains("42 steps of the run are one here"));
    assert!(page.contains("18,446,744,073,709,551,615"), "tables have all figures");
    assert!(page.contains("18.45 E"), "charts have few");
}

#[test]
fn what_is_no_number_is_not_drawn() {
    let page = checked(&fixture::broken());
    assert!(page.contains("all at once"));
}

#[test]
fn one_step_and_courses_of_unlike_length_are_drawn() {
    let mut report = fixture::normal();
    report.here.course = fixture::course(1, |_| 0);
    assert!(checked(&report).contains("h0.01"), "one latency is a dot");
    report.here.course.clear();
    assert!(checked(&report).contains(">herd<"), "phases of the other course");
    report.conventional.course.clear();
    assert!(checked(&report).contains("No course was recorded."));
}

#[test]
fn phases_that_change_at_other_times_are_told() {
    let said = "The phases did not change at the same time";
    let mut report = fixture::normal();
    assert!(!checked(&report).contains(said));
    report.conventional.course.iter_mut().for_each(|step| step.phase = "herd");
    assert!(checked(&report).contains(said));
}

#[test]
fn names_are_escaped() {
    let mut report = fixture::normal();
    let name = || "<b>\"&'".to_owned();
    report.command = name();
    report.began_at = name();
    report.forged = vec![name()];
    report.web_caches[0].name = name();
    report.here.set_aside = vec![(name(), 1)];
    report.here.misdeliveries[0].seam = name();
    report.here.misdeliveries[1].fault = name();
    let page = checked(&report);
    assert!(!page.contains("<b>"));
    assert!(page.matches("&lt;b&gt;&quot;&amp;").count() >= 7);
}

#[test]
fn a_lie_that_was_not_told_is_marked_and_counted() {
    let mut report = fixture::normal();
    for (nth, lie) in report.lies.iter_mut().enumerate() {
        (lie.told_here, lie.told_conventional) = if nth < 2 { (0, 0) } else { (1, 1) };
        lie.answers_here = if nth == 0 { 0 } else { 9 };
        *lie = lie.clone().noted(nth == 0);
    }
    let page = checked(&report);
    for said in [
        "Of 5 kinds of lies that were asked for, 3 were told to this system.",
        "nothing of the other 2",
        "not told: shows nothing</span>",
        "memory-tier: this tier was never needed, for the nearer one answered everything",
        "memory-tier: none of the seam's answers",
    ] {
        assert!(page.contains(said), "{said}");
    }
}

#[test]
fn a_run_without_lies_says_so_and_why_the_conventional_server_leaks_all_the_same() {
    let mut report = fixture::normal();
    report.lies.clear();
    let page = checked(&report);
    assert!(page.contains(
        "No lies were told: none were asked for. What the conventional server exposed, it exposed \
         without one"
    ));
    assert!(page.contains("under the same load and without any lie, exposed"));
}

#[test]
fn the_page_of_the_cells_has_a_row_for_each_and_a_verdict() {
    let report = fixture::cells();
    let page = looked_over(cells_page(&report));
    assert!(page.contains("verdict is-good") && page.contains("3 of 3"));
    assert_eq!(page.matches(">holds<").count(), 3);
    assert!(page.contains("records, way-out") && page.contains("25%"));
    assert!(page.contains("wrong-seal at memory-tier"));
}

#[test]
fn a_cell_that_fails_is_seen_on_its_page() {
    let mut report = fixture::cells();
    report.cells[1].exposed = 2;
    report.cells[1].holds = false;
    report.cells[2].control_seen = 0;
    report.cells[2].holds = false;
    report.totals = Totals::of(&report.cells);
    let page = looked_over(cells_page(&report));
    assert!(page.contains("verdict is-alert") && page.contains("2 of 3 cells do not hold."));
    assert!(page.contains("memory-tier:flipped-bit: 2 exposed") && page.contains("can't fail"));
    assert_eq!(page.matches("FAILS").count(), 2);
    assert_eq!(
        report.closing_line(),
        "exposures: 2 (controls: 60), misdeliveries refused: 2900, requests: 300000, seed: 1000000"
    );
    report.cells.clear();
    assert!(looked_over(cells_page(&report)).contains("No cell was run"));
}
