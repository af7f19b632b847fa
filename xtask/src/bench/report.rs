//! The report of what was measured: a table for a person, JSON for a machine. It says that a goal
//! was not reached as plainly as that a goal was reached.

use std::fmt::Write as _;

use serde::Serialize;

/// The goal of a row.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Goal {
    /// The ratio is at least this. So is the value, where nothing is beside it.
    AtLeast(f64),
    /// The ratio, or the value, is at most this.
    AtMost(f64),
    /// The ratio, or the value, is below this.
    Below(f64),
}

/// One number, alone or beside another one.
#[derive(Debug, Serialize)]
pub struct Row {
    /// The row's letter in docs/bench.md, such as `(a)`, or `also`.
    pub group: &'static str,
    /// The name of what was measured.
    pub name: String,
    /// The unit of both values.
    pub unit: &'static str,
    /// The median of our rounds.
    pub ours: f64,
    /// The name of the other side, and the median of its rounds.
    pub beside: Option<(String, f64)>,
    /// The median of the rounds' ratios. Each ratio is of two runs that followed each other.
    pub ratio: Option<f64>,
    /// The smallest and the largest of the rounds' ratios.
    pub ratio_range: Option<(f64, f64)>,
    /// The goal, if the row has one.
    pub goal: Option<Goal>,
    /// True if the goal was reached; none without a goal.
    pub met: Option<bool>,
    /// Every round: our value, then that of the other side.
    pub rounds: Vec<Vec<f64>>,
}

/// A row that has no number, and why.
#[derive(Debug, Serialize)]
pub struct NotMeasured {
    /// The row's letter, or `also`.
    pub group: &'static str,
    /// The reason: what went wrong, and how to mend it.
    pub reason: String,
}

/// A whole run of the bench.
#[derive(Debug, Serialize)]
pub struct Report {
    /// When the run started, in seconds since 1970.
    pub at_seconds: u64,
    /// True if rounds were shorter and fewer: not for comparing.
    pub quick: bool,
    /// The machine and the versions.
    pub machine: Vec<(String, String)>,
    /// The rows that were measured.
    pub rows: Vec<Row>,
    /// The rows that were not.
    pub not_measured: Vec<NotMeasured>,
}

impl Goal {
    fn is_met(self, value: f64) -> bool {
        match self {
            Self::AtLeast(least) => value >= least,
            Self::AtMost(most) => value <= most,
            Self::Below(limit) => value < limit,
        }
    }

    fn text(self) -> String {
        match self {
            Self::AtLeast(value) => format!("≥ {value}"),
            Self::AtMost(value) => format!("≤ {value}"),
            Self::Below(value) => format!("< {value}"),
        }
    }
}

impl Row {
    /// Makes a row of our value alone: the median of `rounds`.
    pub fn alone(
        group: &'static str,
        name: &str,
        unit: &'static str,
        rounds: &[f64],
        goal: Option<Goal>,
    ) -> Self {
        let ours = median(rounds);
        Self {
            group,
            name: name.to_owned(),
            unit,
            ours,
            beside: None,
            ratio: None,
            ratio_range: None,
            goal,
            met: goal.map(|goal| goal.is_met(ours)),
            rounds: rounds.iter().map(|value| vec![*value]).collect(),
        }
    }

    /// Makes a row of our value beside another. `rounds` are pairs of both.
    pub fn beside(
        group: &'static str,
        name: &str,
        unit: &'static str,
        other: &str,
        rounds: &[(f64, f64)],
        goal: Option<Goal>,
    ) -> Self {
        let ratios: Vec<f64> = rounds.iter().map(|(ours, other)| ours / other).collect();
        let ratio = median(&ratios);
        let ours: Vec<f64> = rounds.iter().map(|round| round.0).collect();
        let others: Vec<f64> = rounds.iter().map(|round| round.1).collect();
        let range = ratios.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), ratio| {
            (low.min(*ratio), high.max(*ratio))
        });
        Self {
            group,
            name: name.to_owned(),
            unit,
            ours: median(&ours),
            beside: Some((other.to_owned(), median(&others))),
            ratio: Some(ratio),
            ratio_range: Some(range),
            goal,
            met: goal.map(|goal| goal.is_met(ratio)),
            rounds: rounds.iter().map(|(ours, other)| vec![*ours, *other]).collect(),
        }
    }

    fn line(&self) -> [String; 6] {
        let (beside, ratio) = match (&self.beside, self.ratio) {
            (Some((name, value)), Some(ratio)) => {
                (format!("{name} {}", short(*value)), format!("{ratio:.2}"))
            }
            _ => (String::new(), String::new()),
        };
        [
            self.group.to_owned(),
            format!("{}, {}", self.name, self.unit),
            short(self.ours),
            beside,
            ratio,
            match (self.goal, self.met) {
                (Some(goal), Some(true)) => format!("{}  met", goal.text()),
                (Some(goal), _) => format!("{}  below", goal.text()),
                (None, _) => String::new(),
            },
        ]
    }
}

