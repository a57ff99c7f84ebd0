//! One metered call, from the reservation to its settlement: used by the gateway and by queued completions.
//!
//! ```text
//! prepare   model limits, upper bound of the input, output wanted          no effect anywhere
//! reserve   one row, one hold, committed                                   refused → the caller is told, end
//!           others hold what it needs → it waits, in order of arrival      none came → told to come again, end
//! send      body rebuilt, clamped to the hold                              not accepted → release, end
//! answer    whole (exchange) or streamed (pump)
//! settle    committed, and only then the last bytes are handed on
//! ```
//!
//! From the reservation on, a call belongs to a tracked task, not to the request that asked for it: a client that
//! leaves changes who listens, never what is recorded. Every path ends in exactly one settle or release.

mod calls;
mod charge;
mod error;
mod exchange;
mod kept;
mod model_cache;
mod open_call;
mod patience;
mod preparation;
mod pump;
mod refused_at_limit;
mod reservation;
mod types;
mod unpriced_models;
mod waiting;

pub use calls::MeteredCalls;
pub use error::CallError;
pub use types::{Answer, Caller, Completed, Idempotency, NewCall, OutputLimit, StreamPiece, WholeAnswer};
