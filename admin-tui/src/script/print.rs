//! What the commands for scripts print: aligned columns for people, the API's own JSON for programs.

use std::borrow::Cow;
use std::io::{self, IsTerminal, Write};
use std::path::Path;

use qrcode::{EcLevel, QrCode};
use serde::Serialize;
use time::OffsetDateTime;
use wire::{
    AuditEvent, ClientDetail, ClientSummary, CreatedClient, Health, Invitation,
    IssuedOperatorToken, Operator, OperatorDetail, PolicyCheck, PolicyFault, PolicyInForce,
    PolicyOrigin, PolicyRevision, PolicyRevisionDetail, PolicySimulation, PolicyTable, PolicyTally,
    SubjectDetail, SubjectSummary,
};

use crate::cli::Output;
use crate::when;

type Printed = anyhow::Result<()>;

pub(super) fn operator(output: Output, operator: &Operator) -> Printed {
    if output.json {
        return json(operator);
    }
    facts(&[
        ("name", operator.name.to_string()),
        ("role", operator.role.to_string()),
        ("token ends", when::stamp(operator.expires_at)),
    ])
}

pub(super) fn subjects(output: Output, all: &[SubjectSummary], now: OffsetDateTime) -> Printed {
    if output.json {
        return json(all);
    }
    let heads = [
        "USERNAME",
        "NAME",
        "E-MAIL",
        "STATUS",
        "FACTORS",
        "LAST LOGIN",
    ];
    let rows = all.iter().map(|subject| {
        let factors: Vec<&str> = subject.factors.iter().map(|f| f.as_str()).collect();
        [
            subject.username.clone(),
            subject.display_name.clone(),
            dash(subject.email.clone()),
            subject.status.to_string(),
            dash(Some(factors.join(","))),
            dash(subject.last_login_at.map(|at| when::ago(now, at))),
        ]
    });
    table(heads, rows.collect())
}

pub(super) fn subject(output: Output, detail: &SubjectDetail, now: OffsetDateTime) -> Printed {
    if output.json {
        return json(detail);
    }
    let summary = &detail.summary;
    facts(&[
        ("id", summary.id.to_string()),
        ("username", summary.username.clone()),
        ("name", summary.display_name.clone()),
        ("e-mail", dash(summary.email.clone())),
        ("status", summary.status.to_string()),
        ("created", when::stamp(summary.created_at)),
        ("last login", dash(summary.last_login_at.map(when::stamp))),
        ("failures", detail.failures.to_string()),
        ("blocked", dash(detail.blocked_until.map(when::stamp))),
        ("sessions", detail.sessions.len().to_string()),
    ])?;
    if detail.credentials.is_empty() {
        return Ok(());
    }
    writeln!(io::stdout())?;
    let heads = ["CREDENTIAL", "FACTOR", "LABEL", "ENROLLED", "LAST USED"];
    let rows = detail.credentials.iter().map(|credential| {
        [
            credential.id.to_string(),
            credential.factor.to_string(),
            dash(credential.label.clone()),
            when::date(credential.created_at),
            dash(credential.last_used_at.map(|at| when::ago(now, at))),
        ]
    });
    table(heads, rows.collect())
}

pub(super) fn invitation(output: Output, invitation: &Invitation, qr: bool) -> Printed {
    if output.json {
        return json(invitation);
    }
    let mut out = io::stdout().lock();
    if qr {
        let code = QrCode::with_error_correction_level(invitation.url.expose(), EcLevel::L)?;
        let drawing = code
            .render::<qrcode::render::unicode::Dense1x2>()
            .dark_color(qrcode::render::unicode::Dense1x2::Light)
            .light_color(qrcode::render::unicode::Dense1x2::Dark)
            .build();
        writeln!(out, "{drawing}")?;
    }
    writeln!(out, "{}", invitation.url.expose())?;
    eprintln!("ends {}", when::stamp(invitation.expires_at));
    Ok(())
}

