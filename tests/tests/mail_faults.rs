//! A mail server that fails at each verb in each way: what is known of the mail then, and how often it arrives.

use std::time::Instant;

use octroi_sim::smtp::{Fault, FaultKind, Verb};
use octroi_tests::deadline::within;
use octroi_tests::mail::{PostOffice, impatience, not_sent, send, warning};
use octroi_worker::mail::{HandOverError, Mailer, NotSent, Step};

fn reply(code: u16) -> FaultKind {
    FaultKind::Reply { code, text: format!("{}.7.1 <ada@example.com> not now", code / 100) }
}

/// What is known of a mail after a fault.
#[derive(Debug, PartialEq, Eq)]
enum Known {
    Away,
    Deferred,
    Refused,
    Unknown,
    Sent,
}

fn known(sent: &Result<(), HandOverError>) -> Known {
    match sent {
        Ok(()) => Known::Sent,
        Err(HandOverError::Unknown { .. }) => Known::Unknown,
        Err(HandOverError::NotSent(NotSent::Away { .. } | NotSent::Busy)) => Known::Away,
        Err(HandOverError::NotSent(NotSent::Deferred { .. })) => Known::Deferred,
        Err(HandOverError::NotSent(NotSent::Refused { .. } | NotSent::NeedsSmtputf8)) => Known::Refused,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_verb_can_fail_in_every_way_and_the_mail_arrives_once_or_is_known_not_to() {
    use Known::{Away, Deferred, Refused, Unknown};
    let garbage = || FaultKind::Garbage { text: "HTTP/1.1 400 Bad Request\r\n\r\n".to_owned() };
    let stall = || FaultKind::Stall { for_ms: None };
    let before_the_mail = [Verb::Connect, Verb::Banner, Verb::Ehlo, Verb::StartTls, Verb::Auth, Verb::Mail];
    let mut story: Vec<(Verb, FaultKind, Known)> = Vec::new();
    for verb in before_the_mail {
        for kind in [FaultKind::Drop, stall(), garbage(), reply(421), reply(451), reply(554)] {
            story.push((verb, kind, Away));
        }
    }
    for verb in [Verb::Rcpt, Verb::Data] {
        for kind in [FaultKind::Drop, stall(), garbage(), reply(421)] {
            story.push((verb, kind, Away));
        }
        story.extend([(verb, reply(450), Deferred), (verb, reply(550), Refused)]);
    }
    story.extend([
        (Verb::Dot, reply(421), Away),
        (Verb::Dot, reply(452), Deferred),
        (Verb::Dot, reply(554), Refused),
        (Verb::Dot, FaultKind::Drop, Unknown),
        (Verb::Dot, garbage(), Unknown),
        (Verb::Dot, stall(), Unknown),
        (Verb::Dot, FaultKind::AcceptThenDrop, Unknown),
        (Verb::Dot, FaultKind::AcceptThenStall { for_ms: None }, Unknown),
    ]);
    for (number, (verb, kind, expected)) in story.into_iter().enumerate() {
        let office = PostOffice::open().await;
        let mailer = office.mailer();
        office.server.fault(Fault::once(verb, kind.clone()));
        let sent = send(&mailer, warning(&format!("{number}"))).await;
        assert_eq!(known(&sent), expected, "{verb:?} {kind:?}: {sent:?}");
        assert!(
            !format!("{sent:?} {}", sent.as_ref().unwrap_err()).contains("ada@"),
            "no address in {sent:?}"
        );
        let accepted = office.server.mails().len();
        let may_have = matches!(kind, FaultKind::AcceptThenDrop | FaultKind::AcceptThenStall { .. });
        assert_eq!(accepted, usize::from(may_have), "{verb:?} {kind:?}");
        // What is known not to be sent is sent the next time, once.
        if expected != Unknown {
            assert_eq!(known(&send(&mailer, warning(&format!("{number}"))).await), Known::Sent);
            assert_eq!(office.server.mails().len(), 1, "{verb:?} {kind:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_codes_are_told_and_the_words_are_not() {
    let office = PostOffice::open().await;
    office.server.fault(Fault::once(Verb::Rcpt, reply(550)));
    let told = not_sent(send(&office.mailer(), warning("1")).await);
    assert_eq!(told.to_string(), "RCPT: the server answered 550 5.7.1");
    assert!(matches!(told, NotSent::Refused { step: Step::Rcpt, .. }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kept_connection_that_died_is_replaced_and_loses_no_mail() {
    let office = PostOffice::open().await;
    let mailer = office.mailer();
    send(&mailer, warning("1")).await.unwrap();
    for (at, kind) in [(Verb::Mail, FaultKind::Drop), (Verb::Mail, reply(421)), (Verb::Rcpt, FaultKind::Drop)]
    {
        office.server.fault(Fault::once(at, kind));
        send(&mailer, warning("2")).await.unwrap();
    }
    office.server.go_down().await.unwrap();
    office.server.come_back().await.unwrap();
    send(&mailer, warning("3")).await.unwrap();
    assert_eq!(office.server.mails().len(), 5);
    assert_eq!(office.server.mails().last().unwrap().connection, 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_recipient_costs_the_next_mail_no_connection() {
    let office = PostOffice::open().await;
    let mailer = office.mailer();
    for (at, code) in
        [(Verb::Rcpt, 550), (Verb::Rcpt, 450), (Verb::Data, 554), (Verb::Dot, 554), (Verb::Dot, 452)]
    {
        office.server.fault(Fault::once(at, reply(code)));
        not_sent(send(&mailer, warning("1")).await);
    }
    send(&mailer, warning("2")).await.unwrap();
    assert_eq!(office.server.mails()[0].connection, 1);
    assert_eq!(office.server.commands().iter().filter(|line| *line == "RSET").count(), 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happens_at_quit_happens_to_no_mail() {
    for kind in [FaultKind::Drop, reply(554), FaultKind::Stall { for_ms: None }] {
        let office = PostOffice::open().await;
        let mailer = office.mailer();
        office.server.fault(Fault::once(Verb::Quit, kind));
        send(&mailer, warning("1")).await.unwrap();
        within("closing", mailer.close()).await;
        assert_eq!(office.server.mails().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_are_few_and_nobody_waits_long_for_one() {
    let office = PostOffice::open().await;
    let mailer = office.mailer();
    office.server.fault(Fault::always(Verb::Rcpt, FaultKind::Stall { for_ms: None }));
    let began = Instant::now();
    let sent = futures_util::future::join_all((0..12).map(|number| {
        let mailer = mailer.clone();
        async move { known(&send(&mailer, warning(&format!("{number}"))).await) }
    }))
    .await;
    assert!(sent.iter().all(|known| *known == Known::Away), "{sent:?}");
    assert!(began.elapsed().as_secs() < 10, "{:?}", began.elapsed());
    let opened = office.server.commands().iter().filter(|line| *line == "STARTTLS").count();
    assert!((4..=12).contains(&opened), "{opened}");
    office.server.clear_faults();
    send(&mailer, warning("last")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_away_is_not_hammered() {
    let office = PostOffice::open().await;
    let mailer = Mailer::new(&office.config(&[]), octroi_worker::mail::Patience::default()).unwrap();
    office.server.fault(Fault::always(Verb::Banner, reply(554)));
    for number in 0..50 {
        assert_eq!(known(&send(&mailer, warning(&format!("{number}"))).await), Known::Away);
    }
    office.server.clear_faults();
    assert_eq!(known(&send(&office.mailer(), warning("1")).await), Known::Sent, "the server is back");
    assert_eq!(office.server.mails()[0].connection, 2, "fifty mails, one attempt to connect");
    office.server.go_down().await.unwrap();
    let refused = Mailer::new(&office.config(&[]), impatience()).unwrap();
    assert_eq!(known(&send(&refused, warning("1")).await), Known::Away);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_offered_and_dropped_is_not_sent() {
    let office = PostOffice::open().await;
    let mailer = office.mailer();
    drop(mailer.offer(warning("1")).await.unwrap());
    send(&mailer, warning("2")).await.unwrap();
    assert_eq!(office.server.mails().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_mails_at_once_all_arrive_once_over_few_connections() {
    let office = PostOffice::open().await;
    let mailer = Mailer::new(&office.config(&[]), octroi_worker::mail::Patience::default()).unwrap();
    let sends = (0..200).map(|number| {
        let mailer = mailer.clone();
        tokio::spawn(async move { send(&mailer, warning(&format!("{number}"))).await.unwrap() })
    });
    for sent in sends.collect::<Vec<_>>() {
        sent.await.unwrap();
    }
    let mails = office.server.mails();
    let mut ids: Vec<_> = mails.iter().map(|mail| mail.header("Message-ID").unwrap()).collect();
    ids.sort();
    ids.dedup();
    assert_eq!((mails.len(), ids.len()), (200, 200));
    assert!(mails.iter().map(|mail| mail.connection).max().unwrap() <= 12, "fifty to a connection");
}
