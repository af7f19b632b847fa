//! The subcommands about the key-encryption key.

use crate::commands::say;
use anyhow::bail;
use clap::Subcommand;
use eyesonly::config::Config;
use eyesonly::edge;
use eyesonly::keyring::{By, KEK_NEXT_VARIABLE, KEK_VARIABLE, Keyring, opens};
use serde_json::json;
use std::path::{Path, PathBuf};

/// What is done with the key-encryption key.
#[derive(Subcommand)]
pub enum KeysCommand {
    /// Wrap every household's key anew with another key-encryption key, and end the old one.
    ///
    /// From then on, nobody who has the new key alone can open a copy of the keyring from before:
    /// what was deleted by then stays closed. It does not help against a copy of the old key. The
    /// new key is made in the data folder; keep a copy of it elsewhere. Where EYESONLY_KEK brings
    /// the key, EYESONLY_KEK_NEXT has to bring the new one, here and to `serve`. `serve` may run
    /// meanwhile. Killed in the middle, it is ended by the next command or start.
    Rotate,
    /// Say whether today's key-encryption key opens a keyring, such as one from a backup.
    Which {
        /// The keyring: a file `keyring.json`.
        file: PathBuf,
    },
}

/// Runs a subcommand in the data folder that the configuration names.
pub fn run(config: &Config, file: &Path, command: &KeysCommand, json: bool) -> anyhow::Result<()> {
    let folder = &config.data;
    if !edge::is_installed(folder) {
        bail!(
            "{}: there is no installation in this folder; set `data` in {} to the folder that has \
             it",
            folder.display(),
            file.display()
        );
    }
    match command {
        KeysCommand::Rotate => rotate(folder, json),
        KeysCommand::Which { file } => which(folder, file, json),
    }
}

fn rotate(folder: &Path, json: bool) -> anyhow::Result<()> {
    let rotated = Keyring::open(folder)?.rotate()?;
    let by_file = rotated.by == By::File;
    say(json, &json!({ "households": rotated.households, "key_in_file": by_file }), || {
        let households = rotated.households;
        if by_file {
            format!(
                "the keys of {households} households are wrapped with a new key-encryption key, \
                 in {}. Keep a copy of it elsewhere, and make a backup now: older ones don't open \
                 with it.",
                folder.join("kek").display()
            )
        } else {
            format!(
                "the keys of {households} households are wrapped with {KEK_NEXT_VARIABLE}. Give \
                 `serve` this value as {KEK_VARIABLE} from its next start on, destroy the old one, \
                 and make a backup now: older ones don't open with it."
            )
        }
    })
}

fn which(folder: &Path, file: &Path, json: bool) -> anyhow::Result<()> {
    let opens = opens(folder, file)?;
    say(json, &json!({ "opens": opens }), || {
        let shown = file.display();
        if opens {
            format!("today's key-encryption key opens {shown}.")
        } else {
            format!(
                "today's key-encryption key does not open {shown}: it is from before a rotation, \
                 or another installation's. To restore that backup, put today's keyring beside it."
            )
        }
    })
}
