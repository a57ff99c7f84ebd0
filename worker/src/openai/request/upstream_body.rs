//! Writes the body that is sent: the kept fields, then everything Octroi decides itself.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::ParsedRequest;
use crate::openai::endpoint::Endpoint;
use crate::openai::identity::UpstreamIdentity;

/// Serialises the kept fields once and appends ours; the kept ones never include a name written here.
pub(super) fn build(request: &ParsedRequest, output_tokens: u64, identity: &UpstreamIdentity) -> Bytes {
    let mut body = Vec::with_capacity(request.text_bytes + 512);
    body.push(b'{');
    append(&mut body, &request.body);
    let ours = match request.endpoint {
        Endpoint::ChatCompletions => chat(request, output_tokens, identity),
        Endpoint::Responses => responses(request, output_tokens, identity),
        Endpoint::Embeddings => embeddings(identity),
    };
    append(&mut body, &ours);
    body.push(b'}');
    Bytes::from(body)
}

fn append(body: &mut Vec<u8>, fields: &Map<String, Value>) {
    for (name, value) in fields {
        if body.last() != Some(&b'{') {
            body.push(b',');
        }
        body.extend_from_slice(Value::from(name.as_str()).to_string().as_bytes());
        body.push(b':');
        // Writing a `Value` to memory cannot fail: it has string keys and finite numbers only.
        let _ = serde_json::to_writer(&mut *body, value);
    }
}

fn chat(request: &ParsedRequest, output_tokens: u64, identity: &UpstreamIdentity) -> Map<String, Value> {
    let mut ours = generation(identity);
    ours.insert("max_completion_tokens".into(), json!(output_tokens));
    if request.choices > 1 {
        ours.insert("n".into(), json!(request.choices));
    }
    if request.stream {
        let mut options = stream_options(request);
        // Always asked for: without it a stream never says what it cost.
        options.insert("include_usage".into(), json!(true));
        ours.insert("stream".into(), json!(true));
        ours.insert("stream_options".into(), Value::Object(options));
    }
    ours
}

fn responses(request: &ParsedRequest, output_tokens: u64, identity: &UpstreamIdentity) -> Map<String, Value> {
    let mut ours = generation(identity);
    ours.insert("max_output_tokens".into(), json!(output_tokens));
    if request.stream {
        ours.insert("stream".into(), json!(true));
        if request.include_obfuscation.is_some() {
            ours.insert("stream_options".into(), Value::Object(stream_options(request)));
        }
    }
    ours
}

// Embeddings know neither `safety_identifier` nor `store`; `user` is their field for the same purpose.
fn embeddings(identity: &UpstreamIdentity) -> Map<String, Value> {
    Map::from_iter([("user".to_owned(), json!(identity.safety_identifier))])
}

fn generation(identity: &UpstreamIdentity) -> Map<String, Value> {
    Map::from_iter([
        ("prompt_cache_key".to_owned(), json!(identity.prompt_cache_key)),
        ("safety_identifier".to_owned(), json!(identity.safety_identifier)),
        ("service_tier".to_owned(), json!("default")),
        ("store".to_owned(), json!(false)),
    ])
}

fn stream_options(request: &ParsedRequest) -> Map<String, Value> {
    let choice = request.include_obfuscation.map(|on| ("include_obfuscation".to_owned(), json!(on)));
    choice.into_iter().collect()
}
