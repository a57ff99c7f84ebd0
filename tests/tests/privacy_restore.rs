//! A backup from before an erasure is restored: the list of tombstones, kept elsewhere, erases again.

use octroi_tests::cast::Caller;
use octroi_tests::gateway::{environment, free_port, provider};
use octroi_tests::pg_tools::{dump, restore};
use octroi_tests::stage::{Stage, play};
use octroi_tests::template::superuser;
use octroi_tests::verbs::{Call, Usage, reserve, settle};
use octroi_worker::cli::ErasureCommand;
use octroi_worker::commands::Command;
use octroi_worker::config::Variables;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// Runs `octroi erasure …` against a stage.
async fn run(stage: &Stage, command: &ErasureCommand) -> Result<String, String> {
    let sim = provider().await;
    let variables: Variables = environment(stage, &sim, free_port(), &[]).into_iter().collect();
    let mut said = Vec::new();
    let done = Command::new(&variables, &mut said).unwrap().erasure(command).await;
    done.map_err(|error| error.to_string())?;
    Ok(String::from_utf8(said).unwrap())
}

async fn is_there(stage: &Stage, caller: Caller) -> bool {
    sqlx::query_scalar(
        "select exists (select from auth.users where id = $1)
           or exists (select from octroi_private.member where user_id = $1)
           or exists (select from octroi_private.contact where user_id = $1)",
    )
    .bind(caller.user_id)
    .fetch_one(&stage.pool)
    .await
    .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_was_erased_stays_erased_after_a_restore() {
    play(async |stage| {
        let [gone, stays] = [stage.sign_up("gone").await, stage.sign_up("stays").await];
        for caller in [gone, stays] {
            let call = Call::new(caller, 10, 10);
            assert!(reserve(&stage.pool, &call).await.is_granted());
            settle(&stage.pool, &Usage::new(call.request_id, 10, 10)).await;
        }
        let backup = dump(&stage.superuser(), &[]);
        let (receipt, _) = stage.delete_account_of(gone).await;
        stage.remove_usage(receipt).await;
        let list = run(stage, &ErasureCommand::List).await.unwrap();
        assert_eq!(list.lines().count(), 1);
        assert!(!list.contains(&gone.user_id.to_string()) && !backup.contains(&list[..64]));
        let file = std::env::temp_dir().join(format!("octroi-tombstones-{}", uuid::Uuid::new_v4().simple()));
        std::fs::write(&file, &list).unwrap();

        let name = format!("{}_restored", stage.database);
        let mut connection = PgConnection::connect_with(&superuser()).await.unwrap();
        let create = format!("create database \"{name}\" template template0");
        sqlx::query(AssertSqlSafe(create)).execute(&mut connection).await.unwrap();
        let restored = Stage::on(&superuser(), name);
        restore(&restored.superuser(), &backup);
        assert!(is_there(&restored, gone).await && is_there(&restored, stays).await);

        let replay = ErasureCommand::Replay { from: file.clone() };
        let said = run(&restored, &replay).await.unwrap();
        assert_eq!(said, "tombstones: 1, erased again: 1, absent: 0\n");
        assert!(!is_there(&restored, gone).await && is_there(&restored, stays).await);
        let query = "select id from octroi_private.erasure_receipt where asked_by = 'restore'";
        let again = sqlx::query_scalar(query).fetch_one(&restored.pool).await.unwrap();
        restored.remove_usage(again).await;
        let left = dump(&restored.superuser(), &[]);
        let theirs = octroi_tests::erasure::lines_with(&left, &[gone.user_id.to_string()]);
        assert!(theirs.is_empty(), "{theirs:#?}");
        // Once more changes nothing, and the list is the same.
        assert_eq!(run(&restored, &replay).await.unwrap(), "tombstones: 1, erased again: 0, absent: 1\n");
        assert_eq!(run(&restored, &ErasureCommand::List).await.unwrap(), list);
        restored.assert_sound().await;

        std::fs::write(&file, "not a tombstone\n").unwrap();
        assert!(run(&restored, &replay).await.unwrap_err().contains("OC046"));
        std::fs::remove_file(&file).unwrap();
        assert!(run(&restored, &replay).await.unwrap_err().contains("cannot be read"));
        restored.strike().await;
    })
    .await;
}
