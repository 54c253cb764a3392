//! The npm package's weights as ONNX: a machine that reaches only a package registry comes to a face login.
//!
//! `@vladmandic/face-api` (MIT) holds three small networks as 8-bit weights with a JSON list beside them, and the
//! layers in its program text. [`Weights`] reads the list, [`networks`] lays the layers out anew, [`graph`]
//! writes them as ONNX. The same bytes in give the same bytes out, on every machine, so that the built-in manifest
//! can name the digest of what comes out.

pub mod graph;
pub mod networks;
pub mod weights;

pub use networks::{Layout, convert};
pub use weights::{ConvertError, Weights};

#[cfg(test)]
pub(crate) mod toy {
    //! Networks that compute next to nothing, of any shape, for tests of what runs them.

    use super::graph::Graph;

    /// The means of the three planes of a square, times numbers that differ.
    pub(crate) fn embedder(side: usize, length: usize) -> Vec<u8> {
        let (mut graph, image) = Graph::new(3, side);
        let means = graph.pool_whole(&image);
        let matrix: Vec<f32> = (0..3 * length)
            .map(|i| ((i % 7) as f32 - 2.0) * 1e-3)
            .collect();
        let out = graph.connect(&means, &matrix, length, None);
        graph.finish(&out)
    }
}
