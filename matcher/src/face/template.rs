//! The template: what is kept of a face, its model's name beside it, wiped when dropped.
//!
//! It is a secret, and nobody can change his face: no `Debug`, `Clone` or `Serialize`. Bytes exist for
//! sealing only. Layout, little-endian: `WFT`, version, length of the name (u8), the name, number of
//! values (u16), the values as f32. Version 1 is a unit vector, whose cosine counts; version 2 a vector of any
//! length, whose distance counts.

use zeroize::{Zeroize, Zeroizing};

/// A face template: a vector, and the model that made it.
pub struct Template {
    model: String,
    measure: Measure,
    values: Box<[f32]>,
}

/// How the templates of a model are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// By the angle between unit vectors.
    Cosine,
    /// By the distance between vectors of any length.
    Euclidean,
}

/// Bytes that are no template.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// Another kind of data.
    #[error("not a face template")]
    NotATemplate,
    /// A later or unknown layout.
    #[error("a face template of version {0}, which is not known")]
    UnknownVersion(u8),
    /// Cut short, or followed by more.
    #[error("a face template of the wrong length")]
    WrongLength,
    /// The name is empty, too long, or holds more than visible ASCII.
    #[error("a face template whose model name is not one")]
    BadModelName,
    /// The values are not as many as a template has, or no unit vector where they must be one.
    #[error("a face template whose values are no vector of its kind")]
    BadValues,
}

impl Template {
    /// The template with the direction of `values`; `None` where they have none, are not as many as a template has,
    /// or the name is not one.
    #[must_use]
    pub fn normalised(model: &str, values: &[f32]) -> Option<Self> {
        let norm = norm(values);
        let has_direction = norm.is_finite() && norm >= f64::from(f32::MIN_POSITIVE);
        if !has_direction || !LENGTHS.contains(&values.len()) || !is_model_name(model) {
            return None;
        }
        let unit = values.iter().map(|v| (f64::from(*v) / norm) as f32);
        Some(Self {
            model: model.to_owned(),
            measure: Measure::Cosine,
            values: unit.collect(),
        })
    }

    /// The template of `values` as they are; `None` where they are too long or not as many as a template has, or
    /// the name is not one.
    #[must_use]
    pub fn plain(model: &str, values: &[f32]) -> Option<Self> {
        let is_usable = is_plain(values) && LENGTHS.contains(&values.len()) && is_model_name(model);
        is_usable.then(|| Self {
            model: model.to_owned(),
            measure: Measure::Euclidean,
            values: values.into(),
        })
    }

    /// The template of several images of one person: the mean, or its direction. `None` when there are none, or
    /// when they are of different models.
    #[must_use]
    pub fn mean(templates: &[Self]) -> Option<Self> {
        let (first, rest) = templates.split_first()?;
        let mut sum = Zeroizing::new(first.values.to_vec());
        for template in rest {
            if !template.is_of_the_kind_of(first) {
                return None;
            }
            for (s, value) in sum.iter_mut().zip(template.values.iter()) {
                *s += value;
            }
        }
        match first.measure {
            Measure::Cosine => Self::normalised(&first.model, &sum),
            Measure::Euclidean => {
                sum.iter_mut().for_each(|s| *s /= templates.len() as f32);
                Self::plain(&first.model, &sum)
            }
        }
    }

    /// Whether the two can be compared: of one model, one measure and one length.
    #[must_use]
    pub fn is_of_the_kind_of(&self, other: &Self) -> bool {
        self.model == other.model
            && self.measure == other.measure
            && self.values.len() == other.values.len()
    }

    /// The model that made it.
    #[must_use]
    pub fn model(&self) -> &str {
        &self.model
    }

    /// How it is compared.
    #[must_use]
    pub fn measure(&self) -> Measure {
        self.measure
    }

