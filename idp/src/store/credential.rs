//! Credentials: what a subject enrolled, which version is current, and counters that only go up.

use std::collections::HashMap;

use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use serde_json::Value;
use time::OffsetDateTime;
use wire::{CredentialId, FactorKind, SubjectId};

use super::entity::{credential, recovery_code, subject};
use super::{Result, Store, StoreError, Subject, instant, millis, parse};

/// An enrolled record of one factor. What is secret in it is sealed: `sealed` here, or the blob that
/// `blob_digest` names. Everything in `public` may be seen by whoever sees the database.
pub struct Credential {
    pub id: CredentialId,
    pub subject: SubjectId,
    pub factor: FactorKind,
    pub label: String,
    pub model: Option<String>,
    pub version: u32,
    pub blob_digest: Option<[u8; 32]>,
    pub sealed: Option<Vec<u8>>,
    pub public: Option<Value>,
    pub counter: i64,
    pub created_at: OffsetDateTime,
    pub last_used_at: Option<OffsetDateTime>,
}

/// A credential to keep; its id is chosen before, because the sealed blob names it.
pub struct NewCredential {
    pub id: CredentialId,
    pub factor: FactorKind,
    pub label: String,
    pub model: Option<String>,
    pub blob_digest: Option<[u8; 32]>,
    pub sealed: Option<Vec<u8>>,
    pub public: Option<Value>,
    pub counter: i64,
    /// Digests of recovery codes, where these are the credential.
    pub recovery: Vec<Recovery>,
}

/// The SHA-256 digest of a recovery code, lower-case hex.
#[derive(Clone, PartialEq, Eq)]
pub struct Recovery(pub String);

/// How a good verification changes its credential. The row's version decides a race.
pub struct CredentialChange {
    pub blob_digest: Option<[u8; 32]>,
    pub public: Option<Value>,
    pub model: Option<String>,
}

impl TryFrom<credential::Model> for Credential {
    type Error = StoreError;

    fn try_from(row: credential::Model) -> Result<Self> {
        Ok(Self {
            id: CredentialId(row.id),
            subject: SubjectId(row.subject_id),
            factor: parse(&row.factor, "factor")?,
            label: row.label,
            model: row.model,
            version: row.version.unsigned_abs(),
            blob_digest: row.blob_digest.as_deref().map(digest).transpose()?,
            sealed: row.sealed,
            public: row.public,
            counter: row.counter,
            created_at: instant(row.created_at),
            last_used_at: row.last_used_at.map(instant),
        })
    }
}

fn digest(text: &str) -> Result<[u8; 32]> {
    let mut out = [0; 32];
    hex::decode_to_slice(text, &mut out).map_err(|_| StoreError::Unreadable("digest"))?;
    Ok(out)
}

