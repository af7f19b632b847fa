//! The report for a terminal, and what the page shares with it: the counts side by side, and
//! numbers as text.
//!
//! It must never compute anything that the report does not say, nor write a control character that
//! came from outside.

#[cfg(test)]
mod tests;

use super::{NOT_TOLD, Phase, Report, Side};
use crate::audit::Audit;
use std::fmt::Write as _;

/// The width of the widest line, in columns.
const COLUMNS_MAX: usize = 100;
/// The longest name in a list. A longer one is cut, so that no line grows beyond [`COLUMNS_MAX`].
const NAME_MAX: usize = 24;
/// The least number that is written with an exponent.
const EXPONENT_FROM: f64 = 1e12;

/// The weight of a row of counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weight {
    /// An ordinary row.
    Plain,
    /// Part of the row above.
    Part,
    /// The number that must be zero.
    Exposed,
}

/// One count of both servers.
pub(super) struct Row {
    /// The name of what was counted.
    pub(super) label: &'static str,
    /// The count at this system.
    pub(super) here: String,
    /// The count at the conventional server.
    pub(super) conventional: String,
    /// The weight that it is shown with.
    pub(super) weight: Weight,
}

/// Writes the report as a table of text, at most 100 columns wide and without colours.
#[must_use]
pub fn table(report: &Report) -> String {
    let mut text = String::new();
    side_by_side(&mut text, report);
    misdeliveries(&mut text, report);
    incident(&mut text, report);
    lies(&mut text, report);
    set_aside(&mut text, report);
    web_caches(&mut text, report);
    if !report.forged.is_empty() {
        let names: Vec<String> =
            report.forged.iter().map(|name| cell(name, COLUMNS_MAX - 2)).collect();
        heading(&mut text, "defences that liars forged here");
        for name in names {
            line(&mut text, &format!("  {name}"));
        }
    }
    text
}

/// Writes the last line of a run: numbers without separators, for people and for scripts.
#[must_use]
pub fn closing_line(report: &Report) -> String {
    format!(
        "exposures: {} (conventional: {}), misdeliveries refused: {}, requests: {}, seed: {}",
        report.here.exposed,
        report.conventional.exposed,
        report.refused_misdeliveries(),
        report.here.requests.saturating_add(report.conventional.requests),
        report.seed
    )
}

/// Lists what was counted at both servers, in the order of the table.
pub(super) fn counts(report: &Report) -> Vec<Row> {
    let row = |label, weight, value: fn(&Side) -> String| Row {
        label,
        here: value(&report.here),
        conventional: value(&report.conventional),
        weight,
    };
    let plain = |label, value| row(label, Weight::Plain, value);
    let known = |label, value: fn(&Audit) -> u64| {
        let of = |side: &Side| optional(side.ledger.as_ref().map(|audit| value(audit) as f64), 0);
        let (here, conventional) = (of(&report.here), of(&report.conventional));
        Row { label, here, conventional, weight: Weight::Part }
    };
    vec![
        plain("requests", |side| whole(side.requests)),
        plain("right", |side| whole(side.right)),
        plain("refused", |side| whole(side.refused)),
        row("of those shed", Weight::Part, |side| whole(side.shed)),
        plain("errors", |side| whole(side.errors)),
        plain("dropped on purpose", |side| whole(side.dropped)),
        plain("live segments followed", |side| whole(side.live_followed)),
        plain("guests' looks", |side| whole(side.share_looks)),
        row("of those shown", Weight::Part, |side| whole(side.share_shown)),
        row("EXPOSED", Weight::Exposed, |side| whole(side.exposed)),
        row("of those of live video", Weight::Part, |side| whole(side.live_exposed)),
        row("of those through a share", Weight::Part, |side| whole(side.share_exposed)),
        plain("stale", |side| whole(side.stale)),
        plain("wrong bytes", |side| whole(side.wrong)),
        plain("accounts shown something", |side| whole(side.accounts_shown)),
        known("the ledger knew of", |audit| audit.shown_known),
        known("it could not know of", |audit| audit.shown_unknown),
        plain("accounts that opened something", |side| whole(side.accounts_opened)),
        plain("accounts that were seen", |side| whole(side.accounts_seen)),
        known("the ledger knew of", |audit| audit.seen_known),
        known("it could not know of", |audit| audit.seen_unknown),
        plain("misdeliveries refused", |side| {
            let counts = side.misdeliveries.iter().map(|entry| entry.count);
            whole(counts.fold(0, u64::saturating_add))
        }),
        plain("uploads acknowledged", |side| whole(side.uploads_acknowledged)),
        plain("uploads lost", |side| whole(side.uploads_lost)),
        plain("origin reads per object", |side| optional(reads_per_object(side), 2)),
    ]
}

