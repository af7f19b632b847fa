//! Prints how many entries a second this machine's disk takes, for 1, 64 and 1,024 tasks that
//! append one entry after the other. `cargo run --release --example rates FOLDER`

use eyesonly_ledger::{Log, Options};
use eyesonly_log::{ENTRY_BYTES, Name, SigningKey};
use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long each number of tasks appends.
const TIME: Duration = Duration::from_secs(5);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).ok_or("name an empty folder")?);
    for tasks in [1_usize, 64, 1024] {
        let key = SigningKey::from_seed(Name::new("example.com/ledger/hall")?, &[7; 32])?;
        let log = Arc::new(Log::open(&folder.join(tasks.to_string()), key, &Options::default())?);
        let start = Instant::now();
        let work = |log: Arc<Log>| async move {
            let mut waits = Vec::new();
            while start.elapsed() < TIME {
                let before = Instant::now();
                log.append(&[0x5a; ENTRY_BYTES]).await?;
                waits.push(before.elapsed());
            }
            Ok::<_, eyesonly_ledger::AppendError>(waits)
        };
        let tasks: Vec<_> = (0..tasks).map(|_| tokio::spawn(work(log.clone()))).collect();
        let count = tasks.len();
        let mut waits = Vec::new();
        for task in tasks {
            waits.extend(task.await??);
        }
        let seconds = start.elapsed().as_secs_f64();
        waits.sort();
        let at = |part: usize| waits.get(waits.len() * part / 1000).copied().unwrap_or_default();
        println!(
            "{count:5} tasks: {:7.0} entries/s, waits: median {:?}, 99 % {:?}, 99.9 % {:?}",
            waits.len() as f64 / seconds,
            at(500),
            at(990),
            at(999),
        );
        log.close().await?;
    }
    Ok(())
}
