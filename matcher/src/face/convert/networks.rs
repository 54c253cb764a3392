//! The layers of the three networks, as the package's program lays them out.
//!
//! - the tiny face detector: seven convolutions, six of them depthwise and pointwise, leaky rectifiers, one cell for
//!   every 32 pixels with five anchors;
//! - the 68 points: four blocks of four depthwise and pointwise convolutions, each fed with the sum of those before;
//! - dlib's face recognition (Davis King 2017): a residual network of 29 convolutions. The scale after each
//!   convolution is multiplied into its filters, which changes nothing but the rounding.

use super::graph::{Attribute, Graph, Value, Window};
use super::weights::{ConvertError, Weights};

/// Which network a list of weights is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layout {
    /// `tiny_face_detector_model`.
    TinyFaceDetector,
    /// `face_landmark_68_model`.
    #[serde(rename = "face-landmark-68")]
    FaceLandmark68,
    /// `face_recognition_model`.
    FaceRecognition,
}

/// The network as ONNX bytes; its input is red, green and blue planes of 0 to 255.
///
/// # Errors
/// [`ConvertError`], where the weights are not those of this network.
pub fn convert(layout: Layout, list: &[u8], bytes: &[u8]) -> Result<Vec<u8>, ConvertError> {
    let weights = Weights::read(list, bytes)?;
    match layout {
        Layout::TinyFaceDetector => tiny_face_detector(&weights),
        Layout::FaceLandmark68 => face_landmark_68(&weights),
        Layout::FaceRecognition => face_recognition(&weights),
    }
}

fn tiny_face_detector(weights: &Weights) -> Result<Vec<u8>, ConvertError> {
    let (mut graph, image) = Graph::new(3, DETECTOR_SIDE);
    let mut net = Net {
        graph: &mut graph,
        weights,
    };
    let x = net.normalise(&image, DETECTOR_MEAN);
    let x = net.plain(&x, "conv0", 16, Window::valid(3, 1))?;
    let mut x = net.leaky(&x);
    for (layer, outputs) in [32, 64, 128, 256, 512].into_iter().enumerate() {
        x = net.halve(&x);
        x = net.separable(&x, &format!("conv{}", layer + 1), outputs, 1)?;
        x = net.leaky(&x);
    }
    let window = Window::same(2, 1, x.side);
    let x = net.graph.pool("MaxPool", &x, window);
    let x = net.plain(&x, "conv8", 5 * ANCHOR_VALUES, Window::valid(1, 1))?;
    Ok(graph.finish(&x))
}

fn face_landmark_68(weights: &Weights) -> Result<Vec<u8>, ConvertError> {
    let (mut graph, image) = Graph::new(3, LANDMARK_SIDE);
    let mut net = Net {
        graph: &mut graph,
        weights,
    };
    let mut x = net.normalise(&image, FACE_MEAN);
    for (block, outputs) in [32, 64, 128, 256].into_iter().enumerate() {
        let name = |layer: usize| format!("dense{block}/conv{layer}");
        let first = match block {
            0 => {
                let window = Window::same(3, 2, x.side);
                net.plain(&x, &name(0), outputs, window)?
            }
            _ => net.separable(&x, &name(0), outputs, 2)?,
        };
        let mut sum = net.graph.map("Relu", &first, &[]);
        for layer in 1..4 {
            let fed = match layer {
                // The first sum is already rectified.
                1 => sum.clone(),
                _ => net.graph.map("Relu", &sum, &[]),
            };
            let out = net.separable(&fed, &name(layer), outputs, 1)?;
            sum = net.graph.add(&sum, &out);
        }
        x = net.graph.map("Relu", &sum, &[]);
    }
    let x = net.graph.pool("AveragePool", &x, Window::valid(7, 2));
    let matrix = weights.tensor("fc/weights", &[256, 136])?;
    let bias = weights.tensor("fc/bias", &[136])?;
    let x = graph.connect(&x, matrix, 136, Some(bias));
    Ok(graph.finish(&x))
}

