//! One field at a time, strictly: the right JSON type, within bounds, or an error that names the field.

use std::collections::BTreeSet;

use serde::de::DeserializeOwned;
use serde_json::Value;
use thiserror::Error;

use super::{Fields, MetadataError};
use crate::oidc::client::{Registered, WebUri};

/// What is wrong with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Problem {
    /// Another JSON type than the field's.
    #[error("not of the type that this field has")]
    Type,
    /// Beyond its bound.
    #[error("too long")]
    TooLong,
    /// A control character.
    #[error("it has a character that it must not have")]
    Character,
    /// Not an http or https URI, or one with a user.
    #[error("not an absolute http or https URI")]
    Uri,
    /// Must be https.
    #[error("it must use https")]
    Insecure,
    /// Must be https, and is on the client's own machine.
    #[error(
        "it must use https; http to the client's own machine is for native clients, and for others only where the \
         operator sets [registration] loopback_redirects"
    )]
    Loopback,
    /// Not a value that is served here.
    #[error("not a value that is served here")]
    Unsupported,
    /// Not of the form that the field's clause gives it.
    #[error("not of the form that this field has")]
    Form,
    /// It needs another field beside it.
    #[error("it needs the field beside it")]
    Alone,
    /// It excludes another field.
    #[error("it excludes another field of this registration")]
    Conflict,
}

