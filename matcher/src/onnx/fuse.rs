//! Fewer, larger layers: what a convolution can do before it stores a sum is not a layer of its own.
//!
//! Each rule lets a node take in the only node that reads nothing else: the later of the two becomes both, the earlier dies. So the order
//! of the nodes stays right by itself.

use std::sync::Arc;

use super::graph::{Activation, Axis, Conv, Graph, Mixing, Node, Op, Output};

/// Applies every rule until none applies.
pub(super) fn fuse(graph: Graph) -> Graph {
    let mut graph = graph.without_dead();
    loop {
        let uses = graph.uses();
        let mut changed = false;
        for at in 0..graph.nodes.len() {
            if let Some(node) = taken_in(&graph, &uses, at) {
                graph.nodes[at] = node;
                changed = true;
                break;
            }
        }
        if !changed {
            break;
        }
        graph = graph.without_dead();
    }
    fold_input(&mut graph);
    sigmoids(&mut graph);
    unpack_input(merge_heads(graph.without_dead()).without_dead())
}

/// The node that takes in one of its inputs, if a rule applies.
fn taken_in(graph: &Graph, uses: &[usize], at: usize) -> Option<Node> {
    let node = &graph.nodes[at];
    let single = |input: usize| (uses[input] == 1).then(|| &graph.nodes[input]);
    let made = |op: Op, inputs: Vec<usize>| {
        Some(Node {
            op,
            inputs,
            shape: node.shape,
        })
    };
    match (&node.op, node.inputs.as_slice()) {
        // max(x, slope * x)
        (Op::Max, &[a, b]) => {
            let slope = |x: usize, y: usize| match &single(y)?.op {
                Op::Affine { scale, shift }
                    if graph.nodes[y].inputs == [x] && shift.iter().all(|s| *s == 0.0) =>
                {
                    Some(scale.clone())
                }
                _ => None,
            };
            let (x, slope) = match (slope(a, b), slope(b, a)) {
                (Some(slope), _) => (a, slope),
                (None, Some(slope)) => (b, slope),
                (None, None) => return None,
            };
            made(Op::Act(Activation::Slope(slope)), vec![x])
        }
        (Op::Affine { scale, shift }, &[input]) => match &single(input)?.op {
            Op::Affine {
                scale: first,
                shift: offset,
            } => {
                let scales = first.iter().zip(scale).map(|(a, b)| a * b).collect();
                let shifts = offset.iter().zip(scale).zip(shift);
                let shift = shifts.map(|((o, s), t)| o * s + t).collect();
                let op = Op::Affine {
                    scale: scales,
                    shift,
                };
                made(op, graph.nodes[input].inputs.clone())
            }
            Op::Conv(conv) if conv.act == Activation::None && alone(graph, input) => {
                let mut conv = conv.clone();
                let each = conv.weights.len() / scale.len();
                let all = Arc::make_mut(&mut conv.weights);
                for (o, weights) in all.chunks_exact_mut(each).enumerate() {
                    weights.iter_mut().for_each(|w| *w *= scale[o]);
                    conv.bias[o] = conv.bias[o] * scale[o] + shift[o];
                }
                made(Op::Conv(conv), graph.nodes[input].inputs.clone())
            }
            Op::Pool {
                pooling: super::kernels::plain::Pooling::Sum(factor),
                window,
            } if shift.iter().all(|s| *s == 0.0) && scale.iter().all(|s| *s == scale[0]) => {
                let pooling = super::kernels::plain::Pooling::Sum(factor * scale[0]);
                let window = *window;
                let op = Op::Pool { pooling, window };
                made(op, graph.nodes[input].inputs.clone())
            }
            _ => None,
        },
        (Op::Act(act), &[input]) => match &single(input)?.op {
            Op::Act(first) => made(Op::Act(first.then(act)?), graph.nodes[input].inputs.clone()),
            Op::Conv(conv) if alone(graph, input) => {
                let mut conv = conv.clone();
                conv.act = conv.act.then(act)?;
                made(Op::Conv(conv), graph.nodes[input].inputs.clone())
            }
            _ => None,
        },
        (Op::Add, &[a, b]) if a != b => {
            // The later operand takes in the earlier one, which may be far back.
            let (early, late) = (a.min(b), a.max(b));
            [(late, early), (early, late)]
                .into_iter()
                .find_map(|(own, other)| {
                    let node = single(own)?;
                    let takes = match &node.op {
                        Op::Conv(conv) => conv.mixing == Mixing::Full && node.inputs.len() == 1,
                        Op::Enlarge { .. } => node.inputs.len() == 1,
                        Op::Scale => node.inputs.len() == 2,
                        _ => false,
                    };
                    let mut inputs = node.inputs.clone();
                    inputs.push(other);
                    takes.then(|| made(node.op.clone(), inputs)).flatten()
                })
        }
        _ => None,
    }
}

