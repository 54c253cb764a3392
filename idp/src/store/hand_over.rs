//! Hand-overs: one step of one attempt, to one phone. Each moves by conditional updates, whatever the replica: the link is
//! opened once, the number is tried so often, and what has ended stays so.

use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, EntityTrait, ExprTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect,
};
use time::OffsetDateTime;
use wire::AttemptId;

use super::entity::attempt;
use super::entity::hand_over::{ActiveModel, Column, Entity, Model};
use super::{Result, Store, StoreError, instant, millis};

/// Where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandOverState {
    /// Nobody has opened the link.
    Waiting,
    /// A phone has; it has not said the number yet.
    Opened,
    /// It has, and may do the step.
    Confirmed,
    /// The step is done.
    Done,
    /// It was given up, or the number was wrong too often.
    Ended,
}

impl HandOverState {
    /// As it is kept, and as the waiting page is told.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Opened => "opened",
            Self::Confirmed => "confirmed",
            Self::Done => "done",
            Self::Ended => "ended",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [
            Self::Waiting,
            Self::Opened,
            Self::Confirmed,
            Self::Done,
            Self::Ended,
        ]
        .into_iter()
        .find(|state| state.as_str() == text)
    }
}

/// One as it is kept.
#[derive(Clone)]
pub struct HandOver {
    /// Digest of the secret in its link.
    pub link: String,
    pub attempt: AttemptId,
    /// That secret, sealed: the page that shows it may be loaded again.
    pub sealed: Vec<u8>,
    /// What the page shows and the phone asks for.
    pub number: u8,
    pub state: HandOverState,
    pub created_at: OffsetDateTime,
    pub expires_at: OffsetDateTime,
}

impl TryFrom<Model> for HandOver {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self> {
        let unreadable = StoreError::Unreadable("hand-over");
        let (Some(state), Ok(number)) =
            (HandOverState::parse(&row.state), u8::try_from(row.number))
        else {
            return Err(unreadable);
        };
        Ok(Self {
            link: row.link,
            attempt: AttemptId(row.attempt_id),
            sealed: row.sealed,
            number,
            state,
            created_at: instant(row.created_at),
            expires_at: instant(row.expires_at),
        })
    }
}

