//! When the stand-in calls a request's tools, and in which form.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

#[allow(dead_code, reason = "this story needs less of it")]
mod support;

use serde_json::{Value, json};
use support::{events, post, start};

const CHAT: &str = "chat/completions";

fn weather() -> Value {
    json!({ "type": "function", "function": {
        "name": "get_weather",
        "description": "Tells how warm it is in a city.",
        "parameters": { "type": "object", "properties": { "city": { "type": "string" } } },
    } })
}

fn clock() -> Value {
    json!({ "type": "function", "function": { "name": "now", "parameters": { "type": "object" } } })
}

fn chat(messages: &Value) -> Value {
    json!({ "model": "gpt-4o-mini", "messages": messages, "tools": [clock(), weather()] })
}

fn user(text: &str) -> Value {
    json!([{ "role": "user", "content": text }])
}

async fn answer(path: &str, body: &Value) -> Value {
    let response = post(&start().await, path, body).await.unwrap();
    assert_eq!(response.status(), 200);
    response.json().await.unwrap()
}

/// The names of the tools that a chat answer calls, and why it ends.
async fn called(body: &Value) -> (Vec<String>, String) {
    let choice = answer(CHAT, body).await["choices"][0].clone();
    let calls = choice["message"]["tool_calls"].as_array().cloned().unwrap_or_default();
    let name = |call: &Value| call["function"]["name"].as_str().unwrap().to_owned();
    (calls.iter().map(name).collect(), choice["finish_reason"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_tool_is_called_when_its_name_or_its_description_is_asked_for() {
    for question in [
        "Call get_weather for Paris.",
        "Please get weather for Paris.",
        "What is the weather in Paris?",
        "One that tells how warm it is in a city, please.",
    ] {
        let (names, finish) = called(&chat(&user(question))).await;
        assert_eq!((names, finish.as_str()), (vec!["get_weather".to_owned()], "tool_calls"), "{question}");
    }
    for question in ["Hello.", "I do not know.", "Is whether a word?"] {
        let (names, finish) = called(&chat(&user(question))).await;
        assert_eq!((names, finish.as_str()), (vec![], "stop"), "{question}");
    }
}

#[tokio::test]
async fn the_result_of_a_tool_is_answered_in_words_and_a_new_question_calls_again() {
    let mut body = chat(&user("What is the weather in Paris?"));
    let message = answer(CHAT, &body).await["choices"][0]["message"].clone();
    let id = message["tool_calls"][0]["id"].clone();
    let messages = body["messages"].as_array_mut().unwrap();
    messages.push(message);
    messages.push(json!({ "role": "tool", "tool_call_id": id, "content": "21 °C" }));
    let last = answer(CHAT, &body).await["choices"][0].clone();
    assert_eq!(last["finish_reason"], "stop");
    assert!(!last["message"]["content"].as_str().unwrap().is_empty());
    assert!(last["message"].get("tool_calls").is_none());

    body["messages"]
        .as_array_mut()
        .unwrap()
        .push(json!({ "role": "user", "content": "And the weather in Rome?" }));
    assert_eq!(called(&body).await.0, ["get_weather"]);
}

#[tokio::test]
async fn a_request_can_script_its_calls() {
    let script = r#"Go on. [[call=get_weather {"city": "Zürich"}]] [[call=now]]"#;
    let mut body = chat(&user(script));
    let message = &answer(CHAT, &body).await["choices"][0]["message"];
    let call = |number: usize| message["tool_calls"][number]["function"].clone();
    assert_eq!(call(0), json!({ "name": "get_weather", "arguments": r#"{"city":"Zürich"}"# }));
    assert_eq!(call(1)["name"], "now");
    assert_ne!(message["tool_calls"][0]["id"], message["tool_calls"][1]["id"]);

    body["parallel_tool_calls"] = json!(false);
    assert_eq!(called(&body).await.0, ["get_weather"], "one after the other");
    let first = answer(CHAT, &body).await["choices"][0]["message"].clone();
    let result = json!({ "role": "tool", "tool_call_id": first["tool_calls"][0]["id"], "content": "21 °C" });
    body["messages"].as_array_mut().unwrap().extend([first, result]);
    assert_eq!(called(&body).await.0, ["now"]);

    let words = chat(&user("What is the weather? [[call=none]]"));
    assert_eq!(called(&words).await, (vec![], "stop".to_owned()));
}

#[tokio::test]
async fn tool_choice_forces_forbids_and_narrows() {
    let with = |choice: Value, text: &str| {
        let mut body = chat(&user(text));
        body["tool_choice"] = choice;
        body
    };
    let weather = json!({ "type": "function", "function": { "name": "get_weather" } });
    let narrowed =
        json!({ "type": "allowed_tools", "allowed_tools": { "mode": "auto", "tools": [clock()] } });
    let cases = [
        (with(json!("none"), "What is the weather?"), vec![]),
        (with(json!("auto"), "What is the weather?"), vec!["get_weather"]),
        (with(json!("required"), "Hello."), vec!["now"]),
        (with(json!("required"), "What is the weather?"), vec!["get_weather"]),
        (with(weather, "What time is it now?"), vec!["get_weather"]),
        (with(narrowed, "What is the weather?"), vec![]),
    ];
    for (body, expected) in cases {
        assert_eq!(called(&body).await.0, expected, "{}", body["tool_choice"]);
    }
}

#[tokio::test]
async fn a_choice_that_is_always_required_takes_another_tool_after_the_result() {
    let mut body = chat(&user("What is the weather?"));
    body["tool_choice"] = json!("required");
    let call =
        json!({ "id": "c", "type": "function", "function": { "name": "get_weather", "arguments": "{}" } });
    body["messages"].as_array_mut().unwrap().extend([
        json!({ "role": "assistant", "tool_calls": [call] }),
        json!({ "role": "tool", "tool_call_id": "c", "content": "21 °C" }),
    ]);
    assert_eq!(called(&body).await.0, ["now"]);
}

#[tokio::test]
async fn a_chat_stream_gives_each_call_its_name_first_and_its_arguments_piece_by_piece() {
    let mut body = chat(&user(r#"[[call=get_weather {"city": "Paris"}]] [[call=now]]"#));
    body["stream"] = json!(true);
    let text = post(&start().await, CHAT, &body).await.unwrap().text().await.unwrap();
    let mut calls: Vec<(String, String, String)> = Vec::new();
    for event in events(&text) {
        let delta = &event["choices"][0]["delta"];
        for part in delta["tool_calls"].as_array().into_iter().flatten() {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let index = part["index"].as_u64().unwrap() as usize;
            if index == calls.len() {
                calls.push((text(&part["id"]), text(&part["function"]["name"]), String::new()));
            }
            calls[index].2.push_str(part["function"]["arguments"].as_str().unwrap());
        }
    }
    let [(first_id, first, arguments), (second_id, second, no_arguments)] = &calls[..] else {
        unreachable!("two calls were scripted")
    };
    assert_ne!(first_id, second_id);
    assert_eq!((first.as_str(), arguments.as_str()), ("get_weather", r#"{"city":"Paris"}"#));
    assert_eq!((second.as_str(), no_arguments.as_str()), ("now", "{}"));
}

fn flat_tools() -> Value {
    json!([
        { "type": "function", "name": "get_weather", "parameters": { "type": "object" } },
        { "type": "custom", "name": "apply_patch", "description": "Changes files." },
        { "type": "namespace", "name": "agents", "description": "Other agents.", "tools": [
            { "type": "function", "name": "spawn_agent", "parameters": { "type": "object" } },
        ] },
    ])
}

#[tokio::test]
async fn a_response_calls_functions_custom_tools_and_tools_of_a_namespace() {
    let ask = |text: &str| json!({ "model": "gpt-5.6-luna", "input": text, "tools": flat_tools() });
    let last = async |text: &str| answer("responses", &ask(text)).await["output"][1].clone();

    let function = last("What is the weather?").await;
    assert_eq!((&function["type"], &function["name"]), (&json!("function_call"), &json!("get_weather")));
    assert_eq!(function["arguments"], "{}");

    let custom = last(r#"[[call=apply_patch "*** Begin Patch"]]"#).await;
    assert_eq!(custom["type"], "custom_tool_call");
    assert_eq!(custom["input"], "*** Begin Patch");

    let grouped = last("Call spawn_agent.").await;
    assert_eq!((&grouped["name"], &grouped["namespace"]), (&json!("spawn_agent"), &json!("agents")));
}

#[tokio::test]
async fn tools_within_the_input_are_called_and_counted_like_those_beside_it() {
    let asked = json!({ "type": "message", "role": "user", "content": "Call spawn_agent." });
    let tools = json!({ "type": "additional_tools", "role": "developer", "tools": flat_tools() });
    let within = json!({ "model": "gpt-5.6-luna", "input": [tools, asked] });
    let beside = json!({ "model": "gpt-5.6-luna", "input": [asked], "tools": flat_tools() });

    let (within, beside) = (answer("responses", &within).await, answer("responses", &beside).await);

    for response in [&within, &beside] {
        let call = &response["output"][1];
        assert_eq!((&call["name"], &call["namespace"]), (&json!("spawn_agent"), &json!("agents")));
    }
    assert_eq!(within["usage"]["input_tokens"], beside["usage"]["input_tokens"]);
}

#[tokio::test]
async fn a_response_answers_in_words_once_it_has_the_output_of_its_call() {
    let mut body = json!({ "model": "gpt-5.6-luna", "tools": flat_tools() });
    body["input"] = user("What is the weather?");
    let output = answer("responses", &body).await["output"].clone();
    let call_id = output[1]["call_id"].clone();
    let input = body["input"].as_array_mut().unwrap();
    input.extend(output.as_array().unwrap().clone());
    input.push(json!({ "type": "function_call_output", "call_id": call_id, "output": "21 °C" }));
    let output = answer("responses", &body).await["output"].clone();
    assert_eq!(output[1]["type"], "message");
}

#[tokio::test]
async fn a_response_stream_of_a_custom_tool_has_its_own_events() {
    let body = json!({
        "model": "gpt-4.1", "input": r#"[[call=apply_patch "*** Begin Patch"]]"#, "tools": flat_tools(), "stream": true,
    });
    let text = post(&start().await, "responses", &body).await.unwrap().text().await.unwrap();
    let events = events(&text);
    let of = |kind: &str| events.iter().filter(|event| event["type"] == kind).collect::<Vec<_>>();
    let said: String = of("response.custom_tool_call_input.delta")
        .iter()
        .filter_map(|event| event["delta"].as_str())
        .collect();
    assert_eq!(said, "*** Begin Patch");
    assert_eq!(of("response.custom_tool_call_input.done")[0]["input"], "*** Begin Patch");
    assert_eq!(of("response.output_item.added")[0]["item"]["input"], "");
    assert_eq!(of("response.output_item.done")[0]["item"]["input"], "*** Begin Patch");
}
