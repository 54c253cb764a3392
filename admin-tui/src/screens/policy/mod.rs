//! The policy: what each acr asks for, what circumstances add, who changed it; or a draft with its faults or its effects.

mod draft;
mod past;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;
use wire::{PolicyAcr, PolicyCondition, PolicyInForce, PolicyOrigin};

use super::widgets::{self, clip, width, wrap};
use crate::app::App;
use crate::diff::{self, Piece};
use crate::theme::Tone;
use crate::when;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, app: &App) {
    let board = &app.policy;
    if board.is_in_history && board.past.is_none() && board.draft.is_none() {
        return past::draw_list(frame, area, app);
    }
    if board.now.is_none() {
        let line = Line::raw(format!("{} loading", super::chrome::spinner(app.ticks)));
        return widgets::message(frame, area, vec![line]);
    }
    let inner = Rect {
        x: area.x + 1,
        width: area.width.saturating_sub(2),
        ..area
    };
    let all = lines(app, usize::from(inner.width));
    let last = all.len().saturating_sub(usize::from(inner.height));
    let first = app.policy.scroll.min(last);
    let below = last - first;
    let shown: Vec<Line<'_>> = all.into_iter().skip(first).collect();
    frame.render_widget(Paragraph::new(shown), inner);
    if below > 0 && inner.height > 0 {
        let more = format!(" ↓ {below} more ");
        let columns = u16::try_from(width(&more)).unwrap_or(0).min(inner.width);
        let place = Rect {
            x: inner.right() - columns,
            y: inner.bottom() - 1,
            width: columns,
            height: 1,
        };
        frame.render_widget(Line::styled(more, app.theme.quiet()), place);
    }
}

/// How many lines there are, for who scrolls.
pub fn count(app: &App) -> usize {
    lines(app, usize::from(app.size.0.saturating_sub(2))).len()
}

/// Where in the tab we are.
pub(super) fn trail(app: &App) -> Option<String> {
    let board = &app.policy;
    match (&board.draft, &board.past) {
        (Some(_), _) => Some("edited, not in force".to_owned()),
        (None, Some(past)) => Some(format!("revision {}", past.number)),
        (None, None) if board.is_in_history => Some("history".to_owned()),
        (None, None) => None,
    }
}

fn lines(app: &App, columns: usize) -> Vec<Line<'_>> {
    let Some(now) = &app.policy.now else {
        return Vec::new();
    };
    match (&app.policy.draft, &app.policy.past) {
        (Some(draft), _) => draft::lines(app, now, draft, columns),
        (None, Some(past)) => past::lines(app, now, past, columns),
        (None, None) => in_force(app, now, columns),
    }
}

fn in_force<'a>(app: &'a App, now: &'a PolicyInForce, columns: usize) -> Vec<Line<'a>> {
    let theme = app.theme;
    let mut lines = labelled(app, "in force", &source(now), columns);
    if let (Some(by), Some(at)) = (&now.changed_by, now.changed_at) {
        let said = format!("{} ({}) by {by}", when::ago(app.now, at), when::stamp(at));
        lines.extend(labelled(app, "changed", &said, columns));
    }
    if let Some(note) = &now.note {
        lines.extend(labelled(app, "why", note, columns));
    }
    if app.policy.shows_text {
        lines.push(Line::raw(""));
        for (at, line) in now.text.lines().enumerate() {
            let number = Span::styled(format!("{:>4} │ ", at + 1), theme.quiet());
            lines.extend(folded(number, line, columns));
        }
        return lines;
    }
    lines.extend(labelled(app, "default", &now.table.default_acr, columns));
    for note in &now.table.notes {
        lines.extend(warned(app, note, columns));
    }
    for acr in &now.table.acr {
        lines.push(Line::raw(""));
        lines.extend(of_acr(app, acr, acr.name == now.table.default_acr, columns));
    }
    for condition in &now.table.conditions {
        lines.push(Line::raw(""));
        lines.extend(of_condition(app, condition, columns));
    }
    lines
}

/// What an operator may not have meant.
fn warned<'a>(app: &App, note: &str, columns: usize) -> Vec<Line<'a>> {
    let style = app.theme.tone(Tone::Warn);
    let lines = wrap(&format!("! {note}"), columns).into_iter();
    lines.map(|line| Line::styled(line, style)).collect()
}

/// What changes from one text to another.
fn difference<'a>(app: &App, old: &str, new: &str, columns: usize) -> Vec<Line<'a>> {
    let theme = app.theme;
    let mut lines = Vec::new();
    for piece in diff::lines(old, new) {
        let (sign, line, style) = match piece {
            Piece::Same(line) => ("  ", line, ratatui::style::Style::new()),
            Piece::Gone(line) => ("- ", line, theme.tone(Tone::Bad)),
            Piece::New(line) => ("+ ", line, theme.tone(Tone::Good)),
            Piece::Skipped(count) => {
                let text = format!(
                    "  … {count} {} the same",
                    plural(count, "line is", "lines are")
                );
                lines.push(Line::styled(text, theme.quiet()));
                continue;
            }
        };
        let folded = folded(Span::raw(sign), line, columns).into_iter();
        lines.extend(folded.map(|line| line.style(style)));
    }
    lines
}

