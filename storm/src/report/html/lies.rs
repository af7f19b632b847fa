//! The page's section about the lies: which were asked for, and what became of each.
//!
//! A lie that was not told shows nothing: its row must say so.

use super::super::table::{percentage, whole};
use super::super::{Lie, NOT_TOLD, Report};
use maud::{Markup, html};

/// Draws the lies, and how often each was told.
pub(super) fn section(report: &Report) -> Markup {
    let (told, asked) = report.kinds_told();
    html! {
        section aria-labelledby="lies" {
            h2 id="lies" { "The lies" }
            @if report.lies.is_empty() { p { "No lies were told: none were asked for." } } @else {
                p {
                    "Both servers had the same liars at the same rates. How often each lie was \
                     told depends on how often its seam was asked, so the "
                    "two were not lied to equally often. "
                    (told) " of " (asked)
                    " kinds were told to this system; the run shows nothing of those that were not."
                }
                @let reasons = report.reasons();
                @if !reasons.is_empty() {
                    p { "Why some were not told here:" }
                    ul.words {
                        @for (why, seams) in reasons { li { (seams.join(", ")) ": " (why) } }
                    }
                }
                div.scroll {
                    table.is-narrow {
                        caption { "How often each lie was told, by seam" }
                        thead { tr {
                            th.is-name scope="col" { "Lie" } th scope="col" { "Rate" }
                            th scope="col" { "here" } th scope="col" { "conventional" }
                        } }
                        @for (seam, lies) in by_seam(&report.lies) {
                            tbody {
                                tr { th.is-group scope="rowgroup" colspan="4" { (seam) } }
                                @for lie in lies { (row(lie)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn row(lie: &Lie) -> Markup {
    html! {
        tr {
            th.is-part scope="row" {
                (lie.kind)
                @if !lie.is_told() { span.note { (NOT_TOLD) } }
            }
            td { (percentage(lie.rate)) }
            td { (whole(lie.told_here)) }
            td { (whole(lie.told_conventional)) }
        }
    }
}

/// Groups the lies by seam, both in their order.
fn by_seam(lies: &[Lie]) -> Vec<(&'static str, Vec<&Lie>)> {
    let mut seams: Vec<(&'static str, Vec<&Lie>)> = Vec::new();
    for lie in lies {
        match seams.iter_mut().find(|(seam, _)| *seam == lie.seam) {
            Some((_, lies)) => lies.push(lie),
            None => seams.push((lie.seam, vec![lie])),
        }
    }
    seams
}
