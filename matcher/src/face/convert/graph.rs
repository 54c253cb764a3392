//! A graph of layers, and its bytes as ONNX (opset 13), which are protocol buffers.
//!
//! Only what our three networks need: one input, one output, a batch of one, sides known while it is laid out.
//! Field numbers are those of `onnx.proto3`. A hundred lines are less to keep than a code generator, and what they
//! write is the same on every machine.

/// A value of the graph, with what is known of it: its channels and its side, in the order of planes.
#[derive(Clone, Debug)]
pub(super) struct Value {
    name: String,
    pub(super) channels: usize,
    pub(super) side: usize,
}

/// The graph while it is laid out.
pub(super) struct Graph {
    nodes: Vec<u8>,
    initialisers: Vec<u8>,
    input: Vec<u8>,
    count: usize,
}

/// How a convolution or a pooling moves over its input.
#[derive(Clone, Copy)]
pub(super) struct Window {
    pub(super) side: usize,
    pub(super) stride: usize,
    /// Rows and columns of nothing before and after.
    pub(super) pad: (usize, usize),
}

impl Window {
    /// Only where the window lies inside the input.
    pub(super) fn valid(side: usize, stride: usize) -> Self {
        let pad = (0, 0);
        Self { side, stride, pad }
    }

    /// With as much of nothing around as makes one output for each `stride` inputs, more of it after than before:
    /// TensorFlow's SAME.
    pub(super) fn same(side: usize, stride: usize, input: usize) -> Self {
        let outputs = input.div_ceil(stride);
        let total = ((outputs - 1) * stride + side).saturating_sub(input);
        let pad = (total / 2, total - total / 2);
        Self { side, stride, pad }
    }

    fn outputs(&self, input: usize) -> usize {
        (input + self.pad.0 + self.pad.1 - self.side) / self.stride + 1
    }

    fn attributes(&self) -> [Attribute<'static>; 3] {
        let (side, stride) = (self.side as i64, self.stride as i64);
        let (before, after) = (self.pad.0 as i64, self.pad.1 as i64);
        [
            Attribute::Ints("kernel_shape", vec![side; 2]),
            Attribute::Ints("pads", vec![before, before, after, after]),
            Attribute::Ints("strides", vec![stride; 2]),
        ]
    }
}

