//! The vault: a data key made and unwrapped, a blob put, read and removed, and the deployment's own key opened.

use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use aws_lc_rs::{digest, rand};
use uuid::Uuid;

use super::report::{Area, Finding, chain};
use crate::app::{blob_store, key_service};
use crate::config::{BlobsKind, Config, KeyKind};
use crate::keys::KeyHolder;
use crate::store::{Deployment, Store};
use crate::vault::{
    BlobKey, Blobs, EncryptionContext, KeyOwner, KeyWrap, Unobserved, Vault, VaultError,
    VaultLimits, VaultParts, WrappedKey,
};

/// What was found, and with the vault of a founded deployment what opens its signing keys.
pub(super) async fn examine(
    config: &Config,
    store: Option<&Store>,
) -> (Vec<Finding>, Option<KeyHolder>) {
    let deployment = match store {
        Some(store) => store.deployment().await.ok().flatten(),
        None => None,
    };
    let (key_side, blob_side) = tokio::join!(keys(config, deployment.as_ref()), blobs(config));
    let (mut findings, key_wrap) = key_side;
    findings.extend(blob_side.0);
    let holder = match (deployment, key_wrap, blob_side.1) {
        (Some(deployment), Some(key_wrap), Some(blobs)) => {
            Some(holder(deployment, key_wrap, blobs))
        }
        _ => None,
    };
    (findings, holder)
}

fn holder(deployment: Deployment, key_wrap: Arc<dyn KeyWrap>, blobs: Arc<dyn Blobs>) -> KeyHolder {
    let parts = VaultParts {
        deployment: deployment.id,
        key_wrap,
        blobs,
        observer: Arc::new(Unobserved),
        limits: VaultLimits::default(),
    };
    KeyHolder {
        vault: Arc::new(Vault::new(parts)),
        deployment_key: WrappedKey(deployment.wrapped_key),
        remote: None,
    }
}

type KeySide = (Vec<Finding>, Option<Arc<dyn KeyWrap>>);

async fn keys(config: &Config, deployment: Option<&Deployment>) -> KeySide {
    let file = (config.vault.key == KeyKind::Local).then(|| config.local_key_file());
    if let Some(file) = file.as_deref().filter(|file| is_missing(file)) {
        return (vec![missing_key(file, deployment.is_some())], None);
    }
    let service = match key_service(config).await {
        Ok(service) => service,
        Err(error) => {
            let file = file.unwrap_or_default();
            let finding = fail("key service", chain(&error)).mend(format!(
                "chmod 600 {0}, owned by the service's user; or restore {0} from the backup",
                file.display()
            ));
            return (vec![finding], None);
        }
    };
    let mut findings = match round_trip(service.as_ref(), deployment).await {
        Ok(findings) => findings,
        Err(error) => vec![fail("key service", chain(&error)).mend(mend_key_service(config))],
    };
    if let Some(file) = file {
        findings.push(local_key(config, &file));
    }
    (findings, Some(service))
}

/// A fresh key is unwrapped again, and not for anybody else; then the key that everything hangs on.
async fn round_trip(
    service: &dyn KeyWrap,
    deployment: Option<&Deployment>,
) -> Result<Vec<Finding>, VaultError> {
    let id = deployment.map_or_else(Uuid::new_v4, |deployment| deployment.id);
    let of = |owner| EncryptionContext {
        deployment: id,
        owner,
    };
    let (mine, other) = (
        of(KeyOwner::Subject(Uuid::new_v4())),
        of(KeyOwner::Subject(Uuid::new_v4())),
    );
    let begun = Instant::now();
    let (key, wrapped) = service.generate(&mine).await?;
    let again = service.unwrap(&wrapped, &mine).await?;
    let took = begun.elapsed();
    let name = service.key_id();
    let mut findings = vec![match key.bytes() == again.bytes() {
        true => ok("key service", format!("{name} wraps and unwraps")).took(took),
        false => fail("key service", format!("{name} unwraps to another key"))
            .mend("use another key service: this one would lose every template"),
    }];
    if service.unwrap(&wrapped, &other).await.is_ok() {
        let finding = fail(
            "key context",
            "a data key is unwrapped for another subject than its own",
        );
        findings.push(finding.mend("use a key service that honours the encryption context"));
    }
    if let Some(deployment) = deployment {
        let wrapped = WrappedKey(deployment.wrapped_key.clone());
        findings.push(match service.unwrap(&wrapped, &of(KeyOwner::Deployment)).await {
            Ok(_) => ok("deployment's key", "opens"),
            Err(error) if error.is_unavailable() => return Err(error),
            Err(error) => fail("deployment's key", format!("does not open under {name}: {}", chain(&error)))
                .mend("configure the key that this deployment began with (kms_key_id, or the key file's backup)"),
        });
    }
    Ok(findings)
}

