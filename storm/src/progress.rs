//! Shows how far a run is. A terminal has one line, which changes. Elsewhere each phase has a line,
//! and another one follows every ten seconds.
//!
//! This module must never write progress to standard output, which is the report's.

use crate::tally::Tally;
use indicatif::ProgressBar;
use std::io::{IsTerminal as _, Write as _};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// The time after which a line is written where there is no terminal, if nothing else happens.
const LINE_EVERY: Duration = Duration::from_secs(10);
/// The time between two moves of a terminal's line.
const TICK: Duration = Duration::from_millis(100);

/// The display of how far a run is.
#[derive(Clone)]
pub struct Progress(std::sync::Arc<Form>);

enum Form {
    Bar(ProgressBar),
    /// The phase that the last line named, and when it was written.
    Lines(Mutex<Option<(String, Instant)>>),
}

impl Progress {
    /// Chooses the form that fits standard error.
    pub fn new() -> Self {
        if !std::io::stderr().is_terminal() {
            return Self(Form::Lines(Mutex::default()).into());
        }
        let bar = ProgressBar::new_spinner();
        bar.enable_steady_tick(TICK);
        Self(Form::Bar(bar).into())
    }

    /// Says what is being done.
    pub fn say(&self, what: &str) {
        self.show(what, "");
    }

    /// Says what is being done, and how many requests and exposures there are so far.
    pub fn watch(&self, what: &str, tally: &Tally) {
        let (requests, exposed) = tally.so_far();
        self.show(what, &format!(" ({requests} requests, {exposed} exposures)"));
    }

    fn show(&self, what: &str, more: &str) {
        match &*self.0 {
            Form::Bar(bar) => bar.set_message(format!("{what}{more}")),
            Form::Lines(last) => {
                let Ok(mut last) = last.lock() else { return };
                if is_due(last.as_ref(), what) {
                    *last = Some((what.to_owned(), Instant::now()));
                    let _closed = writeln!(std::io::stderr(), "storm: {what}{more}");
                }
            }
        }
    }

    /// Prints a line of the report in between.
    pub fn print(&self, line: &str) {
        match &*self.0 {
            Form::Bar(bar) => bar.suspend(|| println!("{line}")),
            Form::Lines(_) => println!("{line}"),
        }
    }

    /// Ends the display.
    pub fn end(&self) {
        if let Form::Bar(bar) = &*self.0 {
            bar.finish_and_clear();
        }
    }
}

impl Default for Progress {
    fn default() -> Self {
        Self::new()
    }
}

fn is_due(last: Option<&(String, Instant)>, what: &str) -> bool {
    last.is_none_or(|(said, at)| said != what || at.elapsed() >= LINE_EVERY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_due_for_a_new_phase_and_after_a_while() {
        let now = Instant::now();
        assert!(is_due(None, "herd"));
        assert!(!is_due(Some(&("herd".to_owned(), now)), "herd"));
        assert!(is_due(Some(&("herd".to_owned(), now)), "afterwards"));
        if let Some(before) = now.checked_sub(LINE_EVERY) {
            assert!(is_due(Some(&("herd".to_owned(), before)), "herd"));
        }
    }
}
