//! Fetches the pack from a folder or a URL into a folder; only the right files are kept.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use matcher::face::pack::{Manifest, Model};
use url::Url;

use super::{ModelsError, verify};

/// Where the files come from. Their digests are built in, so that the place need not be trusted.
#[derive(Clone, Debug)]
pub enum Source {
    /// A folder with the pack's files.
    Folder(PathBuf),
    /// The address of a folder with the pack's files.
    Url(Url),
    /// The address that the manifest names for each file.
    Manifest,
}

impl Source {
    /// What a person names: an http or https URL, or a folder; nothing for the manifest's own addresses.
    #[must_use]
    pub fn parse(named: Option<&str>) -> Self {
        let Some(named) = named else {
            return Self::Manifest;
        };
        match Url::parse(named) {
            Ok(url) if matches!(url.scheme(), "http" | "https") => Self::Url(url),
            _ => Self::Folder(PathBuf::from(named)),
        }
    }
}

/// Brings every file of the pack into `into`, with a progress bar on a terminal; answers the files that
/// were not there before.
///
/// # Errors
/// [`ModelsError`]; what was fetched before stays.
pub async fn pull(source: &Source, into: &Path) -> Result<Vec<PathBuf>, ModelsError> {
    std::fs::create_dir_all(into).map_err(|source| ModelsError::File {
        path: into.to_owned(),
        source,
    })?;
    let mut pulled = Vec::new();
    for model in Manifest::builtin().models {
        if verify::read(into, &model).is_ok() {
            continue;
        }
        let bar = bar(&model);
        let bytes = match source {
            Source::Folder(folder) => read(folder, &model, &bar)?,
            Source::Url(base) => fetch(&address(base, &model.file), &model, &bar).await?,
            Source::Manifest => {
                let url = model.url.clone().ok_or_else(|| ModelsError::NoSource {
                    file: model.file.clone(),
                })?;
                fetch(&url, &model, &bar).await?
            }
        };
        bar.finish();
        pulled.push(keep(into, &model, &bytes)?);
    }
    Ok(pulled)
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
