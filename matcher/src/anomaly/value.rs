//! Fingerprints of values, so that profiles and tables hold no addresses, places or browsers in the clear.
//!
//! FNV-1a of 64 bits, with a finish that mixes all of them. It is the same on every machine and in every version, and
//! no secret: who holds a profile can try all addresses, so profiles are personal data all the same. Who forges a value
//! with the fingerprint of another must know the other, and could send it as it is.

use super::event::{DeviceKey, Event};

/// What a profile remembers values of; from the coarse to the fine in each of its two halves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Attribute {
    /// Country.
    Country,
    /// Part of a country.
    Region,
    /// City.
    City,
    /// Autonomous system.
    Network,
    /// The address without its host: /24 or /48.
    Prefix,
    /// The address.
    Address,
    /// Operating system by name, with the kind of device.
    System,
    /// Browser by name, with the system.
    Browser,
    /// Browser and system with their versions.
    Release,
    /// The whole header.
    AgentText,
    /// Client hints.
    Hints,
    /// The browser's key, or that there is none.
    DeviceKey,
    /// This browser by this network.
    Pair,
}

impl Attribute {
    /// All, in the order of [`values`].
    pub const ALL: [Self; 13] = [
        Self::Country,
        Self::Region,
        Self::City,
        Self::Network,
        Self::Prefix,
        Self::Address,
        Self::System,
        Self::Browser,
        Self::Release,
        Self::AgentText,
        Self::Hints,
        Self::DeviceKey,
        Self::Pair,
    ];
    /// How many there are.
    pub const COUNT: usize = Self::ALL.len();
}

/// The fingerprints of an attempt, by attribute.
pub type Values = [Option<u64>; Attribute::COUNT];

/// The fingerprints of an attempt.
#[must_use]
pub fn values(event: &Event) -> Values {
    let place = &event.place;
    let agent = &event.agent;
    let country = text_of(Attribute::Country, place.country.as_deref());
    // A region's name means something within its country alone, a city's within its region.
    let region = within(Attribute::Region, country, place.region.as_deref());
    let city = within(Attribute::City, region.or(country), place.city.as_deref());
    let network = event
        .network
        .map(|n| bytes(Attribute::Network, &n.to_be_bytes()));
    let prefix = event
        .address
        .as_deref()
        .map(|a| bytes(Attribute::Prefix, prefix_of(a).as_bytes()));
    let address = text_of(Attribute::Address, event.address.as_deref());
    let system_name = agent.system.as_deref().map(|s| product(s).0);
    let system = join(Attribute::System, &[system_name, agent.device.as_deref()]);
    let browser_name = agent.browser.as_deref().map(|b| product(b).0);
    let browser = join(
        Attribute::Browser,
        &[browser_name, system_name, agent.device.as_deref()],
    )
    .filter(|_| browser_name.is_some());
    let release = join(
        Attribute::Release,
        &[agent.browser.as_deref(), agent.system.as_deref()],
    );
    let text = text_of(Attribute::AgentText, agent.text.as_deref());
    let hints = text_of(Attribute::Hints, agent.hints.as_deref());
    let key = match event.device_key {
        DeviceKey::NotAsked => None,
        DeviceKey::Absent => Some(bytes(Attribute::DeviceKey, b"absent")),
        DeviceKey::Proved(key) => Some(bytes(Attribute::DeviceKey, &key.to_be_bytes())),
    };
    let pair = match (browser.or(system), network.or(city)) {
        (Some(a), Some(b)) => Some(bytes(
            Attribute::Pair,
            &[a.to_be_bytes(), b.to_be_bytes()].concat(),
        )),
        _ => None,
    };
    [
        country, region, city, network, prefix, address, system, browser, release, text, hints,
        key, pair,
    ]
}

/// A product's name and its version: what stands before the first word that begins with a digit, and from there.
#[must_use]
pub fn product(text: &str) -> (&str, &str) {
    let mut from = 0;
    for word in text.split(' ') {
        if from > 0 && word.starts_with(|c: char| c.is_ascii_digit()) {
            return (text[..from].trim_end(), &text[from..]);
        }
        from += word.len() + 1;
    }
    (text, "")
}

