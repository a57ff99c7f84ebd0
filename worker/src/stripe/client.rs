//! The one HTTP client that talks to Stripe.
//!
//! No redirect is followed and no proxy variable read: the key goes to the configured host and nowhere else.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, USER_AGENT};
use reqwest::{Client, Method};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use stripe_client_core::{
    CustomizedStripeRequest, IdempotencyKey, RequestBuilder, RequestStrategy, StripeClient, StripeMethod,
    StripeRequest,
};
use tokio::sync::Semaphore;

use super::API_VERSION;
use super::answer::{broken, read};
use super::error::StripeError;
use super::retry::{Failed, pause_after};
use crate::config::StripeConfig;

/// Name resolution, TCP and TLS, in seconds.
const CONNECT_SECONDS: u64 = 10;
/// An idle connection is dropped before Stripe's edge drops it, in seconds.
const IDLE_SECONDS: u64 = 60;

/// The way to Stripe. Cheap to clone; clones share connections and places.
#[derive(Clone, Debug)]
pub struct Stripe {
    http: Client,
    api_base: Arc<str>,
    places: Arc<Semaphore>,
    is_live: bool,
}

/// A call as it goes over the wire.
#[derive(Clone, Copy)]
struct Call<'c> {
    method: StripeMethod,
    url: &'c str,
    body: Option<&'c str>,
    key: Option<&'c IdempotencyKey>,
}

impl Stripe {
    /// Builds the client. No connection is made yet.
    ///
    /// # Errors
    /// [`StripeError::Unreadable`] when the key cannot stand in a header or TLS cannot be set up.
    pub fn new(settings: &StripeConfig) -> Result<Self, StripeError> {
        let http = settings
            .outbound
            .http_client()
            .connect_timeout(Duration::from_secs(CONNECT_SECONDS).min(settings.timeout))
            .timeout(settings.timeout)
            .pool_idle_timeout(Duration::from_secs(IDLE_SECONDS))
            .tcp_nodelay(true)
            .default_headers(default_headers(&settings.secret_key)?)
            .build()
            .map_err(|_| StripeError::Unreadable("the HTTP client could not be built".to_owned()))?;
        let key = settings.secret_key.expose_secret();
        Ok(Self {
            http,
            api_base: Arc::from(settings.api_base.as_str()),
            places: Arc::new(Semaphore::new(settings.concurrency)),
            is_live: key.starts_with("sk_live_") || key.starts_with("rk_live_"),
        })
    }

    /// Whether the key moves real money.
    pub fn is_live(&self) -> bool {
        self.is_live
    }

    /// Asks for something that changes nothing.
    pub(super) async fn get<R>(&self, request: &R) -> Result<R::Output, StripeError>
    where
        R: StripeRequest,
        R::Output: miniserde::Deserialize,
    {
        request.customize().send(self).await
    }

    /// Makes a change under a key that is made from a row of ours: however often it is sent, it is made once.
    pub(super) async fn change<R>(&self, request: &R, key: &str) -> Result<R::Output, StripeError>
    where
        R: StripeRequest,
        R::Output: miniserde::Deserialize,
    {
        let key = IdempotencyKey::new(key).map_err(|_| StripeError::NoKey)?;
        request.customize().request_strategy(RequestStrategy::Idempotent(key)).send(self).await
    }

