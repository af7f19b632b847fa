//! The page's sections with a course: exposures and latencies over time, and the phases.
//!
//! A number must never be in a picture alone.

use super::super::table::{self, decimal, milliseconds, whole};
use super::super::{Phase, Report, Step};
use super::chart::{self, Form, Plot, Run, Shape};
use super::course::{Courses, Scale};
use maud::{Markup, html};
use std::collections::BTreeMap;

/// Draws the exposures over time.
pub(super) fn exposures(report: &Report, courses: &Courses) -> Markup {
    let step = courses.step_seconds;
    let (here, conventional) = (summed(&courses.here, step), summed(&courses.conventional, step));
    let most = |run: &Run| run.last().map_or(0.0, |&(_, sum)| sum);
    // The scale leaves room above for the labels at the ends of two curves, clear of the phases'
    // names.
    let scale = Scale::linear(most(&here).max(most(&conventional)) * 1.35);
    let shape = |class, run: &Run, form, end| Shape {
        class,
        runs: if run.is_empty() { Vec::new() } else { vec![run.clone()] },
        form,
        end,
    };
    let end = |name: &str, run: &Run| {
        (!run.is_empty()).then(|| format!("{name}: {}", chart::compact(most(run), 0)))
    };
    let plot = Plot {
        title: format!(
            "Exposed answers over time, added up: {} here, {} at the conventional server",
            whole(report.here.exposed),
            whole(report.conventional.exposed)
        ),
        bands: courses.bands(),
        end_seconds: courses.end_seconds,
        scale,
        whole: true,
        shapes: vec![
            shape("area there", &conventional, Form::Area, None),
            shape(
                "curve there is-dashed",
                &conventional,
                Form::Line,
                end("conventional", &conventional),
            ),
            shape("curve here is-thick", &here, Form::Line, end("here", &here)),
        ],
    };
    html! {
        section aria-labelledby="exposures" {
            h2 id="exposures" { "Exposures over time" }
            @if here.is_empty() && conventional.is_empty() {
                p { "No course was recorded." }
            } @else {
                p.axis { "Exposed answers, added up, by seconds of each server's own run" }
                (plot.draw())
                ul.legend {
                    li {
                        span.here { (chart::swatch("curve is-thick")) }
                        "here, whole line: " (whole(report.here.exposed))
                    }
                    li {
                        span.there { (chart::swatch("curve is-dashed")) }
                        "conventional, dashed line: " (whole(report.conventional.exposed))
                    }
                }
                p.soft.small {
                    "The two servers ran one after the other, and each curve starts with its own \
                     run."
                    @if !courses.phases_agree() {
                        " The phases did not change at the same time at both servers; those of \
                         this system are shown."
                    }
                }
                details {
                    summary { "Numbers of this chart" }
                    (exposures_table(courses))
                }
            }
        }
    }
}

/// Adds up the exposures from zero: the sum at the end of each step.
fn summed(course: &[Step], step_seconds: f64) -> Run {
    let mut sum = 0_u64;
    let mut run: Run = course.first().map(|step| (step.at_seconds, 0.0)).into_iter().collect();
    for step in course {
        sum = sum.saturating_add(step.exposed);
        run.push((step.at_seconds + step_seconds, sum as f64));
    }
    run
}

