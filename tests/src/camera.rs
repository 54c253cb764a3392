//! What Chromium's fake camera films: pictures of one person, as motion JPEG, which is JPEGs one after another.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use image::{
    Rgb, RgbImage,
    codecs::jpeg::JpegEncoder,
    imageops::{FilterType, overlay, resize},
};

/// Writes a film in which each picture stands still for a while, then the next comes; Chromium plays it in a loop.
///
/// Pictures are fitted into the frame with their height, on plain grey, as a person in the middle of the room.
pub fn film(pictures: &[PathBuf], into: &Path) -> anyhow::Result<()> {
    ensure!(!pictures.is_empty(), "a film of no pictures");
    let mut bytes = Vec::new();
    for picture in pictures {
        let image = image::open(picture).with_context(|| picture.display().to_string())?;
        let jpeg = jpeg(&frame(&image.to_rgb8()))?;
        for _ in 0..FRAMES_A_PICTURE {
            bytes.extend_from_slice(&jpeg);
        }
    }
    Ok(std::fs::write(into, bytes)?)
}

/// The first `count` pictures of a person in a folder of people, in the order of their names.
pub fn pictures_of(people: &Path, person: &str, count: usize) -> anyhow::Result<Vec<PathBuf>> {
    let folder = people.join(person);
    let mut found = Vec::new();
    for entry in std::fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
        found.push(entry?.path());
    }
    found.sort();
    ensure!(
        found.len() >= count,
        "{} pictures of {person}, {count} wanted",
        found.len()
    );
    found.truncate(count);
    Ok(found)
}

fn frame(picture: &RgbImage) -> RgbImage {
    let width = picture.width() * HEIGHT / picture.height();
    let fitted = resize(picture, width.min(WIDTH), HEIGHT, FilterType::Triangle);
    let mut frame = RgbImage::from_pixel(WIDTH, HEIGHT, Rgb([BACKGROUND; 3]));
    overlay(
        &mut frame,
        &fitted,
        i64::from((WIDTH - fitted.width()) / 2),
        0,
    );
    frame
}

fn jpeg(frame: &RgbImage) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, QUALITY).encode_image(frame)?;
    Ok(bytes)
}

/// Pixels of a frame: what a laptop's camera gives.
const WIDTH: u32 = 640;
const HEIGHT: u32 = 480;

/// The grey of the room.
const BACKGROUND: u8 = 120;

/// JPEG quality, of 100.
const QUALITY: u8 = 92;

/// How long a picture stands still; Chromium plays 30 frames a second.
const FRAMES_A_PICTURE: usize = 30;
