//! Who stands in for a person before the camera: an actor of the simulation, and the eyes that read a page for it.
//!
//! Nothing here is a person. What passes or fails with it is a statement about the simulation.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use anyhow::{Context, ensure};
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::{Json, Router, routing::post};
use image::codecs::jpeg::JpegEncoder;
use matcher::face::pack::{Manifest, Role};
use matcher::face::{FacePipeline, ModelBytes};
use matcher::pad::{Challenge, Colour, Shown, Side, Spot};
use matcher::sample::{Limits, RgbImage};
use matcher::simulation::{Actor, Person};
use serde_json::Value;
use tokio::net::TcpListener;

use crate::missing::{Missing, models_folder};

/// The models, which find the points of a photograph that a head is made from.
pub struct Studio {
    pipeline: FacePipeline,
}

impl std::fmt::Debug for Studio {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Studio").finish_non_exhaustive()
    }
}

impl Studio {
    /// Loads the pack of this machine.
    ///
    /// # Panics
    /// When the pack is another one: that is a finding.
    pub fn here() -> Result<Self, Missing> {
        let folder = models_folder()?;
        let manifest = Manifest::builtin();
        let read = |role: Role| {
            let model = manifest.model(role).expect("a model of this role");
            std::fs::read(folder.join(&model.file)).expect("the pack is whole")
        };
        let (detector, embedder) = (read(Role::Detector), read(Role::Embedder));
        let landmarks = read(Role::Landmarks);
        let pipeline = FacePipeline::load(ModelBytes {
            detector: &detector,
            embedder: &embedder,
            pad: None,
            landmarks: Some(&landmarks),
            embedder_name: "studio".into(),
        });
        Ok(Self {
            pipeline: pipeline.expect("the pack loads"),
        })
    }

    /// A photograph as a head of the simulation.
    pub fn person(&self, photo: &Path) -> anyhow::Result<Arc<Person>> {
        let bytes = std::fs::read(photo).with_context(|| photo.display().to_string())?;
        let image = RgbImage::decode(&bytes, &Limits::default())?;
        let sight = self.pipeline.sight(&image)?;
        let points = sight.points.context("no points were found")?;
        let person = Person::new(&image, &points).context("no head can be made of this face")?;
        Ok(Arc::new(person))
    }
}

/// Who is before the camera, with a clock: what it gives when the page shows something.
pub struct StandIn {
    who: Who,
    began: Instant,
    pictures: Vec<Vec<u8>>,
}

/// Where the pictures come from.
enum Who {
    /// An actor of the simulation.
    Actor(Box<dyn Actor>),
    /// Pictures that were taken before, one after the other and again from the first, whatever the page shows.
    Recording(Vec<Vec<u8>>),
}

impl std::fmt::Debug for StandIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StandIn").finish_non_exhaustive()
    }
}

impl StandIn {
    /// Sits down before the camera.
    #[must_use]
    pub fn new(actor: Box<dyn Actor>) -> Self {
        Self::of(Who::Actor(actor))
    }

    /// Plays these pictures, byte for byte.
    #[must_use]
    pub fn recording(pictures: Vec<Vec<u8>>) -> Self {
        Self::of(Who::Recording(pictures))
    }

    fn of(who: Who) -> Self {
        Self {
            who,
            began: Instant::now(),
            pictures: Vec::new(),
        }
    }

    /// The picture of this moment, while the page shows `screen`.
    pub fn jpeg(&mut self, screen: &Value) -> anyhow::Result<Vec<u8>> {
        let picture = match &mut self.who {
            Who::Actor(actor) => {
                let at_s = self.began.elapsed().as_secs_f64();
                jpeg(&actor.frame(at_s, &shown(screen)))?
            }
            Who::Recording(pictures) => {
                let next = self.pictures.len() % pictures.len().max(1);
                pictures.get(next).context("an empty recording")?.clone()
            }
        };
        self.pictures.push(picture.clone());
        Ok(picture)
    }

    /// The pictures so far, in their order.
    #[must_use]
    pub fn pictures(&self) -> &[Vec<u8>] {
        &self.pictures
    }
}

