//! A policy that was edited: what is wrong with it, line by line, or what it would have made of the past and what it changes.

use ratatui::text::{Line, Span};
use wire::{PolicyCheck, PolicyInForce, PolicySimulation};

use super::super::{chrome, widgets::wrap};
use super::{difference, folded, plural, warned};
use crate::app::{App, Draft, Judgement};
use crate::theme::Tone;

pub(super) fn lines<'a>(
    app: &'a App,
    now: &'a PolicyInForce,
    draft: &'a Draft,
    columns: usize,
) -> Vec<Line<'a>> {
    let theme = app.theme;
    let mut lines = Vec::new();
    let toned = |text: &str, tone| {
        let lines = wrap(text, columns).into_iter();
        lines.map(move |line| Line::styled(line, theme.tone(tone)))
    };
    if draft.is_overtaken(now) {
        let by = now.changed_by.as_deref().unwrap_or("somebody");
        let text = format!(
            "{by} changed the policy meanwhile: it is at revision {}, and yours was made of {}. \
             Nothing is lost: e opens yours with their change above it, to work it in.",
            now.revision, draft.of
        );
        lines.extend(toned(&text, Tone::Bad));
        lines.push(Line::raw(""));
        lines.push(Line::styled("What they changed", theme.strong()));
        lines.extend(difference(app, &draft.base, &now.text, columns));
        lines.push(Line::raw(""));
    }
    match &draft.judgement {
        Judgement::Asked => lines.push(Line::raw(format!(
            "{} the server checks it, and tries it on the logins of the past",
            chrome::spinner(app.ticks)
        ))),
        Judgement::Failed(why) => {
            let text = format!("The server did not say what it makes of it: {why}. r asks again.");
            lines.extend(toned(&text, Tone::Bad));
        }
        Judgement::Said(check, _) if !check.faults.is_empty() => {
            lines.extend(faults(app, draft, check, columns));
        }
        Judgement::Said(check, tried) => {
            let head = match draft.is_overtaken(now) {
                true => "By itself it can be used.",
                false => "It can be used, and does not count yet: a puts it in force.",
            };
            lines.extend(
                wrap(head, columns)
                    .into_iter()
                    .map(|line| Line::styled(line, theme.strong())),
            );
            let (text, tone) = effects(tried.as_ref());
            lines.extend(toned(&text, tone));
            if let Some(tried) = tried {
                lines.extend(by_client(app, tried));
            }
            for note in check.table.iter().flat_map(|table| &table.notes) {
                lines.extend(warned(app, note, columns));
            }
        }
    }
    lines.push(Line::raw(""));
    lines.push(Line::styled("What it changes", theme.strong()));
    lines.extend(difference(app, &now.text, &draft.text, columns));
    lines
}

/// Each fault under the line that it is in.
fn faults<'a>(
    app: &'a App,
    draft: &'a Draft,
    check: &'a PolicyCheck,
    columns: usize,
) -> Vec<Line<'a>> {
    let theme = app.theme;
    let count = check.faults.len();
    let it = plural(count, "thing is", "things are");
    let head = format!("{count} {it} to be mended before it can be used: e edits it");
    let mut lines: Vec<Line<'a>> = wrap(&head, columns)
        .into_iter()
        .map(|line| Line::styled(line, theme.strong()))
        .collect();
    for fault in &check.faults {
        let at = fault.line.and_then(|line| usize::try_from(line).ok());
        let text = at.and_then(|line| draft.text.lines().nth(line.saturating_sub(1)));
        if let (Some(line), Some(text)) = (fault.line, text) {
            let number = Span::styled(format!("{line:>4} │ "), theme.quiet());
            lines.extend(folded(number, text, columns));
        }
        let said = wrap(&fault.message, columns.saturating_sub(INDENT).max(1));
        lines.extend(said.into_iter().enumerate().map(|(at, line)| {
            let sign = if at == 0 { "✗" } else { " " };
            Line::styled(format!("   {sign}   {line}"), theme.tone(Tone::Bad))
        }));
    }
    lines
}

/// What would have become of the logins that are kept.
fn effects(tried: Option<&PolicySimulation>) -> (String, Tone) {
    let Some(tried) = tried else {
        let text = "It was not tried on the past: the server tries another one. r asks again.";
        return (text.to_owned(), Tone::Warn);
    };
    if tried.all.logins == 0 {
        let text = format!(
            "No login of the last {} days is kept to try it on.",
            tried.days
        );
        return (text, Tone::Plain);
    }
    let of = |turn| grouped(tried.all.of(turn));
    let mut text = format!(
        "Of {} logins of the last {} days {} would have been stepped up and {} refused, of {} people.",
        grouped(tried.all.logins),
        tried.days,
        of("stepped_up"),
        of("refused"),
        grouped(tried.people),
    );
    for (turn, said) in [
        ("admitted", "were refused and would have been admitted"),
        ("other_acr", "would have reached another acr"),
    ] {
        if tried.all.of(turn) > 0 {
            text += &format!(" {} {said}.", of(turn));
        }
    }
    if tried.unreadable > 0 {
        text += &format!(" {} cannot be read.", grouped(tried.unreadable));
    }
    if !tried.is_complete {
        text += " There are more, which were not tried.";
    }
    let tone = match tried.people {
        0 => Tone::Good,
        _ => Tone::Warn,
    };
    (text, tone)
}

/// The clients whose people would feel it, the most first.
fn by_client<'a>(app: &App, tried: &PolicySimulation) -> Vec<Line<'a>> {
    let hit = |own: &wire::PolicyTally| own.of("stepped_up") + own.of("refused");
    let mut clients: Vec<_> = tried
        .clients
        .iter()
        .filter(|(_, own)| hit(own) > 0)
        .collect();
    clients.sort_by_key(|(_, own)| std::cmp::Reverse(hit(own)));
    let line = |(id, own): (&String, &wire::PolicyTally)| {
        let text = format!(
            "  {id}: {} stepped up, {} refused, of {}",
            grouped(own.of("stepped_up")),
            grouped(own.of("refused")),
            grouped(own.logins)
        );
        Line::styled(text, app.theme.quiet())
    };
    clients.into_iter().take(MOST_CLIENTS).map(line).collect()
}

/// A number with a comma between thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Where a fault's text begins, under the line.
const INDENT: usize = 7;
const MOST_CLIENTS: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_grouped() {
        for (number, said) in [
            (0, "0"),
            (999, "999"),
            (1234, "1,234"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(grouped(number), said);
        }
    }
}
