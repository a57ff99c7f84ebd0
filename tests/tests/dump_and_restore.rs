//! A dump keeps every row, policy and right, and what is restored from it goes on metering.

use octroi_tests::pg_tools::{dump, restore};
use octroi_tests::stage::{Stage, play};
use octroi_tests::template::superuser;
use octroi_tests::verbs::{Call, Usage, expire_due, release, reserve, settle};
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// Everything countable about the two schemas, one line each.
async fn inventory(stage: &Stage) -> Vec<String> {
    let mut lines: Vec<String> = sqlx::query_scalar(
        "select format('policy %s.%s %s %s %s %s', schemaname, tablename, policyname, roles, qual, with_check) from pg_policies
         union all
         select format('table %s %s %s %s owner %s rights %s', c.oid::regclass, c.relkind, c.relrowsecurity, c.relforcerowsecurity,
           c.relowner::regrole, 
           (select array_agg(a::text order by a::text) from unnest(coalesce(c.relacl, acldefault('r', c.relowner))) as a))
         from pg_class as c where c.relnamespace in ('octroi'::regnamespace, 'octroi_private'::regnamespace) and c.relkind in ('r', 'p', 'v')
         union all
         select format('function %s definer %s owner %s settings %s rights %s', p.oid::regprocedure, p.prosecdef, p.proowner::regrole,
           p.proconfig, (select array_agg(a::text order by a::text) from unnest(p.proacl) as a))
         from pg_proc as p
         where p.pronamespace in ('octroi'::regnamespace, 'octroi_private'::regnamespace, 'octroi_native'::regnamespace)
         union all
         select format('trigger %s on %s: %s', t.tgname, t.tgrelid::regclass, pg_get_triggerdef(t.oid))
         from pg_trigger as t where not t.tgisinternal
         union all
         select format('constraint %s %s', c.conname, pg_get_constraintdef(c.oid))
         from pg_constraint as c where c.connamespace = 'octroi_private'::regnamespace
         order by 1",
    )
    .fetch_all(&stage.pool)
    .await
    .unwrap();
    let tables: Vec<String> = sqlx::query_scalar(
        "select c.oid::regclass::text from pg_class as c
         where c.relnamespace = 'octroi_private'::regnamespace and c.relkind in ('r', 'p') order by 1",
    )
    .fetch_all(&stage.pool)
    .await
    .unwrap();
    for table in tables {
        let count = format!(
            "select format('rows {table} %s %s', count(*), md5(string_agg(t::text, '' order by t::text))) from {table} as t"
        );
        lines.push(sqlx::query_scalar(AssertSqlSafe(count)).fetch_one(&stage.pool).await.unwrap());
    }
    lines
}

/// An account with something in every state.
async fn live_a_little(stage: &Stage) -> octroi_tests::cast::Caller {
    let limits = [("account", "", "tokens", "month", 200, 0), ("member", "", "requests", "day", 50, 0)];
    let caller = stage.sign_up_with(&limits).await;
    let keyed = caller.with_key(
        &stage.make_key(caller, json!([{ "meter": "tokens", "period": "day", "amount": 5000 }])).await,
    );
    stage.grant(caller, "promo", 500, None).await;
    stage.set_budget(caller, ("model", "gpt-5.4"), "cost", "month", 1_000_000_000).await;
    let calls: Vec<Call> =
        (0..5).map(|number| Call::new(keyed, 50, 30).keyed(&format!("key-{number}"), 1)).collect();
    for call in &calls {
        assert!(reserve(&stage.pool, call).await.is_granted());
    }
    for call in &calls[..3] {
        settle(
            &stage.pool,
            &Usage { response_body: Some(b"{}".to_vec()), ..Usage::new(call.request_id, 50, 25) },
        )
        .await;
    }
    release(&stage.pool, calls[3].request_id).await;
    stage.let_pass(time::Duration::minutes(12)).await;
    expire_due(&stage.pool).await;
    reserve(&stage.pool, &Call::new(keyed, 10, 20)).await;
    sqlx::query("insert into octroi_private.job (kind, args) values ('complete_request', '{}')")
        .execute(&stage.pool)
        .await
        .unwrap();
    caller
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_row_policy_and_right_survives_and_the_verbs_go_on() {
    play(async |stage| {
        let caller = live_a_little(stage).await;
        let before = inventory(stage).await;
        assert!(before.len() > 150, "{} things", before.len());
        let script = dump(&stage.superuser(), &[]);
        let name = format!("{}_restored", stage.database);
        let mut connection = PgConnection::connect_with(&superuser()).await.unwrap();
        sqlx::query(AssertSqlSafe(format!("create database \"{name}\" template template0")))
            .execute(&mut connection)
            .await
            .unwrap();
        let restored = Stage::on(&superuser(), name);
        restore(&restored.superuser(), &script);

        let after = inventory(&restored).await;
        let (lost, new): (Vec<_>, Vec<_>) = (
            before.iter().filter(|line| !after.contains(line)).collect(),
            after.iter().filter(|line| !before.contains(line)).collect(),
        );
        assert!(lost.is_empty() && new.is_empty(), "lost {lost:#?}, new {new:#?}");
        restored.assert_sound().await;
        let used = restored.balance(caller, "tokens", "month").await.used;
        let call = Call::new(caller, 10, 20);
        assert!(reserve(&restored.pool, &call).await.is_granted());
        settle(&restored.pool, &Usage::new(call.request_id, 10, 20)).await;
        assert_eq!(restored.balance(caller, "tokens", "month").await.used, used + 30);
        restored.assert_sound().await;
        restored.strike().await;
    })
    .await;
}
