//! In which order rows are computed, and in which slot a value lies.
//!
//! Large values are computed in bands of rows, each as soon as a later layer asks for it, so that it is read while it is still in the
//! cache. Small ones are computed at once: their weights are what has to be read. Of a large value no more rows are kept than are still to
//! be read, in a ring, so that it does not leave the cache only to be overwritten there.

use std::ops::Range;

use super::super::graph::{Graph, Op};
use super::Layer;
use super::pack::Packed;

/// Some rows of a layer.
#[derive(Debug, Clone)]
pub(super) struct Task {
    /// The layer.
    pub layer: usize,
    /// Its rows.
    pub rows: Range<usize>,
}

/// The order of the work and the place of the values.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    /// What to do, in order.
    pub tasks: Vec<Task>,
    /// Values of each slot.
    pub slots: Vec<usize>,
    /// The slot of each layer.
    pub place: Vec<usize>,
    /// Rows of each layer that are kept.
    pub kept: Vec<usize>,
}

impl Schedule {
    /// Orders the rows of all layers.
    pub(super) fn new(graph: &Graph, layers: &[Layer]) -> Self {
        let mut order = Order {
            graph,
            layers,
            done: vec![0; layers.len()],
            tasks: Vec::new(),
        };
        // In the order of the layers, so that a call goes no deeper than a band has layers to walk.
        for (at, layer) in layers.iter().enumerate() {
            if order.is_large(at) && !order.is_read_at_once(at) {
                continue;
            }
            order.compute(at, layer.shape.height);
        }
        let mut schedule = Self {
            kept: order.kept(),
            tasks: order.tasks,
            ..Self::default()
        };
        schedule.assign(graph, layers);
        schedule
    }

    /// A slot for each value, from its first row to its last reader.
    fn assign(&mut self, graph: &Graph, layers: &[Layer]) {
        let mut last = vec![0; layers.len()];
        for (at, task) in self.tasks.iter().enumerate() {
            last[task.layer] = at;
            for input in &graph.nodes[task.layer].inputs {
                last[*input] = at;
            }
        }
        for output in &graph.outputs {
            last[output.node] = self.tasks.len();
        }
        let mut free: Vec<usize> = Vec::new();
        let mut place: Vec<Option<usize>> = vec![None; layers.len()];
        for (at, task) in self.tasks.iter().enumerate() {
            if place[task.layer].is_none() {
                let layer = &layers[task.layer];
                let size = self.kept[task.layer] * layer.pitch();
                // The smallest that is large enough, or else the largest.
                let fits = free
                    .iter()
                    .enumerate()
                    .min_by_key(|(_, slot)| {
                        let has = self.slots[**slot];
                        (has < size, has.abs_diff(size))
                    })
                    .map(|(i, _)| i);
                let slot = match fits {
                    Some(i) => free.swap_remove(i),
                    None => {
                        self.slots.push(0);
                        self.slots.len() - 1
                    }
                };
                self.slots[slot] = self.slots[slot].max(size);
                place[task.layer] = Some(slot);
            }
            let mut ended = graph.nodes[task.layer].inputs.clone();
            ended.push(task.layer);
            ended.sort_unstable();
            ended.dedup();
            free.extend(
                ended
                    .into_iter()
                    .filter(|layer| last[*layer] == at)
                    .filter_map(|layer| place[layer]),
            );
        }
        self.place = place.into_iter().map(Option::unwrap_or_default).collect();
    }
}

/// How a layer reads the rows of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reads {
    /// All of them, in one piece.
    Whole,
    /// One by one.
    Rows,
    /// Those that it computes, in one piece.
    Same,
}

struct Order<'a> {
    graph: &'a Graph,
    layers: &'a [Layer],
    done: Vec<usize>,
    tasks: Vec<Task>,
}

