//! Storm's build alone: what a host without its defences would do, and whose each name is. It must never be compiled into what is deployed.

pub mod plain;
pub mod whose;
