//! A response as a stream of events, in OpenAI's order.

use serde_json::{Value, json};

use super::object::{ResponseObject, part};
use crate::openai::answer::{Answer, Choice};
use crate::openai::script::{Frame, Role, Script};

/// Numbers the events and knows how much is generated.
struct Events {
    frames: Vec<Frame>,
    output_tokens: u64,
}

impl Events {
    fn push(&mut self, role: Role, event: &'static str, mut body: Value) {
        body["type"] = json!(event);
        body["sequence_number"] = json!(self.frames.len());
        let frame = Frame::json(role, body, self.output_tokens);
        self.frames.push(Frame { event: Some(event), ..frame });
    }
}

/// The events of the whole response.
pub fn script(object: &ResponseObject, answer: &Answer) -> Script {
    let mut events = Events { frames: Vec::new(), output_tokens: 0 };
    events.push(Role::Opening, "response.created", json!({ "response": object.created() }));
    events.push(Role::Opening, "response.in_progress", json!({ "response": object.created() }));
    for (index, item) in object.items.iter().enumerate() {
        let Some(choice) = answer.choices.first() else { continue };
        match item["type"].as_str() {
            Some("reasoning") => reasoning(&mut events, index, item, choice),
            Some("function_call") => call(&mut events, index, item, choice),
            _ => message(&mut events, index, item, choice),
        }
    }
    let last = if object.incomplete { "response.incomplete" } else { "response.completed" };
    events.push(Role::Terminal, last, json!({ "response": object.finished() }));
    Script::stream(events.frames, answer.pools, object.id.clone(), object.model.to_owned())
}

fn reasoning(events: &mut Events, index: usize, item: &Value, choice: &Choice) {
    let body = json!({ "output_index": index, "item": item });
    events.push(Role::Opening, "response.output_item.added", body.clone());
    events.output_tokens += choice.reasoning_tokens;
    events.push(Role::Opening, "response.output_item.done", body);
}

fn message(events: &mut Events, index: usize, item: &Value, choice: &Choice) {
    let mut started = item.clone();
    started["status"] = json!("in_progress");
    started["content"] = json!([]);
    let at = || json!({ "item_id": item["id"], "output_index": index, "content_index": 0 });
    let with = |name: &str, value: Value| {
        let mut body = at();
        body[name] = value;
        body
    };
    let logged = |name: &str, text: &str| {
        let mut body = with(name, json!(text));
        body["logprobs"] = json!([]);
        body
    };
    let added = json!({ "output_index": index, "item": started });
    events.push(Role::Opening, "response.output_item.added", added);
    events.push(Role::Opening, "response.content_part.added", with("part", part("")));
    for piece in &choice.pieces {
        events.output_tokens += piece.tokens;
        events.push(Role::Delta, "response.output_text.delta", logged("delta", &piece.text));
    }
    let text = choice.text();
    events.push(Role::Finish, "response.output_text.done", logged("text", &text));
    events.push(Role::Finish, "response.content_part.done", with("part", part(&text)));
    events.push(Role::Finish, "response.output_item.done", json!({ "output_index": index, "item": item }));
}

fn call(events: &mut Events, index: usize, item: &Value, choice: &Choice) {
    let mut started = item.clone();
    started["status"] = json!("in_progress");
    started["arguments"] = json!("");
    let with = |name: &str, text: &str| {
        let mut body = json!({ "item_id": item["id"], "output_index": index });
        body[name] = json!(text);
        body
    };
    let added = json!({ "output_index": index, "item": started });
    events.push(Role::Opening, "response.output_item.added", added);
    for piece in &choice.pieces {
        events.output_tokens += piece.tokens;
        events.push(Role::Delta, "response.function_call_arguments.delta", with("delta", &piece.text));
    }
    let mut done = with("arguments", &choice.text());
    done["name"] = item["name"].clone();
    events.push(Role::Finish, "response.function_call_arguments.done", done);
    events.push(Role::Finish, "response.output_item.done", json!({ "output_index": index, "item": item }));
}