/// Pairs the phases of both servers by name, in their order.
pub(super) fn phases(report: &Report) -> Vec<(&'static str, Option<&Phase>, Option<&Phase>)> {
    let mut names: Vec<&'static str> = Vec::new();
    for phase in report.here.phases.iter().chain(&report.conventional.phases) {
        if !names.contains(&phase.name) {
            names.push(phase.name);
        }
    }
    names
        .into_iter()
        .map(|name| (name, phase(&report.here, name), phase(&report.conventional, name)))
        .collect()
}

fn phase<'a>(side: &'a Side, name: &str) -> Option<&'a Phase> {
    side.phases.iter().find(|phase| phase.name == name)
}

/// Returns the reads at the origin for each object that was read there. None: no object was.
pub(super) fn reads_per_object(side: &Side) -> Option<f64> {
    (side.origin_objects > 0).then(|| side.origin_reads as f64 / side.origin_objects as f64)
}

/// Writes a whole number with commas between thousands.
pub(super) fn whole(number: u64) -> String {
    grouped(&number.to_string())
}

/// Writes a number with so many decimals and commas between thousands. NaN and infinity are `-`.
pub(super) fn decimal(number: f64, places: usize) -> String {
    if !number.is_finite() {
        return "-".to_owned();
    }
    if number.abs() >= EXPONENT_FROM {
        return format!("{number:.2e}");
    }
    let text = format!("{number:.places$}");
    match text.split_once('.') {
        Some((before, after)) => format!("{}.{after}", grouped(before)),
        None => grouped(&text),
    }
}

/// Writes a number as [`decimal`] does, or `-` if there is none.
pub(super) fn optional(number: Option<f64>, places: usize) -> String {
    number.map_or_else(|| "-".to_owned(), |number| decimal(number, places))
}

/// Writes milliseconds with as many decimals as say something.
pub(super) fn milliseconds(number: f64) -> String {
    match number {
        small if small < 10.0 => decimal(small, 2),
        middle if middle < 1000.0 => decimal(middle, 1),
        large => decimal(large, 0),
    }
}

/// Writes a share of one as a percentage, without trailing zeros.
pub(super) fn percentage(share: f64) -> String {
    if !share.is_finite() {
        return "-".to_owned();
    }
    let text = decimal(share * 100.0, 3);
    format!("{}%", text.trim_end_matches('0').trim_end_matches('.'))
}

fn grouped(digits: &str) -> String {
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits), |rest| ("-", rest));
    let mut text = sign.to_owned();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Makes a name fit for a terminal: without control characters, and cut if it is too long.
fn cell(name: &str, longest: usize) -> String {
    let printable = |letter: char| if letter.is_control() { '?' } else { letter };
    if name.chars().count() <= longest {
        return name.chars().map(printable).collect();
    }
    let mut text: String = name.chars().take(longest.saturating_sub(1)).map(printable).collect();
    text.push('…');
    text
}

fn line(text: &mut String, content: &str) {
    text.push_str(content.trim_end());
    text.push('\n');
}

fn heading(text: &mut String, content: &str) {
    text.push('\n');
    line(text, content);
}

/// Writes lines of cells. The first `names` columns are aligned to the left and the others to the
/// right, each as wide as its widest cell.
fn columns(text: &mut String, names: usize, lines: &[Vec<String>]) {
    let mut widths: Vec<usize> = Vec::new();
    for cells in lines {
        for (place, cell) in cells.iter().enumerate() {
            let width = cell.chars().count();
            match widths.get_mut(place) {
                Some(widest) => *widest = width.max(*widest),
                None => widths.push(width),
            }
        }
    }
    for cells in lines {
        let mut content = String::new();
        for (place, (cell, &width)) in cells.iter().zip(&widths).enumerate() {
            let _ = match (place, place < names) {
                (0, _) => write!(content, "{cell:<width$}"),
                (_, true) => write!(content, "  {cell:<width$}"),
                (_, false) => write!(content, "   {cell:>width$}"),
            };
        }
        line(text, &content);
    }
}

fn side_by_side(text: &mut String, report: &Report) {
    let mut lines = vec![vec![String::new(), "here".to_owned(), "conventional".to_owned()]];
    for row in counts(report) {
        let indent = if row.weight == Weight::Part { "  " } else { "" };
        lines.push(vec![format!("{indent}{}", row.label), row.here, row.conventional]);
    }
    let latencies = |phase: &Phase| {
        let (half, most) =
            (milliseconds(phase.p50_milliseconds), milliseconds(phase.p99_milliseconds));
        format!("{half} / {most}")
    };
    let goodput = |phase: &Phase| decimal(phase.goodput, 1);
    let missing = || "-".to_owned();
    for (name, here, conventional) in phases(report) {
        let name = cell(name, NAME_MAX);
        lines.push(vec![
            format!("{name}: p50 / p99 in ms"),
            here.map_or_else(missing, latencies),
            conventional.map_or_else(missing, latencies),
        ]);
        lines.push(vec![
            format!("{name}: goodput/s"),
            here.map_or_else(missing, goodput),
            conventional.map_or_else(missing, goodput),
        ]);
    }
    columns(text, 1, &lines);
}

