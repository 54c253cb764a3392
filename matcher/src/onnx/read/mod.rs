//! From the engine's typed model, shapes inferred and constants folded, to a [`Graph`]; or the name of what is not understood.

mod window;

use std::collections::HashMap;
use std::sync::Arc;

use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::DimLike;
use tract_onnx::tract_core::ops::array::TypedConcat;
use tract_onnx::tract_core::ops::binary::TypedBinOp;
use tract_onnx::tract_core::ops::change_axes::AxisOp;
use tract_onnx::tract_core::ops::cnn::conv::{Conv as EngineConv, KernelFormat};
use tract_onnx::tract_core::ops::cnn::{MaxPool, PoolSpec, SumPool};
use tract_onnx::tract_core::ops::einsum::EinSum;
use tract_onnx::tract_core::ops::element_wise::ElementWiseOp;
use tract_onnx::tract_core::ops::konst::Const;
use tract_onnx::tract_core::ops::logic::Iff;
use tract_onnx::tract_core::ops::nn::{LeakyRelu, Reduce, Reducer};
use tract_onnx::tract_core::ops::source::TypedSource;

use super::graph::{Activation, Axes, Axis, Conv, Graph, Mixing, Node, Op, Output, Shape, Window};
use super::kernels::plain::Pooling;
use window::{image, window};

/// An operation, a shape or a number that the plan has no layer for: the engine runs such a model itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unknown(pub String);

/// Reads a model with one image for input.
pub(super) fn read(model: &TypedModel) -> Result<Graph, Unknown> {
    let mut reader = Reader {
        model,
        graph: Graph::default(),
        known: HashMap::new(),
    };
    for node in model.eval_order().map_err(|e| Unknown(e.to_string()))? {
        reader.node(node)?;
    }
    for outlet in model.output_outlets().map_err(|e| Unknown(e.to_string()))? {
        let value = reader.value(*outlet)?;
        let shape = reader.shape(&value);
        reader.graph.outputs.push(Output {
            node: value.node,
            channels: 0..shape.channels,
            axes: value.axes,
            sigmoid: false,
        });
    }
    Ok(reader.graph)
}

/// A node of the graph, and how the engine sees it.
#[derive(Debug, Clone)]
struct Value {
    node: usize,
    axes: Axes,
}

struct Reader<'a> {
    model: &'a TypedModel,
    graph: Graph,
    known: HashMap<OutletId, Value>,
}

