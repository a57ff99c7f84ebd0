//! The OpenAI-compatible gateway.
//!
//! A request passes [`auth`] (who), admission (room), [`body`](self) (size, type, time), the endpoint's parser in
//! `openai`, and then belongs to `metered_call`. No rule about money, limits or periods is here: verdicts come from SQL
//! and are put into words by [`errors`].

mod admission;
pub mod auth;
mod body;
mod chat_completions;
mod cors;
mod embeddings;
pub mod errors;
mod event_stream;
mod headers;
mod health;
mod idempotency;
mod known_pages;
mod listener;
mod metered_endpoint;
mod models;
mod privacy_export;
mod responses;
mod router;
mod security_headers;
mod state;
mod unsubscribe;
mod write_stall;

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub use errors::GatewayError;
pub use known_pages::KnownPages;
pub use state::GatewayState;

use listener::Stopping;

/// Connections of the operator's metrics listener.
const MAX_OPERATOR_CONNECTIONS: usize = 16;
/// Time for the last responses to reach their clients after every call has ended, seconds.
const LAST_RESPONSES_SECONDS: u64 = 5;

/// Serves the API on `public`, and metrics on `operator` if there is one, until `shutdown`.
///
/// Then new calls are refused with 503 and `/readyz` says so, idle connections are closed, and calls under way have
/// `drain` to finish; what is left after that is settled as far as it came.
pub async fn serve(
    state: Arc<GatewayState>,
    public: TcpListener,
    operator: Option<TcpListener>,
    max_connections: usize,
    drain: Duration,
    shutdown: CancellationToken,
) {
    let closed = CancellationToken::new();
    let stopping = Stopping { draining: shutdown.clone(), closed: closed.clone() };
    let api = listener::serve(public, router::api(Arc::clone(&state)), max_connections, stopping.clone());
    let metrics = async {
        if let Some(operator) = operator {
            let router = router::operator(Arc::clone(&state));
            listener::serve(operator, router, MAX_OPERATOR_CONNECTIONS, stopping.clone()).await;
        }
    };
    let stop = async {
        shutdown.cancelled().await;
        state.start_draining();
        state.calls.drain(drain).await;
        closed.cancel();
    };
    let refusals = state.authenticator.refusals().flush_until(&state.database, closed.clone());
    let served = async { tokio::join!(api, metrics, refusals) };
    tokio::pin!(served);
    tokio::select! {
        _ = &mut served => {}
        () = stop => {
            // Clients that do not read their last response are not waited for.
            let _ = tokio::time::timeout(Duration::from_secs(LAST_RESPONSES_SECONDS), served).await;
        }
    }
}
