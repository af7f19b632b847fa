//! A live chunk opens under a segment, and only a grant that proved a statement makes one.
use eyesonly_gate::Asked;
use eyesonly_gate::live::{Segment, Statement};

fn segment(asked: Asked, statement: Statement) -> Segment {
    Segment { asked, statement }
}

fn main() {}
