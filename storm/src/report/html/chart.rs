//! Charts as inline SVG: curves over time, and bars.
//!
//! Positions are in per cent and only the curves are stretched, so text keeps its size on a phone
//! and on paper. Colours come from the style sheet by class. A chart must never be the only place
//! of a number: who can't see it gets only the one name of the picture.

use super::super::table::{decimal, optional};
use super::course::{Band, Scale};
use maud::{Markup, html};
use std::fmt::Write as _;

/// The side of the square in which curves are drawn before they are stretched.
const SIDE: f64 = 1000.0;
/// The number of marks on an axis, about.
const MARKS_MAX: usize = 5;
/// The width of a letter of a phase's name, in per cent of a narrow chart's width.
const LETTER_PERCENT: f64 = 2.4;
/// The height of a line of phases' names, in pixels.
const PHASE_LINE_PIXELS: usize = 15;
/// The longest name of a bar or a group, in letters. A longer one is cut, or it would run into the
/// bars.
const NAME_MAX: usize = 20;
/// The left end of the bars, in per cent of the width.
const BARS_FROM: f64 = 36.0;
/// The width of the longest bar, in per cent of the whole; the bar's number stands behind it.
const BARS_WIDTH: f64 = 44.0;
/// The height of a bar with the space around it, in pixels.
const BAR_PIXELS: usize = 24;
/// The height of a group's name, in pixels.
const GROUP_PIXELS: usize = 30;

/// Points that belong together: seconds and a value.
pub(super) type Run = Vec<(f64, f64)>;

/// Curves over time.
pub(super) struct Plot<'a> {
    /// A sentence that says what the picture shows, with its numbers.
    pub(super) title: String,
    /// The phases behind the curves.
    pub(super) bands: &'a [Band],
    /// The end of the time axis, in seconds. The axis starts at zero.
    pub(super) end_seconds: f64,
    /// The vertical axis.
    pub(super) scale: Scale,
    /// Says whether values are counts.
    pub(super) whole: bool,
    /// The shapes, from the back to the front.
    pub(super) shapes: Vec<Shape>,
}

/// A shape that is drawn.
pub(super) struct Shape {
    /// Its classes in the style sheet.
    pub(super) class: &'static str,
    /// The points.
    pub(super) runs: Vec<Run>,
    /// The way in which the points are joined.
    pub(super) form: Form,
    /// The text at its end, if there is any.
    pub(super) end: Option<String>,
}

/// The way in which points are joined.
pub(super) enum Form {
    /// By a line.
    Line,
    /// To an area down to zero.
    Area,
    /// To an area down to these points, which have the same times.
    Between(Vec<Run>),
}

/// Bars under a common name.
pub(super) struct Group {
    /// The name; empty for bars that stand alone.
    pub(super) name: String,
    /// The bars.
    pub(super) bars: Vec<Bar>,
}

/// One bar.
pub(super) struct Bar {
    /// The name of what it shows.
    pub(super) name: String,
    /// Its length; a bar without a value says so.
    pub(super) value: Option<f64>,
    /// The number of decimals of its text.
    pub(super) places: usize,
    /// Its class in the style sheet.
    pub(super) class: &'static str,
}

