//! Users, accounts, plans, keys and the clock, set up as an operator would.

use sqlx::PgPool;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::stage::Stage;

/// Who calls, as the verbs want to know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Who pays.
    pub account_id: Uuid,
    /// With which key; none for a signed-in user.
    pub api_key_id: Option<Uuid>,
    /// Who acts.
    pub user_id: Uuid,
}

impl Caller {
    /// The same user with a key.
    #[must_use]
    pub fn with_key(self, key: &ApiKey) -> Self {
        Self { api_key_id: Some(key.id), ..self }
    }
}

/// A key as its owner got it.
#[derive(Clone, Debug)]
pub struct ApiKey {
    /// Its id.
    pub id: Uuid,
    /// What goes into `Authorization: Bearer`.
    pub secret: String,
}

/// A limit of a plan: scope, model (or nothing), meter, period, amount, overage.
pub type PlanLimit<'l> = (&'l str, &'l str, &'l str, &'l str, i64, i64);

impl Stage {
    /// Signs a user up; they get a personal account on the default plan.
    pub async fn sign_up(&self, name: &str) -> Caller {
        let user_id = Uuid::now_v7();
        sqlx::query("insert into auth.users (id, email) values ($1, $2)")
            .bind(user_id)
            .bind(format!("{name}-{user_id}@example.com"))
            .execute(&self.pool)
            .await
            .unwrap();
        let account_id = sqlx::query_scalar(
            "select id from octroi_private.account where owner_user_id = $1 and kind = 'personal'",
        )
        .bind(user_id)
        .fetch_one(&self.pool)
        .await
        .unwrap();
        Caller { account_id, api_key_id: None, user_id }
    }

