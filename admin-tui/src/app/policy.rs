//! The policy tab: what counts now, a draft on its way from the editor to the server, and the changes of the past.
//!
//! A draft is work: it goes only where its operator says so, where the server has taken it, or where it says what counts
//! already. It is put in force only as the server judged it, and in the place of the revision that it was made of.

use wire::{NewPolicy, PageQuery, PolicyInForce, PolicyRevision, PolicyRevisionDetail};

use super::{App, Change, Command, Draft, Form, Goes, Judgement, Listing, Overlay, Question, Then};
use crate::api::ApiError;
use crate::keys::Act;
use crate::remarks;
use crate::theme::Tone;

/// The state of the tab.
#[derive(Debug, Default)]
pub struct PolicyBoard {
    /// What counts, once it has come.
    pub now: Option<PolicyInForce>,
    /// What was edited and does not count yet.
    pub draft: Option<Draft>,
    /// The changes, the newest first.
    pub history: Listing<PolicyRevision>,
    /// Whether they are shown.
    pub is_in_history: bool,
    /// The one that is looked at.
    pub past: Option<PastPolicy>,
    /// Whether what counts is shown as its text.
    pub shows_text: bool,
    /// The first line that is shown.
    pub scroll: usize,
    /// What the open editor was given: of which revision, and its text.
    editing: Option<(i64, String)>,
}

/// A change of the past.
#[derive(Debug)]
pub struct PastPolicy {
    /// Its number.
    pub number: i64,
    /// It, and the one before it, once they have come.
    pub loaded: Option<(PolicyRevisionDetail, Option<PolicyRevisionDetail>)>,
    /// Why they did not.
    pub error: Option<String>,
}

impl PolicyBoard {
    /// Loads what is shown, and asks what was left open of a draft.
    pub fn load(&mut self) -> Vec<Command> {
        let mut commands = vec![Command::LoadPolicy];
        if self.is_in_history {
            commands.push(self.load_history());
        }
        commands.extend(self.past.as_ref().map(|past| past.load()));
        commands.extend(self.draft.as_mut().and_then(Draft::ask_again));
        commands
    }

    fn load_history(&mut self) -> Command {
        request(self.history.begin(), Goes::Anew, None)
    }

    fn load_more(&mut self) -> Vec<Command> {
        let more = self.history.begin_more();
        let more = more.map(|(generation, after)| request(generation, Goes::On, Some(after)));
        more.into_iter().collect()
    }

    fn begin(&mut self, draft: Draft) -> Vec<Command> {
        self.is_in_history = false;
        self.past = None;
        self.scroll = 0;
        vec![self.draft.insert(draft).ask()]
    }
}

impl PastPolicy {
    fn load(&self) -> Command {
        Command::LoadPolicyRevision(self.number)
    }
}

fn request(generation: u64, goes: Goes, after: Option<String>) -> Command {
    Command::ListPolicyRevisions {
        generation,
        goes,
        query: PageQuery { after, limit: None },
    }
}

impl App {
    pub(super) fn act_on_policy(&mut self, act: Act) -> Vec<Command> {
        match act {
            Act::Move(motion) if self.policy.is_in_history && self.policy.past.is_none() => {
                self.policy.history.go(motion, self.page_rows());
                return self.policy.load_more();
            }
            Act::Move(motion) => {
                let page = usize::from(self.size.1.saturating_sub(ROWS_AROUND));
                let last = crate::screens::policy_lines(self).saturating_sub(page);
                self.policy.scroll = motion.apply(self.policy.scroll.min(last), last + 1, page);
            }
            Act::EditPolicy => return self.edit_policy(),
            Act::ApplyPolicy => self.ask_to_apply(),
            Act::DiscardPolicy => {
                self.overlay = Some(Overlay::Question(Question::then(
                    "Forget what was edited?".to_owned(),
                    "It is kept nowhere else. What counts stays as it is.",
                    Then::ForgetDraft,
                )));
            }
            Act::ResetPolicy => self.ask_to_reset(),
            Act::ToggleText => {
                self.policy.shows_text = !self.policy.shows_text;
                self.policy.scroll = 0;
            }
            Act::OpenHistory => {
                self.policy.is_in_history = true;
                return vec![self.policy.load_history()];
            }
            Act::Open => {
                if let Some(change) = self.policy.history.current() {
                    let past = PastPolicy {
                        number: change.revision,
                        loaded: None,
                        error: None,
                    };
                    self.policy.scroll = 0;
                    return vec![self.policy.past.insert(past).load()];
                }
            }
            Act::Back => {
                self.policy.scroll = 0;
                if self.policy.past.take().is_none() {
                    self.policy.is_in_history = false;
                }
            }
            Act::TakeRevision => return self.take_revision(),
            // The key table does not bind the rest here.
            _ => {}
        }
        Vec::new()
    }

    fn edit_policy(&mut self) -> Vec<Command> {
        let Some(now) = &self.policy.now else {
            return Vec::new();
        };
        let text = match &self.policy.draft {
            Some(draft) => draft.to_edit(now),
            None => now.text.clone(),
        };
        self.policy.editing = Some((now.revision, now.text.clone()));
        vec![Command::EditPolicy(text)]
    }

