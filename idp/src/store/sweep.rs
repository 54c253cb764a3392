//! Removing what has expired, a table at a time; safe to run on every replica at once.

use matcher::anomaly::FORGOTTEN_AFTER_S;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use time::{Duration, OffsetDateTime};

use super::entity::{
    attempt, authorization_code, capture, decision, device_key, enrolment, hand_over,
    initial_access_token, logout_notice, notice, pending_authorization, pushed_request,
    refresh_token, revoked_access_token, risk_profile, sample_digest, session, single_use,
    try_counter,
};
use super::{Result, Store, millis};

impl Store {
    /// Deletes expired attempts, captures, codes, tokens and sessions, counters untouched for a day, and what is remembered of
    /// people who did not come for six months.
    /// Redeemed codes stay for a day, so that a replay is recognised.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sweep(&self, now: OffsetDateTime) -> Result<u64> {
        let at = millis(now);
        let day_ago = millis(now - Duration::days(1));
        let mut gone = 0;
        gone += attempt::Entity::delete_many()
            .filter(attempt::Column::ExpiresAt.lt(at))
            .exec(&self.db)
            .await?
            .rows_affected;
        gone += capture::Entity::delete_many()
            .filter(capture::Column::ExpiresAt.lt(at))
            .exec(&self.db)
            .await?
            .rows_affected;
        gone += decision::Entity::delete_many()
            .filter(decision::Column::ExpiresAt.lt(at))
            .exec(&self.db)
            .await?
            .rows_affected;
        gone += hand_over::Entity::delete_many()
            .filter(hand_over::Column::ExpiresAt.lt(at))
            .exec(&self.db)
            .await?
            .rows_affected;
        gone += device_key::Entity::delete_many()
            .filter(device_key::Column::ExpiresAt.lt(at))
            .exec(&self.db)
            .await?
            .rows_affected;
        gone += enrolment::Entity::delete_many()
            .filter(enrolment::Column::ExpiresAt.lt(at))
            .exec(&self.db)
            .await?
            .rows_affected;
        gone += authorization_code::Entity::delete_many()
            .filter(authorization_code::Column::ExpiresAt.lt(day_ago))
            .exec(&self.db)
            .await?
            .rows_affected;
        gone += pushed_request::Entity::delete_many()
            .filter(pushed_request::Column::ExpiresAt.lt(at))
            .exec(&self.db)
            .await?
            .rows_affected;
        gone += logout_notice::Entity::delete_many()
            .filter(logout_notice::Column::ExpiresAt.lt(at))
            .exec(&self.db)
            .await?
            .rows_affected;
        gone += notice::Entity::delete_many()
            .filter(notice::Column::ExpiresAt.lt(at))
            .exec(&self.db)
            .await?
            .rows_affected;
        gone += refresh_token::Entity::delete_many()
            .filter(refresh_token::Column::ExpiresAt.lt(at))
            .exec(&self.db)
            .await?
            .rows_affected;
        gone += revoked_access_token::Entity::delete_many()
            .filter(revoked_access_token::Column::ExpiresAt.lt(at))
            .exec(&self.db)
            .await?
            .rows_affected;
        gone += sample_digest::Entity::delete_many()
            .filter(sample_digest::Column::ExpiresAt.lt(at))
            .exec(&self.db)
            .await?
            .rows_affected;
        gone += single_use::Entity::delete_many()
            .filter(single_use::Column::ExpiresAt.lt(at))
            .exec(&self.db)
            .await?
            .rows_affected;
        gone += initial_access_token::Entity::delete_many()
            .filter(initial_access_token::Column::ExpiresAt.lt(at))
            .exec(&self.db)
            .await?
            .rows_affected;
        gone += pending_authorization::Entity::delete_many()
            .filter(pending_authorization::Column::ExpiresAt.lt(day_ago))
            .exec(&self.db)
            .await?
            .rows_affected;
        gone += session::Entity::delete_many()
            .filter(session::Column::ExpiresAt.lt(day_ago))
            .exec(&self.db)
            .await?
            .rows_affected;
        gone += try_counter::Entity::delete_many()
            .filter(try_counter::Column::UpdatedAt.lt(day_ago))
            .exec(&self.db)
            .await?
            .rows_affected;
        let forgotten = millis(now - Duration::seconds(FORGOTTEN_AFTER_S));
        gone += risk_profile::Entity::delete_many()
            .filter(risk_profile::Column::UpdatedAt.lt(forgotten))
            .exec(&self.db)
            .await?
            .rows_affected;
        gone += self.forget_attempts(now).await?;
        Ok(gone)
    }
}
