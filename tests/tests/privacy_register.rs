//! docs/privacy.md says what the register says: its tables are written from there (`OCTROI_UPDATE_SNAPSHOTS=1`).

use octroi_tests::stage::{Stage, play};
use octroi_tests::template;

/// The lines that a query makes.
async fn lines(stage: &Stage, query: &'static str) -> String {
    let lines: Vec<String> = sqlx::query_scalar(query).fetch_all(&stage.pool).await.unwrap();
    assert!(lines.len() > 30, "the register is there");
    lines.join("\n")
}

/// The text with what stands between the marks of `name` replaced.
fn replaced(text: &str, name: &str, table: &str) -> String {
    let (begin, end) = (format!("<!-- {name}: generated -->\n"), format!("\n<!-- {name}: end -->"));
    let (before, rest) = text.split_once(&begin).unwrap_or_else(|| panic!("docs/privacy.md has {begin}"));
    let (_, after) = rest.split_once(&end).unwrap_or_else(|| panic!("docs/privacy.md has {end}"));
    format!("{before}{begin}{table}{end}{after}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_document_says_what_the_register_says() {
    play(async |stage| {
        let path = template::checkout().join("docs/privacy.md");
        let committed = std::fs::read_to_string(&path).unwrap();
        let tables = lines(stage, include_str!("../sql/privacy_register.sql")).await;
        let tables =
            format!("| table | why | basis | how long | who | erasure |\n|--|--|--|--|--|--|\n{tables}");
        let columns = lines(stage, include_str!("../sql/privacy_columns.sql")).await;
        let columns = format!("| table | columns |\n|--|--|\n{columns}");
        let now = replaced(&replaced(&committed, "register", &tables), "columns", &columns);
        if std::env::var("OCTROI_UPDATE_SNAPSHOTS").is_ok_and(|value| value == "1") {
            std::fs::write(&path, now).unwrap();
            return;
        }
        let differing = committed.lines().zip(now.lines()).find(|(was, is)| was != is);
        assert!(
            differing.is_none() && committed.len() == now.len(),
            "`make schema` writes it anew: {differing:?}"
        );
    })
    .await;
}
