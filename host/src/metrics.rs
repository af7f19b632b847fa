//! Metrics: counters and gauges in the Prometheus text format, on a separate listener.
//!
//! They must never carry an id, a name or an address: only routes, statuses, seams and faults.

use axum::http::StatusCode;
use eyesonly_gate::Seam;
use eyesonly_rights::Fault;
use eyesonly_service::clock;
use eyesonly_service::ledger::Counts;
use eyesonly_service::live::{Live, UnderWay};
use eyesonly_service::tiers::Standing;
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
    ledger: Arc<dyn Counts>,
    standings: Vec<Arc<Standing>>,
    live: Arc<Live>,
}

impl Metrics {
    /// Makes the counters. Those of the ledger, of the tiers and of live view are read from
    /// `ledger`, `standings` and `live`.
    pub fn new(ledger: Arc<dyn Counts>, standings: Vec<Arc<Standing>>, live: Arc<Live>) -> Self {
        let mut registry = Registry::with_prefix("eyesonly");
        let answered = Family::default();
        registry.register("requests", "Requests answered", answered.clone());
        Self { registry, answered, ledger, standings, live }
    }

    /// Counts an answered request.
    pub fn answered(&self, method: &'static str, route: &'static str, status: StatusCode) {
        self.answered.get_or_create(&Answered { method, route, status: status.as_u16() }).inc();
    }

    /// Returns the text that a scraper reads.
    pub fn text(&self) -> String {
        let mut text = String::new();
        if encode(&mut text, &self.registry).is_err() {
            return text;
        }
        // The ledger's numbers go before the end mark of the format.
        let end = text.rfind("# EOF").unwrap_or(text.len());
        let mut own = String::new();
        let _ = writeln!(
            own,
            "# HELP eyesonly_misdeliveries Answers that did not prove their question and were \
             refused."
        );
        let _ = writeln!(own, "# TYPE eyesonly_misdeliveries counter");
        for (seam, seam_name) in Seam::ALL {
            for (fault, fault_name) in Fault::ALL {
                let count = self.ledger.misdeliveries(seam, fault);
                let _ = writeln!(
                    own,
                    "eyesonly_misdeliveries_total{{seam=\"{seam_name}\",fault=\"{fault_name}\"}} \
                     {count}"
                );
            }
        }
        let _ = writeln!(own, "# HELP eyesonly_deliveries Responses with private content.");
        let _ = writeln!(own, "# TYPE eyesonly_deliveries counter");
        let _ = writeln!(own, "eyesonly_deliveries_total {}", self.ledger.deliveries());
        self.tiers(&mut own);
        self.live(&mut own);
        text.insert_str(end, &own);
        text
    }

    /// Writes what of live view is under way now.
    fn live(&self, own: &mut String) {
        let UnderWay { streams, followed, waiting } = self.live.under_way();
        for (name, help, count) in [
            ("streams", "Live streams that are being handed in.", streams),
            ("followed", "Live segments that are being followed.", followed),
            ("waiting", "Requests that wait for a live segment.", waiting),
        ] {
            let _ = writeln!(own, "# HELP eyesonly_live_{name} {help}");
            let _ = writeln!(own, "# TYPE eyesonly_live_{name} gauge");
            let _ = writeln!(own, "eyesonly_live_{name} {count}");
        }
    }

    /// Writes whether each tier is asked now, and how often it was set aside.
    fn tiers(&self, own: &mut String) {
        let now = clock::now_milliseconds();
        let _ = writeln!(
            own,
            "# HELP eyesonly_tier_asked Whether the tier is asked, or set aside because it kept \
             lying."
        );
        let _ = writeln!(own, "# TYPE eyesonly_tier_asked gauge");
        for standing in &self.standings {
            let asked = u8::from(standing.is_asked(now));
            let _ =
                writeln!(own, "eyesonly_tier_asked{{tier=\"{}\"}} {asked}", standing.seam().name());
        }
        let _ = writeln!(own, "# HELP eyesonly_tier_set_aside How often the tier was set aside.");
        let _ = writeln!(own, "# TYPE eyesonly_tier_set_aside counter");
        for standing in &self.standings {
            let (tier, times) = (standing.seam().name(), standing.times_aside());
            let _ = writeln!(own, "eyesonly_tier_set_aside_total{{tier=\"{tier}\"}} {times}");
        }
    }
}
