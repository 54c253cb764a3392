//! Login histories: rows or errors, and every row can be judged and learned from.
#![no_main]

use libfuzzer_sys::fuzz_target;
use matcher_fuzz::anomaly::history::{History, HistoryError};
use matcher_fuzz::anomaly::{Accepted, Profile, Service};

fuzz_target!(|data: &[u8]| {
    let Ok(history) = History::open(data) else {
        return;
    };
    let (mut service, mut profile) = (Service::default(), Profile::default());
    for row in history {
        match row {
            Ok(row) => {
                let score = service.score(&profile, &row.event);
                assert!((0.0..=1.0).contains(&score.probability));
                service.learn(
                    &mut profile,
                    &row.event,
                    Accepted::Scored(score.probability),
                );
            }
            Err(HistoryError::Row { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
    let stored = profile.to_bytes();
    assert!(Profile::from_bytes(&stored).expect("is read") == profile);
});
