//! What a capture promises: one owner, one replica, one end, bounded; and a script that leads there.

use std::path::PathBuf;

use matcher::face::detect::Face;
use matcher::face::geometry::{Point, Rect};
use matcher::face::pose::Pose;
use matcher::face::quality::Appearance;
use matcher::face::{Guidance, Observation};

use super::script::{Progress, Seen};
use super::*;
use crate::pool::PoolSize;
use crate::store::tests::{NOW, store};

/// A frame that will do, but for what is spoilt.
fn seen(spoil: impl FnOnce(&mut Observation)) -> Seen {
    let bbox = Rect {
        x: 250.0,
        y: 150.0,
        width: 140.0,
        height: 180.0,
    };
    let mut observation = Box::new(Observation {
        face: Face {
            bbox,
            score: 0.9,
            landmarks: [Point { x: 320.0, y: 240.0 }; 5],
            rank: 1.0,
        },
        size: 0.4,
        offset: Point { x: 0.0, y: 0.0 },
        pose: Pose {
            yaw_deg: 0.0,
            pitch_deg: 0.0,
            roll_deg: 0.0,
        },
        appearance: Appearance {
            brightness: 0.5,
            sharpness: 0.5,
        },
        quality: 90,
        large_faces: 1,
        eye_aspect: None,
        bona_fide: Some(0.9),
    });
    spoil(&mut observation);
    Seen::Face {
        observation,
        at: [0.4, 0.3, 0.2, 0.4],
    }
}

fn turned(yaw_deg: f64) -> Seen {
    seen(|o| o.pose.yaw_deg = yaw_deg)
}

fn frame() -> SampleBytes {
    SampleBytes {
        bytes: zeroize::Zeroizing::new(vec![1]),
    }
}

