//! The compiled network: packed layers, and the order in which their rows are computed.
//!
//! Memory is a few slots that values share as they come and go. A [`State`] holds them for one run at a time; nothing is allocated after
//! it was made.

mod pack;
mod schedule;

use super::aligned::Aligned;
use super::graph::{Axis, Graph, Op, Output, Shape};
use super::kernels::Act;
use super::kernels::dense::{Dense, Layout};
use super::kernels::depthwise::Depthwise;
use super::kernels::plain::{Enlarge, Map, Pool, Sigmoid};
use super::kernels::pointwise::Pointwise;
use super::level::Level;
use zeroize::optimization_barrier;

use pack::Packed;
use schedule::{Schedule, Task};

/// A network that this file runs.
pub(super) struct Plan {
    level: Level,
    layers: Vec<Layer>,
    schedule: Schedule,
    outputs: Vec<Written>,
    /// Values of the model's input.
    input: usize,
    /// Zeros that a depthwise layer reads for a row outside the image.
    zeros: usize,
    /// Gathered pixels of a tile.
    scratch: usize,
}

/// The memory of one run.
#[derive(Debug)]
pub(super) struct State {
    /// The model's input, planes.
    pub input: Aligned,
    /// The model's outputs.
    pub outputs: Vec<Vec<f32>>,
    slots: Vec<Aligned>,
    zeros: Aligned,
    scratch: Aligned,
}

/// A layer with its weights as the kernels want them.
struct Layer {
    packed: Packed,
    inputs: Vec<usize>,
    shape: Shape,
    /// Channels, padded to whole vectors.
    padded: usize,
    /// Rows that its slot holds: row `y` lies at `y % kept`.
    kept: usize,
    slot: usize,
}

impl Layer {
    /// Values of a row.
    fn pitch(&self) -> usize {
        self.shape.width * self.padded
    }
}

/// Where an output's values are.
struct Written {
    layer: usize,
    /// The first value.
    from: usize,
    /// Count and distance along up to three axes, the slowest first.
    axes: [(usize, usize); 3],
    sigmoid: bool,
}

/// A network of sizes that nobody means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the network needs more than {MOST_VALUES} values of memory")]
pub(super) struct TooLarge;

/// Values that a plan may hold at once: 256 MiB, forty times the largest network of the pack.
const MOST_VALUES: usize = 1 << 26;

impl Plan {
    /// Compiles a network for a level.
    pub(super) fn new(graph: &Graph, level: Level) -> Result<Self, TooLarge> {
        let lanes = level.lanes();
        let mut layers: Vec<Layer> = Vec::with_capacity(graph.nodes.len());
        let (mut zeros, mut scratch, mut input) = (0, 0, 0);
        for node in &graph.nodes {
            let padded = node.shape.channels.next_multiple_of(lanes);
            let size = node.shape.pixels().checked_mul(padded);
            if size.is_none_or(|size| size > MOST_VALUES) {
                return Err(TooLarge);
            }
            let sources: Vec<(Shape, bool)> = node
                .inputs
                .iter()
                .map(|i| {
                    (
                        graph.nodes[*i].shape,
                        matches!(graph.nodes[*i].op, Op::Input),
                    )
                })
                .collect();
            if matches!(node.op, Op::Input) {
                input = node.shape.len();
            }
            let packed = Packed::new(&node.op, &sources, level);
            match &packed {
                Packed::Depthwise { .. } => {
                    let shape = sources[0].0;
                    zeros = zeros.max(shape.width * shape.channels.next_multiple_of(lanes));
                }
                Packed::Dense { depth, .. } => {
                    scratch = scratch.max(depth * super::kernels::dense::TILE);
                }
                _ => {}
            }
            layers.push(Layer {
                packed,
                inputs: node.inputs.clone(),
                shape: node.shape,
                padded,
                kept: node.shape.height,
                slot: 0,
            });
        }
        let schedule = Schedule::new(graph, &layers);
        for (at, layer) in layers.iter_mut().enumerate() {
            layer.slot = schedule.place[at];
            layer.kept = schedule.kept[at];
        }
        if schedule.slots.iter().sum::<usize>() > MOST_VALUES {
            return Err(TooLarge);
        }
        let outputs = graph.outputs.iter().map(|o| written(o, &layers)).collect();
        Ok(Self {
            level,
            layers,
            schedule,
            outputs,
            input,
            zeros,
            scratch,
        })
    }

    /// Values of each output.
    pub(super) fn sizes(&self) -> impl Iterator<Item = usize> {
        self.outputs
            .iter()
            .map(|o| o.axes.iter().map(|(count, _)| count).product())
    }

