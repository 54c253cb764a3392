//! Records written and read back, records built by hand from the standards' tables, and damage.

use std::f32::consts::{PI, TAU};

use proptest::prelude::*;

use super::{Format, InterchangeError, Labels, PointKind, card, read, write};
use crate::fingerprint::template::{
    Kind, MOST_MINUTIAE, Minutia, NO_RIDGES, OrientationMap, Template,
};

fn template(quality: u8, minutiae: Vec<Minutia>) -> Template {
    Template {
        quality,
        minutiae,
        map: OrientationMap {
            cell_px: 16,
            columns: 20,
            rows: 25,
            cells: vec![NO_RIDGES; 500],
        },
    }
}

fn apart(a: f32, b: f32) -> f32 {
    let turn = (a - b).rem_euclid(TAU);
    turn.min(TAU - turn)
}

/// A record of ISO/IEC 19794-2:2005 with two views of one minutia each, the first with extended data.
fn iso() -> Vec<u8> {
    let mut out = b"FMR\0 20\0\0\0\0\0\0\0\x01\x2c\x01\x90\0\xc5\0\xc5\x02\0".to_vec();
    // Right index finger, first view, live-scan plain, quality 40; an ending at 100, 50, a quarter turn, quality 90.
    out.extend([2, 0x00, 40, 1, 0x40, 100, 0, 50, 64, 90]);
    // Extended data: type 0x0101, six bytes with their header.
    out.extend([0, 6, 1, 1, 0, 6, 7, 7]);
    // The second view, latent, quality 80: three minutiae.
    out.extend([2, 0x13, 80, 3]);
    out.extend([0x80, 10, 0, 20, 0, 0, 0x00, 200, 1, 20, 128, 1]);
    out.extend([0x41, 0, 1, 100, 192, 100, 0, 0]);
    let length = (out.len() as u32).to_be_bytes();
    out[8..12].copy_from_slice(&length);
    out
}

/// The same minutia in each layout: an ending at 100, 50, a quarter turn, quality 90; left index finger.
fn each_layout() -> [(Format, Vec<u8>); 4] {
    let iso = b"FMR\0 20\0\0\0\0\x24\0\0\x01\x2c\x01\x90\0\xc5\0\xc5\x01\0\x07\0\x28\x01\x40\x64\0\x32\x40\x5a\0\0";
    let ansi = b"FMR\0 20\0\0\x26\0\0\0\0\0\0\x01\x2c\x01\x90\0\xc5\0\xc5\x01\0\x07\0\x28\x01\x40\x64\0\x32\x2d\x5a\0\0";
    let ansi_2009 = b"FMR\0\x30\x33\x30\0\0\0\0\x2e\0\0\0\0\0\0\0\x01\0\x07\0\0\x28\0\0\0\0\x01\x2c\x01\x90\0\xc5\0\xc5\x01\x40\x64\0\x32\x2d\x5a\0\0";
    // One quality block, no certificates, minutiae of six bytes.
    let iso_2011 = b"FMR\0\x30\x33\x30\0\0\0\0\x3c\0\x01\0\0\0\0\x2d\x07\xd5\x0c\x0f\x11\x23\x14\0\0\0\0\0\0\0\x01\x28\0\0\0\0\x07\0\0\xc5\0\xc5\0\x01\x2c\x01\x90\x60\x01\x40\x64\0\x32\x40\x5a\0\0";
    [
        (Format::Iso2005, iso.to_vec()),
        (Format::Ansi2004, ansi.to_vec()),
        (Format::Ansi2009, ansi_2009.to_vec()),
        (Format::Iso2011, iso_2011.to_vec()),
    ]
}

#[test]
fn each_layout_says_the_same() {
    for (format, bytes) in each_layout() {
        let record = read(&bytes).unwrap_or_else(|e| panic!("{format:?}: {e}"));
        assert_eq!(record.format, format);
        let [view] = &record.views[..] else {
            panic!("{format:?}: {} views", record.views.len())
        };
        assert_eq!((view.finger, view.number, view.quality), (7, 0, Some(40)));
        assert_eq!(view.size_px, (300, 400));
        assert_eq!(view.pixels_per_cm, (197.0, 197.0));
        let [point] = view.points[..] else {
            panic!("{format:?}: {} minutiae", view.points.len())
        };
        assert_eq!((point.x, point.y, point.quality), (100.0, 50.0, Some(90)));
        assert_eq!(point.kind, PointKind::Ending);
        assert!(apart(point.angle, PI / 2.0) < 1e-6, "{format:?}");
    }
}

