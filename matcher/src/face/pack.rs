//! The model pack: which file plays which role, and under which contract.
//!
//! The manifests in `models/` are part of the program, so that a folder of models is judged by what this
//! version was measured with and not by a list that lies beside them. A pack of somebody else's carries its own
//! manifest, which whoever answers for it has signed. Reading files, hashing them, fetching them and holding
//! signatures is the caller's.

use serde::Deserialize;

use super::contract::{Contracts, DetectorContract, EmbedderContract, EmbedderKind};
use super::convert::Layout;
use crate::score::{Calibration, Knot};

/// The bytes of the models, as handed in.
pub struct ModelBytes<'a> {
    /// YuNet at 320.
    pub detector: &'a [u8],
    /// The embedder.
    pub embedder: &'a [u8],
    /// MiniFASNet V2 at 2.7 and V1SE at 4.0; without them nothing is said about presentation attacks.
    pub pad: Option<(&'a [u8], &'a [u8])>,
    /// The 68-point network; without it nothing is said about the eyes.
    pub landmarks: Option<&'a [u8]>,
    /// The embedder's name and version: it goes into every template, and only equal names compare.
    pub embedder_name: String,
}

/// What a model of the pack is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
pub enum Role {
    /// Finds faces.
    #[serde(rename = "detector")]
    Detector,
    /// Makes templates.
    #[serde(rename = "embedder")]
    Embedder,
    /// Presentation attacks, on 2.7 times the face.
    #[serde(rename = "presentation-attack-2.7")]
    PresentationAttackNear,
    /// Presentation attacks, on 4.0 times the face.
    #[serde(rename = "presentation-attack-4.0")]
    PresentationAttackFar,
    /// 68 landmarks.
    #[serde(rename = "landmarks")]
    Landmarks,
}

/// A pack of models.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The pack's name.
    pub name: String,
    /// The pack's version: a number that only grows.
    pub version: String,
    /// Worth only the demonstration's acr, whatever is in it.
    #[serde(default)]
    pub demonstration: bool,
    /// The npm package that the files are made from, where they are.
    pub npm: Option<NpmPackage>,
    /// Its models, one a role.
    #[serde(rename = "model")]
    pub models: Vec<Model>,
}

/// A package of the npm registry at one version.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NpmPackage {
    /// Its name.
    pub package: String,
    /// Its version.
    pub version: String,
    /// SHA-512 of its archive, as the registry writes it: `sha512-` and base64.
    pub integrity: String,
}

/// One model of the pack.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// What it is for.
    pub role: Role,
    /// Its name; the embedder's is written into templates.
    pub name: String,
    /// What goes in and what comes out; absent for what the role usually has.
    pub contract: Option<ModelContract>,
    /// The embedder's numbers, where they are not those of its contract.
    pub embedding: Option<Embedding>,
    /// The file's name in the pack's folder.
    pub file: String,
    /// SHA-256 of the file, lower-case hexadecimal.
    pub sha256: String,
    /// The file's size.
    pub bytes: u64,
    /// The repository or package, and the commit or version, that it comes from.
    pub source: String,
    /// The file inside the source.
    pub source_path: String,
    /// How the file is made of the npm package's weights, where it is.
    pub layout: Option<Layout>,
    /// What was done to the source's file.
    pub conversion: String,
    /// The licence of the weights.
    pub licence: String,
    /// What it was trained on.
    pub training_data: String,
    /// What it must be given.
    pub input: String,
    /// Where its scores get their meaning; absent where it has none.
    pub calibration: Option<String>,
    /// What its scores are worth, for an embedder that this version does not know: score, log-likelihood ratio and
    /// log10 of the false match rate, ascending in score. `evaluate face --calibration` prints them.
    pub knots: Option<Vec<[f64; 3]>>,
    /// The model card, beside the manifest.
    pub card: String,
    /// Where the converted file can be fetched; absent where it has to be brought.
    pub url: Option<String>,
}

/// A contract that a detector or an embedder may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum ModelContract {
    /// YuNet, 320 pixels, five points.
    #[serde(rename = "yunet-320")]
    YuNet320,
    /// The tiny face detector, 256 pixels, boxes; its points come from the 68.
    #[serde(rename = "tiny-face-256")]
    TinyFace256,
    /// 112 pixels aligned by five points, cosine.
    #[serde(rename = "arcface-112")]
    ArcFace112,
    /// 160 pixels cut by the box, cosine.
    #[serde(rename = "facenet-160")]
    FaceNet160,
    /// 150 pixels turned level, Euclidean distance.
    #[serde(rename = "dlib-150")]
    Dlib150,
}

