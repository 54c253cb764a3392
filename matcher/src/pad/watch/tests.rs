//! The watch with an actor before it: measured sights without pixels' meaning, frames of plain noise.

use proptest::prelude::*;

use super::super::super::face::geometry::{Point, Rect};
use super::super::challenge::{Challenge, Colour, Side, Spot};
use super::super::eyes::Eyes;
use super::super::gate::Cue;
use super::super::sight::Light;
use super::*;
use crate::face::observation::Observation;
use crate::face::pose::Pose;
use crate::face::quality::Appearance;
use crate::face::{Face, Guidance};

/// What the actor's face does in one frame.
#[derive(Debug, Clone, Copy)]
pub(super) struct Act {
    pub(super) yaw_deg: f64,
    pub(super) pitch_deg: f64,
    pub(super) eyes: f32,
    /// What lights it.
    pub(super) light: Option<Colour>,
}

pub(super) const STILL: Act = Act {
    yaw_deg: 0.0,
    pitch_deg: 0.0,
    eyes: 1.0,
    light: None,
};

/// The light of skin under a colour of the screen, which the wall does not take.
fn light(colour: Option<Colour>) -> Light {
    let screen = colour.map_or([1.0; 3], |c| c.srgb().map(super::super::sight::linear));
    let skin = [0, 1, 2].map(|n| [0.4, 0.25, 0.2][n] * (1.0 + 0.4 * screen[n]));
    Light {
        skin: [Some(skin); 4],
        background: [Some([0.3; 3]); 3],
    }
}

fn sight(act: Act) -> Sight {
    let bbox = Rect {
        x: 250.0,
        y: 150.0,
        width: 140.0,
        height: 180.0,
    };
    let observation = Observation {
        face: Face {
            bbox,
            score: 0.9,
            landmarks: [bbox.centre(); 5],
            rank: 1.0,
        },
        size: 0.4,
        offset: Point { x: 0.0, y: 0.0 },
        pose: Pose {
            yaw_deg: act.yaw_deg,
            pitch_deg: act.pitch_deg,
            roll_deg: 0.0,
        },
        appearance: Appearance {
            brightness: 0.5,
            sharpness: 0.5,
            eyes: 0.2,
            mouth: 0.2,
            shade: 0.7,
        },
        quality: 90,
        large_faces: 1,
        eye_aspect: None,
        bona_fide: Some(0.9),
    };
    Sight {
        observation,
        points: None,
        faces: 1,
        light: light(act.light),
        eyes: Some(Eyes::drawn(act.eyes)),
        moire: None,
        sharpness: None,
    }
}

/// Noise that is new for every seed.
fn image(seed: u32) -> RgbImage {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(1);
    RgbImage {
        width: 64,
        height: 48,
        pixels: (0..64 * 48 * 3)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as u8
            })
            .collect(),
    }
}

/// A page and a person: the page shows what it is told one frame later, the person answers after a time.
pub(super) struct Actor {
    pub(super) watch: Watch,
    at_s: f64,
    frame: u32,
    shown: Shown,
    since_s: f64,
    pub(super) steps: Vec<Step>,
}

impl Actor {
    pub(super) fn new(script: Script) -> Self {
        Self {
            watch: Watch::new(script, Purpose::Verification),
            at_s: 0.0,
            frame: 0,
            shown: Shown::default(),
            since_s: 0.0,
            steps: Vec::new(),
        }
    }

    pub(super) fn film(&mut self, act: Act) -> Step {
        self.at_s += 0.1;
        self.frame += 1;
        let step = self.watch.take(Look {
            at_s: self.at_s,
            shown: self.shown,
            image: &image(self.frame),
            seen: Ok(&sight(act)),
        });
        if step.shown != self.shown {
            self.shown = step.shown;
            self.since_s = self.at_s;
        }
        self.steps.push(step);
        step
    }

