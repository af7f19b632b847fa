//! Runs a question of the services to its end. Over a key-value store each question is answered at
//! once, so nothing here ever waits. A question that would have to wait is an error, and must never
//! become a panic or a wait without end.

/// Returns the answer, or none if the question did not end at once.
#[cfg(not(test))]
pub fn ended<F: Future>(question: F) -> Option<F::Output> {
    let answer = futures::FutureExt::now_or_never(question);
    if answer.is_none() {
        tracing::error!("a question did not end");
    }
    answer
}

/// Waits for the answer: in a native test the services hand some of their work to other threads.
#[cfg(test)]
#[allow(clippy::unnecessary_wraps, reason = "as the one that is deployed")]
pub fn ended<F: Future>(question: F) -> Option<F::Output> {
    Some(futures::executor::block_on(question))
}
