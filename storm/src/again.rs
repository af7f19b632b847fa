//! The command that repeats a run. The command has every argument that shapes the run, also those
//! that were not given.
//!
//! It must be fit to be pasted into a shell.

use crate::command::Arguments;
use crate::said::LIES_DEFAULT;
use std::fmt::Write as _;

/// The caution that goes with the command.
pub const CAVEAT: &str = "The same seed tells the same lies in the same order; which request meets \
                          which lie depends on timing, so counts differ somewhat from run to run.";

/// Writes the command that repeats the run with this seed.
pub fn command(arguments: &Arguments, seed: u64) -> String {
    let mut command = "eyesonly-storm".to_owned();
    let mut add = |name: &str, value: &str| {
        let _ = match value {
            "" => write!(command, " --{name}"),
            value => write!(command, " --{name} {}", quoted(value)),
        };
    };
    if arguments.cells {
        add("cells", "");
    }
    if arguments.bench {
        add("bench", "");
    }
    if arguments.incident {
        add("incident", "");
        add("seeds", &arguments.seeds.to_string());
    }
    if let Some(components) = &arguments.components {
        add("components", &components.display().to_string());
    }
    add("households", &arguments.households.to_string());
    // Cells have lies, cameras, workers and a herd of their own.
    if !arguments.cells {
        add("cameras", &arguments.cameras.to_string());
        add("workers", &arguments.workers.to_string());
        if arguments.jitter_seconds > 0.0 {
            add("jitter-seconds", &arguments.jitter_seconds.to_string());
        }
    }
    if arguments.requests > 0 {
        add("requests", &arguments.requests.to_string());
    }
    if !arguments.cells && !arguments.bench {
        add("live", &arguments.live.to_string());
        let default = [LIES_DEFAULT.to_owned()];
        let said = if arguments.lies.is_empty() { &default[..] } else { &arguments.lies };
        said.iter().for_each(|lie| add("lie", lie));
        arguments.forge.iter().for_each(|defence| add("forge", defence.name()));
        if arguments.web_caches {
            add("web-caches", "");
        }
    }
    if let Some(data) = &arguments.data {
        add("data", &data.display().to_string());
    }
    add("seed", &seed.to_string());
    command
}

/// Quotes a word for a shell.
fn quoted(word: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./:@+,=".contains(letter);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        arguments: Arguments,
    }

    fn again(line: &str) -> String {
        let line =
            Line::try_parse_from(std::iter::once("x").chain(line.split_whitespace())).unwrap();
        command(&line.arguments, 7)
    }

    #[test]
    fn everything_that_shapes_the_run_is_in_it() {
        let defaults = "eyesonly-storm --households 13000 --cameras 2 --workers 128 --live 12 \
                        --lie all@0.01 --seed 7";
        assert_eq!(again(""), defaults);
        let given = "--components x/y --households 9 --cameras 3 --workers 5 --jitter-seconds 1.5 \
                     --requests 10 --live 4 --lie pool@0.1 --lie index:missing@0.2 --forge seal \
                     --forge way-out --web-caches --data /d --seed 7";
        assert_eq!(again(given), format!("eyesonly-storm {given}"));
        assert_eq!(
            again("--cells --households 9 --requests 10"),
            "eyesonly-storm --cells --households 9 --requests 10 --seed 7"
        );
    }

    #[test]
    fn words_are_quoted_for_a_shell() {
        assert_eq!(quoted("a/b-c_1.2"), "a/b-c_1.2");
        assert_eq!(quoted("it's here"), "'it'\\''s here'");
    }
}
