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

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
