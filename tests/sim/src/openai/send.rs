//! From an answer to the bytes of its HTTP response.

use std::time::{Duration, Instant};

use http::{HeaderValue, Response, header};

use super::entry::Entry;
use super::faults::{self, Fault};
use super::script::{Role, Script};
use super::settings::Settings;
use super::state::Sim;
use crate::http::{SimBody, Step};

/// Rate limits that the headers tell of. The stand-in never runs out.
const RATE_HEADERS: &[(&str, &str)] = &[
    ("x-ratelimit-limit-requests", "10000"),
    ("x-ratelimit-limit-tokens", "2000000"),
    ("x-ratelimit-remaining-requests", "9999"),
    ("x-ratelimit-remaining-tokens", "1999000"),
    ("x-ratelimit-reset-requests", "6ms"),
    ("x-ratelimit-reset-tokens", "0s"),
];

/// Waits for a release, or for `for_ms` at most.
pub async fn hold(sim: &Sim, for_ms: Option<u64>) {
    let released = sim.holds.wait();
    match for_ms {
        None => released.await,
        // Running out of time is the other way a hold ends.
        Some(ms) => drop(tokio::time::timeout(Duration::from_millis(ms), released).await),
    }
}

/// Waits as long as a plain answer takes to its first token.
pub async fn think(sim: &Sim) {
    let delay_ms = sim.settings.get().first_token_delay_ms;
    if delay_ms > 0 {
        tokio::time::sleep(Duration::from_millis(delay_ms)).await;
    }
}

/// The HTTP response, which closes `entry` when its body ends.
pub fn response(
    sim: &Sim,
    entry: Entry,
    script: &Script,
    fault: Option<&Fault>,
    arrived: Instant,
) -> Response<SimBody> {
    let mut steps = steps(script, &sim.settings.get());
    let length: usize = steps.iter().map(sent_bytes).sum();
    for kind in fault.into_iter().flat_map(Fault::kinds) {
        steps = faults::rewrite(steps, kind);
    }
    let mut response = Response::new(SimBody::whole(bytes::Bytes::new()));
    *response.status_mut() = script.status;
    let headers = response.headers_mut();
    let mut set = |name: &str, value: &str| {
        let name = header::HeaderName::from_bytes(name.as_bytes());
        // A fault may ask for a header that HTTP does not allow; it goes without.
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(value)) {
            headers.append(name, value);
        }
    };
    set("content-type", &script.content_type);
    set("x-request-id", entry.request_id());
    set("openai-version", "2020-10-01");
    set("openai-organization", "octroi-sim");
    set("openai-processing-ms", &arrived.elapsed().as_millis().to_string());
    if !script.is_refusal() {
        RATE_HEADERS.iter().for_each(|(name, value)| set(name, value));
    }
    if !script.streamed {
        set("content-length", &length.to_string());
    }
    script.headers.iter().for_each(|(name, value)| set(name, value));
    *response.body_mut() = SimBody::played(steps, Box::new(entry));
    response
}

/// The steps by which the frames go out, at the pace of `settings`.
fn steps(script: &Script, settings: &Settings) -> Vec<Step> {
    let mut steps = Vec::with_capacity(script.frames.len());
    let mut delay_ms = settings.first_token_delay_ms;
    for frame in &script.frames {
        if frame.role == Role::Delta {
            if delay_ms > 0 {
                steps.push(Step::Pause(Duration::from_millis(delay_ms)));
            }
            delay_ms = settings.chunk_delay_ms;
        }
        steps.push(Step::Send { bytes: frame.bytes(script.streamed), mark: frame.output_tokens });
    }
    steps
}

fn sent_bytes(step: &Step) -> usize {
    match step {
        Step::Send { bytes, .. } => bytes.len(),
        _ => 0,
    }
}
