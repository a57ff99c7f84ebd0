//! OpenAI's prompt cache: a prompt of 1,024 tokens or more is remembered by its prefixes.

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, PoisonError};

use super::random::fnv1a;

/// The shortest prefix that is cached, and the step by which longer ones are, in tokens.
const SHORTEST_PREFIX_TOKENS: usize = 1024;
const PREFIX_STEP_TOKENS: usize = 128;
/// Prefixes remembered; the oldest go first.
const MAX_PREFIXES: usize = 262_144;

#[derive(Debug, Default)]
struct Prefixes {
    known: HashSet<u64>,
    oldest_first: VecDeque<u64>,
}

/// The prefixes of the prompts seen so far.
#[derive(Debug, Default)]
pub struct PromptCache {
    prefixes: Mutex<Prefixes>,
}

impl PromptCache {
    /// How many leading tokens of the prompt were seen before for this model; remembers it.
    pub fn look_up(&self, model: &str, tokens: &[u32]) -> u64 {
        if tokens.len() < SHORTEST_PREFIX_TOKENS {
            return 0;
        }
        let mut prefixes = self.prefixes.lock().unwrap_or_else(PoisonError::into_inner);
        let mut hash = fnv1a(0, model.as_bytes());
        let mut cached = 0;
        for (index, token) in tokens.iter().enumerate() {
            hash = fnv1a(hash, &token.to_le_bytes());
            let length = index + 1;
            if length < SHORTEST_PREFIX_TOKENS || length % PREFIX_STEP_TOKENS != 0 {
                continue;
            }
            if prefixes.remember(hash) {
                cached = length as u64;
            }
        }
        cached
    }
}

impl Prefixes {
    /// Whether the prefix was known already.
    fn remember(&mut self, hash: u64) -> bool {
        if !self.known.insert(hash) {
            return true;
        }
        self.oldest_first.push_back(hash);
        if self.oldest_first.len() > MAX_PREFIXES
            && let Some(oldest) = self.oldest_first.pop_front()
        {
            self.known.remove(&oldest);
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_prompt_is_cached_from_its_second_time_on_by_steps_of_128() {
        let cache = PromptCache::default();
        let prompt: Vec<u32> = (0..1500).collect();
        assert_eq!(cache.look_up("gpt-4o", &prompt), 0);
        assert_eq!(cache.look_up("gpt-4o", &prompt), 1408);
        assert_eq!(cache.look_up("gpt-4o", &prompt[..1100]), 1024);
        assert_eq!(cache.look_up("gpt-4o-mini", &prompt), 0, "caches are per model");
        assert_eq!(cache.look_up("gpt-4o", &prompt[..1000]), 0, "too short");
    }
}
