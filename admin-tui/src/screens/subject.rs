//! One subject: who it is, and its credentials, sessions, consents and latest events.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Wrap};
use wire::SubjectDetail;

use super::audit::what;
use super::widgets::{self, Rows, fact, factor_name, outcome, panel, subject_status, table};
use crate::app::{App, Pane, SubjectView};
use crate::theme::Tone;
use crate::when;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, app: &App, view: &SubjectView) {
    let Some(detail) = &view.detail else {
        let line = match &view.error {
            Some(error) => Line::styled(error.clone(), app.theme.tone(Tone::Bad)),
            None => Line::raw(format!("{} loading", super::chrome::spinner(app.ticks))),
        };
        return widgets::message(frame, area, vec![line]);
    };
    let is_wide = area.width >= ROOM_FOR_SIDE;
    let facts = facts(app, detail);
    let (card, rest) = if is_wide {
        let [card, rest] =
            Layout::horizontal([Constraint::Length(SIDE_WIDTH), Constraint::Fill(1)]).areas(area);
        let height = (facts.len() as u16 + 2).min(area.height);
        (Rect { height, ..card }, rest)
    } else {
        let height = (facts.len().div_ceil(2) as u16 + 2).min(area.height / 2);
        let [card, rest] =
            Layout::vertical([Constraint::Length(height), Constraint::Fill(1)]).areas(area);
        (card, rest)
    };
    draw_card(frame, card, app, detail, facts);
    let [tabs, gap, rows] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(u16::from(is_wide)),
        Constraint::Fill(1),
    ])
    .areas(rest);
    let _ = gap;
    draw_tabs(frame, tabs, app, view);
    if view.rows(view.pane) == 0 {
        return widgets::message(frame, rows, vec![nothing(app, view.pane)]);
    }
    match view.pane {
        Pane::Credentials => credentials(frame, rows, app, view, detail),
        Pane::Sessions => sessions(frame, rows, app, view, detail),
        Pane::Consents => consents(frame, rows, app, view, detail),
        Pane::Activity => activity(frame, rows, app, view),
    }
}

/// Who it is, in one column where it is narrow and in two where it is not.
fn draw_card(
    frame: &mut Frame<'_>,
    area: Rect,
    app: &App,
    detail: &SubjectDetail,
    facts: Vec<Line<'_>>,
) {
    let title = Line::from(vec![
        Span::raw(" "),
        Span::styled(detail.summary.display_name.clone(), app.theme.strong()),
        Span::raw(" "),
        subject_status(app.theme, detail.summary.status),
        Span::raw(" "),
    ]);
    let inner = panel(frame, area, title, app.theme.frame());
    // The logs name a subject by nothing else.
    let id = Line::styled(format!(" {} ", detail.summary.id), app.theme.quiet());
    if id.width() + 2 <= usize::from(area.width) {
        let below = Rect {
            y: area.bottom().saturating_sub(1),
            width: area.width.saturating_sub(2),
            height: 1,
            ..area
        };
        frame.render_widget(id.right_aligned(), below);
    }
    if area.width < ROOM_FOR_TWO {
        frame.render_widget(Paragraph::new(facts).wrap(Wrap { trim: false }), inner);
        return;
    }
    let [left, right] =
        Layout::horizontal([Constraint::Length(COLUMN_WIDTH), Constraint::Fill(1)]).areas(inner);
    let half = facts.len().div_ceil(2);
    let mut facts = facts.into_iter();
    let first: Vec<Line<'_>> = facts.by_ref().take(half).collect();
    frame.render_widget(Paragraph::new(first), left);
    frame.render_widget(Paragraph::new(facts.collect::<Vec<_>>()), right);
}

fn facts<'a>(app: &App, detail: &'a SubjectDetail) -> Vec<Line<'a>> {
    let (theme, now) = (app.theme, app.now);
    let summary = &detail.summary;
    let last_login = match summary.last_login_at {
        Some(at) => Span::raw(when::ago(now, at)),
        None => Span::styled("never", theme.quiet()),
    };
    let tries = match (detail.blocked_until, detail.failures) {
        (Some(until), failures) if until > now => Span::styled(
            format!("{failures} failed, free {}", when::until(now, until)),
            theme.tone(Tone::Bad),
        ),
        (_, 0) => Span::raw("none failed"),
        (_, failures) => Span::styled(format!("{failures} failed"), theme.tone(Tone::Warn)),
    };
    let consent = match &detail.biometric_consent {
        None => Span::styled("not given", theme.quiet()),
        Some(consent) => match consent.withdrawn_at {
            Some(at) => Span::styled(
                format!("withdrawn {}", when::date(at)),
                theme.tone(Tone::Warn),
            ),
            None => Span::raw(format!(
                "v{} of {}",
                consent.version.trim_start_matches('v'),
                when::date(consent.given_at)
            )),
        },
    };
    vec![
        fact(theme, "username", summary.username.as_str()),
        fact(theme, "e-mail", summary.email.as_deref().unwrap_or("–")),
        fact(theme, "created", when::stamp(summary.created_at)),
        fact(theme, "last login", last_login),
        fact(theme, "tries", tries),
        fact(theme, "biometrics", consent),
    ]
}

fn draw_tabs(frame: &mut Frame<'_>, area: Rect, app: &App, view: &SubjectView) {
    let theme = app.theme;
    let mut spans = vec![Span::styled(" ‹ ", theme.key())];
    for pane in Pane::ALL {
        let text = format!(" {} {} ", pane.title(), view.rows(pane));
        let style = if pane == view.pane {
            theme.tab()
        } else {
            theme.quiet()
        };
        spans.push(Span::styled(text, style));
        spans.push(Span::raw(" "));
    }
    spans.push(Span::styled("›", theme.key()));
    let line = Line::from(spans);
    if line.width() <= usize::from(area.width) {
        frame.render_widget(line, area);
    } else {
        let text = format!(" ‹  {} {}  ›", view.pane.title(), view.rows(view.pane));
        frame.render_widget(Line::styled(text, theme.strong()), area);
    }
}

