//! The check of stills: a component that decodes a still which nobody has looked at, in a fresh
//! instance without a grant.
//!
//! An instance gets the bytes of one still and reaches nothing. It must never be given more, and
//! never live on for the next still.

use super::limits::Growth;
use super::{HandlerFailure, House, NotStarted, failure, interrupted};
use async_trait::async_trait;
use eyesonly_seal::{CameraId, HouseholdId};
use eyesonly_service::chain::Chain;
use eyesonly_service::ingest::{FormError, IngestError, StillCheck};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};
use wasmtime::Store;
use wasmtime::component::{Component, Linker};

/// The bindings generated from `wit/`. Their types never leave this module.
#[allow(
    missing_docs,
    clippy::all,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "generated code"
)]
mod bindings {
    wasmtime::component::bindgen!({
        world: "still-checker",
        path: "wit",
        exports: { default: async },
    });
}

use bindings::StillCheckerPre;
use bindings::exports::eyesonly::edge::still_check::Fault;

/// The loaded check. A clone is cheap.
#[derive(Clone)]
pub struct StillChecker {
    prepared: StillCheckerPre<Growth>,
    house: Arc<House>,
}

impl StillChecker {
    pub(super) fn load(component: &Component, house: Arc<House>) -> wasmtime::Result<Self> {
        // Nothing is added to this linker: the check reaches nothing.
        let prepared = Linker::new(&house.engine).instantiate_pre(component)?;
        Ok(Self { prepared: StillCheckerPre::new(prepared)?, house })
    }

    async fn ask(
        &self,
        household: HouseholdId,
        camera: CameraId,
        jpeg: &[u8],
    ) -> Result<Result<(), Fault>, HandlerFailure> {
        let house = &self.house;
        let deadline = Instant::now() + Duration::from_millis(house.limits.deadline_milliseconds);
        // Declared before the store, so that the turn is given back after the store's slots.
        let turn = house.checks.wait(household, *camera.as_bytes(), deadline).await;
        let _turn = turn.ok_or(HandlerFailure::Busy)?;
        let _running = house.ticker.run();
        let mut store = Store::new(&house.engine, Growth::new(Arc::clone(&house.limits)));
        store.limiter(|growth| growth);
        interrupted(&mut store, &house.limits, deadline);
        match timeout_at(deadline, self.call(&mut store, jpeg)).await {
            Ok(Ok(verdict)) => Ok(verdict),
            Ok(Err(error)) => Err(failure(error, store.data().is_refused())),
            Err(_) => Err(HandlerFailure::Deadline),
        }
    }

    async fn call(
        &self,
        store: &mut Store<Growth>,
        jpeg: &[u8],
    ) -> wasmtime::Result<Result<(), Fault>> {
        let instance = self.prepared.instantiate_async(&mut *store).await.map_err(NotStarted)?;
        instance.eyesonly_edge_still_check().call_check(&mut *store, jpeg).await
    }
}

#[async_trait]
impl StillCheck for StillChecker {
    async fn check(
        &self,
        household: HouseholdId,
        camera: CameraId,
        jpeg: &[u8],
    ) -> Result<(), IngestError> {
        let fault = match self.ask(household, camera, jpeg).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(fault)) => fault,
            // How long an instance waits for a core says nothing about its still.
            Err(HandlerFailure::Busy | HandlerFailure::Deadline) => return Err(IngestError::Busy),
            Err(HandlerFailure::Memory) => Fault::TooHeavy,
            Err(error @ HandlerFailure::Trapped(_)) => {
                tracing::warn!(%camera, error = %Chain(&error), "a still ended its check");
                Fault::Damaged
            }
            Err(error) => {
                tracing::error!(error = %Chain(&error), "a still could not be checked");
                return Err(IngestError::Unavailable("the check of stills"));
            }
        };
        Err(IngestError::Form(match fault {
            Fault::NotJpeg => FormError::NotJpeg,
            Fault::Unusual => FormError::UnusualJpeg,
            Fault::TooManyPixels => FormError::TooManyPixels,
            Fault::TooHeavy => FormError::TooHeavy,
            Fault::Damaged => FormError::Damaged,
        }))
    }
}
