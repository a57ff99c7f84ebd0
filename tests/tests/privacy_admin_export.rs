//! `octroi export`: what operators take out is what is in the tables, opens safely, and is written down.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use octroi_tests::cast::Caller;
use octroi_tests::stage::{Stage, play};
use octroi_tests::template::WORKER_PASSWORD;
use octroi_worker::cli::{Export, ExportFormat};
use octroi_worker::commands::{CommandError, export};
use octroi_worker::config::Variables;
use serde_json::Value;
use sqlx::AssertSqlSafe;
use uuid::Uuid;

/// More than one page of `octroi export`.
const MANY_ROWS: i32 = 5_001;
/// Why, as it is to stand in the audit log.
const REASON: &str = "report-of-may";

/// A login of somebody who may export, and where to.
struct Analyst<'s> {
    stage: &'s Stage,
    login: String,
    directory: PathBuf,
}

impl<'s> Analyst<'s> {
    async fn of(stage: &'s Stage) -> Self {
        let login = format!("{}_analyst", stage.database);
        let create = format!("create role {login} login password '{WORKER_PASSWORD}' in role octroi_admin");
        sqlx::raw_sql(AssertSqlSafe(create)).execute(&stage.pool).await.unwrap();
        let directory = std::env::temp_dir().join(format!("octroi-export-{}", Uuid::new_v4().simple()));
        std::fs::create_dir(&directory).unwrap();
        Self { stage, login, directory }
    }

    /// Runs `octroi export` as this login, for a reason.
    async fn exports(&self, tables: &[&str], format: ExportFormat) -> Result<String, CommandError> {
        let url = self.stage.worker_url().replace("//octroi_worker:", &format!("//{}:", self.login));
        let url = format!("{url}?options[octroi_audit.reason]={REASON}");
        run(&url, tables, format, &self.directory).await
    }

    fn file(&self, name: &str) -> String {
        std::fs::read_to_string(self.directory.join(name)).unwrap()
    }

    async fn leaves(self) {
        let drop = format!("drop role {}", self.login);
        sqlx::raw_sql(AssertSqlSafe(drop)).execute(&self.stage.pool).await.unwrap();
        std::fs::remove_dir_all(&self.directory).unwrap();
    }
}

async fn run(
    url: &str,
    tables: &[&str],
    format: ExportFormat,
    directory: &std::path::Path,
) -> Result<String, CommandError> {
    let variables: Variables =
        [("OCTROI_ADMIN_DATABASE_URL".to_owned(), url.to_owned())].into_iter().collect();
    let tables = tables.iter().map(|table| (*table).to_owned()).collect();
    let mut said = Vec::new();
    export::run(&variables, &mut said, &Export { tables, format, directory: directory.to_owned() }).await?;
    Ok(String::from_utf8(said).unwrap())
}

async fn use_tokens(stage: &Stage, caller: Caller, calls: i32, endpoint: &str) {
    sqlx::query(
        "select count(u.outcome) from generate_series(1, $3) as n
         cross join lateral octroi_private.record_usage($1, $2, 'gpt-5.6-luna', n, 20, p_endpoint => $4) as u",
    )
    .bind(caller.account_id)
    .bind(caller.user_id)
    .bind(calls)
    .bind(endpoint)
    .execute(&stage.pool)
    .await
    .unwrap();
}

