//! Fields that the official SDKs and the frameworks on top of them send, as seen on the wire.

use super::*;

fn bound(endpoint: Endpoint, body: &Value) -> u64 {
    parse(endpoint, body).unwrap().input_tokens(Encoding::O200k).unwrap().most
}

#[test]
fn the_name_of_a_tool_message_is_sent_on_and_counted() {
    let messages = |name: Value| {
        let mut answer = json!({ "role": "tool", "tool_call_id": "call_1", "content": "12 °C" });
        if !name.is_null() {
            answer["name"] = name;
        }
        let call = json!({ "id": "call_1", "type": "function",
            "function": { "name": "get_weather", "arguments": "{}" } });
        chat(json!({ "messages": [
            { "role": "user", "content": "How warm is it?" },
            { "role": "assistant", "content": null, "tool_calls": [call] },
            answer,
        ] }))
    };
    let named = messages(json!("get_current_weather_of_a_city"));
    assert_eq!(sent(Endpoint::ChatCompletions, &named)["messages"], named["messages"]);
    let tokens = Encoding::O200k.count("get_current_weather_of_a_city");
    let plain = bound(Endpoint::ChatCompletions, &messages(Value::Null));
    assert_eq!(bound(Endpoint::ChatCompletions, &named), plain + tokens);
}

#[test]
fn what_sdks_add_to_an_answer_they_have_read_is_dropped() {
    let call = json!({ "index": 0, "id": "call_1", "type": "function",
        "function": { "name": "look", "arguments": "{}", "parsed_arguments": {} } });
    let body = chat(json!({ "messages": [
        { "role": "assistant", "content": "{}", "parsed": { "a": 1 }, "reasoning_content": "Hm.", "audio": null,
          "tool_calls": [call] },
    ] }));
    let plain =
        json!({ "id": "call_1", "type": "function", "function": { "name": "look", "arguments": "{}" } });
    assert_eq!(
        sent(Endpoint::ChatCompletions, &body)["messages"],
        json!([{ "role": "assistant", "content": "{}", "tool_calls": [plain] }])
    );
    let body = responses(json!({ "input": [
        { "type": "message", "role": "assistant", "content": [
            { "type": "output_text", "text": "{}", "annotations": [], "parsed": { "a": 1 } }] },
        { "type": "function_call", "call_id": "c", "name": "look", "arguments": "{}", "parsed_arguments": {},
          "async": false },
        { "type": "function_call_output", "call_id": "c", "output": "a cat", "name": "look", "namespace": "eyes" },
    ] }));
    assert_eq!(
        sent(Endpoint::Responses, &body)["input"],
        json!([
            { "type": "message", "role": "assistant", "content": [{ "type": "output_text", "text": "{}" }] },
            { "type": "function_call", "call_id": "c", "name": "look", "arguments": "{}" },
            { "type": "function_call_output", "call_id": "c", "output": "a cat", "name": "look", "namespace": "eyes" },
        ])
    );
}

/// The tools of Codex CLI 0.171: plain functions, and some of them under a heading.
fn codex(grouped: &[Value]) -> Value {
    responses(json!({
        "client_metadata": { "x-codex-installation-id": "0b7d", "nested": [{ "a": 1 }] },
        "instructions": "You are a coding agent.",
        "input": [{ "type": "message", "role": "user", "content": [{ "type": "input_text", "text": "hi" }] }],
        "tools": [
            { "type": "function", "name": "shell", "description": "Runs a command", "strict": false,
              "parameters": { "type": "object", "properties": { "command": { "type": "string" } } } },
            { "type": "namespace", "name": "agents", "description": "Tools for other agents", "tools": grouped },
        ],
        "tool_choice": "auto", "parallel_tool_calls": true, "store": false, "stream": true,
        "include": ["reasoning.encrypted_content"], "prompt_cache_key": "0b7d",
    }))
}

fn grouped_tool(more: Value) -> Value {
    merged(
        json!({ "type": "function", "name": "spawn_agent", "description": "Starts an agent", "strict": false,
            "parameters": { "type": "object", "properties": { "task": { "type": "string" } } } }),
        more,
    )
}

