use super::*;
use crate::config::{ConfigError, Variables};
use crate::outbound::Outbound;

const INSIDE: [&str; 36] = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.8",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.7",
    "203.0.113.9",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::10.0.0.1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b::10.0.0.1",
    "2002:7f00:1::",
    "2002:a00:1::1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fec0::1",
    "ff02::1",
];
const OUTSIDE: [&str; 8] = [
    "1.1.1.1",
    "8.8.8.8",
    "100.128.0.1",
    "172.32.0.1",
    "192.169.0.1",
    "2606:4700::1111",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
];

fn outbound(private_hosts: &str) -> Outbound {
    let pair = ("OCTROI_PRIVATE_HOSTS".to_owned(), private_hosts.to_owned());
    Outbound::read(&Variables::from_iter([pair])).unwrap()
}

#[test]
fn no_address_inside_is_dialled() {
    let outbound = outbound("");
    for text in INSIDE {
        let address = text.parse().unwrap();
        assert!(inside(address).is_some(), "{text} is inside");
        assert!(outbound.judge("api.example.com", address).is_err(), "{text} is refused");
    }
    for text in OUTSIDE {
        assert_eq!(inside(text.parse().unwrap()), None, "{text}");
    }
}

#[test]
fn this_machine_is_allowed_by_its_own_name_and_by_no_other() {
    let outbound = outbound("");
    let here = "127.0.0.1".parse().unwrap();
    for host in ["localhost", "127.0.0.1", "[::1]"] {
        assert!(outbound.judge(host, here).is_ok(), "{host}");
    }
    assert!(outbound.judge("rebound.example.com", here).is_err());
}

#[test]
fn a_host_that_is_named_may_be_private_and_never_metadata() {
    let outbound = outbound("llm.internal, 10.0.0.7");
    assert!(outbound.judge("LLM.internal", "10.1.2.3".parse().unwrap()).is_ok());
    assert!(outbound.judge("10.0.0.7", "10.0.0.7".parse().unwrap()).is_ok());
    assert!(outbound.judge("other.internal", "10.1.2.3".parse().unwrap()).is_err());
    for never in ["169.254.169.254", "fe80::1", "fd00:ec2::254", "0.0.0.0", "::ffff:169.254.169.254"] {
        assert!(outbound.judge("llm.internal", never.parse().unwrap()).is_err(), "{never}");
    }
}

#[test]
fn a_url_that_leads_inside_or_in_the_clear_is_a_fault_of_its_variable() {
    let outbound = outbound("llm.internal");
    for url in [
        "https://api.openai.com/v1",
        "http://127.0.0.1:9/v1",
        "http://localhost/v1",
        "http://llm.internal/v1",
    ] {
        assert_eq!(outbound.judge_url("OCTROI_UPSTREAM_URL", url), Ok(()), "{url}");
    }
    for url in [
        "http://api.openai.com/v1",
        "https://10.0.0.1/v1",
        "https://169.254.169.254/latest",
        "https://[fe80::1]/v1",
        "https://[::ffff:10.0.0.1]/",
        // numbers that browsers and curl read as addresses
        "https://2130706433/",
        "https://0x7f.1/",
    ] {
        let judged = outbound.judge_url("OCTROI_UPSTREAM_URL", url);
        let is_loopback_number = url.contains("2130706433") || url.contains("0x7f");
        // These two are 127.0.0.1 once parsed, which is this machine.
        assert_eq!(judged.is_ok(), is_loopback_number, "{url}");
        if let Err(error) = judged {
            assert!(matches!(error, ConfigError::Invalid { variable: "OCTROI_UPSTREAM_URL", .. }));
        }
    }
}
