//! A load generator that costs little: ready-made requests over kept-alive connections, one thread for all.

mod answer;
mod connection;
mod streams;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use tokio::runtime::Builder;
use tokio::task::JoinSet;

use crate::window::{Work, percentile};

pub use connection::Connection;
pub use streams::streams;

/// Requests of each connection before the clock starts.
const WARM_UP_REQUESTS: usize = 3;
/// How long a server may refuse before it counts as broken, and how often it is asked.
const READY_SECONDS: u64 = 60;
const ASKED_EVERY_MS: u64 = 50;

/// A request as it goes over the wire.
#[derive(Debug, Clone)]
pub struct Request(Bytes);

impl Request {
    /// A GET without a body.
    pub fn get(path: &str) -> Self {
        Self(format!("GET {path} HTTP/1.1\r\nhost: bench\r\n\r\n").into())
    }

    /// A POST of JSON, with more header lines that each end in CRLF.
    pub fn post(path: &str, headers: &str, body: &str) -> Self {
        let length = body.len();
        Self(
            format!(
                "POST {path} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\n{headers}content-length: {length}\r\n\r\n{body}"
            )
            .into(),
        )
    }
}

/// Sends requests for `window` over so many connections, each taking the next of `requests`.
pub async fn requests(
    address: SocketAddr,
    requests: &[Request],
    connections: usize,
    window: Duration,
) -> Result<Work> {
    let requests: Arc<[Request]> = requests.into();
    on_own_thread(async move || {
        let mut tasks = JoinSet::new();
        for number in 0..connections {
            let request = requests.get(number % requests.len()).cloned().context("no request was given")?;
            tasks.spawn(async move { one_connection(address, request, window).await });
        }
        let mut latencies_us = Vec::new();
        let mut seconds: f64 = 0.0;
        while let Some(done) = tasks.join_next().await {
            let (latencies, took) = done??;
            latencies_us.extend(latencies);
            seconds = seconds.max(took);
        }
        latencies_us.sort_by(f64::total_cmp);
        Ok(Work {
            operations: latencies_us.len() as f64,
            seconds,
            p50_us: percentile(&latencies_us, 50.0),
            p99_us: percentile(&latencies_us, 99.0),
        })
    })
    .await
}

async fn one_connection(address: SocketAddr, request: Request, window: Duration) -> Result<(Vec<f64>, f64)> {
    let mut connection = Connection::open(address).await?;
    for _ in 0..WARM_UP_REQUESTS {
        connection.answer(&request).await?;
    }
    let started = Instant::now();
    let mut latencies_us = Vec::new();
    while started.elapsed() < window {
        let asked = Instant::now();
        connection.answer(&request).await?;
        latencies_us.push(asked.elapsed().as_secs_f64() * 1e6);
    }
    Ok((latencies_us, started.elapsed().as_secs_f64()))
}

/// The body of one answer.
pub async fn fetch(address: SocketAddr, request: Request) -> Result<Vec<u8>> {
    let mut connection = Connection::open(address).await?;
    connection.whole_answer(&request).await
}

/// Asks until the answer is 200.
pub async fn until_ok(address: SocketAddr, request: Request, otherwise: &str) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(READY_SECONDS);
    loop {
        match fetch(address, request.clone()).await {
            Ok(_) => return Ok(()),
            Err(error) if Instant::now() > deadline => bail!("{otherwise}: {error:#}"),
            Err(_) => tokio::time::sleep(Duration::from_millis(ASKED_EVERY_MS)).await,
        }
    }
}

/// Runs `work` on a thread with a runtime of its own, so that it takes one core at most and shares it with nobody here.
async fn on_own_thread<T: Send + 'static>(
    work: impl AsyncFnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(move || {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(work())
    })
    .await?
}
