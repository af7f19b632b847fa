//! Verifying a log or an export, and writing an export.

use crate::commands::say;
use anyhow::{Context as _, ensure};
use eyesonly::ledger::copy::not_made;
use eyesonly::ledger::export::{self, Checked};
use eyesonly::ledger::read;
use eyesonly_gate::Keys;
use eyesonly_ledger::Folder;
use eyesonly_log::{Checkpoint, VerifyingKey};
use eyesonly_seal::HouseholdId;
use eyesonly_service::chain::Chain;
use serde_json::json;
use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The exit code where the log or the export is not whole.
const NOT_WHOLE: u8 = 3;

/// Writes an export of a household's entries.
pub fn export(
    keys: &dyn Keys,
    log: &Folder,
    household: HouseholdId,
    to: &Path,
    json: bool,
) -> anyhow::Result<()> {
    ensure!(
        read::faults(log, &[])?.is_empty(),
        "the ledger is not whole, so an export would not be; run `eyesonly ledger verify`"
    );
    let file = File::options().write(true).create_new(true).open(to);
    let mut file = BufWriter::new(file.map_err(|error| not_made(to, error))?);
    let written = export::write(log, keys, household, &mut file);
    if written.is_err() {
        // It is no whole export.
        let _ignored = std::fs::remove_file(to);
    }
    let entries = written?;
    file.get_ref().sync_all().with_context(|| to.display().to_string())?;
    let value = json!({ "entries": entries, "file": to });
    say(json, &value, || format!("{}: {entries} entries", to.display()))
}

/// Verifies the folder of a log, or the file of an export.
pub fn verify(
    folder: &Path,
    key: Option<&str>,
    since: &[PathBuf],
    json: bool,
) -> anyhow::Result<ExitCode> {
    let parsed = key.map(|text| VerifyingKey::parse(text.trim())).transpose();
    let key = parsed.context(
        "--key is no public key of a ledger; give the text that `eyesonly ledger key` says",
    )?;
    if folder.is_file() {
        ensure!(since.is_empty(), "--since is for the folder of a log, and this is an export");
        return verify_export(folder, key.as_ref(), json);
    }
    let key = match key {
        Some(key) => key,
        None => Folder::origin(folder)?,
    };
    let mut kept = Vec::new();
    for file in since {
        let note =
            std::fs::read(file).with_context(|| format!("{}: can't be read", file.display()))?;
        kept.push(Checkpoint::open(&note, &key).with_context(|| {
            format!(
                "{}: no checkpoint of this ledger, whose name is {}. If it was one, the ledger was \
                 begun anew since",
                file.display(),
                key.name()
            )
        })?);
    }
    let log = Folder::open(folder, &key)?;
    let faults = read::faults(&log, &kept)?;
    let size = log.checkpoint().size();
    let value = json!({ "entries": size, "faults": faults, "forgotten": log.oldest() });
    say(json, &value, || {
        if !faults.is_empty() {
            return format!(
                "the ledger is NOT whole:\n  {}\nKeep this folder as it is: it shows what was \
                 done. docs/running.md says what next.",
                faults.join("\n  ")
            );
        }
        let grown = kept.iter().map(|kept| format!("; it has grown from {} entries", kept.size()));
        let grown: String = grown.collect();
        format!("the ledger is whole: {size} entries, as its checkpoint says{grown}")
    })?;
    Ok(if faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(NOT_WHOLE) })
}

fn verify_export(file: &Path, key: Option<&VerifyingKey>, json: bool) -> anyhow::Result<ExitCode> {
    let read = File::open(file).with_context(|| format!("{}: can't be read", file.display()))?;
    let checked = export::verify(BufReader::new(read), key);
    let value = match &checked {
        Ok(checked) => json!(checked),
        Err(fault) => json!({ "faults": [Chain(fault).to_string()] }),
    };
    say(json, &value, || match &checked {
        Err(fault) => format!("the export is NOT as it was written: {}", Chain(fault)),
        Ok(Checked { household, key, entries, first, damaged, log_entries }) => {
            let before = match first {
                0 => String::new(),
                _ => format!(" ({first} before them are not in it)"),
            };
            let damaged = match damaged {
                0 => String::new(),
                _ => format!("; {damaged} of them do not open"),
            };
            format!(
                "the export has no gap: {entries} entries of household {household}{before}, in a \
                 log of {log_entries} entries with the key {key}{damaged}. What each entry says \
                 stands in `says` of its line"
            )
        }
    })?;
    // What does not open may say anything.
    let is_good = checked.is_ok_and(|checked| checked.damaged == 0);
    Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::from(NOT_WHOLE) })
}
