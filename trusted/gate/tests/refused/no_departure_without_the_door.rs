//! A private response is made of a departure, and only the gate makes one.
use eyesonly_gate::{Answer, Content, Departure, Grant};
use eyesonly_gate::rules::{MediaType, Status};
use std::sync::Arc;

fn answered(grant: Arc<Grant>) -> Answer {
    Answer { grant, status: Status::Ok, media_type: MediaType::Jpeg, content: Content::Empty }
}

fn departs(bytes: bytes::Bytes) -> Departure {
    Departure { length: Some(bytes.len() as u64) }
}

fn main() {}
