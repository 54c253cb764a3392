//! What a person does before the page: answers it after a human time, and never sits quite still.

use super::params::{
    AGAIN_S, ASKED_BLINK_S, BETWEEN_BLINKS_S, BLINK_S, FOLLOW_DEG, HOLD_S, LOOK_UP_DEG, MOVE_S,
    REACTION_S, SWAY_DEG, SWAY_MM, TURN_DEG,
};
use crate::fingerprint::synthetic::random::Draws;
use crate::pad::challenge::{Challenge, Shown, Side, Spot};

/// How the head is held; angles in degrees as [`crate::face::pose::Pose`] has them, shifts in millimetres.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Posture {
    /// Towards the image's right.
    pub yaw_deg: f32,
    /// Down.
    pub pitch_deg: f32,
    /// Clockwise.
    pub roll_deg: f32,
    /// Right, down, towards the camera.
    pub shift_mm: [f32; 3],
    /// Eyes: 0 open, 1 shut.
    pub closed: f32,
}

/// Somebody who sees what is shown and answers.
pub struct Performer {
    draws: Draws,
    sway: [Sway; 6],
    asked: Option<(Challenge, f64)>,
    nods: Vec<Move>,
    blinks: Vec<Blink>,
    next_blink_s: f64,
    aims: Vec<Aim>,
    dot: Option<Spot>,
    /// When the dot that is not answered yet is pointed at again, further.
    insists_s: f64,
}

/// There and back.
struct Move {
    start_s: f64,
    rise_s: f64,
    hold_s: f64,
    fall_s: f64,
    yaw_deg: f32,
    pitch_deg: f32,
}

struct Blink {
    start_s: f64,
    parts_s: [f64; 3],
}

/// From where the head points to another direction.
struct Aim {
    start_s: f64,
    duration_s: f64,
    to: (f32, f32),
}

/// Slow waves and a tremor.
struct Sway {
    waves: [(f32, f32, f32); 4],
}

impl Performer {
    /// The performer of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut draws = Draws::new(seed, 0x9E7F);
        let sway = std::array::from_fn(|_| Sway::draw(&mut draws));
        let next_blink_s = f64::from(draws.within(BETWEEN_BLINKS_S));
        Self {
            draws,
            sway,
            asked: None,
            nods: Vec::new(),
            blinks: Vec::new(),
            next_blink_s,
            aims: Vec::new(),
            dot: None,
            insists_s: f64::INFINITY,
        }
    }

    /// The posture at a time; times must not go back.
    pub fn posture(&mut self, at_s: f64, shown: &Shown) -> Posture {
        self.see(at_s, shown);
        self.nods.retain(|m| at_s < m.end_s());
        self.blinks.retain(|b| at_s < b.end_s());
        let [x, y, z, yaw, pitch, roll] = std::array::from_fn(|i| self.sway[i].at(at_s));
        let aim = self.aim(at_s);
        let mut posture = Posture {
            yaw_deg: SWAY_DEG * yaw + aim.0,
            pitch_deg: SWAY_DEG * pitch + aim.1,
            roll_deg: 0.6 * SWAY_DEG * roll,
            shift_mm: [SWAY_MM * x, 0.6 * SWAY_MM * y, SWAY_MM * z],
            closed: 0.0,
        };
        for nod in &self.nods {
            let share = nod.share(at_s);
            posture.yaw_deg += nod.yaw_deg * share;
            posture.pitch_deg += nod.pitch_deg * share;
        }
        for blink in &self.blinks {
            posture.closed = posture.closed.max(blink.closed(at_s));
        }
        posture
    }

    /// Takes in what is shown and plans the answer.
    fn see(&mut self, at_s: f64, shown: &Shown) {
        let is_new = match self.asked {
            Some((challenge, since_s)) => Some(challenge) != shown.challenge || at_s >= since_s,
            None => shown.challenge.is_some(),
        };
        if is_new {
            self.asked = shown.challenge.map(|challenge| {
                let start_s = at_s + self.time(REACTION_S);
                self.answer(challenge, start_s);
                (challenge, at_s + self.time(AGAIN_S))
            });
        }
        let insists = shown.dot.is_some() && at_s >= self.insists_s;
        if shown.dot != self.dot || insists {
            self.dot = shown.dot;
            self.insists_s = at_s + self.time(AGAIN_S);
            let ((low, high), vertical) = FOLLOW_DEG;
            let more = if insists { INSISTING } else { 1.0 };
            let across = more * self.draws.within((low, high));
            let down = more * self.draws.within(vertical);
            // The person's right is the image's left.
            let to = shown.dot.map_or((0.0, 0.0), |spot| {
                let (x, y) = spot.place();
                (-across * x as f32, down * y as f32)
            });
            let start_s = at_s + self.time(REACTION_S);
            let duration_s = self.time(MOVE_S);
            self.aims.push(Aim {
                start_s,
                duration_s,
                to,
            });
        }
        if at_s >= self.next_blink_s {
            let parts_s = BLINK_S.map(|range| self.time(range));
            self.blinks.push(Blink {
                start_s: at_s,
                parts_s,
            });
            self.next_blink_s = at_s + self.time(BETWEEN_BLINKS_S);
        }
    }

    fn answer(&mut self, challenge: Challenge, start_s: f64) {
        match challenge {
            Challenge::Turn(side) => {
                let yaw_deg = self.draws.within(TURN_DEG);
                let sign = match side {
                    Side::Left => 1.0,
                    Side::Right => -1.0,
                };
                let pitch_deg = 2.0 * self.draws.normal();
                self.nod(start_s, sign * yaw_deg, pitch_deg);
            }
            Challenge::LookUp => {
                let pitch_deg = self.draws.within(LOOK_UP_DEG);
                let yaw_deg = 1.5 * self.draws.normal();
                self.nod(start_s, yaw_deg, -pitch_deg);
            }
            Challenge::Blink => {
                let parts_s = ASKED_BLINK_S.map(|range| self.time(range));
                self.blinks.push(Blink { start_s, parts_s });
            }
            Challenge::Follow(_) => {}
        }
    }

    fn nod(&mut self, start_s: f64, yaw_deg: f32, pitch_deg: f32) {
        let (rise_s, hold_s, fall_s) = (self.time(MOVE_S), self.time(HOLD_S), self.time(MOVE_S));
        self.nods.push(Move {
            start_s,
            rise_s,
            hold_s,
            fall_s,
            yaw_deg,
            pitch_deg,
        });
    }

    fn time(&mut self, range: (f32, f32)) -> f64 {
        f64::from(self.draws.within(range))
    }

    /// Where the dot draws the head.
    fn aim(&self, at_s: f64) -> (f32, f32) {
        let mut now = (0.0, 0.0);
        for aim in &self.aims {
            let share = eased((at_s - aim.start_s) / aim.duration_s);
            now.0 += (aim.to.0 - now.0) * share;
            now.1 += (aim.to.1 - now.1) * share;
        }
        now
    }
}

