//! A response as a stream of events, in OpenAI's order.

use serde_json::{Value, json};

use super::object::{ResponseObject, part, spoken};
use crate::openai::answer::{Answer, Choice, Said};
use crate::openai::script::{Frame, Role, Script};
use crate::openai::tools::{Takes, Tool};

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
    if let Some(choice) = answer.choices.first() {
        let mut spoken = spoken(choice);
        for (index, item) in object.items.iter().enumerate() {
            let at = At { index, item };
            if item["type"] == "reasoning" {
                reasoning(&mut events, &at, choice);
            } else if let Some(said) = spoken.next() {
                match &said.tool {
                    Some(tool) => call(&mut events, &at, said, tool),
                    None => message(&mut events, &at, said, object),
                }
            }
        }
    }
    let last = if object.incomplete { "response.incomplete" } else { "response.completed" };
    events.push(Role::Terminal, last, json!({ "response": object.finished() }));
    Script::stream(events.frames, answer.pools, object.id.clone(), object.model.to_owned())
}

/// An item and its place among the output.
struct At<'a> {
    index: usize,
    item: &'a Value,
}

impl At<'_> {
    /// The event body that carries the whole item.
    fn whole(&self) -> Value {
        json!({ "output_index": self.index, "item": self.item })
    }

    /// The same before anything is said in it: `member` is still empty.
    fn started(&self, member: &str, empty: Value) -> Value {
        let mut whole = self.whole();
        whole["item"]["status"] = json!("in_progress");
        whole["item"][member] = empty;
        whole
    }

    /// The body of an event inside it.
    fn with(&self, name: &str, value: Value) -> Value {
        let mut body = json!({ "item_id": self.item["id"], "output_index": self.index });
        body[name] = value;
        body
    }
}

fn reasoning(events: &mut Events, at: &At<'_>, choice: &Choice) {
    events.push(Role::Opening, "response.output_item.added", at.whole());
    events.output_tokens += choice.reasoning_tokens;
    events.push(Role::Opening, "response.output_item.done", at.whole());
}

fn message(events: &mut Events, at: &At<'_>, said: &Said, object: &ResponseObject) {
    let with = |name: &str, value: Value| {
        let mut body = at.with(name, value);
        body["content_index"] = json!(0);
        body
    };
    let logged = |name: &str, text: &str| {
        let mut body = with(name, json!(text));
        body["logprobs"] = object.logprobs(text);
        body
    };
    events.push(Role::Opening, "response.output_item.added", at.started("content", json!([])));
    events.push(Role::Opening, "response.content_part.added", with("part", part("", json!([]))));
    for piece in &said.pieces {
        events.output_tokens += piece.tokens;
        events.push(Role::Delta, "response.output_text.delta", logged("delta", &piece.text));
    }
    let text = said.text();
    let done = with("part", part(&text, object.logprobs(&text)));
    events.push(Role::Finish, "response.output_text.done", logged("text", &text));
    events.push(Role::Finish, "response.content_part.done", done);
    events.push(Role::Finish, "response.output_item.done", at.whole());
}

fn call(events: &mut Events, at: &At<'_>, said: &Said, tool: &Tool) {
    let (member, delta, last) = match tool.takes {
        Takes::Arguments(_) => {
            ("arguments", "response.function_call_arguments.delta", "response.function_call_arguments.done")
        }
        Takes::Text => {
            ("input", "response.custom_tool_call_input.delta", "response.custom_tool_call_input.done")
        }
    };
    events.push(Role::Opening, "response.output_item.added", at.started(member, json!("")));
    for piece in &said.pieces {
        events.output_tokens += piece.tokens;
        events.push(Role::Delta, delta, at.with("delta", json!(piece.text)));
    }
    let mut done = at.with(member, json!(said.text()));
    if member == "arguments" {
        done["name"] = json!(tool.name);
    }
    events.push(Role::Finish, last, done);
    events.push(Role::Finish, "response.output_item.done", at.whole());
}
