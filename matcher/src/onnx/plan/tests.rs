//! Every layer, at every level, against sums written down as the definition has them.

use proptest::prelude::*;

use super::*;
use crate::onnx::fuse::fuse;
use crate::onnx::graph::{Activation, Conv, Mixing, Node, Window};
use crate::onnx::kernels::plain::Pooling;

/// An image of one number a channel: `[row][column][channel]`.
fn naive(op: &Op, inputs: &[(&[f64], Shape)], made: Shape) -> Vec<f64> {
    let (input, shape) = inputs[0];
    let mut output = Vec::with_capacity(made.len());
    for y in 0..made.height {
        for x in 0..made.width {
            for c in 0..made.channels {
                let at = |y: usize, x: usize, c: usize| {
                    input[(y * shape.width + x) * shape.channels + c]
                };
                let taps = |window: &Window| {
                    let mut taps = Vec::new();
                    for tall in 0..window.kernel.0 {
                        for wide in 0..window.kernel.1 {
                            let row = (y * window.stride.0 + tall).checked_sub(window.pad.0);
                            let column = (x * window.stride.1 + wide).checked_sub(window.pad.1);
                            let inside = row
                                .zip(column)
                                .filter(|(r, c)| *r < shape.height && *c < shape.width);
                            taps.push((tall * window.kernel.1 + wide, inside));
                        }
                    }
                    taps
                };
                let value = match op {
                    Op::Conv(conv) => {
                        let area = conv.window.kernel.0 * conv.window.kernel.1;
                        let mut sum = f64::from(conv.bias[c]);
                        for (tap, place) in taps(&conv.window) {
                            let own = match conv.mixing {
                                Mixing::Depthwise => c..c + 1,
                                Mixing::Full => 0..shape.channels,
                            };
                            for i in own.clone() {
                                let weight = match conv.mixing {
                                    Mixing::Depthwise => c * area + tap,
                                    Mixing::Full => (c * shape.channels + i) * area + tap,
                                };
                                let outside = conv.outside.get(i).copied().unwrap_or(0.0);
                                let value = place.map_or(f64::from(outside), |(y, x)| at(y, x, i));
                                sum += f64::from(conv.weights[weight]) * value;
                            }
                        }
                        acted(&conv.act, sum, c)
                    }
                    Op::Affine { scale, shift } => {
                        at(y, x, c) * f64::from(scale[c]) + f64::from(shift[c])
                    }
                    Op::Act(act) => acted(act, at(y, x, c), c),
                    Op::Scale => at(y, x, c) * inputs[1].0[c],
                    Op::Pool { pooling, window } => {
                        let inside = taps(window).into_iter().filter_map(|(_, p)| p);
                        let values = inside.map(|(y, x)| at(y, x, c));
                        match pooling {
                            Pooling::Max => values.fold(f64::NEG_INFINITY, f64::max),
                            Pooling::Sum(factor) => values.sum::<f64>() * f64::from(*factor),
                        }
                    }
                    Op::Enlarge { times } => at(y / times.0, x / times.1, c),
                    Op::Sigmoid => 1.0 / (1.0 + (-at(y, x, c)).exp()),
                    Op::Extend if y < shape.height && x < shape.width && c < shape.channels => {
                        at(y, x, c)
                    }
                    Op::Extend => 0.0,
                    Op::Input | Op::Unpack | Op::Add | Op::Max => at(y, x, c),
                };
                let place = output.len();
                // Whatever comes after the layer's own inputs is added.
                let own = if matches!(op, Op::Scale) { 2 } else { 1 };
                let added = inputs.get(own).map_or(0.0, |(added, _)| added[place]);
                output.push(value + added);
            }
        }
    }
    output
}

fn acted(act: &Activation, value: f64, channel: usize) -> f64 {
    match act {
        Activation::None => value,
        Activation::Clamp(least, most) => value.clamp(f64::from(*least), f64::from(*most)),
        Activation::Slope(slopes) => value.max(value * f64::from(slopes[channel])),
    }
}