    /// The vector.
    #[must_use]
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The bytes to seal.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let name = self.model.as_bytes();
        let mut out = Zeroizing::new(Vec::with_capacity(
            HEADER + name.len() + 2 + self.values.len() * 4,
        ));
        out.extend_from_slice(MAGIC);
        out.push(match self.measure {
            Measure::Cosine => UNIT_VERSION,
            Measure::Euclidean => PLAIN_VERSION,
        });
        out.push(name.len() as u8);
        out.extend_from_slice(name);
        out.extend_from_slice(&(self.values.len() as u16).to_le_bytes());
        for value in self.values.iter() {
            out.extend_from_slice(&value.to_le_bytes());
        }
        out
    }

    /// Reads what [`Self::to_bytes`] wrote, and nothing else.
    ///
    /// # Errors
    /// [`TemplateError`] says what is wrong; nothing is read beyond the bytes, nor allocated for them first.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, TemplateError> {
        let rest = bytes
            .strip_prefix(MAGIC)
            .ok_or(TemplateError::NotATemplate)?;
        let (version, rest) = rest.split_first().ok_or(TemplateError::WrongLength)?;
        let measure = match *version {
            UNIT_VERSION => Measure::Cosine,
            PLAIN_VERSION => Measure::Euclidean,
            other => return Err(TemplateError::UnknownVersion(other)),
        };
        let (length, rest) = rest.split_first().ok_or(TemplateError::WrongLength)?;
        let (name, rest) = rest
            .split_at_checked(usize::from(*length))
            .ok_or(TemplateError::WrongLength)?;
        let model = std::str::from_utf8(name).map_err(|_| TemplateError::BadModelName)?;
        if !is_model_name(model) {
            return Err(TemplateError::BadModelName);
        }
        let (count, rest) = rest
            .split_first_chunk::<2>()
            .ok_or(TemplateError::WrongLength)?;
        let count = usize::from(u16::from_le_bytes(*count));
        if !LENGTHS.contains(&count) {
            return Err(TemplateError::BadValues);
        }
        if rest.len() != count * 4 {
            return Err(TemplateError::WrongLength);
        }
        let (chunks, _) = rest.as_chunks::<4>();
        let template = Self {
            model: model.to_owned(),
            measure,
            values: chunks.iter().map(|c| f32::from_le_bytes(*c)).collect(),
        };
        // Written so that NaN fails.
        let is_right = match measure {
            Measure::Cosine => (norm(&template.values) - 1.0).abs() < UNIT_TOLERANCE,
            Measure::Euclidean => is_plain(&template.values),
        };
        if is_right {
            Ok(template)
        } else {
            Err(TemplateError::BadValues)
        }
    }
}

impl Drop for Template {
    fn drop(&mut self) {
        self.values.zeroize();
    }
}

/// Finite, and not longer than any network's: a distance to it is a number.
fn is_plain(values: &[f32]) -> bool {
    norm(values) <= LONGEST_VECTOR
}

fn norm(values: &[f32]) -> f64 {
    values
        .iter()
        .map(|v| f64::from(*v) * f64::from(*v))
        .sum::<f64>()
        .sqrt()
}

fn is_model_name(name: &str) -> bool {
    (1..=LONGEST_NAME).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_graphic())
}

