//! Bytes from a tier open only as a located object, and only a question under a grant leads to one.
use eyesonly_gate::vault::ObjectRow;
use eyesonly_gate::{Claimed, Grant, IntakeGrant, Located, OpenExtent};
use eyesonly_seal::{FootageId, Kind};

fn by_itself(extent: Claimed) -> OpenExtent {
    extent.open()
}

fn by_the_grant(grant: &Grant, extent: Claimed) -> OpenExtent {
    grant.accept(0, extent)
}

/// A camera names and seals what it offers, but can't open it.
fn by_a_camera(intake: &IntakeGrant, id: FootageId, row: &ObjectRow) -> Located {
    intake.offer(Kind::Clip, id).locate(row).unwrap().unwrap()
}

fn main() {}
