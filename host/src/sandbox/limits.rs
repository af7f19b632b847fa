//! Every limit of the sandbox, named, with its why.
//!
//! A limit here is a promise to the other requests: whatever one instance does, the rest go on. Nothing in this file may
//! be raised by what a client or a guest sends. What the contract itself allows is in `eyesonly_gate::rules`.

use std::num::NonZeroUsize;
use std::thread::available_parallelism;

/// What one instance may use, and how many there may be at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Linear memory of one instance, in bytes. 64 MiB: a 12-megapixel still decodes in less than 40 MiB; it bounds the
    /// process together with `decodes_max`, because only an instance that decodes has a reason to grow.
    pub memory_bytes_max: usize,
    /// Elements of one table. Handlers hold a few hundred function references.
    pub table_elements_max: usize,
    /// From the first to the last moment of one request's sandbox, waiting included, in milliseconds. Long enough for a
    /// herd of cold stills to take turns, short enough that a looping guest is gone before a person reloads the page.
    pub deadline_milliseconds: u64,
    /// How long an instance runs before it lets other requests have the thread, in ticks of one millisecond.
    pub slice_ticks: u64,
    /// Instances at once. Each costs about a quarter of a MiB while it waits; the pool is laid out for this many.
    pub instances_max: u32,
    /// Instances at once of one household: more than its people look at, and few enough that the others have most of the pool.
    pub instances_of_household_max: u32,
    /// Requests of one household that may wait for an instance; one more is answered at once with [`super::HandlerFailure::Busy`], so that
    /// a queue never grows past what the deadline lets it drain.
    pub queue_of_household_max: u32,
    /// Renditions made at once: one per core, since a decoder does nothing but compute. As many of one household: alone it may have every core, and
    /// the next household waits for one rendition of each core, however many this one has asked for.
    pub decodes_max: u32,
    /// Bytes of a linear memory that stay resident when its instance ends and are reset by writing; what lies beyond goes
    /// back to the system by `madvise`. At least the initial memory of every handler: then a hot request makes no memory
    /// system call.
    pub keep_resident_bytes: usize,
    /// Native stack for guest code, in bytes. Guests keep their large values on a stack in linear memory; this one holds
    /// registers and return addresses.
    pub guest_stack_bytes: usize,
    /// Native stack for wasmtime's own glue above the guest's, in bytes. The host's answers are computed elsewhere (see
    /// `super::ferry`), so it needs to hold copying in and out and nothing deeper.
    pub glue_stack_bytes: usize,
    /// Bytes that one call or answer may carry from the guest to the host before it is cut off with a trap. Above the
    /// named limits, so that meeting one of those is an error value and only the absurd is a trap.
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
            keep_resident_bytes: 192 << 10,
            guest_stack_bytes: 64 << 10,
            glue_stack_bytes: 64 << 10,
            transfer_bytes_max: 4 << 20,
        }
    }
}
