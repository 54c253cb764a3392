//! What a detector and an embedder take and give: the few ways in which face networks are made.
//!
//! A pack's manifest names one for each; the numbers that vary within a way stand beside it.

use super::template::Measure;

/// The contracts of a pack.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Contracts {
    /// The detector's.
    pub detector: DetectorContract,
    /// The embedder's.
    pub embedder: EmbedderContract,
}

/// How a detector answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DetectorContract {
    /// YuNet: boxes and five points.
    #[default]
    YuNet320,
    /// The tiny face detector: boxes; the five points come from the 68.
    TinyFace256,
}

/// How an embedder wants its pixels, and how its vectors compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmbedderKind {
    /// 112 pixels, warped so that the five points lie where ArcFace's do; cosine.
    ArcFace112,
    /// 160 pixels, the box with a margin; cosine.
    FaceNet160,
    /// 150 pixels, turned so that the eyes are level; Euclidean distance of vectors of any length.
    Dlib150,
}

/// An embedder's kind with its numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EmbedderContract {
    /// Cut and comparison.
    pub kind: EmbedderKind,
    /// Values that come out: 128, 256 or 512.
    pub length: usize,
    /// A pixel of 0 to 255 less this, ...
    pub mean: f32,
    /// ... and then divided by this, is what goes in.
    pub divisor: f32,
}

impl EmbedderKind {
    /// How two of its vectors are compared.
    #[must_use]
    pub fn measure(self) -> Measure {
        match self {
            Self::ArcFace112 | Self::FaceNet160 => Measure::Cosine,
            Self::Dlib150 => Measure::Euclidean,
        }
    }
}

impl EmbedderContract {
    /// The kind with its usual numbers.
    #[must_use]
    pub fn usual(kind: EmbedderKind) -> Self {
        let (length, mean, divisor) = match kind {
            EmbedderKind::ArcFace112 | EmbedderKind::Dlib150 => (128, 0.0, 1.0),
            EmbedderKind::FaceNet160 => (512, 127.5, 128.0),
        };
        Self {
            kind,
            length,
            mean,
            divisor,
        }
    }

    /// Brings pixels of 0 to 255 to what the network was trained on.
    pub(super) fn normalise(&self, planes: &mut [f32]) {
        if self.mean == 0.0 && self.divisor == 1.0 {
            return;
        }
        for value in planes {
            *value = (*value - self.mean) / self.divisor;
        }
    }
}

impl Default for EmbedderContract {
    fn default() -> Self {
        Self::usual(EmbedderKind::ArcFace112)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_are_brought_to_the_range_of_the_network() {
        let mut planes = [0.0, 127.5, 255.0];
        EmbedderContract::usual(EmbedderKind::Dlib150).normalise(&mut planes);
        assert_eq!(planes, [0.0, 127.5, 255.0]);
        EmbedderContract::usual(EmbedderKind::FaceNet160).normalise(&mut planes);
        assert_eq!(planes, [-127.5 / 128.0, 0.0, 127.5 / 128.0]);
    }
}
