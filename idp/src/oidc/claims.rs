//! Claims about the subject: which scope releases which, and where they go (OIDC Core §5.1, §5.4, §5.5).

use openidconnect::AddressClaim;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use time::OffsetDateTime;

use super::claims_request::ClaimsRequest;
use super::grant::Grant;
use super::response_type::ResponseType;
use super::scope::{self, Scopes};
use super::subject::SubjectIdentifier;

/// What this provider knows of a subject, each field named as its claim (OIDC Core §5.1).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Profile {
    /// The name by which the subject wishes to be called at the client; not unique.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preferred_username: Option<String>,
    /// The full name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The given names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub given_name: Option<String>,
    /// The family names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub family_name: Option<String>,
    /// The middle names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub middle_name: Option<String>,
    /// The casual name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nickname: Option<String>,
    /// A profile page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// A picture's URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub picture: Option<String>,
    /// A web page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub website: Option<String>,
    /// The gender.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gender: Option<String>,
    /// The birthday: `YYYY-MM-DD`, `0000-MM-DD` or `YYYY`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub birthdate: Option<String>,
    /// The time zone, as in the IANA database.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zoneinfo: Option<String>,
    /// The language (BCP 47).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
    /// When any of this last changed.
    #[serde(
        with = "time::serde::timestamp::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub updated_at: Option<OffsetDateTime>,
    /// The e-mail address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Whether the subject was seen to control the address; released with an address alone.
    pub email_verified: bool,
    /// The telephone number (E.164).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone_number: Option<String>,
    /// Whether the subject was seen to control the number; released with a number alone.
    pub phone_number_verified: bool,
    /// The postal address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<AddressClaim>,
}

impl Profile {
    fn into_claims(self) -> Map<String, Value> {
        let (has_email, has_phone) = (self.email.is_some(), self.phone_number.is_some());
        let Ok(Value::Object(mut claims)) = serde_json::to_value(self) else {
            unreachable!("a struct of strings is a JSON object")
        };
        claims.retain(|name, _| match name.as_str() {
            "email_verified" => has_email,
            "phone_number_verified" => has_phone,
            _ => true,
        });
        claims
    }
}

/// OIDC Core §5.4: what each scope releases.
pub const BY_SCOPE: [(&str, &[&str]); 4] = [
    (
        scope::PROFILE,
        &[
            "name",
            "family_name",
            "given_name",
            "middle_name",
            "nickname",
            "preferred_username",
            "profile",
            "picture",
            "website",
            "gender",
            "birthdate",
            "zoneinfo",
            "locale",
            "updated_at",
        ],
    ),
    (scope::EMAIL, &["email", "email_verified"]),
    (scope::ADDRESS, &["address"]),
    (scope::PHONE, &["phone_number", "phone_number_verified"]),
];

/// The userinfo response: `sub`, what the access token's scopes release (OIDC Core §5.3.2, §5.4), and the single
/// claims that were asked for there and consented to (§5.5).
pub fn userinfo(
    profile: Profile,
    sub: &SubjectIdentifier,
    scopes: &Scopes,
    asked: &ClaimsRequest,
) -> Map<String, Value> {
    let mut claims = profile.into_claims();
    claims.retain(|name, _| is_released(name, scopes) || asked.userinfo.contains_key(name));
    claims.insert("sub".into(), sub.as_str().into());
    claims
}

/// Claims of the ID token: those that the `claims` parameter asks for there (OIDC Core §5.5), and where no access
/// token is issued that could fetch them, those of the scopes too (§5.4).
pub fn in_id_token(
    profile: Profile,
    grant: &Grant,
    response_type: ResponseType,
) -> Map<String, Value> {
    let all = response_type == ResponseType::IdToken;
    let mut claims = profile.into_claims();
    claims.retain(|name, _| {
        grant.claims.id_token.contains_key(name) || (all && is_released(name, &grant.scopes))
    });
    claims
}

/// Whether the claim is about the subject, so that it is released by a scope or by consent to itself alone.
pub fn is_about_subject(claim: &str) -> bool {
    BY_SCOPE.iter().any(|(_, claims)| claims.contains(&claim))
}

