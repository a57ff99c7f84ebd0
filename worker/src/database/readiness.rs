//! Whether this database is one the worker may work on: durable commits, the right schema, no rights to spare.

use sqlx::{Connection, Row};
use time::OffsetDateTime;

use super::{Database, DatabaseError, SessionLimits};

/// What the database says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Readiness {
    /// `synchronous_commit` as this role has it; anything but `off` is durable.
    pub synchronous_commit: String,
    /// The newest migration applied.
    pub migration: String,
    /// The server's version, such as `15.20`.
    pub server_minor: String,
    /// Why personal data cannot be sealed; none when it can.
    pub operator_key_problem: Option<String>,
}

/// Rights the worker's role should not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleRights {
    /// The role the worker is connected as.
    pub role: String,
    /// What it may do beyond calling the worker's verbs, in words; empty is right.
    pub excess: Vec<String>,
}

/// Facts that `octroi doctor` shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Surroundings {
    /// Installed version of the extension `octroi`; none when it is not installed.
    pub extension_version: Option<String>,
    /// The server's clock.
    pub clock: OffsetDateTime,
    /// Whether PUBLIC may make temporary objects here: a database made from a dump or template has that default again.
    pub public_may_make_temporary: bool,
    /// Whether this session is encrypted.
    pub is_encrypted: bool,
}

/// A superuser has every other right as well, so nothing else is worth telling about one.
const ROLE_RIGHTS: &str = "\
select current_user::text,
       case when r.rolsuper then array['is a superuser']
       else array_remove(array[
         case when r.rolbypassrls then 'bypasses row security' end,
         case when r.rolcreaterole then 'may create roles' end,
         case when r.rolcreatedb then 'may create databases' end,
         case when r.rolreplication then 'may replicate' end,
         (select 'may act as ' || string_agg(o.rolname, ', ' order by o.rolname)
            from pg_catalog.pg_roles o
           where o.oid <> r.oid and pg_catalog.pg_has_role(r.oid, o.oid, 'member')
          having count(*) > 0),
         (select format('has direct rights on %s tables, such as %s', count(*), min(c.oid::regclass::text))
            from pg_catalog.pg_class c
            join pg_catalog.pg_namespace n on n.oid = c.relnamespace
           where n.nspname in ('octroi', 'octroi_private', 'auth')
             and c.relkind in ('r', 'p', 'v', 'm', 'f')
             and pg_catalog.has_table_privilege(r.oid, c.oid, 'select, insert, update, delete, truncate')
          having count(*) > 0)
       ], null) end::text[]
  from pg_catalog.pg_roles r
 where r.rolname = current_user";

impl Database {
    /// Opens one connection and closes it, to learn why none can be had: the pool would only say that it waited.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn reach(&self) -> Result<(), DatabaseError> {
        self.session(SessionLimits::POOL).run(async |connection| connection.ping().await).await
    }

    /// What the database says about itself, through the worker's own role.
    ///
    /// # Errors
    /// Any [`DatabaseError`]; [`DatabaseError::Misuse`] when the schema or the right to ask is missing.
    pub async fn worker_ready(&self) -> Result<Readiness, DatabaseError> {
        let query = sqlx::query(
            "select synchronous_commit, migration, server_minor, operator_key_problem
               from octroi_private.worker_ready()",
        );
        let row = self.answer(query.fetch_one(self.pool())).await?;
        Ok(Readiness {
            synchronous_commit: row.try_get(0)?,
            migration: row.try_get(1)?,
            server_minor: row.try_get(2)?,
            operator_key_problem: row.try_get(3)?,
        })
    }

    /// Which rights the worker's role has that it should not.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn role_rights(&self) -> Result<RoleRights, DatabaseError> {
        let query = sqlx::query(ROLE_RIGHTS);
        let row = self.answer(query.fetch_one(self.pool())).await?;
        Ok(RoleRights { role: row.try_get(0)?, excess: row.try_get(1)? })
    }

    /// Facts that `octroi doctor` shows.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn surroundings(&self) -> Result<Surroundings, DatabaseError> {
        let query = sqlx::query(
            "select (select e.extversion from pg_catalog.pg_extension e where e.extname = 'octroi'),
                    pg_catalog.clock_timestamp(),
                    exists (
                      select from pg_catalog.pg_database d
                       cross join lateral pg_catalog.aclexplode(coalesce(d.datacl, pg_catalog.acldefault('d', d.datdba))) a
                       where d.datname = current_database() and a.grantee = 0 and a.privilege_type = 'TEMPORARY'),
                    coalesce((select s.ssl from pg_catalog.pg_stat_ssl s where s.pid = pg_catalog.pg_backend_pid()), false)",
        );
        let row = self.answer(query.fetch_one(self.pool())).await?;
        Ok(Surroundings {
            extension_version: row.try_get(0)?,
            clock: row.try_get(1)?,
            public_may_make_temporary: row.try_get(2)?,
            is_encrypted: row.try_get(3)?,
        })
    }

    /// Whether the database answers at all; cheap enough for a readiness probe.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn ping(&self) -> Result<(), DatabaseError> {
        let query = sqlx::query("select 1");
        self.answer(query.execute(self.pool())).await?;
        Ok(())
    }
}
