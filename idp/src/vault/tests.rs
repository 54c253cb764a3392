//! The vault as a whole: every binding holds, every swap is refused, every broken part is told apart.

use std::{
    collections::HashMap,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use proptest::prelude::*;

use super::*;

/// Blobs in memory, which a test may replace behind the vault's back.
#[derive(Default)]
struct MemoryBlobs(Mutex<HashMap<BlobKey, Vec<u8>>>);

#[async_trait]
impl Blobs for MemoryBlobs {
    async fn put(&self, key: &BlobKey, sealed: Vec<u8>) -> Result<(), VaultError> {
        self.0.lock().expect("lock").insert(*key, sealed);
        Ok(())
    }
    async fn get(&self, key: &BlobKey) -> Result<Option<Vec<u8>>, VaultError> {
        Ok(self.0.lock().expect("lock").get(key).cloned())
    }
    async fn delete(&self, key: &BlobKey) -> Result<(), VaultError> {
        self.0.lock().expect("lock").remove(key);
        Ok(())
    }
    async fn check(&self) -> Result<(), VaultError> {
        Ok(())
    }
}

/// A part that is down: it refuses to connect, or never answers.
#[derive(Clone, Copy)]
enum Down {
    Refusing,
    Silent,
}

impl Down {
    async fn answer<T>(self, part: Part) -> Result<T, VaultError> {
        match self {
            Self::Refusing => Err(VaultError::unavailable(part, "connection refused")),
            Self::Silent => std::future::pending().await,
        }
    }
}

#[async_trait]
impl Blobs for Down {
    async fn put(&self, _: &BlobKey, _: Vec<u8>) -> Result<(), VaultError> {
        self.answer(Part::Blobs).await
    }
    async fn get(&self, _: &BlobKey) -> Result<Option<Vec<u8>>, VaultError> {
        self.answer(Part::Blobs).await
    }
    async fn delete(&self, _: &BlobKey) -> Result<(), VaultError> {
        self.answer(Part::Blobs).await
    }
    async fn check(&self) -> Result<(), VaultError> {
        self.answer(Part::Blobs).await
    }
}

#[async_trait]
impl KeyWrap for Down {
    async fn generate(&self, _: &EncryptionContext) -> Result<(DataKey, WrappedKey), VaultError> {
        self.answer(Part::KeyWrap).await
    }
    async fn unwrap(&self, _: &WrappedKey, _: &EncryptionContext) -> Result<DataKey, VaultError> {
        self.answer(Part::KeyWrap).await
    }
    async fn check(&self) -> Result<(), VaultError> {
        self.answer(Part::KeyWrap).await
    }
    fn key_id(&self) -> &str {
        "down"
    }
}

#[derive(Default)]
struct Calls(Mutex<Vec<(Part, Operation, Outcome)>>);

impl Observer for Calls {
    fn on_call(&self, part: Part, operation: Operation, outcome: Outcome, _: Duration) {
        self.0
            .lock()
            .expect("lock")
            .push((part, operation, outcome));
    }
}

impl Calls {
    fn take(&self) -> Vec<(Part, Operation, Outcome)> {
        std::mem::take(&mut self.0.lock().expect("lock"))
    }
}

/// One deployment: its key, its blobs, and as many vaults (replicas) over them as a test wants.
struct Deployment {
    id: Uuid,
    key_wrap: Arc<dyn KeyWrap>,
    blobs: Arc<MemoryBlobs>,
    calls: Arc<Calls>,
    deadline: Duration,
}

impl Deployment {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("folder");
        let key = LocalKey::load_or_create(&folder.path().join("key")).expect("key");
        Self {
            id: Uuid::from_u128(77),
            key_wrap: Arc::new(key),
            blobs: Arc::default(),
            calls: Arc::default(),
            deadline: VaultLimits::default().deadline,
        }
    }

    fn vault(&self) -> Vault {
        self.vault_of(self.key_wrap.clone(), self.blobs.clone())
    }

    fn vault_of(&self, key_wrap: Arc<dyn KeyWrap>, blobs: Arc<dyn Blobs>) -> Vault {
        Vault::new(VaultParts {
            deployment: self.id,
            key_wrap,
            blobs,
            observer: self.calls.clone(),
            limits: VaultLimits {
                deadline: self.deadline,
                ..VaultLimits::default()
            },
        })
    }
}

