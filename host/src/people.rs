//! The subcommands about people: viewers, who belongs to a household, and what is shared.

use crate::commands::{confirm, note_if_empty, say};
use crate::invitation_commands::{self, InvitationCommand};
use crate::time;
use anyhow::{Context as _, bail};
use clap::{Args, Subcommand, ValueEnum};
use eyesonly::ledger::words::shown;
use eyesonly_rights::{Action, CameraRecord, Kinds, Role, ViewerRecord, Window};
use eyesonly_seal::{CameraId, HouseholdId, ViewerId};
use eyesonly_service::admin::{Admin, AdminError, HouseholdRecord, Member, Share, Why};
use eyesonly_service::clock;
use eyesonly_service::identity::{PASSWORD_BYTES_MAX, PASSWORD_BYTES_MIN, PasswordError};
use serde_json::json;
use std::io::{IsTerminal as _, Read as _};
use std::time::SystemTime;
use zeroize::Zeroizing;

/// What is done with viewers.
#[derive(Subcommand)]
pub enum ViewerCommand {
    /// Add a viewer, who owns the household's cameras, or sees nothing yet without a household. The
    /// password (10 to 256 bytes) is asked for, or read from standard input.
    Add {
        /// The household's id.
        #[arg(long)]
        household: Option<HouseholdId>,
        /// The login name.
        #[arg(long)]
        name: String,
        /// What the viewer is to the household. Other roles: `eyesonly member set`.
        #[arg(long, default_value = "owner", value_parser = ["owner"])]
        role: String,
        /// Read the password from standard input, without asking.
        #[arg(long)]
        password_stdin: bool,
    },
    /// List viewers.
    List,
    /// Set a viewer's new password (10 to 256 bytes), asked for or read from standard input. All
    /// sessions of the viewer end.
    Password {
        /// Their id or login name.
        viewer: String,
        /// Read the password from standard input, without asking.
        #[arg(long)]
        password_stdin: bool,
    },
    /// Remove a viewer: their sessions stop working with the next request.
    Remove {
        /// Their id or login name.
        viewer: String,
        /// Do not ask. Without a terminal nothing is asked.
        #[arg(long)]
        yes: bool,
    },
}

/// What is done with those who belong to a household.
#[derive(Subcommand)]
pub enum MemberCommand {
    /// Give a viewer a role in a household, or another role.
    Set {
        /// The household's id.
        #[arg(long)]
        household: HouseholdId,
        /// The viewer's id or login name.
        #[arg(long)]
        viewer: String,
        /// An owner sees and deletes everything. A member sees what is shared with them. An
        /// installer sees live pictures for some hours.
        #[arg(long)]
        role: Belongs,
        /// An installer's hours.
        #[arg(long, value_name = "1..48")]
        hours: Option<u64>,
    },
    /// List who belongs to a household.
    List {
        /// The household's id.
        #[arg(long)]
        household: HouseholdId,
    },
    /// Take a viewer's membership, with what was shared with them. The account stays.
    Remove {
        /// The household's id.
        #[arg(long)]
        household: HouseholdId,
        /// The viewer's id or login name.
        #[arg(long)]
        viewer: String,
    },
}

/// The roles of those who belong to a household.
#[derive(Clone, Copy, ValueEnum)]
pub enum Belongs {
    /// An owner.
    Owner,
    /// A member.
    Member,
    /// An installer.
    Installer,
}

/// What is done with shares.
#[derive(Subcommand)]
pub enum ShareCommand {
    /// Share a camera with a viewer. What was shared of it with them before is replaced.
    ///
    /// It holds from the next request on, and what is under way outside of it is cut.
    Add {
        /// The camera's id.
        #[arg(long)]
        camera: CameraId,
        /// The viewer's id or login name.
        #[arg(long)]
        viewer: String,
        /// What may be seen.
        #[arg(long, value_delimiter = ',', default_value = "live,events,clips")]
        kinds: Vec<Seen>,
        /// Only footage of this time and later, such as 2026-01-31T17:30:00Z; without it, only
        /// footage from now on.
        #[arg(long, value_name = "TIME", value_parser = time, conflicts_with = "past")]
        from: Option<SystemTime>,
        /// Footage from before, too.
        #[arg(long)]
        past: bool,
        /// Only footage of this time and earlier.
        #[arg(long, value_name = "TIME", value_parser = time)]
        until: Option<SystemTime>,
        /// End the share at this time.
        #[arg(long, value_name = "TIME", value_parser = time)]
        ends: Option<SystemTime>,
    },
    /// Invitations: sharing with somebody who asks with a token.
    #[command(subcommand)]
    Invitation(InvitationCommand),
    /// List what a household shares.
    List {
        /// The household's id.
        #[arg(long)]
        household: HouseholdId,
    },
    /// Take back what is shared of a camera with a viewer.
    Remove {
        /// The camera's id.
        #[arg(long)]
        camera: CameraId,
        /// The viewer's id or login name.
        #[arg(long)]
        viewer: String,
    },
}

