//! Support for the suites: starts the real binary and speaks to it as cameras and viewers do.
