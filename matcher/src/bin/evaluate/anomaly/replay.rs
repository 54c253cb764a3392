//! The replay of a history as a service would have seen it.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use matcher::anomaly::history::Row;
use matcher::anomaly::{
    Accepted, DeviceKey, Login, Outcome, Profile, Score, Service, Traffic, train,
};

use crate::stopwatch::Stopwatch;

use super::baseline::{Freeman, Novelty};

/// A login that counts.
#[derive(Debug, Clone)]
pub struct Judged {
    pub person: u64,
    pub is_attack: bool,
    pub kind: String,
    pub probability: f64,
    /// Ours, Freeman's, the forest's: higher is worse.
    pub scores: [f64; 3],
    pub first_reason: Option<String>,
}

/// What a replay gave.
#[derive(Debug)]
pub struct Replayed {
    pub judged: Vec<Judged>,
    /// Mean time of a score.
    pub us_per_login: f64,
    /// Fits of the models, and what they took.
    pub fits: usize,
    pub fit_time: Duration,
    /// Logins of the whole history, and what training on them takes.
    pub training: (usize, Duration),
    pub people: usize,
    pub model_bytes: usize,
    pub mean_profile_bytes: f64,
    pub attack_share: f64,
    /// The attacks and honest logins that scored highest, in words.
    pub examples: Vec<Example>,
}

/// A login whose reasons are shown.
#[derive(Debug, Clone)]
pub struct Example {
    pub what: String,
    pub llr: f64,
    pub probability: f64,
    pub reasons: Vec<String>,
}

/// The state of a replay.
pub struct Replay {
    service: Service,
    /// The logins that were accepted, as a service keeps them.
    history: Vec<Login>,
    profiles: HashMap<u64, Profile>,
    traffic: Traffic,
    freeman: Freeman,
    novelty: Novelty,
    fits: usize,
    fit_time: Duration,
    seed: u64,
}

/// Parts of the history after which a model is fitted anew to what is kept of it so far, tables and all; in between it
/// stays as it is. A service does it every night.
const FITS: [f64; 11] = [0.04, 0.08, 0.15, 0.25, 0.35, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9];
/// For how long a service keeps logins, where nobody says otherwise: ninety days.
const KEPT_S: i64 = 90 * 86_400;
/// Logins that are timed.
const TIMED: usize = 20_000;

impl Replay {
    pub fn new(seed: u64) -> Self {
        Self {
            service: Service::default(),
            history: Vec::new(),
            profiles: HashMap::new(),
            traffic: Traffic::default(),
            freeman: Freeman::default(),
            novelty: Novelty::new(seed),
            fits: 0,
            fit_time: Duration::ZERO,
            seed,
        }
    }

    /// Replays rows that are in the order of time.
    pub fn run(mut self, rows: &[Row], bar: &ProgressBar) -> Replayed {
        let half = rows.len() / 2;
        let mut fits = FITS
            .iter()
            .map(|part| (part * rows.len() as f64) as usize)
            .peekable();
        let mut judged = Vec::new();
        let mut examples = Vec::new();
        for (index, row) in rows.iter().enumerate() {
            if fits.next_if(|at| *at <= index).is_some() {
                let started = Instant::now();
                let since = row.event.at_s.saturating_sub(KEPT_S);
                let kept = self.history.partition_point(|it| it.event.at_s < since);
                self.service = train(&self.history[kept..], self.seed + index as u64, |_| ()).0;
                self.fits += 1;
                self.fit_time += started.elapsed();
            }
            if index == half {
                self.novelty.fit();
            }
            let (score, baselines) = self.step(row);
            if index >= half && row.is_successful {
                let scores = [score.llr, baselines[0], baselines[1]];
                consider(&mut examples, row, &score);
                judged.push(Judged {
                    person: row.person,
                    is_attack: row.is_takeover,
                    kind: kind(row),
                    probability: score.probability,
                    scores,
                    first_reason: score.reasons.first().map(|r| r.cause.to_string()),
                });
            }
            if index % 512 == 0 {
                bar.set_position(index as u64);
            }
        }
        let bytes: usize = self.profiles.values().map(|p| p.to_bytes().len()).sum();
        Replayed {
            judged,
            us_per_login: self.us_per_login(rows),
            fits: self.fits,
            fit_time: self.fit_time,
            training: (self.history.len(), self.training()),
            people: self.profiles.len(),
            model_bytes: self.service.to_bytes().len(),
            mean_profile_bytes: bytes as f64 / self.profiles.len().max(1) as f64,
            attack_share: self.service.attack_share(),
            examples,
        }
    }

