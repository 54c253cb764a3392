//! The pipeline: an image in; its faces, an observation, or a template out.

use super::align::AlignedFace;
use super::contract::Contracts;
use super::detect::{Detector, Face};
use super::embed::Embedder;
use super::geometry::Point;
use super::guidance::Guidance;
use super::landmarks::{Landmarker, eye_aspect, five_points};
use super::observation::{Framing, Observation};
use super::pack::{Manifest, Model, ModelBytes, Role};
use super::params::{LANDMARK_COUNT, LEAST_EYE_DISTANCE_PX, MOST_POINTED_FACES, RIVAL_RANK};
use super::pose::Pose;
use super::quality::{Appearance, quality};
use super::refine::refined;
use super::template::Template;
use crate::onnx::OnnxError;
use crate::pad::Sight;
use crate::pad::minifasnet::MiniFasNet;
use crate::sample::RgbImage;
use crate::score::Calibration;

/// The loaded models; share it in an `Arc`, every method takes `&self`.
pub struct FacePipeline {
    detector: Detector,
    embedder: Embedder,
    landmarker: Option<Landmarker>,
    pad: Option<MiniFasNet>,
    calibration: Option<Calibration>,
}

/// A template, and what the frame it came from was like.
pub struct Extraction {
    /// The secret.
    pub template: Template,
    /// 0 to 100; the same as the observation's.
    pub quality: u8,
    /// The frame.
    pub observation: Observation,
}

/// Why an image gives no template or observation.
#[derive(Debug, thiserror::Error)]
pub enum FaceError {
    /// The image has no pixels, or not as many as its sides say.
    #[error("the image has no pixels")]
    NoPixels,
    /// Nobody is in the image.
    #[error("no face was found")]
    NoFace,
    /// It is not clear whose face is meant.
    #[error("{count} faces compete")]
    SeveralFaces {
        /// Faces ranked close to the best.
        count: usize,
    },
    /// The face is too small to compare.
    #[error("the eyes are {eye_distance_px:.0} pixels apart, at least {least_px:.0} are needed")]
    TooSmall {
        /// Between the eyes.
        eye_distance_px: f64,
        /// Needed.
        least_px: f64,
    },
    /// The landmarks make no face.
    #[error("the face cannot be aligned")]
    NotAlignable,
    /// A model failed: not the sample's fault.
    #[error(transparent)]
    Engine(#[from] OnnxError),
}

impl FaceError {
    /// Whether another sample could do better; otherwise the engine or a model is at fault.
    #[must_use]
    pub fn is_unusable(&self) -> bool {
        match self {
            Self::NoPixels
            | Self::NoFace
            | Self::SeveralFaces { .. }
            | Self::TooSmall { .. }
            | Self::NotAlignable => true,
            Self::Engine(_) => false,
        }
    }

    /// What the person can do about it; `None` for a fault of ours.
    #[must_use]
    pub fn guidance(&self) -> Option<Guidance> {
        match self {
            Self::NoPixels | Self::NoFace => Some(Guidance::NoFace),
            Self::SeveralFaces { .. } => Some(Guidance::OnePersonOnly),
            Self::TooSmall { .. } => Some(Guidance::ComeCloser),
            Self::NotAlignable => Some(Guidance::LookStraight),
            Self::Engine(_) => None,
        }
    }
}

impl FacePipeline {
    /// Loads and checks every model of the recommended pack's kinds.
    ///
    /// # Errors
    /// [`OnnxError`] names the model that is broken or another one.
    pub fn load(models: ModelBytes<'_>) -> Result<Self, OnnxError> {
        Self::load_as(models, Contracts::default())
    }

    /// Loads and checks every model, of other kinds too. A detector without points of its own takes them from the 68.
    ///
    /// # Errors
    /// [`OnnxError`] names the model that is broken or another one.
    pub fn load_as(models: ModelBytes<'_>, contracts: Contracts) -> Result<Self, OnnxError> {
        let calibration = super::score::calibration(&models.embedder_name);
        // Reading a model is work for one core, and most machines have several.
        let ((detector, embedder), (landmarker, pad)) = rayon::join(
            || {
                rayon::join(
                    || Detector::load(models.detector, contracts.detector),
                    || Embedder::load(models.embedder, models.embedder_name, contracts.embedder),
                )
            },
            || {
                rayon::join(
                    || models.landmarks.map(Landmarker::load).transpose(),
                    || models.pad.map(|(near, far)| MiniFasNet::load(near, far)),
                )
            },
        );
        Ok(Self {
            detector: detector?,
            embedder: embedder?,
            landmarker: landmarker?,
            pad: pad.transpose()?,
            calibration,
        })
    }