#[test]
fn codex_sends_notes_and_tools_under_a_heading() {
    let grouped = [grouped_tool(json!({})), grouped_tool(json!({ "name": "stop_agent" }))];
    let out = sent(Endpoint::Responses, &codex(&grouped));
    assert_eq!(out.get("client_metadata"), None);
    assert_eq!(out["tools"][1]["tools"], json!(grouped));

    // The heading and every tool under it are held for as a tool of its own is.
    let flat = responses(json!({ "tools": [grouped[0], grouped[1]] }));
    let under_a_heading =
        responses(json!({ "tools": [{ "type": "namespace", "name": "agents", "tools": grouped }] }));
    assert!(bound(Endpoint::Responses, &under_a_heading) > bound(Endpoint::Responses, &flat) + 32);
}

/// What Codex CLI 0.171 sends to later models: its tools within the conversation, and none beside it.
fn later_codex(grouped: &Value) -> Value {
    let tools = json!([{ "type": "namespace", "name": "functions", "description": "", "tools": grouped }]);
    responses(json!({ "input": [
        { "type": "additional_tools", "id": "at_1", "role": "developer", "tools": tools },
        { "type": "message", "role": "user", "content": [{ "type": "input_text", "text": "hi" }] },
    ] }))
}

#[test]
fn tools_within_the_conversation_are_sent_on_and_held_for_as_beside_it() {
    let grammar = json!({ "type": "grammar", "syntax": "lark", "definition": "start: /[\\s\\S]+/" });
    let run =
        json!({ "type": "custom", "name": "exec", "description": "Runs JavaScript", "format": grammar });
    let within = later_codex(&json!([run, grouped_tool(json!({}))]));
    let mut expected = within["input"].clone();
    expected[0].as_object_mut().unwrap().remove("id");
    assert_eq!(sent(Endpoint::Responses, &within)["input"], expected);

    let beside = responses(json!({ "input": [within["input"][1]], "tools": within["input"][0]["tools"] }));
    assert!(bound(Endpoint::Responses, &within) >= bound(Endpoint::Responses, &beside));
}

#[test]
fn tools_within_the_conversation_are_the_clients_own() {
    let web = json!({ "type": "web_search" });
    let later = grouped_tool(json!({ "defer_loading": true }));
    for (tool, param) in
        [(web, "input[0].tools[0].tools[0].type"), (later, "input[0].tools[0].tools[0].defer_loading")]
    {
        let error = parse(Endpoint::Responses, &later_codex(&json!([tool]))).map(|_| ()).unwrap_err();
        assert_eq!((error.param(), error.code()), (Some(param), "unsupported_parameter"), "{error}");
    }
}

// pydantic-ai names its last answer with every call of later models.
#[test]
fn an_earlier_answer_that_only_a_diagnosis_is_asked_of_is_dropped() {
    let options = json!({ "comparison_response_id": "resp_of_anybody", "ttl": "30m" });
    let body = responses(json!({ "prompt_cache_options": options }));
    assert_eq!(sent(Endpoint::Responses, &body)["prompt_cache_options"], json!({ "ttl": "30m" }));
}

#[test]
fn a_heading_over_what_the_provider_runs_or_looks_up_later_is_refused() {
    for (tool, param) in [
        (grouped_tool(json!({ "defer_loading": true })), "tools[1].tools[0].defer_loading"),
        (grouped_tool(json!({ "async": true })), "tools[1].tools[0].async"),
        (json!({ "type": "web_search" }), "tools[1].tools[0].type"),
    ] {
        let error = parse(Endpoint::Responses, &codex(&[tool])).map(|_| ()).unwrap_err();
        assert_eq!((error.param(), error.code()), (Some(param), "unsupported_parameter"), "{error}");
    }
    let off = grouped_tool(json!({ "defer_loading": false, "async": false }));
    assert_eq!(
        sent(Endpoint::Responses, &codex(&[off]))["tools"][1]["tools"],
        json!([grouped_tool(json!({}))])
    );
}