/// An attribute of a node.
pub(super) enum Attribute<'a> {
    Float(&'a str, f32),
    Int(&'a str, i64),
    Ints(&'a str, Vec<i64>),
}

impl Graph {
    /// A graph of an input of one batch, `channels` planes and a square `side`.
    pub(super) fn new(channels: usize, side: usize) -> (Self, Value) {
        let value = Value {
            name: "image".to_owned(),
            channels,
            side,
        };
        let graph = Self {
            nodes: Vec::new(),
            initialisers: Vec::new(),
            input: value_info(&value.name, &[1, channels, side, side]),
            count: 0,
        };
        (graph, value)
    }

    /// A convolution; `filters` are outputs, inputs of a group, rows, columns. As many groups as inputs make it
    /// depthwise.
    pub(super) fn convolve(
        &mut self,
        x: &Value,
        filters: (&[f32], usize, usize),
        bias: Option<&[f32]>,
        window: Window,
    ) -> Value {
        let (values, outputs, of_group) = filters;
        let mut inputs = vec![
            x.name.clone(),
            self.initialiser(&[outputs, of_group, window.side, window.side], values),
        ];
        if let Some(bias) = bias {
            inputs.push(self.initialiser(&[outputs], bias));
        }
        let groups = (x.channels / of_group) as i64;
        let [a, b, c] = window.attributes();
        let name = self.node("Conv", &inputs, &[a, b, c, Attribute::Int("group", groups)]);
        Value {
            name,
            channels: outputs,
            side: window.outputs(x.side),
        }
    }

    /// `MaxPool` or `AveragePool`.
    pub(super) fn pool(&mut self, kind: &str, x: &Value, window: Window) -> Value {
        let name = self.node(kind, std::slice::from_ref(&x.name), &window.attributes());
        Value {
            name,
            channels: x.channels,
            side: window.outputs(x.side),
        }
    }

    /// The mean of each plane.
    pub(super) fn pool_whole(&mut self, x: &Value) -> Value {
        let mean = self.map("GlobalAveragePool", x, &[]);
        Value { side: 1, ..mean }
    }

    /// A node of one input that changes no shape.
    pub(super) fn map(&mut self, kind: &str, x: &Value, attributes: &[Attribute<'_>]) -> Value {
        let name = self.node(kind, std::slice::from_ref(&x.name), attributes);
        Value { name, ..x.clone() }
    }

    /// The sum of two values of one shape.
    pub(super) fn add(&mut self, a: &Value, b: &Value) -> Value {
        let name = self.node("Add", &[a.name.clone(), b.name.clone()], &[]);
        Value { name, ..a.clone() }
    }

    /// `Sub`, `Mul` or `Div` by one number for each channel.
    pub(super) fn by_channel(&mut self, kind: &str, x: &Value, numbers: &[f32]) -> Value {
        let other = self.initialiser(&[1, numbers.len(), 1, 1], numbers);
        let name = self.node(kind, &[x.name.clone(), other], &[]);
        Value { name, ..x.clone() }
    }

    /// The value with `channels` more planes of nothing.
    pub(super) fn more_channels(&mut self, x: &Value, channels: usize) -> Value {
        let zeros = self.zeros(&[1, channels, x.side, x.side]);
        let axis = [Attribute::Int("axis", 1)];
        let name = self.node("Concat", &[x.name.clone(), zeros], &axis);
        Value {
            name,
            channels: x.channels + channels,
            side: x.side,
        }
    }

    /// The value with one more row and column of nothing, below and at the right.
    pub(super) fn one_larger(&mut self, x: &Value) -> Value {
        let below = self.zeros(&[1, x.channels, 1, x.side]);
        let axis = [Attribute::Int("axis", 2)];
        let taller = self.node("Concat", &[x.name.clone(), below], &axis);
        let beside = self.zeros(&[1, x.channels, x.side + 1, 1]);
        let axis = [Attribute::Int("axis", 3)];
        let name = self.node("Concat", &[taller, beside], &axis);
        Value {
            name,
            channels: x.channels,
            side: x.side + 1,
        }
    }

    /// The value as a row, times a matrix of as many rows, plus what is added to each column.
    pub(super) fn connect(
        &mut self,
        x: &Value,
        matrix: &[f32],
        columns: usize,
        bias: Option<&[f32]>,
    ) -> Value {
        let rows = x.channels * x.side * x.side;
        let flat = self.node(
            "Flatten",
            std::slice::from_ref(&x.name),
            &[Attribute::Int("axis", 1)],
        );
        let matrix = self.initialiser(&[rows, columns], matrix);
        let mut name = self.node("MatMul", &[flat, matrix], &[]);
        if let Some(bias) = bias {
            let bias = self.initialiser(&[1, columns], bias);
            name = self.node("Add", &[name, bias], &[]);
        }
        Value {
            name,
            channels: columns,
            side: 1,
        }
    }

    /// The file. An output of one pixel is a row; any other is planes.
    pub(super) fn finish(self, output: &Value) -> Vec<u8> {
        let shape = match output.side {
            1 => vec![1, output.channels],
            side => vec![1, output.channels, side, side],
        };
        let mut graph = self.nodes;
        bytes_field(&mut graph, 2, b"graph");
        graph.extend_from_slice(&self.initialisers);
        bytes_field(&mut graph, 11, &self.input);
        bytes_field(&mut graph, 12, &value_info(&output.name, &shape));
        let mut opset = Vec::new();
        bytes_field(&mut opset, 1, b"");
        number_field(&mut opset, 2, OPSET);
        let mut model = Vec::with_capacity(graph.len() + 64);
        number_field(&mut model, 1, IR_VERSION);
        bytes_field(&mut model, 2, b"whorl");
        bytes_field(&mut model, 7, &graph);
        bytes_field(&mut model, 8, &opset);
        model
    }

    fn node(&mut self, kind: &str, inputs: &[String], attributes: &[Attribute<'_>]) -> String {
        let name = self.fresh('v');
        let mut node = Vec::new();
        for input in inputs {
            bytes_field(&mut node, 1, input.as_bytes());
        }
        bytes_field(&mut node, 2, name.as_bytes());
        bytes_field(&mut node, 3, name.as_bytes());
        bytes_field(&mut node, 4, kind.as_bytes());
        for attribute in attributes {
            bytes_field(&mut node, 5, &attribute.bytes());
        }
        bytes_field(&mut self.nodes, 1, &node);
        name
    }

    fn initialiser(&mut self, shape: &[usize], values: &[f32]) -> String {
        let name = self.fresh('w');
        let mut tensor = Vec::with_capacity(values.len() * 4 + 64);
        for side in shape {
            number_field(&mut tensor, 1, *side as u64);
        }
        number_field(&mut tensor, 2, FLOAT);
        bytes_field(&mut tensor, 8, name.as_bytes());
        let raw: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        bytes_field(&mut tensor, 9, &raw);
        bytes_field(&mut self.initialisers, 5, &tensor);
        name
    }

    fn zeros(&mut self, shape: &[usize]) -> String {
        self.initialiser(shape, &vec![0.0; shape.iter().product()])
    }

    fn fresh(&mut self, kind: char) -> String {
        self.count += 1;
        format!("{kind}{}", self.count)
    }
}

impl Attribute<'_> {
    fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Self::Float(name, value) => {
                bytes_field(&mut out, 1, name.as_bytes());
                tag(&mut out, 2, 5);
                out.extend_from_slice(&value.to_le_bytes());
                number_field(&mut out, 20, 1);
            }
            Self::Int(name, value) => {
                bytes_field(&mut out, 1, name.as_bytes());
                number_field(&mut out, 3, *value as u64);
                number_field(&mut out, 20, 2);
            }
            Self::Ints(name, values) => {
                bytes_field(&mut out, 1, name.as_bytes());
                for value in values {
                    number_field(&mut out, 8, *value as u64);
                }
                number_field(&mut out, 20, 7);
            }
        }
        out
    }
}

fn value_info(name: &str, shape: &[usize]) -> Vec<u8> {
    let mut dimensions = Vec::new();
    for side in shape {
        let mut dimension = Vec::new();
        number_field(&mut dimension, 1, *side as u64);
        bytes_field(&mut dimensions, 1, &dimension);
    }
    let mut tensor = Vec::new();
    number_field(&mut tensor, 1, FLOAT);
    bytes_field(&mut tensor, 2, &dimensions);
    let mut kind = Vec::new();
    bytes_field(&mut kind, 1, &tensor);
    let mut info = Vec::new();
    bytes_field(&mut info, 1, name.as_bytes());
    bytes_field(&mut info, 2, &kind);
    info
}

/// A field of length and bytes: text, a message, raw values.
fn bytes_field(out: &mut Vec<u8>, field: u64, bytes: &[u8]) {
    tag(out, field, 2);
    varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn number_field(out: &mut Vec<u8>, field: u64, value: u64) {
    tag(out, field, 0);
    varint(out, value);
}

fn tag(out: &mut Vec<u8>, field: u64, wire_type: u64) {
    varint(out, field << 3 | wire_type);
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// `TensorProto.FLOAT`.
const FLOAT: u64 = 1;
const OPSET: u64 = 13;
/// The version of the format that came with opset 13.
const IR_VERSION: u64 = 7;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_seven_bits_at_a_time() {
        let mut out = Vec::new();
        number_field(&mut out, 1, 300);
        // The example of the protocol buffers' own description of the encoding, with field 1.
        assert_eq!(out, [0x08, 0xac, 0x02]);
    }

    #[test]
    fn same_puts_the_odd_row_after() {
        let pad = |side, stride, input| Window::same(side, stride, input).pad;
        assert_eq!(pad(3, 2, 112), (0, 1));
        assert_eq!(pad(3, 1, 7), (1, 1));
        assert_eq!(pad(2, 2, 207), (0, 1));
        assert_eq!(pad(2, 2, 414), (0, 0));
        assert_eq!(pad(2, 1, 13), (0, 1));
        assert_eq!(Window::same(3, 2, 112).outputs(112), 56);
        assert_eq!(Window::valid(7, 2).outputs(150), 72);
    }
}