fn nothing(app: &App, pane: Pane) -> Line<'static> {
    let text = match pane {
        Pane::Credentials => "Nothing is enrolled. i makes an invitation to enrol.",
        Pane::Sessions => "No live session.",
        Pane::Consents => "No relying party has been allowed anything.",
        Pane::Activity => "Nothing has happened yet.",
    };
    Line::styled(text, app.theme.quiet())
}

fn credentials(
    frame: &mut Frame<'_>,
    area: Rect,
    app: &App,
    view: &SubjectView,
    detail: &SubjectDetail,
) {
    let (theme, now) = (app.theme, app.now);
    let is_wide = area.width >= ROOM_FOR_MODEL;
    let has_room = area.width >= ROOM_FOR_LABEL;
    let mut columns = vec![("FACTOR", Constraint::Length(13))];
    if has_room {
        columns.push(("LABEL", Constraint::Fill(3)));
    }
    if is_wide {
        columns.push(("MODEL", Constraint::Fill(2)));
    }
    if has_room {
        columns.push(("VERSION", Constraint::Length(7)));
    }
    columns.extend([
        ("ENROLLED", Constraint::Length(10)),
        ("LAST USED", Constraint::Length(10)),
    ]);
    let row = |at: usize| {
        let Some(credential) = detail.credentials.get(at) else {
            return Vec::new();
        };
        let mut cells = vec![Span::styled(factor_name(credential.factor), theme.strong())];
        if has_room {
            cells.push(Span::raw(credential.label.as_deref().unwrap_or("–")));
        }
        if is_wide {
            cells.push(Span::raw(credential.model.as_deref().unwrap_or("–")));
        }
        if has_room {
            cells.push(Span::raw(credential.version.to_string()));
        }
        cells.extend([
            Span::raw(when::date(credential.created_at)),
            match credential.last_used_at {
                Some(at) => Span::raw(when::ago(now, at)),
                None => Span::styled("never", theme.quiet()),
            },
        ]);
        cells
    };
    table(
        frame,
        area,
        theme,
        &columns,
        Rows {
            len: detail.credentials.len(),
            selected: Some(view.row),
            row,
        },
    );
}

fn sessions(
    frame: &mut Frame<'_>,
    area: Rect,
    app: &App,
    view: &SubjectView,
    detail: &SubjectDetail,
) {
    let columns = [
        ("SIGNED IN", Constraint::Length(10)),
        ("ENDS", Constraint::Length(8)),
        ("ASSURANCE", Constraint::Fill(3)),
        ("METHODS", Constraint::Fill(2)),
        ("CLIENTS", Constraint::Fill(2)),
    ];
    let row = |at: usize| {
        let Some(session) = detail.sessions.get(at) else {
            return Vec::new();
        };
        let clients: Vec<&str> = session.clients.iter().map(|id| id.as_str()).collect();
        vec![
            Span::raw(when::ago(app.now, session.auth_time)),
            Span::raw(when::until(app.now, session.expires_at)),
            Span::raw(session.acr.trim_start_matches("urn:whorl:acr:").to_owned()),
            Span::raw(session.amr.join(" ")),
            Span::raw(clients.join(" ")),
        ]
    };
    table(
        frame,
        area,
        app.theme,
        &columns,
        Rows {
            len: detail.sessions.len(),
            selected: Some(view.row),
            row,
        },
    );
}

fn consents(
    frame: &mut Frame<'_>,
    area: Rect,
    app: &App,
    view: &SubjectView,
    detail: &SubjectDetail,
) {
    let columns = [
        ("CLIENT", Constraint::Fill(2)),
        ("SCOPES", Constraint::Fill(3)),
        ("GIVEN", Constraint::Length(10)),
    ];
    let row = |at: usize| {
        let Some(consent) = detail.consents.get(at) else {
            return Vec::new();
        };
        vec![
            Span::styled(consent.client_name.as_str(), app.theme.strong()),
            Span::raw(consent.scopes.join(" ")),
            Span::raw(when::date(consent.given_at)),
        ]
    };
    table(
        frame,
        area,
        app.theme,
        &columns,
        Rows {
            len: detail.consents.len(),
            selected: Some(view.row),
            row,
        },
    );
}

fn activity(frame: &mut Frame<'_>, area: Rect, app: &App, view: &SubjectView) {
    let columns = [
        ("WHEN", Constraint::Length(10)),
        ("EVENT", Constraint::Fill(2)),
        ("OUTCOME", Constraint::Length(10)),
        ("WHAT", Constraint::Fill(3)),
    ];
    let row = |at: usize| {
        let Some(event) = view.activity.get(at) else {
            return Vec::new();
        };
        vec![
            Span::raw(when::ago(app.now, event.at)),
            Span::styled(event.kind.as_str(), app.theme.strong()),
            outcome(app.theme, event),
            Span::raw(what(event)),
        ]
    };
    table(
        frame,
        area,
        app.theme,
        &columns,
        Rows {
            len: view.activity.len(),
            selected: Some(view.row),
            row,
        },
    );
}

const ROOM_FOR_SIDE: u16 = 110;
const ROOM_FOR_TWO: u16 = 70;
const ROOM_FOR_LABEL: u16 = 60;
const ROOM_FOR_MODEL: u16 = 78;
const SIDE_WIDTH: u16 = 42;
const COLUMN_WIDTH: u16 = 38;
