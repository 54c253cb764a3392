//! `whorl-admin policy`: the policy from and into files.

use std::fs;
use std::io::{self, Read};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, bail};
use wire::{NewPolicy, PolicyInForce, PolicyText, TryPolicy};

use super::{confirm, every_page, page_query, print};
use crate::api::Api;
use crate::cli::{Output, PolicyTask};

pub(super) async fn run(api: &Api, task: PolicyTask) -> anyhow::Result<ExitCode> {
    match task {
        PolicyTask::Show {
            revision,
            text,
            output,
        } => show(api, revision, text, output).await?,
        PolicyTask::Check { file, output } => {
            let text = read(&file)?;
            let checked = api.check_policy(&PolicyText { text }).await?;
            print::policy_check(output, &file, &checked)?;
            if !checked.faults.is_empty() {
                return Ok(ExitCode::FAILURE);
            }
        }
        PolicyTask::Simulate { file, days, output } => {
            let text = usable(api, &file).await?;
            let tried = TryPolicy { text, days };
            print::simulation(output, &api.simulate_policy(&tried).await?)?;
        }
        PolicyTask::Apply {
            file,
            note,
            revision,
            output,
        } => {
            let text = usable(api, &file).await?;
            let new = NewPolicy { text, note };
            let seen = match revision {
                Some(revision) => revision,
                None => api.policy().await?.revision,
            };
            changed(output, &api.replace_policy(seen, &new).await?)?;
        }
        PolicyTask::History(output) => {
            let all =
                every_page(async |after| api.policy_revisions(&page_query(after)).await).await?;
            print::revisions(output, &all)?;
        }
        PolicyTask::Restore {
            revision,
            note,
            yes,
            output,
        } => {
            let seen = api.policy().await?.revision;
            let past = api.policy_revision(revision).await?;
            let Some(text) = past.text else {
                bail!(
                    "revision {revision} went back to the configuration's policy: `policy reset` does that"
                );
            };
            confirm(
                yes,
                &format!("Go back to the policy of revision {revision}?"),
            )?;
            let note = note.or_else(|| Some(format!("as revision {revision}")));
            changed(
                output,
                &api.replace_policy(seen, &NewPolicy { text, note }).await?,
            )?;
        }
        PolicyTask::Reset { yes, output } => {
            let seen = api.policy().await?.revision;
            confirm(yes, "Go back to the configuration's policy?")?;
            changed(output, &api.reset_policy(seen).await?)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn show(
    api: &Api,
    revision: Option<i64>,
    wants_text: bool,
    output: Output,
) -> anyhow::Result<()> {
    let Some(revision) = revision else {
        let now = api.policy().await?;
        match wants_text {
            true => print::text(&now.text)?,
            false => print::policy(output, &now)?,
        }
        return Ok(());
    };
    let past = api.policy_revision(revision).await?;
    match (wants_text, &past.text) {
        (true, Some(text)) => print::text(text)?,
        (true, None) => {
            bail!(
                "revision {revision} went back to the configuration's policy, whose text is not kept"
            )
        }
        (false, _) => print::past_policy(output, &past)?,
    }
    Ok(())
}

fn changed(output: Output, now: &PolicyInForce) -> anyhow::Result<()> {
    if output.json {
        print::policy(output, now)?;
    }
    eprintln!("revision {} is in force", now.revision);
    Ok(())
}

/// The text of a file that has no fault; the faults are told by their lines where it has.
async fn usable(api: &Api, file: &Path) -> anyhow::Result<String> {
    let text = PolicyText { text: read(file)? };
    let checked = api.check_policy(&text).await?;
    if checked.faults.is_empty() {
        return Ok(text.text);
    }
    for fault in &checked.faults {
        eprintln!("{}", print::fault(file, fault));
    }
    bail!("nothing is done: {} to mend", checked.faults.len())
}

/// The text of a file, or of standard input where it is `-`.
fn read(file: &Path) -> anyhow::Result<String> {
    if file == Path::new("-") {
        let mut text = String::new();
        io::stdin().read_to_string(&mut text)?;
        return Ok(text);
    }
    fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
}
