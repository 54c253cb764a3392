//! A neural network: ONNX bytes in, a checked plan that many threads may run.
//!
//! Everything that has to be known about a model is fixed when it is loaded: one `f32` input of one shape, and the number of values of
//! each output. So a wrong file is refused at start, and not by the first person who signs in.
//!
//! ```text
//! bytes -> tract: parse, infer shapes, fold constants -> read -> graph -> fuse -> plan, for the vectors of this processor
//!                                                        \-> not understood: tract optimises and runs it
//! ```
//!
//! tract reads every model, and runs those that hold an operation that [`read`] does not know. The others run as a plan of our own,
//! whose layers do not allocate, keep channels side by side and take in what follows a sum; tract's own answers are what the plan is
//! tested against.
#![doc = include_str!("measured.md")]

mod aligned;
mod fuse;
mod graph;
mod kernels;
mod level;
mod plan;
mod read;
mod tract;

use std::sync::{Mutex, PoisonError};

pub use level::Level;

use plan::{Plan, State};
use tract::{Answer, Tract};

/// A model that cannot be loaded, or failed while it ran. Never caused by what an image shows.
#[derive(Debug, thiserror::Error)]
pub enum OnnxError {
    /// The bytes are not a model that the engine reads.
    #[error("the model of the {role} cannot be loaded")]
    Load {
        /// What the model is for.
        role: &'static str,
        /// What the engine says.
        #[source]
        source: EngineError,
    },
    /// The model loads, but its outputs are not those of its role.
    #[error(
        "the model of the {role} does not have the outputs of one: {found:?}, not {expected:?} values"
    )]
    Contract {
        /// What the model is for.
        role: &'static str,
        /// Values of each output that it has.
        found: Vec<usize>,
        /// Values of each output that it must have.
        expected: Vec<usize>,
    },
    /// The engine failed on an input.
    #[error("the model of the {role} failed")]
    Run {
        /// What the model is for.
        role: &'static str,
        /// What the engine says.
        #[source]
        source: EngineError,
    },
    /// The outputs hold a value that is no number.
    #[error("the model of the {role} answered with values that are not finite")]
    NotFinite {
        /// What the model is for.
        role: &'static str,
    },
}

/// What the inference engine said, as text: its own error type is not part of our interface.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct EngineError(String);

/// What a model must look like to play its role.
#[derive(Debug, Clone, Copy)]
pub struct Contract {
    /// What the model is for, for error messages.
    pub role: &'static str,
    /// Shape of the one input: batch, channels, height, width.
    pub input: [usize; 4],
    /// Number of values of each output, in the order that the file declares them.
    pub outputs: &'static [usize],
}

/// What runs a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// A plan of our own, for these vectors.
    Plan(Level),
    /// tract.
    Tract,
}

impl Engine {
    /// The fastest here: a plan, where the processor has vectors that plans are written for.
    #[must_use]
    pub fn best() -> Self {
        match Level::best() {
            // Compiled without vectors in mind, it is many times slower than tract, and is there to compare answers with.
            Level::Baseline => Self::Tract,
            level => Self::Plan(level),
        }
    }
}

/// A loaded model. `run` takes `&self`: share it in an `Arc`.
pub struct Network {
    contract: Contract,
    runner: Runner,
}

enum Runner {
    Plan {
        plan: Plan,
        level: Level,
        /// The memory that no thread is using. As much exists as ever ran at once, so that the caller's bound on concurrency bounds it.
        idle: Mutex<Vec<State>>,
    },
    Tract(Tract),
}

/// The outputs of one run. The memory goes back to the network when they are dropped, all of it zeroed; tract's is given back as it is.
pub struct Outputs<'a>(Values<'a>);

enum Values<'a> {
    Plan {
        idle: &'a Mutex<Vec<State>>,
        /// Always there until the drop.
        state: Option<State>,
    },
    Tract(Answer),
}

impl Network {
    /// Reads and compiles a model for this processor.
    ///
    /// # Errors
    /// [`OnnxError::Load`] when the engine cannot read it, [`OnnxError::Contract`] when it is another model.
    pub fn load(bytes: &[u8], contract: Contract) -> Result<Self, OnnxError> {
        Self::load_for(bytes, contract, Engine::best())
    }

