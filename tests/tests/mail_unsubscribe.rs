//! The link in a warning: what people see, what mail programs do, and what then comes no more.

use octroi_tests::cast::Caller;
use octroi_tests::gateway::{Gateway, provider};
use octroi_tests::mail::{PUBLIC_URL, PostOffice, contractual, threshold, worker};
use octroi_tests::stage::{Stage, play};
use reqwest::{Method, Response};

async fn ask(gateway: &Gateway, method: Method, path: &str, language: &str) -> Response {
    let client = reqwest::Client::builder().build().unwrap();
    let request = client.request(method.clone(), format!("http://127.0.0.1:{}{path}", gateway.client.port));
    let request = match method {
        Method::POST => request
            .header("content-type", "application/x-www-form-urlencoded")
            .body("List-Unsubscribe=One-Click"),
        _ => request,
    };
    request.header("accept-language", language).send().await.unwrap()
}

async fn wants_warnings(stage: &Stage, caller: Caller) -> bool {
    let query =
        sqlx::query_scalar("select usage_alerts from octroi_private.notification_setting where user_id = $1");
    query.bind(caller.user_id).fetch_one(&stage.pool).await.unwrap()
}

async fn link(stage: &Stage, caller: Caller) -> String {
    let query = sqlx::query_scalar(
        "select '/unsubscribe/' || unsubscribe_token from octroi_private.notification_setting where user_id = $1",
    );
    query.bind(caller.user_id).fetch_one(&stage.pool).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn looking_changes_nothing_and_the_button_does() {
    play(async |stage| {
        let gateway = Gateway::start(stage, &provider().await).await;
        let (ada, zoé) = (stage.sign_up("ada").await, stage.sign_up("zoe").await);
        stage.speaks(zoé, "fr", None).await;
        let link = link(stage, zoé).await;
        for method in [Method::GET, Method::HEAD, Method::GET] {
            let seen = ask(&gateway, method.clone(), &link, "en").await;
            assert_eq!(seen.status(), 200);
            let page = seen.text().await.unwrap();
            let has_button = page.contains("<form method=\"post\">") && page.contains("<html lang=\"fr\">");
            assert_eq!(has_button, method == Method::GET, "{page}");
            assert!(wants_warnings(stage, zoé).await, "a mail filter that follows links turns nothing off");
        }
        for _ in 0..2 {
            let done = ask(&gateway, Method::POST, &link, "en").await;
            assert_eq!(done.status(), 200);
            assert!(done.text().await.unwrap().contains("C’est fait."));
            assert!(!wants_warnings(stage, zoé).await);
        }
        let seen = ask(&gateway, Method::GET, &link, "en").await.text().await.unwrap();
        assert!(seen.contains("C’est fait.") && !seen.contains("<button"));
        assert!(wants_warnings(stage, ada).await, "nobody else's");
        gateway.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_runs_nothing_loads_nothing_and_tells_nobody_its_address() {
    play(async |stage| {
        let gateway = Gateway::start(stage, &provider().await).await;
        let ada = stage.sign_up("ada").await;
        let answer = ask(&gateway, Method::GET, &link(stage, ada).await, "en").await;
        for (name, value) in [
            (
                "content-security-policy",
                "default-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
            ),
            ("content-type", "text/html; charset=utf-8"),
            ("cache-control", "no-store"),
            ("referrer-policy", "no-referrer"),
            ("x-content-type-options", "nosniff"),
            ("x-robots-tag", "noindex"),
        ] {
            assert_eq!(answer.headers()[name], value);
        }
        assert!(!answer.headers().contains_key("set-cookie"));
        let page = answer.text().await.unwrap();
        for loads in ["<script", "<style", "style=", "<img", "<link", "src=", "http"] {
            assert!(!page.contains(loads), "{loads} in {page}");
        }
        gateway.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_of_nobody_finds_and_changes_nothing() {
    play(async |stage| {
        let gateway = Gateway::start(stage, &provider().await).await;
        let ada = stage.sign_up("ada").await;
        let long = "a".repeat(5_000);
        for token in [
            "00000000-0000-4000-8000-000000000000",
            "x",
            "%27%20or%20true--",
            "%00",
            "%ff",
            "%3Cscript%3E",
            long.as_str(),
        ] {
            for method in [Method::GET, Method::POST] {
                let answer = ask(&gateway, method, &format!("/unsubscribe/{token}"), "fr-CA,fr;q=0.9").await;
                assert_eq!(answer.status(), 404, "{token}");
                let page = answer.text().await.unwrap();
                assert!(
                    page.contains("plus valable") && !page.contains("<button") && !page.contains("script")
                );
            }
        }
        for path in ["/unsubscribe", "/unsubscribe/", "/unsubscribe/a/b"] {
            assert_eq!(ask(&gateway, Method::POST, path, "en").await.status(), 404);
        }
        assert_eq!(ask(&gateway, Method::PUT, "/unsubscribe/x", "en").await.status(), 405);
        assert!(wants_warnings(stage, ada).await);
        gateway.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_click_in_a_mail_ends_warnings_and_not_what_is_contractual() {
    play(async |stage| {
        let office = PostOffice::open().await;
        let gateway = worker(stage, &office).await;
        let ada = stage.sign_up("ada").await;
        let (warning, bill) = (threshold(), contractual());
        stage.write_to(ada, &warning, "1").await;
        let mail = office.server.mails_when(1).await.unwrap().remove(0);
        assert_eq!(mail.header("List-Unsubscribe-Post").unwrap(), "List-Unsubscribe=One-Click");
        let url = mail.header("List-Unsubscribe").unwrap();
        let path = url.trim_matches(['<', '>']).strip_prefix(PUBLIC_URL).unwrap();
        assert_eq!(ask(&gateway, Method::POST, path, "").await.status(), 200);

        let unwanted = stage.write_to(ada, &warning, "2").await;
        stage.mail_ends(unwanted, ("cancelled", "done")).await;
        let wanted = stage.write_to(ada, &bill, "3").await;
        stage.mail_ends(wanted, ("sent", "done")).await;
        assert_eq!(office.server.mails().len(), 2);
        gateway.stop().await;
    })
    .await;
}
