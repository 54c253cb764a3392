//! A finger as it is enrolled: one to five templates of it, what they are worth together, and how they are stored and renewed.
//!
//! The templates stay apart, because that measures better: over the four development sets of FVC, five choices of three impressions each
//! (1,000 mated probes, 9,000 non-mated), the FNMR at an FMR of 0.1 % is 3.2 % with one impression, 1.5 % with the three merged into
//! one template (minutiae aligned, united and weighed by votes), and 1.0 % with the three scores weighed together as here.
//!
//! Every template is kept, the one that is most like the others first: it is the anchor, which no later update replaces. Layout of
//! the stored form: `WFR`, version 1, number of templates (u8), then for each its length (u16, little-endian) and the template.
//! Nothing may follow. At most [`REFERENCE_BYTES`] in all.

use zeroize::Zeroizing;

use super::compare;
use super::params::Params;
use super::prepared::Prepared;
use super::quality::Guidance;
use super::template::{MOST_BYTES, Template, TemplateError};

/// Most templates of a reference.
pub const MOST_TEMPLATES: usize = 5;
/// Longest stored reference, bytes.
pub const REFERENCE_BYTES: usize = HEADER.len() + 1 + MOST_TEMPLATES * (MOST_BYTES + LENGTH_BYTES);

const HEADER: &[u8; 4] = b"WFR\x01";
const LENGTH_BYTES: usize = 2;

/// Templates of one finger, the anchor first. Wiped when dropped; has no `Debug`, `Clone` or `Serialize`.
pub struct Reference {
    templates: Vec<Template>,
}

/// Why templates, or bytes, are no reference.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// Nothing to keep, or too much.
    #[error("a reference holds one to {MOST_TEMPLATES} templates, not {0}")]
    WrongCount(usize),
    /// Two of the samples do not match each other.
    #[error("the samples are not plainly of one finger")]
    Different,
    /// A sample shows so little of the finger that it cannot be told whether it is of the same.
    #[error("a sample shares too little with the others")]
    TooLittleOverlap,
    /// Not a reference's first bytes.
    #[error("not a fingerprint reference")]
    UnknownMagic,
    /// Fewer or more bytes than it says.
    #[error("a fingerprint reference of the wrong length")]
    WrongLength,
    /// One of its templates cannot be read.
    #[error("a template of the reference cannot be read")]
    Template(#[from] TemplateError),
}

/// A reference ready to be compared many times.
pub struct PreparedReference {
    members: Vec<Prepared>,
}

impl ReferenceError {
    /// What to do about it at an enrolment, where that is a matter of the finger.
    #[must_use]
    pub fn guidance(&self) -> Option<Guidance> {
        match self {
            Self::Different => Some(Guidance::DifferentFinger),
            Self::TooLittleOverlap => Some(Guidance::TooLittleOverlap),
            _ => None,
        }
    }
}

impl Reference {
    /// A reference of samples that were taken one after another. Each must score as `is_alike` asks against the one that is most
    /// like all, which becomes the anchor.
    ///
    /// # Errors
    /// [`ReferenceError::WrongCount`]; [`ReferenceError::TooLittleOverlap`] or [`ReferenceError::Different`] where a sample is
    /// strange to the anchor, and much smaller than it or not.
    pub fn enrol(
        mut templates: Vec<Template>,
        is_alike: impl Fn(f64) -> bool,
        params: &Params,
    ) -> Result<Self, ReferenceError> {
        if templates.is_empty() || templates.len() > MOST_TEMPLATES {
            return Err(ReferenceError::WrongCount(templates.len()));
        }
        let members = prepare(&templates, params);
        let mutual = |i: usize| {
            let (all, one) = (&members, &members[i]);
            let others = (0..all.len()).filter(move |j| *j != i);
            others.map(move |j| compare(one, &all[j], params))
        };
        let sum = |i: usize| mutual(i).sum::<f64>();
        let anchor = (0..members.len())
            .max_by(|&i, &j| sum(i).total_cmp(&sum(j)))
            .ok_or(ReferenceError::WrongCount(0))?;
        for i in (0..members.len()).filter(|i| *i != anchor) {
            if is_alike(compare(&members[i], &members[anchor], params)) {
                continue;
            }
            let is_small = 2 * templates[i].area_px() < templates[anchor].area_px();
            return Err(if is_small {
                ReferenceError::TooLittleOverlap
            } else {
                ReferenceError::Different
            });
        }
        templates.swap(0, anchor);
        Ok(Self { templates })
    }

    /// The templates, the anchor first.
    #[must_use]
    pub fn templates(&self) -> &[Template] {
        &self.templates
    }