/// Whether nothing is added to the sums of a node.
fn alone(graph: &Graph, node: usize) -> bool {
    graph.nodes[node].inputs.len() == 1
}

/// Scales and shifts of the model's input go into the weights of the first layer. Outside the image, where the layer must see
/// nothing, the channel then holds what scales and shifts to nothing.
fn fold_input(graph: &mut Graph) {
    for at in 0..graph.nodes.len() {
        let (Op::Conv(conv), &[input]) = (&graph.nodes[at].op, graph.nodes[at].inputs.as_slice())
        else {
            continue;
        };
        let (Op::Affine { scale, shift }, &[source]) =
            (&graph.nodes[input].op, graph.nodes[input].inputs.as_slice())
        else {
            continue;
        };
        let first = matches!(graph.nodes[source].op, Op::Input);
        let whole = scale.iter().all(|s| s.abs() > f32::MIN_POSITIVE);
        if !first || !whole || conv.mixing != Mixing::Full {
            continue;
        }
        let mut conv = conv.clone();
        let taps = conv.window.kernel.0 * conv.window.kernel.1;
        let channels = scale.len();
        let all = Arc::make_mut(&mut conv.weights);
        for (o, weights) in all.chunks_exact_mut(taps * channels).enumerate() {
            // In double precision: the sum is of many terms that nearly cancel.
            let mut bias = f64::from(conv.bias[o]);
            for (c, weights) in weights.chunks_exact_mut(taps).enumerate() {
                for weight in weights {
                    bias += f64::from(*weight) * f64::from(shift[c]);
                    *weight *= scale[c];
                }
            }
            conv.bias[o] = bias as f32;
        }
        conv.outside = shift.iter().zip(scale).map(|(t, s)| -t / s).collect();
        graph.nodes[at].op = Op::Conv(conv);
        graph.nodes[at].inputs = vec![source];
    }
}

/// Only a convolution of all channels reads planes: for any other reader they are unpacked.
fn unpack_input(mut graph: Graph) -> Graph {
    let Some(input) = graph.nodes.iter().position(|n| matches!(n.op, Op::Input)) else {
        return graph;
    };
    let reads_planes =
        |op: &Op, place: usize| matches!(op, Op::Conv(c) if c.mixing == Mixing::Full) && place == 0;
    let all = graph.nodes.iter().all(|node| {
        let mut inputs = node.inputs.iter().enumerate();
        inputs.all(|(place, i)| *i != input || reads_planes(&node.op, place))
    });
    if all && graph.outputs.iter().all(|output| output.node != input) {
        return graph;
    }
    let shape = graph.nodes[input].shape;
    let behind = |i: usize| if i > input { i + 1 } else { i };
    for node in &mut graph.nodes {
        for (place, i) in node.inputs.iter_mut().enumerate() {
            let planes = *i == input && reads_planes(&node.op, place);
            *i = if *i == input && !planes {
                input + 1
            } else {
                behind(*i)
            };
        }
    }
    for output in &mut graph.outputs {
        output.node = if output.node == input {
            input + 1
        } else {
            behind(output.node)
        };
    }
    let unpack = Node {
        op: Op::Unpack,
        inputs: vec![input],
        shape,
    };
    graph.nodes.insert(input + 1, unpack);
    graph
}