impl Store {
    /// Keeps one in the place of those that its attempt had; `false` where the attempt has had `most`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn begin_hand_over(&self, new: &HandOver, most: u64) -> Result<bool> {
        let change = self.begin().await?;
        // Of two that are begun at one moment the second sees the first.
        attempt::Entity::find_by_id(new.attempt.0)
            .lock_exclusive()
            .one(&change.db)
            .await?;
        let of_attempt = Column::AttemptId.eq(new.attempt.0);
        let had = Entity::find().filter(of_attempt.clone());
        if had.count(&change.db).await? >= most {
            return Ok(false);
        }
        Entity::update_many()
            .col_expr(Column::State, Expr::value(HandOverState::Ended.as_str()))
            .filter(of_attempt)
            .exec(&change.db)
            .await?;
        let row = ActiveModel {
            link: Set(new.link.clone()),
            attempt_id: Set(new.attempt.0),
            sealed: Set(new.sealed.clone()),
            phone: Set(None),
            number: Set(new.number.into()),
            tries: Set(0),
            state: Set(new.state.as_str().to_owned()),
            created_at: Set(millis(new.created_at)),
            expires_at: Set(millis(new.expires_at)),
        };
        Entity::insert(row)
            .exec_without_returning(&change.db)
            .await?;
        change.commit().await?;
        Ok(true)
    }

    /// The last one of an attempt, unless it has expired.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn hand_over_of_attempt(
        &self,
        attempt: AttemptId,
        now: OffsetDateTime,
    ) -> Result<Option<HandOver>> {
        let row = Entity::find()
            .filter(Column::AttemptId.eq(attempt.0))
            .filter(Column::ExpiresAt.gt(millis(now)))
            .order_by_desc(Column::CreatedAt)
            .one(&self.db)
            .await?;
        row.map(TryInto::try_into).transpose()
    }

    /// The one that this phone has opened, unless it has expired.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn hand_over_of_phone(
        &self,
        phone: &str,
        now: OffsetDateTime,
    ) -> Result<Option<HandOver>> {
        let row = Entity::find()
            .filter(Column::Phone.eq(phone))
            .filter(Column::ExpiresAt.gt(millis(now)))
            .one(&self.db)
            .await?;
        row.map(TryInto::try_into).transpose()
    }

    /// Gives one to the phone that opens its link; true once, before it expires.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn open_hand_over(
        &self,
        link: &str,
        phone: &str,
        now: OffsetDateTime,
    ) -> Result<bool> {
        let opened = Entity::update_many()
            .col_expr(Column::Phone, Expr::value(phone))
            .col_expr(Column::State, Expr::value(HandOverState::Opened.as_str()))
            .filter(Column::Link.eq(link))
            .filter(Column::State.eq(HandOverState::Waiting.as_str()))
            .filter(Column::ExpiresAt.gt(millis(now)))
            .exec(&self.db)
            .await?;
        Ok(opened.rows_affected == 1)
    }

    /// Reserves a try of the number before it is compared; `false` where there is none left.
    ///
    /// # Errors
    /// When the database fails; then nothing may be compared.
    pub async fn reserve_number(&self, link: &str, most: i32) -> Result<bool> {
        let reserved = Entity::update_many()
            .col_expr(Column::Tries, Expr::col(Column::Tries).add(1))
            .filter(Column::Link.eq(link))
            .filter(Column::State.eq(HandOverState::Opened.as_str()))
            .filter(Column::Tries.lt(most))
            .exec(&self.db)
            .await?;
        Ok(reserved.rows_affected == 1)
    }

    /// Ends one whose tries are used up; answers whether they are.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn end_tried_hand_over(&self, link: &str, most: i32) -> Result<bool> {
        let ended = Entity::update_many()
            .col_expr(Column::State, Expr::value(HandOverState::Ended.as_str()))
            .filter(Column::Link.eq(link))
            .filter(Column::State.eq(HandOverState::Opened.as_str()))
            .filter(Column::Tries.gte(most))
            .exec(&self.db)
            .await?;
        Ok(ended.rows_affected == 1)
    }

    /// Moves one from where it was read; answers whether it still stood there.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn move_hand_over(
        &self,
        link: &str,
        from: HandOverState,
        to: HandOverState,
    ) -> Result<bool> {
        let moved = Entity::update_many()
            .col_expr(Column::State, Expr::value(to.as_str()))
            .filter(Column::Link.eq(link))
            .filter(Column::State.eq(from.as_str()))
            .exec(&self.db)
            .await?;
        Ok(moved.rows_affected == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::{NOW, store};
    use time::Duration;

    fn new(link: &str, attempt: AttemptId, at: OffsetDateTime) -> HandOver {
        HandOver {
            link: link.into(),
            attempt,
            sealed: vec![7],
            number: 42,
            state: HandOverState::Waiting,
            created_at: at,
            expires_at: at + Duration::minutes(5),
        }
    }

    #[tokio::test]
    async fn a_link_is_good_for_one_phone_and_its_time() {
        let (_folder, store) = store().await;
        let attempt = AttemptId(uuid::Uuid::from_u128(1));
        let end = NOW + Duration::minutes(5);
        for link in ["late", "mine"] {
            let at = NOW + Duration::SECOND * i32::from(link == "mine");
            let begun = store.begin_hand_over(&new(link, attempt, at), 5).await;
            assert!(begun.expect("kept"));
        }
        let open = async |link: &str, phone: &str, at| {
            let opened = store.open_hand_over(link, phone, at).await;
            opened.expect("asked")
        };
        assert!(!open("late", "a", NOW).await, "a newer one took its place");
        assert!(!open("none", "a", NOW).await, "nobody made it");
        let after = end + Duration::SECOND;
        assert!(!open("mine", "a", after).await, "it has expired");
        assert!(open("mine", "a", end).await);
        assert!(!open("mine", "b", end).await, "it was opened");
        let of = async |phone: &str, at| {
            let found = store.hand_over_of_phone(phone, at).await;
            found.expect("asked").map(|it| it.attempt)
        };
        assert_eq!(of("a", end).await, Some(attempt));
        assert_eq!(of("b", end).await, None);
        assert_eq!(of("a", after).await, None, "with what follows it");
        let shown = store.hand_over_of_attempt(attempt, after).await;
        assert!(shown.expect("asked").is_none());
    }

    #[tokio::test]
    async fn tries_and_links_are_counted_whatever_is_asked_at_once() {
        let (_folder, store) = store().await;
        let attempt = AttemptId(uuid::Uuid::from_u128(2));
        let mut made = 0;
        for n in 0..8 {
            let at = NOW + Duration::SECOND * n;
            let new = new(&format!("link {n}"), attempt, at);
            made += usize::from(store.begin_hand_over(&new, 5).await.expect("asked"));
        }
        assert_eq!(made, 5);
        let opened = store.open_hand_over("link 4", "phone", NOW).await;
        assert!(opened.expect("asked"));
        let tries = (0..12).map(|_| store.reserve_number("link 4", 3));
        let tries = futures_util::future::join_all(tries).await;
        let allowed = tries.into_iter().filter(|it| matches!(it, Ok(true)));
        assert_eq!(allowed.count(), 3);
        let ended = store.end_tried_hand_over("link 4", 3).await;
        assert!(ended.expect("asked"));
        let (from, to) = (HandOverState::Opened, HandOverState::Confirmed);
        let moved = store.move_hand_over("link 4", from, to).await;
        assert!(!moved.expect("asked"), "what has ended stays so");
    }
}