    /// Loads a pack; `read` brings the bytes of a model, and holds them to its digest.
    ///
    /// # Errors
    /// What `read` says, or the engine. A role that the pack lacks is `read` never asked for: the manifest was
    /// checked.
    pub fn of_pack<E: From<OnnxError>>(
        manifest: &Manifest,
        mut read: impl FnMut(Role, Option<&Model>) -> Result<Vec<u8>, E>,
    ) -> Result<Self, E> {
        let mut required = |role| read(role, manifest.model(role));
        let detector = required(Role::Detector)?;
        let embedder = required(Role::Embedder)?;
        let mut optional = |role| match manifest.model(role) {
            Some(model) => read(role, Some(model)).map(Some),
            None => Ok(None),
        };
        let near = optional(Role::PresentationAttackNear)?;
        let far = optional(Role::PresentationAttackFar)?;
        let landmarks = optional(Role::Landmarks)?;
        let name = manifest.model(Role::Embedder).map(|m| m.name.clone());
        let models = ModelBytes {
            detector: &detector,
            embedder: &embedder,
            pad: near.as_deref().zip(far.as_deref()),
            landmarks: landmarks.as_deref(),
            embedder_name: name.unwrap_or_default(),
        };
        let pipeline = Self::load_as(models, manifest.contracts())?;
        Ok(Self {
            calibration: manifest.calibration(),
            ..pipeline
        })
    }

    /// What the scores of its templates are worth; `None` where nobody has measured this embedder.
    #[must_use]
    pub fn calibration(&self) -> Option<&Calibration> {
        self.calibration.as_ref()
    }

    /// Whether presentation attacks are looked for.
    #[must_use]
    pub fn looks_for_attacks(&self) -> bool {
        self.pad.is_some()
    }

    /// The name of the model that makes the templates.
    #[must_use]
    pub fn model(&self) -> &str {
        self.embedder.name()
    }

    /// The faces of an image, best first; none is not an error.
    ///
    /// # Errors
    /// [`FaceError::NoPixels`], [`FaceError::Engine`].
    pub fn detect(&self, image: &RgbImage) -> Result<Vec<Face>, FaceError> {
        let values = image
            .width
            .checked_mul(image.height)
            .and_then(|n| n.checked_mul(3));
        if image.pixels.is_empty() || values != Some(image.pixels.len()) {
            return Err(FaceError::NoPixels);
        }
        let faces = self.detector.detect(image)?;
        match &self.landmarker {
            Some(landmarker) if !self.detector.has_points() => {
                Ok(with_points(landmarker, image, faces)?)
            }
            _ => Ok(faces),
        }
    }

    /// What a frame shows, without making a template: what a live capture asks of every frame.
    ///
    /// # Errors
    /// [`FaceError::NoFace`] and the others; several faces are reported, not refused.
    pub fn observe(&self, image: &RgbImage) -> Result<Observation, FaceError> {
        let faces = self.detect(image)?;
        let best = faces.first().ok_or(FaceError::NoFace)?;
        let aligned = AlignedFace::of(image, best).ok_or(FaceError::NotAlignable)?;
        let points = self.points(image, best)?;
        self.observe_face(image, best, &faces, &aligned, points.as_ref())
    }

    /// What a frame shows, with all that [`crate::pad::Watch`] measures: for a capture that tells people
    /// from pictures.
    ///
    /// # Errors
    /// As [`Self::observe`].
    pub fn sight(&self, image: &RgbImage) -> Result<Sight, FaceError> {
        let faces = self.detect(image)?;
        let best = faces.first().ok_or(FaceError::NoFace)?;
        let aligned = AlignedFace::of(image, best).ok_or(FaceError::NotAlignable)?;
        let points = self.points(image, best)?;
        let observation = self.observe_face(image, best, &faces, &aligned, points.as_ref())?;
        Ok(Sight::measure(image, observation, points, faces.len()))
    }

