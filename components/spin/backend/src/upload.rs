//! Uploads: the services pull a body, the front pushes it. Between them are a queue for one piece
//! and the service's own work. After each piece that work runs until it asks for the next.
//!
//! INVARIANT: a piece that was pushed has been taken when `push` returns, so at most one waits and
//! what is acknowledged was read in full. An upload that is dropped, or ended before its body was
//! complete, leaves nothing visible. The front decides how long a body may take.

use crate::admission::answer;
use crate::state::Backend;
use bytes::Bytes;
use eyesonly_gate::{IntakeGrant, RawCredential};
use eyesonly_seal::Kind;
use eyesonly_service::ingest::{ContentDigest, Declared, Ingest, IngestError, Taken};
use eyesonly_web::problem::Problem;
use futures::Stream;
use std::cell::RefCell;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

/// The intake of a camera whose credential is in force.
pub struct Intake {
    ingest: Arc<Ingest>,
    grant: Arc<IntakeGrant>,
}

impl Backend {
    /// Makes a camera's own grant. No other function makes one. FROM CLIENT.
    ///
    /// # Errors
    /// [`Problem`]
    pub fn admit_camera(&self, credential: &str) -> Result<Intake, Problem> {
        self.first_question()?;
        let raw = RawCredential::new(credential);
        let grant = Arc::new(answer(self.admission().admit_camera(&raw))?);
        Ok(Intake { ingest: Arc::clone(self.ingest()), grant })
    }
}

/// The body did not come in full.
struct Broken;

/// The piece that the front has pushed and the service has not taken yet.
#[derive(Default)]
struct Queue {
    piece: Option<Bytes>,
    end: Option<Result<(), Broken>>,
    /// True if the service has asked for a piece that is not there: it has done all that it could.
    is_waiting: bool,
}

struct Feed(Arc<Mutex<Queue>>);

impl Stream for Feed {
    type Item = Result<Bytes, Broken>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut queue = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(piece) = queue.piece.take() {
            return Poll::Ready(Some(Ok(piece)));
        }
        match queue.end.take() {
            Some(Ok(())) => {
                // A further poll after the end gets the end again.
                queue.end = Some(Ok(()));
                Poll::Ready(None)
            }
            Some(Err(broken)) => Poll::Ready(Some(Err(broken))),
            None => {
                // No waker is needed: `push` and `finish` poll.
                queue.is_waiting = true;
                Poll::Pending
            }
        }
    }
}

type Work = Pin<Box<dyn Future<Output = Result<Taken, IngestError>>>>;

/// The state of an upload.
enum Step {
    /// The upload takes more.
    Taking(Work),
    /// The upload has ended without success.
    Refused(Problem),
}

/// An upload on its way in.
pub struct Upload {
    queue: Arc<Mutex<Queue>>,
    step: RefCell<Step>,
}

impl Intake {
    /// Starts to take `id`. FROM CLIENT: all of it.
    ///
    /// # Errors
    /// [`Problem`]: the upload can be refused without a byte of the body.
    pub fn begin(
        &self,
        kind: Kind,
        id: &str,
        length: Option<u64>,
        digest: Option<&str>,
    ) -> Result<Upload, Problem> {
        let digest = digest.map(ContentDigest::parse).transpose();
        let digest = digest.map_err(IngestError::from)?;
        let declared = Declared { length, digest };
        let queue = Arc::new(Mutex::new(Queue::default()));
        let feed = Feed(Arc::clone(&queue));
        let (ingest, grant, id) =
            (Arc::clone(&self.ingest), Arc::clone(&self.grant), id.to_owned());
        let work: Work = Box::pin(async move {
            match kind {
                Kind::Event => ingest.event(&grant, &id, declared, feed).await,
                kind => ingest.footage(&grant, kind, &id, declared, feed).await,
            }
        });
        let upload = Upload { queue, step: RefCell::new(Step::Taking(work)) };
        upload.take(None)?;
        Ok(upload)
    }
}

impl Upload {
    /// Takes more of the body. FROM CLIENT.
    ///
    /// # Errors
    /// [`Problem`]: the upload has ended.
    pub fn push(&self, bytes: Vec<u8>) -> Result<(), Problem> {
        // An empty piece has no content, and the service would skip it.
        if bytes.is_empty() { self.take(None) } else { self.take(Some(bytes.into())) }
    }

    fn take(&self, piece: Option<Bytes>) -> Result<(), Problem> {
        let mut step = self.step.try_borrow_mut().map_err(|_| Problem::Unavailable)?;
        let work = match &mut *step {
            Step::Taking(work) => work,
            Step::Refused(problem) => return Err(problem.clone()),
        };
        {
            let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
            queue.piece = piece;
            queue.is_waiting = false;
        }
        let polled = work.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        let problem = match polled {
            Poll::Pending if self.is_waiting() => return Ok(()),
            Poll::Pending => {
                tracing::error!("an upload waits for something other than its body");
                Problem::Unavailable
            }
            Poll::Ready(Err(error)) => error.into(),
            Poll::Ready(Ok(_)) => {
                tracing::error!("an upload was taken before its body had ended");
                Problem::Failed
            }
        };
        *step = Step::Refused(problem.clone());
        Err(problem)
    }

    /// Says whether the service took what was pushed and asks for more.
    fn is_waiting(&self) -> bool {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.is_waiting && queue.piece.is_none()
    }

    /// Ends the body, complete or not, and returns once it is durable.
    ///
    /// # Errors
    /// [`Problem`]: nothing of the upload is kept.
    pub fn finish(&self, complete: bool) -> Result<Taken, Problem> {
        let mut step = self.step.try_borrow_mut().map_err(|_| Problem::Unavailable)?;
        // Whether it succeeds or not, the upload takes no more.
        let mut work = match std::mem::replace(&mut *step, Step::Refused(Problem::Unavailable)) {
            Step::Taking(work) => work,
            Step::Refused(problem) => return Err(problem),
        };
        {
            let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
            queue.end = Some(if complete { Ok(()) } else { Err(Broken) });
        }
        match work.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(taken) => Ok(taken?),
            Poll::Pending => {
                tracing::error!("an upload did not end with its body");
                Err(Problem::Unavailable)
            }
        }
    }
}
