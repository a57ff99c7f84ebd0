//! `octroi people backfill`: takes in the users whom Auth had before Octroi came. Every bite is a transaction of its own and
//! passes over who is here, so it may be stopped, repeated, and run while people sign up.

use super::{Command, CommandError, progress};

/// Users in one transaction: short enough that nobody who changes their address waits for it.
const BITE_USERS: i32 = 500;

pub(super) async fn backfill(command: &mut Command<'_>) -> Result<bool, CommandError> {
    let bar = progress::bar("accounts", command.database.users_without_account().await?);
    let (mut users, mut accounts_opened, mut addresses_kept, mut after) = (0, 0, 0, None);
    loop {
        let bite = command.database.backfill_people(after, BITE_USERS).await?;
        users += bite.users;
        accounts_opened += bite.accounts_opened;
        addresses_kept += bite.addresses_kept;
        bar.set_position(accounts_opened);
        let Some(last) = bite.last_user_id else { break };
        after = Some(last);
    }
    bar.finish_and_clear();
    let left = command.database.users_without_account().await?;
    writeln!(command.out, "users: {users}")?;
    writeln!(command.out, "accounts opened: {accounts_opened}")?;
    writeln!(command.out, "addresses kept: {addresses_kept}")?;
    writeln!(command.out, "without an account: {left}")?;
    Ok(left == 0)
}
