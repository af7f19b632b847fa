//! The index in SQLite.
//!
//! Each question is one statement over one snapshot; only `known` may need several. The nonce comes
//! back through the statement: every row of the answer carries it. An answer without rows has one
//! row that is nothing but the nonce. It must never keep an answer.

mod change;

use super::registry::head;
use super::{Database, Fault};
use async_trait::async_trait;
use eyesonly_gate::vault::{ObjectRow, State};
use eyesonly_rights::{Nonce, Position};
use eyesonly_seal::{CameraId, FootageId, HouseholdId, Kind, ObjectName, ObjectVersion, SlotName};
use eyesonly_service::index::{
    Committed, Forgotten, INLINE_BYTES_MAX, Index, IndexError, Known, NewObject, PAGE_ROWS_MAX,
    Removed, Rows, SLOTS_MAX,
};
use rusqlite::types::Type;
use rusqlite::{Connection, Row, params, params_from_iter};
use std::fmt::Write as _;
use std::sync::Arc;

/// The columns of a row, in the order in which [`object_row`] reads them.
macro_rules! columns {
    () => {
        "slot, camera, kind, id, rendition, version, name, sealed_length, body_digest, state, \
         inline, proof"
    };
}
use columns;

/// Joins the answer's rows to a row that is only the nonce.
macro_rules! asked {
    ($rows:expr) => {
        concat!(
            "SELECT question.nonce, answer.* FROM (SELECT ?1 AS nonce) AS question LEFT JOIN \
             (SELECT ",
            columns!(),
            " FROM ",
            $rows,
            ") AS answer"
        )
    };
}

const EVENTS: &str = asked!(
    "objects WHERE camera = ?2 AND kind = ?3 AND rendition = 0 AND state = 1 AND id < ?4 \
     ORDER BY id DESC LIMIT ?5"
);
const NEWEST_STILL: &str = asked!("pointers WHERE camera = ?2");
const HOUSEHOLD_BYTES: &str =
    "SELECT coalesce((SELECT sealed_bytes FROM usage WHERE household = ?1), 0)";

/// The statement for names. It returns at least one row, so that an answer without names carries
/// nonce and position too.
const KNOWN: &str = "\
    SELECT ?1, registry.epoch, registry.rights, registry.sessions, live.name FROM registry \
    LEFT JOIN (SELECT name FROM objects WHERE state = 1) AS live ON live.name IN (";

/// An id greater than every footage id, because those have the variant bits 10.
const AFTER_EVERY_ID: [u8; 16] = [0xff; 16];

impl From<Fault> for IndexError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Full => Self::Full,
            fault => Self::Unavailable(fault.into()),
        }
    }
}

/// Statements with a list of parameters, one for each name. Each list has a power of two of them,
/// so that few statements are compiled.
#[derive(Debug)]
struct Lists(Vec<String>);

impl Lists {
    /// Builds each statement from `before`, the list and `after`. The list's parameters are
    /// numbered from `first`.
    fn new(before: &str, first: usize, after: &str) -> Self {
        let statement = |places: usize| {
            let mut text = String::from(before);
            for place in 0..places {
                let comma = if place == 0 { "" } else { ", " };
                // Writing to a string does not fail.
                let _written = write!(text, "{comma}?{}", first.saturating_add(place));
            }
            text.push_str(after);
            text
        };
        Self((0..=SLOTS_MAX.ilog2()).map(|power| statement(1 << power)).collect())
    }

    /// Returns the statement for this many names, and how many of its places stay empty (NULL is in
    /// no list).
    fn of(&self, names: usize) -> Result<(&str, usize), IndexError> {
        let places = names.max(1).next_power_of_two();
        let statement = usize::try_from(places.ilog2()).ok().and_then(|power| self.0.get(power));
        let statement = statement.ok_or(IndexError::Limit("names in one question"))?;
        Ok((statement, places.saturating_sub(names)))
    }
}

/// The index's part of a [`Database`].
#[derive(Debug, Clone)]
pub struct SqliteIndex {
    database: Arc<Database>,
    objects: Arc<Lists>,
    known: Arc<Lists>,
}

