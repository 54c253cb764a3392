//! Enrolments in progress, moved by compare-and-set like attempts.

use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;
use wire::{SessionId, SubjectId};

use super::entity::enrolment::{ActiveModel, Column, Entity, Model};
use super::{Result, Store, instant, millis};

/// A stored enrolment; `state` is `login::Enrolment` as JSON.
pub struct EnrolmentRow {
    pub id: Uuid,
    pub revision: i64,
    /// Digest of the cookie of the browser that opened the invitation.
    pub browser: String,
    /// Digest of the invitation.
    pub invitation: String,
    pub subject: SubjectId,
    pub state: Value,
    pub expires_at: OffsetDateTime,
}

impl From<Model> for EnrolmentRow {
    fn from(row: Model) -> Self {
        Self {
            id: row.id,
            revision: row.revision,
            browser: row.browser,
            invitation: row.invitation,
            subject: SubjectId(row.subject_id),
            state: row.state,
            expires_at: instant(row.expires_at),
        }
    }
}

/// In the place of an invitation's digest, where a session stands for it.
const OF_SESSION: &str = "session:";

impl Store {
    /// Begins an enrolment, or leaves the one that the same invitation began before.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn begin_enrolment(&self, row: &EnrolmentRow) -> Result<()> {
        let row = ActiveModel {
            id: Set(row.id),
            revision: Set(row.revision),
            browser: Set(row.browser.clone()),
            invitation: Set(row.invitation.clone()),
            subject_id: Set(row.subject.0),
            state: Set(row.state.clone()),
            expires_at: Set(millis(row.expires_at)),
        };
        Entity::insert(row)
            .on_conflict_do_nothing_on([Column::Invitation])
            .exec_without_returning(&self.db)
            .await?;
        Ok(())
    }

    /// The newest live enrolment of a browser.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn enrolment_of(
        &self,
        browser: &str,
        now: OffsetDateTime,
    ) -> Result<Option<EnrolmentRow>> {
        use sea_orm::QueryOrder;
        let row = Entity::find()
            .filter(Column::Browser.eq(browser))
            .filter(Column::Invitation.not_like(format!("{OF_SESSION}%")))
            .filter(Column::ExpiresAt.gt(millis(now)))
            .order_by_desc(Column::ExpiresAt)
            .one(&self.db)
            .await?;
        Ok(row.map(Into::into))
    }

    /// The enrolment that a signed-in person does in this session, begun by the first call.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn enrolment_of_session(
        &self,
        sid: SessionId,
        fresh: EnrolmentRow,
        now: OffsetDateTime,
    ) -> Result<EnrolmentRow> {
        let invitation = format!("{OF_SESSION}{}", sid.0);
        Entity::delete_many()
            .filter(Column::Invitation.eq(&invitation))
            .filter(Column::ExpiresAt.lte(millis(now)))
            .exec(&self.db)
            .await?;
        let fresh = EnrolmentRow {
            invitation: invitation.clone(),
            ..fresh
        };
        self.begin_enrolment(&fresh).await?;
        let row = Entity::find()
            .filter(Column::Invitation.eq(&invitation))
            .one(&self.db)
            .await?;
        Ok(row.map_or(fresh, Into::into))
    }

    /// Writes the state if the revision is still the one that was read.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn move_enrolment(&self, id: Uuid, read: i64, state: Value) -> Result<bool> {
        let moved = Entity::update_many()
            .col_expr(Column::Revision, Expr::value(read + 1))
            .col_expr(Column::State, Expr::value(state))
            .filter(Column::Id.eq(id))
            .filter(Column::Revision.eq(read))
            .exec(&self.db)
            .await?;
        Ok(moved.rows_affected == 1)
    }

    /// Ends every enrolment of a subject, but for one that is spared.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn end_enrolments_of(&self, subject: SubjectId, spared: Option<Uuid>) -> Result<()> {
        let mut ended = Entity::delete_many().filter(Column::SubjectId.eq(subject.0));
        if let Some(spared) = spared {
            ended = ended.filter(Column::Id.ne(spared));
        }
        ended.exec(&self.db).await?;
        Ok(())
    }

    /// # Errors
    /// When the database fails.
    pub async fn end_enrolment(&self, id: Uuid) -> Result<()> {
        Entity::delete_by_id(id).exec(&self.db).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use time::Duration;

    use super::super::tests::{NOW, store, subject};
    use super::*;

    #[tokio::test]
    async fn what_a_session_enrols_is_its_own_and_no_invitations() {
        let (_folder, store) = store().await;
        let ada = subject(&store, "ada").await.id;
        let fresh = |invitation: &str| EnrolmentRow {
            id: Uuid::now_v7(),
            revision: 0,
            browser: "browser".into(),
            invitation: invitation.into(),
            subject: ada,
            state: json!({}),
            expires_at: NOW + Duration::minutes(10),
        };
        let (one, other) = (SessionId(Uuid::now_v7()), SessionId(Uuid::now_v7()));
        let begin = |sid, now| store.enrolment_of_session(sid, fresh(""), now);
        let first = begin(one, NOW).await.expect("begins").id;
        assert_eq!(begin(one, NOW).await.expect("goes on").id, first);
        assert_ne!(begin(other, NOW).await.expect("begins").id, first);
        // The same browser has none by invitation; and one that has is not shown the session's.
        let found = |now| store.enrolment_of("browser", now);
        assert!(found(NOW).await.expect("asks").is_none());
        let invited = fresh(&"ab".repeat(32));
        store.begin_enrolment(&invited).await.expect("begins");
        let shown = found(NOW).await.expect("asks").map(|row| row.id);
        assert_eq!(shown, Some(invited.id));
        // One that has expired gives way.
        let later = NOW + Duration::minutes(11);
        assert_ne!(begin(one, later).await.expect("begins").id, first);
        let spared = store.end_enrolments_of(ada, Some(invited.id)).await;
        spared.expect("ends");
        assert!(found(NOW).await.expect("asks").is_some());
        store.end_enrolments_of(ada, None).await.expect("ends");
        assert!(found(NOW).await.expect("asks").is_none());
    }
}
