use super::*;

fn read(text: &str) -> Result<Address, AddressError> {
    text.parse()
}

fn sent_to(text: &str) -> String {
    read(text).unwrap().as_lettre().to_string()
}

#[test]
fn ordinary_and_quoted_addresses_are_taken_as_they_are() {
    for text in [
        "ada@example.com",
        "ada.lovelace+octroi@mail.example.co.uk",
        "\"ada lovelace\"@example.com",
        "\"a,b;c:d<e>f@g\"@example.com",
        "\"quote \\\" and backslash \\\\\"@example.com",
        "=?utf-8?q?ada?=@example.com",
        "!#$%&'*+-/=?^_`{|}~@example.com",
    ] {
        assert_eq!(sent_to(text), text);
    }
}

#[test]
fn an_international_domain_becomes_ascii_and_a_local_part_asks_for_smtputf8() {
    assert_eq!(sent_to("ada@bücher.example"), "ada@xn--bcher-kva.example");
    assert_eq!(sent_to("ada@BÜCHER.example"), "ada@xn--bcher-kva.example");
    assert!(!read("ada@bücher.example").unwrap().needs_smtputf8());
    assert!(read("адa@example.com").unwrap().needs_smtputf8());
}

#[test]
fn whatever_could_end_a_line_is_refused_before_anything_else() {
    for text in [
        "ada@example.com\r\nBcc: eve@example.com",
        "ada@example.com\nBcc: eve@example.com",
        "ada\r\n@example.com",
        "\"ada\r\n\"@example.com",
        "\"ada\\\r\n\"@example.com",
        "ada@example.com>\r\nRCPT TO:<eve@example.com",
        "ada\u{2028}@example.com",
        "ada\u{2029}Bcc: eve@example.com",
        "ada\u{85}@example.com",
        "ada\u{b}@example.com",
        "ada\0@example.com",
        "\u{7f}ada@example.com",
        "\"a\tb\"@example.com",
    ] {
        assert_eq!(read(text).unwrap_err(), AddressError::ControlCharacter, "{text:?}");
    }
}

#[test]
fn what_is_no_address_is_refused_with_what_is_wrong() {
    for (text, wrong) in [
        ("", AddressError::Empty),
        ("ada", AddressError::Incomplete),
        ("@example.com", AddressError::Incomplete),
        ("ada@", AddressError::Incomplete),
        ("<ada@example.com>", AddressError::Domain),
        ("Ada <ada@example.com>", AddressError::Domain),
        ("<ada@example.com", AddressError::LocalPart),
        ("ada lovelace@example.com", AddressError::LocalPart),
        ("ada@example.com, eve@example.com", AddressError::LocalPart),
        ("ada@example.com,eve@example.com", AddressError::LocalPart),
        ("ada@@example.com", AddressError::LocalPart),
        ("ada..b@example.com", AddressError::LocalPart),
        (".ada@example.com", AddressError::LocalPart),
        ("ada(comment)@example.com", AddressError::LocalPart),
        ("\"ada@example.com", AddressError::LocalPart),
        ("ada@-example.com", AddressError::Domain),
        ("ada@exam ple.com", AddressError::Domain),
        ("ada@example..com", AddressError::Domain),
        ("ada@example.com\u{202e}", AddressError::Domain),
        ("ada@[127.0.0.1]", AddressError::DomainLiteral),
        ("ada@[IPv6:::1]", AddressError::DomainLiteral),
        ("ada@127.0.0.1", AddressError::DomainLiteral),
        ("ada@１２７.0.0.1", AddressError::DomainLiteral),
    ] {
        assert_eq!(read(text).unwrap_err(), wrong, "{text:?}");
    }
}

#[test]
fn lengths_have_bounds() {
    let label = "d".repeat(60);
    let domain = |labels: usize| vec![label.as_str(); labels].join(".");
    assert!(read(&format!("{}@example.com", "a".repeat(64))).is_ok());
    assert_eq!(read(&format!("{}@example.com", "a".repeat(65))).unwrap_err(), AddressError::LocalPart);
    assert!(read(&format!("a@{}", domain(4))).is_ok());
    assert_eq!(read(&format!("{}@{}", "a".repeat(20), domain(4))).unwrap_err(), AddressError::TooLong);
    assert_eq!(read(&format!("a@{}", "d".repeat(64))).unwrap_err(), AddressError::Domain);
    assert!(read(&format!("a@{}", "x.".repeat(100_000))).is_err());
}

#[test]
fn neither_errors_nor_debug_output_show_who_it_is() {
    assert!(!format!("{:?}", read("ada.lovelace@example.com").unwrap()).contains("ada"));
    assert!(!format!("{:?}", read("ada lovelace@example.com").unwrap_err()).contains("lovelace"));
}
