//! Reflection: a face before the screen takes the colours of the screen, more than the wall behind it.
//!
//! For each colour that was shown, the light of the skin over that of the background is taken, as the
//! logarithms of red over green and of blue over green, patch by patch beside the same patch before the first
//! prompt: what the camera does to the whole picture cancels (exposure, white balance), and so does how
//! squarely a turning head faces the screen. Which colours these were is then told from the light alone: of
//! all strengths of the screen and all colours of the skin, the pair under which every measurement lies next
//! to one of the six. What was shown is not looked at before that is decided. So one film comes to one row of
//! colours, whatever the script asked for.
//!
//! A row of ten and more may have one that is told wrong: of these rows a film has fewer than of those of six
//! without a mistake.

use super::challenge::Colour;
use super::params::REFLECTION_SETTLED_S;
use super::sight::{Linear, linear};
use super::trace::{Trace, median};

/// What the colours left on the skin.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reflection {
    /// Colours that were shown.
    pub shown: usize,
    /// Those that were not told, or as another.
    pub wrong: usize,
    /// The white screen's light on the skin, as a share of the room's.
    pub strength: f64,
}

impl Reflection {
    /// Whether the colours are those that were shown.
    #[must_use]
    pub fn is_right(&self) -> bool {
        self.wrong == 0 || self.wrong == 1 && self.shown >= LONG_ROW
    }

    /// 1 where the colours are those that were shown; else the share of those that are.
    #[must_use]
    pub fn told(&self) -> f64 {
        if self.is_right() {
            1.0
        } else {
            1.0 - self.wrong as f64 / self.shown as f64
        }
    }
}

/// Red and blue over green, logarithms.
type Tint = [f64; 2];

/// What each patch of skin and of background sends back before the first prompt.
struct Plain {
    skin: [Option<Tint>; 4],
    background: [Option<Tint>; 3],
}

/// The reflection of a capture; `None` where too few colours left anything to measure.
#[must_use]
pub(super) fn figures(frames: &[Trace]) -> Option<Reflection> {
    let shown = stands(frames);
    let (told, strength) = row(&shown)?;
    let wrong = told
        .iter()
        .zip(&shown)
        .filter(|(told, (colour, _))| **told != Some(*colour));
    Some(Reflection {
        shown: shown.len(),
        wrong: wrong.count(),
        strength,
    })
}

/// The row of colours that the frames come to.
#[cfg(test)]
pub(super) fn told_of(frames: &[Trace]) -> Option<Vec<Option<Colour>>> {
    row(&stands(frames)).map(|(told, _)| told)
}

/// Which colour lies behind each stand's tint, and how strong the screen is. It does not look at what was shown.
fn row(stands: &[(Colour, Option<Tint>)]) -> Option<(Vec<Option<Colour>>, f64)> {
    let tints: Vec<Tint> = stands.iter().filter_map(|(_, tint)| *tint).collect();
    let (told, strength) = told(&tints)?;
    let mut told = told.into_iter();
    let each = stands
        .iter()
        .map(|(_, tint)| tint.and_then(|_| told.next()));
    Some((each.collect(), strength))
}

/// The colours one after the other, and the light that came back from each.
fn stands(frames: &[Trace]) -> Vec<(Colour, Option<Tint>)> {
    let plain = Plain::of(frames);
    let mut stands = Vec::new();
    for run in frames.chunk_by(|a, b| a.shown.colour == b.shown.colour) {
        let (Some(first), Some(colour)) = (run.first(), run[0].shown.colour) else {
            continue;
        };
        // The screen and the camera's exposure have not settled in the first moment.
        let settled = run
            .iter()
            .filter(|f| f.at_s - first.at_s >= REFLECTION_SETTLED_S);
        stands.push((
            colour,
            middle(settled.filter_map(|f| plain.tint(f)).collect()),
        ));
    }
    stands
}

impl Plain {
    fn of(frames: &[Trace]) -> Self {
        let before: Vec<&Trace> = frames.iter().filter(|f| f.challenge.is_none()).collect();
        let usual = |light: &dyn Fn(&Trace) -> Option<Linear>| {
            middle(
                before
                    .iter()
                    .filter_map(|f| light(f).and_then(tint))
                    .collect(),
            )
        };
        Self {
            skin: std::array::from_fn(|i| usual(&|f| f.light.skin[i])),
            background: std::array::from_fn(|i| usual(&|f| f.light.background[i])),
        }
    }

    /// The middle patch of skin over the middle one of the background. A turned head shows hair in place of a
    /// cheek: the middle does not mind.
    fn tint(&self, frame: &Trace) -> Option<Tint> {
        let skin = over(&frame.light.skin, &self.skin)?;
        let background = over(&frame.light.background, &self.background)?;
        Some([0, 1].map(|n| skin[n] - background[n]))
    }
}

