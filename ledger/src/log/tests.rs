//! Tests of the log as its callers see it: groups, limits, and the end.

use super::*;
use crate::FolderError;
use crate::disk::{Lock, Open};
use crate::testing::{FOLDER, Fate, Memory, entries, entry, key};
use std::io;
use std::sync::{Condvar, Mutex};
use std::time::Duration;

/// A disk whose flushes of files wait while a gate is shut.
#[derive(Clone, Default)]
struct Gated {
    disk: Memory,
    gate: Arc<(Mutex<Gate>, Condvar)>,
}

#[derive(Default)]
struct Gate {
    shut: bool,
    waiting: bool,
}

impl Gated {
    /// Shuts the gate until the value is dropped: before the log, whose end waits for the flush.
    fn shut(&self) -> Shut {
        self.gate.0.lock().unwrap().shut = true;
        Shut(self.clone())
    }

    /// Waits until a flush waits.
    fn wait(&self) {
        let gate = self.gate.0.lock().unwrap();
        let result = self.gate.1.wait_timeout_while(gate, LONG, |gate| !gate.waiting);
        assert!(!result.unwrap().1.timed_out(), "there was no flush");
    }

    fn pass(&self) {
        let mut gate = self.gate.0.lock().unwrap();
        gate.waiting = gate.shut;
        self.gate.1.notify_all();
        let mut gate = self.gate.1.wait_while(gate, |gate| gate.shut).unwrap();
        gate.waiting = false;
    }
}

/// After this time a test has failed, and does not wait for ever.
const LONG: Duration = Duration::from_secs(60);

struct Shut(Gated);

impl Drop for Shut {
    fn drop(&mut self) {
        self.0.gate.0.lock().unwrap().shut = false;
        self.0.gate.1.notify_all();
    }
}

struct GatedFile(Box<dyn Open>, Gated);

impl Open for GatedFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.append(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.1.pass();
        self.0.sync()
    }
}

impl Disk for Gated {
    fn lock(&self, file: &Path) -> io::Result<Option<Lock>> {
        self.disk.lock(file)
    }
    fn names(&self, folder: &Path) -> io::Result<Option<Vec<String>>> {
        self.disk.names(folder)
    }
    fn read(&self, file: &Path) -> io::Result<Option<Vec<u8>>> {
        self.disk.read(file)
    }
    fn exists(&self, file: &Path) -> io::Result<bool> {
        self.disk.exists(file)
    }
    fn make_folder(&self, folder: &Path) -> io::Result<bool> {
        self.disk.make_folder(folder)
    }
    fn create(&self, file: &Path) -> io::Result<Box<dyn Open>> {
        Ok(Box::new(GatedFile(self.disk.create(file)?, self.clone())))
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.disk.rename(from, to)
    }
    fn remove(&self, file: &Path) -> io::Result<()> {
        self.disk.remove(file)
    }
    fn remove_folder(&self, folder: &Path) -> io::Result<()> {
        self.disk.remove_folder(folder)
    }
    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.disk.sync_folder(folder)
    }
}

/// Options under which a checkpoint is signed only when it is asked for.
fn options() -> Options {
    Options { sign_every: Duration::from_secs(1 << 30), ..Options::default() }
}

fn open(disk: impl Disk + 'static) -> Result<Log, OpenError> {
    Log::on(Arc::new(disk), Path::new(FOLDER), key(), &options(), Box::new(|_| {}))
}

/// Returns the groups that were written, in entries.
fn groups(writes: &[String]) -> Vec<usize> {
    let bytes = writes.iter().filter_map(|what| what.strip_prefix("write ")?.parse().ok());
    bytes.map(|bytes: usize| bytes / 568).collect()
}

#[tokio::test]
async fn while_one_flush_runs_the_next_group_gathers() {
    let disk = Gated::default();
    let log = open(disk.clone()).unwrap();
    let before = disk.disk.writes().len();
    let gate = disk.shut();
    let first = log.enter(vec![entry(0)]).await.unwrap();
    disk.wait();
    let mut tickets = Vec::new();
    for batch in [1..2, 2..5, 5..6, 6..16] {
        tickets.push((batch.clone(), log.enter(entries(batch)).await.unwrap()));
    }
    assert_eq!(log.size(), 0);
    drop(gate);
    assert_eq!(first.durable().await.unwrap(), 0..1);
    for (batch, ticket) in tickets {
        assert_eq!(ticket.durable().await.unwrap(), batch);
    }
    assert_eq!(log.size(), 16);
    let writes = disk.disk.writes();
    assert_eq!(groups(&writes[before..]), [1, 15]);
    // Nothing but the two writes and their flushes was done.
    assert_eq!(writes.len() - before, 4);
}

