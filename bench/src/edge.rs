//! The host with its ledger on the disk, or with one in memory that keeps nothing: so what the
//! ledger costs is seen in one run.

use std::path::PathBuf;
use std::sync::Arc;

use eyesonly::config::Config;
use eyesonly::edge;
use eyesonly::http::{Edge, Listener, serve};
use eyesonly::ledger::LogLedger;
use eyesonly_gate::Keys as _;
use eyesonly_service::ledger::{Counts, MemoryLedger};
use serde::Deserialize;

/// The edge that is served.
#[derive(Debug, Clone, Deserialize)]
pub struct Input {
    /// The configuration of its data folder.
    config: PathBuf,
    /// Says whether the ledger is the one on the disk.
    ledger: bool,
}

/// Opens the edge of a data folder, with its ledger on the disk or with one in memory.
///
/// # Errors
/// The edge can't be opened.
pub fn open(config: &Config, ledger: bool) -> anyhow::Result<Arc<Edge>> {
    let data = edge::open_data(config)?;
    let handlers = edge::load_handlers(config, &data.keyring, |_| ())?;
    let seams = edge::seams(config, &data.database)?;
    let ledger: Arc<dyn Counts> = match ledger {
        true => Arc::new(LogLedger::open(&config.data, data.keyring.edge())?),
        false => Arc::new(MemoryLedger::default()),
    };
    Ok(edge::assemble(config, &data.keyring, seams, handlers, ledger))
}

/// Serves until the process is killed, and says where.
///
/// # Errors
/// The edge can't be opened.
pub fn run(input: Input) -> anyhow::Result<()> {
    let config = Config::read(&input.config)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let edge = open(&config, input.ledger)?;
        let listener = Listener::bind("listen", config.listen).await?;
        println!("listening on {}", listener.address);
        serve(edge, listener, None, std::future::pending()).await;
        Ok(())
    })
}