/// A picture as a browser's canvas encodes it.
pub fn jpeg(frame: &RgbImage) -> anyhow::Result<Vec<u8>> {
    let (width, height) = (u32::try_from(frame.width)?, u32::try_from(frame.height)?);
    let mut bytes = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut bytes, QUALITY);
    let mut encoder = encoder;
    encoder.encode(&frame.pixels, width, height, image::ExtendedColorType::Rgb8)?;
    ensure!(!bytes.is_empty(), "an empty picture");
    Ok(bytes)
}

/// What somebody sees who looks at the page: a challenge by its name and direction, a colour as CSS writes it, the dot's place.
#[must_use]
pub fn shown(screen: &Value) -> Shown {
    let text = |name: &str| screen[name].as_str().unwrap_or_default();
    let dot = screen["dot"].as_array().and_then(|at| {
        let (x, y) = (at.first()?.as_f64()?, at.get(1)?.as_f64()?);
        let far = |spot: &Spot| (spot.place().0 - x).hypot(spot.place().1 - y);
        let mut spots = Spot::ALL.to_vec();
        spots.sort_by(|a, b| far(a).total_cmp(&far(b)));
        spots.first().copied()
    });
    let colour = colour(text("colour"));
    let challenge = match (text("challenge"), text("direction")) {
        ("turn", "left") => Some(Challenge::Turn(Side::Left)),
        ("turn", _) => Some(Challenge::Turn(Side::Right)),
        ("look_up", _) => Some(Challenge::LookUp),
        ("blink", _) => Some(Challenge::Blink),
        // The rest of the path is for later.
        ("follow", _) => dot.map(|spot| Challenge::Follow([spot; 2])),
        _ => None,
    };
    Shown {
        challenge,
        colour,
        dot,
    }
}

/// `#rrggbb`, or `rgb(r, g, b)` as a browser computes it: the nearest of the colours.
fn colour(css: &str) -> Option<Colour> {
    let values: Vec<u8> = match css.strip_prefix('#') {
        Some(hex) => (0..3)
            .filter_map(|i| u8::from_str_radix(hex.get(2 * i..2 * i + 2)?, 16).ok())
            .collect(),
        None => css
            .split(|c: char| !c.is_ascii_digit())
            .filter_map(|n| n.parse().ok())
            .collect(),
    };
    let [r, g, b] = values.get(..3)?.try_into().ok()?;
    let far = |colour: &Colour| {
        let of = colour.srgb().into_iter().zip([r, g, b]);
        of.map(|(one, other): (u8, u8)| u32::from(one.abs_diff(other)).pow(2))
            .sum::<u32>()
    };
    Colour::ALL.into_iter().min_by_key(far)
}

/// A camera at a loopback address: a browser's page posts what it shows, and gets the picture of that moment.
#[derive(Debug, Clone)]
pub struct Camera {
    /// Where it is.
    pub url: String,
    stand_in: Arc<Mutex<StandIn>>,
}

impl Camera {
    /// Puts somebody before it.
    ///
    /// # Panics
    /// When there is no port.
    pub async fn of(stand_in: StandIn) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let port = listener.local_addr().expect("its address").port();
        let stand_in = Arc::new(Mutex::new(stand_in));
        let routes = Router::new()
            .route("/", post(picture))
            .with_state(stand_in.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self {
            url: format!("http://127.0.0.1:{port}/"),
            stand_in,
        }
    }

    /// How many pictures it took.
    #[must_use]
    pub fn frames(&self) -> usize {
        self.pictures().len()
    }

    /// The pictures that it took, in their order.
    #[must_use]
    pub fn pictures(&self) -> Vec<Vec<u8>> {
        let stand_in = self.stand_in.lock();
        let stand_in = stand_in.unwrap_or_else(PoisonError::into_inner);
        stand_in.pictures().to_vec()
    }
}

async fn picture(
    State(stand_in): State<Arc<Mutex<StandIn>>>,
    Json(screen): Json<Value>,
) -> impl IntoResponse {
    let taken = tokio::task::spawn_blocking(move || {
        let mut stand_in = stand_in.lock().unwrap_or_else(PoisonError::into_inner);
        stand_in.jpeg(&screen)
    });
    let jpeg = taken.await.expect("a picture").expect("a picture");
    ([(CONTENT_TYPE, "image/jpeg")], jpeg)
}

/// Of 100: about what a browser's canvas makes of 0.9.
const QUALITY: u8 = 92;
