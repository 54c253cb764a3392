//! The features of an attempt: each a number from nought on, in natural logarithms of how much it says.
//!
//! Two of each attribute: *novelty*, the surprise that this person comes with something new (nothing for who always
//! does), and *familiarity*, how much likelier the value is for this person than for anybody (Freeman et al. 2016). At
//! most one of the two is large. What is not known is nought in both. Novelty and all that is odd may only raise a
//! score, familiarity only lower it: [`sign`] says which, and the models keep to it.

use super::agent;
use super::census::{Census, typing};
use super::event::Event;
use super::geography::{Spot, Way};
use super::memory::Look;
use super::params::{DAY_S, FASTEST_KM_PER_H, HASTE_S, MOST_FAMILIAR};
use super::profile::Profile;
use super::value::{Attribute, Values, product};

/// How many there are.
pub(super) const COUNT: usize = FOREST + 1;

/// The first novelty; one an attribute.
pub(super) const NOVELTY: usize = 0;
/// The first familiarity.
pub(super) const FAMILIARITY: usize = Attribute::COUNT;
pub(super) const HOUR_ODD: usize = 2 * Attribute::COUNT;
pub(super) const HOUR_USUAL: usize = HOUR_ODD + 1;
pub(super) const WEEKDAY_ODD: usize = HOUR_ODD + 2;
pub(super) const WEEKDAY_USUAL: usize = HOUR_ODD + 3;
pub(super) const TRAVEL: usize = HOUR_ODD + 4;
pub(super) const HASTE: usize = HOUR_ODD + 5;
pub(super) const ABSENCE: usize = HOUR_ODD + 6;
pub(super) const TRIP_ODD: usize = HOUR_ODD + 7;
pub(super) const TRIP_USUAL: usize = HOUR_ODD + 8;
pub(super) const TYPING_ODD: usize = HOUR_ODD + 9;
pub(super) const TYPING_USUAL: usize = HOUR_ODD + 10;
pub(super) const BIOMETRIC_ODD: usize = HOUR_ODD + 11;
pub(super) const PERSON_FAILURES: usize = HOUR_ODD + 12;
pub(super) const ADDRESS_FAILURES: usize = HOUR_ODD + 13;
pub(super) const ADDRESS_STRANGERS: usize = HOUR_ODD + 14;
pub(super) const SERVICE_FAILURES: usize = HOUR_ODD + 15;
pub(super) const NETWORK_STRANGERS: usize = HOUR_ODD + 16;
pub(super) const PREFIX_STRANGERS: usize = HOUR_ODD + 17;
pub(super) const AGENT_STRANGERS: usize = HOUR_ODD + 18;
pub(super) const RARE_NETWORK: usize = HOUR_ODD + 19;
pub(super) const RARE_AGENT: usize = HOUR_ODD + 20;
pub(super) const DOWNGRADE: usize = HOUR_ODD + 21;
pub(super) const BOTH: usize = HOUR_ODD + 22;
pub(super) const REUSED: usize = HOUR_ODD + 23;
pub(super) const FOREST: usize = HOUR_ODD + 24;

/// A value for each feature.
pub(super) type Features = [f32; COUNT];

/// Whether a feature may raise a score (1) or lower it (-1).
pub(super) const fn sign(feature: usize) -> f32 {
    let is_usual = matches!(
        feature,
        HOUR_USUAL | WEEKDAY_USUAL | TRIP_USUAL | TYPING_USUAL
    );
    if is_usual || (feature >= FAMILIARITY && feature < HOUR_ODD) {
        -1.0
    } else {
        1.0
    }
}

