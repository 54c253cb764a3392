//! A form being filled in.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

use super::widgets::{fit, input_line, middle, panel};
use crate::app::{App, Field, Form, Value};
use crate::theme::Tone;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, app: &App, form: &Form) {
    let theme = app.theme;
    // Where it is low, the rows between the fields go first.
    let fields = form.fields.len() as u16;
    let rows_each: u16 = if area.height >= fields * 3 + 3 { 3 } else { 2 };
    let area = middle(area, FORM_WIDTH, fields * rows_each + 3);
    let title = Line::styled(format!(" {} ", form.title()), theme.strong());
    let inner = panel(frame, area, title, theme.accent());
    let mut constraints = vec![Constraint::Length(rows_each); form.fields.len()];
    constraints.push(Constraint::Length(1));
    let areas = Layout::vertical(constraints).split(inner);
    for (at, (field, area)) in form.fields.iter().zip(areas.iter()).enumerate() {
        draw_field(frame, *area, app, field, at == form.focus);
    }
    if let Some(area) = areas.last() {
        let line = match (&form.error, form.is_sending) {
            (Some(error), _) => Line::styled(format!("✗ {error}"), theme.tone(Tone::Bad)),
            (None, true) => Line::raw(format!("{} sending", super::chrome::spinner(app.ticks))),
            (None, false) => {
                Line::styled(fit(form.advice(), usize::from(area.width)), theme.quiet())
            }
        };
        frame.render_widget(line, *area);
    }
}

fn draw_field(frame: &mut Frame<'_>, area: Rect, app: &App, field: &Field, is_focused: bool) {
    let theme = app.theme;
    let [label, rest] =
        Layout::horizontal([Constraint::Length(LABEL_WIDTH), Constraint::Fill(1)]).areas(area);
    let style = if is_focused {
        theme.key()
    } else {
        theme.strong()
    };
    let sign = if is_focused { "▸ " } else { "  " };
    frame.render_widget(Line::styled(format!("{sign}{}", field.label), style), label);
    let [value, below] =
        Layout::vertical([Constraint::Length(1), Constraint::Length(1)]).areas(rest);
    let columns = usize::from(value.width);
    let line = match &field.value {
        Value::Text(input) => input_line(input, columns, is_focused),
        Value::Choice { options, chosen } => Line::from(
            options
                .iter()
                .enumerate()
                .flat_map(|(at, option)| {
                    let (sign, style) = match (at == *chosen, is_focused) {
                        (true, true) => ("◉", theme.key()),
                        (true, false) => ("◉", theme.strong()),
                        (false, _) => ("○", theme.quiet()),
                    };
                    [
                        Span::styled(format!("{sign} {option}"), style),
                        Span::raw("   "),
                    ]
                })
                .collect::<Vec<_>>(),
        ),
    };
    frame.render_widget(line, value);
    if matches!(field.value, Value::Text(_)) {
        // A line to write on.
        let style = Style::new().add_modifier(Modifier::UNDERLINED);
        frame.buffer_mut().set_style(value, style);
    }
    let hint = match &field.error {
        Some(error) => Line::styled(fit(&format!("✗ {error}"), columns), theme.tone(Tone::Bad)),
        None if is_focused || is_empty(&field.value) => {
            Line::styled(fit(field.hint, columns), theme.quiet())
        }
        None => Line::raw(""),
    };
    frame.render_widget(hint, below);
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Text(input) => input.is_empty(),
        Value::Choice { .. } => false,
    }
}

const FORM_WIDTH: u16 = 84;
const LABEL_WIDTH: u16 = 16;