/// Numbers of an embedder.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Embedding {
    /// How many values come out: 128, 256 or 512.
    pub length: Option<usize>,
    /// A pixel of 0 to 255 less this, ...
    pub mean: Option<f32>,
    /// ... and then divided by this, is what goes in.
    pub divisor: Option<f32>,
}

/// Why a text is no manifest.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// Longer than a manifest is.
    #[error("the manifest is longer than {LONGEST} bytes")]
    TooLong,
    /// Not TOML, or not the fields of a manifest.
    #[error("the manifest cannot be read")]
    Unreadable(#[source] toml::de::Error),
    /// A field holds what it may not.
    #[error("{field} of {of} in the manifest cannot be used")]
    Field {
        /// The field.
        field: &'static str,
        /// The model's file, or the pack's name.
        of: String,
    },
    /// Two models play one role.
    #[error("two models of the manifest are for {0:?}")]
    RoleTwice(Role),
    /// A role that the face needs is not there.
    #[error("the manifest has no model for {0:?}")]
    RoleMissing(Role),
}

impl Manifest {
    /// Reads a manifest of somebody else's.
    ///
    /// # Errors
    /// [`ManifestError`]: nothing of it can name a place outside its folder, or ask for what no model needs.
    pub fn parse(text: &str) -> Result<Self, ManifestError> {
        if text.len() > LONGEST {
            return Err(ManifestError::TooLong);
        }
        let manifest: Self = toml::from_str(text).map_err(ManifestError::Unreadable)?;
        manifest.check()?;
        Ok(manifest)
    }

    /// The manifest of the recommended pack, which is built in.
    ///
    /// # Panics
    /// Never: a test holds that the built-in text is a manifest.
    #[must_use]
    pub fn builtin() -> Self {
        toml::from_str(BUILTIN).expect("invariant: the built-in manifest is one")
    }

    /// The manifest of the pack that is made from the npm package, which is built in.
    ///
    /// # Panics
    /// Never: a test holds that the built-in text is a manifest.
    #[must_use]
    pub fn npm() -> Self {
        toml::from_str(NPM).expect("invariant: the built-in manifest is one")
    }

    /// Every pack that this version was measured with, the best first.
    #[must_use]
    pub fn builtins() -> Vec<Self> {
        vec![Self::builtin(), Self::npm()]
    }

    /// The model that plays a role.
    #[must_use]
    pub fn model(&self, role: Role) -> Option<&Model> {
        self.models.iter().find(|m| m.role == role)
    }