    /// The template of the person in an image.
    ///
    /// # Errors
    /// [`FaceError`]; [`FaceError::is_unusable`] tells a poor sample from a fault.
    pub fn template(&self, image: &RgbImage) -> Result<Extraction, FaceError> {
        let faces = self.detect(image)?;
        let best = faces.first().ok_or(FaceError::NoFace)?;
        let count = faces
            .iter()
            .filter(|f| f.rank >= best.rank * RIVAL_RANK)
            .count();
        if count > 1 {
            return Err(FaceError::SeveralFaces { count });
        }
        let eye_distance_px = best.eye_distance();
        if eye_distance_px < LEAST_EYE_DISTANCE_PX {
            return Err(FaceError::TooSmall {
                eye_distance_px,
                least_px: LEAST_EYE_DISTANCE_PX,
            });
        }
        let points = self.points_both_ways(image, best)?;
        let settled = refined(best, points.as_ref());
        let aligned = AlignedFace::of(image, &settled).ok_or(FaceError::NotAlignable)?;
        let observation = self.observe_face(image, best, &faces, &aligned, points.as_ref())?;
        let template = self.embedder.template(image, &settled, &aligned)?;
        let template = template.ok_or(FaceError::NotAlignable)?;
        Ok(Extraction {
            template,
            quality: observation.quality,
            observation,
        })
    }

    /// The template of one detected face, whatever its size and whoever else is in the image: for
    /// measuring, where every image must be scored.
    ///
    /// # Errors
    /// [`FaceError::NotAlignable`], [`FaceError::Engine`].
    pub fn template_of(&self, image: &RgbImage, face: &Face) -> Result<Template, FaceError> {
        let face = refined(face, self.points_both_ways(image, face)?.as_ref());
        let aligned = AlignedFace::of(image, &face).ok_or(FaceError::NotAlignable)?;
        let template = self.embedder.template(image, &face, &aligned)?;
        template.ok_or(FaceError::NotAlignable)
    }

    /// The 68 points; `None` without that model.
    fn points(
        &self,
        image: &RgbImage,
        face: &Face,
    ) -> Result<Option<[Point; LANDMARK_COUNT]>, FaceError> {
        match &self.landmarker {
            Some(landmarker) => Ok(Some(landmarker.points(image, face)?)),
            None => Ok(None),
        }
    }

    /// The same, measured with more care.
    fn points_both_ways(
        &self,
        image: &RgbImage,
        face: &Face,
    ) -> Result<Option<[Point; LANDMARK_COUNT]>, FaceError> {
        match &self.landmarker {
            Some(landmarker) => Ok(Some(landmarker.points_both_ways(image, face)?)),
            None => Ok(None),
        }
    }

    fn observe_face(
        &self,
        image: &RgbImage,
        best: &Face,
        faces: &[Face],
        aligned: &AlignedFace,
        points: Option<&[Point; LANDMARK_COUNT]>,
    ) -> Result<Observation, FaceError> {
        let framing = Framing::of(image, best, faces);
        let pose = Pose::of(&best.landmarks);
        let appearance = Appearance::of(aligned);
        let bona_fide = match &self.pad {
            Some(pad) => pad.bona_fide(image, &best.bbox)?,
            None => None,
        };
        Ok(Observation {
            face: *best,
            size: framing.size,
            offset: framing.offset,
            pose,
            appearance,
            quality: quality(best, &pose, &appearance),
            large_faces: framing.large_faces,
            eye_aspect: points.map(eye_aspect),
            bona_fide,
        })
    }
}

/// The best ranked faces with their five points, which their detector does not give.
fn with_points(
    landmarker: &Landmarker,
    image: &RgbImage,
    mut faces: Vec<Face>,
) -> Result<Vec<Face>, OnnxError> {
    faces.truncate(MOST_POINTED_FACES);
    for face in &mut faces {
        face.landmarks = five_points(&landmarker.points(image, face)?);
    }
    Ok(faces)
}

#[cfg(test)]
mod tests;
