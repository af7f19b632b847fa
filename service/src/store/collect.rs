//! Collection: what broken uploads and deletions left in the object store goes.

use super::{Store, StoreError};
use crate::catalogue::Catalogue;

/// How old an object that the index does not have must be before it is collected while uploads may be on their way: none takes so long.
pub const ORPHAN_MILLISECONDS: u64 = 24 * 3600 * 1000;
/// The same where somebody asks for it now: none that is not in the index after so long will ever be.
pub const ORPHAN_AT_ONCE_MILLISECONDS: u64 = 60 * 1000;
/// Names asked for at once.
const NAMES: usize = 500;

/// Deletes objects written before a time (milliseconds since 1970) that nobody has, and says how many.
///
/// # Errors
/// [`StoreError`]; what was not looked at stays.
pub async fn collect_before(
    catalogue: &Catalogue,
    store: &dyn Store,
    before_milliseconds: u64,
) -> Result<usize, StoreError> {
    let listed = store.sweep(before_milliseconds).await?;
    let mut collected = 0_usize;
    for some in listed.chunks(NAMES) {
        let names: Vec<_> = some.iter().map(|listed| listed.name).collect();
        let nobodys = catalogue.nobodys(&names).await;
        for name in nobodys.map_err(|e| StoreError::Unavailable(e.to_string()))? {
            store.delete(name).await?;
            collected = collected.saturating_add(1);
        }
    }
    Ok(collected)
}
