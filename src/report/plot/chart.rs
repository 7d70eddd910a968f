//! Pictures with two axes.

use std::ops::Range;

use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint, Ranged};
use plotters::coord::types::RangedCoordf64;
use plotters::element::{Circle, Cross, PathElement, Rectangle, TriangleMarker};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::canvas::{Area, COLOURS, Drawn, GREY, Plot, clean, short, text, width_of};

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Shape {
    Line,
    Dashed,
    Circle,
    Triangle,
    Cross,
    Bar,
}

/// What bars are filled with.
pub(super) const BAR: RGBColor = COLOURS[4];

/// Points that are joined, and how.
pub(super) type Line = (Vec<(f64, f64)>, RGBColor, Shape);

pub(super) struct Chart {
    pub(super) title: String,
    pub(super) x: (String, Range<f64>),
    pub(super) y: (String, Range<f64>),
    /// Whether y is the logarithm to base 10 of what the axis says.
    pub(super) is_log: bool,
    /// The same of x.
    pub(super) is_log_x: bool,
    /// Whether the steps of the x axis are whole numbers.
    pub(super) is_count: bool,
    /// Where the marks of the x axis begin.
    pub(super) least_mark: f64,
    pub(super) lines: Vec<Line>,
    pub(super) dots: Vec<((f64, f64), RGBColor, Shape)>,
    /// From, to, height.
    pub(super) bars: Vec<(f64, f64, f64)>,
    /// The same of bars that mean something else, in another colour.
    pub(super) bars_apart: Vec<(f64, f64, f64)>,
    /// Places on the x axis.
    pub(super) marks: Vec<f64>,
    /// What lies beyond an edge, in words, and whether that is the right one.
    pub(super) beyond: Option<(String, bool)>,
    pub(super) legend: Vec<(String, RGBColor, Shape)>,
}

impl Chart {
    pub(super) fn new(title: &str, x: (&str, Range<f64>), y: (&str, Range<f64>)) -> Self {
        Self {
            title: clean(title),
            x: (x.0.to_owned(), x.1),
            y: (y.0.to_owned(), y.1),
            is_log: false,
            is_log_x: false,
            is_count: false,
            least_mark: f64::NEG_INFINITY,
            lines: Vec::new(),
            dots: Vec::new(),
            bars: Vec::new(),
            bars_apart: Vec::new(),
            marks: Vec::new(),
            beyond: None,
            legend: Vec::new(),
        }
    }

    fn legend_width(&self) -> i32 {
        let widest = self.legend.iter().map(|(label, ..)| width_of(&clean(label), 15.0)).max();
        widest.map_or(0, |width| (width + 50).clamp(80, 420))
    }
}

/// A range around these values; where they are all alike, one of some width.
pub(super) fn range_of(values: impl IntoIterator<Item = f64>) -> Range<f64> {
    let ends = |(low, high): (f64, f64), value: f64| (low.min(value), high.max(value));
    let (low, high) = values.into_iter().fold((f64::INFINITY, f64::NEG_INFINITY), ends);
    let size = low.abs().max(high.abs());
    let pad = if high - low > 1e-6 * size && high - low > 1e-100 {
        0.04 * (high - low)
    } else {
        (0.1 * size).max(0.1)
    };
    low - pad..high + pad
}

/// An axis of numbers, or of logarithms to base 10 that is marked where the numbers are round.
struct Axis {
    range: Range<f64>,
    even: RangedCoordf64,
    is_log: bool,
    /// Where marks begin.
    least_mark: f64,
}

impl Axis {
    fn new(range: Range<f64>, is_log: bool) -> Self {
        Self { even: range.clone().into(), range, is_log, least_mark: f64::NEG_INFINITY }
    }
}