/// A line of a text behind what stands in front of it, on as many rows as it takes.
fn folded<'a>(front: Span<'a>, text: &str, columns: usize) -> Vec<Line<'a>> {
    let indent = front.width();
    let room = columns.saturating_sub(indent).max(1);
    let text = text.replace('\t', "    ");
    let mut rest = text.as_str();
    let mut lines = Vec::new();
    let mut front = Some(front);
    loop {
        let piece = clip(rest, room);
        let taken = match piece.len() {
            // A character wider than the room is shown cut, or this would not end.
            0 => rest.chars().next().map_or(0, char::len_utf8),
            taken => taken,
        };
        let before = front.take();
        let before = before.unwrap_or_else(|| Span::raw(" ".repeat(indent)));
        lines.push(Line::from(vec![
            before,
            Span::raw(rest[..taken].to_owned()),
        ]));
        rest = &rest[taken..];
        if rest.is_empty() {
            return lines;
        }
    }
}

fn plural(count: usize, one: &'static str, many: &'static str) -> &'static str {
    match count {
        1 => one,
        _ => many,
    }
}

fn source(now: &PolicyInForce) -> String {
    match (now.origin, now.revision) {
        (PolicyOrigin::File, 0) => "the configuration's, never changed here".to_owned(),
        (PolicyOrigin::File, number) => {
            format!("the configuration's, again since revision {number}")
        }
        (PolicyOrigin::Revision, number) => format!("revision {number}, written here"),
    }
}

fn of_acr<'a>(app: &'a App, acr: &'a PolicyAcr, is_default: bool, columns: usize) -> Vec<Line<'a>> {
    let theme = app.theme;
    let mut marks = vec![match acr.aal {
        0 => "no AAL".to_owned(),
        level => format!("AAL{level}"),
    }];
    marks.extend(
        acr.phishing_resistant
            .then(|| "resists phishing".to_owned()),
    );
    marks.extend(is_default.then(|| "the default".to_owned()));
    let mut lines = vec![Line::from(vec![
        Span::styled(acr.name.as_str(), theme.strong()),
        Span::styled(format!("  {}", marks.join(", ")), theme.quiet()),
    ])];
    let mut say =
        |label: &'static str, text: String| lines.extend(labelled(app, label, &text, columns));
    for (at, way) in acr.ways.iter().enumerate() {
        say(if at == 0 { "  asks for" } else { "  or" }, way.clone());
    }
    if let (Some(capture), Some(rate)) = (&acr.capture, acr.false_match_rate) {
        let both = acr.fused_false_match_rate;
        let both = both.map_or_else(String::new, |rate| format!(", both together {rate:e}"));
        say("  biometric", format!("{capture}, FMR {rate:e}{both}"));
    }
    let ages = acr.max_age_s.iter();
    let ages: Vec<String> = ages
        .map(|(factor, s)| format!("{} {}", widgets::factor_name(*factor), when::exact(*s)))
        .collect();
    if !ages.is_empty() {
        say("  no older", ages.join(", "));
    }
    if !acr.names.is_empty() {
        say("  also called", acr.names.join(", "));
    }
    lines
}

fn of_condition<'a>(app: &'a App, condition: &'a PolicyCondition, columns: usize) -> Vec<Line<'a>> {
    let mut lines = vec![Line::from(vec![
        Span::styled("condition ", app.theme.quiet()),
        Span::styled(condition.name.as_str(), app.theme.strong()),
    ])];
    let mut say =
        |label: &'static str, text: String| lines.extend(labelled(app, label, &text, columns));
    say("  applies", condition.applies.clone());
    say(
        "  at risk",
        format!(
            "low {}, medium {}, high {}",
            condition.low, condition.medium, condition.high
        ),
    );
    let age = condition
        .max_age_s
        .map(|s| format!("proofs no older than {}", when::exact(s)));
    let steps: Vec<String> = condition.step_up_to.iter().cloned().chain(age).collect();
    if !steps.is_empty() {
        say("  step up to", steps.join(", "));
    }
    lines
}

/// A label and a value that goes on below itself.
fn labelled<'a>(app: &App, label: &'static str, text: &str, columns: usize) -> Vec<Line<'a>> {
    let pieces = wrap(text, columns.saturating_sub(LABEL).max(1));
    let line = |(at, piece): (usize, String)| {
        let label = if at == 0 { label } else { "" };
        Line::from(vec![
            Span::styled(format!("{label:<LABEL$}"), app.theme.quiet()),
            Span::raw(piece),
        ])
    };
    pieces.into_iter().enumerate().map(line).collect()
}

const LABEL: usize = 14;
