//! How long a thread worked: its own processor time where the system tells, so that a busy machine does not count.

use std::fs;
use std::time::{Duration, Instant};

/// Started at a moment, on one thread.
pub struct Stopwatch {
    started: Instant,
    worked: Option<Duration>,
}

impl Stopwatch {
    /// Starts now.
    pub fn start() -> Self {
        Self {
            started: Instant::now(),
            worked: processor_time(),
        }
    }

    /// Processor time since the start; elapsed time where the system does not tell.
    pub fn time(&self) -> Duration {
        match (self.worked, processor_time()) {
            (Some(before), Some(now)) => now.saturating_sub(before),
            _ => self.started.elapsed(),
        }
    }
}

/// Nanoseconds on a processor, the first number of Linux's scheduler statistics of this thread.
fn processor_time() -> Option<Duration> {
    let line = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    line.split(' ')
        .next()?
        .parse()
        .ok()
        .map(Duration::from_nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_takes_time() {
        let watch = Stopwatch::start();
        let mut sum = 0u64;
        while watch.started.elapsed() < Duration::from_millis(40) {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }
        assert!(watch.time() > Duration::ZERO && sum > 0);
    }
}