/// What can be shared.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Seen {
    /// The newest still and the live picture.
    Live,
    /// Events and their stills.
    Events,
    /// The videos of events.
    Clips,
}

/// What a decision is asked about.
#[derive(Args)]
pub struct WhyArguments {
    /// The viewer's id or login name.
    viewer: String,
    /// The camera's id.
    camera: CameraId,
    /// What they want to do.
    #[arg(default_value = "live")]
    kind: Wanted,
    /// The time of the footage, such as 2026-01-31T17:30:00Z.
    #[arg(value_parser = time)]
    time: Option<SystemTime>,
}

/// What a viewer may want to do.
#[derive(Clone, Copy, ValueEnum)]
pub enum Wanted {
    /// See the newest still and the live picture.
    Live,
    /// See events and their stills.
    Events,
    /// See the videos of events.
    Clips,
    /// Delete events.
    Delete,
}

/// Finds a viewer by id or login name.
pub async fn find(admin: &Admin, text: &str) -> anyhow::Result<ViewerId> {
    match ViewerId::parse(text) {
        Ok(id) => Ok(id),
        Err(_) => Ok(admin.viewer_of(text).await?),
    }
}

/// Returns a viewer's login name, for lists.
pub async fn name_of(admin: &Admin, viewer: ViewerId) -> anyhow::Result<String> {
    match admin.read::<ViewerRecord>(viewer.as_bytes(), "viewer").await {
        Ok(record) => Ok(record.name),
        Err(AdminError::Absent(_)) => Ok("removed".to_owned()),
        Err(error) => Err(error.into()),
    }
}

pub async fn viewer(admin: &Admin, command: ViewerCommand, json: bool) -> anyhow::Result<()> {
    match command {
        ViewerCommand::Add { household, name, role: _, password_stdin } => {
            let id = admin.add_viewer(household, &name, &password(password_stdin)?).await?;
            say(json, &json!({ "viewer": id }), || format!("viewer {id}"))
        }
        ViewerCommand::List => list_viewers(admin, json).await,
        ViewerCommand::Password { viewer, password_stdin } => {
            let id = find(admin, &viewer).await?;
            let record: ViewerRecord = admin.read(id.as_bytes(), "viewer").await?;
            let name = record.name;
            admin.set_password(id, &password(password_stdin)?).await?;
            say(json, &json!({ "viewer": id, "name": name }), || {
                format!("viewer {name} ({id}) has a new password, and no session any more")
            })
        }
        ViewerCommand::Remove { viewer, yes } => {
            remove_viewer(admin, find(admin, &viewer).await?, yes, json).await
        }
    }
}

async fn list_viewers(admin: &Admin, json: bool) -> anyhow::Result<()> {
    let records = admin.list::<ViewerRecord>("viewer").await?;
    note_if_empty(json, &records, "there is no viewer; `eyesonly viewer add` adds one");
    for record in records {
        let (id, name, cameras, households) =
            (record.viewer, record.name, record.cameras.len(), record.households);
        let value =
            json!({ "viewer": id, "name": name, "households": households, "cameras": cameras });
        say(json, &value, || {
            let households: Vec<_> = households.iter().map(ToString::to_string).collect();
            let of = if households.is_empty() { "none".to_owned() } else { households.join(", ") };
            format!("{id}  {name}  (household {of}, cameras: {cameras})")
        })?;
    }
    Ok(())
}

