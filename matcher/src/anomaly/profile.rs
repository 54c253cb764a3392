//! What is remembered of one person's accepted logins, bounded, fading, and stored as a few thousand bytes.
//!
//! No address, place or browser is in it in the clear, but whoever holds it can test guesses: it is personal data, and
//! the means of typing are behavioural biometrics. It learns through [`super::Service::learn`] alone.

use std::borrow::Cow;

use super::codec::{ModelError, Reader, Writer};
use super::event::Event;
use super::gauge::Gauge;
use super::geography::Spot;
use super::memory::{Entry, Memory, day, fading};
use super::params::{
    COLD_LOGINS, FORGOTTEN_AFTER_S, GAUGE_MEMORY, MOST_LEARNED_A_DAY, MOST_VALUES,
};
use super::rhythm::Rhythm;
use super::value::{Attribute, values};

/// One person's habits.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Profile {
    pub(super) memories: [Memory; Attribute::COUNT],
    pub(super) rhythm: Rhythm,
    /// The round trip over what is usual for its network, logarithm.
    pub(super) trip: Gauge,
    /// Key hold, key flight, pointer, time to fill in: logarithms.
    pub(super) typing: [Gauge; TYPING],
    pub(super) biometric: Gauge,
    /// When something was last added to the round trip, to each of the page's measures, and to the biometric; 0 where
    /// nothing was.
    pub(super) measured_s: [i64; MEASURES],
    pub(super) last: Option<Last>,
    /// The newest version seen of each browser, and when the browser was last seen.
    pub(super) newest: Vec<(u64, [u32; 4], i64)>,
    /// Logins' worth that were learned, fading.
    logins: f32,
    faded_s: i64,
    day: i64,
    learned_today: f32,
}

/// Measures of the page.
pub(super) const TYPING: usize = 4;
/// In the order of [`Profile::measured_s`]: the round trip, the page's, the biometric.
pub(super) const MEASURES: usize = TYPING + 2;
pub(super) const TRIP: usize = 0;
pub(super) const PAGE: usize = 1;
pub(super) const BIOMETRIC: usize = PAGE + TYPING;

/// The last login that was taken for the person's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Last {
    pub at_s: i64,
    /// When the person was last at a place that counts, and the finest that was known of it.
    pub placed_s: i64,
    pub place: u64,
    pub spot: Option<Spot>,
}

impl Profile {
    /// Logins' worth that this rests on; they fade with time.
    #[must_use]
    pub fn logins(&self, now_s: i64) -> f32 {
        let passed_s = now_s.saturating_sub(self.faded_s).max(0);
        match passed_s > FORGOTTEN_AFTER_S {
            true => 0.0,
            false => self.logins * fading(passed_s),
        }
    }

    /// The same as of the last login.
    pub(super) fn remembered(&self) -> f32 {
        self.logins
    }

    /// Too little is known to say that anything is like this person.
    #[must_use]
    pub fn is_cold(&self, now_s: i64) -> bool {
        self.logins(now_s) < COLD_LOGINS
    }

