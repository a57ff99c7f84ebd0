//! What is logged, and how. Read before everything else, so that the rest can be reported.

use super::{ConfigError, Variables};

/// What is logged, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogConfig {
    /// A `tracing` filter such as `info,octroi_worker=debug`.
    pub filter: String,
    /// Shape of a line.
    pub format: LogFormat,
}

/// Shape of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object, for machines.
    Json,
    /// Plain text, for people.
    Pretty,
}

impl LogConfig {
    /// Reads `OCTROI_LOG` and `OCTROI_LOG_FORMAT`.
    ///
    /// # Errors
    /// A [`ConfigError`] naming the variable.
    pub fn read(variables: &Variables) -> Result<Self, ConfigError> {
        let filter = variables.optional("OCTROI_LOG").unwrap_or("info").to_owned();
        if tracing_subscriber::EnvFilter::try_new(&filter).is_err() {
            return Err(ConfigError::Invalid {
                variable: "OCTROI_LOG",
                problem: "must be a filter such as info or info,octroi_worker=debug".to_owned(),
            });
        }
        let format = match variables.optional("OCTROI_LOG_FORMAT") {
            None | Some("json") => LogFormat::Json,
            Some("pretty") => LogFormat::Pretty,
            Some(_) => {
                return Err(ConfigError::Invalid {
                    variable: "OCTROI_LOG_FORMAT",
                    problem: "must be json or pretty".to_owned(),
                });
            }
        };
        Ok(Self { filter, format })
    }
}