/// The middle of what patches send back more than before.
fn over(now: &[Option<Linear>], before: &[Option<Tint>]) -> Option<Tint> {
    let each = now.iter().zip(before).filter_map(|(now, before)| {
        let (now, before) = (tint((*now)?)?, (*before)?);
        Some([0, 1].map(|n| now[n] - before[n]))
    });
    middle(each.collect())
}

fn middle(tints: Vec<Tint>) -> Option<Tint> {
    let of = |n: usize| median(tints.iter().map(|t| t[n]).collect(), 1);
    Some([of(0)?, of(1)?])
}

/// `None` of what sends nothing back.
fn tint(light: Linear) -> Option<Tint> {
    let [red, green, blue] = light.map(f64::ln);
    light
        .iter()
        .all(|v| *v > 1e-5)
        .then_some([red - green, blue - green])
}

/// Which colour lies behind each tint, and the strength of the screen; `None` of fewer than five.
fn told(tints: &[Tint]) -> Option<(Vec<Colour>, f64)> {
    if tints.len() < LEAST_COLOURS {
        return None;
    }
    let mut best: Option<(f64, Vec<usize>, f64)> = None;
    for step in 0..STRENGTHS {
        let share = f64::from(step) / f64::from(STRENGTHS - 1);
        let strength = WEAKEST * (STRONGEST / WEAKEST).powf(share);
        let palette = Colour::ALL.map(|colour| under(colour, strength));
        for first in palette {
            // The first tint is taken for this colour; twice the skin's own is found anew from all.
            let mut skin = [0, 1].map(|n| tints[0][n] - first[n]);
            for _ in 0..ROUNDS {
                let near = nearest(tints, skin, &palette);
                skin = [0, 1].map(|n| {
                    let sum: f64 = tints
                        .iter()
                        .zip(&near)
                        .map(|(t, i)| t[n] - palette[*i][n])
                        .sum();
                    sum / tints.len() as f64
                });
            }
            let near = nearest(tints, skin, &palette);
            let off: f64 = tints
                .iter()
                .zip(&near)
                .map(|(t, i)| distance(*t, skin, palette[*i]))
                .sum();
            if best.as_ref().is_none_or(|(least, _, _)| off < *least) {
                best = Some((off, near, strength));
            }
        }
    }
    let (_, near, strength) = best?;
    Some((near.into_iter().map(|i| Colour::ALL[i]).collect(), strength))
}

/// What light of this colour adds to a white room's, in a tint.
fn under(colour: Colour, strength: f64) -> Tint {
    let [red, green, blue] = colour.srgb().map(|v| (1.0 + strength * linear(v)).ln());
    [red - green, blue - green]
}

fn nearest(tints: &[Tint], skin: Tint, palette: &[Tint; 6]) -> Vec<usize> {
    let off = |tint: Tint, i: usize| distance(tint, skin, palette[i]);
    let each = tints.iter().map(|tint| {
        let of = |a: &usize, b: &usize| off(*tint, *a).total_cmp(&off(*tint, *b));
        (0..palette.len()).min_by(of).unwrap_or(0)
    });
    each.collect()
}

fn distance(tint: Tint, skin: Tint, colour: Tint) -> f64 {
    (0..2)
        .map(|n| (tint[n] - skin[n] - colour[n]).powi(2))
        .sum()
}

/// A row that may have a mistake: of its 6 * 5^9 there are 51 within one mistake of any, fewer than one in
/// 200,000; rows of six without a mistake are one in 18,750.
const LONG_ROW: usize = 10;
/// Fewer colours are told by nothing.
const LEAST_COLOURS: usize = 5;
/// The screen's light beside the room's: from a bright room to a dark one.
const WEAKEST: f64 = 0.01;
const STRONGEST: f64 = 3.0;
const STRENGTHS: u32 = 60;
const ROUNDS: usize = 3;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_row_of_colours_is_told_from_the_light_that_comes_back(
            row in proptest::collection::vec(0usize..6, 6), strength in 0.1..0.9f64,
            skin in (-0.6..0.6f64, -0.6..0.6f64), noise in proptest::collection::vec((-0.5..0.5f64, -0.5..0.5f64), 6),
        ) {
            let mut kinds = row.clone();
            kinds.sort_unstable();
            kinds.dedup();
            prop_assume!(kinds.len() >= 4);
            let tints: Vec<Tint> = row.iter().zip(&noise).map(|(i, (a, b))| {
                let colour = under(Colour::ALL[*i], strength);
                // Up to a fiftieth of what the screen does.
                [skin.0 + colour[0] + 0.02 * strength * a, skin.1 + colour[1] + 0.02 * strength * b]
            }).collect();
            let (found, about) = told(&tints).expect("a row");
            let row: Vec<Colour> = row.iter().map(|i| Colour::ALL[*i]).collect();
            prop_assert_eq!(found, row);
            prop_assert!((about / strength - 1.0).abs() < 0.3, "{} {}", about, strength);
        }
    }

    #[test]
    fn two_colours_are_too_few() {
        assert!(told(&[[0.0, 0.1], [0.1, 0.0]]).is_none());
        assert!(figures(&[]).is_none());
    }
}
