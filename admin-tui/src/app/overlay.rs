//! What lies above the screens: the help, a question before a change, a secret that is shown once.

use crossterm::event::KeyEvent;
use time::OffsetDateTime;
use wire::WireSecret;

use super::{App, Change, Command, Input, Motion};
use crate::keys::Act;
use crate::theme::Tone;

/// The thing on top.
#[derive(Debug)]
pub enum Overlay {
    /// Every key.
    Help {
        /// The first line that is shown.
        scroll: usize,
    },
    /// A change to confirm.
    Question(Question),
    /// A secret.
    Once(Once),
}

/// A change to confirm.
#[derive(Debug)]
pub struct Question {
    /// The question.
    pub title: String,
    /// What comes of it.
    pub body: String,
    /// What has to be typed, and what has been.
    pub typed: Option<(String, Input)>,
    then: Then,
}

/// What a question is about.
#[derive(Debug)]
pub enum Then {
    /// Something that is asked of the world.
    Ask(Command),
    /// To forget the edited policy.
    ForgetDraft,
    /// To leave the console.
    Leave,
}

/// A secret that is shown once.
#[derive(Debug)]
pub struct Once {
    /// What it is.
    pub title: String,
    /// What to do with it.
    pub advice: String,
    /// What is not secret about it, as label and value.
    pub facts: Vec<(&'static str, String)>,
    /// The secret.
    pub secret: WireSecret,
    /// Whether it is a link, which a camera may read from a QR code.
    pub is_link: bool,
    /// When it ends.
    pub expires_at: Option<OffsetDateTime>,
}

impl Question {
    /// A question that is answered with yes or no.
    pub fn new(title: String, body: &str, change: Change) -> Self {
        Self::before(title, body, Command::Change(change))
    }

    /// The same before anything else that is not to happen by one key alone.
    pub fn before(title: String, body: &str, command: Command) -> Self {
        Self::then(title, body, Then::Ask(command))
    }

    /// The same before something that the console does by itself.
    pub fn then(title: String, body: &str, then: Then) -> Self {
        Self {
            title,
            body: body.to_owned(),
            typed: None,
            then,
        }
    }

    /// The same, answered by typing this name.
    #[must_use]
    pub fn typed(mut self, name: String) -> Self {
        self.typed = Some((name, Input::default()));
        self
    }

    /// Whether it may be done: where a name is to be typed, it has been.
    pub fn is_settled(&self) -> bool {
        self.typed
            .as_ref()
            .is_none_or(|(name, input)| input.trimmed() == *name)
    }

    /// Takes a key of the name.
    pub fn type_key(&mut self, key: KeyEvent) {
        if let Some((_, input)) = &mut self.typed {
            input.edit(key);
        }
    }
}

impl App {
    pub(super) fn answer_overlay(&mut self, act: Act) -> Vec<Command> {
        match (act, self.overlay.take()) {
            (Act::Confirm, Some(Overlay::Question(question))) if question.is_settled() => {
                match question.then {
                    Then::Ask(command) => return vec![command],
                    Then::Leave => self.is_over = true,
                    Then::ForgetDraft => {
                        self.policy.draft = None;
                        self.policy.scroll = 0;
                    }
                }
                Vec::new()
            }
            (Act::Confirm, Some(Overlay::Question(question))) => {
                self.say(Tone::Warn, "the name is not the same");
                self.overlay = Some(Overlay::Question(question));
                Vec::new()
            }
            (Act::Copy, once @ Some(Overlay::Once(_))) => {
                self.overlay = once;
                vec![Command::CopySecret]
            }
            // Cancel closes whatever it is.
            _ => Vec::new(),
        }
    }

    pub(super) fn scroll_overlay(&mut self, motion: Motion) {
        // The help takes all rows but the footer and its own frame.
        let room = usize::from(self.size.1.saturating_sub(3));
        let last = crate::screens::help_lines(self.size.0).saturating_sub(room);
        if let Some(Overlay::Help { scroll }) = &mut self.overlay {
            *scroll = motion.apply(*scroll, last + 1, room);
        }
    }
}