/// The address without its host: 24 bits of IPv4, 48 of IPv6; of what is no address, all but its last part.
#[must_use]
pub fn prefix_of(address: &str) -> String {
    match address.parse::<core::net::IpAddr>() {
        Ok(core::net::IpAddr::V4(v4)) => {
            let [a, b, c, _] = v4.octets();
            format!("{a}.{b}.{c}.")
        }
        Ok(core::net::IpAddr::V6(v6)) => match v6.to_ipv4_mapped() {
            Some(v4) => prefix_of(&v4.to_string()),
            None => {
                let [a, b, c, ..] = v6.segments();
                format!("{a:x}:{b:x}:{c:x}::")
            }
        },
        Err(_) => {
            let end = address.rfind(['.', ':']).map_or(address.len(), |at| at + 1);
            address[..end].to_owned()
        }
    }
}

/// The fingerprint of a text that is no attribute: a person's name, a key's.
pub(super) fn fingerprint(text: &str) -> u64 {
    finish(absorb(OFFSET, text.as_bytes()))
}

fn text_of(attribute: Attribute, text: Option<&str>) -> Option<u64> {
    text.map(|text| bytes(attribute, text.as_bytes()))
}

fn within(attribute: Attribute, parent: Option<u64>, text: Option<&str>) -> Option<u64> {
    let text = text?;
    let parent = parent.unwrap_or_default();
    Some(finish(absorb(
        absorb(start(attribute), &parent.to_be_bytes()),
        text.as_bytes(),
    )))
}

fn join(attribute: Attribute, parts: &[Option<&str>]) -> Option<u64> {
    if parts.iter().all(Option::is_none) {
        return None;
    }
    let state = parts.iter().fold(start(attribute), |state, part| {
        absorb(absorb(state, part.unwrap_or("").as_bytes()), &[0xff])
    });
    Some(finish(state))
}

fn bytes(attribute: Attribute, bytes: &[u8]) -> u64 {
    finish(absorb(start(attribute), bytes))
}

const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;

fn start(attribute: Attribute) -> u64 {
    absorb(OFFSET, &[attribute as u8])
}

fn absorb(state: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(state, |state, byte| {
        (state ^ u64::from(*byte)).wrapping_mul(PRIME)
    })
}

/// The end of MurmurHash3: every bit of the state reaches every bit of the fingerprint.
fn finish(mut state: u64) -> u64 {
    state ^= state >> 33;
    state = state.wrapping_mul(0xff51_afd7_ed55_8ccd);
    state ^= state >> 33;
    state = state.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    state ^ (state >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::anomaly::event::{Agent, Place};

    #[test]
    fn a_product_is_parted_from_its_version() {
        assert_eq!(product("Firefox 20.0.0.1618"), ("Firefox", "20.0.0.1618"));
        assert_eq!(product("Mac OS X 10.14.6"), ("Mac OS X", "10.14.6"));
        assert_eq!(
            product("Chrome Mobile WebView 85.0"),
            ("Chrome Mobile WebView", "85.0")
        );
        for whole in ["Linux", "", "7 Star", "é 1x"] {
            assert!(product(whole).0.len() <= whole.len());
        }
        assert_eq!(product("7 Star").1, "");
    }

    #[test]
    fn a_prefix_leaves_the_host_out() {
        assert_eq!(prefix_of("10.0.65.171"), "10.0.65.");
        assert_eq!(prefix_of("::ffff:10.0.65.171"), "10.0.65.");
        assert_eq!(prefix_of("2001:db8:1:2::3"), "2001:db8:1::");
        assert_eq!(prefix_of("999.1.2.3"), "999.1.2.");
        assert_eq!(prefix_of("nowhere"), "nowhere");
    }

    #[test]
    fn what_is_not_known_has_no_value_and_names_count_within_their_parent() {
        assert_eq!(values(&Event::default()), [None; Attribute::COUNT]);
        let at = |country: &str| Event {
            place: Place {
                country: Some(country.to_owned()),
                city: Some("Springfield".to_owned()),
                ..Place::default()
            },
            agent: Agent {
                browser: Some("Firefox 1".to_owned()),
                ..Agent::default()
            },
            ..Event::default()
        };
        let (a, b) = (values(&at("US")), values(&at("CA")));
        let city = Attribute::City as usize;
        assert!(a[city].is_some() && a[city] != b[city]);
        assert_eq!(
            a[Attribute::Browser as usize],
            b[Attribute::Browser as usize]
        );
    }

    #[test]
    fn fingerprints_never_change() {
        // Stored profiles hold them.
        assert_eq!(bytes(Attribute::Country, b"NO"), PINNED);
    }

    const PINNED: u64 = 17_844_394_393_032_322_345;
}