    /// What a score costs: processor time, over the last logins again.
    fn us_per_login(&self, rows: &[Row]) -> f64 {
        let last = &rows[rows.len().saturating_sub(TIMED)..];
        let watch = Stopwatch::start();
        let sum: f64 = last
            .iter()
            .filter_map(|row| {
                Some(
                    self.service
                        .score(self.profiles.get(&row.person)?, &row.event),
                )
            })
            .map(|score| score.llr)
            .sum();
        std::hint::black_box(sum);
        watch.time().as_secs_f64() * 1e6 / last.len() as f64
    }

    /// What training on the whole history takes, processor time of one core, as a service does it every night.
    fn training(&self) -> Duration {
        let watch = Stopwatch::start();
        std::hint::black_box(train(&self.history, self.seed, |_| ()));
        watch.time()
    }

    /// One attempt: judged, then learned from where it succeeded. Labels are not looked at.
    fn step(&mut self, row: &Row) -> (Score, [f64; 2]) {
        let mut event = row.event.clone();
        let address = event.address.clone();
        event.recent = self
            .traffic
            .before(event.at_s, row.person, address.as_deref());
        let profile = self.profiles.entry(row.person).or_default();
        let score = self.service.score(profile, &event);
        let baselines = match row.is_successful {
            true => [
                self.freeman.judge_and_learn(row),
                self.novelty.judge_and_learn(row),
            ],
            false => [0.0; 2],
        };
        let outcome = match (row.is_successful, profile.knows_address(&event)) {
            (false, _) => Outcome::Failed,
            (true, true) => Outcome::Regular,
            (true, false) => Outcome::Stranger,
        };
        self.traffic
            .count(event.at_s, row.person, address.as_deref(), outcome);
        if row.is_successful {
            let accepted = Accepted::Scored(score.probability);
            self.history.push(Login {
                person: row.person,
                event: event.clone(),
                given: row.minted,
                accepted,
            });
            if let Some(key) = row.minted {
                event.device_key = DeviceKey::Proved(key);
            }
            self.service.teach(profile, &event, accepted);
        }
        (score, baselines)
    }
}

fn kind(row: &Row) -> String {
    match (&row.kind, row.is_takeover) {
        (Some(kind), true) => kind.clone(),
        (None, true) => "attack".to_owned(),
        (_, false) => String::new(),
    }
}

/// Keeps the highest attack of each kind and the three highest honest logins.
fn consider(examples: &mut Vec<Example>, row: &Row, score: &Score) {
    let (what, most) = match row.is_takeover {
        true => (kind(row), 1),
        false => ("honest".to_owned(), 3),
    };
    let alike = examples.iter().filter(|e| e.what == what).count();
    let lowest = examples
        .iter()
        .enumerate()
        .filter(|(_, e)| e.what == what)
        .min_by(|(_, a), (_, b)| a.llr.total_cmp(&b.llr))
        .map(|(index, e)| (index, e.llr));
    match lowest {
        Some((_, llr)) if alike >= most && llr >= score.llr => return,
        Some((index, _)) if alike >= most => drop(examples.swap_remove(index)),
        _ => {}
    }
    if examples.len() < 40 {
        examples.push(Example {
            what,
            llr: score.llr,
            probability: score.probability,
            reasons: score.reasons.iter().map(|r| r.cause.to_string()).collect(),
        });
    }
}
