//! Searches for people who are enrolled twice: one runs at a time, whoever carries it out is heard of, and what it found
//! waits for somebody's decision, which is taken once.

use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    TryInsertResult,
};
use time::OffsetDateTime;
use uuid::Uuid;
use wire::{
    CredentialId, DuplicatePairId, DuplicateSearchId, DuplicateSearchStatus, FactorKind,
    OperatorName, PairDecision, SubjectId,
};

use super::entity::{duplicate_pair as pair, duplicate_search as search};
use super::{Result, Store, StoreError, instant, millis, parse};

/// A search that an operator asks for.
pub struct NewDuplicateSearch {
    pub id: DuplicateSearchId,
    pub factor: FactorKind,
    /// The false positive identification rate.
    pub rate: f64,
    pub started_by: OperatorName,
}

/// A search as it stands.
#[derive(Clone, Debug)]
pub struct DuplicateSearchRow {
    pub id: DuplicateSearchId,
    pub factor: FactorKind,
    pub rate: f64,
    pub status: DuplicateSearchStatus,
    pub started_by: OperatorName,
    pub started_at: OffsetDateTime,
    /// How often it was taken up: whoever took it up before is no longer heard.
    pub takes: i32,
    pub ended_at: Option<OffsetDateTime>,
    pub tally: SearchTally,
    /// That every comparison was held to.
    pub false_match_rate: Option<f64>,
    /// Pairs found, and those of them that were not known before.
    pub alike: u64,
    pub raised: u64,
    pub problem: Option<String>,
}

/// How far a search is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SearchTally {
    pub people: u64,
    pub left_out: u64,
    pub compared: u64,
    pub comparisons: u64,
}

/// How a search ended.
pub enum SearchEnd {
    Finished {
        false_match_rate: Option<f64>,
        alike: u64,
        raised: u64,
    },
    Failed {
        problem: String,
    },
}

/// Two references that are alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlikePair {
    pub one: (SubjectId, CredentialId),
    pub other: (SubjectId, CredentialId),
}

/// A pair on the list.
#[derive(Clone, Debug)]
pub struct DuplicatePairRow {
    pub id: DuplicatePairId,
    pub search: DuplicateSearchId,
    pub pair: AlikePair,
    pub factor: FactorKind,
    pub found_at: OffsetDateTime,
    pub decision: Option<PairDecision>,
    pub decided_by: Option<OperatorName>,
    pub decided_at: Option<OffsetDateTime>,
}

impl TryFrom<search::Model> for DuplicateSearchRow {
    type Error = StoreError;

    fn try_from(row: search::Model) -> Result<Self> {
        Ok(Self {
            id: DuplicateSearchId(row.id),
            factor: parse(&row.factor, "factor")?,
            rate: row.rate,
            status: parse(&row.status, "status")?,
            started_by: OperatorName(row.started_by),
            started_at: instant(row.started_at),
            takes: row.takes,
            ended_at: row.ended_at.map(instant),
            tally: SearchTally {
                people: row.people.unsigned_abs(),
                left_out: row.left_out.unsigned_abs(),
                compared: row.compared.unsigned_abs(),
                comparisons: row.comparisons.unsigned_abs(),
            },
            false_match_rate: row.false_match_rate,
            alike: row.alike.unsigned_abs(),
            raised: row.raised.unsigned_abs(),
            problem: row.problem,
        })
    }
}

impl TryFrom<pair::Model> for DuplicatePairRow {
    type Error = StoreError;

    fn try_from(row: pair::Model) -> Result<Self> {
        let decision = row.decision.map(|text| parse(&text, "decision"));
        Ok(Self {
            id: DuplicatePairId(row.id),
            search: DuplicateSearchId(row.search_id),
            pair: AlikePair {
                one: (SubjectId(row.one_subject), CredentialId(row.one_credential)),
                other: (
                    SubjectId(row.other_subject),
                    CredentialId(row.other_credential),
                ),
            },
            factor: parse(&row.factor, "factor")?,
            found_at: instant(row.found_at),
            decision: decision.transpose()?,
            decided_by: row.decided_by.map(OperatorName),
            decided_at: row.decided_at.map(instant),
        })
    }
}

