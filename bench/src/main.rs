//! The bench's parts in one binary: the conventional server's check (`auth`), the load of live view
//! (`live`), that of many viewers (`walls`), the host with and without its ledger (`edge`), and the
//! host's rooms one by one (`rooms`).
//!
//! `cargo xtask bench` starts the binary, with its input as JSON on standard input. This crate must
//! never be part of what is shipped, and never print a number that it did not measure.

mod auth;
mod edge;
mod live;
mod rooms;
mod walls;

use anyhow::bail;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> anyhow::Result<()> {
    match std::env::args().nth(1).as_deref() {
        Some("auth") => auth::serve(serde_json::from_reader(std::io::stdin().lock())?),
        Some("edge") => edge::run(serde_json::from_reader(std::io::stdin().lock())?),
        Some("walls") => {
            let measured = walls::load(serde_json::from_reader(std::io::stdin().lock())?)?;
            println!("{}", serde_json::to_string(&measured)?);
            Ok(())
        }
        Some("live") => {
            let measured = live::load(serde_json::from_reader(std::io::stdin().lock())?)?;
            println!("{}", serde_json::to_string(&measured)?);
            Ok(())
        }
        Some("rooms") => {
            let measured = rooms::measure(serde_json::from_reader(std::io::stdin().lock())?)?;
            println!("{}", serde_json::to_string(&measured)?);
            Ok(())
        }
        _ => bail!("run `cargo xtask bench`, which gives a part and its input"),
    }
}
