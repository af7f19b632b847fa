//! A process that appends under load is killed at any time, many times. What it acknowledged is
//! there, each time.
//!
//! The process is this program again. `EYESONLY_LEDGER_KILLS` is the number of times, 20 unless it
//! is given.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed expectation is how a test fails"
)]

use eyesonly_ledger::{Folder, FolderError, Log, OpenError, Options};
use eyesonly_log::{Checkpoint, ENTRY_BYTES, Entry, Hash, Name, SigningKey, leaf};
use std::env;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Names the folder, for the process that is killed.
const FOLDER: &str = "EYESONLY_LEDGER_TEST_FOLDER";

/// How many tasks append.
const TASKS: u64 = 16;

fn key() -> SigningKey {
    let name = Name::new("example.com/ledger/hall").unwrap();
    SigningKey::from_seed(name, &[7; 32]).unwrap()
}

/// Returns an entry that no other task, number or process has.
fn entry(process: u32, task: u64, number: u64) -> Entry {
    let mut entry = [0x5a; ENTRY_BYTES];
    let numbers = [u64::from(process), task, number].map(u64::to_be_bytes).concat();
    entry[..24].copy_from_slice(&numbers);
    entry
}

/// The process that is killed. It prints each entry that was acknowledged.
#[test]
fn child() {
    let Ok(folder) = env::var(FOLDER) else { return };
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).enable_time().build().unwrap();
    runtime.block_on(append(PathBuf::from(folder)));
}

async fn append(folder: PathBuf) {
    // Checkpoints are frequent, so that many kills hit one.
    let sign_every = Duration::from_millis(5);
    let options = Options { sign_every, ..Options::default() };
    let log = Arc::new(Log::open(&folder, key(), &options).unwrap());
    print(&format!("open {}\n", log.size()));
    let process = std::process::id();
    let work = |task| {
        let log = log.clone();
        async move {
            for number in 0.. {
                // Every other task appends batches.
                let count = if task % 2 == 0 { 1 } else { 1 + number % 7 };
                let batch: Vec<_> =
                    (0..count).map(|at| entry(process, task, number << 8 | at)).collect();
                let range = log.append_all(batch.clone()).await.unwrap();
                let lines =
                    range.zip(&batch).map(|(index, entry)| format!("{index} {}\n", leaf(entry)));
                print(&lines.collect::<String>());
                if task == 0 && number % 64 == 63 {
                    log.forget_before(log.size().saturating_sub(2000)).await.unwrap();
                }
            }
        }
    };
    let tasks: Vec<_> = (0..TASKS).map(|task| tokio::spawn(work(task))).collect();
    for task in tasks {
        task.await.unwrap();
    }
}

/// Prints lines at once, so that what the parent has read was acknowledged.
fn print(lines: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(lines.as_bytes()).and_then(|()| out.flush()).unwrap();
}

/// Starts the process.
fn start(folder: &Path) -> Child {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["child", "--exact", "--nocapture", "--test-threads=1"]).env(FOLDER, folder);
    command.stdout(Stdio::piped()).spawn().unwrap()
}

/// Starts the process, and kills it after a time. Returns the entries that it acknowledged.
fn run(folder: &Path, time: Duration) -> Vec<(u64, Hash)> {
    let mut child = start(folder);
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let reader = std::thread::spawn(move || {
        let mut text = Vec::new();
        // The last line may be cut.
        while lines.read_until(b'\n', &mut text).is_ok_and(|read| read > 0) {}
        String::from_utf8(text).unwrap()
    });
    std::thread::sleep(time);
    child.kill().unwrap();
    child.wait().unwrap();
    let text = reader.join().unwrap();
    let whole = text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n'));
    let acknowledged = whole.filter_map(|line| {
        let (index, hash) = line.split_once(' ')?;
        Some((index.parse().ok()?, Hash::from_base64(hash)?))
    });
    acknowledged.collect()
}

