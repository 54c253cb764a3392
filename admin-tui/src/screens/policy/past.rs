//! The changes of the policy: the list of them, and what one changed.

use ratatui::Frame;
use ratatui::layout::{Constraint, Rect};
use ratatui::text::{Line, Span};
use wire::{PolicyInForce, PolicyOrigin, PolicyRevision};

use super::super::chrome;
use super::super::widgets::{self, Rows, table};
use super::{difference, labelled};
use crate::app::{App, PastPolicy};
use crate::theme::Tone;
use crate::when;

pub(super) fn draw_list(frame: &mut Frame<'_>, area: Rect, app: &App) {
    let list = &app.policy.history;
    if list.items.is_empty() {
        let lines = if list.is_loaded {
            vec![
                Line::styled("The policy was never changed here.", app.theme.strong()),
                Line::raw("What counts is the configuration's. Esc goes back."),
            ]
        } else {
            vec![Line::raw(format!("{} loading", chrome::spinner(app.ticks)))]
        };
        return widgets::message(frame, area, lines);
    }
    let columns = [
        ("REVISION", Constraint::Length(8)),
        ("WHEN", Constraint::Length(20)),
        ("BY", Constraint::Fill(1)),
        ("WHAT", Constraint::Fill(3)),
    ];
    let row = |at: usize| {
        let Some(change) = list.items.get(at) else {
            return Vec::new();
        };
        vec![
            Span::styled(change.revision.to_string(), app.theme.strong()),
            Span::raw(when::stamp(change.changed_at)),
            Span::raw(change.changed_by.as_str()),
            Span::raw(what(change)),
        ]
    };
    table(
        frame,
        area,
        app.theme,
        &columns,
        Rows {
            len: list.items.len(),
            selected: Some(list.selected),
            row,
        },
    );
}

fn what(change: &PolicyRevision) -> String {
    match (change.origin, &change.note) {
        (PolicyOrigin::File, None) => "back to the configuration's".to_owned(),
        (PolicyOrigin::File, Some(note)) => format!("back to the configuration's: {note}"),
        (PolicyOrigin::Revision, Some(note)) => note.clone(),
        (PolicyOrigin::Revision, None) => "–".to_owned(),
    }
}

pub(super) fn lines<'a>(
    app: &'a App,
    now: &'a PolicyInForce,
    past: &'a PastPolicy,
    columns: usize,
) -> Vec<Line<'a>> {
    let theme = app.theme;
    let Some((it, before)) = &past.loaded else {
        let line = match &past.error {
            Some(error) => Line::styled(format!("✗ {error}"), theme.tone(Tone::Bad)),
            None => Line::raw(format!("{} loading", chrome::spinner(app.ticks))),
        };
        return vec![line];
    };
    let change = &it.change;
    let at = change.changed_at;
    let said = format!(
        "{} ({}) by {}",
        when::ago(app.now, at),
        when::stamp(at),
        change.changed_by
    );
    let mut lines = labelled(app, "changed", &said, columns);
    if let Some(note) = &change.note {
        lines.extend(labelled(app, "why", note, columns));
    }
    let is_in_force = change.revision == now.revision;
    if is_in_force {
        lines.extend(labelled(app, "in force", "it counts now", columns));
    }
    lines.push(Line::raw(""));
    let Some(text) = &it.text else {
        let text = "It went back to the configuration's policy, whose text is not kept here.";
        lines.extend(widgets::wrap(text, columns).into_iter().map(Line::raw));
        return lines;
    };
    match before.as_ref().map(|before| before.text.as_deref()) {
        Some(Some(old)) => {
            lines.push(Line::styled("What it changed", theme.strong()));
            lines.extend(difference(app, old, text, columns));
        }
        Some(None) | None => {
            let head = "What it asked for (before: the configuration's)";
            lines.push(Line::styled(head, theme.strong()));
            lines.extend(difference(app, "", text, columns));
        }
    }
    if !is_in_force && *text != now.text {
        lines.push(Line::raw(""));
        lines.push(Line::styled(
            "What going back to it would change now",
            theme.strong(),
        ));
        lines.extend(difference(app, &now.text, text, columns));
    }
    lines
}
