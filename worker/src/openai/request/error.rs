//! Why a request was refused before anything was reserved. Always HTTP 400, type `invalid_request_error`.

use thiserror::Error;

/// A request that cannot be metered as it stands. `message`, `param` and `code` are made for the client.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RequestError {
    /// Not JSON, or a number no 64-bit type holds (`1e309`, `NaN`).
    #[error("The body is not valid JSON (line {line}, column {column}).")]
    InvalidJson {
        /// 1-based line.
        line: usize,
        /// 1-based column.
        column: usize,
    },
    /// JSON, but not an object.
    #[error("The body must be a JSON object.")]
    NotAnObject,
    /// One object names a field twice; which of them would count is anybody's guess.
    #[error("Duplicate field: '{param}'.")]
    DuplicateField {
        /// Where, as `messages[0].role`.
        param: String,
    },
    /// Nested deeper than [`super::super::strict_json::MAX_DEPTH`].
    #[error("The body is nested too deeply (at most {max_depth} levels).")]
    TooDeep {
        /// The limit.
        max_depth: usize,
    },
    /// More values than [`super::super::strict_json::MAX_VALUES`].
    #[error("The body holds too many values (at most {max_values}).")]
    TooManyValues {
        /// The limit.
        max_values: usize,
    },
    /// A field outside the allow-list.
    #[error("Unknown parameter: '{param}'.")]
    UnknownField {
        /// Where.
        param: String,
    },
    /// A required field is absent.
    #[error("Missing required parameter: '{param}'.")]
    MissingField {
        /// Where.
        param: String,
    },
    /// A known field with a value outside its type or range.
    #[error("Invalid value for '{param}': {message}.")]
    InvalidValue {
        /// Where.
        param: String,
        /// What is expected.
        message: String,
    },
    /// A field OpenAI knows and Octroi refuses: it could not be metered, or would reach another tenant's data.
    #[error("'{param}'{} is not available here: {message}.", named(value))]
    NotAllowed {
        /// Where.
        param: String,
        /// The value that was refused, quoted, where it says more than the field does.
        value: Option<String>,
        /// Why, and what to do instead.
        message: &'static str,
    },
}

/// The value, if it is a name: what reads like a text may be somebody's, and no answer repeats that.
fn named(value: &Option<String>) -> String {
    let is_name =
        |value: &&str| value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"'\"_.:/-".contains(&byte));
    value.as_deref().filter(is_name).map(|value| format!(" is {value}, which")).unwrap_or_default()
}

impl RequestError {
    /// The text for the client.
    pub fn message(&self) -> String {
        self.to_string()
    }

    /// The offending field, as `messages[0].content`, if one is to blame.
    pub fn param(&self) -> Option<&str> {
        match self {
            Self::InvalidJson { .. }
            | Self::NotAnObject
            | Self::TooDeep { .. }
            | Self::TooManyValues { .. } => None,
            Self::DuplicateField { param }
            | Self::UnknownField { param }
            | Self::MissingField { param }
            | Self::InvalidValue { param, .. }
            | Self::NotAllowed { param, .. } => Some(param),
        }
    }

    /// A stable code for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::InvalidJson { .. } | Self::NotAnObject => "invalid_json",
            Self::DuplicateField { .. } => "duplicate_parameter",
            Self::TooDeep { .. } => "too_deep",
            Self::TooManyValues { .. } => "too_many_values",
            Self::UnknownField { .. } => "unknown_parameter",
            Self::MissingField { .. } => "missing_required_parameter",
            Self::InvalidValue { .. } => "invalid_value",
            Self::NotAllowed { .. } => "unsupported_parameter",
        }
    }
}
