//! The HTTP/1.1 server under every stand-in: it owns its sockets, because a stand-in must be able to
//! reset a connection, go away altogether and decide what leaves in one write.

mod body;
mod connection;
mod listener;

pub use body::{Aborted, SimBody, Step, Watcher};
pub use connection::Connection;
pub use listener::{ListenError, Listening, Responder, listen};

/// The largest request body a stand-in reads, in bytes. Larger ones are answered 413.
pub const MAX_BODY_BYTES: usize = 64 * 1024 * 1024;
