//! What passkeys promise beside the contract: origin, user verification, counters, discovery.

use std::collections::{BTreeMap, BTreeSet};

use super::hosts::{ISSUER, answer_of};
use super::soft_authenticator::{Behaviour, Maker, SoftAuthenticator};
use super::*;
use crate::factors::passkey::attestation::Trusted;
use crate::factors::passkey::{Backup, PasskeyRules, Passkeys, SignCount};
use crate::oidc::amr::Amr;

struct Registered {
    place: Place,
    factor: Passkeys,
    subject: Subject,
    device: SoftAuthenticator,
}

impl Registered {
    async fn new(behaviour: Behaviour) -> Self {
        let device = SoftAuthenticator::new(behaviour);
        let registered = Self::of(device, PasskeyRules::default()).await;
        registered.expect("enrols")
    }

    async fn of(device: SoftAuthenticator, rules: PasskeyRules) -> Result<Self, FactorError> {
        let place = Place::new().await;
        let issuer = url::Url::parse(ISSUER).expect("a URL");
        let factor = Passkeys::new(place.store.clone(), &issuer, "Whorl").expect("a factor");
        let subject = subject(&place.store, "ada").await;
        let mut new = Self {
            factor: factor.with_rules(rules),
            subject,
            place,
            device,
        };
        let enrolled = new.enrol().await?;
        assert!(enrolled.several);
        new.place
            .store
            .add_credential(new.subject.id, enrolled.credential, Replace::Nothing, NOW)
            .await
            .expect("is kept");
        Ok(new)
    }