/// Shows frames a second apart; answers what was said of each, and whether it was taken.
fn play(mode: Mode, frames: Vec<Seen>) -> (Ceremony, Vec<(&'static str, bool)>) {
    let mut ceremony = Ceremony::new(mode, NOW);
    let said = frames
        .iter()
        .zip(1..)
        .map(|(seen, second)| {
            let reply = ceremony.advance(seen, frame(), NOW + Duration::seconds(second));
            (reply.guidance, reply.ok)
        })
        .collect();
    (ceremony, said)
}

#[test]
fn a_login_takes_two_good_frames() {
    let frames = vec![
        Seen::Nobody(Guidance::NoFace),
        seen(|o| o.size = 0.1),
        seen(|_| ()),
        seen(|o| o.large_faces = 2),
        seen(|o| o.bona_fide = None),
        seen(|_| ()),
        seen(|_| ()),
    ];
    let (mut ceremony, said) = play(Mode::Login, frames);
    let expected = [
        ("no_face", false),
        ("come_closer", false),
        ("ready", true),
        ("one_person_only", false),
        ("move_back", false),
        ("ready", true),
        ("ready", true),
    ];
    assert_eq!(said, expected);
    assert!(ceremony.is_done());
    assert_eq!(
        ceremony.take_frames().len(),
        2,
        "none beyond what is needed is kept"
    );
}

#[test]
fn an_enrolment_asks_for_a_turn_to_either_side() {
    for side in [1.0, -1.0] {
        let frames = vec![
            turned(0.0),
            turned(side * 3.0),
            turned(side * 25.0),
            turned(side * 25.0),
            turned(side * -12.0),
        ];
        let (ceremony, said) = play(Mode::Enrol, frames);
        assert_eq!(
            said,
            [
                ("ready", true),
                ("turn", false),
                ("ready", true),
                ("turn", false),
                ("ready", true)
            ]
        );
        assert!(ceremony.is_done());
    }
    let (_, said) = play(Mode::Enrol, vec![turned(0.0), turned(50.0)]);
    assert_eq!(said, [("ready", true), ("look_straight", false)], "too far");
}

#[test]
fn whoever_does_not_turn_is_not_held_up() {
    let still = (0..11).map(|_| turned(0.0)).collect();
    let (ceremony, said) = play(Mode::Enrol, still);
    let taken: Vec<usize> = (1..)
        .zip(&said)
        .filter(|(_, (_, ok))| *ok)
        .map(|(second, _)| second)
        .collect();
    assert_eq!(taken, [1, 6, 11]);
    assert!(ceremony.is_done());
}

#[test]
fn a_reply_is_what_the_page_reads_and_holds_no_score() {
    let progress = Progress {
        mode: Mode::Login,
        yaws: vec![0.0],
        gained_at: NOW,
    };
    let seen = turned(0.0);
    let reply = progress.reply(&progress.judge(&seen, NOW), &seen);
    let json = serde_json::to_value(&reply).expect("JSON");
    assert_eq!(
        json,
        serde_json::json!({
            "guidance": "ready", "text": "Good, hold still", "ok": true, "captured": 1, "needed": 2,
            "done": false, "next_ms": 350, "box": [0.4, 0.3, 0.2, 0.4],
        })
    );
}

fn captures(store: &Store, models: Option<Arc<Models>>) -> Captures {
    let pool = Pool::new(PoolSize {
        workers: 2,
        queue: 8,
    });
    Captures::new(store.clone(), pool, models, Duration::minutes(2))
}

/// The models and a photograph of a person in front of a camera.
fn camera() -> Option<(Arc<Models>, Vec<u8>)> {
    let models = crate::factors::tests::samples::models()?;
    let picture: PathBuf = crate::factors::tests::samples::shared(
        "faces/lfw_color/Colin_Powell/Colin_Powell_0008.jpg",
    )?;
    Some((models, std::fs::read(picture).expect("a picture")))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_capture_goes_from_frames_to_samples_once() {
    let Some((models, jpeg)) = camera() else {
        return;
    };
    let (_folder, store) = store().await;
    let here = captures(&store, Some(models));
    let nonce = here.open("attempt", Mode::Login, NOW).await.expect("opens");
    let early = here.finish(&nonce, "attempt", NOW).await;
    assert!(matches!(early, Err(CaptureError::Incomplete)));
    let first = here
        .frame(&nonce, "attempt", 1, &jpeg, NOW)
        .await
        .expect("is looked at");
    assert_eq!(
        (first.ok, first.captured, first.needed, first.done),
        (true, 1, 2, false),
        "{first:?}"
    );
    let [left, top, width, height] = first.at.expect("a box");
    assert!(left >= 0.0 && top >= 0.0 && left + width <= 1.0 && top + height <= 1.0);

    assert!(matches!(
        here.frame(&nonce, "attempt", 1, &jpeg, NOW).await,
        Err(CaptureError::OutOfOrder)
    ));
    assert!(matches!(
        here.frame(&nonce, "attempt", 2, b"no picture", NOW).await,
        Err(CaptureError::Frame(_))
    ));
    let huge = vec![0; 2 << 20];
    assert!(matches!(
        here.frame(&nonce, "attempt", 3, &huge, NOW).await,
        Err(CaptureError::Frame(_))
    ));
    let second = here
        .frame(&nonce, "attempt", 4, &jpeg, NOW)
        .await
        .expect("is looked at");
    assert!(second.done);

    for (nonce, owner) in [
        (&nonce, "another attempt"),
        (&random::digest("x"), "attempt"),
    ] {
        assert!(matches!(
            here.finish(nonce, owner, NOW).await,
            Err(CaptureError::Gone)
        ));
    }
    let finishes = (0..8).map(|_| here.finish(&nonce, "attempt", NOW));
    let finished = futures_util::future::join_all(finishes).await;
    let won: Vec<_> = finished.into_iter().flatten().collect();
    assert_eq!(won.len(), 1);
    assert!(won[0].len() == 2 && won[0].iter().all(|sample| *sample.bytes == jpeg));
    assert!(here.is_empty());
    assert!(matches!(
        here.frame(&nonce, "attempt", 5, &jpeg, NOW).await,
        Err(CaptureError::Gone)
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_replica_says_that_the_capture_moved() {
    let Some((models, jpeg)) = camera() else {
        return;
    };
    let (_folder, store) = store().await;
    let (here, there) = (
        captures(&store, Some(models.clone())),
        captures(&store, Some(models)),
    );
    let nonce = here.open("attempt", Mode::Login, NOW).await.expect("opens");
    assert!(matches!(
        there.frame(&nonce, "attempt", 1, &jpeg, NOW).await,
        Err(CaptureError::Moved)
    ));
    assert!(matches!(
        there.finish(&nonce, "attempt", NOW).await,
        Err(CaptureError::Moved)
    ));
    assert!(matches!(
        there.frame(&nonce, "another", 1, &jpeg, NOW).await,
        Err(CaptureError::Gone)
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_capture_expires_and_a_new_one_replaces_it() {
    let Some((models, jpeg)) = camera() else {
        return;
    };
    let (_folder, store) = store().await;
    let here = captures(&store, Some(models));
    let old = here.open("attempt", Mode::Enrol, NOW).await.expect("opens");
    let new = here.open("attempt", Mode::Enrol, NOW).await.expect("opens");
    assert_eq!(here.len(), 1);
    assert!(matches!(
        here.frame(&old, "attempt", 1, &jpeg, NOW).await,
        Err(CaptureError::Gone)
    ));
    here.frame(&new, "attempt", 1, &jpeg, NOW)
        .await
        .expect("is looked at");
    let late = NOW + Duration::minutes(3);
    assert!(matches!(
        here.frame(&new, "attempt", 2, &jpeg, late).await,
        Err(CaptureError::Gone)
    ));
    here.sweep(late);
    assert!(here.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_frame_at_a_time_is_looked_at() {
    let Some((models, jpeg)) = camera() else {
        return;
    };
    let (_folder, store) = store().await;
    let here = captures(&store, Some(models));
    let nonce = here.open("attempt", Mode::Login, NOW).await.expect("opens");
    let frames = (1..=6).map(|sequence| here.frame(&nonce, "attempt", sequence, &jpeg, NOW));
    let looked = futures_util::future::join_all(frames).await;
    assert!(looked[0].is_ok());
    assert!(
        looked[1..]
            .iter()
            .all(|other| matches!(other, Err(CaptureError::Busy)))
    );
}

#[tokio::test]
async fn without_models_there_is_no_capture() {
    let (_folder, store) = store().await;
    let opened = captures(&store, None)
        .open("attempt", Mode::Login, NOW)
        .await;
    assert!(matches!(opened, Err(CaptureError::NotAvailable)));
}

#[test]
fn frames_are_bounded_in_number() {
    let mut ceremony = Ceremony::new(Mode::Login, NOW);
    let admitted = (1..=2000)
        .filter(|sequence| ceremony.admit(*sequence).is_ok())
        .count();
    assert_eq!(admitted, 600);
}
