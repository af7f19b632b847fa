//! Random mutations of sound stills and clips: each is refused with words, or shown. What djpeg
//! decodes without a warning is shown here too, and alike.
//!
//! Variables: EYESONLY_MUTATIONS (how many; a thousand if not set) and EYESONLY_MUTATIONS_SEED. The
//! number of a mutation and the seed say what it is. Those that fail are kept below `target`.

use super::mutants::{Kind, Sound, drawn, encoded, mutation, sounds};
use super::report;
use super::segments::Parts;
use bytes::Bytes;
use eyesonly_harness::footage::{description, fresh_id};
use eyesonly_tests::built::{Edition, edition};
use eyesonly_tests::picture::Picture;
use eyesonly_tests::python::target;
use eyesonly_tests::tool::tool;
use eyesonly_tests::{Answer, Camera, Home, Viewer, variable};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// The most that the shown picture may differ from djpeg's: the mean of all channels.
pub const DIFFERENCE_MAX: f64 = 6.0;
/// The cameras that send at once.
const WORKERS: usize = 4;
/// The most bytes of djpeg's picture: 40 million pixels, which is the most of a still.
const PICTURE_BYTES_MAX: u64 = 120_000_100;

/// Reads the Orientation of the first EXIF segment, and 1 where there is none.
fn orientation(jpeg: &[u8]) -> u16 {
    let read = || {
        let mut at = 2;
        let tiff = loop {
            let start = at
                + jpeg
                    .get(at..)?
                    .windows(2)
                    .position(|pair| pair[0] == 0xFF && !matches!(pair[1], 0 | 0xFF))?;
            let length = usize::from(u16::from_be_bytes(*jpeg.get(start + 2..)?.first_chunk()?));
            let body = jpeg.get(start + 4..)?;
            match jpeg[start + 1] {
                0xDA => return None,
                0xE1 if body.starts_with(b"Exif\0\0") => {
                    break body.get(6..length.checked_sub(2)?)?;
                }
                _ => at = start + 2 + length,
            }
        };
        let big = match tiff.get(..4)? {
            b"MM\0\x2A" => true,
            b"II\x2A\0" => false,
            _ => return None,
        };
        let number = |at: usize, size: usize| {
            let bytes = tiff.get(at..at + size)?.iter();
            let add = |sum: usize, byte: &u8| sum << 8 | usize::from(*byte);
            Some(if big { bytes.fold(0, add) } else { bytes.rev().fold(0, add) })
        };
        let directory = number(4, 4)?;
        (0..number(directory, 2)?).map(|entry| directory + 2 + entry * 12).find_map(|entry| {
            let value = number(entry + 8, 2)?;
            (number(entry, 2)? == 0x112 && number(entry + 2, 2)? == 3).then_some(value)
        })
    };
    read().and_then(|value| u16::try_from(value).ok()).filter(|n| (1..=8).contains(n)).unwrap_or(1)
}

/// What djpeg makes of a file.
enum Shown {
    /// A picture, and not a word.
    Clean(Picture),
    /// A picture, and warnings.
    Warned(Picture),
    /// No picture, or a larger one than any still may be.
    Not,
}

fn djpeg(still: &Path) -> Shown {
    let mut djpeg = Command::new("djpeg")
        .args(["-rgb", "-pnm", "-maxmemory", "400000", "-maxscans", "500"])
        .arg(still)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pnm = Vec::new();
    let mut output = djpeg.stdout.take().unwrap().take(PICTURE_BYTES_MAX);
    output.read_to_end(&mut pnm).unwrap();
    drop(output);
    let ended = djpeg.wait_with_output().unwrap();
    // With -maxscans it clears the line of its progress.
    let quiet = ended.stderr.trim_ascii().is_empty();
    match (ended.status.code(), Picture::of_pnm(&pnm)) {
        (Some(0), Some(picture)) if quiet => Shown::Clean(picture),
        (Some(0 | 2), Some(picture)) => Shown::Warned(picture),
        _ => Shown::Not,
    }
}

/// Decodes a thumbnail, which must be sound, with djpeg: as browsers do, and like the picture that
/// it is compared with.
pub fn as_browsers_show_it(jpeg: &[u8]) -> Result<Picture, String> {
    Picture::try_decode(jpeg)?;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), jpeg).unwrap();
    match tokio::task::block_in_place(|| djpeg(file.path())) {
        Shown::Clean(picture) => Ok(picture),
        _ => Err("djpeg does not decode it".into()),
    }
}