fn missing_key(file: &Path, founded: bool) -> Finding {
    let file = file.display();
    match founded {
        true => fail(
            "key service",
            format!("{file} is missing, and what is sealed needs it"),
        )
        .mend(format!(
            "restore {file} from the backup; without it templates and signing keys are lost"
        )),
        false => warn("key service", format!("{file}: not made yet"))
            .mend("nothing to do: the first `whorl serve` makes it"),
    }
}

fn local_key(config: &Config, file: &Path) -> Finding {
    let same_volume = match (
        std::fs::metadata(file),
        std::fs::metadata(config.vault_directory()),
    ) {
        (Ok(key), Ok(vault)) => key.dev() == vault.dev(),
        _ => false,
    };
    if !config.is_loopback() && same_volume && config.vault.blobs == BlobsKind::Directory {
        return warn("local key", format!("{} lies on the volume of the templates that it protects", file.display()))
            .mend("set [vault] key = \"kms\", or move the file to another volume and name it in local_key_file");
    }
    ok(
        "local key",
        format!("{}, for its owner alone", file.display()),
    )
}

fn mend_key_service(config: &Config) -> String {
    match config.vault.key {
        KeyKind::Kms => "see kms_key_id, AWS_REGION and the credentials; the role needs kms:GenerateDataKey and \
                         kms:Decrypt on the key"
            .to_owned(),
        KeyKind::Local => format!("restore {} from the backup", config.local_key_file().display()),
    }
}

type BlobSide = (Vec<Finding>, Option<Arc<dyn Blobs>>);

async fn blobs(config: &Config) -> BlobSide {
    let (place, mend) = match config.vault.blobs {
        BlobsKind::Directory => {
            let folder = config.vault_directory();
            if is_missing(&folder) {
                let finding = warn("blobs", format!("{}: not made yet", folder.display()));
                return (vec![finding.mend("nothing to do: the first `whorl serve` makes it")], None);
            }
            let mend = format!("chmod 700 {}, owned by the service's user, on a disk with room", folder.display());
            (folder.display().to_string(), mend)
        }
        BlobsKind::S3 => (
            format!("s3://{}/{}", config.vault.bucket, config.vault.prefix),
            "see bucket, AWS_REGION and the credentials; the role needs s3:GetObject, s3:PutObject and \
             s3:DeleteObject on the bucket"
                .to_owned(),
        ),
    };
    let store = match blob_store(config).await {
        Ok(store) => store,
        Err(error) => return (vec![fail("blobs", chain(&error)).mend(mend)], None),
    };
    let begun = Instant::now();
    let finding = match put_get_delete(store.as_ref()).await {
        Ok(None) => {
            ok("blobs", format!("{place} keeps, returns and removes")).took(begun.elapsed())
        }
        Ok(Some(fault)) => fail("blobs", format!("{place} {fault}"))
            .mend("use a store that is consistent after each write, as S3 is"),
        Err(error) => fail("blobs", format!("{place}: {}", chain(&error))).mend(mend),
    };
    (vec![finding], Some(store))
}

/// What the store did wrong with a blob of nobody's, which is removed whatever happens.
async fn put_get_delete(store: &dyn Blobs) -> Result<Option<&'static str>, VaultError> {
    let mut bytes = vec![0; 512];
    rand::fill(&mut bytes).map_err(|_| VaultError::Cipher)?;
    let mut key = BlobKey {
        subject: Uuid::new_v4(),
        credential: Uuid::new_v4(),
        version: 1,
        digest: [0; 32],
    };
    key.digest
        .copy_from_slice(digest::digest(&digest::SHA256, &bytes).as_ref());
    let read = match store.put(&key, bytes.clone()).await {
        Ok(()) => store.get(&key).await,
        Err(error) => Err(error),
    };
    let removed = store.delete(&key).await;
    if read?.as_deref() != Some(bytes.as_slice()) {
        return Ok(Some("returns something else than was put"));
    }
    removed?;
    Ok(store.get(&key).await?.map(|_| "returns what was removed"))
}

fn is_missing(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_err_and(|error| error.kind() == ErrorKind::NotFound)
}

fn ok(name: &str, detail: impl Into<String>) -> Finding {
    Finding::ok(Area::Vault, name, detail)
}

fn warn(name: &str, detail: impl Into<String>) -> Finding {
    Finding::warn(Area::Vault, name, detail)
}

fn fail(name: &str, detail: impl Into<String>) -> Finding {
    Finding::fail(Area::Vault, name, detail)
}