impl Store {
    /// Keeps a search that is to be carried out.
    ///
    /// # Errors
    /// [`StoreError::Exists`] while another one runs.
    pub async fn start_duplicate_search(
        &self,
        new: NewDuplicateSearch,
        now: OffsetDateTime,
    ) -> Result<DuplicateSearchRow> {
        let row = search::ActiveModel {
            id: Set(new.id.0),
            factor: Set(new.factor.as_str().into()),
            rate: Set(new.rate),
            status: Set(DuplicateSearchStatus::Running.as_str().into()),
            slot: Set(Some(RUNNING.into())),
            started_by: Set(new.started_by.0),
            started_at: Set(millis(now)),
            // Nobody was heard of yet: whoever looks next takes it up.
            seen_at: Set(0),
            takes: Set(0),
            ended_at: Set(None),
            people: Set(0),
            left_out: Set(0),
            compared: Set(0),
            comparisons: Set(0),
            false_match_rate: Set(None),
            alike: Set(0),
            raised: Set(0),
            problem: Set(None),
        };
        search::Entity::insert(row)
            .exec_with_returning(&self.db)
            .await?
            .try_into()
    }

    /// Takes up the search that runs, where nobody who carries it out was heard of since `silent_since`. Of several
    /// replicas one does.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn take_duplicate_search(
        &self,
        silent_since: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<Option<DuplicateSearchRow>> {
        let silent = search::Entity::find()
            .filter(search::Column::Slot.eq(RUNNING))
            .filter(search::Column::SeenAt.lt(millis(silent_since)));
        let Some(row) = silent.one(&self.db).await? else {
            return Ok(None);
        };
        let taken = search::Entity::update_many()
            .col_expr(search::Column::SeenAt, Expr::value(millis(now)))
            .col_expr(search::Column::Takes, Expr::value(row.takes + 1))
            .filter(search::Column::Id.eq(row.id))
            .filter(search::Column::Slot.eq(RUNNING))
            .filter(search::Column::Takes.eq(row.takes))
            .exec(&self.db)
            .await?;
        if taken.rows_affected != 1 {
            return Ok(None);
        }
        let row = search::Model {
            takes: row.takes + 1,
            seen_at: millis(now),
            ..row
        };
        row.try_into().map(Some)
    }

