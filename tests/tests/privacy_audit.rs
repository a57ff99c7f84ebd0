//! The audit log's chain: made by whoever commits, in order and without deadlocks; and `octroi audit verify`, which finds
//! what a superuser did to it.

use octroi_tests::cast::Caller;
use octroi_tests::deadline::within;
use octroi_tests::stage::{Stage, play};
use octroi_worker::cli::{Anchor, AuditCommand};
use octroi_worker::commands::Command;
use octroi_worker::config::Variables;
use sqlx::{AssertSqlSafe, Connection};

/// Clients at once, and transactions of each.
const CLIENTS: i64 = 12;
const TRANSACTIONS: i64 = 20;

/// Runs `octroi audit verify`: whether the chain is whole, and what it says.
async fn verify(stage: &Stage, anchor: Option<Anchor>) -> (bool, String) {
    let variables: Variables = [("OCTROI_DATABASE_URL".to_owned(), stage.worker_url())].into_iter().collect();
    let mut said = Vec::new();
    let command = Command::new(&variables, &mut said).unwrap();
    let is_whole = command.audit(&AuditCommand::Verify { anchor }).await.unwrap();
    (is_whole, String::from_utf8(said).unwrap())
}

/// The head as `octroi audit verify` prints it.
async fn head(stage: &Stage) -> Anchor {
    let (is_whole, said) = verify(stage, None).await;
    assert!(is_whole, "{said}");
    said.lines().last().unwrap().strip_prefix("head: ").unwrap().parse().unwrap()
}

async fn run(stage: &Stage, statement: String) {
    sqlx::query(AssertSqlSafe(statement)).execute(&stage.pool).await.unwrap();
}

/// What a superuser does who takes the defences down first.
async fn tamper(stage: &Stage, statement: &str) {
    for table in ["audit_log", "audit_link"] {
        run(stage, format!("alter table octroi_private.{table} disable trigger all")).await;
    }
    run(stage, statement.to_owned()).await;
    for table in ["audit_log", "audit_link"] {
        run(stage, format!("alter table octroi_private.{table} enable trigger all")).await;
    }
}

