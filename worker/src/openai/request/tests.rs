#![allow(clippy::unwrap_used, clippy::panic)]

use proptest::prelude::*;
use serde_json::json;

use super::*;

mod property;
mod refused;
mod sdks;

fn identity() -> UpstreamIdentity {
    UpstreamIdentity { safety_identifier: "s".repeat(64), prompt_cache_key: "c".repeat(64) }
}

fn parse(endpoint: Endpoint, body: &Value) -> Result<ParsedRequest, RequestError> {
    parse_request(endpoint, body.to_string().as_bytes())
}

fn sent(endpoint: Endpoint, body: &Value) -> Value {
    let parsed = parse(endpoint, body).unwrap_or_else(|error| panic!("{error}: {body}"));
    serde_json::from_slice(&parsed.upstream_body(100, &identity())).unwrap()
}

fn chat(extra: Value) -> Value {
    merged(json!({ "model": "gpt-4o-mini", "messages": [{ "role": "user", "content": "hi" }] }), extra)
}

fn responses(extra: Value) -> Value {
    merged(json!({ "model": "gpt-5", "input": "hi" }), extra)
}

fn merged(mut base: Value, extra: Value) -> Value {
    if let (Value::Object(base), Value::Object(extra)) = (&mut base, extra) {
        base.extend(extra);
    }
    base
}

#[test]
fn what_is_sent_for_the_smallest_chat_is_this() {
    assert_eq!(
        sent(Endpoint::ChatCompletions, &chat(json!({}))),
        chat(json!({
            "max_completion_tokens": 100,
            "store": false,
            "service_tier": "default",
            "safety_identifier": identity().safety_identifier,
            "prompt_cache_key": identity().prompt_cache_key,
        }))
    );
}

#[test]
fn what_is_sent_for_the_smallest_response_is_this() {
    assert_eq!(
        sent(Endpoint::Responses, &responses(json!({ "stream": true }))),
        responses(json!({
            "stream": true,
            "max_output_tokens": 100,
            "store": false,
            "service_tier": "default",
            "safety_identifier": identity().safety_identifier,
            "prompt_cache_key": identity().prompt_cache_key,
        }))
    );
}

#[test]
fn embeddings_go_out_with_our_user_and_nothing_to_generate() {
    for input in [json!("text"), json!(["a", "b"]), json!([1, 2, 3]), json!([[1], [2, 3]])] {
        let body = json!({ "model": "text-embedding-3-small", "input": input, "user": "ann@example.com",
            "encoding_format": "base64", "dimensions": 256 });
        let out = sent(Endpoint::Embeddings, &body);
        assert_eq!(out["user"], identity().safety_identifier);
        assert_eq!(out["input"], input);
        assert_eq!(out["encoding_format"], "base64");
        let parsed = parse(Endpoint::Embeddings, &body).unwrap();
        assert_eq!((parsed.wanted_output_tokens, parsed.choices, parsed.stream), (Some(0), 1, false));
    }
}

#[test]
fn the_clients_identity_store_and_tier_are_replaced() {
    let body = json!({ "store": true, "service_tier": "priority", "user": "ann", "safety_identifier": "ann",
        "prompt_cache_key": "mine", "metadata": { "ticket": "7" } });
    for (endpoint, body) in
        [(Endpoint::ChatCompletions, chat(body.clone())), (Endpoint::Responses, responses(body.clone()))]
    {
        let out = sent(endpoint, &body);
        assert_eq!((&out["store"], &out["service_tier"]), (&json!(false), &json!("default")));
        assert_eq!(out["safety_identifier"], identity().safety_identifier);
        assert_eq!(out["prompt_cache_key"], identity().prompt_cache_key);
        assert_eq!(out.get("user"), None);
        assert_eq!(out.get("metadata").is_some(), endpoint == Endpoint::Responses);
        assert_eq!(parse(endpoint, &body).unwrap().client_cache_key.as_deref(), Some("mine"));
    }
}

#[test]
fn a_stream_always_asks_for_usage_and_remembers_whether_the_client_did() {
    for (options, wanted) in [
        (json!(null), false),
        (json!({ "include_usage": true }), true),
        (json!({ "include_usage": false }), false),
        (json!({ "include_obfuscation": false }), false),
    ] {
        let body = chat(json!({ "stream": true, "stream_options": options }));
        let out = sent(Endpoint::ChatCompletions, &body);
        assert_eq!(out["stream_options"]["include_usage"], json!(true));
        assert_eq!(out["stream_options"].get("include_obfuscation"), options.get("include_obfuscation"));
        assert_eq!(parse(Endpoint::ChatCompletions, &body).unwrap().client_wants_usage, wanted);
    }
    assert_eq!(sent(Endpoint::ChatCompletions, &chat(json!({ "stream": false }))).get("stream"), None);
}

