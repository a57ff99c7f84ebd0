//! What a request is, once it is read and let in.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::request::Parts;
use http::{HeaderMap, Method, header};
use serde_json::{Map, Value};

use super::VERSION;
use super::endpoint::Endpoint;
use super::errors::ApiError;
use super::form;
use super::state::Sim;

/// A request to an endpoint.
#[derive(Debug)]
pub struct Call {
    pub endpoint: Endpoint,
    pub members: Map<String, Value>,
    pub key: Option<String>,
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

impl Call {
    /// Lets a request in: its caller, its version, its path and its parameters.
    pub fn read(sim: &Sim, parts: &Parts, body: &[u8]) -> Result<Self, ApiError> {
        authenticate(sim, &parts.headers)?;
        if let Some(version) = text(&parts.headers, "stripe-version").filter(|version| *version != VERSION) {
            return Err(ApiError::wrong_version(version));
        }
        let endpoint = Endpoint::of(&parts.method, parts.uri.path())?;
        let mut members = form::decode(parts.uri.query().unwrap_or_default())?;
        let form =
            std::str::from_utf8(body).map_err(|_| ApiError::impossible("Invalid UTF-8 in the body"))?;
        members.extend(form::decode(form)?);
        // Only what changes something can be done twice.
        let key = text(&parts.headers, "idempotency-key").filter(|_| parts.method == Method::POST);
        Ok(Self { endpoint, members, key: key.map(str::to_owned) })
    }

    /// Everything that must be the same when the idempotency key is used again.
    pub fn fingerprint(&self, parts: &Parts) -> String {
        format!("{} {} {}", parts.method, parts.uri.path(), Value::Object(self.members.clone()))
    }
}

/// The key comes as a bearer token, or as the user name of basic authentication.
fn authenticate(sim: &Sim, headers: &HeaderMap) -> Result<(), ApiError> {
    let given = text(headers, header::AUTHORIZATION.as_str()).ok_or_else(ApiError::no_key)?;
    let (scheme, credentials) = given.split_once(' ').ok_or_else(ApiError::no_key)?;
    let key = if scheme.eq_ignore_ascii_case("bearer") {
        credentials.trim().to_owned()
    } else if scheme.eq_ignore_ascii_case("basic") {
        let decoded = STANDARD.decode(credentials.trim()).map_err(|_| ApiError::no_key())?;
        let decoded = String::from_utf8(decoded).map_err(|_| ApiError::no_key())?;
        decoded.split(':').next().unwrap_or_default().to_owned()
    } else {
        return Err(ApiError::no_key());
    };
    match &sim.secret_key {
        Some(expected) if key != *expected => Err(ApiError::wrong_key()),
        _ if key.is_empty() => Err(ApiError::no_key()),
        _ => Ok(()),
    }
}
