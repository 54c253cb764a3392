//! Services that are down, silent, failing or talking nonsense: always unavailable, always in bounded time.

use std::{
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use time::macros::datetime;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::Instant,
};
use uuid::Uuid;

use super::{super::*, binding, bucket, moto::connection};
use crate::{
    keys::{KeySource, KeyState, RemoteKeys, Signer, SigningAlg, SigningKey, jwk::public_jwk},
    vault::{Blobs, EncryptionContext, KeyOwner, KeyWrap, Unobserved, WrappedKey},
};

/// Short, so that the test is; the proportions are those of the defaults. For services that do not answer: one
/// that does may take longer than this on a machine with other things to do, and gets the defaults.
const BOUNDS: AwsBounds = AwsBounds {
    connect: Duration::from_millis(200),
    attempt: Duration::from_millis(250),
    operation: Duration::from_millis(500),
    attempts: 3,
};

/// A service that answers every request by `answer`, or with silence; counts the requests.
struct Fake {
    port: u16,
    requests: Arc<AtomicUsize>,
}

impl Fake {
    async fn start(
        answer: impl Fn(&str, &[u8]) -> Option<(u16, String)> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let requests = Arc::new(AtomicUsize::new(0));
        let (counter, answer) = (requests.clone(), Arc::new(answer));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, counter.clone(), answer.clone()));
            }
        });
        Self { port, requests }
    }
}

async fn serve(
    mut stream: TcpStream,
    counter: Arc<AtomicUsize>,
    answer: Arc<impl Fn(&str, &[u8]) -> Option<(u16, String)>>,
) {
    let mut request = Vec::new();
    loop {
        let mut chunk = [0; 4096];
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => return,
            Ok(length) => request.extend_from_slice(&chunk[..length]),
        }
        let Some((head, body)) = parts_of(&request) else {
            continue;
        };
        counter.fetch_add(1, Ordering::Relaxed);
        let Some((status, text)) = answer(&head, body) else {
            return std::future::pending().await;
        };
        let length = text.len();
        let answer = format!(
            "HTTP/1.1 {status} Answer\r\ncontent-type: application/x-amz-json-1.1\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{text}"
        );
        let _ = stream.write_all(answer.as_bytes()).await;
        return;
    }
}

/// The head, in lower case, and the body of a request that is there as a whole.
fn parts_of(request: &[u8]) -> Option<(String, &[u8])> {
    let end = request
        .windows(4)
        .position(|window| window == b"\r\n\r\n")?
        + 4;
    let head = String::from_utf8_lossy(&request[..end]).to_ascii_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"))
        .map_or(0, |length| length.trim().parse().expect("a length"));
    let body = &request[end..];
    (body.len() >= length).then_some((head, body))
}

async fn assert_all_unavailable(port: u16, what: &str, bounds: AwsBounds) {
    let connection = connection(port, bounds).await;
    let kms = KmsKeyWrap::new(&connection, "key");
    let s3 = S3Blobs::new(&connection, bucket());
    let signer = es256_signer(&connection, &[4; 65]);
    let context = EncryptionContext {
        deployment: Uuid::nil(),
        owner: KeyOwner::Deployment,
    };
    let name = binding().blob_key([0; 32]);
    let begun = Instant::now();
    let (generate, unwrap, check, put, get, delete, head, sign) = tokio::join!(
        async { kms.generate(&context).await.map(|_| ()) },
        async {
            kms.unwrap(&WrappedKey(vec![1; 64]), &context)
                .await
                .map(|_| ())
        },
        kms.check(),
        s3.put(&name, vec![1; 100]),
        async { s3.get(&name).await.map(|_| ()) },
        s3.delete(&name),
        s3.check(),
        async { signer.sign(b"message").await.map(|_| ()) },
    );
    let took = begun.elapsed();
    assert!(
        took < bounds.operation + Duration::from_secs(5),
        "{what}: {took:?}"
    );
    for (call, answer) in [
        ("generate", generate),
        ("unwrap", unwrap),
        ("check", check),
        ("put", put),
        ("get", get),
        ("delete", delete),
        ("head", head),
    ] {
        assert!(
            matches!(answer, Err(VaultError::Unavailable { .. })),
            "{what}, {call}: {answer:?}"
        );
    }
    assert!(
        sign.as_ref().is_err_and(|error| error.is_unavailable()),
        "{what}: {sign:?}"
    );
}

/// A signer for a key of KMS, whose public part is `point`, or any at all if that is none.
fn es256_signer(connection: &AwsConnection, point: &[u8]) -> Arc<dyn Signer> {
    let (kid, jwk) = public_jwk(SigningAlg::Es256, point).expect("a public key");
    let row = SigningKey {
        kid,
        alg: SigningAlg::Es256,
        state: KeyState::Next,
        created_at: datetime!(2030-01-01 0:00 UTC),
        public_jwk: jwk,
        source: KeySource::Remote("key".into()),
    };
    KmsKeys::new(connection, Arc::new(Unobserved), Duration::from_secs(1)).open("key", &row)
}

#[tokio::test]
async fn a_service_that_refuses_connections_is_unavailable() {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let port = listener.local_addr().expect("an address").port();
    drop(listener);
    assert_all_unavailable(port, "refusing", BOUNDS).await;
}

#[tokio::test]
async fn a_silent_service_is_unavailable() {
    let fake = Fake::start(|_, _| None).await;
    assert_all_unavailable(fake.port, "silent", BOUNDS).await;
}

