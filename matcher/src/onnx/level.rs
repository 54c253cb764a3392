//! Which vectors a plan computes with, chosen once when a model is loaded.
//!
//! Three copies of each kernel are compiled: for the baseline of the target, for x86-64-v3 (AVX2 and FMA) and, with the feature `avx512`,
//! for x86-64-v4. The sums of the three differ in their last bits, because only the baseline rounds a product before it is added.

use pulp::{Scalar128b, Simd, WithSimd};

/// A set of vector instructions that a plan is compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Level {
    /// What every processor of the target has; four values at a time.
    Baseline,
    /// AVX2 and FMA; eight values at a time.
    Avx2,
    /// AVX-512; sixteen values at a time.
    Avx512,
}

impl Level {
    /// The widest that this processor has.
    #[must_use]
    pub fn best() -> Self {
        Self::available().last().copied().unwrap_or(Self::Baseline)
    }

    /// Those that this processor and this build have, narrow to wide.
    #[must_use]
    pub fn available() -> Vec<Self> {
        [Self::Baseline, Self::Avx2, Self::Avx512]
            .into_iter()
            .filter(|level| level.is_available())
            .collect()
    }

    #[cfg(target_arch = "x86_64")]
    fn is_available(self) -> bool {
        match self {
            Self::Baseline => true,
            Self::Avx2 => pulp::x86::V3::try_new().is_some(),
            #[cfg(feature = "avx512")]
            Self::Avx512 => pulp::x86::V4::try_new().is_some(),
            #[cfg(not(feature = "avx512"))]
            Self::Avx512 => false,
        }
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn is_available(self) -> bool {
        self == Self::Baseline
    }

    /// Values of a vector.
    pub(super) fn lanes(self) -> usize {
        match self {
            Self::Baseline => Scalar128b::F32_LANES,
            Self::Avx2 => 8,
            Self::Avx512 => 16,
        }
    }

    /// Vector registers.
    pub(super) fn registers(self) -> usize {
        match self {
            Self::Baseline => Scalar128b::REGISTER_COUNT,
            Self::Avx2 => 16,
            Self::Avx512 => 32,
        }
    }

    /// Runs a kernel compiled for this level; on a processor without it, for the baseline.
    ///
    /// The lanes of a plan's weights are those of its level, so a plan is only made for an available one.
    pub(super) fn run<K: Kernel>(self, kernel: K) -> K::Output {
        #[cfg(target_arch = "x86_64")]
        match self {
            Self::Baseline => {}
            Self::Avx2 => {
                if let Some(simd) = pulp::x86::V3::try_new() {
                    return Simd::vectorize(simd, Bound(kernel, simd));
                }
            }
            #[cfg(feature = "avx512")]
            Self::Avx512 => {
                if let Some(simd) = pulp::x86::V4::try_new() {
                    return Simd::vectorize(simd, Bound(kernel, simd));
                }
            }
            #[cfg(not(feature = "avx512"))]
            Self::Avx512 => {}
        }
        Scalar128b.vectorize(Bound(kernel, Scalar128b))
    }
}

/// Work that is compiled once a level. Every function below `run` must be `#[inline(always)]`, or it falls back to the baseline.
pub(super) trait Kernel {
    /// What it returns.
    type Output;
    /// Does the work.
    fn run<S: Lanes>(self, simd: S) -> Self::Output;
}

/// Vectors with a product-and-sum that is never a call into the mathematics library.
pub(super) trait Lanes: Simd {
    /// `a * b + c`, rounded once where the processor can.
    fn fma(self, a: Self::f32s, b: Self::f32s, c: Self::f32s) -> Self::f32s;
}

impl Lanes for Scalar128b {
    #[inline(always)]
    fn fma(self, a: Self::f32s, b: Self::f32s, c: Self::f32s) -> Self::f32s {
        self.add_f32s(self.mul_f32s(a, b), c)
    }
}

#[cfg(target_arch = "x86_64")]
impl Lanes for pulp::x86::V3 {
    #[inline(always)]
    fn fma(self, a: Self::f32s, b: Self::f32s, c: Self::f32s) -> Self::f32s {
        self.mul_add_f32s(a, b, c)
    }
}

#[cfg(all(target_arch = "x86_64", feature = "avx512"))]
impl Lanes for pulp::x86::V4 {
    #[inline(always)]
    fn fma(self, a: Self::f32s, b: Self::f32s, c: Self::f32s) -> Self::f32s {
        self.mul_add_f32s(a, b, c)
    }
}

struct Bound<K, S>(K, S);

impl<K: Kernel, S: Lanes> WithSimd for Bound<K, S> {
    type Output = K::Output;

    #[inline(always)]
    fn with_simd<T: Simd>(self, _: T) -> K::Output {
        self.0.run(self.1)
    }
}