    /// The version as the number that it is; 0 where it is none.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.version.parse().unwrap_or(0)
    }

    /// Whether faces under this pack are worth only the demonstration's acr: it says so itself, or it has not both
    /// presentation-attack networks, so that a live capture tells nothing of a photograph.
    #[must_use]
    pub fn is_demonstration_only(&self) -> bool {
        let attack = [Role::PresentationAttackNear, Role::PresentationAttackFar];
        self.demonstration || attack.iter().any(|role| self.model(*role).is_none())
    }

    /// What its detector and its embedder take and give.
    #[must_use]
    pub fn contracts(&self) -> Contracts {
        let of = |role| self.model(role).and_then(|m| m.contract);
        let detector = match of(Role::Detector) {
            Some(ModelContract::TinyFace256) => DetectorContract::TinyFace256,
            _ => DetectorContract::YuNet320,
        };
        let kind = match of(Role::Embedder) {
            Some(ModelContract::FaceNet160) => EmbedderKind::FaceNet160,
            Some(ModelContract::Dlib150) => EmbedderKind::Dlib150,
            _ => EmbedderKind::ArcFace112,
        };
        let usual = EmbedderContract::usual(kind);
        let own = self.model(Role::Embedder).and_then(|m| m.embedding);
        let embedder = own.map_or(usual, |own| EmbedderContract {
            kind,
            length: own.length.unwrap_or(usual.length),
            mean: own.mean.unwrap_or(usual.mean),
            divisor: own.divisor.unwrap_or(usual.divisor),
        });
        Contracts { detector, embedder }
    }

    /// What the embedder's scores are worth: the manifest's own knots, or those that this version has for its name.
    #[must_use]
    pub fn calibration(&self) -> Option<Calibration> {
        let embedder = self.model(Role::Embedder)?;
        match &embedder.knots {
            Some(knots) => Some(Calibration {
                knots: knots
                    .iter()
                    .map(|[score, llr, log10_fmr]| Knot {
                        score: *score,
                        llr: *llr,
                        log10_fmr: *log10_fmr,
                    })
                    .collect::<Vec<_>>()
                    .into(),
            }),
            None => super::score::calibration(&embedder.name),
        }
    }

    fn check(&self) -> Result<(), ManifestError> {
        let wrong = |field, of: &str| {
            let of = of.chars().take(80).collect();
            Err(ManifestError::Field { field, of })
        };
        if !is_plain_name(&self.name) {
            return wrong("name", &self.name);
        }
        if self.version.parse::<u64>().is_err() || self.number().to_string() != self.version {
            return wrong("version", &self.name);
        }
        let mut seen: Vec<&Model> = Vec::new();
        for model in &self.models {
            let of = model.file.as_str();
            if seen.iter().any(|m| m.role == model.role) {
                return Err(ManifestError::RoleTwice(model.role));
            }
            if !is_plain_name(of) || !of.ends_with(".onnx") || seen.iter().any(|m| m.file == of) {
                return wrong("file", of);
            }
            if !is_plain_name(&model.name) {
                return wrong("name", of);
            }
            let is_digest = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
            if model.sha256.len() != 64 || !model.sha256.bytes().all(is_digest) {
                return wrong("sha256", of);
            }
            if model.bytes == 0 || model.bytes > LARGEST_MODEL {
                return wrong("bytes", of);
            }
            let detects = |c| matches!(c, ModelContract::YuNet320 | ModelContract::TinyFace256);
            let fits = match (model.role, model.contract) {
                (_, None) => true,
                (Role::Detector, Some(contract)) => detects(contract),
                (Role::Embedder, Some(contract)) => !detects(contract),
                (_, Some(_)) => false,
            };
            if !fits {
                return wrong("contract", of);
            }
            if !model.embedding.is_none_or(|own| own.is_usable()) {
                return wrong("embedding", of);
            }
            if !model.knots.as_deref().is_none_or(are_usable) {
                return wrong("knots", of);
            }
            seen.push(model);
        }
        for role in [Role::Detector, Role::Embedder] {
            if self.model(role).is_none() {
                return Err(ManifestError::RoleMissing(role));
            }
        }
        // Boxes alone cannot be aligned.
        let needs_points = self.contracts().detector == DetectorContract::TinyFace256;
        if needs_points && self.model(Role::Landmarks).is_none() {
            return Err(ManifestError::RoleMissing(Role::Landmarks));
        }
        if self.calibration().is_none() {
            let embedder = self.model(Role::Embedder).map_or("", |m| m.file.as_str());
            return wrong("knots", embedder);
        }
        Ok(())
    }
}

impl Embedding {
    fn is_usable(&self) -> bool {
        let mean = self.mean.is_none_or(f32::is_finite);
        let divisor = self.divisor.is_none_or(|d| d.is_finite() && d != 0.0);
        mean && divisor && self.length.is_none_or(|n| matches!(n, 128 | 256 | 512))
    }
}

/// A curve: two to a hundred knots, bounded, ascending in score and ratio and descending in false match rate.
fn are_usable(knots: &[[f64; 3]]) -> bool {
    (2..=100).contains(&knots.len())
        && knots.iter().flatten().all(|v| v.abs() <= LARGEST_KNOT)
        && knots.iter().all(|k| k[2] <= 0.0)
        && knots
            .windows(2)
            .all(|k| k[0][0] < k[1][0] && k[0][1] <= k[1][1] && k[0][2] >= k[1][2])
}

/// Letters, digits, dots, dashes and underscores, not beginning with a dot: a name that is one file's anywhere.
fn is_plain_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && !name.starts_with('.')
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
}

/// Farthest from nothing that a score, a ratio or the logarithm of a rate can be. NaN is farther.
const LARGEST_KNOT: f64 = 1e4;
/// Longest manifest, bytes.
const LONGEST: usize = 64 * 1024;
/// Largest file of a pack.
const LARGEST_MODEL: u64 = 512 * 1024 * 1024;
const NPM: &str = include_str!("../../../models/npm.toml");
const BUILTIN: &str = include_str!("../../../models/manifest.toml");

#[cfg(test)]
mod tests;