    /// The profile without what six months of absence make forgotten: of a person who did not come all that time nothing
    /// is left, of one who did what was not measured or seen meanwhile goes. Values go by themselves.
    #[must_use]
    pub fn as_of(&self, now_s: i64) -> Cow<'_, Self> {
        let is_old = |at_s: i64| now_s.saturating_sub(at_s) > FORGOTTEN_AFTER_S;
        if is_old(self.faded_s) {
            return Cow::Owned(Self::default());
        }
        let is_stale = |(gauge, at_s): (&Gauge, i64)| gauge.count > 0.0 && is_old(at_s);
        let gauges = self.gauges().into_iter();
        let has_stale = gauges.zip(self.measured_s).any(is_stale)
            || self.newest.iter().any(|(_, _, at_s)| is_old(*at_s))
            || self
                .last
                .is_some_and(|last| last.spot.is_some() && is_old(last.placed_s));
        if !has_stale {
            return Cow::Borrowed(self);
        }
        let mut left = self.clone();
        let [hold, flight, pointer, filled] = &mut left.typing;
        let gauges = [
            &mut left.trip,
            hold,
            flight,
            pointer,
            filled,
            &mut left.biometric,
        ];
        for (gauge, at_s) in gauges.into_iter().zip(&mut left.measured_s) {
            if is_stale((&*gauge, *at_s)) {
                (*gauge, *at_s) = (Gauge::default(), 0);
            }
        }
        left.newest.retain(|(_, _, at_s)| !is_old(*at_s));
        if let Some(last) = left.last.as_mut().filter(|last| is_old(last.placed_s)) {
            last.spot = None;
        }
        Cow::Owned(left)
    }

    /// When the person was last here, seconds since 1970.
    #[must_use]
    pub fn last_s(&self) -> Option<i64> {
        self.last.map(|last| last.at_s)
    }

    /// The person was taken for a regular of this address before.
    #[must_use]
    pub fn knows_address(&self, event: &Event) -> bool {
        let address = values(event)[Attribute::Address as usize];
        let entries = &self.memories[Attribute::Address as usize].entries;
        entries.iter().any(|e| Some(e.value) == address)
    }

    /// Forgets what was measured of the body: how the person types and moves the pointer, and how well a face or a finger
    /// matched. The rest stays.
    pub fn forget_biometrics(&mut self) {
        self.typing = Default::default();
        self.biometric = Gauge::default();
    }

    /// How much of a weight may still be learned today; takes it.
    pub(super) fn take_share(&mut self, at_s: i64, weight: f32) -> f32 {
        // Clocks of two servers differ at midnight: a day that is just over is not begun anew.
        if day(at_s) > self.day || day(at_s).saturating_add(1) < self.day {
            self.day = day(at_s);
            self.learned_today = 0.0;
        }
        let weight = weight.min(MOST_LEARNED_A_DAY - self.learned_today).max(0.0);
        self.learned_today += weight;
        let passed_s = at_s.saturating_sub(self.faded_s);
        if passed_s > 0 {
            self.logins *= fading(passed_s);
            self.faded_s = at_s;
        }
        self.logins += weight;
        weight
    }

    /// In the order of their times.
    fn gauges(&self) -> [&Gauge; MEASURES] {
        let [hold, flight, pointer, filled] = &self.typing;
        [&self.trip, hold, flight, pointer, filled, &self.biometric]
    }

    /// The newest version of a browser, which only rises.
    pub(super) fn note_version(&mut self, browser: u64, version: [u32; 4], now_s: i64) {
        match self.newest.iter_mut().find(|(b, ..)| *b == browser) {
            Some((_, newest, at_s)) => {
                *newest = (*newest).max(version);
                *at_s = (*at_s).max(now_s);
            }
            None => {
                if self.newest.len() >= MOST_BROWSERS {
                    self.newest.remove(0);
                }
                self.newest.push((browser, version, now_s));
            }
        }
    }

    /// As it is stored.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut w = Writer::new(MARK, VERSION);
        for memory in &self.memories {
            w.u8(memory.entries.len() as u8);
            for e in &memory.entries {
                w.u64(e.value);
                w.f32(e.weight);
                w.f32(e.trust);
                w.i64(e.last_s);
            }
            w.f32s(&[memory.fresh, memory.total]);
            w.i64(memory.faded_s);
        }
        w.f32s(&self.rhythm.hours);
        w.f32s(&self.rhythm.weekdays);
        w.i64(self.rhythm.faded_s);
        w.f32s(&gauge_numbers(&self.trip));
        self.typing.iter().for_each(|g| w.f32s(&gauge_numbers(g)));
        w.f32s(&gauge_numbers(&self.biometric));
        self.measured_s.iter().for_each(|at_s| w.i64(*at_s));
        w.u8(u8::from(self.last.is_some()));
        if let Some(last) = self.last {
            w.i64(last.at_s);
            w.i64(last.placed_s);
            w.u64(last.place);
            w.u8(u8::from(last.spot.is_some()));
            if let Some(spot) = last.spot {
                w.f32s(&[spot.latitude, spot.longitude, spot.slack_km]);
            }
        }
        w.u8(self.newest.len() as u8);
        for (browser, version, at_s) in &self.newest {
            w.u64(*browser);
            version.iter().for_each(|v| w.u32(*v));
            w.i64(*at_s);
        }
        w.f32s(&[self.logins, self.learned_today]);
        w.i64(self.faded_s);
        w.i64(self.day);
        w.0
    }

    /// Reads what [`Profile::to_bytes`] wrote.
    ///
    /// # Errors
    /// Whatever is not exactly such bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ModelError> {
        let (mut r, version) = Reader::among(bytes, MARK, OLDEST..=VERSION, Self::MOST_BYTES)?;
        let mut profile = Self::default();
        for memory in &mut profile.memories {
            *memory = read_memory(&mut r)?;
        }
        profile.rhythm = Rhythm {
            hours: r.f32s("weight", 0.0, MOST_WEIGHT)?,
            weekdays: r.f32s("weight", 0.0, MOST_WEIGHT)?,
            faded_s: r.i64()?,
        };
        profile.trip = read_gauge(&mut r)?;
        for gauge in &mut profile.typing {
            *gauge = read_gauge(&mut r)?;
        }
        profile.biometric = read_gauge(&mut r)?;
        if version >= 3 {
            for at_s in &mut profile.measured_s {
                *at_s = r.i64()?;
            }
        }
        profile.last = match read_flag(&mut r)? {
            true => Some(read_last(&mut r, version)?),
            false => None,
        };
        let is_timed = version >= 3;
        let browsers = usize::from(r.u8()?);
        if browsers > MOST_BROWSERS {
            return Err(ModelError::TooMany("browsers"));
        }
        for _ in 0..browsers {
            let browser = r.u64()?;
            let release = [r.u32()?, r.u32()?, r.u32()?, r.u32()?];
            let at_s = if is_timed { r.i64()? } else { 0 };
            profile.newest.push((browser, release, at_s));
        }
        profile.logins = r.f32("weight", 0.0, MOST_WEIGHT)?;
        profile.learned_today = r.f32("weight", 0.0, MOST_WEIGHT)?;
        profile.faded_s = r.i64()?;
        profile.day = r.i64()?;
        r.end()?;
        if !is_timed {
            profile.date_measures();
        }
        Ok(profile)
    }

    /// What an earlier version did not date was there when the person last was.
    fn date_measures(&mut self) {
        let is_there = self.gauges().map(|gauge| gauge.count > 0.0);
        for (at_s, is_there) in self.measured_s.iter_mut().zip(is_there) {
            *at_s = if is_there { self.faded_s } else { 0 };
        }
        for (_, _, at_s) in &mut self.newest {
            *at_s = self.faded_s;
        }
    }

    /// No profile has more bytes than this.
    pub const MOST_BYTES: usize = 16 * 1024;
}

