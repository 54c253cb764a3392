//! When a person signs in: the hour of the day and the day of the week, each as a density.
//!
//! Hours lie on a circle, so the density is a sum of von Mises kernels over the hours of past logins, which fade as all
//! else does, mixed with an even day. Hours are of UTC: a rhythm is held against the same person's own, and who
//! travels brings another one.

use super::memory::fading;
use super::params::{DAY_S, HOUR_CONCENTRATION, HOUR_PRIOR, MOST_RHYTHM, WEEKDAY_PRIOR};

/// Weights of past logins by hour and by day.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Rhythm {
    pub hours: [f32; 24],
    pub weekdays: [f32; 7],
    pub faded_s: i64,
}

impl Rhythm {
    pub fn learn(&mut self, at_s: i64, weight: f32) {
        let passed_s = at_s.saturating_sub(self.faded_s);
        if passed_s > 0 {
            let factor = fading(passed_s);
            self.hours.iter_mut().for_each(|w| *w *= factor);
            self.weekdays.iter_mut().for_each(|w| *w *= factor);
            self.faded_s = at_s;
        }
        self.hours[hour(at_s)] += weight;
        self.weekdays[weekday(at_s)] += weight;
    }

    /// How much less likely this hour is than in an even day, natural logarithm: negative where it is usual.
    pub fn odd_hour(&self, at_s: i64) -> f32 {
        -(24.0 * self.hour_share(at_s))
            .ln()
            .clamp(-MOST_RHYTHM, MOST_RHYTHM)
    }

    /// Share of the person's logins about this hour, as a share of an hour.
    pub fn hour_share(&self, at_s: i64) -> f32 {
        let now = hour(at_s);
        let total: f32 = self.hours.iter().sum();
        let near: f32 = (0..24)
            .map(|k| self.hours[k] * KERNEL[(now + 24 - k) % 24])
            .sum();
        (near + HOUR_PRIOR / 24.0) / (total + HOUR_PRIOR)
    }

    /// The same for the day of the week.
    pub fn odd_weekday(&self, at_s: i64) -> f32 {
        let total: f32 = self.weekdays.iter().sum();
        let share = (self.weekdays[weekday(at_s)] + WEEKDAY_PRIOR / 7.0) / (total + WEEKDAY_PRIOR);
        -(7.0 * share).ln().clamp(-MOST_RHYTHM, MOST_RHYTHM)
    }
}

/// The hour in UTC.
pub(super) fn hour(at_s: i64) -> usize {
    (at_s.rem_euclid(DAY_S) / 3600) as usize
}

/// Monday is 0.
pub(super) fn weekday(at_s: i64) -> usize {
    // The first of January 1970 was a Thursday.
    (at_s.div_euclid(DAY_S) + 3).rem_euclid(7) as usize
}

/// The von Mises kernel at whole hours, which sum to one.
static KERNEL: std::sync::LazyLock<[f32; 24]> = std::sync::LazyLock::new(|| {
    let at = |k: usize| {
        let angle = k as f64 * std::f64::consts::TAU / 24.0;
        (HOUR_CONCENTRATION * (angle.cos() - 1.0)).exp()
    };
    let sum: f64 = (0..24).map(at).sum();
    std::array::from_fn(|k| (at(k) / sum) as f32)
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_near_midnight_is_near_on_both_sides() {
        let mut rhythm = Rhythm::default();
        for day in 0..40 {
            rhythm.learn(day * DAY_S + 23 * 3600 + 1800, 1.0);
        }
        let odd = |h: i64| rhythm.odd_hour(40 * DAY_S + h * 3600);
        assert!((odd(22) - odd(0)).abs() < 1e-4 && odd(0) < -1.0);
        assert!(odd(11) > 1.5 && odd(11) > odd(3));
        assert!((0..24).map(|h| rhythm.hour_share(h * 3600)).sum::<f32>() - 1.0 < 1e-3);
    }

    #[test]
    fn days_are_counted_from_monday() {
        // Saturday, 21 November 2026.
        assert_eq!(weekday(1_795_219_200), 5);
        assert_eq!(weekday(-1), 2);
        assert_eq!(hour(-1), 23);
        let even = Rhythm::default();
        assert_eq!((even.odd_hour(0), even.odd_weekday(0)), (0.0, 0.0));
    }
}