/// Whether one of these scopes releases the claim (OIDC Core §5.4).
pub fn is_released(claim: &str, scopes: &Scopes) -> bool {
    BY_SCOPE
        .iter()
        .any(|(scope, claims)| scopes.contains(scope) && claims.contains(&claim))
}

#[cfg(test)]
mod tests {
    use openidconnect::core::CoreUserInfoClaims;

    use super::*;
    use crate::oidc::fixtures::{confidential_client, grant, now};
    use crate::oidc::subject::SubjectId;

    fn alice() -> Profile {
        let text = || Some("x".to_owned());
        Profile {
            preferred_username: Some("alice".into()),
            name: Some("Alice Liddell".into()),
            given_name: text(),
            family_name: text(),
            middle_name: text(),
            nickname: text(),
            profile: text(),
            picture: text(),
            website: text(),
            gender: text(),
            birthdate: Some("1852-05-04".into()),
            zoneinfo: Some("Europe/London".into()),
            locale: Some("en-GB".into()),
            updated_at: Some(now()),
            email: Some("alice@example.com".into()),
            email_verified: true,
            phone_number: Some("+441632960961".into()),
            phone_number_verified: true,
            address: Some(AddressClaim::default()),
        }
    }

    fn sub() -> SubjectIdentifier {
        SubjectId(uuid::Uuid::from_u128(2)).public()
    }

    fn names(claims: &Map<String, Value>) -> Vec<&str> {
        claims.keys().map(String::as_str).collect()
    }

    fn released(profile: Profile, scopes: &str) -> Map<String, Value> {
        let none = ClaimsRequest::default();
        userinfo(profile, &sub(), &Scopes::parse(scopes).unwrap(), &none)
    }

    #[test]
    fn every_scope_releases_its_claims_and_no_others() {
        assert_eq!(names(&released(alice(), "openid")), ["sub"]);
        for (scope, claims) in BY_SCOPE {
            let mut expected: Vec<_> = claims.iter().copied().chain(["sub"]).collect();
            expected.sort_unstable();
            let mut found = released(alice(), scope);
            found.sort_keys();
            assert_eq!(names(&found), expected, "{scope}");
        }
    }

    #[test]
    fn a_relying_party_can_read_them() {
        let all = released(alice(), "openid profile email phone address");
        let json = serde_json::to_vec(&all).unwrap();
        let about = openidconnect::SubjectIdentifier::new(sub().as_str().to_owned());
        let read = CoreUserInfoClaims::from_json::<std::fmt::Error>(&json, Some(&about)).unwrap();
        assert_eq!(
            read.preferred_username().map(|it| it.as_str()),
            Some("alice")
        );
        assert_eq!(read.email_verified(), Some(true));
        assert!(read.updated_at().is_some());
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        let nobody = released(Profile::default(), "openid profile email phone address");
        assert_eq!(names(&nobody), ["sub"]);
    }

    #[test]
    fn the_id_token_has_what_was_asked_for_and_granted() {
        let mut grant = grant(&confidential_client());
        let in_id_token = |grant: &Grant, response_type| in_id_token(alice(), grant, response_type);
        assert!(in_id_token(&grant, ResponseType::Code).is_empty());
        // OIDC Core §5.4: nothing else could bring them.
        assert!(in_id_token(&grant, ResponseType::IdToken).contains_key("name"));
        assert!(in_id_token(&grant, ResponseType::IdTokenToken).is_empty());
        grant.claims = ClaimsRequest::parse(
            r#"{"id_token": {"name": {"essential": true}, "email": null, "acr": null}}"#,
        )
        .unwrap();
        // `email` was asked for by itself, and so consented to by itself.
        let both = in_id_token(&grant, ResponseType::Code);
        assert_eq!(names(&both), ["email", "name"]);
        let asked = ClaimsRequest::parse(r#"{"userinfo": {"email": null}}"#).unwrap();
        let found = userinfo(alice(), &sub(), &Scopes::parse("openid").unwrap(), &asked);
        assert_eq!(names(&found), ["email", "sub"]);
    }

    #[test]
    fn a_profile_is_read_as_it_was_written() {
        let json = serde_json::to_string(&alice()).unwrap();
        assert_eq!(serde_json::from_str::<Profile>(&json).unwrap(), alice());
        assert_eq!(
            serde_json::from_str::<Profile>("{}").unwrap(),
            Profile::default()
        );
    }
}