    /// Ready to be compared.
    #[must_use]
    pub fn prepare(&self, params: &Params) -> PreparedReference {
        PreparedReference {
            members: prepare(&self.templates, params),
        }
    }

    /// Takes in a newer template of the finger, in an empty place or in that of the worst one which is worse. The anchor stays,
    /// and the newer one must score as `is_certain` asks against it: however many updates, all are alike what was enrolled.
    /// Answers whether anything changed.
    pub fn renew(
        &mut self,
        newer: Template,
        is_certain: impl Fn(f64) -> bool,
        params: &Params,
    ) -> bool {
        let (Some(anchor), probe) = (self.templates.first(), Prepared::new(&newer, params)) else {
            return false;
        };
        if !is_certain(compare(&probe, &Prepared::new(anchor, params), params)) {
            return false;
        }
        if self.templates.len() < params.reference.kept {
            self.templates.push(newer);
            return true;
        }
        let worst = (1..self.templates.len()).min_by_key(|&i| self.templates[i].quality());
        match worst.map(|i| &mut self.templates[i]) {
            Some(worst) if worst.quality() < newer.quality() => {
                *worst = newer;
                true
            }
            _ => false,
        }
    }

    /// The stored form, at most [`REFERENCE_BYTES`] long.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        // Room for all of it, so that no copy is left behind by a growing buffer.
        let mut out = Zeroizing::new(Vec::with_capacity(REFERENCE_BYTES));
        out.extend_from_slice(HEADER);
        out.push(self.templates.len() as u8);
        for template in &self.templates {
            let bytes = Zeroizing::new(template.to_bytes());
            out.extend_from_slice(&(bytes.len() as u16).to_le_bytes());
            out.extend_from_slice(&bytes);
        }
        out
    }

    /// Reads a stored reference.
    ///
    /// # Errors
    /// [`ReferenceError`] when the bytes are not exactly what [`Reference::to_bytes`] writes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ReferenceError> {
        let rest = bytes
            .strip_prefix(HEADER)
            .ok_or(ReferenceError::UnknownMagic)?;
        let (&count, mut rest) = rest.split_first().ok_or(ReferenceError::WrongLength)?;
        let count = usize::from(count);
        if count == 0 || count > MOST_TEMPLATES {
            return Err(ReferenceError::WrongCount(count));
        }
        let mut templates = Vec::with_capacity(count);
        for _ in 0..count {
            let (length, after) = rest
                .split_first_chunk::<LENGTH_BYTES>()
                .ok_or(ReferenceError::WrongLength)?;
            let (template, after) = after
                .split_at_checked(usize::from(u16::from_le_bytes(*length)))
                .ok_or(ReferenceError::WrongLength)?;
            templates.push(Template::from_bytes(template)?);
            rest = after;
        }
        if !rest.is_empty() {
            return Err(ReferenceError::WrongLength);
        }
        Ok(Self { templates })
    }
}

/// Compares a print with all that is kept of a finger: the raw score, on the scale of [`compare`].
///
/// The scores are nearly log-likelihood ratios, and a probe is like one of the templates, it is not said which: the ratio of that mixture
/// is the mean of the ratios. Against the largest score, it misses no more mated probes and its false match rate stays below that of
/// one comparison at the same threshold, where the largest of three has three times as many.
#[must_use]
pub fn compare_reference(probe: &Prepared, reference: &PreparedReference, params: &Params) -> f64 {
    let mut scores = [f64::NEG_INFINITY; MOST_TEMPLATES];
    let scores = &mut scores[..reference.members.len().min(MOST_TEMPLATES)];
    for (score, member) in scores.iter_mut().zip(&reference.members) {
        *score = compare(probe, member, params);
    }
    together(scores)
}

/// The logarithm of the mean of the scores' exponentials; none are worth less than any.
#[must_use]
pub fn together(scores: &[f64]) -> f64 {
    let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if largest == f64::NEG_INFINITY {
        return largest;
    }
    // A score that is no number adds nothing.
    let sum: f64 = scores
        .iter()
        .map(|s| (s - largest).exp())
        .filter(|v| !v.is_nan())
        .sum();
    largest + (sum / scores.len() as f64).ln()
}