/// How many pages of a table the audit log has for a login, and how many rows it says were in them.
async fn reads(stage: &Stage, login: &str, table: &str) -> (i64, i64) {
    sqlx::query_as(
        "select count(*), coalesce(sum((l.detail ->> 'rows')::bigint), 0)::bigint from octroi_private.audit_log as l
         where l.login = $1 and l.action = 'admin_read.' || $2 and l.reason = $3",
    )
    .bind(login)
    .bind(table)
    .bind(REASON)
    .fetch_one(&stage.pool)
    .await
    .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_exported_is_what_is_in_the_table_and_each_page_is_written_down() {
    play(async |stage| {
        let (ada, zoe) = (stage.sign_up("ada").await, stage.sign_up("zoe").await);
        use_tokens(stage, ada, 7, "sql").await;
        use_tokens(stage, zoe, 5, "sql").await;
        let analyst = Analyst::of(stage).await;

        let said = analyst.exports(&["usage_event"], ExportFormat::Jsonl).await.unwrap();
        assert!(said.ends_with("usage_event.jsonl: 12 rows\n"), "{said}");
        let lines: Vec<Value> = analyst
            .file("usage_event.jsonl")
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let same: bool = sqlx::query_scalar(
            "select not exists (
               (select e from octroi_private.usage_event as e)
               except (select e from jsonb_populate_recordset(null::octroi_private.usage_event, $1) as e)
             ) and count(*) = 12 from jsonb_populate_recordset(null::octroi_private.usage_event, $1)",
        )
        .bind(sqlx::types::Json(&lines))
        .fetch_one(&stage.pool)
        .await
        .unwrap();
        assert!(same, "JSON lines, read back, are the same rows");

        analyst.exports(&["usage_event"], ExportFormat::Csv).await.unwrap();
        let text = analyst.file("usage_event.csv");
        let mut csv = csv::Reader::from_reader(text.as_bytes());
        let headers = csv.headers().unwrap().clone();
        let column = |name: &str| headers.iter().position(|header| header == name).unwrap();
        let (id, user, tokens) = (column("id"), column("user_id"), column("total_tokens"));
        let exported: BTreeSet<(String, String, String)> = csv
            .records()
            .map(|record| record.unwrap())
            .map(|record| (record[id].to_owned(), record[user].to_owned(), record[tokens].to_owned()))
            .collect();
        let stored: Vec<(String, String, String)> = sqlx::query_as(
            "select id::text, user_id::text, total_tokens::text from octroi_private.usage_event",
        )
        .fetch_all(&stage.pool)
        .await
        .unwrap();
        assert_eq!(exported, stored.into_iter().collect());

        assert_eq!(reads(stage, &analyst.login, "usage_event").await, (2, 24), "a page for each file");
        analyst.leaves().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_row_is_lost_between_pages() {
    play(async |stage| {
        sqlx::query(
            "insert into octroi_private.privacy_request (kind, channel, received_at, due_at)
             select 'access', 'operator', now(), now() + interval '1 month' from generate_series(1, $1)",
        )
        .bind(MANY_ROWS)
        .execute(&stage.pool)
        .await
        .unwrap();
        let analyst = Analyst::of(stage).await;
        analyst.exports(&["privacy_request"], ExportFormat::Jsonl).await.unwrap();
        let text = analyst.file("privacy_request.jsonl");
        let ids: BTreeSet<String> = text
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap()["id"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!((text.lines().count(), ids.len()), (MANY_ROWS as usize, MANY_ROWS as usize));
        assert_eq!(reads(stage, &analyst.login, "privacy_request").await, (2, i64::from(MANY_ROWS)));
        analyst.leaves().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_there_stays_and_a_new_one_is_its_owners_alone() {
    play(async |stage| {
        use_tokens(stage, stage.sign_up("ada").await, 1, "sql").await;
        let analyst = Analyst::of(stage).await;
        let there = analyst.directory.join("usage_event.csv");
        std::fs::write(&there, "the report of last month").unwrap();
        let refused = analyst.exports(&["usage_event"], ExportFormat::Csv).await.unwrap_err();
        assert!(
            matches!(&refused, CommandError::Output(error) if error.kind() == std::io::ErrorKind::AlreadyExists),
            "{refused}"
        );
        assert_eq!(analyst.file("usage_event.csv"), "the report of last month");
        assert_eq!(reads(stage, &analyst.login, "usage_event").await, (0, 0), "nothing was read for it");
        analyst.exports(&["usage_daily"], ExportFormat::Csv).await.unwrap();
        let mode = std::fs::metadata(analyst.directory.join("usage_daily.csv")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        analyst.leaves().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_spreadsheet_runs_nothing_of_it() {
    play(async |stage| {
        let formula = "=HYPERLINK(\"http://x.example\";\"y\")";
        use_tokens(stage, stage.sign_up("ada").await, 1, formula).await;
        let analyst = Analyst::of(stage).await;
        analyst.exports(&["usage_event"], ExportFormat::Csv).await.unwrap();
        let text = analyst.file("usage_event.csv");
        let mut csv = csv::Reader::from_reader(text.as_bytes());
        let cells: Vec<String> = csv
            .records()
            .flat_map(|row| row.unwrap().iter().map(str::to_owned).collect::<Vec<_>>())
            .collect();
        assert!(cells.contains(&format!("'{formula}")), "{cells:?}");
        assert!(
            cells.iter().all(|cell| !cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n'])),
            "{cells:?}"
        );
        analyst.exports(&["usage_event"], ExportFormat::Jsonl).await.unwrap();
        let line: Value = serde_json::from_str(&analyst.file("usage_event.jsonl")).unwrap();
        assert_eq!(line["endpoint"], formula, "JSON is exact");
        analyst.leaves().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_exports_contacts_secrets_or_as_the_worker() {
    play(async |stage| {
        let ada = stage.sign_up("canary-address").await;
        stage.make_key(ada, serde_json::json!([])).await;
        let analyst = Analyst::of(stage).await;
        for table in ["contact", "data_key", "completion", "job", "pg_authid"] {
            let refused = analyst.exports(&[table], ExportFormat::Csv).await.unwrap_err().to_string();
            assert!(
                refused.starts_with(&format!("there is no table {table} to export; there are ")),
                "{refused}"
            );
        }
        // The audit log too, which every page of it makes longer.
        let everything = analyst.exports(&[], ExportFormat::Jsonl);
        octroi_tests::deadline::within("an export of everything", everything).await.unwrap();
        let keys = analyst.file("api_key.jsonl");
        assert!(keys.contains("\"key_prefix\":") && !keys.contains("hash"), "{keys}");
        for file in std::fs::read_dir(&analyst.directory).unwrap() {
            let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
            assert!(!text.contains("canary-address"), "{text}");
        }
        let refused = run(&stage.worker_url(), &["usage_event"], ExportFormat::Csv, &analyst.directory).await;
        let CommandError::Database(error) = refused.unwrap_err() else { panic!("another error") };
        assert_eq!(error.sqlstate(), Some("42501"));
        analyst.leaves().await;
    })
    .await;
}
