//! Databases that are there, broken, changed and missing.

use super::write::{PlaceRow, place_file};
use super::*;

const OSLO: PlaceRow = PlaceRow {
    address: "192.0.2.0",
    bits: 24,
    country: "NO",
    city: "Oslo",
    at: (59.9, 10.7),
    network: 0,
};
const TOKYO: PlaceRow = PlaceRow {
    address: "2001:db8:1::",
    bits: 48,
    country: "JP",
    city: "Tokyo",
    at: (35.7, 139.7),
    network: 64_502,
};
const NOWHERE: PlaceRow = PlaceRow {
    address: "192.0.2.0",
    bits: 25,
    country: "",
    city: "",
    at: (0.0, 0.0),
    network: 64_500,
};

fn at(places: &Places, address: &str) -> Located {
    places.locate(address.parse().expect("an address"))
}

#[test]
fn several_databases_stand_beside_each_other() {
    let folder = tempfile::tempdir().expect("a folder");
    let (cities, networks) = (folder.path().join("city"), folder.path().join("asn"));
    std::fs::write(&cities, place_file(&[OSLO, TOKYO])).expect("writes");
    std::fs::write(&networks, place_file(&[NOWHERE])).expect("writes");
    let places = Places::open(&[networks.clone(), cities]);
    let oslo = Located {
        country: Some("NO".into()),
        city: Some("Oslo".into()),
        coordinates: Some((59.9, 10.7)),
        network: Some(64_500),
        region: None,
    };
    assert_eq!(at(&places, "192.0.2.7"), oslo);
    assert_eq!(at(&places, "::ffff:192.0.2.7"), oslo, "mapped");
    let beside = Located {
        network: None,
        ..oslo
    };
    assert_eq!(at(&places, "192.0.2.200"), beside);
    let tokyo = at(&places, "2001:db8:1:2::3");
    assert_eq!(
        (tokyo.city.as_deref(), tokyo.network),
        (Some("Tokyo"), Some(64_502))
    );
    for unknown in ["198.51.100.1", "2001:db8:2::1", "127.0.0.1"] {
        assert_eq!(at(&places, unknown), Located::default(), "{unknown}");
    }
    let database = Database::read(&networks).expect("a database");
    assert_eq!(database.kind(), "Test-City");
    assert_eq!(database.made_at().map(|at| at.year()), Some(2026));
}

#[test]
fn a_file_that_changes_is_read_anew_and_one_that_breaks_leaves_what_was_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("places");
    let places = Places::open(std::slice::from_ref(&path));
    assert_eq!(
        at(&places, "192.0.2.7"),
        Located::default(),
        "not there yet"
    );
    let put = |bytes: &[u8]| {
        std::fs::write(&path, bytes).expect("writes");
        places.look_again();
        at(&places, "192.0.2.7").city
    };
    assert_eq!(put(&place_file(&[OSLO])).as_deref(), Some("Oslo"));
    let bergen = PlaceRow {
        city: "Bergen",
        ..OSLO
    };
    assert_eq!(put(&place_file(&[bergen])).as_deref(), Some("Bergen"));
    assert_eq!(put(b"no database").as_deref(), Some("Bergen"));
    assert!(matches!(
        Database::read(&path),
        Err(PlacesError::Format(..))
    ));
    std::fs::remove_file(&path).expect("goes");
    places.look_again();
    assert_eq!(at(&places, "192.0.2.7").city.as_deref(), Some("Bergen"));
    assert!(matches!(Database::read(&path), Err(PlacesError::File(..))));
    assert_eq!(
        put(&place_file(&[OSLO])).as_deref(),
        Some("Oslo"),
        "and back"
    );
}

proptest::proptest! {
    #[test]
    fn whatever_lies_in_the_file_is_an_error_or_an_answer(
        at in 0usize..4096, with: u8, length in 0usize..4096, address: u32,
    ) {
        let mut bytes = place_file(&[OSLO, TOKYO]);
        let (at, length) = (at % bytes.len(), length % bytes.len());
        bytes[at] = with;
        for bytes in [bytes.clone(), bytes[..length].to_vec()] {
            if let Ok(reader) = Reader::from_source(bytes) {
                let database = Database(reader);
                let near = 0xc000_0200 | address & 0xff;
                for address in [address, near] {
                    database.locate(std::net::Ipv4Addr::from_bits(address).into());
                }
            }
        }
    }
}
