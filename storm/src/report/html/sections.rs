//! The page's sections. Each has a heading, a picture where one helps, and its numbers in a table.
//!
//! A number must never be in a picture alone.

use super::super::table::{self, Weight, decimal, optional, whole};
use super::super::{Passed, Report, Side};
use super::chart::{self, Bar, Group};
use crate::again;
use maud::{Markup, html};

/// Draws what was run, and how to run it again.
pub(super) fn what_was_run(report: &Report) -> Markup {
    let jitter = report.jitter_seconds;
    let came_back = match jitter > 0.0 {
        true => format!("over {} s", decimal(jitter, if jitter.fract() == 0.0 { 0 } else { 1 })),
        false => "all at once".to_owned(),
    };
    let mut facts = Facts::new();
    facts.add("households", whole(report.households as u64));
    facts.add("cameras", whole(report.cameras as u64));
    facts.add("viewers", whole(report.viewers as u64));
    facts.add("cameras and viewers came back", came_back);
    facts.add_run(report.seed, report.version, &report.began_at);
    html! {
        section aria-labelledby="run" {
            h2 id="run" { "What was run" }
            p {
                "An outage ended and everybody came back, once to this system and once to a \
                 server built the way such "
                "systems are usually built. "
                @if report.lies.is_empty() {
                    "Nobody lied: no lies were asked for, and none were told."
                } @else {
                    "Within both, the same liars gave wrong answers on purpose, at the same rates."
                }
            }
            (facts.draw())
            (run_again(&report.command))
            @if !report.forged.is_empty() {
                p { "Forged here: " @for (place, name) in report.forged.iter().enumerate() {
                    @if place > 0 { ", " } code { (name) }
                } "." }
            }
        }
    }
}

