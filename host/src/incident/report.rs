//! The report of an incident, as text, CSV and a page that prints.

use super::{Account, Exposure, Group, Report};
use crate::ledger::words::shown;
use eyesonly_service::ledger::replay::Wrong;
use minijinja::{AutoEscape, Environment, context};
use std::fmt::Write as _;

const PAGE: &str = include_str!("report.html");
/// The most exposures that the text lists. CSV, JSON and the page have all of them.
const LINES_MAX: usize = 50;

/// The reason why a report can't be written.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The table can't be made.
    #[error("the table can't be written")]
    Csv(#[from] csv::Error),
    /// The page can't be made.
    #[error("the page can't be written")]
    Page(#[from] minijinja::Error),
    /// What was made is no text.
    #[error("the table is no text")]
    Text,
}

/// Says in words why something should not have been.
pub const fn why(wrong: Wrong) -> &'static str {
    match wrong {
        Wrong::NoRight => "no right to this camera",
        Wrong::Expired => "the right had expired",
        Wrong::Kind => "the right was not to this kind of footage",
        Wrong::Time => "the right was not to footage of this time",
    }
}

const fn title(group: Group) -> &'static str {
    match group {
        Group::NotAffected => "not affected",
        Group::Shown => "their footage was handed to others",
        Group::Received => "received footage of others",
        Group::Opened => "received footage of others, and opened it",
    }
}

/// Says in lines what makes the lists incomplete.
fn gaps(report: &Report) -> Vec<String> {
    let mut gaps: Vec<String> = report.faults.clone();
    if report.damaged > 0 {
        let damaged = report.damaged;
        gaps.push(format!("{damaged} entries are damaged, or are there twice"));
    }
    if report.begins_before {
        gaps.push(match &report.known_since {
            Some(since) => format!("the ledger knows nothing of the time before {since}"),
            None => "the ledger has not stated all rights yet; start `serve`".to_owned(),
        });
    }
    if report.not_judged > 0 {
        let not_judged = report.not_judged;
        gaps.push(format!(
            "{not_judged} deliveries could not be judged: the ledger had not stated all rights \
             before them"
        ));
    }
    if report.unreadable > 0 {
        let unreadable = report.unreadable;
        gaps.push(format!(
            "{unreadable} entries can't be read: they are of households that were removed, and \
             their keys with them"
        ));
    }
    gaps.extend(report.holes.iter().map(|hole| {
        let at = match hole.number {
            Some(number) => format!("act {number}"),
            None => "today's record".to_owned(),
        };
        let (viewer, camera) = (hole.viewer, hole.camera);
        format!("{at} does not follow the act before it: viewer {viewer}, camera {camera}")
    }));
    gaps
}

fn count(accounts: &[Account], group: Group) -> usize {
    accounts.iter().filter(|account| account.groups.contains(&group)).count()
}

/// Writes the report for a terminal.
pub fn text(report: &Report) -> String {
    let mut text = String::new();
    let span = |end: &Option<String>, open: &str| end.clone().unwrap_or_else(|| open.to_owned());
    let (from, until) = (span(&report.from, "the ledger's beginning"), span(&report.until, "now"));
    let camera = report.camera.map(|camera| format!(", of camera {camera} alone"));
    let _ = writeln!(text, "from {from} to {until}{}", camera.unwrap_or_default());
    let (judged, acts) = (report.deliveries, report.acts);
    let _ = writeln!(text, "{judged} deliveries of footage, judged by {acts} acts\n");
    for group in Group::ALL {
        let _ = writeln!(text, "{:>8}  accounts: {}", count(&report.accounts, group), title(group));
    }
    text.push('\n');
    for rejected in &report.rejected {
        let (seam, fault, count) = (rejected.seam, rejected.fault, rejected.count);
        let _ =
            writeln!(text, "{count:>8}  answers of {seam} rejected before anything left: {fault}");
    }
    let exposures = &report.exposures;
    if exposures.is_empty() {
        let judged = if report.is_complete() { "nobody" } else { "of what was judged, nobody" };
        let _ = writeln!(text, "{judged} received anything that they had no right to");
    } else {
        let _ = writeln!(text, "{} deliveries should not have been:", exposures.len());
    }
    for Exposure { entry, at_milliseconds, viewer, camera, handed, wrong, .. } in
        exposures.iter().take(LINES_MAX)
    {
        let (at, why) = (shown(*at_milliseconds), why(*wrong));
        let _ = writeln!(
            text,
            "  entry {entry}  {at}  viewer {viewer} received {handed} of camera {camera}: {why}"
        );
    }
    if let Some(more) = exposures.len().checked_sub(LINES_MAX).filter(|more| *more > 0) {
        let _ = writeln!(text, "  and {more} more; --format csv, json and html have all");
    }
    let gaps = gaps(report);
    if !gaps.is_empty() {
        text.push_str("THE LISTS ARE NOT COMPLETE:\n");
        gaps.iter().for_each(|gap| text.push_str(&format!("  {gap}\n")));
    }
    text.truncate(text.trim_end().len());
    text
}