    /// Reads JSON from a path that async-stripe has no type for, API v2 included.
    pub(super) async fn read<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &impl serde::Serialize,
    ) -> Result<T, StripeError> {
        let request = RequestBuilder::new(StripeMethod::Get, path).query(query);
        let bytes = self.send(&request, None).await?;
        serde_json::from_slice(&bytes).map_err(|error| StripeError::Unreadable(error.to_string()))
    }

    /// Sends a call until it succeeds, fails for good, or has been sent often enough.
    pub(super) async fn send(
        &self,
        request: &RequestBuilder,
        key: Option<&IdempotencyKey>,
    ) -> Result<Bytes, StripeError> {
        if matches!(request.method, StripeMethod::Post) && key.is_none() {
            return Err(StripeError::NoKey);
        }
        // Ids of objects stand in paths. One with other characters names nothing, and must not name another path.
        if !request.path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/_-.".contains(&byte)) {
            return Err(StripeError::Unnamed);
        }
        let mut url = format!("{}{}", self.api_base, versioned(&request.path));
        if let Some(query) = request.query.as_deref().filter(|query| !query.is_empty()) {
            url.push('?');
            url.push_str(query);
        }
        let call = Call { method: request.method, url: &url, body: request.body.as_deref(), key };
        let mut outcome_unknown = None;
        let mut attempt = 1;
        loop {
            let failed = match self.attempt(call).await {
                Ok(bytes) => return Ok(bytes),
                Err(failed) => failed,
            };
            tracing::debug!(path = request.path, attempt, error = %failed.error, "a call to Stripe failed");
            if failed.error.outcome_is_unknown() {
                outcome_unknown = Some(failed.error.clone());
            }
            let Some(pause) = pause_after(&failed, attempt) else {
                // What an earlier attempt may have done, a later one that was not taken does not undo.
                return Err(match (outcome_unknown, failed.error) {
                    (Some(unknown), error) if error.was_not_taken() => unknown,
                    (_, error) => error,
                });
            };
            tokio::time::sleep(pause).await;
            attempt += 1;
        }
    }

    async fn attempt(&self, call: Call<'_>) -> Result<Bytes, Failed> {
        // Never closed, so it is only ever waited for.
        let _place = self.places.acquire().await;
        let method = match call.method {
            StripeMethod::Get => Method::GET,
            StripeMethod::Post => Method::POST,
            StripeMethod::Delete => Method::DELETE,
        };
        let mut request = self.http.request(method, call.url);
        if let Some(body) = call.body {
            request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(body.to_owned());
        }
        if let Some(key) = call.key {
            request = request.header("idempotency-key", key.as_str());
        }
        match request.send().await {
            Ok(response) => read(response).await,
            Err(error) => Err(broken(&error)),
        }
    }
}

impl StripeClient for Stripe {
    type Err = StripeError;

    async fn execute(&self, request: CustomizedStripeRequest) -> Result<Bytes, StripeError> {
        let (request, overrides) = request.into_pieces();
        let key = overrides.request_strategy.as_ref().and_then(RequestStrategy::get_key);
        self.send(&request, key.as_ref()).await
    }
}

/// async-stripe leaves `/v1` out of its paths.
fn versioned(path: &str) -> String {
    if path.starts_with("/v2/") { path.to_owned() } else { format!("/v1{path}") }
}

fn default_headers(secret_key: &SecretString) -> Result<HeaderMap, StripeError> {
    let mut authorization = HeaderValue::try_from(format!("Bearer {}", secret_key.expose_secret()))
        .map_err(|_| StripeError::Unreadable("the key cannot stand in a header".to_owned()))?;
    authorization.set_sensitive(true);
    let version = HeaderValue::try_from(API_VERSION.to_string())
        .map_err(|_| StripeError::Unreadable("the API version cannot stand in a header".to_owned()))?;
    let user_agent = HeaderValue::from_static(concat!("octroi/", env!("CARGO_PKG_VERSION")));
    Ok(HeaderMap::from_iter([
        (AUTHORIZATION, authorization),
        (reqwest::header::HeaderName::from_static("stripe-version"), version),
        (USER_AGENT, user_agent),
    ]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> StripeConfig {
        StripeConfig {
            api_base: "http://127.0.0.1:9".to_owned(),
            secret_key: SecretString::from("rk_live_51secret"),
            timeout: Duration::from_secs(1),
            concurrency: 2,
            outbound: crate::outbound::Outbound::default(),
        }
    }

    #[test]
    fn the_key_is_in_no_debug_output() {
        let stripe = Stripe::new(&settings()).unwrap();
        assert!(stripe.is_live());
        assert!(!format!("{stripe:?} {:?}", settings()).contains("51secret"));
    }

    #[tokio::test]
    async fn a_change_without_a_key_is_never_sent() {
        let stripe = Stripe::new(&settings()).unwrap();
        let request = RequestBuilder::new(StripeMethod::Post, "/customers");
        assert_eq!(stripe.send(&request, None).await, Err(StripeError::NoKey));
    }

    #[tokio::test]
    async fn nobody_there_is_told_apart_from_an_unknown_outcome() {
        let stripe = Stripe::new(&settings()).unwrap();
        let request = RequestBuilder::new(StripeMethod::Get, "/customers");
        assert_eq!(stripe.send(&request, None).await, Err(StripeError::Unreachable));
    }
}
