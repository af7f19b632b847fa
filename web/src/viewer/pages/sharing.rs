//! The pages about sharing: the answer to an invitation, which is the same for everybody, and who
//! sees what of a viewer's cameras. Their scripts fill in what is private.

use super::{icon, page};
use maud::{Markup, html};

const JOIN_MODULES: [&str; 5] = [
    "/assets/join.js",
    "/assets/ask.js",
    "/assets/clock.js",
    "/assets/terms.js",
    "/assets/words.js",
];

const SHARING_MODULES: [&str; 7] = [
    "/assets/sharing.js",
    "/assets/ask.js",
    "/assets/clock.js",
    "/assets/handover.js",
    "/assets/rows.js",
    "/assets/terms.js",
    "/assets/words.js",
];

/// Builds the page at `/join`: identical for everybody, with or without an invitation.
#[must_use]
pub fn join_page() -> String {
    let body = html! {
        main.login {
            div.login-card {
                div.login-brand { (icon("eye")) span { "Eyesonly" } }
                h1 { "An invitation" }
                div.offer id="offer" data-testid="offer" role="status" { "Loading" }
                form id="join" data-testid="join" method="post" action="/v1/invitation" novalidate
                    hidden {
                    div.choice role="radiogroup" aria-label="Account" {
                        label id="join-this" hidden {
                            input type="radio" name="which" value="this"
                                data-testid="join-this";
                            span { " As " strong id="join-me" dir="auto" {} }
                        }
                        label {
                            input type="radio" name="which" value="new" checked;
                            " I am new here"
                        }
                        label {
                            input type="radio" name="which" value="known"
                                data-testid="join-known";
                            " I have an account"
                        }
                    }
                    div id="join-account" {
                        label for="join-name" { "Name" }
                        input id="join-name" data-testid="join-name" name="name" type="text"
                            autocomplete="username" autocapitalize="none" autocorrect="off"
                            spellcheck="false" aria-describedby="join-name-hint" required;
                        p.message.hint id="join-name-hint" { "Small letters, digits and - _ . @ +" }
                        label for="join-password" { "Password" }
                        input id="join-password" data-testid="join-password" name="password"
                            type="password" autocomplete="new-password"
                            aria-describedby="join-password-hint" required;
                        p.message.hint id="join-password-hint" { "At least 10 characters" }
                    }
                    p.message.is-error id="join-error" data-testid="join-error" role="alert" {}
                    button.button.is-main id="join-submit" data-testid="join-submit"
                        type="submit" { "Ask to see them" }
                }
                p.message id="join-done" data-testid="join-done" role="status" {}
                a.button.is-main id="join-wall" data-testid="join-wall" hidden { "Your cameras" }
                noscript {
                    p.message.is-error {
                        "This page needs JavaScript. Please switch it on and reload."
                    }
                }
            }
        }
    };
    page("An invitation", &JOIN_MODULES, &body)
}

/// Builds the page at `/v1/{tag}/sharing/`. Every address in it is relative to that one.
#[must_use]
pub fn sharing_page(viewer_name: &str) -> String {
    let body = html! {
        header.top {
            a.brand href="../" aria-label="Eyesonly, all cameras" {
                (icon("eye")) span { "Eyesonly" }
            }
            span.top-space {}
            span.viewer-name dir="auto" title=(viewer_name) { (viewer_name) }
        }
        main.sharing {
            a.button.is-quiet.back href="../" data-testid="sharing-back" {
                (icon("left")) "All cameras"
            }
            h1 { "Who sees what" }
            p { a href="#account" { "Where you are logged in, and your password" } }
            p.message.is-error id="sharing-error" data-testid="sharing-error" role="alert" {}
            noscript {
                p.message.is-error { "This page needs JavaScript. Please switch it on and reload." }
            }
            (list("requests", "Somebody asks", "They see nothing until you confirm them."))
            (share_form())
            (list("invitations", "Open invitations", ""))
            (list("shares", "What you share", ""))
            (list("cameras", "Your cameras", ""))
            (shown_once("offer", "Give this code to an owner of the other household"))
            (take_form())
            (list("members", "Who belongs to the household", ""))
            (role_form())
            (list(
                "given",
                "Shared with you",
                "What you look at is recorded, and the household sees it.",
            ))
            (list("viewed", "Who viewed your cameras", ""))
            div id="account" {
                (list("sessions", "Where you are logged in", ""))
                (password_form())
            }
        }
        p.status id="status" data-testid="status" role="status" aria-live="polite" {}
    };
    page("Who sees what", &SHARING_MODULES, &body)
}