/// What nobody waits for needs no flush of its own, and becomes durable by itself all the same.
#[tokio::test]
async fn a_note_goes_with_the_next_entry_or_by_itself() {
    let disk = Memory::new();
    let log = open(disk.clone()).unwrap();
    let before = disk.writes().len();
    for nth in 0..8 {
        log.note(&entry(2 * nth)).unwrap();
        log.append(&entry(2 * nth + 1)).await.unwrap();
    }
    // A thread may be late, and then the note was written alone.
    let groups_of = groups(&disk.writes()[before..]);
    assert!(groups_of.contains(&2), "{groups_of:?}");
    assert_eq!(groups_of.iter().sum::<usize>(), 16);
    log.note(&entry(16)).unwrap();
    let until = std::time::Instant::now() + LONG;
    while log.size() < 17 {
        assert!(std::time::Instant::now() < until, "the note was not written");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    // Notes alone wait for nobody for ever either: the end takes them along.
    log.note(&entry(17)).unwrap();
    assert_eq!(log.close().await.unwrap().checkpoint.size(), 18);
}

/// Where several waited for the last group, the next one gathers a little, also on a fast disk.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn groups_of_many_are_larger_than_the_disk_asks_for() {
    let disk = Memory::new();
    let log = Arc::new(open(disk.clone()).unwrap());
    let before = disk.writes().len();
    let appends = (0..8_u64).map(|nth| {
        let log = Arc::clone(&log);
        tokio::spawn(async move {
            for round in 0..50 {
                log.append(&entry(nth * 50 + round)).await.unwrap();
            }
        })
    });
    for append in appends.collect::<Vec<_>>() {
        append.await.unwrap();
    }
    let groups_of = groups(&disk.writes()[before..]);
    let appended = groups_of.iter().sum::<usize>();
    assert!(appended >= 400 && groups_of.len() < 200, "{} groups: {groups_of:?}", groups_of.len());
}

#[tokio::test]
async fn nothing_is_acknowledged_before_the_flush() {
    let disk = Gated::default();
    let log = open(disk.clone()).unwrap();
    let gate = disk.shut();
    let mut ticket = Box::pin(log.enter(vec![entry(0)]).await.unwrap().durable());
    disk.wait();
    // The bytes are written and not flushed.
    let waiting = futures_poll(ticket.as_mut());
    assert!(waiting.is_pending());
    drop(gate);
    assert_eq!(ticket.await.unwrap(), 0..1);
}

/// Polls a future once.
fn futures_poll<F: Future + Unpin>(mut future: F) -> std::task::Poll<F::Output> {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    std::pin::Pin::new(&mut future).poll(&mut context)
}

#[tokio::test(start_paused = true)]
async fn whoever_finds_no_place_is_sent_away() {
    let disk = Gated::default();
    let log = Arc::new(open(disk.clone()).unwrap());
    let gate = disk.shut();
    let mut tickets = Vec::new();
    for at in 0..MOST_WAITING as u64 / 256 {
        tickets.push(log.enter(entries(at * 256..(at + 1) * 256)).await.unwrap());
    }
    // All places are taken. The time is up at once, as it is paused.
    let started = tokio::time::Instant::now();
    assert!(matches!(log.append(&entry(0)).await, Err(AppendError::Busy)));
    assert_eq!(started.elapsed().as_secs(), LONGEST_WAIT.as_secs());
    let entered = timeout(LONG, log.enter(vec![entry(0)])).await.unwrap();
    assert!(matches!(entered, Err(AppendError::Busy)));
    // Some wait for a place, and whoever comes then is sent away at once.
    let wait = || {
        let log = log.clone();
        tokio::spawn(async move { log.append(&entry(1)).await })
    };
    let waiting: Vec<_> = (0..MOST_CALLERS).map(|_| wait()).collect();
    for _ in 0..MOST_CALLERS {
        tokio::task::yield_now().await;
    }
    let started = tokio::time::Instant::now();
    assert!(matches!(log.append(&entry(0)).await, Err(AppendError::Busy)));
    assert_eq!(started.elapsed(), Duration::ZERO);
    // An entry that is entered and not durable in time is late, and is entered all the same.
    for task in waiting {
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
    }
    drop(gate);
    for ticket in tickets {
        ticket.durable().await.unwrap();
    }
    let gate = disk.shut();
    let late = log.append(&entry(0)).await;
    assert!(matches!(late, Err(AppendError::Late)), "{late:?}");
    drop(gate);
    assert_eq!(log.checkpoint().await.unwrap().checkpoint.size(), MOST_WAITING as u64 + 1);
}

#[tokio::test]
async fn a_batch_has_a_limit() {
    let log = open(Memory::new()).unwrap();
    assert!(matches!(log.append_all(vec![]).await, Err(AppendError::Batch(0))));
    let batch = entries(0..MOST_IN_BATCH as u64 + 1);
    assert!(matches!(log.append_all(batch).await, Err(AppendError::Batch(257))));
    assert_eq!(log.append_all(entries(0..256)).await.unwrap(), 0..256);
    assert_eq!(log.append(&entry(256)).await.unwrap(), 256);
}