impl Store {
    /// Keeps a credential. `instead_of` removes the subject's other credentials of the factor in the same
    /// transaction, for factors of which a subject has one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn add_credential(
        &self,
        subject: SubjectId,
        new: NewCredential,
        replace: Replace,
        now: OffsetDateTime,
    ) -> Result<()> {
        let id = new.id.0;
        let row = credential::ActiveModel {
            id: Set(id),
            subject_id: Set(subject.0),
            factor: Set(new.factor.as_str().into()),
            label: Set(new.label),
            model: Set(new.model),
            version: Set(1),
            blob_digest: Set(new.blob_digest.map(hex::encode)),
            sealed: Set(new.sealed),
            public: Set(new.public),
            counter: Set(new.counter),
            created_at: Set(millis(now)),
            last_used_at: Set(None),
        };
        let transaction = self.db.begin().await?;
        if replace == Replace::SameFactor {
            credential::Entity::delete_many()
                .filter(credential::Column::SubjectId.eq(subject.0))
                .filter(credential::Column::Factor.eq(new.factor.as_str()))
                .exec(&transaction)
                .await?;
        }
        credential::Entity::insert(row).exec(&transaction).await?;
        for Recovery(digest) in new.recovery {
            let code = recovery_code::ActiveModel {
                digest: Set(digest),
                credential_id: Set(id),
                used_at: Set(None),
            };
            recovery_code::Entity::insert(code)
                .exec(&transaction)
                .await?;
        }
        transaction.commit().await.map_err(Into::into)
    }

    /// A subject's credentials, the oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn credentials(&self, subject: SubjectId) -> Result<Vec<Credential>> {
        credential::Entity::find()
            .filter(credential::Column::SubjectId.eq(subject.0))
            .order_by_asc(credential::Column::CreatedAt)
            .all(&self.db)
            .await?
            .into_iter()
            .map(Credential::try_from)
            .collect()
    }

    /// A subject with its credentials, the oldest first, in one question.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn subject_with_credentials(
        &self,
        id: SubjectId,
    ) -> Result<Option<(Subject, Vec<Credential>)>> {
        self.with_credentials(subject::Entity::find_by_id(id.0))
            .await
    }

    /// The same, by a username in its canonical form.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn subject_with_credentials_by_username(
        &self,
        username: &str,
    ) -> Result<Option<(Subject, Vec<Credential>)>> {
        let of_that_name = subject::Column::Username.eq(username);
        self.with_credentials(subject::Entity::find().filter(of_that_name))
            .await
    }

    async fn with_credentials(
        &self,
        subject: sea_orm::Select<subject::Entity>,
    ) -> Result<Option<(Subject, Vec<Credential>)>> {
        let found = subject
            .find_with_related(credential::Entity)
            .order_by_asc(credential::Column::CreatedAt)
            .all(&self.db)
            .await?;
        let Some((subject, credentials)) = found.into_iter().next() else {
            return Ok(None);
        };
        let credentials = credentials.into_iter().map(Credential::try_from);
        Ok(Some((
            subject.try_into()?,
            credentials.collect::<Result<_>>()?,
        )))
    }

    /// The factors that each of these subjects has enrolled, each once, in one question.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn enrolled_factors(
        &self,
        subjects: &[SubjectId],
    ) -> Result<HashMap<SubjectId, Vec<FactorKind>>> {
        let rows = credential::Entity::find()
            .filter(credential::Column::SubjectId.is_in(subjects.iter().map(|s| s.0)))
            .all(&self.db)
            .await?;
        let mut out: HashMap<SubjectId, Vec<FactorKind>> = HashMap::new();
        for row in rows {
            let factors = out.entry(SubjectId(row.subject_id)).or_default();
            let factor = parse(&row.factor, "factor")?;
            if !factors.contains(&factor) {
                factors.push(factor);
            }
        }
        Ok(out)
    }

    /// The credential and its subject, by the credential's id.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn credential(&self, id: CredentialId) -> Result<Option<Credential>> {
        credential::Entity::find_by_id(id.0)
            .one(&self.db)
            .await?
            .map(Credential::try_from)
            .transpose()
    }

    /// Notes a use, and moves the counter up to `counter`. Answers false, and changes nothing, where the
    /// counter stands there already: a one-time password or a signature counter that was seen before.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn use_credential(
        &self,
        id: CredentialId,
        counter: Option<i64>,
        now: OffsetDateTime,
    ) -> Result<bool> {
        let mut update = credential::Entity::update_many()
            .col_expr(credential::Column::LastUsedAt, Expr::value(millis(now)))
            .filter(credential::Column::Id.eq(id.0));
        if let Some(counter) = counter {
            update = update
                .col_expr(credential::Column::Counter, Expr::value(counter))
                .filter(credential::Column::Counter.lt(counter));
        }
        Ok(update.exec(&self.db).await?.rows_affected == 1)
    }

    /// Replaces what a credential holds, if it still has the version that was read.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn change_credential(
        &self,
        read: &Credential,
        change: CredentialChange,
    ) -> Result<bool> {
        let mut update = credential::Entity::update_many()
            .col_expr(
                credential::Column::Version,
                Expr::value(read.version as i32 + 1),
            )
            .filter(credential::Column::Id.eq(read.id.0))
            .filter(credential::Column::Version.eq(read.version as i32));
        if let Some(digest) = change.blob_digest {
            update = update.col_expr(
                credential::Column::BlobDigest,
                Expr::value(hex::encode(digest)),
            );
        }
        if let Some(public) = change.public {
            update = update.col_expr(credential::Column::Public, Expr::value(public));
        }
        if let Some(model) = change.model {
            update = update.col_expr(credential::Column::Model, Expr::value(model));
        }
        Ok(update.exec(&self.db).await?.rows_affected == 1)
    }

    /// Keeps what a credential's row holds under another data key of its subject.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn reseal_credential(&self, id: CredentialId, sealed: &[u8]) -> Result<bool> {
        let done = credential::Entity::update_many()
            .col_expr(credential::Column::Sealed, Expr::value(sealed.to_vec()))
            .filter(credential::Column::Id.eq(id.0))
            .exec(&self.db)
            .await?;
        Ok(done.rows_affected == 1)
    }

    /// How many recovery codes of a credential are left.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn recovery_codes_left(&self, id: CredentialId) -> Result<u64> {
        use sea_orm::PaginatorTrait as _;
        Ok(recovery_code::Entity::find()
            .filter(recovery_code::Column::CredentialId.eq(id.0))
            .filter(recovery_code::Column::UsedAt.is_null())
            .count(&self.db)
            .await?)
    }

    /// # Errors
    /// When the database fails.
    pub async fn remove_credential(&self, subject: SubjectId, id: CredentialId) -> Result<bool> {
        let done = credential::Entity::delete_many()
            .filter(credential::Column::Id.eq(id.0))
            .filter(credential::Column::SubjectId.eq(subject.0))
            .exec(&self.db)
            .await?;
        Ok(done.rows_affected == 1)
    }

    /// Spends a recovery code of this credential; false where there is none such, or it is spent.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn spend_recovery_code(
        &self,
        id: CredentialId,
        code: &Recovery,
        now: OffsetDateTime,
    ) -> Result<bool> {
        let done = recovery_code::Entity::update_many()
            .col_expr(recovery_code::Column::UsedAt, Expr::value(millis(now)))
            .filter(recovery_code::Column::Digest.eq(&code.0))
            .filter(recovery_code::Column::CredentialId.eq(id.0))
            .filter(recovery_code::Column::UsedAt.is_null())
            .exec(&self.db)
            .await?;
        Ok(done.rows_affected == 1)
    }
}

/// What happens to a subject's other credentials of the same factor.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Replace {
    /// They stay: a subject may have several.
    Nothing,
    /// They go, in the same transaction.
    SameFactor,
}
