//! Images that are set aside because their label is wrong, and never because they are hard.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, ensure};

/// The images of a list: `person/image reason`, a line each; `#` begins a remark.
pub(super) struct Aside {
    /// The reason of each.
    images: BTreeMap<String, String>,
}

impl Aside {
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let text =
            fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        Self::parse(&text)
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        let mut images = BTreeMap::new();
        for line in text.lines().map(str::trim) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (image, reason) = line.split_once(' ').unwrap_or((line, ""));
            ensure!(
                image.contains('/') && !reason.trim().is_empty(),
                "not `person/image reason`: {line}"
            );
            images.insert(image.to_owned(), reason.trim().to_owned());
        }
        Ok(Self { images })
    }

    pub(super) fn holds(&self, person: &str, image: &str) -> bool {
        self.images.contains_key(&format!("{person}/{image}"))
    }

    /// Each image and its reason.
    pub(super) fn images(&self) -> impl Iterator<Item = (&str, &str)> {
        self.images.iter().map(|(i, r)| (i.as_str(), r.as_str()))
    }

    pub(super) fn len(&self) -> usize {
        self.images.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_set_aside_with_a_reason_only() {
        let aside = Aside::parse("# remark\n\na/1.jpg another person\n").expect("a list");
        assert!(aside.images().eq([("a/1.jpg", "another person")]));
        assert!(aside.holds("a", "1.jpg") && !aside.holds("a", "2.jpg") && aside.len() == 1);
        assert!(Aside::parse("a/1.jpg").is_err() && Aside::parse("a because").is_err());
    }
}
