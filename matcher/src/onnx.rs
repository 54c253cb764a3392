//! A neural network: ONNX bytes in, a checked, optimised plan that many threads may run.
//!
//! Everything that the engine needs to know about a model is fixed when it is loaded: one `f32` input of
//! one shape, and the number of values of each output. So a wrong file is refused at start, and not by
//! the first person who signs in. The engine's types end in this file; a faster engine replaces it alone.

use std::io::Cursor;
use std::sync::{Mutex, PoisonError};

use tract_onnx::prelude::*;

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

/// A loaded model. `run` takes `&self`: share it in an `Arc`.
pub struct Network {
    contract: Contract,
    plan: Arc<TypedRunnableModel>,
    /// States that no thread is using. A state holds the plan's scratch tables; as many exist as ever ran
    /// at once, so that the caller's bound on concurrency bounds them.
    idle: Mutex<Vec<TypedSimpleState>>,
}

/// The outputs of one run.
pub struct Outputs {
    values: TVec<TValue>,
}

impl Network {
    /// Reads and optimises a model.
    ///
    /// # Errors
    /// [`OnnxError::Load`] when the engine cannot read it, [`OnnxError::Contract`] when it is another model.
    pub fn load(bytes: &[u8], contract: Contract) -> Result<Self, OnnxError> {
        let role = contract.role;
        let plan = plan(bytes, &contract.input).map_err(|e| OnnxError::Load {
            role,
            source: EngineError(format!("{e:#}")),
        })?;
        let network = Self {
            contract,
            plan,
            idle: Mutex::new(Vec::new()),
        };
        // The shapes in a file can be symbolic or wrong: what counts is what comes out.
        let found: Vec<usize> = network.evaluate(|_| ())?.iter().map(|v| v.len()).collect();
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
    pub fn run(&self, fill: impl FnOnce(&mut [f32])) -> Result<Outputs, OnnxError> {
        let values = self.evaluate(fill)?;
        let outputs = Outputs { values };
        if (0..outputs.values.len()).any(|i| outputs.get(i).iter().any(|v| !v.is_finite())) {
            return Err(OnnxError::NotFinite {
                role: self.contract.role,
            });
        }
        Ok(outputs)
    }

    fn evaluate(&self, fill: impl FnOnce(&mut [f32])) -> Result<TVec<TValue>, OnnxError> {
        self.try_evaluate(fill).map_err(|e| OnnxError::Run {
            role: self.contract.role,
            source: EngineError(format!("{e:#}")),
        })
    }

    fn try_evaluate(&self, fill: impl FnOnce(&mut [f32])) -> TractResult<TVec<TValue>> {
        let mut input = Tensor::zero::<f32>(&self.contract.input)?;
        fill(input.try_as_plain_ram_mut()?.as_slice_mut::<f32>()?);
        let idle = self
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        let mut state = match idle {
            Some(state) => state,
            None => self.plan.spawn()?,
        };
        let values = state.run(tvec!(input.into()))?;
        for value in &values {
            value.try_as_plain_ram()?.as_slice::<f32>()?;
        }
        // A state that failed is dropped above by `?`: only a clean one is used again.
        self.idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(state);
        Ok(values)
    }
}

impl Outputs {
    /// The values of output `index`, row-major. An index beyond the contract's outputs is empty.
    #[must_use]
    pub fn get(&self, index: usize) -> &[f32] {
        self.values
            .get(index)
            .and_then(|v| v.as_plain_ram())
            .and_then(|v| v.as_slice::<f32>().ok())
            .unwrap_or(&[])
    }
}

fn plan(bytes: &[u8], input: &[usize; 4]) -> TractResult<Arc<TypedRunnableModel>> {
    // Shapes noted inside a file were written for its own batch size; the engine infers them better.
    tract_onnx::onnx()
        .with_ignore_output_shapes(true)
        .with_ignore_value_info(true)
        .model_for_read(&mut Cursor::new(bytes))?
        .with_input_fact(0, f32::fact(input).into())?
        .into_optimized()?
        .into_runnable()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANY: Contract = Contract {
        role: "detector",
        input: [1, 3, 8, 8],
        outputs: &[1],
    };

    #[test]
    fn bytes_that_are_no_model_are_refused() {
        for bytes in [&b""[..], b"\x08\x07", b"not a model at all", &[0xff; 64]] {
            assert!(matches!(
                Network::load(bytes, ANY),
                Err(OnnxError::Load {
                    role: "detector",
                    ..
                })
            ));
        }
    }

    #[test]
    fn a_network_can_be_shared_by_threads() {
        fn shared<T: Send + Sync>() {}
        shared::<Network>();
    }
}
