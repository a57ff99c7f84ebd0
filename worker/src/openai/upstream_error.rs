//! What can go wrong upstream, and how much of it a client may hear.

use std::time::Duration;

use thiserror::Error;

/// The parts of a provider's error that concern the client's own input, free of the operator's ids and keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandedOn {
    /// The provider's text, sanitised.
    pub message: String,
    /// The field to blame.
    pub param: Option<String>,
    /// The provider's code.
    pub code: Option<String>,
}

/// A call that brought no answer.
#[derive(Debug, Error)]
pub enum UpstreamError {
    /// The provider was not reached: nothing was accepted, nothing is owed. Release the hold.
    #[error("the provider could not be reached")]
    NotAccepted,
    /// The request was sent and no answer came: it may be billed. Nothing may be retried.
    #[error("no answer after the request was sent ({stage})")]
    Unknown {
        /// Where it stopped, for logs: `first_byte_timeout`, `idle_timeout`, `deadline`, `connection_lost`.
        stage: &'static str,
    },
    /// The provider answered with an error status before any output. Release the hold.
    #[error("the provider refused with status {status}")]
    Refused {
        /// The provider's HTTP status.
        status: u16,
        /// What the client may hear; `None` for everything that is not about the client's input.
        handed_on: Option<HandedOn>,
        /// The provider's `Retry-After`.
        retry_after: Option<Duration>,
        /// The operator's own quota or billing is exhausted: 503 for the client, a page for the operator.
        own_quota: bool,
        /// The operator's own key was refused: the same.
        own_auth: bool,
        /// The provider's `x-request-id`.
        upstream_request_id: Option<String>,
    },
    /// The answer was larger than the caller allowed.
    #[error("the answer exceeds {max_bytes} bytes")]
    TooLarge {
        /// The limit.
        max_bytes: usize,
    },
}
