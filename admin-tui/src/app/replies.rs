//! What the server's replies change.

use wire::{AuditPage, ProblemCode};

use super::{App, Change, ClientView, Command, Judgement, Link, Once, Overlay, SubjectView, Tab};
use crate::api::ApiError;
use crate::event::Reply;
use crate::theme::Tone;

impl App {
    pub(super) fn take(&mut self, reply: Reply) -> Vec<Command> {
        match reply {
            Reply::Whoami(result) => {
                let was_up = self.link.is_up();
                if let Some(operator) = self.hear(result) {
                    self.operator = Some(operator);
                    if !was_up {
                        return self.connected();
                    }
                }
            }
            Reply::Subjects {
                generation,
                goes,
                result,
            } => match self.hear(result) {
                Some(page) => {
                    let list = &mut self.subjects.list;
                    list.accept(generation, goes, page, |a, b| a.id == b.id);
                }
                None => self.subjects.list.fail(generation),
            },
            Reply::Subject(id, result) => {
                let failure = result.as_ref().err().map(ToString::to_string);
                let detail = self.hear(result);
                if let Some(view) = self.subjects.open.as_mut().filter(|view| view.id == id) {
                    if let Some(detail) = detail {
                        view.username.clone_from(&detail.summary.username);
                        view.detail = Some(*detail);
                        view.clamp();
                    }
                    view.error = failure;
                }
            }
            Reply::Activity(id, result) => {
                if let Some(page) = self.hear(result)
                    && let Some(view) = self.subjects.open.as_mut().filter(|view| view.id == id)
                {
                    view.activity = page.events.into_iter().rev().collect();
                    view.clamp();
                }
            }
            Reply::SubjectCreated(result) => {
                if let Some(detail) = self.hear_form(result) {
                    let (id, name) = (detail.summary.id, detail.summary.username.clone());
                    self.say(Tone::Good, format!("{name} is created; i invites"));
                    self.tab = Tab::Subjects;
                    self.subjects.add(detail.summary.clone());
                    let commands = self.open_subject(id, name);
                    if let Some(view) = &mut self.subjects.open {
                        view.detail = Some(*detail);
                    }
                    return commands;
                }
            }
            Reply::Invited(username, result) => {
                if let Some(invitation) = self.hear(result) {
                    self.overlay = Some(Overlay::Once(Once {
                        title: format!("Invitation for {username}"),
                        advice: "Hand it over in person or on a way that only they read. Whoever opens it first enrols; an earlier link is void.".to_owned(),
                        facts: Vec::new(),
                        secret: invitation.url,
                        is_link: true,
                        expires_at: Some(invitation.expires_at),
                    }));
                }
            }
            Reply::Changed(change @ (Change::ApplyPolicy(..) | Change::ResetPolicy(_)), result) => {
                return self.policy_changed(&change, result);
            }
            Reply::Changed(change, result) => {
                let is_gone = matches!(
                    &result,
                    Err(ApiError::Refused(problem)) if problem.code == ProblemCode::NotFound
                );
                if self.hear(result).is_some() {
                    return self.changed(change);
                }
                if let (Change::DecidePair(id, ..), true) = (change, is_gone) {
                    self.say(
                        Tone::Warn,
                        "that pair is no longer there: somebody decided it, or what was compared is erased",
                    );
                    self.duplicates.list.remove(|pair| pair.id == id);
                    return self.duplicates.load(self.now);
                }
            }
            Reply::Clients {
                generation,
                goes,
                result,
            } => match self.hear(result) {
                Some(page) => {
                    let list = &mut self.clients.list;
                    list.accept(generation, goes, page, |a, b| a.id == b.id);
                }
                None => self.clients.list.fail(generation),
            },
            Reply::Client(id, result) => {
                let failure = result.as_ref().err().map(ToString::to_string);
                let detail = self.hear(result);
                if let Some(view) = self.clients.open.as_mut().filter(|view| view.id == id) {
                    if let Some(detail) = detail {
                        view.detail = Some(*detail);
                    }
                    view.error = failure;
                }
            }
            Reply::ClientCreated(result) => {
                if let Some(created) = self.hear_form(result) {
                    return self.client_created(*created);
                }
            }
            Reply::Duplicates {
                generation,
                goes,
                result,
            } => match self.hear(result) {
                Some(page) => {
                    let list = &mut self.duplicates.list;
                    list.accept(generation, goes, page, |a, b| a.id == b.id);
                }
                None => self.duplicates.list.fail(generation),
            },
            Reply::NewestSearch(result) => {
                if let Some(page) = self.hear(result) {
                    let newest = page.items.into_iter().next();
                    return self.duplicates.accept(newest, self.now);
                }
            }
            Reply::SearchStarted(result) => {
                if let Some(search) = self.hear_form(result) {
                    self.say(Tone::Good, "the search has started; it goes on by itself");
                    self.tab = Tab::Duplicates;
                    self.duplicates.newest = Some(search);
                    return self.duplicates.load(self.now);
                }
            }
            Reply::Policy(result) => {
                if let Some(now) = self.hear(result) {
                    self.policy_came(*now);
                }
            }
            Reply::PolicyRevisions {
                generation,
                goes,
                result,
            } => match self.hear(result) {
                Some(page) => {
                    let list = &mut self.policy.history;
                    list.accept(generation, goes, page, |a, b| a.revision == b.revision);
                }
                None => self.policy.history.fail(generation),
            },
            Reply::PolicyRevision(number, result) => {
                let error = result.as_ref().err().map(ToString::to_string);
                let loaded = self.hear(result).map(|loaded| *loaded);
                let past = self.policy.past.as_mut();
                if let Some(past) = past.filter(|past| past.number == number) {
                    past.loaded = loaded.or(past.loaded.take());
                    past.error = error;
                }
            }
            Reply::Edited(result) => return self.edited(result),
            Reply::PolicyTried(text, result) => {
                let why = result.as_ref().err().map(ToString::to_string);
                let judgement = match self.hear(result) {
                    Some(said) => Judgement::Said(said.0, said.1),
                    None => Judgement::Failed(why.unwrap_or_default()),
                };
                if let Some(draft) = self.policy.draft.as_mut().filter(|it| it.text == text) {
                    draft.judgement = judgement;
                }
            }
            Reply::Followed(result) => match self.hear(result) {
                Some(page) => return self.followed(page),
                None => self.audit.stop(),
            },
            Reply::Older(result) => {
                let page = self.hear(result);
                self.audit.prepend(page);
            }
            Reply::Health(result, took) => {
                if let Some(health) = self.hear(result) {
                    self.health.accept(health, took, self.now);
                }
            }
            Reply::Copied(true) => self.say(Tone::Good, "sent to the terminal's clipboard"),
            Reply::Copied(false) => self.say(Tone::Warn, "the terminal takes no clipboard"),
        }
        Vec::new()
    }

