//! Fetches a pack from a folder, a URL or the npm registry into a folder; only the right files are kept.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use matcher::face::pack::{Manifest, Model};
use url::Url;

use super::find::{Found, first_missing};
use super::{ModelsError, npm, verify};

/// Where the files come from. Their digests are built in, so that the place need not be trusted.
#[derive(Clone, Debug)]
pub enum Source {
    /// A folder with a pack's files.
    Folder(PathBuf),
    /// The address of a folder with the recommended pack's files.
    Url(Url),
    /// The addresses that the recommended pack's manifest names.
    Manifest,
    /// The npm package, whose weights are converted here.
    Npm,
}

impl Source {
    /// What a person names: `npm`, an http or https URL, or a folder. Nothing stands for the addresses that the
    /// recommended pack names for its files, and where it names none for the npm package.
    #[must_use]
    pub fn parse(named: Option<&str>) -> Self {
        let has_addresses = || Manifest::builtin().models.iter().all(|m| m.url.is_some());
        match named {
            None if has_addresses() => Self::Manifest,
            None | Some("npm") => Self::Npm,
            Some(named) => match Url::parse(named) {
                Ok(url) if matches!(url.scheme(), "http" | "https") => Self::Url(url),
                _ => Self::Folder(PathBuf::from(named)),
            },
        }
    }

    /// The pack that comes from here: a folder's own, the best where it holds several.
    fn manifest(&self) -> Manifest {
        match self {
            Self::Url(_) | Self::Manifest => Manifest::builtin(),
            Self::Npm => Manifest::npm(),
            Self::Folder(folder) => {
                let holds = |m: &Manifest| first_missing(folder, m).is_none();
                let mut packs = Manifest::builtins().into_iter();
                packs.find(holds).unwrap_or_else(Manifest::builtin)
            }
        }
    }
}

/// What a pull brought.
#[derive(Debug)]
pub struct Pulled {
    /// The files that were not there before.
    pub files: Vec<PathBuf>,
    /// The pack, which is whole now.
    pub found: Found,
}

/// Brings every file of a pack into `into`, with a progress bar on a terminal.
///
/// # Errors
/// [`ModelsError`]; what was fetched before stays.
pub async fn pull(source: &Source, into: &Path) -> Result<Pulled, ModelsError> {
    std::fs::create_dir_all(into).map_err(|source| ModelsError::File {
        path: into.to_owned(),
        source,
    })?;
    let manifest = source.manifest();
    let mut files = Vec::new();
    let missing = |model: &&Model| verify::read(into, model).is_err();
    let wanted: Vec<&Model> = manifest.models.iter().filter(missing).collect();
    if let (Source::Npm, false) = (source, wanted.is_empty()) {
        for (model, bytes) in npm::fetch(&manifest, &wanted).await? {
            files.push(keep(into, model, &bytes)?);
        }
    } else {
        for model in wanted {
            let bar = bar(model);
            let bytes = match source {
                Source::Folder(folder) => read(folder, model, &bar)?,
                Source::Url(base) => fetch(&address(base, &model.file), model, &bar).await?,
                Source::Manifest | Source::Npm => {
                    let url = model.url.clone().ok_or_else(|| ModelsError::NoSource {
                        file: model.file.clone(),
                    })?;
                    fetch(&url, model, &bar).await?
                }
            };
            bar.finish();
            files.push(keep(into, model, &bytes)?);
        }
    }
    let directory = into.to_owned();
    Ok(Pulled {
        files,
        found: Found {
            directory,
            manifest,
        },
    })
}

fn read(folder: &Path, model: &Model, bar: &ProgressBar) -> Result<Vec<u8>, ModelsError> {
    let path = folder.join(&model.file);
    let failed = |source: std::io::Error| match source.kind() {
        std::io::ErrorKind::NotFound => ModelsError::Missing { path: path.clone() },
        _ => ModelsError::File {
            path: path.clone(),
            source,
        },
    };
    let file = std::fs::File::open(&path).map_err(failed)?;
    let mut bytes = Vec::new();
    bar.wrap_read(file)
        .take(model.bytes + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    verify::check(&path, model, &bytes)?;
    Ok(bytes)
}

async fn fetch(url: &str, model: &Model, bar: &ProgressBar) -> Result<Vec<u8>, ModelsError> {
    let failed = |source| ModelsError::Fetch {
        url: url.to_owned(),
        source,
    };
    let client = reqwest::Client::builder()
        .timeout(LONGEST_FETCH)
        .build()
        .map_err(failed)?;
    let mut response = client.get(url).send().await.map_err(failed)?;
    if !response.status().is_success() {
        return Err(ModelsError::Answer {
            url: url.to_owned(),
            status: response.status().as_u16(),
        });
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        bar.inc(chunk.len() as u64);
        bytes.extend_from_slice(&chunk);
        if bytes.len() as u64 > model.bytes {
            break;
        }
    }
    verify::check(Path::new(&model.file), model, &bytes)?;
    Ok(bytes)
}

/// Written beside its place and renamed, so that a pull that is broken off leaves no half file.
fn keep(into: &Path, model: &Model, bytes: &[u8]) -> Result<PathBuf, ModelsError> {
    let path = into.join(&model.file);
    let failed = |source| ModelsError::File {
        path: path.clone(),
        source,
    };
    let mut file = tempfile::NamedTempFile::new_in(into).map_err(failed)?;
    file.write_all(bytes).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    file.persist(&path).map_err(|error| failed(error.error))?;
    Ok(path)
}

/// The address of a file in a folder, whether or not the folder's ends in a slash.
fn address(base: &Url, file: &str) -> String {
    let mut url = base.clone();
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().push(file);
    }
    url.to_string()
}

fn bar(model: &Model) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg:32} {bar:30} {bytes}/{total_bytes}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(model.bytes)
        .with_style(style)
        .with_message(model.file.clone())
}

/// Ten megabytes over a slow line.
const LONGEST_FETCH: Duration = Duration::from_secs(300);
