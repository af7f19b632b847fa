//! Tiers and stores take what was sealed here, and plain bytes were not.
use bytes::Bytes;
use eyesonly_gate::{Claimed, Plain, Sealed, SealedPart};

fn to_a_tier(_: Sealed) {}
fn to_a_store(_: SealedPart) {}

fn plain(bytes: Bytes, footage: Plain, claimed: Claimed) {
    to_a_store(bytes.clone());
    to_a_store(SealedPart(bytes));
    to_a_tier(footage);
    // They don't take what a seam gave back either, before it has authenticated.
    to_a_tier(claimed);
}

fn main() {}
