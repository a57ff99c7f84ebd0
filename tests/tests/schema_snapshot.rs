//! The schema and every right, as committed: a change shows up in review. `OCTROI_UPDATE_SNAPSHOTS=1` writes them anew.

use std::path::Path;

use octroi_tests::pg_tools::dump;
use octroi_tests::stage::{Stage, play};

fn is_to_be_updated() -> bool {
    std::env::var("OCTROI_UPDATE_SNAPSHOTS").is_ok_and(|value| value == "1")
}

/// Compares with the committed file, or writes it.
fn assert_as_committed(name: &str, now: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    if is_to_be_updated() {
        std::fs::write(&path, now).unwrap();
        return;
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    if let Some((number, (was, is))) =
        committed.lines().zip(now.lines()).enumerate().find(|(_, (was, is))| was != is)
    {
        panic!(
            "tests/{name}:{} is not as committed (`make schema` writes it anew)\n- {was}\n+ {is}",
            number + 1
        );
    }
    assert_eq!(
        committed.lines().count(),
        now.lines().count(),
        "tests/{name} is not as committed (`make schema`)"
    );
}

/// A dump without what differs from machine to machine and from month to month.
fn normalised(dump: &str) -> String {
    let mut text = String::new();
    let mut skips = false;
    for paragraph in dump.split("\n\n") {
        // Partitions are made by the clock; each is like the next.
        skips = paragraph.contains("usage_event_2") || (skips && !paragraph.contains("--"));
        let lines: Vec<&str> = paragraph
            .lines()
            .filter(|line| !line.starts_with("--") && !line.starts_with("SET ") && !line.starts_with('\\'))
            .filter(|line| !line.starts_with("SELECT pg_catalog.set_config") && !line.trim().is_empty())
            .collect();
        if !skips && !lines.is_empty() {
            text.push_str(&lines.join("\n"));
            text.push_str("\n\n");
        }
    }
    format!("{}\n", text.trim_end())
}

/// Role × function and role × relation: every right that is not the owner's.
async fn rights(stage: &Stage) -> String {
    let lines: Vec<String> = sqlx::query_scalar(
        "with named as (
           select 'function ' || p.oid::regprocedure as thing, p.proowner as owner, coalesce(p.proacl, acldefault('f', p.proowner)) as acl
           from pg_proc as p where p.pronamespace::regnamespace::text like 'octroi%'
           union all
           select 'relation ' || c.oid::regclass, c.relowner, coalesce(c.relacl, acldefault('r', c.relowner))
           from pg_class as c
           where c.relnamespace::regnamespace::text like 'octroi%' and c.relkind in ('r', 'p', 'v', 'm', 'S')
             and c.relname !~ '^usage_event_[0-9]'
           union all
           select format('column %s.%s', a.attrelid::regclass, a.attname), c.relowner, a.attacl
           from pg_attribute as a join pg_class as c on c.oid = a.attrelid
           where c.relnamespace::regnamespace::text like 'octroi%' and a.attacl is not null
           union all
           select 'schema ' || n.nspname, n.nspowner, coalesce(n.nspacl, acldefault('n', n.nspowner))
           from pg_namespace as n where n.nspname like 'octroi%'
         )
         select format('%s | %s | %s', n.thing, case when a.grantee = 0 then 'PUBLIC' else a.grantee::regrole::text end,
           string_agg(a.privilege_type, ' ' order by a.privilege_type))
         from named as n cross join lateral aclexplode(n.acl) as a
         where a.grantee <> n.owner
         group by n.thing, a.grantee
         order by 1",
    )
    .fetch_all(&stage.pool)
    .await
    .unwrap();
    format!("{}\n", lines.join("\n"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_schema_is_as_committed() {
    play(async |stage| {
        let options = ["--schema-only", "--schema=octroi", "--schema=octroi_private"];
        assert_as_committed("schema.sql", &normalised(&dump(&stage.superuser(), &options)));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_right_is_as_committed() {
    play(async |stage| {
        let rights = rights(stage).await;
        assert!(!rights.contains("PUBLIC"), "{rights}");
        assert_as_committed("acl.txt", &rights);
    })
    .await;
}
