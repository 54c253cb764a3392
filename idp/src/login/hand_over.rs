//! One step of a login that is handed over to the person's phone: a desk without a camera, a phone with one.
//!
//! The page at the desk shows a link as a QR code, and a number of two digits. Whoever opens the link first has it: a phone
//! that then says the number may do that one step of that one attempt, which is a face before the camera, and nothing
//! else. It gets no session and no code: the attempt goes on in the browser that began it.
//!
//! What this cannot stop is somebody who shows another the code of a login of his own. So the phone shows which application
//! it is for, and from where and when it was asked; it takes the number; and only what follows a proof at the desk is handed
//! over, so that a face alone is never fetched from a distance. A passkey is not handed over at all: it would stop telling the
//! desk's page from another one. Browsers do that themselves, with a proof that phone and desk are near each other.

use secrecy::{ExposeSecret, SecretString};
use time::{Duration, OffsetDateTime};
use wire::{AttemptId, AuditOutcome, FactorKind};

use super::LoginError;
use super::attempt::Attempt;
use super::journey::{Journey, Position, read, trail};
use super::step::Step;
use crate::factors::{Answer, FactorError};
use crate::random;
use crate::store::{HandOver, HandOverState, StoreError};

/// A hand-over and the attempt that it is of.
pub struct HandedOver {
    pub hand_over: HandOver,
    pub attempt: Attempt,
}

/// What came of a number.
pub enum Numbered {
    /// It is the one at the desk.
    Right,
    /// It is another one, and may be tried again.
    Wrong,
    /// It was another one too often.
    Ended,
}

/// Whether the step that an attempt stands at may be done on a phone.
#[must_use]
pub fn may_be_handed_over(attempt: &Attempt, step: &Step) -> bool {
    let is_face = matches!(
        step,
        Step::Challenge {
            factor: FactorKind::Face,
            ..
        }
    );
    is_face && attempt.has_proof()
}

impl Journey {
    /// Hands the step that an attempt stands at over to whoever opens the new link; an older link of it ends.
    ///
    /// # Errors
    /// [`LoginError::Moved`] where it does not stand at such a step, [`LoginError::Gone`] where it had too many links.
    pub async fn begin_hand_over(
        &self,
        position: &Position,
        now: OffsetDateTime,
    ) -> Result<(), LoginError> {
        let attempt = &position.attempt;
        if !may_be_handed_over(attempt, &position.step) {
            return Err(LoginError::Moved);
        }
        let secret = random::secret();
        let link = random::digest(secret.expose_secret());
        let plain = secret.expose_secret().as_bytes();
        let sealed = self.secrets.seal(PURPOSE, &link, plain).await;
        let new = HandOver {
            sealed: sealed.map_err(FactorError::Vault)?,
            link,
            attempt: attempt.id,
            number: number(),
            state: HandOverState::Waiting,
            created_at: now,
            expires_at: attempt.expires_at.min(now + LIFETIME),
        };
        if !self.store.begin_hand_over(&new, MOST_LINKS).await? {
            return Err(LoginError::Gone);
        }
        self.note_hand_over(attempt, "hand_over.began", AuditOutcome::Success, now)
            .await
    }

