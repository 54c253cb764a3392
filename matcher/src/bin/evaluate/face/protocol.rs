//! Which samples are compared: every pair of images, and references of three images with the images of everybody.

use matcher::face::{Template, compare};

use super::{Image, Sample};
use crate::intervals::Scored;

/// The comparisons of both protocols; people are numbered in the order of their names, over all samples.
pub(super) struct Protocols {
    /// Every pair of images.
    pub(super) single: Vec<Scored>,
    /// The mean of a person's first three images with the rest of that person's and with everybody else's: an
    /// enrolment of three images (`a` is who is enrolled).
    pub(super) three: Vec<Scored>,
    /// How many people there are, also those without a comparison.
    pub(super) people: usize,
}

impl Protocols {
    /// The comparisons of the samples that are kept.
    pub(super) fn of(samples: &[Sample], keep: impl Fn(&Image) -> bool) -> Self {
        let owners = owners(samples);
        let people = owners.last().map_or(0, |n| *n as usize + 1);
        let kept: Vec<(u32, &Sample)> = owners
            .into_iter()
            .zip(samples)
            .filter(|(_, s)| keep(&s.image))
            .collect();
        let single = kept.iter().enumerate().flat_map(|(i, (a, one))| {
            kept[i + 1..].iter().map(|(b, other)| Scored {
                a: *a,
                b: *b,
                score: one.score(other),
            })
        });
        Self {
            single: single.collect(),
            three: three(&kept),
            people,
        }
    }
}

/// Whose each sample is, by number in the order of the names.
pub(super) fn owners(samples: &[Sample]) -> Vec<u32> {
    let people = samples.chunk_by(|a, b| a.image.person == b.image.person);
    (0u32..)
        .zip(people)
        .flat_map(|(number, images)| std::iter::repeat_n(number, images.len()))
        .collect()
}

fn three(kept: &[(u32, &Sample)]) -> Vec<Scored> {
    let mut scored = Vec::new();
    for own in kept.chunk_by(|(a, _), (b, _)| a == b) {
        let (owner, _) = own[0];
        let (first, rest) = own.split_at(own.len().min(REFERENCE_IMAGES));
        let templates: Vec<Template> = first
            .iter()
            .filter_map(|(_, s)| s.template.as_ref().map(copy))
            .collect();
        let Some(reference) = Template::mean(&templates).filter(|_| !rest.is_empty()) else {
            continue;
        };
        let probes = rest.iter().chain(kept.iter().filter(|(b, _)| *b != owner));
        scored.extend(probes.map(|(b, sample)| {
            let template = sample.template.as_ref();
            Scored {
                a: owner,
                b: *b,
                score: template.map_or(f64::NAN, |t| compare(&reference, t)),
            }
        }));
    }
    scored
}

/// Templates do not clone; here they are development data.
fn copy(template: &Template) -> Template {
    Template::from_bytes(&template.to_bytes()).expect("invariant: a template is read as written")
}

/// The protocols, by name.
pub(super) const SINGLE: &str = "single images";
pub(super) const THREE: &str = "references of three images";
const REFERENCE_IMAGES: usize = 3;