    fn ask_to_apply(&mut self) {
        let (Some(now), Some(draft)) = (&self.policy.now, &self.policy.draft) else {
            return;
        };
        if draft.is_overtaken(now) {
            self.say(
                Tone::Warn,
                "somebody else changed the policy: e opens yours beside what they changed",
            );
        } else if draft.is_usable() {
            self.form = Some(Form::policy(draft));
        } else {
            let why = match &draft.judgement {
                Judgement::Asked => "the server has not said yet what it makes of it",
                Judgement::Failed(_) => "the server did not say what it makes of it: r asks again",
                Judgement::Said(..) => "what is wrong with it is to be mended first: e edits it",
            };
            self.say(Tone::Warn, why);
        }
    }

    fn ask_to_reset(&mut self) {
        let Some(now) = &self.policy.now else {
            return;
        };
        if now.origin == wire::PolicyOrigin::File {
            self.say(Tone::Plain, "the configuration's policy counts already");
            return;
        }
        self.overlay = Some(Overlay::Question(Question::new(
            "Go back to the configuration's policy?".to_owned(),
            "What was written here counts no more, at once and on every replica; its revisions stay in the history.",
            Change::ResetPolicy(now.revision),
        )));
    }

    /// Makes a draft of the change that is looked at, to be tried and applied like any other.
    fn take_revision(&mut self) -> Vec<Command> {
        let (Some(now), Some(past)) = (&self.policy.now, &self.policy.past) else {
            return Vec::new();
        };
        let Some((detail, _)) = &past.loaded else {
            return Vec::new();
        };
        let Some(text) = detail.text.clone() else {
            self.ask_to_reset();
            return Vec::new();
        };
        if text == now.text {
            self.say(Tone::Plain, "that is what counts now");
            return Vec::new();
        }
        let note = format!("as revision {}", past.number);
        let draft = Draft {
            note,
            ..Draft::new(text, now.revision, now.text.clone())
        };
        self.policy.begin(draft)
    }

    /// Takes what the editor left.
    pub(super) fn edited(&mut self, result: Result<String, String>) -> Vec<Command> {
        let Some((of, base)) = self.policy.editing.take() else {
            return Vec::new();
        };
        let text = match result {
            Ok(text) => remarks::stripped(&text),
            Err(why) => {
                self.say(Tone::Bad, why);
                return Vec::new();
            }
        };
        if text.trim().is_empty() {
            self.say(Tone::Warn, "the editor left nothing: nothing is taken");
            return Vec::new();
        }
        if text == base {
            self.policy.draft = None;
            self.say(Tone::Plain, "nothing is changed");
            return Vec::new();
        }
        let before = self.policy.draft.as_mut();
        if let Some(draft) = before.filter(|draft| draft.text == text && draft.of == of) {
            return draft.ask_again().into_iter().collect();
        }
        let note = self.policy.draft.take().map(|draft| draft.note);
        self.policy.begin(Draft {
            note: note.unwrap_or_default(),
            ..Draft::new(text, of, base)
        })
    }

    /// Takes what counts. A draft that says the same is done with, whoever put it in force: the answer to ours may be lost.
    pub(super) fn policy_came(&mut self, now: PolicyInForce) {
        let is_ours = |draft: &Draft| draft.text == now.text;
        if self.policy.draft.as_ref().is_some_and(is_ours) {
            self.policy.draft = None;
            self.policy.scroll = 0;
            self.close_policy_form();
            let text = format!("what was edited counts now, as revision {}", now.revision);
            self.say(Tone::Good, text);
        }
        self.policy.now = Some(now);
    }

    /// Takes what became of a change of the policy.
    pub(super) fn policy_changed(
        &mut self,
        change: &Change,
        result: Result<(), ApiError>,
    ) -> Vec<Command> {
        let refused = match &result {
            Err(ApiError::Refused(problem)) => Some(problem.fields.contains_key("note")),
            Ok(()) | Err(ApiError::Away(_) | ApiError::Garbled(_)) => None,
        };
        if refused == Some(false) {
            // It is no matter of the form: somebody was faster, say. What counts shows it.
            self.close_policy_form();
        }
        if self.hear_form(result).is_some() {
            self.say(Tone::Good, change.done());
            self.policy.draft = None;
            self.policy.is_in_history = false;
            self.policy.past = None;
            self.policy.scroll = 0;
        }
        match self.link.is_up() {
            true => self.policy.load(),
            false => Vec::new(),
        }
    }

    fn close_policy_form(&mut self) {
        if self.form.as_ref().is_some_and(Form::is_policy) {
            self.form = None;
        }
    }
}

impl Draft {
    /// The change that puts it in force.
    pub fn change(&self, note: String) -> Change {
        let new = NewPolicy {
            text: self.text.clone(),
            note: Some(note).filter(|note| !note.is_empty()),
        };
        Change::ApplyPolicy(self.of, new)
    }
}

/// The rows that are not the tab's own.
const ROWS_AROUND: u16 = 4;