impl Ranged for Axis {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        self.even.map(value, limit)
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        let mut marks = match self.is_log {
            true => logarithmic_marks(&self.range, hint.bold_points()),
            false => self.even.key_points(hint),
        };
        marks.retain(|&mark| mark >= self.least_mark);
        marks
    }

    fn range(&self) -> Range<f64> {
        self.range.clone()
    }
}

/// The logarithms, within a range of them, of 1, 2 and 5 · 10ⁿ, of 10ⁿ alone or of every second, fifth or
/// tenth (and so on) power of ten, as far as there is room for no more. Where the range is so narrow that
/// it has hardly any of them, of evenly spaced numbers.
fn logarithmic_marks(range: &Range<f64>, most: usize) -> Vec<f64> {
    let powers = range.start.floor() as i32..=range.end.ceil() as i32;
    let marks = |of: &[f64], step: i32| -> Vec<f64> {
        let powers = powers.clone().filter(|power| power % step == 0);
        let all = powers.flat_map(|power| of.iter().map(move |k| f64::from(power) + k.log10()));
        all.filter(|mark| range.contains(mark)).collect()
    };
    let steps = (0..).flat_map(|n| [1, 2, 5].map(|k| k * 10i32.pow(n))).take(9);
    let of_powers = steps.map(|step| marks(&[1.0], step));
    let found = std::iter::once(marks(&[1.0, 2.0, 5.0], 1)).chain(of_powers);
    let found = found.into_iter().find(|marks| marks.len() <= most).unwrap_or_default();
    if found.len() >= 3 {
        return found;
    }
    let numbers = RangedCoordf64::from(10f64.powf(range.start)..10f64.powf(range.end));
    numbers.key_points(most / 2).iter().map(|number| number.log10()).collect()
}

impl Plot for Chart {
    fn size(&self) -> (u32, u32) {
        (720 + self.legend_width() as u32, 480)
    }

