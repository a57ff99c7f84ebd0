//! Why an answer ended.

use serde::Deserialize;

use super::endpoint::Endpoint;

#[derive(Deserialize)]
struct ChatAnswer<'a> {
    #[serde(borrow)]
    choices: Vec<ChatChoice<'a>>,
}

#[derive(Deserialize)]
struct ChatChoice<'a> {
    finish_reason: Option<&'a str>,
}

#[derive(Deserialize)]
struct Response<'a> {
    #[serde(borrow)]
    incomplete_details: Option<IncompleteDetails<'a>>,
}

#[derive(Deserialize)]
struct IncompleteDetails<'a> {
    reason: Option<&'a str>,
}

/// Whether a whole answer, or the response in a stream's last event, ended because it had reached its output limit.
/// One that cannot be read did not, as far as anybody can tell.
pub fn ended_at_limit(endpoint: Endpoint, body: &[u8]) -> bool {
    match endpoint {
        Endpoint::ChatCompletions => serde_json::from_slice::<ChatAnswer<'_>>(body)
            .is_ok_and(|answer| answer.choices.iter().any(|choice| choice.finish_reason == Some("length"))),
        Endpoint::Responses => serde_json::from_slice::<Response<'_>>(body).is_ok_and(|response| {
            response.incomplete_details.is_some_and(|details| details.reason == Some("max_output_tokens"))
        }),
        Endpoint::Embeddings => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chat_answer_ends_at_its_limit_if_any_choice_does() {
        let ends = |reason: &str| {
            let body = format!(r#"{{"choices":[{{"finish_reason":"stop"}},{{"finish_reason":{reason}}}]}}"#);
            ended_at_limit(Endpoint::ChatCompletions, body.as_bytes())
        };
        assert!(ends(r#""length""#));
        assert!(!ends(r#""stop""#) && !ends("null"));
        assert!(!ended_at_limit(Endpoint::ChatCompletions, b"not json"));
    }

    #[test]
    fn a_response_ends_at_its_limit_or_for_another_reason() {
        let ends = |details: &str| {
            let body = format!(r#"{{"status":"incomplete","incomplete_details":{details}}}"#);
            ended_at_limit(Endpoint::Responses, body.as_bytes())
        };
        assert!(ends(r#"{"reason":"max_output_tokens"}"#));
        assert!(!ends(r#"{"reason":"content_filter"}"#) && !ends("null"));
    }
}