/// What the isolation forest looks at: all that can be odd.
pub(super) const FOREST_INPUTS: [usize; 32] = [
    0,
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    8,
    9,
    10,
    11,
    12,
    HOUR_ODD,
    WEEKDAY_ODD,
    TRAVEL,
    HASTE,
    ABSENCE,
    TRIP_ODD,
    TYPING_ODD,
    BIOMETRIC_ODD,
    PERSON_FAILURES,
    ADDRESS_FAILURES,
    ADDRESS_STRANGERS,
    SERVICE_FAILURES,
    NETWORK_STRANGERS,
    PREFIX_STRANGERS,
    AGENT_STRANGERS,
    RARE_NETWORK,
    RARE_AGENT,
    DOWNGRADE,
    BOTH,
];

/// An attempt as it is looked at.
pub(super) struct Observation {
    pub looks: [Option<Look>; Attribute::COUNT],
    pub features: Features,
    /// From the last login's place.
    pub way: Option<Way>,
}

impl Observation {
    /// Looks at an attempt; the forest's feature is left at nought.
    pub fn new(census: &Census, profile: &Profile, event: &Event, values: Values) -> Self {
        let mut features = [0.0; COUNT];
        let looks = attributes(census, profile, event, &values, &mut features);
        rhythm(profile, event, &mut features);
        let way = travel(profile, event, &values, &looks, &mut features);
        measures(census, profile, event, &values, &mut features);
        just_before(census, event, &mut features);
        crowd(census, &values, &looks, &mut features);
        features[DOWNGRADE] = downgrade(profile, event, &values);
        let novel = |a: Attribute| features[NOVELTY + a as usize];
        let device = novel(Attribute::System).max(novel(Attribute::Browser));
        let network = novel(Attribute::Country).max(novel(Attribute::Network));
        features[BOTH] = device.min(network);
        features[REUSED] = f32::from(u8::from(event.sample_reused));
        Self {
            looks,
            features,
            way,
        }
    }
}

fn attributes(
    census: &Census,
    profile: &Profile,
    event: &Event,
    values: &Values,
    features: &mut Features,
) -> [Option<Look>; Attribute::COUNT] {
    Attribute::ALL.map(|attribute| {
        let index = attribute as usize;
        let value = values[index]?;
        let memory = &profile.memories[index];
        let rate = census.rate(attribute, memory.total);
        let look = memory.look(value, event.at_s, rate);
        // Of nobody is anything expected: the first values of a profile surprise no one.
        let surprise = match memory.entries.is_empty() {
            true => 0.0,
            false => -look.fresh_rate.ln(),
        };
        features[NOVELTY + index] = (1.0 - look.known) * surprise;
        if look.known > 0.0 && look.share > 0.0 {
            let own = look.share.ln() + (1.0 - look.fresh_rate).ln();
            let over = own - census.commonness(attribute, values);
            features[FAMILIARITY + index] = look.known * over.clamp(0.0, MOST_FAMILIAR);
        }
        Some(look)
    })
}

fn rhythm(profile: &Profile, event: &Event, features: &mut Features) {
    let mut set = |odd: f32, at: usize| {
        features[at] = odd.max(0.0);
        features[at + 1] = (-odd).max(0.0);
    };
    set(profile.rhythm.odd_hour(event.at_s), HOUR_ODD);
    set(profile.rhythm.odd_weekday(event.at_s), WEEKDAY_ODD);
}

fn travel(
    profile: &Profile,
    event: &Event,
    values: &Values,
    looks: &[Option<Look>; Attribute::COUNT],
    features: &mut Features,
) -> Option<Way> {
    let last = profile.last?;
    let gap_s = event.at_s.saturating_sub(last.at_s);
    let days = (gap_s.max(0) as f32) / DAY_S as f32;
    features[ABSENCE] = (days / 7.0).max(1.0).ln().min(4.0);
    if event.is_tunnelled {
        return None;
    }
    let gap_s = event.at_s.saturating_sub(last.placed_s);
    let place = finest_place(values)?;
    if place != last.place {
        let known = looks[Attribute::City as usize].map_or(1.0, |l| l.known);
        let haste = (1.0 + HASTE_S as f32 / (gap_s.unsigned_abs().max(60) as f32)).ln();
        // Between two places that are both the person's, phone and desk alternate by the minute.
        features[HASTE] = haste.min(5.0) * (1.0 - known);
    }
    let way = last.spot?.way(Spot::of(&event.place)?, gap_s);
    let fastest = event.fastest_km_per_h.filter(|speed| *speed > 0.0);
    features[TRAVEL] = way.haste(fastest.unwrap_or(FASTEST_KM_PER_H));
    Some(way)
}

