//! `pg_dump` and `psql`, for what only they can show.

use std::process::{Command, Stdio};

use sqlx::postgres::PgConnectOptions;

/// The client programs of Debian's Postgres are on the path; the private tree has only the server's.
fn client(program: &str, server: &PgConnectOptions) -> Command {
    let mut command = Command::new(program);
    let database = server.get_database().expect("a database is named");
    command.args(["--host", server.get_host(), "--port", &server.get_port().to_string()]);
    command.args(["--username", server.get_username(), "--dbname", database, "--no-password"]);
    if let Some(password) = std::env::var("OCTROI_TEST_DATABASE_URL").ok().as_deref().and_then(password) {
        command.env("PGPASSWORD", password);
    }
    command.stdin(Stdio::null());
    command
}

/// The password in a Postgres URL, percent-decoded.
fn password(url: &str) -> Option<String> {
    let (_, rest) = url.split_once("://")?;
    let (user, _) = rest.rsplit_once('@')?;
    let (_, password) = user.split_once(':')?;
    let mut bytes = Vec::new();
    let mut rest = password.as_bytes();
    while let Some((first, more)) = rest.split_first() {
        let decoded = more.get(..2).filter(|_| *first == b'%').and_then(|hex| std::str::from_utf8(hex).ok());
        match decoded.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &more[2..];
            }
            None => {
                bytes.push(*first);
                rest = more;
            }
        }
    }
    String::from_utf8(bytes).ok()
}

/// What `pg_dump` prints.
pub fn dump(server: &PgConnectOptions, options: &[&str]) -> String {
    let output = client("pg_dump", server).args(options).output().expect("pg_dump is installed");
    assert!(output.status.success(), "pg_dump: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("dumps are UTF-8")
}

/// Runs a script in a database, and fails at its first error.
pub fn restore(server: &PgConnectOptions, script: &str) {
    let mut psql = client("psql", server);
    psql.args(["--quiet", "--no-psqlrc", "--set", "ON_ERROR_STOP=1", "--file", "-"]);
    let mut psql = psql.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut input = psql.stdin.take().expect("a pipe");
    let script = script.to_owned();
    let writer = std::thread::spawn(move || std::io::Write::write_all(&mut input, script.as_bytes()));
    let output = psql.wait_with_output().unwrap();
    let _ = writer.join();
    assert!(output.status.success(), "restore: {}", String::from_utf8_lossy(&output.stderr));
}
