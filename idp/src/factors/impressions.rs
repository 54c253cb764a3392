//! Several fingerprint templates as the plaintext of one sealed reference.
//!
//! Layout, little-endian: `WFR`, version 1, number of impressions (u8), then for each its length (u16) and
//! the matcher's template. Nothing may follow.

use matcher::fingerprint::{MOST_BYTES, Template, TemplateError};
use zeroize::Zeroizing;

/// The name of the layout, which the seal binds.
pub(super) const FORMAT: &str = "whorl-impressions-1";

/// Why bytes are no impressions.
#[derive(Debug, thiserror::Error)]
pub(super) enum ImpressionsError {
    #[error("not a reference of impressions")]
    Unknown,
    #[error("a reference of impressions of the wrong length")]
    WrongLength,
    #[error("an impression cannot be read")]
    Template(#[from] TemplateError),
}

pub(super) fn to_bytes(templates: &[Template]) -> Zeroizing<Vec<u8>> {
    // Room for all of it, so that no copy is left behind by a growing buffer.
    let mut out = Zeroizing::new(Vec::with_capacity(
        HEADER.len() + 1 + templates.len() * (MOST_BYTES + 2),
    ));
    out.extend_from_slice(HEADER);
    out.push(templates.len() as u8);
    for template in templates {
        let bytes = Zeroizing::new(template.to_bytes());
        out.extend_from_slice(&(bytes.len() as u16).to_le_bytes());
        out.extend_from_slice(&bytes);
    }
    out
}

pub(super) fn from_bytes(bytes: &[u8]) -> Result<Vec<Template>, ImpressionsError> {
    let rest = bytes
        .strip_prefix(HEADER)
        .ok_or(ImpressionsError::Unknown)?;
    let (count, mut rest) = rest.split_first().ok_or(ImpressionsError::WrongLength)?;
    let mut templates = Vec::new();
    for _ in 0..*count {
        let (length, after) = rest
            .split_first_chunk::<2>()
            .ok_or(ImpressionsError::WrongLength)?;
        let length = usize::from(u16::from_le_bytes(*length));
        let (template, after) = after
            .split_at_checked(length)
            .ok_or(ImpressionsError::WrongLength)?;
        templates.push(Template::from_bytes(template)?);
        rest = after;
    }
    if rest.is_empty() {
        Ok(templates)
    } else {
        Err(ImpressionsError::WrongLength)
    }
}

const HEADER: &[u8; 4] = b"WFR\x01";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A template without minutiae, of one empty cell.
    const EMPTY: &[u8] = b"WhFM\x01\x32\x10\x01\x01\x00\xff";

    fn of(count: usize) -> Vec<Template> {
        (0..count)
            .map(|_| Template::from_bytes(EMPTY).expect("a template"))
            .collect()
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(count in 0usize..=5, cut in 1usize..4, more in 0u8..255) {
            let bytes = to_bytes(&of(count));
            prop_assert_eq!(from_bytes(&bytes).expect("reads").len(), count);
            prop_assert!(from_bytes(&bytes[..bytes.len() - cut]).is_err());
            prop_assert!(from_bytes(&[&bytes[..], &[more]].concat()).is_err());
        }

        #[test]
        fn arbitrary_bytes_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..100), dressed: bool) {
            let bytes = if dressed { [&HEADER[..], &bytes].concat() } else { bytes };
            if let Ok(templates) = from_bytes(&bytes) {
                prop_assert_eq!(&*to_bytes(&templates), &bytes);
            }
        }
    }
}
