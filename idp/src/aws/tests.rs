//! The vault and the signing keys over a KMS and an S3 that are separate processes, and over ones that misbehave.

mod faults;
mod moto;

use std::sync::Arc;

use aws_sdk_kms::types::KeySpec;
use serde_json::json;
use time::macros::datetime;
use uuid::Uuid;

use self::moto::Moto;
use super::*;
use crate::{
    keys::{
        KeyError, KeyHolder, KeySource, KeyState, SigningAlg,
        jws::{Audience, Expected, Lifetime, sign_claims, verify},
    },
    vault::{
        Binding, BlobKey, Blobs, DirectoryBlobs, KeyWrap, LocalKey, Unobserved, Vault, VaultLimits,
        VaultParts,
    },
};

fn vault(key_wrap: Arc<dyn KeyWrap>, blobs: Arc<dyn Blobs>, deployment: u128) -> Vault {
    Vault::new(VaultParts {
        deployment: Uuid::from_u128(deployment),
        key_wrap,
        blobs,
        observer: Arc::new(Unobserved),
        limits: VaultLimits::default(),
    })
}

fn binding() -> Binding<'static> {
    Binding {
        subject: Uuid::from_u128(1),
        credential: Uuid::from_u128(2),
        factor: "face",
        format: "embedding-1",
        model: "net-1",
        version: 1,
    }
}

fn bucket() -> S3Settings {
    S3Settings {
        bucket: "templates".into(),
        prefix: "vault/".into(),
        path_style: true,
        expected_bucket_owner: None,
    }
}

#[tokio::test]
async fn templates_are_sealed_under_kms_and_kept_in_s3() {
    let Some(moto) = Moto::start().await else {
        return;
    };
    let connection = moto.connection().await;
    let key = moto.create_key(&connection).await;
    moto.create_bucket(&connection, &bucket()).await;
    let key_wrap: Arc<dyn KeyWrap> = Arc::new(KmsKeyWrap::new(&connection, &key));
    let blobs: Arc<dyn Blobs> = Arc::new(S3Blobs::new(&connection, bucket()));
    let here = vault(key_wrap.clone(), blobs.clone(), 7);
    here.check().await.expect("usable");

    let wrapped = here.new_subject_key(binding().subject).await.expect("key");
    let template: Vec<u8> = (0..50_000u32).map(|n| n as u8).collect();
    let digest = here
        .store(&wrapped, &binding(), &template)
        .await
        .expect("stored");
    let name = binding().blob_key(digest);
    let stored = blobs.get(&name).await.expect("answered").expect("there");
    assert!(
        !stored.windows(16).any(|window| window == &template[..16]),
        "sealed"
    );

    let replica = vault(key_wrap.clone(), blobs.clone(), 7);
    assert_eq!(
        &*replica
            .open(&wrapped, &binding(), &digest)
            .await
            .expect("opened"),
        &template
    );

    // KMS refuses another deployment, another subject, another key, an altered wrapped key.
    let elsewhere = vault(key_wrap.clone(), blobs.clone(), 8);
    let other_key = moto.create_key(&connection).await;
    let rekeyed = vault(
        Arc::new(KmsKeyWrap::new(&connection, &other_key)),
        blobs.clone(),
        7,
    );
    let mut altered = wrapped.clone();
    *altered.0.last_mut().expect("bytes") ^= 1;
    let empty = crate::vault::WrappedKey(Vec::new());
    let other_subject = Binding {
        subject: Uuid::from_u128(9),
        ..binding()
    };
    blobs
        .put(&other_subject.blob_key(digest), stored.clone())
        .await
        .expect("put");
    for (vault, wrapped, binding) in [
        (&elsewhere, &wrapped, binding()),
        (&replica, &wrapped, other_subject),
        (&replica, &altered, binding()),
        (&replica, &empty, binding()),
    ] {
        let refused = vault.open(wrapped, &binding, &digest).await;
        assert!(
            matches!(refused, Err(VaultError::WrongContext)),
            "{refused:?}"
        );
    }

    // The emulator denies here, where KMS would call the key incorrect; it is a refusal either way.
    assert!(rekeyed.open(&wrapped, &binding(), &digest).await.is_err());

    // The bucket's owner puts something else there.
    let fresh = vault(key_wrap.clone(), blobs.clone(), 7);
    moto.overwrite(&connection, &bucket(), &name, b"something else")
        .await;
    let refused = fresh.open(&wrapped, &binding(), &digest).await;
    assert!(matches!(refused, Err(VaultError::Tampered)), "{refused:?}");

    fresh.remove(&binding(), &digest).await.expect("removed");
    fresh
        .remove(&binding(), &digest)
        .await
        .expect("removed twice");
    let refused = fresh.open(&wrapped, &binding(), &digest).await;
    assert!(matches!(refused, Err(VaultError::Missing)), "{refused:?}");
}

