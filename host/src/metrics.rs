//! Metrics: counters and gauges in the Prometheus text format, on a listener of their own.
//!
//! They must never carry an id, a name or an address: only routes, statuses, seams and faults.

use crate::ledger::{Fault, Ledger, Seam};
use axum::http::StatusCode;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use std::fmt::Write as _;
use std::sync::Arc;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Answered {
    method: &'static str,
    route: &'static str,
    status: u16,
}

/// All counters of one edge.
pub struct Metrics {
    registry: Registry,
    answered: Family<Answered, Counter>,
    ledger: Arc<dyn Ledger>,
}

impl Metrics {
    /// Counters; those of the ledger are read from it.
    pub fn new(ledger: Arc<dyn Ledger>) -> Self {
        let mut registry = Registry::with_prefix("eyesonly");
        let answered = Family::default();
        registry.register("requests", "Requests answered", answered.clone());
        Self {
            registry,
            answered,
            ledger,
        }
    }

    /// Counts an answered request.
    pub fn answered(&self, method: &'static str, route: &'static str, status: StatusCode) {
        self.answered
            .get_or_create(&Answered {
                method,
                route,
                status: status.as_u16(),
            })
            .inc();
    }

    /// The text that a scraper reads.
    pub fn text(&self) -> String {
        let mut text = String::new();
        if encode(&mut text, &self.registry).is_err() {
            return text;
        }
        // The ledger's own numbers come before the end mark of the format.
        let end = text.rfind("# EOF").unwrap_or(text.len());
        let mut own = String::new();
        let _ = writeln!(
            own,
            "# HELP eyesonly_misdeliveries Answers that did not prove their question and were refused."
        );
        let _ = writeln!(own, "# TYPE eyesonly_misdeliveries counter");
        for seam in Seam::ALL {
            for fault in Fault::ALL {
                let count = self.ledger.misdeliveries(seam, fault);
                let _ = writeln!(
                    own,
                    "eyesonly_misdeliveries_total{{seam=\"{}\",fault=\"{}\"}} {count}",
                    seam.name(),
                    fault.name()
                );
            }
        }
        let _ = writeln!(own, "# HELP eyesonly_deliveries Responses with private content.");
        let _ = writeln!(own, "# TYPE eyesonly_deliveries counter");
        let _ = writeln!(own, "eyesonly_deliveries_total {}", self.ledger.deliveries());
        text.insert_str(end, &own);
        text
    }
}
