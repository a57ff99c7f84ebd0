//! What the stories in `tests/` share: a stage (a migrated database of their own), a cast (users, plans, keys), the
//! verbs as SQL users call them, a gateway with the provider's stand-in behind it, and clusters that may be killed.
//!
//! | variable | what |
//! |---|---|
//! | `OCTROI_TEST_DATABASE_URL` | superuser of a throwaway cluster that has the extension |
//! | `OCTROI_TEST_BIN` | directory of the `octroi` binary, for tests that kill it |
//! | `OCTROI_PG_BINDIR`, `OCTROI_TEST_OS_USER`, `OCTROI_TEST_ROOT` | for tests that kill Postgres: its binaries, who runs them, where |
//! | `OCTROI_TEST_CHECKOUT` | a checkout whose SQL is tested instead of this one's |
//! | `NODE_BIN` | where `deno` is, for the edge function; `stack/node_modules/.bin` unless it says so |
//! | `OCTROI_TEST_LIVES` | how many random lives pgTAP tells, 5,000 unless it says so |
//! | `OCTROI_TEST_SEED` | repeats a run; every random choice follows from it |
//! | `OCTROI_UPDATE_SNAPSHOTS` | `1` writes the committed snapshots anew instead of comparing |

pub mod books;
pub mod cast;
pub mod child;
pub mod client;
pub mod cluster;
pub mod deadline;
pub mod edge_function;
pub mod erasure;
pub mod gateway;
pub mod mail;
pub mod model;
pub mod pg_tools;
pub mod promtool;
pub mod raw_http;
pub mod scratch_file;
pub mod seed;
pub mod shop;
pub mod stage;
pub mod template;
pub mod verbs;
