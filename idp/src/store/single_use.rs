//! What may be used once, on whichever replica: an insertion that finds the row there comes second.

use aws_lc_rs::digest;
use sea_orm::{ActiveValue::Set, EntityTrait, TryInsertResult};
use time::OffsetDateTime;

use super::entity::single_use::{ActiveModel, Column, Entity};
use super::{Result, Store, millis};

/// What is used once; the same identifier of another kind is another thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SingleUse {
    /// The `jti` of a client assertion (RFC 7523 §3), of one client.
    ClientAssertion,
    /// The `jti` of a JWT that is a grant (RFC 7523 §3), of one issuer.
    GrantAssertion,
    /// The `jti` of a DPoP proof (RFC 9449 §11.1), of one key.
    DpopProof,
    /// The `jti` of a request object (RFC 9101 §10.2), of one client.
    RequestObject,
    /// An `id_token_hint` of another issuer.
    IssuerHint,
    /// A software statement's `jti` (RFC 7591 §2.3), of one issuer.
    SoftwareStatement,
    /// The alarm that a wait after wrong guesses raises, of one counter.
    GuessingAlarm,
}

impl SingleUse {
    fn as_str(self) -> &'static str {
        match self {
            Self::ClientAssertion => "client_assertion",
            Self::GrantAssertion => "grant_assertion",
            Self::DpopProof => "dpop_proof",
            Self::RequestObject => "request_object",
            Self::IssuerHint => "issuer_hint",
            Self::SoftwareStatement => "software_statement",
            Self::GuessingAlarm => "guessing_alarm",
        }
    }
}

impl Store {
    /// Whether this is the first use. `owner` is whose identifier it is; the row is kept until `expires_at`,
    /// before which whatever carries the identifier must have ended.
    ///
    /// # Errors
    /// When the database fails; then nothing may be accepted.
    pub async fn use_once(
        &self,
        kind: SingleUse,
        owner: &str,
        id: &str,
        expires_at: OffsetDateTime,
    ) -> Result<bool> {
        let row = ActiveModel {
            digest: Set(digest_of(kind, owner, id)),
            expires_at: Set(millis(expires_at)),
        };
        let inserted = Entity::insert(row)
            .on_conflict_do_nothing_on([Column::Digest])
            .exec_without_returning(&self.db)
            .await?;
        Ok(matches!(inserted, TryInsertResult::Inserted(1)))
    }
}

/// Identifiers are the client's words, of any length; lengths stand between the parts, so that no two
/// triples run together.
fn digest_of(kind: SingleUse, owner: &str, id: &str) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in [kind.as_str(), owner, id] {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part.as_bytes());
    }
    hex::encode(context.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_do_not_run_together() {
        let of = |owner, id| digest_of(SingleUse::ClientAssertion, owner, id);
        assert_ne!(of("ab", "c"), of("a", "bc"));
        assert_ne!(of("a", "b"), digest_of(SingleUse::DpopProof, "a", "b"));
        assert_eq!(of("a", "b"), of("a", "b"));
    }
}
