//! Proofs, verified without the log (RFC 9162, sections 2.1.3.2 and 2.1.4.2).

use crate::hash::{EMPTY_ROOT, Hash, node};

/// The reason why a proof was rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// A log of this size has no such entry, or had no such size before.
    #[error("a log of this size has no such entry and no such size before it")]
    OutOfRange,
    /// The proof has more or fewer hashes than its place in the tree asks for.
    #[error("the proof has too many or too few hashes")]
    Length,
    /// The proof leads to another root.
    #[error("the proof leads to another root")]
    Root,
    /// The proof leads to another root of the smaller log.
    #[error("the proof leads to another root of the smaller log")]
    OldRoot,
}

/// A way from a node up to the root: the indices of the node and of the last node in its row.
struct Climb {
    at: u64,
    last: u64,
}

impl Climb {
    /// Goes one row up. Returns whether the proof's hash stands on the left. If the node has no
    /// neighbour there, rows are skipped until it has one. Returns `None` at the root.
    fn step(&mut self) -> Option<bool> {
        if self.last == 0 {
            return None;
        }
        let on_the_left = self.at % 2 == 1 || self.at == self.last;
        while on_the_left && self.at.is_multiple_of(2) && self.at != 0 {
            self.up();
        }
        self.up();
        Some(on_the_left)
    }

    fn up(&mut self) {
        self.at >>= 1;
        self.last >>= 1;
    }
}

/// Verifies that the log of this size and root has an entry with this leaf hash at this index.
pub fn verify_inclusion(
    leaf: &Hash,
    index: u64,
    size: u64,
    root: &Hash,
    proof: &[Hash],
) -> Result<(), ProofError> {
    let last = size.checked_sub(1).filter(|last| index <= *last).ok_or(ProofError::OutOfRange)?;
    let mut climb = Climb { at: index, last };
    let mut hash = *leaf;
    for other in proof {
        let on_the_left = climb.step().ok_or(ProofError::Length)?;
        hash = if on_the_left { node(other, &hash) } else { node(&hash, other) };
    }
    (climb.last == 0).then_some(()).ok_or(ProofError::Length)?;
    (hash == *root).then_some(()).ok_or(ProofError::Root)
}

/// Verifies that the log `to`, a size and a root, has all of the log `from` before its other
/// entries. The proof is empty if the sizes are equal, or if `from` has no entries.
pub fn verify_consistency(
    from: (u64, &Hash),
    to: (u64, &Hash),
    proof: &[Hash],
) -> Result<(), ProofError> {
    let (old_size, old_root) = from;
    let (size, root) = to;
    let (Some(old_last), Some(last)) = (old_size.checked_sub(1), size.checked_sub(1)) else {
        return from_nothing(from, to, proof);
    };
    if old_size >= size {
        (old_size == size).then_some(()).ok_or(ProofError::OutOfRange)?;
        proof.is_empty().then_some(()).ok_or(ProofError::Length)?;
        return (old_root == root).then_some(()).ok_or(ProofError::OldRoot);
    }
    let mut climb = Climb { at: old_last, last };
    // Where the old log ends with a complete subtree, the proof starts above it.
    while climb.at % 2 == 1 {
        climb.up();
    }
    let (first, proof) = match proof.split_first() {
        _ if old_size.is_power_of_two() && !proof.is_empty() => (old_root, proof),
        Some(split) => split,
        None => return Err(ProofError::Length),
    };
    let (mut old, mut new) = (*first, *first);
    for other in proof {
        if climb.step().ok_or(ProofError::Length)? {
            old = node(other, &old);
            new = node(other, &new);
        } else {
            new = node(&new, other);
        }
    }
    (climb.last == 0).then_some(()).ok_or(ProofError::Length)?;
    (old == *old_root).then_some(()).ok_or(ProofError::OldRoot)?;
    (new == *root).then_some(()).ok_or(ProofError::Root)
}

/// Verifies that a log grew from one without entries, as every log does.
fn from_nothing(
    (old_size, old_root): (u64, &Hash),
    (size, root): (u64, &Hash),
    proof: &[Hash],
) -> Result<(), ProofError> {
    (old_size == 0).then_some(()).ok_or(ProofError::OutOfRange)?;
    proof.is_empty().then_some(()).ok_or(ProofError::Length)?;
    (*old_root == EMPTY_ROOT).then_some(()).ok_or(ProofError::OldRoot)?;
    (size > 0 || *root == EMPTY_ROOT).then_some(()).ok_or(ProofError::Root)
}

#[cfg(test)]
mod tests;
