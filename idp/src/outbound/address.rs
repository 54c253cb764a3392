//! Which addresses are public: the only ones that a stranger may have us connect to.
//!
//! The rule is the IANA special-purpose registries (RFC 6890): what is not globally reachable is refused,
//! and so is every notation of IPv6 that carries an IPv4 address inside, unless that address is public.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether anybody may have us connect to it.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let is_special = match (a, b, c) {
        // "This network" (RFC 791), private (RFC 1918), shared (RFC 6598), loopback (RFC 1122).
        (0 | 10 | 127, _, _) | (100, 64..=127, _) | (172, 16..=31, _) | (192, 168, _) => true,
        // Link-local, where clouds keep their metadata (RFC 3927).
        (169, 254, _) => true,
        // Protocol assignments, documentation, the old 6to4 relays, benchmarks (RFC 6890, 5737, 7526, 2544).
        (192, 0, 0 | 2) | (192, 88, 99) | (198, 18..=19, _) | (198, 51, 100) | (203, 0, 113) => {
            true
        }
        // AS112 and its likes (RFC 7534, 7535).
        (192, 31, 196) | (192, 52, 193) | (192, 175, 48) => true,
        // Multicast, reserved, broadcast (RFC 5771, 1112, 919).
        (224.., _, _) => true,
        _ => false,
    };
    !is_special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, c, d, e, f, g, h] = address.segments();
    let v4 = |high: u16, low: u16| {
        let [p, q] = high.to_be_bytes();
        let [r, s] = low.to_be_bytes();
        Ipv4Addr::new(p, q, r, s)
    };
    match (a, b) {
        // IPv4-mapped, -compatible and -translated, loopback and unspecified (RFC 4291 §2.5, RFC 2765):
        // nobody public is reached by them.
        (0, _) => false,
        // NAT64 (RFC 6052): the IPv4 address is what is reached; its local-use twin (RFC 8215) is private.
        (0x64, 0xff9b) => [c, d, e, f] == [0; 4] && is_public_v4(v4(g, h)),
        // 6to4 (RFC 3056) and Teredo (RFC 4380) carry IPv4 addresses and are not in use any more; the rest
        // of 2001::/23 are protocol assignments (RFC 2928).
        (0x2002, _) | (0x2001, 0..=0x1ff) => false,
        // Documentation (RFC 3849, RFC 9637), 6bone (RFC 3701).
        (0x2001, 0xdb8) | (0x3fff, 0..=0xfff) | (0x3ffe, _) => false,
        // Global unicast is 2000::/3 (RFC 4291 §2.4); outside are unique-local, link-local, site-local,
        // multicast, discard-only and all that is not assigned. ISATAP (RFC 5214 §6.1) has an IPv4 inside.
        (0x2000..=0x3fff, _) => !(matches!(e, 0 | 0x200) && f == 0x5efe),
        (_, _) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_global_unicast_is_public() {
        for text in [
            "1.1.1.1",
            "8.8.8.8",
            "93.184.215.14",
            "100.63.0.1",
            "100.128.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "198.17.0.1",
            "223.255.255.255",
            "2606:4700::1111",
            "2a00:1450:4001::1",
            "2001:4860::8888",
            "64:ff9b::808:808",
        ] {
            assert!(is_public(text.parse().unwrap()), "{text}");
        }
        for text in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.0.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:8.8.8.8",
            "::127.0.0.1",
            "::ffff:0:127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::1",
            "64:ff9b:1:2:3:4:808:808",
            "100::1",
            "2001::1",
            "2001:10::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "2002:808:808::1",
            "3fff::1",
            "3ffe::1",
            "fc00::1",
            "fd12:3456::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "5f00::1",
            "2606:4700::5efe:7f00:1",
            "2606:4700::200:5efe:a00:1",
        ] {
            assert!(!is_public(text.parse().unwrap()), "{text}");
        }
    }
}
