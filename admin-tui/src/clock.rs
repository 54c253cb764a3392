//! The clock: the one place of the console that reads it; everything else takes `now` as an argument.

use time::OffsetDateTime;

/// The present moment.
#[allow(clippy::disallowed_methods)]
pub fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}
