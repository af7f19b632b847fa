//! The engine: how guests are compiled, laid out in memory and interrupted.
//!
//! Every setting here is part of the isolation between two requests. It must never turn on a
//! feature that a handler does not need. It must never keep a byte of one instance where the next
//! one could read it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};
use std::thread::{self, Thread};
use std::time::Duration;

use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig,
    WasmFeatures,
};

use super::limits::Limits;

/// The most core instances of a component. One that is made from one module has three: the module,
/// and two that connect its imports.
pub(super) const CORE_INSTANCES_MAX: u32 = 4;
/// The most tables of a component: one of the module, one that connects its imports, and one in
/// reserve.
pub(super) const TABLES_MAX: u32 = 3;
/// The most linear memories of a component. A handler has one.
pub(super) const MEMORIES_MAX: u32 = 1;
/// The length of one tick of the epoch.
const TICK: Duration = Duration::from_millis(1);
/// After this many ticks without an instance the ticker sleeps, so that an idle host does not wake
/// a core a thousand times a second. The number is large enough that a busy host never pays for a
/// wake-up.
const IDLE_TICKS: u32 = 1000;

/// The features that handlers are compiled with: those that Rust emits for wasm32, and SIMD for
/// decoding.
const FEATURES: WasmFeatures = WasmFeatures::WASM1
    .union(WasmFeatures::BULK_MEMORY)
    .union(WasmFeatures::MULTI_VALUE)
    .union(WasmFeatures::SATURATING_FLOAT_TO_INT)
    .union(WasmFeatures::SIGN_EXTENSION)
    .union(WasmFeatures::REFERENCE_TYPES)
    .union(WasmFeatures::SIMD)
    .union(WasmFeatures::COMPONENT_MODEL)
    // wasmparser counts the garbage-collected types as part of WASM1, but this build of wasmtime
    // has no collector.
    .difference(WasmFeatures::GC_TYPES);

/// Builds the engine's settings.
///
/// Every feature that is not in [`FEATURES`] is off, also those that wasmtime has on by default.
/// Those are threads, 64-bit and several memories, relaxed SIMD, tail calls, exceptions, garbage
/// collection and async components.
pub(super) fn config(limits: &Limits) -> Config {
    let mut config = Config::new();
    config.wasm_features(WasmFeatures::all().difference(FEATURES), false);
    config.wasm_features(FEATURES, true);
    config.concurrency_support(false);

    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(limits)));
    config.memory_init_cow(true);
    // This saves one address computation for every load. It takes 4 GiB of addresses (not of
    // memory) a slot. An access beyond the memory that the guest has grown faults.
    config.memory_reservation(4 << 30);
    config.memory_may_move(false);

    config.epoch_interruption(true);
    config.consume_fuel(false);

    config.max_wasm_stack(limits.guest_stack_bytes);
    config.async_stack_size(limits.guest_stack_bytes.saturating_add(limits.glue_stack_bytes));
    // A guest can't read its native stack. It is cleared nevertheless, so that a fault in the
    // compiler finds no data there.
    config.async_stack_zeroing(true);

    config.cranelift_opt_level(OptLevel::Speed);
    // Nobody reads a guest's backtrace, and without one a trap costs little.
    config.wasm_backtrace_max_frames(None);
    config.generate_address_map(false);
    config
}

fn pool(limits: &Limits) -> PoolingAllocationConfig {
    // The check of stills has instances of its own.
    let instances = limits.instances_max.saturating_add(limits.decodes_max);
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances)
        .total_core_instances(instances.saturating_mul(CORE_INSTANCES_MAX))
        .total_memories(instances.saturating_mul(MEMORIES_MAX))
        .total_tables(instances.saturating_mul(TABLES_MAX))
        .total_stacks(instances)
        .max_core_instances_per_component(CORE_INSTANCES_MAX)
        .max_memories_per_component(MEMORIES_MAX)
        .max_tables_per_component(TABLES_MAX)
        .max_memories_per_module(MEMORIES_MAX)
        .max_memory_size(limits.memory_bytes_max)
        .table_elements(limits.table_elements_max)
        // A slot that is warm for one handler is given to another only when this many are idle: the
        // change costs an mmap.
        .max_unused_warm_slots(instances / 4)
        .linear_memory_keep_resident(limits.keep_resident_bytes)
        .table_keep_resident(limits.table_elements_max.saturating_mul(size_of::<usize>()))
        // The whole stack stays resident: any other part would be given back by a system call at
        // every request.
        .async_stack_keep_resident(limits.guest_stack_bytes.saturating_add(limits.glue_stack_bytes))
        // INVARIANT: the scan is off. It asks the kernel for pages that are present and written. A
        // page that was written and then swapped out, or is just being migrated, is not present. It
        // would be neither cleared nor given back, and the slot's next instance would read it.
        // Without the scan, everything up to the resident limit is overwritten, so no page is left
        // out.
        .pagemap_scan(Enabled::No);
    pool
}

/// The thread that advances an engine's epoch once a millisecond while instances run.
pub(super) struct Ticker {
    shared: Arc<Shared>,
    thread: Thread,
}

#[derive(Default)]
struct Shared {
    running: AtomicU32,
    asleep: AtomicBool,
    ended: AtomicBool,
}

impl Ticker {
    /// Starts the ticker's thread. The thread ends when the returned value or the engine is
    /// dropped.
    pub(super) fn start(engine: &Engine) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let (engine, for_thread) = (engine.weak(), Arc::clone(&shared));
        let handle = thread::Builder::new()
            .name("sandbox-ticker".into())
            .stack_size(64 << 10)
            .spawn(move || {
                let mut idle_ticks = 0;
                while !for_thread.ended.load(SeqCst) {
                    if for_thread.running.load(SeqCst) > 0 {
                        idle_ticks = 0;
                    } else if idle_ticks < IDLE_TICKS {
                        idle_ticks += 1;
                    } else {
                        for_thread.sleep();
                        idle_ticks = 0;
                        continue;
                    }
                    thread::sleep(TICK);
                    match engine.upgrade() {
                        Some(engine) => engine.increment_epoch(),
                        None => return,
                    }
                }
            })?;
        Ok(Self { thread: handle.thread().clone(), shared })
    }

    /// Keeps the ticks going at least as long as the returned value lives.
    pub(super) fn run(&self) -> Running<'_> {
        self.shared.running.fetch_add(1, SeqCst);
        // Either this thread sees that the ticker sleeps, and wakes it, or the ticker sees the
        // count before it sleeps.
        if self.shared.asleep.swap(false, SeqCst) {
            self.thread.unpark();
        }
        Running(&self.shared)
    }
}

impl Shared {
    fn sleep(&self) {
        self.asleep.store(true, SeqCst);
        while self.asleep.load(SeqCst) && self.running.load(SeqCst) == 0 && !self.ended.load(SeqCst)
        {
            thread::park();
        }
        self.asleep.store(false, SeqCst);
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.ended.store(true, SeqCst);
        self.thread.unpark();
    }
}

/// A guard: while it exists, the ticker runs for one instance.
pub(super) struct Running<'a>(&'a Shared);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, SeqCst);
    }
}
