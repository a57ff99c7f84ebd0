//! What a request can ask for beside words: log probabilities, sealed reasoning, JSON without a schema.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod support;

use serde_json::{Value, json};
use support::{chat, events, post, start};

async fn answer(path: &str, body: &Value) -> (u16, Value) {
    let response = post(&start().await, path, body).await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

async fn stream(path: &str, body: &Value) -> Vec<Value> {
    events(&post(&start().await, path, body).await.unwrap().text().await.unwrap())
}

fn joined(entries: &[Value]) -> String {
    let bytes = entries.iter().flat_map(|entry| entry["bytes"].as_array().unwrap());
    let bytes: Vec<u8> = bytes.map(|byte| byte.as_u64().unwrap() as u8).collect();
    String::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn chat_tells_the_log_probability_of_each_token() {
    let mut body = chat(40, false);
    body["logprobs"] = json!(true);
    body["top_logprobs"] = json!(3);
    let (_, answered) = answer("chat/completions", &body).await;
    let choice = &answered["choices"][0];
    let entries = choice["logprobs"]["content"].as_array().unwrap();
    assert_eq!(entries.len(), 40, "one for each token that is charged");
    assert_eq!(joined(entries), choice["message"]["content"].as_str().unwrap());
    for entry in entries {
        let top = entry["top_logprobs"].as_array().unwrap();
        assert_eq!(top.len(), 3);
        assert_eq!((&top[0]["token"], &top[0]["logprob"]), (&entry["token"], &entry["logprob"]));
        let of = |place: usize| top[place]["logprob"].as_f64().unwrap();
        assert!(of(0) <= 0.0 && of(0) > of(1) && of(1) > of(2));
    }
    body["stream"] = json!(true);
    let events = stream("chat/completions", &body).await;
    let parts = events.iter().filter_map(|event| event["choices"][0]["logprobs"]["content"].as_array());
    let streamed: Vec<Value> = parts.flatten().cloned().collect();
    assert!(joined(&streamed).chars().count() > 40);
    assert!(streamed.iter().all(|entry| entry["top_logprobs"].as_array().unwrap().len() == 3));
}

#[tokio::test]
async fn log_probabilities_are_told_only_when_they_are_asked_for() {
    let mut body = chat(10, false);
    assert!(answer("chat/completions", &body).await.1["choices"][0]["logprobs"].is_null());
    body["logprobs"] = json!(true);
    let (_, told) = answer("chat/completions", &body).await;
    assert_eq!(told["choices"][0]["logprobs"]["content"][0]["top_logprobs"], json!([]));
    body["logprobs"] = json!(false);
    body["top_logprobs"] = json!(3);
    let (status, refused) = answer("chat/completions", &body).await;
    assert_eq!((status, &refused["error"]["param"]), (400, &json!("top_logprobs")));
}

#[tokio::test]
async fn a_response_includes_log_probabilities() {
    let mut body = json!({
        "model": "gpt-4.1", "input": "Hello [[output_tokens=20]]",
        "include": ["message.output_text.logprobs"], "top_logprobs": 2,
    });
    let (_, answered) = answer("responses", &body).await;
    let part = &answered["output"][0]["content"][0];
    let entries = part["logprobs"].as_array().unwrap();
    assert_eq!((entries.len(), joined(entries).as_str()), (20, part["text"].as_str().unwrap()));

    body["stream"] = json!(true);
    let events = stream("responses", &body).await;
    let deltas = events.iter().filter(|event| event["type"] == "response.output_text.delta");
    let streamed: Vec<Value> =
        deltas.flat_map(|event| event["logprobs"].as_array().unwrap().clone()).collect();
    assert_eq!(streamed.len(), 20);

    body["include"] = json!([]);
    body["stream"] = json!(false);
    assert_eq!(answer("responses", &body).await.1["output"][0]["content"][0]["logprobs"], json!([]));
}

#[tokio::test]
async fn reasoning_travels_sealed_and_is_charged_as_input_where_it_comes_back() {
    let question = json!({ "role": "user", "content": "Why? [[reasoning_tokens=640]]" });
    let mut body = json!({
        "model": "gpt-5.6-luna", "input": [question], "include": ["reasoning.encrypted_content"], "store": false,
    });
    let (_, first) = answer("responses", &body).await;
    let reasoning = &first["output"][0];
    assert!(reasoning["encrypted_content"].as_str().unwrap().starts_with("gAAAA"));

    let input = |with: Option<&Value>| {
        let follow_up = json!({ "role": "user", "content": "And then? [[reasoning_tokens=64]]" });
        json!(
            [Some(&question), with, Some(&first["output"][1]), Some(&follow_up)]
                .into_iter()
                .flatten()
                .collect::<Vec<_>>()
        )
    };
    body["input"] = input(None);
    let without = answer("responses", &body).await.1["usage"]["input_tokens"].as_u64().unwrap();
    body["input"] = input(Some(reasoning));
    let (status, second) = answer("responses", &body).await;
    assert_eq!(status, 200);
    assert_eq!(second["usage"]["input_tokens"].as_u64().unwrap(), without + 640);

    body["stream"] = json!(true);
    let events = stream("responses", &body).await;
    let done = events.iter().find(|event| event["type"] == "response.output_item.done").unwrap();
    assert!(done["item"]["encrypted_content"].is_string());
}

#[tokio::test]
async fn what_the_provider_has_not_sealed_is_refused() {
    let forged =
        json!({ "type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAAAAforged" });
    let (status, refused) = answer("responses", &json!({ "model": "gpt-5.6-luna", "input": [forged] })).await;
    assert_eq!((status, &refused["error"]["code"]), (400, &json!("invalid_encrypted_content")));

    let asked = json!({ "model": "gpt-4.1", "input": "Hello", "include": ["reasoning.encrypted_content"] });
    let (status, refused) = answer("responses", &asked).await;
    assert_eq!((status, &refused["error"]["param"]), (400, &json!("include")), "it does not reason");
}

#[tokio::test]
async fn reasoning_is_not_sealed_unasked() {
    let (_, answered) = answer("responses", &json!({ "model": "gpt-5.6-luna", "input": "Why?" })).await;
    assert_eq!(answered["output"][0]["type"], "reasoning");
    assert!(answered["output"][0].get("encrypted_content").is_none());
}

async fn any_object(text: &str) -> (u16, Value) {
    let body = json!({
        "model": "gpt-4o-mini", "messages": [{ "role": "user", "content": text }],
        "response_format": { "type": "json_object" },
    });
    answer("chat/completions", &body).await
}

#[tokio::test]
async fn any_json_object_has_something_in_it() {
    let (_, answered) = any_object("Answer in JSON.").await;
    let text = answered["choices"][0]["message"]["content"].as_str().unwrap();
    let object: Value = serde_json::from_str(text).unwrap();
    assert!(object.as_object().unwrap().len() > 1, "{object}");
}

#[tokio::test]
async fn a_json_object_fits_the_schema_that_the_prompt_asks_for() {
    let schema =
        r#"{"type": "object", "properties": {"city": {"type": "string"}, "gates": {"type": "integer"}}}"#;
    let (_, answered) = any_object(&format!("Answer in JSON that fits {schema}.")).await;
    let text = answered["choices"][0]["message"]["content"].as_str().unwrap();
    let object: Value = serde_json::from_str(text).unwrap();
    assert!(object["city"].is_string() && object["gates"].is_i64(), "{object}");
}

#[tokio::test]
async fn a_conversation_that_does_not_say_json_is_refused() {
    let (status, refused) = any_object("Name a city.").await;
    assert_eq!((status, &refused["error"]["param"]), (400, &json!("messages")));
    assert!(refused["error"]["message"].as_str().unwrap().contains("must contain the word 'json'"));

    let body = |input: &str| json!({ "model": "gpt-4.1", "input": input, "text": { "format": { "type": "json_object" } } });
    assert_eq!(answer("responses", &body("Name a city.")).await.0, 400);
    let (status, answered) = answer("responses", &body("Name a city, as JSON.")).await;
    assert_eq!(status, 200);
    let text = answered["output"][0]["content"][0]["text"].as_str().unwrap();
    assert!(serde_json::from_str::<Value>(text).unwrap().is_object());
}
