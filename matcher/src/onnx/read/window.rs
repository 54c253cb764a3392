//! The shapes of images and the places of windows, where they are of the kinds that the layers know.

use tract_onnx::tract_core::ops::cnn::{PaddingSpec, PoolSpec};
use tract_onnx::tract_core::ops::nn::DataFormat;

use super::super::graph::{Shape, Window};

/// The image of a tensor of batch one.
pub(super) fn image(sizes: &[usize]) -> Option<Shape> {
    match *sizes {
        [1, channels, height, width] if channels * height * width > 0 => Some(Shape {
            height,
            width,
            channels,
        }),
        _ => None,
    }
}

/// The window of a convolution or pooling whose output is `made`.
pub(super) fn window(spec: &PoolSpec, shape: &Shape, made: &Shape) -> Option<Window> {
    let [tall, wide] = *spec.kernel_shape.as_slice() else {
        return None;
    };
    let plain = spec.data_format == DataFormat::NCHW
        && spec
            .dilations
            .as_ref()
            .is_none_or(|d| d.iter().all(|d| *d == 1))
        && tall > 0
        && wide > 0;
    let known = matches!(
        spec.padding,
        PaddingSpec::Explicit(..)
            | PaddingSpec::ExplicitOnnxPool(..)
            | PaddingSpec::Valid
            | PaddingSpec::SameUpper
            | PaddingSpec::SameLower
    );
    if !plain || !known {
        return None;
    }
    let padding = spec.computed_padding(&[shape.height, shape.width]);
    let [rows, columns] = padding.as_slice() else {
        return None;
    };
    let window = Window {
        kernel: (tall, wide),
        stride: (spec.stride(0), spec.stride(1)),
        pad: (rows.pad_before, columns.pad_before),
    };
    let fits = rows.convoluted == made.height
        && columns.convoluted == made.width
        && window.stride.0 > 0
        && window.stride.1 > 0
        && window.pad.0 < tall
        && window.pad.1 < wide;
    fits.then_some(window)
}
