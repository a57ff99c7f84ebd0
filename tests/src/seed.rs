//! Random choices that a failed run can repeat.

use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

/// The seed of this process: `OCTROI_TEST_SEED`, or one that is printed with every failure.
pub fn seed() -> u64 {
    static SEED: OnceLock<u64> = OnceLock::new();
    *SEED.get_or_init(|| {
        let given = std::env::var("OCTROI_TEST_SEED")
            .ok()
            .map(|text| text.parse().expect("OCTROI_TEST_SEED is a number"));
        let seed = given.unwrap_or_else(|| {
            let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970");
            since.as_nanos() as u64
        });
        println!("OCTROI_TEST_SEED={seed}");
        seed
    })
}

/// A small generator (SplitMix64): good enough to vary tests, and the same everywhere.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// Dice of this run; `lane` sets apart the ones thrown at the same time.
    pub fn new(lane: u64) -> Self {
        Self(seed() ^ lane.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// A number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }

    /// One of `choices`.
    pub fn pick<'c, T>(&mut self, choices: &'c [T]) -> &'c T {
        &choices[self.below(choices.len() as u64) as usize]
    }
}
