//! The endpoints that are metered. Anything else does not exist for a client.

use std::fmt;

/// A provider endpoint with a request allow-list, an input bound and a usage parser of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// `POST /v1/chat/completions`
    ChatCompletions,
    /// `POST /v1/responses`
    Responses,
    /// `POST /v1/embeddings`
    Embeddings,
}

impl Endpoint {
    /// Every endpoint, for tables and tests.
    pub const ALL: [Self; 3] = [Self::ChatCompletions, Self::Responses, Self::Embeddings];

    /// The path below the base URL; the base URL ends in `/v1`, so the gateway's route is `/v1` + this.
    pub const fn path(self) -> &'static str {
        match self {
            Self::ChatCompletions => "/chat/completions",
            Self::Responses => "/responses",
            Self::Embeddings => "/embeddings",
        }
    }

    /// The name kept in the ledger (`p_endpoints` of `reserve_many`).
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ChatCompletions => "chat.completions",
            Self::Responses => "responses",
            Self::Embeddings => "embeddings",
        }
    }

    /// The endpoint of a ledger name, for jobs that read it back.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|endpoint| endpoint.as_str() == name)
    }
}

/// Some of the endpoints: those a key may call, or a model answers at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndpointSet([bool; Endpoint::ALL.len()]);

impl EndpointSet {
    /// Every endpoint, those of later versions as well.
    pub const ALL: Self = Self([true; Endpoint::ALL.len()]);

    /// The endpoints of these ledger names. A name that only newer workers know allows nothing here.
    pub fn from_names<S: AsRef<str>>(names: &[S]) -> Self {
        Self(Endpoint::ALL.map(|endpoint| names.iter().any(|name| name.as_ref() == endpoint.as_str())))
    }

    /// Each of them.
    pub fn iter(self) -> impl Iterator<Item = Endpoint> {
        Endpoint::ALL.into_iter().filter(move |endpoint| self.contains(*endpoint))
    }

    /// Whether `endpoint` is one of them.
    pub fn contains(self, endpoint: Endpoint) -> bool {
        Endpoint::ALL.iter().zip(self.0).any(|(candidate, is_in)| is_in && *candidate == endpoint)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_has_what_was_named_and_nothing_that_is_not_known() {
        let set = EndpointSet::from_names(&["embeddings", "images"]);
        let within = Endpoint::ALL.map(|endpoint| set.contains(endpoint));
        assert_eq!(within, Endpoint::ALL.map(|endpoint| endpoint == Endpoint::Embeddings));
        assert!(Endpoint::ALL.iter().all(|endpoint| EndpointSet::ALL.contains(*endpoint)));
        assert_eq!(EndpointSet::from_names::<&str>(&[]), EndpointSet([false; 3]));
    }
}
