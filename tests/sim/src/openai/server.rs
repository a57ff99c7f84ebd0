//! One request from its headers to its answer.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http::request::Parts;
use http::{Method, Request, Response, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use serde_json::{Map, Value};
use time::OffsetDateTime;

use super::entry::Entry;
use super::errors::ApiError;
use super::faults::{self, Fault, FaultKind, Target};
use super::route::Route;
use super::script::Script;
use super::state::Sim;
use super::{chat, control, embeddings, models, responses, send};
use crate::http::{Aborted, Connection, MAX_BODY_BYTES, Responder, SimBody};
use crate::received::ReceivedRequest;

impl Responder for Sim {
    async fn respond(
        self: Arc<Self>,
        request: Request<Incoming>,
        connection: Connection,
    ) -> Result<Response<SimBody>, Aborted> {
        let (parts, body) = request.into_parts();
        if parts.uri.path().starts_with("/sim/") {
            return Ok(control::answer(&self, &parts, body).await);
        }
        self.serve(parts, body, connection).await
    }
}

/// A body that did not arrive.
enum Unread {
    TooLarge,
    ClientLeft,
}

async fn read(body: Incoming) -> Result<Bytes, Unread> {
    match Limited::new(body, MAX_BODY_BYTES).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Unread::TooLarge),
        Err(_) => Err(Unread::ClientLeft),
    }
}

impl Sim {
    async fn serve(
        self: Arc<Self>,
        parts: Parts,
        body: Incoming,
        connection: Connection,
    ) -> Result<Response<SimBody>, Aborted> {
        let arrived = Instant::now();
        let route = Route::of(&parts.method, parts.uri.path());
        let endpoint = route.as_ref().map_or("unknown", Route::endpoint);
        let mut entry = Entry::open(&self, endpoint, &parts, connection);
        if faults::take_early(&self.faults, endpoint).is_some() {
            entry.note(|entry| entry.faults.push(FaultKind::ResetBeforeBody.name()));
            entry.hang_up(true, false);
            return Err(Aborted);
        }
        let body = match read(body).await {
            Ok(body) => body,
            Err(Unread::TooLarge) => {
                let script = Script::refusal(&ApiError::too_large());
                return self.finish(entry, script, None, arrived).await;
            }
            Err(Unread::ClientLeft) => return Err(Aborted),
        };
        self.keep(&parts, &body);
        let checked = self.check(route, &parts, &body);
        let (script, fault) = match checked {
            Err(error) => (Script::refusal(&error), None),
            Ok((route, members)) => self.compose(&route, &members, &body, &entry),
        };
        self.finish(entry, script, fault, arrived).await
    }

    fn keep(&self, parts: &Parts, body: &Bytes) {
        self.received.keep(ReceivedRequest {
            method: parts.method.to_string(),
            path: parts.uri.to_string(),
            headers: parts.headers.clone(),
            body: body.clone(),
            received_at: OffsetDateTime::now_utc(),
        });
    }

    /// Everything that is wrong with a request whatever its endpoint.
    fn check(
        &self,
        route: Result<Route, ApiError>,
        parts: &Parts,
        body: &[u8],
    ) -> Result<(Route, Map<String, Value>), ApiError> {
        let text = |name: header::HeaderName| parts.headers.get(name).and_then(|value| value.to_str().ok());
        if let Some(expected) = &self.api_key {
            let key = text(header::AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer "));
            let key = key.ok_or_else(ApiError::no_key)?;
            if key.trim() != expected {
                return Err(ApiError::wrong_key());
            }
        }
        let route = route?;
        if parts.method == Method::GET {
            return Ok((route, Map::new()));
        }
        let content_type = text(header::CONTENT_TYPE).unwrap_or_default();
        if !content_type.starts_with("application/json") {
            return Err(ApiError::wrong_content_type(content_type));
        }
        let unparsable = |_| {
            let message = "We could not parse the JSON body of your request. (HINT: This likely means you \
                           aren't using your HTTP library correctly. The OpenAI API expects a JSON payload, \
                           but what was sent was not valid JSON.)";
            ApiError::invalid(message, None, None)
        };
        Ok((route, serde_json::from_slice(body).map_err(unparsable)?))
    }

    /// Composes the answer, and takes the fault that is planned for the request.
    fn compose(
        &self,
        route: &Route,
        members: &Map<String, Value>,
        body: &[u8],
        entry: &Entry,
    ) -> (Script, Option<Fault>) {
        let text = |name: &str| members.get(name).and_then(Value::as_str);
        let model = text("model");
        let stream = members.get("stream").and_then(Value::as_bool).unwrap_or(false);
        let fault = faults::take(&self.faults, &Target { endpoint: route.endpoint(), model, stream, body });
        let script = match route {
            Route::Chat => chat::answer(self, members, body),
            Route::Responses => responses::answer(self, members, body),
            Route::InputTokens => responses::input_tokens(members),
            Route::Embeddings => embeddings::answer(members),
            Route::Models => Ok(Script::plain(models::list(), Default::default())),
            Route::Model(name) => models::get(name).map(|model| Script::plain(model, Default::default())),
        };
        entry.note(|entry| {
            entry.model = model.map(str::to_owned);
            entry.stream = stream;
            entry.safety_identifier = text("safety_identifier").map(str::to_owned);
            entry.faults = fault.iter().flat_map(Fault::kinds).map(FaultKind::name).collect();
        });
        (script.unwrap_or_else(|error| Script::refusal(&error)), fault)
    }

    /// Sends the answer, as far as the fault lets it.
    async fn finish(
        self: Arc<Self>,
        mut entry: Entry,
        script: Script,
        fault: Option<Fault>,
        arrived: Instant,
    ) -> Result<Response<SimBody>, Aborted> {
        let kinds: Vec<&FaultKind> = fault.iter().flat_map(Fault::kinds).collect();
        let script = kinds.iter().fold(script, |script, kind| faults::edit(script, kind));
        entry.plan(&script);
        for kind in kinds {
            if let FaultKind::HangUp { reset, charged } = kind {
                entry.hang_up(*reset, *charged);
                return Err(Aborted);
            }
            if let FaultKind::StallBeforeHeaders { for_ms } = kind {
                send::hold(&self, *for_ms).await;
            }
        }
        if !script.streamed && !script.is_refusal() {
            send::think(&self).await;
        }
        Ok(send::response(&self, entry, &script, fault.as_ref(), arrived))
    }
}
