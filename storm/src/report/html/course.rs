//! The course of a run, made ready to be drawn: thinned, without NaN and infinity, and on scales
//! with round marks.
//!
//! It must never make anything look better than it was. When steps are merged, their exposures are
//! added and the slowest latency stays.

use super::super::{Report, Side, Step};

/// The most steps that are drawn. A chart is not wider than so many points.
pub(super) const STEPS_MAX: usize = 240;
/// The most bands that are drawn. There are three phases.
const BANDS_MAX: usize = 12;
/// The largest time or latency that is drawn: far more than any run has, and far below where
/// arithmetic breaks.
const NUMBER_MAX: f64 = 1e12;
/// The largest end of an axis. Sums of counts are smaller.
const AXIS_MAX: f64 = 1e30;

/// The courses of both servers, thinned alike.
pub(super) struct Courses {
    /// The course of this system.
    pub(super) here: Vec<Step>,
    /// The course of the conventional server.
    pub(super) conventional: Vec<Step>,
    /// The number of steps that each drawn one stands for.
    pub(super) merged: usize,
    /// The length of a drawn step, in seconds; above zero.
    pub(super) step_seconds: f64,
    /// The end of the later course, in seconds; above zero.
    pub(super) end_seconds: f64,
    bands_here: Vec<Band>,
    bands_conventional: Vec<Band>,
}

/// A phase as a stretch of time.
#[derive(Debug, PartialEq)]
pub(super) struct Band {
    /// The name of the phase.
    pub(super) name: &'static str,
    /// The start of the phase, in seconds.
    pub(super) from: f64,
    /// The end of the phase, in seconds.
    pub(super) to: f64,
}

impl Courses {
    /// Thins both courses of a report.
    pub(super) fn new(report: &Report) -> Self {
        let longest = report.here.course.len().max(report.conventional.course.len());
        let merged = longest.div_ceil(STEPS_MAX).max(1);
        let here = thinned(&report.here.course, merged);
        let conventional = thinned(&report.conventional.course, merged);
        let step_seconds = step_seconds(&here)
            .or_else(|| step_seconds(&conventional))
            .or_else(|| phases_seconds(&report.here))
            .unwrap_or(1.0);
        let last = [here.last(), conventional.last()];
        let last = last.into_iter().flatten().map(|step| step.at_seconds);
        let end_seconds = last.fold(0.0, f64::max) + step_seconds;
        Self {
            bands_here: bands(&report.here.course, end_seconds),
            bands_conventional: bands(&report.conventional.course, end_seconds),
            end_seconds,
            here,
            conventional,
            merged,
            step_seconds,
        }
    }

    /// Returns the phases as bands: this system's, or the conventional server's if this system has
    /// no course.
    pub(super) fn bands(&self) -> &[Band] {
        match self.bands_here.is_empty() {
            true => &self.bands_conventional,
            false => &self.bands_here,
        }
    }

    /// Says whether both servers' phases changed at the same time, to within a step and a half.
    pub(super) fn phases_agree(&self) -> bool {
        let (here, conventional) = (&self.bands_here, &self.bands_conventional);
        if here.is_empty() || conventional.is_empty() {
            return true;
        }
        let near = |one: &Band, other: &Band| {
            one.name == other.name && (one.from - other.from).abs() <= self.step_seconds * 1.5
        };
        here.len() == conventional.len()
            && here.iter().zip(conventional).all(|(one, other)| near(one, other))
    }
}

/// Finds the phases of a course before it is thinned, so that a short phase is not lost.
fn bands(course: &[Step], end_seconds: f64) -> Vec<Band> {
    let mut bands: Vec<Band> = Vec::new();
    for step in course.iter().filter(|step| step.at_seconds.is_finite()) {
        let from = bounded(step.at_seconds);
        match bands.last_mut() {
            Some(band) if band.name == step.phase => continue,
            Some(band) => band.to = from,
            None => {}
        }
        if bands.len() == BANDS_MAX {
            break;
        }
        let (name, to) = (step.phase, end_seconds);
        bands.push(Band { name, from, to });
    }
    bands
}

/// Merges so many steps at a time, and leaves out NaN and infinity.
fn thinned(course: &[Step], together: usize) -> Vec<Step> {
    course.chunks(together.max(1)).filter_map(merge).collect()
}

