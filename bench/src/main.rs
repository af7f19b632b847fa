//! The bench's parts in one binary: the conventional server's check (`auth`), the load of live view
//! (`live`), that of many viewers (`walls`), the host with and without its ledger (`edge`), a
//! database that has grown (`fill`), and the host's rooms one by one (`rooms`).
//!
//! `cargo xtask bench` starts the binary, with its input as JSON on standard input. This crate must
//! never be part of what is shipped, and never print a number that it did not measure.

mod auth;
mod edge;
mod fill;
mod live;
mod rooms;
mod walls;

use anyhow::bail;
use serde::Serialize;
use serde::de::DeserializeOwned;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> anyhow::Result<()> {
    match std::env::args().nth(1).as_deref() {
        Some("auth") => auth::serve(input()?),
        Some("fill") => fill::fill(&input()?),
        Some("edge") => edge::run(input()?),
        Some("walls") => say(&walls::load(input()?)?),
        Some("live") => say(&live::load(input()?)?),
        Some("rooms") => say(&rooms::measure(input()?)?),
        _ => bail!("run `cargo xtask bench`, which gives a part and its input"),
    }
}

fn input<T: DeserializeOwned>() -> anyhow::Result<T> {
    Ok(serde_json::from_reader(std::io::stdin().lock())?)
}

fn say(measured: &impl Serialize) -> anyhow::Result<()> {
    println!("{}", serde_json::to_string(measured)?);
    Ok(())
}
