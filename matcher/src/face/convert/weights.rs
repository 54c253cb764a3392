//! Weights as TensorFlow.js keeps them: a JSON list of names and shapes, and one run of bytes.
//!
//! Values are 8-bit with a scale and a least value, or plain little-endian f32; they lie one after another in the
//! order of the list. Everything that the list says is held against the bytes before anything is allocated for it.

use std::collections::BTreeMap;

use serde::Deserialize;

/// Why weights cannot be converted.
#[derive(Debug, thiserror::Error)]
pub enum ConvertError {
    /// The list is longer than any of ours.
    #[error("the list of weights is longer than {LONGEST_LIST} bytes")]
    ListTooLong,
    /// The list is not one.
    #[error("the list of weights cannot be read")]
    NotAList(#[source] serde_json::Error),
    /// The list names another kind of number.
    #[error("the weight {0} has numbers of another kind than f32 and 8-bit")]
    OtherNumbers(String),
    /// The list and the bytes do not have the same length.
    #[error("the list of weights asks for {asked} bytes, and {found} are there")]
    WrongLength {
        /// What the list asks for.
        asked: usize,
        /// What was handed in.
        found: usize,
    },
    /// The list names a weight twice.
    #[error("the weight {0} is listed twice")]
    Twice(String),
    /// A layer lacks its weight.
    #[error("the weight {0} is missing")]
    Missing(String),
    /// A weight has another shape than its layer.
    #[error("the weight {name} has the shape {found:?}, not {expected:?}")]
    OtherShape {
        /// The weight.
        name: String,
        /// Its shape.
        found: Vec<usize>,
        /// What its layer needs.
        expected: Vec<usize>,
    },
    /// A value is not a number.
    #[error("the weight {0} holds values that are not finite")]
    NotFinite(String),
    /// A size overflows or is none.
    #[error("the weight {0} has an impossible shape")]
    ImpossibleShape(String),
}

/// Named weights as f32.
#[derive(Debug)]
pub struct Weights {
    tensors: BTreeMap<String, (Vec<usize>, Vec<f32>)>,
}

impl Weights {
    /// Reads the list (JSON) and the bytes.
    ///
    /// # Errors
    /// [`ConvertError`] says what does not fit.
    pub fn read(list: &[u8], bytes: &[u8]) -> Result<Self, ConvertError> {
        if list.len() > LONGEST_LIST {
            return Err(ConvertError::ListTooLong);
        }
        let groups: Vec<Group> = serde_json::from_slice(list).map_err(ConvertError::NotAList)?;
        let entries: Vec<Entry> = groups.into_iter().flat_map(|g| g.weights).collect();
        let mut asked = 0usize;
        for entry in &entries {
            asked = entry
                .bytes()
                .and_then(|bytes| asked.checked_add(bytes))
                .ok_or_else(|| ConvertError::ImpossibleShape(entry.name.clone()))?;
        }
        if asked != bytes.len() {
            let found = bytes.len();
            return Err(ConvertError::WrongLength { asked, found });
        }
        let (mut tensors, mut rest) = (BTreeMap::new(), bytes);
        for entry in entries {
            let length = entry
                .bytes()
                .ok_or_else(|| ConvertError::ImpossibleShape(entry.name.clone()))?;
            let (own, after) = rest
                .split_at_checked(length)
                .ok_or(ConvertError::WrongLength {
                    asked,
                    found: bytes.len(),
                })?;
            rest = after;
            let values = entry.values(own)?;
            if !values.iter().all(|v| v.is_finite()) {
                return Err(ConvertError::NotFinite(entry.name));
            }
            let name = entry.name.clone();
            if tensors.insert(entry.name, (entry.shape, values)).is_some() {
                return Err(ConvertError::Twice(name));
            }
        }
        Ok(Self { tensors })
    }

