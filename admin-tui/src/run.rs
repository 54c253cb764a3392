//! The loop that runs the terminal: waits for what happens, lets the console update and draw itself, carries its commands out.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crossterm::event::EventStream;
use crossterm::terminal::{Clear, ClearType};
use futures_util::StreamExt;
use ratatui::DefaultTerminal;
use tokio::sync::mpsc::{self, UnboundedSender};
use tokio::time::MissedTickBehavior;
use wire::{AuditQuery, PageQuery, PolicyText, ProblemCode, SubjectId, TryPolicy};

use crate::api::{Api, ApiError};
use crate::app::{App, Change, Command, Overlay};
use crate::clock;
use crate::editor;
use crate::event::{Judged, Message, Reply, TwoRevisions, translate};
use crate::screens;
use crate::theme::Theme;

/// Runs the console until its operator leaves. The terminal is restored also where it panics.
///
/// # Errors
/// Where the terminal cannot be read or drawn to.
pub fn run(api: Api, server: String, theme: Theme) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    // Sets the panic hook that restores the terminal; unlike `ratatui::run`, it does not panic where there is none.
    let mut terminal = ratatui::try_init()?;
    let result = runtime.block_on(serve(&mut terminal, api, server, theme));
    ratatui::restore();
    result
}

async fn serve(
    terminal: &mut DefaultTerminal,
    api: Api,
    server: String,
    theme: Theme,
) -> io::Result<()> {
    let size = terminal.size()?;
    let mut app = App::new(server, theme, clock::now(), (size.width, size.height));
    let (sender, mut replies) = mpsc::unbounded_channel();
    let mut keys = EventStream::new();
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut end = std::pin::pin!(ended());
    for command in app.start() {
        carry_out(command, &api, &sender, &app);
    }
    while !app.is_over {
        terminal.draw(|frame| screens::draw(frame, &app))?;
        let message = tokio::select! {
            event = keys.next() => match event {
                Some(event) => translate(&event?),
                // The terminal is gone.
                None => Some(Message::Terminate),
            },
            Some(reply) = replies.recv() => Some(Message::Reply(reply)),
            _ = ticks.tick() => Some(Message::Tick(clock::now())),
            () = &mut end => Some(Message::Terminate),
        };
        let Some(message) = message else { continue };
        for command in app.update(message) {
            if let Command::EditPolicy(text) = command {
                // Whatever reads the terminal's keys would take them from the editor.
                drop(keys);
                ratatui::restore();
                let edited = editor::edit(&text).map_err(|error| error.to_string());
                *terminal = ratatui::try_init()?;
                // Not `Terminal::clear`, which asks the terminal where its cursor is and takes its silence for a failure.
                crossterm::execute!(io::stdout(), Clear(ClearType::All))?;
                let size = terminal.size()?;
                app.size = (size.width, size.height);
                keys = EventStream::new();
                // The receiver outlives every sender's use: the loop holds it.
                let _ = sender.send(Reply::Edited(edited));
                continue;
            }
            carry_out(command, &api, &sender, &app);
        }
    }
    Ok(())
}

fn carry_out(command: Command, api: &Api, sender: &UnboundedSender<Reply>, app: &App) {
    if command == Command::CopySecret {
        // The receiver outlives every sender's use: the loop holds it.
        let _ = sender.send(Reply::Copied(copy_secret(app).is_ok()));
        return;
    }
    let (api, sender) = (api.clone(), sender.clone());
    tokio::spawn(async move {
        if let Some(reply) = perform(&api, command).await {
            // The console may have ended meanwhile; then nobody wants to know.
            let _ = sender.send(reply);
        }
    });
}

