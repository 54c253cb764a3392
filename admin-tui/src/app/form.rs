//! A form: its fields, what is wrong with them, and the request it makes.

use crossterm::event::{KeyCode, KeyEvent};
use url::Url;
use wire::{ClientKind, FactorKind, NewClient, NewDuplicateSearch, NewSubject, Problem};

use super::{App, Command, Draft, Input};
use crate::keys::Act;
use crate::theme::Tone;

/// A form that is being filled in.
#[derive(Clone, Debug)]
pub struct Form {
    /// What it makes.
    pub kind: FormKind,
    /// Its fields.
    pub fields: Vec<Field>,
    /// The field that is typed into.
    pub focus: usize,
    /// Whether it has been sent and the answer is awaited.
    pub is_sending: bool,
    /// What is wrong with the whole.
    pub error: Option<String>,
}

/// What a form makes.
#[derive(Clone, Debug)]
pub enum FormKind {
    /// A subject.
    Subject,
    /// A client.
    Client,
    /// A search for people who are enrolled twice.
    DuplicateSearch,
    /// A policy in force.
    Policy(Box<Draft>),
}

/// One field.
#[derive(Clone, Debug)]
pub struct Field {
    /// Its name in the request, by which a refusal names it too.
    pub name: &'static str,
    /// What stands in front of it.
    pub label: &'static str,
    /// What it is for.
    pub hint: &'static str,
    /// What is in it.
    pub value: Value,
    /// What is wrong with it.
    pub error: Option<String>,
}

/// What a field holds.
#[derive(Clone, Debug)]
pub enum Value {
    /// A line of text.
    Text(Input),
    /// One of some words.
    Choice {
        /// The words.
        options: &'static [&'static str],
        /// Which of them.
        chosen: usize,
    },
}

impl Form {
    /// An empty form for a subject.
    pub fn subject() -> Self {
        Self::new(
            FormKind::Subject,
            vec![
                text("username", "Username", "what the subject types to identify"),
                text("display_name", "Name", "what the subject is called"),
                text("email", "E-mail", "may be left empty"),
            ],
        )
    }

    /// An empty form for a client.
    pub fn client() -> Self {
        let kind = Field {
            name: "kind",
            label: "Kind",
            hint: "Space changes it: confidential for a server, public for a browser or an app",
            value: Value::Choice {
                options: &["confidential", "public"],
                chosen: 0,
            },
            error: None,
        };
        let scopes = Field {
            value: Value::Text(Input::with_text("openid profile email")),
            ..text(
                "scopes",
                "Scopes",
                "what it may ask for, with spaces between",
            )
        };
        Self::new(
            FormKind::Client,
            vec![
                text("name", "Name", "what people see on the consent page"),
                kind,
                text(
                    "redirect_uris",
                    "Redirect URIs",
                    "with spaces between; compared character by character",
                ),
                text(
                    "post_logout_redirect_uris",
                    "After logout",
                    "URIs, with spaces between; may be left empty",
                ),
                scopes,
            ],
        )
    }

    /// A form for a search for people who are enrolled twice.
    pub fn duplicate_search() -> Self {
        let factor = Field {
            name: "factor",
            label: "Compare",
            hint: "Space changes it: every face with every other, or every finger",
            value: Value::Choice {
                options: &["face", "fingerprint"],
                chosen: 0,
            },
            error: None,
        };
        let rate = Field {
            value: Value::Text(Input::with_text("0.01")),
            ..text(
                "false_positive_identification_rate",
                "Rate",
                "of those enrolled once, how many may be raised: 0.01 is one in a hundred",
            )
        };
        Self::new(FormKind::DuplicateSearch, vec![factor, rate])
    }

    /// A form that puts an edited policy in force.
    pub fn policy(draft: &Draft) -> Self {
        let note = Field {
            value: Value::Text(Input::with_text(&draft.note)),
            ..text(
                "note",
                "Why",
                "in a line, for the history; may be left empty",
            )
        };
        Self::new(FormKind::Policy(Box::new(draft.clone())), vec![note])
    }

    /// Whether it does that.
    pub fn is_policy(&self) -> bool {
        matches!(self.kind, FormKind::Policy(_))
    }