#[tokio::test]
async fn a_failed_write_or_flush_closes_the_log() {
    for at in 0..2 {
        let disk = Gated::default();
        let log = open(disk.clone()).unwrap();
        log.append(&entry(0)).await.unwrap();
        disk.disk.set(Some(Fate::Fails(at)));
        let gate = disk.shut();
        let first = log.enter(vec![entry(1)]).await.unwrap();
        if at == 1 {
            disk.wait();
        }
        // It waits for the flush, or comes after the end.
        let second = log.enter(vec![entry(2)]).await;
        drop(gate);
        let why = |closed: Result<Range<u64>, AppendError>| {
            let Err(AppendError::Closed(Closed { why })) = closed else { panic!("{closed:?}") };
            why.to_string()
        };
        let words = ["a write failed", "a flush failed"][at as usize];
        let expected = format!("ledger/tail: {words}: the test's disk failed");
        assert_eq!(why(first.durable().await), expected);
        match second {
            Ok(second) => assert_eq!(why(second.durable().await), expected),
            Err(AppendError::Closed(_)) => {}
            Err(error) => panic!("{error}"),
        }
        assert_eq!(why(log.append_all(vec![entry(3)]).await), expected);
        assert!(log.checkpoint().await.is_err());
        assert!(log.close().await.is_err());
        // Nothing was tried again, and the lock is free.
        assert_eq!(disk.disk.calls(), at + 1);
        let again = open(disk).unwrap();
        assert!(again.size() >= 1);
        drop(log);
        again.append(&entry(3)).await.unwrap();
    }
}

#[tokio::test]
async fn a_bundle_that_fails_to_become_a_file_closes_the_log() {
    let disk = Memory::new();
    let log = open(disk.clone()).unwrap();
    log.append_all(entries(0..255)).await.unwrap();
    disk.set(Some(Fate::Fails(4)));
    // The entry is durable in the tail.
    assert_eq!(log.append(&entry(255)).await.unwrap(), 255);
    assert!(log.checkpoint().await.is_err());
    assert_eq!(open(disk).unwrap().size(), 256);
}

#[tokio::test]
async fn the_end_signs_and_gives_the_lock_back() {
    let disk = Memory::new();
    let log = open(disk.clone()).unwrap();
    log.append_all(entries(0..3)).await.unwrap();
    assert!(matches!(open(disk.clone()), Err(OpenError::Locked { .. })));
    let signed = log.close().await.unwrap();
    assert_eq!(signed.checkpoint.size(), 3);
    let error = log.append(&entry(3)).await.unwrap_err();
    assert_eq!(error.to_string(), "the log is closed: it was asked to close");
    let again = open(disk.clone()).unwrap();
    assert_eq!((again.recovery().size, again.recovery().unsigned), (3, 0));
    drop(log);

    // Dropping does the same, and takes along what waits.
    let ticket = again.enter(vec![entry(3)]).await.unwrap();
    drop(again);
    assert_eq!(ticket.durable().await.unwrap(), 3..4);
    let again = open(disk).unwrap();
    assert_eq!((again.recovery().size, again.recovery().unsigned), (4, 0));
}

#[tokio::test]
async fn a_checkpoint_counts_what_was_entered_before() {
    let disk = Memory::new();
    let log = open(disk.clone()).unwrap();
    for size in 1..4 {
        let ticket = log.enter(vec![entry(size - 1)]).await.unwrap();
        let signed = log.checkpoint().await.unwrap();
        assert_eq!(signed.checkpoint.size(), size);
        assert_eq!(disk.files()[Path::new("ledger/checkpoint")], signed.note.as_bytes());
        ticket.durable().await.unwrap();
    }
}

#[tokio::test]
async fn a_checkpoint_follows_without_being_asked_for() {
    let disk = Memory::new();
    let options = Options { sign_every: Duration::ZERO, ..Options::default() };
    let log = Log::on(Arc::new(disk.clone()), Path::new(FOLDER), key(), &options, Box::new(|_| {}))
        .unwrap();
    log.append(&entry(0)).await.unwrap();
    // It comes after the answer, without another message.
    let public = key().verifying_key();
    let size = || {
        let note = disk.files()[Path::new("ledger/checkpoint")].clone();
        eyesonly_log::Checkpoint::open(&note, &public).unwrap().size()
    };
    let signed = async {
        while size() == 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(LONG, signed).await.unwrap();
    drop(log);
}

#[tokio::test]
async fn what_is_forgotten_is_removed_between_groups() {
    let disk = Memory::new();
    let log = open(disk.clone()).unwrap();
    for at in 0..70 {
        log.append_all(entries(at * 256..(at + 1) * 256)).await.unwrap();
    }
    assert_eq!(log.forget_before(u64::MAX).await.unwrap(), 70 * 256);
    let is_bundle = |path: &std::path::PathBuf| path.starts_with("ledger/tile/entries");
    assert!(!disk.files().keys().any(is_bundle));
    log.append(&entry(0)).await.unwrap();
}

#[test]
fn nobody_makes_a_log_where_none_is_wanted() {
    let options = Options { create: false, ..options() };
    let error =
        Log::on(Arc::new(Memory::new()), Path::new(FOLDER), key(), &options, Box::new(|_| {}))
            .err()
            .unwrap();
    assert!(matches!(error, OpenError::Folder(FolderError::Absent { .. })), "{error}");
}
