//! Grants and what hangs on them: codes redeemed once, refresh tokens rotated once, all revoked together.

use sea_orm::sea_query::{Expr, Query};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect, QueryTrait,
};
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;
use wire::{ClientId, SessionId, SubjectId};

use super::entity::{authorization_code, authorization_grant, refresh_token};
use super::{Result, Store, instant, millis};

/// What one authorization gave; the family of its tokens.
#[derive(Clone)]
pub struct Grant {
    pub id: Uuid,
    pub client: ClientId,
    pub subject: SubjectId,
    pub sid: SessionId,
    /// `tokens::Authorization` as JSON.
    pub authorization: Value,
    pub revoked_at: Option<OffsetDateTime>,
}

/// A code as it is kept.
pub struct KeptCode {
    /// What it was given for.
    pub record: Value,
    /// The family of the tokens that it gives.
    pub grant: Uuid,
    /// Whether somebody had it already.
    pub is_redeemed: bool,
}

/// The end of an attempt to redeem a code.
pub enum Redemption {
    /// It was unredeemed until now: this caller alone may issue.
    First,
    /// It was redeemed before: the grant is to be revoked.
    Replayed,
    /// Its grant is gone, or was revoked.
    Unknown,
}

/// The end of an attempt to rotate a refresh token.
#[derive(PartialEq, Eq)]
pub enum Rotation {
    /// The new one is in force.
    Done,
    /// It was rotated before.
    Reused,
}

impl From<authorization_grant::Model> for Grant {
    fn from(row: authorization_grant::Model) -> Self {
        Self {
            id: row.id,
            client: ClientId(row.client_id),
            subject: SubjectId(row.subject_id),
            sid: SessionId(row.sid),
            authorization: row.authorization,
            revoked_at: row.revoked_at.map(instant),
        }
    }
}

impl Store {
    /// Keeps a grant together with its code's digest and record, where it has a code.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn create_grant(
        &self,
        grant: &Grant,
        code: Option<(&str, Value)>,
        expires_at: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<()> {
        let backend = self.db.get_database_backend();
        let row = authorization_grant::ActiveModel {
            id: Set(grant.id),
            client_id: Set(grant.client.0.clone()),
            subject_id: Set(grant.subject.0),
            sid: Set(grant.sid.0),
            authorization: Set(grant.authorization.clone()),
            created_at: Set(millis(now)),
            revoked_at: Set(None),
        };
        let mut rows = vec![authorization_grant::Entity::insert(row).build(backend)];
        if let Some((digest, record)) = code {
            let row = authorization_code::ActiveModel {
                digest: Set(digest.into()),
                grant_id: Set(grant.id),
                record: Set(record),
                expires_at: Set(millis(expires_at)),
                redeemed_at: Set(None),
            };
            rows.push(authorization_code::Entity::insert(row).build(backend));
        }
        Ok(self.db.keep(rows).await?)
    }