fn binding(version: u64) -> Binding<'static> {
    Binding {
        subject: Uuid::from_u128(1),
        credential: Uuid::from_u128(2),
        factor: "face",
        format: "embedding-1",
        model: "net-1",
        version,
    }
}

#[tokio::test]
async fn a_template_comes_back_on_another_replica() {
    let deployment = Deployment::new();
    let (here, there) = (deployment.vault(), deployment.vault());
    let wrapped = here.new_subject_key(binding(1).subject).await.expect("key");
    let digest = here
        .store(&wrapped, &binding(1), b"template")
        .await
        .expect("stored");
    assert_eq!(
        deployment.calls.take(),
        [
            (Part::KeyWrap, Operation::Generate, Outcome::Done),
            (Part::Blobs, Operation::Put, Outcome::Done),
        ]
    );
    for _ in 0..3 {
        let opened = there
            .open(&wrapped, &binding(1), &digest)
            .await
            .expect("opened");
        assert_eq!(&**opened, b"template");
    }
    let mut calls = deployment.calls.take();
    calls.sort_by_key(|(part, ..)| part.name());
    assert_eq!(
        calls,
        [
            (Part::Blobs, Operation::Get, Outcome::Done),
            (Part::KeyWrap, Operation::Unwrap, Outcome::Done),
        ],
        "later openings are answered from the caches"
    );
    assert_eq!(here.key_id(), deployment.key_wrap.key_id());
    here.check().await.expect("usable");
}

#[tokio::test]
async fn any_changed_name_is_refused() {
    let deployment = Deployment::new();
    let vault = deployment.vault();
    let original = binding(1);
    let wrapped = vault.new_subject_key(original.subject).await.expect("key");
    let digest = vault
        .store(&wrapped, &original, b"template")
        .await
        .expect("stored");
    let blob = deployment
        .blobs
        .get(&original.blob_key(digest))
        .await
        .expect("got")
        .expect("there");
    let other = Uuid::from_u128(99);
    for changed in [
        Binding {
            subject: other,
            ..original
        },
        Binding {
            credential: other,
            ..original
        },
        Binding {
            factor: "fingerprint",
            ..original
        },
        Binding {
            format: "embedding-2",
            ..original
        },
        Binding {
            model: "net-2",
            ..original
        },
        Binding {
            version: 2,
            ..original
        },
    ] {
        // The bucket's owner moves the blob to where the other binding looks for it.
        deployment
            .blobs
            .put(&changed.blob_key(digest), blob.clone())
            .await
            .expect("put");
        for vault in [&vault, &deployment.vault()] {
            let refused = vault.open(&wrapped, &changed, &digest).await;
            assert!(
                matches!(refused, Err(VaultError::WrongContext)),
                "{changed:?}: {refused:?}"
            );
        }
    }
    let elsewhere = Deployment {
        id: other,
        ..deployment
    };
    let refused = elsewhere.vault().open(&wrapped, &original, &digest).await;
    assert!(
        matches!(refused, Err(VaultError::WrongContext)),
        "another deployment: {refused:?}"
    );
}

#[tokio::test]
async fn an_old_or_swapped_blob_is_refused_before_it_is_opened() {
    let deployment = Deployment::new();
    let vault = deployment.vault();
    let wrapped = vault
        .new_subject_key(binding(1).subject)
        .await
        .expect("key");
    let old = vault
        .store(&wrapped, &binding(1), b"old")
        .await
        .expect("stored");
    let new = vault
        .store(&wrapped, &binding(2), b"new")
        .await
        .expect("stored");
    let old_blob = deployment
        .blobs
        .get(&binding(1).blob_key(old))
        .await
        .expect("got")
        .expect("there");
    deployment
        .blobs
        .put(&binding(2).blob_key(new), old_blob)
        .await
        .expect("put");

    let replica = deployment.vault();
    let refused = replica.open(&wrapped, &binding(2), &new).await;
    assert!(matches!(refused, Err(VaultError::Tampered)), "{refused:?}");
    // Whoever names the old digest with the new version is not served by the cache either.
    let refused = vault.open(&wrapped, &binding(2), &old).await;
    assert!(
        matches!(refused, Err(VaultError::WrongContext)),
        "{refused:?}"
    );
    assert_eq!(
        &**vault
            .open(&wrapped, &binding(1), &old)
            .await
            .expect("still there"),
        b"old"
    );
}

