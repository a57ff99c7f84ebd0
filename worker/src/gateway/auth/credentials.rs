//! What a request shows to say who it comes from.

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::jwt::MAX_TOKEN_BYTES;
use crate::gateway::errors::GatewayError;

const KEY_PREFIX: &str = "sk-oct-";
/// Longest key looked up, bytes.
const MAX_KEY_BYTES: usize = 256;
const ORGANIZATION: HeaderName = HeaderName::from_static("openai-organization");

/// A bearer, not yet believed.
pub(super) enum Credentials<'a> {
    /// An Octroi key; it belongs to one account, so `OpenAI-Organization` means nothing beside it.
    Key(&'a str),
    /// An access token, and the account its user wants to act for; none is the personal one.
    Token { token: &'a str, account_id: Option<Uuid> },
}

impl<'a> Credentials<'a> {
    /// Reads `Authorization` and `OpenAI-Organization`.
    pub fn read(headers: &'a HeaderMap) -> Result<Self, GatewayError> {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let value = values.next().ok_or(GatewayError::MissingCredentials)?;
        if values.next().is_some() {
            return Err(GatewayError::InvalidCredentials);
        }
        let text = value.to_str().map_err(|_| GatewayError::InvalidCredentials)?;
        let (scheme, bearer) = text.split_once(' ').ok_or(GatewayError::MissingCredentials)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(GatewayError::MissingCredentials);
        }
        let bearer = bearer.trim();
        if bearer.starts_with(KEY_PREFIX) && bearer.len() <= MAX_KEY_BYTES {
            return Ok(Self::Key(bearer));
        }
        if bearer.len() <= MAX_TOKEN_BYTES && bearer.bytes().filter(|byte| *byte == b'.').count() == 2 {
            return Ok(Self::Token { token: bearer, account_id: wanted_account(headers)? });
        }
        Err(GatewayError::InvalidCredentials)
    }

    /// A name for these credentials in caches; for a key, the hash by which the database knows it.
    pub fn sha256(&self) -> [u8; 32] {
        match self {
            Self::Key(key) => Sha256::digest(key.as_bytes()).into(),
            Self::Token { token, account_id } => Sha256::new()
                .chain_update(token.as_bytes())
                .chain_update(account_id.unwrap_or_default().as_bytes())
                .finalize()
                .into(),
        }
    }
}

fn wanted_account(headers: &HeaderMap) -> Result<Option<Uuid>, GatewayError> {
    let Some(value) = headers.get(ORGANIZATION) else { return Ok(None) };
    let account_id = value
        .to_str()
        .ok()
        .and_then(|text| Uuid::try_parse(text).ok())
        .filter(|account_id| !account_id.is_nil());
    account_id.map(Some).ok_or(GatewayError::NotAMember)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn bearing(authorization: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_static(authorization))])
    }

    #[test]
    fn a_key_is_known_by_the_hash_of_its_whole_text() {
        let headers = bearing("bearer sk-oct-abc");
        let credentials = Credentials::read(&headers);
        let hash: [u8; 32] = Sha256::digest(b"sk-oct-abc").into();
        assert!(credentials.is_ok_and(|credentials| credentials.sha256() == hash));
    }

    #[test]
    fn a_token_for_another_account_is_another_caller() {
        let personal = bearing("Bearer a.b.c");
        let mut team = personal.clone();
        team.insert(ORGANIZATION, HeaderValue::from_static("00000000-0000-0000-0000-000000000001"));
        let of =
            |headers: &HeaderMap| Credentials::read(headers).map(|credentials| credentials.sha256()).ok();
        assert!(of(&personal).is_some());
        assert_ne!(of(&personal), of(&team));
    }

    #[test]
    fn what_is_neither_key_nor_token_is_refused_alike() {
        for text in ["Bearer sk-proj-abc", "Bearer a.b", "Bearer ", "Bearer a.b.c.d"] {
            assert!(
                matches!(Credentials::read(&bearing(text)), Err(GatewayError::InvalidCredentials)),
                "{text}"
            );
        }
        for text in ["Basic a.b.c", "sk-oct-abc"] {
            assert!(
                matches!(Credentials::read(&bearing(text)), Err(GatewayError::MissingCredentials)),
                "{text}"
            );
        }
        assert!(matches!(Credentials::read(&HeaderMap::new()), Err(GatewayError::MissingCredentials)));
    }

    #[test]
    fn two_bearers_are_not_one() {
        let mut headers = bearing("Bearer sk-oct-abc");
        headers.append(AUTHORIZATION, HeaderValue::from_static("Bearer sk-oct-abd"));
        assert!(matches!(Credentials::read(&headers), Err(GatewayError::InvalidCredentials)));
    }
}
