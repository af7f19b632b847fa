//! `eyesonly-engine`: serves the composed component of the Spin edition from the command line.
//!
//! The file of `--store` may be one that Spin made, and Spin can serve it again. It must never be
//! what a deployment runs.

use anyhow::{anyhow, bail};
use clap::Parser;
use eyesonly::keyvalue::SpinFile;
use eyesonly_engine::{Engine, STORE_NAME_DEFAULT};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use tokio::net::TcpListener;

/// Serves the composed component of the Spin edition without Spin, for tests.
#[derive(Parser)]
#[command(version, max_term_width = 100)]
struct Arguments {
    /// The component.
    #[arg(long, value_name = "FILE")]
    component: PathBuf,
    /// The SQLite file with its keys and values, as Spin has it; made if there is none.
    #[arg(long, value_name = "FILE")]
    store: PathBuf,
    /// The store in that file, and the name that the component asks for it by.
    #[arg(long, value_name = "NAME", default_value = STORE_NAME_DEFAULT)]
    store_name: String,
    /// A variable that the component may read; as often as there are variables.
    #[arg(long, value_name = "KEY=VALUE")]
    config: Vec<String>,
    /// Listen here; port 0 lets the system choose.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
}

#[tokio::main]
async fn main() -> ExitCode {
    let Err(error) = run(Arguments::parse()).await;
    // Each error here names its cause in its own text.
    eprintln!("eyesonly-engine: {error}");
    ExitCode::FAILURE
}

async fn run(arguments: Arguments) -> anyhow::Result<Infallible> {
    let kv = SpinFile::open(&arguments.store, &arguments.store_name)?;
    let engine = Engine::new(&arguments.component, Arc::new(kv), variables(&arguments.config)?)?
        .store_name(&arguments.store_name);
    let at = arguments.listen;
    let listener = TcpListener::bind(at)
        .await
        .map_err(|error| anyhow!("can't listen on {at}: {error}: choose another with --listen"))?;
    let address = listener.local_addr()?;
    let mut out = std::io::stdout();
    writeln!(out, "listening on http://{address}")?;
    out.flush()?;
    Ok(engine.serve(listener).await)
}

fn variables(arguments: &[String]) -> anyhow::Result<BTreeMap<String, String>> {
    let mut variables = BTreeMap::new();
    for argument in arguments {
        let Some((key, value)) = argument.split_once('=') else {
            // The message does not quote the argument, which may be a secret given without its
            // name.
            bail!("--config takes KEY=VALUE, and one of those given has no \"=\"");
        };
        if variables.insert(key.to_owned(), value.to_owned()).is_some() {
            bail!("--config {key}=… is given twice: give it once");
        }
    }
    Ok(variables)
}