    /// A code as it is kept, so that a request can be checked before the code is spent.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn code(&self, digest: &str) -> Result<Option<KeptCode>> {
        let row = authorization_code::Entity::find_by_id(digest)
            .one(&self.db)
            .await?;
        Ok(row.map(|row| KeptCode {
            record: row.record,
            grant: row.grant_id,
            is_redeemed: row.redeemed_at.is_some(),
        }))
    }

    /// Redeems a code of this grant, while that stands: one conditional update decides which of many callers is the first
    /// (RFC 6749 §10.5).
    ///
    /// # Errors
    /// When the database fails.
    pub async fn redeem_code(
        &self,
        digest: &str,
        grant: Uuid,
        now: OffsetDateTime,
    ) -> Result<Redemption> {
        let live = Query::select()
            .expr(Expr::val(1))
            .from(authorization_grant::Entity)
            .and_where(authorization_grant::Column::Id.eq(grant))
            .and_where(authorization_grant::Column::RevokedAt.is_null())
            .to_owned();
        let spent = authorization_code::Entity::update_many()
            .col_expr(
                authorization_code::Column::RedeemedAt,
                Expr::value(millis(now)),
            )
            .filter(authorization_code::Column::Digest.eq(digest))
            .filter(authorization_code::Column::RedeemedAt.is_null())
            .filter(Expr::exists(live))
            .exec(&self.db)
            .await?;
        // The one who was first keeps the answer, though a replay may revoke the grant at this moment.
        if spent.rows_affected == 1 {
            return Ok(Redemption::First);
        }
        Ok(match self.code(digest).await? {
            Some(code) if code.is_redeemed => Redemption::Replayed,
            Some(_) | None => Redemption::Unknown,
        })
    }

    /// # Errors
    /// When the database fails.
    pub async fn grant(&self, id: Uuid) -> Result<Option<Grant>> {
        Ok(authorization_grant::Entity::find_by_id(id)
            .one(&self.db)
            .await?
            .map(Into::into))
    }

    /// Revokes a grant and with it every token of its family.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn revoke_grant(&self, id: Uuid, now: OffsetDateTime) -> Result<bool> {
        let done = authorization_grant::Entity::update_many()
            .col_expr(
                authorization_grant::Column::RevokedAt,
                Expr::value(millis(now)),
            )
            .filter(authorization_grant::Column::Id.eq(id))
            .filter(authorization_grant::Column::RevokedAt.is_null())
            .exec(&self.db)
            .await?;
        Ok(done.rows_affected == 1)
    }

    /// The grants that these sessions gave, the oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn grants_of_sessions(&self, sids: &[SessionId]) -> Result<Vec<Grant>> {
        let rows = authorization_grant::Entity::find()
            .filter(authorization_grant::Column::Sid.is_in(sids.iter().map(|sid| sid.0)))
            .order_by_asc(authorization_grant::Column::CreatedAt)
            .all(&self.db)
            .await?;
        Ok(rows.into_iter().map(Into::into).collect())
    }

    /// Whom a client has a grant of, the latest first, as many as it takes to look through them one by one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn subjects_of_client(&self, client: &str) -> Result<Vec<SubjectId>> {
        let ids: Vec<Uuid> = authorization_grant::Entity::find()
            .select_only()
            .column(authorization_grant::Column::SubjectId)
            .filter(authorization_grant::Column::ClientId.eq(client))
            .group_by(authorization_grant::Column::SubjectId)
            .order_by_desc(authorization_grant::Column::CreatedAt.max())
            .limit(MOST_SUBJECTS)
            .into_tuple()
            .all(&self.db)
            .await?;
        Ok(ids.into_iter().map(SubjectId).collect())
    }

    /// Revokes every grant of a subject, also of sessions that have run out; answers how many that were.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn revoke_grants_of(&self, subject: SubjectId, now: OffsetDateTime) -> Result<u64> {
        self.revoke_grants_but(subject, None, now).await
    }

    /// The same, but for what one session granted.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn revoke_grants_but(
        &self,
        subject: SubjectId,
        spared: Option<SessionId>,
        now: OffsetDateTime,
    ) -> Result<u64> {
        let mut revoked = authorization_grant::Entity::update_many()
            .col_expr(
                authorization_grant::Column::RevokedAt,
                Expr::value(millis(now)),
            )
            .filter(authorization_grant::Column::SubjectId.eq(subject.0))
            .filter(authorization_grant::Column::RevokedAt.is_null());
        if let Some(sid) = spared {
            revoked = revoked.filter(authorization_grant::Column::Sid.ne(sid.0));
        }
        Ok(revoked.exec(&self.db).await?.rows_affected)
    }

    /// Revokes what a subject granted one client; answers how many grants that were.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn revoke_grants_to(
        &self,
        subject: SubjectId,
        client: &str,
        now: OffsetDateTime,
    ) -> Result<u64> {
        let done = authorization_grant::Entity::update_many()
            .col_expr(
                authorization_grant::Column::RevokedAt,
                Expr::value(millis(now)),
            )
            .filter(authorization_grant::Column::SubjectId.eq(subject.0))
            .filter(authorization_grant::Column::ClientId.eq(client))
            .filter(authorization_grant::Column::RevokedAt.is_null())
            .exec(&self.db)
            .await?;
        Ok(done.rows_affected)
    }

    /// Revokes what these sessions granted.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn revoke_grants_of_sessions(
        &self,
        sids: &[SessionId],
        now: OffsetDateTime,
    ) -> Result<()> {
        authorization_grant::Entity::update_many()
            .col_expr(
                authorization_grant::Column::RevokedAt,
                Expr::value(millis(now)),
            )
            .filter(authorization_grant::Column::Sid.is_in(sids.iter().map(|sid| sid.0)))
            .filter(authorization_grant::Column::RevokedAt.is_null())
            .exec(&self.db)
            .await?;
        Ok(())
    }

    /// The clients that hold a grant of a subject which is not revoked, and when each got its last.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn clients_of_subject(
        &self,
        subject: SubjectId,
    ) -> Result<Vec<(String, OffsetDateTime)>> {
        let rows: Vec<(String, i64)> = authorization_grant::Entity::find()
            .select_only()
            .column(authorization_grant::Column::ClientId)
            .column_as(authorization_grant::Column::CreatedAt.max(), "last")
            .filter(authorization_grant::Column::SubjectId.eq(subject.0))
            .filter(authorization_grant::Column::RevokedAt.is_null())
            .group_by(authorization_grant::Column::ClientId)
            .order_by_asc(authorization_grant::Column::ClientId)
            .into_tuple()
            .all(&self.db)
            .await?;
        let given = |(client, at)| (client, instant(at));
        Ok(rows.into_iter().map(given).collect())
    }

    /// Keeps the first refresh token of a grant.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn add_refresh_token(
        &self,
        grant: Uuid,
        token: (&str, Value),
        expires_at: OffsetDateTime,
    ) -> Result<()> {
        refresh_token::Entity::insert(refresh_row(grant, token, expires_at))
            .exec_without_returning(&self.db)
            .await?;
        Ok(())
    }

    /// A refresh token's grant and record, and whether it was rotated away.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn refresh_token(&self, digest: &str) -> Result<Option<(Grant, Value, bool)>> {
        let Some(row) = refresh_token::Entity::find_by_id(digest)
            .one(&self.db)
            .await?
        else {
            return Ok(None);
        };
        let grant = self.grant(row.grant_id).await?;
        Ok(grant.map(|grant| (grant, row.record, row.rotated_at.is_some())))
    }

    /// Replaces a refresh token by a new one in one transaction: there are never two live ones of a family,
    /// and a crash in between leaves the old one in force.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn rotate_refresh_token(
        &self,
        old: &str,
        grant: Uuid,
        new: (&str, Value),
        expires_at: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<Rotation> {
        let transaction = self.db.begin().await?;
        let won = refresh_token::Entity::update_many()
            .col_expr(refresh_token::Column::RotatedAt, Expr::value(millis(now)))
            .filter(refresh_token::Column::Digest.eq(old))
            .filter(refresh_token::Column::RotatedAt.is_null())
            .exec(&transaction)
            .await?
            .rows_affected
            == 1;
        if !won {
            transaction.rollback().await?;
            return Ok(Rotation::Reused);
        }
        refresh_token::Entity::insert(refresh_row(grant, new, expires_at))
            .exec_without_returning(&transaction)
            .await?;
        transaction.commit().await?;
        Ok(Rotation::Done)
    }
}

fn refresh_row(
    grant: Uuid,
    token: (&str, Value),
    expires_at: OffsetDateTime,
) -> refresh_token::ActiveModel {
    refresh_token::ActiveModel {
        digest: Set(token.0.into()),
        grant_id: Set(grant),
        record: Set(token.1),
        expires_at: Set(millis(expires_at)),
        rotated_at: Set(None),
    }
}

/// The most people of one client that are looked through.
const MOST_SUBJECTS: u64 = 20_000;
