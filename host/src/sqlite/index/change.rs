//! The index's writes. Each runs on the writer in one savepoint: an error undoes all of it.

use super::{columns, object_row};
use eyesonly_gate::vault::{ObjectRow, State};
use eyesonly_seal::{CameraId, FootageId, HouseholdId, Kind};
use eyesonly_service::index::{
    Committed, IndexError, NewObject, Removed, SUPERSEDED_MAX, quota_bytes,
};
use rusqlite::{Connection, OptionalExtension, params};

macro_rules! insert_into {
    ($table:literal) => {
        concat!(
            "INSERT INTO ",
            $table,
            " (",
            columns!(),
            ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)"
        )
    };
}

const TAKEN: &str = concat!("SELECT ", columns!(), " FROM objects WHERE slot = ?1");
const LIVE: &str = "SELECT 1 FROM objects WHERE slot = ?1 AND state = 1";
const USED: &str = "SELECT coalesce((SELECT sealed_bytes FROM usage WHERE household = ?1), 0)";
const USE: &str = "\
    INSERT INTO usage (household, sealed_bytes) VALUES (?1, ?2) \
    ON CONFLICT (household) DO UPDATE SET sealed_bytes = excluded.sealed_bytes";
const WRITE: &str = insert_into!("objects");
/// Sets the pointer. It never goes back: a still that came earlier leaves it as it is.
const POINT: &str = concat!(
    insert_into!("pointers"),
    " ON CONFLICT (camera) DO UPDATE SET slot = excluded.slot, kind = excluded.kind, \
     id = excluded.id, rendition = excluded.rendition, version = excluded.version, \
     name = excluded.name, sealed_length = excluded.sealed_length, \
     body_digest = excluded.body_digest, state = excluded.state, inline = excluded.inline, \
     proof = excluded.proof WHERE excluded.version > pointers.version"
);
/// Selects every live row of an event: details, still, clip, and renditions.
const OF_EVENT: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM objects WHERE camera = ?1 AND kind IN (?2, ?3, ?4) AND rendition IN (0, 1) \
     AND id = ?5 AND state = 1"
);
/// Writes a tombstone. It sets everything that the proof covers, so that row and proof belong
/// together whatever the tombstone says.
const BURY: &str = "\
    UPDATE objects SET version = ?2, name = ?3, sealed_length = ?4, body_digest = ?5, \
    state = 2, inline = NULL, proof = ?6 WHERE slot = ?1";
/// Selects live rows of a camera, of every kind. The index of live rows starts with the camera.
const OF_CAMERA: &str =
    concat!("SELECT ", columns!(), " FROM objects WHERE camera = ?1 AND state = 1 LIMIT ?2");
const SUPERSEDED: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM objects WHERE camera = ?1 AND kind = ?2 AND rendition IN (0, 1) AND id < ?3 \
     AND version < ?4 AND state = 1 LIMIT ?5"
);
const UNPOINT: &str = "DELETE FROM pointers WHERE camera = ?1";
const REMOVE: &str = "DELETE FROM objects WHERE slot = ?1";

fn write_row(connection: &Connection, statement: &str, row: &ObjectRow) -> rusqlite::Result<()> {
    connection.prepare_cached(statement)?.execute(params![
        row.slot.as_bytes(),
        row.camera.as_bytes(),
        row.kind.code(),
        row.id.as_bytes(),
        row.rendition,
        row.version.as_bytes(),
        row.name.as_bytes(),
        row.sealed_length.cast_signed(),
        row.body_digest,
        row.state as u8,
        row.inline,
        row.proof,
    ])?;
    Ok(())
}

fn used(connection: &Connection, household: HouseholdId) -> rusqlite::Result<u64> {
    let bytes: i64 = connection
        .prepare_cached(USED)?
        .query_row(params![household.as_bytes()], |row| row.get(0))?;
    Ok(bytes.cast_unsigned())
}

fn set_used(connection: &Connection, household: HouseholdId, bytes: u64) -> rusqlite::Result<()> {
    connection.prepare_cached(USE)?.execute(params![household.as_bytes(), bytes.cast_signed()])?;
    Ok(())
}

/// Commits a new object. Nothing is written before every check has passed.
pub(super) fn commit(connection: &Connection, new: &NewObject) -> rusqlite::Result<Committed> {
    let slot = new.row.slot.as_bytes();
    let taken = connection
        .prepare_cached(TAKEN)?
        .query_row(params![slot], |row| object_row(row, 0))
        .optional()?;
    if let Some(row) = taken {
        return Ok(Committed::Taken(Box::new(row)));
    }
    if let Some(required) = &new.requires
        && !connection.prepare_cached(LIVE)?.exists(params![required.as_bytes()])?
    {
        return Ok(Committed::NoEvent);
    }
    let superseded = superseded(connection, new)?;
    let freed = superseded.iter().fold(0, |freed: u64, row| freed.saturating_add(quota_bytes(row)));
    // An object kept inline counts like one in the store: its sealed length is its length here.
    let bytes = used(connection, new.household)?
        .saturating_sub(freed)
        .saturating_add(quota_bytes(&new.row));
    if bytes > new.quota_bytes || i64::try_from(bytes).is_err() {
        return Ok(Committed::OverQuota);
    }
    for row in &superseded {
        remove(connection, row)?;
    }
    write_row(connection, WRITE, &new.kept_row())?;
    set_used(connection, new.household, bytes)?;
    if let Some(pointer) = &new.pointer {
        write_row(connection, POINT, pointer)?;
    }
    Ok(Committed::Written(superseded.into_iter().map(|row| row.name).collect()))
}

