//! Where the time comes from: the one place that reads the machine's clock, and a clock that tests move by hand.
//!
//! Everything else takes `now` as an argument, so that expiry, rotation and replay windows are tested
//! by moving a number and not by waiting.

use std::sync::{Mutex, PoisonError};

use time::{Duration, OffsetDateTime};

/// A source of the present instant.
pub trait Clock: Send + Sync {
    /// The present instant, in UTC.
    fn now(&self) -> OffsetDateTime;
}

/// The machine's clock.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one allowed reader of the clock"
    )]
    fn now(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc()
    }
}

/// A clock that stands still until it is moved.
///
/// ```
/// use time::{Duration, macros::datetime};
/// use whorl::clock::{Clock, TestClock};
///
/// let clock = TestClock::at(datetime!(2030-01-01 0:00 UTC));
/// clock.advance(Duration::minutes(5));
/// assert_eq!(clock.now(), datetime!(2030-01-01 0:05 UTC));
/// ```
#[derive(Debug)]
pub struct TestClock(Mutex<OffsetDateTime>);

impl TestClock {
    /// A clock that shows `now`.
    pub fn at(now: OffsetDateTime) -> Self {
        Self(Mutex::new(now))
    }

    /// Moves the clock by `step`, which may be negative.
    pub fn advance(&self, step: Duration) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) += step;
    }

    /// Sets the clock to `now`.
    pub fn set(&self, now: OffsetDateTime) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }
}

impl Clock for TestClock {
    fn now(&self) -> OffsetDateTime {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
