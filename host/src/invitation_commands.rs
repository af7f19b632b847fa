//! The subcommands about invitations.

use crate::commands::{note_if_empty, say};
use crate::people::{Seen, find, kinds_of, name_of, told_kinds};
use crate::time;
use clap::Subcommand;
use eyesonly::ledger::words::shown;
use eyesonly_rights::Window;
use eyesonly_seal::{CameraId, CredentialId, HouseholdId};
use eyesonly_service::admin::{Admin, HouseholdRecord, Offer};
use eyesonly_service::clock;
use serde_json::json;
use std::time::SystemTime;

/// What is done with invitations.
#[derive(Subcommand)]
pub enum InvitationCommand {
    /// Make an invitation and print its token, only this once. Whoever opens `/join#TOKEN` in a
    /// browser may ask, once; they see nothing until an owner or you confirm them.
    Add {
        /// The household's id.
        #[arg(long)]
        household: HouseholdId,
        /// A camera's id; several times for several cameras.
        #[arg(long, required = true)]
        camera: Vec<CameraId>,
        /// What may be seen.
        #[arg(long, value_delimiter = ',', default_value = "live,events,clips")]
        kinds: Vec<Seen>,
        /// Footage from before they are confirmed, too.
        #[arg(long)]
        past: bool,
        /// End the shares at this time, such as 2026-01-31T17:30:00Z.
        #[arg(long, value_name = "TIME", value_parser = time)]
        ends: Option<SystemTime>,
        /// Only for this viewer, an id or a login name, who needs no confirmation.
        #[arg(long)]
        viewer: Option<String>,
        /// The hours for which the invitation holds; 72 unless given.
        #[arg(long, value_name = "1..720")]
        hours: Option<u64>,
    },
    /// List a household's invitations, and who asked with them.
    List {
        /// The household's id.
        #[arg(long)]
        household: HouseholdId,
    },
    /// Confirm who asked. The shares start now.
    Confirm {
        /// The household's id.
        #[arg(long)]
        household: HouseholdId,
        /// The viewer who asked, by id or login name.
        #[arg(long)]
        viewer: String,
        /// The invitation's id.
        invitation: CredentialId,
    },
    /// Take an invitation back, and refuse who asked with it.
    Remove {
        /// The household's id.
        #[arg(long)]
        household: HouseholdId,
        /// The invitation's id.
        invitation: CredentialId,
    },
}

/// Runs a subcommand.
pub async fn run(admin: &Admin, command: InvitationCommand, json: bool) -> anyhow::Result<()> {
    match command {
        InvitationCommand::Add { household, camera, kinds, past, ends, viewer, hours } => {
            let viewer = match viewer {
                Some(viewer) => Some(find(admin, &viewer).await?),
                None => None,
            };
            let expires_at_seconds = ends.map(|at| clock::milliseconds_of(at) / 1000);
            let (kinds, window) = (kinds_of(&kinds), Window::default());
            let offer = Offer { cameras: camera, kinds, window, past, expires_at_seconds, viewer };
            let seconds = hours.map(|hours| hours.saturating_mul(3600));
            let made = admin.invite(household, offer, seconds).await?;
            let value = json!({
                "invitation": made.invitation, "token": *made.token,
                "until_seconds": made.until_seconds
            });
            say(json, &value, || {
                let until = shown(made.until_seconds.saturating_mul(1000));
                format!(
                    "invitation {} holds until {until}. Its address, shown only this once, is your \
                     edge's own and\n  /join#{}",
                    made.invitation, *made.token
                )
            })
        }
        InvitationCommand::List { household } => list(admin, household, json).await,
        InvitationCommand::Confirm { household, viewer, invitation } => {
            let viewer = find(admin, &viewer).await?;
            admin.confirm(household, invitation, viewer).await?;
            say(json, &json!({ "invitation": invitation, "confirmed": viewer }), || {
                format!("viewer {viewer} has what invitation {invitation} offered")
            })
        }
        InvitationCommand::Remove { household, invitation } => {
            admin.withdraw(household, invitation).await?;
            say(json, &json!({ "removed": invitation }), || {
                format!("invitation {invitation} is taken back")
            })
        }
    }
}

async fn list(admin: &Admin, household: HouseholdId, json: bool) -> anyhow::Result<()> {
    let home: HouseholdRecord = admin.read(household.as_bytes(), "household").await?;
    let invitations = home.in_force(clock::now_seconds()).invitations;
    note_if_empty(json, &invitations, "this household has no invitation that holds");
    for invitation in invitations {
        let asked = match &invitation.request {
            None => "nobody has asked".to_owned(),
            Some(request) => {
                let who = name_of(admin, request.viewer).await?;
                let state = if request.confirmed { "was confirmed" } else { "waits" };
                format!("{who} ({}) {state}", request.viewer)
            }
        };
        say(json, &json!(invitation), || {
            let until = shown(invitation.until_seconds.saturating_mul(1000));
            let cameras: Vec<String> =
                invitation.offer.cameras.iter().map(ToString::to_string).collect();
            let (offer, kinds) = (&invitation.offer, told_kinds(&invitation.offer.kinds));
            let past = if offer.past { ", and what was before" } else { "" };
            let ends = match offer.expires_at_seconds {
                Some(at) => format!("until {}", shown(at.saturating_mul(1000))),
                None => "until it is taken back".to_owned(),
            };
            format!(
                "{}  {}: {kinds}{past}, {ends}; the invitation holds until {until}; {asked}",
                invitation.invitation,
                cameras.join(", ")
            )
        })?;
    }
    Ok(())
}
