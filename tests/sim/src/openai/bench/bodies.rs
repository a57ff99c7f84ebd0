//! The ready-made answers.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};

use super::BenchOptions;
use crate::http::{SimBody, Step, Watcher};

/// The model that every answer names.
const MODEL: &str = "gpt-5.4-mini-2026-03-17";
const EMBEDDING_DIMENSIONS: usize = 16;

/// One ready-made answer.
#[derive(Debug)]
pub enum Prepared {
    /// A plain body.
    Plain(Bytes),
    /// The events of a stream that is sent as fast as it is read.
    Fast(Vec<Bytes>),
    /// The steps of a stream that keeps a pace.
    Paced(Vec<Step>),
}

impl Prepared {
    /// A fresh body of it.
    pub fn body(&self) -> SimBody {
        match self {
            Self::Plain(bytes) => SimBody::whole(bytes.clone()),
            Self::Fast(frames) => SimBody::Frames(frames.iter().cloned().collect()),
            Self::Paced(steps) => SimBody::played(steps.clone(), Box::new(Unwatched)),
        }
    }

    /// Its content type.
    pub const fn content_type(&self) -> &'static str {
        match self {
            Self::Plain(_) => "application/json",
            Self::Fast(_) | Self::Paced(_) => "text/event-stream; charset=utf-8",
        }
    }
}

/// All of them.
#[derive(Debug)]
pub struct Bodies {
    /// A plain chat completion.
    pub chat: Prepared,
    /// A chat stream with its usage chunk.
    pub chat_with_usage: Prepared,
    /// A chat stream without one.
    pub chat_without_usage: Prepared,
    /// A plain response.
    pub response: Prepared,
    /// A stream of a response.
    pub response_stream: Prepared,
    /// An embedding.
    pub embedding: Prepared,
}

impl Bodies {
    /// The answers that `options` ask for.
    pub fn new(options: &BenchOptions) -> Self {
        Self {
            chat: Prepared::Plain(chat(options).to_string().into()),
            chat_with_usage: paced(options, chat_events(options, true)),
            chat_without_usage: paced(options, chat_events(options, false)),
            response: Prepared::Plain(response(options, "completed").to_string().into()),
            response_stream: paced(options, response_events(options)),
            embedding: Prepared::Plain(embedding(options).to_string().into()),
        }
    }
}

/// Nobody keeps books of single answers here.
struct Unwatched;

impl Watcher for Unwatched {
    fn sent(&mut self, _mark: u64) {}
    fn completed(&mut self) {}
    fn cut(&mut self, _reset: bool) {}
    fn released(&mut self) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(std::future::ready(()))
    }
}

fn paced(options: &BenchOptions, events: Vec<Bytes>) -> Prepared {
    if options.first_token_delay.is_zero() && options.chunk_delay.is_zero() {
        return Prepared::Fast(events);
    }
    let mut steps = Vec::new();
    for (index, bytes) in events.into_iter().enumerate() {
        let delay = if index == 1 { options.first_token_delay } else { options.chunk_delay };
        if index > 0 && delay > Duration::ZERO {
            steps.push(Step::Pause(delay));
        }
        steps.push(Step::Send { bytes, mark: 0 });
    }
    Prepared::Paced(steps)
}

fn event(value: &Value) -> Bytes {
    format!("data: {value}\n\n").into()
}

fn chat_usage(options: &BenchOptions) -> Value {
    json!({
        "prompt_tokens": options.input_tokens,
        "completion_tokens": options.output_tokens,
        "total_tokens": options.input_tokens + options.output_tokens,
        "prompt_tokens_details": { "cached_tokens": 0, "audio_tokens": 0 },
        "completion_tokens_details": { "reasoning_tokens": 0, "audio_tokens": 0 },
    })
}

fn words(options: &BenchOptions) -> String {
    (0..options.output_tokens).map(|_| " toll").collect()
}

fn chat(options: &BenchOptions) -> Value {
    let message =
        json!({ "role": "assistant", "content": words(options), "refusal": null, "annotations": [] });
    json!({
        "id": "chatcmpl-octroisimbench", "object": "chat.completion", "created": 1_700_000_000, "model": MODEL,
        "choices": [{ "index": 0, "message": message, "logprobs": null, "finish_reason": "stop" }],
        "usage": chat_usage(options), "service_tier": "default", "system_fingerprint": "fp_octroisim01",
    })
}

