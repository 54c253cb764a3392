//! Live captures: a nonce, a key, frames in, guidance and challenges out, and at the end the best frames and a verdict.
//!
//! A capture is bound to its owner, one login attempt or one enrolment, and belongs to the replica that
//! opened it: the frames live in its memory only and are wiped when it ends. Opening and finishing are
//! transitions in SQL, so that a capture is finished once, whatever the number of replicas; another
//! replica answers [`CaptureError::Moved`], and the page begins a new capture of the same attempt.
//!
//! What it asks is drawn anew for each capture ([`matcher::pad::Script`]) and revealed challenge by challenge;
//! [`matcher::pad::Watch`] judges the answers. What the page says is laid out in [`message`], and what that proves is said
//! there. The clock is the server's: a page's own times are signed, must not run backwards, and decide nothing.
//!
//! Bounded are the captures that live at once, how many an owner may open in the lifetime of one, how long each lasts, its
//! frames, each frame's bytes and pixels, and the memory of all kept frames together; one frame of a capture is looked at
//! at a time. A sample that was accepted once is refused for [`SAMPLES_KNOWN_FOR`] by keyed digests ([`repeat`]).

mod key;
pub mod message;
pub mod repeat;
mod reply;
mod session;
#[cfg(test)]
mod tests;
pub mod words;

pub use key::SignatureError;
pub use reply::Reply;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use matcher::face::{FacePipeline, Guidance};
use matcher::pad::{Script, Sight};
use matcher::sample::{Limits, RgbImage, SampleError};
use secrecy::ExposeSecret;
use time::{Duration, OffsetDateTime};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

pub use matcher::pad::Purpose;

use crate::factors::LiveCapture;
use crate::models::Models;
use crate::pool::{Pool, PoolError, Rank};
use crate::random;
use crate::store::{Store, StoreError};

use self::message::{Message, MessageError};
use self::repeat::Repeats;
use self::session::{Seen, Session};

