//! A cell: one change to the pristine data folder, the answer that each question must then get, and
//! the counts.

use crate::world::{Seen, World};
use eyesonly_tests::without_times;

/// The change that one cell makes to the data folder.
pub type Swap = Box<dyn Fn(&World)>;

/// The outcome that a question must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// The right answer, whole.
    Right,
    /// A problem of this status.
    Refused(u16),
    /// Another whole answer of this status: less than before, and of nobody else.
    Other(u16),
    /// The right start, then the connection is cut.
    Cut,
}

/// One swap, and its expected outcomes. A question that no pattern names must be answered
/// correctly.
pub struct Cell {
    pub name: &'static str,
    pub swap: Swap,
    /// Patterns of questions (`*` at the end: any rest). The first that fits gives the outcome.
    pub expected: &'static [(&'static str, Expect)],
    /// The seams and faults that are counted; no other is.
    pub counted: &'static [(&'static str, &'static str)],
}

/// Makes a cell, with its columns in the order of the table.
pub fn cell(
    name: &'static str,
    swap: Swap,
    expected: &'static [(&'static str, Expect)],
    counted: &'static [(&'static str, &'static str)],
) -> Cell {
    Cell { name, swap, expected, counted }
}

impl Cell {
    fn expects(&self, key: &str) -> Expect {
        let fits = |pattern: &str| {
            pattern.strip_suffix('*').map_or(pattern == key, |start| key.starts_with(start))
        };
        self.expected
            .iter()
            .find(|(pattern, _)| fits(pattern))
            .map_or(Expect::Right, |(_, expect)| *expect)
    }

    /// Returns everything that was not as the cell says.
    pub async fn judge(&self, world: &World) -> Vec<String> {
        let mut wrong = Vec::new();
        let asked = world.ask_all().await;
        for (pattern, _) in self.expected {
            let start = pattern.trim_end_matches('*');
            assert!(
                asked.keys().any(|key| key.starts_with(start)),
                "{}: no question fits {pattern}",
                self.name
            );
        }
        for (key, seen) in &asked {
            if let Err(why) = judge(world, key, seen, self.expects(key)) {
                wrong.push(format!("{}: {key}: {why}", self.name));
            }
        }
        let counts = world.misdeliveries().await;
        let counted: Vec<_> =
            counts.keys().map(|(seam, fault)| (seam.as_str(), fault.as_str())).collect();
        let (mut counted, mut expected) = (counted, self.counted.to_vec());
        counted.sort_unstable();
        expected.sort_unstable();
        if counted != expected {
            wrong.push(format!("{}: counted {counted:?}, expected {expected:?}", self.name));
        }
        wrong
    }
}

/// Says whether this is the right list of cameras, with the right times of stills or none.
fn is_list(right: &Seen, seen: &Seen) -> bool {
    let (right_list, right_times) = without_times(&right.body);
    let (list, times) = without_times(&seen.body);
    let are_times = times.iter().zip(&right_times).all(|(a, b)| a.is_null() || a == b);
    (seen.status, seen.whole, list) == (right.status, right.whole, right_list) && are_times
}

/// Checks that one answer is the expected one, and nobody else's.
pub fn judge(world: &World, key: &str, seen: &Seen, expect: Expect) -> Result<(), String> {
    let right = &world.right[key];
    let owner = key.split_once('/').unwrap().0;
    let foreign = world.right.iter().filter(|(other, _)| {
        !other.starts_with(owner) && !other.ends_with("/upload") && !other.ends_with("/login")
    });
    for (other, other_seen) in foreign {
        if seen.body == other_seen.body {
            return Err(format!("EXPOSURE: it was answered with {other}"));
        }
    }
    let fine = match expect {
        Expect::Right if key.ends_with("/cameras") => is_list(right, seen),
        Expect::Right => seen == right,
        Expect::Refused(status) | Expect::Other(status) => {
            seen.whole && seen.status == status && seen.body != right.body
        }
        Expect::Cut => {
            !seen.whole && seen.status == right.status && right.body.starts_with(&seen.body)
        }
    };
    if fine {
        return Ok(());
    }
    let whole = if seen.whole { "whole" } else { "cut" };
    let same = if seen.body == right.body { "the right" } else { "another" };
    Err(format!(
        "expected {expect:?}, saw {} with {same} body of {} bytes, {whole}",
        seen.status,
        seen.body.len()
    ))
}
