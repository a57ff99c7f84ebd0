//! Windows: what one contender did in one stretch of time, and what it took. A series is one contender's windows.

use std::time::Instant;

use anyhow::Result;

use crate::host::{self, CpuTime};

/// A window in which the hypervisor took more than this is measured once more.
pub const STEAL_PERCENT_MAX: f64 = 10.0;

/// What work did in its window.
#[derive(Debug, Clone, Copy, Default)]
pub struct Work {
    /// Operations completed.
    pub operations: f64,
    /// Time they took together, in seconds.
    pub seconds: f64,
    /// Median latency, in microseconds; 0 where none was taken.
    pub p50_us: f64,
    /// Latency that 99 % stayed within, in microseconds; 0 where none was taken.
    pub p99_us: f64,
}

/// Work, and what the machine says of it.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    /// What was done.
    pub work: Work,
    /// CPU time of the processes watched per operation, in microseconds.
    pub cpu_us_per_operation: f64,
    /// Time stolen from the whole machine, in percent.
    pub steal_percent: f64,
}

/// Starts the clock of a window; read again, it closes the window.
#[derive(Clone, Copy)]
pub struct Opened {
    at: Instant,
    cpu_us: f64,
    machine: CpuTime,
}

impl Opened {
    /// Opens a window on the process trees `roots`.
    pub fn now(roots: &[u32]) -> Result<Self> {
        Ok(Self { cpu_us: host::cpu_us(roots)?, machine: CpuTime::now()?, at: Instant::now() })
    }

    /// Time since it was opened, in seconds.
    pub fn seconds(&self) -> f64 {
        self.at.elapsed().as_secs_f64()
    }

    /// Closes the window over `work`.
    pub fn close(self, roots: &[u32], work: Work) -> Result<Window> {
        let cpu_us = host::cpu_us(roots)? - self.cpu_us;
        Ok(Window {
            work,
            cpu_us_per_operation: if work.operations > 0.0 { cpu_us / work.operations } else { 0.0 },
            steal_percent: CpuTime::now()?.steal_percent_since(self.machine),
        })
    }
}

/// Measures a window, and once more if too much of it was stolen; the better of the two counts.
pub async fn steady(mut measure: impl AsyncFnMut() -> Result<Window>) -> Result<Window> {
    let window = measure().await?;
    if window.steal_percent <= STEAL_PERCENT_MAX {
        return Ok(window);
    }
    let again = measure().await?;
    Ok(if again.steal_percent < window.steal_percent { again } else { window })
}

/// The windows of one contender over all rounds.
#[derive(Debug, Default)]
pub struct Series {
    windows: Vec<Window>,
}

impl Series {
    /// Adds the window of a round.
    pub fn push(&mut self, window: Window) {
        self.windows.push(window);
    }

    /// Median rate, in operations a second.
    pub fn rate(&self) -> f64 {
        self.median(|window| window.work.operations / window.work.seconds)
    }

    /// Median of the rounds' median latencies, in microseconds.
    pub fn p50_us(&self) -> f64 {
        self.median(|window| window.work.p50_us)
    }

    /// Median CPU time per operation, in microseconds.
    pub fn cpu_us(&self) -> f64 {
        self.median(|window| window.cpu_us_per_operation)
    }

    /// The most that was stolen in any round, in percent.
    pub fn steal_percent(&self) -> f64 {
        self.windows.iter().map(|window| window.steal_percent).fold(0.0, f64::max)
    }

    /// Median, over the rounds, of what `read` differs by between `self` and the window of `line` in the same round.
    pub fn above(&self, line: &Self, read: impl Fn(&Window) -> f64) -> f64 {
        let mut differences: Vec<f64> =
            self.windows.iter().zip(&line.windows).map(|(ours, line)| read(ours) - read(line)).collect();
        median(&mut differences)
    }

    fn median(&self, read: impl Fn(&Window) -> f64) -> f64 {
        let mut values: Vec<f64> = self.windows.iter().map(read).collect();
        median(&mut values)
    }
}

/// The middle of `values`; of an even number, the mean of the two in the middle. 0 of none.
pub fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match (values.len() % 2, values.get(middle)) {
        (1, Some(value)) => *value,
        (0, Some(value)) => f64::midpoint(*value, values[middle - 1]),
        _ => 0.0,
    }
}

/// The value that `percent` of sorted `values` stay within; 0 of none.
pub fn percentile(values: &[f64], percent: f64) -> f64 {
    let rank = (percent / 100.0 * values.len() as f64).ceil() as usize;
    values.get(rank.clamp(1, values.len().max(1)) - 1).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::{median, percentile};

    #[test]
    fn a_median_is_the_middle_and_a_percentile_is_a_value_that_occurred() {
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&mut [4.0, 1.0, 2.0, 3.0]), 2.5);
        assert_eq!(median(&mut []), 0.0);
        let values: Vec<f64> = (1..=200).map(f64::from).collect();
        assert_eq!(percentile(&values, 50.0), 100.0);
        assert_eq!(percentile(&values, 99.0), 198.0);
        assert_eq!(percentile(&[], 50.0), 0.0);
    }
}
