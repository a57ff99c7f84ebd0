//! What can go wrong inside the library, and the SQLSTATE each becomes.

use pgrx::PgSqlErrorCode;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::spi::SpiError;
use thiserror::Error;

/// Misuse of a native function. Refusals are rows, never errors.
#[derive(Debug, Error)]
pub enum VerbError {
    /// Arrays that describe the same calls differ in length.
    #[error("argument {argument} has {got} elements where the first has {expected}")]
    LengthMismatch {
        /// Name of the SQL argument.
        argument: &'static str,
        /// Elements of the first array.
        expected: usize,
        /// Elements of this one.
        got: usize,
    },
    /// More calls than one statement takes.
    #[error("{got} calls in one batch, at most {most} are taken")]
    BatchTooLarge {
        /// Calls given.
        got: usize,
        /// [`crate::statement::MAX_BATCH_CALLS`].
        most: usize,
    },
    /// A tokenizer that is not built in.
    #[error("no tokenizer {0}: o200k_base and cl100k_base are built in")]
    UnknownEncoding(String),
    /// Something that nobody is found by.
    #[error("no blind index of {0}: there is email and phone")]
    UnknownIndexedKind(String),
    /// Rules were changed in the middle of a decision, more than once; nothing was decided.
    #[error("the rules of a caller were being changed: try again")]
    Raced,
    /// SPI refused a call; the statement and the migrations do not fit each other.
    #[error("the statement does not fit this database: {0}")]
    Statement(#[from] SpiError),
}

impl From<VerbError> for ErrorReport {
    fn from(error: VerbError) -> Self {
        let code = match &error {
            VerbError::LengthMismatch { .. } => PgSqlErrorCode::ERRCODE_ARRAY_ELEMENT_ERROR,
            VerbError::BatchTooLarge { .. } => PgSqlErrorCode::ERRCODE_PROGRAM_LIMIT_EXCEEDED,
            VerbError::UnknownEncoding(_) | VerbError::UnknownIndexedKind(_) => {
                PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE
            }
            VerbError::Raced => PgSqlErrorCode::ERRCODE_T_R_SERIALIZATION_FAILURE,
            VerbError::Statement(_) => PgSqlErrorCode::ERRCODE_INTERNAL_ERROR,
        };
        ErrorReport::new(code, error.to_string(), "octroi_native")
    }
}
