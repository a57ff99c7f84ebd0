//! Which path leads where.

use std::any::Any;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use tower_http::catch_panic::CatchPanicLayer;
use uuid::Uuid;

use super::errors::GatewayError;
use super::state::GatewayState;
use super::{
    chat_completions, cors, embeddings, headers, health, models, privacy_export, responses, security_headers,
    unsubscribe,
};

/// The API with its probes.
pub fn api(state: Arc<GatewayState>) -> Router {
    // The metered paths set their own request id: it is the id of the reservation.
    let metered = Router::new()
        .route("/v1/chat/completions", only("POST", post(chat_completions::create)))
        .route("/v1/responses", only("POST", post(responses::create)))
        .route("/v1/embeddings", only("POST", post(embeddings::create)));
    let unmetered = Router::new()
        .route("/v1/models", only("GET", get(models::list)))
        .route("/v1/models/{*id}", only("GET", get(models::retrieve)))
        .route("/unsubscribe/{token}", only("GET and POST", get(unsubscribe::show).post(unsubscribe::act)))
        .route("/privacy/export/{token}", only("GET", get(privacy_export::download)))
        .route("/livez", only("GET", get(health::livez)))
        .route("/readyz", only("GET", get(health::readyz)))
        .route("/metrics", only("GET", get(health::metrics)));
    metered
        .merge(unmetered)
        .fallback(unknown_path)
        .layer(CatchPanicLayer::custom(panicked))
        .layer(cors::layer(&state))
        .layer(from_fn(with_request_id))
        .layer(from_fn(security_headers::add))
        .with_state(state)
}

/// The operator's own listener: metrics and nothing else.
pub fn operator(state: Arc<GatewayState>) -> Router {
    Router::new().route("/metrics", get(health::scrape)).fallback(unknown_path).with_state(state)
}

async fn unknown_path(request: Request) -> Response {
    refuse(request, GatewayError::UnknownPath).await
}

/// The routes of one path, and for every other method which ones it takes.
fn only(allowed: &'static str, routes: MethodRouter<Arc<GatewayState>>) -> MethodRouter<Arc<GatewayState>> {
    routes.fallback(move |request| refuse(request, GatewayError::MethodNotAllowed { allowed }))
}

async fn refuse(request: Request, error: GatewayError) -> Response {
    let (head, body) = request.into_parts();
    super::body::discard(&head.headers, body).await;
    error.into_response()
}

async fn with_request_id(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response.headers_mut().entry(headers::X_REQUEST_ID).or_insert_with(|| headers::id(Uuid::now_v7()));
    response
}

fn panicked(_: Box<dyn Any + Send + 'static>) -> Response {
    tracing::error!("a handler panicked");
    GatewayError::Internal.into_response()
}
