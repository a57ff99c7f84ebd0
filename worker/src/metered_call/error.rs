//! Why a call brought no answer.

use std::time::Duration;

use thiserror::Error;

use crate::database::{HeldBack, Refusal, ReplayState};
use crate::meter::MeterError;
use crate::openai::upstream_error::HandedOn;
use crate::openai::{Endpoint, EndpointSet, RequestError, UpstreamError};

/// Every way a metered call can end without its answer. What the client hears of it is `gateway::GatewayError`.
#[derive(Debug, Clone, Error)]
pub enum CallError {
    /// The model is unknown or has no price; nothing was reserved.
    #[error("the model has no price")]
    ModelNotPriced {
        /// The model asked for.
        model: String,
    },
    /// The model answers at other endpoints; nothing was reserved.
    #[error("the model does not answer at {endpoint}")]
    ModelElsewhere {
        /// Where it was called.
        endpoint: Endpoint,
        /// Where it answers.
        endpoints: EndpointSet,
    },
    /// The input cannot be bounded.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// `reserve` refused.
    #[error("refused: {:?}", refusal.reason)]
    Refused {
        /// Its verdict.
        refusal: Box<Refusal>,
        /// The model asked for.
        model: String,
        /// The bound of the input, tokens.
        input_tokens: u64,
        /// The most input the model takes, tokens, if that is known.
        max_input_tokens: Option<u64>,
    },
    /// Only what other calls hold kept this one back, and none of it came free while it waited.
    #[error("held back: {} of {:?} needed", held.needed, held.standing.scope)]
    Held {
        /// The limit, and what was needed of it.
        held: Box<HeldBack>,
        /// Calls that hold something of it; none if they could not be counted.
        held_calls: Option<u64>,
        /// How long this one waited.
        waited: Duration,
        /// When room is to be expected, seconds.
        retry_after_seconds: u64,
    },
    /// An earlier call has the same id or idempotency key, and there is no response to replay.
    #[error("repeats a call that is {state:?}")]
    Repeats {
        /// What became of the earlier call.
        state: ReplayState,
    },
    /// No verdict, so nothing was sent.
    #[error("not metered: {0}")]
    NotMetered(MeterError),
    /// The verbs outside the lanes failed.
    #[error("the database is not available")]
    DatabaseUnavailable,
    /// The answer is there, but its usage could not be recorded; it is not handed on.
    #[error("the settlement failed")]
    NotSettled,
    /// The provider refused because of what the request says; the hold was released.
    #[error("the provider refused the request with status {status}")]
    RequestRefused {
        /// The provider's status.
        status: u16,
        /// What the client may hear.
        handed_on: HandedOn,
    },
    /// The provider did not take the call; the hold was released.
    #[error("the provider did not take the call")]
    NotAccepted {
        /// When it may be tried again, if the provider said.
        retry_after: Option<Duration>,
    },
    /// Sent, and no usable answer; settled as estimated or at the hold.
    #[error("the outcome at the provider is unknown")]
    OutcomeUnknown,
    /// The client left before anything was sent; the hold was released.
    #[error("the client left")]
    ClientLeft,
    /// A defect ended the task.
    #[error("the call was interrupted")]
    Interrupted,
}

impl From<UpstreamError> for CallError {
    fn from(error: UpstreamError) -> Self {
        match error {
            UpstreamError::NotAccepted => Self::NotAccepted { retry_after: None },
            UpstreamError::Unknown { .. } | UpstreamError::TooLarge { .. } => Self::OutcomeUnknown,
            UpstreamError::Refused { status, handed_on: Some(handed_on), .. } => {
                Self::RequestRefused { status, handed_on }
            }
            UpstreamError::Refused { retry_after, .. } => Self::NotAccepted { retry_after },
        }
    }
}
