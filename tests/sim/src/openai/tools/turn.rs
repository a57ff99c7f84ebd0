//! What the user said last, and which tools were called since.

use serde_json::Value;

/// The end of a conversation.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Turn {
    /// What the user said, from the last answer in words on.
    pub text: String,
    /// The tools called since, by name, oldest first.
    pub called: Vec<String>,
}

impl Turn {
    /// Reads chat's `messages`, or the Responses API's `input`.
    pub fn read(conversation: Option<&Value>) -> Self {
        let mut turn = Self::default();
        match conversation {
            Some(Value::String(text)) => turn.text.clone_from(text),
            Some(Value::Array(items)) => items.iter().for_each(|item| turn.go_on(item)),
            _ => {}
        }
        turn
    }

    fn go_on(&mut self, item: &Value) {
        let text = |name: &str| item.get(name).and_then(Value::as_str);
        match (text("role"), text("type")) {
            (Some("user"), _) => self.say(item.get("content")),
            (Some("assistant"), _) => {
                let calls =
                    item.get("tool_calls").and_then(Value::as_array).filter(|calls| !calls.is_empty());
                match calls {
                    Some(calls) => self.called.extend(calls.iter().filter_map(called_in_chat)),
                    None => *self = Self::default(),
                }
            }
            (None, Some("function_call" | "custom_tool_call")) => {
                self.called.extend(text("name").map(str::to_owned));
            }
            _ => {}
        }
    }

    /// A user who speaks after a call asks for something new.
    fn say(&mut self, content: Option<&Value>) {
        if !self.called.is_empty() {
            *self = Self::default();
        }
        let mut add = |text: &str| {
            self.text.push_str(text);
            self.text.push('\n');
        };
        match content {
            Some(Value::String(text)) => add(text),
            Some(Value::Array(parts)) => {
                parts.iter().filter_map(|part| part.get("text")?.as_str()).for_each(add);
            }
            _ => {}
        }
    }
}

fn called_in_chat(call: &Value) -> Option<String> {
    let named = call.pointer("/function/name").or_else(|| call.pointer("/custom/name"))?;
    named.as_str().map(str::to_owned)
}
