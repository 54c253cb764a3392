//! The network as layers over images: what is left when the engine's axes, constants and operation names are understood.
//!
//! A value is an image of some rows, columns and channels, batch one. The order of the engine's axes is kept apart, in [`Axes`], so that
//! a transposition costs nothing until an output is written.

use std::ops::Range;
use std::sync::Arc;

use super::kernels::plain::Pooling;

/// A network without cycles; nodes come after their inputs.
#[derive(Debug, Clone, Default)]
pub(super) struct Graph {
    /// The layers.
    pub nodes: Vec<Node>,
    /// The outputs, in the model's order.
    pub outputs: Vec<Output>,
}

/// A layer.
#[derive(Debug, Clone)]
pub(super) struct Node {
    /// What it computes.
    pub op: Op,
    /// The nodes that it reads.
    pub inputs: Vec<usize>,
    /// What comes out.
    pub shape: Shape,
}

/// Rows, columns and channels of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// Channels.
    pub channels: usize,
}

impl Shape {
    /// Values of it.
    pub(super) fn len(&self) -> usize {
        self.height * self.width * self.channels
    }

    /// Pixels of it.
    pub(super) fn pixels(&self) -> usize {
        self.height * self.width
    }
}

/// What a layer computes.
#[derive(Debug, Clone)]
pub(super) enum Op {
    /// The model's input, planes.
    Input,
    /// The same as pixels.
    Unpack,
    /// A convolution; a second input is added at last.
    Conv(Conv),
    /// `x * scale + shift`, a value a channel.
    Affine {
        /// Factors.
        scale: Vec<f32>,
        /// Summands.
        shift: Vec<f32>,
    },
    /// One value at a time.
    Act(Activation),
    /// The sum of two values.
    Add,
    /// The product of a value with one of a single pixel; a third input is added.
    Scale,
    /// The larger of two values: only between the reading and the fusing, for `max(x, slope * x)`.
    Max,
    /// Pooling; `pad` is only of the maximum.
    Pool {
        /// What becomes of a window.
        pooling: Pooling,
        /// Its place.
        window: Window,
    },
    /// Each pixel repeated; a second input is added.
    Enlarge {
        /// How often a row, how often a column.
        times: (usize, usize),
    },
    /// Zeros after the last row, column or channel.
    Extend,
    /// The logistic function.
    Sigmoid,
}

/// A convolution.
#[derive(Debug, Clone)]
pub(super) struct Conv {
    /// Its place.
    pub window: Window,
    /// Whether each channel is by itself, or all are mixed.
    pub mixing: Mixing,
    /// `[output][input][row][column]`; depthwise without the second.
    pub weights: Arc<Vec<f32>>,
    /// One value an output channel.
    pub bias: Vec<f32>,
    /// What input channels hold outside the image; empty for zeros.
    pub outside: Vec<f32>,
    /// Before the second input is added.
    pub act: Activation,
}

/// How output channels depend on input channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mixing {
    /// Each on its own.
    Depthwise,
    /// Each on all.
    Full,
}

/// Where a window lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    /// Rows and columns.
    pub kernel: (usize, usize),
    /// Between output rows, between output columns.
    pub stride: (usize, usize),
    /// Pixels before the first row, before the first column.
    pub pad: (usize, usize),
}

impl Window {
    /// A single pixel.
    pub(super) const PIXEL: Self = Self {
        kernel: (1, 1),
        stride: (1, 1),
        pad: (0, 0),
    };
}

/// What is done to one value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Activation {
    /// Nothing.
    None,
    /// The nearest value of a range.
    Clamp(f32, f32),
    /// `max(x, slope * x)`, a slope a channel.
    Slope(Vec<f32>),
}

impl Activation {
    /// One after the other, where that is a single one again.
    pub(super) fn then(&self, next: &Self) -> Option<Self> {
        match (self, next) {
            (Self::None, other) | (other, Self::None) => Some(other.clone()),
            (Self::Clamp(a, b), Self::Clamp(least, most)) => Some(Self::Clamp(
                a.max(*least).min(*most),
                b.max(*least).min(*most),
            )),
            _ => None,
        }
    }
}

/// An output of the model.
#[derive(Debug, Clone)]
pub(super) struct Output {
    /// The node.
    pub node: usize,
    /// The channels of it.
    pub channels: Range<usize>,
    /// The order of its axes.
    pub axes: Axes,
    /// Whether the logistic function follows.
    pub sigmoid: bool,
}

/// For each axis of the engine's tensor, the axes of the image that it runs over, the slowest first. Axes of size one are left out.
pub(super) type Axes = Vec<Vec<Axis>>;

/// An axis of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Axis {
    /// Rows.
    Height,
    /// Columns.
    Width,
    /// Channels.
    Channels,
}

impl Shape {
    /// Values along an axis.
    pub(super) fn along(&self, axis: Axis) -> usize {
        match axis {
            Axis::Height => self.height,
            Axis::Width => self.width,
            Axis::Channels => self.channels,
        }
    }

    /// The axes of a tensor of batch, channels, rows and columns.
    pub(super) fn planes(&self) -> Axes {
        let axis = |axis| {
            if self.along(axis) > 1 {
                vec![axis]
            } else {
                Vec::new()
            }
        };
        vec![
            Vec::new(),
            axis(Axis::Channels),
            axis(Axis::Height),
            axis(Axis::Width),
        ]
    }
}

impl Graph {
    /// How often each node is read, by nodes and as an output.
    pub(super) fn uses(&self) -> Vec<usize> {
        let mut uses = vec![0; self.nodes.len()];
        for input in self.nodes.iter().flat_map(|node| &node.inputs) {
            uses[*input] += 1;
        }
        for output in &self.outputs {
            uses[output.node] += 1;
        }
        uses
    }

    /// Without the nodes that nothing needs; the order stays.
    pub(super) fn without_dead(self) -> Self {
        let mut needed = vec![false; self.nodes.len()];
        for output in &self.outputs {
            needed[output.node] = true;
        }
        for (i, node) in self.nodes.iter().enumerate().rev() {
            if needed[i] {
                for input in &node.inputs {
                    needed[*input] = true;
                }
            }
        }
        let mut place = vec![0; self.nodes.len()];
        let mut nodes = Vec::new();
        for (i, mut node) in self.nodes.into_iter().enumerate() {
            if needed[i] {
                for input in &mut node.inputs {
                    *input = place[*input];
                }
                place[i] = nodes.len();
                nodes.push(node);
            }
        }
        let outputs = self
            .outputs
            .into_iter()
            .map(|output| Output {
                node: place[output.node],
                ..output
            })
            .collect();
        Self { nodes, outputs }
    }
}