/// City, or else region, or else country.
pub(super) fn finest_place(values: &Values) -> Option<u64> {
    [Attribute::City, Attribute::Region, Attribute::Country]
        .into_iter()
        .find_map(|a| values[a as usize])
}

fn measures(
    census: &Census,
    profile: &Profile,
    event: &Event,
    values: &Values,
    features: &mut Features,
) {
    let mut set = |says: f32, odd: usize| {
        features[odd] = says.max(0.0);
        features[odd + 1] = (-says).max(0.0);
    };
    if let Some(residual) = census.trip_over_usual(event, values) {
        set(
            census.trip_residual.against(&profile.trip, residual),
            TRIP_ODD,
        );
    }
    let says: f32 = typing(event)
        .into_iter()
        .zip(&census.typing)
        .zip(&profile.typing)
        .filter_map(|((measure, population), own)| Some(population.against(own, measure?)))
        .sum();
    set(says, TYPING_ODD);
    if let Some(llr) = event.biometric_llr.filter(|l| l.is_finite()) {
        let llr = llr.clamp(-50.0, 50.0) as f32;
        let says = census.biometric.against(&profile.biometric, llr);
        // A better match than usual is no reason for worry.
        let is_worse = llr < profile.biometric.mean;
        features[BIOMETRIC_ODD] = if is_worse { says.max(0.0) } else { 0.0 };
    }
}

fn just_before(census: &Census, event: &Event, features: &mut Features) {
    let recent = &event.recent;
    let count = |n: u32| (n.min(100_000) as f32).ln_1p();
    features[PERSON_FAILURES] = count(recent.person_failures);
    features[ADDRESS_FAILURES] = count(recent.address_failures);
    features[ADDRESS_STRANGERS] = count(recent.address_strangers);
    features[SERVICE_FAILURES] = census.failing(event);
}

/// Who else comes this way, as far as it is new to the person.
fn crowd(
    census: &Census,
    values: &Values,
    looks: &[Option<Look>; Attribute::COUNT],
    features: &mut Features,
) {
    let mut set = |attribute: Attribute, at: usize, says: fn(&Census, Attribute, u64) -> f32| {
        let index = attribute as usize;
        if let (Some(value), Some(look)) = (values[index], looks[index]) {
            features[at] = (1.0 - look.known) * says(census, attribute, value);
        }
    };
    set(Attribute::Network, NETWORK_STRANGERS, Census::strangeness);
    set(Attribute::Prefix, PREFIX_STRANGERS, Census::strangeness);
    set(Attribute::AgentText, AGENT_STRANGERS, Census::strangeness);
    set(Attribute::Network, RARE_NETWORK, Census::rarity);
    set(Attribute::Release, RARE_AGENT, Census::rarity);
}

/// Browsers are updated, and hardly ever the other way.
fn downgrade(profile: &Profile, event: &Event, values: &Values) -> f32 {
    let (Some(browser), Some(version)) =
        (values[Attribute::Browser as usize], browser_version(event))
    else {
        return 0.0;
    };
    let newest = profile.newest.iter().find(|(b, ..)| *b == browser);
    match newest {
        Some((_, newest, _)) if version[0] < newest[0] => 1.0,
        _ => 0.0,
    }
}

/// The browser's version, where it has one.
pub(super) fn browser_version(event: &Event) -> Option<[u32; 4]> {
    let text = product(event.agent.browser.as_deref()?).1;
    (!text.is_empty()).then(|| agent::version(text))
}
