//! Keys as a whole: made, sealed, opened, rotated, and their signatures judged by independent libraries.

use std::{collections::HashMap, sync::Arc};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use openidconnect::{
    JsonWebKey,
    core::{CoreJsonWebKeySet, CoreJwsSigningAlgorithm},
};
use proptest::prelude::*;
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime, macros::datetime};
use uuid::Uuid;

use super::{
    jws::{Audience, Expected, Lifetime, VerifyError, sign_claims, verify},
    *,
};
use crate::vault::{DirectoryBlobs, LocalKey, Unobserved, Vault, VaultLimits, VaultParts};

const NOW: OffsetDateTime = datetime!(2030-01-01 0:00 UTC);

async fn holder() -> KeyHolder {
    let folder = tempfile::tempdir().expect("folder");
    let vault = Vault::new(VaultParts {
        deployment: Uuid::from_u128(7),
        key_wrap: Arc::new(LocalKey::load_or_create(&folder.path().join("key")).expect("key")),
        blobs: Arc::new(DirectoryBlobs::open(&folder.path().join("blobs")).expect("blobs")),
        observer: Arc::new(Unobserved),
        limits: VaultLimits::default(),
    });
    let deployment_key = vault.new_deployment_key().await.expect("key");
    KeyHolder {
        vault: Arc::new(vault),
        deployment_key,
        remote: None,
    }
}

async fn active(holder: &KeyHolder, alg: SigningAlg) -> SigningKey {
    let state = KeyState::Active { since: NOW };
    holder.generate(alg, state, NOW).await.expect("made")
}

fn claims() -> Value {
    json!({
        "iss": "https://op.example", "aud": "client", "sub": "s", "name": "Zoë",
        "iat": NOW.unix_timestamp(), "exp": NOW.unix_timestamp() + 300,
    })
}

fn expected() -> Expected<'static> {
    Expected {
        typ: "JWT",
        issuer: "https://op.example",
        audience: Audience::OneOf(&["client"]),
        algs: &SigningAlg::ALL,
        lifetime: Lifetime::Current {
            leeway: Duration::ZERO,
        },
    }
}

#[tokio::test]
async fn every_algorithm_signs_what_relying_parties_verify() {
    let holder = holder().await;
    for alg in SigningAlg::ALL {
        let key = active(&holder, alg).await;
        let ring = holder.ring(vec![key.clone()]).await.expect("opened");
        assert_eq!(ring.algs(), [alg]);
        let signer = ring.signer(alg).expect("active");
        let token = sign_claims(&**signer, "JWT", &claims())
            .await
            .expect("signed");

        // Ours.
        let ours: Value = verify(&token, &ring, &expected(), NOW).expect("verifies");
        assert_eq!(ours, claims());

        // openidconnect, from the published JSON alone.
        let published = serde_json::to_string(&ring.jwks(NOW)).expect("serialises");
        let set: CoreJsonWebKeySet = serde_json::from_str(&published).expect("parses");
        let [theirs] = set.keys().as_slice() else {
            panic!("one key");
        };
        assert_eq!(
            theirs.key_id().map(|kid| kid.as_str()),
            Some(key.kid.as_str())
        );
        let (message, signature) = token.rsplit_once('.').expect("three parts");
        let signature = URL_SAFE_NO_PAD.decode(signature).expect("base64url");
        let theirs_alg: CoreJwsSigningAlgorithm =
            serde_json::from_value(json!(alg.name())).expect("known");
        theirs
            .verify_signature(&theirs_alg, message.as_bytes(), &signature)
            .expect("verifies");
        let other = format!("{message}x");
        assert!(
            theirs
                .verify_signature(&theirs_alg, other.as_bytes(), &signature)
                .is_err()
        );

        // No private member is published (RFC 7518 §6).
        for private in [
            "\"d\"", "\"p\"", "\"q\"", "\"dp\"", "\"dq\"", "\"qi\"", "\"k\"",
        ] {
            assert!(!published.contains(private), "{private} in {published}");
        }
        let header = jsonwebtoken::decode_header(&token).expect("header");
        assert_eq!(header.typ.as_deref(), Some("JWT"));
        assert_eq!(header.kid.as_deref(), Some(key.kid.as_str()));
    }
}