    /// Memory for runs.
    pub(super) fn state(&self) -> State {
        State {
            input: Aligned::zeros(self.input),
            outputs: self.sizes().map(|size| vec![0.0; size]).collect(),
            slots: self
                .schedule
                .slots
                .iter()
                .map(|s| Aligned::zeros(*s))
                .collect(),
            zeros: Aligned::zeros(self.zeros),
            scratch: Aligned::zeros(self.scratch),
        }
    }

    /// From the input to the outputs of a state of this plan.
    pub(super) fn run(&self, state: &mut State) {
        self.observe(state, |_| ());
    }

    /// The same, telling after each task which layer it was a part of, and after the last that the outputs are written.
    pub(super) fn observe(&self, state: &mut State, mut done: impl FnMut(Option<usize>)) {
        for task in &self.schedule.tasks {
            // The output leaves its slot for the time that the others are read.
            let slot = self.layers[task.layer].slot;
            let mut output = std::mem::take(&mut state.slots[slot]);
            self.task(task, state, &mut output);
            state.slots[slot] = output;
            done(Some(task.layer));
        }
        for (written, output) in self.outputs.iter().zip(&mut state.outputs) {
            let layer = &self.layers[written.layer];
            written.copy(&state.slots[layer.slot], output);
            if written.sigmoid {
                self.level.run(Sigmoid { values: output });
            }
        }
        done(None);
    }

    /// What each layer is: kind, window, and the shape that comes out of how many channels.
    pub(super) fn names(&self) -> Vec<String> {
        let name = |(i, layer): (usize, &Layer)| {
            let Shape {
                height,
                width,
                channels,
            } = layer.shape;
            let from = layer.inputs.first().map(|i| self.layers[*i].shape.channels);
            format!(
                "{i:>3} {:<20} {:>3} -> {height:>3} x {width:>3} x {channels:>3}, {} inputs",
                layer.packed.name(),
                from.unwrap_or(0),
                layer.inputs.len()
            )
        };
        self.layers.iter().enumerate().map(name).collect()
    }

    fn task(&self, task: &Task, state: &mut State, output: &mut [f32]) {
        let layer = &self.layers[task.layer];
        let level = self.level;
        let State {
            input: planes,
            slots,
            zeros,
            scratch,
            ..
        } = state;
        let rows = task.rows.clone();
        let pitch = layer.pitch();
        let output = &mut output[rows.start % layer.kept * pitch..][..rows.len() * pitch];
        let source = |i: usize| &self.layers[layer.inputs[i]];
        let whole = |i: usize| -> &[f32] {
            let source = source(i);
            match source.packed {
                Packed::Input => planes,
                _ => &slots[source.slot][..source.kept * source.pitch()],
            }
        };
        let same_rows = |i: usize| {
            let pitch = source(i).pitch();
            &whole(i)[rows.start % source(i).kept * pitch..][..rows.len() * pitch]
        };
        let second = || (layer.inputs.len() > 1).then(|| same_rows(1));
        let size = |i: usize| (source(i).shape.height, source(i).shape.width);
        match &layer.packed {
            Packed::Input => {}
            Packed::Unpack => unpack(planes, &layer.shape, layer.padded, rows.start, output),
            Packed::Pointwise {
                weights,
                bias,
                depth,
                act,
            } => level.run(Pointwise {
                input: same_rows(0),
                depth: *depth,
                pitch: source(0).padded,
                weights,
                bias,
                act: act.view(),
                residual: second(),
                output,
                width: layer.padded,
            }),
            Packed::Dense {
                weights,
                bias,
                window,
                layout,
                outside,
                act,
                ..
            } => level.run(Dense {
                input: whole(0),
                kept: source(0).kept,
                layout: *layout,
                size: size(0),
                channels: match layout {
                    Layout::Planes => source(0).shape.channels,
                    Layout::Pixels => source(0).padded,
                },
                weights,
                bias,
                kernel: window.kernel,
                stride: window.stride,
                pad: window.pad,
                outside,
                act: act.view(),
                residual: second(),
                row: rows.start,
                columns: layer.shape.width,
                output,
                width: layer.padded,
                scratch,
            }),
            Packed::Depthwise {
                weights,
                bias,
                window,
                act,
            } => level.run(Depthwise {
                input: whole(0),
                kept: source(0).kept,
                size: size(0),
                channels: layer.padded,
                weights,
                bias,
                kernel: window.kernel,
                stride: window.stride,
                pad: window.pad,
                act: act.view(),
                row: rows.start,
                columns: layer.shape.width,
                output,
                zeros,
            }),
            Packed::Map { scale, shift, act } => level.run(Map {
                input: same_rows(0),
                channels: layer.padded,
                scale: scale.as_deref(),
                shift: shift.as_deref(),
                act: act.view(),
                added: None,
                output,
            }),
            Packed::Add => level.run(Map {
                input: same_rows(0),
                channels: layer.padded,
                scale: None,
                shift: None,
                act: Act::None,
                added: Some(same_rows(1)),
                output,
            }),
            Packed::Scale => level.run(Map {
                input: same_rows(0),
                channels: layer.padded,
                scale: Some(whole(1)),
                shift: None,
                act: Act::None,
                added: (layer.inputs.len() > 2).then(|| same_rows(2)),
                output,
            }),
            Packed::Pool { pooling, window } => level.run(Pool {
                input: whole(0),
                kept: source(0).kept,
                size: size(0),
                channels: layer.padded,
                pooling: *pooling,
                kernel: window.kernel,
                stride: window.stride,
                pad: window.pad,
                row: rows.start,
                columns: layer.shape.width,
                output,
            }),
            Packed::Enlarge { times } => level.run(Enlarge {
                input: whole(0),
                kept: source(0).kept,
                width: source(0).shape.width,
                channels: layer.padded,
                times: *times,
                added: second(),
                row: rows.start,
                output,
            }),
            Packed::Extend => {
                let source = (&source(0).shape, source(0).padded);
                extend(whole(0), source, layer, rows.start, output);
            }
            Packed::Sigmoid => {
                output.copy_from_slice(same_rows(0));
                level.run(Sigmoid { values: output });
            }
        }
    }
}

