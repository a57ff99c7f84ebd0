//! Mails as files instead of over a mail server.

use octroi_tests::gateway::{Gateway, provider};
use octroi_tests::mail::{PUBLIC_URL, threshold};
use octroi_tests::stage::play;
use octroi_worker::cli::Serve;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mails_can_be_written_to_files_once_each() {
    play(async |stage| {
        let directory = std::env::temp_dir().join(format!("octroi-mails-{}", uuid::Uuid::new_v4().simple()));
        std::fs::create_dir(&directory).unwrap();
        let more = [
            ("OCTROI_MAIL_BACKEND", "file"),
            ("OCTROI_MAIL_DIRECTORY", directory.to_str().unwrap()),
            ("OCTROI_MAIL_FROM", "no-reply@acme.example"),
            ("OCTROI_PUBLIC_URL", PUBLIC_URL),
        ];
        let gateway =
            Gateway::start_with(stage, &provider().await, &more, Serve { no_gateway: false, no_jobs: false })
                .await;
        let ada = stage.sign_up("ada").await;
        for number in 0..5 {
            let mail = stage.write_to(ada, &threshold(), &format!("{number}")).await;
            stage.mail_ends(mail, ("sent", "done")).await;
        }
        let names: Vec<String> = std::fs::read_dir(&directory)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        assert_eq!(names.iter().filter(|name| name.ends_with(".eml")).count(), 5);
        assert_eq!(names.len(), 5, "nothing half-written is left: {names:?}");
        let mail = std::fs::read_to_string(directory.join(&names[0])).unwrap();
        assert!(mail.contains("Subject: 80% of your tokens are used\r\n"));
        std::fs::remove_dir_all(&directory).unwrap();
        gateway.stop().await;
    })
    .await;
}
