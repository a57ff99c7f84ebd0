//! Streams: when the first token came, and whether every frame did.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tokio::task::JoinSet;

use super::connection::Connection;
use super::{Request, on_own_thread};
use crate::window::{Work, percentile};

/// The frame that carries the first token: the one before it names the role.
const FIRST_TOKEN_FRAME: u64 = 2;
/// How every stream ends.
const LAST_FRAME: &[u8] = b"data: [DONE]\n\n";

/// What streams did; latency is the time to the first token.
#[derive(Debug, Clone, Copy, Default)]
pub struct StreamedWork {
    /// Operations are streams.
    pub work: Work,
    /// Frames received in all.
    pub frames: u64,
}

/// Opens so many connections, evenly over `ramp`, and reads `each` streams from each of them.
pub async fn streams(
    address: SocketAddr,
    requests: &[Request],
    connections: usize,
    each: usize,
    ramp: Duration,
) -> Result<StreamedWork> {
    let requests: Arc<[Request]> = requests.into();
    on_own_thread(async move || {
        let mut tasks = JoinSet::new();
        let started = Instant::now();
        for number in 0..connections {
            let request = requests.get(number % requests.len()).cloned().context("no request was given")?;
            let delay = ramp.mul_f64(number as f64 / connections as f64);
            tasks.spawn(async move {
                let mut connection = Connection::open(address).await?;
                tokio::time::sleep(delay.saturating_sub(started.elapsed())).await;
                let mut read = Vec::with_capacity(each);
                for _ in 0..each {
                    read.push(one_stream(&mut connection, &request).await?);
                }
                anyhow::Ok(read)
            });
        }
        let mut first_token_us = Vec::new();
        let mut frames = 0;
        while let Some(done) = tasks.join_next().await {
            for stream in done?? {
                first_token_us.push(stream.first_token_us);
                frames += stream.frames;
            }
        }
        let seconds = started.elapsed().as_secs_f64();
        first_token_us.sort_by(f64::total_cmp);
        let work = Work {
            operations: first_token_us.len() as f64,
            seconds,
            p50_us: percentile(&first_token_us, 50.0),
            p99_us: percentile(&first_token_us, 99.0),
        };
        Ok(StreamedWork { work, frames })
    })
    .await
}

struct Stream {
    first_token_us: f64,
    frames: u64,
}

async fn one_stream(connection: &mut Connection, request: &Request) -> Result<Stream> {
    let asked = Instant::now();
    let mut first_token_us = None;
    let (mut frames, mut before) = (0, 0_u8);
    let mut tail: Vec<u8> = Vec::new();
    connection
        .each_part(request, |part| {
            for byte in part {
                frames += u64::from(*byte == b'\n' && before == b'\n');
                before = *byte;
            }
            if frames >= FIRST_TOKEN_FRAME && first_token_us.is_none() {
                first_token_us = Some(asked.elapsed().as_secs_f64() * 1e6);
            }
            tail.extend_from_slice(&part[part.len().saturating_sub(LAST_FRAME.len())..]);
            tail.drain(..tail.len().saturating_sub(LAST_FRAME.len()));
        })
        .await?;
    if tail != LAST_FRAME {
        bail!("a stream ended in {:?}", String::from_utf8_lossy(&tail));
    }
    Ok(Stream { first_token_us: first_token_us.context("a stream had no token")?, frames })
}
