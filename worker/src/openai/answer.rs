//! A whole answer that tells no usage: an error in its place, or an answer whose text is all there is to go by.

use serde_json::Value;

use super::endpoint::Endpoint;
use super::relayed::RelayedText;
use super::stream_error::StreamError;

/// What a 2xx body without readable usage holds.
#[derive(Debug)]
pub enum Unmetered {
    /// Nothing but an error, which costs nothing.
    Error {
        /// It speaks of the operator's own account.
        own_account: bool,
    },
    /// An answer.
    Answer {
        /// What it says, and whether every choice of it is finished.
        text: RelayedText,
        /// It names an error, as a failed response does.
        failed: bool,
    },
}

impl Unmetered {
    /// Reads a body. What is no JSON went to the client as it is, so all of it counts as said.
    pub fn read(endpoint: Endpoint, body: &[u8]) -> Self {
        let mut text = RelayedText::default();
        let Ok(answer) = serde_json::from_slice::<Value>(body) else {
            text.push(0, &String::from_utf8_lossy(body));
            text.finish(0);
            return Self::Answer { text, failed: false };
        };
        let error = answer.get("error").filter(|error| !error.is_null());
        if let Some(error) = error
            && answer.get("object").is_none()
        {
            return Self::Error { own_account: StreamError::read(error).into_fault().own_account };
        }
        match endpoint {
            Endpoint::ChatCompletions => chat(&answer, &mut text),
            Endpoint::Responses => responses(&answer, &mut text),
            // Vectors say nothing.
            Endpoint::Embeddings => {}
        }
        Self::Answer { text, failed: error.is_some() }
    }
}

fn chat(answer: &Value, text: &mut RelayedText) {
    for (index, choice) in (0..).zip(items(&answer["choices"])) {
        text.begin(index);
        let message = &choice["message"];
        for name in ["content", "refusal"] {
            push(text, index, &message[name]);
        }
        for call in items(&message["tool_calls"]) {
            called(text, index, &call["function"]);
            called(text, index, &call["custom"]);
        }
        called(text, index, &message["function_call"]);
        if !choice["finish_reason"].is_null() {
            text.finish(index);
        }
    }
}

fn responses(answer: &Value, text: &mut RelayedText) {
    for item in items(&answer["output"]) {
        called(text, 0, item);
        for list in ["content", "summary"] {
            for part in items(&item[list]) {
                push(text, 0, &part["text"]);
                push(text, 0, &part["refusal"]);
            }
        }
    }
    text.begin(0);
    if matches!(answer["status"].as_str(), Some("completed" | "incomplete")) {
        text.finish(0);
    }
}

fn called(text: &mut RelayedText, choice: u64, call: &Value) {
    for name in ["name", "arguments", "input"] {
        push(text, choice, &call[name]);
    }
}

fn push(text: &mut RelayedText, choice: u64, value: &Value) {
    if let Some(said) = value.as_str() {
        text.push(choice, said);
    }
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(endpoint: Endpoint, body: &Value) -> (u64, bool, bool) {
        match Unmetered::read(endpoint, body.to_string().as_bytes()) {
            Unmetered::Answer { text, failed } => (text.total_bytes(), text.is_whole(), failed),
            Unmetered::Error { .. } => (0, false, true),
        }
    }

    #[test]
    fn an_error_in_place_of_an_answer_is_told_from_an_answer_that_failed() {
        let error = |body: &str| Unmetered::read(Endpoint::ChatCompletions, body.as_bytes());
        assert!(matches!(error(r#"{"error": {"message": "no"}}"#), Unmetered::Error { own_account: false }));
        assert!(matches!(
            error(r#"{"error": {"code": "insufficient_quota"}}"#),
            Unmetered::Error { own_account: true }
        ));
        assert!(matches!(
            error(r#"{"error": null, "choices": []}"#),
            Unmetered::Answer { failed: false, .. }
        ));
        let failed =
            json!({ "object": "response", "status": "failed", "error": { "code": "x" }, "output": [] });
        assert_eq!(read(Endpoint::Responses, &failed), (0, false, true));
    }

    #[test]
    fn all_that_an_answer_says_is_read() {
        let call = json!({ "function": { "name": "look", "arguments": "{}" } });
        let choice = |finish: Value| json!({ "message": { "content": "Hello", "tool_calls": [call] }, "finish_reason": finish });
        let chat = |choices: Value| json!({ "object": "chat.completion", "choices": choices });
        let (done, cut) = (choice(json!("stop")), choice(Value::Null));
        let each = "Hellolook{}".len() as u64;
        assert_eq!(read(Endpoint::ChatCompletions, &chat(json!([done, done]))), (2 * each, true, false));
        assert_eq!(read(Endpoint::ChatCompletions, &chat(json!([done, cut]))), (2 * each, false, false));
        assert_eq!(read(Endpoint::ChatCompletions, &chat(json!([]))), (0, false, false));
        let response = json!({ "object": "response", "status": "incomplete", "error": null, "output": [
            { "type": "reasoning", "summary": [{ "type": "summary_text", "text": "Hm" }] },
            { "type": "function_call", "name": "look", "arguments": "{}" },
            { "type": "message", "content": [{ "type": "output_text", "text": "Hello" }, { "type": "refusal", "refusal": "No" }] },
        ] });
        assert_eq!(read(Endpoint::Responses, &response), ("Hmlook{}HelloNo".len() as u64, true, false));
        let odd = Unmetered::read(Endpoint::ChatCompletions, b"<html>");
        assert!(
            matches!(odd, Unmetered::Answer { text, failed: false } if text.total_bytes() == 6 && text.is_whole())
        );
    }
}
