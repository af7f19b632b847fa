//! Collection: deletes what broken uploads and deletions left in the object store.

use super::{Listed, Store, StoreError};
use crate::catalogue::Catalogue;

/// The age, in milliseconds, at which an object without a row is collected while uploads may be on
/// their way. No upload takes so long from object to row.
pub const ORPHAN_MILLISECONDS: u64 = 24 * 3600 * 1000;
/// The same age where an operator asks for collection now. An object that has no row after so long
/// will never have one.
pub const ORPHAN_AT_ONCE_MILLISECONDS: u64 = 60 * 1000;
/// The number of names in one question.
const NAMES: usize = 500;

/// Deletes objects that were written before a time (milliseconds since 1970) and that nobody has.
/// Returns the number of deleted objects.
///
/// # Errors
/// [`StoreError`]; the objects that were not looked at stay.
pub async fn collect_before(
    catalogue: &Catalogue,
    store: &dyn Store,
    before_milliseconds: u64,
) -> Result<usize, StoreError> {
    collect(catalogue, store, &store.sweep(before_milliseconds).await?).await
}

/// Deletes those of these objects that nobody has. Returns the number of deleted objects.
///
/// # Errors
/// [`StoreError`]; the objects that were not looked at stay.
pub async fn collect(
    catalogue: &Catalogue,
    store: &dyn Store,
    listed: &[Listed],
) -> Result<usize, StoreError> {
    let mut collected = 0_usize;
    for some in listed.chunks(NAMES) {
        let names: Vec<_> = some.iter().map(|listed| listed.name).collect();
        let nobodys = catalogue.nobodys(&names).await;
        for name in nobodys.map_err(|e| StoreError::Unavailable(e.into()))? {
            store.delete(name).await?;
            collected = collected.saturating_add(1);
        }
    }
    Ok(collected)
}