    /// What every reply says about the connection; a refusal of something else is told in the status line.
    fn hear<T>(&mut self, result: Result<T, ApiError>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(ApiError::Away(reason)) => {
                self.link.fail(self.now, reason);
                None
            }
            Err(ApiError::Refused(problem)) if problem.code == ProblemCode::InvalidToken => {
                self.link = Link::SignedOut {
                    reason: problem.detail.clone().unwrap_or(problem.title),
                };
                None
            }
            Err(error @ ApiError::Garbled(_)) if !self.link.is_up() => {
                self.link.fail(self.now, error.to_string());
                None
            }
            Err(error @ (ApiError::Refused(_) | ApiError::Garbled(_))) => {
                self.say(Tone::Bad, error.to_string());
                None
            }
        }
    }

    /// The same for a form, which stays open and shows what is wrong with it.
    pub(super) fn hear_form<T>(&mut self, result: Result<T, ApiError>) -> Option<T> {
        if let Some(form) = &mut self.form {
            form.is_sending = false;
            if let Err(ApiError::Refused(problem)) = &result
                && problem.code != ProblemCode::InvalidToken
            {
                form.refuse(problem);
                return None;
            }
        }
        let value = self.hear(result)?;
        self.form = None;
        Some(value)
    }

    fn connected(&mut self) -> Vec<Command> {
        if matches!(self.link, Link::Away { .. }) {
            self.say(Tone::Good, "connected again");
        }
        self.link = Link::Up;
        let mut commands = self.audit.resume();
        commands.extend(self.refresh_shown());
        commands
    }

    /// Loads what is shown: after a pause nobody knows what has changed.
    fn refresh_shown(&mut self) -> Vec<Command> {
        match self.tab {
            Tab::Audit => Vec::new(),
            Tab::Subjects | Tab::Clients | Tab::Health | Tab::Duplicates | Tab::Policy => {
                self.refresh()
            }
        }
    }

    fn followed(&mut self, page: AuditPage) -> Vec<Command> {
        let is_first = !self.audit.is_loaded;
        let is_of_policy = page.events.iter().any(|it| it.kind == "policy.changed");
        let concerned = self.audit.follow(page, self.now);
        if is_first {
            return Vec::new();
        }
        let mut commands = Vec::new();
        if is_of_policy && self.tab == Tab::Policy {
            // Who edits is to know at once that somebody else was faster.
            commands.extend(self.policy.load());
        }
        if !concerned.is_empty() {
            self.subjects.mark_stale();
            let open = self.subjects.open.as_ref();
            commands.extend(
                open.filter(|view| concerned.contains(&view.id))
                    .into_iter()
                    .flat_map(SubjectView::load),
            );
        }
        commands
    }

    fn changed(&mut self, change: Change) -> Vec<Command> {
        self.say(Tone::Good, change.done());
        match change {
            Change::Suspend(..)
            | Change::Activate(..)
            | Change::RemoveCredential(..)
            | Change::RevokeSessions(..) => {
                let mut commands = match &self.subjects.open {
                    Some(view) => view.load(),
                    None => Vec::new(),
                };
                commands.extend(self.subjects.load(self.now));
                commands
            }
            Change::Erase(id, _) => {
                self.subjects.open = None;
                self.subjects.list.remove(|subject| subject.id == id);
                self.subjects.load(self.now)
            }
            Change::DeleteClient(id, _) => {
                self.clients.open = None;
                self.clients.list.remove(|client| client.id == id);
                self.clients.load()
            }
            Change::DecidePair(id, ..) => {
                self.duplicates.list.remove(|pair| pair.id == id);
                self.duplicates.load(self.now)
            }
            // These are taken elsewhere, refused or not.
            Change::ApplyPolicy(..) | Change::ResetPolicy(_) => Vec::new(),
        }
    }

    fn client_created(&mut self, created: wire::CreatedClient) -> Vec<Command> {
        let detail = created.client;
        let (id, name) = (detail.summary.id.clone(), detail.summary.name.clone());
        self.say(Tone::Good, format!("{name} is registered"));
        if let Some(secret) = created.secret {
            self.overlay = Some(Overlay::Once(Once {
                title: format!("The secret of {name}"),
                advice: "Put it into the application's configuration now. Only its hash is kept: it cannot be shown again.".to_owned(),
                facts: vec![("client_id", id.to_string())],
                secret,
                is_link: false,
                expires_at: None,
            }));
        }
        self.tab = Tab::Clients;
        self.clients.open = Some(ClientView {
            id,
            name,
            detail: Some(detail),
            error: None,
        });
        self.clients.load()
    }
}
