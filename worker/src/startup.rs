//! What has to be true of the database before the worker does anything with it.

use thiserror::Error;

use crate::database::{Database, DatabaseError};

/// The oldest schema this worker can work with, as the version of its newest migration.
pub const MIGRATION_MIN: &str = "20261122001710";

/// Oldest minor release per major that carries the security fixes of CVE-2026-18408 and before.
const MINOR_MIN: [(u32, u32); 5] = [(18, 6), (17, 11), (16, 15), (15, 19), (14, 24)];

/// Why the worker does not start.
#[derive(Debug, Error)]
pub enum StartupError {
    /// Postgres cannot be reached or used.
    #[error("OCTROI_DATABASE_URL: {0}; check that Postgres is up and that the URL is right")]
    Database(#[source] DatabaseError),
    /// The verbs are not there, or not for this role.
    #[error(
        "the database has no octroi_private.worker_ready() for this role: apply supabase/migrations and connect as octroi_worker"
    )]
    NotMigrated(#[source] DatabaseError),
    /// The schema is too old.
    #[error(
        "the database is at migration {found}, this worker needs {MIGRATION_MIN} or later: apply supabase/migrations"
    )]
    OldMigration {
        /// The newest migration applied.
        found: String,
    },
    /// Commits would not be durable.
    #[error(
        "synchronous_commit is off for this role, so an acknowledged settle could be lost: alter role octroi_worker set synchronous_commit = on"
    )]
    NotDurable,
    /// The role could go around the verbs.
    #[error("the role {role} {}: connect as octroi_worker, which may only call the worker's verbs", excess.join(", "))]
    TooManyRights {
        /// The role connected as.
        role: String,
        /// What it may do that it should not.
        excess: Vec<String>,
    },
}

/// Checks everything that must be true, cheapest first.
///
/// # Errors
/// The first [`StartupError`].
pub async fn check(database: &Database) -> Result<(), StartupError> {
    database.reach().await.map_err(StartupError::Database)?;
    let readiness = database.worker_ready().await.map_err(|error| match error.sqlstate() {
        // undefined_function, undefined_schema, insufficient_privilege
        Some("42883" | "3F000" | "42501") => StartupError::NotMigrated(error),
        _ => StartupError::Database(error),
    })?;
    if readiness.synchronous_commit == "off" {
        return Err(StartupError::NotDurable);
    }
    if readiness.migration.as_str() < MIGRATION_MIN {
        return Err(StartupError::OldMigration { found: readiness.migration });
    }
    let rights = database.role_rights().await.map_err(StartupError::Database)?;
    if !rights.excess.is_empty() {
        return Err(StartupError::TooManyRights { role: rights.role, excess: rights.excess });
    }
    if let Some(problem) = &readiness.operator_key_problem {
        // calls are metered all the same
        tracing::warn!(problem, "personal data cannot be sealed: nobody can be written to");
    }
    if let Some(wanted) = missing_fixes(&readiness.server_minor) {
        tracing::warn!(found = readiness.server_minor, wanted, "Postgres lacks security fixes");
    }
    Ok(())
}

/// The release to upgrade to when `version`, such as `15.12`, lacks security fixes; none when it has them or its major
/// is newer than this worker.
pub fn missing_fixes(version: &str) -> Option<String> {
    let mut parts =
        version.split('.').map(|part| part.chars().take_while(char::is_ascii_digit).collect::<String>());
    let major: u32 = parts.next()?.parse().ok()?;
    let minor: u32 = parts.next()?.parse().ok()?;
    let (_, minor_min) = MINOR_MIN.into_iter().find(|&(known, _)| known == major)?;
    (minor < minor_min).then(|| format!("{major}.{minor_min}"))
}

#[cfg(test)]
mod tests {
    use super::missing_fixes;

    #[test]
    fn an_old_minor_release_is_told_what_to_upgrade_to() {
        assert_eq!(missing_fixes("15.12").as_deref(), Some("15.19"));
        assert_eq!(missing_fixes("18.5 (Debian 18.5-1)").as_deref(), Some("18.6"));
        assert_eq!(missing_fixes("15.19"), None);
        assert_eq!(missing_fixes("15.20 (Debian 15.20-0+deb12u1)"), None);
    }

    #[test]
    fn what_is_not_known_is_not_judged() {
        assert_eq!(missing_fixes("19.0"), None);
        assert_eq!(missing_fixes("19beta1"), None);
        assert_eq!(missing_fixes(""), None);
    }
}