#[tokio::test]
async fn an_rsa_key_has_3072_bits_and_a_key_names_itself() {
    let holder = holder().await;
    let key = active(&holder, SigningAlg::Rs256).await;
    let json = serde_json::to_value(&key.public_jwk).expect("serialises");
    let modulus = URL_SAFE_NO_PAD
        .decode(json["n"].as_str().expect("n"))
        .expect("base64url");
    assert_eq!(modulus.len() * 8, 3072);
    assert_eq!(
        (&json["use"], &json["alg"]),
        (&json!("sig"), &json!("RS256"))
    );
    // RFC 7638 §3: the required members in lexicographic order.
    let canonical = format!(
        r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#,
        json["e"].as_str().expect("e"),
        json["n"].as_str().expect("n")
    );
    let thumbprint = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, canonical.as_bytes());
    assert_eq!(key.kid.as_str(), URL_SAFE_NO_PAD.encode(thumbprint));
    let restored: jsonwebtoken::jwk::Jwk = serde_json::from_value(json).expect("parses");
    assert_eq!(restored, key.public_jwk);
}

#[tokio::test]
async fn a_row_that_does_not_fit_itself_is_refused() {
    let holder = holder().await;
    let key = active(&holder, SigningAlg::Es256).await;
    let other = active(&holder, SigningAlg::Es256).await;
    holder.open(&key).await.expect("opens");
    let cases = [
        (
            SigningKey {
                source: other.source.clone(),
                ..key.clone()
            },
            "belong to another key or context",
        ),
        (
            SigningKey {
                kid: other.kid.clone(),
                ..key.clone()
            },
            "belong to another key or context",
        ),
        (
            SigningKey {
                alg: SigningAlg::EdDsa,
                ..key.clone()
            },
            "not usable",
        ),
        (
            SigningKey {
                public_jwk: other.public_jwk.clone(),
                ..key.clone()
            },
            "belongs to another key",
        ),
        (
            SigningKey {
                source: KeySource::Sealed(vec![1, 2, 3]),
                ..key.clone()
            },
            "malformed",
        ),
        (
            SigningKey {
                source: KeySource::Remote("arn".into()),
                ..key.clone()
            },
            "none is configured",
        ),
    ];
    for (row, words) in cases {
        let refused = holder.open(&row).await.err().expect("refused");
        assert!(refused.to_string().contains(words), "{refused}");
        assert!(!refused.is_unavailable());
    }
}

