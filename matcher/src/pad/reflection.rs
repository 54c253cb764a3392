//! Reflection: a face before the screen takes the colours of the screen, more than the wall behind it.
//!
//! Of each frame of the colour challenge the logarithm of the skin's light over the background's is taken,
//! channel by channel: what the camera does to the whole picture (exposure, white balance) cancels. The
//! regression of that on the shown colours in linear light has two figures: the correlation says whether
//! the colours came in the right order at the right time, the slope how strongly. A picture that brings its
//! own background reflects as much from both; a film of another capture shows other colours.

use super::params::{REFLECTION_LEAST_FRAMES, REFLECTION_SETTLED_S};
use super::sight::{Linear, linear};
use super::trace::Trace;

/// What the colours left on the skin.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reflection {
    /// Correlation of the skin's light, relative to the background's, with the shown colours: -1 to 1.
    pub order: f64,
    /// Growth of that light, as a share, from a dark to a white screen.
    pub strength: f64,
}

/// The reflection of a capture; `None` when too few frames show both skin and background under two
/// colours at least.
#[must_use]
pub(super) fn figures(frames: &[Trace]) -> Option<Reflection> {
    let samples = samples(frames);
    if samples.len() < REFLECTION_LEAST_FRAMES {
        return None;
    }
    let n = samples.len() as f64;
    let (mut xx, mut xy, mut yy) = (0.0, 0.0, 0.0);
    for c in 0..3 {
        let mean_x = samples.iter().map(|(x, _)| x[c]).sum::<f64>() / n;
        let mean_y = samples.iter().map(|(_, y)| y[c]).sum::<f64>() / n;
        for (x, y) in &samples {
            let (dx, dy) = (x[c] - mean_x, y[c] - mean_y);
            xx += dx * dx;
            xy += dx * dy;
            yy += dy * dy;
        }
    }
    (xx > 0.0 && yy > 0.0).then(|| Reflection {
        order: xy / (xx * yy).sqrt(),
        strength: xy / xx,
    })
}

/// The light that was shown, and the logarithm of the skin's over the background's, frame by frame.
fn samples(frames: &[Trace]) -> Vec<(Linear, Linear)> {
    let mut samples = Vec::new();
    let mut since: Option<(super::challenge::Colour, f64)> = None;
    for frame in frames {
        let Some(colour) = frame.shown.colour else {
            since = None;
            continue;
        };
        let first_s = match since {
            Some((before, at_s)) if before == colour => at_s,
            _ => {
                since = Some((colour, frame.at_s));
                frame.at_s
            }
        };
        // The screen and the camera's exposure have not settled in the first moment.
        if frame.at_s - first_s < REFLECTION_SETTLED_S {
            continue;
        }
        if let (Some(skin), Some(background)) =
            (mean(&frame.light.skin), mean(&frame.light.background))
        {
            let shown = colour.srgb().map(linear);
            let light = std::array::from_fn(|c| (skin[c] / background[c]).ln());
            samples.push((shown, light));
        }
    }
    samples
}

/// The mean of the patches that were seen; `None` of none, or of one without light.
fn mean(patches: &[Option<Linear>]) -> Option<Linear> {
    let seen: Vec<&Linear> = patches.iter().flatten().collect();
    let mean: Linear =
        std::array::from_fn(|c| seen.iter().map(|p| p[c]).sum::<f64>() / seen.len() as f64);
    mean.iter().all(|v| *v > 1e-5).then_some(mean)
}