impl Reader<'_> {
    fn node(&mut self, id: usize) -> Result<(), Unknown> {
        let node = &self.model.nodes[id];
        let unknown = || Unknown(format!("{} {}", node.op.name(), node.name));
        if node.outputs.iter().all(|o| o.fact.konst.is_some()) || node.op_is::<Const>() {
            return Ok(());
        }
        // A comparison is understood by the choice that it decides.
        if node
            .outputs
            .iter()
            .all(|o| o.fact.datum_type == bool::datum_type())
        {
            return Ok(());
        }
        let out = self.sizes(OutletId::new(id, 0)).ok_or_else(unknown)?;
        let value = if node.op_is::<TypedSource>() {
            let shape = image(&out).filter(|_| self.graph.nodes.is_empty());
            let shape = shape.ok_or_else(unknown)?;
            Some(self.push(Op::Input, Vec::new(), shape, shape.planes()))
        } else if let Some(op) = node.op_as::<EngineConv>() {
            self.conv(op, node, &out)
        } else if let Some(op) = node.op_as::<TypedBinOp>() {
            self.binary(op, node)
        } else if let Some(op) = node.op_as::<AxisOp>() {
            self.known_value(node.inputs[0])
                .and_then(|v| self.turn(op, v))
        } else if let Some(op) = node.op_as::<MaxPool>() {
            let plain = op.with_index_outputs.is_none();
            plain
                .then(|| self.pool(&op.pool_spec, Pooling::Max, node, &out))
                .flatten()
        } else if let Some(op) = node.op_as::<SumPool>() {
            self.sum_pool(op, node, &out)
        } else if let Some(op) = node.op_as::<Reduce>() {
            self.reduce(op, node)
        } else if let Some(op) = node.op_as::<EinSum>() {
            self.product(op, node, &out)
        } else if node.op_is::<ElementWiseOp>() && node.op.name() == "Sigmoid" {
            self.known_value(node.inputs[0]).map(|v| {
                let shape = self.shape(&v);
                self.push(Op::Sigmoid, vec![v.node], shape, v.axes)
            })
        } else if let Some(op) = node.op_as::<ElementWiseOp>() {
            self.leaky(op, node)
        } else if node.op_is::<Iff>() {
            self.choice(node)
        } else if let Some(op) = node.op_as::<TypedConcat>() {
            self.extend(op, node, &out)
        } else if node.op.name() == "Resize" {
            self.enlarge(node, &out)
        } else {
            None
        };
        let value = value.ok_or_else(unknown)?;
        // What is understood must also have the engine's shape.
        let shape = self.shape(&value);
        let seen = |axes: &Vec<Axis>| axes.iter().map(|a| shape.along(*a)).product::<usize>();
        if value.axes.iter().map(seen).ne(out.iter().copied()) || node.outputs.len() != 1 {
            return Err(unknown());
        }
        self.known.insert(OutletId::new(id, 0), value);
        Ok(())
    }

    fn push(&mut self, op: Op, inputs: Vec<usize>, shape: Shape, axes: Axes) -> Value {
        self.graph.nodes.push(Node { op, inputs, shape });
        Value {
            node: self.graph.nodes.len() - 1,
            axes,
        }
    }

    fn value(&self, outlet: OutletId) -> Result<Value, Unknown> {
        self.known_value(outlet)
            .ok_or_else(|| Unknown(format!("output {outlet:?}")))
    }

    fn known_value(&self, outlet: OutletId) -> Option<Value> {
        self.known.get(&outlet).cloned()
    }

    fn shape(&self, value: &Value) -> Shape {
        self.graph.nodes[value.node].shape
    }

    /// The shape of an outlet of numbers, when it is known.
    fn sizes(&self, outlet: OutletId) -> Option<Vec<usize>> {
        let fact = self.model.outlet_fact(outlet).ok()?;
        let sizes = fact.shape.as_concrete()?.to_vec();
        (fact.datum_type == f32::datum_type()).then_some(sizes)
    }

    /// A constant's shape and values, all finite.
    fn constant(&self, outlet: OutletId) -> Option<(Vec<usize>, Vec<f32>)> {
        let tensor = self.model.outlet_fact(outlet).ok()?.konst.as_ref()?;
        let values = tensor.as_plain_ram()?.as_slice::<f32>().ok()?;
        let finite = values.iter().all(|v| v.is_finite());
        finite.then(|| (tensor.shape().to_vec(), values.to_vec()))
    }

    fn conv(&mut self, op: &EngineConv, node: &TypedNode, out: &[usize]) -> Option<Value> {
        let input = self.image_input(node.inputs[0])?;
        let shape = self.shape(&input);
        let (sizes, weights) = self.constant(*node.inputs.get(1)?)?;
        let (_, bias) = self.constant(*node.inputs.get(2)?)?;
        let made = image(out)?;
        let spec = &op.pool_spec;
        let [tall, wide] = *spec.kernel_shape.as_slice() else {
            return None;
        };
        if op.kernel_fmt != KernelFormat::OIHW
            || op.q_params.is_some()
            || spec.input_channels != shape.channels
            || made.channels != spec.output_channels
            || sizes != [made.channels, shape.channels / op.group.max(1), tall, wide]
        {
            return None;
        }
        let mixing = match op.group {
            // A single channel is both.
            1 if shape.channels > 1 || made.channels > 1 => Mixing::Full,
            group if group == shape.channels && group == made.channels => Mixing::Depthwise,
            _ => return None,
        };
        let bias = match bias.as_slice() {
            [value] => vec![*value; made.channels],
            values if values.len() == made.channels => bias,
            _ => return None,
        };
        let conv = Conv {
            window: window(spec, &shape, &made)?,
            mixing,
            weights: Arc::new(weights),
            bias,
            outside: Vec::new(),
            act: Activation::None,
        };
        Some(self.push(Op::Conv(conv), vec![input.node], made, made.planes()))
    }

    /// A value whose axes are batch, channels, rows and columns.
    fn image_input(&self, outlet: OutletId) -> Option<Value> {
        let value = self.known_value(outlet)?;
        (value.axes == self.shape(&value).planes()).then_some(value)
    }

    fn binary(&mut self, op: &TypedBinOp, node: &TypedNode) -> Option<Value> {
        let [left, right] = *node.inputs.as_slice() else {
            return None;
        };
        if op.1.is_some() {
            return None;
        }
        let name = op.0.name();
        match (self.known_value(left), self.known_value(right)) {
            (Some(a), Some(b)) => self.two(name, a, b),
            (Some(a), None) => self.with_constant(name, a, right, Side::Right),
            (None, Some(b)) => self.with_constant(name, b, left, Side::Left),
            (None, None) => None,
        }
    }

    fn two(&mut self, name: &str, a: Value, b: Value) -> Option<Value> {
        let (a_shape, b_shape) = (self.shape(&a), self.shape(&b));
        if a_shape == b_shape && a.axes == b.axes {
            let op = match name {
                "Add" => Op::Add,
                "Max" => Op::Max,
                _ => return None,
            };
            return Some(self.push(op, vec![a.node, b.node], a_shape, a.axes));
        }
        // A weight a channel: each the only one of the image to be broadcast.
        let (image, weight, shape) = if b_shape.pixels() == 1 {
            (a, b, a_shape)
        } else {
            (b, a, b_shape)
        };
        let weights = self.shape(&weight);
        let fits = name == "Mul"
            && weights.pixels() == 1
            && weights.channels == shape.channels
            && image.axes == shape.planes()
            && weight.axes == weights.planes();
        fits.then(|| self.push(Op::Scale, vec![image.node, weight.node], shape, image.axes))
    }

    fn with_constant(
        &mut self,
        name: &str,
        value: Value,
        constant: OutletId,
        side: Side,
    ) -> Option<Value> {
        let shape = self.shape(&value);
        let numbers = self.per_channel(&value, constant)?;
        let all = |number: f32| vec![number; shape.channels];
        let affine = |scale, shift| Some(Op::Affine { scale, shift });
        let single = || numbers.iter().all(|n| *n == numbers[0]).then(|| numbers[0]);
        let op = match (name, side) {
            ("Add", _) => affine(all(1.0), numbers),
            ("Sub", Side::Right) => affine(all(1.0), numbers.iter().map(|n| -n).collect()),
            ("Sub", Side::Left) => affine(all(-1.0), numbers),
            ("Mul", _) => affine(numbers, all(0.0)),
            ("Div", Side::Right) => affine(numbers.iter().map(|n| n.recip()).collect(), all(0.0)),
            ("Max", _) => Some(Op::Act(Activation::Clamp(single()?, f32::INFINITY))),
            ("Min", _) => Some(Op::Act(Activation::Clamp(f32::NEG_INFINITY, single()?))),
            _ => None,
        }?;
        if let Op::Affine { scale, .. } = &op
            && !scale.iter().all(|s| s.is_finite())
        {
            return None;
        }
        Some(self.push(op, vec![value.node], shape, value.axes))
    }

    /// A rectifier that lets a part of what is negative through.
    fn leaky(&mut self, op: &ElementWiseOp, node: &TypedNode) -> Option<Value> {
        let alpha = op.0.downcast_ref::<LeakyRelu>()?.alpha;
        let value = self.known_value(node.inputs[0])?;
        let shape = self.shape(&value);
        self.slope(value, vec![alpha; shape.channels])
    }

    /// `0 > x ? slope * x : x`, which is how the engine writes the rectifier with a slope a channel.
    fn choice(&mut self, node: &TypedNode) -> Option<Value> {
        let [test, scaled, plain] = *node.inputs.as_slice() else {
            return None;
        };
        let test = &self.model.nodes[test.node];
        let compares = test
            .op_as::<TypedBinOp>()
            .is_some_and(|op| op.0.name() == "GT" && op.1.is_none());
        let [zero, compared] = *test.inputs.as_slice() else {
            return None;
        };
        let (_, zero) = self.constant(zero)?;
        let (scaled, value) = (self.known_value(scaled)?, self.known_value(plain)?);
        let product = &self.graph.nodes[scaled.node];
        let Op::Affine { scale, shift } = &product.op else {
            return None;
        };
        let fits = compares
            && compared == plain
            && zero.iter().all(|z| *z == 0.0)
            && product.inputs == [value.node]
            && shift.iter().all(|s| *s == 0.0)
            && scaled.axes == value.axes;
        let scale = scale.clone();
        fits.then(|| self.slope(value, scale)).flatten()
    }

    /// `max(x, slope * x)`, which is the rectifier as long as no slope is above one.
    fn slope(&mut self, value: Value, slopes: Vec<f32>) -> Option<Value> {
        let shape = self.shape(&value);
        let op = Op::Act(Activation::Slope(slopes.clone()));
        slopes
            .iter()
            .all(|s| *s <= 1.0)
            .then(|| self.push(op, vec![value.node], shape, value.axes))
    }

    /// Zeros joined on after an image.
    fn extend(&mut self, op: &TypedConcat, node: &TypedNode, out: &[usize]) -> Option<Value> {
        let [image_outlet, zeros] = *node.inputs.as_slice() else {
            return None;
        };
        let input = self.image_input(image_outlet)?;
        let (_, zeros) = self.constant(zeros)?;
        let made = image(out)?;
        let fits = op.axis > 0 && zeros.iter().all(|z| *z == 0.0);
        fits.then(|| self.push(Op::Extend, vec![input.node], made, made.planes()))
    }

    /// A constant that is broadcast over a value and differs by channel at most: one number a channel.
    fn per_channel(&self, value: &Value, constant: OutletId) -> Option<Vec<f32>> {
        let channels = self.shape(value).channels;
        let (sizes, numbers) = self.constant(constant)?;
        if let [number] = numbers.as_slice() {
            // A constant of more axes than the value would add axes.
            return (sizes.len() <= value.axes.len()).then(|| vec![*number; channels]);
        }
        let only_channels = sizes.len() == value.axes.len()
            && sizes.iter().zip(&value.axes).all(|(size, axes)| {
                *size == 1 || (*size == channels && axes.as_slice() == [Axis::Channels])
            });
        (only_channels && numbers.len() == channels).then_some(numbers)
    }

    /// Axes that move, come, go, merge or split.
    fn turn(&self, op: &AxisOp, mut value: Value) -> Option<Value> {
        match op {
            AxisOp::Add(at) if *at <= value.axes.len() => value.axes.insert(*at, Vec::new()),
            AxisOp::Rm(at) if value.axes.get(*at)?.is_empty() => {
                value.axes.remove(*at);
            }
            AxisOp::Move(from, to) if (*from).max(*to) < value.axes.len() => {
                let axis = value.axes.remove(*from);
                value.axes.insert(*to, axis);
            }
            AxisOp::Reshape(at, from, to) => {
                let shape = self.shape(&value);
                let end = at.checked_add(from.len())?;
                let all: Vec<Axis> = value.axes.get(*at..end)?.concat();
                let mut rest = all.into_iter().peekable();
                let mut made = Axes::new();
                for size in to {
                    let size = size.to_usize().ok()?;
                    let (mut axes, mut product) = (Vec::new(), 1);
                    while product < size {
                        let axis = rest.next()?;
                        product *= shape.along(axis);
                        axes.push(axis);
                    }
                    if product != size {
                        return None;
                    }
                    made.push(axes);
                }
                if rest.peek().is_some() {
                    return None;
                }
                value.axes.splice(*at..end, made);
            }
            _ => return None,
        }
        Some(value)
    }

    fn pool(
        &mut self,
        spec: &PoolSpec,
        pooling: Pooling,
        node: &TypedNode,
        out: &[usize],
    ) -> Option<Value> {
        let input = self.image_input(node.inputs[0])?;
        let (shape, made) = (self.shape(&input), image(out)?);
        let window = window(spec, &shape, &made)?;
        let op = Op::Pool { pooling, window };
        (made.channels == shape.channels)
            .then(|| self.push(op, vec![input.node], made, made.planes()))
    }

    /// An average, or a sum, over windows that lie inside the image.
    fn sum_pool(&mut self, op: &SumPool, node: &TypedNode, out: &[usize]) -> Option<Value> {
        let area: usize = op.pool_spec.kernel_shape.iter().product();
        let factor = if op.normalize { 1.0 / area as f32 } else { 1.0 };
        let input = self.image_input(node.inputs[0])?;
        let (shape, made) = (self.shape(&input), image(out)?);
        let window = window(&op.pool_spec, &shape, &made)?;
        let reach =
            |pad, count, stride, kernel, size| pad == 0 && (count - 1) * stride + kernel <= size;
        let inside = reach(
            window.pad.0,
            made.height,
            window.stride.0,
            window.kernel.0,
            shape.height,
        ) && reach(
            window.pad.1,
            made.width,
            window.stride.1,
            window.kernel.1,
            shape.width,
        );
        inside
            .then(|| self.pool(&op.pool_spec, Pooling::Sum(factor), node, out))
            .flatten()
    }

    /// The sum over all pixels.
    fn reduce(&mut self, op: &Reduce, node: &TypedNode) -> Option<Value> {
        let input = self.image_input(node.inputs[0])?;
        let shape = self.shape(&input);
        let mut axes = op.axes.to_vec();
        axes.sort_unstable();
        let made = Shape {
            height: 1,
            width: 1,
            channels: shape.channels,
        };
        let window = Window {
            kernel: (shape.height, shape.width),
            ..Window::PIXEL
        };
        let op = match op.reducer {
            Reducer::Sum if axes == [2, 3] => Op::Pool {
                pooling: Pooling::Sum(1.0),
                window,
            },
            _ => return None,
        };
        Some(self.push(op, vec![input.node], made, made.planes()))
    }

    /// A vector times a constant matrix: a convolution of a single pixel.
    fn product(&mut self, op: &EinSum, node: &TypedNode, out: &[usize]) -> Option<Value> {
        let [left, right] = *node.inputs.as_slice() else {
            return None;
        };
        let (slot, value) = match (self.known_value(left), self.known_value(right)) {
            (Some(value), None) => (0, value),
            (None, Some(value)) => (1, value),
            _ => return None,
        };
        let shape = self.shape(&value);
        let (sizes, matrix) = self.constant(node.inputs[1 - slot])?;
        let mut outputs = Axes::new();
        outputs.resize(out.len(), Vec::new());
        // Axis of the matrix that is summed over, and its axis that stays.
        let (mut summed, mut kept) = (None, None);
        for axis in op.axes.iter_all_axes() {
            let own = |at: usize| axis.inputs.get(at).map(|a| a.as_slice());
            let made = axis.outputs.first().map(|a| a.as_slice());
            match (own(slot)?, own(1 - slot)?, made?) {
                ([x], [m], []) if value.axes.get(*x)?.as_slice() == [Axis::Channels] => {
                    if summed.replace(*m).is_some() {
                        return None;
                    }
                }
                ([], [m], [y]) => {
                    if *sizes.get(*m)? > 1 {
                        if kept.replace(*m).is_some() {
                            return None;
                        }
                        outputs.get_mut(*y)?.push(Axis::Channels);
                    }
                }
                ([x], [], [_]) if value.axes.get(*x)?.is_empty() => {}
                _ => return None,
            }
        }
        let (summed, kept) = (summed?, kept?);
        let (depth, width) = (sizes[summed], sizes[kept]);
        if shape.pixels() != 1
            || shape.channels != depth
            || matrix.len() != depth * width
            || op.q_params.is_some()
            || op.operating_dt != f32::datum_type()
        {
            return None;
        }
        let weights = if kept < summed {
            matrix
        } else {
            let column = |o: usize| (0..depth).map(move |i| (i, o));
            (0..width)
                .flat_map(column)
                .map(|(i, o)| matrix[i * width + o])
                .collect()
        };
        let conv = Conv {
            window: Window::PIXEL,
            mixing: Mixing::Full,
            weights: Arc::new(weights),
            bias: vec![0.0; width],
            outside: Vec::new(),
            act: Activation::None,
        };
        let made = Shape {
            channels: width,
            ..shape
        };
        Some(self.push(Op::Conv(conv), vec![value.node], made, outputs))
    }

    /// The nearest pixel of an image that grows by whole factors.
    fn enlarge(&mut self, node: &TypedNode, out: &[usize]) -> Option<Value> {
        // The operation's own type is not public in all its parts: its description is, and says all that matters.
        let op = format!("{:?}", node.op);
        let plain = ["Asymmetric", "interpolator: Nearest", "nearest: Floor"];
        let all_axes = !op.contains("axes: Some");
        if !plain.iter().all(|part| op.contains(part)) || !all_axes {
            return None;
        }
        let input = self.image_input(node.inputs[0])?;
        let (shape, made) = (self.shape(&input), image(out)?);
        let times = (made.height / shape.height, made.width / shape.width);
        let whole = shape.height * times.0 == made.height
            && shape.width * times.1 == made.width
            && shape.channels == made.channels
            && node.inputs[1..].iter().all(|constant| {
                // The region is empty, scales are four numbers; sizes are whole numbers and say what the output's shape says.
                match self.constant(*constant) {
                    Some((_, scales)) if scales.len() == 4 => {
                        scales == [1.0, 1.0, times.0 as f32, times.1 as f32]
                    }
                    _ => true,
                }
            });
        let op = Op::Enlarge { times };
        whole.then(|| self.push(op, vec![input.node], made, made.planes()))
    }
}

/// Which operand the constant is.
#[derive(Debug, Clone, Copy)]
enum Side {
    Left,
    Right,
}
