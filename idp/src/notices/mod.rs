//! People hear of changes to their accounts: by mail, by a webhook, or both, where an operator configured it
//! (NIST SP 800-63B-4 §4.6).
//!
//! What is to be told is kept in SQL with the change itself, and sent by a task of its own: a mail server that is down
//! holds up nobody, and is tried again with growing pauses for more than a day.

mod letter;
mod mail;
mod webhook;

use std::sync::Arc;

use futures_util::future::join_all;
use time::{Duration, OffsetDateTime};

pub use mail::{Mailer, MailerError};

use crate::app::App;
use crate::store::{Channel, Notice, StoreError};
use crate::words::Language;

/// Why a notice was not sent; it names nobody.
#[derive(Debug, thiserror::Error)]
enum Unsent {
    /// Another try may help.
    #[error("{0}")]
    Later(String),
    /// None will.
    #[error("{0}")]
    Never(String),
}

impl App {
    /// Sends notices while the provider runs, if there is a way to.
    pub async fn tell(self: Arc<Self>) {
        if self.config.notices.channels().is_empty() {
            return;
        }
        let mut appended = self.store.appended();
        loop {
            // A full batch has more behind it: nobody's notice waits for a pause then.
            if self.send_notices(self.clock.now()).await == AT_ONCE as usize {
                continue;
            }
            // At once after a change here, and soon after one at another replica or for another try.
            let _whichever = tokio::time::timeout(GLANCE, appended.changed()).await;
            tokio::time::sleep(BREATH).await;
        }
    }

    /// Sends the notices whose time has come, all at once and each within a time limit; how many were taken up.
    pub async fn send_notices(&self, now: OffsetDateTime) -> usize {
        let due = match self.store.due_notices(now, AT_ONCE).await {
            Ok(due) => due,
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "notices_not_read");
                return 0;
            }
        };
        let all = join_all(due.into_iter().map(|notice| self.send_notice(notice, now)));
        all.await.into_iter().filter(|taken| *taken).count()
    }

    /// Whether it was this replica's to send.
    async fn send_notice(&self, notice: Notice, now: OffsetDateTime) -> bool {
        let again = next_try(notice.tries);
        let next = now + again.unwrap_or(Duration::days(365));
        match self.store.claim_notice(&notice, next).await {
            Ok(true) => {}
            // Another replica has it.
            Ok(false) => return false,
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "notice_not_claimed");
                return false;
            }
        }
        let sent = match notice.channel {
            Channel::Mail => self.mail_notice(&notice).await,
            Channel::Webhook => self.post_notice(&notice, now).await,
        };
        let is_over = match &sent {
            Ok(()) => true,
            Err(unsent) => {
                let (channel, tries) = (notice.channel.as_str(), notice.tries + 1);
                tracing::warn!(id = %notice.id, channel, tries, reason = %unsent, "notice_not_sent");
                matches!(unsent, Unsent::Never(_)) || again.is_none()
            }
        };
        if is_over && let Err(error) = self.store.forget_notice(notice.id).await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "notice_not_forgotten");
        }
        true
    }

    async fn mail_notice(&self, notice: &Notice) -> Result<(), Unsent> {
        let Some(mailer) = &self.mailer else {
            return Err(Unsent::Never("mail is off".into()));
        };
        let later = |error: StoreError| Unsent::Later(error.to_string());
        let subject = self.store.subject(notice.subject).await.map_err(later)?;
        let address = subject.as_ref().and_then(|it| it.email.as_deref());
        let (Some(subject), Some(address)) = (&subject, address) else {
            // Who has no address hears nothing by mail.
            return Ok(());
        };
        let ids: Vec<String> = notice.told.client.iter().cloned().collect();
        let names = self.store.client_names(&ids).await.map_err(later)?;
        let client = ids.first().map(|id| names.get(id).unwrap_or(id).as_str());
        let issuer = self.config.issuer_text();
        let language = self.language_of(notice).await.map_err(later)?;
        let letter = letter::write(language, &notice.told, &subject.username, client, &issuer);
        mailer.send(address, &letter).await
    }
}

impl App {
    /// What whom a notice is for speaks.
    async fn language_of(&self, notice: &Notice) -> Result<Language, StoreError> {
        let spoken = self.store.spoken(notice.subject).await?;
        let language = spoken.and_then(|spoken| Language::of_tag(&spoken.language));
        Ok(language.unwrap_or_default())
    }
}

/// When to try again after so many tries that failed, or never: five seconds, then four times as long each time, up to
/// about a day.
fn next_try(tries: u32) -> Option<Duration> {
    (tries < MOST_TRIES).then(|| FIRST_WAIT * 4_i32.pow(tries.min(MOST_TRIES)))
}

const FIRST_WAIT: Duration = Duration::seconds(5);
const MOST_TRIES: u32 = 8;
const AT_ONCE: u64 = 16;
const GLANCE: std::time::Duration = std::time::Duration::from_secs(5);
/// Events come in swarms: one question for all of them.
const BREATH: std::time::Duration = std::time::Duration::from_millis(200);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_does_not_answer_is_tried_for_about_a_day() {
        let waits: Vec<Duration> = (0..20).map_while(next_try).collect();
        assert_eq!(waits.len(), MOST_TRIES as usize);
        assert!(waits.windows(2).all(|pair| pair[0] * 4 == pair[1]));
        let all: Duration = waits.iter().sum();
        assert!(all > Duration::days(1) && all < Duration::days(2), "{all}");
    }
}
