//! Runs a kernel with the widest vectors that this processor has; the one place that asks.
//!
//! A kernel is a plain loop that the compiler vectorises: it is compiled once for the baseline and once for x86-64-v3 (AVX2,
//! FMA, POPCNT), and gives the same bits in both, because nothing is contracted or reordered. The closure must carry
//! `#[inline(always)]`, and so must whatever it calls, or it falls back to the baseline.

/// The kernel's result.
#[inline]
pub(crate) fn dispatch<R>(kernel: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(kernel)
}
