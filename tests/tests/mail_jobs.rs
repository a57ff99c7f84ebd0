//! Mails that SQL decides on, from the row to the reader: once each, whatever happens to the server or the worker.

use octroi_sim::smtp::{Fault, FaultKind, Verb};
use octroi_tests::deadline::eventually;
use octroi_tests::gateway::{Gateway, provider};
use octroi_tests::mail::{PUBLIC_URL, PostOffice, contractual, kinds, read, threshold, worker};
use octroi_tests::stage::play;

fn reply(code: u16) -> FaultKind {
    FaultKind::Reply { code, text: format!("{}.0.0 no", code / 100) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_reaches_its_reader_in_their_language_and_time_zone() {
    play(async |stage| {
        let office = PostOffice::open().await;
        let gateway = worker(stage, &office).await;
        let (ada, zoé) = (stage.sign_up("ada").await, stage.sign_up("zoe").await);
        stage.speaks(zoé, "fr", Some("Europe/Paris")).await;
        for reader in [ada, zoé] {
            stage.consents(reader, "news").await;
        }
        for kind in kinds() {
            for reader in [ada, zoé] {
                stage.write_to(reader, &kind, "1").await;
            }
        }
        let mails = office.server.mails_when(2 * kinds().len()).await.unwrap();
        for (reader, subject, line) in [
            (ada, "80% of your tokens are used", "Resets: 1 December 2026 at 00:00 (UTC)"),
            (zoé, "80\u{202f}% de vos jetons sont utilisés", "1er décembre 2026 à 01:00 (Europe/Paris)"),
            (ada, "Your payment failed", "USD 9.00"),
            (zoé, "Votre paiement a échoué", "9,00 USD"),
            (ada, "Your subscription has ended", "“Free”"),
            (zoé, "Votre abonnement a pris fin", "«\u{202f}Free\u{202f}»"),
            (ada, "Your top-up has arrived", "100,000 tokens"),
            (zoé, "Votre recharge est arrivée", "100\u{202f}000 jetons"),
            (ada, "Your automatic top-up failed", "Your card was declined."),
            (zoé, "Votre recharge automatique a échoué", "Votre carte a été refusée."),
            (ada, "New models", "Two models are new."),
            (zoé, "Nouveaux modèles", "Deux modèles sont nouveaux."),
            (ada, "Your personal data were affected by a security incident", "What you can do: Be wary."),
            (zoé, "Vos données personnelles sont concernées par un incident de sécurité", "Une fuite."),
            (ada, "You are the owner of the team now", "“Basic” goes on"),
            (zoé, "Vous êtes désormais propriétaire de l’équipe", "«\u{202f}Basic\u{202f}» se poursuit"),
        ] {
            let found = mails.iter().find(|mail| read(mail).0 == subject).expect(subject);
            assert!(read(found).1.contains(line), "{line} in {}", read(found).1);
            assert!(found.to[0].contains(&reader.user_id.to_string()));
            let unsubscribe = found.header("List-Unsubscribe");
            let can_be_stopped =
                subject.contains("80") || subject.contains("odels") || subject.contains("odèles");
            assert_eq!(unsubscribe.is_some(), can_be_stopped, "{subject}");
            assert!(unsubscribe.is_none_or(|url| url.starts_with(&format!("<{PUBLIC_URL}/unsubscribe/"))));
        }
        gateway.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fault_at_any_verb_delays_a_mail_and_never_doubles_it() {
    play(async |stage| {
        let office = PostOffice::open().await;
        let gateway = worker(stage, &office).await;
        let ada = stage.sign_up("ada").await;
        let session = [Verb::Connect, Verb::Banner, Verb::Ehlo, Verb::StartTls, Verb::Auth, Verb::Mail];
        let mail = [Verb::Rcpt, Verb::Data, Verb::Dot];
        let mut story: Vec<(Verb, FaultKind)> = Vec::new();
        for verb in session.into_iter().chain(mail) {
            story.extend([(verb, reply(451)), (verb, FaultKind::Drop)]);
        }
        story.extend(mail.map(|verb| (verb, reply(421))));
        // A lost answer to the dot is a story of its own.
        story.retain(|(verb, kind)| (*verb, kind) != (Verb::Dot, &FaultKind::Drop));
        let mut sent = 0;
        for (verb, kind) in story {
            // A connection that is kept from the mail before says no EHLO.
            office.server.go_down().await.unwrap();
            office.server.come_back().await.unwrap();
            office.server.fault(Fault::once(verb, kind));
            let mail = stage.write_to(ada, &threshold(), &format!("{sent}")).await;
            stage.mail_ends(mail, ("sent", "done")).await;
            sent += 1;
            assert_eq!(office.server.mails().len(), sent, "{verb:?}");
            assert!(office.server.faults_left().is_empty(), "{verb:?}");
        }
        let mut ids = office.ids();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), sent);
        gateway.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_refused_for_good_is_given_up_with_the_reason_and_no_address_in_it() {
    play(async |stage| {
        let office = PostOffice::open().await;
        let gateway = worker(stage, &office).await;
        let ada = stage.sign_up("ada").await;
        for (number, verb) in [Verb::Rcpt, Verb::Data, Verb::Dot].into_iter().enumerate() {
            let text = "5.1.1 <ada@example.com> no such user".to_owned();
            office.server.fault(Fault::once(verb, FaultKind::Reply { code: 550, text }));
            let mail = stage.write_to(ada, &contractual(), &format!("{number}")).await;
            stage.mail_ends(mail, ("refused", "cancelled")).await;
            let (detail, error): (String, String) = sqlx::query_as(
                "select m.detail, j.last_error from octroi_private.mail as m, octroi_private.job as j
                 where m.id = $1 and j.args ->> 'mail_id' = m.id::text",
            )
            .bind(mail)
            .fetch_one(&stage.pool)
            .await
            .unwrap();
            assert!(detail.ends_with("the server answered 550 5.1.1"), "{detail}");
            assert_eq!(error, format!("the mail was not sent: {detail}"));
        }
        let next = stage.write_to(ada, &contractual(), "next").await;
        stage.mail_ends(next, ("sent", "done")).await;
        assert_eq!(office.server.mails().len(), 1);
        gateway.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_the_answer_to_the_dot_is_lost_a_warning_is_not_sent_again_and_a_contractual_mail_is() {
    play(async |stage| {
        let office = PostOffice::open().await;
        let gateway = worker(stage, &office).await;
        let ada = stage.sign_up("ada").await;
        for (way, taken) in [(FaultKind::Drop, 0), (FaultKind::AcceptThenDrop, 1)] {
            office.server.clear();
            office.server.fault(Fault::once(Verb::Dot, way.clone()));
            let warning = stage.write_to(ada, &threshold(), &format!("{taken}")).await;
            stage.mail_ends(warning, ("unknown", "cancelled")).await;
            stage.let_pass(time::Duration::hours(1)).await;
            assert_eq!(office.server.mails().len(), taken, "once at most");

            office.server.fault(Fault::once(Verb::Dot, way));
            let bill = stage.write_to(ada, &contractual(), &format!("{taken}")).await;
            stage.mail_ends(bill, ("sent", "done")).await;
            let copies = office.ids().split_off(taken);
            assert_eq!(copies.len(), 1 + taken, "once at least");
            assert!(copies.iter().all(|id| *id == copies[0]), "as the same mail: {copies:?}");
        }
        gateway.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_cannot_be_written_to_stops_nobody_else_s_mail() {
    play(async |stage| {
        let office = PostOffice::open().await;
        let gateway = worker(stage, &office).await;
        for (number, address) in [
            "ada@[127.0.0.1]",
            "ada..b@example.com",
            "ada@example.com, eve@example.com",
            "no address",
            "a\u{2028}b@example.com",
        ]
        .into_iter()
        .enumerate()
        {
            let odd = stage.sign_up("odd").await;
            let change = "update octroi_private.contact
                set email = octroi_private.seal_for(user_id, 'contact.email', $2) where user_id = $1";
            sqlx::query(change).bind(odd.user_id).bind(address).execute(&stage.pool).await.unwrap();
            let mail = stage.write_to(odd, &contractual(), &format!("{number}")).await;
            stage.mail_ends(mail, ("refused", "cancelled")).await;
            let query = sqlx::query_scalar("select detail from octroi_private.mail where id = $1").bind(mail);
            let detail: String = query.fetch_one(&stage.pool).await.unwrap();
            assert!(detail.starts_with("it cannot be addressed: ") && !detail.contains("eve"), "{detail}");
        }
        let ada = stage.sign_up("ada").await;
        let mail = stage.write_to(ada, &contractual(), "1").await;
        stage.mail_ends(mail, ("sent", "done")).await;
        assert_eq!(office.server.mails().len(), 1);
        gateway.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_down_for_an_hour_costs_no_mail_and_no_attempt() {
    play(async |stage| {
        let office = PostOffice::open().await;
        let gateway = worker(stage, &office).await;
        let ada = stage.sign_up("ada").await;
        office.server.go_down().await.unwrap();
        let mail = stage.write_to(ada, &contractual(), "1").await;
        for _ in 0..3 {
            eventually("the mail waits", async || (stage.mail_state(mail).await.1 == "queued").then_some(()))
                .await;
            stage.let_pass(time::Duration::minutes(20)).await;
            stage.run("select pg_notify('octroi_job', '')").await;
        }
        office.server.come_back().await.unwrap();
        stage.mail_ends(mail, ("sent", "done")).await;
        let burnt: i32 = sqlx::query_scalar("select 20 - (max_attempts - attempt) from octroi_private.job")
            .fetch_one(&stage.pool)
            .await
            .unwrap();
        assert_eq!((office.server.mails().len(), burnt), (1, 1), "only the one that succeeded counts");
        gateway.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_workers_share_the_mails_and_send_each_once() {
    play(async |stage| {
        let office = PostOffice::open().await;
        let (first, second) = (worker(stage, &office).await, worker(stage, &office).await);
        let ada = stage.sign_up("ada").await;
        for number in 0..60 {
            stage.write_to(ada, &threshold(), &format!("{number}")).await;
        }
        office.server.mails_when(60).await.unwrap();
        eventually("every job is done", async || {
            let query = sqlx::query_scalar("select count(*) from octroi_private.job where state <> 'done'");
            let left: i64 = query.fetch_one(&stage.pool).await.unwrap();
            (left == 0).then_some(())
        })
        .await;
        let mut ids = office.ids();
        ids.sort();
        ids.dedup();
        assert_eq!((office.server.mails().len(), ids.len()), (60, 60));
        first.stop().await;
        second.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_without_mail_leaves_mails_to_one_that_has_it() {
    play(async |stage| {
        let sim = provider().await;
        let without = Gateway::start(stage, &sim).await;
        let ada = stage.sign_up("ada").await;
        let mail = stage.write_to(ada, &threshold(), "1").await;
        let office = PostOffice::open().await;
        let with = worker(stage, &office).await;
        stage.mail_ends(mail, ("sent", "done")).await;
        let attempts: i32 = sqlx::query_scalar("select attempt from octroi_private.job")
            .fetch_one(&stage.pool)
            .await
            .unwrap();
        assert_eq!(attempts, 1);
        without.stop().await;
        with.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_says_nothing_is_given_up_and_does_not_stop_the_others() {
    play(async |stage| {
        let ada = stage.sign_up("ada").await;
        let odd = stage.write_to(ada, &contractual(), "odd").await;
        stage.run("update octroi_private.mail set data = '{}'").await;
        let office = PostOffice::open().await;
        let gateway = worker(stage, &office).await;
        stage.mail_ends(odd, ("refused", "cancelled")).await;
        let next = stage.write_to(ada, &contractual(), "next").await;
        stage.mail_ends(next, ("sent", "done")).await;
        gateway.stop().await;
    })
    .await;
}
