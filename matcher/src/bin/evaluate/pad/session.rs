//! One capture played to its end: an actor before the page, the page before the watch.

use matcher::face::FacePipeline;
use matcher::face::Guidance;
use matcher::pad::challenge::Script;
use matcher::pad::{Look, Phase, Purpose, Verdict, Watch};
use matcher::simulation::Actor;

use super::strip::FRAME_S;

/// How a capture ended.
pub struct Outcome {
    /// The watch's.
    pub verdict: Verdict,
    /// What it asked.
    pub script: Script,
    /// How long it took, seconds of the capture's own time.
    pub lasted_s: f64,
}

/// Plays a capture that asks the script of a random number. The page shows what the watch said after the
/// frame before, as a page at the other end of a socket does.
pub fn play(
    pipeline: &FacePipeline,
    actor: &mut dyn Actor,
    random: u64,
) -> anyhow::Result<Outcome> {
    let script = Script::draw(random);
    let mut watch = Watch::new(script, Purpose::Verification);
    let mut at_s = 0.0;
    loop {
        let shown = watch.shown();
        let frame = actor.frame(at_s, &shown);
        let sight = match pipeline.sight(&frame) {
            Ok(sight) => Ok(sight),
            Err(error) => match error.guidance() {
                Some(guidance) => Err(guidance),
                None => return Err(error.into()),
            },
        };
        let step = watch.take(Look {
            at_s,
            shown,
            image: &frame,
            seen: sight.as_ref().map_err(|guidance: &Guidance| *guidance),
        });
        let is_over = match step.phase {
            Phase::Framing => at_s > PATIENCE_S,
            Phase::Challenge(_) => false,
            Phase::Done | Phase::Failed(_) => true,
        };
        if is_over {
            return Ok(Outcome {
                verdict: watch.verdict(),
                script,
                lasted_s: at_s,
            });
        }
        at_s += FRAME_S;
    }
}

/// Nobody here moves to a better place or light, so what is not framed by now never is.
const PATIENCE_S: f64 = 6.0;
