//! An admin is demoted, or removed, while something of theirs waits for the team: what they may do is what they may do
//! when it is done, and not when they began.

use octroi_tests::cast::act_as;
use octroi_tests::deadline::eventually;
use octroi_tests::stage::{Stage, play};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::task::JoinHandle;
use uuid::Uuid;

/// What an admin of a team may do and others may not. `{mia}` is a member, `{key}` a key of hers, `{invitation}` one
/// that waits.
const ACTS: [(&str, &str); 14] = [
    ("invite_member", "octroi.invite_member('zoe@example.test', 'https://app.example/join')"),
    ("resend_invitation", "octroi.resend_invitation('{invitation}')"),
    ("revoke_invitation", "octroi.revoke_invitation('{invitation}')"),
    ("remove_member", "octroi.remove_member('{mia}')"),
    ("set_member_budget", "octroi.set_member_budget('{mia}', 'tokens', 'day', 5)"),
    ("set_budget", "octroi.set_budget('tokens', 'day', 5)"),
    ("set_key_budget", "octroi.set_key_budget('{key}', 'tokens', 'day', 5)"),
    ("restrict_api_key", "octroi.restrict_api_key('{key}')"),
    ("revoke_api_key", "octroi.revoke_api_key('{key}')"),
    ("set_auto_top_up", "octroi.set_auto_top_up('tokens_100k', 1, 500)"),
    ("set_default_output", "octroi.set_default_output(100)"),
    ("open_portal", "octroi.open_portal('https://app.example/a')"),
    (
        "start_checkout",
        "octroi.start_checkout('premium', 'month', 'https://app.example/a', 'https://app.example/b')",
    ),
    ("update_my_contact", "octroi.update_my_contact('Another name')"),
];

struct Team {
    id: Uuid,
    owner: Uuid,
    admin: Uuid,
    member: Uuid,
    key: Uuid,
    invitation: Uuid,
}

/// A team on plan basic, whose people have confirmed their addresses, with an invitation that waits.
async fn meet(stage: &Stage) -> Team {
    let [id, owner, admin, member] = [(); 4].map(|()| Uuid::now_v7());
    for person in [owner, admin, member] {
        sqlx::query("insert into auth.users (id, email, email_confirmed_at) values ($1, $2, now())")
            .bind(person)
            .bind(format!("{person}@example.test"))
            .execute(&stage.pool)
            .await
            .unwrap();
    }
    let mut connection = stage.connect().await;
    let mut transaction = connection.begin().await.unwrap();
    sqlx::query(
        "insert into octroi_private.account (id, kind, owner_user_id, name) values ($1, 'team', $2, 'Team')",
    )
    .bind(id)
    .bind(owner)
    .execute(&mut *transaction)
    .await
    .unwrap();
    for (person, role) in [(owner, "owner"), (admin, "admin"), (member, "member")] {
        sqlx::query("insert into octroi_private.member (account_id, user_id, role) values ($1, $2, $3)")
            .bind(id)
            .bind(person)
            .bind(role)
            .execute(&mut *transaction)
            .await
            .unwrap();
    }
    sqlx::query("select octroi_private.assign_plan($1, 'basic')")
        .bind(id)
        .execute(&mut *transaction)
        .await
        .unwrap();
    sqlx::query("select octroi_private.set_team_settings('{\"seconds_between_letters\": 0}')")
        .execute(&mut *transaction)
        .await
        .unwrap();
    transaction.commit().await.unwrap();

    let mut transaction = connection.begin().await.unwrap();
    act_for(&mut transaction, owner, id).await;
    let invitation: Uuid = sqlx::query_scalar("select octroi.invite_member($1, 'https://app.example/join')")
        .bind(format!("{}@example.test", Uuid::now_v7()))
        .fetch_one(&mut *transaction)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    let mut transaction = connection.begin().await.unwrap();
    act_for(&mut transaction, member, id).await;
    let key: Uuid = sqlx::query_scalar(
        "select k.id from octroi.create_api_key('mine', '[]', null, array['gpt-5.4-mini']) as k",
    )
    .fetch_one(&mut *transaction)
    .await
    .unwrap();
    transaction.commit().await.unwrap();
    Team { id, owner, admin, member, key, invitation }
}

async fn act_for(transaction: &mut sqlx::PgTransaction<'_>, user_id: Uuid, account_id: Uuid) {
    act_as(transaction, user_id).await;
    sqlx::query("select set_config('octroi.account', $1, true)")
        .bind(account_id.to_string())
        .execute(&mut **transaction)
        .await
        .unwrap();
}

/// What a statement of the admin's came to: its answer, or its SQLSTATE.
fn go(mut connection: PgConnection, team: &Team, statement: String) -> JoinHandle<String> {
    let (admin, id) = (team.admin, team.id);
    tokio::spawn(async move {
        let mut transaction = connection.begin().await.unwrap();
        act_for(&mut transaction, admin, id).await;
        let query = sqlx::query_scalar::<_, String>(AssertSqlSafe(format!("select ({statement})::text")));
        match query.fetch_one(&mut *transaction).await {
            Ok(answer) => {
                transaction.commit().await.unwrap();
                answer
            }
            Err(error) => error.as_database_error().unwrap().code().unwrap().into_owned(),
        }
    })
}

/// The owner decides about the admin and has not committed when the admin acts, who waits; then it commits.
async fn decided_first(stage: &Stage, (name, act): (&str, &str), decision: &str) {
    let team = meet(stage).await;
    let statement = act
        .replace("{mia}", &team.member.to_string())
        .replace("{key}", &team.key.to_string())
        .replace("{invitation}", &team.invitation.to_string());
    let mut connection = stage.connect().await;
    let mut deciding = connection.begin().await.unwrap();
    act_for(&mut deciding, team.owner, team.id).await;
    let decide = decision.replace("{admin}", &team.admin.to_string());
    sqlx::query(AssertSqlSafe(format!("select {decide}"))).execute(&mut *deciding).await.unwrap();

    let mut acting = stage.connect().await;
    let pid: i32 = sqlx::query_scalar("select pg_backend_pid()").fetch_one(&mut acting).await.unwrap();
    let running = go(acting, &team, statement);
    eventually("it waits", async || {
        let query = sqlx::query_scalar("select cardinality(pg_blocking_pids($1)) > 0").bind(pid);
        let waits: bool = query.fetch_one(&stage.pool).await.unwrap();
        assert!(!running.is_finished(), "{name} does not wait for who decides about whoever calls it");
        waits.then_some(())
    })
    .await;
    deciding.commit().await.unwrap();

    let outcome = running.await.unwrap();
    // a key that is not theirs any more is none
    let is_refused = ["OC021", "OC025", "false"].contains(&outcome.as_str());
    assert!(is_refused, "{name} after {decision}: {outcome}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_demoted_while_they_wait_does_nothing_more_as_an_admin() {
    play(async |stage| {
        stage
            .run("update octroi_private.billing_setting set return_origins = array['https://app.example']")
            .await;
        for act in ACTS {
            decided_first(stage, act, "octroi.set_member_role('{admin}', 'member')").await;
        }
        stage.assert_sound().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_removed_while_they_wait_does_nothing_more_for_the_team() {
    play(async |stage| {
        stage
            .run("update octroi_private.billing_setting set return_origins = array['https://app.example']")
            .await;
        for act in ACTS {
            decided_first(stage, act, "octroi.remove_member('{admin}')").await;
        }
        stage.assert_sound().await;
    })
    .await;
}
