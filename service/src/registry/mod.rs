//! Registries: the suite that every implementation of `eyesonly_gate::Registry` passes, and one in memory.

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
#[cfg(any(test, feature = "conformance"))]
pub mod memory;