impl Order<'_> {
    /// Computes a layer down to a row, and before it what it needs.
    fn compute(&mut self, layer: usize, until: usize) {
        let height = self.layers[layer].shape.height;
        let band = self.band(layer);
        while self.done[layer] < until.min(height) {
            let from = self.done[layer];
            let to = (from + band).min(height);
            for (i, input) in self.graph.nodes[layer].inputs.iter().enumerate() {
                self.compute(*input, self.needed(layer, i, to));
            }
            self.done[layer] = to;
            if !matches!(self.graph.nodes[layer].op, Op::Input) {
                let rows = from..to;
                self.tasks.push(Task { layer, rows });
            }
        }
    }

    /// Rows of an input that the rows before `to` need.
    fn needed(&self, layer: usize, input: usize, to: usize) -> usize {
        let node = &self.graph.nodes[layer];
        let window = match (&node.op, input) {
            (Op::Conv(conv), 0) => conv.window,
            (Op::Pool { window, .. }, 0) => *window,
            (Op::Enlarge { times }, 0) => return to.div_ceil(times.0),
            (Op::Scale, 1) => return 1,
            _ => return to,
        };
        ((to - 1) * window.stride.0 + window.kernel.0).saturating_sub(window.pad.0)
    }

    /// For each layer the fewest rows with which none is overwritten that is still to be read, and no piece of work has its rows in two
    /// places.
    fn kept(&self) -> Vec<usize> {
        (0..self.layers.len()).map(|l| self.kept_of(l)).collect()
    }

    fn kept_of(&self, layer: usize) -> usize {
        let height = self.layers[layer].shape.height;
        let readers: Vec<(usize, usize)> = (0..self.layers.len())
            .flat_map(|reader| {
                let inputs = self.graph.nodes[reader].inputs.iter().enumerate();
                inputs
                    .filter(|(_, input)| **input == layer)
                    .map(move |(i, _)| (reader, i))
            })
            .collect();
        let whole = self.graph.outputs.iter().any(|o| o.node == layer)
            || matches!(self.layers[layer].packed, Packed::Input)
            || readers.is_empty()
            || readers
                .iter()
                .any(|(reader, input)| self.reads(*reader, *input) == Reads::Whole);
        if whole {
            return height;
        }
        let mut done = vec![0; readers.len()];
        let mut least = 1;
        let mut together = Vec::new();
        for task in &self.tasks {
            if task.layer == layer {
                let first = readers
                    .iter()
                    .zip(&done)
                    .map(|((reader, input), done)| self.first(*reader, *input, *done))
                    .min();
                least = least.max(task.rows.end - first.unwrap_or(0).min(task.rows.start));
                together.push(task.rows.clone());
            }
            for ((reader, input), done) in readers.iter().zip(&mut done) {
                if *reader == task.layer {
                    *done = task.rows.end;
                    if self.reads(*reader, *input) == Reads::Same {
                        together.push(task.rows.clone());
                    }
                }
            }
        }
        let fits = |kept: &usize| together.iter().all(|r| r.start % kept + r.len() <= *kept);
        (least..height).find(fits).unwrap_or(height)
    }

    /// How a layer reads an input.
    fn reads(&self, layer: usize, input: usize) -> Reads {
        match (&self.layers[layer].packed, input) {
            (Packed::Unpack | Packed::Extend, _) | (Packed::Scale, 1) => Reads::Whole,
            (
                Packed::Dense { .. }
                | Packed::Depthwise { .. }
                | Packed::Pool { .. }
                | Packed::Enlarge { .. },
                0,
            ) => Reads::Rows,
            _ => Reads::Same,
        }
    }

    /// The first row of an input that a layer whose rows before `from` are done will read.
    fn first(&self, layer: usize, input: usize, from: usize) -> usize {
        if from >= self.layers[layer].shape.height {
            return usize::MAX;
        }
        let node = &self.graph.nodes[layer];
        let window = match (&node.op, input) {
            (Op::Conv(conv), 0) => conv.window,
            (Op::Pool { window, .. }, 0) => *window,
            (Op::Enlarge { times }, 0) => return from / times.0,
            _ => return from,
        };
        (from * window.stride.0).saturating_sub(window.pad.0)
    }

    /// Rows that are computed at a time.
    fn band(&self, layer: usize) -> usize {
        let layer = &self.layers[layer];
        if !self.bands(layer) {
            return layer.shape.height.max(1);
        }
        // Whole pairs: some kernels compute two rows at once.
        (BAND / layer.pitch().max(1)).next_multiple_of(2).max(2)
    }

    fn bands(&self, layer: &Layer) -> bool {
        layer.shape.height * layer.pitch() > SMALL
    }

    fn is_large(&self, layer: usize) -> bool {
        self.bands(&self.layers[layer])
    }

    /// Whether no later layer will ask for the rows one after the other.
    fn is_read_at_once(&self, layer: usize) -> bool {
        let read = |node: &super::super::graph::Node| node.inputs.contains(&layer);
        self.graph.outputs.iter().any(|o| o.node == layer) || !self.graph.nodes.iter().any(read)
    }
}

/// Values of a band: 64 KiB.
const BAND: usize = 1 << 14;
/// Values that are computed at once: 256 KiB.
const SMALL: usize = 1 << 16;