    /// What somebody does who answers `reaction_s` after he saw the prompt.
    pub(super) fn answer(&self, reaction_s: f64) -> Act {
        let elapsed_s = self.at_s + 0.1 - self.since_s;
        let still = Act {
            light: self.shown.colour,
            ..STILL
        };
        if elapsed_s < reaction_s {
            return still;
        }
        let turned = |yaw_deg: f64, pitch_deg: f64| Act {
            yaw_deg,
            pitch_deg,
            ..still
        };
        match (self.shown.challenge, self.shown.dot) {
            (Some(Challenge::Turn(Side::Left)), _) => turned(20.0, 1.0),
            (Some(Challenge::Turn(Side::Right)), _) => turned(-20.0, 1.0),
            (Some(Challenge::LookUp), _) => turned(1.0, -14.0),
            (Some(Challenge::Blink), _) if elapsed_s < reaction_s + 0.6 => {
                Act { eyes: 0.0, ..still }
            }
            (Some(Challenge::Follow(_)), Some(dot)) => {
                let (x, y) = dot.direction();
                turned(10.0 * x, 10.0 * y)
            }
            _ => still,
        }
    }

    /// Until the end, or so many frames.
    pub(super) fn run(&mut self, frames: usize, act: impl Fn(&Self) -> Act) -> Phase {
        for _ in 0..frames {
            let act = act(self);
            if matches!(self.film(act).phase, Phase::Done | Phase::Failed(_)) {
                break;
            }
        }
        self.watch.phase()
    }
}

#[test]
fn a_person_who_answers_is_done_in_under_six_seconds() {
    for random in (0..Script::COUNT).step_by(40_009) {
        let mut actor = Actor::new(Script::draw(random));
        let phase = actor.run(200, |actor| actor.answer(0.35));
        assert_eq!(phase, Phase::Done, "{:?}", Script::draw(random));
        assert!(
            actor.at_s < 6.0,
            "{} {:?}",
            actor.at_s,
            Script::draw(random)
        );
        assert_eq!(actor.watch.answers().len(), 3);
        let cues = actor.watch.verdict().cues;
        let colours = cues.iter().find(|(cue, _)| *cue == Cue::Colours);
        assert_eq!(colours.and_then(|(_, found)| found.figure), Some(1.0));
        assert!(actor.watch.answers().iter().all(|a| a.tries == 1));
    }
}

#[test]
fn a_still_face_fails_the_first_movement() {
    let mut actor = Actor::new(Script::draw(1));
    let phase = actor.run(400, |_| STILL);
    assert!(
        matches!(phase, Phase::Failed(Refusal::NotAnswered(_, Miss::TooLate))),
        "{phase:?}"
    );
    assert!(!actor.watch.verdict().live);
}

#[test]
fn somebody_who_answers_another_script_fails() {
    let (asked, answered) = (Script::draw(77), Script::draw(400_123));
    let mut other = Actor::new(answered);
    other.run(200, |actor| actor.answer(0.35));
    // The film of the other capture, played against this script.
    let film: Vec<Act> = {
        let mut actor = Actor::new(answered);
        let mut film = Vec::new();
        while !actor.watch.is_over() {
            let act = actor.answer(0.35);
            film.push(act);
            actor.film(act);
        }
        film
    };
    let mut actor = Actor::new(asked);
    for act in film.iter().cycle().take(400) {
        actor.film(*act);
    }
    assert!(!actor.watch.verdict().live);
    assert_ne!(actor.watch.phase(), Phase::Done);
}

#[test]
fn a_miss_is_said_and_asked_once_more() {
    let script = (0..Script::COUNT)
        .map(Script::draw)
        .find(|s| s.challenges()[0] == Challenge::Turn(Side::Left))
        .expect("such a script");
    let mut actor = Actor::new(script);
    let wrong = |actor: &Actor| match actor.answer(0.35) {
        act if actor.steps.last().is_some_and(|s| s.again.is_none()) => Act {
            yaw_deg: -act.yaw_deg,
            ..act
        },
        act => act,
    };
    while actor.steps.last().is_none_or(|s| s.again.is_none()) {
        let act = wrong(&actor);
        actor.film(act);
    }
    let last = actor.steps.last().expect("a step");
    assert_eq!(last.again, Some(Miss::Wrong));
    assert!(last.shown.challenge.is_none() && last.shown.colour.is_some());
    // Let him come back, then answer rightly.
    actor.run(3, |_| STILL);
    assert_eq!(actor.run(200, |actor| actor.answer(0.35)), Phase::Done);
    assert_eq!(actor.watch.answers()[0].tries, 2);
}

