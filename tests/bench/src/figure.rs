//! The results: one figure a row, printed as a table and written as JSON.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;

/// What a figure has to reach.
#[derive(Debug, Clone, Copy)]
pub enum Target {
    /// `ours / reference` is at least this.
    RatioAtLeast(f64),
    /// `ours / reference` is at most this.
    RatioAtMost(f64),
    /// `ours` is at least this.
    AtLeast(f64),
    /// `ours` is at most this.
    AtMost(f64),
    /// Told for the reader; nothing is promised.
    None,
}

/// One row of the result. CPU and steal go to the table only.
#[derive(Debug, Clone, Serialize)]
pub struct Figure {
    /// What was measured, and beside what.
    pub name: String,
    /// Of `ours` and `reference`.
    pub unit: &'static str,
    /// Octroi's.
    pub ours: f64,
    /// The other's, in the same run; none where there is nothing to compare with.
    pub reference: Option<f64>,
    /// `ours / reference`.
    pub ratio: Option<f64>,
    /// What must hold, in words; none where nothing must.
    pub target: Option<String>,
    /// Whether it holds; none without a target.
    pub ok: Option<bool>,
    /// CPU per operation, ours and the other's, in microseconds; 0 where it means nothing.
    #[serde(skip)]
    pub cpu_us: (f64, f64),
    /// The most stolen time of any window behind this row, in percent.
    #[serde(skip)]
    pub steal_percent: f64,
}

impl Figure {
    /// A figure without CPU and steal.
    pub fn new(
        name: impl Into<String>,
        unit: &'static str,
        ours: f64,
        reference: Option<f64>,
        target: Target,
    ) -> Self {
        let ratio = reference.filter(|reference| *reference != 0.0).map(|reference| ours / reference);
        let (words, ok) = match target {
            Target::RatioAtLeast(least) => {
                (Some(format!("ratio >= {least}")), Some(ratio.is_some_and(|ratio| ratio >= least)))
            }
            Target::RatioAtMost(most) => {
                (Some(format!("ratio <= {most}")), Some(ratio.is_some_and(|ratio| ratio <= most)))
            }
            Target::AtLeast(least) => (Some(format!(">= {least} {unit}")), Some(ours >= least)),
            Target::AtMost(most) => (Some(format!("<= {most} {unit}")), Some(ours <= most)),
            Target::None => (None, None),
        };
        Self {
            name: name.into(),
            unit,
            ours: rounded(ours),
            reference: reference.map(rounded),
            ratio: ratio.map(rounded),
            target: words,
            ok,
            cpu_us: (0.0, 0.0),
            steal_percent: 0.0,
        }
    }

    /// With CPU per operation (ours, the other's) in microseconds, and steal in percent.
    pub fn with_cost(mut self, cpu_us: (f64, f64), steal_percent: f64) -> Self {
        self.cpu_us = cpu_us;
        self.steal_percent = steal_percent;
        self
    }
}

/// Four significant digits: more would pretend to a precision that no shared machine has.
fn rounded(value: f64) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return 0.0;
    }
    let scale = 10_f64.powf(3.0 - value.abs().log10().floor());
    (value * scale).round() / scale
}

fn number(value: f64) -> String {
    if value.abs() >= 1000.0 { format!("{value:.0}") } else { format!("{value}") }
}

fn or_dash(value: f64) -> String {
    if value > 0.0 { format!("{value:.0}") } else { "-".to_owned() }
}

/// The table as text.
pub fn table(figures: &[Figure]) -> String {
    let width = figures.iter().map(|figure| figure.name.chars().count()).max().unwrap_or(0).max(4);
    let mut text = format!(
        "{:width$}  {:>10}  {:>10}  {:>7}  {:<18}  {:<4}  {:>9}  {:>8}  {:>7}  unit\n",
        "name", "ours", "reference", "ratio", "target", "ok", "CPU us/op", "ref's", "steal %"
    );
    for figure in figures {
        let ok = match figure.ok {
            Some(true) => "yes",
            Some(false) => "NO",
            None => "",
        };
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{:width$}  {:>10}  {:>10}  {:>7}  {:<18}  {:<4}  {:>9}  {:>8}  {:>7.1}  {}",
            figure.name,
            number(figure.ours),
            figure.reference.map_or_else(|| "-".to_owned(), number),
            figure.ratio.map_or_else(|| "-".to_owned(), number),
            figure.target.as_deref().unwrap_or("-"),
            ok,
            or_dash(figure.cpu_us.0),
            or_dash(figure.cpu_us.1),
            figure.steal_percent,
            figure.unit,
        );
    }
    text
}

/// Writes the figures as a JSON array.
pub fn write_json(figures: &[Figure], path: &Path) -> Result<()> {
    let mut text = serde_json::to_string_pretty(figures).context("the figures cannot be written as JSON")?;
    text.push('\n');
    std::fs::write(path, text).with_context(|| format!("{} cannot be written", path.display()))
}

#[cfg(test)]
mod tests {
    use super::{Figure, Target};

    #[test]
    fn a_target_is_met_or_missed_by_the_exact_value() {
        let figure = Figure::new("pairs", "pairs/s", 749.9999, Some(1000.0), Target::RatioAtLeast(0.75));
        assert_eq!((figure.ratio, figure.ok), (Some(0.75), Some(false)));
        let figure = Figure::new("latency", "us", 500.0, None, Target::AtMost(500.0));
        assert_eq!((figure.ok, figure.target.as_deref()), (Some(true), Some("<= 500 us")));
        let figure = Figure::new("nothing to divide by", "1/s", 5.0, Some(0.0), Target::RatioAtLeast(1.0));
        assert_eq!((figure.ratio, figure.ok), (None, Some(false)));
    }
}
