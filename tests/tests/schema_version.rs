//! One number in three places: the newest migration, what the database says of itself, and what the worker asks for.

use octroi_tests::stage::play;
use octroi_tests::template;
use octroi_worker::startup::MIGRATION_MIN;

#[tokio::test]
async fn the_worker_asks_for_the_newest_migration_and_the_database_names_it() {
    let newest = std::fs::read_dir(template::checkout().join("supabase/migrations"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".sql"))
        .max()
        .unwrap();
    assert!(newest.starts_with(&format!("{MIGRATION_MIN}_")), "{newest} is newer than {MIGRATION_MIN}");
    play(async |stage| {
        let query = sqlx::query_scalar("select migration from octroi_private.worker_ready()");
        let says: String = query.fetch_one(&stage.pool).await.unwrap();
        assert_eq!(says, MIGRATION_MIN);
    })
    .await;
}