#[test]
fn a_long_ansi_record_has_a_length_of_six_bytes() {
    let [_, (_, short), ..] = each_layout();
    let mut long = b"FMR\0 20\0\0\0\0\0\0\x2a".to_vec();
    long.extend(&short[10..]);
    let record = read(&long).map_err(|e| e.to_string()).map(|r| r.format);
    assert_eq!(record, Ok(Format::Ansi2004));
}

#[test]
fn certificates_and_short_minutiae_of_2011_are_read() {
    let [.., (_, record)] = each_layout();
    // Two certificates stand behind the quality blocks.
    let mut bytes = record[..39].to_vec();
    bytes[14] = 1;
    bytes.extend([2, 0, 1, 9, 0, 1, 9]);
    bytes.extend(&record[39..]);
    let shape = bytes.len() - 10;
    assert_eq!(bytes[shape], 0x60);
    bytes[shape] = 0x50;
    bytes.remove(bytes.len() - 3);
    let (total, own) = (bytes.len() as u8, bytes.len() as u8 - 15);
    bytes[11] = total;
    bytes[18] = own;
    let record = read(&bytes).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(record.format, Format::Iso2011);
    assert_eq!(record.views[0].points[0].quality, None);
}

#[test]
fn views_are_chosen_by_finger_and_quality_and_extended_data_passed_over() {
    let record = read(&iso()).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(record.views.len(), 2);
    let best = record.best_view(None).expect("views");
    assert_eq!(
        (best.number, best.impression, best.quality),
        (1, 3, Some(80))
    );
    let kinds: Vec<_> = best.points.iter().map(|p| p.kind).collect();
    let expected = [PointKind::Bifurcation, PointKind::Other, PointKind::Ending];
    assert_eq!(kinds, expected);
    let qualities: Vec<_> = best.points.iter().map(|p| p.quality).collect();
    assert_eq!(qualities, [None, Some(1), Some(100)]);
    assert!(record.best_view(Some(2)).is_some() && record.best_view(Some(3)).is_none());
    assert_eq!(
        best.to_template().err(),
        Some(InterchangeError::TooFewMinutiae { found: 3, least: 4 })
    );
}

#[test]
fn places_go_to_500_dpi() {
    for (per_cm, x_px) in [
        (197u16, 100.0),
        (196, 100.0),
        (394, 50.0),
        (98, 200.0),
        (300, 65.6),
    ] {
        let mut bytes = iso();
        bytes[18..20].copy_from_slice(&per_cm.to_be_bytes());
        bytes[20..22].copy_from_slice(&per_cm.to_be_bytes());
        let mut record = read(&bytes).unwrap_or_else(|e| panic!("{e}"));
        let view = &mut record.views[0];
        let point = view.points[0];
        view.points = vec![point; 5];
        let template = view.to_template().unwrap_or_else(|e| panic!("{e}"));
        assert!(
            (template.minutiae()[0].x_px() - x_px).abs() < 0.1,
            "{per_cm}"
        );
        assert_eq!(template.quality(), 40);
        // All in one place is still somewhere on the map.
        assert!(template.map.cells.iter().any(|cell| *cell != NO_RIDGES));
    }
    let mut bytes = iso();
    bytes[18..20].copy_from_slice(&[0, 0]);
    let mut record = read(&bytes).unwrap_or_else(|e| panic!("{e}"));
    let point = record.views[0].points[0];
    record.views[0].points = vec![point; 5];
    assert_eq!(
        record.views[0].to_template().err(),
        Some(InterchangeError::OutOfRange)
    );
    // At 100 dpi the far corner of 14 bits is metres away.
    record.views[0].pixels_per_cm = (40.0, 40.0);
    record.views[0].points[0].x = 16_383.0;
    assert_eq!(
        record.views[0].to_template().err(),
        Some(InterchangeError::OutOfRange)
    );
}

