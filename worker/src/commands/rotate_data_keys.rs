//! `octroi keys rotate`: wraps every data key with the active operator key. Its last line is `left: N`, the data keys
//! that another operator key still wraps; an old line may leave the key file when it says 0.
//!
//! Every batch is a transaction of its own and passes over what is done, so it may be stopped and started again at any
//! point, and may run while people sign up.

use super::{Command, CommandError, progress};
use crate::database::OperatorKeyUse;

/// Data keys in one transaction: short enough that nobody who changes their address waits for it.
const BATCH_ROWS: i32 = 200;

pub(super) async fn run(command: &mut Command<'_>) -> Result<bool, CommandError> {
    let to_do = left(&command.database.operator_key_use().await?);
    let bar = progress::bar("data keys", to_do);
    let (mut rotated, mut failed, mut after) = (0, 0, None);
    loop {
        let batch = command.database.rotate_data_keys(after, BATCH_ROWS).await?;
        rotated += batch.rotated;
        failed += batch.failed;
        bar.set_position(rotated + failed);
        let Some(last) = batch.last_user_id else { break };
        after = Some(last);
    }
    bar.finish_and_clear();
    // counted anew, from the rows as they are now
    let in_use = command.database.operator_key_use().await?;
    for key in &in_use {
        let OperatorKeyUse { operator_key_id, data_keys, .. } = key;
        let standing = match key {
            OperatorKeyUse { is_active: true, .. } => "active",
            OperatorKeyUse { is_known: false, .. } => "MISSING from the operator keys: put it back",
            OperatorKeyUse { data_keys: 0, .. } => "not in use: its line may be taken out",
            _ => "still in use: keep its line",
        };
        writeln!(command.out, "operator key {operator_key_id}: {data_keys} data keys, {standing}")?;
    }
    let left = left(&in_use);
    writeln!(command.out, "rotated: {rotated}")?;
    writeln!(command.out, "not opened: {failed}")?;
    writeln!(command.out, "left: {left}")?;
    Ok(left == 0)
}

fn left(in_use: &[OperatorKeyUse]) -> u64 {
    in_use.iter().filter(|key| !key.is_active).map(|key| key.data_keys).sum()
}
