//! `octroi erasure`: the list of tombstones that is kept outside backups, and what it is for after a restore.

use std::path::Path;

use super::{Command, CommandError};
use crate::database::Replayed;

/// Tombstones asked for or replayed at once.
const PAGE_TOMBSTONES: usize = 5_000;

/// Prints every tombstone.
pub(super) async fn list(command: &mut Command<'_>) -> Result<(), CommandError> {
    let max = i32::try_from(PAGE_TOMBSTONES).unwrap_or(i32::MAX);
    let mut after: Option<String> = None;
    loop {
        let page = command.database.tombstones(after.as_deref(), max).await?;
        for line in &page {
            writeln!(command.out, "{line}")?;
        }
        match page.into_iter().last() {
            Some(last) => after = Some(last),
            None => return Ok(()),
        }
    }
}

/// Erases again whoever the list names. A crash costs nothing: who is erased already is absent the next time.
pub(super) async fn replay(command: &mut Command<'_>, from: &Path) -> Result<(), CommandError> {
    let text = std::fs::read_to_string(from)
        .map_err(|source| CommandError::Tombstones { path: from.to_owned(), source })?;
    let lines: Vec<String> =
        text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect();
    let mut sum = Replayed::default();
    for page in lines.chunks(PAGE_TOMBSTONES) {
        let replayed = command.database.replay_tombstones(page).await?;
        sum.erased += replayed.erased;
        sum.absent += replayed.absent;
    }
    writeln!(
        command.out,
        "tombstones: {}, erased again: {}, absent: {}",
        lines.len(),
        sum.erased,
        sum.absent
    )?;
    Ok(())
}
