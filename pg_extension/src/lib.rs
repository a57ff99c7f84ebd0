//! The native functions of Octroi, in schema `octroi_native`.
//!
//! They hold no rule of their own. The hot verbs are SQL statements (`sql/*.sql`) that this library keeps prepared:
//! a plan made once is four times as fast through SPI as text passed at every call. The rules they apply are SQL
//! functions and constraints of `supabase/migrations`, and the same statements can be the bodies of SQL functions
//! where no library can be loaded.
//!
//! No table belongs to the extension: `pg_dump` leaves out what does.

mod count_tokens;
mod error;
mod operator_keys;
mod release;
mod reserve;
mod sealing;
mod segments;
mod settle;
mod statement;
mod verify_stripe_signature;

pgrx::pg_module_magic!(name, version);

/// Called by Postgres when a backend loads the library.
#[pgrx::pg_guard]
pub extern "C-unwind" fn _PG_init() {
    operator_keys::define_setting();
}
