//! Templates written as records that other makers' matchers read.

use std::fs;
use std::path::Path;

use anyhow::Context;
use clap::ValueEnum;
use matcher::fingerprint::Template;
use matcher::fingerprint::interchange::{Format, Labels, write};

/// Records that can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// ISO/IEC 19794-2:2005.
    Iso,
    /// ANSI INCITS 378-2004.
    Ansi,
}

/// Writes a stored template as `<name>.iso` or `<name>.ansi` into a folder, which is made.
pub(super) fn export(
    folder: &Path,
    name: &str,
    stored: &[u8],
    format: ExportFormat,
) -> anyhow::Result<()> {
    let (layout, extension) = match format {
        ExportFormat::Iso => (Format::Iso2005, "iso"),
        ExportFormat::Ansi => (Format::Ansi2004, "ansi"),
    };
    let record = write(&Template::from_bytes(stored)?, layout, Labels::default())?;
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let path = folder.join(format!("{name}.{extension}"));
    fs::write(&path, record).with_context(|| format!("cannot write {}", path.display()))
}
