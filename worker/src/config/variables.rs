//! Reading variables, with errors that name them and never show their values.

use std::collections::HashMap;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

use secrecy::SecretString;
use thiserror::Error;

/// A variable that is missing or wrong.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ConfigError {
    /// A required variable is not set or is empty.
    #[error("{variable} is not set: {advice}")]
    Missing {
        /// The variable's name.
        variable: &'static str,
        /// What to do about it.
        advice: &'static str,
    },
    /// A variable is set to something that cannot be used.
    #[error("{variable} {problem}")]
    Invalid {
        /// The variable's name.
        variable: &'static str,
        /// What is wrong and what would be right; never the value of a secret.
        problem: String,
    },
}

/// The environment as it was at start. An empty value counts as not set.
#[derive(Clone, Default)]
pub struct Variables(HashMap<String, String>);

impl Variables {
    /// The variables of this process. Those that are not UTF-8 are left out and so count as not set.
    pub fn of_process() -> Self {
        std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect()
    }

    /// The value of a variable, if it has one.
    pub fn optional(&self, variable: &str) -> Option<&str> {
        self.0.get(variable).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The value of a variable that must have one.
    ///
    /// # Errors
    /// [`ConfigError::Missing`] with the given advice.
    pub fn required(&self, variable: &'static str, advice: &'static str) -> Result<&str, ConfigError> {
        self.optional(variable).ok_or(ConfigError::Missing { variable, advice })
    }

    /// A required secret.
    ///
    /// # Errors
    /// [`ConfigError::Missing`] with the given advice.
    pub fn required_secret(
        &self,
        variable: &'static str,
        advice: &'static str,
    ) -> Result<SecretString, ConfigError> {
        self.required(variable, advice).map(SecretString::from)
    }

    /// A secret, if set.
    pub fn optional_secret(&self, variable: &str) -> Option<SecretString> {
        self.optional(variable).map(SecretString::from)
    }

    /// A number within `range`, or the default when not set.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] when it is no number or outside the range.
    pub fn number<T>(
        &self,
        variable: &'static str,
        default: T,
        range: RangeInclusive<T>,
    ) -> Result<T, ConfigError>
    where
        T: FromStr + PartialOrd + Display,
    {
        let Some(text) = self.optional(variable) else { return Ok(default) };
        match text.parse::<T>() {
            Ok(number) if range.contains(&number) => Ok(number),
            _ => Err(ConfigError::Invalid {
                variable,
                problem: format!("must be a whole number from {} to {}", range.start(), range.end()),
            }),
        }
    }

    /// An `http` or `https` URL without a trailing slash, if set.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] when it is not such a URL, or carries a password.
    pub fn http_url(&self, variable: &'static str) -> Result<Option<String>, ConfigError> {
        let Some(text) = self.optional(variable) else { return Ok(None) };
        let invalid = |problem: &str| ConfigError::Invalid { variable, problem: problem.to_owned() };
        let url =
            reqwest::Url::parse(text).map_err(|_| invalid("must be a URL such as https://example.com/v1"))?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err(invalid("must start with http:// or https:// and name a host"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(invalid("must not carry a user name or password"));
        }
        Ok(Some(text.trim_end_matches('/').to_owned()))
    }
}

impl FromIterator<(String, String)> for Variables {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(pairs: I) -> Self {
        Self(pairs.into_iter().collect())
    }
}
