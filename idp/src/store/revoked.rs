//! Access tokens that were revoked by themselves. Every request with a token asks, so that what many ask at once is asked
//! of the database in one question, which begins after the last of them asked.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use sea_orm::{ActiveValue::Set, ColumnTrait, DbErr, EntityTrait, QueryFilter, QuerySelect};
use time::OffsetDateTime;
use tokio::sync::oneshot;
use tokio::sync::oneshot::error::TryRecvError;

use super::entity::revoked_access_token::{ActiveModel, Column, Entity};
use super::transaction::Db;
use super::{Result, Store, millis};

/// Who waits to hear whether a token was revoked, and whose turn it is to ask for all of them.
#[derive(Default)]
pub(super) struct Asked {
    waiting: Mutex<Vec<Question>>,
    turn: tokio::sync::Mutex<()>,
}

struct Question {
    jti: String,
    /// Told what the database says, or why it does not.
    tell: oneshot::Sender<std::result::Result<bool, String>>,
}

impl Asked {
    fn ask(&self, jti: &str) -> oneshot::Receiver<std::result::Result<bool, String>> {
        let (tell, told) = oneshot::channel();
        let jti = jti.to_owned();
        self.waiting().push(Question { jti, tell });
        told
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, Vec<Question>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store {
    /// Revokes one access token by its `jti`, until it would have expired anyway.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn revoke_access_token(&self, jti: &str, expires_at: OffsetDateTime) -> Result<()> {
        let row = ActiveModel {
            jti: Set(jti.into()),
            expires_at: Set(millis(expires_at)),
        };
        Entity::insert(row)
            .on_conflict_do_nothing_on([Column::Jti])
            .exec_without_returning(&self.db)
            .await?;
        Ok(())
    }

    /// Whether an access token was revoked by its `jti` before this was asked.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn is_access_token_revoked(&self, jti: &str) -> Result<bool> {
        if matches!(self.db, Db::Transaction(_)) {
            // Such a question sees what nobody else sees yet.
            return Ok(self.revoked_of([jti].into()).await?.contains(jti));
        }
        let mut told = self.asked.ask(jti);
        let _turn = self.asked.turn.lock().await;
        loop {
            match told.try_recv() {
                Ok(said) => return Ok(said.map_err(DbErr::Custom)?),
                Err(TryRecvError::Empty) => self.ask_for_some().await,
                // Whoever asked for this one went away before the answer came.
                Err(TryRecvError::Closed) => told = self.asked.ask(jti),
            }
        }
    }

    /// Asks for those who have waited longest, and tells each.
    async fn ask_for_some(&self) {
        let mut some: Vec<Question> = {
            let mut waiting = self.asked.waiting();
            let many = waiting.len().min(MOST_AT_ONCE);
            waiting.drain(..many).collect()
        };
        let about = some.iter().map(|question| question.jti.as_str()).collect();
        let said = self
            .revoked_of(about)
            .await
            .map_err(|error| error.to_string());
        if said.is_err() {
            some.append(&mut self.asked.waiting());
        }
        for question in some {
            let said = said.as_ref().map(|revoked| revoked.contains(&question.jti));
            // Who is not there any more need not be told.
            let _ = question.tell.send(said.map_err(Clone::clone));
        }
    }

    async fn revoked_of(
        &self,
        tokens: HashSet<&str>,
    ) -> std::result::Result<HashSet<String>, DbErr> {
        let mut tokens: Vec<&str> = tokens.into_iter().collect();
        // A power of two, some asked for twice: each number of them is a statement of its own, which is kept prepared.
        let last = tokens.last().copied().unwrap_or_default();
        tokens.resize(tokens.len().next_power_of_two(), last);
        let revoked: Vec<String> = Entity::find()
            .select_only()
            .column(Column::Jti)
            .filter(Column::Jti.is_in(tokens))
            .into_tuple()
            .all(&self.db)
            .await?;
        Ok(revoked.into_iter().collect())
    }
}

const MOST_AT_ONCE: usize = 64;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures_util::future::join_all;
    use time::Duration;

    use super::super::tests::{NOW, store};

    #[tokio::test]
    async fn each_of_many_at_once_hears_of_its_own_token() {
        let (_folder, store) = store().await;
        for n in (0..200).step_by(3) {
            let end = NOW + Duration::hours(1);
            store
                .revoke_access_token(&format!("t{n}"), end)
                .await
                .expect("revokes");
        }
        let questions = (0..200).map(|n| {
            let store = store.clone();
            tokio::spawn(async move { store.is_access_token_revoked(&format!("t{n}")).await })
        });
        for (n, said) in join_all(questions).await.into_iter().enumerate() {
            assert_eq!(said.expect("asks").expect("hears"), n % 3 == 0, "{n}");
        }
        assert!(store.asked.waiting().is_empty());
    }

    #[tokio::test]
    async fn what_was_revoked_before_the_question_is_revoked_however_many_ask() {
        let (_folder, store) = store().await;
        let rounds = (0..40).map(|n| {
            let store = store.clone();
            tokio::spawn(async move {
                let jti = format!("t{n}");
                let before = store.is_access_token_revoked(&jti).await.expect("hears");
                let end = NOW + Duration::hours(1);
                store.revoke_access_token(&jti, end).await.expect("revokes");
                (
                    before,
                    store.is_access_token_revoked(&jti).await.expect("hears"),
                )
            })
        });
        for round in join_all(rounds).await {
            assert_eq!(round.expect("goes on"), (false, true));
        }
    }

    #[tokio::test]
    async fn where_the_database_fails_everybody_who_waits_hears_of_it_at_once() {
        let (_folder, store) = store().await;
        store.migrate_down().await.expect("down");
        let first = store.asked.turn.lock().await;
        let questions: Vec<_> = (0..200)
            .map(|n| {
                let store = store.clone();
                tokio::spawn(async move { store.is_access_token_revoked(&format!("t{n}")).await })
            })
            .collect();
        while store.asked.waiting().len() < 200 {
            tokio::task::yield_now().await;
        }
        store.ask_for_some().await;
        assert!(store.asked.waiting().is_empty());
        drop(first);
        for said in join_all(questions).await {
            assert!(said.expect("goes on").is_err());
        }
    }

    #[tokio::test]
    async fn nobody_waits_for_one_who_went_away() {
        let (_folder, store) = store().await;
        let turn = store.asked.turn.lock().await;
        let store = Arc::new(store.clone());
        let ask = |jti: &'static str| {
            let store = store.clone();
            tokio::spawn(async move { store.is_access_token_revoked(jti).await })
        };
        let (goes, stays) = (ask("a"), ask("b"));
        while store.asked.waiting().len() < 2 {
            tokio::task::yield_now().await;
        }
        goes.abort();
        // As if the one whose turn it was had taken the questions along.
        store.asked.waiting().clear();
        drop(turn);
        assert!(!stays.await.expect("goes on").expect("hears"));
    }
}
