//! The webhook door as the edge function is one, without its signatures: those have tests of their own.

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Map, Value, json};
use sqlx::PgPool;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

use crate::edge_function::EdgeFunction;
use crate::stage::Stage;

/// A door; closed when dropped.
#[derive(Debug)]
pub struct Door {
    /// Where Stripe knocks.
    pub url: String,
    pub(super) server: AbortHandle,
    /// The edge function, where that is the door.
    pub(super) _function: Option<EdgeFunction>,
}

impl Door {
    /// Opens a door to the inbox of a stage.
    pub async fn open(stage: &Stage) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/stripe-webhook", listener.local_addr().unwrap());
        let router = Router::new().route("/stripe-webhook", post(take)).with_state(stage.pool.clone());
        let server = tokio::spawn(async { axum::serve(listener, router).await }).abort_handle();
        Self { url, server, _function: None }
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn take(State(pool): State<PgPool>, Json(event): Json<Value>) -> StatusCode {
    let query = sqlx::query_scalar::<_, String>("select r.state from octroi.receive_stripe_events($1) as r");
    match query.bind(json!([trimmed(&event)])).fetch_one(&pool).await {
        Ok(state) if state == "refused" => StatusCode::BAD_REQUEST,
        Ok(_) => StatusCode::OK,
        Err(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// Only what names the object.
fn trimmed(event: &Value) -> Value {
    let thin = &event["related_object"];
    let object: Map<String, Value> = if thin.is_object() {
        Map::from_iter([("object".to_owned(), thin["type"].clone()), ("id".to_owned(), thin["id"].clone())])
    } else {
        let whole = &event["data"]["object"];
        let names = ["object", "id", "customer", "charge", "payment_intent", "subscription"];
        names.into_iter().map(|name| (name.to_owned(), whole[name].clone())).collect()
    };
    json!({
        "id": event["id"], "type": event["type"], "created": event["created"],
        "api_version": event["api_version"], "livemode": event["livemode"], "object": object,
    })
}
