//! tract: what reads every model, and runs those that no plan is made for.

use std::collections::HashMap;
use std::io::Cursor;
use std::sync::{Mutex, PoisonError};

use tract_onnx::prelude::*;
use tract_onnx::tract_core::optim::Optimizer;

use super::EngineError;

/// A model that tract runs.
pub(super) struct Tract {
    plan: Arc<TypedRunnableModel>,
    input: [usize; 4],
    /// States that no thread is using. A state holds the plan's scratch tables.
    idle: Mutex<Vec<TypedSimpleState>>,
}

/// What tract answers.
pub(super) struct Answer(TVec<TValue>);

/// Reads a model, infers its shapes for an input and folds its constants, as the engine does for itself.
pub(super) fn typed(bytes: &[u8], input: &[usize; 4]) -> Result<TypedModel, EngineError> {
    let read = || folded(untyped(bytes, input)?.into_typed()?);
    read().map_err(said)
}

/// The same for a graph to be read. The engine analyses a model a second time where an operation was rewritten for what the first
/// analysis found; that is half of the time that loading takes, and the operations which a plan knows are never rewritten. One that would
/// have been fails here, and the model is the engine's.
pub(super) fn readable(bytes: &[u8], input: &[usize; 4]) -> Result<TypedModel, EngineError> {
    let read = || {
        let mut model = untyped(bytes, input)?;
        model.analyse(false)?;
        let mut target = TypedModel {
            symbols: model.symbols.clone(),
            ..TypedModel::default()
        };
        let mut places = HashMap::new();
        for id in model.eval_order()? {
            let node = model.node(id);
            let made = node.op.to_typed(&model, node, &mut target, &places)?;
            for (slot, outlet) in made.into_iter().enumerate() {
                places.insert(OutletId::new(id, slot), outlet);
            }
        }
        let placed = |outlets: &[OutletId]| -> TractResult<Vec<OutletId>> {
            let place = |outlet| places.get(outlet).copied();
            let all: Option<_> = outlets.iter().map(place).collect();
            all.ok_or_else(|| TractError::msg("an input that nothing reads"))
        };
        target.inputs = placed(model.input_outlets()?)?;
        target.outputs = placed(model.output_outlets()?)?;
        folded(target)
    };
    read().map_err(said)
}

fn untyped(bytes: &[u8], input: &[usize; 4]) -> TractResult<InferenceModel> {
    // Shapes noted inside a file were written for its own batch size; the engine infers them better.
    tract_onnx::onnx()
        .with_ignore_output_shapes(true)
        .with_ignore_value_info(true)
        .model_for_read(&mut Cursor::new(bytes))?
        .with_input_fact(0, f32::fact(input).into())
}

fn folded(mut model: TypedModel) -> TractResult<TypedModel> {
    Optimizer::prop_consts().optimize(&mut model)?;
    Ok(model)
}

impl Tract {
    /// Optimises a typed model.
    pub(super) fn new(model: TypedModel, input: [usize; 4]) -> Result<Self, EngineError> {
        let plan = model
            .into_optimized()
            .and_then(TypedModel::into_runnable)
            .map_err(said)?;
        Ok(Self {
            plan,
            input,
            idle: Mutex::new(Vec::new()),
        })
    }

    /// Runs the model on what `fill` writes.
    pub(super) fn run(&self, fill: impl FnOnce(&mut [f32])) -> Result<Answer, EngineError> {
        self.try_run(fill).map_err(said)
    }

    fn try_run(&self, fill: impl FnOnce(&mut [f32])) -> TractResult<Answer> {
        let mut input = Tensor::zero::<f32>(&self.input)?;
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
        Ok(Answer(values))
    }
}

impl Answer {
    /// The values of an output; none beyond the last.
    pub(super) fn get(&self, index: usize) -> &[f32] {
        self.0
            .get(index)
            .and_then(|v| v.as_plain_ram())
            .and_then(|v| v.as_slice::<f32>().ok())
            .unwrap_or(&[])
    }

    /// Values of each output.
    pub(super) fn sizes(&self) -> Vec<usize> {
        self.0.iter().map(|v| v.len()).collect()
    }
}

fn said(error: TractError) -> EngineError {
    EngineError(format!("{error:#}"))
}
