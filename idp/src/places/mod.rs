//! Where an address is, by databases in MaxMind's format (DB spec 2.0) that lie on this machine: country, region, city,
//! coordinates and autonomous system.
//!
//! Nothing is asked of anybody else. Several databases stand beside each other, such as one of cities and one of
//! networks: each is asked for all that it knows, and the first that knows a thing is believed. A file that changes is
//! read anew; one that cannot be read is told to operators, and logins go on without it, or with what was read before.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;

use maxminddb::{MaxMindDbError, Reader};
use serde::Deserialize;
use time::OffsetDateTime;

#[cfg(test)]
mod tests;
#[cfg(test)]
#[path = "../../../tests/src/place_file.rs"]
pub mod write;

/// Where an address is, as far as that is known.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Located {
    /// ISO 3166-1 alpha-2.
    pub country: Option<String>,
    pub region: Option<String>,
    pub city: Option<String>,
    /// Latitude and longitude, degrees.
    pub coordinates: Option<(f64, f64)>,
    /// The autonomous system.
    pub network: Option<u32>,
}

/// Why a database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PlacesError {
    #[error("{0} cannot be read")]
    File(PathBuf, #[source] std::io::Error),
    #[error("{0} is larger than {MOST_BYTES} bytes")]
    TooLarge(PathBuf),
    #[error("{0} is no database in MaxMind's format")]
    Format(PathBuf, #[source] MaxMindDbError),
}

/// The databases of a deployment.
pub struct Places {
    files: Vec<Source>,
}

/// One file, and what was read of it.
struct Source {
    path: PathBuf,
    held: RwLock<Held>,
}

#[derive(Default)]
struct Held {
    /// Of the file that was looked at last, whether or not it could be read.
    stamp: Option<Stamp>,
    database: Option<Arc<Database>>,
}

/// A file that is put in the place of another differs in one of these.
type Stamp = (SystemTime, u64, u64);

/// One database in memory.
pub struct Database(Reader<Vec<u8>>);

impl Places {
    /// Reads what can be read, and tells operators of the rest.
    #[must_use]
    pub fn open(paths: &[PathBuf]) -> Self {
        let source = |path: &PathBuf| Source {
            path: path.clone(),
            held: RwLock::default(),
        };
        let places = Self {
            files: paths.iter().map(source).collect(),
        };
        places.look_again();
        places
    }

    /// Whether there is anything to look at.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Reads the files that changed since. It reads whole files: not for a thread that others wait for.
    pub fn look_again(&self) {
        self.files.iter().for_each(Source::look_again);
    }

    /// Where an address is.
    #[must_use]
    pub fn locate(&self, address: IpAddr) -> Located {
        let mut located = Located::default();
        for source in &self.files {
            let held = source.held.read().unwrap_or_else(PoisonError::into_inner);
            let database = held.database.clone();
            drop(held);
            if let Some(database) = database {
                located.add(database.locate(address));
            }
        }
        located
    }
}

impl Source {
    fn look_again(&self) {
        let stamp = match stamp(&self.path) {
            Ok(stamp) => Some(stamp),
            Err(error) => {
                let had = self.write().stamp.take().is_some();
                if had || self.database().is_none() {
                    tracing::warn!(path = %self.path.display(), %error, "places_unreadable");
                }
                return;
            }
        };
        if self.write().stamp == stamp {
            return;
        }
        let read = Database::read(&self.path);
        let mut held = self.write();
        held.stamp = stamp;
        match read {
            Ok(database) => {
                tracing::info!(path = %self.path.display(), kind = database.kind(), "places_read");
                held.database = Some(Arc::new(database));
            }
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(path = %self.path.display(), error, "places_unreadable");
            }
        }
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, Held> {
        self.held.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn database(&self) -> Option<Arc<Database>> {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        held.database.clone()
    }
}

impl Database {
    /// Reads a file.
    ///
    /// # Errors
    /// When it is not there, or is no such database.
    pub fn read(path: &Path) -> Result<Self, PlacesError> {
        let file = |error| PlacesError::File(path.to_owned(), error);
        let (_, length, _) = stamp(path).map_err(file)?;
        if length > MOST_BYTES {
            return Err(PlacesError::TooLarge(path.to_owned()));
        }
        let bytes = std::fs::read(path).map_err(file)?;
        let reader = Reader::from_source(bytes);
        let reader = reader.map_err(|error| PlacesError::Format(path.to_owned(), error))?;
        Ok(Self(reader))
    }

    /// What its maker calls it.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.0.metadata().database_type
    }

    /// When it was made.
    #[must_use]
    pub fn made_at(&self) -> Option<OffsetDateTime> {
        let epoch = i64::try_from(self.0.metadata().build_epoch).ok()?;
        OffsetDateTime::from_unix_timestamp(epoch).ok()
    }

    /// A record that cannot be read is one that is not there.
    fn locate(&self, address: IpAddr) -> Located {
        let address = address.to_canonical();
        let found = self.0.lookup(address).and_then(|found| found.decode());
        match found {
            Ok(Some(record)) => Record::located(record),
            Ok(None) => Located::default(),
            Err(error) => {
                tracing::debug!(%error, "place_unreadable");
                Located::default()
            }
        }
    }
}

impl Located {
    /// Takes what is not known yet; coordinates and names of one place come from one database.
    fn add(&mut self, other: Self) {
        if self.country.is_none() {
            self.country = other.country;
            self.region = other.region;
            self.city = other.city;
            self.coordinates = other.coordinates;
        }
        self.network = self.network.or(other.network);
    }
}

/// What is read of a record: the fields that city, country and network databases have in common.
#[derive(Deserialize)]
struct Record<'a> {
    #[serde(borrow)]
    country: Option<Country<'a>>,
    #[serde(borrow)]
    city: Option<City<'a>>,
    #[serde(borrow, default)]
    subdivisions: Vec<Country<'a>>,
    location: Option<Location>,
    autonomous_system_number: Option<u32>,
}

#[derive(Deserialize)]
struct Country<'a> {
    iso_code: Option<&'a str>,
}

#[derive(Deserialize)]
struct City<'a> {
    #[serde(borrow)]
    names: Option<Names<'a>>,
}

#[derive(Deserialize)]
struct Names<'a> {
    en: Option<&'a str>,
}

#[derive(Deserialize)]
struct Location {
    latitude: Option<f64>,
    longitude: Option<f64>,
}

impl Record<'_> {
    fn located(self) -> Located {
        let code = |country: &Country<'_>| country.iso_code.and_then(plain);
        let city = self.city.and_then(|city| city.names?.en);
        let location = self.location;
        let coordinates = location.and_then(|at| Some((at.latitude?, at.longitude?)));
        Located {
            country: self.country.as_ref().and_then(code),
            region: self.subdivisions.first().and_then(code),
            city: city.and_then(plain),
            coordinates: coordinates
                .filter(|(latitude, longitude)| latitude.abs() <= 90.0 && longitude.abs() <= 180.0),
            network: self.autonomous_system_number,
        }
    }
}

/// Names are shown to people: short, and on one line.
fn plain(name: &str) -> Option<String> {
    let name: String = name.chars().filter(|c| !c.is_control()).take(80).collect();
    (!name.is_empty()).then_some(name)
}

fn stamp(path: &Path) -> Result<Stamp, std::io::Error> {
    use std::os::unix::fs::MetadataExt as _;
    let file = std::fs::metadata(path)?;
    Ok((file.modified()?, file.len(), file.ino()))
}

/// The largest that are sold have about half of this.
const MOST_BYTES: u64 = 2 << 30;
