//! Where the operator keys come from: a file, or the environment the server was started with.
//!
//! They are read anew for each operation and wiped after it, so that a backend holds none while it idles, and so that a
//! file that was replaced counts from that moment on. Reading takes some ten microseconds.

use std::ffi::CString;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use octroi_sealing::{KeyRing, RING_BYTES_MAX, RingError};
use pgrx::guc::{GucContext, GucFlags, GucRegistry, GucSetting};
use thiserror::Error;
use zeroize::Zeroizing;

/// The environment variable that is read when no file is named.
const VARIABLE: &str = "OCTROI_OPERATOR_KEYS";

/// Rights of a file that others than its owner have.
const RIGHTS_OF_OTHERS: u32 = 0o077;

static KEY_FILE: GucSetting<Option<CString>> = GucSetting::<Option<CString>>::new(None);

/// Why there are no operator keys. Names the file, and nothing of what is in it.
#[derive(Debug, Error)]
pub enum KeyProblem {
    /// Neither file nor variable is set.
    #[error("no operator keys: set octroi.key_file, or {VARIABLE} in the environment of the server")]
    Unset,
    /// The file cannot be read.
    #[error("the file of octroi.key_file cannot be read: {0}")]
    Unreadable(std::io::ErrorKind),
    /// Others can read it, or it is no file.
    #[error("the file of octroi.key_file must be a regular file that only its owner can read (chmod 600)")]
    Exposed,
    /// It is relative, and would depend on the server's directory.
    #[error("octroi.key_file must be an absolute path")]
    Relative,
    /// It is not text.
    #[error("the operator keys are not text")]
    NotText,
    /// What is in it is no key ring.
    #[error(transparent)]
    Ring(#[from] RingError),
}

/// Makes the setting known. A value from the configuration takes effect then; one that somebody who is no superuser set
/// in their session is dropped by Postgres.
pub fn define_setting() {
    GucRegistry::define_string_guc(
        c"octroi.key_file",
        c"File with Octroi's operator keys, which seal personal data.",
        c"One key_id:base64 a line, the active key first; only the server's user may read it.",
        &KEY_FILE,
        GucContext::Suset,
        GucFlags::SUPERUSER_ONLY,
    );
}

/// The operator keys, as they are now.
pub fn ring() -> Result<KeyRing, KeyProblem> {
    let text = match KEY_FILE.get().filter(|path| !path.is_empty()) {
        Some(path) => from_file(&PathBuf::from(path.into_string().map_err(|_| KeyProblem::NotText)?))?,
        None => from_environment()?,
    };
    Ok(KeyRing::read(&text)?)
}

fn from_file(path: &Path) -> Result<Zeroizing<String>, KeyProblem> {
    if !path.is_absolute() {
        return Err(KeyProblem::Relative);
    }
    let unreadable = |error: std::io::Error| KeyProblem::Unreadable(error.kind());
    // opening a pipe would stop the backend
    if !std::fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err(KeyProblem::Exposed);
    }
    let file = File::open(path).map_err(unreadable)?;
    // asked of what is open, so that it cannot be exchanged in between
    let about = file.metadata().map_err(unreadable)?;
    if !about.is_file() || about.mode() & RIGHTS_OF_OTHERS != 0 {
        return Err(KeyProblem::Exposed);
    }
    // one more than fits, so that too much is noticed; room enough that it never moves and leaves a copy behind
    let most = RING_BYTES_MAX + 1;
    let mut bytes = Zeroizing::new(Vec::with_capacity(2 * most));
    file.take(most as u64).read_to_end(&mut bytes).map_err(unreadable)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| KeyProblem::NotText)?;
    Ok(Zeroizing::new(text.to_owned()))
}

fn from_environment() -> Result<Zeroizing<String>, KeyProblem> {
    let text = std::env::var_os(VARIABLE).filter(|text| !text.is_empty()).ok_or(KeyProblem::Unset)?;
    text.into_string().map(Zeroizing::new).map_err(|_| KeyProblem::NotText)
}
