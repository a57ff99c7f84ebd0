//! What `octroi doctor` says of people's requests about their data: those that are due soon or late.

use super::Finding;
use crate::database::Database;

/// Requests that are named one by one; of more only the number is told.
const NAMED_MAX: usize = 20;

/// The most urgent requests first.
pub(super) async fn findings(database: &Database) -> Vec<Finding> {
    let troubles = match database.privacy_troubles().await {
        Ok(troubles) => troubles,
        Err(error) => return vec![Finding::Fault(format!("privacy requests cannot be listed: {error}"))],
    };
    if troubles.is_empty() {
        return vec![Finding::Good("no request about personal data is due soon or late".to_owned())];
    }
    let named = troubles.iter().take(NAMED_MAX).map(|trouble| {
        Finding::Warning(format!("privacy request {}: {}", trouble.request_id, trouble.detail))
    });
    let more = troubles.len().saturating_sub(NAMED_MAX);
    let rest = (more > 0).then(|| {
        Finding::Warning(format!(
            "{more} privacy requests more: select * from octroi_private.privacy_troubles()"
        ))
    });
    named.chain(rest).collect()
}