/// A text as it is: a pipe takes every byte of it, and a terminal no control character but its line ends.
pub(super) fn text(text: &str) -> Printed {
    let mut out = io::stdout();
    if !out.is_terminal() {
        out.write_all(text.as_bytes())?;
        return Ok(out.flush()?);
    }
    for line in text.lines() {
        writeln!(out, "{}", seen(line))?;
    }
    Ok(())
}

pub(super) fn past_policy(output: Output, past: &PolicyRevisionDetail) -> Printed {
    if output.json {
        return json(past);
    }
    revisions(output, std::slice::from_ref(&past.change))?;
    let Some(said) = &past.text else {
        return Ok(());
    };
    writeln!(io::stdout())?;
    text(said)
}

pub(super) fn policy(output: Output, now: &PolicyInForce) -> Printed {
    if output.json {
        return json(now);
    }
    let origin = match now.origin {
        PolicyOrigin::File => "the configuration's",
        PolicyOrigin::Revision => "written by an operator",
    };
    facts(&[
        ("revision", now.revision.to_string()),
        ("in force", origin.to_owned()),
        ("changed by", dash(now.changed_by.clone())),
        ("changed", dash(now.changed_at.map(when::stamp))),
        ("note", dash(now.note.clone())),
        ("default", now.table.default_acr.clone()),
    ])?;
    writeln!(io::stdout())?;
    policy_table(&now.table)
}

fn policy_table(asked: &PolicyTable) -> Printed {
    let heads = ["ACR", "WAYS", "AAL", "PHISHING", "CAPTURE", "FMR", "FRESH"];
    let rows = asked.acr.iter().map(|acr| {
        let ages = acr.max_age_s.iter();
        let ages: Vec<String> = ages.map(|(factor, s)| format!("{factor} {s} s")).collect();
        [
            acr.name.clone(),
            acr.ways.join(" | "),
            dash((acr.aal > 0).then(|| acr.aal.to_string())),
            dash(acr.phishing_resistant.then(|| "resists".to_owned())),
            dash(acr.capture.clone()),
            dash(acr.false_match_rate.map(|rate| format!("{rate:e}"))),
            dash(Some(ages.join(", ")).filter(|ages| !ages.is_empty())),
        ]
    });
    table(heads, rows.collect())?;
    if !asked.conditions.is_empty() {
        writeln!(io::stdout())?;
        let heads = [
            "CONDITION",
            "LOW",
            "MEDIUM",
            "HIGH",
            "STEP UP TO",
            "APPLIES",
        ];
        let rows = asked.conditions.iter().map(|condition| {
            [
                condition.name.clone(),
                condition.low.clone(),
                condition.medium.clone(),
                condition.high.clone(),
                dash(condition.step_up_to.clone()),
                condition.applies.clone(),
            ]
        });
        table(heads, rows.collect())?;
    }
    for note in &asked.notes {
        eprintln!("note: {}", seen(note));
    }
    Ok(())
}

pub(super) fn policy_check(output: Output, file: &Path, checked: &PolicyCheck) -> Printed {
    if output.json {
        return json(checked);
    }
    for it in &checked.faults {
        writeln!(io::stdout(), "{}", fault(file, it))?;
    }
    match &checked.table {
        Some(asked) => policy_table(asked),
        None => Ok(()),
    }
}

/// A fault, as compilers tell them.
pub(super) fn fault(file: &Path, fault: &PolicyFault) -> String {
    let line = fault
        .line
        .map_or_else(String::new, |line| format!("{line}:"));
    format!("{}:{line} {}", file.display(), seen(&fault.message))
}

