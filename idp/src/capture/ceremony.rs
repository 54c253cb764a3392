//! One capture as it goes on: its script, its frames, and the order in which they come.

use time::OffsetDateTime;

use super::CaptureError;
use super::script::{Mode, Progress, Reply, Seen};
use crate::factors::SampleBytes;

pub(super) struct Ceremony {
    progress: Progress,
    frames: Vec<SampleBytes>,
    last_sequence: u32,
    admitted: u32,
}

impl Ceremony {
    pub(super) fn new(mode: Mode, now: OffsetDateTime) -> Self {
        let progress = Progress {
            mode,
            yaws: Vec::new(),
            gained_at: now,
        };
        Self {
            progress,
            frames: Vec::new(),
            last_sequence: 0,
            admitted: 0,
        }
    }

    /// Lets a frame in if it is the next and there have not been too many.
    pub(super) fn admit(&mut self, sequence: u32) -> Result<(), CaptureError> {
        if self.admitted >= MOST_FRAMES {
            return Err(CaptureError::Gone);
        }
        if sequence <= self.last_sequence {
            return Err(CaptureError::OutOfOrder);
        }
        self.last_sequence = sequence;
        self.admitted += 1;
        Ok(())
    }

    /// Takes in what a frame shows, and keeps it where it is wanted.
    pub(super) fn advance(
        &mut self,
        seen: &Seen,
        frame: SampleBytes,
        now: OffsetDateTime,
    ) -> Reply {
        let verdict = self.progress.judge(seen, now);
        if let Seen::Face { observation, .. } = seen
            && verdict.takes
            && !self.is_done()
        {
            self.progress.yaws.push(observation.pose.yaw_deg);
            self.progress.gained_at = now;
            self.frames.push(frame);
        }
        self.progress.reply(&verdict, seen)
    }

    pub(super) fn is_done(&self) -> bool {
        self.progress.is_done()
    }

    pub(super) fn take_frames(&mut self) -> Vec<SampleBytes> {
        std::mem::take(&mut self.frames)
    }
}

/// Frames of one capture: two minutes at five a second.
const MOST_FRAMES: u32 = 600;
