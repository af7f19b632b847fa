//! Every limit of the sandbox, with its name and its reason.
//!
//! A limit here is a promise to the other requests: they go on whatever one instance does. Nothing
//! in this file may be raised by what a client or a guest sends. The limits of the contract itself
//! are in `eyesonly_gate::rules`.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread::available_parallelism;

/// The resources that one instance may use, and the number of instances at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The linear memory of one instance, in bytes. 64 MiB suffice, because a 12-megapixel still
    /// decodes in less than 40 MiB. This limit and `decodes_max` together bound the process,
    /// because only an instance that decodes has a reason to grow.
    pub memory_bytes_max: usize,
    /// The elements of one table. Handlers hold a few hundred function references.
    pub table_elements_max: usize,
    /// The time that the sandbox may take for one request, waiting included, in milliseconds. It is
    /// long enough for many cold stills to be decoded in turn. It is short enough that a looping
    /// guest is gone before a person reloads the page.
    pub deadline_milliseconds: u64,
    /// The time that an instance runs before it yields the thread to other requests, in ticks of
    /// one millisecond.
    pub slice_ticks: u64,
    /// The most instances at once. The pool is laid out for this many, and each costs about a
    /// quarter of a MiB while it waits.
    pub instances_max: u32,
    /// The most instances of one household at once: more than its people look at, and few enough
    /// that the others have most of the pool.
    pub instances_of_household_max: u32,
    /// The most requests of one household that may wait for an instance, so that a queue never
    /// grows past what the deadline lets it drain. One more is answered at once with
    /// [`super::HandlerFailure::Busy`], unless its requester has no other request there.
    pub queue_of_household_max: u32,
    /// The most renditions made at once, in all and of one household: one per core, because a
    /// decoder only computes. A household that is alone may use every core. The next household
    /// waits for one rendition of each core, however many the first one has asked for. As many
    /// stills that cameras hand in are checked beside them.
    pub decodes_max: u32,
    /// The bytes of a linear memory that stay resident when its instance ends, and are reset by
    /// writing. The rest goes back to the system by `madvise`. This is at least the initial memory
    /// of every handler, so that a hot request makes no memory system call.
    pub keep_resident_bytes: usize,
    /// The native stack for guest code, in bytes. Guests keep their large values on a stack in
    /// linear memory; this one holds registers and return addresses.
    pub guest_stack_bytes: usize,
    /// The native stack for wasmtime's own glue above the guest's, in bytes. It only copies data in
    /// and out, because the host computes its answers elsewhere (see `super::ferry`).
    pub glue_stack_bytes: usize,
    /// The bytes that one call or answer may carry from the guest to the host before the guest
    /// traps. It is above the named limits: a guest that exceeds one of those gets an error value,
    /// and only an absurd request traps.
    pub transfer_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        let cores = available_parallelism().map_or(1, NonZeroUsize::get);
        Self {
            memory_bytes_max: 64 << 20,
            table_elements_max: 4096,
            deadline_milliseconds: 10_000,
            slice_ticks: 2,
            instances_max: 256,
            instances_of_household_max: 32,
            queue_of_household_max: 256,
            decodes_max: u32::try_from(cores).unwrap_or(1),
            keep_resident_bytes: 128 << 10,
            guest_stack_bytes: 32 << 10,
            glue_stack_bytes: 32 << 10,
            transfer_bytes_max: 4 << 20,
        }
    }
}

/// What one instance may grow to, and whether it asked for more.
pub(super) struct Growth {
    limits: Arc<Limits>,
    /// Set when the host refused the guest more memory. It tells `Memory` from any other trap.
    is_refused: bool,
}

impl Growth {
    pub(super) fn new(limits: Arc<Limits>) -> Self {
        Self { limits, is_refused: false }
    }

    /// Says whether the guest was refused memory.
    pub(super) fn is_refused(&self) -> bool {
        self.is_refused
    }
}

impl wasmtime::ResourceLimiter for Growth {
    fn memory_growing(
        &mut self,
        _current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        // FROM GUEST: the memory that it asks for, in bytes.
        let allowed = desired <= self.limits.memory_bytes_max
            && maximum.is_none_or(|maximum| desired <= maximum);
        self.is_refused |= !allowed;
        Ok(allowed)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        // FROM GUEST: the number of elements that it asks for.
        Ok(desired <= self.limits.table_elements_max
            && maximum.is_none_or(|maximum| desired <= maximum))
    }

    fn instances(&self) -> usize {
        super::engine::CORE_INSTANCES_MAX as usize
    }

    fn tables(&self) -> usize {
        super::engine::TABLES_MAX as usize
    }

    fn memories(&self) -> usize {
        super::engine::MEMORIES_MAX as usize
    }
}