impl Report {
    /// Writes the table, the goals that were not reached, and the rows without a number.
    pub fn text(&self) -> String {
        let head = ["", "what", "edge", "beside it", "ratio", "goal"].map(str::to_owned);
        let lines: Vec<[String; 6]> =
            std::iter::once(head).chain(self.rows.iter().map(Row::line)).collect();
        let widths: Vec<usize> = (0..6)
            .map(|column| {
                let cells = lines.iter().filter_map(|line| line.get(column));
                cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
            })
            .collect();
        let mut text = String::new();
        for line in &lines {
            let mut shown = String::new();
            for (column, (cell, width)) in line.iter().zip(&widths).enumerate() {
                // The numbers of one column are aligned to the right.
                let _ = match column {
                    2 | 4 => write!(shown, "{cell:>width$}   "),
                    _ => write!(shown, "{cell:<width$}   "),
                };
            }
            let _ = writeln!(text, "  {}", shown.trim_end());
        }
        for row in self.rows.iter().filter(|row| row.met == Some(false)) {
            let value = row.ratio.map_or_else(|| short(row.ours), |ratio| format!("{ratio:.2}"));
            let goal = row.goal.map(Goal::text).unwrap_or_default();
            let beside =
                row.beside.as_ref().map_or_else(String::new, |(name, _)| format!(" beside {name}"));
            let _ = writeln!(
                text,
                "  below its goal: {}{beside} is {value}, to reach {goal}",
                row.name
            );
        }
        for row in &self.not_measured {
            let _ = writeln!(text, "  {} not measured: {}", row.group, row.reason);
        }
        text
    }
}

/// Writes a number as a person reads it: with three digits, or whole and grouped from 1,000 on.
fn short(value: f64) -> String {
    match value.abs() {
        size if size >= 1000.0 => {
            let whole = format!("{value:.0}");
            let mut grouped = String::new();
            for (index, digit) in whole.chars().enumerate() {
                if index > 0 && (whole.len() - index).is_multiple_of(3) {
                    grouped.push(',');
                }
                grouped.push(digit);
            }
            grouped
        }
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// Returns the median, or NaN where there are no values.
pub fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match (values.get(middle), values.len().is_multiple_of(2)) {
        (Some(upper), true) => {
            values.get(middle.wrapping_sub(1)).map_or(f64::NAN, |lower| (lower + upper) / 2.0)
        }
        (Some(value), false) => *value,
        (None, _) => f64::NAN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 3.0, 2.0]), 2.5);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn a_goal_is_met_or_it_is_not() {
        let check = |goal: Goal, rounds: &[(f64, f64)], expected: bool| {
            let row = Row::beside("(a)", "it", "requests/s", "that", rounds, Some(goal));
            assert_eq!(row.met, Some(expected), "{row:?}");
        };
        check(Goal::AtLeast(0.5), &[(1.0, 2.0)], true);
        check(Goal::AtLeast(0.5), &[(0.9, 2.0)], false);
        // Each round has its own ratio: a machine that gets faster half-way changes nothing.
        check(Goal::AtLeast(0.5), &[(1.0, 2.0), (10.0, 20.0), (100.0, 1.0)], true);
        check(Goal::AtMost(1.5), &[(3.1, 2.0)], false);
        // A row without rounds meets no goal.
        check(Goal::AtLeast(0.0), &[], false);
        assert_eq!(
            Row::alone("(d)", "it", "MiB", &[300.0], Some(Goal::Below(300.0))).met,
            Some(false)
        );
    }

    #[test]
    fn numbers_are_short() {
        let check = |value: f64, expected: &str| assert_eq!(short(value), expected);
        check(1_234_567.8, "1,234,568");
        check(123_456.0, "123,456");
        check(999.0, "999");
        check(12.34, "12.3");
        check(0.128, "0.13");
    }

    #[test]
    fn what_falls_short_is_said() {
        let report = Report {
            at_seconds: 0,
            quick: true,
            machine: Vec::new(),
            rows: vec![
                Row::beside(
                    "(a)",
                    "hot",
                    "requests/s",
                    "plain",
                    &[(10.0, 40.0)],
                    Some(Goal::AtLeast(0.5)),
                ),
                Row::alone("(d)", "peak", "MiB", &[120.0], Some(Goal::Below(300.0))),
            ],
            not_measured: vec![NotMeasured { group: "(c)", reason: "nginx is missing".into() }],
        };
        let text = report.text();
        assert!(
            text.contains("plain 40.0")
                && text.contains("≥ 0.5  below")
                && text.contains("< 300  met"),
            "{text}"
        );
        assert!(
            text.contains("below its goal: hot beside plain is 0.25, to reach ≥ 0.5"),
            "{text}"
        );
        assert!(text.contains("(c) not measured: nginx is missing"), "{text}");
    }
}
