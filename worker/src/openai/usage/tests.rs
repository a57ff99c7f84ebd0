#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn expected_usage(value: &Value) -> Option<Usage> {
    let count = |name: &str| value[name].as_u64().unwrap();
    value.is_object().then(|| Usage {
        input: count("input"),
        cached_input: count("cached_input"),
        cache_write: count("cache_write"),
        cache_write_12h: value["cache_write_12h"].as_u64().unwrap_or_default(),
        audio_input: count("audio_input"),
        output: count("output"),
        reasoning: count("reasoning"),
        audio_output: count("audio_output"),
    })
}

fn expected_state(name: &str) -> UsageState {
    match name {
        "missing" => UsageState::Missing,
        "null" => UsageState::Null,
        "unreadable" => UsageState::Unreadable,
        "present" => UsageState::Present,
        other => panic!("no state {other}"),
    }
}

#[test]
fn every_golden_payload_is_read_as_it_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/openai/golden");
    let mut read = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let golden: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        let endpoint = Endpoint::from_name(golden["endpoint"].as_str().unwrap()).unwrap();
        let report = read_usage(endpoint, golden["response"].to_string().as_bytes());
        let expect = &golden["expect"];
        let name = path.display();
        assert_eq!(report.usage, expected_usage(&expect["usage"]), "{name}");
        assert_eq!(report.state, expected_state(expect["state"].as_str().unwrap()), "{name}");
        assert_eq!(report.model.as_deref(), expect["model"].as_str(), "{name}");
        assert_eq!(report.service_tier.as_deref(), expect["service_tier"].as_str(), "{name}");
        let sent = golden["response"].get("usage").filter(|usage| !usage.is_null());
        assert_eq!(report.raw.as_ref(), sent, "{name}");
        read += 1;
    }
    assert!(read >= 20, "only {read} golden payloads found");
}

#[test]
fn a_body_that_is_not_an_answer_has_no_usage_to_trust() {
    for body in [
        &b""[..],
        b"<html>502</html>",
        b"[]",
        b"{\"usage\":{\"prompt_tokens\":1e400}}",
        b"{\"usage\":null,\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1}}",
        b"{\"usage\":{\"prompt_tokens\":NaN}}",
    ] {
        let report = read_usage(Endpoint::ChatCompletions, body);
        assert_eq!((report.usage, report.state), (None, UsageState::Unreadable));
    }
}

#[test]
fn a_tier_of_the_wrong_type_does_not_hide_the_usage() {
    let body =
        json!({ "model": 5, "service_tier": {}, "usage": { "prompt_tokens": 1, "completion_tokens": 2 } });
    let report = read_usage(Endpoint::ChatCompletions, body.to_string().as_bytes());
    assert_eq!((report.state, report.model, report.service_tier), (UsageState::Present, None, None));
}

#[test]
fn a_bloated_usage_is_counted_but_not_kept() {
    let usage = json!({ "prompt_tokens": 1, "completion_tokens": 2, "note": "x".repeat(MAX_RAW_BYTES) });
    let report = read_usage(Endpoint::ChatCompletions, json!({ "usage": usage }).to_string().as_bytes());
    assert_eq!((report.state, report.raw), (UsageState::Present, None));
}

#[test]
fn a_later_null_does_not_hide_counts_already_read() {
    let mut report = UsageReport::default();
    report.read(Endpoint::Embeddings, Some(json!({ "prompt_tokens": 3 })));
    report.read(Endpoint::Embeddings, Some(Value::Null));
    report.read(Endpoint::Embeddings, None);
    assert_eq!(report.usage.map(|usage| usage.input), Some(3));
}

proptest! {
    #[test]
    fn no_count_beyond_the_ledgers_range_is_believed(number in "-?[0-9]{1,22}(\\.[0-9]{1,3})?([eE][+-]?[0-9]{1,3})?") {
        let body = format!("{{\"usage\":{{\"prompt_tokens\":{number},\"completion_tokens\":1}}}}");
        let report = read_usage(Endpoint::ChatCompletions, body.as_bytes());
        if let Some(usage) = report.usage {
            prop_assert!(usage.input <= MAX_TOKENS && number.parse() == Ok(usage.input));
        }
    }
}