/// The words of a refusal, which must be a problem of the client's (RFC 9457).
fn words(answer: &Answer) -> Result<String, String> {
    let problem: serde_json::Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let detail = problem["detail"].as_str().unwrap_or_default();
    let is_problem = answer.header("content-type") == "application/problem+json";
    if (400..500).contains(&answer.status) && is_problem && !detail.is_empty() {
        Ok(format!("{} {detail}", answer.status))
    } else {
        Err(format!("refused without words: {}", answer.told()))
    }
}

/// What became of a mutation.
enum Outcome {
    Refused(String),
    /// It is shown: a still's picture.
    Taken(Option<Picture>),
    /// It was taken and is not shown, or refused without words.
    Wrong(String),
}

/// The most tries of what the edge could not do. A starved machine lets a handler's deadline pass
/// once; a still that can't be shown fails each time.
const TRIES_MAX: usize = 3;

async fn still(camera: &Camera, viewer: &Viewer, bytes: Bytes) -> Outcome {
    let id = fresh_id();
    let mut answer = camera.put_still(&id, bytes.clone()).await;
    for _ in 1..TRIES_MAX {
        if answer.status >= 500 {
            println!("sent again: {}", answer.told());
            answer = camera.put_still(&id, bytes.clone()).await;
        }
    }
    if answer.status != 201 {
        return words(&answer).map_or_else(Outcome::Wrong, Outcome::Refused);
    }
    let mut shown = viewer.thumbnail(camera, 1920).await;
    for _ in 1..TRIES_MAX {
        if shown.status >= 500 {
            println!("asked again: {}", shown.told());
            shown = viewer.thumbnail(camera, 1920).await;
        }
    }
    if shown.status != 200 {
        return Outcome::Wrong(format!("201, then {}", shown.told()));
    }
    match as_browsers_show_it(&shown.body) {
        Ok(picture) => Outcome::Taken(Some(picture)),
        Err(error) => Outcome::Wrong(format!("201, then a thumbnail that is no JPEG: {error}")),
    }
}

async fn clip(camera: &Camera, viewer: &Viewer, bytes: Bytes) -> Outcome {
    let event = fresh_id();
    camera.put_event(&event, &description("a mutation")).await.expect(201);
    let answer = camera.put_clip(&event, bytes.clone()).await;
    if answer.status != 201 {
        return words(&answer).map_or_else(Outcome::Wrong, Outcome::Refused);
    }
    let whole = viewer.clip(camera, &event).await;
    if whole.status != 200 || whole.body != bytes {
        return Outcome::Wrong("201, then other bytes".into());
    }
    let (start, end) = (bytes.len() / 3, bytes.len() / 2);
    let part = viewer.clip_range(camera, &event, &format!("bytes={start}-{end}")).await;
    if part.status != 206 || part.body != bytes[start..=end] {
        return Outcome::Wrong(format!("201, then another range: {}", part.status));
    }
    Outcome::Taken(None)
}

/// Counts of mutations.
#[derive(Default, Clone, Copy)]
struct Counts {
    made: u64,
    taken: u64,
    /// djpeg decodes it without a warning; of these: taken, and taken and alike.
    clean: u64,
    clean_taken: u64,
    clean_alike: u64,
    /// The same with warnings.
    warned: u64,
    warned_taken: u64,
    warned_alike: u64,
}

#[derive(Default)]
struct Tally {
    all: Counts,
    by_input: BTreeMap<usize, Counts>,
    by_kind: BTreeMap<String, Counts>,
    refusals: BTreeMap<String, u64>,
    /// What must never be.
    wrong: Vec<String>,
    /// What djpeg shows without a warning, and is refused or differs here.
    apart: Vec<String>,
}

impl Tally {
    fn add(&mut self, input: usize, kinds: &[Kind], one: Counts) {
        let kind = if let [kind] = kinds { format!("{kind:?}") } else { "Several".into() };
        for counts in [
            &mut self.all,
            self.by_input.entry(input).or_default(),
            self.by_kind.entry(kind).or_default(),
        ] {
            counts.made += one.made;
            counts.taken += one.taken;
            counts.clean += one.clean;
            counts.clean_taken += one.clean_taken;
            counts.clean_alike += one.clean_alike;
            counts.warned += one.warned;
            counts.warned_taken += one.warned_taken;
            counts.warned_alike += one.warned_alike;
        }
    }

