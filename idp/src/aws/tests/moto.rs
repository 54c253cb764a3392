//! A moto server (an emulator of KMS and S3) of a test's own, on a free port of the loopback.

use std::{
    net::{Ipv4Addr, TcpListener},
    process::{Child, Command, Stdio},
    time::Duration,
};

use aws_sdk_kms::types::{KeySpec, KeyUsageType};
use aws_sdk_s3::primitives::ByteStream;
use tokio::{net::TcpStream, time::Instant};

use super::super::{AccessKey, AwsBounds, AwsConnection, AwsSettings, S3Settings};
use crate::vault::BlobKey;

/// A running server, ended when it is dropped.
pub(super) struct Moto {
    child: Child,
    port: u16,
}

impl Moto {
    /// Starts a server; none where `moto_server` is not installed, unless every test must run.
    pub(super) async fn start() -> Option<Self> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .and_then(|listener| listener.local_addr())
            .expect("a free port")
            .port();
        let child = Command::new("moto_server")
            .args(["-H", "127.0.0.1", "-p", &port.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let child = match child {
            Ok(child) => child,
            Err(error) if std::env::var("WHORL_TEST_ALL").is_ok_and(|all| all == "1") => {
                panic!("moto_server cannot be started: {error}")
            }
            Err(error) => {
                println!("skipped: moto_server cannot be started: {error}");
                return None;
            }
        };
        let mut moto = Self { child, port };
        moto.wait().await;
        Some(moto)
    }

    async fn wait(&mut self) {
        let begun = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))
            .await
            .is_err()
        {
            let ended = self.child.try_wait().expect("a child");
            assert!(ended.is_none(), "moto_server ended: {ended:?}");
            assert!(
                begun.elapsed() < Duration::from_secs(60),
                "moto_server does not listen"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub(super) async fn connection(&self) -> AwsConnection {
        connection(self.port, AwsBounds::default()).await
    }

    /// A key for wrapping.
    pub(super) async fn create_key(&self, connection: &AwsConnection) -> String {
        self.create(
            connection,
            KeySpec::SymmetricDefault,
            KeyUsageType::EncryptDecrypt,
        )
        .await
    }

    /// A key for signing.
    pub(super) async fn create_signing_key(
        &self,
        connection: &AwsConnection,
        spec: KeySpec,
    ) -> String {
        self.create(connection, spec, KeyUsageType::SignVerify)
            .await
    }

    async fn create(
        &self,
        connection: &AwsConnection,
        spec: KeySpec,
        usage: KeyUsageType,
    ) -> String {
        aws_sdk_kms::Client::new(&connection.0)
            .create_key()
            .key_spec(spec)
            .key_usage(usage)
            .send()
            .await
            .expect("a key")
            .key_metadata
            .expect("its description")
            .key_id
    }

    pub(super) async fn create_alias(&self, connection: &AwsConnection, alias: &str, key: &str) {
        aws_sdk_kms::Client::new(&connection.0)
            .create_alias()
            .alias_name(alias)
            .target_key_id(key)
            .send()
            .await
            .expect("an alias");
    }

    pub(super) async fn disable_key(&self, connection: &AwsConnection, key: &str) {
        aws_sdk_kms::Client::new(&connection.0)
            .disable_key()
            .key_id(key)
            .send()
            .await
            .expect("disabled");
    }

    pub(super) async fn create_bucket(&self, connection: &AwsConnection, settings: &S3Settings) {
        use aws_sdk_s3::types::{BucketLocationConstraint, CreateBucketConfiguration};
        let place = CreateBucketConfiguration::builder()
            .location_constraint(BucketLocationConstraint::EuWest1)
            .build();
        s3(connection)
            .create_bucket()
            .bucket(&settings.bucket)
            .create_bucket_configuration(place)
            .send()
            .await
            .expect("a bucket");
    }

    /// Puts `bytes` where the blob `key` is, behind the vault's back.
    pub(super) async fn overwrite(
        &self,
        connection: &AwsConnection,
        settings: &S3Settings,
        key: &BlobKey,
        bytes: &'static [u8],
    ) {
        s3(connection)
            .put_object()
            .bucket(&settings.bucket)
            .key(format!("{}{key}", settings.prefix))
            .body(ByteStream::from_static(bytes))
            .send()
            .await
            .expect("overwritten");
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A connection to whatever listens on `port` of the loopback.
pub(super) async fn connection(port: u16, bounds: AwsBounds) -> AwsConnection {
    AwsConnection::open(&AwsSettings {
        endpoint_url: Some(format!("http://127.0.0.1:{port}")),
        region: Some("eu-west-1".into()),
        credentials: Some(AccessKey {
            id: "test".into(),
            secret: "test".into(),
        }),
        bounds,
    })
    .await
}

fn s3(connection: &AwsConnection) -> aws_sdk_s3::Client {
    aws_sdk_s3::Client::from_conf(
        aws_sdk_s3::config::Builder::from(&connection.0)
            .force_path_style(true)
            .build(),
    )
}
