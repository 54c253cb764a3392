//! S3 and KMS, emulated by moto: one server a test run; a bucket and a key of its own for each test.

use std::{ffi::OsString, sync::OnceLock};

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use crate::{
    keeper::{Keeper, free_port},
    missing::{Missing, python_program},
};

/// The running emulator. It takes any credential and keeps everything in memory.
#[derive(Debug)]
pub struct Moto {
    port: u16,
    _keeper: Keeper,
}

/// A bucket and a key-encryption key of one test's own.
#[derive(Debug, Clone)]
pub struct Vault {
    /// The bucket's name.
    pub bucket: String,
    /// The key's ARN.
    pub key: String,
}

impl Moto {
    /// The emulator that all tests of this process share; started by the first that asks.
    pub fn shared() -> Result<&'static Self, Missing> {
        static SHARED: OnceLock<Result<Moto, Missing>> = OnceLock::new();
        let started = SHARED.get_or_init(|| {
            let program = python_program("moto_server")?;
            Self::start(program.into()).map_err(|e| {
                Missing::new(
                    format!("moto does not start: {e:#}"),
                    "tests/setup mends it",
                )
            })
        });
        started.as_ref().map_err(Clone::clone)
    }

    fn start(program: OsString) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?.keep();
        let port = free_port()?;
        let keeper = Keeper::start(SCRIPT, &[program, folder.into(), port.to_string().into()])?;
        Ok(Self {
            port,
            _keeper: keeper,
        })
    }

    /// The loopback port that it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The region of everything in it.
    pub const REGION: &str = "eu-west-1";

    /// A new bucket and a new symmetric key.
    pub async fn vault(&self) -> anyhow::Result<Vault> {
        let bucket = format!("t-{}", uuid::Uuid::new_v4().simple());
        self.create_bucket(&bucket).await?;
        let key = self
            .kms("CreateKey", &json!({ "Description": bucket }))
            .await?;
        let key = key["KeyMetadata"]["Arn"]
            .as_str()
            .context("CreateKey gives an ARN")?;
        Ok(Vault {
            bucket,
            key: key.to_owned(),
        })
    }

    /// A bucket of this name.
    pub async fn create_bucket(&self, bucket: &str) -> anyhow::Result<()> {
        let response = self
            .request("s3", reqwest::Method::PUT, &format!("/{bucket}"))
            .body(format!(
                "<CreateBucketConfiguration><LocationConstraint>{}</LocationConstraint></CreateBucketConfiguration>",
                Self::REGION
            ))
            .send()
            .await?;
        let (status, text) = (response.status(), response.text().await?);
        ensure!(status.is_success(), "create bucket: {status} {text}");
        Ok(())
    }

    /// Calls an action of the key service.
    pub async fn kms(&self, action: &str, body: &Value) -> anyhow::Result<Value> {
        let response = self
            .request("kms", reqwest::Method::POST, "/")
            .header("x-amz-target", format!("TrentService.{action}"))
            .header("content-type", "application/x-amz-json-1.1")
            .body(body.to_string())
            .send()
            .await?;
        let (status, text) = (response.status(), response.text().await?);
        ensure!(status.is_success(), "{action}: {status} {text}");
        serde_json::from_str(&text).with_context(|| format!("{action}: {text}"))
    }

    /// The names and the bytes of every object in a bucket, in the order of their names.
    pub async fn objects(&self, bucket: &str) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
        let list = self
            .request(
                "s3",
                reqwest::Method::GET,
                &format!("/{bucket}?list-type=2"),
            )
            .send()
            .await?
            .error_for_status()?
            .text()
            .await?;
        let names = list
            .split("<Key>")
            .skip(1)
            .filter_map(|rest| rest.split("</Key>").next());
        let mut objects = Vec::new();
        for name in names {
            let path = format!("/{bucket}/{name}");
            let object = self
                .request("s3", reqwest::Method::GET, &path)
                .send()
                .await?;
            let bytes = object.error_for_status()?.bytes().await?;
            objects.push((name.to_owned(), bytes.to_vec()));
        }
        Ok(objects)
    }

    /// Puts an object, over the one that may be there.
    pub async fn put_object(&self, bucket: &str, name: &str, bytes: Vec<u8>) -> anyhow::Result<()> {
        let path = format!("/{bucket}/{name}");
        let request = self.request("s3", reqwest::Method::PUT, &path).body(bytes);
        request.send().await?.error_for_status()?;
        Ok(())
    }

    /// Empties a bucket and removes it.
    pub async fn remove_bucket(&self, bucket: &str) -> anyhow::Result<()> {
        for (name, _) in self.objects(bucket).await? {
            let path = format!("/{bucket}/{name}");
            let request = self.request("s3", reqwest::Method::DELETE, &path);
            request.send().await?.error_for_status()?;
        }
        let request = self.request("s3", reqwest::Method::DELETE, &format!("/{bucket}"));
        request.send().await?.error_for_status()?;
        Ok(())
    }

    /// The emulator reads from the credential's scope which service is meant, and checks no signature.
    fn request(
        &self,
        service: &str,
        method: reqwest::Method,
        path: &str,
    ) -> reqwest::RequestBuilder {
        let scope = format!("test/20260101/{}/{service}/aws4_request", Self::REGION);
        reqwest::Client::new()
            .request(method, format!("http://127.0.0.1:{}{path}", self.port))
            .header(
                "authorization",
                format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"),
            )
    }
}

/// `$1` program, `$2` folder, `$3` port.
const SCRIPT: &str = r#"
program=$1 folder=$2 port=$3
"$program" -H 127.0.0.1 -p "$port" >"$folder/log" 2>&1 &
server=$!
until (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do
  kill -0 "$server" 2>/dev/null || { cat "$folder/log" >&2; rm -rf "$folder"; exit 1; }
  sleep 0.1
done
echo ready
cat >/dev/null
kill "$server"
wait "$server" || true
rm -rf "$folder"
"#;
