//! A measured quantity, such as a round trip: mean and spread of its logarithm, for a person and for all.
//!
//! Both are normal in the logarithm. What a value says is the ratio of the two densities: how well it fits anybody
//! over how well it fits the person, whose own mean and spread are drawn to everybody's while little is known.

use super::params::{GAUGE_MEMORY, GAUGE_PRIOR, GAUGE_START, MOST_GAUGE};

/// Running mean and variance.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Gauge {
    pub count: f32,
    pub mean: f32,
    pub variance: f32,
}

/// What is known of all people: over all, and of one about his own mean.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Population {
    pub all: Gauge,
    pub within: Gauge,
}

impl Gauge {
    /// Adds a value with a weight.
    pub fn add(&mut self, value: f32, weight: f32) {
        if !value.is_finite() || weight <= 0.0 {
            return;
        }
        self.count = (self.count + weight).min(GAUGE_MEMORY);
        let step = (weight / self.count).min(1.0);
        let off = value - self.mean;
        self.mean += step * off;
        self.variance = (1.0 - step) * (self.variance + step * off * off);
    }
}

impl Population {
    /// Adds a value of a person whose own mean this is.
    pub fn add(&mut self, value: f32, own: &Gauge) {
        self.all.add_slowly(value);
        if own.count >= 3.0 {
            let off = value - own.mean;
            self.within.add_slowly(off);
        }
    }

    /// What a value says: positive where it fits anybody better than this person.
    pub fn against(&self, own: &Gauge, value: f32) -> f32 {
        if !value.is_finite() {
            return 0.0;
        }
        let start = |gauge: &Gauge, spread: f32| {
            (gauge.variance * gauge.count + 20.0 * spread * spread) / (gauge.count + 20.0)
        };
        let all = start(&self.all, GAUGE_START.0);
        let within = start(&self.within, GAUGE_START.1) + self.within.mean * self.within.mean;
        if own.count <= 0.0 || self.all.count <= 0.0 {
            return 0.0;
        }
        let (m, s) = GAUGE_PRIOR;
        let mean = (own.count * own.mean + m * self.all.mean) / (own.count + m);
        let variance =
            (own.count * own.variance + s * within) / (own.count + s) + within / (own.count + m);
        let density = |mean: f32, variance: f32| {
            let variance = variance.max(1e-4);
            let off = value - mean;
            -0.5 * (off * off / variance + variance.ln())
        };
        (density(self.all.mean, all.max(within)) - density(mean, variance))
            .clamp(-MOST_GAUGE, MOST_GAUGE)
    }
}

impl Gauge {
    /// As [`Gauge::add`], with a memory of thousands.
    fn add_slowly(&mut self, value: f32) {
        if !value.is_finite() {
            return;
        }
        self.count = (self.count + 1.0).min(50.0 * GAUGE_MEMORY);
        let step = 1.0 / self.count;
        let off = value - self.mean;
        self.mean += step * off;
        self.variance = (1.0 - step) * (self.variance + step * off * off);
    }
}

/// The logarithm of a measure, where it has one.
pub(super) fn logarithm(measure: Option<f64>) -> Option<f32> {
    measure
        .filter(|m| m.is_finite() && *m > 0.0)
        .map(|m| m.clamp(1e-3, 1e9).ln() as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_like_the_persons_own_speaks_for_the_person() {
        let (mut population, mut own) = (Population::default(), Gauge::default());
        for k in 0..400 {
            let person = (k % 20) as f32 / 10.0;
            let wobble = ((k * 7) % 11) as f32 / 50.0 - 0.1;
            let other = Gauge {
                count: 9.0,
                mean: person,
                variance: 0.01,
            };
            population.add(person + wobble, &other);
            own.add(1.8 + wobble, 1.0);
        }
        assert!(population.against(&own, 1.8) < -0.5);
        assert!(population.against(&own, 0.3) > 2.0);
        assert_eq!(population.against(&Gauge::default(), 0.3), 0.0);
        assert_eq!(population.against(&own, f32::NAN), 0.0);
        assert_eq!(logarithm(Some(0.0)), None);
        assert_eq!(logarithm(Some(f64::NAN)), None);
    }
}