fn merge(steps: &[Step]) -> Option<Step> {
    let first = steps.iter().find(|step| step.at_seconds.is_finite())?;
    let sum = |count: fn(&Step) -> u64| steps.iter().map(count).fold(0, u64::saturating_add);
    let slowest = |latency: fn(&Step) -> Option<f64>| {
        let latencies = steps.iter().filter_map(latency).filter(|latency| latency.is_finite());
        latencies.map(bounded).reduce(f64::max)
    };
    Some(Step {
        at_seconds: bounded(first.at_seconds),
        phase: first.phase,
        requests: sum(|step| step.requests),
        exposed: sum(|step| step.exposed),
        refused: sum(|step| step.refused),
        p50_milliseconds: slowest(|step| step.p50_milliseconds),
        p99_milliseconds: slowest(|step| step.p99_milliseconds),
    })
}

fn bounded(number: f64) -> f64 {
    number.clamp(0.0, NUMBER_MAX)
}

fn step_seconds(course: &[Step]) -> Option<f64> {
    let (first, last) = (course.first()?, course.last()?);
    let seconds =
        (last.at_seconds - first.at_seconds) / course.len().saturating_sub(1).max(1) as f64;
    (seconds > 0.0).then_some(seconds)
}

fn phases_seconds(side: &Side) -> Option<f64> {
    let seconds: f64 = side.phases.iter().map(|phase| phase.seconds).sum();
    (seconds.is_finite() && seconds > 0.0).then(|| bounded(seconds))
}

/// An axis from a number to a number.
#[derive(Debug, Clone, Copy)]
pub(super) enum Scale {
    /// A linear axis from zero.
    Linear {
        /// The upper end; above zero.
        most: f64,
    },
    /// A logarithmic axis, in decades.
    Logarithmic {
        /// The power of ten at the lower end.
        from: i32,
        /// The power of ten at the upper end; above `from`.
        to: i32,
    },
}

impl Scale {
    /// Makes an axis from zero to `most`, or to one if `most` is no finite number above zero.
    pub(super) fn linear(most: f64) -> Self {
        let most = if most.is_finite() && most > 0.0 { most } else { 1.0 };
        Self::Linear { most: most.min(AXIS_MAX) }
    }

    /// Makes an axis for latencies: in decades if they range over more than a factor of 100.
    pub(super) fn of_latencies(latencies: impl Iterator<Item = f64>) -> Self {
        let above_zero = latencies.filter(|latency| latency.is_finite() && *latency > 0.0);
        let range = above_zero.fold(None, |range: Option<(f64, f64)>, latency| {
            let (least, most) = range.unwrap_or((latency, latency));
            Some((least.min(latency), most.max(latency)))
        });
        match range {
            // The logarithm of a finite number above zero is between -324 and 309.
            Some((least, most)) if most / least > 100.0 => Self::Logarithmic {
                from: least.log10().floor() as i32,
                to: most.log10().ceil() as i32,
            },
            Some((_, most)) => Self::linear(most * 1.05),
            None => Self::linear(1.0),
        }
    }

    /// Says where a number lies: 0 at the lower end, 1 at the upper.
    pub(super) fn share(self, number: f64) -> f64 {
        let share = match self {
            Self::Linear { most } => number / most,
            // Zero has no logarithm and lies at the lower end.
            Self::Logarithmic { .. } if number <= 0.0 => 0.0,
            Self::Logarithmic { from, to } => {
                (number.log10() - f64::from(from)) / f64::from(to - from).max(1.0)
            }
        };
        if share.is_nan() { 0.0 } else { share.clamp(0.0, 1.0) }
    }

    /// Returns round numbers on the axis, about `marks_max` of them, and the number of decimals of
    /// each.
    pub(super) fn marks(self, marks_max: usize, whole: bool) -> Vec<(f64, usize)> {
        match self {
            Self::Linear { most } => linear_marks(most, marks_max, whole),
            Self::Logarithmic { from, to } => {
                let decades = usize::try_from(to - from).unwrap_or(1).max(1);
                let every = decades.div_ceil(marks_max.max(1)).max(1);
                let mark = |power: i32| (10_f64.powi(power), usize::try_from(-power).unwrap_or(0));
                (from..=to).step_by(every).map(mark).collect()
            }
        }
    }
}

