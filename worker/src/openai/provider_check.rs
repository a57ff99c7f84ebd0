//! Asks the provider whether it takes the operator's key, for `octroi doctor`: a list of models costs nothing.

use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderValue};
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::upstream_error::{is_own_auth, is_own_quota};
use crate::config::OpenAiConfig;

/// Longest wait for a connection, seconds.
const CONNECT_SECONDS: u64 = 5;
/// Longest wait for the whole answer, seconds.
const ANSWER_SECONDS: u64 = 15;
/// Most of an answer that is read, bytes; OpenAI's list of models has a tenth of a megabyte.
const MAX_ANSWER_BYTES: usize = 8 * 1024 * 1024;

/// What the provider said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProviderCheck {
    /// It takes the key.
    Takes {
        /// How many models it lists; none when the list cannot be read.
        models: Option<usize>,
    },
    /// It refuses the key, or the account behind it.
    Refuses {
        /// Its status.
        status: u16,
        /// Its code, when it is one of those that are known.
        code: Option<String>,
    },
    /// It answers, and lists no models.
    ListsNothing {
        /// Its status.
        status: u16,
    },
    /// It was not reached, or did not answer in time.
    Unreachable {
        /// Where that ended.
        stage: &'static str,
    },
}

#[derive(Deserialize)]
struct ModelList {
    data: Vec<IgnoredAny>,
}

#[derive(Deserialize)]
struct Envelope {
    error: ErrorNames,
}

#[derive(Deserialize)]
struct ErrorNames {
    code: Option<String>,
    r#type: Option<String>,
}

/// Lists the provider's models with the operator's key.
pub async fn check_provider(config: &OpenAiConfig) -> ProviderCheck {
    match tokio::time::timeout(Duration::from_secs(ANSWER_SECONDS), ask(config)).await {
        Ok(checked) => checked,
        Err(_) => ProviderCheck::Unreachable { stage: "it did not answer in time" },
    }
}

async fn ask(config: &OpenAiConfig) -> ProviderCheck {
    let bearer = HeaderValue::try_from(format!("Bearer {}", config.api_key.expose_secret()));
    let client = config.outbound.http_client().connect_timeout(Duration::from_secs(CONNECT_SECONDS)).build();
    let (Ok(mut bearer), Ok(client)) = (bearer, client) else {
        return ProviderCheck::Unreachable { stage: "no request could be made" };
    };
    bearer.set_sensitive(true);
    let request = client.get(format!("{}/models", config.upstream_url)).header(AUTHORIZATION, bearer);
    let mut response = match request.send().await {
        Ok(response) => response,
        Err(error) if error.is_connect() => return ProviderCheck::Unreachable { stage: "no connection" },
        Err(_) => return ProviderCheck::Unreachable { stage: "the connection broke off" },
    };
    let status = response.status();
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        let room = MAX_ANSWER_BYTES.saturating_sub(body.len());
        body.extend_from_slice(chunk.get(..room).unwrap_or(&chunk));
        if body.len() >= MAX_ANSWER_BYTES {
            break;
        }
    }
    read(status.as_u16(), &body)
}

fn read(status: u16, body: &[u8]) -> ProviderCheck {
    if (200..300).contains(&status) {
        let models = serde_json::from_slice::<ModelList>(body).ok().map(|list| list.data.len());
        return ProviderCheck::Takes { models };
    }
    let names = serde_json::from_slice::<Envelope>(body).ok().map(|envelope| envelope.error);
    let (code, kind) = names.map_or((None, None), |names| (names.code, names.r#type));
    let is_own = |code: Option<&str>, kind: Option<&str>| is_own_quota(code, kind) || is_own_auth(code, kind);
    if matches!(status, 401 | 403) || is_own(code.as_deref(), kind.as_deref()) {
        // A word that is not known may be anything, the key included.
        let code = code.filter(|code| is_own(Some(code), None));
        return ProviderCheck::Refuses { status, code };
    }
    ProviderCheck::ListsNothing { status }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_told_by_what_the_operator_has_to_do() {
        let refused = br#"{"error": {"code": "invalid_api_key", "message": "Incorrect API key: sk-..."}}"#;
        let no_credit = br#"{"error": {"code": "insufficient_quota", "type": "insufficient_quota"}}"#;
        let key_in_code = br#"{"error": {"code": "sk-secret"}}"#;
        let code = |code: &str| Some(code.to_owned());
        for (status, body, said) in [
            (200, br#"{"data": [{}, {}]}"#.as_slice(), ProviderCheck::Takes { models: Some(2) }),
            (200, b"<html>", ProviderCheck::Takes { models: None }),
            (401, refused, ProviderCheck::Refuses { status: 401, code: code("invalid_api_key") }),
            (429, no_credit, ProviderCheck::Refuses { status: 429, code: code("insufficient_quota") }),
            (401, key_in_code, ProviderCheck::Refuses { status: 401, code: None }),
            (404, b"", ProviderCheck::ListsNothing { status: 404 }),
        ] {
            assert_eq!(read(status, body), said);
        }
    }
}
