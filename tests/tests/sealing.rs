//! Personal data under seal: operator keys change under way, and nothing of it shows anywhere.

use std::collections::HashMap;

use octroi_tests::cluster::Cluster;
use octroi_tests::deadline::eventually;
use octroi_tests::pg_tools::dump;
use octroi_tests::stage::Stage;
use octroi_worker::cli::KeysCommand;
use octroi_worker::commands::{Command, CommandError};
use octroi_worker::config::Variables;
use sqlx::Connection;
use uuid::Uuid;

const BEFORE: [(&str, u8); 2] = [("k1", 1), ("index", 9)];
const DURING: [(&str, u8); 3] = [("k2", 2), ("k1", 1), ("index", 9)];
const AFTER: [(&str, u8); 2] = [("k2", 2), ("index", 9)];

/// Enough for several batches of a rotation.
const PEOPLE: i64 = 700;

const EMAIL_CANARY: &str = "canary.of.mine@nest.example";
const PHONE_CANARY: &str = "33698765432";
/// 32 times the byte of `k1`, in base64, as it stands in the key file.
const KEY_CANARY: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE";

fn variables(stage: &Stage) -> Variables {
    [("OCTROI_DATABASE_URL".to_owned(), stage.worker_url())].into_iter().collect()
}

/// `octroi keys rotate`: whether nothing is left, and what it says.
async fn rotate(stage: &Stage) -> Result<(bool, String), CommandError> {
    let (variables, mut said) = (variables(stage), Vec::new());
    let done = Command::new(&variables, &mut said)?.keys(&KeysCommand::Rotate).await?;
    Ok((done, String::from_utf8(said).unwrap()))
}

async fn sign_up_people(stage: &Stage) {
    sqlx::query(
        "insert into auth.users (id, email)
         select gen_random_uuid(), 'person' || n || '@example.com' from generate_series(1, $1) as n",
    )
    .bind(PEOPLE)
    .execute(&stage.pool)
    .await
    .unwrap();
}

/// Data keys by the operator key that wraps them.
async fn wrapped_by(stage: &Stage) -> HashMap<String, i64> {
    let rows: Vec<(String, i64)> =
        sqlx::query_as("select operator_key_id, count(*) from octroi_private.data_key group by 1")
            .fetch_all(&stage.pool)
            .await
            .unwrap();
    rows.into_iter().collect()
}

