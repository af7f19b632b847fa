//! Registries: the suite that every implementation of `eyesonly_gate::Registry` passes, and a
//! registry in memory.

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
#[cfg(any(test, feature = "conformance"))]
pub mod memory;
