//! Mails over a real SMTP server: every kind in every language, over TLS, and never in the clear.

use octroi_sim::smtp::{Fault, FaultKind, Options, TlsMode, Verb};
use octroi_tests::mail::{
    CREDENTIALS, PostOffice, draft, impatience, kinds, message, not_sent, read, send, warning,
};
use octroi_worker::mail::{Language, Mailer, NotSent, Problem, Step};

fn away(not_sent: NotSent) -> (Step, String) {
    match not_sent {
        NotSent::Away { step, problem } => (step, problem.to_string()),
        other => panic!("the server was to be away: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_arrives_in_every_language_signed_in_and_encrypted() {
    for tls in [TlsMode::StartTls, TlsMode::Implicit] {
        let office = PostOffice::open_with(Options { tls, ..Options::default() }).await;
        let mailer = office.mailer();
        let mut sent = Vec::new();
        for (number, kind) in kinds().into_iter().enumerate() {
            for language in Language::ALL {
                let message = message(&draft(kind.clone(), language, &format!("{number} {language:?}")));
                send(&mailer, message.clone()).await.unwrap();
                sent.push(message);
            }
        }
        let mails = office.server.mails();
        assert_eq!(mails.len(), kinds().len() * Language::ALL.len());
        for (mail, message) in mails.iter().zip(&sent) {
            assert_eq!(
                (mail.from.as_str(), mail.to.as_slice()),
                ("no-reply@acme.example", &["ada@example.com".to_owned()][..])
            );
            assert!(mail.encrypted && mail.user.as_deref() == Some(CREDENTIALS.0) && !mail.smtputf8);
            assert_eq!(mail.bytes.trim_ascii_end(), message.bytes().trim_ascii_end(), "to the byte");
        }
        assert_eq!(read(&mails[0]).0, "80% of your tokens are used");
        assert_eq!(read(&mails[3]).0, "Votre paiement a échoué");
        assert!(mails.iter().all(|mail| mail.connection == 1), "one connection for all");
        mailer.close().await;
        assert_eq!(office.server.commands().last().unwrap(), "QUIT");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_tls_nothing_is_said_about_anybody() {
    let office = PostOffice::open().await;
    for _ in 0..2 {
        office
            .server
            .fault(Fault::always(Verb::Ehlo, FaultKind::Without { capability: "STARTTLS".to_owned() }));
        let (step, problem) = away(not_sent(send(&office.mailer(), warning("1")).await));
        assert_eq!((step, problem.as_str()), (Step::StartTls, "the server does not offer STARTTLS"));
        office.server.clear_faults();
        office
            .server
            .fault(Fault::always(Verb::StartTls, FaultKind::Reply { code: 454, text: "no TLS".to_owned() }));
        let (step, problem) = away(not_sent(send(&office.mailer(), warning("1")).await));
        assert_eq!((step, problem.as_str()), (Step::StartTls, "the server answered 454"));
        office.server.clear_faults();
    }
    let plain = PostOffice::open_with(Options { tls: TlsMode::None, ..Options::default() }).await;
    for url in [
        format!("smtp://a:b@127.0.0.1:{}", plain.server.port()),
        format!("smtps://a:b@127.0.0.1:{}", plain.server.port()),
    ] {
        let mailer = Mailer::new(&plain.config(&[("OCTROI_SMTP_URL", &url)]), impatience()).unwrap();
        away(not_sent(send(&mailer, warning("1")).await));
    }
    for server in [&office.server, &plain.server] {
        let said = server.commands();
        assert!(
            said.iter().all(|line| line.starts_with("EHLO") || line == "STARTTLS" || line == "QUIT"),
            "{said:?}"
        );
        assert!(server.mails().is_empty());
    }
    let asked_for = plain.config(&[]);
    send(&Mailer::new(&asked_for, impatience()).unwrap(), warning("1")).await.unwrap();
    assert!(!plain.server.mails()[0].encrypted, "on this machine, and because it was asked for");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_nobody_vouches_for_is_not_believed() {
    let others = PostOffice::open().await;
    for tls in [TlsMode::StartTls, TlsMode::Implicit] {
        let office = PostOffice::open_with(Options { tls, ..Options::default() }).await;
        let another_authority = others.variables().pop().unwrap().1;
        let wrong = [("OCTROI_SMTP_CA_FILE", another_authority.as_str())];
        let mailer = Mailer::new(&office.config(&wrong), impatience()).unwrap();
        let (step, problem) = away(not_sent(send(&mailer, warning("1")).await));
        assert!(
            matches!(step, Step::Connect | Step::StartTls) && problem.contains("certificate"),
            "{problem}"
        );
        let said = office.server.commands();
        assert!(!said.iter().any(|line| line.starts_with("AUTH") || line.starts_with("MAIL")), "{said:?}");
        // Right authority, wrong name.
        let named = office.server.url().replace("127.0.0.1", "127.0.0.2");
        let mailer = Mailer::new(&office.config(&[("OCTROI_SMTP_URL", &named)]), impatience()).unwrap();
        away(not_sent(send(&mailer, warning("1")).await));
        assert!(office.server.mails().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_slipped_in_before_tls_is_never_taken_for_one_inside() {
    let office = PostOffice::open().await;
    let forged = "250-localhost\r\n250-8BITMIME\r\n250 AUTH PLAIN\r\n235 2.7.0 Come in\r\n";
    office.server.fault(Fault::once(Verb::StartTls, FaultKind::Inject { text: forged.to_owned() }));
    let (step, _) = away(not_sent(send(&office.mailer(), warning("1")).await));
    assert_eq!(step, Step::StartTls);
    let said = office.server.commands();
    assert!(!said.iter().any(|line| line.starts_with("AUTH") || line.starts_with("MAIL")), "{said:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_password_is_the_operator_s_fault_and_not_the_mail_s() {
    let office = PostOffice::open().await;
    let url = office.server.url().replace(CREDENTIALS.1, "wrong");
    let mailer = Mailer::new(&office.config(&[("OCTROI_SMTP_URL", &url)]), impatience()).unwrap();
    let not_sent = not_sent(send(&mailer, warning("1")).await);
    assert_eq!(not_sent.to_string(), "AUTH: the server answered 535 5.7.8");
    assert_eq!(mailer.check().await.unwrap_err(), not_sent);
    assert!(matches!(not_sent, NotSent::Away { step: Step::Auth, problem: Problem::Reply(_) }));
    assert!(office.mailer().check().await.unwrap().starts_with("the mail server at 127.0.0.1:"));
    let said = office.server.commands();
    assert!(!said.iter().any(|line| line.starts_with("MAIL")), "a check sends no mail");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_is_not_ascii_goes_to_a_server_that_takes_it_and_to_no_other() {
    let mut draft = draft(kinds().swap_remove(0), Language::French, "1");
    draft.address = "адa@bücher.example".to_owned();
    let office = PostOffice::open().await;
    send(&office.mailer(), message(&draft)).await.unwrap();
    let mail = office.server.mails().remove(0);
    assert!(mail.smtputf8);
    assert_eq!(mail.to, ["адa@xn--bcher-kva.example"]);
    assert_eq!(mail.header("To").unwrap(), "адa@xn--bcher-kva.example");
    let old = PostOffice::open_with(Options { smtputf8: false, ..Options::default() }).await;
    assert_eq!(not_sent(send(&old.mailer(), message(&draft)).await), NotSent::NeedsSmtputf8);
    draft.address = "\"ada, <x> \\\" (y)\"@example.com".to_owned();
    send(&old.mailer(), message(&draft)).await.unwrap();
    assert_eq!(old.server.mails()[0].to, ["\"ada, <x> \\\" (y)\"@example.com"]);
}

/// What `octroi doctor` says about mail, in an environment of nothing else.
async fn doctor(variables: Vec<(String, String)>) -> String {
    let mut out = Vec::new();
    octroi_worker::doctor::examine(&variables.into_iter().collect(), &mut out).await.unwrap();
    String::from_utf8(out)
        .unwrap()
        .lines()
        .filter(|line| line.to_lowercase().contains("mail"))
        .collect::<Vec<_>>()
        .join("\n")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_doctor_goes_as_far_as_a_mail_would_and_sends_none() {
    let office = PostOffice::open().await;
    let port = office.server.port();
    let with = |name: &str, value: &str| {
        let more = (name.to_owned(), value.to_owned());
        office.variables().into_iter().chain([more]).collect::<Vec<_>>()
    };
    let said = doctor(office.variables()).await;
    assert_eq!(
        said,
        format!("ok     configuration of mail\nok     the mail server at 127.0.0.1:{port} lets us in")
    );
    let said = office.server.commands();
    assert!(
        said.iter().any(|line| line == "AUTH") && !said.iter().any(|line| line.starts_with("MAIL")),
        "{said:?}"
    );
    let said = doctor(with("OCTROI_SMTP_URL", &office.server.url().replace(CREDENTIALS.1, "wrong"))).await;
    assert!(said.ends_with("FAULT  mails cannot leave: AUTH: the server answered 535 5.7.8"), "{said}");
    office.server.fault(Fault::once(Verb::Ehlo, FaultKind::Without { capability: "STARTTLS".to_owned() }));
    let said = doctor(office.variables()).await;
    assert!(
        said.ends_with("FAULT  mails cannot leave: STARTTLS: the server does not offer STARTTLS"),
        "{said}"
    );
    let said = doctor(with("OCTROI_SMTP_CA_FILE", "")).await;
    assert!(said.contains("FAULT  mails cannot leave: STARTTLS: ") && said.contains("certificate"), "{said}");
    office.server.go_down().await.unwrap();
    let said = doctor(office.variables()).await;
    assert!(said.contains("FAULT  mails cannot leave: connect: no connection: "), "{said}");
    assert_eq!(
        doctor(Vec::new()).await,
        "ok     configuration of mail\nwarn   no mail is sent: OCTROI_MAIL_BACKEND is not set"
    );
    let said = doctor(with("OCTROI_MAIL_FROM", "nobody")).await;
    assert!(
        said.starts_with("FAULT  OCTROI_MAIL_FROM must be such as ") && !said.contains("lets us in"),
        "{said}"
    );
    let file = [("OCTROI_MAIL_BACKEND", "file"), ("OCTROI_MAIL_DIRECTORY", "/proc/self")];
    let said = doctor(file.into_iter().fold(office.variables(), |mut all, (name, value)| {
        all.push((name.to_owned(), value.to_owned()));
        all
    }))
    .await;
    assert!(said.contains("FAULT  mails cannot leave: directory: "), "{said}");
}