#[tokio::test]
async fn any_flipped_bit_in_the_store_is_refused() {
    let deployment = Deployment::new();
    let vault = deployment.vault();
    let wrapped = vault
        .new_subject_key(binding(1).subject)
        .await
        .expect("key");
    let digest = vault
        .store(&wrapped, &binding(1), b"t")
        .await
        .expect("stored");
    let key = binding(1).blob_key(digest);
    let blob = deployment
        .blobs
        .get(&key)
        .await
        .expect("got")
        .expect("there");
    let replica = deployment.vault();
    for bit in 0..blob.len() * 8 {
        let mut altered = blob.clone();
        altered[bit / 8] ^= 1 << (bit % 8);
        deployment.blobs.put(&key, altered).await.expect("put");
        let refused = replica.open(&wrapped, &binding(1), &digest).await;
        assert!(
            matches!(refused, Err(VaultError::Tampered)),
            "bit {bit}: {refused:?}"
        );
    }
    deployment.blobs.put(&key, blob).await.expect("put");
    replica
        .open(&wrapped, &binding(1), &digest)
        .await
        .expect("the right blob is back");
}

#[tokio::test]
async fn two_who_refresh_the_same_version_do_not_lose_either() {
    let deployment = Deployment::new();
    let (a, b) = (deployment.vault(), deployment.vault());
    let wrapped = a.new_subject_key(binding(1).subject).await.expect("key");
    let first = a.store(&wrapped, &binding(2), b"a").await.expect("stored");
    let second = b.store(&wrapped, &binding(2), b"b").await.expect("stored");
    b.remove(&binding(2), &second)
        .await
        .expect("the loser takes its own back");
    let replica = deployment.vault();
    assert_eq!(
        &**replica
            .open(&wrapped, &binding(2), &first)
            .await
            .expect("opened"),
        b"a"
    );
    let gone = b.open(&wrapped, &binding(2), &second).await;
    assert!(matches!(gone, Err(VaultError::Missing)), "{gone:?}");
}

#[tokio::test]
async fn a_forgotten_key_is_unwrapped_anew() {
    let deployment = Deployment::new();
    let vault = deployment.vault();
    let subject = binding(1).subject;
    let wrapped = vault.new_subject_key(subject).await.expect("key");
    vault.forget(&wrapped, KeyOwner::Subject(subject)).await;
    deployment.calls.take();
    vault
        .seal(&wrapped, &binding(1), b"t")
        .await
        .expect("sealed");
    assert_eq!(
        deployment.calls.take(),
        [(Part::KeyWrap, Operation::Unwrap, Outcome::Done)]
    );
}

#[tokio::test]
async fn many_logins_at_once_make_one_call() {
    let deployment = Deployment::new();
    let vault = deployment.vault();
    let wrapped = vault
        .new_subject_key(binding(1).subject)
        .await
        .expect("key");
    let digest = vault
        .store(&wrapped, &binding(1), b"t")
        .await
        .expect("stored");
    let replica = Arc::new(deployment.vault());
    deployment.calls.take();
    let opened = AtomicUsize::new(0);
    futures_util::future::join_all((0..50).map(|_| async {
        replica
            .open(&wrapped, &binding(1), &digest)
            .await
            .expect("opened");
        opened.fetch_add(1, Ordering::Relaxed);
    }))
    .await;
    assert_eq!(
        (opened.into_inner(), deployment.calls.take().len()),
        (50, 2)
    );
}

