//! The report as a page: one file that needs nothing else, for a security team to read, print and
//! keep.
//!
//! Names enter through maud's escaping and nowhere else. The page must never hold a script or load
//! anything, and its first sentence must never say more than was counted.

mod cells;
mod chart;
mod course;
#[cfg(test)]
mod fixture;
mod lies;
mod over_time;
mod sections;
#[cfg(test)]
mod tests;
mod verdict;

use super::table::whole;
use super::{CellsReport, Report};
use course::Courses;
use maud::{DOCTYPE, Markup, PreEscaped, html};

/// The style sheet, which is part of the page.
const STYLE: &str = include_str!("html/style.css");

/// Renders the report as a self-contained HTML document.
#[must_use]
pub fn page(report: &Report) -> String {
    let courses = Courses::new(report);
    let title = format!(
        "Storm report: {} exposed here, {} at the conventional server",
        whole(report.here.exposed),
        whole(report.conventional.exposed)
    );
    let body = html! {
        (verdict::section(report))
        (sections::what_was_run(report))
        (sections::side_by_side(report))
        (over_time::exposures(report, &courses))
        (over_time::latency(report, &courses))
        (sections::misdeliveries(report))
        (sections::origin(report))
        (lies::section(report))
        (sections::web_caches(report))
        (sections::how(report))
    };
    document(&title, &body)
}

/// Renders the report of the cells as a self-contained HTML document.
#[must_use]
pub fn cells_page(report: &CellsReport) -> String {
    document(&cells::title(report), &cells::body(report))
}

fn document(title: &str, body: &Markup) -> String {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                title { (title) }
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                meta name="format-detection" content="telephone=no";
                // The style sheet is written here and is no data. Escaping would break its
                // selectors.
                style { (PreEscaped(STYLE)) }
            }
            body { main { (body) } }
        }
    }
    .into_string()
}
