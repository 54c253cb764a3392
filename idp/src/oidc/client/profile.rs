//! The operator's own switches for a client: no registration by strangers can set them.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::registered::registered;
use crate::oidc::acr::Acr;
use crate::oidc::amr::Amr;

registered! {
    /// What an access token looks like.
    pub enum AccessTokenFormat {
        /// A JWT that a resource server can read (RFC 9068).
        Jwt = "jwt",
        /// A random string that a resource server has to ask about (RFC 7662).
        Opaque = "opaque",
    }
}

registered! {
    /// Which FAPI profile is enforced.
    pub enum FapiProfile {
        /// None.
        Off = "off",
        /// The security profile.
        Security = "security",
        /// The security profile, and message signing on top of it.
        MessageSigning = "message_signing",
        /// FAPI-CIBA alone, of a client that pushes no requests: what it and we sign with.
        Ciba = "ciba",
    }
}

registered! {
    /// How `amr` is written.
    pub enum AmrFormat {
        /// Every method that counted (RFC 8176 §2).
        List = "list",
        /// Exactly one of the requested methods, still in an array.
        Single = "single",
    }
}

/// The operator's own switches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClientProfile {
    /// What its access tokens look like.
    pub access_token_format: AccessTokenFormat,
    /// The FAPI profile that is enforced.
    pub fapi: FapiProfile,
    /// The client's words for our `acr` values: its word, and ours.
    pub acr_aliases: BTreeMap<String, Acr>,
    /// How `amr` is written for it.
    pub amr_format: AmrFormat,
    /// The issuer whose hints say who is to be asked for one factor more; such a client gets no other login.
    pub external_method: Option<String>,
}

impl Default for ClientProfile {
    fn default() -> Self {
        Self {
            access_token_format: AccessTokenFormat::Jwt,
            fapi: FapiProfile::Off,
            acr_aliases: BTreeMap::new(),
            amr_format: AmrFormat::List,
            external_method: None,
        }
    }
}

impl ClientProfile {
    /// What a word of the client's stands for here; a word that is no alias stands for itself.
    #[must_use]
    pub fn acr_of<'a>(&'a self, word: &'a Acr) -> &'a Acr {
        self.acr_aliases.get(word.as_str()).unwrap_or(word)
    }

    /// Whether the word is the client's own.
    #[must_use]
    pub fn has_word(&self, word: &Acr) -> bool {
        self.acr_aliases.contains_key(word.as_str())
    }
}

impl AmrFormat {
    /// The methods of a login, as the client wants them.
    #[must_use]
    pub fn told(self, methods: BTreeSet<Amr>) -> BTreeSet<Amr> {
        match self {
            Self::List => methods,
            Self::Single => {
                let most = STRENGTH.iter().find(|amr| methods.contains(amr)).copied();
                most.or_else(|| methods.first().copied())
                    .into_iter()
                    .collect()
            }
        }
    }
}

/// What says most, first: who it is, then what they hold, then what they know.
const STRENGTH: [Amr; 14] = [
    Amr::Iris,
    Amr::Retina,
    Amr::Fpt,
    Amr::Face,
    Amr::Vbm,
    Amr::Sc,
    Amr::Hwk,
    Amr::Swk,
    Amr::Pop,
    Amr::Otp,
    Amr::Tel,
    Amr::Sms,
    Amr::Pin,
    Amr::Pwd,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_stands_for_what_it_is_mapped_to_or_for_itself() {
        let acr = |text: &str| Acr::parse(text).unwrap();
        let profile = ClientProfile {
            acr_aliases: [("2".to_owned(), acr("urn:whorl:acr:mfa"))].into(),
            ..ClientProfile::default()
        };
        assert_eq!(profile.acr_of(&acr("2")), &acr("urn:whorl:acr:mfa"));
        assert_eq!(profile.acr_of(&acr("3")), &acr("3"));
        assert!(profile.has_word(&acr("2")) && !profile.has_word(&acr("urn:whorl:acr:mfa")));
    }

    #[test]
    fn a_single_method_is_the_one_that_says_most() {
        let all = |list: &[Amr]| list.iter().copied().collect::<BTreeSet<_>>();
        for (used, told) in [
            (all(&[Amr::Pwd, Amr::Otp, Amr::Mfa]), Amr::Otp),
            (all(&[Amr::Hwk, Amr::User, Amr::Face, Amr::Mfa]), Amr::Face),
            (all(&[Amr::Pwd]), Amr::Pwd),
            (all(&[Amr::Wia]), Amr::Wia),
        ] {
            assert_eq!(AmrFormat::Single.told(used.clone()), all(&[told]));
            assert_eq!(AmrFormat::List.told(used.clone()), used);
        }
        assert!(AmrFormat::Single.told(BTreeSet::new()).is_empty());
    }
}
