//! A breach as an operator lives through it: the alarm, the record, the authority, the people, the end.

use std::path::PathBuf;

use clap::Parser;
use octroi_tests::deadline::eventually;
use octroi_tests::gateway::{Gateway, environment, free_port, provider};
use octroi_tests::mail::{PostOffice, read, worker};
use octroi_tests::stage::{Stage, play};
use octroi_worker::cli::{Cli, Command as Asked, Serve};
use octroi_worker::commands::{Command, CommandError};
use octroi_worker::config::Variables;
use octroi_worker::doctor;
use serde_json::json;

const ASSESSMENT: &str = r#"
risk = "high"
data_categories = ["e-mail addresses", "usage"]
records_count = 3
consequences = "Mails in our name."
measures = "The backup is closed."
contact = "dpo@acme.example"
affected = { everyone = true }
"#;
const NOTICE: &str = r#"
[en]
happened = "A backup was readable by anybody."
consequences = "Mails in our name."
measures = "It is closed."
advice = "Be wary."
[fr]
happened = "Une sauvegarde était lisible par tous."
consequences = "Des courriels en notre nom."
measures = "Elle est fermée."
advice = "Soyez prudents."
"#;

/// An operator at a terminal, with a directory for files.
struct Operator {
    variables: Variables,
    directory: PathBuf,
}

impl Operator {
    async fn of(stage: &Stage) -> Self {
        let sim = provider().await;
        let variables = environment(stage, &sim, free_port(), &[]).into_iter().collect();
        let directory = std::env::temp_dir().join(format!("octroi-breach-{}", uuid::Uuid::new_v4().simple()));
        std::fs::create_dir(&directory).unwrap();
        Self { variables, directory }
    }

    /// Runs `octroi breach …`, as it is typed; what it says.
    async fn types(&self, words: &[&str]) -> Result<String, CommandError> {
        let cli = Cli::try_parse_from(["octroi", "breach"].iter().chain(words)).unwrap();
        let Asked::Breach(asked) = cli.command else { panic!("another command") };
        let mut said = Vec::new();
        Command::new(&self.variables, &mut said)?.breach(&asked).await?;
        Ok(String::from_utf8(said).unwrap())
    }

    async fn refused(&self, words: &[&str]) -> String {
        self.types(words).await.unwrap_err().to_string()
    }

    fn writes(&self, name: &str, text: &str) -> String {
        let file = self.directory.join(name);
        std::fs::write(&file, text).unwrap();
        file.to_str().unwrap().to_owned()
    }