impl Plot<'_> {
    /// Draws the picture.
    pub(super) fn draw(&self) -> Markup {
        let marks = self.scale.marks(MARKS_MAX, self.whole);
        let seconds = Scale::linear(self.end_seconds).marks(MARKS_MAX, false);
        let (phases, lines) = phase_names(self.bands, self.end_seconds);
        let margin = format!("margin-top: {}px", 12 + lines * PHASE_LINE_PIXELS);
        let across = |seconds: f64| percent(self.across(seconds));
        let down = |value: f64| percent(1.0 - self.scale.share(value));
        html! {
            svg.plot role="img" aria-label=(self.title) style=(margin) {
                title { (self.title) }
                @for band in self.bands {
                    rect.band.is-herd[band.name == "herd"] x=(across(band.from)) y="0" height="100%"
                        width=(percent(self.across(band.to) - self.across(band.from))) {}
                    @if band.from > 0.0 {
                        line.border x1=(across(band.from)) x2=(across(band.from))
                            y1="0" y2="100%" {}
                    }
                }
                @for (mark, places) in marks {
                    line.grid x1="0" x2="100%" y1=(down(mark)) y2=(down(mark)) {}
                    text x="-8" y=(down(mark)) dy="4" text-anchor="end" { (compact(mark, places)) }
                }
                @for (mark, places) in seconds {
                    text x=(across(mark)) y="100%" dy="20" text-anchor="middle" {
                        (compact(mark, places)) " s"
                    }
                }
                @for phase in &phases {
                    text.phase x=(percent(phase.middle)) y=(phase.height()) text-anchor="middle" {
                        (phase.name)
                    }
                }
                line.floor x1="0" x2="100%" y1="100%" y2="100%" {}
                svg x="0" y="0" width="100%" height="100%" viewBox="0 0 1000 1000"
                    preserveAspectRatio="none" overflow="visible" {
                    @for shape in &self.shapes { path class=(shape.class) d=(self.path(shape)) {} }
                }
                @for (shape, height) in self.ends() {
                    text class={ "end " (shape.class) } y=(percent(1.0 - height)) dx="-6" dy="-9"
                        text-anchor="end"
                        x=(percent(end_of(shape).map_or(1.0, |(at, _)| self.across(at)))) {
                        (shape.end.as_deref().unwrap_or_default())
                    }
                }
            }
        }
    }

    fn across(&self, seconds: f64) -> f64 {
        Scale::linear(self.end_seconds).share(seconds)
    }

    /// Lists the shapes with text at their end, and how high each text stands. No text is above
    /// another one.
    fn ends(&self) -> Vec<(&Shape, f64)> {
        let mut ends: Vec<(&Shape, f64)> = self
            .shapes
            .iter()
            .filter(|shape| shape.end.is_some())
            .map(|shape| (shape, end_of(shape).map_or(0.0, |(_, value)| self.scale.share(value))))
            .collect();
        ends.sort_by(|(_, one), (_, other)| one.total_cmp(other));
        let mut taken = f64::NEG_INFINITY;
        for (_, height) in &mut ends {
            *height = height.max(taken);
            taken = *height + 0.09;
        }
        ends
    }

    fn path(&self, shape: &Shape) -> String {
        let mut path = String::new();
        for (place, run) in shape.runs.iter().enumerate() {
            let Some(&(first, _)) = run.first() else { continue };
            let last = run.last().map_or(first, |&(at, _)| at);
            self.line(&mut path, 'M', run.iter().copied());
            match &shape.form {
                // A line of no length has round ends and shows as a dot.
                Form::Line if run.len() == 1 => path.push_str("h0.01"),
                Form::Line => {}
                Form::Area => {
                    self.line(&mut path, 'L', [(last, 0.0), (first, 0.0)].into_iter());
                    path.push('Z');
                }
                Form::Between(lower) => {
                    let lower = lower.get(place).map(Vec::as_slice).unwrap_or_default();
                    self.line(&mut path, 'L', lower.iter().rev().copied());
                    path.push('Z');
                }
            }
        }
        path
    }

    fn line(&self, path: &mut String, first: char, points: impl Iterator<Item = (f64, f64)>) {
        let mut command = first;
        for (seconds, value) in points {
            let (x, y) = (self.across(seconds) * SIDE, (1.0 - self.scale.share(value)) * SIDE);
            let _ = write!(path, "{command}{x:.1} {y:.1}");
            command = 'L';
        }
    }
}

fn end_of(shape: &Shape) -> Option<(f64, f64)> {
    shape.runs.last().and_then(|run| run.last()).copied()
}

/// A phase's name and where it stands.
struct PhaseName {
    name: &'static str,
    middle: f64,
    line: usize,
}

impl PhaseName {
    fn height(&self) -> String {
        format!("-{}", 8 + self.line * PHASE_LINE_PIXELS)
    }
}