impl SqliteIndex {
    /// Makes an index over an open database.
    pub fn new(database: Arc<Database>) -> Self {
        let objects = Lists::new(concat!(asked!("objects"), " ON answer.slot IN ("), 2, ")");
        let known = Lists::new(KNOWN, 2, ")");
        Self { database, objects: Arc::new(objects), known: Arc::new(known) }
    }

    fn ask(&self, statement: &str, parameters: impl rusqlite::Params) -> Result<Rows, IndexError> {
        Ok(self.database.read(|connection| rows(connection, statement, parameters))?)
    }
}

/// Reads an answer. Each row has the nonce in its first column, then the columns of an object's
/// row, all NULL if there is no such row.
fn rows(
    connection: &Connection,
    statement: &str,
    parameters: impl rusqlite::Params,
) -> rusqlite::Result<Rows> {
    let mut statement = connection.prepare_cached(statement)?;
    let mut found = statement.query(parameters)?;
    let (mut nonce, mut rows) = (None, Vec::new());
    while let Some(row) = found.next()? {
        nonce = Some(Nonce::from_bytes(row.get(0)?));
        if row.get_ref(1)? != rusqlite::types::ValueRef::Null {
            rows.push(object_row(row, 1)?);
        }
    }
    let nonce = nonce.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
    Ok(Rows { echo: Some(nonce), rows })
}

/// Reads the columns of [`columns`] from `first` on. A row that no writer of ours wrote is an
/// error.
fn object_row(row: &Row<'_>, first: usize) -> rusqlite::Result<ObjectRow> {
    let column = |offset: usize| first.saturating_add(offset);
    let strange =
        |offset: usize, value: i64| rusqlite::Error::IntegralValueOutOfRange(column(offset), value);
    let kind: i64 = row.get(column(2))?;
    let state: i64 = row.get(column(9))?;
    Ok(ObjectRow {
        slot: SlotName::from_bytes(row.get(column(0))?),
        camera: CameraId::from_bytes(row.get(column(1))?),
        kind: u8::try_from(kind).ok().and_then(Kind::from_code).ok_or_else(|| strange(2, kind))?,
        id: FootageId::from_bytes(row.get(column(3))?).map_err(|error| {
            rusqlite::Error::FromSqlConversionFailure(column(3), Type::Blob, Box::new(error))
        })?,
        rendition: row.get(column(4))?,
        version: ObjectVersion::from_bytes(row.get(column(5))?),
        name: ObjectName::from_bytes(row.get(column(6))?),
        sealed_length: row.get::<_, i64>(column(7))?.cast_unsigned(),
        body_digest: row.get(column(8))?,
        state: match state {
            1 => State::Live,
            2 => State::Deleted,
            _ => return Err(strange(9, state)),
        },
        inline: row.get(column(10))?,
        proof: row.get(column(11))?,
    })
}

/// Refuses a row that the tables would refuse, with an error that names the fault.
fn check_new(new: &NewObject) -> Result<(), IndexError> {
    let inline = new.inline.as_ref();
    if inline.is_some_and(|inline| inline.bytes().len() > INLINE_BYTES_MAX) {
        return Err(IndexError::Limit("bytes of an object kept inline"));
    }
    for row in std::iter::once(&new.row).chain(&new.pointer) {
        if i64::try_from(row.sealed_length).is_err() {
            return Err(IndexError::Limit("bytes of an object"));
        }
        if row.state != State::Live {
            return Err(IndexError::Unavailable("a new row is live".into()));
        }
    }
    Ok(())
}

#[async_trait]
impl Index for SqliteIndex {
    async fn objects(&self, slots: &[SlotName], nonce: Nonce) -> Result<Rows, IndexError> {
        if slots.len() > SLOTS_MAX {
            return Err(IndexError::Limit("slots in one question"));
        }
        let (statement, empty) = self.objects.of(slots.len())?;
        let slots = slots.iter().map(|slot| Some(slot.as_bytes().as_slice()));
        let question = std::iter::once(Some(nonce.as_bytes().as_slice()));
        let parameters = question.chain(slots).chain(std::iter::repeat_n(None, empty));
        self.ask(statement, params_from_iter(parameters))
    }

