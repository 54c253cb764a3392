//! What an authorization response holds, and how it travels (OAuth 2.0 Multiple Response Type Encoding
//! Practices; OAuth 2.0 Form Post Response Mode; JWT Secured Authorization Response Mode, "JARM").

use serde::{Deserialize, Serialize};

/// What the client wants back (OIDC Core §3, Encoding Practices §3 and §5). A bare `token` has no ID token and
/// is not offered.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(try_from = "String", into = "&'static str")]
pub enum ResponseType {
    /// An authorization code (OIDC Core §3.1).
    #[default]
    Code,
    /// An ID token (OIDC Core §3.2).
    IdToken,
    /// An ID token and an access token (OIDC Core §3.2).
    IdTokenToken,
    /// A code and an ID token (OIDC Core §3.3).
    CodeIdToken,
    /// A code and an access token (OIDC Core §3.3).
    CodeToken,
    /// All three (OIDC Core §3.3).
    CodeIdTokenToken,
}

impl ResponseType {
    /// Every type.
    pub const ALL: [Self; 6] = [
        Self::Code,
        Self::IdToken,
        Self::IdTokenToken,
        Self::CodeIdToken,
        Self::CodeToken,
        Self::CodeIdTokenToken,
    ];

    /// The registered value.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::IdToken => "id_token",
            Self::IdTokenToken => "id_token token",
            Self::CodeIdToken => "code id_token",
            Self::CodeToken => "code token",
            Self::CodeIdTokenToken => "code id_token token",
        }
    }

    /// Reads a value; the order of its words does not matter (Encoding Practices §3).
    pub fn parse(text: &str) -> Option<Self> {
        let sorted = |text: &str| {
            let mut words: Vec<String> = text.split(' ').map(str::to_owned).collect();
            words.sort_unstable();
            words
        };
        let asked = sorted(text);
        Self::ALL
            .into_iter()
            .find(|known| sorted(known.as_str()) == asked)
    }

    /// Whether the answer has a code.
    pub fn has_code(self) -> bool {
        match self {
            Self::Code | Self::CodeIdToken | Self::CodeToken | Self::CodeIdTokenToken => true,
            Self::IdToken | Self::IdTokenToken => false,
        }
    }

    /// Whether the answer has an ID token.
    pub fn has_id_token(self) -> bool {
        match self {
            Self::IdToken | Self::IdTokenToken | Self::CodeIdToken | Self::CodeIdTokenToken => true,
            Self::Code | Self::CodeToken => false,
        }
    }

    /// Whether the answer has an access token.
    pub fn has_token(self) -> bool {
        match self {
            Self::IdTokenToken | Self::CodeToken | Self::CodeIdTokenToken => true,
            Self::Code | Self::IdToken | Self::CodeIdToken => false,
        }
    }

    /// How the answer goes back where the request does not say (Encoding Practices §2.1, §3, §5).
    pub fn default_mode(self) -> ResponseMode {
        match self {
            Self::Code => ResponseMode::Query,
            Self::IdToken
            | Self::IdTokenToken
            | Self::CodeIdToken
            | Self::CodeToken
            | Self::CodeIdTokenToken => ResponseMode::Fragment,
        }
    }

    /// Whether the answer may go back this way. A code may travel in a query; a token never will
    /// (Encoding Practices §3, JARM §2.3.1).
    pub fn allows(self, mode: ResponseMode) -> bool {
        match mode {
            ResponseMode::Query | ResponseMode::QueryJwt => self == Self::Code,
            ResponseMode::Fragment
            | ResponseMode::FormPost
            | ResponseMode::FragmentJwt
            | ResponseMode::FormPostJwt => true,
        }
    }
}

impl TryFrom<String> for ResponseType {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("not a response type of this provider")
    }
}

impl From<ResponseType> for &'static str {
    fn from(response_type: ResponseType) -> Self {
        response_type.as_str()
    }
}

/// How the answer goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseMode {
    /// In the query of the redirect URI.
    Query,
    /// In the fragment of the redirect URI.
    Fragment,
    /// In a form that the browser posts (OAuth 2.0 Form Post Response Mode).
    FormPost,
    /// As a signed JWT in the query (JARM §2.3.1).
    QueryJwt,
    /// As a signed JWT in the fragment (JARM §2.3.2).
    FragmentJwt,
    /// As a signed JWT in a form (JARM §2.3.3).
    FormPostJwt,
}

impl ResponseMode {
    /// Every mode.
    pub const ALL: [Self; 6] = [
        Self::Query,
        Self::Fragment,
        Self::FormPost,
        Self::QueryJwt,
        Self::FragmentJwt,
        Self::FormPostJwt,
    ];

    /// The shortcut for the signed form of a response type's default mode (JARM §2.3.4).
    pub const JWT: &'static str = "jwt";

    /// The registered value.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::Fragment => "fragment",
            Self::FormPost => "form_post",
            Self::QueryJwt => "query.jwt",
            Self::FragmentJwt => "fragment.jwt",
            Self::FormPostJwt => "form_post.jwt",
        }
    }

    /// The mode of this value, for this response type.
    pub fn parse(text: &str, response_type: ResponseType) -> Option<Self> {
        if text == Self::JWT {
            return Some(response_type.default_mode().signed());
        }
        Self::ALL.into_iter().find(|mode| mode.as_str() == text)
    }

    /// Whether the answer is a signed JWT.
    pub fn is_signed(self) -> bool {
        self == self.signed()
    }

    /// Whether the answer is a form.
    pub fn is_form(self) -> bool {
        matches!(self, Self::FormPost | Self::FormPostJwt)
    }

    fn signed(self) -> Self {
        match self {
            Self::Query | Self::QueryJwt => Self::QueryJwt,
            Self::Fragment | Self::FragmentJwt => Self::FragmentJwt,
            Self::FormPost | Self::FormPostJwt => Self::FormPostJwt,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_come_in_any_order_and_nothing_else_is_a_type() {
        for known in ResponseType::ALL {
            assert_eq!(ResponseType::parse(known.as_str()), Some(known));
            let backwards: Vec<&str> = known.as_str().split(' ').rev().collect();
            assert_eq!(ResponseType::parse(&backwards.join(" ")), Some(known));
            let json = serde_json::to_value(known).unwrap();
            assert_eq!(json, serde_json::json!(known.as_str()));
            assert_eq!(serde_json::from_value::<ResponseType>(json).unwrap(), known);
        }
        for text in [
            "",
            "token",
            "none",
            "Code",
            "code code",
            "code  id_token",
            " code",
            "code token token",
        ] {
            assert_eq!(ResponseType::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn no_token_travels_in_a_query() {
        for response_type in ResponseType::ALL {
            assert!(response_type.allows(response_type.default_mode()));
            let tokens = response_type.has_id_token() || response_type.has_token();
            for mode in [ResponseMode::Query, ResponseMode::QueryJwt] {
                assert_eq!(response_type.allows(mode), !tokens, "{response_type:?}");
            }
            let signed = ResponseMode::parse("jwt", response_type).unwrap();
            assert!(signed.is_signed() && response_type.allows(signed));
        }
        assert_eq!(
            ResponseMode::parse("jwt", ResponseType::Code),
            Some(ResponseMode::QueryJwt)
        );
        assert_eq!(ResponseMode::parse("Query", ResponseType::Code), None);
        for mode in ResponseMode::ALL {
            let read = ResponseMode::parse(mode.as_str(), ResponseType::Code);
            assert_eq!(read, Some(mode));
            assert_eq!(mode.is_signed(), mode.as_str().ends_with("jwt"));
        }
    }
}
