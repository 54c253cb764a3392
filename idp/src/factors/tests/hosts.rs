//! People who have what each factor asks for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use time::OffsetDateTime;

use super::super::password::{Password, PasswordCost};
use super::super::recovery_code::RecoveryCode;
use super::super::totp::Totp;
use super::{Answer, Challenge, Factor, Host, Person, Place, Replay, json, text};
use crate::pool::{Pool, PoolSize};

pub(super) fn pool() -> Pool {
    Pool::new(PoolSize { workers: 2, queue: 64 })
}

struct Passwords(Arc<dyn Factor>);

pub(super) fn password(place: &Place) -> Option<Box<dyn Host>> {
    let cheap = PasswordCost { memory_kib: 64, iterations: 1, parallelism: 1 };
    let factor = Password::new(place.store.clone(), pool(), cheap).expect("a cost");
    Some(Box::new(Passwords(Arc::new(factor))))
}

impl Host for Passwords {
    fn factor(&self) -> Arc<dyn Factor> {
        self.0.clone()
    }

    fn replay(&self) -> Replay {
        Replay::AsGood
    }

    fn enrolment_is_bound(&self) -> bool {
        false
    }

    fn enrol(&self, who: Person, challenge: &Challenge) -> Answer {
        self.answer(who, challenge, super::NOW)
    }

    fn answer(&self, who: Person, _: &Challenge, _: OffsetDateTime) -> Answer {
        text(&format!("the long secret of {who:?}"))
    }

    fn malformed(&self) -> Vec<Answer> {
        vec![text(""), text(&"x".repeat(5000)), json_answer()]
    }
}

/// People who keep something that an enrolment showed them.
struct Keepers<T> {
    factor: Arc<dyn Factor>,
    kept: Mutex<HashMap<Person, T>>,
}

impl<T> Keepers<T> {
    fn new(factor: impl Factor + 'static) -> Box<Self> {
        Box::new(Self { factor: Arc::new(factor), kept: Mutex::default() })
    }

    fn kept<R>(&self, look: impl FnOnce(&mut HashMap<Person, T>) -> R) -> R {
        look(&mut self.kept.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

pub(super) fn totp(place: &Place) -> Option<Box<dyn Host>> {
    Some(Keepers::<totp_rs::Totp>::new(Totp::new(place.store.clone(), place.vault.clone(), "Whorl")))
}

impl Host for Keepers<totp_rs::Totp> {
    fn factor(&self) -> Arc<dyn Factor> {
        self.factor.clone()
    }

    fn replay(&self) -> Replay {
        Replay::Refused
    }

    fn enrolment_is_bound(&self) -> bool {
        true
    }

    fn enrol(&self, who: Person, challenge: &Challenge) -> Answer {
        let Challenge::Totp { provisioning: Some(uri) } = challenge else { panic!("a URI") };
        let app = totp_rs::Totp::from_url(uri).expect("a URI");
        let code = app.generate(seconds(super::NOW)).to_string();
        // An app that reads the code anew forgets the old one only when the person says so.
        self.kept(|kept| { kept.entry(who).or_insert(app); });
        text(&code)
    }

    fn answer(&self, who: Person, _: &Challenge, now: OffsetDateTime) -> Answer {
        text(&self.kept(|kept| kept[&who].generate(seconds(now)).to_string()))
    }

    fn malformed(&self) -> Vec<Answer> {
        vec![text(""), text("12345"), text("1234567"), text("12345a"), text("+12345"), text("１２３４５６"), json_answer()]
    }
}

fn seconds(at: OffsetDateTime) -> u64 {
    at.unix_timestamp().unsigned_abs()
}

pub(super) fn recovery_code(place: &Place) -> Option<Box<dyn Host>> {
    Some(Keepers::<Vec<String>>::new(RecoveryCode::new(place.store.clone())))
}

impl Host for Keepers<Vec<String>> {
    fn factor(&self) -> Arc<dyn Factor> {
        self.factor.clone()
    }

    fn replay(&self) -> Replay {
        Replay::Refused
    }

    fn enrolment_is_bound(&self) -> bool {
        true
    }

    fn enrol(&self, who: Person, challenge: &Challenge) -> Answer {
        let Challenge::RecoveryCode { fresh } = challenge else { panic!("codes") };
        assert_eq!(fresh.len(), 10);
        self.kept(|kept| { kept.entry(who).or_insert(fresh.clone()); });
        text("")
    }

    fn answer(&self, who: Person, _: &Challenge, _: OffsetDateTime) -> Answer {
        let code = self.kept(|kept| kept.get_mut(&who).and_then(Vec::pop).expect("codes are left"));
        text(&code.to_lowercase())
    }

    fn malformed(&self) -> Vec<Answer> {
        vec![text(""), text("0000"), text(&"0".repeat(10_000)), text("UUUU-UUUU-UUUU-UUUU"), json_answer()]
    }
}

/// JSON where none is asked for.
fn json_answer() -> Answer {
    Answer::Credential { json: json!({ "id": 1 }), label: None }
}
