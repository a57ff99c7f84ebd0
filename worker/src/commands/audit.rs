//! `octroi audit verify`: walks the chain of the audit log. Its last line is `head: POSITION:HASH`, to be kept where
//! nobody who can write to this database can write.

use super::{Command, CommandError, progress};
use crate::cli::Anchor;
use crate::database::{AuditBreak, AuditPosition};

/// Links verified in one statement.
const PART_LINKS: i32 = 5_000;

/// Verifies all of it; false when it breaks, or is not the chain that the anchor was taken from.
pub(super) async fn verify(command: &mut Command<'_>, anchor: Option<&Anchor>) -> Result<bool, CommandError> {
    let head = command.database.audit_position(None).await?;
    let bar = progress::bar("entries", head.map_or(0, |head| head.position.unsigned_abs()));
    let mut last = AuditPosition { position: 0, hash: String::new() };
    loop {
        let part = command.database.verify_audit(last.position, PART_LINKS).await?;
        if let Some(reached) = part.last {
            last = reached;
        }
        bar.set_position(last.position.unsigned_abs());
        if let Some(found) = part.broken {
            bar.finish_and_clear();
            writeln!(command.out, "intact up to: {}", last.position)?;
            writeln!(command.out, "BROKEN at {}: {}", found.position, explain(&found))?;
            return Ok(false);
        }
        if part.checked < PART_LINKS {
            break;
        }
    }
    bar.finish_and_clear();
    if let Some(anchor) = anchor
        && !is_on_chain(command, anchor).await?
    {
        return Ok(false);
    }
    writeln!(command.out, "entries: {}", last.position)?;
    writeln!(command.out, "head: {}:{}", last.position, last.hash)?;
    Ok(true)
}

/// Whether what was written down earlier is still there. A tail that was cut off, or a chain that was made anew from
/// some point on, is sound in itself: this finds it.
async fn is_on_chain(command: &mut Command<'_>, anchor: &Anchor) -> Result<bool, CommandError> {
    let found = command.database.audit_position(Some(anchor.position)).await?;
    let problem = match found {
        Some(found) if found.hash == anchor.hash => return Ok(true),
        Some(_) => "the chain has another hash there: it was made anew from some entry before",
        None => "the chain does not reach so far: its end was cut off",
    };
    writeln!(command.out, "BROKEN at {}: {problem}", anchor.position)?;
    Ok(false)
}

fn explain(found: &AuditBreak) -> &str {
    match found.problem.as_str() {
        "missing_link" => "a link is missing",
        "missing_entry" => "the entry of this link is missing",
        "changed" => "the entry, this link or the one before it was changed",
        "unlinked_entry" => "an entry is in no link: it was slipped in, or its link was taken away",
        other => other,
    }
}
