//! A file that is replaced as a whole or not at all.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Result, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Replaces the content of `file`. When this returns, it is on the disk; whoever reads before that gets the old one.
/// Only its owner may read it: it holds the secrets that webhooks are signed with.
pub fn replace(file: &Path, content: &[u8]) -> Result<()> {
    let partial = partial(file);
    match fs::remove_file(&partial) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        // What a crash left behind may have another mode.
        _ => {}
    }
    let mut new = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&partial)?;
    new.write_all(content)?;
    new.sync_all()?;
    fs::rename(&partial, file)?;
    let directory = file.parent().filter(|directory| !directory.as_os_str().is_empty());
    File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
}

fn partial(file: &Path) -> PathBuf {
    let mut name = OsString::from(file);
    name.push(".partial");
    PathBuf::from(name)
}
