//! The help: the key table, as it stands.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Clear, Paragraph};
use wire::Role;

use super::widgets::{middle, panel, width};
use crate::app::App;
use crate::keys::{self, Scope};
use crate::theme::Theme;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, app: &App, scroll: usize) {
    let columns = columns(area.width, app);
    let rows = columns.iter().map(Vec::len).max().unwrap_or(0);
    let wanted = u16::try_from(rows + 2).unwrap_or(area.height);
    let area = middle(area, area.width.min(WIDEST), wanted);
    frame.render_widget(Clear, area);
    let title = Line::styled(" Keys ", app.theme.strong());
    let inner = panel(frame, area, title, app.theme.accent());
    let room = usize::from(inner.height);
    let scroll = scroll.min(rows.saturating_sub(room));
    let areas = Layout::horizontal(vec![Constraint::Fill(1); columns.len()])
        .spacing(2)
        .split(inner);
    for (lines, area) in columns.into_iter().zip(areas.iter()) {
        let shown: Vec<Line<'_>> = lines.into_iter().skip(scroll).take(room).collect();
        frame.render_widget(Paragraph::new(shown), *area);
    }
    let below = Rect {
        x: area.x + 2,
        y: area.bottom().saturating_sub(1),
        width: area.width.saturating_sub(4),
        height: 1,
    };
    if let Some(operator) = app.operator.as_ref().filter(|op| op.role != Role::Owner) {
        let text = format!(" {BARRED}not with the role {} ", operator.role);
        frame.render_widget(Line::styled(text, app.theme.quiet()), below);
    }
    if scroll + room < rows {
        let line = Line::styled(" ↓ more ", app.theme.key()).right_aligned();
        frame.render_widget(line, below);
    }
}

/// How many rows the help has at this width.
pub fn lines(width: u16) -> usize {
    split(width)
        .iter()
        .map(|scopes| scopes.iter().map(|scope| height(*scope)).sum())
        .max()
        .unwrap_or(0_usize)
        // No air below the last.
        .saturating_sub(1)
}

/// The sections, spread over as many columns as there is room for, none much longer than the others.
fn split(width: u16) -> Vec<Vec<Scope>> {
    let count = usize::from(width / COLUMN_WIDTH).clamp(1, 3);
    let total: usize = Scope::ALL.iter().map(|scope| height(*scope)).sum();
    let mut columns = vec![Vec::new(); count];
    let mut used = 0;
    for scope in Scope::ALL {
        let middle_of_it = used + height(scope) / 2;
        let column = (middle_of_it * count / total.max(1)).min(count - 1);
        if let Some(column) = columns.get_mut(column) {
            column.push(scope);
        }
        used += height(scope);
    }
    columns
}

fn height(scope: Scope) -> usize {
    keys::bindings(scope).count() + 2
}

fn columns(width: u16, app: &App) -> Vec<Vec<Line<'static>>> {
    split(width)
        .into_iter()
        .map(|scopes| {
            let sections = scopes.into_iter().flat_map(|scope| section(scope, app));
            let mut lines: Vec<_> = sections.collect();
            lines.pop();
            lines
        })
        .collect()
}

fn section(scope: Scope, app: &App) -> Vec<Line<'static>> {
    let theme = app.theme;
    let mut lines = vec![Line::styled(scope.title(), theme.strong())];
    lines.extend(keys::bindings(scope).map(|binding| {
        let needed = binding.act.needs();
        let may = needed.is_none_or(|action| app.may(action));
        entry(theme, binding, may)
    }));
    lines.push(Line::raw(""));
    lines
}

fn entry(theme: Theme, binding: &keys::Binding, may: bool) -> Line<'static> {
    let labels: Vec<String> = binding.keys.iter().map(|key| key.label()).collect();
    let labels = labels.join(" ");
    let air = KEYS_WIDTH.saturating_sub(width(&labels)).max(1);
    let (key, word) = if may {
        (theme.key(), ratatui::style::Style::new())
    } else {
        (theme.disabled(), theme.disabled())
    };
    Line::from(vec![
        Span::styled(if may { "  " } else { BARRED }, key),
        Span::styled(labels, key),
        Span::raw(" ".repeat(air)),
        Span::styled(binding.long, word),
    ])
}

const COLUMN_WIDTH: u16 = 38;
const KEYS_WIDTH: usize = 10;
const WIDEST: u16 = 126;
const BARRED: &str = "⊘ ";
