//! The template: what is kept of a face, its model's name beside it, wiped when dropped.
//!
//! It is a secret, and nobody can change his face: no `Debug`, `Clone` or `Serialize`. Bytes exist for
//! sealing only. Layout, little-endian: `WFT`, version 1, length of the name (u8), the name, number of
//! values (u16), the values as f32.

use zeroize::{Zeroize, Zeroizing};

use super::params::EMBEDDING_LENGTH;

/// A face template: a unit vector, and the model that made it.
pub struct Template {
    model: String,
    values: Box<[f32; EMBEDDING_LENGTH]>,
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
    /// The values are no unit vector of the right length.
    #[error("a face template whose values are no unit vector")]
    BadValues,
}

impl Template {
    /// The template with the direction of `values`; `None` where they have none or the name is not one.
    #[must_use]
    pub fn normalised(model: &str, values: &[f32; EMBEDDING_LENGTH]) -> Option<Self> {
        let norm = norm(values);
        if !norm.is_finite() || norm < f64::from(f32::MIN_POSITIVE) || !is_model_name(model) {
            return None;
        }
        let mut unit = Box::new([0f32; EMBEDDING_LENGTH]);
        for (u, value) in unit.iter_mut().zip(values) {
            *u = (f64::from(*value) / norm) as f32;
        }
        Some(Self {
            model: model.to_owned(),
            values: unit,
        })
    }

    /// The template of several images of one person: the direction of the mean. `None` when there are
    /// none, or when they are of different models.
    #[must_use]
    pub fn mean(templates: &[Self]) -> Option<Self> {
        let (first, rest) = templates.split_first()?;
        let mut sum = Zeroizing::new(*first.values);
        for template in rest {
            if template.model != first.model {
                return None;
            }
            for (s, value) in sum.iter_mut().zip(template.values.iter()) {
                *s += value;
            }
        }
        Self::normalised(&first.model, &sum)
    }

    /// The model that made it.
    #[must_use]
    pub fn model(&self) -> &str {
        &self.model
    }

    /// The unit vector.
    #[must_use]
    pub fn values(&self) -> &[f32; EMBEDDING_LENGTH] {
        &self.values
    }

    /// The bytes to seal.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let name = self.model.as_bytes();
        let mut out = Zeroizing::new(Vec::with_capacity(
            HEADER + name.len() + 2 + EMBEDDING_LENGTH * 4,
        ));
        out.extend_from_slice(MAGIC);
        out.push(VERSION);
        out.push(name.len() as u8);
        out.extend_from_slice(name);
        out.extend_from_slice(&(EMBEDDING_LENGTH as u16).to_le_bytes());
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
        if *version != VERSION {
            return Err(TemplateError::UnknownVersion(*version));
        }
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
        if usize::from(u16::from_le_bytes(*count)) != EMBEDDING_LENGTH {
            return Err(TemplateError::BadValues);
        }
        if rest.len() != EMBEDDING_LENGTH * 4 {
            return Err(TemplateError::WrongLength);
        }
        let (chunks, _) = rest.as_chunks::<4>();
        let mut template = Self {
            model: model.to_owned(),
            values: Box::new([0f32; EMBEDDING_LENGTH]),
        };
        for (value, chunk) in template.values.iter_mut().zip(chunks) {
            *value = f32::from_le_bytes(*chunk);
        }
        // Written so that NaN fails.
        let is_unit = (norm(&template.values) - 1.0).abs() < UNIT_TOLERANCE;
        if is_unit {
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

fn norm(values: &[f32; EMBEDDING_LENGTH]) -> f64 {
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
const VERSION: u8 = 1;
/// Magic, version and length of the name.
const HEADER: usize = 5;
const LONGEST_NAME: usize = 64;
/// How far from 1 the length of a unit vector in f32 may be.
const UNIT_TOLERANCE: f64 = 1e-4;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn template(model: &str, seed: u32) -> Template {
        let values = std::array::from_fn(|i| ((i as u32 * 37 + seed * 101) % 97) as f32 - 48.0);
        Template::normalised(model, &values).expect("has a direction")
    }

    #[test]
    fn a_template_survives_its_bytes() {
        let a = template("net-1", 3);
        let b = Template::from_bytes(&a.to_bytes()).expect("reads");
        assert_eq!((a.values(), a.model()), (b.values(), b.model()));
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
        check(3, 2, TemplateError::UnknownVersion(2));
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
                prop_assert_eq!(template.to_bytes().as_slice(), with_header.as_slice());
            }
        }

        #[test]
        fn one_changed_byte_is_refused_or_read_as_written(at in 0usize..522, value: u8) {
            let mut bytes = template("net", 7).to_bytes();
            let at = at % bytes.len();
            bytes[at] = value;
            if let Ok(template) = Template::from_bytes(&bytes) {
                prop_assert_eq!(template.to_bytes().as_slice(), bytes.as_slice());
            }
        }
    }
}