#[tokio::test]
async fn a_failing_service_is_tried_a_few_times_and_is_unavailable() {
    let fake =
        Fake::start(|_, _| Some((500, "{\"__type\":\"KMSInternalException\"}".into()))).await;
    assert_all_unavailable(fake.port, "failing", AwsBounds::default()).await;
    let requests = fake.requests.load(Ordering::Relaxed);
    assert!(
        (9..=8 * 3).contains(&requests),
        "{requests} requests for eight calls"
    );
}

#[tokio::test]
async fn a_forbidding_service_is_unavailable_and_asked_once() {
    let fake =
        Fake::start(|_, _| Some((400, "{\"__type\":\"AccessDeniedException\"}".into()))).await;
    assert_all_unavailable(fake.port, "forbidding", AwsBounds::default()).await;
    assert_eq!(fake.requests.load(Ordering::Relaxed), 8);
}

#[tokio::test]
async fn an_answer_that_is_nonsense_gives_no_key_and_leaks_nothing() {
    let secret = "c2VjcmV0IGRhdGEga2V5IGJ5dGVz";
    for text in [
        "",
        "{}",
        "[",
        "{\"Plaintext\":\"AAAA\",\"CiphertextBlob\":\"AAAA\"}",
        "SECRET",
    ] {
        let text = text.replace("SECRET", &format!("{{\"Plaintext\":\"{secret}\",\"Ciph"));
        let fake = Fake::start(move |_, _| Some((200, text.clone()))).await;
        let connection = connection(fake.port, AwsBounds::default()).await;
        let context = EncryptionContext {
            deployment: Uuid::nil(),
            owner: KeyOwner::Deployment,
        };
        let answer = KmsKeyWrap::new(&connection, "key").generate(&context).await;
        let error = answer.err().expect("no key");
        assert!(error.is_unavailable());
        let told = format!("{error:?} {error}");
        assert!(!told.contains(secret), "{told}");
    }
}

#[tokio::test]
async fn what_kms_says_of_a_wrapped_key_is_told_apart_from_its_own_troubles() {
    let context = EncryptionContext {
        deployment: Uuid::nil(),
        owner: KeyOwner::Deployment,
    };
    for (exception, is_unavailable) in [
        ("InvalidCiphertextException", false),
        ("IncorrectKeyException", false),
        ("DisabledException", true),
        ("KMSInvalidStateException", true),
        ("KeyUnavailableException", true),
        ("ThrottlingException", true),
        ("NotFoundException", true),
    ] {
        let fake =
            Fake::start(move |_, _| Some((400, json!({"__type": exception}).to_string()))).await;
        let kms = KmsKeyWrap::new(&connection(fake.port, AwsBounds::default()).await, "key");
        let answer = kms.unwrap(&WrappedKey(vec![1; 64]), &context).await;
        let error = answer.err().expect("refused");
        assert_eq!(
            error.is_unavailable(),
            is_unavailable,
            "{exception}: {error:?}"
        );
        assert_eq!(matches!(error, VaultError::WrongContext), !is_unavailable);
    }
}

/// KMS takes at most 4096 bytes to hash itself; a token may be longer.
#[tokio::test]
async fn of_a_long_message_kms_is_sent_the_digest() {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).expect("made");
    let point = pair.public_key().as_ref().to_vec();
    let messages = [vec![7; 4096], vec![7; 4097]];
    let known = messages.clone();
    let fake = Fake::start(move |_, body| {
        let request: Value = serde_json::from_slice(body).expect("JSON");
        let sent = STANDARD
            .decode(request["Message"].as_str().expect("message"))
            .expect("base64");
        let message = match request["MessageType"].as_str() {
            Some("RAW") => sent,
            Some("DIGEST") => known
                .iter()
                .find(|message| crate::vault::seal::digest_of(message)[..] == sent[..])
                .expect("the digest of a message")
                .clone(),
            other => panic!("{other:?}"),
        };
        assert_eq!(request["MessageType"] == "RAW", message.len() <= 4096);
        let signature = pair.sign(&SystemRandom::new(), &message).expect("signed");
        Some((
            200,
            json!({"Signature": STANDARD.encode(signature.as_ref())}).to_string(),
        ))
    })
    .await;
    let connection = connection(fake.port, AwsBounds::default()).await;
    let signer = es256_signer(&connection, &point);
    for message in &messages {
        assert_eq!(signer.sign(message).await.expect("verified").len(), 64);
    }
}

/// The emulator does not verify the checksum that S3 does; so that it is sent is seen here.
#[tokio::test]
async fn a_blob_travels_with_its_digest() {
    let fake = Fake::start(|head, body| {
        let digest = STANDARD.encode(crate::vault::seal::digest_of(body));
        let sent = head.contains(&format!("x-amz-checksum-sha256: {}", digest.to_lowercase()));
        let place = head.starts_with("put /templates/vault/00000000-0000-0000-0000-000000000001/");
        Some((if sent && place { 200 } else { 400 }, String::new()))
    })
    .await;
    let connection = connection(fake.port, AwsBounds::default()).await;
    let blob = vec![5; 3000];
    let name = binding().blob_key(crate::vault::seal::digest_of(&blob));
    let s3 = S3Blobs::new(&connection, bucket());
    s3.put(&name, blob).await.expect("accepted");
    assert!(s3.put(&name, vec![6; 3000]).await.is_err());
}

#[tokio::test]
async fn an_oversized_object_is_refused() {
    let fake = Fake::start(|_, _| Some((200, "x".repeat((1 << 20) + 1)))).await;
    let connection = connection(fake.port, AwsBounds::default()).await;
    let answer = S3Blobs::new(&connection, bucket())
        .get(&binding().blob_key([0; 32]))
        .await;
    assert!(
        matches!(answer, Err(VaultError::Malformed(_))),
        "{answer:?}"
    );
}