/// Runs a graph at every level and compares with the definition.
fn check(graph: &Graph, input: &[f32]) {
    let shape = graph.nodes[0].shape;
    let mut values: Vec<Vec<f64>> = Vec::new();
    for node in &graph.nodes {
        let value = match node.op {
            Op::Input => {
                let pixel = |p: usize| {
                    (0..shape.channels).map(move |c| f64::from(input[c * shape.pixels() + p]))
                };
                (0..shape.pixels()).flat_map(pixel).collect()
            }
            _ => {
                let inputs: Vec<(&[f64], Shape)> = node
                    .inputs
                    .iter()
                    .map(|i| (values[*i].as_slice(), graph.nodes[*i].shape))
                    .collect();
                naive(&node.op, &inputs, node.shape)
            }
        };
        values.push(value);
    }
    let fused = fuse(graph.clone());
    for level in Level::available() {
        let plan = Plan::new(&fused, level).expect("small");
        let mut state = plan.state();
        for _ in 0..2 {
            state.input.copy_from_slice(input);
            plan.run(&mut state);
            for (output, found) in graph.outputs.iter().zip(&state.outputs) {
                let expected = &values[output.node];
                assert_eq!(expected.len(), found.len());
                for (a, b) in expected.iter().zip(found) {
                    let close = (a - f64::from(*b)).abs() <= 1e-5 * a.abs().max(1.0);
                    assert!(close, "{level:?}: {a} and {b} in {fused:?}");
                }
            }
        }
    }
}

/// Numbers of -1 to 1.
fn numbers(seed: u64, count: usize) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

#[derive(Debug, Clone)]
struct Case {
    shape: Shape,
    outputs: usize,
    window: Window,
    mixing: Mixing,
    act: u8,
    seed: u64,
}

fn cases() -> impl Strategy<Value = Case> {
    let side = prop_oneof![1usize..30, 24usize..60];
    let places = (
        (side.clone(), side, 1usize..36, 1usize..70),
        (
            prop_oneof![Just(1usize), Just(3), 1usize..6],
            1usize..4,
            0usize..3,
        ),
        (any::<bool>(), 0u8..4, any::<u64>()),
    );
    places.prop_filter_map(
        "the window fits",
        |((height, width, channels, outputs), (kernel, stride, pad), (depthwise, act, seed))| {
            let fits = pad < kernel && kernel <= height.min(width) + 2 * pad;
            fits.then_some(Case {
                shape: Shape {
                    height,
                    width,
                    channels,
                },
                outputs: if depthwise { channels } else { outputs },
                window: Window {
                    kernel: (kernel, kernel),
                    stride: (stride, stride),
                    pad: (pad, pad),
                },
                mixing: if depthwise {
                    Mixing::Depthwise
                } else {
                    Mixing::Full
                },
                act,
                seed,
            })
        },
    )
}

impl Case {
    fn conv(&self, shape: Shape, window: Window, mixing: Mixing, outputs: usize) -> Conv {
        let each = if mixing == Mixing::Full {
            shape.channels
        } else {
            1
        };
        let count = outputs * each * window.kernel.0 * window.kernel.1;
        let scale = 1.0 / ((count / outputs) as f32).sqrt();
        Conv {
            window,
            mixing,
            weights: numbers(self.seed, count)
                .iter()
                .map(|w| w * scale)
                .collect::<Vec<_>>()
                .into(),
            bias: numbers(self.seed ^ 1, outputs),
            outside: Vec::new(),
            act: Activation::None,
        }
    }

    fn act(&self, channels: usize) -> Option<Op> {
        match self.act {
            0 => None,
            1 => Some(Op::Act(Activation::Clamp(0.0, f32::INFINITY))),
            2 => Some(Op::Act(Activation::Clamp(-0.25, 0.5))),
            _ => Some(Op::Act(Activation::Slope(numbers(self.seed ^ 2, channels)))),
        }
    }
}