/// Places the phases' names over the bands, on as many lines as they need to stand clear of each
/// other. Returns the names and the number of lines.
fn phase_names(bands: &[Band], end_seconds: f64) -> (Vec<PhaseName>, usize) {
    let scale = Scale::linear(end_seconds);
    let mut ends: Vec<f64> = Vec::new();
    let mut names = Vec::new();
    for band in bands {
        let half = band.name.chars().count() as f64 * LETTER_PERCENT / 200.0;
        let middle = f64::midpoint(scale.share(band.from), scale.share(band.to));
        let middle = middle.max(half).min(1.0 - half);
        let free = ends.iter().position(|end| *end <= middle - half);
        let line = free.unwrap_or(ends.len());
        let end = middle + half + 0.01;
        match ends.get_mut(line) {
            Some(taken) => *taken = end,
            None => ends.push(end),
        }
        let name = band.name;
        names.push(PhaseName { name, middle, line });
    }
    (names, ends.len())
}

/// Draws horizontal bars, one below the other.
pub(super) fn bars(title: &str, groups: &[Group]) -> Markup {
    let values = groups.iter().flat_map(|group| &group.bars).filter_map(|bar| bar.value);
    let scale = Scale::linear(values.fold(0.0, f64::max));
    let mut height = 0;
    let mut group_at = Vec::new();
    for group in groups {
        let from = height + if group.name.is_empty() { 0 } else { GROUP_PIXELS };
        group_at.push((group, height, from));
        height = from + group.bars.len() * BAR_PIXELS;
    }
    html! {
        svg.bars role="img" aria-label=(title) height=(height) {
            title { (title) }
            line.floor x1=(percent(BARS_FROM / 100.0)) x2=(percent(BARS_FROM / 100.0))
                y1="0" y2=(height) {}
            @for (group, at, from) in group_at {
                @if !group.name.is_empty() {
                    text.group x="0" y=(at + GROUP_PIXELS - 9) { (short(&group.name)) }
                }
                @for (place, bar) in group.bars.iter().enumerate() {
                    (draw_bar(bar, from + place * BAR_PIXELS, scale))
                }
            }
        }
    }
}

fn draw_bar(bar: &Bar, top: usize, scale: Scale) -> Markup {
    let share = bar.value.map_or(0.0, |value| scale.share(value));
    // A value above zero is visible, however small it is beside the others.
    let share = if bar.value.is_some_and(|value| value > 0.0) { share.max(0.005) } else { 0.0 };
    let text = bar.value.map_or_else(|| optional(None, 0), |value| compact(value, bar.places));
    html! {
        text.name x=(percent(BARS_FROM / 100.0)) y=(top + BAR_PIXELS / 2) dx="-10" dy="4"
            text-anchor="end" {
            (short(&bar.name))
        }
        rect.bar.(bar.class) x=(percent(BARS_FROM / 100.0)) y=(top + 4)
            width=(percent(share * BARS_WIDTH / 100.0)) height=(BAR_PIXELS - 8) {}
        text.amount x=(percent((BARS_FROM + share * BARS_WIDTH) / 100.0))
            y=(top + BAR_PIXELS / 2) dx="8" dy="4" {
            (text)
        }
    }
}

/// Draws a piece of a curve, for a legend.
pub(super) fn swatch(class: &'static str) -> Markup {
    html! {
        svg aria-hidden="true" viewBox="0 0 36 12" { path class=(class) d="M2 6H34" {} }
    }
}

/// Writes a number so that it fits beside a chart: beyond a million with two decimals at most and a
/// letter.
pub(super) fn compact(number: f64, places: usize) -> String {
    let letters = [(1e6, "M"), (1e9, "G"), (1e12, "T"), (1e15, "P"), (1e18, "E")];
    let largest = letters.into_iter().rev().find(|(least, _)| number.abs() >= *least);
    let Some((unit, letter)) = largest else {
        return decimal(number, places);
    };
    let text = decimal(number / unit, 2);
    let text =
        if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{text} {letter}")
}

fn short(name: &str) -> String {
    if name.chars().count() <= NAME_MAX {
        return name.to_owned();
    }
    let mut text: String = name.chars().take(NAME_MAX - 1).collect();
    text.push('…');
    text
}

fn percent(share: f64) -> String {
    let share = if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 };
    format!("{:.2}%", share * 100.0)
}
