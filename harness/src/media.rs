//! What the drawn cameras saw, as the requests of enrolled cameras.
//!
//! It must never invent footage.

use eyesonly_demo::Footage;

use crate::people;
use crate::request::Request;

/// Makes the requests by which an enrolled camera hands in all that a drawn one saw, as of now.
pub fn requests(footage: &Footage, enrolled: &people::Camera) -> Vec<Request> {
    let request = |upload: &eyesonly_demo::Upload| {
        enrolled.upload(&upload.path, upload.media_type).with_body(upload.body.clone())
    };
    footage.uploads.iter().map(request).collect()
}
