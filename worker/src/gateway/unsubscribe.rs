//! `/unsubscribe/{token}`: the link in a warning or in news, for people (GET, then a button) and for mail programs (POST, RFC 8058).
//!
//! Whoever holds the token may take that consent back and do nothing else, so nobody is asked to sign in. GET changes nothing:
//! mail filters follow every link.

use std::sync::Arc;

use askama::Template;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::header::{
    ACCEPT_LANGUAGE, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, REFERRER_POLICY,
    RETRY_AFTER, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, StatusCode};

use super::errors::{GatewayError, OUTAGE_RETRY_SECONDS};
use super::state::GatewayState;
use crate::database::{DatabaseError, MailPurpose, Unsubscription};
use crate::mail::{Language, PhraseError};

/// Longest token, in bytes.
const TOKEN_BYTES_MAX: usize = 200;
/// No script, no style, no image; the form leads back here; nobody frames it.
const POLICY: &str = "default-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
const X_ROBOTS_TAG: HeaderName = HeaderName::from_static("x-robots-tag");

#[derive(Template)]
#[template(path = "unsubscribe.html")]
struct Page {
    language: Language,
    title: String,
    text: String,
    button: Option<String>,
}

/// What the page is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Question(MailPurpose),
    Done(MailPurpose),
    Unknown,
    Away,
}

/// Shows where the holder of the token stands, with a button.
///
/// # Errors
/// 500 as a [`GatewayError`].
pub async fn show(
    State(state): State<Arc<GatewayState>>,
    token: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, GatewayError> {
    answer(&state, token, &headers, false).await
}

/// Takes the consent back.
///
/// # Errors
/// 500 as a [`GatewayError`].
pub async fn act(
    State(state): State<Arc<GatewayState>>,
    token: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, GatewayError> {
    // What the body says (List-Unsubscribe=One-Click) is what the method says.
    super::body::discard(&headers, body).await;
    answer(&state, token, &headers, true).await
}

async fn answer(
    state: &GatewayState,
    token: Result<Path<String>, PathRejection>,
    headers: &HeaderMap,
    act: bool,
) -> Result<Response, GatewayError> {
    let preferred = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let preferred = Language::from_tag(preferred.split([',', ';']).next().unwrap_or_default().trim());
    let (told, language) = match look(state, token, act).await {
        Ok(Some(Unsubscription { locale, is_unsubscribed, purpose, .. })) => {
            let told = if is_unsubscribed { Told::Done(purpose) } else { Told::Question(purpose) };
            (told, Language::from_tag(&locale))
        }
        Ok(None) => (Told::Unknown, preferred),
        Err(error) => {
            tracing::warn!(%error, "unsubscribing failed");
            (Told::Away, preferred)
        }
    };
    let page = page(state, told, language).map_err(|error| {
        tracing::error!(%error, "the unsubscribe page cannot be said");
        GatewayError::Internal
    })?;
    let html = page.render().map_err(|_| GatewayError::Internal)?;
    Ok(respond(told, html))
}

async fn look(
    state: &GatewayState,
    token: Result<Path<String>, PathRejection>,
    act: bool,
) -> Result<Option<Unsubscription>, DatabaseError> {
    let plain =
        |token: &str| token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte));
    match token {
        Ok(Path(token)) if token.len() <= TOKEN_BYTES_MAX && plain(&token) => {
            let standing = state.database.unsubscribe(&token, act).await?;
            Ok(standing.found.then_some(standing))
        }
        _ => Ok(None),
    }
}

fn page(state: &GatewayState, told: Told, language: Language) -> Result<Page, PhraseError> {
    let say = |phrase: &str| state.phrases.say(language, phrase, &[]);
    use MailPurpose::{News, UsageAlerts};
    let (title, text, button) = match told {
        Told::Question(UsageAlerts) => ("page-title", "page-question", Some("page-button")),
        Told::Question(News) => ("page-news-title", "page-news-question", Some("page-news-button")),
        Told::Done(UsageAlerts) => ("page-title", "page-done", None),
        Told::Done(News) => ("page-news-title", "page-news-done", None),
        Told::Unknown => ("page-title", "page-unknown", None),
        Told::Away => ("page-title", "page-away", None),
    };
    Ok(Page { language, title: say(title)?, text: say(text)?, button: button.map(say).transpose()? })
}

fn respond(told: Told, html: String) -> Response {
    let status = match told {
        Told::Question(_) | Told::Done(_) => StatusCode::OK,
        Told::Unknown => StatusCode::NOT_FOUND,
        Told::Away => StatusCode::SERVICE_UNAVAILABLE,
    };
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (CACHE_CONTROL, "no-store"),
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_ROBOTS_TAG, "noindex"),
    ];
    let mut response = (status, headers, html).into_response();
    if told == Told::Away {
        response.headers_mut().insert(RETRY_AFTER, OUTAGE_RETRY_SECONDS.into());
    }
    response
}
