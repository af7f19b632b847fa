//! The report of an incident, as text, CSV and a page that prints.

use super::{Account, Exposure, Group, NamedHole, Report};
use crate::ledger::words::names::{self, NO_ACCOUNT, NO_CAMERA, NO_HOUSEHOLD};
use crate::ledger::words::shown;
use eyesonly_service::ledger::replay::Wrong;
use minijinja::{AutoEscape, Environment, context};
use std::fmt::Write as _;
use std::iter::{once, repeat};

const PAGE: &str = include_str!("report.html");
/// The most exposures that the text lists. CSV, JSON and the page have all of them.
const LINES_MAX: usize = 50;
/// The columns of the CSV.
const COLUMNS: [&str; 17] = [
    "group",
    "account",
    "name",
    "entry",
    "time",
    "receiver",
    "camera",
    "what",
    "event",
    "objects",
    "bytes",
    "why",
    "receiver_name",
    "camera_name",
    "household",
    "household_name",
    "left",
];
/// What stands below the gaps where today's records are one.
const PUT_BACK: &str = "Where today's record does not follow, an older registry may have been put \
                        back, or the record was changed without an act. Put the newest registry \
                        back, and run this again.";

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
            Some(since) => format!(
                "the ledger knows nothing of the time before {since}; a later --from leaves \
                 that out"
            ),
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
    gaps.extend(report.holes.iter().map(|NamedHole { hole, viewer_name, camera_name }| {
        let at = match hole.number {
            Some(number) => format!("act {number}"),
            None => "today's record".to_owned(),
        };
        let viewer = names::account(viewer_name.as_deref(), hole.viewer);
        let camera = names::camera(camera_name.as_deref(), hole.camera);
        format!("{at} does not follow the act before it: the right of {viewer} to {camera}")
    }));
    gaps
}

/// Says what to do about the gaps.
fn advice(report: &Report) -> Option<&'static str> {
    report.holes.iter().any(|named| named.hole.number.is_none()).then_some(PUT_BACK)
}

fn count(accounts: &[Account], group: Group) -> usize {
    accounts.iter().filter(|account| account.groups.contains(&group)).count()
}

/// Writes the report for a terminal.
pub fn text(report: &Report) -> String {
    let mut text = String::new();
    let span = |end: &Option<String>, open: &str| end.clone().unwrap_or_else(|| open.to_owned());
    let (from, until) = (span(&report.from, "the ledger's beginning"), span(&report.until, "now"));
    let of_camera = |id| format!(", of {} alone", names::camera(report.camera_name.as_deref(), id));
    let camera = report.camera.map(of_camera).unwrap_or_default();
    let _ = writeln!(text, "from {from} to {until}{camera}; made {}", report.made);
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
    for exposure in exposures.iter().take(LINES_MAX) {
        let Exposure { entry, what, left, .. } = exposure;
        let (at, why) = (shown(exposure.at_milliseconds), why(exposure.wrong));
        let viewer = names::account(exposure.viewer_name.as_deref(), exposure.viewer);
        let camera = names::camera(exposure.camera_name.as_deref(), exposure.camera);
        let home = names::household(exposure.household_name.as_deref(), exposure.household);
        let _ = writeln!(
            text,
            "  entry {entry}  {at}  {viewer} received {what} of {camera} in {home}, {left}: {why}"
        );
    }
    if let Some(more) = exposures.len().checked_sub(LINES_MAX).filter(|more| *more > 0) {
        let _ = writeln!(text, "  and {more} more; --format csv, json and html have all");
    }
    let gaps = gaps(report);
    if !gaps.is_empty() {
        text.push_str("THE LISTS ARE NOT COMPLETE:\n");
        gaps.iter().for_each(|gap| text.push_str(&format!("  {gap}\n")));
        advice(report).into_iter().for_each(|advice| text.push_str(advice));
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
    table.write_record(COLUMNS)?;
    for gap in gaps(report) {
        table.write_record(row(once("incomplete").chain([""; 10]).chain([gap.as_str()])))?;
    }
    for account in &report.accounts {
        let name = cell(account.name.as_deref());
        let viewer = account.viewer.to_string();
        for group in &account.groups {
            let of_group: Vec<&Exposure> = report.of(account, *group).collect();
            let head = [group.name(), &viewer, &name];
            if of_group.is_empty() {
                table.write_record(row(head))?;
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
                    cell(exposure.viewer_name.as_deref()),
                    cell(exposure.camera_name.as_deref()),
                    exposure.household.to_string(),
                    cell(exposure.household_name.as_deref()),
                    exposure.left.clone(),
                ];
                table.write_record(row(head.into_iter().chain(rest.iter().map(String::as_str))))?;
            }
        }
    }
    let bytes = table.into_inner().map_err(|_| ReportError::Text)?;
    String::from_utf8(bytes).map_err(|_| ReportError::Text)
}

/// Fills a row of the CSV with empty cells.
fn row<'a>(cells: impl IntoIterator<Item = &'a str>) -> impl Iterator<Item = &'a str> {
    cells.into_iter().chain(repeat("")).take(COLUMNS.len())
}

/// Returns a name as a cell. A spreadsheet must not take it for a formula.
fn cell(name: Option<&str>) -> String {
    let name = name.unwrap_or_default();
    let is_formula = name.starts_with(['=', '+', '-', '@', '\t', '\r']);
    if is_formula { format!("'{name}") } else { name.to_owned() }
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
                        name => account.name.as_deref().unwrap_or(NO_ACCOUNT),
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
                viewer_name => exposure.viewer_name.as_deref().unwrap_or(NO_ACCOUNT),
                camera => exposure.camera.to_string(),
                camera_name => exposure.camera_name.as_deref().unwrap_or(NO_CAMERA),
                household => exposure.household.to_string(),
                household_name => exposure.household_name.as_deref().unwrap_or(NO_HOUSEHOLD),
                what => exposure.what.as_str(),
                objects => exposure.objects_count,
                left => exposure.left.as_str(),
                why => why(exposure.wrong),
            }
        })
        .collect();
    let rejected: Vec<_> = report
        .rejected
        .iter()
        .map(|of| context! { count => of.count, seam => of.seam, fault => of.fault })
        .collect();
    let of_camera = |id| names::camera(report.camera_name.as_deref(), id);
    let page = context! {
        made => report.made.as_str(),
        camera => report.camera.map(of_camera),
        from => report.from.as_deref(),
        until => report.until.as_deref(),
        deliveries => report.deliveries,
        acts => report.acts,
        complete => report.is_complete(),
        gaps => gaps(report),
        advice => advice(report),
        rejected => rejected,
        groups => groups,
        exposures => exposures,
    };
    Ok(pages.template_from_str(PAGE)?.render(page)?)
}
