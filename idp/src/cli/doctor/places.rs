//! Whether the databases of places can be read, and how old they are.

use std::path::PathBuf;

use time::{Duration, OffsetDateTime};

use super::report::{Area, Finding, chain};
use crate::config::Config;
use crate::places::Database;

/// One finding a file.
pub(super) fn examine(config: &Config, now: OffsetDateTime) -> Vec<Finding> {
    let paths = &config.risk.places;
    if paths.is_empty() {
        let detail = "none: countries and journeys are not judged";
        return vec![Finding::ok(Area::Configuration, NAME, detail.to_owned())];
    }
    let finding = |path: &PathBuf| {
        match Database::read(path) {
        Ok(database) => {
            let made = database.made_at();
            let made_on = made.map_or_else(|| "no known day".to_owned(), |at| at.date().to_string());
            let detail = format!("{}: {} of {made_on}", path.display(), database.kind());
            match made.is_some_and(|at| now - at <= STALE_AFTER) {
                true => Finding::ok(Area::Configuration, NAME, detail),
                false => Finding::warn(Area::Configuration, NAME, detail)
                    .mend("fetch a newer one: networks move"),
            }
        }
        Err(error) => Finding::fail(Area::Configuration, NAME, chain(&error))
            .mend("put a database in MaxMind's format there, or take it out of [risk] places; logins go on without it"),
    }
    };
    paths.iter().map(finding).collect()
}

const NAME: &str = "places";
/// Databases of places are made anew each week.
const STALE_AFTER: Duration = Duration::days(90);