/// Reads fields, and remembers which ones it was asked for.
pub(super) struct Reader<'a> {
    fields: &'a Fields,
    asked: BTreeSet<&'static str>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(fields: &'a Fields) -> Self {
        Self {
            fields,
            asked: BTreeSet::new(),
        }
    }

    /// A field's value; null counts as left out (RFC 7592 §2.2).
    pub(super) fn value(&mut self, field: &'static str) -> Option<&'a Value> {
        self.asked.insert(field);
        self.fields.get(field).filter(|value| !value.is_null())
    }

    /// What it was asked for.
    #[cfg(test)]
    pub(super) fn asked(self) -> BTreeSet<&'static str> {
        self.asked
    }

    /// Fields that nobody asked for.
    pub(super) fn unknown(&self) -> Option<&'a String> {
        self.fields
            .keys()
            .find(|name| !self.asked.contains(name.as_str()))
    }

    /// Text within a bound and without control characters; empty text counts as left out.
    pub(super) fn text(&mut self, field: &'static str) -> Result<Option<&'a str>, MetadataError> {
        match self.value(field) {
            None => Ok(None),
            Some(Value::String(text)) => bounded(text)
                .map(|text| Some(text).filter(|text| !text.is_empty()))
                .map_err(|problem| fault(field, problem)),
            Some(_) => Err(fault(field, Problem::Type)),
        }
    }

    /// Text as it was sent: a statement, which is long.
    pub(super) fn long_text(
        &mut self,
        field: &'static str,
    ) -> Result<Option<&'a str>, MetadataError> {
        match self.value(field) {
            None => Ok(None),
            Some(Value::String(text)) if text.len() <= LONGEST_STATEMENT => Ok(Some(text)),
            Some(Value::String(_)) => Err(fault(field, Problem::TooLong)),
            Some(_) => Err(fault(field, Problem::Type)),
        }
    }

    pub(super) fn flag(&mut self, field: &'static str) -> Result<Option<bool>, MetadataError> {
        match self.value(field) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(_) => Err(fault(field, Problem::Type)),
        }
    }

    pub(super) fn seconds(&mut self, field: &'static str) -> Result<Option<u32>, MetadataError> {
        match self.value(field) {
            None => Ok(None),
            Some(value) => value
                .as_u64()
                .and_then(|seconds| u32::try_from(seconds).ok())
                .map(Some)
                .ok_or(fault(field, Problem::Type)),
        }
    }

    /// A list of texts, each within its bound.
    pub(super) fn list(
        &mut self,
        field: &'static str,
    ) -> Result<Option<Vec<&'a str>>, MetadataError> {
        let items = match self.value(field) {
            None => return Ok(None),
            Some(Value::Array(items)) => items,
            Some(_) => return Err(fault(field, Problem::Type)),
        };
        if items.len() > MOST_ITEMS {
            return Err(fault(field, Problem::TooLong));
        }
        items
            .iter()
            .map(|item| match item {
                Value::String(text) => bounded(text).map_err(|problem| fault(field, problem)),
                _ => Err(fault(field, Problem::Type)),
            })
            .collect::<Result<_, _>>()
            .map(Some)
    }

    /// One of a closed set of registered values.
    pub(super) fn registered<T: Registered>(
        &mut self,
        field: &'static str,
    ) -> Result<Option<T>, MetadataError> {
        self.text(field)?
            .map(|name| T::named(name).ok_or(fault(field, Problem::Unsupported)))
            .transpose()
    }

    /// A list of registered values.
    pub(super) fn registered_list<T: Registered>(
        &mut self,
        field: &'static str,
    ) -> Result<Option<Vec<T>>, MetadataError> {
        let Some(names) = self.list(field)? else {
            return Ok(None);
        };
        names
            .into_iter()
            .map(|name| T::named(name).ok_or(fault(field, Problem::Unsupported)))
            .collect::<Result<_, _>>()
            .map(Some)
    }

    pub(super) fn uri(&mut self, field: &'static str) -> Result<Option<WebUri>, MetadataError> {
        self.text(field)?
            .map(|text| WebUri::parse(text).map_err(|_| fault(field, Problem::Uri)))
            .transpose()
    }

    /// A value with a type of its own.
    pub(super) fn typed<T: DeserializeOwned>(
        &mut self,
        field: &'static str,
    ) -> Result<Option<T>, MetadataError> {
        self.value(field)
            .map(|value| T::deserialize(value).map_err(|_| fault(field, Problem::Type)))
            .transpose()
    }

    /// The localised twins of these fields, as `field#tag` (RFC 7591 §2.2).
    pub(super) fn localised(
        &self,
        fields: &[&'static str],
    ) -> Result<Vec<(String, String)>, MetadataError> {
        let mut found = Vec::new();
        for (name, value) in self.fields {
            let Some((stem, tag)) = name.split_once('#') else {
                continue;
            };
            let Some(field) = fields.iter().find(|field| **field == stem) else {
                continue;
            };
            let text = value.as_str().ok_or(fault(field, Problem::Type))?;
            let text = bounded(text).map_err(|problem| fault(field, problem))?;
            let is_tag = (1..=35).contains(&tag.len())
                && tag
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
            if !is_tag {
                return Err(fault(field, Problem::Character));
            }
            if field.ends_with("_uri") && WebUri::parse(text).is_err() {
                return Err(fault(field, Problem::Uri));
            }
            if found.len() >= MOST_ITEMS {
                return Err(fault(field, Problem::TooLong));
            }
            found.push((name.clone(), text.to_owned()));
        }
        Ok(found)
    }
}

pub(super) fn fault(field: &'static str, problem: Problem) -> MetadataError {
    MetadataError::Field { field, problem }
}

fn bounded(text: &str) -> Result<&str, Problem> {
    if text.len() > LONGEST_TEXT {
        return Err(Problem::TooLong);
    }
    if text.chars().any(|it| it.is_control() || is_invisible(it)) {
        return Err(Problem::Character);
    }
    Ok(text)
}

/// What turns the direction of a text or is not seen in it, so that a name could pass for another
/// (Unicode Technical Report 36 §2.5). The joiners stay: some scripts write with them.
/// Whether a character changes how others are shown and is not seen itself.
pub fn is_invisible(character: char) -> bool {
    matches!(character, '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

const LONGEST_TEXT: usize = 2048;
const LONGEST_STATEMENT: usize = 16 * 1024;
const MOST_ITEMS: usize = 64;
