//! `check`: the checks that a change must pass before it is sent. The quick steps come first, so
//! that a slip shows early.
//!
//! It must never change a file, and each step says how to mend its failure.

use std::process::Command;
use std::time::Instant;

use anyhow::Result;

use crate::claim;
use crate::components;
use crate::features;
use crate::files;
use crate::spin;
use crate::tools::cargo_tool;
use crate::width;
use crate::workspace::{Workspace, execute, step};

/// The version that deny.toml was written for. In a newer one, a key may mean something else.
const DENY_VERSION: &str = "0.20.2";

/// The manifest of the fuzz targets, which are a workspace of their own. Their lints are the
/// compiler's, when they are built.
const FUZZ: &str = "fuzz/Cargo.toml";

/// Runs the steps until one fails.
///
/// Errors: a step failed. The error says how to mend it.
pub fn run_steps(workspace: &Workspace, steps: &[Step]) -> Result<()> {
    let mut times = Vec::new();
    for Step { title, action } in steps {
        step(title);
        let started = Instant::now();
        action(workspace)?;
        times.push(format!("{title}: {:.1} s", started.elapsed().as_secs_f64()));
    }
    eprintln!("\ncheck: ok\n   {}", times.join("\n   "));
    Ok(())
}

/// One thing that is checked.
pub struct Step {
    title: &'static str,
    action: fn(&Workspace) -> Result<()>,
}

/// Runs the steps of `cargo xtask check`. `quick`: those that compile nothing.
///
/// Errors: a step failed. The error says how to mend it.
pub fn run(workspace: &Workspace, quick: bool) -> Result<()> {
    let mut steps = vec![
        Step { title: "file headers", action: |workspace| files::check(&workspace.root) },
        Step { title: "the claim", action: |workspace| claim::check(&workspace.root) },
        Step { title: "width", action: |workspace| width::check(&workspace.root) },
        Step { title: "format", action: format },
        Step { title: "features", action: features::check },
        Step { title: "licences, bans, sources", action: deny },
    ];
    if !quick {
        steps.extend([
            Step { title: "lints", action: lints },
            Step { title: "lints of the handlers, for wasm", action: handler_lints },
            Step { title: "lints of the Spin edition's parts, for wasm", action: spin_lints },
            Step { title: "docs", action: docs },
        ]);
    }
    run_steps(workspace, &steps)
}

fn format(workspace: &Workspace) -> Result<()> {
    run_cargo(workspace, &["fmt", "--all", "--check"], "cargo fmt --all")?;
    let fuzz = ["fmt", "--manifest-path", FUZZ, "--check"];
    run_cargo(workspace, &fuzz, "cargo fmt --manifest-path fuzz/Cargo.toml")
}

fn lints(workspace: &Workspace) -> Result<()> {
    let arguments = ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];
    let mend = "follow clippy's message above; an exception is `#[expect(lint, reason = \"…\")]`";
    run_cargo(workspace, &arguments, mend)
}

fn handler_lints(workspace: &Workspace) -> Result<()> {
    let toolchain = components::toolchain()?;
    if !toolchain.has_clippy() {
        eprintln!(
            "   left out: Debian's compiler has no clippy for wasm. The lints for this machine's \
             target saw the same code."
        );
        return Ok(());
    }
    let mut cargo = workspace.cargo();
    cargo.args(["clippy", "--lib"]);
    eyesonly_build::guest_profile(&mut cargo);
    toolchain.apply(&mut cargo);
    for guest in workspace.handlers().into_iter().chain(workspace.test_guests()) {
        cargo.args(["--package", &guest.package]);
    }
    cargo.env(
        "CARGO_ENCODED_RUSTFLAGS",
        eyesonly_build::flags(&workspace.root, &eyesonly_build::FLAGS),
    );
    execute(cargo.args(["--", "-D", "warnings"]), "follow clippy's message above")
}

fn spin_lints(workspace: &Workspace) -> Result<()> {
    let mut cargo = workspace.cargo();
    cargo.args(["clippy", "--lib"]);
    spin::parts(workspace, &mut cargo)?;
    execute(cargo.args(["--", "-D", "warnings"]), "follow clippy's message above")
}

fn docs(workspace: &Workspace) -> Result<()> {
    let mut cargo = workspace.cargo();
    cargo.args(["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-Dwarnings");
    execute(
        &mut cargo,
        "follow rustdoc's message above: most often a link to something that is private or gone",
    )
}

fn deny(workspace: &Workspace) -> Result<()> {
    let program = cargo_tool(workspace, "cargo-deny", DENY_VERSION)?;
    for manifest in ["Cargo.toml", FUZZ] {
        let mut deny = Command::new(&program);
        deny.current_dir(&workspace.root)
            .args(["--log-level", "error", "--manifest-path", manifest])
            .args(["check", "bans", "licenses", "sources"]);
        execute(&mut deny, "take another crate, or change deny.toml with the reason beside it")?;
    }
    Ok(())
}

fn run_cargo(workspace: &Workspace, arguments: &[&str], mend: &str) -> Result<()> {
    execute(workspace.cargo().args(arguments), mend)
}
