//! The question before a change, and the secret that is shown once.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Clear, Paragraph};

use super::qr;
use super::widgets::{fact, input_line, middle, panel, wrap};
use crate::app::{App, Once, Question};
use crate::theme::Tone;
use crate::when;

pub(super) fn question(frame: &mut Frame<'_>, area: Rect, app: &App, question: &Question) {
    let theme = app.theme;
    let columns = QUESTION_WIDTH.min(area.width.saturating_sub(2));
    let room = columns.saturating_sub(4);
    let body = wrap(&question.body, usize::from(room));
    let answer_rows = 1 + u16::from(question.typed.is_some());
    let rows = u16::try_from(body.len()).unwrap_or(area.height);
    let area = middle(area, columns, rows + answer_rows + 4);
    frame.render_widget(Clear, area);
    let title = Line::styled(
        format!(" {} ", question.title),
        theme.tone(Tone::Warn).patch(theme.strong()),
    );
    let inner = panel(frame, area, title, theme.tone(Tone::Warn));
    let [_, text, answer] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Fill(1),
        Constraint::Length(answer_rows),
    ])
    .areas(inner);
    let body: Vec<Line<'_>> = body.into_iter().map(Line::raw).collect();
    frame.render_widget(Paragraph::new(body), text);
    match &question.typed {
        None => {
            let line = Line::from(vec![
                Span::styled("y", theme.key()),
                Span::raw(" yes    "),
                Span::styled("n", theme.key()),
                Span::raw(" no"),
            ]);
            frame.render_widget(line, answer);
        }
        Some((name, input)) => {
            let [ask, typed] =
                Layout::vertical([Constraint::Length(1), Constraint::Length(1)]).areas(answer);
            let line = Line::from(vec![
                Span::raw("Type "),
                Span::styled(name.clone(), theme.strong()),
                Span::raw(" to do it:"),
            ]);
            frame.render_widget(line, ask);
            frame.render_widget(input_line(input, usize::from(typed.width), true), typed);
        }
    }
}

pub(super) fn once(frame: &mut Frame<'_>, area: Rect, app: &App, once: &Once) {
    let theme = app.theme;
    let inside = (
        area.width.saturating_sub(BORDERS.0),
        area.height.saturating_sub(BORDERS.1),
    );
    let code = once
        .is_link
        .then(|| qr::best(once.secret.expose(), inside, LEAST_TEXT_WIDTH, theme))
        .flatten();
    let code_size = code
        .as_ref()
        .map_or((0, 0), |code| (code.columns + 2, code.rows));
    let text_width = TEXT_WIDTH.min(inside.0.saturating_sub(code_size.0));
    let text = text(app, once, usize::from(text_width), code.is_some());
    let rows = u16::try_from(text.len()).unwrap_or(area.height);
    let area = middle(
        area,
        code_size.0 + text_width + BORDERS.0,
        rows.max(code_size.1) + BORDERS.1,
    );
    frame.render_widget(Clear, area);
    let title = Line::styled(format!(" {} ", once.title), theme.strong());
    let inner = panel(frame, area, title, theme.accent());
    let [left, right] =
        Layout::horizontal([Constraint::Length(code_size.0), Constraint::Fill(1)]).areas(inner);
    if let Some(code) = code {
        let [left, _] =
            Layout::horizontal([Constraint::Length(code.columns), Constraint::Fill(1)]).areas(left);
        frame.render_widget(Paragraph::new(code.lines), left);
    }
    frame.render_widget(Paragraph::new(text), right);
}

fn text<'a>(app: &App, once: &'a Once, columns: usize, has_code: bool) -> Vec<Line<'a>> {
    let theme = app.theme;
    let mut lines = Vec::new();
    for (label, value) in &once.facts {
        lines.push(fact(theme, label, value.as_str()));
    }
    if !once.facts.is_empty() {
        lines.push(Line::raw(""));
    }
    // Cut by hand, so that the pieces join without a space when they are selected and pasted.
    let secret: Vec<char> = once.secret.expose().chars().collect();
    for piece in secret.chunks(columns.max(1)) {
        lines.push(Line::styled(
            piece.iter().collect::<String>(),
            theme.accent(),
        ));
    }
    lines.push(Line::raw(""));
    if let Some(at) = once.expires_at {
        let text = format!("Ends {}, {}.", when::until(app.now, at), when::stamp(at));
        let text = wrap(&text, columns).into_iter();
        lines.extend(text.map(|line| Line::styled(line, theme.tone(Tone::Warn))));
    }
    lines.push(Line::styled("It is shown once.", theme.tone(Tone::Warn)));
    lines.push(Line::raw(""));
    lines.extend(wrap(&once.advice, columns).into_iter().map(Line::raw));
    if once.is_link && !has_code {
        lines.push(Line::raw(""));
        let text = wrap("A larger terminal shows it as a QR code too.", columns);
        lines.extend(
            text.into_iter()
                .map(|line| Line::styled(line, theme.quiet())),
        );
    }
    lines
}

const QUESTION_WIDTH: u16 = 64;
const TEXT_WIDTH: u16 = 56;
const LEAST_TEXT_WIDTH: u16 = 24;
/// The frame with its inner air: columns, rows.
const BORDERS: (u16, u16) = (4, 2);
