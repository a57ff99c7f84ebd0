//! What is refused, and that the error names the field.

use super::*;

#[track_caller]
fn expect(endpoint: Endpoint, body: Value, param: &str, code: &str) {
    let error = parse(endpoint, &body).map(|_| ()).unwrap_err();
    assert_eq!((error.param(), error.code()), (Some(param), code), "{body}: {error}");
    assert!(error.message().contains(param), "{error}");
}

#[test]
fn state_kept_at_the_provider_is_refused_because_every_tenant_shares_it() {
    let file = json!([{ "role": "user", "content": [{ "type": "input_file", "file_id": "file-1" }] }]);
    let image = json!([{ "role": "user", "content": [{ "type": "input_image", "image_url": "https://e.com/a.png", "file_id": "file-1" }] }]);
    for (extra, param) in [
        (json!({ "previous_response_id": "resp_1" }), "previous_response_id"),
        (json!({ "conversation": "conv_1" }), "conversation"),
        (json!({ "conversation": { "id": "conv_1" } }), "conversation"),
        (json!({ "prompt": { "id": "pmpt_1" } }), "prompt"),
        (json!({ "background": true }), "background"),
        (json!({ "context_management": [{ "type": "compaction" }] }), "context_management"),
        (json!({ "moderation": { "model": "m" } }), "moderation"),
        (json!({ "input": file }), "input[0].content[0].type"),
        (json!({ "input": image }), "input[0].content[0].file_id"),
        (json!({ "input": [{ "type": "item_reference", "id": "msg_1" }] }), "input[0].type"),
    ] {
        expect(Endpoint::Responses, responses(extra), param, "unsupported_parameter");
    }
    let stored_audio = json!([{ "role": "assistant", "audio": { "id": "audio_1" } }]);
    expect(
        Endpoint::ChatCompletions,
        chat(json!({ "messages": stored_audio })),
        "messages[0].audio",
        "unsupported_parameter",
    );
}

#[test]
fn what_cannot_be_bounded_is_refused() {
    let part = |part: Value| json!({ "messages": [{ "role": "user", "content": [part] }] });
    for (extra, param) in [
        (json!({ "audio": { "voice": "alloy", "format": "mp3" } }), "audio"),
        (json!({ "prediction": { "type": "content", "content": "x" } }), "prediction"),
        (json!({ "web_search_options": {} }), "web_search_options"),
        (json!({ "tools": [{ "type": "web_search" }] }), "tools[0].type"),
        (part(json!({ "type": "input_audio", "input_audio": {} })), "messages[0].content[0].type"),
        (part(json!({ "type": "file", "file": { "file_id": "x" } })), "messages[0].content[0].type"),
    ] {
        expect(Endpoint::ChatCompletions, chat(extra), param, "unsupported_parameter");
    }
    for tool in
        ["web_search", "file_search", "code_interpreter", "image_generation", "mcp", "computer_use_preview"]
    {
        let tools = json!([{ "type": "function", "name": "f" }, { "type": tool }]);
        expect(
            Endpoint::Responses,
            responses(json!({ "tools": tools })),
            "tools[1].type",
            "unsupported_parameter",
        );
    }
}

#[test]
fn a_refusal_names_the_value_and_the_way_out() {
    let message = |endpoint, body: &Value| parse(endpoint, body).map(|_| ()).unwrap_err().message();
    let says = |message: &str, parts: &[&str]| {
        assert!(parts.iter().all(|part| message.contains(part)), "{parts:?} in {message}");
    };
    let reference = json!({ "input": [{ "role": "user", "content": "hi" }, { "type": "item_reference", "id": "msg_1" }] });
    let item = message(Endpoint::Responses, &responses(reference));
    says(
        &item,
        &["input[1].type", "'item_reference'", "`store: false`", "providerOptions.openai", "openai.chat("],
    );
    let previous = message(Endpoint::Responses, &responses(json!({ "previous_response_id": "resp_0a1b" })));
    says(&previous, &["previous_response_id", "'resp_0a1b'", "`store: false`", "OpenAIChatCompletionClient"]);
    for (endpoint, body, parts) in [
        (
            Endpoint::Responses,
            responses(json!({ "tools": [{ "type": "web_search" }] })),
            ["tools[0].type", "'web_search'"],
        ),
        (
            Endpoint::Responses,
            responses(json!({ "tools": [{ "type": "telepathy" }] })),
            ["expected one of 'function', 'custom', 'namespace'", "not 'telepathy'"],
        ),
        (
            Endpoint::Responses,
            responses(json!({ "include": ["web_search_call.action.sources"] })),
            ["include[0]", "not 'web_search_call.action.sources'"],
        ),
        (Endpoint::ChatCompletions, chat(json!({ "n": 9 })), ["between 1 and 8", "not 9"]),
        (Endpoint::ChatCompletions, chat(json!({ "reasoning_effort": "most" })), ["'high'", "not 'most'"]),
        (Endpoint::ChatCompletions, chat(json!({ "stream": "yes" })), ["a boolean", "not a string"]),
    ] {
        says(&message(endpoint, &body), &parts);
    }
}

fn told(endpoint: Endpoint, body: &Value) -> String {
    parse(endpoint, body).map(|_| ()).unwrap_err().message()
}

