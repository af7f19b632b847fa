//! `cargo xtask <task>`: build, check, test, fuzz, demo, storm, bench.
//!
//! This file parses the command line and calls the module that does the work. It must never do the
//! work itself. No task may need a tool that the task does not get by itself or name in its error.

mod bench;
mod check;
mod claim;
mod client;
mod components;
mod demo;
mod dist;
mod features;
mod files;
mod fuzz;
mod mutants;
mod package;
mod spin;
mod storm;
mod test;
mod tools;
mod width;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::workspace::Workspace;

#[derive(Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    about = "Tasks of the Eyesonly repository.",
    after_help = "On a fresh machine with Rust, start with `cargo xtask demo`.\n\
        Before a change is sent: `cargo xtask check` and `cargo xtask test`."
)]
struct CommandLine {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Builds the handlers and test guests for wasm, makes components of them, and builds the host.
    ///
    /// Components go to target/components/, test guests to target/components/guests/. The wasm
    /// target is fetched when it is missing.
    Build {
        /// Builds the host with the release profile. (Components always have their own profile,
        /// `guest`.)
        #[arg(long, conflicts_with = "spin")]
        release: bool,
        /// Builds the Spin edition instead: one composed component,
        /// target/components/spin/eyesonly.wasm.
        #[arg(long)]
        spin: bool,
    },
    /// Format, line widths, lints, docs, licences, bans and file headers: what must hold before a
    /// change is sent.
    Check {
        /// Leaves out the lints and the docs, which compile everything.
        #[arg(long)]
        quick: bool,
    },
    /// Builds, then runs every test: units, doc tests, the components' imports, and the suites of
    /// the package eyesonly-tests.
    ///
    /// Uses cargo-nextest where it is installed. With CI=true or --install, and as root on Debian,
    /// tools that tests need are installed by apt-get and nothing is skipped.
    Test(test::Arguments),
    /// Builds the fuzz targets of fuzz/ and runs each for some seconds. The first finding ends it.
    ///
    /// docs/fuzzing.md says what the targets are. A C++ compiler is needed, and no nightly.
    Fuzz(fuzz::Arguments),
    /// Builds, starts the edge with three households and their cameras, pushes stills and videos,
    /// and prints the logins.
    Demo(demo::Arguments),
    /// Replays the outage with every seam lying, against this system and a conventional one; a
    /// small one unless told otherwise.
    Storm(storm::Arguments),
    /// Changes trusted/ and the parsers in small ways, and asks each time whether a test fails.
    ///
    /// It takes about two hours on two cores. docs/mutants.md has the last result.
    Mutants(mutants::Arguments),
    /// Makes the packages of crates.io, the handlers inside, and unpacks them in
    /// target/package/unpacked/.
    Package(package::Arguments),
    /// Makes what is handed out, in target/dist/: a static binary, a Debian package, and the folder
    /// of a container image.
    Dist(dist::Arguments),
    /// Measures the whole path beside baselines (host code, nginx, libvips), on this machine;
    /// docs/bench.md says what each row means.
    Bench(bench::Arguments),
}

fn main() -> ExitCode {
    let command_line = CommandLine::parse();
    let outcome = Workspace::load().and_then(|workspace| match command_line.task {
        Task::Build { spin: true, .. } => spin::build(&workspace).map(|_| ()),
        Task::Build { release, .. } => components::build(&workspace, release).map(|_| ()),
        Task::Check { quick } => check::run(&workspace, quick),
        Task::Test(arguments) => test::run(&workspace, &arguments),
        Task::Fuzz(arguments) => fuzz::run(&workspace, &arguments),
        Task::Demo(arguments) => demo::run(&workspace, &arguments),
        Task::Storm(arguments) => storm::run(&workspace, &arguments),
        Task::Mutants(arguments) => mutants::run(&workspace, &arguments),
        Task::Package(arguments) => package::run(&workspace, &arguments),
        Task::Dist(arguments) => dist::run(&workspace, &arguments),
        Task::Bench(arguments) => bench::run(&workspace, &arguments),
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nxtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
