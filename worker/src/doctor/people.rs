//! What `octroi doctor` says of users: those whom Auth knows and Octroi does not.

use super::Finding;
use crate::database::Database;

pub(super) async fn findings(database: &Database) -> Option<Finding> {
    match database.users_without_account().await {
        Ok(0) => Some(Finding::Good("every user of Auth has an account".to_owned())),
        Ok(left) => Some(Finding::Fault(format!(
            "{left} users of Auth have no account, and whatever they ask is refused: run `octroi people backfill`"
        ))),
        Err(error) => Finding::unchecked("whether every user of Auth has an account", &error),
    }
}