async fn enter(stage: &Stage, entries: usize) {
    for _ in 0..entries {
        stage.run("select octroi_private.record_audit('story.told', null, null, '{}', null)").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_commits_at_once_makes_one_chain_and_nobody_waits_for_ever() {
    play(async |stage| {
        let busy: Caller = stage.sign_up("busy").await;
        let before = head(stage).await.position;
        let lock = format!("select from octroi_private.account where id = '{}' for update", busy.account_id);
        let audit = "select octroi_private.record_audit('story.told', null, null, '{}', null)".to_owned();
        let clients = (0..CLIENTS).map(|client| {
            let (server, lock, audit) = (stage.superuser(), lock.clone(), audit.clone());
            tokio::spawn(async move {
                let mut connection = sqlx::PgConnection::connect_with(&server).await?;
                // Half of them audit first and lock then, half the other way round: were the chain taken with the
                // entry, two of them would wait for each other.
                let steps = if client % 2 == 0 { [&audit, &lock, &audit] } else { [&lock, &audit, &audit] };
                for _ in 0..TRANSACTIONS {
                    let mut transaction = connection.begin().await?;
                    for step in steps {
                        sqlx::query(AssertSqlSafe(step.clone())).execute(&mut *transaction).await?;
                    }
                    transaction.commit().await?;
                }
                Ok::<(), sqlx::Error>(())
            })
        });
        for client in clients.collect::<Vec<_>>() {
            within("a client to commit", client).await.unwrap().unwrap();
        }
        assert_eq!(head(stage).await.position, before + 2 * CLIENTS * TRANSACTIONS);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_with_an_old_view_is_told_to_run_again() {
    play(async |stage| {
        let mut late = stage.connect().await;
        let mut late = late.begin().await.unwrap();
        sqlx::query("set transaction isolation level repeatable read").execute(&mut *late).await.unwrap();
        sqlx::query("select octroi_private.record_audit('story.late', null, null, '{}', null)")
            .execute(&mut *late)
            .await
            .unwrap();
        enter(stage, 1).await;
        let refused = late.commit().await.unwrap_err();
        assert_eq!(refused.as_database_error().unwrap().code().unwrap(), "40001", "{refused}");
        head(stage).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_entry_that_was_undone_is_no_link_and_leaves_no_gap() {
    play(async |stage| {
        let before = head(stage).await.position;
        let mut connection = stage.connect().await;
        let mut undone = connection.begin().await.unwrap();
        sqlx::query("select octroi_private.record_audit('story.undone', null, null, '{}', null)")
            .execute(&mut *undone)
            .await
            .unwrap();
        undone.rollback().await.unwrap();
        enter(stage, 1).await;
        assert_eq!(head(stage).await.position, before + 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_done_to_an_entry_is_found_where_it_was_done() {
    for (statement, finds) in [
        (
            "update octroi_private.audit_log set detail = '{\"x\": 1}'
             where id = (select audit_id from octroi_private.audit_link where position = 3)",
            "BROKEN at 3: the entry, this link or the one before it was changed",
        ),
        (
            "update octroi_private.audit_link set hash = set_byte(hash, 7, get_byte(hash, 7) # 1) where position = 3",
            "BROKEN at 3: the entry, this link or the one before it was changed",
        ),
        (
            "delete from octroi_private.audit_log
             where id = (select audit_id from octroi_private.audit_link where position = 3)",
            "BROKEN at 3: the entry of this link is missing",
        ),
        (
            "with gone as (delete from octroi_private.audit_link where position = 3 returning audit_id)
             delete from octroi_private.audit_log where id in (select audit_id from gone)",
            "BROKEN at 3: a link is missing",
        ),
        (
            "insert into octroi_private.audit_log (occurred_at, actor_role, action) values (now(), 'x', 'story.forged')",
            "an entry is in no link",
        ),
        ("delete from octroi_private.audit_link where position = 0", "BROKEN at 0: a link is missing"),
    ] {
        play(async |stage| {
            enter(stage, 5).await;
            tamper(stage, statement).await;
            let (is_whole, said) = verify(stage, None).await;
            assert!(!is_whole && said.contains(finds), "{statement}: {said}");
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tail_that_was_cut_off_and_a_chain_made_anew_are_found_by_what_was_written_down() {
    play(async |stage| {
        enter(stage, 5).await;
        let anchor = head(stage).await;
        enter(stage, 3).await;
        let (is_whole, said) = verify(stage, Some(anchor.clone())).await;
        assert!(is_whole, "a chain that grew still has it: {said}");
        tamper(
            stage,
            "with gone as (
               delete from octroi_private.audit_link where position >= (select max(position) - 4 from octroi_private.audit_link)
               returning audit_id
             )
             delete from octroi_private.audit_log where id in (select audit_id from gone)",
        )
        .await;
        let (is_whole, said) = verify(stage, None).await;
        assert!(is_whole, "what is left is sound in itself: {said}");
        let (is_whole, said) = verify(stage, Some(anchor.clone())).await;
        assert!(!is_whole && said.contains("its end was cut off"), "{said}");
        enter(stage, 5).await;
        let (is_whole, said) = verify(stage, Some(anchor)).await;
        assert!(!is_whole && said.contains("made anew"), "{said}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chain_longer_than_one_statement_takes_is_walked_to_its_end() {
    play(async |stage| {
        let before = head(stage).await.position;
        stage
            .run("select octroi_private.record_audit('story.told', null, n::text, '{}', null) from generate_series(1, 10001) as n")
            .await;
        assert_eq!(head(stage).await.position, before + 10_001);
        tamper(stage, "update octroi_private.audit_log set subject = 'x' where subject = '10001'").await;
        let (is_whole, said) = verify(stage, None).await;
        assert!(!is_whole && said.contains(&format!("BROKEN at {}", before + 10_001)), "{said}");
    })
    .await;
}

#[test]
fn an_anchor_is_a_position_and_a_hash() {
    let hash = "0f".repeat(32);
    assert_eq!(format!("7:{hash}").parse(), Ok(Anchor { position: 7, hash: hash.clone() }));
    for wrong in
        [hash.clone(), format!("-1:{hash}"), format!("x:{hash}"), format!("7:{hash}0"), "7:".to_owned()]
    {
        assert!(wrong.parse::<Anchor>().is_err(), "{wrong}");
    }
}
