//! The model pack: which file plays which role.
//!
//! `models/manifest.toml` is part of the program, so that a folder of models is judged by what this
//! version was measured with and not by a list that lies beside them. Reading files, hashing them and
//! fetching them is the caller's.

use serde::Deserialize;

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

/// The pack that this version was measured with.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The pack's name.
    pub name: String,
    /// The pack's version.
    pub version: String,
    /// Its models, one a role.
    #[serde(rename = "model")]
    pub models: Vec<Model>,
}

/// One model of the pack.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// What it is for.
    pub role: Role,
    /// Its name; the embedder's is written into templates.
    pub name: String,
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
    /// The model card, beside the manifest.
    pub card: String,
    /// Where the converted file can be fetched; absent where it has to be brought.
    pub url: Option<String>,
}

impl Manifest {
    /// The manifest that is built in.
    ///
    /// # Panics
    /// Never: a test holds that the built-in text is a manifest.
    #[must_use]
    pub fn builtin() -> Self {
        toml::from_str(BUILTIN).expect("invariant: the built-in manifest is one")
    }

    /// The model that plays a role.
    #[must_use]
    pub fn model(&self, role: Role) -> Option<&Model> {
        self.models.iter().find(|m| m.role == role)
    }
}

const BUILTIN: &str = include_str!("../../../models/manifest.toml");

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_builtin_manifest_has_every_role_once() {
        let manifest = Manifest::builtin();
        let roles: HashSet<Role> = manifest.models.iter().map(|m| m.role).collect();
        assert_eq!((roles.len(), manifest.models.len()), (5, 5));
        for model in &manifest.models {
            assert!(
                model.sha256.len() == 64 && model.sha256.bytes().all(|b| b.is_ascii_hexdigit())
            );
            assert!(model.file.ends_with(".onnx") && !model.file.contains(['/', '\\']));
        }
    }

    #[test]
    fn every_model_has_its_card() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../models");
        for model in Manifest::builtin().models {
            let card = std::fs::read_to_string(folder.join(&model.card)).expect("the card exists");
            assert!(
                card.contains(&model.licence),
                "{} does not state {}",
                model.card,
                model.licence
            );
        }
    }
}