    async fn backup(&self) -> Option<Backup> {
        let held = self.place.store.credentials(self.subject.id).await;
        Backup::of(held.expect("reads").first().expect("a passkey"))
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
    for eligible in [false, true] {
        let mut ada = Registered::new(Behaviour {
            eligible,
            ..Behaviour::default()
        })
        .await;
        for discoverable in [false, true] {
            let evidence = ada.log_in(discoverable).await.expect("is judged");
            assert_eq!(evidence.outcome, Outcome::Match);
            // Nobody vouches for where its key lies.
            assert_eq!(evidence.amr, [Amr::Swk, Amr::User].into());
            assert_eq!(evidence.alarm, None);
        }
    }
}

#[tokio::test]
async fn where_copies_are_is_told_as_it_was_at_the_last_login() {
    let mut ada = Registered::new(Behaviour::default()).await;
    assert_eq!(ada.backup().await, Some(Backup::Impossible));
    let mut bob = Registered::new(Behaviour {
        eligible: true,
        ..Behaviour::default()
    })
    .await;
    assert_eq!(bob.backup().await, Some(Backup::Possible));
    for (backed_up, backup) in [(true, Backup::Made), (false, Backup::Possible)] {
        bob.device.behaviour.backed_up = backed_up;
        let evidence = bob.log_in(backed_up).await.expect("is judged");
        assert_eq!(evidence.outcome, Outcome::Match);
        assert_eq!(bob.backup().await, Some(backup));
    }
    // What can be copied does not become what cannot, nor the other way about.
    for discoverable in [false, true] {
        for (one, eligible) in [(&mut ada, true), (&mut bob, false)] {
            one.device.behaviour.eligible = eligible;
            let evidence = one.log_in(discoverable).await.expect("is judged");
            assert_eq!(evidence.outcome, Outcome::NoMatch);
            assert_eq!(evidence.alarm, Some(Alarm::BackupEligibility));
        }
    }
    assert_eq!(bob.backup().await, Some(Backup::Possible));
    // Nobody raises an alarm without the key.
    let thief = SoftAuthenticator::new(Behaviour::default());
    let victim = std::mem::replace(&mut ada.device, thief);
    ada.device.pass_for(&victim);
    ada.device.behaviour.eligible = true;
    let evidence = ada.log_in(true).await.expect("is judged");
    assert_eq!((evidence.outcome, evidence.alarm), (Outcome::NoMatch, None));
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
        Behaviour {
            is_framed: true,
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
async fn a_counter_that_does_not_go_up_shows_a_copy() {
    let copied = (Outcome::NoMatch, Some(Alarm::SignCount));
    let mut ada = Registered::new(Behaviour::default()).await;
    let judged = |evidence: Evidence| (evidence.outcome, evidence.alarm);
    let fine = (Outcome::Match, None);
    for _ in 0..2 {
        assert_eq!(judged(ada.log_in(false).await.expect("is judged")), fine);
    }
    ada.device.behaviour.counts = 0;
    // The same count, a lower one, and none at all.
    for counter in [2, 1, 0] {
        ada.device.counter = counter;
        for discoverable in [false, true] {
            let evidence = ada.log_in(discoverable).await.expect("is judged");
            assert_eq!(judged(evidence), copied, "{counter}");
        }
    }
    ada.device.counter = 3;
    assert_eq!(judged(ada.log_in(false).await.expect("is judged")), fine);
    // A deployment may let it in, and hears of it; the count stays where it was.
    let rules = PasskeyRules {
        sign_count: SignCount::Warn,
        ..PasskeyRules::default()
    };
    ada.factor = ada.factor.with_rules(rules);
    ada.device.counter = 1;
    for _ in 0..2 {
        let evidence = ada.log_in(false).await.expect("is judged");
        assert_eq!(judged(evidence), (Outcome::Match, Some(Alarm::SignCount)));
        ada.device.counter += 1;
    }
    let mut synced = Registered::new(Behaviour {
        counts: 0,
        ..Behaviour::default()
    })
    .await;
    for _ in 0..2 {
        assert_eq!(judged(synced.log_in(false).await.expect("is judged")), fine);
    }
}

#[tokio::test]
async fn what_it_counted_to_at_its_registration_counts() {
    let mut device = SoftAuthenticator::new(Behaviour::default());
    device.counter = 7;
    let mut ada = Registered::of(device, PasskeyRules::default())
        .await
        .expect("is registered");
    ada.device.counter = 5;
    let evidence = ada.log_in(false).await.expect("is judged");
    assert_eq!(evidence.alarm, Some(Alarm::SignCount));
}

/// The maker's certificate in a file, and the models that it is taken for.
fn rules(maker: &Maker, models: &[[u8; 16]], requires_attestation: bool) -> PasskeyRules {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("roots.pem");
    let root = AsRef::<rcgen::Certificate>::as_ref(&maker.root);
    let text = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, root.der());
    let pem = format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n");
    std::fs::write(&file, pem).expect("written");
    let models: Vec<uuid::Uuid> = models
        .iter()
        .map(|it| uuid::Uuid::from_bytes(*it))
        .collect();
    PasskeyRules {
        trusted: Some(Trusted::open(&file, &models).expect("authorities")),
        requires_attestation,
        sign_count: SignCount::Refuse,
    }
}

fn made_by(maker: &Arc<Maker>, eligible: bool) -> SoftAuthenticator {
    let mut device = SoftAuthenticator::new(Behaviour {
        eligible,
        ..Behaviour::default()
    });
    device.maker = Some(maker.clone());
    device
}

#[tokio::test]
async fn a_model_that_its_maker_vouches_for_is_hardware() {
    let maker = Arc::new(Maker::new([7; 16]));
    for is_required in [true, false] {
        let rules = |models: &[[u8; 16]]| rules(&maker, models, is_required);
        let mut ada = Registered::of(made_by(&maker, false), rules(&[[7; 16]]))
            .await
            .expect("is registered");
        for discoverable in [false, true] {
            let evidence = ada.log_in(discoverable).await.expect("is judged");
            assert_eq!(evidence.outcome, Outcome::Match);
            assert_eq!(evidence.amr, [Amr::Hwk, Amr::User].into());
        }
        // A model that is trusted no more, and a maker that is not, are worth what nobody vouches for.
        let other = Maker::new([7; 16]);
        let untrusted = [
            rules(&[[8; 16]]),
            super::passkey::rules(&other, &[[7; 16]], is_required),
            PasskeyRules::default(),
        ];
        for rules in untrusted {
            ada.factor = ada.factor.with_rules(rules);
            let evidence = ada.log_in(false).await.expect("is judged");
            assert_eq!(evidence.outcome, Outcome::Match);
            assert_eq!(evidence.amr, [Amr::Swk, Amr::User].into());
        }
    }
    // One that can be copied is not bound, whoever made it.
    let mut ada = Registered::of(made_by(&maker, true), rules(&maker, &[[7; 16]], false))
        .await
        .expect("is registered");
    let evidence = ada.log_in(false).await.expect("is judged");
    assert_eq!(evidence.amr, [Amr::Swk, Amr::User].into());
}

#[tokio::test]
async fn where_attestation_is_asked_for_each_other_device_is_refused_with_the_way_out() {
    let maker = Arc::new(Maker::new([7; 16]));
    let liar = Arc::new(Maker::naming([7; 16], [8; 16]));
    let stranger = Arc::new(Maker::new([7; 16]));
    let good = || rules(&maker, &[[7; 16], [8; 16]], true);
    let plain = SoftAuthenticator::new(Behaviour::default());
    for (why, device, rules, is_named) in [
        ("nobody vouches", plain, good(), true),
        ("it can be copied", made_by(&maker, true), good(), true),
        ("another maker", made_by(&stranger, false), good(), true),
        (
            "another model",
            made_by(&maker, false),
            rules(&maker, &[[9; 16]], true),
            true,
        ),
        (
            "it is not the model that its certificate names",
            made_by(&liar, false),
            rules(&liar, &[[7; 16], [8; 16]], true),
            false,
        ),
    ] {
        let Err(FactorError::Refused(advice)) = Registered::of(device, rules).await else {
            panic!("{why}: not refused");
        };
        assert_eq!(
            advice.contains("Only certain models"),
            is_named,
            "{why}: {advice}"
        );
    }
}

#[test]
fn a_file_without_authorities_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("roots.pem");
    let model = [uuid::Uuid::from_bytes([7; 16])];
    assert!(Trusted::open(&file, &model).is_err(), "no file");
    let (begin, end) = ("-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----");
    for text in [String::new(), format!("{begin}\nAAAA\n{end}\n")] {
        std::fs::write(&file, &text).expect("written");
        assert!(Trusted::open(&file, &model).is_err(), "{text}");
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
    assert!(allowed(&first).as_array().is_some_and(|it| !it.is_empty()));
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

/// The ids that a name without a passkey is shown.
async fn shown(factor: &Passkeys, nobody: &Subject, username: &str) -> Vec<String> {
    let nobody = Subject {
        username: username.to_owned(),
        ..nobody.clone()
    };
    let ceremony = Ceremony {
        subject: &nobody,
        credentials: &[],
        now: NOW,
    };
    let issued = factor.challenge(ceremony).await.expect("asks");
    let allowed = options(&issued)["publicKey"]["allowCredentials"].clone();
    let allowed = allowed.as_array().expect("a list").clone();
    let id = |it: &Value| {
        let members = it.as_object().expect("an object");
        assert_eq!(members.len(), 2, "no more than of a real one: {it}");
        assert_eq!(it["type"], "public-key");
        it["id"].as_str().expect("an id").to_owned()
    };
    allowed.iter().map(id).collect()
}

#[tokio::test]
async fn made_up_passkeys_are_as_many_and_as_long_as_peoples_and_stay_as_they_are() {
    let place = Place::new().await;
    let issuer = url::Url::parse(ISSUER).expect("a URL");
    let of = |seed| {
        let factor = Passkeys::new(place.store.clone(), &issuer, "Whorl").expect("a factor");
        factor.with_decoys([seed; 32])
    };
    let (factor, again, other) = (of(1), of(1), of(2));
    let nobody = subject(&place.store, "bob").await;
    let (mut counts, mut lengths) = (BTreeMap::new(), BTreeMap::new());
    let mut all = BTreeSet::new();
    for number in 0..600 {
        let name = format!("name{number}");
        let ids = shown(&factor, &nobody, &name).await;
        assert_eq!(ids, shown(&again, &nobody, &name).await, "at a replica");
        assert_ne!(ids, shown(&other, &nobody, &name).await);
        *counts.entry(ids.len()).or_insert(0) += 1;
        for id in ids {
            // Base64 without padding: four letters stand for three bytes.
            *lengths.entry(id.len() * 3 / 4).or_insert(0) += 1;
            assert!(all.insert(id), "{name}: shown for another name");
        }
    }
    let kinds: Vec<usize> = counts.keys().copied().collect();
    assert_eq!(kinds, [1, 2, 3]);
    // 164 of 256 are 64 %; five standard deviations of 600 draws are 10 %.
    assert!((324..=444).contains(&counts[&1]), "{counts:?}");
    let kinds: Vec<usize> = lengths.keys().copied().collect();
    assert_eq!(kinds, [16, 20, 32, 48, 64], "{lengths:?}");
}