#[tokio::test]
async fn every_departure_from_what_is_expected_is_refused() {
    let holder = holder().await;
    let (es, ed) = (
        active(&holder, SigningAlg::Es256).await,
        active(&holder, SigningAlg::EdDsa).await,
    );
    let retired = SigningKey {
        state: KeyState::Retired {
            since: NOW,
            until: NOW + Duration::HOUR,
        },
        ..active(&holder, SigningAlg::Es256).await
    };
    let retired_signer = holder.open(&retired).await.expect("opens");
    let ring = holder.ring(vec![es, ed, retired]).await.expect("opened");
    let stranger = holder
        .ring(vec![active(&holder, SigningAlg::Es256).await])
        .await
        .expect("opened");
    let signer = ring.signer(SigningAlg::Es256).expect("active");
    let good = sign_claims(&**signer, "JWT", &claims())
        .await
        .expect("signed");
    let with = |name: &str, value: Value| {
        let mut claims = claims();
        claims[name] = value;
        if claims[name].is_null() {
            claims.as_object_mut().expect("object").remove(name);
        }
        claims
    };
    let resigned = async |claims: Value| {
        sign_claims(&**signer, "JWT", &claims)
            .await
            .expect("signed")
    };
    let reheaded = |header: Value| {
        let (_, rest) = good.split_once('.').expect("parts");
        format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header.to_string()))
    };
    let kid = signer.kid().as_str();
    let foreign = sign_claims(
        &**stranger.signer(SigningAlg::Es256).expect("active"),
        "JWT",
        &claims(),
    )
    .await
    .expect("signed");
    let seconds = NOW.unix_timestamp();
    let table = [
        (
            resigned(with("iss", json!("https://evil.example"))).await,
            VerifyError::Issuer,
        ),
        (
            resigned(with("iss", Value::Null)).await,
            VerifyError::Issuer,
        ),
        (
            resigned(with("aud", json!("other"))).await,
            VerifyError::Audience,
        ),
        (
            resigned(with("aud", json!([]))).await,
            VerifyError::Audience,
        ),
        (
            resigned(with("aud", Value::Null)).await,
            VerifyError::Audience,
        ),
        (
            resigned(with("exp", json!(seconds))).await,
            VerifyError::Expired,
        ),
        (
            resigned(with("exp", Value::Null)).await,
            VerifyError::Malformed,
        ),
        (
            resigned(with("exp", json!("soon"))).await,
            VerifyError::Malformed,
        ),
        (
            resigned(with("nbf", json!(seconds + 1))).await,
            VerifyError::NotYetValid,
        ),
        (
            sign_claims(&**signer, "at+jwt", &claims())
                .await
                .expect("signed"),
            VerifyError::Type,
        ),
        (foreign, VerifyError::UnknownKey),
        (
            reheaded(json!({"typ": "JWT", "alg": "ES256"})),
            VerifyError::UnknownKey,
        ),
        (
            reheaded(json!({"typ": "JWT", "alg": "none", "kid": kid})),
            VerifyError::Malformed,
        ),
        (
            reheaded(json!({"typ": "JWT", "alg": "HS256", "kid": kid})),
            VerifyError::Algorithm,
        ),
        (
            reheaded(json!({"typ": "JWT", "alg": "EdDSA", "kid": kid})),
            VerifyError::Algorithm,
        ),
        (
            reheaded(json!({"typ": "JWT", "alg": "ES256", "kid": kid, "x": 1})),
            VerifyError::Signature,
        ),
        (
            reheaded(json!({"typ": "JWT", "alg": "ES256", "kid": kid, "crit": ["x"], "x": 1})),
            VerifyError::Critical,
        ),
        (
            good[..=good.rfind('.').expect("parts")].to_owned(),
            VerifyError::Signature,
        ),
        (format!("{good}."), VerifyError::Malformed),
        ("x".repeat(40_000), VerifyError::TooLong),
        (String::new(), VerifyError::Malformed),
    ];
    for (token, refusal) in &table {
        let answer = verify::<Value>(token, &ring, &expected(), NOW);
        assert_eq!(answer.err(), Some(*refusal), "{token}");
    }

    // A list of audiences is fine as long as we are among them; so is a token within the leeway.
    let many = resigned(with("aud", json!(["other", "client"]))).await;
    verify::<Value>(&many, &ring, &expected(), NOW).expect("verifies");
    let late = NOW + Duration::seconds(330);
    let lenient = Lifetime::Current {
        leeway: Duration::MINUTE,
    };
    verify::<Value>(
        &good,
        &ring,
        &Expected {
            lifetime: lenient,
            ..expected()
        },
        late,
    )
    .expect("verifies");

    // A hint may be old, and anybody's.
    let hint = Expected {
        audience: Audience::Any,
        lifetime: Lifetime::EvenExpired,
        ..expected()
    };
    verify::<Value>(&good, &ring, &hint, NOW + Duration::days(99)).expect("verifies");

    // An algorithm that this kind of token does not use.
    let strict = Expected {
        algs: &[SigningAlg::Rs256],
        ..expected()
    };
    assert_eq!(
        verify::<Value>(&good, &ring, &strict, NOW).err(),
        Some(VerifyError::Algorithm)
    );

    // A retired key counts until it expires.
    let old = sign_claims(
        &*retired_signer,
        "JWT",
        &with("exp", json!(seconds + 99_999)),
    )
    .await
    .expect("signed");
    verify::<Value>(&old, &ring, &expected(), NOW + Duration::minutes(59)).expect("verifies");
    let after = verify::<Value>(&old, &ring, &expected(), NOW + Duration::HOUR);
    assert_eq!(after.err(), Some(VerifyError::UnknownKey));
    assert_eq!(ring.jwks(NOW).keys.len(), 3);
    assert_eq!(ring.jwks(NOW + Duration::HOUR).keys.len(), 2);
    assert!(matches!(
        ring.signer(SigningAlg::Rs256),
        Err(KeyError::NoActiveKey(SigningAlg::Rs256))
    ));
}