    /// The same for a chosen engine: to measure and to test with. A plan for vectors that this processor has not is one for the
    /// baseline, and a model that no plan can be made for is tract's: [`engine`](Self::engine) says which it is.
    ///
    /// # Errors
    /// As of [`load`](Self::load).
    pub fn load_for(bytes: &[u8], contract: Contract, engine: Engine) -> Result<Self, OnnxError> {
        let role = contract.role;
        let refused = |source| OnnxError::Load { role, source };
        let graph = match engine {
            Engine::Plan(_) => tract::readable(bytes, &contract.input)
                .ok()
                .and_then(|model| read::read(&model).ok())
                .map(fuse::fuse),
            Engine::Tract => None,
        };
        let runner = match (graph, engine) {
            (Some(graph), Engine::Plan(level)) => {
                let level = if Level::available().contains(&level) {
                    level
                } else {
                    Level::Baseline
                };
                let plan =
                    Plan::new(&graph, level).map_err(|e| refused(EngineError(e.to_string())))?;
                let idle = Mutex::new(vec![plan.state()]);
                Runner::Plan { plan, level, idle }
            }
            _ => {
                let model = tract::typed(bytes, &contract.input).map_err(refused)?;
                Runner::Tract(Tract::new(model, contract.input).map_err(refused)?)
            }
        };
        let network = Self { contract, runner };
        // The shapes in a file can be symbolic or wrong: what counts is what comes out. A plan knows without running.
        let found = match &network.runner {
            Runner::Plan { plan, .. } => plan.sizes().collect(),
            Runner::Tract(_) => network.evaluate(|_| ())?.sizes(),
        };
        if found != contract.outputs {
            return Err(OnnxError::Contract {
                role,
                found,
                expected: contract.outputs.to_vec(),
            });
        }
        Ok(network)
    }

    /// Runs the model; `fill` writes the input, which is zero before, row-major in the contract's shape.
    ///
    /// # Errors
    /// [`OnnxError::Run`] and [`OnnxError::NotFinite`]: the fault is the engine's or the model's.
    pub fn run(&self, fill: impl FnOnce(&mut [f32])) -> Result<Outputs<'_>, OnnxError> {
        let outputs = self.evaluate(fill)?;
        let count = self.contract.outputs.len();
        if (0..count).any(|i| outputs.get(i).iter().any(|v| !v.is_finite())) {
            return Err(OnnxError::NotFinite {
                role: self.contract.role,
            });
        }
        Ok(outputs)
    }

    /// What runs the model.
    #[must_use]
    pub fn engine(&self) -> Engine {
        match &self.runner {
            Runner::Plan { level, .. } => Engine::Plan(*level),
            Runner::Tract(_) => Engine::Tract,
        }
    }

    /// Runs the model and tells after each piece of work which layer it was of: to see where the time goes. The first call, with nothing,
    /// is the start. tract's layers are not told of.
    pub fn observe(&self, fill: impl FnOnce(&mut [f32]), mut done: impl FnMut(&str)) {
        if let Runner::Plan { plan, idle, .. } = &self.runner {
            let names = plan.names();
            let state = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let mut state = state.unwrap_or_else(|| plan.state());
            fill(&mut state.input);
            done("");
            plan.observe(&mut state, |layer| {
                done(layer.map_or("outputs", |i| names[i].as_str()));
            });
            drop(Outputs(Values::Plan {
                idle,
                state: Some(state),
            }));
        }
    }

    fn evaluate(&self, fill: impl FnOnce(&mut [f32])) -> Result<Outputs<'_>, OnnxError> {
        match &self.runner {
            Runner::Plan { plan, idle, .. } => {
                let state = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
                let mut state = state.unwrap_or_else(|| plan.state());
                fill(&mut state.input);
                plan.run(&mut state);
                let state = Some(state);
                Ok(Outputs(Values::Plan { idle, state }))
            }
            Runner::Tract(tract) => match tract.run(fill) {
                Ok(answer) => Ok(Outputs(Values::Tract(answer))),
                Err(source) => Err(OnnxError::Run {
                    role: self.contract.role,
                    source,
                }),
            },
        }
    }
}

impl Outputs<'_> {
    /// The values of output `index`, row-major. An index beyond the contract's outputs is empty.
    #[must_use]
    pub fn get(&self, index: usize) -> &[f32] {
        match &self.0 {
            Values::Plan { state, .. } => state
                .as_ref()
                .and_then(|s| s.outputs.get(index))
                .map_or(&[], Vec::as_slice),
            Values::Tract(answer) => answer.get(index),
        }
    }

    fn sizes(&self) -> Vec<usize> {
        match &self.0 {
            Values::Plan { state, .. } => state
                .iter()
                .flat_map(|s| &s.outputs)
                .map(Vec::len)
                .collect(),
            Values::Tract(answer) => answer.sizes(),
        }
    }
}

impl Drop for Outputs<'_> {
    fn drop(&mut self) {
        if let Values::Plan { idle, state } = &mut self.0
            && let Some(mut state) = state.take()
        {
            state.clear();
            idle.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(state);
        }
    }
}

#[cfg(test)]
mod tests;
