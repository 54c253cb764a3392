//! Properties of the generators, on a drawn face: no photograph is part of the tests.

use std::collections::HashSet;
use std::sync::Arc;

use super::performer::{Performer, Posture};
use super::subject::Scene;
use super::*;
use crate::face::geometry::Point;
use crate::face::params::LANDMARK_COUNT;
use crate::pad::challenge::{Challenge, Colour, Script, Side};

/// The 68 points of a plain face, x and y in shares of the distance between the pupils.
fn points() -> [Point; LANDMARK_COUNT] {
    let arc =
        |from: f64, to: f64, i: usize, n: usize| from + (to - from) * i as f64 / (n - 1) as f64;
    let mut points = Vec::new();
    for i in 0..17 {
        let angle = arc(std::f64::consts::PI, 0.0, i, 17);
        points.push((1.15 * angle.cos(), 0.1 + 1.75 * angle.sin()));
    }
    for side in [-1.0, 1.0] {
        for i in 0..5 {
            let x = arc(-0.32, 0.32, i, 5);
            points.push((side * 0.5 + x, -0.38));
        }
    }
    for i in 0..4 {
        points.push((0.0, arc(0.05, 0.6, i, 4)));
    }
    for i in 0..5 {
        points.push((arc(-0.25, 0.25, i, 5), 0.72));
    }
    for middle in [-0.5, 0.5] {
        for (x, y) in [
            (-0.22, 0.0),
            (-0.08, -0.07),
            (0.08, -0.07),
            (0.22, 0.0),
            (0.08, 0.07),
            (-0.08, 0.07),
        ] {
            points.push((middle + x, y));
        }
    }
    for (wide, high, count) in [(0.42, 0.16, 12), (0.36, 0.06, 8)] {
        for i in 0..count {
            let angle = std::f64::consts::TAU * i as f64 / count as f64;
            points.push((-wide * angle.cos(), 1.15 - high * angle.sin()));
        }
    }
    let points: Vec<Point> = points
        .into_iter()
        .map(|(x, y)| Point {
            x: 120.0 + 46.0 * x,
            y: 110.0 + 46.0 * y,
        })
        .collect();
    points.try_into().expect("68 points")
}

/// A flat ground with marks at the nose, the eyes and the ears.
fn photo() -> RgbImage {
    let mut pixels = Vec::with_capacity(240 * 260 * 3);
    for y in 0..260 {
        for x in 0..240 {
            let near = |mx: f64, my: f64, radius: f64| {
                (f64::from(x) - 120.0 - 46.0 * mx).hypot(f64::from(y) - 110.0 - 46.0 * my) < radius
            };
            let is_mark = near(0.0, 0.6, 4.0) || near(-0.5, 0.0, 4.0) || near(0.5, 0.0, 4.0);
            let colour: [u8; 3] = if is_mark {
                [20, 20, 30]
            } else if near(0.0, 0.4, 75.0) {
                [200, 150, 120]
            } else {
                [90, 110, 140]
            };
            pixels.extend_from_slice(&colour);
        }
    }
    RgbImage {
        width: 240,
        height: 260,
        pixels,
    }
}

fn person() -> Arc<Person> {
    Arc::new(Person::new(&photo(), &points()).expect("the drawn face is one"))
}

fn cast() -> Cast {
    Cast {
        victim: person(),
        attacker: person(),
    }
}

/// Where a place of the head is seen, pixels, from the middle of the eyes.
fn seen(scene: &Scene, place: [f32; 3], yaw_deg: f32) -> f32 {
    let posture = Posture {
        yaw_deg,
        ..Posture::default()
    };
    let (moved, _) = scene.worn(place, [0.0, 0.0, 1.0], &posture);
    super::space::project(moved, scene.distance_mm()).0
}

#[test]
fn the_nose_outruns_the_ears_when_a_head_turns_and_a_plane_has_no_nose() {
    let scene = Scene::new(person(), 3);
    let moves = |place| seen(&scene, place, 20.0) - seen(&scene, place, 0.0);
    let (nose, eyes, ear) = (
        moves([0.0, 38.0, 30.0]),
        moves([0.0, 0.0, 0.0]),
        moves([-70.0, 5.0, -80.0]),
    );
    assert!(
        nose > eyes + 5.0 && eyes > ear + 10.0,
        "{nose} {eyes} {ear}"
    );
    // In one plane, the point of the nose goes no further than the middle between the eyes.
    let flat = moves([0.0, 38.0, 0.0]);
    assert!((flat - eyes).abs() < 0.5, "{flat} {eyes}");
}

#[test]
fn the_relief_has_the_depth_of_a_head() {
    let person = person();
    let corners = &person.mesh.corners;
    let depth = |x: f32, y: f32| {
        let far = |c: &&super::person::Relief| (c.place[0] - x).hypot(c.place[1] - y);
        let nearest = corners.iter().min_by(|a, b| far(a).total_cmp(&far(b)));
        nearest.expect("a mesh has corners").place[2]
    };
    let (nose, cheek, ear) = (depth(0.0, 37.0), depth(40.0, 37.0), depth(72.0, 8.0));
    assert!(
        nose > 15.0 && nose > cheek + 15.0 && cheek > ear + 20.0,
        "{nose} {cheek} {ear}"
    );
}

