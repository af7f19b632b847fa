//! The host's rooms one by one, on one thread and without a socket: the cost of a request in each
//! of them.
//!
//! It opens the data folder of an edge that has stopped, and asks as a viewer's request would. It
//! must never count a call that did not answer with what was asked for.

use std::hint::black_box;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use eyesonly::config::Config;
use eyesonly::http::Edge;
use eyesonly::sandbox::Question;
use eyesonly_gate::registry::RecordName;
use eyesonly_gate::rules::Status;
use eyesonly_gate::{Grant, RawCredential};
use eyesonly_rights::{Action, Record as _, SessionRecord, ViewerRecord};
use eyesonly_service::footage::Recalled;
use serde::{Deserialize, Serialize};

/// The rounds of each row. The median of them is what counts.
const ROUNDS: usize = 5;
/// The thumbnail handler's name for a rendition, with its version.
const RENDITION: &str = "w320-1";
const WIDTH: u32 = 320;

/// The request that is measured.
#[derive(Deserialize)]
pub struct Input {
    config: PathBuf,
    token: String,
    tag: String,
    camera: String,
    /// Events whose stills nobody has asked for yet.
    cold_events: Vec<String>,
    round_milliseconds: u64,
}

/// The microseconds of one call in each room.
#[derive(Serialize)]
pub struct Measured {
    /// A session and its viewer's record out of SQLite, unproven.
    registry_read: f64,
    /// Credential and route to grant: one read, proven, and the keys.
    admit: f64,
    /// The newest still found through the index.
    newest_still: f64,
    /// Its rendition out of the memory tier, opened whole.
    recall: f64,
    /// The handler's answer from the memory tier, which includes the two above.
    handle_hot: f64,
    /// The handler's answer that decodes and encodes: CPU time of the thread that runs it.
    handle_cold_cpu: f64,
}

/// Measures every room.
///
/// # Errors
/// The edge can't be opened, or a room does not answer as it should.
pub fn measure(input: Input) -> anyhow::Result<Measured> {
    let config = Config::read(&input.config)?;
    // The runtime has one thread: the cost of a call is measured, not how many there can be.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        // The disk of a ledger is not a room: the whole requests have it.
        let edge = crate::edge::open(&config, false)?;
        let measured = rooms(&edge, &input).await;
        // The renditions that were made cold are being written in the background.
        tokio::time::sleep(Duration::from_millis(200)).await;
        measured
    })
}

async fn rooms(edge: &Edge, input: &Input) -> anyhow::Result<Measured> {
    let (admission, footage) = (&edge.admission, &edge.footage);
    let raw = RawCredential::new(&input.token);
    let admit = || admission.admit(&raw, &input.tag, &input.camera, Action::Live);
    let grant = admit().await.context("admission")?;
    let requester = admission.identify(&raw).await.context("the session")?;
    let (session, viewer) = (requester.session(), requester.viewer());
    let round = Duration::from_millis(input.round_milliseconds);

    // The cold stills come first, while it is true that nobody has asked for them.
    let handle_cold_cpu = cold(edge, input).await?;
    handled(edge, &grant, None).await.context("the newest still")?;
    let newest = footage.newest_still(&grant).await?;
    let recall = async || match footage
        .recall(&newest, edge.handlers.thumbnail.sha256(), RENDITION)
        .await?
    {
        Recalled::AtHand(rendition) => Ok(rendition),
        Recalled::Make(_) => {
            bail!("the handler calls its rendition something else than {RENDITION}")
        }
    };
    Ok(Measured {
        registry_read: microseconds(round, async || {
            let records = admission.records();
            let key = SessionRecord::key_of(viewer, session);
            let session: RecordName<'_> = (SessionRecord::KIND, &key);
            let names = [session, (ViewerRecord::KIND, viewer.as_bytes())];
            let answer = records.registry().read(&names, records.question().0).await?;
            Ok(answer.records.iter().all(Option::is_some))
        })
        .await?,
        admit: microseconds(round, async || Ok(admit().await?.kinds().live)).await?,
        newest_still: microseconds(round, async || {
            Ok(footage.newest_still(&grant).await?.length() > 0)
        })
        .await?,
        recall: microseconds(round, async || Ok(recall().await?.length() > 0)).await?,
        handle_hot: microseconds(round, async || handled(edge, &grant, None).await.map(|()| true))
            .await?,
        handle_cold_cpu,
    })
}

/// Asks the handler for one still: of an event, or the newest if `event` is none.
async fn handled(edge: &Edge, grant: &Arc<Grant>, event: Option<String>) -> anyhow::Result<()> {
    let question = Question::Still { event, width: WIDTH };
    let answer = edge
        .handlers
        .thumbnail
        .handle(Arc::clone(&edge.footage), Arc::clone(grant), question)
        .await?;
    if answer.status() != Status::Ok {
        bail!("the handler answered {:?}", answer.status());
    }
    black_box(answer);
    Ok(())
}

/// Measures the CPU time of this thread for each cold still, in microseconds. Returns the median.
async fn cold(edge: &Edge, input: &Input) -> anyhow::Result<f64> {
    let raw = RawCredential::new(&input.token);
    let grant = edge.admission.admit(&raw, &input.tag, &input.camera, Action::Events).await?;
    let (first, rest) = input.cold_events.split_first().context("no cold events")?;
    handled(edge, &grant, Some(first.clone())).await?;
    let mut costs = Vec::new();
    for event in rest {
        let before = thread_cpu()?;
        handled(edge, &grant, Some(event.clone())).await?;
        costs.push(thread_cpu()?.saturating_sub(before).as_secs_f64() * 1e6);
    }
    median(costs)
}

/// Returns the CPU time that this thread has used until now, by the scheduler's own account. The
/// first number there is nanoseconds on a core.
fn thread_cpu() -> anyhow::Result<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")
        .context("the scheduler keeps no account")?;
    let nanoseconds = text
        .split(' ')
        .next()
        .unwrap_or_default()
        .parse()
        .context("/proc/thread-self/schedstat")?;
    Ok(Duration::from_nanos(nanoseconds))
}

/// Measures one `call` in microseconds: the median of the rounds. The call says whether it found
/// what it looked for.
async fn microseconds(
    round: Duration,
    call: impl AsyncFn() -> anyhow::Result<bool>,
) -> anyhow::Result<f64> {
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let (started, mut calls) = (Instant::now(), 0_u32);
        while started.elapsed() < round {
            for _ in 0..16 {
                if !call().await? {
                    bail!("a room answered that there is nothing");
                }
            }
            calls = calls.saturating_add(16);
        }
        rounds.push(started.elapsed().as_secs_f64() * 1e6 / f64::from(calls));
    }
    median(rounds)
}

fn median(mut values: Vec<f64>) -> anyhow::Result<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().context("nothing was measured")
}
