//! Times as people read them: how long ago in lists, to the second and in UTC where it matters.

use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{Duration, OffsetDateTime, UtcOffset};

/// How long ago, in at most eight columns: `12s ago`, `3h ago`; the date where that is more than a month.
pub fn ago(now: OffsetDateTime, at: OffsetDateTime) -> String {
    let age = now - at;
    if age < Duration::seconds(5) {
        "now".to_owned()
    } else if age > Duration::days(30) {
        format(at, DATE)
    } else {
        format!("{} ago", rough(age))
    }
}

/// How long until then: `in 23h`, or `over`.
pub fn until(now: OffsetDateTime, at: OffsetDateTime) -> String {
    if at <= now {
        "over".to_owned()
    } else {
        format!("in {}", rough((at - now).max(Duration::seconds(1))))
    }
}

/// A span in its largest unit: `45s`, `5m`, `3h`, `12d`.
pub fn rough(span: Duration) -> String {
    let seconds = span.whole_seconds();
    match seconds {
        ..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..172_800 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// A span in its two largest units, for an uptime: `3d 4h`.
pub fn span(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    if days > 0 {
        format!("{days}d {hours}h")
    } else if hours > 0 {
        format!("{hours}h {minutes}m")
    } else if minutes > 0 {
        format!("{minutes}m {}s", seconds % 60)
    } else {
        format!("{seconds}s")
    }
}

/// A time that somebody set, exactly and in the largest unit that goes into it: `1 h`, `90 s`.
pub fn exact(seconds: u32) -> String {
    match seconds {
        0 => "0 s".to_owned(),
        _ if seconds.is_multiple_of(86_400) => format!("{} d", seconds / 86_400),
        _ if seconds.is_multiple_of(3600) => format!("{} h", seconds / 3600),
        _ if seconds.is_multiple_of(60) => format!("{} min", seconds / 60),
        _ => format!("{seconds} s"),
    }
}

/// Date and time to the second, in UTC.
pub fn stamp(at: OffsetDateTime) -> String {
    format(at, STAMP)
}

/// The date, in UTC.
pub fn date(at: OffsetDateTime) -> String {
    format(at, DATE)
}

/// The time of day, in UTC.
pub fn time_of_day(at: OffsetDateTime) -> String {
    format(at, TIME)
}

fn format(at: OffsetDateTime, description: &[BorrowedFormatItem<'_>]) -> String {
    at.to_offset(UtcOffset::UTC)
        .format(description)
        .unwrap_or_else(|_| at.to_string())
}

const STAMP: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day] [hour]:[minute]:[second]Z");
const DATE: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]");
const TIME: &[BorrowedFormatItem<'_>] = format_description!("[hour]:[minute]:[second]");

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn an_age_is_told_in_its_largest_unit() {
        let now = datetime!(2026-03-01 12:00 UTC);
        for (age, told) in [
            (Duration::seconds(-9), "now"),
            (Duration::seconds(4), "now"),
            (Duration::seconds(59), "59s ago"),
            (Duration::seconds(60), "1m ago"),
            (Duration::minutes(119), "1h ago"),
            (Duration::hours(47), "47h ago"),
            (Duration::hours(49), "2d ago"),
            (Duration::days(31), "2026-01-29"),
        ] {
            assert_eq!(ago(now, now - age), told);
        }
        assert_eq!(until(now, now + Duration::hours(24)), "in 24h");
        assert_eq!(until(now, now), "over");
    }

    #[test]
    fn a_time_that_is_set_is_told_exactly() {
        for (seconds, told) in [
            (0, "0 s"),
            (59, "59 s"),
            (90, "90 s"),
            (600, "10 min"),
            (3600, "1 h"),
            (172_800, "2 d"),
        ] {
            assert_eq!(exact(seconds), told);
        }
    }

    #[test]
    fn an_uptime_has_two_units() {
        for (seconds, told) in [
            (5, "5s"),
            (65, "1m 5s"),
            (3_700, "1h 1m"),
            (266_400, "3d 2h"),
        ] {
            assert_eq!(span(seconds), told);
        }
    }
}
