//! A grant can't be made or copied outside of the gate.
use eyesonly_gate::Grant;

fn copied(grant: &Grant) -> Grant {
    grant.clone()
}

fn made(permit: eyesonly_rights::Permit, key: &eyesonly_seal::HouseholdKey) -> Grant {
    Grant::new(permit, key, Default::default())
}

fn main() {}