#[test]
fn the_output_limit_is_ours_whatever_it_was_called() {
    for (field, endpoint) in [
        ("max_tokens", Endpoint::ChatCompletions),
        ("max_completion_tokens", Endpoint::ChatCompletions),
        ("max_output_tokens", Endpoint::Responses),
    ] {
        let base = if endpoint == Endpoint::Responses { responses(json!({})) } else { chat(json!({})) };
        let body = merged(base, json!({ field: 5000 }));
        assert_eq!(parse(endpoint, &body).unwrap().wanted_output_tokens, Some(5000));
        let out = sent(endpoint, &body);
        assert_eq!(out.get("max_tokens"), None);
        assert!(out["max_completion_tokens"] == 100 || out["max_output_tokens"] == 100);
    }
    let twice = |current: u64| chat(json!({ "max_tokens": 5, "max_completion_tokens": current }));
    assert!(parse(Endpoint::ChatCompletions, &twice(5)).is_ok());
    assert_eq!(parse(Endpoint::ChatCompletions, &twice(6)).unwrap_err().param(), Some("max_tokens"));
}

#[test]
fn n_multiplies_and_is_sent_on() {
    let body = chat(json!({ "n": 3 }));
    assert_eq!(parse(Endpoint::ChatCompletions, &body).unwrap().choices, 3);
    assert_eq!(sent(Endpoint::ChatCompletions, &body)["n"], 3);
}

#[test]
fn a_full_chat_as_the_sdk_sends_it_passes_unchanged() {
    let kept = json!({
        "messages": [
            { "role": "developer", "content": [{ "type": "text", "text": "Be brief." }], "name": "boss" },
            { "role": "user", "name": "Ana María", "content": [
                { "type": "text", "text": "What is this?", "prompt_cache_breakpoint": { "mode": "explicit" } },
                { "type": "image_url", "image_url": { "url": "https://example.com/a.png", "detail": "low" } },
                { "type": "image_url", "image_url": { "url": "data:image/png;base64,AAAA" } },
            ] },
            { "role": "assistant", "content": null, "refusal": null, "tool_calls": [
                { "id": "call_1", "type": "function", "function": { "name": "look", "arguments": "{}" } },
                { "id": "call_2", "type": "custom", "custom": { "name": "run", "input": "ls" } },
            ] },
            { "role": "tool", "tool_call_id": "call_1", "content": "a cat" },
            { "role": "function", "name": "old", "content": "x" },
        ],
        "tools": [
            { "type": "function", "function": { "name": "look", "description": "Look", "strict": true,
              "parameters": { "type": "object", "properties": { "z": { "type": "string" }, "a": {} } } } },
            { "type": "custom", "custom": { "name": "run", "format": { "type": "grammar",
              "grammar": { "definition": "start: /a/", "syntax": "lark" } } } },
        ],
        "tool_choice": { "type": "function", "function": { "name": "look" } },
        "response_format": { "type": "json_schema", "json_schema": { "name": "x", "strict": true, "schema": {} } },
        "temperature": 0.2, "top_p": 1, "presence_penalty": -2, "frequency_penalty": 2, "seed": -7,
        "stop": ["a", "b"], "logit_bias": { "50256": -100 }, "logprobs": true, "top_logprobs": 20,
        "parallel_tool_calls": false, "reasoning_effort": "xhigh", "verbosity": "low", "modalities": ["text"],
        "prompt_cache_retention": "24h", "prompt_cache_options": { "mode": "explicit", "ttl": "30m" },
    });
    let out = sent(Endpoint::ChatCompletions, &chat(kept.clone()));
    for (name, value) in kept.as_object().unwrap() {
        assert_eq!(&out[name], value, "{name}");
    }
    // The order of a schema's properties decides the order of the answer's.
    assert!(out.to_string().contains(r#""z":{"type":"string"},"a":{}"#));
}

#[test]
fn an_earlier_output_sent_back_as_input_is_stripped_to_its_content() {
    let body = responses(json!({ "input": [
        { "role": "user", "content": "hi" },
        { "type": "reasoning", "id": "rs_1", "summary": [], "status": null },
        { "type": "reasoning", "id": "rs_2", "summary": [{ "type": "summary_text", "text": "t" }],
          "encrypted_content": "gAAAA" },
        { "type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [
            { "type": "output_text", "text": "hello", "annotations": [], "logprobs": [] } ] },
        { "type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f", "arguments": "{}",
          "status": "completed" },
        { "type": "function_call_output", "call_id": "call_1", "output": "42" },
    ] }));
    assert_eq!(
        sent(Endpoint::Responses, &body)["input"],
        json!([
            { "role": "user", "content": "hi" },
            { "type": "reasoning", "summary": [{ "type": "summary_text", "text": "t" }],
              "encrypted_content": "gAAAA" },
            { "type": "message", "role": "assistant",
              "content": [{ "type": "output_text", "text": "hello" }] },
            { "type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{}" },
            { "type": "function_call_output", "call_id": "call_1", "output": "42" },
        ])
    );
}

#[test]
fn every_field_of_the_lists_is_documented() {
    let documented = include_str!("../../../../docs/requests.md");
    for field in [chat::FIELDS, responses::FIELDS, embeddings::FIELDS].into_iter().flatten() {
        let stem = if field.name.starts_with("prompt_cache") { "prompt_cache" } else { field.name };
        assert!(documented.contains(&format!("`{stem}")), "{}", field.name);
    }
}
