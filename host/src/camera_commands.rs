//! The subcommands about cameras.

use crate::commands::{confirm, note_if_empty, say};
use crate::time;
use clap::Subcommand;
use eyesonly::ledger::words::shown;
use eyesonly_rights::{CameraRecord, CameraState};
use eyesonly_seal::{CameraId, HouseholdId};
use eyesonly_service::admin::{Admin, Heard, HouseholdRecord, NewCamera};
use eyesonly_service::clock;
use serde_json::json;
use std::time::{Duration, SystemTime};

/// The offset below which a camera's clock counts as right: what a still takes on its way.
const CLOCK_IS_RIGHT: Duration = Duration::from_secs(30);

/// What is done with cameras.
#[derive(Subcommand)]
pub enum CameraCommand {
    /// Enrol a camera and print its credential, which is shown only this once.
    Add {
        /// The household's id.
        #[arg(long)]
        household: HouseholdId,
        /// What its people call it.
        #[arg(long)]
        name: String,
        /// The device's serial number, as a note.
        #[arg(long, default_value = "")]
        serial: String,
        /// Take footage of this time and later, up to 7 days ago, instead of now and later. Write
        /// the time as 2026-01-31T17:30:00Z.
        #[arg(long, value_name = "TIME", value_parser = time)]
        since: Option<SystemTime>,
    },
    /// List cameras.
    List,
    /// Give a camera a new credential and print it, only this once. The old one stops working with
    /// the next request; its footage stays.
    Credential {
        /// Its id.
        id: CameraId,
    },
    /// Switch a camera off, so that it hands in nothing, or on.
    Switch {
        /// Its id.
        id: CameraId,
        #[arg(value_parser = ["on", "off"])]
        state: String,
    },
    /// Hand a camera over to another household and print its new credential, only this once. It
    /// hands in nothing with the old one. Its people keep what was filmed before, and the other
    /// household sees what comes from now on.
    HandOver {
        /// Its id.
        id: CameraId,
        /// The other household's id.
        #[arg(long)]
        household: HouseholdId,
        /// What it is called there, unless its name stays.
        #[arg(long)]
        name: Option<String>,
        /// Do not ask. Without a terminal nothing is asked.
        #[arg(long)]
        yes: bool,
    },
    /// End a camera's enrolment: its credential stops working, nobody sees its footage any more,
    /// and the footage is deleted.
    Remove {
        /// Its id.
        id: CameraId,
        /// Do not ask. Without a terminal nothing is asked.
        #[arg(long)]
        yes: bool,
    },
}

pub async fn camera(admin: &Admin, command: CameraCommand, json: bool) -> anyhow::Result<()> {
    match command {
        CameraCommand::Add { household, name, serial, since } => {
            let since = since.map(clock::milliseconds_of);
            let new = admin.add_camera(household, &name, &serial, since).await?;
            say_credential(&new, json)
        }
        CameraCommand::List => list_cameras(admin, json).await,
        CameraCommand::Credential { id } => {
            say_credential(&admin.renew_credential(id).await?, json)
        }
        CameraCommand::Switch { id, state } => switch(admin, id, &state, json).await,
        CameraCommand::HandOver { id, household, name, yes } => {
            say_credential(&hand_over(admin, id, household, name, yes).await?, json)
        }
        CameraCommand::Remove { id, yes } => remove_camera(admin, id, yes, json).await,
    }
}

async fn hand_over(
    admin: &Admin,
    id: CameraId,
    household: HouseholdId,
    name: Option<String>,
    yes: bool,
) -> anyhow::Result<NewCamera> {
    let record: CameraRecord = admin.read(id.as_bytes(), "camera").await?;
    let to: HouseholdRecord = admin.read(household.as_bytes(), "household").await?;
    confirm(
        yes,
        &format!(
            "camera {}: its credential stops working. Its people keep what was filmed before, and \
             household {} gets what is filmed from now on.",
            record.name, to.name
        ),
    )?;
    Ok(admin.hand_over(id, household, &name.unwrap_or(record.name)).await?)
}

async fn switch(admin: &Admin, id: CameraId, state: &str, json: bool) -> anyhow::Result<()> {
    admin.switch(id, state == "on").await?;
    say(json, &json!({ "camera": id, "state": state }), || format!("camera {id} is {state}"))
}

fn say_credential(new: &NewCamera, json: bool) -> anyhow::Result<()> {
    let (id, credential) = (new.camera, new.credential.as_str());
    say(json, &json!({ "camera": id, "credential": credential }), || {
        format!(
            "camera {id}\ncredential {credential}\nThe credential is shown only now. Give it to \
             the camera and to nobody else."
        )
    })
}

async fn list_cameras(admin: &Admin, json: bool) -> anyhow::Result<()> {
    let records = admin.list::<CameraRecord>("camera").await?;
    note_if_empty(
        json,
        &records,
        "there is no camera; `eyesonly camera add` enrols one in a household",
    );
    for record in records {
        let CameraRecord { camera, household, name, serial, credential, state, .. } = record;
        let enrolled = credential.is_some();
        let heard = admin.heard(camera).await?;
        let value = json!({
            "camera": camera,
            "household": household,
            "name": name,
            "serial": serial,
            "enrolled": enrolled,
            "state": state,
            "heard_at_milliseconds": heard.map(|heard| heard.at_milliseconds),
            "clock_offset_milliseconds": heard.map(|heard| heard.offset_milliseconds)
        });
        say(json, &value, || {
            let state = match state {
                CameraState::Closed => "handed over".into(),
                CameraState::Off => "switched off".into(),
                CameraState::On if enrolled => heard.map_or("no still or event yet".into(), told),
                CameraState::On => "ended".into(),
            };
            format!("{camera}  {name}  (household {household}, {state})")
        })?;
    }
    Ok(())
}

/// Says when a camera last handed in a still or an event, and how its clock stands.
fn told(heard: Heard) -> String {
    let at = shown(heard.at_milliseconds);
    let offset = Duration::from_secs(heard.offset_milliseconds.unsigned_abs() / 1000);
    let clock = match heard.offset_milliseconds {
        _ if offset < CLOCK_IS_RIGHT => "clock right".into(),
        ..0 => format!("clock {} behind, or handed in late", humantime::format_duration(offset)),
        _ => format!("clock {} ahead", humantime::format_duration(offset)),
    };
    format!("last still or event {at}, {clock}")
}

async fn remove_camera(admin: &Admin, id: CameraId, yes: bool, json: bool) -> anyhow::Result<()> {
    let record: CameraRecord = admin.read(id.as_bytes(), "camera").await?;
    let name = record.name;
    // A camera that has ended is not removed again, and the error says so. So there is nothing to
    // ask.
    if record.credential.is_some() {
        confirm(
            yes,
            &format!(
                "camera {name}: it hands in nothing more, nobody sees its footage any more, and \
                 the footage is deleted."
            ),
        )?;
    }
    admin.remove_camera(id).await?;
    say(json, &json!({ "removed": id, "name": name }), || {
        format!("camera {name} ({id}) is removed")
    })
}
