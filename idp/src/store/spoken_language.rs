//! What language a person is spoken to in: chosen, or as the browser last asked for.

use sea_orm::sea_query::{Expr, ExprTrait, OnConflict};
use sea_orm::{ActiveValue::Set, EntityTrait};
use wire::SubjectId;

use super::entity::spoken_language::{ActiveModel, Column, Entity};
use super::{Result, Store};

/// A language, and how it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpokenLanguage {
    /// Its tag (BCP 47).
    pub language: String,
    /// Whether the person chose it; else it is what the browser asked for.
    pub is_chosen: bool,
}

impl Store {
    /// What a person speaks, where that is known.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn spoken(&self, subject: SubjectId) -> Result<Option<SpokenLanguage>> {
        let row = Entity::find_by_id(subject.0).one(&self.db).await?;
        Ok(row.map(|row| SpokenLanguage {
            language: row.language,
            is_chosen: row.is_chosen,
        }))
    }

    /// Keeps what a person chose.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn choose_language(&self, subject: SubjectId, tag: &str) -> Result<()> {
        self.put_language(subject, tag, true).await
    }

    /// Keeps what a browser asked for; a choice stays as it is.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn hear_language(&self, subject: SubjectId, tag: &str) -> Result<()> {
        self.put_language(subject, tag, false).await
    }

    async fn put_language(&self, subject: SubjectId, tag: &str, is_chosen: bool) -> Result<()> {
        let row = ActiveModel {
            subject_id: Set(subject.0),
            language: Set(tag.to_owned()),
            is_chosen: Set(is_chosen),
        };
        let mut conflict = OnConflict::column(Column::SubjectId);
        conflict.update_columns([Column::Language, Column::IsChosen]);
        if !is_chosen {
            conflict.action_and_where(Expr::col((Entity, Column::IsChosen)).eq(false));
        }
        Entity::insert(row)
            .on_conflict(conflict)
            .exec_without_returning(&self.db)
            .await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::store::tests::{store, subject};

    #[tokio::test]
    async fn a_choice_stands_before_what_is_heard() {
        let (_folder, store) = store().await;
        let ada = subject(&store, "ada").await.id;
        let spoken = async || {
            let spoken = store.spoken(ada).await.expect("read")?;
            Some((spoken.language, spoken.is_chosen))
        };
        assert_eq!(spoken().await, None);
        store.hear_language(ada, "fr").await.expect("kept");
        store.hear_language(ada, "de").await.expect("kept");
        assert_eq!(spoken().await, Some(("de".to_owned(), false)));
        store.choose_language(ada, "ar").await.expect("kept");
        store.hear_language(ada, "en").await.expect("kept");
        assert_eq!(spoken().await, Some(("ar".to_owned(), true)));
        store.choose_language(ada, "zh").await.expect("kept");
        assert_eq!(spoken().await, Some(("zh".to_owned(), true)));
    }
}
