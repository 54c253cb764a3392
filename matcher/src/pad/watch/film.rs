//! What a film can do: anything that is shown to the camera without regard to what is asked, in a loop or not.
//!
//! Shown for every film that is tried, over all orders of challenges and all colours:
//!
//! - until a prompt is shown, nothing depends on it: two scripts that begin alike go alike;
//! - at each prompt a film has one answer. Of each place of the dot's challenge among the three, one pair of movements and
//!   at most four paths of the dot come to the end;
//! - it comes to one row of colours, whatever was shown, and passes where that row was drawn (of ten and more: but for one).
//!
//! Together: a film passes at most one in [`Script::FILM`] scripts, which is how much more often than once it
//! has to be tried. The control is somebody who sees the prompts, and passes every script.

use std::collections::{HashMap, HashSet};

use proptest::prelude::*;

use super::super::challenge::{Challenge, Colour};
use super::super::gate::Cue;
use super::super::reflection;
use super::tests::{Act, Actor, STILL};
use super::*;

/// Plays a script to its end before somebody who does `act` in each frame.
fn played(script: Script, act: impl Fn(&Actor, usize) -> Act) -> Actor {
    let mut actor = Actor::new(script);
    for frame in 0..300 {
        let act = act(&actor, frame);
        actor.film(act);
        if actor.watch.is_over() {
            break;
        }
    }
    actor
}

/// All orders of challenges.
fn orders() -> Vec<Script> {
    let mut seen = HashSet::new();
    (0..)
        .map(Script::draw)
        .take_while(|script| seen.insert(script.challenges().to_vec()))
        .collect()
}

/// The scripts of all orders in which every challenge is answered. A script whose challenge was not answered
/// stands for all that begin as it does.
fn finished(orders: &[Script], act: &dyn Fn(&Actor, usize) -> Act) -> Vec<Actor> {
    let mut lost: HashSet<Vec<Challenge>> = HashSet::new();
    let mut finished = Vec::new();
    for script in orders {
        let begins = |n: usize| script.challenges()[..n].to_vec();
        if (1..=3).any(|n| lost.contains(&begins(n))) {
            continue;
        }
        let actor = played(*script, act);
        match actor.watch.phase() {
            Phase::Done => finished.push(actor),
            Phase::Failed(Refusal::NotAnswered(at, _)) => {
                lost.insert(begins(at + 1));
            }
            _ => {
                lost.insert(begins(1));
            }
        }
    }
    finished
}

fn colours_told(actor: &Actor) -> Option<f64> {
    let cues = actor.watch.verdict().cues;
    let colours = cues.iter().find(|(cue, _)| *cue == Cue::Colours);
    colours.and_then(|(_, found)| found.figure)
}

/// The share of all scripts that a film passes.
fn share(orders: &[Script], act: &dyn Fn(&Actor, usize) -> Act) -> f64 {
    let each = finished(orders, act).into_iter().map(|actor| {
        // With whatever colours, the film comes to one row at the last answer, and to one after four more.
        let mut rows: HashMap<usize, Vec<Option<Colour>>> = HashMap::new();
        for other in [3, 1_234_567_891, 98_765_432_101] {
            let script = actor
                .watch
                .script
                .with_colours(Script::draw(other).colours());
            let again = played(script, act);
            assert_eq!(again.watch.phase(), Phase::Done);
            let Some(row) = reflection::told_of(&again.watch.frames) else {
                return 0.0;
            };
            let drawn = script.colours().iter().map(|colour| Some(*colour));
            let wrong = row.iter().zip(drawn).filter(|(a, b)| **a != *b).count();
            let is_right = wrong == 0 || wrong == 1 && row.len() >= 10;
            assert_eq!(colours_told(&again) == Some(1.0), is_right);
            assert_eq!(rows.entry(row.len()).or_insert_with(|| row.clone()), &row);
        }
        // The row that it comes to passes where it is drawn, if it is one that can be drawn.
        let longest = rows.keys().copied().max().unwrap_or(0);
        let row: Option<Vec<Colour>> = rows[&longest].iter().copied().collect();
        if let Some(row) = row.filter(|row| row.windows(2).all(|pair| pair[0] != pair[1])) {
            let again = played(actor.watch.script.with_colours(&row), act);
            assert_eq!(colours_told(&again), Some(1.0), "{row:?}");
        }
        // As many as are told right at the last answer, at most, and as many as come right with four more.
        let shown = longest - 4;
        assert!(shown >= 6, "{shown} colours");
        let all = |n: usize| (1..n).fold(6.0, |rows, _| 5.0 * rows);
        within_one(shown) / all(shown) + within_one(longest) / all(longest)
    });
    each.sum::<f64>() / orders.len() as f64
}