async fn perform(api: &Api, command: Command) -> Option<Reply> {
    Some(match command {
        Command::Whoami => Reply::Whoami(api.whoami().await),
        Command::ListSubjects {
            generation,
            goes,
            query,
        } => Reply::Subjects {
            generation,
            goes,
            result: api.subjects(&query).await,
        },
        Command::LoadSubject(id) => Reply::Subject(id, api.subject(id).await.map(Box::new)),
        Command::LoadActivity(id) => Reply::Activity(id, activity(api, id).await),
        Command::CreateSubject(new) => {
            Reply::SubjectCreated(api.create_subject(&new).await.map(Box::new))
        }
        Command::Invite { subject, username } => {
            Reply::Invited(username, api.invite(subject).await)
        }
        Command::Change(change) => {
            let result = make(api, &change).await;
            Reply::Changed(change, result)
        }
        Command::ListClients {
            generation,
            goes,
            query,
        } => Reply::Clients {
            generation,
            goes,
            result: api.clients(&query).await,
        },
        Command::LoadClient(id) => {
            let result = api.client(&id).await.map(Box::new);
            Reply::Client(id, result)
        }
        Command::CreateClient(new) => {
            Reply::ClientCreated(api.create_client(&new).await.map(Box::new))
        }
        Command::ListDuplicates {
            generation,
            goes,
            query,
        } => Reply::Duplicates {
            generation,
            goes,
            result: api.duplicate_pairs(&query).await,
        },
        Command::NewestSearch => {
            let query = PageQuery {
                after: None,
                limit: Some(1),
            };
            Reply::NewestSearch(api.duplicate_searches(&query).await)
        }
        Command::StartSearch(new) => Reply::SearchStarted(api.search_duplicates(&new).await),
        Command::LoadPolicy => Reply::Policy(api.policy().await.map(Box::new)),
        Command::ListPolicyRevisions {
            generation,
            goes,
            query,
        } => Reply::PolicyRevisions {
            generation,
            goes,
            result: api.policy_revisions(&query).await,
        },
        Command::LoadPolicyRevision(number) => {
            Reply::PolicyRevision(number, revision(api, number).await.map(Box::new))
        }
        Command::TryPolicy(text) => {
            let result = tried(api, text.clone()).await.map(Box::new);
            Reply::PolicyTried(text, result)
        }
        Command::FollowAudit(query) => Reply::Followed(api.audit(&query).await),
        Command::OlderAudit(query) => Reply::Older(api.audit(&query).await),
        Command::Health => {
            let began = Instant::now();
            let result = api.health().await;
            Reply::Health(result, began.elapsed())
        }
        Command::EditPolicy(_) | Command::CopySecret => return None,
    })
}

async fn make(api: &Api, change: &Change) -> Result<(), ApiError> {
    match change {
        Change::Suspend(id, _) => api.suspend(*id).await.map(drop),
        Change::Activate(id, _) => api.activate(*id).await.map(drop),
        Change::RemoveCredential(id, credential, _) => {
            api.remove_credential(*id, *credential).await
        }
        Change::RevokeSessions(id, _) => api.revoke_sessions(*id).await.map(drop),
        Change::Erase(id, _) => api.erase_subject(*id).await,
        Change::DeleteClient(id, _) => api.delete_client(id).await,
        Change::ApplyPolicy(seen, new) => api.replace_policy(*seen, new).await.map(drop),
        Change::ResetPolicy(seen) => api.reset_policy(*seen).await.map(drop),
        Change::DecidePair(id, decision, _) => api.decide_duplicate(*id, *decision).await.map(drop),
    }
}

/// A change of the policy and, for what it changed, the one before.
async fn revision(api: &Api, number: i64) -> Result<TwoRevisions, ApiError> {
    let it = api.policy_revision(number).await?;
    let before = match number {
        ..=1 => None,
        _ => Some(api.policy_revision(number - 1).await?),
    };
    Ok((it, before))
}

/// What is said of a policy; what it would have made of the past where it can be used and nobody else tries one.
async fn tried(api: &Api, text: String) -> Result<Judged, ApiError> {
    let text = PolicyText { text };
    let checked = api.check_policy(&text).await?;
    if !checked.faults.is_empty() {
        return Ok((checked, None));
    }
    let tried = TryPolicy {
        text: text.text,
        days: None,
    };
    match api.simulate_policy(&tried).await {
        Ok(simulation) => Ok((checked, Some(simulation))),
        Err(ApiError::Refused(problem)) if problem.code == ProblemCode::RateLimited => {
            Ok((checked, None))
        }
        Err(other) => Err(other),
    }
}

async fn activity(api: &Api, id: SubjectId) -> Result<wire::AuditPage, ApiError> {
    let query = AuditQuery {
        subject: Some(id),
        limit: Some(wire::DEFAULT_LIMIT),
        ..AuditQuery::default()
    };
    api.audit(&query).await
}

/// Hands the secret that is shown to the terminal's clipboard by the control sequence that most terminals know (OSC 52),
/// which works over ssh too, where this process has no clipboard of its own.
fn copy_secret(app: &App) -> io::Result<()> {
    let Some(Overlay::Once(once)) = &app.overlay else {
        return Ok(());
    };
    let text = STANDARD.encode(once.secret.expose());
    let mut out = io::stdout();
    write!(out, "\x1b]52;c;{text}\x07")?;
    out.flush()
}

/// Comes when the system asks the process to end, so that the terminal is restored then too.
#[cfg(unix)]
async fn ended() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut terminate), Ok(mut hang_up)) = (
        signal(SignalKind::terminate()),
        signal(SignalKind::hangup()),
    ) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = hang_up.recv() => {}
    }
}

#[cfg(not(unix))]
async fn ended() {
    std::future::pending().await
}

const TICK: Duration = Duration::from_millis(100);