/// Planes to pixels, some rows.
fn unpack(planes: &[f32], shape: &Shape, padded: usize, row: usize, output: &mut [f32]) {
    let area = shape.pixels();
    let from = row * shape.width;
    for (i, pixel) in output.chunks_exact_mut(padded).enumerate() {
        pixel.fill(0.0);
        for (channel, value) in pixel.iter_mut().take(shape.channels).enumerate() {
            *value = planes[channel * area + from + i];
        }
    }
}

/// An image and zeros after its last row, column or channel, some rows.
fn extend(
    values: &[f32],
    (shape, padded): (&Shape, usize),
    layer: &Layer,
    row: usize,
    output: &mut [f32],
) {
    output.fill(0.0);
    let from = values
        .chunks_exact(shape.width * padded)
        .take(shape.height)
        .skip(row);
    for (from, to) in from.zip(output.chunks_exact_mut(layer.pitch())) {
        let pixels = from
            .chunks_exact(padded)
            .zip(to.chunks_exact_mut(layer.padded));
        for (from, to) in pixels {
            to[..shape.channels].copy_from_slice(&from[..shape.channels]);
        }
    }
}

fn written(output: &Output, layers: &[Layer]) -> Written {
    let layer = &layers[output.node];
    let mut axes = [(1, 0); 3];
    for (place, axis) in axes.iter_mut().zip(output.axes.concat()) {
        *place = match axis {
            Axis::Height => (layer.shape.height, layer.pitch()),
            Axis::Width => (layer.shape.width, layer.padded),
            Axis::Channels => (output.channels.len(), 1),
        };
    }
    Written {
        layer: output.node,
        from: output.channels.start,
        axes,
        sigmoid: output.sigmoid,
    }
}

impl Written {
    fn copy(&self, values: &[f32], output: &mut [f32]) {
        let [(a, by_a), (b, by_b), (c, by_c)] = self.axes;
        for (i, output) in output.chunks_exact_mut(b * c).take(a).enumerate() {
            for (j, output) in output.chunks_exact_mut(c).enumerate() {
                let from = self.from + i * by_a + j * by_b;
                for (k, output) in output.iter_mut().enumerate() {
                    *output = values[from + k * by_c];
                }
            }
        }
    }
}

impl State {
    /// Forgets the person: the image, what the layers made of it, and what was said about it.
    pub(super) fn clear(&mut self) {
        for values in self.held() {
            values.fill(0.0);
            // Whole vectors of zeros, and none left out because nobody reads them again.
            optimization_barrier(values);
        }
    }

    /// All that a run writes.
    fn held(&mut self) -> impl Iterator<Item = &mut [f32]> {
        let slots = self.slots.iter_mut().map(|s| &mut **s);
        let outputs = self.outputs.iter_mut().map(Vec::as_mut_slice);
        slots
            .chain(outputs)
            .chain([&mut *self.input, &mut *self.scratch])
    }

    /// Whether nothing of a run is left.
    #[cfg(test)]
    pub(super) fn is_clear(&mut self) -> bool {
        self.held().all(|values| values.iter().all(|v| *v == 0.0))
    }
}

#[cfg(test)]
mod tests;
