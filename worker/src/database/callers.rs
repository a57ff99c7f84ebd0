//! Who is calling: by key hash, or by the user a verified JWT names.

use sqlx::Row;
use uuid::Uuid;

use super::{Database, DatabaseError};
use crate::openai::EndpointSet;

/// The caller behind an API key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyCaller {
    /// The key.
    pub api_key_id: Uuid,
    /// Who pays.
    pub account_id: Uuid,
    /// Who made the key.
    pub user_id: Uuid,
    /// Whether the key may be used.
    pub state: KeyState,
    /// What it may call.
    pub endpoints: EndpointSet,
}

/// Whether a key may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyState {
    /// It may.
    Active,
    /// Its owner revoked it.
    Revoked,
    /// Its time is over.
    Expired,
    /// Its account is suspended, or its user.
    Suspended,
}

/// The caller behind a JWT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UserCaller {
    /// Who pays.
    pub account_id: Uuid,
    /// Who acts.
    pub user_id: Uuid,
    /// Whether they may use the account.
    pub state: AccountState,
}

/// Whether a user may use an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountState {
    /// They may.
    Active,
    /// It is suspended, or they are.
    Suspended,
}

impl Database {
    /// The caller whose key has this SHA-256; none when no key has.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn authenticate_key(&self, key_sha256: &[u8; 32]) -> Result<Option<KeyCaller>, DatabaseError> {
        let query = sqlx::query(
            "select api_key_id, account_id, user_id, state, allowed_endpoints
               from octroi_private.authenticate_key($1)",
        )
        .bind(key_sha256.as_slice());
        let row = self.answer(query.fetch_optional(self.pool())).await?;
        let Some(row) = row else { return Ok(None) };
        let state = match row.try_get::<&str, _>(3)? {
            "active" => KeyState::Active,
            "revoked" => KeyState::Revoked,
            "expired" => KeyState::Expired,
            "suspended" => KeyState::Suspended,
            other => return Err(DatabaseError::Unreadable(format!("key state {other}"))),
        };
        let allowed: Option<Vec<String>> = row.try_get(4)?;
        Ok(Some(KeyCaller {
            api_key_id: row.try_get(0)?,
            account_id: row.try_get(1)?,
            user_id: row.try_get(2)?,
            state,
            endpoints: allowed.map_or(EndpointSet::ALL, |names| EndpointSet::from_names(&names)),
        }))
    }

    /// The user's standing in an account, the personal one when none is named; none when not a member.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn authenticate_user(
        &self,
        user_id: Uuid,
        account_id: Option<Uuid>,
    ) -> Result<Option<UserCaller>, DatabaseError> {
        let query =
            sqlx::query("select account_id, user_id, state from octroi_private.authenticate_user($1, $2)")
                .bind(user_id)
                .bind(account_id);
        let row = self.answer(query.fetch_optional(self.pool())).await?;
        let Some(row) = row else { return Ok(None) };
        let state = match row.try_get::<&str, _>(2)? {
            "active" => AccountState::Active,
            "suspended" => AccountState::Suspended,
            other => return Err(DatabaseError::Unreadable(format!("account state {other}"))),
        };
        Ok(Some(UserCaller { account_id: row.try_get(0)?, user_id: row.try_get(1)?, state }))
    }
}
