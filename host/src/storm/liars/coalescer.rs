//! The coalescer, lying: one flight's answer to another's waiter.

use crate::storm::lies::{Kind as Lie, Liar, Lies};
use crate::storm::whose;
use crate::tiers::{Coalescer, ExtentKey, Fetched, Read};
use crate::vault::SealedExtent;
use async_trait::async_trait;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

/// Landed flights that are remembered.
const REMEMBERED_MAX: usize = 256;

/// A coalescer that lies.
pub struct LyingCoalescer {
    honest: Arc<dyn Coalescer>,
    lies: Arc<Lies>,
    landed: Mutex<VecDeque<(ExtentKey, SealedExtent)>>,
}

impl LyingCoalescer {
    /// Around an honest coalescer.
    pub fn new(honest: Arc<dyn Coalescer>, lies: Arc<Lies>) -> Self {
        Self {
            honest,
            lies,
            landed: Mutex::default(),
        }
    }

    /// What another flight brought, for somebody else.
    fn another(&self, key: ExtentKey) -> Option<SealedExtent> {
        let wanted = whose::is(key.0)?;
        let landed = self.landed.lock().ok()?;
        let other = landed.iter().rev().find(|(other, _)| {
            whose::is(other.0).is_some_and(|other| {
                (other.kind, other.rendition) == (wanted.kind, wanted.rendition) && other.household != wanted.household
            })
        });
        other.map(|(_, extent)| extent.clone())
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
        match told {
            Some(told) => {
                self.lies.was_told(Liar::Coalescer, Lie::AnotherFlight);
                Ok(told)
            }
            None => Ok(honest),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tiers::{Flights, coalescer_conformance};

    #[tokio::test]
    async fn without_a_lie_it_conforms() {
        let lies = Arc::new(Lies::new(1, &[]));
        let coalescer = LyingCoalescer::new(Arc::new(Flights::default()), lies);
        coalescer_conformance::check(Arc::new(coalescer)).await;
    }
}
