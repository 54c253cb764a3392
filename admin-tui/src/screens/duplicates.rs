//! Who may be enrolled twice: how the newest search stands, and the pairs that wait for a decision.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Wrap};
use wire::{DuplicateSearch, DuplicateSearchStatus};

use super::widgets::{self, Rows, fact, factor_name, panel, table};
use crate::app::App;
use crate::theme::Tone;
use crate::when;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, app: &App) {
    let state = &app.duplicates;
    let Some(search) = &state.newest else {
        let lines = match state.list.is_loaded {
            true => vec![
                Line::styled("No search has been made yet.", app.theme.strong()),
                Line::raw("n starts one: every face, or finger, is compared with every other,"),
                Line::raw("and pairs that may be one person are listed here for you to decide."),
                Line::raw("Nobody is refused or changed by it."),
            ],
            false => vec![Line::raw(format!(
                "{} loading",
                super::chrome::spinner(app.ticks)
            ))],
        };
        return widgets::message(frame, area, lines);
    };
    let height = match search.problem {
        Some(_) => CARD_HEIGHT + 2,
        None => CARD_HEIGHT,
    };
    let [card, pairs] =
        Layout::vertical([Constraint::Length(height), Constraint::Fill(1)]).areas(area);
    draw_search(frame, card, app, search);
    draw_pairs(frame, pairs, app);
}

fn draw_search(frame: &mut Frame<'_>, area: Rect, app: &App, search: &DuplicateSearch) {
    let theme = app.theme;
    let (word, tone) = match search.status {
        DuplicateSearchStatus::Running => ("running", Tone::Plain),
        DuplicateSearchStatus::Finished => ("finished", Tone::Good),
        DuplicateSearchStatus::Failed => ("failed", Tone::Bad),
    };
    let title = Line::from(vec![
        Span::raw(" "),
        Span::styled(factor_name(search.factor), theme.strong()),
        Span::raw(" search "),
        Span::styled(word, theme.tone(tone)),
        Span::raw(" "),
    ]);
    let inner = panel(frame, area, title, theme.frame());
    let by = format!(
        "{} by {}",
        when::ago(app.now, search.started_at),
        search.started_by
    );
    let mut lines = vec![
        fact(theme, "started", by),
        fact(theme, "people", people(search)),
        fact(theme, "compared", progress(search)),
    ];
    lines.push(fact(theme, "held to", held_to(search)));
    if let Some(problem) = &search.problem {
        lines.push(Line::styled(problem.clone(), theme.tone(Tone::Bad)));
    } else if search.status == DuplicateSearchStatus::Finished {
        let found = format!("{} alike, {} of them new", search.alike, search.raised);
        lines.push(fact(theme, "found", found));
    }
    frame.render_widget(Paragraph::new(lines).wrap(Wrap { trim: false }), inner);
}

fn progress(search: &DuplicateSearch) -> String {
    if search.comparisons == 0 {
        return "nothing yet; the references are read first".to_owned();
    }
    let share = search.compared as f64 / search.comparisons as f64;
    let done = (share * BAR as f64) as usize;
    let bar = "█".repeat(done.min(BAR)) + &"░".repeat(BAR - done.min(BAR));
    format!("{bar} {:.0} % of {}", share * 100.0, search.comparisons)
}

fn people(search: &DuplicateSearch) -> String {
    match search.left_out {
        0 => search.people.to_string(),
        count => format!("{}, and {count} left out", search.people),
    }
}

/// The rate that was asked for, and what each comparison is held to for it.
fn held_to(search: &DuplicateSearch) -> String {
    let asked = search.false_positive_identification_rate;
    match search.false_match_rate {
        Some(rate) => format!("FPIR {asked}, so FMR {rate:.1e} of each comparison"),
        None => format!("FPIR {asked}"),
    }
}

fn draw_pairs(frame: &mut Frame<'_>, area: Rect, app: &App) {
    let list = &app.duplicates.list;
    if list.items.is_empty() {
        let line = Line::styled("No pair waits for a decision.", app.theme.quiet());
        return widgets::message(frame, area, vec![line]);
    }
    let columns = [
        ("FIRST", Constraint::Fill(1)),
        ("SECOND", Constraint::Fill(1)),
        ("BY", Constraint::Length(11)),
        ("FOUND", Constraint::Length(10)),
    ];
    let row = |at: usize| {
        let Some(pair) = list.items.get(at) else {
            return Vec::new();
        };
        vec![
            Span::styled(pair.one.username.as_str(), app.theme.strong()),
            Span::styled(pair.other.username.as_str(), app.theme.strong()),
            Span::raw(factor_name(pair.factor)),
            Span::raw(when::date(pair.found_at)),
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

/// The rows of the search's card, with its frame.
const CARD_HEIGHT: u16 = 7;
/// Columns of the bar.
const BAR: usize = 20;
