//! The page of `--cells`: a verdict, the sums, and a row for each cell with its control.
//!
//! It must never call a cell good that was not told its lie, or whose control was not seen.

use super::super::table::{decimal, percentage, whole};
use super::super::{CellsReport, Totals};
use super::sections::{Facts, figure, run_again};
use crate::cells::Cell;
use maud::{Markup, html};

/// Draws the whole page's body.
pub(super) fn body(report: &CellsReport) -> Markup {
    html! {
        (verdict(report))
        (what_was_run(report))
        (table(report))
        (how())
    }
}

/// Writes the page's title.
pub(super) fn title(report: &CellsReport) -> String {
    let totals = &report.totals;
    format!("Storm report: {} of {} cells hold", whole(totals.hold), whole(totals.cells))
}

fn verdict(report: &CellsReport) -> Markup {
    let totals = &report.totals;
    let faults = report.faults();
    let good = faults.is_empty() && !report.cells.is_empty();
    let kicker = if good { "every cell holds" } else { "not every cell holds" };
    let sentence = match (report.cells.len(), faults.len()) {
        (0, _) => "No cell was run, so this shows nothing.".to_owned(),
        (_, 0) => "Every lie of the table was told, and nothing wrong was shown.".to_owned(),
        (all, failed) => format!("{failed} of {all} cells do not hold."),
    };
    html! {
        section.verdict.is-good[good].is-alert[!good] aria-labelledby="verdict" {
            p.kicker { "Storm report, cells: " (kicker) }
            h1 id="verdict" { (sentence) }
            p {
                "A cell is one seam that tells one lie. It holds if the lie was told, if nothing \
                 exposed, stale or wrong was shown and "
                "nothing acknowledged was lost, and if its control was seen: the same lie, forged \
                 by the very key of the defence that stops it. "
                "Both run the same code, as it is deployed."
            }
            @if !faults.is_empty() { ul.cautions { @for fault in &faults { li { (fault) } } } }
            dl.figures {
                (figure(
                    "cells that hold",
                    &format!("{} of {}", whole(totals.hold), whole(totals.cells))
                ))
                (figure("exposed, where liars have no keys", &whole(totals.exposed)))
                (figure("exposed in the controls", &whole(totals.control_exposed)))
                (figure("misdeliveries refused", &whole(totals.refused)))
                (figure("requests", &whole(totals.requests)))
            }
        }
    }
}

fn what_was_run(report: &CellsReport) -> Markup {
    let mut facts = Facts::new();
    facts.add("households of each cell", whole(report.households));
    facts.add("requests of each cell, at least", whole(report.requests_min));
    facts.add("of each control, at least", whole(report.control_requests_min));
    facts.add("took", format!("{} s", decimal(report.took_seconds, 0)));
    facts.add_run(report.seed, report.version, &report.began_at);
    html! {
        section aria-labelledby="run" {
            h2 id="run" { "What was run" }
            p {
                "Each cell is an outage of its own, with one liar alone. A tier that keeps lying \
                 is not set aside here, so that every "
                "request can be lied to."
            }
            (facts.draw())
            (run_again(&report.command))
        }
    }
}

/// The columns behind the lie's name.
const COLUMNS: [&str; 12] = [
    "Rate", "Requests", "Told", "Refused", "As", "Exposed", "Stale", "Wrong", "Lost", "Forges",
    "Told", "Seen",
];

fn table(report: &CellsReport) -> Markup {
    let mut seams: Vec<(&'static str, Vec<&Cell>)> = Vec::new();
    for cell in &report.cells {
        match seams.iter_mut().find(|(seam, _)| *seam == cell.seam) {
            Some((_, cells)) => cells.push(cell),
            None => seams.push((cell.seam, vec![cell])),
        }
    }
    html! {
        section aria-labelledby="cells" {
            h2 id="cells" { "The cells" }
            div.scroll tabindex="0" role="region" aria-label="The cells" {
                table.is-dense {
                    thead {
                        tr {
                            th {}
                            th {}
                            th.is-over scope="colgroup" colspan="8" { "the lie, without a key" }
                            th.is-over scope="colgroup" colspan="3" {
                                "the lie, forged: the control"
                            }
                            th {}
                        }
                        tr {
                            th.is-name scope="col" { "Lie" }
                            @for column in COLUMNS.iter().take(1) { th scope="col" { (column) } }
                            @for column in COLUMNS.iter().skip(1) {
                                th.is-name[matches!(*column, "As" | "Forges")] scope="col" {
                                    (column)
                                }
                            }
                            th.is-name scope="col" { "Verdict" }
                        }
                    }
                    @for (seam, cells) in seams {
                        tbody {
                            tr { th.is-group scope="rowgroup" colspan="14" { (seam) } }
                            @for cell in cells { (row(cell)) }
                        }
                    }
                    (sums(&report.totals))
                }
            }
        }
    }
}

fn row(cell: &Cell) -> Markup {
    let before = [cell.requests, cell.told, cell.refused];
    let shown = [cell.exposed, cell.stale, cell.wrong, cell.lost];
    html! {
        tr.is-fault[!cell.holds] {
            th.is-part scope="row" { (cell.kind) }
            td { (percentage(cell.rate)) }
            @for count in before { td { (whole(count)) } }
            td.is-name { (cell.refused_as.join(", ")) }
            @for count in shown { td { (whole(count)) } }
            td.is-name { (cell.forged.join(", ")) }
            td { (whole(cell.control_told)) }
            td { (whole(cell.control_seen)) }
            td.is-name { @if cell.holds { "holds" } @else { strong { "FAILS" } } }
        }
    }
}

fn sums(totals: &Totals) -> Markup {
    let before = [totals.requests, totals.told, totals.refused];
    let shown = [totals.exposed, totals.stale, totals.wrong, totals.lost];
    html! {
        tfoot { tr.is-exposed {
            th.is-name scope="row" { "all" }
            td {}
            @for count in before { td { (whole(count)) } }
            td {}
            @for count in shown { td { (whole(count)) } }
            td {}
            td { (whole(totals.control_told)) }
            td { (whole(totals.control_seen)) }
            td.is-name { (whole(totals.hold)) " of " (whole(totals.cells)) }
        } }
    }
}

fn how() -> Markup {
    html! {
        section aria-labelledby="how" {
            h2 id="how" { "What is counted and how" }
            ul.words {
                li {
                    strong { "Told" } " is how often the lie was told, and "
                    strong { "rate" } " the share of the seam's answers that were to "
                    "be lies."
                }
                li {
                    strong { "Refused" } " are misdeliveries that this system counted itself, and "
                    strong { "as" } " says with which fault at "
                    "which seam. They need not be as many as were told: a flipped "
                    "bit may lie in a part that nobody asked for; what a web cache keeps lies \
                     under another viewer's address, so that nothing "
                    "of it arrives; and of two cameras with one credential, the second one's \
                     upload is refused as a conflict, not as a misdelivery."
                }
                li {
                    strong { "Exposed" }
                    " are answers with somebody else's footage, details or names, "
                    strong { "stale" } " answers of the past, "
                    strong { "wrong" } " those with anything else that was not asked for, and "
                    strong { "lost" } " acknowledged uploads that "
                    "were not there at the end. All four have to be 0."
                }
                li {
                    strong { "Forges" }
                    " names the defences that the control's liar was given the keys of, or that \
                     it made forget. "
                    strong { "Seen" }
                    " are the exposed, stale and wrong answers of the control, and its lost \
                     uploads. It has to be above "
                    "0: a cell that can't fail shows nothing."
                }
            }
        }
    }
}
