//! Somebody on the way: what was sent comes in another order, or twice.
//!
//! It works on whatever the stream is made of (frames here, messages of the socket in the tests of the
//! server), so both can be given the same treatment.

use super::Actor;
use super::subject::Subject;
use crate::fingerprint::synthetic::random::Draws;
use crate::pad::challenge::Shown;
use crate::sample::RgbImage;

/// What is done to a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tampering {
    /// Items that are close together change places.
    Reorder,
    /// Items come again later.
    Repeat,
}

/// A stream that is tampered with.
pub struct Tamper<T> {
    kind: Tampering,
    draws: Draws,
    held: Vec<T>,
}

impl<T: Clone> Tamper<T> {
    /// The tampering of a seed.
    #[must_use]
    pub fn new(kind: Tampering, seed: u64) -> Self {
        Self {
            kind,
            draws: Draws::new(seed, 0x7A39),
            held: Vec::new(),
        }
    }

    /// Takes the next item in and answers what goes out now, in its order.
    pub fn pass(&mut self, item: T) -> Vec<T> {
        self.held.push(item);
        match self.kind {
            Tampering::Reorder => {
                if self.held.len() < WINDOW {
                    return Vec::new();
                }
                let mut out = std::mem::take(&mut self.held);
                for i in (1..out.len()).rev() {
                    let j = (self.draws.unit() * (i + 1) as f32) as usize;
                    out.swap(i, j.min(i));
                }
                out
            }
            Tampering::Repeat => {
                let mut out = self.held.last().cloned().into_iter().collect::<Vec<T>>();
                if self.held.len() > MEMORY {
                    self.held.remove(0);
                }
                if self.draws.chance(REPEATS) {
                    let i = (self.draws.unit() * self.held.len() as f32) as usize;
                    out.extend(self.held.get(i).cloned());
                }
                out
            }
        }
    }

    /// What is still held back when the stream ends.
    pub fn finish(self) -> Vec<T> {
        match self.kind {
            Tampering::Reorder => self.held,
            Tampering::Repeat => Vec::new(),
        }
    }
}

/// An honest person's frames, tampered with on the way.
pub(super) struct Tampered {
    subject: Subject,
    tamper: Tamper<std::sync::Arc<Vec<u8>>>,
    waiting: std::collections::VecDeque<std::sync::Arc<Vec<u8>>>,
    last: std::sync::Arc<Vec<u8>>,
    size: (usize, usize),
}

impl Tampered {
    pub(super) fn new(subject: Subject, kind: Tampering, seed: u64) -> Self {
        Self {
            subject,
            tamper: Tamper::new(kind, seed),
            waiting: std::collections::VecDeque::new(),
            last: std::sync::Arc::default(),
            size: (0, 0),
        }
    }
}

impl Actor for Tampered {
    /// One frame goes out for each that comes in: whoever tampers keeps the pace, or he would be seen by it.
    fn frame(&mut self, at_s: f64, shown: &Shown) -> RgbImage {
        let mut frame = self.subject.frame(at_s, shown);
        let pixels = std::sync::Arc::new(std::mem::take(&mut frame.pixels));
        self.size = (frame.width, frame.height);
        if self.last.is_empty() {
            self.last = pixels.clone();
        }
        self.waiting.extend(self.tamper.pass(pixels));
        // The lag stays bounded: what is repeated pushes others out.
        while self.waiting.len() > WINDOW {
            self.waiting.pop_back();
        }
        if let Some(next) = self.waiting.pop_front() {
            self.last = next;
        }
        RgbImage {
            width: self.size.0,
            height: self.size.1,
            pixels: self.last.to_vec(),
        }
    }
}

/// Items that change places among each other.
const WINDOW: usize = 5;
/// How far back an item is repeated from, and how often one is.
const MEMORY: usize = 24;
const REPEATS: f32 = 0.3;