pub(super) fn simulation(output: Output, tried: &PolicySimulation) -> Printed {
    if output.json {
        return json(tried);
    }
    let heads = ["CLIENT", "LOGINS", "SAME", "STEPPED UP", "REFUSED"];
    let row = |name: &str, tally: &PolicyTally| {
        [
            name.to_owned(),
            tally.logins.to_string(),
            tally.of("same").to_string(),
            tally.of("stepped_up").to_string(),
            tally.of("refused").to_string(),
        ]
    };
    let mut rows: Vec<_> = tried.clients.iter().map(|(id, own)| row(id, own)).collect();
    rows.push(row("all", &tried.all));
    table(heads, rows)?;
    let more = if tried.is_complete {
        ""
    } else {
        "; there are more, which were not tried"
    };
    eprintln!(
        "of {} logins of the last {} days {} would have been stepped up and {} refused, of {} people{more}",
        tried.all.logins,
        tried.days,
        tried.all.of("stepped_up"),
        tried.all.of("refused"),
        tried.people,
    );
    Ok(())
}

pub(super) fn revisions(output: Output, all: &[PolicyRevision]) -> Printed {
    if output.json {
        return json(all);
    }
    let heads = ["REVISION", "WHEN", "BY", "WHAT", "NOTE"];
    let rows = all.iter().map(|change| {
        let origin = match change.origin {
            PolicyOrigin::File => "the configuration's",
            PolicyOrigin::Revision => "written",
        };
        [
            change.revision.to_string(),
            when::stamp(change.changed_at),
            change.changed_by.clone(),
            origin.to_owned(),
            dash(change.note.clone()),
        ]
    });
    table(heads, rows.collect())
}

pub(super) fn clients(output: Output, all: &[ClientSummary]) -> Printed {
    if output.json {
        return json(all);
    }
    let heads = ["CLIENT ID", "NAME", "KIND", "SINCE"];
    let rows = all.iter().map(|client| {
        [
            client.id.to_string(),
            client.name.clone(),
            client.kind.to_string(),
            when::date(client.created_at),
        ]
    });
    table(heads, rows.collect())
}

pub(super) fn client(output: Output, detail: &ClientDetail) -> Printed {
    if output.json {
        return json(detail);
    }
    facts(&[
        ("client_id", detail.summary.id.to_string()),
        ("name", detail.summary.name.clone()),
        ("kind", detail.summary.kind.to_string()),
        ("signs in by", detail.auth_method.to_string()),
        ("redirect", detail.redirect_uris.join(" ")),
        (
            "after logout",
            dash(Some(detail.post_logout_redirect_uris.join(" "))),
        ),
        ("scopes", dash(Some(detail.scopes.join(" ")))),
        ("grants", detail.grant_types.join(" ")),
    ])
}

pub(super) fn created_client(output: Output, created: &CreatedClient) -> Printed {
    if output.json {
        return json(created);
    }
    client(output, &created.client)?;
    if let Some(secret) = &created.secret {
        facts(&[("secret", secret.expose().to_owned())])?;
        eprintln!("the secret is shown once: only its hash is kept");
    }
    Ok(())
}

pub(super) fn operators(output: Output, all: &[OperatorDetail], now: OffsetDateTime) -> Printed {
    if output.json {
        return json(all);
    }
    let heads = ["NAME", "ROLE", "SINCE", "TOKEN", "ENDS", "LAST USED"];
    let rows = all.iter().flat_map(|operator| {
        let start = [
            operator.name.to_string(),
            operator.role.to_string(),
            when::date(operator.created_at),
        ];
        let mut rows: Vec<[String; 6]> = operator
            .tokens
            .iter()
            .map(|token| {
                let [name, role, since] = start.clone();
                let used = dash(token.last_used_at.map(|at| when::ago(now, at)));
                let ends = when::until(now, token.expires_at);
                [name, role, since, token.id.to_string(), ends, used]
            })
            .collect();
        if rows.is_empty() {
            let [name, role, since] = start;
            rows.push([name, role, since, dash(None), dash(None), dash(None)]);
        }
        rows
    });
    table(heads, rows.collect())
}

