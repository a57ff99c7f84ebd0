//! Configuration as an operator meets it.

use super::*;

fn variables(pairs: &[(&str, &str)]) -> Variables {
    let complete = [
        (
            "OCTROI_DATABASE_URL",
            "postgresql://octroi_worker:s3cret@db.example:5432/postgres?sslmode=verify-full",
        ),
        ("OPENAI_API_KEY", "sk-operator"),
        ("OCTROI_SAFETY_KEY", "0123456789abcdef0123456789abcdef"),
    ];
    complete.iter().chain(pairs).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn fault(pairs: &[(&str, &str)]) -> String {
    Config::read(&variables(pairs)).unwrap_err().to_string()
}

#[test]
fn three_variables_are_enough() {
    let config = Config::read(&variables(&[])).unwrap();
    assert_eq!(config.gateway.listen.to_string(), "127.0.0.1:8787");
    assert_eq!(config.gateway.max_body_bytes, 33_554_432);
    assert_eq!(config.openai.upstream_url, "https://api.openai.com/v1");
    assert_eq!(config.openai.timeout.as_secs(), 600);
    assert_eq!(config.auth.audience, "authenticated");
    assert!(config.auth.issuer.is_none());
}

#[test]
fn stripes_key_goes_over_https_or_stays_on_this_machine() {
    assert!(Config::read(&variables(&[])).unwrap().stripe.is_none());
    let with =
        |base: &str| variables(&[("STRIPE_SECRET_KEY", "rk_test_1"), ("OCTROI_STRIPE_API_BASE", base)]);
    for base in
        ["", "http://127.0.0.1:12111", "http://[::1]:5", "http://localhost:1", "https://stripe.example"]
    {
        assert!(Config::read(&with(base)).unwrap().stripe.is_some(), "{base}");
    }
    for base in ["http://stripe.example", "http://10.0.0.1:5", "https://stripe.example/v1"] {
        let message = Config::read(&with(base)).unwrap_err().to_string();
        assert!(message.starts_with("OCTROI_STRIPE_API_BASE must "), "{message}");
    }
    let message = fault(&[("STRIPE_SECRET_KEY", "pk_test_1")]);
    assert!(
        message.starts_with("STRIPE_SECRET_KEY must be a restricted key") && !message.contains("pk_test")
    );
}

#[test]
fn nothing_secret_crosses_a_network_in_the_clear() {
    let database = |url: &str| Config::read(&variables(&[("OCTROI_DATABASE_URL", url)])).map(drop);
    for here in [
        "postgres://w:x@127.0.0.1/p",
        "postgres://w:x@localhost:5432/p?sslmode=disable",
        "postgres://w:x@[::1]/p",
        "postgres:///p?host=/run/postgresql",
        "postgres://w:x@db.example/p?sslmode=require",
    ] {
        assert_eq!(database(here), Ok(()), "{here}");
    }
    // without a word about TLS, sqlx goes on in the clear when the other side has none
    for open in ["", "?sslmode=disable", "?sslmode=prefer", "?sslmode=allow"] {
        let message = database(&format!("postgres://w:x@10.0.0.5/p{open}")).unwrap_err().to_string();
        assert!(message.starts_with("OCTROI_DATABASE_URL must end in ?sslmode=verify-full"), "{message}");
    }
    let admin = |url: &str| DatabaseConfig::read_admin(&variables(&[("OCTROI_ADMIN_DATABASE_URL", url)]));
    assert!(admin("postgres://a:x@db.example/p?sslmode=verify-full").is_ok());
    let message = admin("postgres://a:x@db.example/p").unwrap_err().to_string();
    assert!(message.starts_with("OCTROI_ADMIN_DATABASE_URL must end in ?sslmode=verify-full"), "{message}");
    for (variable, url) in [
        ("OCTROI_UPSTREAM_URL", "http://llm.example/v1"),
        ("OCTROI_JWKS_URL", "http://auth.example/keys"),
        ("OCTROI_STRIPE_API_BASE", "http://stripe.example"),
    ] {
        let message =
            fault(&[(variable, url), ("OCTROI_JWT_ISSUER", "x"), ("STRIPE_SECRET_KEY", "rk_test_1")]);
        assert!(message.starts_with(&format!("{variable} must start with https://")), "{message}");
        let vouched = [
            (variable, url),
            ("OCTROI_JWT_ISSUER", "x"),
            ("OCTROI_PRIVATE_HOSTS", "llm.example, auth.example, stripe.example"),
        ];
        assert!(Config::read(&variables(&vouched)).is_ok(), "{variable}");
    }
}

#[test]
fn a_missing_variable_is_named_with_what_to_do() {
    for variable in ["OCTROI_DATABASE_URL", "OPENAI_API_KEY", "OCTROI_SAFETY_KEY"] {
        let message = fault(&[(variable, "")]);
        assert!(message.starts_with(&format!("{variable} is not set: set it to ")), "{message}");
    }
}

#[test]
fn a_wrong_variable_is_named_with_what_would_be_right() {
    let wrong = [
        ("OCTROI_DATABASE_URL", "mysql://x", "must be a URL such as postgresql://"),
        ("OCTROI_DATABASE_CONNECTIONS", "0", "from 2 to 500"),
        ("OCTROI_LISTEN", "localhost", "an IP address and a port"),
        ("OCTROI_MAX_BODY_BYTES", "8MB", "must be a whole number from 1024 to"),
        ("OCTROI_MAX_CONNECTIONS", "-1", "must be a whole number from 1 to"),
        ("OCTROI_DRAIN_SECONDS", "1e3", "must be a whole number from 0 to 3600"),
        ("OCTROI_UPSTREAM_URL", "api.openai.com", "must be a URL such as"),
        ("OCTROI_UPSTREAM_URL", "https://user:pw@host/v1", "must not carry a user name or password"),
        ("OPENAI_API_KEY", "\"sk-operator\"\n", "printable ASCII"),
        ("OCTROI_SAFETY_KEY", "short", "at least 32 bytes"),
        ("OCTROI_JWT_SECRET", "short", "at least 32 bytes"),
        ("OCTROI_JOB_CONCURRENCY", "0", "from 1 to 1024"),
    ];
    for (variable, value, advice) in wrong {
        let message = fault(&[(variable, value)]);
        assert!(message.starts_with(variable) && message.contains(advice), "{message}");
    }
}

#[test]
fn tokens_are_believed_only_from_a_named_issuer() {
    let secret = ("OCTROI_JWT_SECRET", "0123456789abcdef0123456789abcdef");
    assert!(fault(&[secret]).starts_with("OCTROI_JWT_ISSUER is not set"));
    assert!(fault(&[("OCTROI_JWKS_URL", "https://p.supabase.co/keys")]).starts_with("OCTROI_JWT_ISSUER"));
    let config =
        Config::read(&variables(&[secret, ("OCTROI_JWT_ISSUER", "https://p.supabase.co/auth/v1")])).unwrap();
    assert_eq!(config.auth.issuer.as_deref(), Some("https://p.supabase.co/auth/v1"));
}

#[test]
fn secrets_show_neither_in_errors_nor_in_debug_output() {
    let shown = format!("{:?}", Config::read(&variables(&[])).unwrap());
    for secret in ["s3cret", "sk-operator", "0123456789abcdef"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    assert!(!fault(&[("OCTROI_JWT_SECRET", "hunter2")]).contains("hunter2"));
    assert!(!fault(&[("OCTROI_DATABASE_URL", "postgres://me:hunter2@host:port/db")]).contains("hunter2"));
}

#[test]
fn a_trailing_slash_makes_no_difference() {
    let config = Config::read(&variables(&[("OCTROI_UPSTREAM_URL", "http://127.0.0.1:9/v1/")])).unwrap();
    assert_eq!(config.openai.upstream_url, "http://127.0.0.1:9/v1");
}

#[test]
fn the_log_filter_and_format_are_checked() {
    let read = |name: &str, value: &str| LogConfig::read(&variables(&[(name, value)]));
    assert_eq!(read("OCTROI_LOG_FORMAT", "pretty").unwrap().format, LogFormat::Pretty);
    assert!(
        read("OCTROI_LOG_FORMAT", "xml").unwrap_err().to_string().starts_with("OCTROI_LOG_FORMAT must be")
    );
    assert!(read("OCTROI_LOG", "a=b=c").unwrap_err().to_string().starts_with("OCTROI_LOG must be"));
}
