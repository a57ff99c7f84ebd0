use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;

use super::*;

const PLACE: &str = "contact.email/01a00000-0000-7000-8000-00000000000a";

fn line(id: &str, byte: u8) -> String {
    format!("{id}:{}", STANDARD.encode([byte; 32]))
}

fn ring(lines: &[(&str, u8)]) -> KeyRing {
    let text: Vec<String> = lines.iter().map(|(id, byte)| line(id, *byte)).collect();
    KeyRing::read(&text.join("\n")).unwrap()
}

fn problem(text: &str) -> RingError {
    KeyRing::read(text).unwrap_err()
}

#[test]
fn the_first_line_is_active_and_the_index_key_wraps_nothing() {
    let ring = ring(&[("index", 9), ("k2", 2), ("k1", 1)]);
    assert_eq!(ring.ids().collect::<Vec<_>>(), ["k2", "k1"]);
    let wrapped = DataKey::new().unwrap().wrap(&ring).unwrap();
    assert_eq!(wrapped.operator_key_id(), Ok("k2"));
}

#[test]
fn a_ring_may_have_remarks_and_stand_in_one_line() {
    let text = format!("# of 2026\n\n{},{}\n", line("k1", 1), line("index", 9));
    assert_eq!(KeyRing::read(&text).unwrap().ids().count(), 1);
}

