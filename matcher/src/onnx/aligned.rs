//! Numbers that begin on a cache line, so that no vector crosses one.

/// A run of `f32` on a 64-byte boundary; zero at first.
#[derive(Debug, Default)]
pub(super) struct Aligned {
    storage: Vec<f32>,
    from: usize,
    len: usize,
}

impl Aligned {
    /// `len` zeros.
    pub(super) fn zeros(len: usize) -> Self {
        let storage = vec![0.0; len + LINE];
        // The allocation stays where it is for as long as it lives; an unknown offset costs speed only.
        let from = storage.as_ptr().align_offset(LINE * size_of::<f32>());
        Self {
            from: if from < LINE { from } else { 0 },
            storage,
            len,
        }
    }

    /// A copy.
    pub(super) fn of(values: &[f32]) -> Self {
        let mut made = Self::zeros(values.len());
        made.copy_from_slice(values);
        made
    }
}

impl std::ops::Deref for Aligned {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.storage[self.from..self.from + self.len]
    }
}

impl std::ops::DerefMut for Aligned {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.storage[self.from..self.from + self.len]
    }
}

/// Values of a cache line.
const LINE: usize = 16;
