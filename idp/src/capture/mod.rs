//! Live captures: a nonce, frames in, guidance out, and at the end the best frames.
//!
//! A capture is bound to its owner, one login attempt or one enrolment, and belongs to the replica that
//! opened it: the frames live in its memory only and are wiped when it ends. Opening and finishing are
//! transitions in SQL, so that a capture is finished once, whatever the number of replicas; another
//! replica answers [`CaptureError::Moved`], and the page begins a new capture of the same attempt.
//! How many captures live, how long, and how much each may send is bounded.

mod ceremony;
pub mod guidance;
mod script;
#[cfg(test)]
mod tests;

pub use script::{Mode, Reply};

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use matcher::face::{FaceError, FacePipeline, Observation};
use matcher::sample::{Limits, RgbImage, SampleError};
use secrecy::ExposeSecret;
use time::{Duration, OffsetDateTime};

use crate::factors::SampleBytes;
use crate::models::Models;
use crate::pool::{Pool, PoolError};
use crate::random;
use crate::store::{Store, StoreError};

use self::ceremony::Ceremony;
use self::script::Seen;

/// Why a capture does not go on.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// Another replica holds it: 409, and the page begins anew.
    #[error("the capture is held elsewhere")]
    Moved,
    /// It expired, was finished, was replaced, or is another owner's: 410.
    #[error("the capture is over")]
    Gone,
    /// A frame came while another is looked at, or too much is going on at all: 503, later.
    #[error("too much is captured at once")]
    Busy,
    /// A frame came again or too late: 400.
    #[error("frames are numbered upwards")]
    OutOfOrder,
    /// It was finished before there was enough: 400.
    #[error("the capture is not complete")]
    Incomplete,
    /// The frame is no picture that is taken: 400.
    #[error(transparent)]
    Frame(#[from] SampleError),
    /// There are no models here: 404.
    #[error("faces are not compared here")]
    NotAvailable,
    #[error("the database is not available")]
    Store(#[from] StoreError),
    /// A fault of ours.
    #[error("a frame cannot be looked at")]
    Internal(#[source] anyhow::Error),
}

/// The live captures of this replica.
pub struct Captures {
    store: Store,
    pool: Pool,
    models: Option<Arc<Models>>,
    lifetime: Duration,
    /// Which replica this is; a restart makes another of it.
    replica: String,
    live: Mutex<HashMap<String, Arc<Live>>>,
}

/// One live capture.
struct Live {
    owner: String,
    expires_at: OffsetDateTime,
    /// Held while a frame is looked at, so that there is one at a time.
    ceremony: tokio::sync::Mutex<Ceremony>,
}

impl Captures {
    /// The captures of this replica; frames are looked at on `pool`.
    #[must_use]
    pub fn new(store: Store, pool: Pool, models: Option<Arc<Models>>, lifetime: Duration) -> Self {
        let replica = uuid::Uuid::new_v4().to_string();
        Self {
            store,
            pool,
            models,
            lifetime,
            replica,
            live: Mutex::default(),
        }
    }

    /// Opens a capture of `owner`, in place of one that it had, and answers its nonce.
    ///
    /// # Errors
    /// [`CaptureError::NotAvailable`], [`CaptureError::Busy`], [`CaptureError::Store`].
    pub async fn open(
        &self,
        owner: &str,
        mode: Mode,
        now: OffsetDateTime,
    ) -> Result<String, CaptureError> {
        if self.models.is_none() {
            return Err(CaptureError::NotAvailable);
        }
        self.sweep(now);
        if self
            .live()
            .values()
            .filter(|live| live.owner != owner)
            .count()
            >= MOST_LIVE
        {
            return Err(CaptureError::Busy);
        }
        let secret = random::secret();
        let nonce = secret.expose_secret().to_owned();
        let (digest, expires_at) = (random::digest(&nonce), now + self.lifetime);
        self.store
            .open_capture(&digest, owner, &self.replica, expires_at)
            .await?;
        let live = Live {
            owner: owner.to_owned(),
            expires_at,
            ceremony: tokio::sync::Mutex::new(Ceremony::new(mode, now)),
        };
        let mut all = self.live();
        all.retain(|_, other| other.owner != owner);
        all.insert(digest, Arc::new(live));
        Ok(nonce)
    }

    /// Looks at a frame, and says what the person should do next.
    ///
    /// # Errors
    /// [`CaptureError`].
    pub async fn frame(
        &self,
        nonce: &str,
        owner: &str,
        sequence: u32,
        jpeg: &[u8],
        now: OffsetDateTime,
    ) -> Result<Reply, CaptureError> {
        let live = self.find(&random::digest(nonce), owner, now).await?;
        let mut ceremony = live.ceremony.try_lock().map_err(|_| CaptureError::Busy)?;
        ceremony.admit(sequence)?;
        if jpeg.len() > FRAME.encoded_bytes {
            return Err(SampleError::TooManyBytes {
                bytes: jpeg.len(),
                limit: FRAME.encoded_bytes,
            }
            .into());
        }
        let face = self
            .models
            .as_ref()
            .ok_or(CaptureError::NotAvailable)?
            .face()
            .clone();
        let sample = SampleBytes {
            bytes: zeroize::Zeroizing::new(jpeg.to_vec()),
        };
        let looked = self
            .pool
            .run("face_observe", move || (look(&face, &sample), sample))
            .await;
        let (seen, sample) = looked.map_err(|error| match error {
            PoolError::Busy => CaptureError::Busy,
            PoolError::Failed(_) => CaptureError::Internal(error.into()),
        })?;
        Ok(ceremony.advance(&seen?, sample, now))
    }

    /// Ends a capture, once, and hands over its frames.
    ///
    /// # Errors
    /// [`CaptureError`].
    pub async fn finish(
        &self,
        nonce: &str,
        owner: &str,
        now: OffsetDateTime,
    ) -> Result<Vec<SampleBytes>, CaptureError> {
        let digest = random::digest(nonce);
        let live = self.find(&digest, owner, now).await?;
        let mut ceremony = live.ceremony.try_lock().map_err(|_| CaptureError::Busy)?;
        if !ceremony.is_done() {
            return Err(CaptureError::Incomplete);
        }
        let finished = self.store.finish_capture(&digest, owner, now).await?;
        self.live().remove(&digest);
        if finished {
            Ok(ceremony.take_frames())
        } else {
            Err(CaptureError::Gone)
        }
    }

    /// Forgets what has expired.
    pub fn sweep(&self, now: OffsetDateTime) {
        self.live().retain(|_, live| live.expires_at > now);
    }

    /// How many captures live here, for the metrics.
    #[must_use]
    pub fn len(&self) -> usize {
        self.live().len()
    }

    /// Whether none lives here.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    async fn find(
        &self,
        digest: &str,
        owner: &str,
        now: OffsetDateTime,
    ) -> Result<Arc<Live>, CaptureError> {
        let here = self.live().get(digest).cloned();
        if let Some(live) = here {
            let is_good = live.owner == owner && live.expires_at > now;
            return if is_good {
                Ok(live)
            } else {
                Err(CaptureError::Gone)
            };
        }
        match self.store.capture_replica(digest, owner, now).await? {
            Some(replica) if replica != self.replica => Err(CaptureError::Moved),
            Some(_) | None => Err(CaptureError::Gone),
        }
    }

    fn live(&self) -> MutexGuard<'_, HashMap<String, Arc<Live>>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a frame shows; that nobody is in it is no error.
fn look(face: &FacePipeline, sample: &SampleBytes) -> Result<Seen, CaptureError> {
    let image = RgbImage::decode(&sample.bytes, &FRAME)?;
    let (width, height) = (image.width as f64, image.height as f64);
    match face.observe(&image) {
        Ok(observation) => Ok(Seen::Face {
            at: place(&observation, width, height),
            observation: Box::new(observation),
        }),
        Err(error) => unseen(error),
    }
}

fn unseen(error: FaceError) -> Result<Seen, CaptureError> {
    match error.guidance() {
        Some(guidance) => Ok(Seen::Nobody(guidance)),
        None => Err(CaptureError::Internal(error.into())),
    }
}

/// The face's box as shares of the frame: left, top, width, height.
fn place(seen: &Observation, width: f64, height: f64) -> [f64; 4] {
    let bbox = seen.face.bbox;
    [
        bbox.x / width,
        bbox.y / height,
        bbox.width / width,
        bbox.height / height,
    ]
}

/// Captures that live at once on one replica; each holds a few frames.
const MOST_LIVE: usize = 256;
/// What one frame may be: more than any camera of a browser sends.
const FRAME: Limits = Limits {
    encoded_bytes: 1 << 20,
    side_px: 2_560,
    pixels: 4_000_000,
};
