//! The benchmark's upstream: ready-made answers at next to no cost, since the gateway is what is measured.

mod bodies;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use serde_json::json;

use super::ledger::{Pools, Totals};
use crate::http::{Aborted, Connection, ListenError, Listening, MAX_BODY_BYTES, Responder, SimBody, listen};
use bodies::{Bodies, Prepared};

/// How to start the benchmark's upstream.
#[derive(Clone, Debug)]
pub struct BenchOptions {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The usage that every answer reports as input, in tokens.
    pub input_tokens: u64,
    /// Deltas in a stream, and the usage that every answer reports as output, in tokens.
    pub output_tokens: u64,
    /// Before the first delta of a stream.
    pub first_token_delay: Duration,
    /// Between two deltas of a stream.
    pub chunk_delay: Duration,
}

/// The running upstream. It stops when this is dropped.
#[derive(Debug)]
pub struct BenchHandle {
    /// What an OpenAI client takes as its base URL.
    pub base_url: String,
    bench: Arc<Bench>,
    _listening: Listening,
}

impl BenchHandle {
    /// What was served so far.
    pub fn totals(&self) -> Totals {
        self.bench.totals()
    }
}

/// Starts the benchmark's upstream on the current runtime.
pub async fn spawn_bench(options: BenchOptions) -> Result<BenchHandle, ListenError> {
    let address = options.listen;
    let bench = Arc::new(Bench {
        bodies: Bodies::new(&options),
        input_tokens: options.input_tokens,
        output_tokens: options.output_tokens,
        completions: AtomicU64::new(0),
        embeddings: AtomicU64::new(0),
    });
    let listening = listen(address, Arc::clone(&bench)).await?;
    let base_url = format!("http://{}/v1", listening.address());
    Ok(BenchHandle { base_url, bench, _listening: listening })
}

#[derive(Debug)]
struct Bench {
    bodies: Bodies,
    input_tokens: u64,
    output_tokens: u64,
    completions: AtomicU64,
    embeddings: AtomicU64,
}

impl Bench {
    /// Every answer costs the same, so the counts of requests are the whole of the books.
    fn totals(&self) -> Totals {
        let completions = self.completions.load(Ordering::Relaxed);
        let requests = completions + self.embeddings.load(Ordering::Relaxed);
        let charged = Pools {
            input_tokens: requests * self.input_tokens,
            output_tokens: completions * self.output_tokens,
            ..Pools::default()
        };
        Totals { requests, delivered: requests, charged, ..Totals::default() }
    }

    fn prepared(&self, path: &str, body: &[u8]) -> Option<&Prepared> {
        let contains = |text: &[u8]| body.windows(text.len()).any(|window| window == text);
        let streamed = contains(br#""stream":true"#) || contains(br#""stream": true"#);
        let bodies = &self.bodies;
        match (path, streamed) {
            ("/v1/chat/completions", false) => Some(&bodies.chat),
            ("/v1/chat/completions", true) if contains(br#""include_usage""#) => {
                Some(&bodies.chat_with_usage)
            }
            ("/v1/chat/completions", true) => Some(&bodies.chat_without_usage),
            ("/v1/responses", false) => Some(&bodies.response),
            ("/v1/responses", true) => Some(&bodies.response_stream),
            ("/v1/embeddings", _) => Some(&bodies.embedding),
            _ => None,
        }
    }

    fn control(&self, path: &str, clear: bool) -> Response<SimBody> {
        if clear {
            self.completions.store(0, Ordering::Relaxed);
            self.embeddings.store(0, Ordering::Relaxed);
        }
        let known = path == "/sim/ledger";
        let body = if known { json!({ "totals": self.totals(), "entries": [] }) } else { json!({}) };
        let mut response = Response::new(SimBody::whole(body.to_string().into()));
        *response.status_mut() = if known { StatusCode::OK } else { StatusCode::NOT_FOUND };
        response
    }
}

impl Responder for Bench {
    async fn respond(
        self: Arc<Self>,
        request: Request<Incoming>,
        _connection: Connection,
    ) -> Result<Response<SimBody>, Aborted> {
        let (parts, body) = request.into_parts();
        let path = parts.uri.path();
        let body = Limited::new(body, MAX_BODY_BYTES).collect().await.map_err(|_| Aborted)?.to_bytes();
        let Some(prepared) = self.prepared(path, &body) else {
            return Ok(self.control(path, parts.method == http::Method::DELETE));
        };
        let counter = if path == "/v1/embeddings" { &self.embeddings } else { &self.completions };
        counter.fetch_add(1, Ordering::Relaxed);
        let mut response = Response::new(prepared.body());
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(prepared.content_type()));
        headers.insert("x-request-id", HeaderValue::from_static("req_octroisimbench"));
        Ok(response)
    }
}
