//! A disk in memory, for the tests of all modules: any of its operations fails, and its power goes.
//!
//! It is as cruel as a file system may be. Without a flush, bytes survive a loss of power in part
//! or not at all, each name may be the old one or the new one, and a hole in a file reads as zeros.
//! After a flush that failed the lost bytes can be read until the power goes, and a later flush
//! says that all is well.

use crate::disk::{Disk, Lock, Open};
use crate::recover::{self, Options, Recovery};
use crate::store::Store;
use eyesonly_log::{ENTRY_BYTES, Edge, Entry, Hash, Name, SigningKey, leaf};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

/// What happens at one of the disk's operations that change something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It fails, and all that follow succeed. Of a write the first half is written.
    Fails(u64),
    /// It and all that follow fail. Of a write the first half is written.
    PowerGoes(u64),
}

#[derive(Clone, Default)]
struct File {
    bytes: Vec<u8>,
    durable: Vec<u8>,
    /// The bytes that a flush lost: it failed, and no later one writes them.
    lost: Vec<std::ops::Range<usize>>,
    flushed_up_to: usize,
}

/// A name: a file, or a folder.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Node {
    File(usize),
    Folder,
}

#[derive(Clone, Default)]
struct State {
    files: Vec<File>,
    names: BTreeMap<PathBuf, Node>,
    durable: BTreeMap<PathBuf, Node>,
    locked: BTreeSet<PathBuf>,
    calls: u64,
    writes: Vec<String>,
    fate: Option<Fate>,
    /// What is done once, before a file is read.
    before_read: Option<(PathBuf, Arc<dyn Fn() + Send + Sync>)>,
}

/// A disk. Its clones are the same one.
#[derive(Clone, Default)]
pub struct Memory(Arc<Mutex<State>>);

impl Memory {
    /// Returns an empty disk.
    pub fn new() -> Self {
        Self::default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// Returns another disk with the same content, on which nothing is locked.
    pub fn copy(&self) -> Self {
        let mut state = self.state().clone();
        (state.calls, state.fate) = (0, None);
        state.locked.clear();
        state.writes.clear();
        Self(Arc::new(Mutex::new(state)))
    }

    /// Decides what happens, counted from now.
    pub fn set(&self, fate: Option<Fate>) {
        let mut state = self.state();
        state.calls = 0;
        state.fate = fate;
    }

    /// Returns how many operations changed something.
    pub fn calls(&self) -> u64 {
        self.state().calls
    }

    /// Lists what was done.
    pub fn writes(&self) -> Vec<String> {
        self.state().writes.clone()
    }

    /// Returns all files with their bytes.
    pub fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let state = self.state();
        let file = |(path, node): (&PathBuf, &Node)| match node {
            Node::File(file) => Some((path.clone(), state.files[*file].bytes.clone())),
            Node::Folder => None,
        };
        state.names.iter().filter_map(file).collect()
    }

    /// Does something once, before a file is read.
    pub fn before_read(&self, path: &str, act: impl Fn() + Send + Sync + 'static) {
        self.state().before_read = Some((path.into(), Arc::new(act)));
    }

    /// Changes a file, durably.
    pub fn edit(&self, path: impl AsRef<Path>, edit: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.state();
        let Some(Node::File(file)) = state.names.get(path.as_ref()).copied() else {
            panic!("{} is absent", path.as_ref().display());
        };
        let file = &mut state.files[file];
        edit(&mut file.bytes);
        file.durable = file.bytes.clone();
    }

    /// Deletes a file, durably.
    pub fn delete(&self, path: impl AsRef<Path>) {
        let mut state = self.state();
        assert!(state.names.remove(path.as_ref()).is_some());
        state.durable.remove(path.as_ref());
    }

    /// Adds a file, durably.
    pub fn add(&self, path: impl AsRef<Path>, bytes: &[u8]) {
        let mut state = self.state();
        let (bytes, durable) = (bytes.to_vec(), bytes.to_vec());
        state.files.push(File { bytes, durable, ..File::default() });
        let node = Node::File(state.files.len() - 1);
        state.names.insert(path.as_ref().into(), node);
        state.durable.insert(path.as_ref().into(), node);
    }