fn moved(shape: Shape, window: &Window, channels: usize) -> Shape {
    let side = |size: usize, place: fn(&(usize, usize)) -> usize| {
        (size + 2 * place(&window.pad) - place(&window.kernel)) / place(&window.stride) + 1
    };
    Shape {
        height: side(shape.height, |p| p.0),
        width: side(shape.width, |p| p.1),
        channels,
    }
}

struct Build(Graph);

impl Build {
    fn new(shape: Shape) -> Self {
        let input = Node {
            op: Op::Input,
            inputs: Vec::new(),
            shape,
        };
        Self(Graph {
            nodes: vec![input],
            outputs: Vec::new(),
        })
    }

    fn push(&mut self, op: Op, inputs: &[usize], shape: Shape) -> usize {
        self.0.nodes.push(Node {
            op,
            inputs: inputs.to_vec(),
            shape,
        });
        self.0.nodes.len() - 1
    }

    /// The graph with outputs in the order of pixels.
    fn end(mut self, outputs: &[usize]) -> Graph {
        self.0.outputs = outputs
            .iter()
            .map(|node| Output {
                node: *node,
                channels: 0..self.0.nodes[*node].shape.channels,
                axes: vec![vec![Axis::Height, Axis::Width, Axis::Channels]],
                sigmoid: false,
            })
            .collect();
        self.0
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(160))]

    #[test]
    fn convolutions_are_as_defined(case in cases(), scaled in any::<bool>()) {
        let Case { shape, window, mixing, .. } = case;
        let mut build = Build::new(shape);
        let mut at = 0;
        if scaled {
            let scale = numbers(case.seed ^ 3, shape.channels);
            let scale = scale.iter().map(|s| s.signum() * (s.abs() + 0.1)).collect();
            let shift = numbers(case.seed ^ 4, shape.channels);
            at = build.push(Op::Affine { scale, shift }, &[at], shape);
        }
        let made = moved(shape, &window, case.outputs);
        at = build.push(Op::Conv(case.conv(shape, window, mixing, case.outputs)), &[at], made);
        if let Some(act) = case.act(case.outputs) {
            at = build.push(act, &[at], made);
        }
        // The same again on pixels, and the first added to the second.
        let small = Window { kernel: (3, 3), stride: (1, 1), pad: (1, 1) };
        let other = case.conv(made, small, mixing, case.outputs);
        let second = build.push(Op::Conv(other), &[at], made);
        let flat = case.conv(made, Window::PIXEL, Mixing::Full, case.outputs);
        let third = build.push(Op::Conv(flat), &[second], made);
        let sum = build.push(Op::Add, &[third, at], made);
        let graph = build.end(&[sum, second]);
        check(&graph, &numbers(case.seed ^ 5, shape.len()));
    }

    #[test]
    fn the_other_layers_are_as_defined(case in cases(), times in (1usize..4, 1usize..4)) {
        let Case { shape, window, .. } = case;
        let mut build = Build::new(shape);
        let act = case.act(shape.channels).unwrap_or(Op::Sigmoid);
        let first = build.push(act, &[0], shape);
        let pooled = moved(shape, &window, shape.channels);
        let largest = build.push(Op::Pool { pooling: Pooling::Max, window }, &[first], pooled);
        let whole = Window { kernel: (shape.height, shape.width), ..Window::PIXEL };
        let pixel = Shape { height: 1, width: 1, ..shape };
        let pooling = Pooling::Sum(1.0 / shape.pixels() as f32);
        let mean = build.push(Op::Pool { pooling, window: whole }, &[first], pixel);
        let gate = build.push(Op::Sigmoid, &[mean], pixel);
        let scaled = build.push(Op::Scale, &[first, gate], shape);
        let sum = build.push(Op::Add, &[scaled, 0], shape);
        let large = Shape {
            height: pooled.height * times.0,
            width: pooled.width * times.1,
            ..pooled
        };
        let wide = build.push(Op::Enlarge { times }, &[largest], large);
        let half = Op::Act(Activation::Clamp(-0.5, 0.5));
        let clamped = build.push(half, &[wide], large);
        let wider = build.push(Op::Enlarge { times }, &[largest], large);
        let both = build.push(Op::Add, &[wider, clamped], large);
        check(&build.end(&[sum, both]), &numbers(case.seed, shape.len()));
    }
}