    /// A weight of this name and shape.
    pub(super) fn tensor(&self, name: &str, shape: &[usize]) -> Result<&[f32], ConvertError> {
        let (found, values) = self
            .tensors
            .get(name)
            .ok_or_else(|| ConvertError::Missing(name.to_owned()))?;
        if found != shape {
            return Err(ConvertError::OtherShape {
                name: name.to_owned(),
                found: found.clone(),
                expected: shape.to_vec(),
            });
        }
        Ok(values)
    }
}

#[derive(Deserialize)]
struct Group {
    weights: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    name: String,
    shape: Vec<usize>,
    dtype: String,
    quantization: Option<Quantization>,
}

#[derive(Deserialize)]
struct Quantization {
    dtype: String,
    scale: f64,
    min: f64,
}

impl Entry {
    /// How many bytes its values take; `None` where no memory could hold them.
    fn bytes(&self) -> Option<usize> {
        let count = self
            .shape
            .iter()
            .try_fold(1usize, |n, side| n.checked_mul(*side));
        count?.checked_mul(if self.quantization.is_some() { 1 } else { 4 })
    }

    fn values(&self, bytes: &[u8]) -> Result<Vec<f32>, ConvertError> {
        let is_eight_bit = self.quantization.as_ref().map(|q| q.dtype.as_str());
        if self.dtype != "float32" || is_eight_bit.is_some_and(|dtype| dtype != "uint8") {
            return Err(ConvertError::OtherNumbers(self.name.clone()));
        }
        Ok(match &self.quantization {
            // In f64, and rounded once: what the package's own engine computes.
            Some(q) => bytes
                .iter()
                .map(|b| (f64::from(*b) * q.scale + q.min) as f32)
                .collect(),
            None => {
                let (chunks, _) = bytes.as_chunks::<4>();
                chunks.iter().map(|c| f32::from_le_bytes(*c)).collect()
            }
        })
    }
}

const LONGEST_LIST: usize = 256 * 1024;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIST: &str = r#"[{"paths":["a.bin"],"weights":[
        {"name":"a","shape":[2],"dtype":"float32","quantization":{"dtype":"uint8","scale":0.5,"min":-1.0}},
        {"name":"b","shape":[1,1],"dtype":"float32"}]}]"#;

    #[test]
    fn eight_bits_and_plain_numbers_are_read() {
        let weights =
            Weights::read(LIST.as_bytes(), &[0, 4, 0, 0, 0x80, 0x3f]).expect("reads them");
        assert_eq!(weights.tensor("a", &[2]).expect("a"), [-1.0, 1.0]);
        assert_eq!(weights.tensor("b", &[1, 1]).expect("b"), [1.0]);
        assert!(matches!(
            weights.tensor("b", &[1]),
            Err(ConvertError::OtherShape { .. })
        ));
        assert!(matches!(
            weights.tensor("c", &[1]),
            Err(ConvertError::Missing(_))
        ));
    }

    #[test]
    fn a_list_that_does_not_fit_the_bytes_is_refused() {
        let read = |list: &str, bytes: &[u8]| Weights::read(list.as_bytes(), bytes).err();
        assert!(matches!(
            read(LIST, &[0; 5]),
            Some(ConvertError::WrongLength { asked: 6, found: 5 })
        ));
        assert!(matches!(read("{}", b""), Some(ConvertError::NotAList(_))));
        let huge = LIST.replace("[1,1]", "[4611686018427387904,4]");
        assert!(matches!(
            read(&huge, &[0; 6]),
            Some(ConvertError::ImpossibleShape(_))
        ));
        let large = LIST.replace("[1,1]", "[1000000000000]");
        assert!(matches!(
            read(&large, &[0; 6]),
            Some(ConvertError::WrongLength { .. })
        ));
        let twice = LIST.replace("\"b\"", "\"a\"");
        assert!(matches!(
            read(&twice, &[0; 6]),
            Some(ConvertError::Twice(_))
        ));
        let wide = LIST.replace("uint8", "uint16");
        assert!(matches!(
            read(&wide, &[0; 6]),
            Some(ConvertError::OtherNumbers(_))
        ));
        assert!(matches!(
            read(LIST, &[0, 4, 0, 0, 0x80, 0x7f]),
            Some(ConvertError::NotFinite(_))
        ));
        assert!(matches!(
            read(&" ".repeat(LONGEST_LIST + 1), b""),
            Some(ConvertError::ListTooLong)
        ));
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(list in proptest::collection::vec(any::<u8>(), 0..300), bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = Weights::read(&list, &bytes);
            let _ = Weights::read(LIST.as_bytes(), &bytes);
        }
    }
}