/// A logistic function that is an output is computed when the output is written.
fn sigmoids(graph: &mut Graph) {
    let Graph { nodes, outputs } = graph;
    for output in outputs {
        if matches!(nodes[output.node].op, Op::Sigmoid) && !output.sigmoid {
            output.node = nodes[output.node].inputs[0];
            output.sigmoid = true;
        }
    }
}

/// The heads of a detector, a 1x1 convolution and a depthwise one each, read one value and have a handful of channels: side by side
/// they fill the vectors that each would leave nearly empty.
fn merge_heads(mut graph: Graph) -> Graph {
    let uses = graph.uses();
    let mut done = vec![false; graph.nodes.len()];
    for at in 0..graph.nodes.len() {
        let Some(head) = head(&graph, &uses, at).filter(|_| !done[at]) else {
            continue;
        };
        let same: Vec<(usize, Head)> = (at..graph.nodes.len())
            .filter_map(|other| Some((other, self::head(&graph, &uses, other)?)))
            .filter(|(_, other)| {
                other.source == head.source
                    && other.last.window == head.last.window
                    && other.last.act == head.last.act
            })
            .collect();
        for (other, _) in &same {
            done[*other] = true;
        }
        if same.len() < 2 {
            continue;
        }
        let (mut mix, mut last) = (head.mix.clone(), head.last.clone());
        let mut channels = graph.nodes[at].shape.channels;
        let mut moved = vec![(at, 0)];
        for (other, head) in same.iter().skip(1) {
            moved.push((*other, channels));
            channels += graph.nodes[*other].shape.channels;
            for (all, own) in [(&mut mix, &head.mix), (&mut last, &head.last)] {
                Arc::make_mut(&mut all.weights).extend(own.weights.iter());
                all.bias.extend(&own.bias);
            }
        }
        // The last head comes after all inputs: its two nodes become the merged ones.
        let Some((end, _)) = same.last() else {
            continue;
        };
        let middle = graph.nodes[*end].inputs[0];
        graph.nodes[middle].op = Op::Conv(mix);
        graph.nodes[middle].shape.channels = channels;
        graph.nodes[*end].op = Op::Conv(last);
        graph.nodes[*end].shape.channels = channels;
        for output in &mut graph.outputs {
            if let Some((_, from)) = moved.iter().find(|(node, _)| *node == output.node) {
                output.node = *end;
                output.channels = output.channels.start + from..output.channels.end + from;
            }
        }
    }
    graph
}

/// A 1x1 convolution and the depthwise one after it, whose only reader is an output.
struct Head {
    source: usize,
    mix: Conv,
    last: Conv,
}

fn head(graph: &Graph, uses: &[usize], at: usize) -> Option<Head> {
    let read = |output: &&Output| output.node == at;
    let written = graph.outputs.iter().filter(read).count();
    let (Op::Conv(last), &[middle]) = (&graph.nodes[at].op, graph.nodes[at].inputs.as_slice())
    else {
        return None;
    };
    let (Op::Conv(mix), &[source]) = (
        &graph.nodes[middle].op,
        graph.nodes[middle].inputs.as_slice(),
    ) else {
        return None;
    };
    let plain = last.mixing == Mixing::Depthwise
        && mix.mixing == Mixing::Full
        && mix.window == super::graph::Window::PIXEL
        && mix.act == Activation::None
        && mix.outside.is_empty()
        && !matches!(last.act, Activation::Slope(_));
    // A single channel of an output that is no axis is the same numbers in any order.
    let ordered = graph.outputs.iter().filter(read).all(|output| {
        let axes = output.axes.concat();
        axes.last() == Some(&Axis::Channels) || !axes.contains(&Axis::Channels)
    });
    (plain && ordered && uses[middle] == 1 && written > 0 && uses[at] == written).then(|| Head {
        source,
        mix: mix.clone(),
        last: last.clone(),
    })
}
