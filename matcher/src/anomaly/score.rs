//! What an attempt was judged to be: a probability that it is not the person, and why.
//!
//! The probability is calibrated without labels: log-likelihood ratios against attackers made of the service's own
//! traffic, and the share of attacks that the traffic itself suggests (see [`super::Service`]). It may demand more than
//! a policy asks, never less: what a low one is worth is nothing.

use super::reason::Reason;

/// A judged attempt.
#[derive(Debug, Clone, PartialEq)]
pub struct Score {
    /// That it is not the person, 0 to 1; always a number.
    pub probability: f64,
    /// The natural log-likelihood ratio behind it: this attempt from an attacker over this attempt from the person.
    /// It orders attempts as the probability does, and doesn't saturate.
    pub llr: f64,
    /// Which attacker it looks most like.
    pub likeness: Likeness,
    /// Too little is known of the person to say that this is like them.
    pub is_cold: bool,
    /// Nobody travels as fast: whoever was accepted last was somewhere else too lately.
    pub is_impossible_travel: bool,
    /// Nothing was ever accepted of this person from this country; not said of a tunnel.
    pub is_new_country: bool,
    /// What speaks against the person, the weightiest first.
    pub reasons: Vec<Reason>,
}

/// The attackers that an attempt is held against (Freeman et al. 2016, section III; Wiefling et al. 2022, section 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Likeness {
    /// Anybody anywhere who has the password.
    Naive,
    /// Comes by the victim's country.
    Neighbour,
    /// Knows the victim's browser and city.
    Informed,
    /// Tries many people's passwords from one place.
    Stuffing,
}

impl Likeness {
    /// All of them, in the order of the models.
    pub const ALL: [Self; 4] = [Self::Naive, Self::Neighbour, Self::Informed, Self::Stuffing];

    /// One word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Naive => "naive",
            Self::Neighbour => "neighbour",
            Self::Informed => "informed",
            Self::Stuffing => "stuffing",
        }
    }
}
