//! The commands for scripts: one request each, a table or JSON on standard output, everything else on standard error.

mod policy;
mod print;

use std::io::{self, BufRead, IsTerminal, Write};
use std::process::ExitCode;

use anyhow::{Context, bail};
use wire::{
    AuditQuery, ClientId, ClientKind, HealthStatus, NewClient, NewOperator, NewOperatorToken,
    NewSubject, OperatorName, Page, PageQuery, SubjectId, SubjectQuery,
};

use crate::api::{Api, ApiError};
use crate::cli::{AuditTask, ClientTask, OperatorTask, SubjectTask, Tail, Task};
use crate::clock;

/// Does one task.
///
/// # Errors
/// Where the server cannot be reached or refuses.
pub fn run(api: &Api, task: Task) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(perform(api, task))
}

async fn perform(api: &Api, task: Task) -> anyhow::Result<ExitCode> {
    match task {
        Task::Whoami(output) => print::operator(output, &api.whoami().await?)?,
        Task::Subjects(task) => subjects(api, task).await?,
        Task::Invite {
            subject,
            qr,
            output,
        } => {
            let id = find_subject(api, &subject).await?;
            print::invitation(output, &api.invite(id).await?, qr)?;
            eprintln!("an earlier link of {subject} is void");
        }
        Task::Clients(task) => clients(api, task).await?,
        Task::Policy(task) => return policy::run(api, task).await,
        Task::Audit(AuditTask::Tail(tail)) => audit(api, tail).await?,
        Task::Operators(task) => operators(api, task).await?,
        Task::Health(output) => {
            let health = api.health().await?;
            print::health(output, &health)?;
            if health.status != HealthStatus::Up {
                return Ok(ExitCode::FAILURE);
            }
        }
        // Needs no server, and is done before there is one.
        Task::Completions { .. } => {}
    }
    Ok(ExitCode::SUCCESS)
}

async fn subjects(api: &Api, task: SubjectTask) -> anyhow::Result<()> {
    match task {
        SubjectTask::List { search, output } => {
            let all = every_page(async |after| {
                let query = SubjectQuery {
                    search: search.clone(),
                    after,
                    limit: Some(wire::MAX_LIMIT),
                };
                api.subjects(&query).await
            })
            .await?;
            print::subjects(output, &all, clock::now())?;
        }
        SubjectTask::Show { subject, output } => {
            let id = find_subject(api, &subject).await?;
            print::subject(output, &api.subject(id).await?, clock::now())?;
        }
        SubjectTask::Create {
            username,
            name,
            email,
            output,
        } => {
            let new = NewSubject {
                display_name: name.unwrap_or_else(|| username.clone()),
                username,
                email,
            };
            print::subject(output, &api.create_subject(&new).await?, clock::now())?;
        }
        SubjectTask::Suspend { subject } => {
            let id = find_subject(api, &subject).await?;
            api.suspend(id).await?;
            eprintln!("{subject} is suspended");
        }
        SubjectTask::Activate { subject } => {
            let id = find_subject(api, &subject).await?;
            api.activate(id).await?;
            eprintln!("{subject} may sign in again");
        }
        SubjectTask::SignOut { subject } => {
            let id = find_subject(api, &subject).await?;
            let ended = api.revoke_sessions(id).await?.revoked;
            eprintln!("{ended} sessions of {subject} have ended");
        }
        SubjectTask::Erase { subject, yes } => {
            let id = find_subject(api, &subject).await?;
            confirm(yes, &format!("Erase {subject} for good?"))?;
            api.erase_subject(id).await?;
            eprintln!("{subject} is erased");
        }
    }
    Ok(())
}

async fn clients(api: &Api, task: ClientTask) -> anyhow::Result<()> {
    match task {
        ClientTask::List(output) => {
            let all = every_page(async |after| api.clients(&page_query(after)).await).await?;
            print::clients(output, &all)?;
        }
        ClientTask::Show { client, output } => {
            print::client(output, &api.client(&ClientId(client)).await?)?;
        }
        ClientTask::Create {
            name,
            redirect_uri,
            post_logout_redirect_uri,
            scope,
            public,
            output,
        } => {
            let new = NewClient {
                name,
                kind: if public {
                    ClientKind::Public
                } else {
                    ClientKind::Confidential
                },
                redirect_uris: redirect_uri,
                post_logout_redirect_uris: post_logout_redirect_uri,
                scopes: scope,
            };
            print::created_client(output, &api.create_client(&new).await?)?;
        }
        ClientTask::Remove { client, yes } => {
            confirm(yes, &format!("Remove {client}?"))?;
            api.delete_client(&ClientId(client.clone())).await?;
            eprintln!("{client} is removed");
        }
    }
    Ok(())
}

