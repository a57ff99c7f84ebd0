//! A project that had users before Octroi came: nobody is left at the door, and nobody is told to sign in who has.

use std::time::Instant;

use octroi_tests::cast::{Caller, execute};
use octroi_tests::client::{chat, valid_token};
use octroi_tests::deadline::eventually;
use octroi_tests::gateway::{Gateway, environment, free_port, provider};
use octroi_tests::stage::{Stage, play};
use octroi_tests::template;
use octroi_worker::cli::{PeopleCommand, Serve};
use octroi_worker::commands::Command;
use octroi_worker::config::Variables;
use octroi_worker::doctor;
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool};
use uuid::Uuid;

const CHAT: &str = "/v1/chat/completions";
const USERS: i64 = 10_000;

/// As projects have them: every tenth is banned, every seventh has no address, some of them signed in anonymously,
/// every hundredth deleted themselves softly, some have a second factor.
const SIGN_UPS: &str = "
    insert into auth.users (id, email, is_anonymous, banned_until, deleted_at, created_at)
    select
      ('01a00000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid,
      case when n % 7 <> 0 then 'user-' || n || '@example.com' end, n % 14 = 0,
      case when n % 10 = 0 then 'infinity'::timestamptz end, case when n % 100 = 99 then now() end,
      now() - make_interval(hours => n)
    from generate_series(1, 10000) as n;
    insert into auth.mfa_factors (id, user_id, factor_type, status, created_at, updated_at)
    select gen_random_uuid(), u.id, 'totp', case when row_number() over () % 2 = 0 then 'verified' else 'unverified' end::auth.factor_status, now(), now()
    from auth.users as u where u.email like 'user-%00@example.com'";

async fn number(pool: &PgPool, query: &'static str) -> i64 {
    sqlx::query_scalar(query).fetch_one(pool).await.unwrap()
}

/// A database of Supabase's that has these users when the migrations run.
async fn installed_into_a_project() -> Stage {
    let server = template::superuser();
    let name = format!("octroi_test_{}_project", std::process::id());
    let mut connection = PgConnection::connect_with(&server).await.unwrap();
    for statement in
        [format!("drop database if exists \"{name}\" with (force)"), format!("create database \"{name}\"")]
    {
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await.unwrap();
    }
    let stage = Stage::on(&server, name);
    let (base, migrations) = template::scripts().split_first().map(|(b, m)| (b.clone(), m.to_vec())).unwrap();
    let mut inside = stage.connect().await;
    template::run(&mut inside, &[base]).await;
    sqlx::raw_sql(SIGN_UPS).execute(&mut inside).await.unwrap();
    let begun = Instant::now();
    template::run(&mut inside, &migrations).await;
    println!("migrated over {USERS} users in {:?}", begun.elapsed());
    let password = format!("alter role octroi_worker password '{}'", template::WORKER_PASSWORD);
    sqlx::raw_sql(AssertSqlSafe(password)).execute(&mut inside).await.unwrap();
    inside.close().await.unwrap();
    stage
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_users_from_before_have_an_account_when_the_migrations_have_run() {
    let stage = installed_into_a_project().await;
    let pool = &stage.pool;
    let living = number(pool, "select count(*) from auth.users where deleted_at is null").await;
    assert_eq!(living, USERS - 100);
    let on_the_default_plan = number(
        pool,
        "select count(*) from auth.users as u
         join octroi_private.person as p on p.user_id = u.id
         join octroi_private.account as a on a.owner_user_id = u.id and a.kind = 'personal' and a.status = 'active'
         join octroi_private.member as m on m.account_id = a.id and m.user_id = u.id and m.role = 'owner'
         join octroi_private.subscription as s on s.account_id = a.id and s.ended_at is null
         join octroi_private.plan_version as v on v.id = s.plan_version_id and v.plan_code = 'free'
         join octroi_private.notification_setting as n on n.user_id = u.id
         where u.deleted_at is null",
    )
    .await;
    assert_eq!(on_the_default_plan, living, "all that a sign-up gives, once");
    for (what, query) in [
        (
            "bans",
            "select (select count(*) from octroi_private.ban) - (select count(*) from auth.users where banned_until is not null and deleted_at is null)",
        ),
        (
            "addresses",
            "select (select count(*) from octroi_private.contact) - (select count(*) from auth.users where email is not null and deleted_at is null)",
        ),
        (
            "second factors",
            "select (select count(*) from octroi_private.second_factor) - (select count(*) from auth.mfa_factors as f join auth.users as u on u.id = f.user_id where f.status = 'verified' and u.deleted_at is null)",
        ),
        (
            "anything of whoever is deleted",
            "select count(*) from octroi_private.person as p join auth.users as u on u.id = p.user_id where u.deleted_at is not null",
        ),
        ("users without an account", "select octroi_private.users_without_account()"),
        (
            "breaks of the audit log",
            "select count(*) from octroi_private.verify_audit(0, 100000) where problem is not null",
        ),
    ] {
        assert_eq!(number(pool, query).await, 0, "{what}");
    }
    assert!(number(pool, "select count(*) from octroi_private.second_factor").await > 40, "some had one");

    let sim = provider().await;
    let parts = Serve { no_gateway: false, no_jobs: true };
    let gateway = Gateway::start_with(&stage, &sim, &[], parts).await;
    let call = async |n: u32| {
        let user_id = Uuid::parse_str(&format!("01a00000-0000-7000-8000-{n:012x}")).unwrap();
        let caller = Caller { account_id: Uuid::nil(), api_key_id: None, user_id };
        gateway.client.with(&valid_token(caller)).post(CHAT, &chat(json!({}))).await
    };
    assert_eq!(call(1).await.status, 200, "they are signed in and call");
    assert_eq!(call(14).await.status, 200, "anonymous ones, too");
    assert_eq!(call(20).await.code(), "account_suspended", "a ban from before holds");
    assert_eq!(call(99).await.status, 401, "whoever deleted themselves is gone");
    gateway.stop().await;
    stage.assert_sound().await;
    stage.strike().await;
}

/// Users that reach Auth while its triggers are off, as an import brings them.
async fn import(stage: &Stage, users: u32) -> Vec<Caller> {
    let mut connection = stage.connect().await;
    sqlx::raw_sql("set session_replication_role = replica").execute(&mut connection).await.unwrap();
    let mut callers = Vec::new();
    for _ in 0..users {
        let user_id = Uuid::now_v7();
        sqlx::query("insert into auth.users (id, email) values ($1, $1 || '@example.com')")
            .bind(user_id)
            .execute(&mut connection)
            .await
            .unwrap();
        callers.push(Caller { account_id: Uuid::nil(), api_key_id: None, user_id });
    }
    connection.close().await.unwrap();
    callers
}

/// What `my_quota()` says to the bearer of these claims: SQLSTATE, message and hint.
async fn refusal(stage: &Stage, claims: &str) -> (String, String, String) {
    let mut connection = stage.connect().await;
    sqlx::raw_sql("set role authenticated").execute(&mut connection).await.unwrap();
    sqlx::query("select set_config('request.jwt.claims', $1, false)")
        .bind(claims)
        .execute(&mut connection)
        .await
        .unwrap();
    let refused = sqlx::query("select octroi.my_quota()").fetch_all(&mut connection).await.unwrap_err();
    let error = refused.into_database_error().unwrap();
    let hint = error.downcast_ref::<sqlx::postgres::PgDatabaseError>().hint().unwrap_or_default().to_owned();
    (error.code().unwrap().into_owned(), error.message().to_owned(), hint)
}

async fn examine(variables: &Variables) -> String {
    let mut said = Vec::new();
    doctor::examine(variables, &mut said).await.unwrap();
    String::from_utf8(said).unwrap()
}

async fn backfill(variables: &Variables) -> (bool, String) {
    let mut said = Vec::new();
    let done = Command::new(variables, &mut said).unwrap().people(&PeopleCommand::Backfill).await.unwrap();
    (done, String::from_utf8(said).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_without_an_account_is_told_so_until_the_operator_opens_it() {
    play(async |stage| {
        let sim = provider().await;
        let variables: Variables = environment(stage, &sim, free_port(), &[]).into_iter().collect();
        let gateway = Gateway::start_with(stage, &sim, &[], Serve { no_gateway: false, no_jobs: true }).await;
        assert!(examine(&variables).await.contains("ok     every user of Auth has an account"));
        let callers = import(stage, 3).await;
        let claims = format!(r#"{{"sub": "{}", "role": "authenticated"}}"#, callers[0].user_id);

        let (sqlstate, message, hint) = refusal(stage, &claims).await;
        assert_eq!(sqlstate, "OC023");
        assert_eq!(message, "signed in, but this user has no account here yet");
        assert!(hint.contains("octroi people backfill"), "{hint}");
        let (sqlstate, message, _) = refusal(stage, "{}").await;
        assert_eq!((sqlstate.as_str(), message.as_str()), ("OC020", "not signed in"));
        let refused = gateway.client.with(&valid_token(callers[0])).post(CHAT, &chat(json!({}))).await;
        refused.assert_openai_error(403);
        assert_eq!(refused.code(), "no_account");
        let doctor = examine(&variables).await;
        assert!(doctor.contains("FAULT  3 users of Auth have no account"), "{doctor}");

        let (done, said) = backfill(&variables).await;
        assert!(done, "{said}");
        assert!(said.contains("accounts opened: 3\n") && said.contains("addresses kept: 3\n"), "{said}");
        let (_, again) = backfill(&variables).await;
        assert!(again.contains("accounts opened: 0\n") && again.contains("addresses kept: 0\n"), "{again}");
        assert!(examine(&variables).await.contains("ok     every user of Auth has an account"));
        let answered = gateway.client.with(&valid_token(callers[0])).post(CHAT, &chat(json!({}))).await;
        assert_eq!(answered.status, 200);

        // Whoever was erased is gone, and not somebody to be taken in.
        execute(&stage.pool, "delete from auth.users where id = $1", callers[0].user_id).await;
        let (sqlstate, message, _) = refusal(stage, &claims).await;
        assert_eq!((sqlstate.as_str(), message.as_str()), ("OC020", "this user is not there any more"));
        gateway.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_starts_takes_in_whoever_came_while_the_triggers_were_off() {
    play(async |stage| {
        let sim = provider().await;
        import(stage, 1201).await;
        let worker = Gateway::start_with(stage, &sim, &[], Serve { no_gateway: true, no_jobs: false }).await;
        eventually("everybody has an account", async || {
            (number(&stage.pool, "select octroi_private.users_without_account()").await == 0).then_some(())
        })
        .await;
        worker.stop().await;
    })
    .await;
}

/// Waits until somebody waits for a lock that `holder` has.
async fn is_waited_for(stage: &Stage, holder: &mut PgConnection) {
    let holder: i32 = sqlx::query_scalar("select pg_backend_pid()").fetch_one(holder).await.unwrap();
    eventually("somebody waits", async || {
        sqlx::query_scalar::<_, bool>(
            "select exists (select from pg_stat_activity as a where $1 = any(pg_blocking_pids(a.pid)))",
        )
        .bind(holder)
        .fetch_one(&stage.pool)
        .await
        .unwrap()
        .then_some(())
    })
    .await;
}

async fn one_by_one(stage: &Stage, first: &'static str, second: &'static str, user_id: Uuid) {
    let mut holder = stage.connect().await;
    let mut transaction = holder.begin().await.unwrap();
    sqlx::query(first).bind(user_id).execute(&mut *transaction).await.unwrap();
    let pool = stage.pool.clone();
    let waiting = tokio::spawn(async move { execute(&pool, second, user_id).await });
    is_waited_for(stage, &mut transaction).await;
    transaction.commit().await.unwrap();
    waiting.await.unwrap();
}

const ADMIT: &str = "select octroi_private.admit_user($1)";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_auth_does_while_a_user_is_taken_in_is_not_lost() {
    play(async |stage| {
        let callers = import(stage, 4).await;
        let left = async |user_id: Uuid| {
            sqlx::query_scalar::<_, i64>(
                "select (select count(*) from octroi_private.account where owner_user_id = $1)
                   + (select count(*) from octroi_private.person where user_id = $1)",
            )
            .bind(user_id)
            .fetch_one(&stage.pool)
            .await
            .unwrap()
        };
        const DELETE: &str = "delete from auth.users where id = $1";
        one_by_one(stage, ADMIT, DELETE, callers[0].user_id).await;
        assert_eq!(left(callers[0].user_id).await, 0, "taken in, then erased");
        one_by_one(stage, DELETE, ADMIT, callers[1].user_id).await;
        assert_eq!(left(callers[1].user_id).await, 0, "gone before they were taken in");

        const BAN: &str = "update auth.users set banned_until = 'infinity', email = null where id = $1";
        one_by_one(stage, ADMIT, BAN, callers[2].user_id).await;
        one_by_one(stage, BAN, ADMIT, callers[3].user_id).await;
        for caller in &callers[2..] {
            let kept: (bool, bool) = sqlx::query_as(
                "select octroi_private.is_banned($1), exists (select from octroi_private.contact where user_id = $1)",
            )
            .bind(caller.user_id)
            .fetch_one(&stage.pool)
            .await
            .unwrap();
            assert_eq!(kept, (true, false), "the ban holds, and the address that is no more theirs is not kept");
        }
    })
    .await;
}
