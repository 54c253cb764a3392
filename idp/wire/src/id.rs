//! Identifiers: newtypes, so that a credential's can never be passed where a subject's is wanted.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }
    };
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl $name {
            /// The identifier as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text)
            }
        }
    };
}

uuid_id!(
    /// A subject, by its internal identifier (not the `sub` a relying party sees, which may be pairwise).
    SubjectId
);
uuid_id!(
    /// An enrolled credential.
    CredentialId
);
uuid_id!(
    /// A single sign-on session (`sid`).
    SessionId
);
uuid_id!(
    /// One login attempt.
    AttemptId
);
uuid_id!(
    /// An operator's token, by its identifier; the token itself is shown once.
    OperatorTokenId
);
uuid_id!(
    /// A search for people who are enrolled twice.
    DuplicateSearchId
);
uuid_id!(
    /// A pair of subjects that may be one person.
    DuplicatePairId
);
text_id!(
    /// A relying party's `client_id` (RFC 6749 §2.2).
    ClientId
);
text_id!(
    /// An operator's name, unique within the deployment.
    OperatorName
);
