//! Mails as rows.

use std::time::Duration;

use octroi_worker::mail::Kind;
use uuid::Uuid;

use super::letters::row;
use crate::cast::Caller;
use crate::deadline::eventually;
use crate::stage::Stage;

impl Stage {
    /// Decides on a mail as SQL's own rules do; it is of use for thirty days.
    pub async fn write_to(&self, caller: Caller, kind: &Kind, key: &str) -> Uuid {
        let (kind, data) = row(kind);
        sqlx::query("select octroi_private.enqueue_mail($1, $2, $3, $4, $5, octroi_private.now() + interval '30 days')")
            .bind(caller.account_id)
            .bind(caller.user_id)
            .bind(kind)
            .bind(key)
            .bind(data)
            .execute(&self.pool)
            .await
            .unwrap();
        let query = sqlx::query_scalar("select id from octroi_private.mail order by id desc limit 1");
        query.fetch_one(&self.pool).await.unwrap()
    }

    /// The state of a mail and of its job.
    pub async fn mail_state(&self, mail_id: Uuid) -> (String, String) {
        sqlx::query_as(
            "select m.state, j.state from octroi_private.mail as m
             join octroi_private.job as j on j.kind = 'send_mail' and (j.args ->> 'mail_id')::uuid = m.id
             where m.id = $1",
        )
        .bind(mail_id)
        .fetch_one(&self.pool)
        .await
        .unwrap()
    }

    /// Waits until a mail and its job are in these states, letting every pause before a next attempt pass.
    pub async fn mail_ends(&self, mail_id: Uuid, wanted: (&str, &str)) {
        eventually(&format!("the mail and its job are {wanted:?}"), async || {
            let (mail, job) = self.mail_state(mail_id).await;
            if (mail.as_str(), job.as_str()) == wanted {
                return Some(());
            }
            if job == "queued" {
                self.let_pass(time::Duration::seconds(61)).await;
                self.run("select pg_notify('octroi_job', '')").await;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
            None
        })
        .await;
    }

    /// Has a user agree to a purpose.
    pub async fn consents(&self, caller: Caller, purpose: &str) {
        sqlx::query("select octroi_private.decide_consent($1, $2, true, null, 'rpc')")
            .bind(caller.user_id)
            .bind(purpose)
            .execute(&self.pool)
            .await
            .unwrap();
    }

    /// Sets the language a user is written to in.
    pub async fn speaks(&self, caller: Caller, locale: &str, time_zone: Option<&str>) {
        sqlx::query(
            "update octroi_private.notification_setting set locale = $2, time_zone = $3 where user_id = $1",
        )
        .bind(caller.user_id)
        .bind(locale)
        .bind(time_zone)
        .execute(&self.pool)
        .await
        .unwrap();
    }
}
