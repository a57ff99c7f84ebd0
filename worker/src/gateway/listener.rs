//! Connections: how many, how long a head may take, how they end.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::write_stall::WriteStall;

/// Longest a connection may go without a complete request head, seconds; idle keep-alive counts too. Longer than the
/// pools of the OpenAI SDKs keep an idle connection, so that it is they who close it.
const HEAD_TIMEOUT_SECONDS: u64 = 75;
/// Most bytes of a request head; more is answered 431.
const MAX_HEAD_BYTES: usize = 32_768;
/// Most bytes read from a connection at once.
const READ_BUFFER_BYTES: usize = 65_536;
/// Pause after a failed accept (out of file descriptors), milliseconds.
const ACCEPT_PAUSE_MILLISECONDS: u64 = 100;

/// The two steps of the end: first connections close after the response they are at, then no new ones are accepted.
#[derive(Clone)]
pub struct Stopping {
    /// Keep-alive ends.
    pub draining: CancellationToken,
    /// The listener closes.
    pub closed: CancellationToken,
}

/// Serves `router` on `listener` until it is closed, and then waits for the connections that are busy.
///
/// At most `max_connections` are open; further ones wait in the kernel's backlog.
pub async fn serve(listener: TcpListener, router: Router, max_connections: usize, stopping: Stopping) {
    let places = Arc::new(Semaphore::new(max_connections));
    let connections = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            () = stopping.closed.cancelled() => break,
            accepted = accept(&listener, &places) => accepted,
        };
        if let Some((stream, place)) = accepted {
            let draining = stopping.draining.clone();
            connections.spawn(serve_connection(stream, place, router.clone(), draining));
        }
    }
    drop(listener);
    connections.close();
    connections.wait().await;
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => Some((stream, place)),
        Err(error) => {
            tracing::warn!(%error, "accepting a connection failed");
            tokio::time::sleep(Duration::from_millis(ACCEPT_PAUSE_MILLISECONDS)).await;
            None
        }
    }
}

async fn serve_connection(
    stream: TcpStream,
    place: OwnedSemaphorePermit,
    router: Router,
    draining: CancellationToken,
) {
    // Small frames of a stream must not wait for each other; without this option they only arrive later.
    let _ = stream.set_nodelay(true);
    // A probe that connects during the drain gets its answer; closing at once would hide why the worker is not ready.
    let late = draining.is_cancelled();
    let connection = http1::Builder::new()
        .keep_alive(!late)
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(HEAD_TIMEOUT_SECONDS))
        .max_header_size(MAX_HEAD_BYTES)
        .max_buf_size(READ_BUFFER_BYTES)
        .serve_connection(TokioIo::new(WriteStall::new(stream)), TowerToHyperService::new(router));
    let mut connection = std::pin::pin!(connection);
    let result = tokio::select! {
        biased;
        result = connection.as_mut() => result,
        () = draining.cancelled(), if !late => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, "a connection ended early");
    }
    drop(place);
}