#[test]
fn the_map_runs_along_the_minutiae_and_ends_a_little_beyond_them() {
    let bytes = {
        let corner = |x: f32, y: f32| Minutia::new(x, y, PI / 2.0, Kind::Ending, 0.9);
        let minutiae = [(80.0, 80.0), (240.0, 80.0), (240.0, 240.0), (80.0, 240.0)];
        let minutiae = minutiae.map(|(x, y)| corner(x, y)).to_vec();
        write(&template(60, minutiae), Format::Iso2005, Labels::default()).expect("writes")
    };
    let record = read(&bytes).unwrap_or_else(|e| panic!("{e}"));
    let read = record.views[0]
        .to_template()
        .unwrap_or_else(|e| panic!("{e}"));
    let cell = usize::from(read.map.cell_px);
    let at = |x: usize, y: usize| read.map.angle(x / cell, y / cell);
    let middle = at(160, 160).expect("inside");
    assert!(apart(2.0 * middle, PI) < 0.05, "{middle}");
    assert!(at(72, 72).is_some() && at(20, 20).is_none() && at(160, 20).is_none());
}

#[test]
fn cards_hold_both_sizes() {
    // 10 mm are 196.85 pixels at 500 dpi; our ridge ends 2 pixels behind the fork that a record means.
    let normal = card::read(&[0x43, 0xe8, 0, 100, 64], card::Size::Normal);
    let compact = card::read(&[100, 10, 0x40 | 16], card::Size::Compact);
    for view in [normal, compact] {
        let mut view = view.unwrap_or_else(|e| panic!("{e}"));
        let point = view.points[0];
        assert_eq!(point.kind, PointKind::Ending);
        assert!(apart(point.angle, PI / 2.0) < 1e-6);
        view.points = vec![point; 4];
        let template = view.to_template().unwrap_or_else(|e| panic!("{e}"));
        let m = template.minutiae()[0];
        assert!((m.x_px() - 196.85).abs() < 0.1 && (m.y_px() - 17.7).abs() < 0.1);
    }
    let error = |bytes: &[u8]| card::read(bytes, card::Size::Compact).err();
    assert_eq!(error(&[1, 2]), Some(InterchangeError::Truncated));
    assert_eq!(error(&[1, 2, 0xc0]), Some(InterchangeError::OutOfRange));
    assert_eq!(error(&[0; 3 * 256]), Some(InterchangeError::TooLong));
}

#[test]
fn each_fault_has_its_error() {
    let good = iso();
    let error = |bytes: &[u8]| read(bytes).err();
    let with = |changes: &[(usize, u8)]| {
        let mut bytes = good.clone();
        changes.iter().for_each(|&(at, value)| bytes[at] = value);
        error(&bytes)
    };
    assert_eq!(error(&good), None);
    assert_eq!(error(b""), Some(InterchangeError::UnknownMagic));
    assert_eq!(error(b"FMR\0"), Some(InterchangeError::Truncated));
    assert_eq!(error(b"FIR\0 20\0"), Some(InterchangeError::UnknownMagic));
    assert_eq!(with(&[(5, b'9')]), Some(InterchangeError::UnknownVersion));
    assert_eq!(with(&[(11, 40)]), Some(InterchangeError::WrongLength));
    assert_eq!(with(&[(11, 255)]), Some(InterchangeError::Truncated));
    assert_eq!(with(&[(22, 0)]), Some(InterchangeError::WrongLength));
    assert_eq!(with(&[(22, 3)]), Some(InterchangeError::Truncated));
    assert_eq!(with(&[(26, 101)]), Some(InterchangeError::OutOfRange));
    assert_eq!(with(&[(28, 0xc0)]), Some(InterchangeError::OutOfRange));
    assert_eq!(with(&[(33, 200)]), Some(InterchangeError::OutOfRange));
    assert_eq!(
        error(&vec![0; super::MOST_RECORD_BYTES + 1]),
        Some(InterchangeError::TooLong)
    );
    let none = b"FMR\0 20\0\0\0\0\x18\0\0\x01\x2c\x01\x90\0\xc5\0\xc5\0\0";
    assert_eq!(error(none), Some(InterchangeError::NoViews));
    // An angle of 180 units of two degrees is none.
    let [_, (_, mut ansi), ..] = each_layout();
    ansi[34] = 180;
    assert_eq!(error(&ansi), Some(InterchangeError::OutOfRange));
    let [.., (_, mut odd)] = each_layout();
    let shape = odd.len() - 10;
    odd[shape] = 0x40;
    assert_eq!(error(&odd), Some(InterchangeError::OutOfRange));
    let template = template(50, vec![]);
    let refused = |format, labels| write(&template, format, labels).err();
    assert_eq!(
        refused(Format::Iso2011, Labels::default()),
        Some(InterchangeError::UnknownVersion)
    );
    let labels = Labels {
        finger: 11,
        ..Labels::default()
    };
    assert_eq!(
        refused(Format::Iso2005, labels),
        Some(InterchangeError::OutOfRange)
    );
}

