//! The two files of a report, found to be writable before anything starts, and written when all is
//! over.
//!
//! A report is written under another name and then renamed. There must never be a half of one, nor
//! an empty one of a run that did not end.

use anyhow::{Context as _, bail};
use std::ffi::OsString;
use std::fs::Permissions;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// The mode of a report: it is for everybody who may read this user's other files.
const MODE: u32 = 0o666;

/// The report's files.
#[derive(Debug)]
pub struct Files {
    json: PathBuf,
    html: PathBuf,
}

impl Files {
    /// Finds the files that are meant by `--report`.
    ///
    /// # Errors
    /// They can't be written there; nothing is left behind.
    pub fn new(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        if path.is_dir()
            || path.file_name().is_none()
            || path.as_os_str().as_encoded_bytes().ends_with(b"/")
        {
            bail!(
                "--report: {shown:?} is a folder; give the beginning of two files' names, such as \
                 {:?}; nothing was started",
                path.join("storm").display().to_string()
            );
        }
        let files = Self { json: ending(path, ".json"), html: ending(path, ".html") };
        for path in [&files.json, &files.html] {
            if path.is_dir() {
                bail!(
                    "--report: {} can't be written, for it is a folder; nothing was started",
                    path.display()
                );
            }
            // This file goes at once: it only shows that one can be written.
            beside(path).with_context(|| {
                format!(
                    "--report: {} can't be written; give a name in a folder that is there and can \
                     be written to; nothing was started",
                    path.display()
                )
            })?;
        }
        Ok(files)
    }

    /// Writes the report's numbers.
    ///
    /// # Errors
    /// The file can't be written, or not any more.
    pub fn write_json(&self, report: &impl serde::Serialize) -> anyhow::Result<()> {
        write(&self.json, &serde_json::to_string_pretty(report)?)
    }

    /// Writes the report's page.
    ///
    /// # Errors
    /// The file can't be written, or not any more.
    pub fn write_html(&self, page: &str) -> anyhow::Result<()> {
        write(&self.html, page)
    }
}

/// Adds an ending: `storm-0.1` and `.json` are `storm-0.1.json`. A `.json` or `.html` that is there
/// already is replaced.
fn ending(path: &Path, ending: &str) -> PathBuf {
    let known = path.extension().is_some_and(|known| known == "json" || known == "html");
    let path = if known { path.with_extension("") } else { path.to_owned() };
    let mut name = OsString::from(path);
    name.push(ending);
    name.into()
}

/// Makes a file of another name in the same folder.
fn beside(path: &Path) -> std::io::Result<NamedTempFile> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    tempfile::Builder::new()
        .prefix(".eyesonly-storm-")
        .permissions(Permissions::from_mode(MODE))
        .tempfile_in(folder.unwrap_or(Path::new(".")))
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let written = || -> std::io::Result<()> {
        let mut file = beside(path)?;
        file.write_all(text.as_bytes())?;
        file.persist(path)?;
        Ok(())
    };
    written().with_context(|| {
        format!(
            "--report: {} can't be written; what the run counted is lost but for what is printed",
            path.display()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_are_added_and_never_replace_anything() {
        for (given, json) in [
            ("storm", "storm.json"),
            ("storm-0.1", "storm-0.1.json"),
            ("a/b.c/storm", "a/b.c/storm.json"),
            ("storm.json", "storm.json"),
            ("storm.html", "storm.json"),
        ] {
            assert_eq!(ending(Path::new(given), ".json"), Path::new(json), "{given}");
        }
    }

    #[test]
    fn nothing_is_there_before_the_end_and_never_a_half() {
        let folder = tempfile::tempdir().unwrap();
        let there = || std::fs::read_dir(folder.path()).unwrap().count();
        let files = Files::new(&folder.path().join("storm-0.1")).unwrap();
        assert_eq!(there(), 0);
        files.write_json(&[1, 2]).unwrap();
        files.write_html("<p>").unwrap();
        files.write_html("<p>again").unwrap();
        assert_eq!(there(), 2);
        let page = std::fs::read_to_string(folder.path().join("storm-0.1.html")).unwrap();
        assert_eq!(page, "<p>again");
    }

    #[test]
    fn what_can_not_be_written_is_said() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("taken.json")).unwrap();
        let check = |path: &Path, expected: &str| {
            let error = Files::new(path).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        };
        check(folder.path(), "is a folder");
        check(&folder.path().join("new/"), "is a folder");
        check(&folder.path().join("taken"), "is a folder");
        check(&folder.path().join("no/such"), "can't be written");
    }
}