#[tokio::test]
async fn a_part_that_is_down_is_unavailable_in_bounded_time() {
    let deployment = Deployment {
        deadline: Duration::from_millis(50),
        ..Deployment::new()
    };
    let whole = deployment.vault();
    let wrapped = whole
        .new_subject_key(binding(1).subject)
        .await
        .expect("key");
    let digest = whole
        .store(&wrapped, &binding(1), b"t")
        .await
        .expect("stored");
    for down in [Down::Refusing, Down::Silent] {
        let no_keys = deployment.vault_of(Arc::new(down), deployment.blobs.clone());
        let no_blobs = deployment.vault_of(deployment.key_wrap.clone(), Arc::new(down));
        deployment.calls.take();
        let begun = Instant::now();
        let answers = [
            (
                Part::KeyWrap,
                no_keys.new_subject_key(binding(1).subject).await.err(),
            ),
            (
                Part::KeyWrap,
                no_keys.open(&wrapped, &binding(1), &digest).await.err(),
            ),
            (Part::KeyWrap, no_keys.check().await.err()),
            (
                Part::Blobs,
                no_blobs.store(&wrapped, &binding(1), b"t").await.err(),
            ),
            (
                Part::Blobs,
                no_blobs.open(&wrapped, &binding(1), &digest).await.err(),
            ),
            (
                Part::Blobs,
                no_blobs.remove(&binding(1), &digest).await.err(),
            ),
            (Part::Blobs, no_blobs.check().await.err()),
        ];
        assert!(begun.elapsed() < Duration::from_secs(5));
        for (expected, answer) in answers {
            let error = answer.expect("refused");
            assert!(error.is_unavailable());
            assert!(
                matches!(error, VaultError::Unavailable { part, .. } if part == expected),
                "{error}"
            );
            assert!(std::error::Error::source(&error).is_some());
        }
        let unavailable = deployment
            .calls
            .take()
            .into_iter()
            .filter(|call| call.2 == Outcome::Unavailable);
        assert_eq!(unavailable.count(), 7);
    }
    whole
        .open(&wrapped, &binding(1), &digest)
        .await
        .expect("what is cached still opens");
}

#[tokio::test]
async fn a_failure_is_not_remembered() {
    let deployment = Deployment::new();
    let vault = deployment.vault();
    let wrapped = vault
        .new_subject_key(binding(1).subject)
        .await
        .expect("key");
    let Sealed { digest, bytes } = vault
        .seal(&wrapped, &binding(1), b"t")
        .await
        .expect("sealed");
    let missing = vault.open(&wrapped, &binding(1), &digest).await;
    assert!(matches!(missing, Err(VaultError::Missing)), "{missing:?}");
    deployment
        .blobs
        .put(&binding(1).blob_key(digest), bytes)
        .await
        .expect("put");
    vault
        .open(&wrapped, &binding(1), &digest)
        .await
        .expect("opened");
}

#[tokio::test]
async fn an_inline_secret_opens_in_its_own_place_only() {
    let deployment = Deployment::new();
    let vault = deployment.vault();
    let subject = Uuid::from_u128(5);
    let wrapped = vault.new_deployment_key().await.expect("key");
    let subjects = vault.new_subject_key(subject).await.expect("key");
    let right = InlineBinding {
        owner: KeyOwner::Deployment,
        purpose: "signing key",
        id: "a",
    };
    let sealed = vault
        .seal_inline(&wrapped, &right, b"secret")
        .await
        .expect("sealed");
    assert_eq!(
        &**vault
            .open_inline(&wrapped, &right, &sealed)
            .await
            .expect("opened"),
        b"secret"
    );
    for (key, wrong) in [
        (&wrapped, InlineBinding { id: "b", ..right }),
        (
            &wrapped,
            InlineBinding {
                purpose: "totp",
                ..right
            },
        ),
        (
            &wrapped,
            InlineBinding {
                owner: KeyOwner::Subject(subject),
                ..right
            },
        ),
        (&subjects, right),
        (
            &subjects,
            InlineBinding {
                owner: KeyOwner::Subject(subject),
                ..right
            },
        ),
    ] {
        let refused = vault.open_inline(key, &wrong, &sealed).await;
        assert!(
            matches!(refused, Err(VaultError::WrongContext)),
            "{wrong:?}: {refused:?}"
        );
    }
    let refused = vault.open_inline(&wrapped, &right, b"no such thing").await;
    assert!(
        matches!(refused, Err(VaultError::Malformed(_))),
        "{refused:?}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn one_name_in_two_fields_never_stands_for_another(
        a in ("[a-c]{0,3}", "[a-c]{0,3}", "[a-c]{0,3}", 0u64..3),
        b in ("[a-c]{0,3}", "[a-c]{0,3}", "[a-c]{0,3}", 0u64..3),
    ) {
        let bytes = |(factor, format, model, version): &(String, String, String, u64)| {
            Binding { factor, format, model, version: *version, ..binding(0) }
                .authenticated_bytes(Uuid::nil())
        };
        prop_assert_eq!(a == b, bytes(&a) == bytes(&b));
    }
}