    async fn asks_the_doctor(&self) -> String {
        let mut said = Vec::new();
        doctor::examine(&self.variables, &mut said).await.unwrap();
        String::from_utf8(said).unwrap()
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        // What is left goes with the temporary directory.
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_breach_is_led_from_the_alarm_to_the_last_notice() {
    play(async |stage| {
        let office = PostOffice::open().await;
        let gateway = worker(stage, &office).await;
        let operator = Operator::of(stage).await;
        let (ada, zoe, mute) =
            (stage.sign_up("ada").await, stage.sign_up("zoe").await, stage.sign_up("mute").await);
        stage.speaks(zoe, "fr", None).await;
        octroi_tests::cast::execute(
            &stage.pool,
            "update auth.users set email = null where id = $1",
            mute.user_id,
        )
        .await;

        let said = operator
            .types(&["open", "--title", "A backup was public", "--nature", "Addresses were readable."])
            .await;
        assert!(said.unwrap().starts_with("breach: 1\nreport due: "));
        let list = operator.types(&["list"]).await.unwrap();
        assert!(list.contains("open; risk: not assessed; 71 h 59 min left"), "{list}");
        assert!(
            operator.asks_the_doctor().await.contains("warn   breach 1, A backup was public: the report")
        );

        let notice = operator.writes("notice.toml", NOTICE);
        let early = operator.refused(&["notify", "1", "--people", &notice]).await;
        assert_eq!(early, "breach 1 is not assessed yet");
        let assessment = operator.writes("assessment.toml", ASSESSMENT);
        assert_eq!(operator.types(&["assess", "1", &assessment]).await.unwrap(), "affected: 3\n");

        let draft = operator.directory.join("report.md").to_str().unwrap().to_owned();
        operator.types(&["report", "1", "--out", &draft]).await.unwrap();
        let report = std::fs::read_to_string(&draft).unwrap();
        assert!(
            report.contains("people affected, approximately: 3") && report.contains("dpo@acme.example"),
            "{report}"
        );
        assert!(
            operator.types(&["report", "1", "--out", &draft]).await.is_err(),
            "evidence is not written over"
        );

        stage.let_pass(time::Duration::hours(80)).await;
        assert!(operator.types(&["list"]).await.unwrap().contains("OVERDUE by 8 h"));
        assert!(operator.asks_the_doctor().await.contains("FAULT  breach 1, A backup was public"));
        let late = operator.refused(&["notify", "1", "--authority", "CNIL"]).await;
        assert!(late.contains("the reason for the delay"), "{late}");
        let told =
            ["notify", "1", "--authority", "CNIL", "--reference", "2026-17", "--delay-reason", "found late"];
        operator.types(&told).await.unwrap();

        let open = operator.refused(&["close", "1", "--note", "over"]).await;
        assert!(open.contains("the people affected were not told"), "{open}");
        let begun = operator.types(&["notify", "1", "--people", &notice]).await.unwrap();
        assert!(begun.starts_with("notices: 3, queued"), "{begun}");
        let mails = office.server.mails_when(2).await.unwrap();
        for (reader, subject, line) in [
            (ada, "Your personal data were affected by a security incident", "What you can do: Be wary."),
            (
                zoe,
                "Vos données personnelles sont concernées par un incident de sécurité",
                "Une sauvegarde était lisible",
            ),
        ] {
            let mail = mails.iter().find(|mail| mail.to[0].contains(&reader.user_id.to_string())).unwrap();
            let (said, text) = read(mail);
            assert_eq!(said, subject);
            assert!(text.contains(line) && text.contains("dpo@acme.example"), "{text}");
            assert!(mail.header("List-Unsubscribe").is_none(), "nobody unsubscribes from this");
        }

        let proof = eventually("every notice has an outcome", async || {
            let record = operator.types(&["report", "1", "--format", "json"]).await.unwrap();
            let record: serde_json::Value = serde_json::from_str(&record).unwrap();
            (record["notices"] == json!({ "sent": 2, "no_address": 1 })).then_some(record)
        })
        .await;
        assert_eq!(proof["reported_in_time"], json!(false));
        operator.types(&["close", "1", "--note", "backup closed"]).await.unwrap();
        assert_eq!(operator.types(&["list"]).await.unwrap(), "");
        assert!(
            operator.types(&["list", "--all"]).await.unwrap().contains("[closed; risk: high; no report due]")
        );
        assert!(operator.refused(&["close", "1", "--note", "again"]).await.contains("is closed"));
        gateway.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_dies_between_two_batches_tells_everyone_once() {
    play(async |stage| {
        let operator = Operator::of(stage).await;
        for _ in 0..7 {
            stage.sign_up("someone").await;
        }
        operator.types(&["open", "--title", "x", "--nature", "y"]).await.unwrap();
        let assessment = operator.writes("assessment.toml", ASSESSMENT);
        operator.types(&["assess", "1", &assessment]).await.unwrap();
        let notice = operator.writes("notice.toml", NOTICE);
        operator.types(&["notify", "1", "--people", &notice]).await.unwrap();
        // A worker that did one batch of three, and began another that it did not live to commit.
        let batch = "select octroi_private.send_breach_notices(1, 3)";
        stage.run(batch).await;
        let mut lost = stage.pool.begin().await.unwrap();
        sqlx::query(batch).execute(&mut *lost).await.unwrap();
        lost.rollback().await.unwrap();

        let jobs = Serve { no_gateway: true, no_jobs: false };
        let gateway = Gateway::start_with(stage, &provider().await, &[], jobs).await;
        eventually("the job is done", async || {
            let state: String =
                sqlx::query_scalar("select state from octroi_private.job where kind = 'send_breach_notices'")
                    .fetch_one(&stage.pool)
                    .await
                    .unwrap();
            (state == "done").then_some(())
        })
        .await;
        let (notices, people, mails): (i64, i64, i64) = sqlx::query_as(
            "select count(*), count(distinct user_id), (select count(*) from octroi_private.mail where kind = 'breach')
               from octroi_private.breach_notice",
        )
        .fetch_one(&stage.pool)
        .await
        .unwrap();
        assert_eq!((notices, people, mails), (7, 7, 7));
        gateway.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_spike_of_refusals_at_the_gateway_becomes_a_signal() {
    play(async |stage| {
        let operator = Operator::of(stage).await;
        let gateway = Gateway::start(stage, &provider().await).await;
        let caller = stage.sign_up("ada").await;
        let key = stage.make_key(caller, json!([])).await;
        octroi_tests::cast::execute(
            &stage.pool,
            "update octroi_private.api_key set revoked_at = now() where id = $1",
            key.id,
        )
        .await;
        operator.types(&["settings", "refusals_of_one=20", "refusals_of_unknown=5"]).await.unwrap();
        let body = octroi_tests::client::chat(json!({}));
        for _ in 0..20 {
            let reply = gateway.client.with(&key.secret).post("/v1/chat/completions", &body).await;
            assert_eq!(reply.code(), "invalid_api_key", "whoever tries is told nothing");
        }
        for number in 0..5 {
            let made_up = format!("sk-oct-{number:064}");
            assert_eq!(gateway.client.with(&made_up).post("/v1/chat/completions", &body).await.status, 401);
        }
        // A gateway tells what it counted every few seconds, and when it stops.
        gateway.stop().await;
        stage.run("select octroi_private.sweep(500)").await;
        let signals = operator.types(&["signals"]).await.unwrap();
        assert!(
            signals.contains(&format!("refusals account {} key {}", caller.account_id, key.id)),
            "{signals}"
        );
        assert!(signals.contains("unknown_callers"), "{signals}");
        let ids: Vec<&str> = signals.lines().filter_map(|line| line.split(' ').next()).collect();
        assert_eq!(ids.len(), 2, "{signals}");
        let opened = ["open", "--title", "t", "--nature", "n", "--signal", ids[0]];
        assert!(operator.types(&opened).await.unwrap().starts_with("breach: "));
        assert_eq!(
            operator.types(&["dismiss", ids[1], "--reason", "our own test"]).await.unwrap(),
            "dismissed: 1\n"
        );
        assert_eq!(operator.types(&["signals"]).await.unwrap(), "");
        assert_eq!(operator.types(&["signals", "--all"]).await.unwrap().lines().count(), 2);
    })
    .await;
}
