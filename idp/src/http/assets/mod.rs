//! The files that pages refer to: embedded at build time, served at `/assets/<name>`, found by name.
//!
//! A page asks for `/assets/<name>?v=<digest>`, which may be cached for good. A module imports its
//! siblings by their bare name; such a request must be revalidated by its entity tag.

use std::sync::LazyLock;

use aws_lc_rs::digest::{SHA256, digest};

/// One embedded file.
#[derive(Clone, Debug)]
pub struct Asset {
    pub name: &'static str,
    pub content_type: &'static str,
    pub bytes: &'static [u8],
    /// A strong entity tag, quotes included (RFC 9110 §8.8.3).
    pub etag: String,
    /// What `?v=` must be for the answer to be cached for good.
    pub version: String,
}

impl Asset {
    /// What `Cache-Control` should say for a request with this `v` in its query.
    pub fn cache_control(&self, v: Option<&str>) -> &'static str {
        if v == Some(self.version.as_str()) {
            "public, max-age=31536000, immutable"
        } else {
            "no-cache"
        }
    }
}

/// The asset of that name.
pub fn find(name: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.name == name)
}

/// The address of an asset with its version; without one where there is no such asset.
pub fn path(name: &str) -> String {
    match find(name) {
        Some(asset) => format!("/assets/{name}?v={}", asset.version),
        None => format!("/assets/{name}"),
    }
}

static ASSETS: LazyLock<Vec<Asset>> =
    LazyLock::new(|| FILES.iter().map(|file| describe(*file)).collect());

fn describe((name, content_type, bytes): File) -> Asset {
    let hash = hex::encode(digest(&SHA256, bytes));
    let version = hash.chars().take(VERSION_DIGITS).collect();
    Asset {
        name,
        content_type,
        bytes,
        etag: format!("\"{hash}\""),
        version,
    }
}

type File = (&'static str, &'static str, &'static [u8]);

/// Forty-eight bits: enough to tell the versions of one file apart.
const VERSION_DIGITS: usize = 12;

const CSS: &str = "text/css; charset=utf-8";
const MODULE: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

const FILES: &[File] = &[
    ("whorl.css", CSS, include_bytes!("whorl.css")),
    ("capture.css", CSS, include_bytes!("capture.css")),
    ("demo.css", CSS, include_bytes!("demo.css")),
    ("page.js", MODULE, include_bytes!("page.js")),
    ("password.js", MODULE, include_bytes!("password.js")),
    ("rhythm.js", MODULE, include_bytes!("rhythm.js")),
    ("codes.js", MODULE, include_bytes!("codes.js")),
    ("form_post.js", MODULE, include_bytes!("form_post.js")),
    (
        "check_session.js",
        MODULE,
        include_bytes!("check_session.js"),
    ),
    ("farewell.js", MODULE, include_bytes!("farewell.js")),
    ("webauthn.js", MODULE, include_bytes!("webauthn.js")),
    ("passkey.js", MODULE, include_bytes!("passkey.js")),
    ("hand_over.js", MODULE, include_bytes!("hand_over.js")),
    ("device.js", MODULE, include_bytes!("device.js")),
    ("camera.js", MODULE, include_bytes!("camera.js")),
    ("capture.js", MODULE, include_bytes!("capture.js")),
    ("link.js", MODULE, include_bytes!("link.js")),
    ("stage.js", MODULE, include_bytes!("stage.js")),
    ("viewfinder.js", MODULE, include_bytes!("viewfinder.js")),
    ("favicon.svg", SVG, include_bytes!("favicon.svg")),
    ("demo-icon.svg", SVG, include_bytes!("demo-icon.svg")),
    ("whorl-field.svg", SVG, include_bytes!("whorl-field.svg")),
    ("icons.svg", SVG, include_bytes!("icons.svg")),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_asset_is_found_by_its_name_only() {
        assert!(find("whorl.css").is_some_and(|asset| asset.content_type == CSS));
        assert!(find("../mod.rs").is_none());
        assert!(find("").is_none());
    }

    #[test]
    fn only_the_current_version_is_cached_for_good() {
        let asset = find("page.js").expect("embedded");
        assert!(
            asset
                .cache_control(Some(&asset.version))
                .contains("immutable")
        );
        assert_eq!(asset.cache_control(Some("000000000000")), "no-cache");
        assert_eq!(asset.cache_control(None), "no-cache");
    }

    #[test]
    fn modules_import_only_what_is_embedded() {
        for (name, _, bytes) in FILES.iter().filter(|file| file.1 == MODULE) {
            let text = std::str::from_utf8(bytes).expect("UTF-8");
            for line in text.lines().filter(|line| line.starts_with("import ")) {
                let target = line
                    .split('"')
                    .nth(1)
                    .and_then(|from| from.strip_prefix("./"));
                assert!(target.and_then(find).is_some(), "{name}: {line}");
            }
        }
    }

    #[test]
    fn nothing_embedded_refers_to_another_host() {
        for (name, _, bytes) in FILES {
            let text = std::str::from_utf8(bytes)
                .expect("UTF-8")
                .replace("http://www.w3.org/2000/svg", "");
            assert!(
                !text.contains("http:") && !text.contains("https:"),
                "{name}"
            );
        }
    }
}
