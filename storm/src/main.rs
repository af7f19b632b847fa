//! `eyesonly-storm`: parses the command line, and replays the outage.

use clap::Parser;
use eyesonly::process;
use eyesonly_storm::command;
use std::io::Write as _;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
// Of an argument that is given twice the last counts: the task gives some, and a person others.
#[command(name = "eyesonly-storm", version = command::VERSION, max_term_width = 100)]
#[command(args_override_self = true)]
struct Line {
    #[command(flatten)]
    arguments: command::Arguments,
}

fn main() -> ExitCode {
    let line = Line::parse();
    process::log("info");
    match process::forbid_core_dumps().and_then(|()| command::run(&line.arguments)) {
        Ok(code) => code,
        Err(error) => {
            let _closed = writeln!(std::io::stderr(), "eyesonly-storm: {error:#}");
            ExitCode::FAILURE
        }
    }
}
