//! Who is enrolled twice: every reference compared with every other of another subject, at a stated error rate.
//!
//! What is stated is the false positive identification rate (ISO/IEC 19795-1): how often somebody who is enrolled once
//! is raised all the same. Each person takes part in `k` comparisons, and `FPIR = 1 - (1 - FMR)^k`; so each comparison is
//! held to `FMR = 1 - (1 - FPIR)^(1/k)`, with the threshold from the model's calibration. Where that lies below what
//! the model was validated to, the search says so and ends, because no threshold would be worth its rate. Nothing is
//! decided here, and nobody is refused anything. References are unsealed in memory alone, and wiped with it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use matcher::face;
use matcher::fingerprint::{self, Params, Prepared, compare_reference, together};
use matcher::score::Calibration;
use time::OffsetDateTime;
use wire::{CredentialId, SubjectId};

use super::biometric::{self, References};
use super::{Ceremony, FactorError, FactorKind};
use crate::models::{Models, ModelsError};
use crate::pool::Pool;
use crate::store::{AlikePair, SearchTally, Store, StoreError};
use crate::vault::Vault;

/// A search among the references of one factor.
pub struct DuplicateSearch {
    references: References,
    models: Option<Arc<Models>>,
    consent: &'static str,
    pool: Pool,
}

/// What the search needs of a deployment.
pub struct SearchParts {
    pub store: Store,
    pub vault: Arc<Vault>,
    pub models: Option<Arc<Models>>,
    /// The version of the consent text that speaks of the search. Whoever agreed to another one is left out.
    pub consent: &'static str,
    /// Where the comparisons run, a few hundredths of a second at a time.
    pub pool: Pool,
}

/// How far a search is; read while it goes on.
#[derive(Debug, Default)]
pub struct Tally {
    people: AtomicU64,
    left_out: AtomicU64,
    compared: AtomicU64,
    comparisons: AtomicU64,
}

/// What a search found.
#[derive(Debug, Default, PartialEq)]
pub struct Duplicates {
    /// Pairs of subjects, each pair of references once.
    pub pairs: Vec<AlikePair>,
    /// What each comparison was held to; of several models the strictest. None where nobody was compared.
    pub false_match_rate: Option<f64>,
}