#[test]
fn each_fault_of_the_page_has_its_refusal() {
    let check = |spoil: fn(&mut Actor), expected: Refusal| {
        let mut actor = Actor::new(Script::draw(5));
        actor.run(8, |_| STILL);
        spoil(&mut actor);
        assert_eq!(actor.watch.phase(), Phase::Failed(expected));
        assert!(actor.watch.verdict().reasons.contains(&expected));
        // The end is the end.
        let step = actor.film(STILL);
        assert_eq!(step.phase, Phase::Failed(expected));
        assert!(!step.keeps);
    };
    fn film_at(actor: &mut Actor, at_s: f64) {
        actor.at_s = at_s - 0.1;
        actor.film(STILL);
    }
    check(|a| film_at(a, 0.3), Refusal::TimeRunsBack);
    check(|a| film_at(a, f64::NAN), Refusal::TimeRunsBack);
    check(|a| film_at(a, -1.0), Refusal::TimeRunsBack);
    check(|a| film_at(a, 1000.0), Refusal::TooLong);
    check(|a| film_at(a, a.at_s + 3.0), Refusal::FaceLost);
    check(
        |a| {
            for _ in 0..8 {
                a.shown.colour = Some(Colour::White);
                a.shown.dot = Some(Spot::Up);
                a.film(STILL);
                if matches!(a.watch.phase(), Phase::Failed(_)) {
                    break;
                }
                a.shown.dot = Some(Spot::Up);
            }
        },
        Refusal::OutOfStep,
    );
}

#[test]
fn a_page_that_keeps_its_old_screen_is_refused() {
    let mut watch = Watch::new(Script::draw(5), Purpose::Verification);
    for i in 1..100 {
        watch.take(Look {
            at_s: f64::from(i) * 0.1,
            shown: Shown::default(),
            image: &image(i as u32),
            seen: Ok(&sight(STILL)),
        });
    }
    assert_eq!(watch.phase(), Phase::Failed(Refusal::NotShown));
}

#[test]
fn nobody_is_framed_who_is_not_there() {
    let mut watch = Watch::new(Script::draw(5), Purpose::Verification);
    for i in 1..100 {
        let step = watch.take(Look {
            at_s: f64::from(i) * 0.5,
            shown: Shown::default(),
            image: &image(i as u32),
            seen: Err(Guidance::NoFace),
        });
        assert!(step.guidance == Guidance::NoFace || watch.is_over());
    }
    assert_eq!(watch.phase(), Phase::Failed(Refusal::NotFramed));
}

#[test]
fn a_frozen_frame_goes_nowhere() {
    let mut watch = Watch::new(Script::draw(5), Purpose::Verification);
    for i in 1..500 {
        let shown = watch.shown();
        watch.take(Look {
            at_s: f64::from(i) * 0.1,
            shown,
            image: &image(1),
            seen: Ok(&sight(STILL)),
        });
    }
    assert_eq!(watch.phase(), Phase::Failed(Refusal::NotFramed));
}

#[test]
fn an_enrolment_takes_three_poses() {
    let mut actor = Actor::new(Script::draw(123));
    actor.watch.purpose = Purpose::Enrolment;
    assert_eq!(actor.run(200, |actor| actor.answer(0.35)), Phase::Done);
    assert!(
        !actor
            .watch
            .verdict()
            .reasons
            .contains(&Refusal::TooFewPoses)
    );
    actor.watch.album = Album::default();
    assert!(
        actor
            .watch
            .verdict()
            .reasons
            .contains(&Refusal::TooFewPoses)
    );
}

#[test]
fn what_the_caller_holds_is_what_the_album_says() {
    for random in [3, 77_777, 700_001] {
        let mut actor = Actor::new(Script::draw(random));
        actor.watch.purpose = Purpose::Enrolment;
        actor.run(200, |actor| actor.answer(0.4));
        let mut held = Vec::new();
        for (number, step) in actor.steps.iter().enumerate() {
            if step.keeps {
                held.push(number);
            }
            if let Some(drops) = step.drops {
                held.retain(|h| *h != drops);
            }
        }
        let mut kept: Vec<usize> = actor.watch.kept().iter().map(|k| k.frame).collect();
        kept.sort_unstable();
        assert_eq!(held, kept);
        assert!(held.len() <= 12);
    }
}

