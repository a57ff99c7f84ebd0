//! The edge function itself as the webhook door, under Deno as the local stack runs it, and behind it as much of a Data
//! API as it needs: one function, for the secret key, as `service_role`.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use axum::{Json, Router};
use reqwest::Response;
use serde_json::{Value, json};
use sqlx::PgPool;
use tokio::net::TcpListener;

use super::Shop;
use super::door::Door;
use crate::edge_function::EdgeFunction;
use crate::stage::Stage;

/// The project's secret key.
const SECRET_KEY: &str = "sb_secret_of_the_project";

impl Door {
    /// Runs supabase/functions/stripe-webhook with these signing secrets.
    pub async fn run_function(stage: &Stage, secrets: &[String]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let api = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new()
            .route("/rest/v1/rpc/receive_stripe_events", post(call))
            .with_state(stage.pool.clone());
        let server = tokio::spawn(async { axum::serve(listener, router).await }).abort_handle();
        let keys = json!({ "default": SECRET_KEY }).to_string();
        let secrets = secrets.join(",");
        let variables = [
            ("SUPABASE_URL", api.as_str()),
            ("SUPABASE_SECRET_KEYS", &keys),
            ("STRIPE_WEBHOOK_SECRETS", &secrets),
        ];
        let function = EdgeFunction::run("stripe-webhook", &variables).await;
        Self { url: function.url.clone(), server, _function: Some(function) }
    }
}

/// What PostgREST answers to this call.
async fn call(
    State(pool): State<PgPool>,
    headers: HeaderMap,
    Json(arguments): Json<Value>,
) -> (StatusCode, Json<Value>) {
    if headers.get("apikey").is_none_or(|key| key != SECRET_KEY)
        || headers.get("content-profile").is_none_or(|profile| profile != "octroi")
    {
        return (StatusCode::UNAUTHORIZED, Json(json!({ "message": "Invalid API key" })));
    }
    match receive(&pool, &arguments["events"]).await {
        Ok(verdicts) => (StatusCode::OK, Json(json!(verdicts))),
        Err(error) => match error.as_database_error() {
            Some(said) => {
                let body = json!({ "code": said.code(), "message": said.message() });
                (StatusCode::BAD_REQUEST, Json(body))
            }
            None => (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "message": error.to_string() }))),
        },
    }
}

async fn receive(pool: &PgPool, events: &Value) -> Result<Vec<Value>, sqlx::Error> {
    let mut transaction = pool.begin().await?;
    sqlx::query("set local role service_role").execute(&mut *transaction).await?;
    let query = sqlx::query_scalar("select to_jsonb(r) from octroi.receive_stripe_events($1) as r");
    let verdicts = query.bind(events).fetch_all(&mut *transaction).await?;
    transaction.commit().await?;
    Ok(verdicts)
}

impl Shop<'_> {
    /// Brings a body to the door as somebody would who may not be Stripe; the answer's status.
    pub async fn knock(&self, signature: Option<&str>, body: impl Into<String>) -> u16 {
        let request = self.dashboard.post(&self.door.url).body(body.into());
        let request = match signature {
            Some(signature) => request.header("stripe-signature", signature),
            None => request,
        };
        let answered: Response = request.send().await.unwrap();
        answered.status().as_u16()
    }
}
