//! What a call is charged: the provider's count, an estimate, or the hold.

use crate::database::{SettleSource, SettledUsage};
use crate::openai::{RelayedText, StreamEnd, Usage, UsageReport};

use super::open_call::CallBounds;

/// Token counts with their source and the provider's evidence.
#[derive(Debug, Clone, Default)]
pub(super) struct Charge {
    pub usage: SettledUsage,
    pub source: ChargeSource,
    pub model: Option<String>,
    pub service_tier: Option<String>,
    pub raw: Option<serde_json::Value>,
}

/// As [`SettleSource`], with a default that never undercharges.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum ChargeSource {
    Provider,
    Estimated,
    #[default]
    Hold,
}

impl From<ChargeSource> for SettleSource {
    fn from(source: ChargeSource) -> Self {
        match source {
            ChargeSource::Provider => Self::Provider,
            ChargeSource::Estimated => Self::Estimated,
            ChargeSource::Hold => Self::Hold,
        }
    }
}

impl Charge {
    /// What the provider reports; without that what was `relayed`, if it is `all_seen` or the call broke off, and the
    /// hold for an answer that claims to be whole and is not.
    fn of_report(report: UsageReport, relayed: &RelayedText, all_seen: bool, bounds: &CallBounds) -> Self {
        let UsageReport { usage, model, service_tier, raw, .. } = report;
        let charge = match usage {
            Some(usage) => Self::reported(usage),
            None if all_seen => Self::estimate(relayed.tokens(bounds.encoding), bounds),
            None => Self::hold(bounds),
        };
        Self { model, service_tier, raw, ..charge }
    }

    /// A whole body with usage.
    pub fn of_answer(report: UsageReport, bounds: &CallBounds) -> Self {
        Self::of_report(report, &RelayedText::default(), false, bounds)
    }

    /// A whole body without usage, and what it says. One that `failed` before it said anything costs nothing.
    pub fn of_unmetered(report: UsageReport, text: &RelayedText, failed: bool, bounds: &CallBounds) -> Self {
        if failed && text.is_empty() {
            return Self { source: ChargeSource::Estimated, ..Self::default() };
        }
        Self::of_report(report, text, failed || text.is_whole(), bounds)
    }

    /// A stream. One that broke off, or ended with an error, was seen as far as it came.
    pub fn of_stream(end: StreamEnd, bounds: &CallBounds) -> Self {
        let broke_off = !end.complete || end.fault.is_some();
        Self::of_report(end.report, &end.relayed, broke_off || end.relayed.is_whole(), bounds)
    }

    /// A call that was sent and whose output is unknown but for `relayed_tokens`; never above the hold.
    pub fn estimate(relayed_tokens: u64, bounds: &CallBounds) -> Self {
        Self {
            usage: SettledUsage {
                input_tokens: bounds.input.likely,
                output_tokens: relayed_tokens.min(bounds.output_tokens),
                ..SettledUsage::default()
            },
            source: ChargeSource::Estimated,
            ..Self::default()
        }
    }

    /// All that was held.
    pub fn hold(bounds: &CallBounds) -> Self {
        Self {
            usage: SettledUsage {
                input_tokens: bounds.input.most,
                output_tokens: bounds.output_tokens,
                ..SettledUsage::default()
            },
            ..Self::default()
        }
    }

    fn reported(usage: Usage) -> Self {
        Self {
            usage: SettledUsage {
                input_tokens: usage.input,
                cached_input_tokens: usage.cached_input,
                cache_write_tokens: usage.cache_write,
                cache_write_12h_tokens: usage.cache_write_12h,
                audio_input_tokens: usage.audio_input,
                output_tokens: usage.output,
                reasoning_tokens: usage.reasoning,
                audio_output_tokens: usage.audio_output,
            },
            source: ChargeSource::Provider,
            ..Self::default()
        }
    }
}

#[cfg(test)]
#[path = "charge_tests.rs"]
mod tests;