fn face_recognition(weights: &Weights) -> Result<Vec<u8>, ConvertError> {
    let (mut graph, image) = Graph::new(3, RECOGNITION_SIDE);
    let mut net = Net {
        graph: &mut graph,
        weights,
    };
    let x = net.normalise(&image, FACE_MEAN);
    let x = net.scaled(&x, "conv32_down", 32, Window::valid(7, 2))?;
    let x = net.graph.map("Relu", &x, &[]);
    let mut x = net.graph.pool("MaxPool", &x, Window::valid(3, 2));
    for (name, channels) in RESIDUALS {
        x = match name.contains("down") {
            true => net.residual_down(&x, name, channels)?,
            false => net.residual(&x, name)?,
        };
    }
    let x = net.graph.pool_whole(&x);
    let matrix = weights.tensor("fc", &[256, 128])?;
    let x = graph.connect(&x, matrix, 128, None);
    Ok(graph.finish(&x))
}

/// A graph with the weights that it takes.
struct Net<'a> {
    graph: &'a mut Graph,
    weights: &'a Weights,
}

impl Net<'_> {
    fn normalise(&mut self, image: &Value, mean: [f32; 3]) -> Value {
        let centred = self.graph.by_channel("Sub", image, &mean);
        self.graph.by_channel("Div", &centred, &[255.0; 3])
    }

    fn leaky(&mut self, x: &Value) -> Value {
        let slope = [Attribute::Float("alpha", LEAKY_SLOPE)];
        self.graph.map("LeakyRelu", x, &slope)
    }

    fn halve(&mut self, x: &Value) -> Value {
        let window = Window::same(2, 2, x.side);
        self.graph.pool("MaxPool", x, window)
    }

    /// `NAME/filters` and `NAME/bias`.
    fn plain(
        &mut self,
        x: &Value,
        name: &str,
        outputs: usize,
        window: Window,
    ) -> Result<Value, ConvertError> {
        let filters = self.filters(&format!("{name}/filters"), x.channels, outputs, window.side)?;
        let bias = self.weights.tensor(&format!("{name}/bias"), &[outputs])?;
        let filters = (filters.as_slice(), outputs, x.channels);
        Ok(self.graph.convolve(x, filters, Some(bias), window))
    }

    /// Three by three on each plane by itself, then one by one across them.
    fn separable(
        &mut self,
        x: &Value,
        name: &str,
        outputs: usize,
        stride: usize,
    ) -> Result<Value, ConvertError> {
        let shape = [3, 3, x.channels, 1];
        let depthwise = self
            .weights
            .tensor(&format!("{name}/depthwise_filter"), &shape)?;
        let planes = planes_first(depthwise, x.channels, 1);
        let window = Window::same(3, stride, x.side);
        let filters = (planes.as_slice(), x.channels, 1);
        let middle = self.graph.convolve(x, filters, None, window);
        let pointwise =
            self.filters(&format!("{name}/pointwise_filter"), x.channels, outputs, 1)?;
        let bias = self.weights.tensor(&format!("{name}/bias"), &[outputs])?;
        let filters = (pointwise.as_slice(), outputs, x.channels);
        Ok(self
            .graph
            .convolve(&middle, filters, Some(bias), Window::valid(1, 1)))
    }

    /// `NAME/conv` under `NAME/scale`.
    fn scaled(
        &mut self,
        x: &Value,
        name: &str,
        outputs: usize,
        window: Window,
    ) -> Result<Value, ConvertError> {
        let of = |part: &str| {
            self.weights
                .tensor(&format!("{name}/{part}"), &[outputs])
                .map(|v| v.iter().map(|v| f64::from(*v)).collect::<Vec<_>>())
        };
        let (bias, scale, shift) = (of("conv/bias")?, of("scale/weights")?, of("scale/biases")?);
        let mut filters = self.filters(
            &format!("{name}/conv/filters"),
            x.channels,
            outputs,
            window.side,
        )?;
        let of_one = filters.len() / outputs;
        for (filter, scale) in filters.chunks_exact_mut(of_one).zip(&scale) {
            for value in filter {
                *value = (f64::from(*value) * scale) as f32;
            }
        }
        let bias: Vec<f32> = bias
            .iter()
            .zip(scale.iter().zip(&shift))
            .map(|(bias, (scale, shift))| (bias * scale + shift) as f32)
            .collect();
        let filters = (filters.as_slice(), outputs, x.channels);
        Ok(self.graph.convolve(x, filters, Some(&bias), window))
    }

    fn residual(&mut self, x: &Value, name: &str) -> Result<Value, ConvertError> {
        let window = Window::same(3, 1, x.side);
        let inner = self.scaled(x, &format!("{name}/conv1"), x.channels, window)?;
        let inner = self.graph.map("Relu", &inner, &[]);
        let inner = self.scaled(&inner, &format!("{name}/conv2"), x.channels, window)?;
        let sum = self.graph.add(&inner, x);
        Ok(self.graph.map("Relu", &sum, &[]))
    }

    /// Half the side: what goes past the convolutions is averaged, and what is too small or too few is filled up
    /// with nothing.
    fn residual_down(
        &mut self,
        x: &Value,
        name: &str,
        outputs: usize,
    ) -> Result<Value, ConvertError> {
        let inner = self.scaled(x, &format!("{name}/conv1"), outputs, Window::valid(3, 2))?;
        let inner = self.graph.map("Relu", &inner, &[]);
        let window = Window::same(3, 1, inner.side);
        let mut inner = self.scaled(&inner, &format!("{name}/conv2"), outputs, window)?;
        let mut past = self.graph.pool("AveragePool", x, Window::valid(2, 2));
        if past.side > inner.side {
            inner = self.graph.one_larger(&inner);
        }
        if past.channels < outputs {
            past = self.graph.more_channels(&past, outputs - past.channels);
        }
        let sum = self.graph.add(&past, &inner);
        Ok(self.graph.map("Relu", &sum, &[]))
    }

    /// Filters of rows, columns, inputs, outputs in the order that ONNX has them.
    fn filters(
        &self,
        name: &str,
        inputs: usize,
        outputs: usize,
        side: usize,
    ) -> Result<Vec<f32>, ConvertError> {
        let values = self.weights.tensor(name, &[side, side, inputs, outputs])?;
        Ok(planes_first(values, inputs, outputs))
    }
}

