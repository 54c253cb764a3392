//! Weights in the order that the kernels read them, for one level.

use std::borrow::Cow;

use super::super::aligned::Aligned;
use super::super::graph::{Activation, Conv, Mixing, Op, Shape, Window};
use super::super::kernels::dense::Layout;
use super::super::kernels::plain::Pooling;
use super::super::kernels::{Act, depthwise, pointwise};
use super::super::level::Level;

/// A layer, ready to run.
pub(super) enum Packed {
    /// The model's input: nothing to do.
    Input,
    /// The model's input as pixels.
    Unpack,
    /// A 1x1 convolution, and what is added.
    Pointwise {
        weights: Aligned,
        bias: Aligned,
        depth: usize,
        act: PackedAct,
    },
    /// A convolution, and what is added.
    Dense {
        weights: Aligned,
        bias: Aligned,
        window: Window,
        layout: Layout,
        outside: Aligned,
        depth: usize,
        act: PackedAct,
    },
    /// A depthwise convolution.
    Depthwise {
        weights: Aligned,
        bias: Aligned,
        window: Window,
        act: PackedAct,
    },
    /// One value at a time.
    Map {
        scale: Option<Aligned>,
        shift: Option<Aligned>,
        act: PackedAct,
    },
    /// The sum of two values.
    Add,
    /// A value times that of a single pixel, and what is added.
    Scale,
    /// Pooling.
    Pool { pooling: Pooling, window: Window },
    /// Repeated pixels, and what is added.
    Enlarge { times: (usize, usize) },
    /// Zeros after the last row, column or channel.
    Extend,
    /// The logistic function.
    Sigmoid,
}

/// An activation with its slopes padded.
pub(super) enum PackedAct {
    None,
    Clamp(f32, f32),
    Slope(Aligned),
}

impl PackedAct {
    fn new(act: &Activation, lanes: usize) -> Self {
        match act {
            Activation::None => Self::None,
            Activation::Clamp(least, most) => Self::Clamp(*least, *most),
            Activation::Slope(slopes) => Self::Slope(padded(slopes, lanes)),
        }
    }

    /// As the kernels want it.
    pub(super) fn view(&self) -> Act<'_> {
        match self {
            Self::None => Act::None,
            Self::Clamp(least, most) => Act::Clamp(*least, *most),
            Self::Slope(slopes) => Act::Slope(slopes),
        }
    }
}

impl Packed {
    /// Packs a layer whose inputs have these shapes and are, or are not, the model's input.
    pub(super) fn new(op: &Op, sources: &[(Shape, bool)], level: Level) -> Self {
        let lanes = level.lanes();
        match op {
            Op::Input => Self::Input,
            Op::Unpack => Self::Unpack,
            Op::Conv(conv) => Self::conv(conv, sources[0], level),
            Op::Affine { scale, shift } => Self::Map {
                scale: Some(padded(scale, lanes)),
                shift: Some(padded(shift, lanes)),
                act: PackedAct::None,
            },
            Op::Act(act) => Self::Map {
                scale: None,
                shift: None,
                act: PackedAct::new(act, lanes),
            },
            Op::Add | Op::Max => Self::Add,
            Op::Scale => Self::Scale,
            Op::Pool { pooling, window } => Self::Pool {
                pooling: *pooling,
                window: *window,
            },
            Op::Enlarge { times } => Self::Enlarge { times: *times },
            Op::Extend => Self::Extend,
            Op::Sigmoid => Self::Sigmoid,
        }
    }

    /// The kind of layer, and its window.
    pub(super) fn name(&self) -> String {
        let (kind, window) = match self {
            Self::Input => ("input", None),
            Self::Unpack => ("unpack", None),
            Self::Pointwise { .. } => ("pointwise", None),
            Self::Dense { window, .. } => ("dense", Some(window)),
            Self::Depthwise { window, .. } => ("depthwise", Some(window)),
            Self::Map { .. } => ("map", None),
            Self::Add => ("add", None),
            Self::Scale => ("scale", None),
            Self::Pool { window, .. } => ("pool", Some(window)),
            Self::Enlarge { .. } => ("enlarge", None),
            Self::Extend => ("extend", None),
            Self::Sigmoid => ("sigmoid", None),
        };
        match window {
            Some(Window { kernel, stride, .. }) => {
                format!("{kind} {}x{} by {}", kernel.0, kernel.1, stride.0)
            }
            None => kind.to_owned(),
        }
    }

    fn conv(conv: &Conv, (shape, planes): (Shape, bool), level: Level) -> Self {
        let lanes = level.lanes();
        let widest = pointwise::widest(level.registers());
        let bias = padded(&conv.bias, lanes);
        let act = PackedAct::new(&conv.act, lanes);
        let taps = conv.window.kernel.0 * conv.window.kernel.1;
        match conv.mixing {
            Mixing::Depthwise => Self::Depthwise {
                weights: Aligned::of(&depthwise::pack(&conv.weights, taps, lanes)),
                bias,
                window: conv.window,
                act,
            },
            Mixing::Full if conv.window == Window::PIXEL && !planes => Self::Pointwise {
                weights: Aligned::of(&pointwise::pack(
                    &conv.weights,
                    shape.channels,
                    lanes,
                    widest,
                )),
                bias,
                depth: shape.channels,
                act,
            },
            Mixing::Full => {
                let (layout, channels) = if planes {
                    (Layout::Planes, shape.channels)
                } else {
                    (Layout::Pixels, shape.channels.next_multiple_of(lanes))
                };
                let depth = taps * channels;
                let weights = match layout {
                    Layout::Planes => Cow::Borrowed(conv.weights.as_slice()),
                    Layout::Pixels => {
                        Cow::Owned(channels_last(&conv.weights, taps, shape.channels, channels))
                    }
                };
                let mut outside = Aligned::zeros(channels);
                outside[..conv.outside.len()].copy_from_slice(&conv.outside);
                Self::Dense {
                    weights: Aligned::of(&pointwise::pack(&weights, depth, lanes, widest)),
                    bias,
                    window: conv.window,
                    layout,
                    outside,
                    depth,
                    act,
                }
            }
        }
    }
}

/// `[output][channel][tap]` to `[output][tap][channel]`, the channels padded with zeros.
fn channels_last(weights: &[f32], taps: usize, channels: usize, padded: usize) -> Vec<f32> {
    let mut made = Vec::with_capacity(weights.len() / channels * padded);
    for weights in weights.chunks_exact(taps * channels) {
        for tap in 0..taps {
            let own = (0..channels).map(|c| weights[c * taps + tap]);
            made.extend(own.chain(std::iter::repeat_n(0.0, padded - channels)));
        }
    }
    made
}

/// Followed by zeros up to whole vectors.
fn padded(values: &[f32], lanes: usize) -> Aligned {
    let mut made = Aligned::zeros(values.len().next_multiple_of(lanes));
    made[..values.len()].copy_from_slice(values);
    made
}
