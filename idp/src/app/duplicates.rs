//! The search for people who are enrolled twice, carried out in the background by one replica at a time.
//!
//! A search is a row. Whoever finds one that nobody tends takes it up, says every few seconds that it is at work and how
//! far it is, and begins anew what a replica left that went away; so a restart delays a search and loses none. One that
//! brought its replica down twice is not tried for ever.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;
use wire::AuditOutcome;

use super::App;
use crate::factors::duplicates::{DuplicateSearch, Duplicates, SearchError, SearchParts, Tally};
use crate::login::Trail;
use crate::pool::{Pool, PoolSize};
use crate::store::{DuplicateSearchRow, NewEvent, SearchEnd, StoreError};

impl App {
    /// Carries out what operators ask for, one search after the other.
    pub async fn search_duplicates(self: Arc<Self>) {
        // Its own worker: logins have theirs, and never wait behind this.
        let pool = Pool::new(PoolSize {
            workers: 1,
            queue: 0,
        });
        let mut every = tokio::time::interval(LOOK);
        every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            every.tick().await;
            let now = self.clock.now();
            let taken = self.store.take_duplicate_search(now - SILENT, now).await;
            let done = match taken {
                Ok(None) => continue,
                Ok(Some(search)) => Box::pin(self.carry_out(&search, pool.clone())).await,
                Err(error) => Err(error),
            };
            if let Err(error) = done {
                // Nothing is lost: the row says that it runs, and is taken up again.
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "duplicate_search_interrupted");
            }
        }
    }

    async fn carry_out(&self, search: &DuplicateSearchRow, pool: Pool) -> Result<(), StoreError> {
        let tally = Tally::default();
        if search.takes > MOST_TAKES {
            let problem = format!("it was interrupted {MOST_TAKES} times");
            return self.fail(search, &tally, problem).await;
        }
        tracing::info!(search = %search.id, take = search.takes, "duplicate_search_began");
        let parts = SearchParts {
            consent: crate::login::enrolment::CONSENT_VERSION,
            store: self.store.clone(),
            vault: self.vault.clone(),
            models: self.models.get().cloned(),
            pool,
        };
        let found = {
            let mut work = Box::pin(compare(search, parts, &tally, self.clock.now()));
            let mut every = tokio::time::interval(TELL);
            loop {
                tokio::select! {
                    found = &mut work => break found,
                    _ = every.tick() => {
                        let now = self.clock.now();
                        let noted = self.store.note_duplicate_search(search, tally.now(), now).await?;
                        if !noted {
                            // Another replica took it for lost, and has it.
                            return Ok(());
                        }
                    }
                }
            }
        };
        match found {
            Ok(found) => self.keep(search, &tally, &found).await,
            Err(error) => {
                let problem = error.to_string();
                tracing::warn!(
                    search = %search.id,
                    error = &error as &dyn std::error::Error,
                    "duplicate_search_failed"
                );
                drop(error);
                self.fail(search, &tally, problem).await
            }
        }
    }

    /// The pairs and the end, together: a search that has ended has raised all of its pairs.
    async fn keep(
        &self,
        search: &DuplicateSearchRow,
        tally: &Tally,
        found: &Duplicates,
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        let change = self.store.begin().await?;
        let mut raised = 0;
        for alike in &found.pairs {
            if !change.raise_duplicate(search, *alike, now).await? {
                continue;
            }
            raised += 1;
            let mut event = event(search, "duplicate.raised", AuditOutcome::Success);
            event.subject = Some(alike.one.0);
            event
                .detail
                .insert("other".to_owned(), alike.other.0.to_string());
            change.append_event(event, now).await?;
        }
        let (tally, alike) = (tally.now(), found.pairs.len() as u64);
        let end = SearchEnd::Finished {
            false_match_rate: found.false_match_rate,
            alike,
            raised,
        };
        if !change
            .end_duplicate_search(search, tally, &end, now)
            .await?
        {
            // Somebody else has it by now: what was raised here is not kept.
            return Ok(());
        }
        let mut event = event(search, "duplicates.searched", AuditOutcome::Success);
        event.detail.extend([
            ("people".to_owned(), tally.people.to_string()),
            ("left_out".to_owned(), tally.left_out.to_string()),
            ("alike".to_owned(), alike.to_string()),
            ("raised".to_owned(), raised.to_string()),
            (
                "false_positive_identification_rate".to_owned(),
                search.rate.to_string(),
            ),
        ]);
        change.append_event(event, now).await?;
        change.commit().await?;
        tracing::info!(search = %search.id, people = tally.people, raised, "duplicate_search_ended");
        Ok(())
    }

    async fn fail(
        &self,
        search: &DuplicateSearchRow,
        tally: &Tally,
        problem: String,
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        let mut event = event(search, "duplicates.searched", AuditOutcome::Fault);
        event.detail.insert("problem".to_owned(), problem.clone());
        let end = SearchEnd::Failed { problem };
        let change = self.store.begin().await?;
        let ended = change.end_duplicate_search(search, tally.now(), &end, now);
        if ended.await? {
            change.append_event(event, now).await?;
            change.commit().await?;
        }
        Ok(())
    }
}

async fn compare(
    search: &DuplicateSearchRow,
    parts: SearchParts,
    tally: &Tally,
    now: OffsetDateTime,
) -> Result<Duplicates, SearchError> {
    let comparer = DuplicateSearch::new(search.factor, parts)?;
    comparer.run(search.rate, tally, now).await
}

fn event(search: &DuplicateSearchRow, kind: &'static str, outcome: AuditOutcome) -> NewEvent {
    let trail = Trail {
        subject: None,
        client: None,
        attempt: None,
        address: None,
    };
    NewEvent {
        factor: Some(search.factor),
        detail: BTreeMap::from([("search".to_owned(), search.id.to_string())]),
        ..trail.event(kind, outcome)
    }
}

/// How often a replica looks for a search to carry out.
const LOOK: Duration = Duration::from_secs(2);
/// How often it says that it is at work.
const TELL: Duration = Duration::from_secs(3);
/// Whoever was not heard of for so long has gone.
const SILENT: time::Duration = time::Duration::seconds(30);
/// How often a search is begun.
const MOST_TAKES: i32 = 3;