fn prepare(templates: &[Template], params: &Params) -> Vec<Prepared> {
    let prepare = |template| Prepared::new(template, params);
    templates.iter().map(prepare).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fingerprint::extract;
    use crate::fingerprint::synthetic::Print;

    /// A template without minutiae, of one empty cell.
    const EMPTY: &[u8] = b"WhFM\x01\x32\x10\x01\x01\x00\xff";

    fn reference(count: usize) -> Reference {
        let one = |_| Template::from_bytes(EMPTY).expect("a template");
        Reference {
            templates: (0..count).map(one).collect(),
        }
    }

    fn above(least: f64) -> impl Fn(f64) -> bool {
        move |score| score >= least
    }

    fn template(seed: u32, turn: f32, quality: u8) -> Template {
        let print = Print {
            turn,
            ..Print::new(seed)
        };
        let mut template = extract(&print.draw(), Some(500.0), &Params::default())
            .expect("a clear print")
            .template;
        template.quality = quality;
        template
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(count in 1usize..=MOST_TEMPLATES, cut in 1usize..4, more in 0u8..255) {
            let bytes = reference(count).to_bytes();
            prop_assert!(bytes.len() <= REFERENCE_BYTES);
            prop_assert_eq!(Reference::from_bytes(&bytes).expect("reads").templates().len(), count);
            prop_assert!(Reference::from_bytes(&bytes[..bytes.len() - cut]).is_err());
            prop_assert!(Reference::from_bytes(&[&bytes[..], &[more]].concat()).is_err());
        }

        #[test]
        fn arbitrary_bytes_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..100), dressed: bool) {
            let bytes = if dressed { [&HEADER[..], &bytes].concat() } else { bytes };
            if let Ok(read) = Reference::from_bytes(&bytes) {
                prop_assert_eq!(&*read.to_bytes(), &bytes);
            }
        }

        #[test]
        fn together_lies_between_mean_and_largest(scores in prop::collection::vec(-30f64..30.0, 1..=5)) {
            let (got, n) = (together(&scores), scores.len() as f64);
            let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            prop_assert!(got <= largest + 1e-9 && got >= scores.iter().sum::<f64>() / n - 1e-9);
            prop_assert!(got >= largest - n.ln() - 1e-9);
        }
    }

    #[test]
    fn each_fault_has_its_error() {
        let fault = |bytes: &[u8]| Reference::from_bytes(bytes).err();
        assert_eq!(fault(b"WFR\x02\x01"), Some(ReferenceError::UnknownMagic));
        assert_eq!(fault(b"WFR\x01"), Some(ReferenceError::WrongLength));
        assert_eq!(fault(b"WFR\x01\x00"), Some(ReferenceError::WrongCount(0)));
        assert_eq!(fault(b"WFR\x01\x06"), Some(ReferenceError::WrongCount(6)));
        let broken = fault(b"WFR\x01\x01\x02\x00zz");
        assert!(matches!(broken, Some(ReferenceError::Template(_))));
        assert_eq!(together(&[]), f64::NEG_INFINITY);
        assert_eq!(together(&[f64::NAN, f64::NEG_INFINITY]), f64::NEG_INFINITY);
    }

    #[test]
    fn impressions_of_two_fingers_make_no_reference() {
        let params = Params::default();
        let (one, two) = (|| template(1, 0.0, 60), || template(2, 0.0, 60));
        let of = |templates| Reference::enrol(templates, above(0.0), &params).err();
        assert_eq!(of(vec![one(), template(1, 0.3, 50), one()]), None);
        assert_eq!(of(vec![one()]), None);
        assert_eq!(
            of(vec![one(), one(), two()]),
            Some(ReferenceError::Different)
        );
        assert_eq!(of(vec![]), Some(ReferenceError::WrongCount(0)));
        let many = (0..6).map(|_| one()).collect();
        assert_eq!(of(many), Some(ReferenceError::WrongCount(6)));
    }

    #[test]
    fn an_update_fills_up_then_replaces_the_worst_and_never_the_anchor() {
        let params = Params::default();
        let mut kept =
            Reference::enrol(vec![template(1, 0.0, 10)], above(0.0), &params).expect("one");
        let qualities = |kept: &Reference| -> Vec<u8> {
            kept.templates().iter().map(Template::quality).collect()
        };
        assert!(
            !kept.renew(template(2, 0.0, 99), above(0.0), &params),
            "another finger"
        );
        assert!(
            !kept.renew(template(1, 0.1, 50), above(1e9), &params),
            "not sure enough"
        );
        assert!(kept.renew(template(1, 0.1, 50), above(0.0), &params));
        assert!(kept.renew(template(1, -0.1, 40), above(0.0), &params));
        assert_eq!(qualities(&kept), [10, 50, 40]);
        assert!(
            !kept.renew(template(1, 0.2, 40), above(0.0), &params),
            "no better than the worst"
        );
        assert!(kept.renew(template(1, 0.2, 45), above(0.0), &params));
        assert_eq!(qualities(&kept), [10, 50, 45]);
        let probe = Prepared::new(&template(1, 0.3, 60), &params);
        let other = Prepared::new(&template(2, 0.0, 60), &params);
        let ready = kept.prepare(&params);
        assert!(
            compare_reference(&probe, &ready, &params) > compare_reference(&other, &ready, &params)
        );
    }
}
