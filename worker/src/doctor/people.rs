//! What `octroi doctor` says of users: those whom Auth knows and Octroi does not.

use super::Finding;
use crate::database::Database;

/// Nothing when the database does not answer, which is said elsewhere.
pub(super) async fn findings(database: &Database) -> Option<Finding> {
    Some(match database.users_without_account().await.ok()? {
        0 => Finding::Good("every user of Auth has an account".to_owned()),
        left => Finding::Fault(format!(
            "{left} users of Auth have no account, and whatever they ask is refused: run `octroi people backfill`"
        )),
    })
}
