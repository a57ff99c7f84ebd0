//! From a call to a mail: who is warned of what, once for each threshold.

use octroi_sim::smtp::{Fault, FaultKind, ReceivedMail, Verb};
use octroi_tests::cast::Caller;
use octroi_tests::mail::{PostOffice, read, worker};
use octroi_tests::stage::{Stage, play};
use octroi_tests::verbs::{Call, Usage, reserve, settle};

const MONTHLY: (&str, &str, &str, &str, i64, i64) = ("account", "", "tokens", "month", 1_000, 0);

/// Makes a call of so many tokens.
async fn use_tokens(stage: &Stage, caller: Caller, tokens: i64) {
    let call = Call::new(caller, tokens - 1, 1);
    assert!(reserve(&stage.pool, &call).await.is_granted());
    assert_eq!(settle(&stage.pool, &Usage::new(call.request_id, tokens - 1, 1)).await.outcome, "settled");
}

async fn next_mail(office: &PostOffice, number: usize) -> ReceivedMail {
    let mut mails = office.server.mails_when(number).await.unwrap();
    assert_eq!(mails.len(), number);
    mails.pop().unwrap()
}

async fn mails_decided_on(stage: &Stage) -> i64 {
    let query = sqlx::query_scalar("select count(*) from octroi_private.mail");
    query.fetch_one(&stage.pool).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_threshold_is_told_of_once_and_a_jump_tells_of_the_highest() {
    play(async |stage| {
        let office = PostOffice::open().await;
        let gateway = worker(stage, &office).await;
        let ada = stage.sign_up_with(&[MONTHLY]).await;
        use_tokens(stage, ada, 799).await;
        assert_eq!(mails_decided_on(stage).await, 0);
        use_tokens(stage, ada, 1).await;
        let (subject, text) = read(&next_mail(&office, 1).await);
        assert_eq!(subject, "80% of your tokens are used");
        assert!(text.contains("Used: 800 tokens\nLeft: 200 tokens\nResets: "), "{text}");
        assert!(text.contains("Forecast: not known before a full day of use"), "{text}");
        use_tokens(stage, ada, 50).await;
        assert_eq!(mails_decided_on(stage).await, 1);
        use_tokens(stage, ada, 150).await;
        let (subject, text) = read(&next_mail(&office, 2).await);
        assert_eq!(subject, "100% of your tokens are used", "not 90% as well");
        assert!(text.contains("The limit is reached.") && text.contains("Left: 0 tokens"), "{text}");
        assert_eq!(mails_decided_on(stage).await, 2);
        gateway.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_threshold_whose_mail_may_have_arrived_is_never_told_of_again() {
    play(async |stage| {
        let office = PostOffice::open().await;
        let gateway = worker(stage, &office).await;
        let ada = stage.sign_up_with(&[MONTHLY]).await;
        office.server.fault(Fault::once(Verb::Dot, FaultKind::AcceptThenDrop));
        use_tokens(stage, ada, 800).await;
        let query = sqlx::query_scalar("select id from octroi_private.mail");
        let mail = query.fetch_one(&stage.pool).await.unwrap();
        stage.mail_ends(mail, ("unknown", "cancelled")).await;
        use_tokens(stage, ada, 90).await;
        assert_eq!((mails_decided_on(stage).await, office.server.mails().len()), (1, 1));
        use_tokens(stage, ada, 10).await;
        assert_eq!(read(&next_mail(&office, 2).await).0, "90% of your tokens are used");
        gateway.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_top_up_that_lowers_the_ratio_lets_a_threshold_be_told_of_again() {
    play(async |stage| {
        let office = PostOffice::open().await;
        let gateway = worker(stage, &office).await;
        let ada = stage.sign_up_with(&[MONTHLY]).await;
        use_tokens(stage, ada, 900).await;
        let first = next_mail(&office, 1).await;
        stage.grant(ada, "top_up", 1_000, None).await;
        use_tokens(stage, ada, 690).await;
        assert_eq!(mails_decided_on(stage).await, 1, "79.5 % of 2,000");
        use_tokens(stage, ada, 10).await;
        let second = next_mail(&office, 2).await;
        let (subject, text) = read(&second);
        assert_eq!(
            (read(&first).0.as_str(), subject.as_str()),
            ("90% of your tokens are used", "80% of your tokens are used")
        );
        assert!(text.contains("1,600 tokens of the 2,000 tokens"), "{text}");
        assert_ne!(first.header("Message-ID"), second.header("Message-ID"), "another mail, and not a copy");
        gateway.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_has_a_limit_of_their_own_is_warned_of_that_one() {
    play(async |stage| {
        let office = PostOffice::open().await;
        let gateway = worker(stage, &office).await;
        let ada = stage.sign_up_with(&[MONTHLY]).await;
        let subject = ada.user_id.to_string();
        stage.set_budget(ada, ("member", &subject), "tokens", "month", 100).await;
        use_tokens(stage, ada, 95).await;
        let (subject, text) = read(&next_mail(&office, 1).await);
        assert_eq!(subject, "90% of your tokens are used");
        assert!(text.contains("You have used 95 tokens of the 100 tokens that you are allowed"), "{text}");
        gateway.stop().await;
    })
    .await;
}