type Parts = (u8, Vec<(f32, f32, f32, bool, f32)>);

fn parts() -> impl Strategy<Value = Parts> {
    let minutia = (
        8f32..800.0,
        8f32..800.0,
        0f32..TAU,
        any::<bool>(),
        0f32..1.0,
    );
    (0u8..=100, prop::collection::vec(minutia, 4..=MOST_MINUTIAE))
}

proptest! {
    #[test]
    fn what_is_written_is_read_back_up_to_its_rounding((quality, minutiae) in parts(), ansi in any::<bool>(), finger in 0u8..=10) {
        let minutia = |&(x, y, angle, fork, quality): &(f32, f32, f32, bool, f32)| {
            Minutia::new(x, y, angle, if fork { Kind::Bifurcation } else { Kind::Ending }, quality)
        };
        let mut minutiae: Vec<Minutia> = minutiae.iter().map(minutia).collect();
        minutiae.sort_by_key(|m| std::cmp::Reverse(m.quality().max(1)));
        let original = template(quality, minutiae);
        let (format, step) = if ansi { (Format::Ansi2004, TAU / 180.0) } else { (Format::Iso2005, TAU / 256.0) };
        let bytes = write(&original, format, Labels { finger, ..Labels::default() }).expect("writes");
        let record = read(&bytes).map_err(|e| TestCaseError::fail(e.to_string()))?;
        prop_assert_eq!(record.format, format);
        prop_assert_eq!(record.views[0].finger, finger);
        let back = record.views[0].to_template().map_err(|e| TestCaseError::fail(e.to_string()))?;
        prop_assert_eq!(back.quality(), quality);
        prop_assert_eq!(back.minutiae().len(), original.minutiae().len());
        for (a, b) in original.minutiae().iter().zip(back.minutiae()) {
            prop_assert!((a.x_px() - b.x_px()).abs() <= 0.65 && (a.y_px() - b.y_px()).abs() <= 0.65);
            prop_assert!(apart(a.angle(), b.angle()) <= step, "{} {}", a.angle(), b.angle());
            prop_assert!(a.kind() == b.kind() && a.quality().max(1) == b.quality());
        }
        // What came from a record is a template like any other.
        let stored = back.to_bytes();
        prop_assert!(Template::from_bytes(&stored).is_ok());
    }

    #[test]
    fn damage_is_an_error_or_a_record(at in 0usize..200, value in any::<u8>(), cut in 0usize..200, which in 0usize..5) {
        let mut bytes = if which == 4 { iso() } else { each_layout()[which].1.clone() };
        let length = bytes.len();
        prop_assert!(read(&bytes[..cut % length]).is_err());
        bytes[at % length] = value;
        if let Ok(record) = read(&bytes) {
            for view in &record.views {
                if let Ok(template) = view.to_template() {
                    prop_assert!(Template::from_bytes(&template.to_bytes()).is_ok());
                }
            }
        }
    }

    #[test]
    fn arbitrary_bytes_do_no_harm(tail in prop::collection::vec(any::<u8>(), 0..400), version in 0usize..3) {
        let mut bytes = b"FMR\0".to_vec();
        bytes.extend([b" 20\0", b"030\0", b"020\0"][version]);
        bytes.extend(&tail);
        let _ = read(&bytes);
        let _ = card::read(&tail, card::Size::Normal);
    }
}
