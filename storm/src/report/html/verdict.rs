//! The verdict: it says in a sentence what the run shows, and what limits that.
//!
//! It must never call a run clean that could not have shown a leak, nor call a control a test of
//! this system.

use super::super::table::whole;
use super::super::{Lie, Report, Side};
use super::sections::figure;
use maud::{Markup, html};

/// The verdict on a run.
struct Verdict {
    class: &'static str,
    kicker: &'static str,
    sentence: String,
    more: Vec<String>,
}

/// Draws the verdict with the four numbers that matter.
pub(super) fn section(report: &Report) -> Markup {
    let Verdict { class, kicker, sentence, more } = verdict(report);
    let cautions = cautions(report);
    let more = more.into_iter().chain(told(report));
    let here = match report.forged.as_slice() {
        [] => "exposed here".to_owned(),
        forged => format!("exposed here with {} forged", listed(forged)),
    };
    html! {
        section.verdict.(class) aria-labelledby="verdict" {
            p.kicker { "Storm report: " (kicker) }
            h1 id="verdict" { (sentence) }
            @for sentence in more { p { (sentence) } }
            @if !cautions.is_empty() {
                ul.cautions { @for caution in cautions { li { (caution) } } }
            }
            dl.figures {
                (figure(&here, &whole(report.here.exposed)))
                (figure("exposed at the conventional server", &whole(report.conventional.exposed)))
                (figure("misdeliveries refused here", &whole(report.refused_misdeliveries())))
                (figure(
                    "requests to both",
                    &whole(report.here.requests.saturating_add(report.conventional.requests))
                ))
            }
        }
    }
}

/// Says how many kinds of lies were told.
fn told(report: &Report) -> Option<String> {
    let (told, asked) = report.kinds_told();
    if asked == 0 {
        let leaks = "What the conventional server exposed, it exposed without one: it keeps for a \
                     minute which cameras a viewer has, and so goes on showing a camera that was \
                     just taken from them.";
        let leaks = if report.conventional.exposed > 0 { leaks } else { "" };
        return Some(
            format!("No lies were told: none were asked for. {leaks}").trim_end().to_owned(),
        );
    }
    let rest = match asked.saturating_sub(told) {
        0 => String::new(),
        1 => " The run shows nothing of the other one; the table of lies says which, and why."
            .to_owned(),
        rest => format!(
            " The run shows nothing of the other {rest}; the table of lies says which, and why."
        ),
    };
    let kinds = if asked == 1 { "kind of lie that was" } else { "kinds of lies that were" };
    Some(format!(
        "Of {asked} {kinds} asked for, {told} {} told to this system.{rest}",
        if told == 1 { "was" } else { "were" }
    ))
}

fn verdict(report: &Report) -> Verdict {
    let through_caches = through_caches(report);
    if !report.forged.is_empty() {
        return control(report);
    }
    if report.here.exposed > 0 {
        return Verdict {
            class: "is-alert",
            kicker: "exposed",
            sentence: format!(
                "Footage, details or names reached the wrong eyes here: {}.",
                answers(&report.here)
            ),
            more: vec![
                "This system has to show zero. Until the cause is found, take this as a leak."
                    .to_owned(),
                beside(report),
            ],
        };
    }
    if through_caches > 0 {
        let viewers = count(through_caches, "second viewer", "second viewers");
        return Verdict {
            class: "is-alert",
            kicker: "exposed through a web cache",
            sentence: format!(
                "Something of this system reached the wrong eyes through a web cache: {viewers}."
            ),
            more: vec![format!(
                "Without a web cache in front, nothing was exposed here. {}",
                beside(report)
            )],
        };
    }
    if report.conventional.exposed == 0 {
        return Verdict {
            class: "is-notice",
            kicker: "proves nothing",
            sentence: "This run proves nothing: the conventional server did not leak, so the \
                       detector has not been shown to work."
                .to_owned(),
            more: vec![
                "Nothing was seen to reach the wrong eyes here either, but a detector that sees \
                 nothing would say the same. A run with more requests, or with more lies, can \
                 show more."
                    .to_owned(),
            ],
        };
    }
    Verdict {
        class: "is-good",
        kicker: "nothing exposed",
        sentence: format!("Nothing reached the wrong eyes. {}", beside(report)),
        // Without a lie, a viewer who sees too much sees a camera of their own that was taken from
        // them.
        more: match report.lies.is_empty() {
            true => Vec::new(),
            false => vec![opened(&report.conventional)],
        },
    }
}