#[test]
fn heads_that_lie_side_by_side_answer_as_each_alone() {
    let shape = Shape {
        height: 9,
        width: 7,
        channels: 20,
    };
    let case = Case {
        shape,
        outputs: 1,
        window: Window::PIXEL,
        mixing: Mixing::Full,
        act: 0,
        seed: 7,
    };
    let mut build = Build::new(shape);
    let around = Window {
        kernel: (3, 3),
        stride: (1, 1),
        pad: (1, 1),
    };
    let trunk = build.push(
        Op::Conv(case.conv(shape, around, Mixing::Full, 20)),
        &[0],
        shape,
    );
    let mut outputs = Vec::new();
    for channels in [1, 4, 1, 10] {
        let made = Shape { channels, ..shape };
        let mix = case.conv(shape, Window::PIXEL, Mixing::Full, channels);
        let mix = build.push(Op::Conv(mix), &[trunk], made);
        let last = case.conv(made, around, Mixing::Depthwise, channels);
        let last = build.push(Op::Conv(last), &[mix], made);
        outputs.push(if channels == 1 {
            build.push(Op::Sigmoid, &[last], made)
        } else {
            last
        });
    }
    let graph = build.end(&outputs);
    // Three convolutions are left of nine.
    let fused = fuse(graph.clone());
    let convolutions = fused.nodes.iter().filter(|n| matches!(n.op, Op::Conv(_)));
    assert_eq!(convolutions.count(), 3);
    check(&graph, &numbers(8, shape.len()));
}

#[test]
fn of_large_values_only_the_rows_still_to_be_read_are_kept() {
    let shape = |height, width, channels| Shape {
        height,
        width,
        channels,
    };
    let first = shape(101, 60, 3);
    let around = Window {
        kernel: (3, 3),
        stride: (1, 1),
        pad: (1, 1),
    };
    let case = Case {
        shape: first,
        outputs: 20,
        window: around,
        mixing: Mixing::Full,
        act: 0,
        seed: 11,
    };
    let wide = shape(101, 60, 20);
    let mut build = Build::new(first);
    let op = |from, window, mixing, outputs| Op::Conv(case.conv(from, window, mixing, outputs));
    let entry = build.push(op(first, around, Mixing::Full, 20), &[0], wide);
    let deep = build.push(op(wide, around, Mixing::Depthwise, 20), &[entry], wide);
    let flat = build.push(op(wide, Window::PIXEL, Mixing::Full, 20), &[deep], wide);
    let sum = build.push(Op::Add, &[flat, entry], wide);
    let dense = build.push(op(wide, around, Mixing::Full, 20), &[sum], wide);
    let halving = Window {
        kernel: (2, 2),
        stride: (2, 2),
        pad: (0, 0),
    };
    let pooling = Op::Pool {
        pooling: Pooling::Max,
        window: halving,
    };
    let half = build.push(pooling, &[dense], shape(50, 30, 20));
    let tall = shape(150, 60, 20);
    let enlarged = build.push(Op::Enlarge { times: (3, 2) }, &[half], tall);
    let by_two = Window {
        stride: (2, 2),
        ..around
    };
    let end = shape(75, 30, 20);
    let last = build.push(op(tall, by_two, Mixing::Depthwise, 20), &[enlarged], end);
    let graph = build.end(&[last]);
    for level in Level::available() {
        let plan = Plan::new(&fuse(graph.clone()), level).expect("small");
        let rings = plan.layers.iter().filter(|l| l.kept < l.shape.height);
        assert!(rings.count() >= 3, "{level:?}");
    }
    check(&graph, &numbers(12, first.len()));
}