fn misdeliveries(text: &mut String, report: &Report) {
    heading(text, "misdeliveries refused here, by seam and fault");
    let lines: Vec<Vec<String>> = report
        .here
        .misdeliveries
        .iter()
        .filter(|entry| entry.count > 0)
        .map(|entry| {
            let (seam, fault) = (cell(&entry.seam, NAME_MAX), cell(&entry.fault, NAME_MAX));
            vec![format!("  {seam}"), fault, whole(entry.count)]
        })
        .collect();
    if lines.is_empty() {
        line(text, "  none");
    }
    columns(text, 2, &lines);
}

/// Writes what `eyesonly incident` says of this system's ledger.
fn incident(text: &mut String, report: &Report) {
    let Some(audit) = &report.here.ledger else { return };
    heading(text, "the incident report over the ledger here");
    let (deliveries, acts) = (whole(audit.deliveries), whole(audit.acts));
    let listed = whole(audit.listed);
    line(text, &format!("  {deliveries} deliveries judged by {acts} acts: {listed} listed"));
    let groups = audit.groups.iter().map(|(name, count)| format!("{name} {}", whole(*count)));
    let groups: Vec<String> = groups.collect();
    line(text, &format!("  accounts: {}", groups.join(", ")));
    let gaps = audit.gaps + audit.faults.len() as u64 + audit.unnoticed;
    if gaps > 0 {
        line(text, &format!("  the lists may lack something: {} gaps", whole(gaps)));
    }
    for noticed in &audit.noticed {
        line(
            text,
            &format!("  a lie of the ledger was noticed: {}", cell(noticed, COLUMNS_MAX / 2)),
        );
    }
}

fn lies(text: &mut String, report: &Report) {
    text.push('\n');
    if report.lies.is_empty() {
        line(text, "lies told");
        line(text, "  none: none were asked for");
        return;
    }
    let head = ["lies told", "", "rate", "here", "conventional", ""];
    let mut lines = vec![head.map(str::to_owned).to_vec()];
    for lie in &report.lies {
        lines.push(vec![
            format!("  {}", cell(lie.seam, NAME_MAX)),
            cell(lie.kind, NAME_MAX),
            percentage(lie.rate),
            whole(lie.told_here),
            whole(lie.told_conventional),
            if lie.is_told() { String::new() } else { NOT_TOLD.to_owned() },
        ]);
    }
    columns(text, 2, &lines);
    let (told, asked) = report.kinds_told();
    line(text, &format!("  {told} of {asked} kinds were told here"));
    for (why, seams) in report.reasons() {
        let seams: Vec<String> = seams.iter().map(|seam| cell(seam, NAME_MAX)).collect();
        wrapped(text, &format!("{}, not told: {}", seams.join(", "), cell(why, usize::MAX)));
    }
}

/// Writes a sentence on lines of the table's width.
fn wrapped(text: &mut String, sentence: &str) {
    let mut content = String::from(" ");
    for word in sentence.split(' ') {
        if content.chars().count() + 1 + word.chars().count() > COLUMNS_MAX {
            line(text, &content);
            content = String::from("   ");
        }
        content.push(' ');
        content.push_str(word);
    }
    line(text, &content);
}

fn set_aside(text: &mut String, report: &Report) {
    let (here, conventional) = (&report.here.set_aside, &report.conventional.set_aside);
    if here.is_empty() && conventional.is_empty() {
        return;
    }
    text.push('\n');
    let mut lines = vec![["tiers set aside", "", "times"].map(str::to_owned).to_vec()];
    for (server, tiers) in [("here", here), ("conventional", conventional)] {
        for (tier, times) in tiers {
            lines.push(vec![
                format!("  {}", cell(tier, NAME_MAX)),
                server.to_owned(),
                whole(*times),
            ]);
        }
    }
    columns(text, 2, &lines);
}

fn web_caches(text: &mut String, report: &Report) {
    if report.web_caches.is_empty() {
        return;
    }
    text.push('\n');
    let head = ["web caches", "questions", "hits", "exposed"];
    let mut lines = vec![head.map(str::to_owned).to_vec()];
    for cache in &report.web_caches {
        for (server, passed) in [("here", cache.here), ("conventional", cache.conventional)] {
            let name = format!("  {}, {server}", cell(&cache.name, NAME_MAX));
            // Without a hit the row shows nothing; an exposure is never left out, whatever else was
            // counted.
            lines.push(match passed.hits.max(passed.exposed) {
                0 => vec![format!("{name} - no hits")],
                _ => vec![name, whole(passed.asked), whole(passed.hits), whole(passed.exposed)],
            });
        }
    }
    columns(text, 1, &lines);
}