/// The token alone on standard output, so that it can be written to a file.
pub(super) fn issued_token(issued: &IssuedOperatorToken) -> Printed {
    writeln!(io::stdout(), "{}", issued.token.expose())?;
    eprintln!(
        "token {} ends {}; it is shown once",
        issued.id,
        when::stamp(issued.expires_at)
    );
    Ok(())
}

pub(super) fn health(output: Output, health: &Health) -> Printed {
    if output.json {
        return json(health);
    }
    facts(&[
        ("status", health.status.to_string()),
        ("version", health.version.clone()),
        ("issuer", health.issuer.clone()),
        ("running for", when::span(health.uptime_s)),
    ])?;
    writeln!(io::stdout())?;
    let heads = ["PART", "STATUS", "LATENCY", "DETAIL"];
    let rows = health.parts.iter().map(|part| {
        [
            part.name.clone(),
            part.status.to_string(),
            dash(part.latency_ms.map(|ms| format!("{ms:.1} ms"))),
            dash(part.detail.clone()),
        ]
    });
    table(heads, rows.collect())
}

pub(super) fn event(output: Output, event: &AuditEvent) -> Printed {
    let mut out = io::stdout().lock();
    if output.json {
        writeln!(out, "{}", serde_json::to_string(event)?)?;
    } else {
        let subject = event.username.as_deref().unwrap_or("-");
        let what = crate::screens::what(event);
        let outcome = match crate::app::is_declined(event) {
            true => "declined",
            false => event.outcome.as_str(),
        };
        let line = format!(
            "{} {outcome:<8} {:<25} {subject:<16} {what}",
            when::stamp(event.at),
            event.kind
        );
        writeln!(out, "{}", seen(&line))?;
    }
    Ok(out.flush()?)
}

fn json<T: Serialize + ?Sized>(value: &T) -> Printed {
    writeln!(io::stdout(), "{}", serde_json::to_string_pretty(value)?)?;
    Ok(())
}

fn facts(facts: &[(&str, String)]) -> Printed {
    let mut out = io::stdout().lock();
    for (label, value) in facts {
        writeln!(out, "{label:<13}{}", seen(value))?;
    }
    Ok(())
}

fn dash(value: Option<String>) -> String {
    value
        .filter(|text| !text.is_empty())
        .unwrap_or_else(|| "-".to_owned())
}

/// A text as it may be written to a terminal. Names and labels are chosen by strangers: what would move the cursor,
/// change a title or turn the order of letters around is written as its number.
fn seen(text: &str) -> Cow<'_, str> {
    let acts = |it: char| {
        it.is_control()
            || matches!(it, '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
    };
    if !text.contains(acts) {
        return text.into();
    }
    let mut out = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        if acts(letter) {
            out.extend(letter.escape_unicode());
        } else {
            out.push(letter);
        }
    }
    out.into()
}

fn table<const N: usize>(heads: [&str; N], rows: Vec<[String; N]>) -> Printed {
    let rows: Vec<[String; N]> = rows
        .into_iter()
        .map(|row| row.map(|cell| seen(&cell).into_owned()))
        .collect();
    let mut widths = heads.map(|head| head.chars().count());
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut out = io::stdout().lock();
    let mut line = |cells: [&str; N]| -> io::Result<()> {
        let padded: Vec<String> = cells
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        writeln!(out, "{}", padded.join("  ").trim_end())
    };
    line(heads)?;
    for row in &rows {
        line(row.each_ref().map(String::as_str))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stranger_s_label_moves_no_terminal() {
        for (text, shown) in [
            ("Ada's phone", "Ada's phone"),
            ("Zo\u{eb} \u{1f511}", "Zo\u{eb} \u{1f511}"),
            ("\u{1b}]0;owned\u{7}", "\\u{1b}]0;owned\\u{7}"),
            ("a\u{9b}2Jb\r\n", "a\\u{9b}2Jb\\u{d}\\u{a}"),
            ("\u{202e}gnp", "\\u{202e}gnp"),
        ] {
            assert_eq!(seen(text), shown);
        }
    }
}