/// How many contacts open, and open as what Auth has.
async fn opened(stage: &Stage) -> i64 {
    sqlx::query_scalar(
        "select count(*) from octroi_private.contact as c
         join octroi_private.data_key as k using (user_id) join auth.users as u on u.id = c.user_id
         where octroi_native.open(k.wrapped, 'contact.email/' || c.user_id, c.email) = u.email",
    )
    .fetch_one(&stage.pool)
    .await
    .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotation_that_is_killed_half_way_loses_nothing_and_is_taken_up_again() {
    let cluster = Cluster::start().await;
    cluster.set_operator_keys(&BEFORE);
    let stage = Stage::open(&cluster.superuser()).await;
    sign_up_people(&stage).await;
    assert_eq!(wrapped_by(&stage).await, HashMap::from([("k1".to_owned(), PEOPLE)]));

    cluster.set_operator_keys(&DURING);
    // Somebody holds a key of a later batch, so that the rotation stands there when Postgres is killed.
    let mut holder = stage.connect().await;
    let mut held = holder.begin().await.unwrap();
    sqlx::query(
        "select 1 from octroi_private.data_key
         where user_id = (select k.user_id from octroi_private.data_key as k order by 1 offset 500 limit 1)
         for update",
    )
    .execute(&mut *held)
    .await
    .unwrap();
    let (killed, ()) = tokio::join!(rotate(&stage), async {
        eventually("two batches are through", async || {
            (wrapped_by(&stage).await.get("k2") == Some(&400)).then_some(())
        })
        .await;
        cluster.kill().await;
    });
    assert!(matches!(killed, Err(CommandError::Database(_))), "{killed:?}");
    drop(held);

    cluster.resume().await;
    assert_eq!(
        wrapped_by(&stage).await,
        HashMap::from([("k2".to_owned(), 400), ("k1".to_owned(), PEOPLE - 400)])
    );
    assert_eq!(opened(&stage).await, PEOPLE, "half way everything opens, by either key");
    stage.sign_up("late").await;

    let (done, said) = rotate(&stage).await.unwrap();
    assert!(done && said.ends_with("rotated: 300\nnot opened: 0\nleft: 0\n"), "{said}");
    assert!(said.contains("operator key k1: 0 data keys, not in use"), "{said}");
    cluster.set_operator_keys(&AFTER);
    assert_eq!(opened(&stage).await, PEOPLE + 1, "without the old key as well");
    let (done, said) = rotate(&stage).await.unwrap();
    assert!(done && said.contains("rotated: 0\n"), "again, there is nothing to do: {said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_key_taken_away_too_early_is_told_and_put_back() {
    let cluster = Cluster::start().await;
    cluster.set_operator_keys(&BEFORE);
    let stage = Stage::open(&cluster.superuser()).await;
    let ada = stage.sign_up("ada").await;
    cluster.set_operator_keys(&AFTER);
    assert_eq!(opened(&stage).await, 0);
    let (done, said) = rotate(&stage).await.unwrap();
    assert!(!done && said.ends_with("rotated: 0\nnot opened: 1\nleft: 1\n"), "{said}");
    assert!(said.contains("operator key k1: 1 data keys, MISSING"), "{said}");
    // A new address cannot be sealed with a data key that does not open; the user changes it all the same.
    sqlx::query("update auth.users set email = 'ada@new.example' where id = $1")
        .bind(ada.user_id)
        .execute(&stage.pool)
        .await
        .unwrap();

    cluster.set_operator_keys(&DURING);
    sqlx::query("update auth.users set email = email").execute(&stage.pool).await.unwrap();
    assert_eq!(opened(&stage).await, 1);
    assert!(rotate(&stage).await.unwrap().0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_operator_keys_the_command_says_so_and_not_which_they_were() {
    let cluster = Cluster::start().await;
    let stage = Stage::open(&cluster.superuser()).await;
    cluster.set_operator_keys(&[("k1", 1)]);
    let error = rotate(&stage).await.unwrap_err().to_string();
    assert!(error.contains("OC050") && error.contains("lack the line index:"), "{error}");
    assert!(!error.contains(KEY_CANARY));
}

/// Everything somebody does with an address, well and badly.
async fn live_a_life(stage: &Stage, cluster: &Cluster) -> Uuid {
    let user_id = Uuid::now_v7();
    let statements = [
        "insert into auth.users (id, email, phone) values ($1, $2, $3)",
        "update auth.users set email = upper($2), phone = $3 where id = $1",
        "update auth.users set email = $2, phone = $3 where id = $1",
    ];
    for statement in statements {
        let query = sqlx::query(statement).bind(user_id).bind(EMAIL_CANARY).bind(PHONE_CANARY);
        query.execute(&stage.pool).await.unwrap();
    }
    let found: Vec<Uuid> = sqlx::query_scalar("select user_id from octroi_private.find_person_by_email($1)")
        .bind(EMAIL_CANARY)
        .fetch_all(&stage.pool)
        .await
        .unwrap();
    assert_eq!(found, [user_id]);
    // Opening fails for a wrong place, and for want of keys; both errors are logged by the server.
    for place in ["contact.email", "letter.email"] {
        let query =
            sqlx::query("select octroi_private.open_for(user_id, $1, email) from octroi_private.contact");
        assert_eq!(query.bind(place).execute(&stage.pool).await.is_ok(), place == "contact.email");
    }
    cluster.set_operator_keys(&AFTER);
    let touched = sqlx::query("update auth.users set email = $2 where id = $1");
    touched.bind(user_id).bind(EMAIL_CANARY).execute(&stage.pool).await.unwrap();
    let sealing = sqlx::query("select octroi_private.seal_for($1, 'contact.email', $2)");
    assert!(sealing.bind(user_id).bind(EMAIL_CANARY).execute(&stage.pool).await.is_err());
    cluster.set_operator_keys(&DURING);
    let back = sqlx::query("update auth.users set email = $2 where id = $1");
    back.bind(user_id).bind(EMAIL_CANARY).execute(&stage.pool).await.unwrap();
    user_id
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn neither_address_nor_key_shows_in_dump_statements_settings_or_log() {
    let cluster =
        Cluster::start_with(&["shared_preload_libraries=pg_stat_statements", "pg_stat_statements.track=all"])
            .await;
    cluster.set_operator_keys(&BEFORE);
    let stage = Stage::open(&cluster.superuser()).await;
    sqlx::query("create extension pg_stat_statements").execute(&stage.pool).await.unwrap();
    let user_id = live_a_life(&stage, &cluster).await;
    rotate(&stage).await.unwrap();

    let statements: Vec<String> =
        sqlx::query_scalar("select query from pg_stat_statements").fetch_all(&stage.pool).await.unwrap();
    let settings: Vec<String> = sqlx::query_scalar("select coalesce(setting, '') from pg_settings")
        .fetch_all(&stage.pool)
        .await
        .unwrap();
    // Auth's own tables have the address: that is where a user signs in.
    let dumped = dump(&stage.superuser(), &["--exclude-schema=auth"]);
    assert!(dumped.contains(&user_id.to_string()), "the dump has the person's rows");
    assert!(statements.iter().any(|text| text.contains("find_person_by_email")), "statements are tracked");
    let log = cluster.log();
    assert!(log.contains("how to reach a user was not kept"), "the log has what went wrong");
    for canary in [EMAIL_CANARY, PHONE_CANARY, KEY_CANARY, "nest.example"] {
        let hex: String = canary.bytes().map(|byte| format!("{byte:02x}")).collect();
        for form in [canary.to_owned(), canary.to_uppercase(), hex] {
            assert!(!dumped.contains(&form), "{form} in the dump");
            assert!(!log.contains(&form), "{form} in the log");
            assert!(!statements.iter().any(|text| text.contains(&form)), "{form} in pg_stat_statements");
            assert!(!settings.contains(&form), "{form} in pg_settings");
        }
    }
}