/// Writes a line for each account, each of its groups and each delivery that it is about.
///
/// # Errors
/// [`ReportError`] if that can't be made.
pub fn csv(report: &Report) -> Result<String, ReportError> {
    let mut table = csv::Writer::from_writer(Vec::new());
    table.write_record([
        "group", "account", "name", "entry", "time", "receiver", "camera", "what", "event",
        "objects", "bytes", "why",
    ])?;
    for gap in gaps(report) {
        table.write_record(std::iter::once("incomplete").chain([""; 10]).chain([gap.as_str()]))?;
    }
    for account in &report.accounts {
        // A spreadsheet must not take a name for a formula.
        let is_formula = |name: &String| name.starts_with(['=', '+', '-', '@', '\t', '\r']);
        let name = account.name.clone().unwrap_or_default();
        let name = if is_formula(&name) { format!("'{name}") } else { name };
        let viewer = account.viewer.to_string();
        for group in &account.groups {
            let of_group: Vec<&Exposure> = report.of(account, *group).collect();
            let head = [group.name(), &viewer, &name];
            if of_group.is_empty() {
                table.write_record(head.into_iter().chain([""; 9]))?;
            }
            for exposure in of_group {
                let bytes = exposure.bytes.map_or("unknown".to_owned(), |bytes| bytes.to_string());
                let objects: Vec<String> =
                    exposure.objects.iter().map(ToString::to_string).collect();
                let rest = [
                    exposure.entry.to_string(),
                    shown(exposure.at_milliseconds).to_string(),
                    exposure.viewer.to_string(),
                    exposure.camera.to_string(),
                    exposure.handed.to_owned(),
                    exposure.event.map(|event| event.to_string()).unwrap_or_default(),
                    objects.join(" "),
                    bytes,
                    why(exposure.wrong).to_owned(),
                ];
                table.write_record(head.into_iter().chain(rest.iter().map(String::as_str)))?;
            }
        }
    }
    let bytes = table.into_inner().map_err(|_| ReportError::Text)?;
    String::from_utf8(bytes).map_err(|_| ReportError::Text)
}

/// Writes a page that stands alone, and prints.
///
/// # Errors
/// [`ReportError`] if that can't be made.
pub fn html(report: &Report) -> Result<String, ReportError> {
    let mut pages = Environment::new();
    pages.set_auto_escape_callback(|_| AutoEscape::Html);
    let groups: Vec<_> = Group::ALL
        .iter()
        .map(|group| {
            let of = report.accounts.iter().filter(|account| account.groups.contains(group));
            // Whoever is not affected is counted. A list of all accounts is in the CSV.
            let is_listed = *group != Group::NotAffected;
            let accounts: Vec<_> = of
                .clone()
                .filter(|_| is_listed)
                .map(|account| {
                    context! {
                        viewer => account.viewer.to_string(),
                        name => account.name.as_deref(),
                        deliveries => account.entries.len(),
                    }
                })
                .collect();
            context! { title => title(*group), count => of.count(), accounts => accounts }
        })
        .collect();
    let exposures: Vec<_> = report
        .exposures
        .iter()
        .map(|exposure| {
            context! {
                entry => exposure.entry,
                at => shown(exposure.at_milliseconds).to_string(),
                viewer => exposure.viewer.to_string(),
                camera => exposure.camera.to_string(),
                handed => exposure.handed,
                objects => exposure.objects_count,
                bytes => exposure.bytes,
                why => why(exposure.wrong),
            }
        })
        .collect();
    let rejected: Vec<_> = report
        .rejected
        .iter()
        .map(|of| context! { count => of.count, seam => of.seam, fault => of.fault })
        .collect();
    let page = context! {
        from => report.from.as_deref(),
        until => report.until.as_deref(),
        deliveries => report.deliveries,
        acts => report.acts,
        complete => report.is_complete(),
        gaps => gaps(report),
        rejected => rejected,
        groups => groups,
        exposures => exposures,
    };
    Ok(pages.template_from_str(PAGE)?.render(page)?)
}
