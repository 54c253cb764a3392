//! The table of attacks: who plays each, and what stops it.

use std::fs;

use aws_lc_rs::digest;
use serde::Deserialize;

use crate::root;

/// All attacks.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    #[serde(rename = "attack")]
    pub attacks: Vec<Attack>,
}

/// One attack.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attack {
    /// Short, with hyphens.
    pub name: String,
    /// What is tried, and what must come of it.
    pub about: String,
    /// Scenarios: `file::test`, with `::embedded` where it runs on both backends.
    pub tests: Vec<String>,
    /// What stops it; each alone must be missed.
    #[serde(default, rename = "guard")]
    pub guards: Vec<Guard>,
    /// Why no guard can be switched off, where none can.
    pub uncontrolled: Option<String>,
}

/// A place in the source that stops an attack.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Guard {
    /// Path in the workspace.
    pub file: String,
    /// The guard's text, once in the file.
    pub find: String,
    /// The same where `OFF` is whether it is switched off.
    pub without: String,
    /// Further places that stop the same, behind or before it: one switch for all.
    #[serde(default)]
    pub also: Vec<Place>,
    /// Scenarios that miss it, where these are not all of the attack's.
    #[serde(default)]
    pub missed_by: Vec<String>,
}

/// A text in the source.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    pub file: String,
    pub find: String,
    pub without: String,
}

impl Table {
    /// # Panics
    /// When it is no table.
    pub fn read() -> Self {
        let text = fs::read_to_string(root().join("tests/controls/attacks.toml"));
        toml::from_str(&text.expect("attacks.toml")).expect("attacks.toml is the table")
    }

    /// Every guard with its attack.
    pub fn guards(&self) -> impl Iterator<Item = (&Attack, &Guard)> {
        self.attacks
            .iter()
            .flat_map(|attack| attack.guards.iter().map(move |guard| (attack, guard)))
    }
}

impl Attack {
    /// The scenarios that miss one of its guards.
    pub fn missing<'a>(&'a self, guard: &'a Guard) -> &'a [String] {
        if guard.missed_by.is_empty() {
            &self.tests
        } else {
            &guard.missed_by
        }
    }
}

impl Guard {
    /// The name of its switch.
    pub fn switch(&self, attack: &Attack) -> String {
        format!("{}/{}", attack.name, &self.digest()[..8])
    }

    /// As it stands in `seen.txt`.
    pub fn line(&self, attack: &Attack) -> String {
        format!("{} {}", self.switch(attack), attack.missing(self).join(" "))
    }

    /// Every text that it consists of: the file, how it stands there, and how without it.
    pub fn places(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        let also = self.also.iter();
        let also = also.map(|it| (it.file.as_str(), it.find.as_str(), it.without.as_str()));
        std::iter::once((
            self.file.as_str(),
            self.find.as_str(),
            self.without.as_str(),
        ))
        .chain(also)
    }

    fn digest(&self) -> String {
        let places: Vec<String> = self
            .places()
            .map(|(file, find, without)| format!("{file}\n{find}\n{without}"))
            .collect();
        let text = places.join("\n");
        let digest = digest::digest(&digest::SHA256, text.as_bytes());
        digest
            .as_ref()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }
}