    fn draw<DB: DrawingBackend>(&self, area: &Area<DB>) -> Drawn<DB> {
        let (area, legend) = area.split_horizontally(720);
        let mut x_axis = Axis::new(self.x.1.clone(), self.is_log_x);
        x_axis.least_mark = self.least_mark;
        let y_axis = Axis::new(self.y.1.clone(), self.is_log);
        let mut chart = ChartBuilder::on(&area)
            .caption(&self.title, text(20.0))
            .margin(12)
            .margin_right(24)
            .x_label_area_size(52)
            .y_label_area_size(76)
            .build_cartesian_2d(x_axis, y_axis)?;
        let number = |at: f64, is_log: bool| short(if is_log { 10f64.powf(at) } else { at });
        let y_label = |y: &f64| number(*y, self.is_log);
        let x_label = |x: &f64| match self.is_count && x.fract() != 0.0 {
            true => String::new(),
            false => number(*x, self.is_log_x),
        };
        chart
            .configure_mesh()
            .light_line_style(WHITE)
            .bold_line_style(RGBColor(225, 225, 225))
            .axis_style(GREY)
            .x_desc(&self.x.0)
            .y_desc(&self.y.0)
            .axis_desc_style(text(16.0))
            .label_style(text(14.0))
            .x_labels(if self.is_log_x { 12 } else { 8 })
            .y_labels(if self.is_log { 12 } else { 8 })
            .x_label_formatter(&x_label)
            .y_label_formatter(&y_label)
            .draw()?;
        let (wide, high) = chart.plotting_area().dim_in_pixel();
        // The whole pixel that is seen of a bar, however it lies.
        let pixel =
            |range: &Range<f64>, pixels: u32| 1.5 * (range.end - range.start) / f64::from(pixels);
        let (least_width, least_height) = (pixel(&self.x.1, wide), pixel(&self.y.1, high));
        let bars = self.bars.iter().map(|bar| (bar, BAR));
        for (&(from, to, height), colour) in
            bars.chain(self.bars_apart.iter().map(|bar| (bar, COLOURS[1])))
        {
            let (to, height) = (to.max(from + least_width), height.max(least_height));
            let corners = [(from, 0.0), (to, height)];
            chart.draw_series([Rectangle::new(corners, colour.filled())])?;
        }
        for (points, colour, shape) in &self.lines {
            let (style, points) = (colour.stroke_width(2), points.iter().copied());
            if *shape == Shape::Dashed {
                chart.draw_series(DashedLineSeries::new(points, 7, 5, style))?;
            } else {
                chart.draw_series(LineSeries::new(points, style))?;
            }
        }
        // Many dots are smaller, so that each can be seen.
        let size = if self.dots.len() > 1000 { 2 } else { 3 };
        for &(at, colour, shape) in &self.dots {
            let (fill, line) = (colour.filled(), colour.stroke_width(2));
            match shape {
                Shape::Triangle => chart.draw_series([TriangleMarker::new(at, size + 1, fill)])?,
                Shape::Cross => chart.draw_series([Cross::new(at, size, line)])?,
                _ => chart.draw_series([Circle::new(at, size, fill)])?,
            };
        }
        for &x in &self.marks {
            let line = vec![(x, self.y.1.start), (x, self.y.1.end)];
            let style = COLOURS[1].stroke_width(3);
            chart.draw_series([PathElement::new(line, style)])?;
        }
        if let Some((label, is_right)) = &self.beyond {
            let (across, down) = chart.plotting_area().get_pixel_range();
            let (x, side) = match is_right {
                true => (across.end - 6, HPos::Right),
                false => (across.start + 6, HPos::Left),
            };
            let style = text(15.0).color(&COLOURS[1]).pos(Pos::new(side, VPos::Top));
            area.draw(&Text::new(clean(label), (x, down.start + 4), style))?;
        }
        for (row, (label, colour, shape)) in self.legend.iter().enumerate() {
            let y = 60 + 24 * row as i32;
            let (line, middle) = (colour.stroke_width(2), (18, y));
            match shape {
                Shape::Line => legend.draw(&PathElement::new(vec![(6, y), (30, y)], line))?,
                Shape::Dashed => {
                    for x in [6, 18] {
                        legend.draw(&PathElement::new(vec![(x, y), (x + 8, y)], line))?;
                    }
                }
                Shape::Circle => legend.draw(&Circle::new(middle, 5, colour.filled()))?,
                Shape::Triangle => legend.draw(&TriangleMarker::new(middle, 6, colour.filled()))?,
                Shape::Cross => legend.draw(&Cross::new(middle, 5, line))?,
                Shape::Bar => {
                    legend.draw(&Rectangle::new([(8, y - 6), (28, y + 6)], colour.filled()))?
                }
            }
            legend.draw(&Text::new(clean(label), (38, y - 5), text(15.0)))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(low: f64, high: f64, most: usize) -> Vec<String> {
        let marks = logarithmic_marks(&(low.log10()..high.log10()), most);
        marks.iter().map(|&mark| short(10f64.powf(mark))).collect()
    }

    #[test]
    fn logarithmic_axes_are_marked_at_round_numbers() {
        assert_eq!(numbers(0.3, 40.0, 12), ["0.5", "1", "2", "5", "10", "20"]);
        assert_eq!(numbers(3e-5, 0.03, 12).len(), 9);
        assert_eq!(numbers(3e-5, 0.03, 8), ["1e−4", "0.001", "0.01"]);
        assert_eq!(numbers(0.9, 2e6, 5), ["1", "100", "10000", "1e6"]);
        // Too narrow: from 22 to 28 there are no such numbers, so steps are even.
        assert_eq!(numbers(22.0, 28.0, 12), ["22", "24", "26", "28"]);
        // Every 50th power.
        let far = ["1e−300", "1e−250", "1e−200", "1e−150", "1e−100", "1e−50", "1", "1e50"];
        assert_eq!(numbers(1e-300, 1e100, 8), far);
    }
}
