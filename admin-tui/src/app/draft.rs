//! A policy that was edited here and does not count yet: what it was made of, and what the server says of it.

use wire::{PolicyCheck, PolicyInForce, PolicySimulation};

use super::Command;
use crate::remarks;

/// A policy on its way from the editor to the server.
#[derive(Clone, Debug)]
pub struct Draft {
    /// As the editor left it.
    pub text: String,
    /// The revision that it was made of.
    pub of: i64,
    /// That revision's text.
    pub base: String,
    /// What may be said of the change.
    pub note: String,
    /// What the server says of it.
    pub judgement: Judgement,
}

/// What the server says of a draft.
#[derive(Clone, Debug)]
pub enum Judgement {
    /// Nothing yet.
    Asked,
    /// What it asks for or what is wrong, and what would have become of the past, where that was tried.
    Said(PolicyCheck, Option<PolicySimulation>),
    /// It did not say.
    Failed(String),
}

impl Draft {
    /// A text that is to be judged, made of a revision with this text.
    pub fn new(text: String, of: i64, base: String) -> Self {
        Self {
            text,
            of,
            base,
            note: String::new(),
            judgement: Judgement::Asked,
        }
    }

    /// Whether the server would take it, as far as it has said.
    pub fn is_usable(&self) -> bool {
        matches!(&self.judgement, Judgement::Said(check, _) if check.faults.is_empty())
    }

    /// Whether somebody else changed the policy since.
    pub fn is_overtaken(&self, now: &PolicyInForce) -> bool {
        self.of != now.revision
    }

    /// The text as it is given to the editor.
    pub fn to_edit(&self, now: &PolicyInForce) -> String {
        let mut heads = Vec::new();
        if self.is_overtaken(now) {
            let by = now.changed_by.as_deref().unwrap_or("somebody");
            heads.extend(remarks::of_change(by, now.revision, &self.base, &now.text));
        }
        let faults = match &self.judgement {
            Judgement::Said(check, _) => check.faults.as_slice(),
            Judgement::Asked | Judgement::Failed(_) => &[],
        };
        if !faults.is_empty() {
            heads.push(remarks::of_faults(faults.len()));
        }
        remarks::annotated(&self.text, &heads, faults)
    }

    /// Asks the server what it says of it.
    pub fn ask(&mut self) -> Command {
        self.judgement = Judgement::Asked;
        Command::TryPolicy(self.text.clone())
    }

    /// Asks anew where the last answer left something open.
    pub fn ask_again(&mut self) -> Option<Command> {
        match &self.judgement {
            Judgement::Failed(_) => Some(self.ask()),
            Judgement::Said(check, None) if check.faults.is_empty() => Some(self.ask()),
            Judgement::Asked | Judgement::Said(..) => None,
        }
    }
}
