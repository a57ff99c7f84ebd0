//! placeholder
use crate::{figure::Figure, rig::Rig};
use anyhow::Result;
use std::path::Path;
/// x
pub async fn measure(_rig: &Rig, _directory: &Path) -> Result<Vec<Figure>> {
    Ok(vec![])
}
