//! The calls that a guest may make, and the results of those that it may not make.

use super::*;
use eyesonly_service::chain::Chain;

/// The outcome of one question, as text.
async fn outcome(handler: &Handler, question: u32) -> String {
    told(ask(handler, question).await)
}

fn told(outcome: Result<Answer, HandlerFailure>) -> String {
    match outcome {
        Ok(answer) => {
            let status = answer.status();
            match answer.content() {
                Content::Empty => format!("{status:?}, empty"),
                Content::Bytes(bytes) => format!("{status:?}, {} bytes", bytes.len()),
                Content::Footage { offset, length, .. } => {
                    format!("{status:?}, {length} bytes of footage from {offset}")
                }
                Content::Live { part, .. } => format!("{status:?}, a segment, {part:?}"),
            }
        }
        Err(failure) => Chain(&failure).to_string(),
    }
}

/// Loads the guest that misbehaves, under limits that the test chooses.
fn misbehave(limits: Limits) -> Handler {
    let sandbox = Sandbox::new(limits, None).unwrap();
    loaded(&sandbox, "misbehave").unwrap()
}

async fn check(question: u32, expected: &str) {
    let handler = guest("misbehave");
    assert_eq!(outcome(&handler, question).await, expected);
    // Whatever the guest did, the next request is served.
    assert_eq!(outcome(&handler, 0).await, "Ok, 40 bytes of footage from 0");
}

#[tokio::test]
async fn an_answer_by_handle_is_the_objects_bytes() {
    let home = home_with(STILL).await;
    let grant = home.grant(Action::Live).await;
    let handler = guest("misbehave");
    let asked = handler.handle(Arc::clone(&home.footage), Arc::clone(&grant), width(0));
    assert_eq!(arrives(&home, &grant, asked.await.unwrap()).await, STILL);
}

#[tokio::test]
async fn a_trap_ends_its_own_request() {
    check(1, "the handler trapped: wasm trap: wasm `unreachable` instruction executed").await;
}

#[tokio::test]
async fn memory_without_end_is_refused() {
    check(3, "the handler asked for more memory than it may have").await;
}

#[tokio::test]
async fn recursion_without_end_is_a_trap() {
    // The compiler decides which of the guest's two stacks overflows first, and both are as long.
    // Below the linear one there is no memory.
    check(4, "the handler trapped: wasm trap: call stack exhausted").await;
}

#[tokio::test]
async fn ranges_stay_within_their_object() {
    check(5, "the handler's answer is not valid: a range past the end of its object").await;
    check(6, "the handler's answer is not valid: a range of no bytes").await;
    check(7, "the handler's answer is not valid: a range past the end of its object").await;
    check(8, "the handler's answer is not valid: a range past the end of its object").await;
}

#[tokio::test]
async fn answers_from_memory_have_a_limit() {
    check(15, "Ok, 1048576 bytes").await;
    check(9, "the handler's answer is not valid: more bytes than an answer may have").await;
    assert!(outcome(&guest("misbehave"), 10).await.starts_with("the handler trapped: "));
}

#[tokio::test]
async fn a_body_beside_an_error_is_dropped() {
    check(11, "NotFound, empty").await;
}

#[tokio::test]
async fn a_loop_is_ended_at_its_deadline() {
    let handler = misbehave(Limits { deadline_milliseconds: 20, ..Limits::default() });
    assert_eq!(outcome(&handler, 2).await, "the handler was not done within its deadline");
}

/// Both requests share one thread, so the loop must give it back.
#[tokio::test(flavor = "current_thread")]
async fn a_loop_does_not_hold_its_thread() {
    let handler = guest("misbehave");
    tokio::select! {
        biased;
        looped = outcome(&handler, 2) => panic!("the loop ended first: {looped}"),
        served = async {
            tokio::task::yield_now().await;
            outcome(&handler, 0).await
        } => assert_eq!(served, "Ok, 40 bytes of footage from 0"),
    }
    // The loop was dropped half-way, and its slot is usable.
    assert_eq!(outcome(&handler, 0).await, "Ok, 40 bytes of footage from 0");
}

