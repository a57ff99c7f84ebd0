//! What goes into a metered call and what comes out.

use bytes::Bytes;
use tokio::sync::mpsc;
use uuid::Uuid;

use super::error::CallError;
use crate::database::{LimitStanding, OutputBound, Settlement, StoredResponse};
use crate::openai::ParsedRequest;

/// Who calls, and who pays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    /// The key used; none for a JWT and for queued completions.
    pub api_key_id: Option<Uuid>,
    /// Who pays.
    pub account_id: Uuid,
    /// Who acts.
    pub user_id: Uuid,
}

/// The client's promise that two calls are one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idempotency {
    /// The `Idempotency-Key`.
    pub key: String,
    /// SHA-256 of endpoint and body; another hash under the same key is a mistake of the client.
    pub body_hash: [u8; 32],
}

/// A call to be metered.
#[derive(Debug, Clone)]
pub struct NewCall {
    /// A fresh UUIDv7; for a queued completion its id.
    pub request_id: Uuid,
    /// Who calls.
    pub caller: Caller,
    /// What is asked.
    pub request: ParsedRequest,
    /// Set when the client sent an `Idempotency-Key`; the response is then kept for a replay.
    pub idempotency: Option<Idempotency>,
}

/// One piece of a streamed body; an error is the last.
pub type StreamPiece = Result<Bytes, CallError>;

/// How long an answer may be, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutputLimit {
    /// Output tokens of each choice, at most.
    pub tokens: u64,
    /// What bounds it.
    pub bound: OutputBound,
}

/// What the client gets.
#[derive(Debug)]
pub enum Answer {
    /// A whole body, settled.
    Whole(WholeAnswer),
    /// A body in pieces; its last one comes only after the settlement.
    Stream {
        /// The request, as in the ledger.
        request_id: Uuid,
        /// The strictest limit as it stood at the reservation.
        standing: Option<LimitStanding>,
        /// How long the answer may be.
        output_limit: OutputLimit,
        /// `Content-Type` of the provider.
        content_type: Option<String>,
        /// The pieces. Dropping the receiver tells the call that the client has left.
        pieces: mpsc::Receiver<StreamPiece>,
    },
    /// The kept response of an earlier call with the same idempotency key; nothing was spent now.
    Replay {
        /// The earlier call.
        request_id: Uuid,
        /// Its response.
        response: StoredResponse,
    },
}

/// A whole answer whose settlement is durable.
#[derive(Debug)]
pub struct WholeAnswer {
    /// The request, as in the ledger.
    pub request_id: Uuid,
    /// HTTP status of the provider, 2xx.
    pub status: u16,
    /// `Content-Type` of the provider.
    pub content_type: Option<String>,
    /// The body, unchanged.
    pub body: Bytes,
    /// The strictest limit as it stood at the reservation.
    pub standing: Option<LimitStanding>,
    /// How long the answer may be.
    pub output_limit: OutputLimit,
    /// Whether it ended there.
    pub is_cut_short: bool,
    /// What was charged.
    pub settlement: Settlement,
}

/// A queued completion that is answered: the response is kept and readable by its owner.
#[derive(Debug)]
pub enum Completed {
    /// By this call, at this charge.
    Now(Settlement),
    /// By an earlier attempt.
    Before,
}
