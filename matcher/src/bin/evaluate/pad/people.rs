//! The people of a simulation: one usable photograph each, in parts that share nobody.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, ensure};
use matcher::face::landmarks::Landmarker;
use matcher::face::pack::{Manifest, Role};
use matcher::face::pose::Pose;
use matcher::face::{Face, FacePipeline, ModelBytes};
use matcher::sample::{Limits, RgbImage};
use matcher::simulation::{Cast, Person};
use rayon::prelude::*;

/// The networks, as a login has them.
pub struct Models {
    /// Everything that watches a frame.
    pub pipeline: FacePipeline,
    /// The 68 points.
    pub landmarker: Landmarker,
}

impl Models {
    /// Loads them from a folder.
    pub fn load(folder: &Path) -> anyhow::Result<Self> {
        let manifest = Manifest::builtin();
        let model = |role| {
            manifest
                .model(role)
                .with_context(|| format!("the pack has no {role:?}"))
        };
        let read = |role| -> anyhow::Result<Vec<u8>> {
            let path = folder.join(&model(role)?.file);
            fs::read(&path).with_context(|| format!("cannot read the model {}", path.display()))
        };
        let (near, far) = (
            read(Role::PresentationAttackNear)?,
            read(Role::PresentationAttackFar)?,
        );
        let landmarks = read(Role::Landmarks)?;
        Ok(Self {
            pipeline: FacePipeline::load(ModelBytes {
                detector: &read(Role::Detector)?,
                embedder: &read(Role::Embedder)?,
                pad: Some((&near, &far)),
                landmarks: Some(&landmarks),
                embedder_name: model(Role::Embedder)?.name.clone(),
            })?,
            landmarker: Landmarker::load(&landmarks)?,
        })
    }
}

/// Whose captures are played.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Part {
    /// Those of the people whom thresholds may be read from.
    Develop,
    /// Those of the others: what is reported.
    Report,
}

/// A person, and the name that says where he plays.
pub struct Named {
    name: OsString,
    person: Arc<Person>,
}

impl Named {
    /// One of four places, by the name alone: whoever else is there changes nothing. (FNV-1a, 64 bits.)
    fn place(&self) -> u64 {
        let hash = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3);
        let name = self.name.as_encoded_bytes();
        (name.iter().fold(0xCBF2_9CE4_8422_2325, hash) >> 32) % 4
    }
}

/// Two halves of a part that share nobody: one plays subjects, the other plays in attacks.
pub struct Halves {
    part: Part,
    subjects: Vec<Arc<Person>>,
    attacks: Vec<Arc<Person>>,
}

impl Halves {
    /// The part's share of the people whom [`people`] brings: about half, and of those about half for the
    /// attacks.
    pub fn of(people: Vec<Named>, part: Part) -> anyhow::Result<Self> {
        let (mut subjects, mut attacks) = (Vec::new(), Vec::new());
        for named in people {
            match (named.place(), part) {
                (0, Part::Develop) | (1, Part::Report) => subjects.push(named.person),
                (2, Part::Develop) | (3, Part::Report) => attacks.push(named.person),
                _ => {}
            }
        }
        ensure!(
            !subjects.is_empty() && attacks.len() >= 2,
            "too few people have a usable photograph: a part takes one subject and two in attacks"
        );
        Ok(Self {
            part,
            subjects,
            attacks,
        })
    }

    /// The person of a session of a simulated subject.
    pub fn subject(&self, session: usize) -> &Arc<Person> {
        &self.subjects[session % self.subjects.len()]
    }

    /// The two people of a session of an attack.
    pub fn cast(&self, session: usize) -> Cast {
        let count = self.attacks.len();
        let round = session / count;
        let other = (session + 1 + round % (count - 1)) % count;
        Cast {
            victim: self.attacks[session % count].clone(),
            attacker: self.attacks[other].clone(),
        }
    }
}

impl fmt::Display for Halves {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?}: {} people play simulated subjects, {} others victims and attackers",
            self.part,
            self.subjects.len(),
            self.attacks.len()
        )
    }
}

/// The people of folders DIR/<person>/<image>, at most `most` of them, the first image that will do of each.
pub fn people(models: &Models, folders: &[PathBuf], most: usize) -> anyhow::Result<Vec<Named>> {
    let mut persons = Vec::new();
    for folder in folders {
        persons.extend(entries(folder)?.into_iter().filter(|p| p.is_dir()));
    }
    // One name, one person: in two folders he would come into two parts.
    let mut names = HashSet::new();
    persons.retain(|p| names.insert(p.file_name().map(ToOwned::to_owned)));
    // Every so many of them, so that a part is drawn from the whole alphabet.
    let step = (persons.len() as f64 / most as f64).max(1.0);
    let drawn: Vec<&PathBuf> = (0..most)
        .filter_map(|i| persons.get((i as f64 * step) as usize))
        .collect();
    drawn
        .into_par_iter()
        .filter_map(|folder| {
            let name = folder.file_name()?.to_owned();
            let person = of_folder(models, folder).transpose()?;
            Some(person.map(|person| Named { name, person }))
        })
        .collect()
}

fn of_folder(models: &Models, folder: &Path) -> anyhow::Result<Option<Arc<Person>>> {
    for path in entries(folder)? {
        let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let Ok(photo) = RgbImage::decode(&bytes, &Limits::default()) else {
            continue;
        };
        // Whoever stands in the background of the photograph would stand in the room as well.
        let faces = models.pipeline.detect(&photo)?;
        let [face] = &faces[..] else { continue };
        if !will_do(face) {
            continue;
        }
        let points = models.landmarker.points(&photo, face)?;
        if let Some(person) = Person::new(&photo, &points) {
            return Ok(Some(Arc::new(person)));
        }
    }
    Ok(None)
}

/// A sure, straight look into the camera.
fn will_do(face: &Face) -> bool {
    let pose = Pose::of(&face.landmarks);
    face.score > 0.85
        && face.eye_distance() > 36.0
        && pose.yaw_deg.abs() < 11.0
        && pose.pitch_deg.abs() < 11.0
        && pose.roll_deg.abs() < 12.0
}

fn entries(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut paths = fs::read_dir(folder)
        .and_then(|list| {
            list.map(|e| e.map(|e| e.path()))
                .collect::<Result<Vec<_>, _>>()
        })
        .with_context(|| format!("cannot list {}", folder.display()))?;
    paths.sort();
    Ok(paths)
}