async fn remove_viewer(admin: &Admin, id: ViewerId, yes: bool, json: bool) -> anyhow::Result<()> {
    let record: ViewerRecord = admin.read(id.as_bytes(), "viewer").await?;
    let (name, cameras) = (record.name, record.cameras.len());
    confirm(
        yes,
        &format!(
            "viewer {name} (cameras: {cameras}): they can't sign in any more, and their sessions \
             end."
        ),
    )?;
    admin.remove_viewer(id).await?;
    say(json, &json!({ "removed": id, "name": name }), || {
        format!("viewer {name} ({id}) is removed")
    })
}

pub async fn member(admin: &Admin, command: MemberCommand, json: bool) -> anyhow::Result<()> {
    match command {
        MemberCommand::Set { household, viewer, role, hours } => {
            let viewer = find(admin, &viewer).await?;
            let role = match role {
                Belongs::Owner => Role::Owner,
                Belongs::Member => Role::Member,
                Belongs::Installer => Role::Installer,
            };
            let seconds = hours.map(|hours| hours.saturating_mul(3600));
            admin.set_member(household, viewer, role, seconds).await?;
            let value = json!({ "household": household, "viewer": viewer, "role": role });
            let role = name(role);
            say(json, &value, || format!("viewer {viewer} is {role} of household {household}"))
        }
        MemberCommand::List { household } => {
            let home: HouseholdRecord = admin.read(household.as_bytes(), "household").await?;
            note_if_empty(json, &home.members, "nobody belongs to this household");
            for Member { viewer, role, until_seconds, .. } in home.members {
                let login = name_of(admin, viewer).await?;
                let value = json!({
                    "viewer": viewer,
                    "name": login,
                    "role": role,
                    "until_seconds": until_seconds
                });
                let (role, ends) = (name(role), ends(until_seconds));
                say(json, &value, || format!("{viewer}  {login}  ({role}{ends})"))?;
            }
            Ok(())
        }
        MemberCommand::Remove { household, viewer } => {
            let viewer = find(admin, &viewer).await?;
            admin.remove_member(household, viewer).await?;
            say(json, &json!({ "household": household, "removed": viewer }), || {
                format!("viewer {viewer} does not belong to household {household} any more")
            })
        }
    }
}

pub async fn share(admin: &Admin, command: ShareCommand, json: bool) -> anyhow::Result<()> {
    match command {
        ShareCommand::Add { camera, viewer, kinds, from, past, until, ends } => {
            let viewer = find(admin, &viewer).await?;
            let kinds = kinds_of(&kinds);
            let from = from.map_or_else(clock::now_milliseconds, clock::milliseconds_of);
            let window = Window {
                from_milliseconds: (!past).then_some(from),
                until_milliseconds: until.map(clock::milliseconds_of),
            };
            let expires_at_seconds = ends.map(|at| clock::milliseconds_of(at) / 1000);
            let share = Share { camera, viewer, giver: None, kinds, window, expires_at_seconds };
            admin.share(share.clone()).await?;
            let what = told_share(&share);
            say(json, &json!(share), || {
                format!("camera {camera} is shared with viewer {viewer}: {what}")
            })
        }
        ShareCommand::Invitation(command) => invitation_commands::run(admin, command, json).await,
        ShareCommand::List { household } => {
            let home: HouseholdRecord = admin.read(household.as_bytes(), "household").await?;
            note_if_empty(json, &home.shares, "this household shares nothing");
            for share in home.shares {
                let login = name_of(admin, share.viewer).await?;
                let camera: CameraRecord = admin.read(share.camera.as_bytes(), "camera").await?;
                let what = told_share(&share);
                say(json, &json!(share), || {
                    format!("{}  {}  with {login}: {what}", share.camera, camera.name)
                })?;
            }
            Ok(())
        }
        ShareCommand::Remove { camera, viewer } => {
            let viewer = find(admin, &viewer).await?;
            admin.unshare(camera, viewer).await?;
            say(json, &json!({ "camera": camera, "removed": viewer }), || {
                format!("camera {camera} isn't shared with viewer {viewer} any more")
            })
        }
    }
}

/// Returns the kinds that are named.
pub fn kinds_of(named: &[Seen]) -> Kinds {
    let has = |kind| named.contains(&kind);
    Kinds { live: has(Seen::Live), events: has(Seen::Events), clips: has(Seen::Clips) }
}

