//! `octroi doctor` asks the provider before a customer does.

use octroi_sim::openai::FaultKind;
use octroi_tests::gateway::{environment, free_port, provider};
use octroi_tests::stage::{Stage, play};
use octroi_worker::config::Variables;
use octroi_worker::doctor;

/// What it says of the provider, with these variables besides the usual ones.
async fn says(stage: &Stage, sim: &octroi_sim::openai::Handle, more: &[(&str, &str)]) -> String {
    let variables: Variables = environment(stage, sim, free_port(), more).into_iter().collect();
    let mut said = Vec::new();
    doctor::examine(&variables, &mut said).await.unwrap();
    let said = String::from_utf8(said).unwrap();
    said.lines()
        .find(|line| line.contains("provider") || line.contains("/models"))
        .unwrap_or(&said)
        .to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_doctor_says_whether_the_provider_takes_the_key() {
    play(async |stage| {
        let sim = provider().await;
        let said = says(stage, &sim, &[]).await;
        assert!(said.starts_with("ok     the provider takes the key, and lists "), "{said}");

        let said = says(stage, &sim, &[("OPENAI_API_KEY", "sk-rolled")]).await;
        assert!(
            said.starts_with("FAULT  the provider refuses OPENAI_API_KEY (HTTP 401, invalid_api_key)"),
            "{said}"
        );
        assert!(!said.contains("sk-rolled"), "no key is printed: {said}");

        let gone = format!("http://127.0.0.1:{}/v1", free_port());
        let said = says(stage, &sim, &[("OCTROI_UPSTREAM_URL", &gone)]).await;
        assert!(
            said.starts_with(&format!("FAULT  the provider cannot be reached at {gone}: no connection")),
            "{said}"
        );

        let path = sim.base_url.replace("/v1", "/v2");
        let said = says(stage, &sim, &[("OCTROI_UPSTREAM_URL", &path)]).await;
        assert!(said.starts_with(&format!("warn   {path}/models answers HTTP 404")), "{said}");

        let no_credit = FaultKind::Status {
            status: 429,
            code: Some("insufficient_quota".to_owned()),
            retry_after_seconds: None,
        };
        sim.fault(no_credit).unwrap();
        let said = says(stage, &sim, &[]).await;
        assert!(said.contains("(HTTP 429, insufficient_quota)"), "{said}");
    })
    .await;
}