#[test]
fn a_ring_with_a_fault_is_refused_by_line_and_never_quoted() {
    let good = format!("{}\n{}", line("k1", 1), line("index", 9));
    for (text, expected) in [
        (String::new(), RingError::Empty),
        (line("index", 9), RingError::Empty),
        (line("k1", 1), RingError::NoIndexKey),
        (format!("{good}\nsecretword"), RingError::Malformed(3)),
        (format!("{good}\nk 2:{}", STANDARD.encode([2; 32])), RingError::Malformed(3)),
        (format!("{good}\nk2:{}", STANDARD.encode([2; 31])), RingError::NotAKey(3)),
        (format!("{good}\nk2:secretword"), RingError::NotAKey(3)),
        (format!("{good}\n{}", line("k1", 2)), RingError::Repeated(3)),
        (format!("{good}\n{}", line("index", 2)), RingError::Repeated(3)),
        ("#".repeat(RING_BYTES_MAX + 1), RingError::TooLong),
    ] {
        assert_eq!(problem(&text), expected);
        assert!(!problem(&text).to_string().contains("secretword"));
    }
    assert_eq!(format!("{:?}", KeyRing::read(&good).unwrap()), r#"["k1"]"#);
}

#[test]
fn a_rotation_keeps_the_data_key_and_leaves_the_old_operator_key() {
    let before = ring(&[("k1", 1), ("index", 9)]);
    let during = ring(&[("k2", 2), ("k1", 1), ("index", 9)]);
    let after = ring(&[("k2", 2), ("index", 9)]);
    let data_key = DataKey::new().unwrap();
    let wrapped = data_key.wrap(&before).unwrap();
    let sealed = seal(&data_key, PLACE, "ada@example.test").unwrap();

    assert_eq!(wrapped.unwrap_with(&after).err(), Some(OpenError::UnknownKey));
    let rewrapped = wrapped.rewrap(&during).unwrap();
    assert_eq!(rewrapped.operator_key_id(), Ok("k2"));
    let data_key = rewrapped.unwrap_with(&after).unwrap();
    assert_eq!(open(&data_key, PLACE, &sealed).unwrap().as_str(), "ada@example.test");
}

#[test]
fn another_key_of_the_same_name_does_not_unwrap() {
    let wrapped = DataKey::new().unwrap().wrap(&ring(&[("k1", 1), ("index", 9)])).unwrap();
    let other = ring(&[("k1", 2), ("index", 9)]);
    assert_eq!(wrapped.unwrap_with(&other).err(), Some(OpenError::Refused));
}

#[test]
fn a_value_opens_only_where_it_was_sealed() {
    let data_key = DataKey::new().unwrap();
    let sealed = seal(&data_key, PLACE, "ada@example.test").unwrap();
    for place in ["contact.phone/01a00000-0000-7000-8000-00000000000a", "contact.email/", ""] {
        assert_eq!(open(&data_key, place, &sealed), Err(OpenError::Refused), "{place}");
    }
    assert_eq!(open(&DataKey::new().unwrap(), PLACE, &sealed), Err(OpenError::Refused));
}

#[test]
fn a_wrapped_key_is_no_sealed_value_and_the_same_twice_looks_different() {
    let ring = ring(&[("k1", 1), ("index", 9)]);
    let data_key = DataKey::new().unwrap();
    let wrapped = data_key.wrap(&ring).unwrap();
    assert!(open(&data_key, PLACE, wrapped.as_bytes()).is_err());
    assert_ne!(data_key.wrap(&ring).unwrap(), wrapped);
    assert_ne!(seal(&data_key, PLACE, "x").unwrap(), seal(&data_key, PLACE, "x").unwrap());
}

#[test]
fn an_index_finds_every_spelling_of_one_address_and_no_other() {
    let ring = ring(&[("k1", 1), ("index", 9)]);
    let of = |kind, value| blind_index(&ring, kind, value).unwrap();
    use IndexedKind::{Email, Phone};
    assert_eq!(of(Email, " Ada@Example.Test"), of(Email, "ada@example.test"));
    assert_ne!(of(Email, "ada@example.test"), of(Email, "ida@example.test"));
    for spelling in ["+33 6 00 00 00 12", "0033600000012", "+33 (6) 00-00-00-12"] {
        assert_eq!(of(Phone, spelling), of(Phone, "33600000012"), "{spelling}");
    }
    assert_ne!(of(Email, "33600000012"), of(Phone, "33600000012"), "a kind is a domain of its own");
}

#[test]
fn an_index_outlives_a_rotation_and_depends_on_its_own_key_alone() {
    let index = |lines: &[(&str, u8)]| blind_index(&ring(lines), IndexedKind::Email, "ada@example.test");
    assert_eq!(index(&[("k1", 1), ("index", 9)]), index(&[("k2", 2), ("index", 9)]));
    assert_ne!(index(&[("k1", 1), ("index", 9)]), index(&[("k1", 1), ("index", 8)]));
}

/// By Python: HMAC-SHA256 under HKDF-SHA256(ikm = 32 × 0x09, no salt, info = "octroi blind index email").
#[test]
fn an_index_is_what_it_was_when_the_first_rows_were_written() {
    let index =
        blind_index(&ring(&[("k1", 1), ("index", 9)]), IndexedKind::Email, "ada@example.test").unwrap();
    let hex: String = index.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, "5baa41eabc60c5b5a18a9e06b0344c1a0eda7c3159f05291815491aa06d536c3");
}

proptest! {
    #[test]
    fn what_is_sealed_opens_and_what_is_altered_does_not(
        plain in ".{0,200}", at in any::<prop::sample::Index>(), bit in 0_u8..8,
    ) {
        let data_key = DataKey::new().unwrap();
        let mut sealed = seal(&data_key, PLACE, &plain).unwrap();
        let opened = open(&data_key, PLACE, &sealed).unwrap();
        prop_assert_eq!(opened.as_str(), plain.as_str());
        let at = at.index(sealed.len());
        sealed[at] ^= 1 << bit;
        prop_assert!(open(&data_key, PLACE, &sealed).is_err());
        prop_assert!(open(&data_key, PLACE, &sealed[..at]).is_err());
    }

    #[test]
    fn an_altered_wrapped_key_gives_no_key(at in any::<prop::sample::Index>(), bit in 0_u8..8) {
        let ring = ring(&[("k1", 1), ("index", 9)]);
        let mut bytes = DataKey::new().unwrap().wrap(&ring).unwrap().as_bytes().to_vec();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        prop_assert!(WrappedKey::from_bytes(&bytes).unwrap_with(&ring).is_err());
        prop_assert!(WrappedKey::from_bytes(&bytes[..at]).unwrap_with(&ring).is_err());
    }
}
