//! What a capture promises: one owner, one replica, one key, one end, bounded; and no sample twice.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};

use super::message::{Frame, frame_statement, hello_statement};
use super::*;
use crate::pool::PoolSize;
use crate::store::tests::{NOW, store};

/// The page's side: a key, and the chain of what it signed.
struct Page {
    key: EcdsaKeyPair,
    nonce: String,
    last: [u8; 32],
    sequence: u32,
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    digest(&SHA256, bytes).as_ref().try_into().expect("32")
}

impl Page {
    fn of(nonce: &str) -> Self {
        Self {
            key: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key"),
            nonce: nonce.to_owned(),
            last: [0; 32],
            sequence: 0,
        }
    }

    fn sign(&self, statement: &[u8]) -> Vec<u8> {
        let signed = self.key.sign(&SystemRandom::new(), statement);
        signed.expect("a signature").as_ref().to_vec()
    }

    fn hello(&mut self) -> Vec<u8> {
        let key: [u8; 65] = self.key.public_key().as_ref().try_into().expect("a point");
        let statement = hello_statement(&self.nonce, &key);
        self.last = sha256(&statement);
        [&[1, 1][..], &key, &self.sign(&statement)].concat()
    }

    fn frame(&mut self, jpeg: &[u8], cue: u32) -> Vec<u8> {
        self.sequence += 1;
        let frame = Frame {
            sequence: self.sequence,
            captured_us: u64::from(self.sequence) * 70_000,
            cue,
            signature: &[0; 64],
            jpeg,
        };
        let statement = frame_statement(&self.nonce, &self.last, &frame, &sha256(jpeg));
        self.last = sha256(&statement);
        [
            &[1, 2][..],
            &frame.sequence.to_be_bytes(),
            &frame.captured_us.to_be_bytes(),
            &frame.cue.to_be_bytes(),
            &(jpeg.len() as u32).to_be_bytes(),
            &self.sign(&statement),
            jpeg,
        ]
        .concat()
    }
}

fn captures(store: &Store, models: Option<Arc<Models>>) -> Arc<Captures> {
    let pool = Pool::new(PoolSize {
        workers: 2,
        queue: 8,
    });
    let repeats = Repeats::new(&[7; 32]);
    let lifetime = Duration::minutes(2);
    Arc::new(Captures::new(
        store.clone(),
        pool,
        models,
        repeats,
        lifetime,
    ))
}

/// The models and a photograph of a person in front of a camera.
fn camera() -> Option<(Arc<Models>, Vec<u8>)> {
    let models = crate::factors::tests::samples::models()?;
    let picture = crate::factors::tests::samples::shared(
        "faces/lfw_color/Colin_Powell/Colin_Powell_0008.jpg",
    )?;
    Some((models, std::fs::read(picture).expect("a picture")))
}

