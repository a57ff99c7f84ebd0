//! A worker that dies with a mail under way: what the row says decides whether the mail goes again.

use octroi_sim::smtp::{Fault, FaultKind, Verb};
use octroi_tests::cast::Caller;
use octroi_tests::deadline::eventually;
use octroi_tests::mail::{PostOffice, contractual, process, threshold, worker};
use octroi_tests::stage::{Stage, play};
use octroi_worker::mail::Kind;
use uuid::Uuid;

/// Kills a worker that a mail server keeps waiting at `verb`, and lets another take over.
async fn killed_at(
    stage: &Stage,
    office: &PostOffice,
    fault: Fault,
    reader: Caller,
    kind: &Kind,
    wanted: (&str, &str),
) {
    let (verb, at) = match fault.at {
        Verb::Dot => ("DATA", fault.at),
        at => ("RCPT", at),
    };
    let killed = process(stage, office).await;
    office.server.clear();
    office.server.fault(fault);
    let mail = stage.write_to(reader, kind, &Uuid::new_v4().to_string()).await;
    eventually(&format!("the worker waits at {at:?}"), async || {
        let said = office.server.commands();
        said.iter().any(|line| line.starts_with(verb)).then_some(())
    })
    .await;
    if at == Verb::Dot {
        eventually("the row says so", async || (stage.mail_state(mail).await.0 == "sending").then_some(()))
            .await;
        eventually("the fault has struck", async || office.server.faults_left().is_empty().then_some(()))
            .await;
    }
    killed.kill().await;
    let next = worker(stage, office).await;
    stage.let_pass(time::Duration::seconds(120)).await;
    stage.mail_ends(mail, wanted).await;
    next.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_killed_before_the_content_went_out_loses_no_mail_and_doubles_none() {
    play(async |stage| {
        let ada = stage.sign_up("ada").await;
        let stall = || Fault::once(Verb::Rcpt, FaultKind::Stall { for_ms: None });
        for kind in [threshold(), contractual()] {
            let office = PostOffice::open().await;
            killed_at(stage, &office, stall(), ada, &kind, ("sent", "done")).await;
            assert_eq!(office.server.mails().len(), 1);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_killed_while_the_content_was_out_warns_nobody_twice() {
    play(async |stage| {
        let ada = stage.sign_up("ada").await;
        let stall = || Fault::once(Verb::Dot, FaultKind::AcceptThenStall { for_ms: None });
        let office = PostOffice::open().await;
        killed_at(stage, &office, stall(), ada, &threshold(), ("unknown", "done")).await;
        assert_eq!(office.server.mails().len(), 1);
        let office = PostOffice::open().await;
        killed_at(stage, &office, stall(), ada, &contractual(), ("sent", "done")).await;
        let copies = office.ids();
        assert_eq!(copies.len(), 2);
        assert_eq!(copies[0], copies[1]);
    })
    .await;
}
