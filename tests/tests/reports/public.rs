//! Stills that other software tests itself with: what Pillow opens is shown here, and alike.
//!
//! Those that Pillow's source package carries are fetched from PyPI, and none is kept in this
//! repository. EYESONLY_STILLS names a folder with others, for a look at what becomes of them.

use super::mutations::{DIFFERENCE_MAX, as_browsers_show_it};
use eyesonly_harness::footage::fresh_id;
use eyesonly_tests::built::ROOT;
use eyesonly_tests::picture::Picture;
use eyesonly_tests::python::{run, target, try_python};
use eyesonly_tests::tool::{skipped, tool};
use eyesonly_tests::{Camera, Home, Viewer};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The cameras that send at once.
const CAMERAS: usize = 3;
/// The most bytes of a still: 8 MiB, as SPEC.md says.
const BYTES_MAX: u64 = 8 * 1024 * 1024;

/// A still, and what Pillow makes of it.
struct Still {
    number: usize,
    name: String,
    coding: String,
    components: u8,
    bytes: u64,
    /// Pillow's mode, or a hyphen and an error.
    mode: String,
}

impl Still {
    fn read(line: &str) -> Self {
        let fields: Vec<&str> = line.split('\t').collect();
        Self {
            number: fields[0].parse().unwrap(),
            name: fields[1].into(),
            coding: fields[2].into(),
            components: fields[3].parse().unwrap(),
            bytes: fields[4].parse().unwrap(),
            mode: fields[5].into(),
        }
    }

    fn opened(&self) -> bool {
        !self.mode.starts_with('-')
    }

    /// Says whether it must be shown: browsers show it, Pillow opens it, and it is no larger than
    /// a still may be.
    fn must_be_shown(&self) -> bool {
        let usual = matches!(self.coding.as_str(), "baseline" | "progressive");
        self.opened() && usual && matches!(self.components, 1 | 3) && self.bytes <= BYTES_MAX
    }
}

/// What became of a still: Pillow's and the shown picture's difference, or none without Pillow's.
type Outcome = Result<Option<f64>, String>;

async fn show(camera: &Camera, viewer: &Viewer, folder: &Path, still: &Still) -> Outcome {
    let jpeg = std::fs::read(folder.join(format!("{}.jpg", still.number))).unwrap();
    let answer = camera.put_still(&fresh_id(), jpeg).await;
    if answer.status != 201 {
        let problem: serde_json::Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        return Err(format!("{} {}", answer.status, problem["detail"].as_str().unwrap_or("?")));
    }
    let shown = viewer.thumbnail(camera, 1920).await.expect(200);
    let shown = as_browsers_show_it(&shown.body).unwrap();
    let expected = std::fs::read(folder.join(format!("{}.ppm", still.number)));
    Ok(expected.ok().and_then(|pnm| {
        // It is smaller where a whole one would take too much memory.
        let expected = Picture::of_pnm(&pnm).unwrap();
        let ratio = expected.width as f64 / expected.height as f64;
        let alike = (shown.height as f64 * ratio - shown.width as f64).abs() <= ratio.max(1.0);
        let expected = expected.scaled(shown.width, shown.height);
        if alike { expected.difference(&shown) } else { Some(f64::INFINITY) }
    }))
}

/// Returns Pillow's source package, which pip checks by its digest.
fn source(python: &Path) -> PathBuf {
    let folder = target().join("stills-source");
    let list = Path::new(ROOT).join("tests/stills/source.txt");
    let requirement = std::fs::read_to_string(&list).unwrap();
    let line = requirement.lines().find(|line| !line.starts_with('#')).unwrap();
    let version = line.split_whitespace().next().unwrap().replace("==", "-");
    let package = folder.join(format!("{version}.tar.gz"));
    if !package.exists() {
        // Without isolation, pip takes what is there to read the package's name from it.
        let options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes"];
        run(Command::new(python)
            .args(["-m", "pip", "download", "--no-build-isolation", "--no-binary", "pillow"])
            .args(options)
            .arg("-r")
            .arg(list)
            .arg("-d")
            .arg(folder));
    }
    package
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn stills_that_pillow_opens_are_shown() {
    if !tool("djpeg") {
        return;
    }
    let python = match try_python("stills") {
        Ok(python) => python,
        Err(error) => return skipped(&format!("python3, and Pillow from PyPI: {error}")),
    };
    let given = std::env::var_os("EYESONLY_STILLS").map(PathBuf::from);
    let from = given.clone().unwrap_or_else(|| source(&python));
    let folder = tempfile::tempdir().unwrap();
    let script = Path::new(ROOT).join("tests/stills/pictures.py");
    run(Command::new(&python).arg(script).arg(from).arg(folder.path()));
    let list = std::fs::read_to_string(folder.path().join("list.tsv")).unwrap();
    let stills: Vec<Still> = list.lines().map(Still::read).collect();

    let home = Home::new().await;
    let cameras: Vec<Camera> =
        (0..CAMERAS).map(|number| home.household.camera(&format!("Camera {number}"))).collect();
    let (viewer, stills_ref) = (&home.viewer, &stills);
    let folder_ref = folder.path();
    let sent = cameras.iter().enumerate().map(|(first, camera)| async move {
        let mut outcomes = Vec::new();
        for still in stills_ref.iter().skip(first).step_by(CAMERAS) {
            outcomes.push((still, show(camera, viewer, folder_ref, still).await));
        }
        outcomes
    });
    let mut outcomes: Vec<_> =
        futures::future::join_all(sent).await.into_iter().flatten().collect();
    outcomes.sort_by_key(|(still, _)| still.number);

    let (mut faults, mut alike) = (Vec::new(), 0);
    println!("| still | coding | components | Pillow | shown |\n|---|---|---|---|---|");
    for (still, outcome) in &outcomes {
        let (told, is_alike) = match outcome {
            Ok(Some(difference)) => (format!("{difference:.2}"), *difference <= DIFFERENCE_MAX),
            Ok(None) => ("yes".into(), false),
            Err(words) => (words.clone(), false),
        };
        let Still { name, coding, components, mode, .. } = still;
        let row = format!("| {name} | {coding} | {components} | {mode} | {told} |");
        if given.is_none() || still.opened() && !is_alike {
            println!("{row}");
        }
        alike += usize::from(is_alike);
        if still.must_be_shown() && !is_alike {
            faults.push(row);
        }
    }
    let count = |holds: &dyn Fn(&Still, &Outcome) -> bool| {
        outcomes.iter().filter(|(still, outcome)| holds(still, outcome)).count()
    };
    println!(
        "{} stills; Pillow opens {}, and {} of them are shown alike; of those that Pillow does \
         not open {} are shown and {} are refused; {} must be shown",
        stills.len(),
        count(&|still, _| still.opened()),
        alike,
        count(&|still, outcome| !still.opened() && outcome.is_ok()),
        count(&|still, outcome| !still.opened() && outcome.is_err()),
        count(&|still, _| still.must_be_shown()),
    );
    if given.is_none() {
        assert!(stills.len() > 50, "only {} stills in the package", stills.len());
        assert!(faults.is_empty(), "{faults:#?}");
    }
}
