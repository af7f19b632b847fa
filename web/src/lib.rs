//! The HTTP that both editions have in common, so that they answer alike. It has the table of
//! routes, the problems, ranges, credentials in requests, the headers of private answers, and the
//! pages.
//!
//! This crate is pure: it reads the heads and values of requests and returns heads and texts,
//! without IO or clock. It must never decide who may see what, nor hold a byte of footage.

pub mod answer;
pub mod ask;
#[cfg(feature = "service")]
pub mod change;
pub mod credential;
pub mod login;
pub mod openapi;
pub mod origin;
pub mod problem;
pub mod range;
pub mod routes;
#[cfg(feature = "service")]
pub mod sharing;
pub mod upload;
pub mod viewer;