    /// Notes how far a search is; false where somebody else carries it out by now.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn note_duplicate_search(
        &self,
        taken: &DuplicateSearchRow,
        tally: SearchTally,
        now: OffsetDateTime,
    ) -> Result<bool> {
        let noted = tallied(taken, tally)
            .col_expr(search::Column::SeenAt, Expr::value(millis(now)))
            .exec(&self.db)
            .await?;
        Ok(noted.rows_affected == 1)
    }

    /// Ends a search; false where somebody else carries it out by now.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn end_duplicate_search(
        &self,
        taken: &DuplicateSearchRow,
        tally: SearchTally,
        end: &SearchEnd,
        now: OffsetDateTime,
    ) -> Result<bool> {
        let ended = tallied(taken, tally)
            .col_expr(search::Column::Slot, Expr::value(None::<String>))
            .col_expr(search::Column::EndedAt, Expr::value(millis(now)));
        let ended = match end {
            SearchEnd::Finished {
                false_match_rate,
                alike,
                raised,
            } => ended
                .col_expr(
                    search::Column::Status,
                    Expr::value(DuplicateSearchStatus::Finished.as_str()),
                )
                .col_expr(
                    search::Column::FalseMatchRate,
                    Expr::value(*false_match_rate),
                )
                .col_expr(search::Column::Alike, Expr::value(signed(*alike)))
                .col_expr(search::Column::Raised, Expr::value(signed(*raised))),
            SearchEnd::Failed { problem } => ended
                .col_expr(
                    search::Column::Status,
                    Expr::value(DuplicateSearchStatus::Failed.as_str()),
                )
                .col_expr(search::Column::Problem, Expr::value(problem.as_str())),
        };
        Ok(ended.exec(&self.db).await?.rows_affected == 1)
    }

    /// The searches, the newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn duplicate_searches(
        &self,
        before: Option<DuplicateSearchId>,
        limit: u64,
    ) -> Result<Vec<DuplicateSearchRow>> {
        let mut query = search::Entity::find()
            .order_by_desc(search::Column::Id)
            .limit(limit);
        if let Some(before) = before {
            query = query.filter(search::Column::Id.lt(before.0));
        }
        let rows = query.all(&self.db).await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }

    /// Puts a pair on the list; false where it is there, decided or not, or where one of the two is gone.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn raise_duplicate(
        &self,
        found: &DuplicateSearchRow,
        alike: AlikePair,
        now: OffsetDateTime,
    ) -> Result<bool> {
        for (_, credential) in [alike.one, alike.other] {
            if self.credential(credential).await?.is_none() {
                return Ok(false);
            }
        }
        let row = pair::ActiveModel {
            id: Set(Uuid::now_v7()),
            search_id: Set(found.id.0),
            one_subject: Set(alike.one.0.0),
            one_credential: Set(alike.one.1.0),
            other_subject: Set(alike.other.0.0),
            other_credential: Set(alike.other.1.0),
            factor: Set(found.factor.as_str().into()),
            found_at: Set(millis(now)),
            decision: Set(None),
            decided_by: Set(None),
            decided_at: Set(None),
        };
        let added = pair::Entity::insert(row)
            .on_conflict_do_nothing_on([pair::Column::OneCredential, pair::Column::OtherCredential])
            .exec_without_returning(&self.db)
            .await?;
        Ok(matches!(added, TryInsertResult::Inserted(1)))
    }

    /// The pairs in the order in which they were found, from behind `after`; those alone that wait for a decision,
    /// or that have one, where `decided` says so.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn duplicate_pairs(
        &self,
        decided: Option<bool>,
        after: Option<DuplicatePairId>,
        limit: u64,
    ) -> Result<Vec<DuplicatePairRow>> {
        let mut query = pair::Entity::find()
            .order_by_asc(pair::Column::Id)
            .limit(limit);
        if let Some(after) = after {
            query = query.filter(pair::Column::Id.gt(after.0));
        }
        query = match decided {
            Some(true) => query.filter(pair::Column::Decision.is_not_null()),
            Some(false) => query.filter(pair::Column::Decision.is_null()),
            None => query,
        };
        let rows = query.all(&self.db).await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }

    /// # Errors
    /// When the database fails.
    pub async fn duplicate_pair(&self, id: DuplicatePairId) -> Result<Option<DuplicatePairRow>> {
        let row = pair::Entity::find_by_id(id.0).one(&self.db).await?;
        row.map(TryInto::try_into).transpose()
    }

    /// Decides a pair; false where it is decided already, or gone.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn decide_duplicate(
        &self,
        id: DuplicatePairId,
        decision: PairDecision,
        by: &OperatorName,
        now: OffsetDateTime,
    ) -> Result<bool> {
        let decided = pair::Entity::update_many()
            .col_expr(pair::Column::Decision, Expr::value(decision.as_str()))
            .col_expr(pair::Column::DecidedBy, Expr::value(by.as_str()))
            .col_expr(pair::Column::DecidedAt, Expr::value(millis(now)))
            .filter(pair::Column::Id.eq(id.0))
            .filter(pair::Column::Decision.is_null())
            .exec(&self.db)
            .await?;
        Ok(decided.rows_affected == 1)
    }
}

