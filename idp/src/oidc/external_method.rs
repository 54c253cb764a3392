//! A login that is one factor for another provider: Microsoft Entra's external authentication methods.
//!
//! Entra has asked for a first factor, sends a hint of who it was, and wants one fresh proof of another kind. It
//! says which kinds will do (`acr`) and which methods it knows (`amr`); the answer names exactly one of each, about
//! the `sub` of the hint. See docs/connect/entra.md.

use std::collections::BTreeSet;

use serde::Serialize;
use time::OffsetDateTime;

use super::acr::Acr;
use super::amr::{Amr, FactorKind};
use super::claims_request::ClaimsRequest;
use super::client::ClientId;
use super::grant::Validity;
use super::provider::Issuer;

/// What Entra takes beside the values of RFC 8176 that it takes.
pub const FIDO: &str = "fido";

/// The methods that Entra takes from an external provider: all of them inherence or possession.
pub const METHODS: [&str; 13] = [
    "face", FIDO, "fpt", "hwk", "iris", "otp", "pop", "retina", "sc", "sms", "swk", "tel", "vbm",
];

/// The kinds of factor that one of Entra's words for assurance admits; `None` where it is none of them.
#[must_use]
pub fn admitted(acr: &Acr) -> Option<&'static [FactorKind]> {
    use FactorKind::{Inherence, Knowledge, Possession};
    match acr.as_str() {
        "possession" => Some(&[Possession]),
        "inherence" => Some(&[Inherence]),
        "knowledge" => Some(&[Knowledge]),
        "possessionorinherence" => Some(&[Possession, Inherence]),
        "knowledgeorpossession" => Some(&[Knowledge, Possession]),
        "knowledgeorinherence" => Some(&[Knowledge, Inherence]),
        "knowledgeorpossessionorinherence" => Some(&[Knowledge, Possession, Inherence]),
        _ => None,
    }
}

/// What a request wants of the one factor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Entra's words, in order of preference.
    pub acrs: Vec<Acr>,
    /// The methods that it will take; empty for all that Entra takes.
    pub methods: Vec<String>,
}

impl Wanted {
    /// What the `claims` parameter says. Words that are not Entra's are passed over.
    ///
    /// `None` where it insists on values of which there is none here.
    #[must_use]
    pub fn of(claims: &ClaimsRequest) -> Option<Self> {
        let acrs = match claims.acr() {
            Some((_, named)) if !named.is_empty() => {
                let known: Vec<Acr> = named
                    .into_iter()
                    .filter(|acr| admitted(acr).is_some())
                    .collect();
                if known.is_empty() {
                    return None;
                }
                known
            }
            // Nothing in particular: whatever is no knowledge.
            _ => Acr::parse("possessionorinherence").into_iter().collect(),
        };
        let methods = match claims.id_token.get("amr") {
            Some(request) if !request.values.is_empty() => {
                let known: Vec<String> = request
                    .values
                    .iter()
                    .filter_map(|value| value.as_str())
                    .filter(|name| METHODS.contains(name))
                    .map(str::to_owned)
                    .collect();
                if known.is_empty() {
                    return None;
                }
                known
            }
            _ => Vec::new(),
        };
        Some(Self { acrs, methods })
    }
}

/// Whether a method may be named to Entra for this assurance.
fn fits(name: &str, acr: &Acr, methods: &[String]) -> bool {
    let kind = match name {
        FIDO => Some(FactorKind::Possession),
        name => Amr::parse(name).and_then(Amr::kind),
    };
    let wanted = methods.is_empty() || methods.iter().any(|method| method == name);
    let known = METHODS.contains(&name);
    let admitted = admitted(acr).unwrap_or_default();
    wanted && known && kind.is_some_and(|kind| admitted.contains(&kind))
}

/// The names under which Entra may know a factor, the one that says most first. A password has none: Entra has asked
/// for it. Neither has a recovery code, which stands in for the factor that was lost.
fn names(factor: wire::FactorKind) -> &'static [&'static str] {
    match factor {
        wire::FactorKind::Passkey => &[FIDO, "hwk", "swk", "pop"],
        wire::FactorKind::Totp => &["otp"],
        wire::FactorKind::Face => &["face"],
        wire::FactorKind::Fingerprint => &["fpt"],
        wire::FactorKind::Password | wire::FactorKind::RecoveryCode => &[],
    }
}

/// Whether a proof by this factor could be answered with.
#[must_use]
pub fn can_answer(factor: wire::FactorKind, acr: &Acr, methods: &[String]) -> bool {
    names(factor).iter().any(|name| fits(name, acr, methods))
}

/// The one method to name for a proof by this factor, which the proof's own methods bear out; `None` where there is
/// none.
#[must_use]
pub fn method(
    factor: wire::FactorKind,
    proved: &BTreeSet<Amr>,
    acr: &Acr,
    methods: &[String],
) -> Option<&'static str> {
    let held = [Amr::Hwk, Amr::Swk].iter().any(|key| proved.contains(key));
    let borne_out = |name: &&'static str| match *name {
        FIDO | "pop" => held,
        name => Amr::parse(name).is_some_and(|amr| proved.contains(&amr)),
    };
    names(factor)
        .iter()
        .copied()
        .filter(borne_out)
        .find(|name| fits(name, acr, methods))
}

/// The claims of the answer's ID token. It names no session, since there is none, and nothing about the person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExternalIdToken {
    iss: Issuer,
    sub: String,
    aud: ClientId,
    #[serde(with = "time::serde::timestamp")]
    exp: OffsetDateTime,
    #[serde(with = "time::serde::timestamp")]
    iat: OffsetDateTime,
    #[serde(with = "time::serde::timestamp")]
    auth_time: OffsetDateTime,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<String>,
    acr: Acr,
    amr: [&'static str; 1],
}

