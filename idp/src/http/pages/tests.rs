//! Every page rendered: pinned as a snapshot, held against markup in its fields, and against the rules
//! of the policy and of accessibility that markup alone can show.

use std::collections::HashSet;

use scraper::{ElementRef, Html, Selector};

use self::samples::{Pages, every_page, hostile, plain};
use super::content_security_policy;
use crate::http::assets;

mod elsewhere;
mod me;
mod samples;

/// Each page in both deployments, under a name of its own.
fn plain_pages() -> Vec<(String, Html)> {
    let mut documents = Vec::new();
    for demo in [false, true] {
        for (name, html) in every_page(plain, demo) {
            documents.push((
                format!("{name} (demo: {demo})"),
                Html::parse_document(&html),
            ));
        }
    }
    documents
}

fn all<'a>(document: &'a Html, selector: &str) -> Vec<ElementRef<'a>> {
    document
        .select(&Selector::parse(selector).expect("a selector"))
        .collect()
}

/// Names and attribute names of all elements in order: what markup in a field must not change.
fn skeleton(html: &str) -> Vec<String> {
    all(&Html::parse_document(html), "*")
        .iter()
        .map(|element| {
            let mut names: Vec<&str> = element.value().attrs().map(|(name, _)| name).collect();
            names.sort_unstable();
            format!("{} {}", element.value().name(), names.join(" "))
        })
        .collect()
}

#[test]
fn every_page_looks_as_it_did() {
    for (name, html) in every_page(plain, true) {
        // To look at the pages: set this to a folder, and serve that folder with the assets beside it.
        if let Some(folder) = std::env::var_os("WHORL_GALLERY") {
            let file = std::path::Path::new(&folder).join(format!("{name}.html"));
            std::fs::write(file, &html).expect("the gallery's folder can be written");
        }
        insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(name, without_versions(&html));
        });
    }
}

/// Pages that write no field of theirs.
const TEXTLESS: [&str; 2] = ["enrol_fingerprint", "signed_out"];

/// Asset versions change with every edit of an asset, which is no change of the page.
fn without_versions(html: &str) -> String {
    let mut parts = html.split("?v=");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push_str("?v=…");
        out.push_str(part.trim_start_matches(|c: char| c.is_ascii_hexdigit()));
    }
    out
}

#[test]
fn markup_in_any_field_stays_text() {
    for demo in [false, true] {
        for ((name, clean), (_, attacked)) in every_page(plain, demo)
            .iter()
            .zip(&every_page(hostile, demo))
        {
            assert!(
                !attacked.contains("<script>alert"),
                "{name}: a script came through"
            );
            assert!(
                attacked.contains("alert(1)") || TEXTLESS.contains(name),
                "{name}: no field is written"
            );
            if *name != "enrol_totp" {
                assert_eq!(
                    skeleton(clean),
                    skeleton(attacked),
                    "{name}: the structure changed"
                );
            }
        }
    }
}

#[test]
fn a_secret_with_markup_changes_only_the_number_of_groups() {
    let of = |pages: Pages| {
        pages
            .into_iter()
            .find(|(name, _)| *name == "enrol_totp")
            .expect("rendered")
            .1
    };
    let kinds = |html: String| skeleton(&html).into_iter().collect::<HashSet<_>>();
    assert_eq!(
        kinds(of(every_page(plain, true))),
        kinds(of(every_page(hostile, true)))
    );
}

#[test]
fn no_page_carries_inline_style_or_script() {
    for (name, document) in plain_pages() {
        assert!(
            all(&document, "style, object, embed, base").is_empty(),
            "{name}"
        );
        // Only where other applications hear of the end of a session.
        let framed = name.starts_with("farewell");
        assert_eq!(!all(&document, "iframe").is_empty(), framed, "{name}");
        for script in all(&document, "script") {
            assert!(
                script
                    .attr("src")
                    .is_some_and(|src| src.starts_with("/assets/")),
                "{name}: inline script"
            );
            assert_eq!(script.attr("nonce"), Some("N0nce"), "{name}");
            assert_eq!(script.attr("type"), Some("module"), "{name}");
        }
        for element in all(&document, "*") {
            for (attribute, _) in element.value().attrs() {
                assert!(
                    attribute != "style" && !attribute.starts_with("on"),
                    "{name}: {attribute}"
                );
            }
        }
    }
}

#[test]
fn every_asset_that_a_page_names_is_embedded() {
    for (name, document) in plain_pages() {
        for (selector, attribute) in [("script", "src"), ("link", "href"), ("use", "href")] {
            for element in all(&document, selector) {
                let address = element.attr(attribute).expect("has an address");
                let (path, fragment) = address.split_once('#').unwrap_or((address, ""));
                let file = path.split(['/', '?']).nth(2).expect("a name");
                let asset =
                    assets::find(file).unwrap_or_else(|| panic!("{name}: {file} is missing"));
                assert!(
                    path.ends_with(&asset.version),
                    "{name}: {address} has no version"
                );
                let text = String::from_utf8_lossy(asset.bytes);
                assert!(
                    text.contains(&format!("id=\"{fragment}\"")) || fragment.is_empty(),
                    "{name}: {address}"
                );
            }
        }
    }
}