/// The facts of a run, in short.
pub(super) struct Facts(Vec<(&'static str, String, bool)>);

impl Facts {
    pub(super) fn new() -> Self {
        Self(Vec::new())
    }

    pub(super) fn add(&mut self, name: &'static str, fact: String) {
        self.0.push((name, fact, false));
    }

    /// Adds what every run has.
    pub(super) fn add_run(&mut self, seed: u64, version: &str, began_at: &str) {
        // A seed is copied into a command. So it has no separators, and enough room to stand on one
        // line.
        self.0.push(("seed", seed.to_string(), true));
        self.add("version", version.to_owned());
        self.add("began", for_people(began_at));
    }

    pub(super) fn draw(&self) -> Markup {
        html! {
            dl.figures.facts {
                @for (name, fact, wide) in self.0.iter().filter(|(_, fact, _)| !fact.is_empty()) {
                    div.is-wide[*wide] { dt { (name) } dd { (fact) } }
                }
            }
        }
    }
}

/// Draws the command that repeats a run, and says what it does not repeat.
pub(super) fn run_again(command: &str) -> Markup {
    html! {
        @if !command.is_empty() {
            p.soft.small { "This command repeats it:" }
            // An argument stays with its value where there is room.
            code.command {
                @for (place, part) in command.split(" --").enumerate() {
                    @if place > 0 { " " }
                    span.word { @if place > 0 { "--" } (part) }
                }
            }
            p.soft.small { (again::CAVEAT) }
        }
    }
}

/// Draws a number that matters, with its name.
pub(super) fn figure(name: &str, number: &str) -> Markup {
    html! { div { dt { (name) } dd { (number) } } }
}

/// Writes an RFC 3339 moment in UTC as people write it. Any other text stays as it is.
fn for_people(moment: &str) -> String {
    match moment.strip_suffix('Z').and_then(|rest| rest.split_once('T')) {
        Some((day, time)) => format!("{day} {time} UTC"),
        None => moment.to_owned(),
    }
}

/// Draws all counts of both servers.
pub(super) fn side_by_side(report: &Report) -> Markup {
    html! {
        section aria-labelledby="counts" {
            h2 id="counts" { "Side by side" }
            div.scroll {
                table.is-narrow {
                    thead { tr {
                        th.is-name scope="col" { "Counted" }
                        th scope="col" { "here" } th scope="col" { "conventional" }
                    } }
                    tbody {
                        @for row in table::counts(report) {
                            tr.is-exposed[row.weight == Weight::Exposed] {
                                th.is-part[row.weight == Weight::Part] scope="row" {
                                    @if row.weight == Weight::Exposed {
                                        "exposed (has to be 0 here)"
                                    } @else { (row.label) }
                                }
                                td { (row.here) }
                                td { (row.conventional) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Draws the misdeliveries that were rejected, by seam and fault.
pub(super) fn misdeliveries(report: &Report) -> Markup {
    let mut groups: Vec<Group> = Vec::new();
    for entry in report.here.misdeliveries.iter().filter(|entry| entry.count > 0) {
        let bar = Bar {
            name: entry.fault.clone(),
            value: Some(entry.count as f64),
            places: 0,
            class: "here",
        };
        match groups.iter_mut().find(|group| group.name == entry.seam) {
            Some(group) => group.bars.push(bar),
            None => groups.push(Group { name: entry.seam.clone(), bars: vec![bar] }),
        }
    }
    let total = report.refused_misdeliveries();
    let title = format!("Misdeliveries refused by seam and fault, {} in all", whole(total));
    html! {
        section aria-labelledby="misdeliveries" {
            h2 id="misdeliveries" { "Misdeliveries refused here" }
            p {
                "An answer from within that does not prove its question is a misdelivery. This \
                 system refused and counted "
                (whole(total))
                ". The conventional server believes what it is given and counts none."
            }
            @if groups.is_empty() { p { "None was refused, so there is nothing to draw." } } @else {
                (chart::bars(&title, &groups))
                details {
                    summary { "Numbers of this chart" }
                    div.scroll {
                        table.is-narrow {
                            caption { "Misdeliveries refused here" }
                            thead { tr {
                                th.is-name scope="col" { "Seam" } th.is-name scope="col" { "Fault" }
                                th scope="col" { "Refused" }
                            } }
                            tbody {
                                @for entry in
                                    report.here.misdeliveries.iter().filter(|entry| entry.count > 0)
                                {
                                    tr {
                                        th scope="row" { (entry.seam) }
                                        td.is-name { (entry.fault) }
                                        td { (whole(entry.count)) }
                                    }
                                }
                            }
                        }
                    }
                }
            }
            (set_aside(report))
        }
    }
}

fn set_aside(report: &Report) -> Markup {
    let sides =
        [("here", &report.here.set_aside), ("conventional", &report.conventional.set_aside)];
    html! {
        @if sides.iter().any(|(_, tiers)| !tiers.is_empty()) {
            h3 { "Tiers set aside" }
            p {
                "A tier that keeps lying is not asked for a while; answers then come from the next \
                 layer."
            }
            div.scroll {
                table.is-narrow {
                    thead { tr {
                        th.is-name scope="col" { "Tier" } th.is-name scope="col" { "Server" }
                        th scope="col" { "Times" }
                    } }
                    tbody { @for (server, tiers) in sides { @for (tier, times) in tiers {
                        tr {
                            th scope="row" { (tier) }
                            td.is-name { (server) }
                            td { (whole(*times)) }
                        }
                    } } }
                }
            }
        }
    }
}

/// Draws how often the store was read for the same part of an object.
pub(super) fn origin(report: &Report) -> Markup {
    let sides: [(&str, &'static str, &Side); 2] =
        [("here", "here", &report.here), ("conventional", "there", &report.conventional)];
    let bar = |(name, class, side): (&str, &'static str, &Side)| Bar {
        name: name.to_owned(),
        value: table::reads_per_object(side),
        places: 2,
        class,
    };
    let group = Group { name: String::new(), bars: sides.map(bar).into_iter().collect() };
    let per_object = |side: &Side| optional(table::reads_per_object(side), 2);
    let title = format!(
        "Reads per object at the origin: {} here, {} at the conventional server",
        per_object(&report.here),
        per_object(&report.conventional)
    );
    html! {
        section aria-labelledby="origin" {
            h2 id="origin" { "Reads per object at the origin" }
            p {
                "How often the store was read for the same part of an object. 1 is the least that \
                 is possible."
            }
            (chart::bars(&title, &[group]))
            div.scroll {
                table.is-narrow {
                    thead { tr {
                        th.is-name scope="col" { "Server" } th scope="col" { "Reads" }
                        th scope="col" { "Objects" } th scope="col" { "Reads per object" }
                    } }
                    tbody { @for (name, _, side) in sides {
                        tr {
                            th scope="row" { (name) }
                            td { (whole(side.origin_reads)) }
                            td { (whole(side.origin_objects)) }
                            td { (per_object(side)) }
                        }
                    } }
                }
            }
        }
    }
}

/// Draws the web caches in front, if there were any.
pub(super) fn web_caches(report: &Report) -> Markup {
    html! {
        @if !report.web_caches.is_empty() {
            section aria-labelledby="caches" {
                h2 id="caches" { "Web caches in front" }
                p {
                    "Each was told to ignore every header that forbids caching. Of each address, a \
                     viewer asked twice, then a second "
                    "viewer asked for the same page of their own. A row without hits shows nothing."
                }
                div.scroll {
                    table.is-narrow {
                        thead { tr {
                            th.is-name scope="col" { "Cache, in front of" }
                            th scope="col" { "Questions" }
                            th scope="col" { "Answered by the cache" }
                            th scope="col" { "Exposed to the second viewer" }
                        } }
                        @for cache in &report.web_caches {
                            tbody {
                                tr { th.is-group scope="rowgroup" colspan="4" { (cache.name) } }
                                (passed("here", cache.here))
                                (passed("conventional", cache.conventional))
                            }
                        }
                    }
                }
            }
        }
    }
}

fn passed(server: &str, passed: Passed) -> Markup {
    html! {
        tr {
            th.is-part scope="row" {
                (server)
                @if passed.asked == 0 { " " span.soft { "(not asked)" } }
                @else if passed.hits == 0 { " " span.soft { "(no hits)" } }
            }
            td { (whole(passed.asked)) }
            td { (whole(passed.hits)) }
            td { (whole(passed.exposed)) }
        }
    }
}

/// Says what the words mean, and who counts.
pub(super) fn how(report: &Report) -> Markup {
    html! {
        section aria-labelledby="how" {
            h2 id="how" { "What is counted and how" }
            p {
                "The clients know nothing of the servers: they compare each answer with content \
                 that they can compute "
                "themselves, and with what their account may see."
            }
            ul.words {
                li {
                    strong { "Right" }
                    " is an answer that is, to the byte that can be predicted, what was asked for."
                }
                li {
                    strong { "Refused" }
                    " is a status that is not a success, or a body that was cut, where a right \
                     answer "
                    "was possible: it costs patience, and shows nothing."
                }
                li {
                    strong { "Exposed" }
                    " is an answer with footage, details or names of somebody whom this account \
                     may not "
                    "see: the number that has to be zero."
                }
                li {
                    strong { "Stale" }
                    " is an answer of the past, or a video that went on to its end after its right \
                     was "
                    "taken, and " strong { "wrong bytes" } " are nobody's, or those of "
                    "another object of the same camera: both are faults, and are counted apart \
                     from exposures."
                }
                li {
                    strong { "Misdeliveries" }
                    " alone are counted by this system itself, each time an answer from within did "
                    "not prove its question."
                }
                li {
                    strong { "Requests" }
                    " are those of this server alone, uploads and tries to see what is somebody \
                     else's among them; "
                    "the last line of the run adds both servers'."
                }
                @if report.conventional.exposed > 0 {
                    li {
                        "Without any lie the " strong { "conventional server" }
                        " exposes something too: it keeps for a minute which cameras a "
                        "viewer has, and so goes on showing a camera that was just taken from them."
                    }
                }
            }
        }
    }
}
