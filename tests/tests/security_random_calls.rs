//! Every exposed function with whatever comes to mind, as nobody and as a signed-in user. The list is the catalogue's, so
//! a function that is added is called as well. `OCTROI_TEST_SEED` repeats a run.

use octroi_tests::cast::Caller;
use octroi_tests::seed::Dice;
use octroi_tests::stage::{Stage, play};
use sqlx::{AssertSqlSafe, PgConnection};

/// Calls of each function by each role.
const ROUNDS: u64 = 40;

/// A function and the types of its arguments.
type Function = (String, Vec<String>);

async fn exposed(stage: &Stage) -> Vec<Function> {
    sqlx::query_as(
        "select p.oid::regproc::text, coalesce((
           select array_agg(format_type(a.oid, null) order by a.n)
           from unnest(p.proargtypes::oid []) with ordinality as a (oid, n)
         ), '{}')
         from pg_proc as p where p.pronamespace = 'octroi'::regnamespace order by 1",
    )
    .fetch_all(&stage.pool)
    .await
    .unwrap()
}

/// A literal, as somebody would send it who wants to see something break.
fn literal(dice: &mut Dice, kind: &str, ids: &[String]) -> String {
    let texts = [
        "",
        "x",
        "basic",
        "month",
        "gpt-5.4-mini",
        "gpt-5.4-mini\n",
        "'; drop table account; --",
        "\u{202e}é\u{0301}💣",
        "%s%n",
        "../../etc/passwd",
        "{}",
        "null",
        "https://a@127.0.0.1:1/\\",
        "-1",
        "1e309",
        "NaN",
    ];
    let text = |dice: &mut Dice| match dice.below(8) {
        0 => "a".repeat(70_000),
        1 => dice.pick(ids).clone(),
        _ => (*dice.pick(&texts)).to_owned(),
    };
    if dice.below(6) == 0 {
        return format!("null::{kind}");
    }
    let value = match kind {
        "uuid" => dice.pick(ids).clone(),
        "boolean" => (*dice.pick(&["true", "false"])).to_owned(),
        "smallint" => (*dice.pick(&["0", "-1", "32767", "-32768"])).to_owned(),
        "integer" => (*dice.pick(&["0", "1", "-1", "2147483647", "-2147483648"])).to_owned(),
        "bigint" => (*dice.pick(&["0", "1", "-1", "9223372036854775807", "-9223372036854775808"])).to_owned(),
        "date" => (*dice.pick(&["2026-11-22", "infinity", "-infinity", "0001-01-01 BC", "5874897-12-31"]))
            .to_owned(),
        "timestamp with time zone" => {
            (*dice.pick(&["2026-11-22Z", "infinity", "-infinity", "4713-01-01 BC", "294276-12-31"]))
                .to_owned()
        }
        "jsonb" => json(dice, 0),
        _ => text(dice),
    };
    format!("'{}'::{kind}", value.replace('\'', "''"))
}

fn json(dice: &mut Dice, depth: u64) -> String {
    let names = [
        "model", "input", "messages", "meter", "period", "amount", "endpoint", "stream", "object", "id",
        "type", "created", "",
    ];
    match dice.below(if depth > 3 { 7 } else { 10 }) {
        0 => "null".to_owned(),
        1 => "true".to_owned(),
        2 => (*dice.pick(&["0", "-1", "1e308", "99999999999999999999", "0.1"])).to_owned(),
        3..=6 => format!(
            "\"{}\"",
            dice.pick(&["tokens", "day", "responses", "evt_1", "'", "\\u0001", "gpt-5.4-mini", "100"])
        ),
        7 => {
            let items: Vec<String> = (0..dice.below(4)).map(|_| json(dice, depth + 1)).collect();
            format!("[{}]", items.join(","))
        }
        _ => {
            let members =
                (0..dice.below(5)).map(|_| format!("\"{}\":{}", dice.pick(&names), json(dice, depth + 1)));
            let members: Vec<String> = members.collect();
            format!("{{{}}}", members.join(","))
        }
    }
}