const MAGIC: &[u8] = b"WFT";
const UNIT_VERSION: u8 = 1;
const PLAIN_VERSION: u8 = 2;
/// How many values the templates of the embedders that are taken have.
const LENGTHS: [usize; 3] = [128, 256, 512];
/// Longest vector whose distance counts; dlib's are near 1.4.
const LONGEST_VECTOR: f64 = 1e3;
/// Magic, version and length of the name.
const HEADER: usize = 5;
const LONGEST_NAME: usize = 64;
/// How far from 1 the length of a unit vector in f32 may be.
const UNIT_TOLERANCE: f64 = 1e-4;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const EMBEDDING_LENGTH: usize = 128;

    fn values(seed: u32) -> [f32; EMBEDDING_LENGTH] {
        std::array::from_fn(|i| ((i as u32 * 37 + seed * 101) % 97) as f32 - 48.0)
    }

    fn template(model: &str, seed: u32) -> Template {
        Template::normalised(model, &values(seed)).expect("has a direction")
    }

    #[test]
    fn a_template_survives_its_bytes() {
        let a = template("net-1", 3);
        let b = Template::from_bytes(&a.to_bytes()).expect("reads");
        assert_eq!((a.values(), a.model()), (b.values(), b.model()));
    }

    #[test]
    fn a_template_whose_distance_counts_keeps_its_length_and_survives_its_bytes() {
        let a = Template::plain("net-1", &values(3)).expect("usable");
        assert_eq!(a.values(), values(3));
        let b = Template::from_bytes(&a.to_bytes()).expect("reads");
        assert!(a.is_of_the_kind_of(&b) && a.values() == b.values());
        assert!(!a.is_of_the_kind_of(&template("net-1", 3)));
        let mean = Template::mean(&[a, Template::plain("net-1", &values(5)).expect("usable")]);
        let half = (values(3)[0] + values(5)[0]) / 2.0;
        assert_eq!(mean.expect("one model").values()[0], half);
        assert!(Template::plain("net-1", &[f32::INFINITY; 128]).is_none());
        assert!(Template::plain("net-1", &[0.0; 100]).is_none());
    }

    #[test]
    fn damaged_bytes_get_a_typed_error() {
        let good = template("net", 1).to_bytes();
        let check = |at: usize, value: u8, expected: TemplateError| {
            let mut bad = good.clone();
            bad[at] = value;
            assert_eq!(
                Template::from_bytes(&bad).err(),
                Some(expected),
                "byte {at} = {value}"
            );
        };
        check(0, b'X', TemplateError::NotATemplate);
        check(3, 3, TemplateError::UnknownVersion(3));
        check(4, 0, TemplateError::BadModelName);
        check(4, 255, TemplateError::BadModelName);
        check(5, b' ', TemplateError::BadModelName);
        check(5, 0xff, TemplateError::BadModelName);
        check(8, 127, TemplateError::BadValues);
        check(13, 0x7f, TemplateError::BadValues);
        let longer = [good.as_slice(), b"x"].concat();
        assert_eq!(
            Template::from_bytes(&longer).err(),
            Some(TemplateError::WrongLength)
        );
        for cut in 0..good.len() {
            assert!(Template::from_bytes(&good[..cut]).is_err(), "cut to {cut}");
        }
    }

    #[test]
    fn a_mean_needs_templates_of_one_model() {
        assert!(Template::mean(&[]).is_none());
        assert!(Template::mean(&[template("a", 1), template("b", 1)]).is_none());
        let mean = Template::mean(&[template("a", 1), template("a", 1)]).expect("one model");
        assert_eq!(mean.values(), template("a", 1).values());
    }

    #[test]
    fn a_vector_without_direction_is_no_template() {
        assert!(Template::normalised("a", &[0.0; EMBEDDING_LENGTH]).is_none());
        assert!(Template::normalised("a", &[f32::NAN; EMBEDDING_LENGTH]).is_none());
        assert!(Template::normalised("", &[1.0; EMBEDDING_LENGTH]).is_none());
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..700)) {
            let _ = Template::from_bytes(&bytes);
            let with_header = [b"WFT\x01\x03net\x80\x00", bytes.as_slice()].concat();
            if let Ok(template) = Template::from_bytes(&with_header) {
                prop_assert!(template.to_bytes().as_slice() == with_header.as_slice());
            }
        }

        #[test]
        fn one_changed_byte_is_refused_or_read_as_written(at in 0usize..522, value: u8) {
            let mut bytes = template("net", 7).to_bytes();
            let at = at % bytes.len();
            bytes[at] = value;
            if let Ok(template) = Template::from_bytes(&bytes) {
                prop_assert!(template.to_bytes().as_slice() == bytes.as_slice());
            }
        }
    }
}
