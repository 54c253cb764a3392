//! The pack that is made from an npm package, for machines that reach nothing but a package registry.
//!
//! The npm client fetches the archive, because it knows the machine's registry, proxy and certificates; no script of
//! the package runs. The archive is held to the digest in the built-in manifest before a byte of it is read, and each
//! file that our conversion makes to the digest of that. So neither the registry nor the client need be trusted.

use std::collections::HashMap;
use std::io::Read;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use aws_lc_rs::digest::{SHA512, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::read::GzDecoder;
use indicatif::{ProgressBar, ProgressStyle};
use matcher::face::convert::convert;
use matcher::face::pack::{Manifest, Model, NpmPackage};
use tokio::process::Command;

use super::{ModelsError, verify};

/// Whether the npm client can be asked.
pub async fn is_here() -> bool {
    let mut command = Command::new(CLIENT);
    command.arg("--version").stdin(Stdio::null());
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.status().await.is_ok_and(|status| status.success())
}

/// Fetches the package and makes these models of it.
pub(super) async fn fetch<'a>(
    manifest: &Manifest,
    wanted: &[&'a Model],
) -> Result<Vec<(&'a Model, Vec<u8>)>, ModelsError> {
    let package = manifest.npm.as_ref().ok_or(ModelsError::NoPackage)?;
    let name = format!("{}@{}", package.package, package.version);
    let bar = ProgressBar::new(2 + wanted.len() as u64).with_style(
        ProgressStyle::with_template("{msg:50} {bar:30} {pos}/{len}")
            .unwrap_or_else(|_| ProgressStyle::default_bar()),
    );
    bar.set_message(format!("npm fetches {name}"));
    bar.tick();
    let archive = archive(package, &name).await?;
    bar.inc(1);
    bar.set_message(format!("reading {name}"));
    let names: Vec<String> = wanted.iter().flat_map(|m| parts(m)).collect();
    let mut unpacked = unpack(&archive, &names).map_err(|source| ModelsError::Archive {
        package: name.clone(),
        source,
    })?;
    bar.inc(1);
    let mut made = Vec::with_capacity(wanted.len());
    for model in wanted {
        bar.set_message(format!("converting {}", model.name));
        let [list, weights] = parts(model).map(|part| unpacked.remove(&part).unwrap_or_default());
        let layout = model.layout.ok_or(ModelsError::NoPackage)?;
        let bytes = convert(layout, &list, &weights).map_err(|source| ModelsError::Convert {
            file: model.file.clone(),
            source,
        })?;
        verify::check(Path::new(&model.file), model, &bytes)?;
        made.push((*model, bytes));
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(made)
}

/// The archive, as the built-in manifest knows it.
async fn archive(package: &NpmPackage, name: &str) -> Result<Vec<u8>, ModelsError> {
    let failed = |source| ModelsError::File {
        path: "a temporary folder".into(),
        source,
    };
    let folder = tempfile::tempdir().map_err(failed)?;
    let mut command = Command::new(CLIENT);
    command
        .args(["pack", "--ignore-scripts", "--silent", name])
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let output = match tokio::time::timeout(LONGEST_FETCH, command.output()).await {
        Ok(Ok(output)) => output,
        Ok(Err(error)) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(ModelsError::NoNpm);
        }
        Ok(Err(error)) => return Err(failed(error)),
        Err(_) => {
            return Err(ModelsError::Npm {
                package: name.to_owned(),
                said: format!("nothing within {} s", LONGEST_FETCH.as_secs()),
            });
        }
    };
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(ModelsError::Npm {
            package: name.to_owned(),
            said: said.trim().chars().take(LONGEST_SAYING).collect(),
        });
    }
    let mut bytes = Vec::new();
    for entry in std::fs::read_dir(folder.path()).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|e| e == "tgz") {
            let file = std::fs::File::open(&path).map_err(failed)?;
            let mut file = file.take(LARGEST_ARCHIVE + 1);
            file.read_to_end(&mut bytes).map_err(failed)?;
        }
    }
    let found = format!("sha512-{}", STANDARD.encode(digest(&SHA512, &bytes)));
    if found != package.integrity {
        return Err(ModelsError::OtherArchive {
            package: name.to_owned(),
            expected: package.integrity.clone(),
            found,
        });
    }
    Ok(bytes)
}

/// List and weights of a model, in the archive.
fn parts(model: &Model) -> [String; 2] {
    ["-weights_manifest.json", ".bin"].map(|end| format!("package/{}{end}", model.source_path))
}

/// The files of these names in a gzipped tar archive; each is read to a bound.
fn unpack(archive: &[u8], names: &[String]) -> std::io::Result<HashMap<String, Vec<u8>>> {
    let bounded = GzDecoder::new(archive).take(LARGEST_UNPACKED);
    let mut found = HashMap::new();
    for entry in tar::Archive::new(bounded).entries()? {
        let entry = entry?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        if names.contains(&name) {
            let mut bytes = Vec::new();
            entry.take(LARGEST_PART).read_to_end(&mut bytes)?;
            found.insert(name, bytes);
        }
    }
    match names.iter().find(|name| !found.contains_key(*name)) {
        None => Ok(found),
        Some(missing) => Err(std::io::Error::other(format!("{missing} is missing"))),
    }
}

const CLIENT: &str = "npm";
/// Thirteen megabytes over a slow line.
const LONGEST_FETCH: Duration = Duration::from_secs(300);
const LARGEST_ARCHIVE: u64 = 32 << 20;
const LARGEST_UNPACKED: u64 = 128 << 20;
const LARGEST_PART: u64 = 16 << 20;
const LONGEST_SAYING: usize = 400;

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn archive_of(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        for (name, bytes) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            builder
                .append_data(&mut header, name, *bytes)
                .expect("appends");
        }
        builder
            .into_inner()
            .and_then(GzEncoder::finish)
            .expect("an archive")
    }

    #[test]
    fn only_what_is_asked_for_is_taken_out() {
        let archive = archive_of(&[("package/a.bin", b"one"), ("package/b.bin", b"two")]);
        let taken = unpack(&archive, &["package/b.bin".to_owned()]).expect("unpacks");
        assert_eq!(taken.len(), 1);
        assert_eq!(taken["package/b.bin"], b"two");
        assert!(unpack(&archive, &["package/c.bin".to_owned()]).is_err());
        let mut cut = archive.clone();
        cut.truncate(archive.len() / 2);
        assert!(unpack(&cut, &["package/b.bin".to_owned()]).is_err());
    }

    #[test]
    fn an_archive_that_unpacks_without_end_is_read_to_its_bound() {
        let mut zeros = GzEncoder::new(Vec::new(), Compression::fast());
        let megabyte = vec![0; 1 << 20];
        // The end of a tar archive is two blocks of nothing; what follows is not read at all.
        for _ in 0..200 {
            zeros.write_all(&megabyte).expect("compresses");
        }
        let bomb = zeros.finish().expect("an archive");
        assert!(unpack(&bomb, &["package/a".to_owned()]).is_err());
    }
}