const MARK: [u8; 4] = *b"WAPR";
/// Since 2 the place of the last login has a time of its own, since 3 measures and browsers have.
const VERSION: u16 = 3;
const OLDEST: u16 = 1;
const MOST_BROWSERS: usize = 8;
/// No sum of weights that fade is as large.
const MOST_WEIGHT: f32 = 1e6;

fn read_memory(r: &mut Reader) -> Result<Memory, ModelError> {
    let count = usize::from(r.u8()?);
    if count > MOST_VALUES {
        return Err(ModelError::TooMany("values"));
    }
    let mut memory = Memory::default();
    for _ in 0..count {
        memory.entries.push(Entry {
            value: r.u64()?,
            weight: r.f32("weight", 0.0, MOST_WEIGHT)?,
            trust: r.f32("trust", 0.0, 1.0)?,
            last_s: r.i64()?,
        });
    }
    memory.fresh = r.f32("weight", 0.0, MOST_WEIGHT)?;
    memory.total = r.f32("weight", 0.0, MOST_WEIGHT)?;
    memory.faded_s = r.i64()?;
    Ok(memory)
}

fn read_last(r: &mut Reader, version: u16) -> Result<Last, ModelError> {
    let at_s = r.i64()?;
    Ok(Last {
        at_s,
        placed_s: if version < 2 { at_s } else { r.i64()? },
        place: r.u64()?,
        spot: match read_flag(r)? {
            true => Some(Spot {
                latitude: r.f32("latitude", -90.0, 90.0)?,
                longitude: r.f32("longitude", -180.0, 180.0)?,
                slack_km: r.f32("slack", 0.0, 20_000.0)?,
            }),
            false => None,
        },
    })
}

fn read_flag(r: &mut Reader) -> Result<bool, ModelError> {
    match r.u8()? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(ModelError::Impossible("flag")),
    }
}

pub(super) fn gauge_numbers(gauge: &Gauge) -> [f32; 3] {
    [gauge.count, gauge.mean, gauge.variance]
}

pub(super) fn read_gauge(r: &mut Reader) -> Result<Gauge, ModelError> {
    Ok(Gauge {
        count: r.f32("count", 0.0, 50.0 * GAUGE_MEMORY)?,
        mean: r.f32("mean", -1e6, 1e6)?,
        variance: r.f32("variance", 0.0, 1e9)?,
    })
}
