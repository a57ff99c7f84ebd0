//! What the stand-in answers when nothing is planned to go wrong.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod support;

use octroi_sim::openai::{Options, Settings, Wishes, spawn};
use serde_json::{Value, json};
use support::{chat, events, post, start};

async fn answer(path: &str, body: &Value) -> Value {
    post(&start().await, path, body).await.unwrap().json().await.unwrap()
}

async fn stream(path: &str, body: &Value) -> (String, Vec<Value>) {
    let text = post(&start().await, path, body).await.unwrap().text().await.unwrap();
    let events = events(&text);
    (text, events)
}

#[tokio::test]
async fn a_chat_answer_is_as_long_as_asked_and_says_so() {
    let body = answer("chat/completions", &chat(57, false)).await;
    assert_eq!(body["object"], "chat.completion");
    assert_eq!(body["model"], "gpt-4o-mini-2024-07-18", "answers name the dated model");
    assert_eq!(body["usage"]["completion_tokens"], 57);
    assert_eq!(body["choices"][0]["finish_reason"], "stop");
    let total = body["usage"]["prompt_tokens"].as_u64().unwrap() + 57;
    assert_eq!(body["usage"]["total_tokens"], total);
}

#[tokio::test]
async fn the_output_limit_holds_for_each_choice() {
    let mut body = chat(500, false);
    body["max_completion_tokens"] = json!(20);
    body["n"] = json!(3);
    let body = answer("chat/completions", &body).await;
    assert_eq!(body["usage"]["completion_tokens"], 60);
    for choice in body["choices"].as_array().unwrap() {
        assert_eq!(choice["finish_reason"], "length");
    }
}

#[tokio::test]
async fn a_chat_stream_says_what_the_plain_answer_says_and_ends_with_usage_and_done() {
    let (text, events) = stream("chat/completions", &chat(30, true)).await;
    assert!(text.ends_with("data: [DONE]\n\n"));
    let [deltas @ .., finish, usage] = events.as_slice() else { unreachable!("a stream has events") };
    let said: String =
        deltas.iter().filter_map(|event| event["choices"][0]["delta"]["content"].as_str()).collect();
    assert!(said.split(' ').count() > 10);
    assert!(deltas.iter().all(|event| event["usage"].is_null() && event.get("usage").is_some()));
    assert_eq!(finish["choices"][0]["finish_reason"], "stop");
    assert_eq!(usage["choices"], json!([]));
    assert_eq!(usage["usage"]["completion_tokens"], 30);
}

#[tokio::test]
async fn usage_is_streamed_only_when_it_was_asked_for() {
    let mut body = chat(30, true);
    body.as_object_mut().unwrap().remove("stream_options");
    let (_, events) = stream("chat/completions", &body).await;
    assert!(events.iter().all(|event| event.get("usage").is_none()));
}

#[tokio::test]
async fn reasoning_is_inside_the_output_and_can_use_all_of_it_up() {
    let ask = |limit: u64| json!({ "model": "o3", "input": "Why? [[reasoning_tokens=40]]", "max_output_tokens": limit });
    let body = answer("responses", &ask(1000)).await;
    assert_eq!(body["status"], "completed");
    assert_eq!(body["output"][0]["type"], "reasoning");
    assert_eq!(body["output"][1]["type"], "message");
    assert_eq!(body["usage"]["output_tokens_details"]["reasoning_tokens"], 40);
    assert!(body["usage"]["output_tokens"].as_u64().unwrap() > 40);
    let body = answer("responses", &ask(16)).await;
    assert_eq!(body["status"], "incomplete");
    assert_eq!(body["incomplete_details"]["reason"], "max_output_tokens");
    assert_eq!(body["usage"]["output_tokens"], 16);
    assert_eq!(body["output"].as_array().unwrap().len(), 1, "there was nothing left to say it with");
}

#[tokio::test]
async fn a_response_stream_has_openais_events_in_openais_order() {
    let body = json!({ "model": "gpt-4.1", "input": "Hello [[output_tokens=9]]", "stream": true });
    let (_, events) = stream("responses", &body).await;
    let mut names: Vec<&str> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    names.dedup();
    assert_eq!(
        names,
        [
            "response.created",
            "response.in_progress",
            "response.output_item.added",
            "response.content_part.added",
            "response.output_text.delta",
            "response.output_text.done",
            "response.content_part.done",
            "response.output_item.done",
            "response.completed",
        ]
    );
    for (number, event) in events.iter().enumerate() {
        assert_eq!(event["sequence_number"], number);
    }
    let response = &events.last().unwrap()["response"];
    assert_eq!(response["usage"]["output_tokens"], 9);
    let said: String = events.iter().filter_map(|event| event["delta"].as_str()).collect();
    assert_eq!(response["output"][0]["content"][0]["text"], said);
}