/// How many rows of so many colours are told right, at most, where one is.
fn within_one(colours: usize) -> f64 {
    if colours < 10 {
        1.0
    } else {
        1.0 + 5.0 * colours as f64
    }
}

/// A film: deeds one after the other, each for so many frames.
fn film(deeds: &[(usize, usize, usize)]) -> Vec<Act> {
    let mut film = Vec::new();
    for (deed, frames, light) in deeds {
        let angle = std::f64::consts::TAU * *deed as f64 / 8.0;
        let act = match deed {
            0..=7 => Act {
                yaw_deg: 21.0 * angle.cos(),
                pitch_deg: 21.0 * angle.sin(),
                ..STILL
            },
            8 => Act { eyes: 0.0, ..STILL },
            _ => STILL,
        };
        let light = Colour::ALL.get(*light).copied();
        film.extend(std::iter::repeat_n(Act { light, ..act }, *frames));
    }
    film
}

/// The film of a person who answers a script, and whether he passes.
fn recording(script: Script) -> Vec<Act> {
    let mut actor = Actor::new(script);
    let mut film = Vec::new();
    while !actor.watch.is_over() {
        let act = actor.answer(0.35);
        film.push(act);
        actor.film(act);
    }
    assert_eq!(actor.watch.phase(), Phase::Done);
    assert_eq!(colours_told(&actor), Some(1.0));
    film
}

fn looped(film: Vec<Act>) -> impl Fn(&Actor, usize) -> Act {
    move |_, frame| film[frame % film.len()]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    #[test]
    fn any_film_in_a_loop_passes_no_more_than_its_share_of_scripts(
        deeds in proptest::collection::vec((0usize..12, 1usize..9, 0usize..7), 4..24),
    ) {
        // Somebody has to be framed first.
        let film = [film(&[(9, 6, 6)]), film(&deeds)].concat();
        let share = share(&orders(), &looped(film));
        prop_assert!(share <= 1.0 / Script::FILM as f64, "one in {}", 1.0 / share);
    }

    #[test]
    fn scripts_that_begin_alike_go_alike(
        deeds in proptest::collection::vec((0usize..12, 1usize..9, 0usize..7), 4..24), number: u64,
    ) {
        let act = looped([film(&[(9, 6, 6)]), film(&deeds)].concat());
        let (one, all) = (Script::draw(number), orders());
        for other in all.iter().filter(|o| o.challenges()[0] == one.challenges()[0]).step_by(37) {
            let other = other.with_colours(one.colours());
            let (a, b) = (played(one, &act), played(other, &act));
            // The first is the same; what is shown next may differ.
            let until = |actor: &Actor| -> Vec<_> {
                let first = |s: &&Step| s.phase == Phase::Framing || s.phase == Phase::Challenge(0);
                actor.steps.iter().take_while(first).map(|s| (s.phase, s.again, s.shown)).collect()
            };
            prop_assert_eq!(until(&a), until(&b));
        }
    }
}

#[test]
fn a_recorded_success_passes_its_own_script_and_its_share_of_the_others() {
    let orders = orders();
    let (mut most, mut own) = (0.0f64, 0);
    for number in [0, 77, 5_000_017, 13_131_313, 999_999_999] {
        let script = Script::draw(number);
        let film = recording(script);
        let act = looped(film);
        own += usize::from(colours_told(&played(script, &act)) == Some(1.0));
        let share = share(&orders, &act);
        assert!(share > 0.0 && share <= 1.0 / Script::FILM as f64, "{share}");
        most = most.max(share);
    }
    assert_eq!(own, 5, "the film of a success is one");
    println!("the luckiest recording passes one in {:.0}", 1.0 / most);
}

#[test]
fn a_film_that_goes_through_all_movements_passes_no_more_than_another() {
    let orders = orders();
    for pause in [2, 5, 9] {
        // Every direction and shut eyes, with the head back between them or not.
        let deeds: Vec<_> = (0..9)
            .flat_map(|deed| [(deed, 4, deed % 6), (9, pause, 6)])
            .collect();
        let film = [film(&[(9, 6, 6)]), film(&deeds)].concat();
        let share = share(&orders, &looped(film));
        assert!(share <= 1.0 / Script::FILM as f64, "{share}");
    }
}

#[test]
fn whoever_sees_the_prompts_passes_every_script() {
    let orders = orders();
    let sees = |actor: &Actor, _: usize| actor.answer(0.35);
    let finished = finished(&orders, &sees);
    assert_eq!(finished.len(), orders.len());
    assert!(
        finished
            .iter()
            .all(|actor| colours_told(actor) == Some(1.0))
    );
}
