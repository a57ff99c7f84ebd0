//! What can go wrong between the worker and Postgres, sorted by what the caller can do about it.

use thiserror::Error;

/// A failed call of a verb. The text is for logs only; nothing of it may reach a client.
#[derive(Debug, Error)]
pub enum DatabaseError {
    /// No connection could be had, or it was lost. If a statement was under way, its outcome is unknown.
    #[error("the database cannot be reached: {0}")]
    Unavailable(#[source] sqlx::Error),
    /// The server is there but not able just now: starting, stopping, out of connections, disk or memory, or it
    /// undid the statement over a conflict. The statement had no effect.
    #[error("the database cannot serve the call now, SQLSTATE {sqlstate}")]
    Busy {
        /// The server's five characters.
        sqlstate: String,
        /// The server's answer.
        #[source]
        source: sqlx::Error,
    },
    /// The statement or its wait for a lock took longer than the session allows. It had no effect.
    #[error("the database gave up after its time limit, SQLSTATE {sqlstate}")]
    Timeout {
        /// `57014` (statement), `55P03` (lock) or `25P03`/`57P05` (idle).
        sqlstate: String,
        /// The server's answer.
        #[source]
        source: sqlx::Error,
    },
    /// Nothing was heard for longer than the client waits; the outcome is unknown.
    #[error("the database did not answer within {waited_seconds} s")]
    Silent {
        /// How long the worker waited, in seconds.
        waited_seconds: u64,
    },
    /// The verb refused its arguments or the role lacks a right. Calling again with the same arguments is useless.
    #[error("the database refused the call, SQLSTATE {sqlstate}: {}", server_text(source))]
    Misuse {
        /// The server's five characters; those of our own verbs are listed in `docs/errors.md`.
        sqlstate: String,
        /// The server's answer.
        #[source]
        source: sqlx::Error,
    },
    /// The answer is not what this version of the worker knows: the schema is newer or older than the worker.
    #[error("the database answered something this worker cannot read: {0}")]
    Unreadable(String),
}

impl DatabaseError {
    /// Whether the same call may succeed later.
    pub fn is_transient(&self) -> bool {
        !matches!(self, Self::Misuse { .. } | Self::Unreadable(_))
    }

    /// Whether the call may have been carried out although it failed here.
    pub fn outcome_is_unknown(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Silent { .. })
    }

    /// Whether the server ran into one of the session's time limits.
    pub fn is_timeout(&self) -> bool {
        matches!(self, Self::Timeout { .. })
    }

    /// The server's five characters, when it was the server that answered.
    pub fn sqlstate(&self) -> Option<&str> {
        match self {
            Self::Busy { sqlstate, .. } | Self::Timeout { sqlstate, .. } | Self::Misuse { sqlstate, .. } => {
                Some(sqlstate)
            }
            Self::Unavailable(_) | Self::Silent { .. } | Self::Unreadable(_) => None,
        }
    }

    /// What the server wrote, for an operator who called the verb: its message, and its detail if it gave one.
    pub fn server_message(&self) -> Option<(String, Option<String>)> {
        let Self::Misuse { source, .. } = self else { return None };
        let error = source.as_database_error()?;
        let detail =
            error.try_downcast_ref::<sqlx::postgres::PgDatabaseError>().and_then(|error| error.detail());
        Some((error.message().to_owned(), detail.map(str::to_owned)))
    }
}

/// The server's own words, without the wrapping and the position that sqlx adds.
fn server_text(source: &sqlx::Error) -> String {
    source.as_database_error().map_or_else(|| source.to_string(), |error| error.message().to_owned())
}

impl From<sqlx::Error> for DatabaseError {
    fn from(source: sqlx::Error) -> Self {
        let sqlstate =
            source.as_database_error().and_then(|error| error.code()).map(|code| code.into_owned());
        match sqlstate {
            Some(sqlstate) => by_sqlstate(sqlstate, source),
            None => match source {
                sqlx::Error::ColumnDecode { .. }
                | sqlx::Error::ColumnIndexOutOfBounds { .. }
                | sqlx::Error::ColumnNotFound(_)
                | sqlx::Error::Decode(_)
                | sqlx::Error::RowNotFound => Self::Unreadable(source.to_string()),
                // An argument that cannot be encoded is as hopeless as one the server refuses.
                sqlx::Error::Encode(_) | sqlx::Error::InvalidArgument(_) | sqlx::Error::Configuration(_) => {
                    Self::Misuse { sqlstate: "22000".to_owned(), source }
                }
                _ => Self::Unavailable(source),
            },
        }
    }
}

fn by_sqlstate(sqlstate: String, source: sqlx::Error) -> DatabaseError {
    match sqlstate.as_str() {
        "57014" | "55P03" | "25P03" | "57P05" => DatabaseError::Timeout { sqlstate, source },
        // The backend goes away with these, possibly after the commit.
        "57P01" | "57P02" => DatabaseError::Unavailable(source),
        "40001" | "40P01" | "57P03" => DatabaseError::Busy { sqlstate, source },
        code if code.starts_with("53") || code.starts_with("58") || code.starts_with("08") => {
            DatabaseError::Busy { sqlstate, source }
        }
        _ => DatabaseError::Misuse { sqlstate, source },
    }
}
