//! The subcommands about the key-encryption key.

use crate::commands::{say, spin_kek, spin_values};
use anyhow::{anyhow, bail};
use clap::Subcommand;
use eyesonly::config::Config;
use eyesonly::edge;
use eyesonly::keyring::{By, KEK_NEXT_VARIABLE, KEK_VARIABLE, opens};
use eyesonly_gate::KeysError;
use eyesonly_service::kv::KvKeys;
use serde_json::json;
use std::path::{Path, PathBuf};

/// What to do with the copy of a Spin store that today's key does not open.
const STORE_REMEDY: &str = "If a rotation of it was killed, run `keys rotate` again with both \
    keys. To restore it as a backup, put today's values of `key/` in it: docs/running.md says \
    how.";

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
    ///
    /// For a Spin store both variables are needed, and Spin answers 503 until it gets the new key.
    /// If it was killed, run it again: keep the old key until it has said that it is done.
    Rotate,
    /// Say whether today's key-encryption key opens a keyring, such as one from a backup.
    Which {
        /// The keyring: a file `keyring.json`. With --spin-store, the copy of a store.
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
        KeysCommand::Rotate => rotate(config, json),
        KeysCommand::Which { file } => which(folder, file, json),
    }
}

/// Runs a subcommand on the Spin edition's store.
pub fn run_in_store(store: &Path, command: &KeysCommand, json: bool) -> anyhow::Result<()> {
    let file = match command {
        KeysCommand::Rotate => store,
        KeysCommand::Which { file } => file,
    };
    if !file.exists() {
        bail!("{}: there is no such store", file.display());
    }
    let today = spin_kek(KEK_VARIABLE, "today's key-encryption key")?;
    let values = spin_values(file)?;
    if let KeysCommand::Which { .. } = command {
        return match KvKeys::opens(&*values, &today) {
            Ok(opens) => say_which(file, STORE_REMEDY, opens, json),
            Err(KeysError::WrongKey) => say_which(file, STORE_REMEDY, false, json),
            Err(KeysError::NoKey) => bail!("{}: no store of an installation", file.display()),
            Err(KeysError::Unavailable(why)) => {
                Err(anyhow::Error::from_boxed(why).context(file.display().to_string()))
            }
        };
    }
    let next = spin_kek(KEK_NEXT_VARIABLE, "the new key-encryption key")?;
    let rotated = KvKeys::rotate(&*values, &today, &next).map_err(|error| match error {
        KeysError::NoKey => anyhow!("{}: this store was not started", store.display()),
        KeysError::WrongKey => anyhow!(
            "{}: a key in this store opens neither with {KEK_VARIABLE} nor with \
             {KEK_NEXT_VARIABLE}. Set {KEK_VARIABLE} to the key that Spin gets as \
             `key_encryption_key` today, and run this again.",
            store.display()
        ),
        KeysError::Unavailable(why) => {
            anyhow::Error::from_boxed(why).context(store.display().to_string())
        }
    });
    let (households, wrapped) = rotated?;
    let value = json!({ "households": households, "key_in_file": false, "wrapped": wrapped });
    say(json, &value, || {
        if wrapped == 0 {
            return format!(
                "nothing was changed: all keys are wrapped with {KEK_NEXT_VARIABLE} already. If \
                 you did not rotate before, the two variables are swapped."
            );
        }
        format!(
            "the keys of {households} households are wrapped with {KEK_NEXT_VARIABLE}. Give Spin \
             this value as `key_encryption_key` now: until then it answers 503. Destroy the old \
             one, and make a backup: older ones don't open with it."
        )
    })
}

fn rotate(config: &Config, json: bool) -> anyhow::Result<()> {
    let folder = &config.data;
    // Without its keyring the folder is refused: a new one would take the key along.
    let rotated = edge::open_data(config)?.keyring.rotate()?;
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
    say_which(
        file,
        "To restore that backup, put today's keyring beside it.",
        opens(folder, file)?,
        json,
    )
}

fn say_which(file: &Path, remedy: &str, opens: bool, json: bool) -> anyhow::Result<()> {
    say(json, &json!({ "opens": opens }), || {
        let shown = file.display();
        if opens {
            format!("today's key-encryption key opens {shown}.")
        } else {
            format!(
                "today's key-encryption key does not open {shown}: it is from before a rotation, \
                 or another installation's. {remedy}"
            )
        }
    })
}