/// Makes the verdict on a run whose liars had keys. Such a run tests the detector and the defences,
/// not this system.
fn control(report: &Report) -> Verdict {
    let sentence = format!(
        "This was a control: the liars here were given what {} on: {}.",
        if report.forged.len() == 1 { "this defence rests" } else { "these defences rest" },
        listed(&report.forged)
    );
    let leaked = report.here.exposed > 0 || through_caches(report) > 0;
    let mut more = vec![match (leaked, report.conventional.exposed) {
        (true, _) if report.here.exposed == 0 => format!(
            "With that, something of this system reached the wrong eyes through a web cache: {}.",
            count(through_caches(report), "second viewer", "second viewers")
        ),
        (true, _) => format!(
            "With that, footage, details or names reached the wrong eyes here: {}. The detector \
             sees a leak when there is one.",
            answers(&report.here)
        ),
        (false, 0) => {
            "Neither server leaked, so it proves nothing: the detector has not been shown to work."
                .to_owned()
        }
        (false, _) => "Even so, nothing reached the wrong eyes here in this run.".to_owned(),
    }];
    if leaked || report.conventional.exposed > 0 {
        more.push(beside(report));
    }
    more.push(
        "It says nothing of this system where liars have no keys: nothing in it was switched off \
         or changed."
            .to_owned(),
    );
    Verdict {
        class: if leaked { "is-alert" } else { "is-notice" },
        kicker: "a control",
        sentence,
        more,
    }
}

/// Lists what else has to be known before the verdict is believed.
fn cautions(report: &Report) -> Vec<String> {
    let here = &report.here;
    let mut cautions = Vec::new();
    if here.right == 0 {
        cautions.push(
            "No answer of this system was right. Who serves nothing cannot expose anything."
                .to_owned(),
        );
    }
    let told = |lie: fn(&Lie) -> u64| report.lies.iter().map(lie).fold(0, u64::saturating_add);
    if told(|lie| lie.told_here) == 0 && told(|lie| lie.told_conventional) > 0 {
        cautions.push(
            "No lie was told to this system; to the conventional server, lies were told."
                .to_owned(),
        );
    }
    if here.stale > 0 {
        let answers = count(here.stale, "answer", "answers");
        cautions.push(format!("This system gave {answers} of the past."));
    }
    if here.wrong > 0 {
        let answers = count(here.wrong, "answer", "answers");
        cautions.push(format!("This system gave {answers} with wrong bytes."));
    }
    if here.uploads_lost > 0 {
        let uploads = count(here.uploads_lost, "upload", "uploads");
        cautions.push(format!("This system acknowledged and lost {uploads}."));
    }
    cautions
}

fn through_caches(report: &Report) -> u64 {
    let exposed = report.web_caches.iter().map(|cache| cache.here.exposed);
    exposed.fold(0, u64::saturating_add)
}

/// Says in a sentence what the conventional server exposed.
fn beside(report: &Report) -> String {
    let conventional = &report.conventional;
    let under = match report.lies.is_empty() {
        true => "under the same load and without any lie",
        false => "under the same load, with the same liars at the same rates",
    };
    match conventional.exposed {
        0 => format!("The conventional server exposed nothing {under}."),
        _ => format!("The conventional server, {under}, exposed {}.", answers(conventional)),
    }
}

/// Says what the exposures of a server meant for people.
fn opened(side: &Side) -> String {
    format!(
        "There, {} opened an event or a video that they may not see, and others looked into the \
         homes of {}.",
        count(side.accounts_opened, "account", "accounts"),
        count(side.accounts_seen, "account", "accounts")
    )
}

fn answers(side: &Side) -> String {
    let answers = count(side.exposed, "answer", "answers");
    format!("{answers} to {}", count(side.accounts_shown, "account", "accounts"))
}

/// Writes a number with its noun.
fn count(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", whole(number), if number == 1 { one } else { many })
}

fn listed(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}
