//! Letters to the accounts of a report, by one template for each group.
//!
//! A template is text with fields in it, as `{{ name }}`. All letters are made before the first is
//! written, so a wrong template writes nothing.

use super::{Account, Exposure, Group, Report};
use crate::ledger::words::names::NO_CAMERA;
use crate::ledger::words::{handed, shown};
use eyesonly_gate::ledger::Handed;
use eyesonly_seal::CameraId;
use minijinja::{Environment, UndefinedBehavior, context};
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// The fields of a letter.
pub const FIELDS: [&str; 9] =
    ["name", "viewer", "from", "until", "cameras", "deliveries", "count", "deleted", "complete"];

/// The reason why letters can't be written.
#[derive(Debug, thiserror::Error)]
pub enum LetterError {
    /// A template can't be read.
    #[error("{}: the template can't be read", path.display())]
    Unreadable {
        /// The template's file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// A template has a field that no letter has.
    #[error(
        "the template {group}.txt has the field `{field}`, which no letter has. The fields are \
         {}", FIELDS.join(", ")
    )]
    Field {
        /// The group whose letter it is.
        group: &'static str,
        /// The field.
        field: String,
    },
    /// A template is none.
    #[error("the template {group}.txt can't be used")]
    Template {
        /// The group whose letter it is.
        group: &'static str,
        /// What is wrong with it.
        #[source]
        source: minijinja::Error,
    },
    /// The folder of the letters exists.
    #[error("{} is there already; choose another name, or remove it", path.display())]
    There {
        /// The folder.
        path: PathBuf,
    },
    /// A letter can't be written.
    #[error("{}: can't be written; what is there already stays as it is", path.display())]
    Write {
        /// The letter's file or folder.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
}

/// Returns the template of a group that is taken where the operator has none.
pub const fn template(group: Group) -> &'static str {
    match group {
        Group::NotAffected => include_str!("letters/not-affected.txt"),
        Group::Shown => include_str!("letters/shown.txt"),
        Group::Received => include_str!("letters/received.txt"),
        Group::Opened => include_str!("letters/opened.txt"),
    }
}

/// Writes a letter for each account and each of its groups: `FOLDER/GROUP/VIEWER.txt`. `folder`
/// must not exist. `templates` may have templates of the operator's own, `GROUP.txt`. Returns how
/// many letters there are.
///
/// # Errors
/// [`LetterError`]; of a template that is wrong, before anything is written.
pub fn write(
    report: &Report,
    folder: &Path,
    templates: Option<&Path>,
) -> Result<usize, LetterError> {
    let letters = make(report, templates)?;
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source: std::io::Error| match source.kind() {
            ErrorKind::AlreadyExists => LetterError::There { path },
            _ => LetterError::Write { path, source },
        }
    };
    std::fs::create_dir(folder).map_err(failed(folder))?;
    for group in Group::ALL {
        let of = folder.join(group.name());
        std::fs::create_dir(&of).map_err(failed(&of))?;
    }
    for (path, letter) in &letters {
        let path = folder.join(path);
        std::fs::write(&path, letter).map_err(failed(&path))?;
    }
    Ok(letters.len())
}

/// Makes all letters, each with its path in the folder.
fn make(report: &Report, templates: Option<&Path>) -> Result<Vec<(PathBuf, String)>, LetterError> {
    let mut letters = Vec::new();
    for group in Group::ALL {
        let text = text_of(group, templates)?;
        let failed = |source| LetterError::Template { group: group.name(), source };
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        let template = environment.template_from_named_str("letter.txt", &text).map_err(failed)?;
        let mut fields: Vec<String> = template.undeclared_variables(false).into_iter().collect();
        fields.sort();
        let is_unknown = |field: &String| !FIELDS.contains(&field.as_str());
        if let Some(field) = fields.into_iter().find(is_unknown) {
            return Err(LetterError::Field { group: group.name(), field });
        }
        for account in report.accounts.iter().filter(|account| account.groups.contains(&group)) {
            let letter = template.render(fields_of(report, account, group));
            let path = Path::new(group.name()).join(format!("{}.txt", account.viewer));
            letters.push((path, letter.map_err(failed)?));
        }
    }
    Ok(letters)
}

fn text_of(group: Group, templates: Option<&Path>) -> Result<String, LetterError> {
    let Some(folder) = templates else { return Ok(template(group).to_owned()) };
    // One that is not there must not mean other words to thousands of people.
    std::fs::read_dir(folder)
        .map_err(|source| LetterError::Unreadable { path: folder.to_owned(), source })?;
    let path = folder.join(format!("{}.txt", group.name()));
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(text),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(template(group).to_owned()),
        Err(source) => Err(LetterError::Unreadable { path, source }),
    }
}

fn fields_of(report: &Report, account: &Account, group: Group) -> minijinja::Value {
    // What would be the same line again is counted in the first.
    let mut lines: BTreeMap<(u64, &str, CameraId), Vec<&Exposure>> = BTreeMap::new();
    let (mut count, mut is_deleted) = (0_usize, false);
    for exposure in report.of(account, group) {
        let second = exposure.at_milliseconds / 1000;
        let line = (second, exposure.what.as_str(), exposure.camera);
        lines.entry(line).or_default().push(exposure);
        count = count.saturating_add(1);
        is_deleted |= exposure.handed == handed(Handed::Deletion);
    }
    let mut lines: Vec<Vec<&Exposure>> = lines.into_values().collect();
    lines.sort_by_key(|of| of.first().map(|first| first.entry));
    let deliveries: Vec<_> = lines.iter().filter_map(|of| line(of)).collect();
    context! {
        name => account.name.as_deref().unwrap_or("(account removed)"),
        viewer => account.viewer.to_string(),
        from => report.from.as_deref().unwrap_or("the beginning of our records"),
        until => report.until.as_deref().unwrap_or(&report.made),
        cameras => account.cameras,
        deliveries => deliveries,
        count => count,
        deleted => is_deleted,
        complete => report.is_complete(),
    }
}

/// Returns the fields of a line. Without deliveries there is none.
fn line(of: &[&Exposure]) -> Option<minijinja::Value> {
    let first = of.first()?;
    let add = |sum: u64, exposure: &&Exposure| Some(sum.saturating_add(exposure.bytes?));
    Some(context! {
        at => shown(first.at_milliseconds).to_string(),
        what => first.what.as_str(),
        camera => first.camera.to_string(),
        camera_name => first.camera_name.as_deref().unwrap_or(NO_CAMERA),
        bytes => of.iter().try_fold(0, add),
        count => of.len(),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed expectation is how a test fails")]
mod tests;
