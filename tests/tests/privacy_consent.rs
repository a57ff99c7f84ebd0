//! Consent and the mail that rests on it: a withdrawal wins whatever race it runs.

use std::time::Duration;

use octroi_tests::cast::{Caller, act_as};
use octroi_tests::mail::{PostOffice, news, read, worker};
use octroi_tests::stage::{Stage, play};
use sqlx::Connection;
use uuid::Uuid;

/// Long enough for a statement that is not blocked to end, in milliseconds.
const A_WHILE_MS: u64 = 300;

async fn begin(stage: &Stage, mail_id: Uuid) -> bool {
    let query = sqlx::query_scalar("select octroi_private.begin_mail($1, 1)").bind(mail_id);
    query.fetch_one(&stage.pool).await.unwrap()
}

/// A mail that was claimed while it was wanted.
async fn claimed(stage: &Stage, reader: Caller) -> Uuid {
    stage.consents(reader, "news").await;
    let mail_id = stage.write_to(reader, &news(), "1").await;
    let claimed = sqlx::query("select from octroi_private.claim_mail($1)").bind(mail_id);
    assert_eq!(claimed.fetch_all(&stage.pool).await.unwrap().len(), 1);
    mail_id
}

async fn state_of(stage: &Stage, mail_id: Uuid) -> String {
    let query = sqlx::query_scalar("select state from octroi_private.mail where id = $1").bind(mail_id);
    query.fetch_one(&stage.pool).await.unwrap()
}

async fn announce(stage: &Stage, key: &str) {
    let letter = serde_json::json!({
        "en": { "subject": "New models", "paragraphs": ["They are here."] },
        "fr": { "subject": "Nouveaux modèles", "paragraphs": ["Les voici."] }
    });
    let query = sqlx::query("select octroi_private.announce($1, $2)").bind(key).bind(letter);
    query.execute(&stage.pool).await.unwrap();
}

/// As the reader would, through the Data API.
const WITHDRAW: &str = "select octroi.withdraw_consent('news')";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_about_to_go_waits_for_a_withdrawal_under_way_and_stays() {
    play(async |stage| {
        let reader = stage.sign_up("ada").await;
        let mail_id = claimed(stage, reader).await;
        let mut connection = stage.connect().await;
        let mut withdrawal = connection.begin().await.unwrap();
        act_as(&mut withdrawal, reader.user_id).await;
        sqlx::query(WITHDRAW).execute(&mut *withdrawal).await.unwrap();
        let begins = begin(stage, mail_id);
        tokio::pin!(begins);
        let early = tokio::time::timeout(Duration::from_millis(A_WHILE_MS), &mut begins).await;
        assert!(early.is_err(), "it went out while a consent was being taken back");
        withdrawal.commit().await.unwrap();
        assert!(!begins.await, "it must not go any more");
        assert_eq!(state_of(stage, mail_id).await, "cancelled");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_withdrawal_that_was_undone_stops_nothing() {
    play(async |stage| {
        let reader = stage.sign_up("ada").await;
        let mail_id = claimed(stage, reader).await;
        let mut connection = stage.connect().await;
        let mut withdrawal = connection.begin().await.unwrap();
        act_as(&mut withdrawal, reader.user_id).await;
        sqlx::query(WITHDRAW).execute(&mut *withdrawal).await.unwrap();
        withdrawal.rollback().await.unwrap();
        assert!(begin(stage, mail_id).await);
        assert_eq!(state_of(stage, mail_id).await, "sending");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_first_the_mail_goes_only_if_nothing_was_taken_back_before() {
    play(async |stage| {
        for round in 0..40 {
            let reader = stage.sign_up("ada").await;
            let mail_id = claimed(stage, reader).await;
            let withdraw = async {
                let mut connection = stage.connect().await;
                let mut withdrawal = connection.begin().await.unwrap();
                act_as(&mut withdrawal, reader.user_id).await;
                sqlx::query(WITHDRAW).execute(&mut *withdrawal).await.unwrap();
                // What the withdrawal sees when it is about to commit has gone, or never will.
                let seen =
                    sqlx::query_scalar::<_, String>("select state from octroi_private.mail where id = $1");
                sqlx::query("reset role").execute(&mut *withdrawal).await.unwrap();
                let seen = seen.bind(mail_id).fetch_one(&mut *withdrawal).await.unwrap();
                withdrawal.commit().await.unwrap();
                seen
            };
            let (seen, went) = tokio::join!(withdraw, begin(stage, mail_id));
            assert_eq!(
                went,
                seen == "sending",
                "round {round}: it was {seen} when the consent was taken back"
            );
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn news_reach_who_agreed_in_their_language_until_the_link_in_one_stops_them() {
    play(async |stage| {
        let office = PostOffice::open().await;
        let gateway = worker(stage, &office).await;
        let (ada, zoé) = (stage.sign_up("ada").await, stage.sign_up("zoe").await);
        stage.sign_up("silent").await;
        for reader in [ada, zoé] {
            stage.consents(reader, "news").await;
        }
        stage.speaks(zoé, "fr", None).await;
        announce(stage, "1").await;
        let mails = office.server.mails_when(2).await.unwrap();
        let french = mails.iter().find(|mail| read(mail).0 == "Nouveaux modèles").expect("in French");
        assert!(mails.iter().any(|mail| read(mail).0 == "New models"));
        assert!(read(french).1.contains("parce que vous avez accepté"));
        let link = french.header("List-Unsubscribe").unwrap();
        let path = link.trim_matches(['<', '>']).split_once("/unsubscribe/").unwrap().1;
        let url = format!("http://127.0.0.1:{}/unsubscribe/{path}", gateway.client.port);
        let browser = reqwest::Client::builder().no_proxy().build().unwrap();
        let page = browser.get(&url).send().await.unwrap().text().await.unwrap();
        assert!(page.contains("Nouvelles par courriel") && page.contains("<button"), "{page}");
        let done = browser.post(&url).send().await.unwrap().text().await.unwrap();
        assert!(done.contains("plus de nouvelles") && !done.contains("<button"), "{done}");

        announce(stage, "2").await;
        let mails = office.server.mails_when(3).await.unwrap();
        assert_eq!(read(mails.last().unwrap()).0, "New models", "only Ada still gets them");
        let query =
            sqlx::query_scalar("select octroi_private.has_consent($1, 'usage_alerts')").bind(zoé.user_id);
        let is_warned: bool = query.fetch_one(&stage.pool).await.unwrap();
        assert!(is_warned, "warnings are another matter");
        gateway.stop().await;
    })
    .await;
}