async fn check_report(question: u32, expected: &[&str]) {
    let report =
        String::from_utf8(bytes(ask(&guest("misbehave"), question).await.unwrap())).unwrap();
    assert_eq!(report.lines().collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn wrong_questions_are_told_apart() {
    let expected = [
        "event-still of no id: invalid",
        "event-still of a path: invalid",
        "event-still of an absent id: not-found",
        "event-clip of an absent id: not-found",
        "event-clip of a long id: invalid",
        "get-event of an absent id: not-found",
        "get-event of a long id: invalid",
        "list-events, none: invalid",
        "list-events, too many: limit",
        "list-events, most: limit",
        "list-events before a word: invalid",
        "read nothing: invalid",
        "read at the end: invalid",
        "read past the end: invalid",
        "read at the end of numbers: invalid",
        "read too much: limit",
        "read over the end: 1",
        "read the first byte: 1",
    ];
    check_report(100, &expected).await;
}

#[tokio::test]
async fn open_objects_have_a_limit() {
    let expected =
        ["object 9: limit", "recall with no room: limit", "after one was dropped: \"opened\""];
    check_report(101, &expected).await;
}

#[tokio::test]
async fn a_rendition_of_one_of_two_objects_is_refused() {
    let expected = [
        "of the first: invalid",
        "of the second: invalid",
        "after the second was dropped: invalid",
    ];
    check_report(102, &expected).await;
}

#[tokio::test]
async fn renditions_are_checked() {
    let expected = [
        "no name: invalid",
        "a name too long: invalid",
        "a name with a slash: invalid",
        "a name in capitals: invalid",
        "no bytes: invalid",
        "too many bytes: limit",
        "recall of no name: invalid",
        "recall of a name too long: invalid",
        "recall, to be made: false",
        "recall of another meanwhile: limit",
        "rendition of a rendition: invalid",
        "recall of a rendition's: invalid",
        "recall of what was remembered: true",
    ];
    check_report(103, &expected).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_makes_a_rendition_and_the_others_get_it() {
    let handler = guest("misbehave");
    let home = home_with(STILL).await;
    let (footage, grant) = (Arc::clone(&home.footage), home.grant(Action::Live).await);
    let asked: Vec<_> = (0..32)
        .map(|number| {
            // Some of the instances that make the rendition trap half-way. The rest must not wait
            // for them for ever.
            let question = if number % 4 == 0 { 14 } else { 12 };
            let (handler, footage, grant) =
                (handler.clone(), Arc::clone(&footage), Arc::clone(&grant));
            (
                question,
                tokio::spawn(async move { handler.handle(footage, grant, width(question)).await }),
            )
        })
        .collect();
    for (question, answer) in asked {
        let answer = answer.await.unwrap();
        if question == 14 {
            assert!(matches!(answer, Err(HandlerFailure::Trapped(_))));
        } else {
            assert_eq!(arrives(&home, &grant, answer.unwrap()).await, STILL.get(..16).unwrap());
        }
    }
}

#[tokio::test(flavor = "current_thread")]
async fn a_rendition_is_made_when_a_core_is_free() {
    let handler = guest("misbehave");
    let house = &handler.0.house;
    let cores = house.decodes.take_all(house.limits.decodes_max).await.unwrap();
    let home = home_with(STILL).await;
    let grant = home.grant(Action::Live).await;
    let asked = handler.handle(Arc::clone(&home.footage), Arc::clone(&grant), width(12));
    let mut making = std::pin::pin!(asked);
    for _ in 0..1000 {
        assert!(futures::poll!(making.as_mut()).is_pending(), "made without a core");
        tokio::task::yield_now().await;
    }
    drop(cores);
    assert_eq!(arrives(&home, &grant, making.await.unwrap()).await, STILL.get(..16).unwrap());
}

#[tokio::test]
async fn a_full_queue_is_busy_at_once() {
    let handler = misbehave(Limits {
        instances_of_household_max: 1,
        queue_of_household_max: 1,
        ..Limits::default()
    });
    let (footage, grant) = household(STILL).await;
    let asked = || handler.handle(Arc::clone(&footage), Arc::clone(&grant), width(0));
    let house = &handler.0.house;
    let all = house.instances.take_all(house.limits.instances_max).await.unwrap();
    // One request has its household's turn and waits for an instance; the other waits behind it.
    let mut first = std::pin::pin!(asked());
    let mut second = std::pin::pin!(asked());
    for _ in 0..1000 {
        assert!(
            futures::poll!(first.as_mut()).is_pending()
                && futures::poll!(second.as_mut()).is_pending()
        );
        tokio::task::yield_now().await;
    }
    assert_eq!(told(asked().await), "too many requests are waiting for an instance");
    drop(all);
    assert_eq!(told(first.await), "Ok, 40 bytes of footage from 0");
    assert_eq!(told(second.await), "Ok, 40 bytes of footage from 0");
}

#[test]
fn a_clock_is_refused_at_load() {
    let error = loaded(&sandbox(), "wasi-import").unwrap_err().to_string();
    let expected = "asks for what it can't have: wasi:clocks/monotonic-clock@0.2.0";
    assert!(error.ends_with(expected), "{error}");
}

#[test]
fn handlers_import_the_contract_and_nothing_else() {
    let report = component_check::check(&component("misbehave")).unwrap();
    let names: Vec<&str> = report.imports.iter().map(|item| item.name.as_str()).collect();
    assert!(!names.is_empty());
    assert!(names.iter().all(|name| component_check::IMPORTS_ALLOWED.contains(name)), "{names:?}");
    assert_eq!(report.verdict, component_check::Verdict::Allowed);
}
