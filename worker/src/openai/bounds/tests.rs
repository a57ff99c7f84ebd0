#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::openai::bounds::InputTokens;
use crate::openai::{Encoding, Endpoint, parse_request};

fn bound(endpoint: Endpoint, body: &Value) -> u64 {
    tokens(endpoint, body).most
}

fn tokens(endpoint: Endpoint, body: &Value) -> InputTokens {
    parse_request(endpoint, body.to_string().as_bytes()).unwrap().input_tokens(Encoding::O200k).unwrap()
}

/// The published counting recipe: 3 a message, 1 a name, 3 for the reply.
fn reference(messages: &[(String, String, Option<String>)]) -> u64 {
    let count = |text: &str| Encoding::O200k.count(text);
    let each = messages.iter().map(|(role, content, name)| {
        3 + count(role) + count(content) + name.as_ref().map_or(0, |name| 1 + count(name))
    });
    3 + each.sum::<u64>()
}

// The published recipe for functions on GPT-4o: 7 a function, 3 a property, 12 at the end.
fn tool_reference(name: &str, description: &str, properties: &[(String, String)]) -> u64 {
    let count = |text: String| Encoding::O200k.count(&text);
    let each = properties.iter().map(|(key, about)| 3 + count(format!("{key}:string:{about}")));
    7 + count(format!("{name}:{description}")) + 3 + each.sum::<u64>() + 12
}

#[test]
fn the_documented_conversation_of_129_tokens_is_within_its_bound() {
    let conversation = [
        (
            "system",
            "You are a helpful, pattern-following assistant that translates corporate jargon into plain English.",
        ),
        ("user", "New synergies will help drive top-line growth."),
        ("assistant", "Things working well together will increase revenue."),
    ];
    let messages: Vec<_> =
        conversation.iter().map(|(role, content)| json!({ "role": role, "content": content })).collect();
    let tokens = bound(Endpoint::ChatCompletions, &json!({ "model": "gpt-4o", "messages": messages }));
    assert!((51..=110).contains(&tokens), "{tokens}");
}

#[test]
fn a_greeting_is_held_at_a_few_dozen_tokens() {
    let chat = json!({ "model": "gpt-4o", "messages": [{ "role": "user", "content": "hi" }] });
    assert_eq!(bound(Endpoint::ChatCompletions, &chat), 32 + 8 + 1);
    assert_eq!(bound(Endpoint::Responses, &json!({ "model": "gpt-5", "input": "hi" })), 32 + 1);
}

#[test]
fn images_are_held_at_the_most_their_detail_allows() {
    let with = |detail: &str| {
        let part =
            json!({ "type": "image_url", "image_url": { "url": "https://e.com/a.png", "detail": detail } });
        bound(
            Endpoint::ChatCompletions,
            &json!({ "model": "gpt-4o", "messages": [{ "role": "user", "content": [part] }] }),
        )
    };
    assert_eq!(with("low"), 32 + 16 + 85);
    assert_eq!(with("high"), 32 + 16 + 1_445);
    assert_eq!(with("auto"), with("high"));
    let inside_a_result = json!({ "model": "gpt-4o", "input": [
        { "type": "function_call_output", "call_id": "c", "output": [
            { "type": "input_image", "image_url": "data:image/png;base64,AAAA" } ] } ] });
    assert!(bound(Endpoint::Responses, &inside_a_result) >= 1_445);
}

#[test]
fn more_images_than_the_provider_takes_are_refused() {
    let part = json!({ "type": "image_url", "image_url": { "url": "https://e.com/a.png" } });
    let body = json!({ "model": "gpt-4o", "messages": [{ "role": "user", "content": vec![part; 1_501] }] });
    let parsed = parse_request(Endpoint::ChatCompletions, body.to_string().as_bytes()).unwrap();
    assert_eq!(parsed.input_tokens(Encoding::O200k).unwrap_err().param(), Some("messages"));
}

#[test]
fn an_encrypted_item_is_held_at_its_length() {
    let body = json!({ "model": "gpt-5", "input": [
        { "type": "reasoning", "summary": [], "encrypted_content": "g".repeat(5_000) } ] });
    assert!(bound(Endpoint::Responses, &body) >= 5_000);
}

#[test]
fn token_ids_are_counted_as_they_are() {
    let body = |input: Value| json!({ "model": "text-embedding-3-small", "input": input });
    assert_eq!(bound(Endpoint::Embeddings, &body(json!([1, 2, 3]))), 3 + 2);
    assert_eq!(bound(Endpoint::Embeddings, &body(json!([[1, 2], [3]]))), 2 + (2 + 2) + (1 + 2));
    assert_eq!(bound(Endpoint::Embeddings, &body(json!("hello world"))), 2 + 2);
}

#[test]
fn text_in_a_schema_outside_ascii_may_be_escaped_upstream() {
    let with = |about: &str| {
        let tool = json!({ "type": "function", "name": "f", "description": about, "parameters": {} });
        bound(Endpoint::Responses, &json!({ "model": "gpt-5", "input": "x", "tools": [tool] }))
    };
    assert!(with("天气") >= with("") + Encoding::O200k.count("\\u5929\\u6c14"));
}

proptest! {
    #[test]
    fn no_chat_exceeds_its_bound(
        messages in prop::collection::vec(
            (prop::sample::select(vec!["user", "system", "assistant"]), "\\PC{0,80}", prop::option::of("[a-zA-Z]{1,12}")),
            1..8,
        ),
        properties in prop::collection::vec(("[a-z_]{1,10}", "\\PC{0,40}"), 0..6),
        description in "\\PC{0,60}",
    ) {
        let messages: Vec<_> =
            messages.into_iter().map(|(role, content, name)| (role.to_owned(), content, name)).collect();
        let mut body = json!({ "model": "gpt-4o", "messages": messages.iter().map(|(role, content, name)| {
            let mut message = json!({ "role": role, "content": content });
            if let Some(name) = name {
                message["name"] = json!(name);
            }
            message
        }).collect::<Vec<_>>() });
        let chat = reference(&messages);
        let plain = tokens(Endpoint::ChatCompletions, &body);
        prop_assert!(plain.most >= chat);
        // The likely count is the published recipe, but for the token of a name.
        let names = messages.iter().filter(|(.., name)| name.is_some()).count() as u64;
        prop_assert_eq!(plain.likely + names, chat);

        let mut distinct = properties;
        distinct.sort();
        distinct.dedup_by(|a, b| a.0 == b.0);
        let schema: serde_json::Map<_, _> = distinct
            .iter()
            .map(|(key, about)| (key.clone(), json!({ "type": "string", "description": about })))
            .collect();
        body["tools"] = json!([{ "type": "function", "function": { "name": "look", "description": description,
            "parameters": { "type": "object", "properties": schema } } }]);
        prop_assert!(bound(Endpoint::ChatCompletions, &body) >= chat + tool_reference("look", &description, &distinct));
    }
}
