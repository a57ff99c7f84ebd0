//! API keys, made as users make them, and the questions that are asked with them.

use anyhow::{Context, Result};
use sqlx::Connection;
use uuid::Uuid;

use crate::load::Request;
use crate::pgbench::claims;
use crate::rig::Rig;

/// Accounts that call the gateway, each with a key.
const CALLERS: u32 = 256;

const QUESTION: &str = r#"{"model":"gpt-5.4-mini","messages":[{"role":"user","content":"How much toll does a cart of grain pay at the gate of the city, and who may pass for nothing on a market day?"}],"max_tokens":64"#;

/// A key of an account of the benchmark.
#[derive(Debug, Clone)]
pub struct Key {
    id: Uuid,
    secret: String,
}

/// One key for each of the accounts that call.
pub async fn make(rig: &Rig) -> Result<Vec<Key>> {
    let mut connection = rig.superuser().await?;
    let mut keys = Vec::new();
    for number in 1..=CALLERS.min(rig.scale.accounts) {
        let mut transaction = connection.begin().await?;
        sqlx::query(
            "select set_config('role', 'authenticated', true), set_config('request.jwt.claims', $1, true)",
        )
        .bind(claims(number))
        .execute(&mut *transaction)
        .await?;
        let (id, secret): (Uuid, String) =
            sqlx::query_as("select id, secret from octroi.create_api_key('bench')")
                .fetch_one(&mut *transaction)
                .await
                .context("a key cannot be made")?;
        transaction.commit().await?;
        keys.push(Key { id, secret });
    }
    connection.close().await?;
    Ok(keys)
}

/// The question, with no key or with more header lines that each end in CRLF.
pub fn question(headers: &str, stream: bool) -> Request {
    question_at("/v1/chat/completions", headers, None, stream)
}

/// The question at another path, or for a model of another name.
pub fn question_at(path: &str, headers: &str, model: Option<&str>, stream: bool) -> Request {
    let mut body = format!("{QUESTION}{}}}", if stream { r#","stream":true"# } else { "" });
    if let Some(model) = model {
        body = body.replacen("gpt-5.4-mini", model, 1);
    }
    Request::post(path, headers, &body)
}

/// The question with each of `keys`.
pub fn questions(keys: &[Key], stream: bool) -> Vec<Request> {
    keys.iter().map(|key| question(&format!("authorization: Bearer {}\r\n", key.secret), stream)).collect()
}

/// What the ledger has of calls with `keys`: requests, tokens, and tokens beyond what was held.
pub async fn recorded(rig: &Rig, keys: &[Key]) -> Result<(i64, i64, i64)> {
    let ids: Vec<Uuid> = keys.iter().map(|key| key.id).collect();
    let mut connection = rig.superuser().await?;
    let sums = sqlx::query_as(
        "select count(*), coalesce(sum(total_tokens), 0)::bigint, coalesce(sum(overrun_tokens), 0)::bigint
           from octroi_private.usage_event where api_key_id = any($1)",
    )
    .bind(&ids)
    .fetch_one(&mut connection)
    .await?;
    connection.close().await?;
    Ok(sums)
}