#[tokio::test]
async fn a_missing_bucket_or_a_disabled_key_is_unavailable() {
    let Some(moto) = Moto::start().await else {
        return;
    };
    let connection = moto.connection().await;
    let key = moto.create_key(&connection).await;
    let signing = moto
        .create_signing_key(&connection, KeySpec::EccNistP256)
        .await;
    let blobs = S3Blobs::new(&connection, bucket());
    let name = BlobKey {
        digest: [0; 32],
        ..binding().blob_key([0; 32])
    };
    moto.disable_key(&connection, &key).await;
    let answers = [
        (Part::Blobs, blobs.check().await),
        (Part::Blobs, blobs.get(&name).await.map(|_| ())),
        (
            Part::KeyWrap,
            KmsKeyWrap::new(&connection, &key).check().await,
        ),
        (
            Part::KeyWrap,
            KmsKeyWrap::new(&connection, "alias/none").check().await,
        ),
        (
            Part::KeyWrap,
            KmsKeyWrap::new(&connection, &signing).check().await,
        ),
    ];
    for (expected, answer) in answers {
        assert!(
            matches!(answer, Err(VaultError::Unavailable { part, .. }) if part == expected),
            "{expected}: {answer:?}"
        );
    }
}

#[tokio::test]
async fn keys_in_kms_sign_what_relying_parties_verify() {
    let Some(moto) = Moto::start().await else {
        return;
    };
    let now = datetime!(2030-01-01 0:00 UTC);
    let connection = moto.connection().await;
    let folder = tempfile::tempdir().expect("folder");
    let local = LocalKey::load_or_create(&folder.path().join("key")).expect("key");
    let blobs = DirectoryBlobs::open(&folder.path().join("blobs")).expect("blobs");
    let vault = Arc::new(vault(Arc::new(local), Arc::new(blobs), 7));
    let remote = KmsKeys::new(&connection, Arc::new(Unobserved), Duration::from_secs(8));
    let holder = KeyHolder {
        deployment_key: vault.new_deployment_key().await.expect("key"),
        vault,
        remote: Some(Arc::new(remote)),
    };
    let active = KeyState::Active { since: now };
    let mut keys = Vec::new();
    for (spec, alias) in [
        (KeySpec::EccNistP256, "alias/ec"),
        (KeySpec::Rsa2048, "alias/rsa"),
    ] {
        let name = moto.create_signing_key(&connection, spec).await;
        moto.create_alias(&connection, alias, &name).await;
        let key = holder.adopt(alias, active, now).await.expect("adopted");
        assert_eq!(key.source, KeySource::Remote(name), "the alias is resolved");
        keys.push(key);
    }
    let ring = holder.ring(keys.clone()).await.expect("ring");
    assert_eq!(ring.algs(), [SigningAlg::Es256, SigningAlg::Rs256]);
    let claims = json!({"iss": "i", "aud": "a", "exp": now.unix_timestamp() + 60});
    let expected = Expected {
        typ: "JWT",
        issuer: "i",
        audience: Audience::OneOf(&["a"]),
        algs: &[SigningAlg::Es256, SigningAlg::Rs256],
        lifetime: Lifetime::Current {
            leeway: time::Duration::ZERO,
        },
    };
    for alg in ring.algs() {
        let signer = ring.signer(alg).expect("active");
        for _ in 0..20 {
            let token = sign_claims(&**signer, "JWT", &claims)
                .await
                .expect("signed");
            let verified: serde_json::Value =
                verify(&token, &ring, &expected, now).expect("verifies");
            assert_eq!(verified, claims);
        }
    }

    // A row that names another key of the service is found out before anything is signed with it.
    let mut crossed = keys[0].clone();
    let name = moto
        .create_signing_key(&connection, KeySpec::EccNistP256)
        .await;
    crossed.source = KeySource::Remote(name);
    let signer = holder.open(&crossed).await.expect("opens without a call");
    let refused = signer.sign(b"message").await;
    assert!(matches!(refused, Err(KeyError::Mismatch(_))), "{refused:?}");

    // Keys that are not for signing, or not with our algorithms or curves, are not adopted.
    let mut others = vec![moto.create_key(&connection).await];
    for spec in [KeySpec::EccNistP384, KeySpec::EccSecgP256K1] {
        others.push(moto.create_signing_key(&connection, spec).await);
    }
    for other in others {
        let refused = holder.adopt(&other, active, now).await;
        assert!(refused.is_err(), "{refused:?}");
    }

    // The service goes down: unavailable, and a replica still starts.
    drop(moto);
    let ring = holder.ring(keys).await.expect("no call is made");
    let down = ring
        .signer(SigningAlg::Es256)
        .expect("active")
        .sign(b"message")
        .await;
    assert!(
        down.as_ref().is_err_and(KeyError::is_unavailable),
        "{down:?}"
    );
}