#[derive(Debug, Clone, Copy)]
enum Event {
    Follow(f64),
    Film(f64, f64, f64),
    Lost,
    Claim(Option<usize>),
    Back(f64),
    Again,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        8 => (0.0..1.0f64).prop_map(Event::Follow),
        4 => (-60.0..60.0f64, -60.0..60.0f64, 0.0..0.5f64).prop_map(|(y, p, e)| Event::Film(y, p, e)),
        1 => Just(Event::Lost),
        1 => proptest::option::of(0usize..6).prop_map(Event::Claim),
        1 => prop_oneof![Just(f64::NAN), Just(-1.0), Just(f64::INFINITY), -5.0..200.0f64].prop_map(Event::Back),
        1 => Just(Event::Again),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn whatever_comes_in_whatever_order_nothing_is_done_unanswered(
        random: u64, enrols: bool, events in proptest::collection::vec(event(), 0..80),
    ) {
        let script = Script::draw(random);
        let mut actor = Actor::new(script);
        if enrols {
            actor.watch.purpose = Purpose::Enrolment;
        }
        let mut shown_so_far = Vec::new();
        for event in events {
            let before = actor.watch.phase();
            match event {
                Event::Follow(reaction_s) => { let act = actor.answer(reaction_s); actor.film(act); }
                Event::Film(yaw_deg, pitch_deg, eyes) => { actor.film(Act { yaw_deg, pitch_deg, eyes: eyes as f32, light: None }); }
                Event::Lost => {
                    actor.at_s += 0.1;
                    let (at_s, shown) = (actor.at_s, actor.shown);
                    actor.watch.take(Look { at_s, shown, image: &image(0), seen: Err(Guidance::NoFace) });
                }
                Event::Claim(colour) => {
                    actor.at_s += 0.1;
                    let shown = Shown { colour: colour.map(|c| Colour::ALL[c]), ..actor.shown };
                    let at_s = actor.at_s;
                    actor.frame += 1;
                    let pixels = image(actor.frame);
                    actor.watch.take(Look { at_s, shown, image: &pixels, seen: Ok(&sight(STILL)) });
                }
                Event::Back(at_s) => {
                    let shown = actor.shown;
                    let last_s = actor.watch.last_s;
                    actor.watch.take(Look { at_s, shown, image: &image(7), seen: Ok(&sight(STILL)) });
                    if at_s.is_nan() || at_s <= last_s {
                        prop_assert!(matches!(actor.watch.phase(), Phase::Failed(_) | Phase::Done));
                    } else {
                        actor.at_s = at_s;
                    }
                }
                Event::Again => {
                    actor.at_s += 0.1;
                    let (at_s, shown) = (actor.at_s, actor.shown);
                    let pixels = image(actor.frame);
                    actor.watch.take(Look { at_s, shown, image: &pixels, seen: Ok(&sight(STILL)) });
                }
            }
            let phase = actor.watch.phase();
            shown_so_far.push(actor.watch.shown().challenge);
            match (before, phase) {
                (Phase::Done | Phase::Failed(_), after) => prop_assert_eq!(before, after),
                (Phase::Challenge(a), Phase::Challenge(b)) => prop_assert!(b == a || b == a + 1),
                (_, Phase::Done) => prop_assert_eq!(before, Phase::Challenge(2)),
                _ => {}
            }
            let answered: Vec<usize> = actor.watch.answers().iter().map(|a| a.challenge).collect();
            prop_assert_eq!(&answered, &(0..answered.len()).collect::<Vec<_>>());
            if phase == Phase::Done {
                prop_assert_eq!(answered.len(), 3);
                for challenge in script.challenges() {
                    prop_assert!(shown_so_far.contains(&Some(*challenge)));
                }
            }
            let verdict = actor.watch.verdict();
            prop_assert!(!verdict.live || phase == Phase::Done);
            prop_assert_eq!(verdict.live, verdict.reasons.is_empty());
        }
    }
}