/// Returns the rows that a new still supersedes.
fn superseded(connection: &Connection, new: &NewObject) -> rusqlite::Result<Vec<ObjectRow>> {
    let Some(before) = &new.supersedes else {
        return Ok(Vec::new());
    };
    let limit = i64::try_from(SUPERSEDED_MAX).unwrap_or(i64::MAX);
    let mut statement = connection.prepare_cached(SUPERSEDED)?;
    let parameters = params![
        new.row.camera.as_bytes(),
        Kind::Still.code(),
        before.as_bytes(),
        new.row.version.as_bytes(),
        limit
    ];
    let rows = statement.query_map(parameters, |row| object_row(row, 0))?;
    rows.collect()
}

/// A deletion of one event.
pub(super) struct Deletion {
    pub(super) household: HouseholdId,
    pub(super) camera: CameraId,
    pub(super) event: FootageId,
    pub(super) tombstones: Vec<ObjectRow>,
}

pub(super) fn delete_event(
    connection: &Connection,
    deletion: &Deletion,
) -> rusqlite::Result<Result<Option<Removed>, IndexError>> {
    let live = rows_of_event(connection, deletion.camera, deletion.event)?;
    let Some(details) = live.iter().find(|row| row.kind == Kind::Event && !row.rendition) else {
        return Ok(Ok(None));
    };
    let tombstone_of = |row: &ObjectRow| {
        deletion.tombstones.iter().find(|tombstone| {
            tombstone.slot == row.slot
                && tombstone.camera == row.camera
                && tombstone.kind == row.kind
                && tombstone.id == row.id
                && tombstone.rendition == row.rendition
                && tombstone.state == State::Deleted
        })
    };
    // While the tombstone of the details exists, nothing of the event can be written: a write that
    // requires the details finds no event.
    if tombstone_of(details).is_none() {
        return Ok(Err(IndexError::Unavailable(
            "a deletion needs a tombstone for the event's details".into(),
        )));
    }
    let mut removed = Removed { names: Vec::with_capacity(live.len()), sealed_bytes: 0 };
    for row in &live {
        // Renditions have no tombstone. Neither has a clip that was committed after the tombstones
        // were made.
        match tombstone_of(row).filter(|_| !row.rendition) {
            Some(tombstone) => bury(connection, tombstone)?,
            None => remove(connection, row)?,
        }
        removed.names.push(row.name);
        removed.sealed_bytes = removed.sealed_bytes.saturating_add(quota_bytes(row));
    }
    let left = used(connection, deletion.household)?.saturating_sub(removed.sealed_bytes);
    set_used(connection, deletion.household, left)?;
    Ok(Ok(Some(removed)))
}

fn rows_of_event(
    connection: &Connection,
    camera: CameraId,
    event: FootageId,
) -> rusqlite::Result<Vec<ObjectRow>> {
    let [details, still, clip] = [Kind::Event, Kind::EventStill, Kind::Clip].map(Kind::code);
    let mut statement = connection.prepare_cached(OF_EVENT)?;
    let parameters = params![camera.as_bytes(), details, still, clip, event.as_bytes()];
    let rows = statement.query_map(parameters, |row| object_row(row, 0))?;
    rows.collect()
}

pub(super) fn forget(
    connection: &Connection,
    household: HouseholdId,
    camera: CameraId,
    limit: usize,
) -> rusqlite::Result<usize> {
    connection.prepare_cached(UNPOINT)?.execute(params![camera.as_bytes()])?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut statement = connection.prepare_cached(OF_CAMERA)?;
    let rows = statement
        .query_map(params![camera.as_bytes(), limit], |row| object_row(row, 0))?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let mut left = used(connection, household)?;
    for row in &rows {
        remove(connection, row)?;
        left = left.saturating_sub(quota_bytes(row));
    }
    set_used(connection, household, left)?;
    Ok(rows.len())
}

fn remove(connection: &Connection, row: &ObjectRow) -> rusqlite::Result<()> {
    connection.prepare_cached(REMOVE)?.execute(params![row.slot.as_bytes()])?;
    Ok(())
}

fn bury(connection: &Connection, tombstone: &ObjectRow) -> rusqlite::Result<()> {
    connection.prepare_cached(BURY)?.execute(params![
        tombstone.slot.as_bytes(),
        tombstone.version.as_bytes(),
        tombstone.name.as_bytes(),
        tombstone.sealed_length.cast_signed(),
        tombstone.body_digest,
        tombstone.proof,
    ])?;
    Ok(())
}
