//! OpenAI semantics: requests, token bounds, usage, streams.