fn chat_events(options: &BenchOptions, include_usage: bool) -> Vec<Bytes> {
    let chunk = |choices: Value, usage: Value| {
        let mut chunk = json!({
            "id": "chatcmpl-octroisimbench", "object": "chat.completion.chunk", "created": 1_700_000_000,
            "model": MODEL, "choices": choices, "service_tier": "default",
            "system_fingerprint": "fp_octroisim01",
        });
        if include_usage {
            chunk["usage"] = usage;
        }
        event(&chunk)
    };
    let part = |delta: Value, finish: Value| {
        let choices = json!([{ "index": 0, "delta": delta, "logprobs": null, "finish_reason": finish }]);
        chunk(choices, Value::Null)
    };
    let mut events = vec![part(json!({ "role": "assistant", "content": "" }), Value::Null)];
    let delta = part(json!({ "content": " toll" }), Value::Null);
    events.extend((0..options.output_tokens).map(|_| delta.clone()));
    events.push(part(json!({}), json!("stop")));
    if include_usage {
        events.push(chunk(json!([]), chat_usage(options)));
    }
    events.push(Bytes::from_static(b"data: [DONE]\n\n"));
    events
}

fn item(text: &str, status: &str) -> Value {
    json!({
        "id": "msg_octroisimbench", "type": "message", "status": status, "role": "assistant",
        "content": [{ "type": "output_text", "text": text, "annotations": [], "logprobs": [] }],
    })
}

fn response(options: &BenchOptions, status: &str) -> Value {
    let completed = status == "completed";
    let usage = json!({
        "input_tokens": options.input_tokens, "output_tokens": options.output_tokens,
        "total_tokens": options.input_tokens + options.output_tokens,
        "input_tokens_details": { "cached_tokens": 0, "cache_write_tokens": 0 },
        "output_tokens_details": { "reasoning_tokens": 0 },
    });
    json!({
        "id": "resp_octroisimbench", "object": "response", "created_at": 1_700_000_000, "status": status,
        "error": null, "incomplete_details": null, "instructions": null, "model": MODEL, "metadata": {},
        "output": if completed { json!([item(&words(options), status)]) } else { json!([]) },
        "parallel_tool_calls": true, "temperature": 1.0, "top_p": 1.0, "tool_choice": "auto", "tools": [],
        "service_tier": "default", "usage": if completed { usage } else { Value::Null },
    })
}

fn response_events(options: &BenchOptions) -> Vec<Bytes> {
    let mut events = Vec::new();
    let mut push = |name: &str, mut body: Value| {
        body["type"] = json!(name);
        body["sequence_number"] = json!(events.len());
        events.push(format!("event: {name}\ndata: {body}\n\n").into());
    };
    let at = |member: &str, value: Value| {
        let mut body = json!({ "item_id": "msg_octroisimbench", "output_index": 0, "content_index": 0 });
        body["logprobs"] = json!([]);
        body[member] = value;
        body
    };
    let part = |text: &str| json!({ "type": "output_text", "text": text, "annotations": [], "logprobs": [] });
    let text = words(options);
    let mut started = item("", "in_progress");
    started["content"] = json!([]);
    push("response.created", json!({ "response": response(options, "in_progress") }));
    push("response.in_progress", json!({ "response": response(options, "in_progress") }));
    push("response.output_item.added", json!({ "output_index": 0, "item": started }));
    push("response.content_part.added", at("part", part("")));
    for _ in 0..options.output_tokens {
        push("response.output_text.delta", at("delta", json!(" toll")));
    }
    push("response.output_text.done", at("text", json!(text)));
    push("response.content_part.done", at("part", part(&text)));
    push("response.output_item.done", json!({ "output_index": 0, "item": item(&text, "completed") }));
    push("response.completed", json!({ "response": response(options, "completed") }));
    events
}

fn embedding(options: &BenchOptions) -> Value {
    let vector = vec![0.25; EMBEDDING_DIMENSIONS];
    json!({
        "object": "list", "model": "text-embedding-3-small",
        "data": [{ "object": "embedding", "index": 0, "embedding": vector }],
        "usage": { "prompt_tokens": options.input_tokens, "total_tokens": options.input_tokens },
    })
}
