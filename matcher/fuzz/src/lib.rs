//! The matcher's parsers, and the provider's of a capture, included by their paths as the crate has them, and what the targets share.
#![allow(dead_code, missing_docs)]

#[path = "../../src/anomaly/mod.rs"]
pub mod anomaly;
#[path = "../../../idp/src/capture/message.rs"]
pub mod capture_message;
pub mod face;
pub mod fingerprint;
#[path = "../../src/sample.rs"]
pub mod sample;
#[path = "../../src/score.rs"]
pub mod score;

use fingerprint::interchange::{Format, Labels, Record, write};
use fingerprint::template::Template;

/// What every record must stand: its views become templates that are stored, read, and written as records again.
pub fn follow(record: &Record) {
    assert!(!record.views.is_empty() && record.best_view(None).is_some());
    for view in &record.views {
        let Ok(template) = view.to_template() else {
            continue;
        };
        let stored = template.to_bytes();
        let read = Template::from_bytes(&stored).expect("a stored template is read");
        assert!(read.to_bytes() == stored);
        for format in [Format::Iso2005, Format::Ansi2004] {
            let written = write(&read, format, Labels::default()).expect("is written");
            let again = fingerprint::interchange::read(&written).expect("is read back");
            assert_eq!(again.views[0].points.len(), read.minutiae().len());
        }
    }
}
