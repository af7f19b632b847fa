//! Only a grant asks, and only what it covers. Nobody else makes a question.
use eyesonly_gate::{Asked, Grant};
use eyesonly_seal::{FootageId, Kind};
use std::sync::Arc;

fn made_up(holder: Arc<Grant>, id: FootageId) -> Asked {
    Asked { holder, kind: Kind::Clip, id, rendition: None }
}

/// Kinds and window can't be forgotten, because what is not covered is no question.
fn unchecked(grant: Arc<Grant>, id: FootageId) -> Asked {
    grant.ask(Kind::Clip, id)
}

fn main() {}
