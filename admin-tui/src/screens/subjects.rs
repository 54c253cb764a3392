//! The subjects list.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use wire::{FactorKind, SubjectSummary};

use super::widgets::{self, Rows, factor_short, input_line, subject_status, table, width};
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
    let columns = columns(area.width);
    let heads: Vec<_> = columns.iter().map(|column| head(*column)).collect();
    table(
        frame,
        rows,
        app.theme,
        &heads,
        Rows {
            len: list.items.len(),
            selected: Some(list.selected),
            row: |at| match list.items.get(at) {
                Some(subject) => {
                    let cells = columns.iter().map(|column| cell(app, subject, *column));
                    cells.collect()
                }
                None => Vec::new(),
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

/// What a column shows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Column {
    Username,
    Name,
    Address,
    Status,
    Factors(u16),
    LastLogin,
}

/// The columns there is room for.
fn columns(width: u16) -> Vec<Column> {
    let factors = if width >= ROOM_FOR_ADDRESS { 29 } else { 16 };
    [
        (Column::Username, 0),
        (Column::Name, ROOM_FOR_NAME),
        (Column::Address, ROOM_FOR_ADDRESS),
        (Column::Status, 0),
        (Column::Factors(factors), ROOM_FOR_FACTORS),
        (Column::LastLogin, ROOM_FOR_NAME),
    ]
    .into_iter()
    .filter(|(_, least)| width >= *least)
    .map(|(column, _)| column)
    .collect()
}

fn head(column: Column) -> (&'static str, Constraint) {
    match column {
        Column::Username => ("USERNAME", Constraint::Fill(3)),
        Column::Name => ("NAME", Constraint::Fill(4)),
        Column::Address => ("E-MAIL", Constraint::Fill(5)),
        Column::Status => ("STATUS", Constraint::Length(11)),
        Column::Factors(width) => ("FACTORS", Constraint::Length(width)),
        Column::LastLogin => ("LAST LOGIN", Constraint::Length(10)),
    }
}

fn cell<'a>(app: &App, subject: &'a SubjectSummary, column: Column) -> Span<'a> {
    let theme = app.theme;
    match column {
        Column::Username => Span::styled(subject.username.as_str(), theme.strong()),
        Column::Name => Span::raw(subject.display_name.as_str()),
        Column::Address => Span::raw(subject.email.as_deref().unwrap_or("–")),
        Column::Status => subject_status(theme, subject.status),
        Column::Factors(width) => Span::raw(factors(&subject.factors, width)),
        Column::LastLogin => match subject.last_login_at {
            Some(at) => Span::raw(when::ago(app.now, at)),
            None => Span::styled("never", theme.quiet()),
        },
    }
}

/// As many factors as there is room for, and how many more there are.
fn factors(all: &[FactorKind], columns: u16) -> String {
    let columns = usize::from(columns);
    let names: Vec<&str> = all.iter().map(|factor| factor_short(*factor)).collect();
    if names.is_empty() {
        return "–".to_owned();
    }
    let whole = names.join(" ");
    if width(&whole) <= columns {
        return whole;
    }
    (0..names.len())
        .rev()
        .map(|shown| {
            let hidden = names.len() - shown;
            format!("{} +{hidden}", names[..shown].join(" "))
        })
        .find(|text| width(text) <= columns)
        .unwrap_or_default()
}

const ROOM_FOR_FACTORS: u16 = 48;
const ROOM_FOR_NAME: u16 = 70;
const ROOM_FOR_ADDRESS: u16 = 110;
