//! Reading a `User-Agent` header: browser, system and kind of device, as far as a score needs them.
//!
//! Only names that tell people's devices apart are known; what is unknown is taken as it is by its first product.
//! Histories that bring these columns along are not read again.

use super::event::Agent;

impl Agent {
    /// Reads a header; `hints` are the client hints, joined in one order.
    #[must_use]
    pub fn parse(text: &str, hints: Option<String>) -> Self {
        let text = clipped(text);
        Self {
            browser: browser(text),
            system: system(text),
            device: Some(device(text).to_owned()),
            text: Some(text.to_owned()),
            hints,
        }
    }
}

/// The most of a header that is looked at.
const MOST_BYTES: usize = 1024;

fn clipped(text: &str) -> &str {
    let mut end = text.len().min(MOST_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// What a browser calls itself, the particular before what it pretends to be.
const BROWSERS: &[(&str, &str)] = &[
    ("EdgA/", "Edge Mobile"),
    ("EdgiOS/", "Edge Mobile"),
    ("Edg/", "Edge"),
    ("Edge/", "Edge"),
    ("OPR/", "Opera"),
    ("Opera/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("YaBrowser/", "Yandex"),
    ("Vivaldi/", "Vivaldi"),
    ("FxiOS/", "Firefox iOS"),
    ("Firefox/", "Firefox"),
    ("CriOS/", "Chrome iOS"),
    ("Chromium/", "Chromium"),
    ("Chrome/", "Chrome"),
];

fn browser(text: &str) -> Option<String> {
    for (mark, name) in BROWSERS {
        if let Some(version) = after(text, mark) {
            return Some(named(name, version));
        }
    }
    if text.contains("Safari/") {
        return Some(named("Safari", after(text, "Version/").unwrap_or("")));
    }
    let first = text.split_whitespace().next()?;
    let (name, version) = first.split_once('/').unwrap_or((first, ""));
    Some(named(name, version))
}

fn system(text: &str) -> Option<String> {
    if let Some(version) = after(text, "Windows NT ") {
        return Some(named("Windows", version));
    }
    if let Some(version) = after(text, "Android ") {
        return Some(named("Android", version));
    }
    for mark in ["iPhone OS ", "CPU OS "] {
        if let Some(version) = after(text, mark) {
            return Some(named("iOS", &version.replace('_', ".")));
        }
    }
    if let Some(version) = after(text, "Mac OS X ") {
        return Some(named("Mac OS X", &version.replace('_', ".")));
    }
    let known = ["CrOS", "Android", "Linux", "Windows", "FreeBSD"];
    known
        .into_iter()
        .find(|name| text.contains(name))
        .map(str::to_owned)
}

fn device(text: &str) -> &'static str {
    let has = |word: &str| text.contains(word);
    if has("bot") || has("Bot") || has("crawler") || has("spider") {
        "bot"
    } else if has("iPad") || has("Tablet") || (has("Android") && !has("Mobile")) {
        "tablet"
    } else if has("Mobile") || has("iPhone") || has("Phone") {
        "mobile"
    } else if system(text).is_some() {
        "desktop"
    } else {
        "unknown"
    }
}

fn named(name: &str, version: &str) -> String {
    match version {
        "" => name.to_owned(),
        version => format!("{name} {version}"),
    }
}

/// The version that follows a mark: digits, points and underscores.
fn after<'a>(text: &'a str, mark: &str) -> Option<&'a str> {
    let rest = &text[text.find(mark)? + mark.len()..];
    let end = rest
        .find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '_'))
        .unwrap_or(rest.len());
    Some(&rest[..end])
}

/// Versions as numbers, the first four; what is no number ends them.
pub(super) fn version(text: &str) -> [u32; 4] {
    let mut out = [0; 4];
    for (slot, part) in out.iter_mut().zip(text.split(['.', '_'])) {
        let Ok(number) = part.parse() else { break };
        *slot = number;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn common_browsers_are_told_apart() {
        for (text, browser, system, device) in [
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36 Edg/120.0.2210.91",
                "Edge 120.0.2210.91",
                "Windows 10.0",
                "desktop",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 13_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/13.1 Mobile/15E148 Safari/604.1",
                "Safari 13.1",
                "iOS 13.4",
                "mobile",
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:109.0) Gecko/20100101 Firefox/115.0",
                "Firefox 115.0",
                "Mac OS X 10.15",
                "desktop",
            ),
            (
                "Mozilla/5.0 (Linux; Android 12; SM-T220) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/99.0.4844.58 Safari/537.36",
                "Chrome 99.0.4844.58",
                "Android 12",
                "tablet",
            ),
            ("curl/8.1.0", "curl 8.1.0", "", "unknown"),
        ] {
            let agent = Agent::parse(text, None);
            assert_eq!(agent.browser.as_deref(), Some(browser));
            assert_eq!(agent.system.as_deref().unwrap_or(""), system);
            assert_eq!(agent.device.as_deref(), Some(device), "{text}");
        }
        assert!(version("10.2") > version("9.99.1") && version("x") == [0; 4]);
    }

    proptest! {
        #[test]
        fn any_header_is_read(text in ".{0,2000}") {
            let agent = Agent::parse(&text, None);
            prop_assert!(agent.text.is_some_and(|t| t.len() <= MOST_BYTES));
        }
    }
}