    /// What comes of it, where that is not plain.
    pub fn advice(&self) -> &'static str {
        match self.kind {
            FormKind::Policy(_) => "It counts at once, for logins under way too",
            FormKind::Subject | FormKind::Client | FormKind::DuplicateSearch => "",
        }
    }

    /// What stands above it.
    pub fn title(&self) -> String {
        match &self.kind {
            FormKind::Subject => "New subject".to_owned(),
            FormKind::Client => "New client".to_owned(),
            FormKind::DuplicateSearch => "Who is enrolled twice".to_owned(),
            FormKind::Policy(draft) => format!("Put it in force as revision {}", draft.of + 1),
        }
    }

    /// Takes a key of the field that is typed into.
    pub fn type_key(&mut self, key: KeyEvent) {
        let Some(field) = self.fields.get_mut(self.focus) else {
            return;
        };
        match &mut field.value {
            Value::Text(input) => {
                if input.edit(key) {
                    field.error = None;
                }
            }
            Value::Choice { options, chosen } => match key.code {
                KeyCode::Char(' ') | KeyCode::Right => *chosen = (*chosen + 1) % options.len(),
                KeyCode::Left => *chosen = (*chosen + options.len() - 1) % options.len(),
                _ => {}
            },
        }
    }

    /// Takes a refusal: what it says of single fields goes there, and the cursor to the first of them.
    pub fn refuse(&mut self, problem: &Problem) {
        self.is_sending = false;
        for field in &mut self.fields {
            field.error = problem.fields.get(field.name).cloned();
        }
        let first = self.fields.iter().position(|field| field.error.is_some());
        match first {
            Some(at) => self.focus = at,
            None => {
                self.error = Some(match &problem.detail {
                    Some(detail) => format!("{}: {detail}", problem.title),
                    None => problem.title.clone(),
                });
            }
        }
    }

    fn new(kind: FormKind, fields: Vec<Field>) -> Self {
        Self {
            kind,
            fields,
            focus: 0,
            is_sending: false,
            error: None,
        }
    }

    fn step(&mut self, step: usize) {
        self.focus = (self.focus + step) % self.fields.len().max(1);
    }

    fn value(&self, name: &str) -> String {
        let field = self.fields.iter().find(|field| field.name == name);
        match field.map(|field| &field.value) {
            Some(Value::Text(input)) => input.trimmed(),
            Some(Value::Choice { options, chosen }) => {
                options.get(*chosen).copied().unwrap_or_default().to_owned()
            }
            None => String::new(),
        }
    }

    fn words(&self, name: &str) -> Vec<String> {
        let value = self.value(name);
        let words = value.split([' ', ',', '\t']);
        words
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect()
    }

    /// What is wrong with a field, as far as it can be told here; the server has the last word.
    fn fault(&self, field: &Field) -> Option<String> {
        let value = self.value(field.name);
        let fault = match field.name {
            "username" if value.is_empty() => "give a username",
            "username" if value.chars().any(char::is_whitespace) => "no spaces here",
            "display_name" | "name" if value.is_empty() => "give a name",
            "email" if !value.is_empty() && !is_address(&value) => "not an e-mail address",
            "false_positive_identification_rate" if !is_rate(&value) => {
                "a number above 0, and at most 0.5"
            }
            "redirect_uris" if value.is_empty() => "give at least one",
            "redirect_uris" | "post_logout_redirect_uris" => {
                let words = self.words(field.name);
                let bad = words.iter().find(|word| Url::parse(word).is_err())?;
                return Some(format!("not a URI: {bad}"));
            }
            _ => return None,
        };
        Some(fault.to_owned())
    }

    /// The request, where nothing is wrong.
    fn request(&mut self) -> Option<Command> {
        self.error = None;
        let faults: Vec<_> = self.fields.iter().map(|field| self.fault(field)).collect();
        let first = faults.iter().position(Option::is_some);
        for (field, fault) in self.fields.iter_mut().zip(faults) {
            field.error = fault;
        }
        if let Some(at) = first {
            self.focus = at;
            return None;
        }
        self.is_sending = true;
        Some(match &self.kind {
            FormKind::Policy(draft) => Command::Change(draft.change(self.value("note"))),
            FormKind::Subject => {
                let email = self.value("email");
                Command::CreateSubject(NewSubject {
                    username: self.value("username"),
                    display_name: self.value("display_name"),
                    email: (!email.is_empty()).then_some(email),
                })
            }
            FormKind::Client => Command::CreateClient(NewClient {
                name: self.value("name"),
                kind: match self.value("kind").as_str() {
                    "public" => ClientKind::Public,
                    _ => ClientKind::Confidential,
                },
                redirect_uris: self.words("redirect_uris"),
                post_logout_redirect_uris: self.words("post_logout_redirect_uris"),
                scopes: self.words("scopes"),
            }),
            FormKind::DuplicateSearch => {
                let rate = self.value("false_positive_identification_rate");
                Command::StartSearch(NewDuplicateSearch {
                    factor: match self.value("factor").as_str() {
                        "fingerprint" => FactorKind::Fingerprint,
                        _ => FactorKind::Face,
                    },
                    false_positive_identification_rate: rate.parse().unwrap_or_default(),
                })
            }
        })
    }
}

impl App {
    pub(super) fn act_in_form(&mut self, act: Act) -> Vec<Command> {
        let is_up = self.link.is_up();
        let Some(form) = &mut self.form else {
            return Vec::new();
        };
        let is_last = form.focus + 1 == form.fields.len();
        match act {
            Act::Cancel => self.form = None,
            Act::NextField => form.step(1),
            Act::PreviousField => form.step(form.fields.len() - 1),
            Act::Toggle => form.type_key(KeyEvent::from(KeyCode::Char(' '))),
            Act::Enter if !is_last => form.step(1),
            Act::Enter | Act::Submit if form.is_sending => {}
            Act::Enter | Act::Submit if !is_up => {
                self.say(Tone::Warn, "the server is away; what you typed stays");
            }
            Act::Enter | Act::Submit => return form.request().into_iter().collect(),
            // The key table does not bind the rest here.
            _ => {}
        }
        Vec::new()
    }
}

fn text(name: &'static str, label: &'static str, hint: &'static str) -> Field {
    Field {
        name,
        label,
        hint,
        value: Value::Text(Input::default()),
        error: None,
    }
}

fn is_rate(text: &str) -> bool {
    text.parse()
        .is_ok_and(|rate: f64| rate > 0.0 && rate <= 0.5)
}

fn is_address(text: &str) -> bool {
    text.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty() && !domain.is_empty() && !text.chars().any(char::is_whitespace)
    })
}
