//! What a call is charged: the provider's count, an estimate, or the hold.

use crate::database::{SettleSource, SettledUsage};
use crate::openai::{StreamEnd, Usage, UsageReport};

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
    /// A finished call: what the provider reports; without that an estimate if it `failed`, otherwise the hold.
    pub fn of_finished(report: UsageReport, failed: bool, bounds: &CallBounds) -> Self {
        let UsageReport { usage, model, service_tier, raw, .. } = report;
        let charge = match usage {
            Some(usage) => Self::reported(usage),
            None if failed => Self::estimate(0, bounds),
            None => Self::hold(bounds),
        };
        Self { model, service_tier, raw, ..charge }
    }

    /// A stream: as reported; without a report the hold if it finished, an estimate if it broke off.
    pub fn of_stream(end: StreamEnd, bounds: &CallBounds) -> Self {
        if end.report.usage.is_some() || (end.complete && end.fault.is_none()) {
            return Self::of_finished(end.report, false, bounds);
        }
        let relayed = end.relayed.tokens(bounds.encoding);
        let UsageReport { model, service_tier, raw, .. } = end.report;
        Self { model, service_tier, raw, ..Self::estimate(relayed, bounds) }
    }

    /// A call that was sent and whose output is unknown but for `relayed_tokens`; never above the hold.
    pub fn estimate(relayed_tokens: u64, bounds: &CallBounds) -> Self {
        Self {
            usage: SettledUsage {
                input_tokens: bounds.input_tokens,
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
                input_tokens: bounds.input_tokens,
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
