//! How much is measured. Every count and every time is bounded here.

use std::time::Duration;

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub struct Scale {
    /// Rounds in which the contenders take turns.
    pub rounds: usize,
    /// Length of one window.
    pub window: Duration,
    /// Accounts with an entitlement each.
    pub accounts: u32,
    /// Usage rows of the small and of the large database.
    pub usage_rows: (u64, u64),
    /// Usage rows of a person who wants them all.
    pub export_rows: u64,
    /// Pairs of one round of the growth section; it touches each active account this often over.
    pub growth_pairs: usize,
    /// Streams open at once.
    pub streams: usize,
    /// Jobs of a backlog.
    pub jobs: u32,
    /// How long a transaction is held open while jobs are worked off.
    pub held_open: Duration,
    /// Customers whose cycle ends, and calls that each made in it.
    pub cycle: (u32, u32),
}

impl Scale {
    /// `make bench`: about 40 minutes on two cores.
    pub const FULL: Self = Self {
        rounds: 3,
        window: Duration::from_secs(4),
        accounts: 100_000,
        usage_rows: (10_000, 10_000_000),
        export_rows: 100_000,
        growth_pairs: 3_000,
        streams: 500,
        jobs: 100_000,
        held_open: Duration::from_secs(120),
        cycle: (1_000, 1_000),
    };

    /// `BENCH_QUICK=1 make bench`: does everything, proves nothing.
    pub const QUICK: Self = Self {
        rounds: 1,
        window: Duration::from_secs(1),
        accounts: 5_000,
        usage_rows: (10_000, 200_000),
        export_rows: 10_000,
        growth_pairs: 500,
        streams: 100,
        jobs: 10_000,
        held_open: Duration::from_secs(2),
        cycle: (20, 50),
    };

    /// Length of one window, in whole seconds.
    pub const fn window_seconds(&self) -> u64 {
        self.window.as_secs()
    }
}

/// `10 million` rather than seven zeros.
pub fn in_words(count: u64) -> String {
    match count {
        1_000_000.. if count.is_multiple_of(1_000_000) => format!("{} million", count / 1_000_000),
        1_000.. if count.is_multiple_of(1_000) => format!("{} thousand", count / 1_000),
        _ => count.to_string(),
    }
}