/// Why a capture does not go on.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// Another replica holds it: 409, and the page begins anew.
    #[error("the capture is held elsewhere")]
    Moved,
    /// It expired, was finished, was replaced, or is another owner's: 410.
    #[error("the capture is over")]
    Gone,
    /// Another socket has it: 409.
    #[error("the capture has its socket")]
    Held,
    /// The owner has opened as many as he may for now: 429.
    #[error("too many captures were begun")]
    Exhausted,
    /// A frame came while another is looked at, or too much is going on at all: 503, later.
    #[error("too much is captured at once")]
    Busy,
    /// A frame came again, too late, or of what was never shown: 400.
    #[error("frames come in their order")]
    OutOfOrder,
    /// It was finished before there was enough: 400.
    #[error("the capture is not complete")]
    Incomplete,
    /// What came is no message of ours: 400.
    #[error(transparent)]
    Message(#[from] MessageError),
    /// It is not signed by the page's key, over this capture and all that came before: 400.
    #[error(transparent)]
    Signature(#[from] SignatureError),
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
    models: OnceLock<Arc<Models>>,
    repeats: Arc<Repeats>,
    lifetime: Duration,
    /// Which replica this is; a restart makes another of it.
    replica: String,
    live: Mutex<HashMap<String, Arc<Live>>>,
    /// Kibibytes of frames that may still be held.
    room: Arc<Semaphore>,
}

/// One live capture.
struct Live {
    owner: String,
    /// Where it was opened from.
    network: Option<IpAddr>,
    purpose: Purpose,
    expires_at: OffsetDateTime,
    /// Whether a socket has it.
    held: AtomicBool,
    /// Held while a frame is looked at, so that there is one at a time.
    session: Arc<tokio::sync::Mutex<Session>>,
}

/// A capture in the hand of one socket. When it is dropped and the capture has not come to its end, the capture is over.
pub struct Attached {
    captures: Arc<Captures>,
    nonce: String,
    digest: String,
    live: Arc<Live>,
}

impl Captures {
    /// The captures of this replica; frames are looked at on `pool`.
    #[must_use]
    pub fn new(
        store: Store,
        pool: Pool,
        models: Option<Arc<Models>>,
        repeats: Repeats,
        lifetime: Duration,
    ) -> Self {
        Self {
            store,
            pool,
            models: models.map(OnceLock::from).unwrap_or_default(),
            repeats: Arc::new(repeats),
            lifetime,
            replica: uuid::Uuid::new_v4().to_string(),
            live: Mutex::default(),
            room: Arc::new(Semaphore::new(ROOM_KIB)),
        }
    }

    /// Takes models that came after the start; the first ones count, and follow what operators choose by themselves.
    pub fn take_models(&self, models: Arc<Models>) {
        let _first_counts = self.models.set(models);
    }

    /// Opens a capture of `owner`, in place of one that it had, under a script of its own, and answers its nonce.
    /// `network` is where it comes from, where that is counted.
    ///
    /// # Errors
    /// [`CaptureError::NotAvailable`], [`CaptureError::Busy`], [`CaptureError::Exhausted`], [`CaptureError::Store`].
    pub async fn open(
        &self,
        owner: &str,
        purpose: Purpose,
        network: Option<IpAddr>,
        now: OffsetDateTime,
    ) -> Result<String, CaptureError> {
        if self.models.get().is_none() {
            return Err(CaptureError::NotAvailable);
        }
        self.sweep(now);
        if !self.has_room(owner, purpose, network) {
            return Err(CaptureError::Busy);
        }
        // Each capture draws a script. Who could draw without end would wait for the one that his recording answers.
        if self.store.captures_of(owner, now).await? >= MOST_OPENED {
            return Err(CaptureError::Exhausted);
        }
        let secret = random::secret();
        let nonce = secret.expose_secret().to_owned();
        let (digest, expires_at) = (random::digest(&nonce), now + self.lifetime);
        self.store
            .open_capture(&digest, owner, &self.replica, expires_at)
            .await?;
        let mut drawn = [0; 8];
        random::fill(&mut drawn);
        let script = Script::draw(u64::from_be_bytes(drawn));
        let live = Live {
            owner: owner.to_owned(),
            network,
            purpose,
            expires_at,
            held: AtomicBool::new(false),
            session: Arc::new(tokio::sync::Mutex::new(Session::new(script, purpose, now))),
        };
        let mut all = self.live();
        all.retain(|_, other| other.owner != owner);
        all.insert(digest, Arc::new(live));
        Ok(nonce)
    }

    /// Whether one more may live. An owner costs a stranger one registration: so one network has no more than a share,
    /// and enrolments leave room for people who sign in.
    fn has_room(&self, owner: &str, purpose: Purpose, network: Option<IpAddr>) -> bool {
        let live = self.live();
        let others = || live.values().filter(|live| live.owner != owner);
        let near = |live: &&Arc<Live>| network.is_some() && live.network == network;
        let enrols = |live: &&Arc<Live>| live.purpose == Purpose::Enrolment;
        others().count() < MOST_LIVE
            && others().filter(near).count() < MOST_OF_NETWORK
            && (purpose != Purpose::Enrolment || others().filter(enrols).count() < MOST_ENROLLING)
    }

    /// Puts a capture into the hand of one socket.
    ///
    /// # Errors
    /// [`CaptureError::Held`] where it is in another's.
    pub async fn attach(
        self: &Arc<Self>,
        nonce: &str,
        owner: &str,
        now: OffsetDateTime,
    ) -> Result<Attached, CaptureError> {
        let digest = random::digest(nonce);
        let live = self.find(&digest, owner, now).await?;
        if live.held.swap(true, Ordering::AcqRel) {
            return Err(CaptureError::Held);
        }
        Ok(Attached {
            captures: self.clone(),
            nonce: nonce.to_owned(),
            digest,
            live,
        })
    }

    /// Takes one message, and says what the person should do next.
    ///
    /// # Errors
    /// [`CaptureError`].
    pub async fn message(
        &self,
        nonce: &str,
        owner: &str,
        bytes: &[u8],
        now: OffsetDateTime,
    ) -> Result<Reply, CaptureError> {
        let live = self.find(&random::digest(nonce), owner, now).await?;
        if live.held.load(Ordering::Acquire) {
            return Err(CaptureError::Held);
        }
        self.take(&live, nonce, bytes, now).await
    }

    async fn take(
        &self,
        live: &Live,
        nonce: &str,
        bytes: &[u8],
        now: OffsetDateTime,
    ) -> Result<Reply, CaptureError> {
        if live.expires_at <= now {
            return Err(CaptureError::Gone);
        }
        let session = live.session.clone().try_lock_owned();
        let mut session = session.map_err(|_| CaptureError::Busy)?;
        let frame = match message::parse(bytes)? {
            Message::Hello(hello) => return session.introduce(nonce, &hello, now),
            Message::Frame(frame) => frame,
        };
        let admitted = session.admit(&frame, now)?;
        let kibibytes = u32::try_from(frame.jpeg.len() / 1024 + 1).unwrap_or(u32::MAX);
        let room = self.room.clone().try_acquire_many_owned(kibibytes);
        let room = room.map_err(|_| CaptureError::Busy)?;
        let models = self.models.get().ok_or(CaptureError::NotAvailable)?;
        let (face, repeats) = (models.face(), self.repeats.clone());
        let jpeg = Zeroizing::new(frame.jpeg.to_vec());
        let rank = match live.purpose {
            Purpose::Enrolment => Rank::Behind,
            Purpose::Verification => Rank::First,
        };
        let taken = self
            .pool
            .run_ranked(rank, "face_observe", move || {
                let image = RgbImage::decode(&jpeg, &FRAME)?;
                let seen = look(&face, &image)?;
                let seen = Seen {
                    place: seen.as_ref().ok().map(|sight| place(sight, &image)),
                    seen,
                    digests: repeats.of(&jpeg, &image),
                    image: &image,
                    jpeg,
                    room,
                };
                Ok(session.take(&admitted, seen))
            })
            .await;
        taken.map_err(|error| match error {
            PoolError::Busy => CaptureError::Busy,
            PoolError::Failed(_) => CaptureError::Internal(error.into()),
        })?
    }

    /// Ends a capture, once, and hands over what it found.
    ///
    /// # Errors
    /// [`CaptureError`].
    pub async fn finish(
        &self,
        nonce: &str,
        owner: &str,
        now: OffsetDateTime,
    ) -> Result<LiveCapture, CaptureError> {
        let digest = random::digest(nonce);
        let live = self.find(&digest, owner, now).await?;
        let mut session = live.session.try_lock().map_err(|_| CaptureError::Busy)?;
        if !session.has_ended() {
            return Err(CaptureError::Incomplete);
        }
        let finished = self.store.finish_capture(&digest, owner, now).await?;
        self.live().remove(&digest);
        if !finished {
            return Err(CaptureError::Gone);
        }
        // All that was sent is looked up, what is compared is noted: who repeats a recording does not know which that was.
        let is_known = self.store.knows_sample(&session.digests(), now).await?;
        let until = now + SAMPLES_KNOWN_FOR;
        let is_new = self
            .store
            .remember_samples(&session.kept_digests(), until)
            .await?;
        Ok(session.finish(is_known || !is_new))
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

/// Looks at a frame; that nobody is in it is no error.
fn look(face: &FacePipeline, image: &RgbImage) -> Result<Result<Sight, Guidance>, CaptureError> {
    match face.sight(image) {
        Ok(sight) => Ok(Ok(sight)),
        Err(error) => match error.guidance() {
            Some(guidance) => Ok(Err(guidance)),
            None => Err(CaptureError::Internal(error.into())),
        },
    }
}

/// The face's box as shares of the frame: left, top, width, height.
fn place(sight: &Sight, image: &RgbImage) -> [f64; 4] {
    let (width, height) = (image.width as f64, image.height as f64);
    let bbox = sight.observation.face.bbox;
    [
        bbox.x / width,
        bbox.y / height,
        bbox.width / width,
        bbox.height / height,
    ]
}

impl Attached {
    /// Takes one message, and says what the person should do next.
    ///
    /// # Errors
    /// [`CaptureError`].
    pub async fn message(&self, bytes: &[u8], now: OffsetDateTime) -> Result<Reply, CaptureError> {
        self.captures
            .take(&self.live, &self.nonce, bytes, now)
            .await
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        self.live.held.store(false, Ordering::Release);
        // What was begun over a socket ends with it, unless there is something to finish.
        let is_over = self.live.session.try_lock().is_ok_and(|s| s.has_ended());
        if !is_over {
            self.captures.live().remove(&self.digest);
        }
    }
}

/// How long a sample that was accepted is known again: as long as a recording is likely to be of use, and no longer than
/// logs are commonly kept.
pub const SAMPLES_KNOWN_FOR: Duration = Duration::days(90);
/// Captures that live at once on one replica.
const MOST_LIVE: usize = 256;
/// Of these, enrolments.
const MOST_ENROLLING: usize = 160;
/// Of these, from one network.
const MOST_OF_NETWORK: usize = 48;
/// Captures that one owner may open within the lifetime of one.
const MOST_OPENED: u64 = 12;
/// Kibibytes of frames that are held or looked at at once, of all captures.
const ROOM_KIB: usize = 128 << 10;
/// What one frame may be: more than any page of ours sends.
const FRAME: Limits = Limits {
    encoded_bytes: message::LARGEST,
    side_px: 1_920,
    pixels: 2_100_000,
};