/// Explains a decision.
pub async fn why(admin: &Admin, asked: &WhyArguments, json: bool) -> anyhow::Result<()> {
    let viewer = find(admin, &asked.viewer).await?;
    let action = match asked.kind {
        Wanted::Live => Action::Live,
        Wanted::Events => Action::Events,
        Wanted::Clips => Action::Clips,
        Wanted::Delete => Action::Delete,
    };
    let time = asked.time.map(clock::milliseconds_of);
    let why = admin.why(viewer, asked.camera, action, time).await?;
    let may = matches!(why, Why::May { .. });
    let reason = reason(&why);
    say(json, &json!({ "may": may, "reason": reason }), || {
        format!("{}: {reason}", if may { "yes" } else { "no" })
    })
}

fn reason(why: &Why) -> String {
    match why {
        Why::May { role, window, until_seconds } => {
            let (role, ends) = (name(*role), ends(*until_seconds));
            format!("their right is that of {role}{ends}, to {}", told_window(window))
        }
        Why::NoCamera => "there is no such camera".to_owned(),
        Why::Ended => "the camera's enrolment has ended, so nobody has a right to it".to_owned(),
        Why::NotShared { household, belongs: true } => {
            format!("they belong to {household}, but this camera isn't shared with them")
        }
        Why::NotShared { household, belongs: false } => {
            format!(
                "they don't belong to {household}, whose camera it is, and it isn't shared with \
                 them"
            )
        }
        Why::Over { role, at_seconds: Some(at) } => {
            let (role, at) = (name(*role), shown(at.saturating_mul(1000)));
            format!("their right as {role} ended at {at}")
        }
        Why::Over { role, at_seconds: None } => {
            format!("their right as {} ended with their membership", name(*role))
        }
        Why::OtherKinds { role, kinds } => {
            format!("their right is that of {}, to {}", name(*role), told_kinds(kinds))
        }
        Why::OtherTime { window } => format!("their right is to {}", told_window(window)),
    }
}

fn name(role: Role) -> &'static str {
    match role {
        Role::Owner => "an owner",
        Role::Member => "a member",
        Role::Guest => "a guest",
        Role::Installer => "an installer",
    }
}

fn ends(until_seconds: Option<u64>) -> String {
    until_seconds
        .map(|at| format!(", until {}", shown(at.saturating_mul(1000))))
        .unwrap_or_default()
}

/// Says which kinds these are.
pub fn told_kinds(kinds: &Kinds) -> String {
    let kinds = [(kinds.live, "live"), (kinds.events, "events"), (kinds.clips, "clips")];
    let named: Vec<&str> = kinds.iter().filter(|kind| kind.0).map(|kind| kind.1).collect();
    if named.is_empty() { "nothing".to_owned() } else { named.join(", ") }
}

fn told_window(window: &Window) -> String {
    match (window.from_milliseconds, window.until_milliseconds) {
        (None, None) => "footage of any time".to_owned(),
        (Some(from), None) => format!("footage since {}", shown(from)),
        (None, Some(until)) => format!("footage until {}", shown(until)),
        (Some(from), Some(until)) => {
            format!("footage from {} until {}", shown(from), shown(until))
        }
    }
}

fn told_share(share: &Share) -> String {
    let (kinds, window) = (told_kinds(&share.kinds), told_window(&share.window));
    let ends = match share.expires_at_seconds {
        Some(at) => format!("the share ends {}", shown(at.saturating_mul(1000))),
        None => "the share holds until it is taken back".to_owned(),
    };
    format!("{kinds}; {window}; {ends}")
}

/// Reads the first line of standard input. A person at a terminal gets a prompt, and the text is
/// not echoed.
fn password(quietly: bool) -> anyhow::Result<Zeroizing<String>> {
    let stdin = std::io::stdin();
    if stdin.is_terminal() && !quietly {
        let ask = |prompt| rpassword::prompt_password(prompt).map(Zeroizing::new);
        let first = ask("Password (10 to 256 bytes): ").context("no password was read")?;
        if !(PASSWORD_BYTES_MIN..=PASSWORD_BYTES_MAX).contains(&first.len()) {
            bail!(PasswordError::Length);
        }
        let again = ask("The same again: ").context("no password was read")?;
        if first != again {
            bail!("the two are not the same; nothing was changed");
        }
        return Ok(first);
    }
    let mut text = Zeroizing::new(String::new());
    stdin.lock().take(4096).read_to_string(&mut text).context("no password on standard input")?;
    Ok(Zeroizing::new(text.lines().next().unwrap_or_default().to_owned()))
}
