//! The subcommand `incident`.

use crate::commands::{note, say};
use crate::place::Kept;
use crate::time;
use anyhow::ensure;
use clap::{Args, ValueEnum};
use eyesonly::incident::{self, Asked, letters, report};
use eyesonly::ledger::read::Span;
use eyesonly_gate::ledger::Seam;
use eyesonly_seal::CameraId;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::SystemTime;

/// The exit code where the lists may lack something.
const NOT_COMPLETE: u8 = 3;

/// The arguments of `eyesonly incident`.
#[derive(Args)]
pub struct IncidentArguments {
    /// The beginning of the time to look at, such as 2026-01-31T17:30:00Z.
    #[arg(long, value_name = "TIME", value_parser = time)]
    from: Option<SystemTime>,
    /// The end of the time to look at.
    #[arg(long, visible_alias = "to", value_name = "TIME", value_parser = time)]
    until: Option<SystemTime>,
    /// Of the answers that were rejected, count only those of this seam, such as `registry`.
    #[arg(long, value_parser = seam)]
    seam: Option<Seam>,
    /// Judge only what is of this camera.
    #[arg(long)]
    camera: Option<CameraId>,
    /// How the report is written.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Write a letter for each account into this new folder. Each ends with a line for your name.
    /// None are written if the lists may lack something.
    #[arg(long, value_name = "FOLDER", conflicts_with = "camera")]
    letters: Option<PathBuf>,
    /// Write letters even if the lists may lack something. They say so, and the exit code is 3 all
    /// the same.
    #[arg(long, requires = "letters")]
    incomplete: bool,
    /// The folder of your own templates of letters: `not-affected.txt`, `shown.txt`, `received.txt`
    /// and `opened.txt`. What is not there is taken from Eyesonly.
    #[arg(long, value_name = "FOLDER", requires = "letters")]
    templates: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// For a terminal.
    Table,
    /// A line for each account and each of its groups.
    Csv,
    /// All that is known.
    Json,
    /// A page that prints.
    Html,
}

fn seam(text: &str) -> Result<Seam, String> {
    let found = Seam::ALL.iter().find(|(_, name)| *name == text);
    found.map(|(seam, _)| *seam).ok_or_else(|| {
        let names: Vec<_> = Seam::ALL.iter().map(|(_, name)| *name).collect();
        format!("there is no such seam; they are {}", names.join(", "))
    })
}

/// Writes the report of a ledger.
pub async fn run(kept: &Kept, asked: &IncidentArguments, json: bool) -> anyhow::Result<ExitCode> {
    let IncidentArguments { from, until, seam, camera, format, letters, incomplete, templates } =
        asked;
    if let (Some(from), Some(until)) = (from, until) {
        ensure!(from <= until, "--from is after --until, so there is nothing between them");
    }
    // A letter must not say of a time to come that nothing happened in it.
    ensure!(
        until.is_none_or(|until| until <= SystemTime::now()),
        "--until is in the future, and nobody knows what comes: without it, the report goes until \
         now"
    );
    let (log, today) = incident::open(&kept.admin, &kept.data).await?;
    let asked = Asked { span: Span { from: *from, until: *until }, seam: *seam, camera: *camera };
    let mut report = incident::report(&log, &*kept.keys, &today, &asked)?;
    incident::name(&kept.admin, &mut report).await?;
    let value = serde_json::to_value(&report)?;
    let text = match format {
        _ if json => String::new(),
        Format::Table => report::text(&report),
        Format::Csv => report::csv(&report)?.trim_end().to_owned(),
        Format::Json => value.to_string(),
        Format::Html => report::html(&report)?,
    };
    if let Some(folder) = letters {
        if report.is_complete() || *incomplete {
            let count = letters::write(&report, folder, templates.as_deref())?;
            note(&format!("{}: {count} letters", folder.display()));
        } else {
            note(
                "the lists may lack something, so no letters were written: nobody can be told \
                 that they are not affected. The report says why; --incomplete writes letters \
                 that say so too",
            );
        }
    }
    say(json, &value, || text)?;
    Ok(if report.is_complete() { ExitCode::SUCCESS } else { ExitCode::from(NOT_COMPLETE) })
}