/// Why a search ends without an answer; each is told to operators.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// The factor has no references.
    #[error("{0} is compared with nobody else's")]
    NotBiometric(FactorKind),
    /// The rate is below what the model was validated to, for so many people.
    #[error(
        "with {people} people a rate of {rate} takes comparisons beyond what the model {model} is validated to: \
         ask for {least:.1e} or more"
    )]
    NotValidated {
        model: String,
        people: usize,
        rate: f64,
        least: f64,
    },
    /// More references than are held in memory.
    #[error(
        "there are more than {MOST_REFERENCES} references, which is more than one search holds"
    )]
    TooMany,
    /// More pairs than anybody looks at.
    #[error("more than {MOST_PAIRS} pairs are alike: ask for a lower rate")]
    TooManyPairs,
    /// A model cannot be loaded.
    #[error("a model cannot be loaded")]
    Models(#[from] ModelsError),
    /// A reference cannot be reached.
    #[error("the references cannot be read: {0}; start the search again later")]
    References(#[from] FactorError),
    /// The database is down.
    #[error("the database does not answer: start the search again later")]
    Store(#[from] StoreError),
}

/// Whether this is a rate that a search can be held to.
#[must_use]
pub fn is_rate(rate: f64) -> bool {
    // Written so that a rate that is no number is none.
    rate > 0.0 && rate <= LAXEST_RATE
}

/// One reference, unsealed.
struct Entry {
    subject: SubjectId,
    credential: CredentialId,
    known: Known,
}

enum Known {
    Face(face::Template),
    Finger(fingerprint::Reference),
}

/// What a comparison must reach.
#[derive(Clone)]
struct Level {
    calibration: Calibration,
    false_match_rate: f64,
}

impl Tally {
    /// How far it is now.
    #[must_use]
    pub fn now(&self) -> SearchTally {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        SearchTally {
            people: read(&self.people),
            left_out: read(&self.left_out),
            compared: read(&self.compared),
            comparisons: read(&self.comparisons),
        }
    }
}

fn add(count: &AtomicU64, more: usize) {
    count.fetch_add(more as u64, Ordering::Relaxed);
}

impl DuplicateSearch {
    /// A search among the references of a factor.
    ///
    /// # Errors
    /// [`SearchError::NotBiometric`].
    pub fn new(factor: FactorKind, parts: SearchParts) -> Result<Self, SearchError> {
        let format = match factor {
            FactorKind::Face => super::face::FORMAT,
            FactorKind::Fingerprint => super::fingerprint::FORMAT,
            FactorKind::Password
            | FactorKind::Totp
            | FactorKind::RecoveryCode
            | FactorKind::Passkey => return Err(SearchError::NotBiometric(factor)),
        };
        Ok(Self {
            references: References {
                store: parts.store,
                vault: parts.vault,
                factor,
                format,
            },
            models: parts.models,
            consent: parts.consent,
            pool: parts.pool,
        })
    }

    /// Compares everybody with everybody. Memory grows with the population and time with its square; it takes none of
    /// a login's places.
    ///
    /// # Errors
    /// [`SearchError`].
    pub async fn run(
        &self,
        rate: f64,
        tally: &Tally,
        now: OffsetDateTime,
    ) -> Result<Duplicates, SearchError> {
        let mut groups = Vec::new();
        for (model, entries) in self.read(tally, now).await? {
            let Some(calibration) = self.calibration(&model).await? else {
                add(&tally.left_out, entries.len());
                continue;
            };
            let level = level(rate, &model, calibration, &entries)?;
            add(&tally.comparisons, pairs_of(entries.len()));
            groups.push((Arc::new(entries), level));
        }
        let mut found = Duplicates::default();
        for (entries, level) in groups {
            if entries.len() > 1 {
                let strictest = found.false_match_rate.unwrap_or(1.0);
                found.false_match_rate = Some(strictest.min(level.false_match_rate));
            }
            self.compare(&entries, &level, tally, &mut found.pairs)
                .await?;
        }
        Ok(found)
    }

    /// Every reference by its model; those that must not be used are counted.
    async fn read(
        &self,
        tally: &Tally,
        now: OffsetDateTime,
    ) -> Result<BTreeMap<String, Vec<Entry>>, SearchError> {
        let mut by_model: BTreeMap<String, Vec<Entry>> = BTreeMap::new();
        let (mut after, mut held): (Option<String>, usize) = (None, 0);
        loop {
            let store = &self.references.store;
            let page = store.subjects(None, after.as_deref(), PAGE).await?;
            let Some(last) = page.last() else {
                return Ok(by_model);
            };
            after = Some(last.username.clone());
            for subject in &page {
                let ceremony = Ceremony {
                    subject,
                    credentials: &[],
                    now,
                };
                let references = match self.references.open_any(&ceremony).await {
                    Ok(references) => references,
                    // Somebody put back, swapped or spoiled it: the others are compared all the same.
                    Err(FactorError::Reference(..)) => {
                        add(&tally.left_out, 1);
                        continue;
                    }
                    Err(error) => return Err(error.into()),
                };
                let consent = store.biometric_consent(subject.id).await?;
                if consent.is_none_or(|it| it.version != self.consent) {
                    add(&tally.left_out, references.len());
                    continue;
                }
                add(&tally.people, usize::from(!references.is_empty()));
                held += references.len();
                if held > MOST_REFERENCES {
                    return Err(SearchError::TooMany);
                }
                for reference in references {
                    let credential = reference.credential;
                    let Some((model, known)) = self.parse(&reference) else {
                        add(&tally.left_out, 1);
                        continue;
                    };
                    by_model.entry(model).or_default().push(Entry {
                        subject: subject.id,
                        credential,
                        known,
                    });
                }
            }
        }
    }

    fn parse(&self, reference: &biometric::Reference) -> Option<(String, Known)> {
        if self.references.factor == FactorKind::Face {
            let template = face::Template::from_bytes(&reference.plain).ok()?;
            return Some((template.model().to_owned(), Known::Face(template)));
        }
        let finger = fingerprint::Reference::from_bytes(&reference.plain).ok()?;
        let model = reference.row.model.clone().unwrap_or_default();
        Some((model, Known::Finger(finger)))
    }

    async fn calibration(&self, model: &str) -> Result<Option<Calibration>, SearchError> {
        if self.references.factor == FactorKind::Fingerprint {
            return Ok((model == fingerprint::MODEL).then_some(fingerprint::CALIBRATION));
        }
        let Some(models) = &self.models else {
            return Ok(None);
        };
        let pack = models.that_makes(model).await?;
        Ok(pack.map(|pack| pack.calibration().clone()))
    }

    /// Compares each with those before it, some rows at a time.
    async fn compare(
        &self,
        entries: &Arc<Vec<Entry>>,
        level: &Level,
        tally: &Tally,
        pairs: &mut Vec<AlikePair>,
    ) -> Result<(), SearchError> {
        let at_once = if self.references.factor == FactorKind::Face {
            FACES_AT_ONCE
        } else {
            FINGERS_AT_ONCE
        };
        let mut from = 1;
        while from < entries.len() {
            let (mut to, mut count) = (from, 0);
            while to < entries.len() && (count == 0 || count + to <= at_once) {
                count += to;
                to += 1;
            }
            let (shared, level) = (entries.clone(), level.clone());
            let work = move || rows(&shared, from..to, &level);
            let found = self.pool.run("duplicate_compare", work).await;
            let factor = self.references.factor;
            pairs.extend(found.map_err(|e| FactorError::pool(factor, e))?);
            if pairs.len() > MOST_PAIRS {
                return Err(SearchError::TooManyPairs);
            }
            add(&tally.compared, count);
            from = to;
        }
        Ok(())
    }
}

/// The level at which somebody among these is raised wrongly at `rate`.
fn level(
    rate: f64,
    model: &str,
    calibration: Calibration,
    entries: &[Entry],
) -> Result<Level, SearchError> {
    let mut of_each: HashMap<SubjectId, usize> = HashMap::new();
    for entry in entries {
        *of_each.entry(entry.subject).or_default() += 1;
    }
    let comparisons = most_comparisons(&of_each.values().copied().collect::<Vec<_>>());
    let false_match_rate = per_comparison(rate, comparisons);
    let validated = calibration.false_match_rate(f64::INFINITY);
    if comparisons > 0 && false_match_rate * (1.0 + ROUNDING) < validated {
        return Err(SearchError::NotValidated {
            model: model.to_owned(),
            people: of_each.len(),
            rate,
            least: identification_rate(validated, comparisons),
        });
    }
    Ok(Level {
        calibration,
        false_match_rate,
    })
}

/// In how many comparisons with others the one takes part who takes part in most, where each person has so many
/// references.
fn most_comparisons(of_each: &[usize]) -> usize {
    let all: usize = of_each.iter().sum();
    let taken = of_each.iter().map(|own| own * (all - own));
    taken.max().unwrap_or(0)
}

/// The false match rate of one comparison at which somebody in so many is raised wrongly at `rate`.
fn per_comparison(rate: f64, comparisons: usize) -> f64 {
    // 1 - (1 - rate)^(1/k), without losing small rates.
    -f64::exp_m1(f64::ln_1p(-rate) / comparisons.max(1) as f64)
}

/// The other way round: 1 - (1 - FMR)^k.
fn identification_rate(false_match_rate: f64, comparisons: usize) -> f64 {
    -f64::exp_m1(f64::ln_1p(-false_match_rate) * comparisons.max(1) as f64)
}

/// The alike pairs of some rows, each with all entries before it.
fn rows(entries: &[Entry], rows: std::ops::Range<usize>, level: &Level) -> Vec<AlikePair> {
    let params = Params::default();
    let mut pairs = Vec::new();
    for at in rows {
        let (Some(one), Some(before)) = (entries.get(at), entries.get(..at)) else {
            break;
        };
        let scores: Vec<f64> = match &one.known {
            Known::Face(template) => {
                let score = |other: &Entry| match &other.known {
                    Known::Face(other) => face::compare(template, other),
                    Known::Finger(_) => f64::NAN,
                };
                before.iter().map(score).collect()
            }
            Known::Finger(reference) => {
                let prepared = reference.prepare(&params);
                let score = |other: &Entry| match &other.known {
                    // Of the impressions of the other it is not said which is alike: as those of the one are weighed.
                    Known::Finger(other) => {
                        let each = other.templates().iter().map(|probe| {
                            compare_reference(&Prepared::new(probe, &params), &prepared, &params)
                        });
                        together(&each.collect::<Vec<f64>>())
                    }
                    Known::Face(_) => f64::NAN,
                };
                before.iter().map(score).collect()
            }
        };
        for (other, score) in before.iter().zip(scores) {
            if other.subject != one.subject && level.is_reached(score) {
                pairs.push(pair(one, other));
            }
        }
    }
    pairs
}

impl Level {
    /// Whether a score is as rare among strangers as it must be; one that is not a number never is.
    fn is_reached(&self, score: f64) -> bool {
        self.calibration.false_match_rate(score) <= self.false_match_rate * (1.0 + ROUNDING)
    }
}

/// The pair in an order of its own, so that it is the same pair in every search.
fn pair(a: &Entry, b: &Entry) -> AlikePair {
    let (a, b) = ((a.subject, a.credential), (b.subject, b.credential));
    match a.1 < b.1 {
        true => AlikePair { one: a, other: b },
        false => AlikePair { one: b, other: a },
    }
}

fn pairs_of(count: usize) -> usize {
    count * count.saturating_sub(1) / 2
}

/// Subjects that are looked up at once.
const PAGE: u64 = 200;
/// At half a kibibyte a face, some fifty megabytes.
const MOST_REFERENCES: usize = 100_000;
const MOST_PAIRS: usize = 10_000;
/// Comparisons that take a few hundredths of a second together.
const FACES_AT_ONCE: usize = 100_000;
const FINGERS_AT_ONCE: usize = 32;
/// Beyond this half of the people would be raised.
const LAXEST_RATE: f64 = 0.5;
/// The rates are powers of ten, computed.
const ROUNDING: f64 = 1e-9;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::pool::PoolSize;

    fn face_entry(number: u128, direction: usize, off: f32) -> Entry {
        let mut values = [0.0; 128];
        values[direction] = 1.0;
        values[127] = off;
        let template = face::Template::normalised("net", &values).expect("a template");
        Entry {
            subject: SubjectId(Uuid::from_u128(number)),
            credential: CredentialId(Uuid::from_u128(1_000 + number)),
            known: Known::Face(template),
        }
    }

    fn at(entries: &[Entry], rate: f64) -> Result<Level, SearchError> {
        level(rate, "net", face::CALIBRATION, entries)
    }

    #[test]
    fn the_rate_of_one_comparison_makes_the_rate_of_all() {
        for (rate, comparisons) in [(0.01, 1), (0.01, 99), (1e-6, 9_999), (0.5, 2)] {
            let one = per_comparison(rate, comparisons);
            let all = identification_rate(one, comparisons);
            assert!(
                (all / rate - 1.0).abs() < 1e-6,
                "{rate} {comparisons}: {all}"
            );
        }
        assert!((per_comparison(0.01, 0) - 0.01).abs() < 1e-12);
        // With 1,001 people at one in a hundred: one in a hundred thousand, nearly.
        assert!((per_comparison(0.01, 1_000) / 1.005e-5 - 1.0).abs() < 1e-3);
        assert!(is_rate(0.5) && is_rate(1e-9));
        for no_rate in [0.0, -0.1, 0.51, f64::NAN, f64::INFINITY] {
            assert!(!is_rate(no_rate), "{no_rate}");
        }
    }

    #[test]
    fn who_has_most_references_is_compared_most() {
        assert_eq!(most_comparisons(&[]), 0);
        assert_eq!(most_comparisons(&[3]), 0, "nobody is compared with himself");
        assert_eq!(most_comparisons(&[1; 100]), 99);
        assert_eq!(most_comparisons(&[2, 1, 1]), 4);
    }

    #[test]
    fn a_rate_beyond_what_was_validated_is_refused_with_the_least_that_is_not() {
        let entries: Vec<Entry> = (0..100).map(|n| face_entry(n, n as usize, 0.0)).collect();
        let Err(SearchError::NotValidated { least, people, .. }) = at(&entries, 1e-9) else {
            panic!("accepted")
        };
        assert_eq!(people, 100);
        let level = at(&entries, least).expect("the least is accepted");
        assert!(level.is_reached(f64::INFINITY) && !level.is_reached(f64::NAN));
    }

    #[test]
    fn who_looks_like_somebody_else_is_found_once_and_nobody_else() {
        // Everybody looks in another direction, but the last, who looks nearly as the first does.
        let mut entries: Vec<Entry> = (0..60).map(|n| face_entry(n, n as usize, 0.0)).collect();
        entries.push(face_entry(60, 0, 0.2));
        // And somebody has two references that are alike: that is no duplicate.
        entries.push(Entry {
            subject: SubjectId(Uuid::from_u128(5)),
            ..face_entry(61, 5, 0.1)
        });
        let level = at(&entries, 0.01).expect("a level");
        let all = rows(&entries, 1..entries.len(), &level);
        let known = |n: u128| {
            (
                SubjectId(Uuid::from_u128(n)),
                CredentialId(Uuid::from_u128(1_000 + n)),
            )
        };
        let expected = AlikePair {
            one: known(0),
            other: known(60),
        };
        assert_eq!(all, [expected]);
    }

    #[tokio::test]
    async fn the_chunks_together_are_the_whole_and_are_counted() {
        let place = crate::factors::tests::Place::new().await;
        let pool = Pool::new(PoolSize {
            workers: 1,
            queue: 0,
        });
        let parts = SearchParts {
            store: place.store.clone(),
            vault: place.vault.clone(),
            models: None,
            consent: "a text",
            pool,
        };
        let search = DuplicateSearch::new(FactorKind::Fingerprint, parts).expect("a search");
        // Small chunks: a fingerprint's. The entries are faces, which any factor's search compares alike.
        let entries: Vec<Entry> = (0..120)
            .map(|n| face_entry(n, n as usize % 100, 0.0))
            .collect();
        let level = at(&entries, 0.05).expect("a level");
        let whole = rows(&entries, 1..entries.len(), &level);
        let (tally, mut pairs) = (Tally::default(), Vec::new());
        let entries = Arc::new(entries);
        let compared = search.compare(&entries, &level, &tally, &mut pairs);
        compared.await.expect("compares");
        assert_eq!(pairs, whole);
        assert_eq!(pairs.len(), 20);
        assert_eq!(tally.now().compared, pairs_of(120) as u64);
    }

    proptest! {
        /// Whatever people there are: the pairs are those that a plain double loop finds.
        #[test]
        fn the_search_is_the_double_loop(
            faces in prop::collection::vec((0_u128..8, 0_usize..4, 0.0_f32..1.0), 0..12),
            rate in 1e-2_f64..0.5,
        ) {
            let entries: Vec<Entry> = faces
                .iter()
                .enumerate()
                .map(|(n, (person, direction, off))| Entry {
                    subject: SubjectId(Uuid::from_u128(*person)),
                    ..face_entry(n as u128, *direction, *off)
                })
                .collect();
            let level = at(&entries, rate).expect("a level");
            let mut found: Vec<_> = rows(&entries, 0..entries.len(), &level);
            let mut plain = Vec::new();
            for a in &entries {
                for b in &entries {
                    let (Known::Face(x), Known::Face(y)) = (&a.known, &b.known) else {
                        unreachable!("faces")
                    };
                    let is_alike = level.is_reached(face::compare(x, y));
                    if a.credential < b.credential && a.subject != b.subject && is_alike {
                        plain.push(pair(a, b));
                    }
                }
            }
            let key = |p: &AlikePair| (p.one.1, p.other.1);
            found.sort_by_key(key);
            plain.sort_by_key(key);
            prop_assert_eq!(found, plain);
        }
    }
}
