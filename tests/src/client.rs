//! A client of the gateway that sees everything: status, headers, bytes.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::cast::Caller;
use crate::gateway::{JWT_ISSUER, JWT_SECRET};

/// Longer than any answer takes.
const TIMEOUT_SECONDS: u64 = 60;

/// A client of one gateway.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    /// `http://127.0.0.1:PORT`.
    pub url: String,
    /// Where the gateway listens.
    pub port: u16,
    bearer: Option<String>,
}

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Reply {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {self:?}"))
    }

    /// A header's text, or nothing.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// `error.code` of the body.
    pub fn code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap_or_default().to_owned()
    }

    /// The request's id in the ledger.
    pub fn usage_id(&self) -> Uuid {
        self.header("x-usage-id").expect("an answer names its usage").parse().expect("as a UUID")
    }

    /// Fails unless this is an error in OpenAI's shape that tells nothing internal.
    pub fn assert_openai_error(&self, status: u16) {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        let error = &self.json()["error"];
        let members = error.as_object().unwrap_or_else(|| panic!("no error: {self:?}"));
        for name in ["message", "type", "param", "code"] {
            assert!(members.contains_key(name), "{name} is missing: {self:?}");
        }
        assert!(error["message"].as_str().is_some_and(|text| !text.is_empty()) && error["type"].is_string());
        assert!(self.header("x-request-id").is_some(), "{self:?}");
        let text = String::from_utf8_lossy(&self.body).to_lowercase();
        for internal in [
            "octroi_private",
            "octroi_native",
            "sqlstate",
            "postgres",
            "panicked",
            "src/",
            crate::gateway::OPERATOR_KEY,
        ] {
            assert!(!text.contains(internal), "{internal} in {text}");
        }
    }
}

impl Client {
    /// A client without credentials.
    pub fn new(port: u16) -> Self {
        let timeout = Duration::from_secs(TIMEOUT_SECONDS);
        let http = reqwest::Client::builder().timeout(timeout).no_proxy().build().unwrap();
        Self { http, url: format!("http://127.0.0.1:{port}"), port, bearer: None }
    }

    /// The same client with a key or token.
    #[must_use]
    pub fn with(&self, bearer: &str) -> Self {
        Self { bearer: Some(bearer.to_owned()), ..self.clone() }
    }

    /// A request to build on.
    pub fn request(&self, method: http::Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.url));
        match &self.bearer {
            Some(bearer) => request.bearer_auth(bearer),
            None => request,
        }
    }

    /// Whether the gateway takes calls.
    pub async fn is_ready(&self) -> bool {
        self.request(http::Method::GET, "/readyz").send().await.is_ok_and(|reply| reply.status().is_success())
    }

    /// Posts JSON; the answer is read when the caller reads it.
    pub async fn open(&self, path: &str, body: &Value) -> reqwest::Response {
        self.request(http::Method::POST, path).json(body).send().await.unwrap()
    }

    /// Posts JSON and reads the whole answer.
    pub async fn post(&self, path: &str, body: &Value) -> Reply {
        read(self.open(path, body).await).await
    }

    /// Posts JSON under an idempotency key.
    pub async fn post_keyed(&self, path: &str, body: &Value, key: &str) -> Reply {
        let request = self.request(http::Method::POST, path).json(body).header("idempotency-key", key);
        read(request.send().await.unwrap()).await
    }

    /// Posts bytes as they are, as JSON.
    pub async fn post_raw(&self, path: &str, body: impl Into<reqwest::Body>) -> Reply {
        let request =
            self.request(http::Method::POST, path).header("content-type", "application/json").body(body);
        read(request.send().await.unwrap()).await
    }

    /// Gets a path.
    pub async fn get(&self, path: &str) -> Reply {
        read(self.request(http::Method::GET, path).send().await.unwrap()).await
    }
}

/// Reads an answer to its end.
pub async fn read(response: reqwest::Response) -> Reply {
    let (status, headers) = (response.status(), response.headers().clone());
    Reply { status, headers, body: response.bytes().await.unwrap() }
}

/// A short chat; `more` adds or replaces members.
pub fn chat(more: Value) -> Value {
    with(json!({ "model": "gpt-5.4-mini", "messages": [{ "role": "user", "content": "Say hello." }] }), more)
}

/// A chat whose answer has so many tokens, with the members of `more`.
pub fn asking(output_tokens: u64, more: Value) -> Value {
    let text = format!("Go on. [[output_tokens={output_tokens}]]");
    with(chat(json!({ "messages": [{ "role": "user", "content": text }] })), more)
}

/// `base` with the members of `more`.
pub fn with(mut base: Value, more: Value) -> Value {
    let members = base.as_object_mut().expect("an object");
    members.extend(more.as_object().expect("an object").clone());
    base
}

/// What a user's access token says; `more` adds or replaces claims.
pub fn claims(caller: Caller, more: Value) -> Value {
    let now = OffsetDateTime::now_utc().unix_timestamp();
    let claims = json!({
        "sub": caller.user_id, "aud": "authenticated", "role": "authenticated", "iss": JWT_ISSUER,
        "iat": now, "exp": now + 3_600, "session_id": Uuid::now_v7(), "email": "a@example.com",
    });
    with(claims, more)
}

/// An access token as Supabase Auth signs it.
pub fn token(claims: &Value, secret: &str) -> String {
    let key = EncodingKey::from_secret(secret.as_bytes());
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &key).unwrap()
}

/// A valid access token of a user.
pub fn valid_token(caller: Caller) -> String {
    token(&claims(caller, json!({})), JWT_SECRET)
}
