//! Which addresses are not on the internet.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub(super) const LOOPBACK: &str = "this machine";
pub(super) const LINK_LOCAL: &str = "link-local, where clouds keep their metadata";
pub(super) const UNSPECIFIED: &str = "unspecified";
pub(super) const MULTICAST: &str = "multicast";
const PRIVATE: &str = "private";
const RESERVED: &str = "reserved";
/// The one address of cloud metadata that lies outside link-local (AWS, over IPv6).
const METADATA_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254);

/// What an address is when it is not on the internet; none when it is.
pub(super) fn inside(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => inside_v4(address),
        IpAddr::V6(address) => match embedded(address) {
            Some(address) => inside_v4(address),
            None => inside_v6(address),
        },
    }
}

fn inside_v4(address: Ipv4Addr) -> Option<&'static str> {
    let [a, b, c, _] = address.octets();
    Some(match (a, b, c) {
        (0, 0, 0) if address.is_unspecified() => UNSPECIFIED,
        (127, ..) => LOOPBACK,
        (169, 254, _) => LINK_LOCAL,
        (10, ..) | (172, 16..=31, _) | (192, 168, _) | (100, 64..=127, _) => PRIVATE,
        // "this network", protocol assignments, documentation, 6to4 relays, benchmarks, future use and broadcast
        (0, ..)
        | (192, 0, 0 | 2)
        | (192, 88, 99)
        | (198, 18..=19, _)
        | (198, 51, 100)
        | (203, 0, 113)
        | (240..=255, ..) => RESERVED,
        (224..=239, ..) => MULTICAST,
        _ => return None,
    })
}

fn inside_v6(address: Ipv6Addr) -> Option<&'static str> {
    let [first, second, ..] = address.segments();
    Some(match first {
        _ if address.is_unspecified() => UNSPECIFIED,
        _ if address.is_loopback() => LOOPBACK,
        _ if address == METADATA_V6 => LINK_LOCAL,
        0xfe80..=0xfebf => LINK_LOCAL,
        // site-local, long given up, and unique local
        0xfec0..=0xfeff | 0xfc00..=0xfdff => PRIVATE,
        0xff00..=0xffff => MULTICAST,
        // discard only; protocol assignments with Teredo; documentation
        0x0100 if second == 0 => RESERVED,
        0x2001 if second < 0x0200 || second == 0x0db8 => RESERVED,
        0x3fff if second < 0x1000 => RESERVED,
        // only 2000::/3 is given out
        0x2000..=0x3fff => return None,
        _ => RESERVED,
    })
}

/// The IPv4 address that an IPv6 one stands for: mapped, compatible, NAT64 and 6to4.
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let segments = address.segments();
    let [.., high, low] = segments;
    let v4 = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Ipv4Addr::new(a, b, c, d)
    };
    match segments {
        [0, 0, 0, 0, 0, 0xffff, _, _] => Some(v4(high, low)),
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => None,
        [0, 0, 0, 0, 0, 0, _, _] => Some(v4(high, low)),
        [0x0064, 0xff9b, 0, 0, 0, 0, _, _] => Some(v4(high, low)),
        [0x2002, high, low, ..] => Some(v4(high, low)),
        _ => None,
    }
}

#[cfg(test)]
#[path = "address_tests.rs"]
mod tests;
