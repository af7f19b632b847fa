//! Checks of a page of rows that need no key: how many rows there may be, and in which order.
//!
//! Each check is a function of its own, so that a mutant of a check is named by its function.

use eyesonly_rights::Fault;
use eyesonly_seal::FootageId;

/// Checks that a page answers its question. The page has at most `limit` events, each older than
/// the one before, and none at or past the cursor.
///
/// # Errors
/// [`Fault::WrongAnswer`] for rows of another page, or for a row that comes twice.
pub fn in_order(
    before: Option<FootageId>,
    limit: usize,
    ids: impl Iterator<Item = FootageId>,
) -> Result<(), Fault> {
    let (mut cursor, mut count) = (before, 0_usize);
    for id in ids {
        count = count.saturating_add(1);
        if count > limit || cursor.is_some_and(|cursor| id >= cursor) {
            return Err(Fault::WrongAnswer);
        }
        cursor = Some(id);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_in_order_and_of_its_question() {
        let id = |time: u64| FootageId::from_time(time, [7; 10]).unwrap();
        let check = |before: Option<u64>, limit, ids: &[u64], expected: bool| {
            let found = in_order(before.map(id), limit, ids.iter().map(|time| id(*time)));
            assert_eq!(found.is_ok(), expected, "{before:?} {limit} {ids:?}");
        };
        check(None, 0, &[], true);
        check(None, 2, &[30, 20], true);
        check(None, 1, &[30, 20], false);
        check(None, 3, &[20, 20], false);
        check(None, 3, &[20, 30], false);
        check(Some(30), 3, &[20, 10], true);
        check(Some(30), 3, &[30, 10], false);
        check(Some(30), 3, &[40], false);
    }
}
