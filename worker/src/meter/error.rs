//! What can go wrong with metering a call.

use thiserror::Error;

use crate::coalesce::LaneError;
use crate::database::DatabaseError;

/// Why a metering verb gave no verdict. Shared by every caller of a failed batch, so it carries no source; the lane
/// logs that once.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MeterError {
    /// Too many calls are waiting; nothing was held.
    #[error("too many calls are waiting for a verdict")]
    Overloaded,
    /// The database is away or busy.
    #[error("the database is not available")]
    Unavailable,
    /// The worker is stopping.
    #[error("metering is closed")]
    Closed,
    /// The database will not take this item, now or later.
    #[error("the database refused the item, SQLSTATE {sqlstate}")]
    Refused {
        /// The server's five characters; `XX000` when it answered something unreadable.
        sqlstate: String,
    },
}

impl From<LaneError> for MeterError {
    fn from(error: LaneError) -> Self {
        match error {
            LaneError::Full => Self::Overloaded,
            LaneError::Closed => Self::Closed,
        }
    }
}

impl From<&DatabaseError> for MeterError {
    fn from(error: &DatabaseError) -> Self {
        if error.is_transient() {
            return Self::Unavailable;
        }
        Self::Refused { sqlstate: error.sqlstate().unwrap_or("XX000").to_owned() }
    }
}
