//! The whole way, on made-up prints.

use super::params::Params;
use super::synthetic::Print;
use super::{FingerprintError, Prepared, Template, compare, extract};
use crate::sample::GreyImage;

mod golden;

fn flat(width: usize, height: usize, value: u8) -> GreyImage {
    GreyImage {
        width,
        height,
        pixels: vec![value; width * height],
    }
}

/// The template as it would be stored, ready to compare.
fn prepared(print: &Print, params: &Params) -> Prepared {
    let extraction = extract(&print.draw(), Some(500.0), params).expect("a clear print");
    let stored = extraction.template.to_bytes();
    Prepared::new(&Template::from_bytes(&stored).expect("reads back"), params)
}

#[test]
fn a_print_finds_itself_moved_and_turned_above_every_other() {
    let params = Params::default();
    let prints: Vec<Prepared> = (0..6)
        .map(|seed| prepared(&Print::new(seed), &params))
        .collect();
    let mut highest = f64::NEG_INFINITY;
    for (i, a) in prints.iter().enumerate() {
        for b in &prints[i + 1..] {
            highest = highest.max(compare(a, b, &params));
            assert_eq!(compare(a, b, &params), compare(b, a, &params));
        }
    }
    for (seed, print) in prints.iter().enumerate() {
        let own = compare(print, print, &params);
        assert!(own > highest, "{own} against {highest}");
        for (turn, shift) in [
            (0.0, (12.0, -7.0)),
            (0.4, (0.0, 0.0)),
            (-0.7, (6.0, 5.0)),
            (1.2, (0.0, 3.0)),
        ] {
            let moved = Print {
                turn,
                shift,
                ..Print::new(seed as u32)
            };
            let score = compare(print, &prepared(&moved, &params), &params);
            assert!(score > highest, "turn {turn}: {score} against {highest}");
        }
    }
}

#[test]
fn the_dislocations_of_a_print_are_its_minutiae() {
    let params = Params::default();
    let print = Print::new(3);
    let extraction = extract(&print.draw(), Some(500.0), &params).expect("a clear print");
    let near =
        |m: &super::Minutia, d: &(f32, f32, f32)| (m.x_px() - d.0).hypot(m.y_px() - d.1) < 12.0;
    let minutiae = extraction.template.minutiae();
    let found = print
        .dislocations
        .iter()
        .filter(|d| minutiae.iter().any(|m| near(m, d)))
        .count();
    let true_ones = minutiae
        .iter()
        .filter(|m| print.dislocations.iter().any(|d| near(m, d)))
        .count();
    assert!(
        found * 10 >= print.dislocations.len() * 8,
        "{found} of {}",
        print.dislocations.len()
    );
    assert!(
        true_ones * 10 >= minutiae.len() * 8,
        "{true_ones} of {}",
        minutiae.len()
    );
    assert!(extraction.quality > 50, "{}", extraction.quality);
}

#[test]
fn resolution_is_estimated_when_it_is_not_stated() {
    let params = Params::default();
    let mut print = Print::new(1);
    let reference = prepared(&print, &params);
    // The same print at 1,000 dpi.
    print.side *= 2;
    print.period_px *= 2.0;
    print.centre = (print.centre.0 * 2.0, print.centre.1 * 2.0);
    print
        .dislocations
        .iter_mut()
        .for_each(|d| (d.0, d.1) = (d.0 * 2.0, d.1 * 2.0));
    for dpi in [Some(1_000.0), None] {
        let large = extract(&print.draw(), dpi, &params).expect("a clear print");
        let other = prepared(&Print::new(9), &params);
        let large = Prepared::new(&large.template, &params);
        assert!(compare(&large, &reference, &params) > compare(&large, &other, &params));
    }
}

#[test]
fn what_is_no_print_gets_a_typed_error() {
    let params = Params::default();
    let error = |image: &GreyImage, dpi| extract(image, dpi, &params).err();
    assert_eq!(
        error(&flat(1, 1, 0), Some(500.0)),
        Some(FingerprintError::TooSmall)
    );
    assert_eq!(
        error(&flat(0, 0, 0), None),
        Some(FingerprintError::TooSmall)
    );
    assert_eq!(
        error(&flat(300, 300, 0), Some(500.0)),
        Some(FingerprintError::NoRidges)
    );
    assert_eq!(
        error(&flat(300, 300, 255), None),
        Some(FingerprintError::NoRidges)
    );
    assert_eq!(
        error(&flat(4_000, 4_000, 255), Some(500.0)),
        Some(FingerprintError::TooLarge)
    );
    assert_eq!(
        error(&flat(300, 300, 9), Some(f64::NAN)).map(|e| e.to_string()),
        Some("a resolution of NaN dpi is not taken".into())
    );
    let broken = GreyImage {
        width: 10,
        height: 10,
        pixels: vec![0; 99],
    };
    assert_eq!(error(&broken, None), Some(FingerprintError::WrongSize));
}

#[test]
fn odd_images_do_not_panic_and_do_not_look_good() {
    let params = Params::default();
    let mut state = 1u32;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    for (width, height) in [(36, 36), (37, 200), (200, 41), (131, 97), (256, 300)] {
        let random = GreyImage {
            width,
            height,
            pixels: (0..width * height).map(|_| noise()).collect(),
        };
        let blocks = (0..width * height).map(|i| {
            if (i % width / 40 + i / width / 40) % 2 == 0 {
                30
            } else {
                220
            }
        });
        let blocks = GreyImage {
            width,
            height,
            pixels: blocks.collect(),
        };
        for image in [random, blocks] {
            for dpi in [Some(250.0), Some(500.0), Some(1_000.0), None] {
                if let Ok(extraction) = extract(&image, dpi, &params) {
                    assert!(
                        extraction.quality < 50,
                        "{width}x{height}: {}",
                        extraction.quality
                    );
                }
            }
        }
    }
}
