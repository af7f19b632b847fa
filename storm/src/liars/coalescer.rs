//! The lying coalescer: it gives one flight's answer to another flight's waiter.

use crate::forge::Forge;
use crate::lies::{Kind as Lie, Liar, Lies};
use async_trait::async_trait;
use eyesonly_gate::Claimed;
use eyesonly_seal::ObjectName;
use eyesonly_service::tiers::{Coalescer, ExtentKey, Fetched, Read};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

/// The most landed flights that are remembered.
const REMEMBERED_MAX: usize = 256;

/// A coalescer that lies.
pub struct LyingCoalescer {
    honest: Arc<dyn Coalescer>,
    lies: Arc<Lies>,
    forge: Arc<Forge>,
    landed: Mutex<VecDeque<(ExtentKey, Claimed)>>,
}

impl LyingCoalescer {
    /// Wraps an honest coalescer.
    pub fn new(honest: Arc<dyn Coalescer>, lies: Arc<Lies>, forge: Arc<Forge>) -> Self {
        Self { honest, lies, forge, landed: Mutex::default() }
    }

    /// Returns what another flight brought for another household.
    fn another(&self, key: ExtentKey) -> Option<(ObjectName, Claimed)> {
        let names = self.forge.names();
        let wanted = names.is(key.0)?;
        let landed = self.landed.lock().ok()?;
        let other = landed.iter().rev().find(|(other, _)| {
            let other = names.is(other.0);
            other.is_some_and(|other| wanted.is_like(&other) && other.household != wanted.household)
        });
        other.map(|((name, _), extent)| (*name, extent.clone()))
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Coalescer for LyingCoalescer {
    async fn fetch(&self, key: ExtentKey, read: Read) -> Fetched {
        let honest = self.honest.fetch(key, read).await?;
        let told = self.lies.next(Liar::Coalescer).and_then(|_| self.another(key));
        if let Ok(mut landed) = self.landed.lock() {
            if landed.len() >= REMEMBERED_MAX {
                landed.pop_front();
            }
            landed.push_back((key, honest.clone()));
        }
        let Some((of, told)) = told else {
            return Ok(honest);
        };
        self.lies.was_told(Liar::Coalescer, Lie::AnotherFlight);
        let forged = self.forge.extent(Lie::AnotherFlight, key.0, &honest, (of, &told), 0);
        Ok(forged.unwrap_or(told))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use eyesonly_service::tiers::{Flights, coalescer_conformance};

    #[tokio::test]
    async fn without_a_lie_it_conforms() {
        let lies = Arc::new(Lies::new(1, &[]));
        let coalescer = LyingCoalescer::new(Arc::new(Flights::default()), lies, Forge::nothing());
        coalescer_conformance::check(Arc::new(coalescer)).await;
    }
}