    fn told(&self, sounds: &[Sound]) -> String {
        let mut text = String::from(
            "| mutations | made | taken | djpeg: no warning | taken | alike | djpeg: warnings \
             | taken | alike |\n|---|---|---|---|---|---|---|---|---|\n",
        );
        let rows =
            self.by_input.iter().map(|(input, counts)| (sounds[*input].name.clone(), counts));
        let kinds = self.by_kind.iter().map(|(kind, counts)| (kind.to_lowercase(), counts));
        for (name, counts) in rows.chain(kinds).chain([("all".into(), &self.all)]) {
            let Counts { made, taken, clean, clean_taken, clean_alike, .. } = counts;
            let Counts { warned, warned_taken, warned_alike, .. } = counts;
            writeln!(
                text,
                "| {name} | {made} | {taken} | {clean} | {clean_taken} | {clean_alike} | {warned} \
                 | {warned_taken} | {warned_alike} |"
            )
            .unwrap();
        }
        text.push_str("\n| refused | with these words |\n|---|---|\n");
        for (words, count) in &self.refusals {
            writeln!(text, "| {count} | {words} |").unwrap();
        }
        for line in self.apart.iter().chain(&self.wrong) {
            writeln!(text, "{line}").unwrap();
        }
        text
    }
}

/// Sends the mutations that are left, and counts.
struct Worker {
    camera: Camera,
    viewer: Viewer,
    sounds: Arc<Vec<Sound>>,
    tally: Arc<Mutex<Tally>>,
    next: Arc<AtomicU64>,
    count: u64,
    seed: u64,
}

impl Worker {
    async fn run(self) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("still.jpg");
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            if number >= self.count {
                return;
            }
            if number > 0 && number.is_multiple_of(5000) {
                println!("after {number}:\n{}", self.tally.lock().unwrap().told(&self.sounds));
            }
            let (input, kinds, bytes) = mutation(&self.sounds, self.seed, number);
            self.one(&file, number, input, &kinds, bytes.into()).await;
        }
    }

    async fn one(&self, file: &Path, number: u64, input: usize, kinds: &[Kind], bytes: Bytes) {
        let is_clip = self.sounds[input].is_clip;
        let outcome = if is_clip {
            clip(&self.camera, &self.viewer, bytes.clone()).await
        } else {
            still(&self.camera, &self.viewer, bytes.clone()).await
        };
        let mut counts = Counts { made: 1, ..Counts::default() };
        let about =
            format!("{number} of seed {}: {kinds:?} of {}", self.seed, self.sounds[input].name);
        let (mut wrong, mut refusal, mut taken) = (None, None, None);
        match outcome {
            Outcome::Refused(words) => refusal = Some(words),
            Outcome::Taken(picture) => {
                counts.taken = 1;
                taken = picture;
            }
            Outcome::Wrong(why) => wrong = Some(format!("WRONG {about}: {why}")),
        }
        let mut apart = None;
        if !is_clip {
            std::fs::write(file, &bytes).unwrap();
            let shown = tokio::task::block_in_place(|| djpeg(file));
            let is_clean = matches!(shown, Shown::Clean(_));
            if let Shown::Clean(picture) | Shown::Warned(picture) = shown {
                let alike = taken.map(|taken| {
                    let upright = picture.turned(orientation(&bytes));
                    let scaled = upright.scaled(taken.width, taken.height);
                    scaled.difference(&taken).unwrap_or(f64::INFINITY)
                });
                let is_taken = u64::from(alike.is_some());
                let is_alike = alike.is_some_and(|difference| difference <= DIFFERENCE_MAX);
                if is_clean {
                    counts.clean = 1;
                    counts.clean_taken = is_taken;
                    counts.clean_alike = u64::from(is_alike);
                    if !is_alike {
                        let how = refusal.clone().unwrap_or_else(|| format!("{alike:.1?}"));
                        apart = Some(format!("APART {about}: {how}"));
                    }
                } else {
                    counts.warned = 1;
                    counts.warned_taken = is_taken;
                    counts.warned_alike = u64::from(is_alike);
                }
            }
        }
        if wrong.is_some() || apart.is_some() {
            let folder = target().join("mutations");
            std::fs::create_dir_all(&folder).unwrap();
            let end = if is_clip { "mp4" } else { "jpg" };
            std::fs::write(folder.join(format!("{}-{number}.{end}", self.seed)), &bytes).unwrap();
        }
        let mut tally = self.tally.lock().unwrap();
        tally.add(input, kinds, counts);
        tally.wrong.extend(wrong);
        tally.apart.extend(apart);
        if let Some(words) = refusal {
            *tally.refusals.entry(words).or_default() += 1;
        }
    }
}