/// Whether a call failed because of what was asked, or of who asked. PostgREST answers these with a 4xx; for all others it
/// answers with a 5xx, or they tell of a name that a function uses and that is not there. `P0001` is missing: a function
/// of ours says what it raises.
fn is_the_callers_fault(sqlstate: &str) -> bool {
    sqlstate == "42501" || ["OC", "22", "23"].iter().any(|class| sqlstate.starts_with(class))
}

/// How long a statement of this role may take, as PostgREST has it take effect with the role.
async fn statement_timeout(stage: &Stage, role: &str) -> String {
    sqlx::query_scalar(
        "select split_part(setting, '=', 2) from pg_db_role_setting as s cross join unnest(s.setconfig) as setting
         where s.setrole = $1::regrole and s.setdatabase = 0 and setting like 'statement_timeout=%'",
    )
    .bind(role)
    .fetch_one(&stage.pool)
    .await
    .expect("the role is bounded")
}

async fn call_as(
    connection: &mut PgConnection,
    (role, timeout): (&str, &str),
    caller: Option<Caller>,
    (name, kinds): &Function,
    ids: &[String],
    dice: &mut Dice,
) -> Option<String> {
    let claims = caller.map_or(String::new(), |caller| {
        format!("{{\"sub\": \"{}\", \"role\": \"authenticated\"}}", caller.user_id)
    });
    let arguments: Vec<String> = kinds.iter().map(|kind| literal(dice, kind, ids)).collect();
    let call = format!("select * from {name}({})", arguments.join(", "));
    let statement = format!(
        "begin; select set_config('role', '{role}', true), set_config('request.jwt.claims', '{claims}', true),
           set_config('statement_timeout', '{timeout}', true); {call}; commit"
    );
    let result = sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut *connection).await;
    let error = result.err()?;
    // The transaction that broke is still open.
    sqlx::raw_sql("rollback").execute(&mut *connection).await.expect("the server is still there");
    let sqlstate = error.as_database_error().and_then(|error| error.code()).unwrap_or_default().into_owned();
    assert!(!sqlstate.is_empty(), "{call}: the connection broke: {error}");
    assert!(is_the_callers_fault(&sqlstate), "as {role}: {call:.300}: {sqlstate} {error}");
    Some(sqlstate)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_exposed_function_breaks_over_random_arguments() {
    play(async |stage| {
        let mut dice = Dice::new(7);
        let (mine, other) = (stage.sign_up("mine").await, stage.sign_up("other").await);
        let ids: Vec<String> =
            [mine.account_id, mine.user_id, other.account_id, other.user_id, uuid::Uuid::nil()]
                .iter()
                .map(ToString::to_string)
                .collect();
        let functions = exposed(stage).await;
        assert!(functions.len() > 20, "the catalogue lists what is exposed");
        let [anon, signed_in] =
            [statement_timeout(stage, "anon").await, statement_timeout(stage, "authenticated").await];
        let mut connection = stage.connect().await;
        for function in &functions {
            for _ in 0..ROUNDS {
                let as_nobody =
                    call_as(&mut connection, ("anon", &anon), None, function, &ids, &mut dice).await;
                assert!(as_nobody.is_some(), "nobody may call nothing, {} neither", function.0);
                let role = ("authenticated", signed_in.as_str());
                call_as(&mut connection, role, Some(mine), function, &ids, &mut dice).await;
            }
        }
        let foreign: i64 = sqlx::query_scalar(
            "select (select count(*) from octroi_private.api_key where user_id = $1)
                  + (select count(*) from octroi_private.completion where user_id = $1)
                  + (select count(*) from octroi_private.billing_request where account_id = $2)",
        )
        .bind(other.user_id)
        .bind(other.account_id)
        .fetch_one(&stage.pool)
        .await
        .unwrap();
        assert_eq!(foreign, 0, "nothing happened to anybody else");
    })
    .await;
}
