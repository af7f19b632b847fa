//! Forged rows of the index: proven with the index key of the camera that is asked about. The
//! details in them are sealed under that camera's day key.

use super::Forge;
use crate::defence::Defence;
use eyesonly_gate::vault::{ObjectRow, State};
use eyesonly_seal::{
    CameraId, CameraKey, Context, FootageId, HouseholdId, Kind, ObjectVersion, Question, Slot,
    open_all, seal_all,
};
use eyesonly_service::clock;

/// The random bits in the last eight bytes of an id.
const RANDOM_BITS: u64 = (1 << 62) - 1;

/// An event's details in the clear, and the version that they are sealed under.
struct Details {
    version: ObjectVersion,
    plain: Vec<u8>,
}

impl Forge {
    /// Turns another camera's rows into rows of `camera`. `id` is the event that was asked for, if
    /// it was one.
    pub fn rows_of_another(
        &self,
        rows: &[ObjectRow],
        camera: CameraId,
        id: Option<FootageId>,
    ) -> Option<Vec<ObjectRow>> {
        if !self.has(Defence::Rows) {
            return None;
        }
        let forged = rows.iter().map(|row| {
            let details = self.details(row)?;
            self.event_row(camera, id.unwrap_or(row.id), &details)
        });
        forged.collect()
    }

    /// Repeats an event under a new id, so that the copy lies between the event and the next one.
    pub fn row_again(&self, row: &ObjectRow) -> Option<ObjectRow> {
        let id = before(row.id, 1)?;
        self.has(Defence::Rows).then(|| self.event_row(row.camera, id, &self.details(row)?))?
    }

    /// Moves events of another page to below `cursor`, in their order.
    pub fn rows_below(&self, rows: &[ObjectRow], cursor: FootageId) -> Option<Vec<ObjectRow>> {
        if !self.has(Defence::Rows) {
            return None;
        }
        let moved = rows.iter().zip(1..).map(|(row, nth)| {
            let details = self.details(row)?;
            self.event_row(row.camera, before(cursor, nth)?, &details)
        });
        moved.collect()
    }

    /// Makes the row that is there say that it is of the body that was handed in just now.
    pub fn row_of_the_same_body(
        &self,
        stands: &ObjectRow,
        body_digest: [u8; 32],
    ) -> Option<ObjectRow> {
        if !self.has(Defence::Conflict) || stands.state != State::Live {
            return None;
        }
        let key = self.names.camera_key(stands.camera)?;
        Some(proven(&key, ObjectRow { body_digest, ..stands.clone() }))
    }

    fn details(&self, row: &ObjectRow) -> Option<Details> {
        let household = self.names.household_of(row.camera)?;
        let key = self.names.camera_key(row.camera)?;
        let context =
            Context::footage(&question(household, row.camera, row.id), row.version).ok()?;
        let plain = open_all(&key.footage_key(&row.id), &context, row.inline.as_deref()?).ok()?;
        Some(Details { version: row.version, plain })
    }

    fn event_row(&self, camera: CameraId, id: FootageId, details: &Details) -> Option<ObjectRow> {
        let household = self.names.household_of(camera)?;
        let key = self.names.camera_key(camera)?;
        let question = question(household, camera, id);
        let context = Context::footage(&question, details.version).ok()?;
        let inline =
            seal_all(&key.footage_key(&id), &context, clock::random(), &details.plain).ok()?;
        let row = ObjectRow {
            slot: key.slot_name(&Slot::footage(&question).ok()?),
            camera,
            kind: Kind::Event,
            id,
            rendition: false,
            version: details.version,
            name: key.object_name(&context),
            sealed_length: inline.len() as u64,
            body_digest: [0; 32],
            state: State::Live,
            inline: Some(inline),
            proof: [0; 32],
        };
        Some(proven(&key, row))
    }
}

fn question<'a>(household: HouseholdId, camera: CameraId, object: FootageId) -> Question<'a> {
    Question { household, camera, kind: Kind::Event, rendition: None, object }
}

/// Proves a row with its camera's index key, as SPEC.md says in "The index".
fn proven(key: &CameraKey, row: ObjectRow) -> ObjectRow {
    let proof = key.index_key().mac(&[
        b"object",
        row.slot.as_bytes(),
        row.camera.as_bytes(),
        &[row.kind.code(), u8::from(row.rendition), row.state as u8],
        row.id.as_bytes(),
        row.version.as_bytes(),
        row.name.as_bytes(),
        &row.sealed_length.to_be_bytes(),
        &row.body_digest,
    ]);
    ObjectRow { proof, ..row }
}

/// Returns the `nth` id before this one, of the same moment.
fn before(id: FootageId, nth: u64) -> Option<FootageId> {
    let bytes = *id.as_bytes();
    let (head, tail) = bytes.split_first_chunk::<8>()?;
    let tail = u64::from_be_bytes(tail.try_into().ok()?);
    let lower = (tail & RANDOM_BITS).checked_sub(nth)? | (tail & !RANDOM_BITS);
    FootageId::from_bytes([*head, lower.to_be_bytes()].concat().try_into().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_before_an_id_are_in_order_and_of_the_same_moment() {
        let id = FootageId::from_time(1_800_000_000_000, [7; 10]).unwrap();
        let [first, second] = [1, 2].map(|nth| before(id, nth).unwrap());
        assert!(second < first && first < id);
        assert_eq!(second.time_milliseconds(), id.time_milliseconds());
        let least = FootageId::from_time(1_800_000_000_000, [0; 10]).unwrap();
        assert_eq!(before(least, 1), None);
    }
}