    /// Returns a disk with what a loss of power may leave.
    pub fn without_power(&self, dice: &mut Dice) -> Self {
        let state = self.state();
        let mut left = State::default();
        let paths: BTreeSet<_> = state.names.keys().chain(state.durable.keys()).collect();
        for path in paths {
            let above_is_left = path
                .parent()
                .is_none_or(|above| above.as_os_str().is_empty() || left.names.contains_key(above));
            let either = [state.durable.get(path), state.names.get(path)];
            let Some(node) = either[dice.roll(2)].filter(|_| above_is_left) else { continue };
            let node = match node {
                Node::Folder => Node::Folder,
                Node::File(file) => {
                    let bytes = left_of(&state.files[*file], dice);
                    left.files.push(File { durable: bytes.clone(), bytes, ..File::default() });
                    Node::File(left.files.len() - 1)
                }
            };
            left.names.insert(path.clone(), node);
        }
        left.durable = left.names.clone();
        Self(Arc::new(Mutex::new(left)))
    }
}

/// Chooses what is left of a file.
fn left_of(file: &File, dice: &mut Dice) -> Vec<u8> {
    let new = file.bytes.len().saturating_sub(file.durable.len());
    let mut left = file.durable.clone();
    match dice.roll(4) {
        0 => {}
        1 => left = file.with_lost(),
        2 => left.extend(&file.bytes[file.durable.len()..][..dice.roll(new + 1)]),
        // The length is there before all of the bytes are.
        _ => {
            left.extend(&file.bytes[file.durable.len()..]);
            let from = file.durable.len() + dice.roll(new + 1);
            let to = from + dice.roll(left.len() - from + 1);
            left[from..to].fill(0);
        }
    }
    left
}

impl File {
    /// Returns the bytes that the disk has if all of them were written that can be written.
    fn with_lost(&self) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        self.lost.iter().for_each(|range| bytes[range.clone()].fill(0));
        bytes
    }
}

impl State {
    /// Counts an operation. Returns whether it fails.
    fn step(&mut self, what: String) -> bool {
        let now = self.calls;
        self.calls += 1;
        self.writes.push(what);
        match self.fate {
            Some(Fate::Fails(at)) => at == now,
            Some(Fate::PowerGoes(at)) => at <= now,
            None => false,
        }
    }

    fn change(&mut self, what: String) -> io::Result<()> {
        if self.step(what) { Err(fault()) } else { Ok(()) }
    }
}

fn fault() -> io::Error {
    io::Error::other("the test's disk failed")
}

struct Handle {
    disk: Memory,
    file: usize,
}

impl Open for Handle {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.disk.state();
        let fails = state.step(format!("write {}", bytes.len()));
        let bytes = if fails { &bytes[..bytes.len() / 2] } else { bytes };
        state.files[self.file].bytes.extend(bytes);
        if fails { Err(fault()) } else { Ok(()) }
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut state = self.disk.state();
        let fails = state.step("flush".to_owned());
        let file = &mut state.files[self.file];
        if fails {
            file.lost.push(file.flushed_up_to..file.bytes.len());
        } else {
            file.durable = file.with_lost();
        }
        file.flushed_up_to = file.bytes.len();
        if fails { Err(fault()) } else { Ok(()) }
    }
}

impl Disk for Memory {
    fn lock(&self, file: &Path) -> io::Result<Option<Lock>> {
        struct Guard(Memory, PathBuf);
        impl Drop for Guard {
            fn drop(&mut self) {
                self.0.state().locked.remove(&self.1);
            }
        }
        let free = self.state().locked.insert(file.into());
        Ok(free.then(|| Box::new(Guard(self.clone(), file.into())) as Lock))
    }

    fn names(&self, folder: &Path) -> io::Result<Option<Vec<String>>> {
        let state = self.state();
        let here = state.names.keys().filter(|path| path.parent() == Some(folder));
        let names = here.map(|path| path.file_name().unwrap().to_str().unwrap().into()).collect();
        Ok((state.names.get(folder) == Some(&Node::Folder)).then_some(names))
    }