async fn operators(api: &Api, task: OperatorTask) -> anyhow::Result<()> {
    match task {
        OperatorTask::List(output) => {
            let all = every_page(async |after| api.operators(&page_query(after)).await).await?;
            print::operators(output, &all, clock::now())?;
        }
        OperatorTask::Create { name, role } => {
            let new = NewOperator {
                name: OperatorName(name),
                role: role.into(),
            };
            let operator = api.create_operator(&new).await?;
            eprintln!("{} is {} now", operator.name, operator.role);
        }
        OperatorTask::Token { name, hours } => {
            let new = NewOperatorToken {
                lifetime_s: hours.map(|hours| hours.saturating_mul(3600)),
            };
            let issued = api.issue_operator_token(&OperatorName(name), &new).await?;
            print::issued_token(&issued)?;
        }
        OperatorTask::Revoke { name, token } => {
            let id = token.parse().context("a token's id is a UUID")?;
            api.revoke_operator_token(&OperatorName(name), id).await?;
            eprintln!("the token is revoked");
        }
        OperatorTask::Remove { name, yes } => {
            confirm(yes, &format!("Remove the operator {name}?"))?;
            api.delete_operator(&OperatorName(name.clone())).await?;
            eprintln!("{name} is removed");
        }
    }
    Ok(())
}

async fn audit(api: &Api, tail: Tail) -> anyhow::Result<()> {
    let subject = match &tail.subject {
        Some(subject) => Some(find_subject(api, subject).await?),
        None => None,
    };
    let mut query = AuditQuery {
        limit: Some(tail.lines.max(1)),
        subject,
        kind: tail.kind.clone(),
        ..AuditQuery::default()
    };
    loop {
        let page = api.audit(&query).await?;
        // A newer server may know more kinds: what it has events of is known to it.
        if let Some(kind) = tail.kind.as_deref().filter(|_| page.events.is_empty()) {
            check_kind(kind)?;
        }
        for event in &page.events {
            print::event(tail.output, event)?;
        }
        if !tail.follow {
            return Ok(());
        }
        query.after = Some(page.last_seq);
        query.limit = Some(wire::MAX_LIMIT);
        query.wait_s = Some(FOLLOW_WAIT_S);
        if page.events.is_empty() {
            // A server that does not hold requests is not to be asked without end.
            tokio::time::sleep(FOLLOW_REST).await;
        }
    }
}

/// Whether there can be events of this kind, or of kinds of this noun.
fn check_kind(kind: &str) -> anyhow::Result<()> {
    let is_it = |known: &&str| {
        let noun = known.split_once('.').map(|(noun, _)| noun);
        *known == kind || noun == Some(kind)
    };
    if !wire::AUDIT_KINDS.iter().any(is_it) {
        bail!(
            "there is no kind {kind}; the kinds are {}, or the nouns in front of the full stop",
            wire::AUDIT_KINDS.join(", ")
        );
    }
    Ok(())
}

/// The id of a subject that is named by its id or its whole username.
async fn find_subject(api: &Api, named: &str) -> anyhow::Result<SubjectId> {
    if let Ok(id) = named.parse() {
        return Ok(id);
    }
    let mut after = None;
    loop {
        let query = SubjectQuery {
            search: Some(named.to_owned()),
            after,
            limit: Some(wire::MAX_LIMIT),
        };
        let page = api.subjects(&query).await?;
        if let Some(subject) = page.items.iter().find(|subject| subject.username == named) {
            return Ok(subject.id);
        }
        match page.next {
            Some(next) => after = Some(next),
            None => bail!("there is no subject with the username {named}"),
        }
    }
}

async fn every_page<T>(
    load: impl AsyncFn(Option<String>) -> Result<Page<T>, ApiError>,
) -> Result<Vec<T>, ApiError> {
    let mut all = Vec::new();
    let mut after = None;
    loop {
        let page = load(after).await?;
        all.extend(page.items);
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(all),
        }
    }
}

fn page_query(after: Option<String>) -> PageQuery {
    PageQuery {
        after,
        limit: Some(wire::MAX_LIMIT),
    }
}

/// Asks before something that cannot be taken back; a script has to say --yes.
fn confirm(is_confirmed: bool, question: &str) -> anyhow::Result<()> {
    if is_confirmed {
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        bail!("{question} Nobody is here to ask; --yes does it");
    }
    eprint!("{question} [y/N] ");
    io::stderr().flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    if !matches!(answer.trim(), "y" | "Y" | "yes") {
        bail!("not done");
    }
    Ok(())
}

const FOLLOW_WAIT_S: u32 = 20;
const FOLLOW_REST: std::time::Duration = std::time::Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::check_kind;

    #[test]
    fn a_kind_that_nothing_has_is_told_with_those_that_there_are() {
        for kind in ["login", "login.finished", "operator", "biometrics.erased"] {
            assert!(check_kind(kind).is_ok(), "{kind}");
        }
        for kind in ["nonsense", "log", "login.", ".finished", "finished"] {
            let error = check_kind(kind).expect_err(kind).to_string();
            assert!(
                error.contains(kind) && error.contains("login.began"),
                "{error}"
            );
        }
    }
}
