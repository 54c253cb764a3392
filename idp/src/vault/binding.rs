//! The names that sealed bytes are bound to, and their one unambiguous encoding.

use uuid::Uuid;

use super::{blobs::BlobKey, data_key::KeyOwner};

/// All that a sealed template is bound to. Changing any field makes the blob unreadable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Binding<'a> {
    /// The subject, by internal identifier.
    pub subject: Uuid,
    /// The credential.
    pub credential: Uuid,
    /// The kind of factor, such as `face`.
    pub factor: &'a str,
    /// How the plaintext is encoded.
    pub format: &'a str,
    /// The model or algorithm version that extracted the template.
    pub model: &'a str,
    /// Counts the templates of this credential; each refresh takes the next.
    pub version: u64,
}

impl Binding<'_> {
    /// The additional authenticated data of a blob in `deployment`.
    pub fn authenticated_bytes(&self, deployment: Uuid) -> Vec<u8> {
        let mut fields = Fields::new("whorl template 1");
        fields
            .push(deployment.as_bytes())
            .push(self.subject.as_bytes())
            .push(self.credential.as_bytes())
            .push(self.factor.as_bytes())
            .push(self.format.as_bytes())
            .push(self.model.as_bytes())
            .push(&self.version.to_be_bytes());
        fields.into_bytes()
    }

    /// The name under which the blob of that `digest` is kept.
    pub fn blob_key(&self, digest: [u8; 32]) -> BlobKey {
        BlobKey {
            subject: self.subject,
            credential: self.credential,
            version: self.version,
            digest,
        }
    }
}

/// All that a small secret, sealed into an SQL column, is bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct InlineBinding<'a> {
    /// Whose data key seals it.
    pub owner: KeyOwner,
    /// What it is for, such as `signing key` or `totp`.
    pub purpose: &'a str,
    /// Which one: the row's identifier.
    pub id: &'a str,
}

impl InlineBinding<'_> {
    /// The additional authenticated data of the secret in `deployment`.
    pub fn authenticated_bytes(&self, deployment: Uuid) -> Vec<u8> {
        let mut fields = Fields::new("whorl inline secret 1");
        fields.push(deployment.as_bytes());
        match self.owner {
            KeyOwner::Deployment => fields.push(b"deployment"),
            KeyOwner::Subject(subject) => fields.push(subject.as_bytes()),
        };
        fields
            .push(self.purpose.as_bytes())
            .push(self.id.as_bytes());
        fields.into_bytes()
    }
}

/// Byte strings, each after its length, so that no two lists of fields encode alike.
pub(crate) struct Fields(Vec<u8>);

impl Fields {
    /// The fields of one kind of thing; `domain` keeps the kinds apart.
    pub(crate) fn new(domain: &str) -> Self {
        let mut fields = Self(Vec::with_capacity(192));
        fields.push(domain.as_bytes());
        fields
    }

    pub(crate) fn push(&mut self, field: &[u8]) -> &mut Self {
        self.0
            .extend_from_slice(&(field.len() as u64).to_be_bytes());
        self.0.extend_from_slice(field);
        self
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_two_lists_of_fields_encode_alike(
            a in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..4), 0..4),
            b in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..4), 0..4),
        ) {
            let encode = |list: &[Vec<u8>]| {
                let mut fields = Fields::new("test");
                for field in list {
                    fields.push(field);
                }
                fields.into_bytes()
            };
            prop_assert_eq!(a == b, encode(&a) == encode(&b));
        }
    }

    #[test]
    fn a_field_cannot_flow_into_the_next() {
        let binding = |factor, format| Binding {
            subject: Uuid::nil(),
            credential: Uuid::nil(),
            factor,
            format,
            model: "m",
            version: 1,
        };
        assert_ne!(
            binding("face", "x").authenticated_bytes(Uuid::nil()),
            binding("fac", "ex").authenticated_bytes(Uuid::nil()),
        );
    }
}
