//! What Chromium's fake camera films: pictures of one person, as motion JPEG, which is JPEGs one after another.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use image::{
    RgbImage,
    codecs::jpeg::JpegEncoder,
    imageops::{FilterType, fast_blur, overlay, resize},
};

/// Writes a film in which each picture stands still for a while, then the next comes; Chromium plays it in a loop.
///
/// Each stands in the middle of the frame, as a person in the room.
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

/// The picture at its place in the room. Around it the room goes on with the colours of the picture's edge, out of
/// focus: a face cut out on plain ground looks like a print held up, and is judged as one.
fn frame(picture: &RgbImage) -> RgbImage {
    let height = picture.height() * FACE_SCALE / 100;
    let width = picture.width() * FACE_SCALE / 100;
    let fitted = resize(
        picture,
        width.min(WIDTH),
        height.min(HEIGHT),
        FilterType::Triangle,
    );
    let (left, top) = ((WIDTH - fitted.width()) / 2, (HEIGHT - fitted.height()) / 2);
    let extended = RgbImage::from_fn(WIDTH, HEIGHT, |x, y| {
        let x = x.saturating_sub(left).min(fitted.width() - 1);
        let y = y.saturating_sub(top).min(fitted.height() - 1);
        *fitted.get_pixel(x, y)
    });
    let mut frame = fast_blur(&extended, OUT_OF_FOCUS);
    overlay(&mut frame, &fitted, i64::from(left), i64::from(top));
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

/// Per cent by which a picture is enlarged: a portrait of 250 pixels fills the frame as somebody at a desk does.
const FACE_SCALE: u32 = 140;

/// Standard deviation of the blur of the room, pixels.
const OUT_OF_FOCUS: f32 = 12.0;

/// JPEG quality, of 100.
const QUALITY: u8 = 92;

/// How long a picture stands still; Chromium plays 30 frames a second.
const FRAMES_A_PICTURE: usize = 30;