fn linear_marks(most: f64, marks_max: usize, whole: bool) -> Vec<(f64, usize)> {
    let rough = most / marks_max.max(1) as f64;
    let power = rough.log10().floor();
    let decade = 10_f64.powf(power);
    let round = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * decade);
    let step = round.into_iter().find(|step| *step >= rough).unwrap_or(rough);
    let step = if whole { step.max(1.0) } else { step };
    let marks = (0..=marks_max).map(|place| place as f64 * step);
    // 0.5 has one decimal and 0.02 has two. More than twelve say nothing.
    let places = (-step.log10().floor()).clamp(0.0, 12.0) as usize;
    // A mark that only rounding put beyond the end is at the end.
    marks.filter(|mark| *mark <= most * (1.0 + 1e-9)).map(|mark| (mark, places)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::*;

    #[test]
    fn merging_adds_exposures_and_keeps_the_slowest() {
        let mut report = fixture::normal();
        report.here.course = fixture::course(10_000, |n| n as u64 % 2);
        let total: u64 = report.here.course.iter().map(|step| step.exposed).sum();
        let courses = Courses::new(&report);
        assert!(courses.here.len() <= STEPS_MAX);
        assert_eq!(courses.merged, 42);
        assert_eq!(courses.here.iter().map(|step| step.exposed).sum::<u64>(), total);
        let slowest = |course: &[Step]| {
            course.iter().filter_map(|step| step.p99_milliseconds).fold(0.0, f64::max)
        };
        assert_eq!(slowest(&courses.here), slowest(&report.here.course));
    }

    #[test]
    fn bands_follow_the_phases() {
        let courses = Courses::new(&fixture::normal());
        let bands = courses.bands();
        assert_eq!(
            bands.iter().map(|band| band.name).collect::<Vec<_>>(),
            ["before", "herd", "after"]
        );
        assert_eq!(bands[0].to, bands[1].from);
        assert_eq!(bands[2].to, courses.end_seconds);
        assert!(courses.phases_agree());
    }

    #[test]
    fn a_phase_shorter_than_a_drawn_step_is_a_band() {
        let mut report = fixture::normal();
        report.here.course = fixture::course(10_000, |_| 0);
        report.here.course.iter_mut().for_each(|step| step.phase = "before");
        report.here.course[5000].phase = "herd";
        let courses = Courses::new(&report);
        let herd = Band { name: "herd", from: 2500.0, to: 2500.5 };
        assert_eq!(courses.bands().get(1), Some(&herd));
        // A change at every step does not make as many bands.
        for (n, step) in report.here.course.iter_mut().enumerate() {
            step.phase = if n % 2 == 0 { "herd" } else { "after" };
        }
        assert_eq!(Courses::new(&report).bands().len(), BANDS_MAX);
    }

    #[test]
    fn an_empty_course_and_one_step_have_a_length() {
        let mut report = fixture::nothing();
        assert!(Courses::new(&report).end_seconds > 0.0);
        report.here.course = fixture::course(1, |_| 0);
        let courses = Courses::new(&report);
        assert!(courses.end_seconds > 0.0 && courses.step_seconds > 0.0);
        assert_eq!(courses.bands().len(), 1);
    }

    #[test]
    fn scales_have_round_marks_and_no_number_that_is_none() {
        assert_eq!(Scale::linear(7.0).marks(5, true), [(0.0, 0), (2.0, 0), (4.0, 0), (6.0, 0)]);
        assert_eq!(Scale::linear(0.0).marks(5, true), [(0.0, 0), (1.0, 0)]);
        assert_eq!(Scale::linear(0.5).marks(5, false).last(), Some(&(0.5, 1)));
        let decades = Scale::of_latencies([0.5, 900.0, 0.0, f64::NAN].into_iter());
        let marks = [(0.1, 1), (1.0, 0), (10.0, 0), (100.0, 0), (1000.0, 0)];
        assert_eq!(decades.marks(5, false), marks);
        for scale in [decades, Scale::linear(f64::NAN), Scale::linear(f64::MAX)] {
            for number in [0.0, -1.0, f64::NAN, f64::INFINITY, f64::MAX] {
                assert!((0.0..=1.0).contains(&scale.share(number)));
            }
        }
        assert!(matches!(Scale::of_latencies([1.0, 99.0].into_iter()), Scale::Linear { .. }));
    }
}