#[test]
fn a_quoted_value_is_short_and_nothing_but_a_name() {
    let of_tool = |tool: &str| told(Endpoint::Responses, &responses(json!({ "tools": [{ "type": tool }] })));
    let shown = of_tool(&"web_x".repeat(20_000));
    assert!(shown.len() < 400 && shown.contains("'web_xweb_x") && shown.contains('…'), "{shown}");
    // What somebody wrote is not repeated, wherever it stands.
    for text in ["my secret", "web\u{202e}\nsecret"] {
        for repeated in [
            of_tool(text),
            told(Endpoint::ChatCompletions, &chat(json!({ "messages": text }))),
            told(Endpoint::ChatCompletions, &chat(json!({ "reasoning_effort": text }))),
        ] {
            assert!(!repeated.contains("secret"), "{repeated}");
        }
    }
}

#[test]
fn an_unknown_field_is_named_at_any_depth() {
    for (extra, param) in [
        (json!({ "frobnicate": 1 }), "frobnicate"),
        (json!({ "stream": true, "stream_options": { "extra": 1 } }), "stream_options.extra"),
        (json!({ "messages": [{ "role": "user", "content": "x", "tokens": 0 }] }), "messages[0].tokens"),
        (
            json!({ "messages": [{ "role": "user", "content": [{ "type": "text", "text": "x", "file_id": "f" }] }] }),
            "messages[0].content[0].file_id",
        ),
    ] {
        expect(Endpoint::ChatCompletions, chat(extra), param, "unknown_parameter");
    }
    expect(
        Endpoint::Embeddings,
        json!({ "model": "m", "input": "x", "stream": true }),
        "stream",
        "unknown_parameter",
    );
}

#[test]
fn numbers_outside_their_range_are_refused() {
    for (field, values) in [
        ("n", vec![json!(0), json!(9), json!(-1), json!(1.5), json!("2"), json!(u64::MAX)]),
        (
            "max_tokens",
            vec![json!(0), json!(-1), json!(9_223_372_036_854_775_808_u64), json!(1e300), json!(-0.0)],
        ),
        ("max_completion_tokens", vec![json!(10_000_001), json!("100"), json!([])]),
        ("temperature", vec![json!(2.1), json!(-0.1), json!("hot")]),
        ("top_logprobs", vec![json!(21)]),
        ("seed", vec![json!(9_223_372_036_854_775_808_u64), json!(0.5)]),
    ] {
        for value in values {
            expect(Endpoint::ChatCompletions, chat(json!({ field: value })), field, "invalid_value");
        }
    }
    expect(
        Endpoint::Responses,
        responses(json!({ "max_output_tokens": 15 })),
        "max_output_tokens",
        "invalid_value",
    );
}

#[test]
fn a_model_name_is_taken_literally_or_not_at_all() {
    for name in ["gpt-4o\n", "gpt-4o ", "", "gpt‑4o", "gpt-4o\u{200b}", "g\u{0}pt", "<x>"] {
        expect(Endpoint::ChatCompletions, chat(json!({ "model": name })), "model", "invalid_value");
    }
    for name in ["gpt-4o", "ft:gpt-4o-mini-2024-07-18:org::abc", "o3", "vendor/model_1.5"] {
        assert_eq!(parse(Endpoint::ChatCompletions, &chat(json!({ "model": name }))).unwrap().model, name);
    }
}

#[test]
fn missing_and_wrongly_typed_fields_are_told_apart() {
    for (body, param, code) in [
        (json!({ "messages": [] }), "model", "missing_required_parameter"),
        (json!({ "model": "m" }), "messages", "missing_required_parameter"),
        (json!({ "model": "m", "messages": null }), "messages", "missing_required_parameter"),
        (json!({ "model": 5, "messages": [] }), "model", "invalid_value"),
        (json!({ "model": "m", "messages": "hi" }), "messages", "invalid_value"),
        (
            json!({ "model": "m", "messages": [{ "content": "x" }] }),
            "messages[0].role",
            "missing_required_parameter",
        ),
        (
            json!({ "model": "m", "messages": [{ "role": "root", "content": "x" }] }),
            "messages[0].role",
            "invalid_value",
        ),
        (json!({ "model": "m", "messages": [5] }), "messages[0]", "invalid_value"),
    ] {
        expect(Endpoint::ChatCompletions, body, param, code);
    }
    for input in [json!(""), json!([]), json!([""]), json!([[]]), json!(["a", ""])] {
        expect(Endpoint::Embeddings, json!({ "model": "m", "input": input }), "input", "invalid_value");
    }
    let local = json!([{ "role": "user", "content": [
        { "type": "image_url", "image_url": { "url": "file:///etc/passwd" } }] }]);
    expect(
        Endpoint::ChatCompletions,
        chat(json!({ "messages": local })),
        "messages[0].content[0].image_url.url",
        "invalid_value",
    );
    let lone = json!({ "stream_options": { "include_usage": true } });
    expect(Endpoint::ChatCompletions, chat(lone), "stream_options", "invalid_value");
}

#[test]
fn a_hostile_field_name_cannot_bloat_the_error() {
    let error =
        parse(Endpoint::ChatCompletions, &chat(json!({ "x".repeat(1_000_000): 1 }))).map(|_| ()).unwrap_err();
    assert!(error.message().len() < 300);
}

#[test]
fn null_means_not_used_even_for_refused_fields() {
    let body = responses(json!({ "previous_response_id": null, "conversation": null, "prompt": null,
        "background": null, "store": null, "user": null, "max_output_tokens": null, "stream": null }));
    let out = sent(Endpoint::Responses, &body);
    assert_eq!(out.get("previous_response_id"), None);
    assert_eq!(out.get("background"), None);
    let off = sent(Endpoint::Responses, &responses(json!({ "background": false })));
    assert_eq!(off.get("background"), None);
}
