//! Authentication context class references: what assurance was asked for, and what was reached
//! (OIDC Core §2 `acr`, §3.1.2.1 `acr_values`, §5.5.1.1).

use std::fmt;

use serde::{Deserialize, Serialize};

/// One `acr` value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Acr(String);

impl Acr {
    /// The only `acr` that uploaded samples can reach, on a loopback issuer alone.
    pub const DEMO: &'static str = "urn:whorl:acr:demo";

    /// Reads one value: 1 to 255 visible ASCII characters, so that a list separated by spaces stays one.
    pub fn parse(text: &str) -> Option<Self> {
        let well_formed =
            (1..=255).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        well_formed.then(|| Self(text.to_owned()))
    }

    /// The value.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Acr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Acr {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("not an acr value")
    }
}

impl From<Acr> for String {
    fn from(acr: Acr) -> Self {
        acr.0
    }
}

/// What assurance a request asks for; the values in order of preference, each supported here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AcrRequest {
    /// Nothing in particular: policy decides.
    #[default]
    Any,
    /// Preferred, and the login may finish with less (`acr_values`, a voluntary `acr` claim, the client's default).
    Voluntary(Vec<Acr>),
    /// One of these or an error (an essential `acr` claim, OIDC Core §5.5.1.1).
    Essential(Vec<Acr>),
}

impl AcrRequest {
    /// The values, in order of preference.
    pub fn values(&self) -> &[Acr] {
        match self {
            Self::Any => &[],
            Self::Voluntary(values) | Self::Essential(values) => values,
        }
    }

    /// Whether a login that reached `acr` may be answered with success.
    pub fn is_met_by(&self, acr: &Acr) -> bool {
        match self {
            Self::Any | Self::Voluntary(_) => true,
            Self::Essential(values) => values.contains(acr),
        }
    }
}
