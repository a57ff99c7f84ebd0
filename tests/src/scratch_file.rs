//! A file of one test's own.

use std::path::{Path, PathBuf};

use uuid::Uuid;

/// Removed when dropped.
#[derive(Debug)]
pub struct ScratchFile(PathBuf);

impl ScratchFile {
    /// A new file with this text.
    pub fn holding(text: &str) -> Self {
        let file = std::env::temp_dir().join(format!("octroi-test-{}", Uuid::new_v4()));
        std::fs::write(&file, text).unwrap();
        Self(file)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for ScratchFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
