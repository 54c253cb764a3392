//! Stored profiles and models: an error, or what judges without a fault and is written as it was read.
#![no_main]

use libfuzzer_sys::fuzz_target;
use matcher_fuzz::anomaly::{Accepted, Event, Place, Profile, Service};

fuzz_target!(|data: &[u8]| {
    let event = Event {
        at_s: 1_700_000_000,
        address: Some("192.0.2.7".to_owned()),
        network: Some(64_500),
        place: Place {
            country: Some("NO".to_owned()),
            ..Place::default()
        },
        round_trip_ms: Some(30.0),
        ..Event::default()
    };
    if let Ok(mut profile) = Profile::from_bytes(data) {
        // What an older version wrote is written as this one does.
        let written = profile.to_bytes();
        let again = Profile::from_bytes(&written).expect("is read");
        assert!(again.to_bytes() == written);
        let mut service = Service::default();
        assert!(service.score(&profile, &event).llr.is_finite());
        service.learn(&mut profile, &event, Accepted::Confirmed);
        assert!(service.score(&profile, &event).llr.is_finite());
    }
    if let Ok(service) = Service::from_bytes(data) {
        assert!(service.score(&Profile::default(), &event).llr.is_finite());
        let again = Service::from_bytes(&service.to_bytes()).expect("is read");
        assert!(again == service);
    }
});
