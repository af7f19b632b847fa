//! No instance ever sees data of another: a guest fills its memory with canaries and looks for
//! those of others.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use super::*;

const ANSWER: u32 = 0;
const TRAP: u32 = 1;
const SPIN: u32 = 2;
const GROW: u32 = 3;
const DEEP_TRAP: u32 = 4;

const INSTANCES: u32 = 100_000;
/// The number of instances asked at once: about as many as the pool holds.
const WAVE: u32 = 250;

fn question(mode: u32, seed: u32) -> Question {
    width(seed << 4 | mode)
}

/// The guest's report: how many canaries it found, and where its stack started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Report {
    found: u64,
    stack: u64,
}

fn report(body: &[u8]) -> Report {
    let (found, stack) = body.split_at(8);
    Report {
        found: u64::from_le_bytes(found.try_into().unwrap()),
        stack: u64::from_le_bytes(stack.try_into().unwrap()),
    }
}

/// Returns how an instance ends. Most answer, some trap, some are cut off in a loop, some grow far
/// beyond the resident limit.
fn mode(number: u32) -> u32 {
    match number % 100 {
        7 | 57 => TRAP,
        13 => DEEP_TRAP,
        31 | 32 => SPIN,
        71..=75 => GROW,
        _ => ANSWER,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_left_for_the_next_instance() {
    let handler = guest("canary");
    let (footage, grant) = household(STILL).await;
    let first = handler
        .handle(Arc::clone(&footage), Arc::clone(&grant), question(ANSWER, 0))
        .await
        .unwrap();
    let clean = report(&bytes(first));
    assert_eq!(clean.found, 0);
    let (answered, ended) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    for wave in 0..INSTANCES / WAVE {
        let asked: Vec<_> = (wave * WAVE..(wave + 1) * WAVE)
            .map(|number| {
                let (handler, footage, grant) =
                    (handler.clone(), Arc::clone(&footage), Arc::clone(&grant));
                let (answered, ended) = (Arc::clone(&answered), Arc::clone(&ended));
                tokio::spawn(async move {
                    let mode = mode(number);
                    // A loop gets a few time slices and no more; the others have all the time they
                    // need.
                    let limit = Duration::from_millis(if mode == SPIN { 5 } else { 60_000 });
                    let asked = question(mode, number + 1);
                    match (mode, handler.handle_within(limit, footage, grant, asked).await) {
                        (ANSWER | GROW, Ok(answer)) => {
                            assert_eq!(report(&bytes(answer)), clean, "instance {number}");
                            answered.fetch_add(1, Relaxed);
                        }
                        (TRAP | DEEP_TRAP, Err(HandlerFailure::Trapped(_)))
                        | (SPIN, Err(HandlerFailure::Deadline | HandlerFailure::Busy)) => {
                            ended.fetch_add(1, Relaxed);
                        }
                        (mode, Ok(_)) => panic!("instance {number} of mode {mode} answered"),
                        (mode, Err(failure)) => {
                            panic!("instance {number} of mode {mode}: {failure}")
                        }
                    }
                })
            })
            .collect();
        for one in asked {
            one.await.unwrap();
        }
    }
    assert_eq!(answered.load(Relaxed) + ended.load(Relaxed), u64::from(INSTANCES));
    assert_eq!(ended.load(Relaxed), u64::from(INSTANCES / 100 * 5));
}

/// Every slot of the pool is dirtied by instances that end in a loop. Then every slot is searched
/// at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_left_in_any_slot() {
    let handler = guest("canary");
    let (footage, grant) = household(STILL).await;
    let slots = handler.0.house.limits.instances_max;
    let asked = (0..slots).map(|number| {
        let (handler, footage, grant) = (handler.clone(), Arc::clone(&footage), Arc::clone(&grant));
        let limit = Duration::from_secs(2);
        tokio::spawn(async move {
            handler.handle_within(limit, footage, grant, question(SPIN, number + 1)).await
        })
    });
    for one in asked.collect::<Vec<_>>() {
        assert!(matches!(one.await.unwrap(), Err(HandlerFailure::Deadline)));
    }
    let far = Instant::now() + Duration::from_secs(600);
    let _running = handler.0.house.ticker.run();
    let mut stores: Vec<_> =
        (0..slots).map(|_| handler.store(Arc::clone(&footage), Arc::clone(&grant), far)).collect();
    let mut instances = Vec::new();
    for store in &mut stores {
        instances.push(handler.0.prepared.instantiate_async(store).await.unwrap());
    }
    for (store, instance) in stores.iter_mut().zip(instances) {
        assert_eq!(call(store, &instance, 1).await.found, 0);
    }
}

/// The negative control: the same guest, asked twice in one instance, finds what it left. So the
/// search works, and elsewhere it finds nothing because the instance is fresh.
#[tokio::test]
async fn a_reused_instance_would_be_caught() {
    let handler = guest("canary");
    let (footage, grant) = household(STILL).await;
    let _running = handler.0.house.ticker.run();
    let mut store = handler.store(footage, grant, Instant::now() + Duration::from_secs(600));
    let instance = handler.0.prepared.instantiate_async(&mut store).await.unwrap();
    assert_eq!(call(&mut store, &instance, 1).await.found, 0);
    let second = call(&mut store, &instance, 2).await;
    // It finds at least both statics, the heap block and the grown pages. The stack's canaries come
    // on top.
    assert!(second.found > 512 * 3 + 2 * 65536 / 8, "{second:?}");
}

async fn call(store: &mut Store<State>, instance: &FootageHandler, seed: u32) -> Report {
    let grant = store.data_mut().give_grant().unwrap();
    let asked = question(ANSWER, seed).into();
    let answer =
        instance.eyesonly_edge_handler().call_handle(&mut *store, grant, &asked).await.unwrap();
    let wire::Body::Bytes(body) = answer.body else {
        panic!("not bytes");
    };
    report(&body)
}