fn exposures_table(courses: &Courses) -> Markup {
    // Both courses are sorted by time, in milliseconds. A step that only one server has is shown as
    // well.
    let mut rows: BTreeMap<u64, (Option<&Step>, Option<&Step>)> = BTreeMap::new();
    for step in &courses.here {
        rows.entry((step.at_seconds * 1000.0).round() as u64).or_default().0 = Some(step);
    }
    for step in &courses.conventional {
        rows.entry((step.at_seconds * 1000.0).round() as u64).or_default().1 = Some(step);
    }
    let exposed =
        |step: Option<&Step>| step.map_or_else(|| "-".to_owned(), |step| whole(step.exposed));
    html! {
        div.scroll.is-high tabindex="0" role="region" aria-label="Exposures in each step" {
            table {
                caption { "Exposed answers in each step" (merged(courses, "added up")) }
                thead { tr {
                    th.is-name scope="col" { "From second" } th.is-name scope="col" { "Phase" }
                    th scope="col" { "here" } th scope="col" { "conventional" }
                } }
                tbody {
                    @for (here, conventional) in rows.values() {
                        @if let Some(step) = here.or(*conventional) {
                            tr {
                                th scope="row" { (seconds(step.at_seconds)) }
                                td.is-name { (step.phase) }
                                td { (exposed(*here)) }
                                td { (exposed(*conventional)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn merged(courses: &Courses, how: &str) -> String {
    match courses.merged {
        0 | 1 => String::new(),
        many => format!("; {many} steps of the run are one here, {how}"),
    }
}

fn seconds(seconds: f64) -> String {
    decimal(seconds, if seconds.fract() == 0.0 { 0 } else { 2 })
}

/// Draws how long answers took.
pub(super) fn latency(report: &Report, courses: &Courses) -> Markup {
    let (half, most) = latency_runs(courses);
    let all = half.iter().chain(&most).flatten().map(|&(_, latency)| latency);
    let scale = Scale::of_latencies(all);
    let worst = most.iter().flatten().map(|&(_, latency)| latency).fold(0.0, f64::max);
    let shape = |class, runs: &Vec<Run>, form| Shape { class, runs: runs.clone(), form, end: None };
    let plot = Plot {
        title: format!(
            "Latency at this system in each step, p50 and p99; the highest p99 is {} ms",
            milliseconds(worst)
        ),
        bands: courses.bands(),
        end_seconds: courses.end_seconds,
        scale,
        whole: false,
        shapes: vec![
            shape("area here", &most, Form::Between(half.clone())),
            shape("curve here is-thin", &most, Form::Line),
            shape("curve here is-thick", &half, Form::Line),
        ],
    };
    html! {
        section aria-labelledby="latency" {
            h2 id="latency" { "Latency" }
            @if half.is_empty() { p { "No latencies were recorded over time." } } @else {
                p.axis {
                    "Milliseconds at this system" (merged(courses, "with the slowest"))
                    @if matches!(scale, Scale::Logarithmic { .. }) {
                        "; logarithmic: each mark is a power of ten"
                    }
                }
                (plot.draw())
                ul.legend {
                    li {
                        span.here { (chart::swatch("curve is-thin")) }
                        "p99, thin line: 99 of 100 answers came within this"
                    }
                    li {
                        span.here { (chart::swatch("curve is-thick")) }
                        "p50, thick line: half of the answers came within this"
                    }
                }
                details {
                    summary { "Numbers of this chart" }
                    (latency_table(courses))
                }
            }
            (phases_table(report))
        }
    }
}

/// Returns the p50 and the p99 of this system, each in the middle of its step. The runs break where
/// no request ended, or where one of the two is missing.
fn latency_runs(courses: &Courses) -> (Vec<Run>, Vec<Run>) {
    let (mut half, mut most) = (Vec::new(), Vec::new());
    let (mut half_run, mut most_run) = (Run::new(), Run::new());
    for step in &courses.here {
        let at = step.at_seconds + courses.step_seconds / 2.0;
        if let (Some(p50), Some(p99)) = (step.p50_milliseconds, step.p99_milliseconds) {
            half_run.push((at, p50));
            most_run.push((at, p99));
        } else if !half_run.is_empty() {
            half.push(std::mem::take(&mut half_run));
            most.push(std::mem::take(&mut most_run));
        }
    }
    if !half_run.is_empty() {
        half.push(half_run);
        most.push(most_run);
    }
    (half, most)
}

fn latency_table(courses: &Courses) -> Markup {
    let latency = |latency: Option<f64>| latency.map_or_else(|| "-".to_owned(), milliseconds);
    html! {
        div.scroll.is-high tabindex="0" role="region" aria-label="Latency in each step" {
            table {
                caption {
                    "This system in each step; p50 and p99 in ms"
                    (merged(courses, "with the slowest latency"))
                }
                thead { tr {
                    th.is-name scope="col" { "From second" } th.is-name scope="col" { "Phase" }
                    th scope="col" { "Requests" } th scope="col" { "Refused" }
                    th scope="col" { "p50" } th scope="col" { "p99" }
                } }
                tbody {
                    @for step in &courses.here {
                        tr {
                            th scope="row" { (seconds(step.at_seconds)) }
                            td.is-name { (step.phase) }
                            td { (whole(step.requests)) }
                            td { (whole(step.refused)) }
                            td { (latency(step.p50_milliseconds)) }
                            td { (latency(step.p99_milliseconds)) }
                        }
                    }
                }
            }
        }
    }
}

fn phases_table(report: &Report) -> Markup {
    let phases = table::phases(report);
    let row = |phase: &Phase| {
        html! {
            td { (decimal(phase.goodput, 1)) }
            td { (milliseconds(phase.p50_milliseconds)) }
            td { (milliseconds(phase.p99_milliseconds)) }
        }
    };
    let length = |phase: Option<&Phase>| {
        phase.map_or_else(|| "-".to_owned(), |phase| format!("{} s", decimal(phase.seconds, 1)))
    };
    html! {
        @if !phases.is_empty() {
            div.scroll {
                table.is-narrow {
                    caption { "Phases of both servers; p50 and p99 in ms" }
                    thead { tr {
                        th.is-name scope="col" { "Server" } th scope="col" { "Right a second" }
                        th scope="col" { "p50" } th scope="col" { "p99" }
                    } }
                    @for (name, here, conventional) in phases {
                        tbody {
                            tr { th.is-group scope="rowgroup" colspan="4" {
                                (name) " "
                                span.soft {
                                    (length(here)) " here, " (length(conventional)) " conventional"
                                }
                            } }
                            @for (server, phase) in
                                [("here", here), ("conventional", conventional)]
                            {
                                tr {
                                    th.is-part scope="row" { (server) }
                                    @if let Some(phase) = phase { (row(phase)) }
                                    @else { @for _ in 0..3 { td { "-" } } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