    async fn events(
        &self,
        camera: CameraId,
        before: Option<FootageId>,
        limit: usize,
        nonce: Nonce,
    ) -> Result<Rows, IndexError> {
        let Some(limit) = i64::try_from(limit).ok().filter(|_| limit <= PAGE_ROWS_MAX) else {
            return Err(IndexError::Limit("rows in one page"));
        };
        let before = before.map_or(AFTER_EVERY_ID, |before| *before.as_bytes());
        let parameters =
            params![nonce.as_bytes(), camera.as_bytes(), Kind::Event.code(), before, limit];
        let mut answer = self.ask(EVENTS, parameters)?;
        // SQL promises no order after a join. The rows come in order, so the sort only checks.
        answer.rows.sort_by_key(|row| std::cmp::Reverse(row.id));
        Ok(answer)
    }

    async fn newest_still(&self, camera: CameraId, nonce: Nonce) -> Result<Rows, IndexError> {
        self.ask(NEWEST_STILL, params![nonce.as_bytes(), camera.as_bytes()])
    }

    async fn begin(&self, _: HouseholdId, _: CameraId) -> Result<(), IndexError> {
        Ok(())
    }

    async fn commit(&self, new: NewObject) -> Result<Committed, IndexError> {
        check_new(&new)?;
        self.database.write(move |connection| change::commit(connection, &new).map(Ok)).await
    }

    async fn delete_event(
        &self,
        household: HouseholdId,
        camera: CameraId,
        event: FootageId,
        tombstones: Vec<ObjectRow>,
    ) -> Result<Option<Removed>, IndexError> {
        let deletion = change::Deletion { household, camera, event, tombstones };
        self.database.write(move |connection| change::delete_event(connection, &deletion)).await
    }

    async fn forget(
        &self,
        household: HouseholdId,
        camera: CameraId,
        limit: usize,
        nonce: Nonce,
    ) -> Result<Forgotten, IndexError> {
        self.database
            .write(move |connection| {
                let rows = change::forget(connection, household, camera, limit)?;
                // The nonce goes through the statement, as everywhere, so that the one returned has
                // been in the database.
                let echo = connection
                    .prepare_cached("SELECT ?1")?
                    .query_row(params![nonce.as_bytes()], |row| row.get(0))?;
                Ok(Ok(Forgotten { echo: Some(Nonce::from_bytes(echo)), rows }))
            })
            .await
    }

    async fn household_bytes(&self, household: HouseholdId) -> Result<u64, IndexError> {
        let bytes: i64 = self.database.read(|connection| {
            connection
                .prepare_cached(HOUSEHOLD_BYTES)?
                .query_row(params![household.as_bytes()], |row| row.get(0))
        })?;
        Ok(bytes.cast_unsigned())
    }

    async fn known(&self, names: &[ObjectName], nonce: Nonce) -> Result<Known, IndexError> {
        let (mut known, mut earliest, mut echo) = (Vec::new(), None::<Position>, Some(nonce));
        // Puts at least one question, so that there is a position.
        let mut left = names;
        loop {
            let (names, rest) = left.split_at(left.len().min(SLOTS_MAX));
            left = rest;
            let (statement, empty) = self.known.of(names.len())?;
            let places = names.iter().map(|name| Some(name.as_bytes().as_slice()));
            let question = std::iter::once(Some(nonce.as_bytes().as_slice()));
            let parameters =
                params_from_iter(question.chain(places).chain(std::iter::repeat_n(None, empty)));
            self.database.read(|connection| {
                let mut statement = connection.prepare_cached(statement)?;
                let mut found = statement.query(parameters)?;
                while let Some(row) = found.next()? {
                    let (said, position) = head(row)?;
                    echo = echo.filter(|echo| *echo == said);
                    earliest =
                        Some(earliest.map_or(position, |earliest| earliest.earlier(&position)));
                    known.extend(row.get::<_, Option<[u8; 32]>>(4)?.map(ObjectName::from_bytes));
                }
                Ok(())
            })?;
            if left.is_empty() {
                break;
            }
            // The names may be a store's whole listing, and other tasks want this thread meanwhile.
            tokio::task::yield_now().await;
        }
        Ok(Known { echo, position: earliest.unwrap_or_default(), names: known })
    }

    fn reset(&self) {
        self.database.reset();
    }
}

#[cfg(test)]
mod tests;