#[test]
fn every_page_can_be_read_aloud() {
    for (name, document) in plain_pages() {
        assert_eq!(
            all(&document, "html[lang=en]").len(),
            1,
            "{name}: no language"
        );
        assert_eq!(all(&document, "h1").len(), 1, "{name}: one main heading");
        assert_eq!(all(&document, "main").len(), 1, "{name}: one main part");
        let title: String = all(&document, "title")
            .iter()
            .flat_map(|title| title.text())
            .collect();
        assert!(
            title.len() > 10 && !title.starts_with(' '),
            "{name}: title {title:?}"
        );
        assert!(
            all(&document, "[autofocus]").len() <= 1,
            "{name}: two inputs ask for the focus"
        );

        let ids: Vec<&str> = all(&document, "[id]")
            .iter()
            .filter_map(|element| element.attr("id"))
            .collect();
        let unique: HashSet<&str> = ids.iter().copied().collect();
        assert_eq!(ids.len(), unique.len(), "{name}: an id stands twice");
        for attribute in [
            "aria-describedby",
            "aria-labelledby",
            "aria-controls",
            "for",
        ] {
            for element in all(&document, &format!("[{attribute}]")) {
                for id in element
                    .attr(attribute)
                    .unwrap_or_default()
                    .split_whitespace()
                {
                    assert!(
                        unique.contains(id),
                        "{name}: {attribute} names {id}, which is not there"
                    );
                }
            }
        }
        for input in all(&document, "input:not([type=hidden], [hidden])") {
            let labelled = input
                .attr("id")
                .is_some_and(|id| !all(&document, &format!("label[for={id}]")).is_empty());
            let wrapped = input
                .parent()
                .and_then(ElementRef::wrap)
                .is_some_and(|parent| parent.value().name() == "label");
            assert!(labelled || wrapped, "{name}: an input without a label");
        }
        for button in all(&document, "button, a[href]") {
            assert!(
                button.text().any(|text| !text.trim().is_empty()),
                "{name}: a control without a name"
            );
        }
    }
}

#[test]
fn a_problem_is_told_beside_its_input() {
    for (name, document) in plain_pages()
        .iter()
        .filter(|(name, _)| name.starts_with("login_password_problem"))
    {
        let input = all(document, "#password")[0];
        assert_eq!(input.attr("aria-invalid"), Some("true"), "{name}");
        assert!(
            input
                .attr("aria-describedby")
                .is_some_and(|ids| ids.contains("problem")),
            "{name}"
        );
        assert_eq!(all(document, "#problem[role=alert]").len(), 1, "{name}");
    }
}

#[test]
fn uploads_are_offered_in_the_demonstration_only() {
    for (name, document) in plain_pages() {
        let uploads = all(&document, "input[type=file]").len();
        assert!(
            name.ends_with("true)") || uploads == 0,
            "{name} takes an upload"
        );
    }
    let uploads: usize = plain_pages()
        .iter()
        .map(|(_, document)| all(document, "input[type=file]").len())
        .sum();
    assert_eq!(
        uploads, 5,
        "two faces at login, a face at enrolment, a fingerprint each"
    );
}

#[test]
fn the_policy_names_only_the_nonce_and_what_a_form_needs() {
    assert_eq!(
        content_security_policy("N0nce", &["https://library.example"]),
        "default-src 'none'; script-src 'nonce-N0nce'; style-src 'self'; img-src 'self'; connect-src 'self'; \
         form-action 'self' https://library.example; frame-ancestors 'none'; base-uri 'none'"
    );
}

/// What is left of a template without what is computed and without its tags; of the tags, what is shown or read aloud.
fn plain_text(template: &str) -> String {
    let mut text = template.to_owned();
    for (begin, end) in [("{#", "#}"), ("{%", "%}"), ("{{", "}}")] {
        while let Some(at) = text.find(begin) {
            let length = text[at..].find(end).expect("an end") + end.len();
            text.replace_range(at..at + length, "");
        }
    }
    let mut told = Vec::new();
    for (nth, part) in text.split(['<', '>']).enumerate() {
        match nth % 2 {
            0 => told.push(part.to_owned()),
            _ => told.extend(
                ["aria-label", "title", "alt", "placeholder"]
                    .iter()
                    .filter_map(|name| {
                        let value = part.split_once(&format!(" {name}=\""))?.1;
                        Some(value.split('"').next()?.to_owned())
                    }),
            ),
        }
    }
    told.join("\n")
}

#[test]
fn no_template_says_anything_by_itself() {
    assert_eq!(
        plain_text("<p title=\"a {{ b }}\">{% if c %}d{% endif %}</p>").trim(),
        "a \nd"
    );
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http/pages");
    let mut seen = 0;
    let mut folders = vec![root];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            // The parts hold no text, but attributes by themselves.
            let is_template = path.extension().is_some_and(|it| it == "html");
            if !is_template || path.ends_with("parts.html") {
                continue;
            }
            seen += 1;
            let text = plain_text(&std::fs::read_to_string(&path).expect("a template"));
            let words = text.split(|c: char| !c.is_alphabetic());
            let words: Vec<&str> = words.filter(|word| word.len() > 1).collect();
            assert!(words.is_empty(), "{path:?}: {words:?}");
        }
    }
    assert!(seen > 40, "{seen}");
}