#[tokio::test]
async fn every_pool_can_be_asked_for() {
    let marks = "[[output_tokens=50]] [[cached_tokens=4]] [[cache_write_tokens=3]] [[audio_tokens=5]] \
                 [[audio_input_tokens=2]]";
    let body = json!({ "model": "gpt-4o", "messages": [{ "role": "user", "content": marks }] });
    let usage = &answer("chat/completions", &body).await["usage"];
    assert_eq!(usage["prompt_tokens_details"]["cached_tokens"], 4);
    assert_eq!(usage["prompt_tokens_details"]["cache_write_tokens"], 3);
    assert_eq!(usage["prompt_tokens_details"]["audio_tokens"], 2);
    assert_eq!(usage["completion_tokens_details"]["audio_tokens"], 5);
}

#[tokio::test]
async fn what_was_written_to_the_cache_for_how_long_is_told_where_it_differs() {
    let details = async |marks: &str| {
        let body = json!({ "model": "gpt-5.6-luna", "input": marks });
        answer("responses", &body).await["usage"]["input_tokens_details"].clone()
    };
    let usual = details("[[cache_write_tokens=3]]").await;
    assert_eq!((&usual["cache_write_tokens"], usual.get("cache_write_tokens_details")), (&json!(3), None));
    let longer = details("[[cache_write_tokens=3]] [[cache_write_12h_tokens=2]]").await;
    assert_eq!(longer["cache_write_tokens_details"], json!({ "ttl_12h_tokens": 2, "ttl_30m_tokens": 1 }));
}

#[tokio::test]
async fn settings_fix_the_length_of_every_answer() {
    let answer = Wishes { output_tokens: Some(33), ..Wishes::default() };
    let settings = Settings { answer, ..Settings::default() };
    let sim = spawn(Options { settings, ..Options::default() }).await.unwrap();
    let body = json!({ "model": "gpt-4o", "messages": [{ "role": "user", "content": "Hello" }] });
    let body: Value = post(&sim, "chat/completions", &body).await.unwrap().json().await.unwrap();
    assert_eq!(body["usage"]["completion_tokens"], 33);
    assert_eq!(body["usage"]["prompt_tokens"], 8);
}

#[tokio::test]
async fn embeddings_come_as_floats_and_in_base64() {
    let ask = |format: &str| json!({ "model": "text-embedding-3-small", "input": ["a", "b c"], "encoding_format": format });
    let floats = answer("embeddings", &ask("float")).await;
    assert_eq!(floats["data"][1]["embedding"].as_array().unwrap().len(), 1536);
    assert_eq!(floats["usage"], json!({ "prompt_tokens": 3, "total_tokens": 3 }));
    let base64 = answer("embeddings", &ask("base64")).await;
    assert_eq!(base64["data"][1]["embedding"].as_str().unwrap().len(), 1536 * 4 / 3 * 4);
}

#[tokio::test]
async fn wrong_requests_are_refused_in_openais_envelope() {
    let sim = start().await;
    let hello = json!([{ "role": "user", "content": "Hello" }]);
    let cases = [
        ("chat/completions", json!({ "messages": hello }), 400, Value::Null),
        ("chat/completions", json!({ "model": "gpt-0", "messages": hello }), 404, json!("model_not_found")),
        ("chat/completions", json!({ "model": "gpt-4o", "messages": [] }), 400, json!("empty_array")),
        (
            "chat/completions",
            json!({ "model": "gpt-5", "messages": hello, "max_tokens": 5 }),
            400,
            json!("unsupported_parameter"),
        ),
        (
            "responses",
            json!({ "model": "gpt-4o", "input": "x", "max_output_tokens": 5 }),
            400,
            json!("integer_below_min_value"),
        ),
        ("responses", json!({ "model": "gpt-4o", "input": "x", "foo": 1 }), 400, json!("unknown_parameter")),
        ("images", json!({}), 404, Value::Null),
    ];
    for (path, body, status, code) in cases {
        let response = post(&sim, path, &body).await.unwrap();
        assert_eq!(response.status(), status, "{path} {body}");
        assert!(response.headers().contains_key("x-request-id"));
        let error = response.json::<Value>().await.unwrap()["error"].clone();
        let members: Vec<&str> = ["message", "type", "param", "code"].to_vec();
        assert!(members.iter().all(|name| error.get(name).is_some()), "{error}");
        assert_eq!(error["code"], code, "{path} {body}");
    }
    assert_eq!(sim.totals().refused, 7);
    assert_eq!(sim.totals().charged.input_tokens, 0, "a refusal costs nothing");
}

#[tokio::test]
async fn only_the_right_key_is_accepted() {
    let options = Options { api_key: Some("sk-right".to_owned()), ..Options::default() };
    let sim = spawn(options).await.unwrap();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let status = async |key: &str| {
        let request = client.get(format!("{}/models", sim.base_url)).bearer_auth(key);
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(status("sk-wrong").await, 401);
    assert_eq!(status("sk-right").await, 200);
}
