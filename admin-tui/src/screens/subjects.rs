//! The subjects list.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::Row;
use wire::SubjectSummary;

use super::widgets::{self, Rows, factor_short, fit, input_line, subject_status, table};
use crate::app::App;
use crate::when;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, app: &App) {
    let subjects = &app.subjects;
    let has_search = subjects.is_searching || !subjects.search.is_empty();
    let [search, rows] = Layout::vertical([
        Constraint::Length(u16::from(has_search)),
        Constraint::Fill(1),
    ])
    .areas(area);
    if has_search {
        draw_search(frame, search, app);
    }
    let list = &subjects.list;
    if list.items.is_empty() {
        return widgets::message(frame, rows, nothing(app));
    }
    let is_wide = area.width >= ROOM_FOR_ADDRESS;
    let columns = columns(is_wide);
    table(
        frame,
        rows,
        app.theme,
        &columns,
        Rows {
            len: list.items.len(),
            selected: Some(list.selected),
            row: |at| match list.items.get(at) {
                Some(subject) => row(app, subject, is_wide),
                None => Row::default(),
            },
        },
    );
}

fn draw_search(frame: &mut Frame<'_>, area: Rect, app: &App) {
    let subjects = &app.subjects;
    let [sign, text, count] = Layout::horizontal([
        Constraint::Length(3),
        Constraint::Fill(1),
        Constraint::Length(12),
    ])
    .areas(area);
    frame.render_widget(Line::styled(" / ", app.theme.key()), sign);
    let columns = usize::from(text.width);
    let line = input_line(&subjects.search, columns, subjects.is_searching);
    frame.render_widget(line, text);
    let more = if subjects.list.has_more() { "+" } else { "" };
    let found = format!("{}{more} found", subjects.list.items.len());
    frame.render_widget(
        Line::styled(found, app.theme.quiet()).right_aligned(),
        count,
    );
}

fn nothing(app: &App) -> Vec<Line<'static>> {
    let search = app.subjects.search.trimmed();
    if !app.subjects.list.is_loaded {
        return vec![Line::raw(format!(
            "{} loading the subjects",
            super::chrome::spinner(app.ticks)
        ))];
    }
    if search.is_empty() {
        vec![
            Line::styled("There is no subject yet.", app.theme.strong()),
            Line::raw("n creates the first one, i then invites it."),
        ]
    } else {
        vec![
            Line::styled(format!("Nobody matches “{search}”."), app.theme.strong()),
            Line::raw("Esc shows all again."),
        ]
    }
}

fn columns(is_wide: bool) -> Vec<(&'static str, Constraint)> {
    let mut columns = vec![
        ("USERNAME", Constraint::Fill(3)),
        ("NAME", Constraint::Fill(4)),
    ];
    if is_wide {
        columns.push(("E-MAIL", Constraint::Fill(5)));
    }
    columns.extend([
        ("STATUS", Constraint::Length(11)),
        ("FACTORS", Constraint::Length(if is_wide { 26 } else { 17 })),
        ("LAST LOGIN", Constraint::Length(10)),
    ]);
    columns
}

fn row<'a>(app: &App, subject: &'a SubjectSummary, is_wide: bool) -> Row<'a> {
    let factors: Vec<&str> = subject.factors.iter().map(|f| factor_short(*f)).collect();
    let factors = if is_wide {
        factors.join(" ")
    } else {
        fit(&factors.join(" "), 17)
    };
    let last = match subject.last_login_at {
        Some(at) => Span::raw(when::ago(app.now, at)),
        None => Span::styled("never", app.theme.quiet()),
    };
    let mut cells = vec![
        Span::styled(subject.username.as_str(), app.theme.strong()),
        Span::raw(subject.display_name.as_str()),
    ];
    if is_wide {
        cells.push(Span::raw(subject.email.as_deref().unwrap_or("–")));
    }
    cells.extend([
        subject_status(app.theme, subject.status),
        Span::raw(if factors.is_empty() {
            "–".to_owned()
        } else {
            factors
        }),
        last,
    ]);
    Row::new(cells)
}

/// The columns from which on there is room for the e-mail address.
const ROOM_FOR_ADDRESS: u16 = 110;
