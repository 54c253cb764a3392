//! The clients list and one client.

use ratatui::Frame;
use ratatui::layout::{Constraint, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Wrap};

use super::widgets::{self, Rows, fact, panel, table};
use crate::app::{App, ClientView};
use crate::theme::Tone;
use crate::when;

pub(super) fn draw_list(frame: &mut Frame<'_>, area: Rect, app: &App) {
    let list = &app.clients.list;
    if list.items.is_empty() {
        let lines = if list.is_loaded {
            vec![
                Line::styled("No client is registered yet.", app.theme.strong()),
                Line::raw("n registers the first one."),
            ]
        } else {
            vec![Line::raw(format!(
                "{} loading the clients",
                super::chrome::spinner(app.ticks)
            ))]
        };
        return widgets::message(frame, area, lines);
    }
    let columns = [
        ("NAME", Constraint::Fill(3)),
        ("CLIENT ID", Constraint::Fill(3)),
        ("KIND", Constraint::Length(12)),
        ("SINCE", Constraint::Length(10)),
    ];
    let row = |at: usize| {
        let Some(client) = list.items.get(at) else {
            return Vec::new();
        };
        vec![
            Span::styled(client.name.as_str(), app.theme.strong()),
            Span::raw(client.id.as_str()),
            Span::raw(client.kind.to_string()),
            Span::raw(when::date(client.created_at)),
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

pub(super) fn draw_detail(frame: &mut Frame<'_>, area: Rect, app: &App, view: &ClientView) {
    let theme = app.theme;
    let Some(detail) = &view.detail else {
        let line = match &view.error {
            Some(error) => Line::styled(error.clone(), theme.tone(Tone::Bad)),
            None => Line::raw(format!("{} loading", super::chrome::spinner(app.ticks))),
        };
        return widgets::message(frame, area, vec![line]);
    };
    let summary = &detail.summary;
    let title = Line::from(vec![
        Span::raw(" "),
        Span::styled(summary.name.clone(), theme.strong()),
        Span::raw(format!(" {} ", summary.kind)),
    ]);
    let inner = panel(frame, area, title, theme.frame());
    let mut lines = vec![
        fact(theme, "client_id", summary.id.as_str()),
        fact(theme, "registered", when::stamp(summary.created_at)),
        fact(theme, "signs in by", detail.auth_method.as_str()),
        fact(theme, "scopes", detail.scopes.join(" ")),
        fact(theme, "grants", detail.grant_types.join(" ")),
        Line::raw(""),
    ];
    lines.extend(uris("Redirect URIs", &detail.redirect_uris, app));
    lines.push(Line::raw(""));
    lines.extend(uris("After logout", &detail.post_logout_redirect_uris, app));
    frame.render_widget(Paragraph::new(lines).wrap(Wrap { trim: false }), inner);
}

fn uris<'a>(head: &'static str, uris: &'a [String], app: &App) -> Vec<Line<'a>> {
    let mut lines = vec![Line::styled(head, app.theme.strong())];
    if uris.is_empty() {
        lines.push(Line::styled("  none", app.theme.quiet()));
    }
    lines.extend(uris.iter().map(|uri| Line::raw(format!("  {uri}"))));
    lines
}
