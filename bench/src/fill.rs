//! Fills registry and index with cameras and households that nobody asks for, so that a look-up
//! meets tables as large as those of an installation that has grown.
//!
//! The rows have the lengths of real ones, and random bytes. No key opens them.

use std::path::PathBuf;

use anyhow::Context as _;
use rusqlite::{Connection, Statement, params};
use serde::Deserialize;

/// The tables, and how many rows each camera or household has of a kind.
const RECORD: &str = "INSERT INTO records (kind, key, record, sequence) VALUES (?1, ?2, ?3, 1)";
const OBJECT: &str = "\
    INSERT INTO objects (slot, camera, kind, id, rendition, version, name, sealed_length, \
    body_digest, state, proof) VALUES (?1, ?2, 1, ?3, ?4, ?5, ?6, 12000, ?7, 1, ?8)";
const POINTER: &str = "\
    INSERT INTO pointers (camera, slot, kind, id, rendition, version, name, sealed_length, \
    body_digest, state, proof) VALUES (?1, ?2, 1, ?3, 0, ?4, ?5, 120000, ?6, 1, ?7)";
/// The kinds of records of a household, the lengths of their keys and of their sealed bytes.
const OF_HOUSEHOLD: [(&str, usize, usize); 4] =
    [("household", 16, 700), ("viewer", 16, 1300), ("session", 32, 350), ("account", 16, 450)];
/// The same of a camera.
const OF_CAMERA: (&str, usize, usize) = ("camera", 16, 450);

/// The input: the file, and how much is added.
#[derive(Deserialize)]
pub struct Input {
    database: PathBuf,
    cameras: u64,
    households: u64,
}

/// Fills the file in one transaction.
///
/// # Errors
/// The file is no database of an edge, or can't be written.
pub fn fill(input: &Input) -> anyhow::Result<()> {
    let mut connection = Connection::open(&input.database)?;
    // Nobody else has the file, and a crash only ends the bench.
    connection.execute_batch("PRAGMA synchronous = OFF; PRAGMA cache_size = -2000000;")?;
    let transaction = connection.transaction()?;
    {
        let mut random = Random(1);
        let mut record = transaction.prepare(RECORD).context("an edge's tables")?;
        let mut add = |record: &mut Statement<'_>, of: (&str, usize, usize)| {
            record.execute(params![of.0, random.bytes(of.1), random.bytes(of.2)])
        };
        for _ in 0..input.households {
            for kind in OF_HOUSEHOLD {
                add(&mut record, kind)?;
            }
        }
        for _ in 0..input.cameras {
            add(&mut record, OF_CAMERA)?;
        }
        let mut object = transaction.prepare(OBJECT)?;
        let mut pointer = transaction.prepare(POINTER)?;
        for _ in 0..input.cameras {
            let (camera, id, version) = (random.bytes(16), random.bytes(16), random.bytes(16));
            let [slot, name, digest, proof] = [(); 4].map(|()| random.bytes(32));
            pointer.execute(params![camera, slot, id, version, name, digest, proof])?;
            for rendition in [0, 1] {
                let [slot, name, digest, proof] = [(); 4].map(|()| random.bytes(32));
                object
                    .execute(params![slot, camera, id, rendition, version, name, digest, proof])?;
            }
        }
    }
    transaction.commit()?;
    println!("filled");
    Ok(())
}

/// Numbers that look random: splitmix64, since nothing here is secret.
struct Random(u64);

impl Random {
    fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(length + 8);
        while bytes.len() < length {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = self.0;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            bytes.extend((z ^ (z >> 31)).to_le_bytes());
        }
        bytes.truncate(length);
        bytes
    }
}
