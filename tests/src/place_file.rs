//! Writes a small database of places in MaxMind's format (MaxMind DB spec 2.0), so that no test needs anybody's data.
//!
//! A search tree over the bits of an address, IPv4 under `::/96`; then sixteen zeros, the records, and the metadata
//! behind its mark. Only what a few records take is written: maps, strings, doubles and unsigned numbers.

use std::net::IpAddr;

/// What is said of a network.
#[derive(Debug, Clone, Copy)]
pub struct PlaceRow {
    /// Its first address.
    pub address: &'static str,
    /// Bits of it that count.
    pub bits: u8,
    /// ISO 3166-1 alpha-2; none where nothing is said of the place.
    pub country: &'static str,
    /// In English.
    pub city: &'static str,
    /// Latitude and longitude.
    pub at: (f64, f64),
    /// The autonomous system; 0 for none.
    pub network: u32,
}

/// The bytes of a database of these networks, none of which lies within another.
///
/// # Panics
/// On rows that are no networks: they are written by tests.
#[must_use]
pub fn place_file(rows: &[PlaceRow]) -> Vec<u8> {
    let mut tree = vec![[Branch::Nothing; 2]];
    let (mut records, mut offsets) = (Vec::new(), Vec::new());
    for (index, row) in rows.iter().enumerate() {
        let address: IpAddr = row.address.parse().expect("an address");
        let (number, length) = match address {
            IpAddr::V4(v4) => (u128::from(v4.to_bits()), 96 + usize::from(row.bits)),
            IpAddr::V6(v6) => (v6.to_bits(), usize::from(row.bits)),
        };
        offsets.push(records.len());
        write_row(&mut records, row);
        let mut node = 0;
        for depth in 0..length {
            let bit = usize::from(number >> (127 - depth) & 1 == 1);
            if depth + 1 == length {
                tree[node][bit] = Branch::Record(index);
                break;
            }
            node = match tree[node][bit] {
                Branch::Node(next) => next,
                _ => {
                    tree.push([Branch::Nothing; 2]);
                    let next = tree.len() - 1;
                    tree[node][bit] = Branch::Node(next);
                    next
                }
            };
        }
    }
    let count = tree.len();
    let mut bytes = Vec::new();
    for branch in tree.iter().flatten() {
        let value = match *branch {
            Branch::Node(node) => node,
            Branch::Nothing => count,
            Branch::Record(index) => count + 16 + offsets[index],
        };
        let value = u32::try_from(value).expect("a small tree");
        bytes.extend(value.to_be_bytes());
    }
    bytes.extend([0; 16]);
    bytes.extend(records);
    bytes.extend(b"\xab\xcd\xefMaxMind.com");
    write_metadata(&mut bytes, count);
    bytes
}

#[derive(Clone, Copy)]
enum Branch {
    Nothing,
    Node(usize),
    Record(usize),
}

fn write_row(out: &mut Vec<u8>, row: &PlaceRow) {
    let has_place = !row.country.is_empty();
    head(
        out,
        MAP,
        usize::from(row.network > 0) + 3 * usize::from(has_place),
    );
    if row.network > 0 {
        text(out, "autonomous_system_number");
        unsigned(out, UINT32, row.network.into());
    }
    if !has_place {
        return;
    }
    text(out, "country");
    head(out, MAP, 1);
    text(out, "iso_code");
    text(out, row.country);
    text(out, "city");
    head(out, MAP, 1);
    text(out, "names");
    head(out, MAP, 1);
    text(out, "en");
    text(out, row.city);
    text(out, "location");
    head(out, MAP, 2);
    for (name, degrees) in [("latitude", row.at.0), ("longitude", row.at.1)] {
        text(out, name);
        head(out, DOUBLE, 8);
        out.extend(degrees.to_be_bytes());
    }
}

fn write_metadata(out: &mut Vec<u8>, nodes: usize) {
    head(out, MAP, 9);
    for (name, kind, value) in [
        ("node_count", UINT32, nodes as u64),
        ("record_size", UINT16, 32),
        ("ip_version", UINT16, 6),
        ("binary_format_major_version", UINT16, 2),
        ("binary_format_minor_version", UINT16, 0),
        // 1 November 2026.
        ("build_epoch", UINT64, 1_793_491_200),
    ] {
        text(out, name);
        unsigned(out, kind, value);
    }
    text(out, "database_type");
    text(out, "Test-City");
    text(out, "languages");
    head(out, ARRAY, 1);
    text(out, "en");
    text(out, "description");
    head(out, MAP, 1);
    text(out, "en");
    text(out, "Made by a test");
}

fn text(out: &mut Vec<u8>, text: &str) {
    head(out, STRING, text.len());
    out.extend(text.as_bytes());
}

fn unsigned(out: &mut Vec<u8>, kind: u8, value: u64) {
    let bytes = value.to_be_bytes();
    let from = bytes.iter().position(|byte| *byte > 0).unwrap_or(8);
    head(out, kind, 8 - from);
    out.extend(&bytes[from..]);
}

/// Kinds past seven stand in a byte of their own.
fn head(out: &mut Vec<u8>, kind: u8, length: usize) {
    let (short, more) = match length {
        0..29 => (length, None),
        _ => (29, Some(length - 29)),
    };
    let control = |kind: u8| kind << 5 | u8::try_from(short).expect("five bits");
    match kind {
        0..8 => out.push(control(kind)),
        _ => out.extend([control(0), kind - 7]),
    }
    out.extend(more.map(|more| u8::try_from(more).expect("a short text")));
}

const STRING: u8 = 2;
const DOUBLE: u8 = 3;
const UINT16: u8 = 5;
const UINT32: u8 = 6;
const MAP: u8 = 7;
const UINT64: u8 = 9;
const ARRAY: u8 = 11;