#[test]
fn a_seed_makes_the_same_frames_again_and_another_seed_others() {
    let cast = cast();
    let colours = Shown {
        colour: Some(Colour::Blue),
        ..Shown::default()
    };
    let play = |actor: &mut dyn Actor| {
        let first = actor.frame(0.0, &Shown::default());
        let second = actor.frame(0.3, &colours);
        [first.pixels.clone(), second.pixels.clone()]
    };
    for seed in [1, 2] {
        let subject = || Subject::new(cast.victim.clone(), seed);
        assert_eq!(play(&mut subject()), play(&mut subject()));
    }
    for species in Species::ALL {
        let of = |seed| play(species.stage(&cast, seed).as_mut());
        assert_eq!(of(5), of(5), "{species:?}");
        assert!(of(5) != of(6), "{species:?}");
    }
}

#[test]
fn every_frame_has_the_camera_s_size() {
    let cast = cast();
    let script = Script::draw(99);
    for species in Species::ALL {
        let mut actor = species.stage(&cast, 8);
        for at_s in [0.0, 2.0, 2.1, 4.5, 9.0, 500.0] {
            let frame = actor.frame(at_s, &rehearsal::shown(&script, at_s));
            assert_eq!((frame.width, frame.height), FRAME, "{species:?}");
            assert_eq!(frame.pixels.len(), FRAME.0 * FRAME.1 * 3, "{species:?}");
        }
    }
}

#[test]
fn species_have_names_of_their_own() {
    let names: HashSet<&str> = Species::ALL.iter().map(|s| s.name()).collect();
    assert_eq!(names.len(), Species::ALL.len());
}

/// The farthest posture within three seconds of a challenge, by `of`, and when it began.
fn answer(challenge: Challenge, seed: u64, of: fn(&Posture) -> f32) -> (f32, f64) {
    let mut performer = Performer::new(seed);
    let asked = Shown {
        challenge: Some(challenge),
        ..Shown::default()
    };
    performer.posture(0.0, &Shown::default());
    let (mut most, mut begun) = (0.0f32, f64::INFINITY);
    for step in 0..150 {
        let at_s = f64::from(step) * 0.02;
        // Asked once, and not again.
        let shown = if at_s < 1.5 { asked } else { Shown::default() };
        let value = of(&performer.posture(at_s, &shown));
        if value.abs() > 6.0 && begun.is_infinite() {
            begun = at_s;
        }
        if value.abs() > most.abs() {
            most = value;
        }
    }
    (most, begun)
}

#[test]
fn a_person_answers_after_a_human_time_and_by_a_human_measure() {
    for seed in 0..20 {
        let (left, begun) = answer(Challenge::Turn(Side::Left), seed, |p| p.yaw_deg);
        // The person's left is the image's right.
        assert!((18.0..40.0).contains(&left), "{left}");
        assert!((0.25..1.2).contains(&begun), "{begun}");
        let (right, _) = answer(Challenge::Turn(Side::Right), seed, |p| p.yaw_deg);
        assert!((-40.0..-18.0).contains(&right), "{right}");
        let (up, _) = answer(Challenge::LookUp, seed, |p| p.pitch_deg);
        assert!((-30.0..-12.0).contains(&up), "{up}");
        let (shut, _) = answer(Challenge::Blink, seed, |p| p.closed);
        assert!(shut > 0.99, "{shut}");
    }
}

#[test]
fn the_screen_colours_the_face_more_than_what_is_behind() {
    let mut scene = Scene::new(person(), 4);
    let mut light = |colour| {
        let lit = Shown {
            colour: Some(colour),
            ..Shown::default()
        };
        scene.seen(&Posture::default(), &lit)
    };
    let (blue, green) = (light(Colour::Blue), light(Colour::Green));
    let change = |x: usize, y: usize| {
        let at = y * FRAME.0 + x;
        let ratio = |p: [f32; 3]| p[2] / p[1].max(1e-6);
        ratio(blue.pixels[at]) / ratio(green.pixels[at])
    };
    let (face, behind) = (change(320, 240), change(30, 60));
    assert!(
        face > 1.05 && face > 1.0 + 2.0 * (behind - 1.0),
        "{face} {behind}"
    );
}

#[test]
fn a_closed_eye_shows_skin() {
    let mut scene = Scene::new(person(), 4);
    let mut dark = |closed| {
        let posture = Posture {
            closed,
            ..Posture::default()
        };
        let light = scene.seen(&posture, &Shown::default());
        light.pixels.iter().filter(|p| p[0] < 0.05).count()
    };
    let (open, shut, again) = (dark(0.0), dark(1.0), dark(0.0));
    // The mark of each eye is larger than the opening, so some of it stays.
    assert!(shut < open && open == again, "{open} {shut}");
}

#[test]
fn what_is_no_face_makes_no_person() {
    let photo = photo();
    let mut points = points();
    points.swap(0, 36);
    points[36..48].fill(Point { x: 1.0, y: 1.0 });
    assert!(Person::new(&photo, &points).is_none());
    points.fill(Point {
        x: f64::NAN,
        y: 0.0,
    });
    assert!(Person::new(&photo, &points).is_none());
}

#[test]
fn tampering_reorders_or_repeats_and_invents_nothing() {
    for kind in [Tampering::Reorder, Tampering::Repeat] {
        let mut tamper = Tamper::new(kind, 3);
        let mut out: Vec<u32> = (0..97).flat_map(|i| tamper.pass(i)).collect();
        out.extend(tamper.finish());
        let is_sorted = out.is_sorted();
        let unique: HashSet<u32> = out.iter().copied().collect();
        assert_eq!(unique, (0..97).collect());
        assert!(!is_sorted, "{kind:?}");
        match kind {
            Tampering::Reorder => assert_eq!(out.len(), 97),
            Tampering::Repeat => assert!(out.len() > 97),
        }
    }
}
