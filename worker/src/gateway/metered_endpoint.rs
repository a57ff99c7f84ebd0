//! What the metered endpoints share: caller, body, call, answer.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::StatusCode;
use hyper::body::{Body as _, SizeHint};
use uuid::Uuid;

use super::admission::{CallPermit, Crowded};
use super::errors::GatewayError;
use super::event_stream::EventStream;
use super::state::GatewayState;
use super::{body, headers, idempotency};
use crate::metered_call::{Answer, Caller, NewCall, WholeAnswer};
use crate::openai::{Endpoint, parse_request};
use crate::telemetry;

/// Answers one request to `endpoint`; every outcome is a response.
pub async fn answer(state: Arc<GatewayState>, endpoint: Endpoint, request: Request) -> Response {
    let request_id = Uuid::now_v7();
    let mut response = match admit(&state, endpoint, request, request_id).await {
        Ok((call, permit)) => match state.calls.start(call).await {
            Ok(answer) => respond(answer, permit),
            Err(error) => GatewayError::from_call(error, &state.pages.get().await).into_response(),
        },
        Err(error) => error.into_response(),
    };
    response.headers_mut().insert(headers::X_REQUEST_ID, headers::id(request_id));
    let status = response.status();
    metrics::counter!(telemetry::REQUESTS, "endpoint" => endpoint.as_str(), "status" => status_class(status))
        .increment(1);
    response
}

async fn admit(
    state: &GatewayState,
    endpoint: Endpoint,
    request: Request,
    request_id: Uuid,
) -> Result<(NewCall, CallPermit), GatewayError> {
    let (head, mut body) = request.into_parts();
    match before_body(state, endpoint, &head.headers, &body.size_hint()).await {
        Ok((caller, permit, max_bytes)) => {
            let _room = state.admission.admit_body(max_bytes).map_err(crowded)?;
            let bytes = match body::read(&mut body, max_bytes).await {
                Ok(bytes) => bytes,
                Err(error) => {
                    if matches!(error, GatewayError::BodyTooLarge { .. }) {
                        body::discard(&head.headers, body).await;
                    }
                    return Err(error);
                }
            };
            let call = parse(endpoint, &head.headers, &bytes, caller, request_id)?;
            Ok((call, permit))
        }
        Err(error) => {
            body::discard(&head.headers, body).await;
            Err(error)
        }
    }
}

/// Everything that can be refused without reading the body.
async fn before_body(
    state: &GatewayState,
    endpoint: Endpoint,
    headers: &http::HeaderMap,
    size: &SizeHint,
) -> Result<(Caller, CallPermit, usize), GatewayError> {
    if state.is_draining() {
        return Err(GatewayError::Draining);
    }
    let caller = state.authenticator.caller(headers, endpoint).await?;
    let max_bytes = body::check_head(headers, size, state.max_body_bytes)?;
    let permit = state.admission.admit_call(caller.account_id).map_err(crowded)?;
    Ok((caller, permit, max_bytes))
}

fn parse(
    endpoint: Endpoint,
    headers: &http::HeaderMap,
    bytes: &Bytes,
    caller: Caller,
    request_id: Uuid,
) -> Result<NewCall, GatewayError> {
    let idempotency = idempotency::read(headers, endpoint, bytes)?;
    let request = parse_request(endpoint, bytes).map_err(GatewayError::Request)?;
    Ok(NewCall { request_id, caller, request, idempotency })
}

fn respond(answer: Answer, permit: CallPermit) -> Response {
    match answer {
        Answer::Whole(whole) => {
            let WholeAnswer { request_id, status, content_type, body, standing, settlement, .. } = whole;
            let mut headers = headers::answer(request_id, content_type.as_deref());
            headers::mark_output(&mut headers, whole.output_limit, whole.is_cut_short);
            if let Some(standing) = &standing {
                headers::mark_standing(&mut headers, standing, settlement.remaining);
            }
            (headers::status(status), headers, body).into_response()
        }
        Answer::Stream { request_id, standing, output_limit, content_type, pieces } => {
            let mut headers = headers::answer(request_id, content_type.as_deref());
            headers::mark_output(&mut headers, output_limit, false);
            headers::mark_stream(&mut headers);
            if let Some(standing) = &standing {
                headers::mark_standing(&mut headers, standing, None);
            }
            (StatusCode::OK, headers, Body::new(EventStream::new(pieces, permit))).into_response()
        }
        Answer::Replay { request_id, response } => {
            let mut headers = headers::answer(request_id, Some(&response.content_type));
            headers::mark_replay(&mut headers);
            (headers::status(response.status), headers, response.body).into_response()
        }
    }
}

fn crowded(crowded: Crowded) -> GatewayError {
    match crowded {
        Crowded::Worker => GatewayError::Busy,
        Crowded::Account { limit } => GatewayError::Concurrency { limit },
    }
}

fn status_class(status: StatusCode) -> &'static str {
    match status.as_u16() {
        200..300 => "2xx",
        400..500 => "4xx",
        500.. => "5xx",
        _ => "other",
    }
}
