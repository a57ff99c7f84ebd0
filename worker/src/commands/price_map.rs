//! A cost map as LiteLLM publishes it (`model_prices_and_context_window.json`), read as our prices are written.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value};

use super::PlanFileError;

/// Largest map, in bytes; the one of December 2026 has 3.5 MB.
const BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Whose models the map is read for.
const PROVIDER: &str = "openai";
/// What the map calls the models that the gateway's endpoints serve.
const MODES: [&str; 3] = ["chat", "responses", "embedding"];
/// Fine-tuned models are priced by their own names, which the map has not.
const FINE_TUNED: &str = "ft:";
/// Dollars per token in micro-dollars per million tokens.
const MICRO_USD_PER_MILLION: f64 = 1e12;

/// Our name of a price, that of the map, and ours of what stands in where the map has none.
const PRICES: [(&str, &str, Option<&str>); 7] = [
    ("input_price", "input_cost_per_token", None),
    ("cached_input_price", "cache_read_input_token_cost", Some("input_price")),
    ("cache_write_price", "cache_creation_input_token_cost", Some("input_price")),
    ("cache_write_12h_price", "cache_creation_input_token_cost_above_12hr", None),
    ("audio_input_price", "input_cost_per_audio_token", Some("input_price")),
    ("output_price", "output_cost_per_token", None),
    ("audio_output_price", "output_cost_per_audio_token", Some("output_price")),
];
/// The same for inputs above a size; the map puts that size behind its names.
const LONG_PRICES: [(&str, &str, Option<&str>); 5] = [
    ("long_input_price", "input_cost_per_token", None),
    ("long_cached_input_price", "cache_read_input_token_cost", Some("long_input_price")),
    ("long_cache_write_price", "cache_creation_input_token_cost", Some("long_input_price")),
    ("long_cache_write_12h_price", "cache_creation_input_token_cost_above_12hr", None),
    ("long_output_price", "output_cost_per_token", None),
];

/// What the map says of one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MappedModel {
    /// The day on which the provider shuts it down.
    pub shut_down_on: Option<String>,
    /// Prices by our names, in micro-USD per million tokens; none where there is none.
    pub prices: BTreeMap<&'static str, Option<i64>>,
}

/// Reads the models of a map file that the gateway could serve.
pub(super) fn read(file: &Path) -> Result<BTreeMap<String, MappedModel>, PlanFileError> {
    let unreadable = |source| PlanFileError::Unreadable { file: file.to_owned(), source };
    if std::fs::metadata(file).map_err(unreadable)?.len() > BYTES_MAX {
        return Err(PlanFileError::TooLarge { file: file.to_owned(), max_bytes: BYTES_MAX });
    }
    let text = std::fs::read(file).map_err(unreadable)?;
    parse(&text).map_err(|error| PlanFileError::Syntax { file: file.to_owned(), problem: error.to_string() })
}

fn parse(text: &[u8]) -> Result<BTreeMap<String, MappedModel>, serde_json::Error> {
    let map: Map<String, Value> = serde_json::from_slice(text)?;
    let is_served = |name: &str, entry: &Map<String, Value>| {
        let text = |key: &str| entry.get(key).and_then(Value::as_str).unwrap_or_default();
        text("litellm_provider") == PROVIDER
            && MODES.contains(&text("mode"))
            && !name.starts_with(FINE_TUNED)
            && entry.contains_key("input_cost_per_token")
    };
    let entries = map.iter().filter_map(|(name, entry)| Some((name, entry.as_object()?)));
    Ok(entries
        .filter(|(name, entry)| is_served(name, entry))
        .map(|(name, entry)| (name.clone(), mapped(entry)))
        .collect())
}

fn mapped(entry: &Map<String, Value>) -> MappedModel {
    let mut prices = BTreeMap::new();
    insert(&mut prices, entry, &PRICES, "");
    let above = entry.keys().filter_map(|key| threshold(key)).min();
    prices.insert("long_above_tokens", above.map(|thousands| thousands * 1000));
    match above {
        Some(thousands) => insert(&mut prices, entry, &LONG_PRICES, &format!("_above_{thousands}k_tokens")),
        None => prices.extend(LONG_PRICES.map(|(name, ..)| (name, None))),
    }
    let shut_down_on = entry.get("deprecation_date").and_then(Value::as_str).map(str::to_owned);
    MappedModel { shut_down_on, prices }
}

fn insert(
    prices: &mut BTreeMap<&'static str, Option<i64>>,
    entry: &Map<String, Value>,
    names: &[(&'static str, &str, Option<&str>)],
    suffix: &str,
) {
    for (name, theirs, stand_in) in names {
        let price = entry.get(&format!("{theirs}{suffix}")).and_then(Value::as_f64).map(micro_usd);
        let price = price.or_else(|| stand_in.and_then(|other| prices.get(other).copied().flatten()));
        prices.insert(name, price);
    }
}

/// The size of `input_cost_per_token_above_272k_tokens`, in thousands.
fn threshold(key: &str) -> Option<i64> {
    key.strip_prefix("input_cost_per_token_above_")?.strip_suffix("k_tokens")?.parse().ok()
}

/// A rate of the map is a decimal of few digits; read as a float it is off by less than a millionth.
#[allow(clippy::cast_possible_truncation)]
fn micro_usd(usd_per_token: f64) -> i64 {
    (usd_per_token * MICRO_USD_PER_MILLION).round() as i64
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn rates_become_whole_micro_dollars_per_million_and_what_is_missing_costs_what_input_does() {
        let map = json!({
            "sample_spec": { "mode": "chat" },
            "azure/gpt-5.4": { "litellm_provider": "azure", "mode": "chat", "input_cost_per_token": 1e-6 },
            "ft:gpt-4o": { "litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 1e-6 },
            "gpt-5.6-luna": {
                "litellm_provider": "openai", "mode": "chat", "deprecation_date": "2031-01-01",
                "input_cost_per_token": 2e-07, "cache_read_input_token_cost": 2e-08,
                "cache_creation_input_token_cost": 2.5e-07, "cache_creation_input_token_cost_above_12hr": 5e-07,
                "output_cost_per_token": 1.2e-06, "input_cost_per_token_above_272k_tokens": 4e-07,
                "input_cost_per_token_above_272k_tokens_flex": 1e-07,
                "cache_read_input_token_cost_above_272k_tokens": 4e-08,
                "cache_creation_input_token_cost_above_272k_tokens": 5e-07,
                "cache_creation_input_token_cost_above_12hr_above_272k_tokens": 1e-06,
                "output_cost_per_token_above_272k_tokens": 1.8e-06,
            },
        });
        let models = parse(map.to_string().as_bytes()).unwrap();
        assert_eq!(models.keys().collect::<Vec<_>>(), ["gpt-5.6-luna"]);
        let luna = &models["gpt-5.6-luna"];
        assert_eq!(luna.shut_down_on.as_deref(), Some("2031-01-01"));
        let expected = [
            ("input_price", 200_000),
            ("cached_input_price", 20_000),
            ("cache_write_price", 250_000),
            ("cache_write_12h_price", 500_000),
            ("audio_input_price", 200_000),
            ("output_price", 1_200_000),
            ("audio_output_price", 1_200_000),
            ("long_above_tokens", 272_000),
            ("long_input_price", 400_000),
            ("long_cached_input_price", 40_000),
            ("long_cache_write_price", 500_000),
            ("long_cache_write_12h_price", 1_000_000),
            ("long_output_price", 1_800_000),
        ];
        assert_eq!(luna.prices, expected.map(|(name, price)| (name, Some(price))).into_iter().collect());
    }
}
