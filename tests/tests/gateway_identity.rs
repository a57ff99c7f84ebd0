//! Who may call: keys and access tokens, and nothing that only looks like them.

use octroi_tests::cast::execute;
use octroi_tests::client::{chat, claims, token, valid_token};
use octroi_tests::gateway::{Gateway, JWT_SECRET, provider};
use octroi_tests::stage::play;
use serde_json::json;
use time::OffsetDateTime;
use uuid::Uuid;

const CHAT: &str = "/v1/chat/completions";

/// `alg: none`, which must never be believed.
fn unsigned(claims: &serde_json::Value) -> String {
    let part = |value: &serde_json::Value| base64_url(value.to_string().as_bytes());
    format!("{}.{}.", part(&json!({ "alg": "none", "typ": "JWT" })), part(claims))
}

fn base64_url(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits =
            chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..=chunk.len() {
            text.push(char::from(ALPHABET[(bits >> (18 - 6 * place)) as usize & 63]));
        }
    }
    text
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_works_until_it_is_revoked_expired_or_its_account_suspended() {
    play(async |stage| {
        let sim = provider().await;
        let gateway = Gateway::start(stage, &sim).await;
        let caller = stage.sign_up("owner").await;
        let status = async |secret: &str| gateway.client.with(secret).post(CHAT, &chat(json!({}))).await;
        for (statement, told, code) in [
            ("update octroi_private.api_key set revoked_at = octroi_private.now() where id = $1", 401, "invalid_api_key"),
            (
                "update octroi_private.api_key set created_at = created_at - interval '2 h', expires_at = octroi_private.now() - interval '1 h' where id = $1",
                401,
                "expired_api_key",
            ),
            ("delete from octroi_private.api_key where id = $1", 401, "invalid_api_key"),
            (
                "update octroi_private.account set status = 'suspended' where id = (select account_id from octroi_private.api_key where id = $1)",
                403,
                "account_suspended",
            ),
        ] {
            let key = stage.make_key(caller, json!([])).await;
            assert_eq!(status(&key.secret).await.status, 200);
            execute(&stage.pool, statement, key.id).await;
            let sent = sim.requests().len();
            let refused = status(&key.secret).await;
            refused.assert_openai_error(told);
            assert_eq!(refused.code(), code);
            assert_eq!(sim.requests().len(), sent, "at once, whatever was cached");
        }
        gateway.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_banned_user_is_refused_until_the_ban_is_lifted() {
    play(async |stage| {
        let sim = provider().await;
        let gateway = Gateway::start(stage, &sim).await;
        let caller = stage.sign_up("user").await;
        let key = stage.make_key(caller, json!([])).await;
        let clients = [gateway.client.with(&key.secret), gateway.client.with(&valid_token(caller))];
        // Both are known to the gateway, and remembered.
        for client in &clients {
            assert_eq!(client.post(CHAT, &chat(json!({}))).await.status, 200);
        }
        let sent = sim.requests().len();
        execute(&stage.pool, "update auth.users set banned_until = 'infinity' where id = $1", caller.user_id)
            .await;
        for client in &clients {
            for refused in [client.post(CHAT, &chat(json!({}))).await, client.get("/v1/models").await] {
                refused.assert_openai_error(403);
                assert_eq!(refused.code(), "account_suspended");
            }
        }
        assert_eq!(sim.requests().len(), sent, "at once, whatever was cached");
        execute(&stage.pool, "update auth.users set banned_until = null where id = $1", caller.user_id).await;
        for client in &clients {
            assert_eq!(client.post(CHAT, &chat(json!({}))).await.status, 200);
        }
        gateway.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_key_of_ours_is_refused_alike() {
    play(async |stage| {
        let sim = provider().await;
        let gateway = Gateway::start(stage, &sim).await;
        let long = format!("sk-oct-{}", "a".repeat(10_000));
        let zeros = format!("sk-oct-{}", "0".repeat(64));
        for bearer in ["sk-oct-", zeros.as_str(), &long, "sk-proj-abc", "a.b.c", "..", "sk-oct-é", "null"] {
            let reply = gateway.client.with(bearer).post(CHAT, &chat(json!({}))).await;
            reply.assert_openai_error(401);
            assert_eq!(reply.code(), "invalid_api_key", "{bearer}");
        }
        for header in [None, Some("Basic dXNlcjpwYXNz"), Some("Bearer"), Some("sk-oct-abc")] {
            let mut request = gateway.client.request(http::Method::POST, CHAT).json(&chat(json!({})));
            if let Some(header) = header {
                request = request.header("authorization", header);
            }
            octroi_tests::client::read(request.send().await.unwrap()).await.assert_openai_error(401);
        }
        assert!(sim.requests().is_empty());
        gateway.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_access_token_stands_for_its_user_if_and_only_if_it_is_genuine() {
    play(async |stage| {
        let sim = provider().await;
        let gateway = Gateway::start(stage, &sim).await;
        let caller = stage.sign_up("user").await;
        let good = gateway.client.with(&valid_token(caller)).post(CHAT, &chat(json!({}))).await;
        assert_eq!(good.status, 200, "{good:?}");
        assert!(stage.balance(caller, "tokens", "month").await.used > 0);

        let now = OffsetDateTime::now_utc().unix_timestamp();
        let genuine = claims(caller, json!({}));
        let of = |more| token(&claims(caller, more), JWT_SECRET);
        let mut tampered = valid_token(caller);
        tampered.replace_range(tampered.len() - 4.., "AAAA");
        let sent = sim.requests().len();
        for (what, bearer, code) in [
            ("alg none", unsigned(&genuine), "invalid_api_key"),
            ("another secret", token(&genuine, "another secret of at least 32 bytes!"), "invalid_api_key"),
            ("tampered", tampered, "invalid_api_key"),
            ("wrong audience", of(json!({ "aud": "anon" })), "invalid_api_key"),
            ("no audience", of(json!({ "aud": null })), "invalid_api_key"),
            ("wrong issuer", of(json!({ "iss": "http://evil.test" })), "invalid_api_key"),
            ("expired", of(json!({ "exp": now - 3_600 })), "expired_api_key"),
            ("no expiry", of(json!({ "exp": null })), "invalid_api_key"),
            ("not yet valid", of(json!({ "nbf": now + 3_600 })), "invalid_api_key"),
            ("no user", of(json!({ "sub": "somebody" })), "invalid_api_key"),
            ("service role", of(json!({ "role": "service_role", "sub": null })), "invalid_api_key"),
        ] {
            let reply = gateway.client.with(&bearer).post(CHAT, &chat(json!({}))).await;
            reply.assert_openai_error(401);
            assert_eq!(reply.code(), code, "{what}");
        }
        assert_eq!(sim.requests().len(), sent);
        gateway.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_pays_from_a_team_only_for_its_members() {
    play(async |stage| {
        let sim = provider().await;
        let gateway = Gateway::start(stage, &sim).await;
        let (owner, stranger) = (stage.sign_up("owner").await, stage.sign_up("stranger").await);
        let team: Uuid = sqlx::query_scalar(
            "insert into octroi_private.account (kind, owner_user_id, name) values ('team', $1, 'Team') returning id",
        )
        .bind(owner.user_id)
        .fetch_one(&stage.pool)
        .await
        .unwrap();
        sqlx::query("insert into octroi_private.member (account_id, user_id, role) values ($1, $2, 'owner')")
            .bind(team)
            .bind(owner.user_id)
            .execute(&stage.pool)
            .await
            .unwrap();
        let team_caller = octroi_tests::cast::Caller { account_id: team, ..owner };
        let plan = stage.make_plan(&[("account", "", "tokens", "month", 10_000, 0)]).await;
        stage.assign(team_caller, &plan).await;
        let ask = async |token: &str, organization: &str| {
            let request = gateway.client.with(token).request(http::Method::POST, CHAT).json(&chat(json!({})));
            octroi_tests::client::read(request.header("openai-organization", organization).send().await.unwrap()).await
        };
        assert_eq!(ask(&valid_token(owner), &team.to_string()).await.status, 200);
        assert!(stage.balance(team_caller, "tokens", "month").await.used > 0);
        assert!(stage.balances(owner).await.is_empty(), "the personal account paid nothing");
        for organization in [team.to_string(), "org-abc".to_owned(), Uuid::nil().to_string()] {
            let reply = ask(&valid_token(stranger), &organization).await;
            reply.assert_openai_error(403);
            assert_eq!(reply.code(), "not_a_member", "{organization}");
        }
        gateway.stop().await;
    })
    .await;
}
