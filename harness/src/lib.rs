//! Launches an edge of either edition, administers it, and says what its cameras and viewers send.
//!
//! The suites (`tests/`) and the tasks (`xtask/`) share this room. Requests are plain data here:
//! the suites send them by an asynchronous client with HTTP/2 and TLS, the tasks by a small
//! blocking one. The room must never link the host, bring an HTTP client or a runtime, or panic.

pub mod command_line;
pub mod footage;
pub mod installation;
pub mod media;
pub mod paths;
pub mod people;
pub mod process;
pub mod request;