/// Returns how far the shown picture is from djpeg's, of a still that both must show.
async fn difference_from_djpeg(home: &Home, name: &str, bytes: &[u8]) -> f64 {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("still.jpg");
    std::fs::write(&file, bytes).unwrap();
    let (Shown::Clean(theirs) | Shown::Warned(theirs)) = djpeg(&file) else {
        panic!("djpeg does not show {name}");
    };
    match still(&home.camera, &home.viewer, bytes.to_vec().into()).await {
        Outcome::Taken(Some(ours)) => {
            theirs.difference(&ours).unwrap_or_else(|| panic!("{name}: another size"))
        }
        Outcome::Refused(words) | Outcome::Wrong(words) => panic!("{name}: {words}"),
        Outcome::Taken(None) => unreachable!("a still has a picture"),
    }
}

/// libjpeg goes on behind such a code. Without the codes that the tables lack, the whole interval
/// would be grey here, and a progressive still would be refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_that_no_table_has_is_passed_over() {
    if !tool("djpeg") {
        return;
    }
    let home = Home::new().await;
    let ones = [0xFF, 0, 0xFF, 0, 0xFF, 0];
    let restarts = Parts::of(&report("06-rst-4-extra-bytes-before-each.jpg"));
    let mut plain = Parts::of(&report("00-good-1280x720-420.jpg"));
    plain.scan = [&ones, &*plain.scan].concat();
    let mut progressive = encoded(&drawn(320, 240, 1), "-quality 75 -sample 2x2 -progressive");
    let scan = progressive.windows(2).position(|pair| pair == [0xFF, 0xDA]).unwrap();
    let data = scan + 2 + usize::from(progressive[scan + 3]);
    drop(progressive.splice(data..data, ones));
    for (name, bytes, difference_max) in [
        ("in each interval", restarts.intervals(|_, data| [&ones, data].concat()).file(), 1.0),
        ("in the first block", plain.file(), 1.0),
        // Its tables have no room for codes that change nothing. So it is only shown.
        ("in a progressive still", progressive.into(), 255.0),
    ] {
        let difference = difference_from_djpeg(&home, name, &bytes).await;
        assert!(difference <= difference_max, "{name}: {difference}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn mutations_are_refused_with_words_or_shown() {
    if !tool("djpeg") {
        return;
    }
    // Both editions have one decoder; here it is the way around it.
    let default = if edition() == Edition::Native { 1000 } else { 200 };
    let count = variable("EYESONLY_MUTATIONS", default);
    let seed = variable("EYESONLY_MUTATIONS_SEED", 1);
    let sounds = Arc::new(sounds());
    let home = Home::new().await;
    // Those that they are made of are shown.
    for sound in sounds.iter() {
        let (camera, viewer, bytes) = (&home.camera, &home.viewer, sound.bytes.clone());
        let outcome = if sound.is_clip {
            clip(camera, viewer, bytes).await
        } else {
            still(camera, viewer, bytes).await
        };
        assert!(matches!(outcome, Outcome::Taken(_)), "{} is not shown", sound.name);
    }
    let (tally, next) = (Arc::new(Mutex::new(Tally::default())), Arc::new(AtomicU64::new(0)));
    // Each has a viewer of its own: all of them at once ask more often than one viewer may.
    let mut viewers = Vec::new();
    for number in 0..WORKERS {
        viewers.push(home.household.viewer(&format!("worker-{number}")).login().await);
    }
    let workers: Vec<_> = viewers
        .into_iter()
        .enumerate()
        .map(|(number, viewer)| Worker {
            camera: home.household.camera(&format!("Camera {number}")),
            viewer,
            sounds: Arc::clone(&sounds),
            tally: Arc::clone(&tally),
            next: Arc::clone(&next),
            count,
            seed,
        })
        .map(|worker| tokio::spawn(worker.run()))
        .collect();
    for worker in workers {
        worker.await.unwrap();
    }
    let tally = tally.lock().unwrap();
    println!("{}", tally.told(&sounds));
    let Counts { made, clean, clean_alike, .. } = tally.all;
    assert_eq!(made, count);
    assert!(tally.wrong.is_empty(), "{:#?}", tally.wrong);
    assert!(clean_alike * 100 >= clean * 99, "{clean_alike} of {clean}: {:#?}", tally.apart);
}