/// The update of a search that is still carried out by whoever took it up so.
fn tallied(taken: &DuplicateSearchRow, tally: SearchTally) -> sea_orm::UpdateMany<search::Entity> {
    search::Entity::update_many()
        .col_expr(search::Column::People, Expr::value(signed(tally.people)))
        .col_expr(search::Column::LeftOut, Expr::value(signed(tally.left_out)))
        .col_expr(
            search::Column::Compared,
            Expr::value(signed(tally.compared)),
        )
        .col_expr(
            search::Column::Comparisons,
            Expr::value(signed(tally.comparisons)),
        )
        .filter(search::Column::Id.eq(taken.id.0))
        .filter(search::Column::Slot.eq(RUNNING))
        .filter(search::Column::Takes.eq(taken.takes))
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

const RUNNING: &str = "running";

#[cfg(test)]
mod tests {
    use time::Duration;

    use super::*;
    use crate::store::tests::{NOW, store, subject};
    use crate::store::{NewCredential, Replace};

    fn new(rate: f64) -> NewDuplicateSearch {
        NewDuplicateSearch {
            id: DuplicateSearchId(Uuid::now_v7()),
            factor: FactorKind::Face,
            rate,
            started_by: OperatorName::from("olivia"),
        }
    }

    async fn face(store: &Store, username: &str) -> (SubjectId, CredentialId) {
        let subject = subject(store, username).await.id;
        let id = CredentialId(Uuid::now_v7());
        let credential = NewCredential {
            id,
            factor: FactorKind::Face,
            label: String::new(),
            model: Some("net".into()),
            blob_digest: Some([7; 32]),
            sealed: None,
            public: None,
            counter: 0,
            recovery: Vec::new(),
        };
        let kept = store.add_credential(subject, credential, Replace::Nothing, NOW);
        kept.await.expect("kept");
        (subject, id)
    }

    #[tokio::test]
    async fn one_search_runs_at_a_time_and_one_replica_carries_it_out() {
        let (_folder, store) = store().await;
        let started = store.start_duplicate_search(new(0.01), NOW).await;
        assert_eq!(
            started.expect("starts").status,
            DuplicateSearchStatus::Running
        );
        let second = store.start_duplicate_search(new(0.01), NOW).await;
        assert!(matches!(second, Err(StoreError::Exists)));
        let take = async |now: OffsetDateTime| {
            let silent = now - Duration::seconds(20);
            let taken = store.take_duplicate_search(silent, now).await;
            taken.expect("answers")
        };
        let first = take(NOW).await.expect("nobody had it");
        assert!(take(NOW).await.is_none(), "another replica has it");
        let tally = SearchTally {
            people: 3,
            ..SearchTally::default()
        };
        let later = NOW + Duration::seconds(15);
        let noted = store.note_duplicate_search(&first, tally, later).await;
        assert!(noted.expect("answers"));
        assert!(
            take(NOW + Duration::seconds(30)).await.is_none(),
            "heard of"
        );
        // It fell silent: another replica takes it up, and the first one is no longer heard.
        let second = take(NOW + Duration::seconds(60)).await.expect("silent");
        assert_eq!((first.takes, second.takes), (1, 2));
        let end = SearchEnd::Finished {
            false_match_rate: Some(1e-4),
            alike: 1,
            raised: 1,
        };
        let ended = async |taken| {
            let ended = store.end_duplicate_search(taken, tally, &end, NOW).await;
            ended.expect("answers")
        };
        assert!(!ended(&first).await);
        assert!(ended(&second).await);
        assert!(!ended(&second).await, "once");
        let all = store.duplicate_searches(None, 9).await.expect("reads");
        assert_eq!(all.len(), 1);
        assert_eq!(all[0].status, DuplicateSearchStatus::Finished);
        assert_eq!((all[0].tally.people, all[0].raised), (3, 1));
        let again = store.start_duplicate_search(new(0.5), NOW).await;
        again.expect("the place is free");
    }

    #[tokio::test]
    async fn a_pair_is_raised_once_decided_once_and_goes_with_what_it_is_about() {
        let (_folder, store) = store().await;
        let (one, other) = (face(&store, "ada").await, face(&store, "eve").await);
        let found = store.start_duplicate_search(new(0.01), NOW).await;
        let found = found.expect("starts");
        let alike = AlikePair { one, other };
        let raise = async || {
            let raised = store.raise_duplicate(&found, alike, NOW).await;
            raised.expect("answers")
        };
        assert!(raise().await);
        assert!(!raise().await, "known");
        let waiting = async |decided| {
            let rows = store.duplicate_pairs(decided, None, 9).await;
            rows.expect("reads")
        };
        let pair = waiting(Some(false)).await.remove(0);
        assert_eq!((pair.pair, pair.decision), (alike, None));
        let by = OperatorName::from("olivia");
        let decide = async |decision| {
            let decided = store.decide_duplicate(pair.id, decision, &by, NOW).await;
            decided.expect("answers")
        };
        assert!(decide(PairDecision::Dismissed).await);
        assert!(!decide(PairDecision::Confirmed).await, "once");
        assert!(
            waiting(Some(false)).await.is_empty() && !raise().await,
            "stays"
        );
        let decided = waiting(Some(true)).await;
        assert_eq!(decided[0].decision, Some(PairDecision::Dismissed));
        assert!(store.erase_subject(other.0).await.expect("erases"));
        assert!(waiting(None).await.is_empty());
        assert!(!raise().await, "nobody is raised who is gone");
    }
}