#[test]
fn names_of_algorithms_are_the_registered_ones() {
    for alg in SigningAlg::ALL {
        assert_eq!(alg.name().parse(), Ok(alg));
        assert_eq!(
            serde_json::to_value(alg).expect("serialises"),
            json!(alg.name())
        );
    }
    for other in ["none", "HS256", "es256", "PS256", ""] {
        assert_eq!(
            other.parse::<SigningAlg>(),
            Err(UnknownSigningAlg(other.to_owned()))
        );
    }
}

/// A key that is only a name, for rotation.
fn named(
    number: usize,
    alg: SigningAlg,
    state: KeyState,
    created_at: OffsetDateTime,
) -> SigningKey {
    let (_, public_jwk) = jwk::public_jwk(SigningAlg::EdDsa, &[number as u8; 32]).expect("key");
    SigningKey {
        kid: Kid(format!("k{number:04}")),
        alg,
        state,
        created_at,
        public_jwk,
        source: KeySource::Remote(String::new()),
    }
}

/// Does what rotation asks for, as the store would.
fn perform(
    keys: &mut Vec<SigningKey>,
    actions: Vec<Action>,
    made: &mut usize,
    now: OffsetDateTime,
) {
    for action in actions {
        match action {
            Action::Generate { alg, state } => {
                *made += 1;
                keys.push(named(*made, alg, state, now));
            }
            Action::Activate { kid, state } | Action::Retire { kid, state } => {
                keys.iter_mut()
                    .find(|key| key.kid == kid)
                    .expect("known")
                    .state = state;
            }
            Action::Delete { kid } => keys.retain(|key| key.kid != kid),
        }
    }
}

proptest! {
    /// Rotation is asked at any instants, however far apart, and a relying party caches the key set
    /// for as long as it may: it always knows the key that signs, and what was signed stays verifiable.
    #[test]
    fn no_relying_party_meets_an_unknown_key(
        steps in prop::collection::vec(0i64..60, 1..200),
        rotate_days in 20i64..100,
        publish_days in 1i64..19,
        keep_days in 1i64..60,
    ) {
        let days = Duration::days;
        let policy = RotationPolicy::new(days(rotate_days), days(publish_days), days(keep_days)).expect("policy");
        let algs = [SigningAlg::Es256, SigningAlg::Rs256];
        let (mut keys, mut made, mut now) = (Vec::new(), 0, NOW);
        let mut first_published: HashMap<Kid, OffsetDateTime> = HashMap::new();
        let mut last_signed: HashMap<Kid, OffsetDateTime> = HashMap::new();
        for step in steps {
            // Until rotation is next asked, the keys sign as they stand.
            now += days(step);
            for key in keys.iter().filter(|key: &&SigningKey| matches!(key.state, KeyState::Active { .. })) {
                last_signed.insert(key.kid.clone(), now);
            }
            let actions = rotate(&keys, &algs, now, &policy);
            perform(&mut keys, actions, &mut made, now);
            prop_assert_eq!(rotate(&keys, &algs, now, &policy), [], "asking twice asks for nothing");
            for key in keys.iter().filter(|key| key.is_published(now)) {
                first_published.entry(key.kid.clone()).or_insert(now);
            }
            for alg in algs {
                let active: Vec<_> = keys.iter()
                    .filter(|key| key.alg == alg)
                    .filter_map(|key| match key.state { KeyState::Active { since } => Some((key, since)), _ => None })
                    .collect();
                prop_assert_eq!(active.len(), 1);
                let (key, since) = active[0];
                let noticed = since - first_published[&key.kid];
                let is_first = first_published[&key.kid] == *first_published.values().min().expect("some");
                prop_assert!(is_first || noticed >= days(publish_days), "{} published {noticed} ahead", key.kid);
            }
            for (kid, signed) in &last_signed {
                let published = keys.iter().any(|key| key.kid == *kid && key.is_published(now));
                prop_assert!(published || now >= *signed + days(keep_days), "{kid} gone too early");
            }
            prop_assert!(keys.len() <= 2 * (3 + (keep_days / publish_days) as usize));
        }
    }
}

