//! The provider's own meter, read into pools.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::endpoint::Endpoint;

/// Largest count accepted, as in the ledger's CHECKs. A larger one is not a count but an error.
pub const MAX_TOKENS: u64 = 1_000_000_000_000_000;

/// Largest usage object kept beside the pools, in bytes. The real ones are under 500.
pub const MAX_RAW_BYTES: usize = 4_096;

/// Tokens of one call as the provider counted them. Totals include their parts; SQL clamps the parts into
/// disjoint pools, so that the rule stands in one place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// All input tokens.
    pub input: u64,
    /// Input read from the prompt cache.
    pub cached_input: u64,
    /// Input written to the prompt cache.
    pub cache_write: u64,
    /// Of these, tokens that are kept there for twelve hours.
    pub cache_write_12h: u64,
    /// Audio part of the input.
    pub audio_input: u64,
    /// All output tokens, reasoning and rejected predictions included.
    pub output: u64,
    /// Hidden reasoning, inside `output`.
    pub reasoning: u64,
    /// Audio part of the output.
    pub audio_output: u64,
}

/// Where a settled amount comes from (`p_sources` of `settle_many`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UsageSource {
    /// The provider's usage object.
    Provider,
    /// Likely input plus relayed output, because the provider told no usage: the stream was cut, or came without.
    Estimated,
    /// The whole hold, because neither usage nor all of the answer was seen.
    Hold,
}

impl UsageSource {
    /// The ledger's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Provider => "provider",
            Self::Estimated => "estimated",
            Self::Hold => "hold",
        }
    }
}

/// How the `usage` field looked. An explicit zero is `Present`, and free; the others are not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UsageState {
    /// No such field.
    #[default]
    Missing,
    /// `"usage": null`.
    Null,
    /// There, but not counts: a string, a negative, a fraction, more than fits.
    Unreadable,
    /// Read.
    Present,
}

/// What a response says about its cost.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UsageReport {
    /// The counts, only when `state` is `Present`.
    pub usage: Option<Usage>,
    /// How the field looked.
    pub state: UsageState,
    /// The usage object as sent, for the ledger; it holds no content.
    pub raw: Option<Value>,
    /// The model that answered, which prices the call.
    pub model: Option<String>,
    /// The tier that answered.
    pub service_tier: Option<String>,
    /// Whether an answer in a stream ended because it had reached its output limit.
    pub ended_at_limit: bool,
}

/// The fields of a response that matter here; the rest is skipped without being built.
#[derive(Deserialize)]
pub(super) struct Metered {
    #[serde(default, deserialize_with = "lenient_text")]
    pub(super) model: Option<String>,
    #[serde(default, deserialize_with = "lenient_text")]
    pub(super) service_tier: Option<String>,
    /// `None` if absent, `Some(Null)` if null.
    #[serde(default, deserialize_with = "present")]
    pub(super) usage: Option<Value>,
}

fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

// A tier or model of another type is the provider's mistake; it must not hide the usage beside it.
fn lenient_text<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::String(text) if !text.is_empty() => Some(text),
        _ => None,
    })
}

/// Reads the usage of a whole (not streamed) response body. A body that is not a JSON object, or names a field
/// twice, has no usage to trust: `Unreadable`.
pub fn read_usage(endpoint: Endpoint, body: &[u8]) -> UsageReport {
    // A derived reader would take an array for a struct, field by field.
    let is_object = body.trim_ascii_start().starts_with(b"{");
    match serde_json::from_slice::<Metered>(body) {
        Ok(metered) if is_object => metered.report(endpoint),
        _ => UsageReport { state: UsageState::Unreadable, ..UsageReport::default() },
    }
}

impl Metered {
    pub(super) fn report(self, endpoint: Endpoint) -> UsageReport {
        let mut report =
            UsageReport { model: self.model, service_tier: self.service_tier, ..UsageReport::default() };
        report.read(endpoint, self.usage);
        report
    }
}

impl UsageReport {
    /// Takes a usage field as it was found. A later one replaces an earlier one, but a null or missing one
    /// never hides counts that were already read.
    pub(super) fn read(&mut self, endpoint: Endpoint, usage: Option<Value>) {
        match usage {
            None => {}
            Some(Value::Null) if self.state == UsageState::Missing => self.state = UsageState::Null,
            Some(Value::Null) => {}
            Some(value) => {
                self.usage = value.as_object().and_then(|map| pools(endpoint, map));
                self.state = match self.usage {
                    Some(_) => UsageState::Present,
                    None => UsageState::Unreadable,
                };
                self.raw = (value.to_string().len() <= MAX_RAW_BYTES).then_some(value);
            }
        }
    }
}

fn pools(endpoint: Endpoint, usage: &Map<String, Value>) -> Option<Usage> {
    let mut pools = match endpoint {
        Endpoint::ChatCompletions => {
            let input = details(usage, "prompt_tokens_details")?;
            let output = details(usage, "completion_tokens_details")?;
            Usage {
                input: count(usage, "prompt_tokens")??,
                cached_input: part(input, "cached_tokens")?,
                cache_write: part(input, "cache_write_tokens")?,
                cache_write_12h: written_for_12h(input),
                audio_input: part(input, "audio_tokens")?,
                output: count(usage, "completion_tokens")??,
                reasoning: part(output, "reasoning_tokens")?,
                audio_output: part(output, "audio_tokens")?,
            }
        }
        Endpoint::Responses => {
            let input = details(usage, "input_tokens_details")?;
            let output = details(usage, "output_tokens_details")?;
            Usage {
                input: count(usage, "input_tokens")??,
                cached_input: part(input, "cached_tokens")?,
                cache_write: part(input, "cache_write_tokens")?,
                cache_write_12h: written_for_12h(input),
                audio_input: part(input, "audio_tokens")?,
                output: count(usage, "output_tokens")??,
                reasoning: part(output, "reasoning_tokens")?,
                audio_output: part(output, "audio_tokens")?,
            }
        }
        Endpoint::Embeddings => Usage { input: count(usage, "prompt_tokens")??, ..Usage::default() },
    };
    // Some compatible providers leave hidden reasoning out of the output but not out of the total.
    let total = count(usage, "total_tokens")?.unwrap_or(0);
    match endpoint {
        Endpoint::Embeddings => pools.input = pools.input.max(total),
        _ => pools.output = pools.output.max(total.saturating_sub(pools.input)),
    }
    Some(pools)
}

/// A count: `None` if unreadable, `Some(None)` if absent or null.
#[allow(clippy::option_option)]
fn count(map: &Map<String, Value>, name: &str) -> Option<Option<u64>> {
    match map.get(name) {
        None | Some(Value::Null) => Some(None),
        Some(value) => value.as_u64().filter(|tokens| *tokens <= MAX_TOKENS).map(Some),
    }
}

fn part(details: Option<&Map<String, Value>>, name: &str) -> Option<u64> {
    match details {
        Some(map) => count(map, name).map(Option::unwrap_or_default),
        None => Some(0),
    }
}

/// A split that cannot be read leaves the whole as it is: written, and not for long.
fn written_for_12h(input: Option<&Map<String, Value>>) -> u64 {
    let split = input.and_then(|map| map.get("cache_write_tokens_details")).and_then(Value::as_object);
    part(split, "ttl_12h_tokens").unwrap_or_default()
}

#[allow(clippy::option_option)]
fn details<'a>(usage: &'a Map<String, Value>, name: &str) -> Option<Option<&'a Map<String, Value>>> {
    match usage.get(name) {
        None | Some(Value::Null) => Some(None),
        Some(Value::Object(map)) => Some(Some(map)),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests;