    /// The last hand-over of an attempt, for the browser that began it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn hand_over_of(
        &self,
        attempt: AttemptId,
        now: OffsetDateTime,
    ) -> Result<Option<HandOver>, LoginError> {
        Ok(self.store.hand_over_of_attempt(attempt, now).await?)
    }

    /// The secret of a hand-over's link, to show it once more.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub async fn link_of(&self, hand_over: &HandOver) -> Result<SecretString, LoginError> {
        let plain = self
            .secrets
            .open(PURPOSE, &hand_over.link, &hand_over.sealed)
            .await
            .map_err(FactorError::Vault)?;
        let text = std::str::from_utf8(&plain).map_err(|_| StoreError::Unreadable("hand-over"))?;
        Ok(text.to_owned().into())
    }

    /// Opens a link, once: the secret by which this phone is known from then on.
    ///
    /// # Errors
    /// [`LoginError::Gone`] where the link is unknown, was opened before, or leads to nothing any more.
    pub async fn open_link(
        &self,
        secret: &str,
        now: OffsetDateTime,
    ) -> Result<SecretString, LoginError> {
        let link = random::digest(secret);
        let phone = random::secret();
        let digest = random::digest(phone.expose_secret());
        if !self.store.open_hand_over(&link, &digest, now).await? {
            return Err(LoginError::Gone);
        }
        let opened = self.handed_over(&digest, now).await?;
        self.note_hand_over(
            &opened.attempt,
            "hand_over.opened",
            AuditOutcome::Success,
            now,
        )
        .await?;
        Ok(phone)
    }

    /// Where the hand-over to this phone stands, whatever became of its attempt.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn hand_over_at(
        &self,
        phone: &str,
        now: OffsetDateTime,
    ) -> Result<Option<HandOverState>, LoginError> {
        let hand_over = self.store.hand_over_of_phone(phone, now).await?;
        Ok(hand_over.map(|hand_over| hand_over.state))
    }

    /// What was handed over to this phone.
    ///
    /// # Errors
    /// [`LoginError::Gone`] where nothing was, or its attempt is over.
    pub async fn handed_over(
        &self,
        phone: &str,
        now: OffsetDateTime,
    ) -> Result<HandedOver, LoginError> {
        let hand_over = self.store.hand_over_of_phone(phone, now).await?;
        let hand_over = hand_over.ok_or(LoginError::Gone)?;
        if hand_over.state == HandOverState::Ended {
            return Err(LoginError::Gone);
        }
        let row = self.store.attempt(hand_over.attempt, now).await?;
        let attempt = read(row.ok_or(LoginError::Gone)?)?;
        Ok(HandedOver { hand_over, attempt })
    }

    /// Takes the number that the person at the phone reads at the desk.
    ///
    /// # Errors
    /// [`LoginError::Moved`] where none is asked for.
    pub async fn take_number(
        &self,
        handed: &HandedOver,
        typed: &str,
        now: OffsetDateTime,
    ) -> Result<Numbered, LoginError> {
        let HandedOver { hand_over, attempt } = handed;
        let link = &hand_over.link;
        if !self.store.reserve_number(link, MOST_NUMBERS).await? {
            return Err(LoginError::Moved);
        }
        let is_right = typed.trim() == hand_over.number.to_string();
        if is_right {
            let (from, to) = (HandOverState::Opened, HandOverState::Confirmed);
            if !self.store.move_hand_over(link, from, to).await? {
                return Err(LoginError::Moved);
            }
            self.note_hand_over(attempt, "hand_over.confirmed", AuditOutcome::Success, now)
                .await?;
            return Ok(Numbered::Right);
        }
        self.note_hand_over(attempt, "hand_over.confirmed", AuditOutcome::Refused, now)
            .await?;
        if self.store.end_tried_hand_over(link, MOST_NUMBERS).await? {
            return Ok(Numbered::Ended);
        }
        Ok(Numbered::Wrong)
    }

    /// The person at the phone says that it is not them.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn stop_hand_over(
        &self,
        handed: &HandedOver,
        now: OffsetDateTime,
    ) -> Result<(), LoginError> {
        let HandedOver { hand_over, attempt } = handed;
        for from in [HandOverState::Opened, HandOverState::Confirmed] {
            let ended = HandOverState::Ended;
            if self
                .store
                .move_hand_over(&hand_over.link, from, ended)
                .await?
            {
                self.note_hand_over(attempt, "hand_over.stopped", AuditOutcome::Refused, now)
                    .await?;
            }
        }
        Ok(())
    }

    /// Where the step of a phone that has said the number stands, with its challenge issued.
    ///
    /// # Errors
    /// [`LoginError::Gone`] where the number was not said, or the attempt went on without the phone.
    pub async fn ask_phone(
        &self,
        handed: HandedOver,
        now: OffsetDateTime,
    ) -> Result<Position, LoginError> {
        if handed.hand_over.state != HandOverState::Confirmed {
            return Err(LoginError::Gone);
        }
        let position = Box::pin(self.ask(handed.attempt, now)).await?;
        let position = self.settle(position).await?;
        if !may_be_handed_over(&position.attempt, &position.step) {
            return Err(LoginError::Gone);
        }
        Ok(position)
    }

    /// Judges what the phone answers, as it is judged at the desk; answers whether the step is done.
    ///
    /// # Errors
    /// As [`Journey::answer`], and [`LoginError::Gone`] as [`Journey::ask_phone`].
    pub async fn answer_from_phone(
        &self,
        handed: HandedOver,
        answer: Answer,
        now: OffsetDateTime,
    ) -> Result<bool, LoginError> {
        let link = handed.hand_over.link.clone();
        let position = self.ask_phone(handed, now).await?;
        // On the heap, or every future around it would be as large.
        let answered = self.answer(position.attempt, FactorKind::Face, answer, now);
        let attempt = Box::pin(answered).await?;
        let position = Box::pin(self.position(attempt, now)).await?;
        let position = self.settle(position).await?;
        if may_be_handed_over(&position.attempt, &position.step) {
            return Ok(false);
        }
        let (from, to) = (HandOverState::Confirmed, HandOverState::Done);
        if self.store.move_hand_over(&link, from, to).await? {
            self.note_hand_over(
                &position.attempt,
                "hand_over.done",
                AuditOutcome::Success,
                now,
            )
            .await?;
        }
        Ok(true)
    }

    async fn note_hand_over(
        &self,
        attempt: &Attempt,
        kind: &'static str,
        outcome: AuditOutcome,
        now: OffsetDateTime,
    ) -> Result<(), LoginError> {
        let event = trail(attempt).event(kind, outcome);
        self.store.append_event(event, now).await?;
        Ok(())
    }
}

/// Two digits, drawn evenly.
fn number() -> u8 {
    loop {
        let mut drawn = [0];
        random::fill(&mut drawn);
        // 180 is twice the 90 numbers from 10 to 99.
        if drawn[0] < 180 {
            return 10 + drawn[0] % 90;
        }
    }
}

/// What the vault knows the links by.
const PURPOSE: &str = "hand_over";
/// How long a link and what follows it may take.
pub const LIFETIME: Duration = Duration::minutes(5);
/// How often the number may be said.
const MOST_NUMBERS: i32 = 3;
/// How many links one attempt may have.
const MOST_LINKS: u64 = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_two_digits_and_all_come_up() {
        let mut seen = [false; 100];
        for _ in 0..20_000 {
            seen[usize::from(number())] = true;
        }
        assert!(seen[..10].iter().all(|it| !it) && seen[10..].iter().all(|it| *it));
    }
}