#[test]
fn a_key_that_is_no_longer_wanted_winds_down() {
    let policy = RotationPolicy::default();
    let since = NOW - Duration::days(1);
    let keys = [
        named(1, SigningAlg::Rs256, KeyState::Active { since }, since),
        named(2, SigningAlg::Rs256, KeyState::Next, since),
    ];
    let state = KeyState::Retired {
        since: NOW,
        until: NOW + Duration::days(30),
    };
    assert_eq!(
        rotate(&keys, &[], NOW, &policy),
        [
            Action::Retire {
                kid: keys[0].kid.clone(),
                state
            },
            Action::Delete {
                kid: keys[1].kid.clone()
            },
        ]
    );
}

#[test]
fn of_two_active_keys_the_later_stays() {
    let keys = [1, 2].map(|number| {
        let since = NOW - Duration::hours(3 - number as i64);
        named(number, SigningAlg::Es256, KeyState::Active { since }, since)
    });
    let actions = rotate(&keys, &[SigningAlg::Es256], NOW, &RotationPolicy::default());
    let [Action::Retire { kid, .. }] = actions.as_slice() else {
        panic!("{actions:?}");
    };
    assert_eq!(*kid, keys[0].kid);
}

#[test]
fn after_a_revocation_the_next_key_signs_at_once() {
    let revoked = KeyState::Retired {
        since: NOW,
        until: NOW,
    };
    let keys = [
        named(1, SigningAlg::Es256, revoked, NOW - Duration::days(9)),
        named(2, SigningAlg::Es256, KeyState::Next, NOW),
    ];
    assert_eq!(
        rotate(&keys, &[SigningAlg::Es256], NOW, &RotationPolicy::default()),
        [
            Action::Activate {
                kid: keys[1].kid.clone(),
                state: KeyState::Active { since: NOW }
            },
            Action::Delete {
                kid: keys[0].kid.clone()
            },
        ]
    );
}

#[test]
fn contradictory_periods_make_no_policy() {
    let days = Duration::days;
    use rotation::RotationPolicyError::{NotPositive, PublishedTooLong};
    assert_eq!(
        RotationPolicy::new(days(0), days(1), days(1)),
        Err(NotPositive)
    );
    assert_eq!(
        RotationPolicy::new(days(9), days(0), days(1)),
        Err(NotPositive)
    );
    assert_eq!(
        RotationPolicy::new(days(9), days(1), days(-1)),
        Err(NotPositive)
    );
    assert_eq!(
        RotationPolicy::new(days(9), days(9), days(1)),
        Err(PublishedTooLong)
    );
    let default = RotationPolicy::default();
    assert_eq!(
        RotationPolicy::new(days(90), days(7), days(30)),
        Ok(default)
    );
}
