//! `GET /privacy/export/{token}`: the bundle that `octroi.export_my_data()` offers, to whoever has its token, once.
//!
//! The token is all that is asked for: it is 256 bits, good for minutes, and was given to one signed-in person. Anything
//! that opens no door is a path that does not exist. The bundle is written by a thread of its own to a channel that holds
//! a few pieces, so a slow reader slows the reading of rows, and a worker's memory does not depend on how much there is.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::Method;
use http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, HeaderName,
    HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use uuid::Uuid;

use super::errors::GatewayError;
use super::state::GatewayState;
use crate::bundle::{self, BundleError, Manifest, Tally};
use crate::database::{Database, DatabaseError, ExportSnapshot};

/// Bundles handed out at once: each has a connection of its own.
pub(super) const EXPORTS_MAX: usize = 4;
/// Pieces of 64 KiB that wait for the reader.
const PIECES_WAITING: usize = 4;
/// A bundle that takes longer is broken off.
const LONGEST: Duration = Duration::from_secs(15 * 60);
/// Digits of a token: 256 bits in hex.
const TOKEN_DIGITS: usize = 64;
const X_ROBOTS_TAG: HeaderName = HeaderName::from_static("x-robots-tag");

/// Hands the bundle out.
///
/// # Errors
/// 404 for whatever opens no door, 503 while there is no room or no database.
pub async fn download(
    State(state): State<Arc<GatewayState>>,
    method: Method,
    token: Result<Path<String>, PathRejection>,
) -> Result<Response, GatewayError> {
    // Whoever only looks (HEAD) must not use the token up.
    let hash = match token {
        Ok(Path(token)) if method == Method::GET => token_hash(&token),
        _ => None,
    };
    let Some(hash) = hash else { return Ok(closed(GatewayError::UnknownPath)) };
    let Ok(permit) = Arc::clone(&state.exports).try_acquire_owned() else {
        return Ok(closed(GatewayError::Busy));
    };
    match open(&state.database, &hash).await {
        Ok(Some(opened)) => Ok(hand_out(state.database.clone(), opened, permit)),
        Ok(None) => Ok(closed(GatewayError::UnknownPath)),
        Err(error) => {
            tracing::warn!(%error, "a bundle could not be begun");
            let error =
                if error.is_transient() { GatewayError::MeteringUnavailable } else { GatewayError::Internal };
            Ok(closed(error))
        }
    }
}

/// A bundle about to be handed out.
struct Opened {
    request_id: Uuid,
    manifest: Manifest,
    snapshot: ExportSnapshot,
}

fn token_hash(token: &str) -> Option<Vec<u8>> {
    let is_one = token.len() == TOKEN_DIGITS
        && token.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    is_one.then(|| Sha256::digest(token.as_bytes()).to_vec())
}

async fn open(database: &Database, hash: &[u8]) -> Result<Option<Opened>, DatabaseError> {
    let Some(request_id) = database.begin_export(hash).await? else { return Ok(None) };
    let manifest = Manifest::read(database.export_manifest().await?)
        .map_err(|error| DatabaseError::Unreadable(format!("the register of personal data: {error}")))?;
    let snapshot = database.open_export(request_id).await?;
    Ok(Some(Opened { request_id, manifest, snapshot }))
}

fn hand_out(database: Database, opened: Opened, permit: OwnedSemaphorePermit) -> Response {
    let (pieces, mut waiting) = mpsc::channel(PIECES_WAITING);
    let now = OffsetDateTime::now_utc();
    tokio::spawn(async move {
        let request_id = opened.request_id;
        let last = pieces.clone();
        let written = tokio::task::spawn_blocking(move || write(opened, now, Pieces(pieces)));
        let told = match tokio::time::timeout(LONGEST, written).await {
            Ok(Ok(Ok(tally))) => {
                database.finish_export(request_id, &tally).await.map(|_| ()).map_err(BundleError::from)
            }
            Ok(Ok(Err(error))) => Err(error),
            Ok(Err(_)) | Err(_) => Err(io::Error::from(io::ErrorKind::TimedOut).into()),
        };
        if let Err(error) = told {
            tracing::warn!(request.id = %request_id, %error, "the bundle of privacy request {request_id} broke off");
            // The reader must not take what came for the whole.
            let _ = last.send(Err(io::ErrorKind::UnexpectedEof.into())).await;
        }
        drop(permit);
    });
    let body = Body::from_stream(futures_util::stream::poll_fn(move |context| waiting.poll_recv(context)));
    let mut response = body.into_response();
    let headers = response.headers_mut();
    protect(headers);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/zip"));
    let name = format!("attachment; filename=\"octroi-export-{}.zip\"", now.date());
    headers.insert(
        CONTENT_DISPOSITION,
        HeaderValue::try_from(name).unwrap_or(HeaderValue::from_static("attachment")),
    );
    response
}

/// Runs on a thread of its own: packing is work, and waiting for the reader blocks.
fn write(opened: Opened, now: OffsetDateTime, pieces: Pieces) -> Result<Tally, BundleError> {
    let Opened { request_id, manifest, mut snapshot } = opened;
    let runtime = Handle::current();
    let made_at = now.format(&Rfc3339).unwrap_or_default();
    bundle::write(pieces, &request_id.to_string(), &made_at, &manifest, |table, after| {
        runtime.block_on(snapshot.page(table, after))
    })
}

/// What is written, on its way to the reader.
struct Pieces(mpsc::Sender<io::Result<Bytes>>);

impl io::Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let sent = self.0.blocking_send(Ok(Bytes::copy_from_slice(bytes)));
        sent.map(|()| bytes.len()).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A door that stays closed, under the same headers.
fn closed(error: GatewayError) -> Response {
    let mut response = error.into_response();
    protect(response.headers_mut());
    response
}

fn protect(headers: &mut HeaderMap) {
    let policy = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox";
    for (name, value) in [
        (CACHE_CONTROL, "no-store"),
        (CONTENT_SECURITY_POLICY, policy),
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_ROBOTS_TAG, "noindex"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}
