//! API keys that turned up where they should not.

use sqlx::Row;

use super::{Database, DatabaseError};

/// Hashes that one call takes.
pub const LEAKED_KEYS_MAX: usize = 1000;

/// What was revoked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RevokedKeys {
    /// Keys.
    pub keys: u64,
    /// Secrets that a rotation had replaced already, and that still worked.
    pub replaced_secrets: u64,
}

impl Database {
    /// Revokes the keys with these SHA-256 hashes, at most [`LEAKED_KEYS_MAX`] of them.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn revoke_leaked_keys(&self, hashes: &[[u8; 32]]) -> Result<RevokedKeys, DatabaseError> {
        let hashes: Vec<&[u8]> = hashes.iter().map(<[u8; 32]>::as_slice).collect();
        let query = sqlx::query("select revoked, graces_ended from octroi_private.revoke_leaked_keys($1)")
            .bind(hashes);
        let row = self.answer(query.fetch_one(self.pool())).await?;
        let count = |rows: i64| u64::try_from(rows).unwrap_or_default();
        Ok(RevokedKeys { keys: count(row.try_get(0)?), replaced_secrets: count(row.try_get(1)?) })
    }
}
