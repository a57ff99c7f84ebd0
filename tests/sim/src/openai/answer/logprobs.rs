//! Log probabilities: of each token of an answer, and of the tokens that might have stood there.

use serde_json::{Value, json};

use super::random::fnv1a;
use super::text::alternatives;
use crate::openai::tokens::Encoding;

/// The most likely token's log probability is between zero and this.
const LEAST_LIKELY: f64 = -0.6;
/// Each alternative is less likely than the one before by this much.
const STEP: f64 = 0.75;

/// How log probabilities are told.
#[derive(Clone, Copy, Debug)]
pub struct Logprobs {
    /// The encoding of the answer.
    pub encoding: Encoding,
    /// Tokens listed for each place, the said one among them.
    pub top: u64,
}

impl Logprobs {
    /// One entry for each token of `text`. The same text always gets the same ones.
    pub fn of(self, text: &str) -> Vec<Value> {
        let tokens = self.encoding.bpe().encode_ordinary(text);
        tokens.into_iter().map(|token| self.entry(&self.bytes(token))).collect()
    }

    /// A token may hold a part of a character only.
    fn bytes(self, token: u32) -> Vec<u8> {
        self.encoding.bpe().decode_bytes(&[token]).unwrap_or_default()
    }

    fn entry(self, said: &[u8]) -> Value {
        let hash = fnv1a(0, said);
        let logprob = LEAST_LIKELY * (hash % 1000) as f64 / 1000.0;
        let less_likely = |place: u64| (place as f64).mul_add(-STEP, logprob);
        let others = alternatives(hash).filter(|word| word.as_bytes() != said);
        let others = others.zip(1..self.top).map(|(word, place)| one(word.as_bytes(), less_likely(place)));
        let top: Vec<Value> = (self.top > 0).then(|| one(said, logprob)).into_iter().chain(others).collect();
        let mut entry = one(said, logprob);
        entry["top_logprobs"] = json!(top);
        entry
    }
}

fn one(token: &[u8], logprob: f64) -> Value {
    json!({ "token": String::from_utf8_lossy(token), "logprob": logprob, "bytes": token })
}
