//! A grant can't be made or copied outside of the gate.
use eyesonly_gate::Grant;

fn copied(grant: &Grant) -> Grant {
    grant.clone()
}

fn made() -> impl Sized {
    Grant::new
}

fn main() {}
