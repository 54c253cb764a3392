//! Points in time as a language writes them: the month by its name, so that nobody takes a day for a month, and the hour
//! in UTC, which is said. A browser with scripts shows its own time in their place.

use time::{OffsetDateTime, UtcOffset};

use super::Language;

impl Language {
    /// A day and a time of day.
    #[must_use]
    pub fn date_time(self, at: OffsetDateTime) -> String {
        let at = at.to_offset(UtcOffset::UTC);
        let month = self.say(&format!("month-{}", u8::from(at.month())));
        let (day, year) = (at.day().to_string(), at.year().to_string());
        let (hour, minute) = (format!("{:02}", at.hour()), format!("{:02}", at.minute()));
        self.say_all(
            "date-time",
            &[
                ("day", &day),
                ("month", &month),
                ("year", &year),
                ("hour", &hour),
                ("minute", &minute),
            ],
        )
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn every_language_writes_a_date_its_own_way() {
        let at = datetime!(2026-05-03 09:05:59 UTC);
        for (language, expected) in [
            (Language::English, "3 May 2026, 09:05 UTC"),
            (Language::Spanish, "3 de mayo de 2026, 09:05 UTC"),
            (Language::French, "3 mai 2026 à 09:05 UTC"),
            (Language::German, "3. Mai 2026, 09:05 UTC"),
            (Language::Hindi, "3 मई 2026, 09:05 UTC"),
            (Language::Chinese, "2026年5月3日 09:05 UTC"),
        ] {
            assert_eq!(language.date_time(at), expected);
        }
        assert!(Language::Arabic.date_time(at).contains("مايو"));
        let elsewhere = datetime!(2026-01-01 00:30:00 +02:00);
        assert_eq!(
            Language::English.date_time(elsewhere),
            "31 December 2025, 22:30 UTC"
        );
    }
}