    /// Signs a user up and puts them on a plan of their own with these limits.
    pub async fn sign_up_with(&self, limits: &[PlanLimit<'_>]) -> Caller {
        let caller = self.sign_up("user").await;
        let plan = self.make_plan(limits).await;
        self.assign(caller, &plan).await;
        caller
    }

    /// The owners of all accounts on a plan.
    pub async fn callers_on(&self, plan: &str) -> Vec<Caller> {
        let rows: Vec<(Uuid, Uuid)> = sqlx::query_as(
            "select a.id, a.owner_user_id from octroi_private.account as a
             join octroi_private.subscription as s on s.account_id = a.id and s.ended_at is null
             join octroi_private.plan_version as v on v.id = s.plan_version_id
             where v.plan_code = $1",
        )
        .bind(plan)
        .fetch_all(&self.pool)
        .await
        .unwrap();
        rows.into_iter()
            .map(|(account_id, user_id)| Caller { account_id, api_key_id: None, user_id })
            .collect()
    }

    /// Adds a plan; its code.
    pub async fn make_plan(&self, limits: &[PlanLimit<'_>]) -> String {
        let code = format!("p{}", Uuid::new_v4().simple());
        sqlx::query("insert into octroi_private.plan (code, name) values ($1, 'Test')")
            .bind(&code)
            .execute(&self.pool)
            .await
            .unwrap();
        let version: i64 = sqlx::query_scalar(
            "insert into octroi_private.plan_version (plan_code, version) values ($1, 1) returning id",
        )
        .bind(&code)
        .fetch_one(&self.pool)
        .await
        .unwrap();
        for (scope, model, meter, period, amount, overage) in limits {
            sqlx::query("insert into octroi_private.plan_limit values ($1, $2, $3, $4, $5, $6, $7)")
                .bind(version)
                .bind(scope)
                .bind(model)
                .bind(meter)
                .bind(period)
                .bind(amount)
                .bind(overage)
                .execute(&self.pool)
                .await
                .unwrap();
        }
        code
    }

    /// Puts an account on a plan.
    pub async fn assign(&self, caller: Caller, plan: &str) {
        sqlx::query("select octroi_private.assign_plan($1, $2)")
            .bind(caller.account_id)
            .bind(plan)
            .execute(&self.pool)
            .await
            .unwrap();
    }

    /// Makes a key as its owner does, over the RPC.
    pub async fn make_key(&self, caller: Caller, limits: serde_json::Value) -> ApiKey {
        let mut transaction = self.pool.begin().await.unwrap();
        act_as(&mut transaction, caller.user_id).await;
        let (id, secret) = sqlx::query_as("select id, secret from octroi.create_api_key('test', $1)")
            .bind(limits)
            .fetch_one(&mut *transaction)
            .await
            .unwrap();
        transaction.commit().await.unwrap();
        ApiKey { id, secret }
    }

    /// Gives a key another secret; the one before works for `grace_seconds` more.
    pub async fn rotate_key(&self, caller: Caller, key: &ApiKey, grace_seconds: i32) -> ApiKey {
        let mut transaction = self.pool.begin().await.unwrap();
        act_as(&mut transaction, caller.user_id).await;
        let secret = sqlx::query_scalar("select secret from octroi.rotate_api_key($1, $2)")
            .bind(key.id)
            .bind(grace_seconds)
            .fetch_one(&mut *transaction)
            .await
            .unwrap();
        transaction.commit().await.unwrap();
        ApiKey { id: key.id, secret }
    }

    /// Sets what an account allows itself. Scopes other than the account have a subject.
    pub async fn set_budget(
        &self,
        caller: Caller,
        (scope, subject): (&str, &str),
        meter: &str,
        period: &str,
        amount: i64,
    ) {
        sqlx::query(
            "insert into octroi_private.budget (account_id, scope, subject, meter, period, amount)
             values ($1, $2, $3, $4, $5, $6)
             on conflict (account_id, scope, subject, meter, period) do update set amount = excluded.amount",
        )
        .bind(caller.account_id)
        .bind(scope)
        .bind(subject)
        .bind(meter)
        .bind(period)
        .bind(amount)
        .execute(&self.pool)
        .await
        .unwrap();
    }

    /// Grants quota on top of the plan; the grant's id.
    pub async fn grant(
        &self,
        caller: Caller,
        kind: &str,
        amount: i64,
        expires_at: Option<OffsetDateTime>,
    ) -> Uuid {
        sqlx::query_scalar(
            "select octroi_private.add_grant($1, 'tokens', $2, $3, 'test', coalesce($4, 'infinity'::timestamptz))",
        )
        .bind(caller.account_id)
        .bind(amount)
        .bind(kind)
        .bind(expires_at)
        .fetch_one(&self.pool)
        .await
        .unwrap()
    }

    /// Octroi's own time.
    pub async fn now(&self) -> OffsetDateTime {
        sqlx::query_scalar("select octroi_private.now()").fetch_one(&self.pool).await.unwrap()
    }

    /// Moves the clock to an instant, and lets the sweeper make the partitions that it needs there.
    pub async fn travel_to(&self, at: OffsetDateTime) {
        sqlx::query(
            "insert into octroi_private.test_clock (shift) values ($1 - clock_timestamp())
             on conflict (only_row) do update set shift = excluded.shift",
        )
        .bind(at)
        .execute(&self.pool)
        .await
        .unwrap();
        sqlx::query("select octroi_private.make_usage_partitions(3)").execute(&self.pool).await.unwrap();
    }

    /// Moves the clock on.
    pub async fn let_pass(&self, time: time::Duration) {
        self.travel_to(self.now().await + time).await;
    }

    /// Runs one statement that returns nothing.
    pub async fn run(&self, statement: &'static str) {
        sqlx::query(statement).execute(&self.pool).await.unwrap();
    }
}

/// Makes a transaction speak for a signed-in user, as the Data API does.
pub async fn act_as(transaction: &mut sqlx::PgTransaction<'_>, user_id: Uuid) {
    let claims = serde_json::json!({ "sub": user_id, "role": "authenticated" }).to_string();
    sqlx::query(
        "select set_config('role', 'authenticated', true), set_config('request.jwt.claims', $1, true)",
    )
    .bind(claims)
    .execute(&mut **transaction)
    .await
    .unwrap();
}

/// Writes through SQL directly, for what has no verb yet.
pub async fn execute(pool: &PgPool, statement: &'static str, id: Uuid) {
    sqlx::query(statement).bind(id).execute(pool).await.unwrap();
}