/// What was proved, to whom it is told, and about whom.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The client.
    pub client_id: ClientId,
    /// The `sub` of the hint, as it came.
    pub sub: String,
    /// The request's nonce.
    pub nonce: Option<String>,
    /// The word that was asked for.
    pub acr: Acr,
    /// The one method.
    pub method: &'static str,
    /// When it was proved.
    pub at: OffsetDateTime,
}

impl ExternalIdToken {
    /// The claims of an answer.
    #[must_use]
    pub fn new(issuer: &Issuer, answer: &Answer, validity: Validity) -> Self {
        Self {
            iss: issuer.clone(),
            sub: answer.sub.clone(),
            aud: answer.client_id.clone(),
            exp: validity.expires_at(),
            iat: validity.issued_at,
            auth_time: answer.at,
            nonce: answer.nonce.clone(),
            acr: answer.acr.clone(),
            amr: [answer.method],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As Entra sends it.
    const CLAIMS: &str = r#"{"id_token":{"acr":{"essential":true,"values":["possessionorinherence"]},
        "amr":{"essential":true,"values":["face","fido","fpt","hwk","iris","otp","pop","retina","sc","sms","swk","tel","vbm"]}}}"#;

    fn wanted(claims: &str) -> Option<Wanted> {
        Wanted::of(&ClaimsRequest::parse(claims).expect("claims"))
    }

    fn acr(word: &str) -> Acr {
        Acr::parse(word).expect("an acr")
    }

    #[test]
    fn entras_own_request_is_understood() {
        let wanted = wanted(CLAIMS).expect("wanted");
        assert_eq!(wanted.acrs, [acr("possessionorinherence")]);
        assert_eq!(wanted.methods.len(), 13);
    }

    #[test]
    fn values_that_nothing_here_can_have_are_not_met() {
        for claims in [
            r#"{"id_token":{"acr":{"essential":true,"values":["urn:other"]}}}"#,
            r#"{"id_token":{"amr":{"essential":true,"values":["pwd"]}}}"#,
            r#"{"id_token":{"amr":{"essential":true,"values":[7]}}}"#,
        ] {
            assert_eq!(wanted(claims), None, "{claims}");
        }
        assert!(wanted("{}").is_some());
    }

    #[test]
    fn a_factor_answers_only_for_its_own_kind() {
        use wire::FactorKind::{Face, Fingerprint, Passkey, Password, RecoveryCode, Totp};
        for (word, answers) in [
            ("possession", &[Passkey, Totp][..]),
            ("inherence", &[Face, Fingerprint]),
            ("possessionorinherence", &[Passkey, Totp, Face, Fingerprint]),
            ("knowledge", &[]),
            ("knowledgeorinherence", &[Face, Fingerprint]),
            (
                "knowledgeorpossessionorinherence",
                &[Passkey, Totp, Face, Fingerprint],
            ),
        ] {
            for factor in wire::FactorKind::ALL {
                let can = can_answer(factor, &acr(word), &[]);
                assert_eq!(can, answers.contains(&factor), "{word} {factor}");
            }
        }
        assert!(!can_answer(Totp, &acr("possession"), &["face".into()]));
        for never in [Password, RecoveryCode] {
            assert!(!can_answer(never, &acr("knowledgeorpossession"), &[]));
        }
    }

    #[test]
    fn the_method_is_one_that_was_proved_and_is_wanted() {
        use wire::FactorKind::{Face, Passkey, Totp};
        let any = acr("possessionorinherence");
        let key: BTreeSet<_> = [Amr::Swk, Amr::User].into();
        let only = |name: &str| vec![name.to_owned()];
        assert_eq!(method(Passkey, &key, &any, &[]), Some(FIDO));
        assert_eq!(method(Passkey, &key, &any, &only("swk")), Some("swk"));
        assert_eq!(method(Passkey, &key, &any, &only("pop")), Some("pop"));
        assert_eq!(
            method(Passkey, &key, &any, &only("hwk")),
            None,
            "it is no hardware key"
        );
        assert_eq!(method(Passkey, &BTreeSet::new(), &any, &[]), None);
        assert_eq!(method(Totp, &[Amr::Otp].into(), &any, &[]), Some("otp"));
        assert_eq!(
            method(Totp, &[Amr::Otp].into(), &acr("inherence"), &[]),
            None
        );
        assert_eq!(method(Face, &[Amr::Otp].into(), &any, &[]), None);
    }

    #[test]
    fn the_answer_has_the_hints_subject_and_one_method() {
        let now = super::super::fixtures::now();
        let answer = Answer {
            client_id: ClientId::parse("entra").expect("a client"),
            sub: "pairwise at Entra".into(),
            nonce: Some("n".into()),
            acr: acr("possession"),
            method: "otp",
            at: now,
        };
        let issuer = super::super::fixtures::provider().issuer;
        let claims = ExternalIdToken::new(&issuer, &answer, super::super::fixtures::ten_minutes());
        let json = serde_json::to_value(claims).expect("JSON");
        assert_eq!(
            json,
            serde_json::json!({
                "iss": "https://id.example", "sub": "pairwise at Entra", "aud": "entra", "nonce": "n",
                "iat": 1_800_000_000, "exp": 1_800_000_600, "auth_time": 1_800_000_000,
                "acr": "possession", "amr": ["otp"],
            })
        );
    }
}
