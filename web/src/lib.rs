//! What both editions say over HTTP, so that they say it alike: the table of routes, the problems, ranges, where a credential is in a request,
//! which headers a private answer has, the pages.
//!
//! Pure: requests' heads and values in, heads and texts out; no IO, no clock. It must never decide who may see what, nor hold a byte of footage.

pub mod answer;
pub mod ask;
pub mod credential;
pub mod login;
pub mod openapi;
pub mod problem;
pub mod range;
pub mod routes;
pub mod upload;
pub mod viewer;