/// Rows, columns, a, b becomes b, a, rows, columns; a depthwise filter (b is 1) becomes a, 1, rows, columns.
fn planes_first(values: &[f32], a: usize, b: usize) -> Vec<f32> {
    let places = values.len() / (a * b);
    let mut out = Vec::with_capacity(values.len());
    for j in 0..b {
        for i in 0..a {
            out.extend((0..places).map(|place| values[(place * a + i) * b + j]));
        }
    }
    out
}

/// The residual blocks in their order, with the channels that come out.
const RESIDUALS: [(&str, usize); 14] = [
    ("conv32_1", 32),
    ("conv32_2", 32),
    ("conv32_3", 32),
    ("conv64_down", 64),
    ("conv64_1", 64),
    ("conv64_2", 64),
    ("conv64_3", 64),
    ("conv128_down", 128),
    ("conv128_1", 128),
    ("conv128_2", 128),
    ("conv256_down", 256),
    ("conv256_1", 256),
    ("conv256_2", 256),
    ("conv256_down_out", 256),
];
/// Sides of the inputs, pixels. The detector takes any multiple of 32: at this one it is surest of a face that fills
/// half of the image, as before a camera.
const DETECTOR_SIDE: usize = 256;
const LANDMARK_SIDE: usize = 112;
const RECOGNITION_SIDE: usize = 150;
/// Means of red, green and blue that the networks were trained with.
const DETECTOR_MEAN: [f32; 3] = [117.001, 114.697, 97.404];
const FACE_MEAN: [f32; 3] = [122.782, 117.001, 104.298];
const LEAKY_SLOPE: f32 = 0.1;
/// Box and score of one anchor.
const ANCHOR_VALUES: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_turned_around() {
        // Two places, three inputs, two outputs.
        let values: Vec<f32> = (0..12).map(|v| v as f32).collect();
        let turned = planes_first(&values, 3, 2);
        assert_eq!(turned, [0., 6., 2., 8., 4., 10., 1., 7., 3., 9., 5., 11.]);
        assert_eq!(planes_first(&values, 6, 1)[..4], [0., 6., 1., 7.]);
    }

    #[test]
    fn weights_of_another_network_are_refused() {
        let list = br#"[{"weights":[{"name":"conv0/filters","shape":[1],"dtype":"float32"}]}]"#;
        for layout in [
            Layout::TinyFaceDetector,
            Layout::FaceLandmark68,
            Layout::FaceRecognition,
        ] {
            let refused = convert(layout, list, &[0; 4]);
            assert!(matches!(
                refused,
                Err(ConvertError::OtherShape { .. } | ConvertError::Missing(_))
            ));
        }
    }
}