fn at(millis: i64) -> OffsetDateTime {
    NOW + Duration::milliseconds(millis)
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_come_signed_and_in_their_order() {
    let Some((models, jpeg)) = camera() else {
        return;
    };
    let (_folder, store) = store().await;
    let here = captures(&store, Some(models));
    let open = async |owner: &str| {
        let nonce = here.open(owner, Purpose::Verification, None, NOW).await;
        nonce.expect("opens")
    };
    let say = async |nonce: &str, owner: &str, message: &[u8], ms: i64| {
        here.message(nonce, owner, message, at(ms)).await
    };

    let nonce = open("a").await;
    let mut page = Page::of(&nonce);
    let before = page.frame(&jpeg, 0);
    let keyless = say(&nonce, "a", &before, 1).await;
    assert!(matches!(keyless, Err(CaptureError::Signature(_))));
    let mut page = Page::of(&nonce);
    let hello = page.hello();
    let first = say(&nonce, "a", &hello, 2).await.expect("is heard");
    assert_eq!((first.phase, first.shown.cue), ("framing", 0));
    let twice = say(&nonce, "a", &hello, 3).await;
    assert!(matches!(twice, Err(CaptureError::OutOfOrder)));
    let stranger = Page::of(&nonce).hello();
    let other = say(&nonce, "a", &stranger, 3).await;
    assert!(matches!(other, Err(CaptureError::OutOfOrder)), "one key");

    let one = page.frame(&jpeg, 0);
    let said = say(&nonce, "a", &one, 4).await.expect("is looked at");
    assert!(said.at.is_some() && said.progress.abs() < f64::EPSILON);
    let again = say(&nonce, "a", &one, 5).await;
    assert!(matches!(again, Err(CaptureError::OutOfOrder)), "repeated");
    let (two, three) = (page.frame(&jpeg, 0), page.frame(&jpeg, 0));
    let ahead = say(&nonce, "a", &three, 6).await;
    assert!(matches!(ahead, Err(CaptureError::OutOfOrder)), "reordered");
    let mut forged = two.clone();
    forged[20] ^= 0;
    let last = forged.len() - 1;
    forged[last] ^= 1;
    let forged = say(&nonce, "a", &forged, 7).await;
    assert!(matches!(forged, Err(CaptureError::Signature(_))), "changed");
    let unseen = {
        let mut ahead = Page::of(&nonce);
        ahead.sequence = 1;
        ahead.frame(&jpeg, 5)
    };
    let unseen = say(&nonce, "a", &unseen, 8).await;
    assert!(
        matches!(unseen, Err(CaptureError::OutOfOrder)),
        "never shown"
    );
    say(&nonce, "a", &two, 9).await.expect("goes on");

    let nothing = say(&nonce, "a", b"nothing of ours", 10).await;
    assert!(matches!(nothing, Err(CaptureError::Message(_))));
    let broken = page.frame(&[0xff, 0xd8, 0xff, 1], 0);
    let skipped = say(&nonce, "a", &broken, 11).await;
    assert!(
        matches!(skipped, Err(CaptureError::OutOfOrder)),
        "one is missing"
    );
    let early = here.finish(&nonce, "a", at(12)).await;
    assert!(matches!(early, Err(CaptureError::Incomplete)));
    // A key that signed for one capture signs for no other.
    let elsewhere = open("b").await;
    let moved = say(&elsewhere, "b", &Page::of(&nonce).hello(), 13).await;
    assert!(matches!(moved, Err(CaptureError::Signature(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_that_cannot_be_read_is_refused_and_bounded() {
    let Some((models, jpeg)) = camera() else {
        return;
    };
    let (_folder, store) = store().await;
    let here = captures(&store, Some(models));
    let nonce = here.open("a", Purpose::Verification, None, NOW).await;
    let nonce = nonce.expect("opens");
    let mut page = Page::of(&nonce);
    let hello = page.hello();
    here.message(&nonce, "a", &hello, at(1))
        .await
        .expect("heard");
    // Cut short, and a header that promises 20,000 by 20,000 pixels.
    let mut vast = jpeg.clone();
    let sof = vast
        .windows(2)
        .position(|w| w == [0xff, 0xc0])
        .expect("a baseline header");
    vast[sof + 5..sof + 9].copy_from_slice(&[0x4e, 0x20, 0x4e, 0x20]);
    for (n, picture) in [&jpeg[..64], &vast].into_iter().enumerate() {
        let frame = page.frame(picture, 0);
        let refused = here.message(&nonce, "a", &frame, at(2 + n as i64)).await;
        assert!(matches!(refused, Err(CaptureError::Frame(_))), "{n}");
    }
    let huge = page.frame(&vec![0xff; message::LARGEST], 0);
    let huge = here.message(&nonce, "a", &huge, at(9)).await;
    assert!(matches!(
        huge,
        Err(CaptureError::Message(MessageError::TooLarge))
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_capture_has_one_owner_one_replica_one_socket_and_a_time() {
    let Some((models, _)) = camera() else {
        return;
    };
    let (_folder, store) = store().await;
    let (here, there) = (
        captures(&store, Some(models.clone())),
        captures(&store, Some(models)),
    );
    let open = async |owner: &str| {
        let nonce = here.open(owner, Purpose::Enrolment, None, NOW).await;
        nonce.expect("opens")
    };
    let old = open("a").await;
    let nonce = open("a").await;
    assert_eq!(here.len(), 1, "the newer replaces the older");
    let of = async |captures: &Arc<Captures>, nonce: &str, owner: &str, now: OffsetDateTime| {
        captures.attach(nonce, owner, now).await.map(drop).err()
    };
    assert!(matches!(
        of(&here, &old, "a", NOW).await,
        Some(CaptureError::Gone)
    ));
    assert!(matches!(
        of(&here, &nonce, "b", NOW).await,
        Some(CaptureError::Gone)
    ));
    assert!(matches!(
        of(&there, &nonce, "a", NOW).await,
        Some(CaptureError::Moved)
    ));
    let late = NOW + Duration::minutes(3);
    assert!(matches!(
        of(&here, &nonce, "a", late).await,
        Some(CaptureError::Gone)
    ));
    let held = here.attach(&nonce, "a", NOW).await.expect("is free");
    assert!(matches!(
        of(&here, &nonce, "a", NOW).await,
        Some(CaptureError::Held)
    ));
    let posted = here
        .message(&nonce, "a", &Page::of(&nonce).hello(), NOW)
        .await;
    assert!(matches!(posted, Err(CaptureError::Held)), "nor by POST");
    drop(held);
    assert!(here.is_empty(), "a capture ends with its socket");
    let last = open("c").await;
    here.sweep(late);
    assert!(here.is_empty() && !last.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn scripts_are_not_drawn_without_end() {
    let Some((models, _)) = camera() else {
        return;
    };
    let (_folder, store) = store().await;
    let here = captures(&store, Some(models));
    let mut opened = 0;
    let refused = loop {
        match here.open("a", Purpose::Verification, None, NOW).await {
            Ok(_) => opened += 1,
            Err(error) => break error,
        }
        assert!(opened < 1000, "without end");
    };
    assert!(matches!(refused, CaptureError::Exhausted));
    assert_eq!(opened, MOST_OPENED);
    here.open("b", Purpose::Verification, None, NOW)
        .await
        .expect("another");
    let later = NOW + Duration::minutes(3);
    let again = here.open("a", Purpose::Verification, None, later).await;
    again.expect("later it goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_from_one_network_or_who_enrol_leave_room_to_who_signs_in() {
    let Some((models, _)) = camera() else {
        return;
    };
    let (_folder, store) = store().await;
    let here = captures(&store, Some(models));
    let from = |n: u8| Some(std::net::IpAddr::from([198, 51, 100, n]));
    let open = async |owner: String, purpose, from| here.open(&owner, purpose, from, NOW).await;
    for n in 0..MOST_OF_NETWORK {
        let opened = open(format!("near {n}"), Purpose::Enrolment, from(1)).await;
        opened.expect("opens");
    }
    let refused = open("near".into(), Purpose::Verification, from(1)).await;
    assert!(matches!(refused, Err(CaptureError::Busy)));
    let again = open("near 0".into(), Purpose::Enrolment, from(1)).await;
    again.expect("in place of its own");
    for n in MOST_OF_NETWORK..MOST_ENROLLING {
        let place = u8::try_from(2 + n / MOST_OF_NETWORK).expect("few");
        let opened = open(format!("far {n}"), Purpose::Enrolment, from(place)).await;
        opened.expect("opens");
    }
    let refused = open("one more".into(), Purpose::Enrolment, from(99)).await;
    assert!(matches!(refused, Err(CaptureError::Busy)));
    let login = open("a login".into(), Purpose::Verification, from(99)).await;
    login.expect("people sign in all the same");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_models_there_is_no_capture() {
    let (_folder, store) = store().await;
    let opened = captures(&store, None)
        .open("attempt", Purpose::Verification, None, NOW)
        .await;
    assert!(matches!(opened, Err(CaptureError::NotAvailable)));
}

#[tokio::test]
async fn a_sample_is_accepted_once_for_ninety_days() {
    let (_folder, store) = store().await;
    let of = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
    let until = NOW + SAMPLES_KNOWN_FOR;
    assert!(!store.knows_sample(&of(&["a"]), NOW).await.expect("asks"));
    let first = store.remember_samples(&of(&["a", "b"]), until).await;
    assert!(first.expect("notes"));
    assert!(
        store
            .knows_sample(&of(&["x", "b"]), NOW)
            .await
            .expect("asks")
    );
    let second = store.remember_samples(&of(&["c", "a"]), until).await;
    assert!(!second.expect("notes"), "one of them is known");
    let later = until + Duration::seconds(1);
    store.sweep(later).await.expect("sweeps");
    assert!(!store.knows_sample(&of(&["a"]), later).await.expect("asks"));
    assert_eq!(SAMPLES_KNOWN_FOR, Duration::days(90));
}