/// Checks that the log has no fault, grew from the checkpoints of before, and has these entries.
fn check(folder: &Folder, kept: &[Checkpoint], acknowledged: &[(u64, Hash)]) {
    let report = folder.verify(kept).unwrap().report;
    assert_eq!(report.faults, [], "{}", folder.checkpoint());
    let first = folder.oldest();
    let hashes: Vec<_> = folder
        .entries(first..u64::MAX)
        .map(|read| read.map(|(_, entry)| leaf(&entry)).unwrap())
        .collect();
    assert_eq!(hashes.len() as u64, folder.size() - first);
    for (index, hash) in acknowledged.iter().filter(|(index, _)| *index >= first) {
        assert_eq!(hashes.get((index - first) as usize), Some(hash), "entry {index}");
    }
}

#[test]
fn what_was_acknowledged_outlives_a_kill() {
    let kills = env::var("EYESONLY_LEDGER_KILLS").map_or(20, |kills| kills.parse().unwrap());
    let seed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64;
    let seed = env::var("EYESONLY_LEDGER_SEED").map_or(seed, |seed| seed.parse().unwrap());
    println!("EYESONLY_LEDGER_SEED={seed}");
    let mut dice = seed;
    let data = tempfile::tempdir().unwrap();
    let path = data.path().join("ledger");
    let public = key().verifying_key();
    let mut acknowledged = Vec::new();
    let mut kept: Vec<Checkpoint> = Vec::new();
    let mut found = eyesonly_ledger::Recovery::default();
    for _ in 0..kills {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let new = run(&path, Duration::from_micros(5_000 + (dice >> 33) % 250_000));
        let size = kept.last().map_or(0, Checkpoint::size);
        // Whatever is acknowledged twice was lost in between.
        assert!(new.iter().all(|(index, _)| *index >= size));
        acknowledged.extend(new);
        // What the killed process left, and what a start makes of it.
        match Folder::open(&path, &public) {
            Ok(folder) => check(&folder, &kept, &acknowledged),
            Err(error) => assert!(acknowledged.is_empty(), "{error}"),
        }
        let options = Options { kept: kept.clone(), ..Options::default() };
        let log = Log::open(&path, key(), &options).unwrap();
        let recovery = log.recovery();
        found.torn_bytes += recovery.torn_bytes;
        found.unfinished += recovery.unfinished;
        found.unsigned += recovery.unsigned;
        found.bundles += recovery.bundles;
        drop(log);
        let folder = Folder::open(&path, &public).unwrap();
        check(&folder, &kept, &acknowledged);
        assert!(folder.size() >= size);
        assert_eq!(folder.checkpoint().size(), folder.size());
        // The log of a hundred kills before is proven by the newer ones.
        kept.push(folder.checkpoint().clone());
        kept.drain(..kept.len().saturating_sub(5));
        let first = folder.oldest();
        acknowledged.retain(|(index, _)| *index >= first);
    }
    println!("{kills} kills, {} entries, {found:?}", kept.last().unwrap().size());
}

#[test]
fn a_log_is_read_while_another_process_writes() {
    let data = tempfile::tempdir().unwrap();
    let path = data.path().join("ledger");
    let mut child = start(&path);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut kept = Vec::new();
    while kept.len() < 30 {
        // It has appended something, and goes on while the log is read.
        assert!(lines.by_ref().take(100).count() == 100);
        let error = Log::open(&path, key(), &Options::default()).err().unwrap();
        assert!(matches!(error, OpenError::Locked { .. }), "{error}");
        let folder = Folder::open(&path, &key().verifying_key()).unwrap();
        match folder.verify(&kept) {
            Ok(verified) => assert_eq!(verified.report.faults, []),
            // It forgot some while they were read.
            Err(FolderError::Forgotten { .. }) => continue,
            Err(error) => panic!("{error}"),
        }
        kept.push(folder.checkpoint().clone());
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(kept.last().unwrap().size() > kept[0].size());
}
