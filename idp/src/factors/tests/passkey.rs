//! What passkeys promise beside the contract: origin, user verification, counters, discovery.

use super::hosts::{ISSUER, answer_of};
use super::soft_authenticator::{Behaviour, SoftAuthenticator};
use super::*;
use crate::factors::passkey::Passkeys;
use crate::oidc::amr::Amr;

struct Registered {
    place: Place,
    factor: Passkeys,
    subject: Subject,
    device: SoftAuthenticator,
}

impl Registered {
    async fn new(behaviour: Behaviour) -> Self {
        let place = Place::new().await;
        let issuer = url::Url::parse(ISSUER).expect("a URL");
        let factor = Passkeys::new(place.store.clone(), &issuer, "Whorl").expect("a factor");
        let subject = subject(&place.store, "ada").await;
        let mut new = Self {
            factor,
            subject,
            place,
            device: SoftAuthenticator::new(behaviour),
        };
        let enrolled = new.enrol().await.expect("enrols");
        assert!(enrolled.several);
        new.place
            .store
            .add_credential(new.subject.id, enrolled.credential, Replace::Nothing, NOW)
            .await
            .expect("is kept");
        new
    }

    async fn enrol(&mut self) -> Result<Enrolled, FactorError> {
        let credentials = self
            .place
            .store
            .credentials(self.subject.id)
            .await
            .expect("reads");
        let ceremony = Ceremony {
            subject: &self.subject,
            credentials: &credentials,
            now: NOW,
        };
        let issued = self.factor.enrol_begin(ceremony).await.expect("begins");
        let options = options(&issued);
        assert_eq!(
            options["publicKey"]["authenticatorSelection"]["residentKey"],
            "required"
        );
        assert_eq!(
            options["publicKey"]["authenticatorSelection"]["userVerification"],
            "required"
        );
        assert_eq!(
            options["publicKey"]["excludeCredentials"]
                .as_array()
                .map_or(0, Vec::len),
            credentials.len()
        );
        let answer = answer_of(self.device.create(options));
        self.factor
            .enrol_finish(ceremony, issued.remember, answer)
            .await
    }

    async fn log_in(&mut self, discoverable: bool) -> Result<Evidence, FactorError> {
        let credentials = self
            .place
            .store
            .credentials(self.subject.id)
            .await
            .expect("reads");
        let ceremony = Ceremony {
            subject: &self.subject,
            credentials: &credentials,
            now: NOW,
        };
        let issued = if discoverable {
            self.factor.discoverable_challenge().expect("asks")
        } else {
            self.factor.challenge(ceremony).await.expect("asks")
        };
        let json = self.device.get(options(&issued));
        assert_eq!(self.factor.identify(&json), Some(self.subject.id));
        self.factor
            .verify(ceremony, issued.remember, answer_of(json))
            .await
    }
}

fn options(issued: &Issued) -> &Value {
    let Challenge::Passkey { options } = &issued.challenge else {
        panic!("options")
    };
    options
}

#[tokio::test]
async fn a_passkey_signs_in_with_and_without_a_name() {
    for (backed_up, key) in [(false, Amr::Hwk), (true, Amr::Swk)] {
        let mut ada = Registered::new(Behaviour {
            backed_up,
            ..Behaviour::default()
        })
        .await;
        for discoverable in [false, true] {
            let evidence = ada.log_in(discoverable).await.expect("is judged");
            assert_eq!(evidence.outcome, Outcome::Match);
            assert_eq!(evidence.amr, [key, Amr::User].into());
        }
    }
}

#[tokio::test]
async fn each_wrong_thing_is_refused() {
    let good = Behaviour::default();
    let wrongs = [
        Behaviour {
            origin: "https://login.example.org.evil.test",
            ..good.clone()
        },
        Behaviour {
            origin: "http://login.example.org",
            ..good.clone()
        },
        Behaviour {
            rp_id: "example.org",
            ..good.clone()
        },
        Behaviour {
            verifies_user: false,
            ..good.clone()
        },
        Behaviour {
            other_challenge: true,
            ..good.clone()
        },
    ];
    for wrong in wrongs {
        let mut ada = Registered::new(good.clone()).await;
        ada.device.behaviour = wrong.clone();
        for discoverable in [false, true] {
            assert_eq!(
                ada.log_in(discoverable).await.expect("is judged").outcome,
                Outcome::NoMatch
            );
        }
        ada.device = SoftAuthenticator::new(wrong);
        assert!(matches!(ada.enrol().await, Err(FactorError::Refused(_))));
        ada.device = SoftAuthenticator::new(good.clone());
        ada.enrol().await.expect("another device");
    }
}

#[tokio::test]
async fn a_counter_that_stands_still_shows_a_copy() {
    let mut ada = Registered::new(Behaviour::default()).await;
    assert_eq!(
        ada.log_in(false).await.expect("is judged").outcome,
        Outcome::Match
    );
    ada.device.behaviour.counts = 0;
    assert_eq!(
        ada.log_in(false).await.expect("is judged").outcome,
        Outcome::NoMatch
    );
    let mut synced = Registered::new(Behaviour {
        counts: 0,
        ..Behaviour::default()
    })
    .await;
    for _ in 0..2 {
        assert_eq!(
            synced.log_in(false).await.expect("is judged").outcome,
            Outcome::Match
        );
    }
}

#[tokio::test]
async fn a_credential_belongs_to_one_subject() {
    let mut ada = Registered::new(Behaviour::default()).await;
    assert!(matches!(ada.enrol().await, Err(FactorError::Refused(_))));
    ada.subject = subject(&ada.place.store, "bob").await;
    assert!(matches!(ada.enrol().await, Err(FactorError::Refused(_))));
}

#[tokio::test]
async fn a_name_without_passkeys_is_asked_like_any_other() {
    let place = Place::new().await;
    let issuer = url::Url::parse(ISSUER).expect("a URL");
    let factor = Passkeys::new(place.store.clone(), &issuer, "Whorl").expect("a factor");
    let bob = subject(&place.store, "bob").await;
    let ceremony = Ceremony {
        subject: &bob,
        credentials: &[],
        now: NOW,
    };
    let (first, second) = (
        factor.challenge(ceremony).await.expect("asks"),
        factor.challenge(ceremony).await.expect("asks"),
    );
    let allowed = |issued: &Issued| options(issued)["publicKey"]["allowCredentials"].clone();
    assert_eq!(allowed(&first).as_array().map(Vec::len), Some(1));
    assert_eq!(allowed(&first), allowed(&second));
    assert_ne!(
        options(&first)["publicKey"]["challenge"],
        options(&second)["publicKey"]["challenge"]
    );
}

#[tokio::test]
async fn an_issuer_at_an_address_has_no_passkeys() {
    let place = Place::new().await;
    let issuer = url::Url::parse("http://127.0.0.1:8080").expect("a URL");
    let factor = Passkeys::new(place.store.clone(), &issuer, "Whorl").expect("a factor");
    assert!(!factor.is_available());
    assert!(matches!(
        factor.discoverable_challenge(),
        Err(FactorError::NotAvailable(FactorKind::Passkey))
    ));
}
