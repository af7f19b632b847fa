//! A connection pool in front of the registry, with questions that are cancelled while their reply
//! is on its way. No viewer is taken for another, and an honest question is answered in the end.

use super::scene::{admission, admit, move_in, record_key, viewer};
use super::{fails, holds};
use crate::registry::memory::MemoryRegistry;
use crate::sync::{Mutex, Semaphore, spawn};
use async_trait::async_trait;
use eyesonly_gate::registry::{
    Answer, Change, Listing, Nonce, Position, RecordName, Registry, RegistryError,
};
use eyesonly_gate::{Admission, Refused};
use eyesonly_rights::{Action, Record, ViewerRecord, prove};
use eyesonly_seal::ViewerId;
use shuttle::future::yield_now;
use std::collections::VecDeque;
use std::sync::Arc;

/// A pool of one connection, used by one question at a time. A cancelled question gives the
/// connection back with a reply that nobody has read.
struct Pool {
    registry: MemoryRegistry,
    connection: Arc<Semaphore>,
    replies: Mutex<VecDeque<Answer>>,
}

#[async_trait]
impl Registry for Pool {
    async fn read(&self, names: &[RecordName<'_>], nonce: Nonce) -> Result<Answer, RegistryError> {
        let connection = Arc::clone(&self.connection).acquire_owned().await;
        let reply = self.registry.read(names, nonce).await?;
        self.replies.lock().unwrap().push_back(reply);
        yield_now().await;
        let reply = self.replies.lock().unwrap().pop_front();
        drop(connection);
        reply.ok_or_else(|| RegistryError::Unavailable("the connection was closed".into()))
    }
    async fn commit(
        &self,
        changes: Vec<Change>,
        rights: Option<u64>,
    ) -> Result<Position, RegistryError> {
        self.registry.commit(changes, rights).await
    }
    async fn list(
        &self,
        kind: &'static str,
        after: Option<&[u8]>,
        limit: usize,
        nonce: Nonce,
    ) -> Result<Listing, RegistryError> {
        self.registry.list(kind, after, limit, nonce).await
    }
    fn reset(&self) {
        self.replies.lock().unwrap().clear();
    }
}

/// Asks the registry which viewer a request is from: admission, or a control.
#[async_trait]
trait Asks: Send + Sync + 'static {
    /// Returns the viewer for whom a request of household `n`'s viewer is taken. None: nobody can
    /// say.
    async fn who(admission: &Admission, n: u8) -> Option<ViewerId>;
}

struct Proves;

#[async_trait]
impl Asks for Proves {
    async fn who(admission: &Admission, n: u8) -> Option<ViewerId> {
        match admit(admission, n, Action::Live).await {
            Ok(grant) => Some(grant.requester().viewer()),
            Err(Refused::Unavailable(..)) => None,
            Err(refused) => panic!("refused for nothing: {refused}"),
        }
    }
}

/// A control that takes whatever answer comes for its own, as clients of databases do.
struct Believes;

#[async_trait]
impl Asks for Believes {
    async fn who(admission: &Admission, n: u8) -> Option<ViewerId> {
        let (key, records) = (viewer(n), admission.records());
        let names: [RecordName<'_>; 1] = [(ViewerRecord::KIND, key.as_bytes())];
        let answer = records.registry().read(&names, records.question().0).await.ok()?;
        let sealed = answer.records.iter().flatten().next()?;
        // The viewer under whose name the record opens.
        [0, 1].map(viewer).into_iter().find(|viewer| {
            let key = record_key();
            let read =
                prove::<ViewerRecord>(&key, viewer.as_bytes(), Some(sealed), &answer.position, 0);
            read.is_ok_and(|record| record.is_some())
        })
    }
}

/// Lets two viewers ask, while a third question is cancelled wherever it is by then.
async fn scene<A: Asks>() {
    let pool = Arc::new(Pool {
        registry: MemoryRegistry::default(),
        connection: Arc::new(Semaphore::new(1)),
        replies: Mutex::default(),
    });
    let (records, admission) = admission(Arc::clone(&pool) as _);
    move_in(&records, 0).await;
    move_in(&records, 1).await;
    let ask = |n: u8| {
        let admission = Arc::clone(&admission);
        spawn(async move {
            if let Some(who) = A::who(&admission, n).await {
                assert_eq!(who, viewer(n), "taken for another viewer");
            }
        })
    };
    let cancelled = ask(0);
    let others = [ask(1), ask(0)];
    yield_now().await;
    cancelled.abort();
    for other in others {
        other.await.unwrap();
    }
    let _ = cancelled.await;
    // Whatever was left on the connection, the second of two questions in a row is answered.
    let _first = A::who(&admission, 1).await;
    let second = A::who(&admission, 0).await.expect("not answered");
    assert_eq!(second, viewer(0), "taken for another viewer");
}

#[test]
fn nobody_is_taken_for_another_when_a_question_is_cancelled() {
    holds(scene::<Proves>, 1000);
}

#[test]
fn controls_are_caught() {
    fails(scene::<Believes>, "taken for another viewer");
}
