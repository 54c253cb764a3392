//! Brings a sample to 500 dpi and to even brightness and contrast; ridges become positive.
//!
//! The print is compared at one scale whatever the sensor, and a local mean and deviation make dry, wet and unevenly
//! pressed areas alike (Hong, Wan and Jain 1998, section 2.2, done locally).

use super::params::NormaliseParams;
use super::plane::Plane;
use crate::sample::GreyImage;

/// Grey values, 0 black to 255 white, scaled by `scale` (area mean when shrinking, bilinear otherwise).
pub(crate) fn resample(image: &GreyImage, scale: f64) -> Plane {
    let source = Plane {
        width: image.width,
        height: image.height,
        values: image.pixels.iter().map(|&v| f32::from(v)).collect(),
    };
    if (scale - 1.0).abs() < 1e-3 {
        return source;
    }
    // A box of about one target pixel, so that shrinking does not alias.
    let radius = ((0.5 / scale) as usize).min(16);
    let source = if radius > 0 {
        source.box_mean(radius)
    } else {
        source
    };
    let size = |n: usize| ((n as f64 * scale).round() as usize).max(1);
    let mut out = Plane::filled(size(image.width), size(image.height), 0.0);
    let columns: Vec<Tap> = (0..out.width)
        .map(|x| Tap::new(x, scale, source.width))
        .collect();
    for y in 0..out.height {
        let down = Tap::new(y, scale, source.height);
        let (upper, lower) = (source.row(down.first), source.row(down.second));
        for (value, tap) in out.values[y * out.width..].iter_mut().zip(&columns) {
            let mix = |row: &[f32]| row[tap.first] + (row[tap.second] - row[tap.first]) * tap.share;
            let (a, b) = (mix(upper), mix(lower));
            *value = a + (b - a) * down.share;
        }
    }
    out
}

/// Two neighbouring source values and the share of the second.
struct Tap {
    first: usize,
    second: usize,
    share: f32,
}

impl Tap {
    fn new(target: usize, scale: f64, size: usize) -> Self {
        let place = ((target as f64 + 0.5) / scale - 0.5).clamp(0.0, (size - 1) as f64);
        let first = place as usize;
        Self {
            first,
            second: (first + 1).min(size - 1),
            share: (place - first as f64) as f32,
        }
    }
}

/// Local mean removed, divided by the local deviation, clipped; ridges (dark) are positive.
pub(crate) fn normalise(grey: &Plane, params: &NormaliseParams) -> Plane {
    // Centred first, so that the squares keep their precision in f32.
    let centred = grey.map(|v| v - 128.0);
    let mean = centred.smooth(params.radius_px);
    let square = centred.map(|v| v * v).smooth(params.radius_px);
    let floor = params.least_deviation * params.least_deviation;
    let mut out = centred.zip(&mean, |v, m| m - v);
    for ((value, &mean), &square) in out.values.iter_mut().zip(&mean.values).zip(&square.values) {
        let deviation = (square - mean * mean + floor).max(floor).sqrt();
        *value = (*value / deviation).clamp(-params.clip, params.clip);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fingerprint::params::Params;

    fn ramp(width: usize, height: usize) -> GreyImage {
        GreyImage {
            width,
            height,
            pixels: (0..width * height).map(|i| (i % width) as u8).collect(),
        }
    }

    #[test]
    fn scaling_keeps_a_ramp_a_ramp() {
        for scale in [0.5, 1.0, 2.0, 2.3] {
            let out = resample(&ramp(100, 10), scale);
            assert_eq!(
                (out.width, out.height),
                ((100.0 * scale) as usize, (10.0 * scale) as usize)
            );
            let middle = out.at(out.width / 2, out.height / 2);
            assert!((middle - 50.0).abs() < 1.5, "{scale}: {middle}");
        }
    }

    #[test]
    fn brightness_and_contrast_do_not_matter() {
        let wave = |gain: f32, offset: f32| Plane {
            width: 90,
            height: 90,
            values: (0..8100)
                .map(|i| offset + gain * ((i % 90) as f32 * 0.7).sin())
                .collect(),
        };
        let params = Params::default().normalise;
        let (a, b) = (
            normalise(&wave(60.0, 120.0), &params),
            normalise(&wave(100.0, 150.0), &params),
        );
        assert!((a.at(45, 45) - b.at(45, 45)).abs() < 0.1);
    }
}
