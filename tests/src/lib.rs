//! Shared stage of the Octroi tests.
