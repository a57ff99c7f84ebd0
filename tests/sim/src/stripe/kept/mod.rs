//! The state file: what the stand-in knows outlives its process, so that a restart of the local stack loses nothing
//! that customers bought.

mod file;
mod writer;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::idempotency::KeptKey;
use super::state::Sim;
use super::world::World;

pub use writer::Writer;

/// The format of the file. Raised whenever a type that is kept changes, so that a file is never half understood.
const FORMAT: u32 = 1;

/// What is wrong with a state file.
#[derive(Debug, thiserror::Error)]
pub enum StateFileError {
    /// It is there and cannot be read.
    #[error("cannot read the state file {file}: {source}")]
    Read {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It is not what the stand-in writes.
    #[error("the state file {file} is damaged ({source}); remove it to begin with nothing")]
    Damaged {
        /// The file.
        file: PathBuf,
        /// What the parser said.
        source: serde_json::Error,
    },
    /// Another version of the stand-in has written it.
    #[error(
        "the state file {file} has format {found}, and this octroi-sim reads {FORMAT} only; remove it to begin with nothing"
    )]
    OtherFormat {
        /// The file.
        file: PathBuf,
        /// Its format.
        found: u32,
    },
    /// It cannot be written.
    #[error("cannot write the state file {file}: {source}")]
    Write {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

#[derive(Serialize)]
struct Written<'s> {
    format: u32,
    world: &'s World,
    keys: Vec<KeptKey>,
}

/// What a state file holds.
#[derive(Deserialize)]
pub struct Kept {
    pub world: World,
    pub keys: Vec<KeptKey>,
}

#[derive(Deserialize)]
struct Stamp {
    format: u32,
}

/// What the file holds; nothing if there is none yet.
pub fn read(file: &Path) -> Result<Option<Kept>, StateFileError> {
    let bytes = match std::fs::read(file) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(StateFileError::Read { file: file.to_owned(), source }),
    };
    let damaged = |source| StateFileError::Damaged { file: file.to_owned(), source };
    let Stamp { format: found } = serde_json::from_slice(&bytes).map_err(damaged)?;
    if found != FORMAT {
        return Err(StateFileError::OtherFormat { file: file.to_owned(), found });
    }
    serde_json::from_slice(&bytes).map(Some).map_err(damaged)
}

/// The whole state as it is at one moment, with the count of its changes; nothing if that still is `written`.
fn snapshot(sim: &Sim, written: Option<u64>) -> Option<(u64, serde_json::Result<Vec<u8>>)> {
    let world = sim.world();
    let changes = world.changes();
    if written == Some(changes) {
        return None;
    }
    // The keys are read while the world stands still: a request that is done and one that is kept are the same one.
    let keys = sim.keys.kept(world.now);
    Some((changes, serde_json::to_vec(&Written { format: FORMAT, world: &world, keys })))
}