    fn read(&self, file: &Path) -> io::Result<Option<Vec<u8>>> {
        let act = self.state().before_read.take_if(|(path, _)| path == file);
        act.into_iter().for_each(|(_, act)| act());
        let state = self.state();
        match state.names.get(file) {
            Some(Node::File(file)) => Ok(Some(state.files[*file].bytes.clone())),
            Some(Node::Folder) => Err(fault()),
            None => Ok(None),
        }
    }

    fn exists(&self, file: &Path) -> io::Result<bool> {
        Ok(self.state().names.contains_key(file))
    }

    fn make_folder(&self, folder: &Path) -> io::Result<bool> {
        let mut state = self.state();
        if state.names.contains_key(folder) {
            return Ok(false);
        }
        state.change(format!("make {}", folder.display()))?;
        state.names.insert(folder.into(), Node::Folder);
        Ok(true)
    }

    fn create(&self, file: &Path) -> io::Result<Box<dyn Open>> {
        let mut state = self.state();
        state.change(format!("create {}", file.display()))?;
        state.files.push(File::default());
        let number = state.files.len() - 1;
        state.names.insert(file.into(), Node::File(number));
        Ok(Box::new(Handle { disk: self.clone(), file: number }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.change(format!("rename to {}", to.display()))?;
        let node = state.names.remove(from).ok_or_else(fault)?;
        state.names.insert(to.into(), node);
        Ok(())
    }

    fn remove(&self, file: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.change(format!("remove {}", file.display()))?;
        state.names.remove(file);
        Ok(())
    }

    fn remove_folder(&self, folder: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.change(format!("remove {}", folder.display()))?;
        if state.names.keys().any(|path| path.parent() == Some(folder)) {
            return Err(fault());
        }
        state.names.remove(folder);
        Ok(())
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.change(format!("flush {}", folder.display()))?;
        let folder = if folder == Path::new(".") { Path::new("") } else { folder };
        let State { names, durable, .. } = &mut *state;
        let here = |path: &PathBuf| path.parent() == Some(folder);
        durable.retain(|path, _| !here(path));
        durable.extend(names.iter().filter(|(path, _)| here(path)).map(|(p, n)| (p.clone(), *n)));
        Ok(())
    }
}

/// Numbers that look random and are the same in each run.
pub struct Dice(pub u64);

impl Dice {
    /// Returns a number below `below`.
    pub fn roll(&mut self, below: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % below
    }
}

/// The folder of the log.
pub const FOLDER: &str = "ledger";

/// Returns a log's key.
pub fn key() -> SigningKey {
    key_of("example.com/ledger/hall", 7)
}

/// Returns a key.
pub fn key_of(name: &str, seed: u8) -> SigningKey {
    SigningKey::from_seed(Name::new(name).unwrap(), &[seed; 32]).unwrap()
}

/// Returns an entry that no other number gives.
pub fn entry(number: u64) -> Entry {
    let mut entry = [0x5a; ENTRY_BYTES];
    entry[..8].copy_from_slice(&number.to_be_bytes());
    entry
}

/// Returns the entries with these numbers.
pub fn entries(numbers: std::ops::Range<u64>) -> Vec<Entry> {
    numbers.map(entry).collect()
}

/// Returns the root of a log.
pub fn root(entries: &[Entry]) -> Hash {
    let mut edge = Edge::default();
    entries.iter().for_each(|entry| drop(edge.push(leaf(entry)).unwrap()));
    edge.root()
}

/// Opens the log on a disk.
pub fn open(disk: &Memory) -> Result<(Store, Recovery), crate::OpenError> {
    recover::open(Arc::new(disk.clone()), Path::new(FOLDER), key(), &Options::default())
}

/// Makes a log of the entries 0, 1, 2 and so on, in groups of these lengths, and signs it.
pub fn log_of(groups: &[u64]) -> Memory {
    let disk = Memory::new();
    let (mut store, _) = open(&disk).unwrap();
    append(&mut store, groups);
    store.sign().unwrap();
    disk
}

/// Appends groups of these lengths, with the entries that come next.
pub fn append(store: &mut Store, groups: &[u64]) {
    for count in groups {
        let first = store.size();
        store.append(&entries(first..first + count)).unwrap();
        store.roll().unwrap();
    }
}