/// Builds a section that the script fills, or leaves hidden.
fn list(name: &str, title: &str, note: &str) -> Markup {
    html! {
        section id=(name) data-testid=(name) aria-labelledby={ (name) "-title" } hidden {
            h2 id={ (name) "-title" } { (title) }
            @if !note.is_empty() { p.message { (note) } }
            ul.rows role="list" {}
            p.message.rows-note {}
        }
    }
}

fn share_form() -> Markup {
    let kind = |value: &str, words: &str| {
        html! {
            label { input type="checkbox" name="kinds" value=(value) checked; " " (words) }
        }
    };
    html! {
        section id="share" data-testid="share" aria-labelledby="share-title" hidden {
            h2 id="share-title" { "Share a camera" }
            form id="share-form" novalidate {
                fieldset { legend { "Cameras" } div id="share-cameras" {} }
                fieldset {
                    legend { "They may see" }
                    (kind("live", "the live picture")) (kind("events", "events"))
                    (kind("clips", "videos of events"))
                }
                label for="share-ends" { "For how long" }
                select id="share-ends" data-testid="share-ends" name="ends" {
                    option value="86400" { "one day" }
                    option value="604800" selected { "one week" }
                    option value="2592000" { "30 days" }
                    option value="" { "until I stop it" }
                }
                label {
                    input id="share-past" data-testid="share-past" type="checkbox" name="past";
                    " Also what happened before they were confirmed"
                }
                button.button.is-main data-testid="share-submit" type="submit" { "Make a link" }
            }
            (shown_once("share", "Give this link to one person"))
        }
    }
}

/// Builds the place of what is shown only once: a link, a code, or a credential.
fn shown_once(name: &str, label: &str) -> Markup {
    html! {
        div.shown-once id={ (name) "-made" } data-testid={ (name) "-made" } hidden {
            label for={ (name) "-once" } { (label) }
            div.once-line {
                input id={ (name) "-once" } data-testid={ (name) "-once" } type="text" readonly;
                button.button type="button" { "Copy" }
            }
            p.message id={ (name) "-note" } role="status" {}
        }
    }
}

fn take_form() -> Markup {
    html! {
        section id="take" data-testid="take" aria-labelledby="take-title" hidden {
            h2 id="take-title" { "Take a camera over" }
            form id="take-form" novalidate {
                label for="take-code" { "The code of whoever hands it over" }
                input id="take-code" data-testid="take-code" type="text" autocomplete="off"
                    autocapitalize="none" spellcheck="false" required;
                label for="take-name" { "What you call it" }
                input id="take-name" data-testid="take-name" type="text" autocomplete="off"
                    required;
                label for="take-household" { "For which household" }
                select id="take-household" data-testid="take-household" {}
                button.button data-testid="take-submit" type="submit" { "Take it" }
            }
            (shown_once("take", "The camera's new credential"))
        }
    }
}

fn role_form() -> Markup {
    html! {
        section id="role" data-testid="role" aria-labelledby="role-title" hidden {
            h2 id="role-title" { "Give somebody a role" }
            form id="role-form" novalidate {
                p.message {
                    "Who becomes an owner or an installer loses what was shared with them. If they \
                     become a member later, share it with them again."
                }
                label for="role-who" { "To whom, of those who see a camera already" }
                select id="role-who" data-testid="role-who" {}
                fieldset {
                    legend { "They become" }
                    (role("member", "a member: sees what is shared with them"))
                    (role("installer", "an installer: sees all live pictures, for four hours"))
                    (role("owner", "an owner: sees all, shares, deletes, and takes others out"))
                }
                button.button id="role-submit" data-testid="role-submit" type="submit" {
                    "Give the role"
                }
            }
        }
    }
}

fn role(value: &str, words: &str) -> Markup {
    html! {
        label {
            input type="radio" name="role" value=(value) checked[value == "member"];
            " " (words)
        }
    }
}

fn password_form() -> Markup {
    html! {
        section aria-labelledby="password-title" {
            h2 id="password-title" { "Your password" }
            form id="password-form" novalidate {
                label for="password-old" { "Current password" }
                input id="password-old" data-testid="password-old" type="password"
                    autocomplete="current-password" required;
                label for="password-new" { "New password" }
                input id="password-new" data-testid="password-new" type="password"
                    autocomplete="new-password" required;
                p.message { "You are logged out everywhere, and log in anew." }
                p.message.is-error id="password-error" data-testid="password-error" role="alert" {}
                button.button data-testid="password-submit" type="submit" { "Change it" }
            }
        }
    }
}
