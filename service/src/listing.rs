//! Proven pages of the registry's keys.

use eyesonly_gate::registry::{LIST_MAX, Listing, RegistryError};
use eyesonly_gate::{Records, Seam};
use eyesonly_rights::Fault;

/// The reason why there is no page.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// The registry gives no answer that proves its question.
    #[error("the registry gives no proven list")]
    Unproven,
    /// The registry does not answer.
    #[error("the registry does not answer")]
    Registry(#[from] RegistryError),
}

/// Lists the keys of one kind of record that come after `after`, in ascending order. A page that is
/// not full is the last one. That no key is withheld is not proven.
///
/// # Errors
/// [`ListError`] if no answer is proven.
pub async fn keys_after(
    records: &Records,
    kind: &'static str,
    after: Option<&[u8]>,
) -> Result<Listing, ListError> {
    for _ in 0..eyesonly_gate::records::ASKS_MAX {
        let asked = records.question();
        let page = records.registry().list(kind, after, LIST_MAX, asked.0).await?;
        let first = page.keys.first();
        let in_order = page.keys.is_sorted_by(|a, b| a < b)
            && first.is_none_or(|first| after.is_none_or(|after| first.as_slice() > after));
        let proven = records.check(asked, page.echo, Some(page.position));
        match proven.and(in_order.then_some(()).ok_or(Fault::WrongAnswer)) {
            Ok(()) => return Ok(page),
            Err(fault) => {
                records.reject(Seam::Registry, fault, None);
                records.registry().reset();
            }
        }
    }
    Err(ListError::Unproven)
}
