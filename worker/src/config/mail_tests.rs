use super::*;

const SMTP: (&str, &str) = (SMTP_URL, "smtps://mailer:s3cr%3At@mail.example.com");

fn read(pairs: &[(&str, &str)]) -> Result<Option<MailConfig>, ConfigError> {
    let usual = [
        (BACKEND, "smtp"),
        (FROM, "Acme <no-reply@acme.example>"),
        (PUBLIC_URL, "https://api.acme.example/"),
    ];
    let pairs = usual.iter().chain([&SMTP]).chain(pairs);
    MailConfig::read(&pairs.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
}

fn smtp(url: &str) -> SmtpConfig {
    match read(&[(SMTP_URL, url)]).unwrap().unwrap().backend {
        MailBackend::Smtp(smtp) => smtp,
        MailBackend::File { .. } => unreachable!("smtp was asked for"),
    }
}

fn fault(pairs: &[(&str, &str)]) -> String {
    read(pairs).unwrap_err().to_string()
}

#[test]
fn without_a_variable_there_is_no_mail() {
    assert!(MailConfig::read(&Variables::default()).unwrap().is_none());
}

#[test]
fn half_a_configuration_is_a_fault_and_not_silence() {
    assert!(fault(&[(BACKEND, "")]).starts_with("OCTROI_MAIL_BACKEND is not set: set it to smtp or file"));
    for variable in [FROM, SMTP_URL, PUBLIC_URL] {
        assert!(fault(&[(variable, "")]).starts_with(&format!("{variable} is not set: set it to ")));
    }
    assert!(fault(&[(BACKEND, "file")]).starts_with("OCTROI_MAIL_DIRECTORY is not set: set it to "));
}

#[test]
fn the_server_is_read_from_its_url() {
    let server = smtp("smtps://mailer:s3cr%3At@mail.example.com");
    assert_eq!(
        (server.host.as_str(), server.port, server.security),
        ("mail.example.com", 465, SmtpSecurity::Implicit)
    );
    let credentials = server.credentials.unwrap();
    assert_eq!(credentials.user, "mailer");
    assert_eq!(secrecy::ExposeSecret::expose_secret(&credentials.password), "s3cr:t");
    let server = smtp("smtp://a%40b.c:p@MAIL.example.com:2587/");
    assert_eq!(
        (server.host.as_str(), server.port, server.security),
        ("mail.example.com", 2587, SmtpSecurity::StartTls)
    );
    assert_eq!(server.credentials.unwrap().user, "a@b.c");
    assert_eq!(smtp("smtp://mail.example.com").port, 587);
    assert!(smtp("smtp://mail.example.com").credentials.is_none());
    assert_eq!(smtp("smtps://[2606:4700::1111]:465").host, "2606:4700::1111");
}

#[test]
fn a_server_inside_is_named_by_the_operator() {
    let message = fault(&[(SMTP_URL, "smtps://10.0.0.25:465")]);
    assert!(message.starts_with("OCTROI_SMTP_URL an address of this host is private"), "{message}");
    assert!(read(&[(SMTP_URL, "smtps://10.0.0.25:465"), ("OCTROI_PRIVATE_HOSTS", "10.0.0.25")]).is_ok());
    let never = [(SMTP_URL, "smtps://169.254.169.254:465"), ("OCTROI_PRIVATE_HOSTS", "169.254.169.254")];
    assert!(read(&never).is_err());
}

#[test]
fn plaintext_stays_on_this_machine() {
    for host in ["127.0.0.1", "127.1.2.3", "localhost", "[::1]"] {
        assert_eq!(smtp(&format!("smtp://{host}:1025?tls=none")).security, SmtpSecurity::Plaintext);
        assert_eq!(smtp(&format!("smtp://{host}:1025")).security, SmtpSecurity::StartTls, "unless asked for");
    }
    for host in
        ["mail.example.com", "10.0.0.1", "[::2]", "localhost.example.com", "127.0.0.1.example.com", "0.0.0.0"]
    {
        let message = fault(&[(SMTP_URL, &format!("smtp://{host}:25?tls=none"))]);
        assert!(message.starts_with("OCTROI_SMTP_URL must not ask for tls=none"), "{host}: {message}");
    }
}

#[test]
fn a_wrong_variable_is_named_with_what_would_be_right() {
    for (variable, value, advice) in [
        (BACKEND, "sendmail", "must be smtp or file"),
        (FROM, "Acme", "must be such as Acme <no-reply@acme.example>: the address has no local part"),
        (FROM, "Acme <no-reply@[127.0.0.1]>", "the domain is an IP address"),
        (SMTP_URL, "mail.example.com:465", "must be a URL such as smtps://"),
        (SMTP_URL, "https://mail.example.com", "must be a URL such as smtps://"),
        (SMTP_URL, "smtps://mail.example.com?tls=opportunistic", "must be a URL such as smtps://"),
        (SMTP_URL, "smtps://mail.example.com?tls=none", "must be a URL such as smtps://"),
        (SMTP_URL, "smtps://mail.example.com/inbox", "must be a URL such as smtps://"),
        (SMTP_URL, "smtps://mail.example.com#x", "must be a URL such as smtps://"),
        (SMTP_URL, "smtps://mailer@mail.example.com", "both a user name and a password"),
        (SMTP_URL, "smtps://:pw@mail.example.com", "both a user name and a password"),
        (SMTP_URL, "smtps://a%0d%0ab:pw@mail.example.com", "both a user name and a password"),
        (SMTP_CA_FILE, "/no/such/file", "must be an existing file"),
        (PUBLIC_URL, "http://api.acme.example", "must start with https://"),
        (PUBLIC_URL, "https://api.acme.example/?a=b", "must have no query"),
    ] {
        let message = fault(&[(variable, value)]);
        assert!(message.starts_with(variable) && message.contains(advice), "{message}");
    }
    let message = fault(&[(BACKEND, "file"), (DIRECTORY, "/no/such/directory")]);
    assert!(message.starts_with("OCTROI_MAIL_DIRECTORY must be an existing directory"), "{message}");
}

#[test]
fn links_lead_over_https_or_stay_on_this_machine() {
    assert_eq!(read(&[]).unwrap().unwrap().public_url, "https://api.acme.example");
    for local in ["http://127.0.0.1:8787", "http://localhost:8787", "http://[::1]:8787"] {
        assert_eq!(read(&[(PUBLIC_URL, local)]).unwrap().unwrap().public_url, local);
    }
}

#[test]
fn the_password_shows_nowhere() {
    assert!(!format!("{:?}", read(&[]).unwrap()).contains("s3cr"));
    assert!(!fault(&[(SMTP_URL, "smtps://mailer:hunter2@mail.example.com?x")]).contains("hunter2"));
    assert!(!fault(&[(SMTP_URL, "smtps://mailer:hunter2@:99999")]).contains("hunter2"));
}