impl Move {
    fn end_s(&self) -> f64 {
        self.start_s + self.rise_s + self.hold_s + self.fall_s
    }

    fn share(&self, at_s: f64) -> f32 {
        let since = at_s - self.start_s;
        let back = since - self.rise_s - self.hold_s;
        eased(since / self.rise_s) - eased(back / self.fall_s)
    }
}

impl Blink {
    fn end_s(&self) -> f64 {
        self.start_s + self.parts_s.iter().sum::<f64>()
    }

    fn closed(&self, at_s: f64) -> f32 {
        let since = at_s - self.start_s;
        let [close, shut, open] = self.parts_s;
        eased(since / close) - eased((since - close - shut) / open)
    }
}

impl Sway {
    fn draw(draws: &mut Draws) -> Self {
        let wave = |draws: &mut Draws, (hertz, amplitude): ((f32, f32), f32)| {
            let frequency = draws.within(hertz);
            (
                frequency,
                draws.unit(),
                amplitude * draws.within((0.6, 1.3)),
            )
        };
        Self {
            waves: [
                wave(draws, ((0.08, 0.2), 0.8)),
                wave(draws, ((0.25, 0.6), 0.5)),
                wave(draws, ((0.8, 1.6), 0.15)),
                wave(draws, ((3.0, 6.0), 0.04)),
            ],
        }
    }

    fn at(&self, at_s: f64) -> f32 {
        self.waves
            .iter()
            .map(|(hertz, phase, amplitude)| {
                let turns = f64::from(*hertz) * at_s + f64::from(*phase);
                amplitude * (std::f64::consts::TAU * turns).sin() as f32
            })
            .sum()
    }
}

/// The course of a reaching movement: minimum jerk (Flash and Hogan 1985).
fn eased(share: f64) -> f32 {
    let t = share.clamp(0.0, 1.0);
    (t * t * t * (10.0 - 15.0 * t + 6.0 * t * t)) as f32
}

/// How much further somebody points whose first try led to nothing.
const INSISTING: f32 = 1.4;
