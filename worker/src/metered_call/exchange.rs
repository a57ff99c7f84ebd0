//! A call whose answer is one body: it is read to its end, settled, and then handed on.

use std::future::Future;

use bytes::Bytes;

use super::call_metrics::UpstreamOutcome;
use super::calls::Sending;
use super::charge::Charge;
use super::open_call::OpenCall;
use super::patience::{Patience, Waited};
use super::{CallError, WholeAnswer};
use crate::database::StoredResponse;
use crate::openai::{Unmetered, Upstream, UpstreamError, UpstreamReply, ended_at_limit, read_usage};
use crate::telemetry;

/// Largest body read from the provider, bytes: 2,048 embeddings of 3,072 dimensions in base64 fit.
const MAX_ANSWER_BYTES: usize = 48 * 1024 * 1024;
/// What a body without `Content-Type` is stored as.
pub(super) const JSON: &str = "application/json";

/// Sends the call and settles it, whatever happens.
pub(super) async fn exchange(
    upstream: &Upstream,
    patience: &Patience,
    mut open: OpenCall,
    sending: Sending,
    client_left: impl Future<Output = ()>,
) -> Result<WholeAnswer, CallError> {
    let work = send_and_read(upstream, &sending, open.request_id());
    let (reply, read) = match patience.wait_for(client_left, work).await {
        Waited::Done(Ok(answered)) => answered,
        Waited::Done(Err(error)) => return Err(give_up(open, error).await),
        Waited::ClientLeft => {
            open.ended(UpstreamOutcome::ClientLeft);
            return Err(unseen(open, CallError::ClientLeft).await);
        }
        Waited::Stopped => {
            open.ended(UpstreamOutcome::Stopped);
            return Err(unseen(open, CallError::OutcomeUnknown).await);
        }
    };
    open.saw_reply(reply.upstream_request_id);
    let body = match read {
        Ok(body) => body,
        Err(error) => {
            tracing::warn!(%error, request.id = %open.request_id(), "an answer broke off");
            return Err(unseen(open, CallError::OutcomeUnknown).await);
        }
    };
    let report = read_usage(sending.endpoint, &body);
    let limit = sending.output_limit;
    // An answer is read a second time only where it may have been cut short here.
    let is_cut_short = limit.bound.is_ours()
        && report.usage.is_none_or(|usage| usage.output >= limit.tokens)
        && ended_at_limit(sending.endpoint, &body);
    let charge = if report.usage.is_some() {
        Charge::of_answer(report, open.bounds())
    } else {
        match Unmetered::read(sending.endpoint, &body) {
            Unmetered::Answer { text, failed } => Charge::of_unmetered(report, &text, failed, open.bounds()),
            Unmetered::Error { own_account } => {
                tracing::warn!(request.id = %open.request_id(), "the provider answered 2xx with an error");
                if own_account {
                    page_operator(false);
                }
                open.release("upstream_failed").await;
                return Err(CallError::NotAccepted { retry_after: None });
            }
        }
    };
    let stored = sending.keep_bytes.filter(|max_bytes| body.len() <= *max_bytes).map(|_| StoredResponse {
        status: reply.status,
        content_type: reply.content_type.clone().unwrap_or_else(|| JSON.to_owned()),
        body: body.clone(),
    });
    let request_id = open.request_id();
    let settlement = open.settle(charge, stored).await?;
    let (status, content_type, standing) = (reply.status, reply.content_type, sending.standing);
    Ok(WholeAnswer {
        request_id,
        status,
        content_type,
        body,
        standing,
        output_limit: limit,
        is_cut_short,
        settlement,
    })
}

/// Settles a call of whose answer nothing was seen; what its client is told.
async fn unseen(open: OpenCall, told: CallError) -> CallError {
    let charge = Charge::estimate(0, open.bounds());
    match open.settle(charge, None).await {
        Ok(_) => told,
        Err(error) => error,
    }
}

/// What is known of a reply besides its body.
struct ReplyHead {
    status: u16,
    content_type: Option<String>,
    upstream_request_id: Option<String>,
}

async fn send_and_read(
    upstream: &Upstream,
    sending: &Sending,
    request_id: uuid::Uuid,
) -> Result<(ReplyHead, Result<Bytes, UpstreamError>), UpstreamError> {
    let UpstreamReply { status, content_type, upstream_request_id, body } =
        upstream.send(sending.endpoint, sending.body.clone(), request_id).await?;
    Ok((ReplyHead { status, content_type, upstream_request_id }, body.collect(MAX_ANSWER_BYTES).await))
}

/// Ends a call that got no 2xx: released if it surely was not carried out, otherwise its input is charged.
pub(super) async fn give_up(mut open: OpenCall, error: UpstreamError) -> CallError {
    open.ended(UpstreamOutcome::of(&error));
    match &error {
        UpstreamError::NotAccepted => {
            tracing::warn!("the provider could not be reached");
            open.release("upstream_not_accepted").await;
        }
        UpstreamError::Refused { status, own_quota, own_auth, upstream_request_id, .. } => {
            if *own_quota || *own_auth {
                page_operator(*own_auth);
            }
            tracing::debug!(status, upstream_request_id, request.id = %open.request_id(), "the provider refused");
            open.release("upstream_refused").await;
        }
        UpstreamError::Unknown { .. } | UpstreamError::TooLarge { .. } => {
            tracing::warn!(%error, request.id = %open.request_id(), "a call was sent and not answered");
            open.saw_reply(None);
            let charge = Charge::estimate(0, open.bounds());
            if let Err(error) = open.settle(charge, None).await {
                return error;
            }
        }
    }
    error.into()
}

/// The operator's own account at the provider keeps every customer from being served.
pub(super) fn page_operator(auth: bool) {
    let reason = if auth { "key_refused" } else { "quota_exhausted" };
    metrics::counter!(telemetry::OPERATOR_ACCOUNT_FAILURES, "reason" => reason).increment(1);
    tracing::error!(reason, "the provider refuses the operator's own account; no call can succeed");
}
