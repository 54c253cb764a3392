//! What several screens draw: tables with a cursor, labelled values, signs of states, sparklines.

use std::ops::Range;

use ratatui::Frame;
use ratatui::layout::{Alignment, Constraint, Flex, Layout, Margin, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span, Text};
use ratatui::widgets::{
    Block, BorderType, Paragraph, Row, Scrollbar, ScrollbarOrientation, ScrollbarState, Table,
    TableState, Wrap,
};
use time::OffsetDateTime;
use wire::{AuditEvent, AuditOutcome, FactorKind, HealthStatus, SubjectStatus};

use crate::app::{Input, is_declined};
use crate::theme::{Theme, Tone};
use crate::when;

/// The columns of a table: their heads and how wide they are.
pub(super) type Columns<'a> = [(&'a str, Constraint)];

/// Draws the rows that fit around the cursor, with a scrollbar where there are more.
pub(super) fn table<'a>(
    frame: &mut Frame<'_>,
    area: Rect,
    theme: Theme,
    columns: &Columns<'_>,
    rows: Rows<impl Fn(usize) -> Vec<Span<'a>>>,
) {
    let height = usize::from(area.height.saturating_sub(1));
    let window = window(rows.selected.unwrap_or(0), rows.len, height);
    let mut state =
        TableState::new().with_selected(rows.selected.map(|row| row.saturating_sub(window.start)));
    let heads = columns
        .iter()
        .map(|(head, _)| Span::styled((*head).to_owned(), theme.quiet()));
    let is_longer = rows.len > window.len();
    let room = Rect {
        width: area.width.saturating_sub(2),
        ..area
    };
    let widths = widths(columns, room.width);
    let shown: Vec<Row<'_>> = window
        .clone()
        .map(|at| {
            let cells = (rows.row)(at).into_iter().zip(&widths);
            cells
                .map(|(cell, width)| cut(cell, usize::from(*width)))
                .collect()
        })
        .collect();
    let table = Table::new(shown, widths)
        .header(Row::new(heads))
        .column_spacing(COLUMN_SPACING)
        .highlight_symbol(CURSOR)
        .row_highlight_style(theme.selected());
    frame.render_stateful_widget(table, room, &mut state);
    if is_longer {
        let mut place = ScrollbarState::new(rows.len.saturating_sub(height))
            .position(window.start)
            .viewport_content_length(height);
        let bar = Scrollbar::new(ScrollbarOrientation::VerticalRight)
            .begin_symbol(None)
            .end_symbol(None)
            .track_symbol(Some("│"))
            .thumb_symbol("┃")
            .track_style(theme.frame())
            .thumb_style(theme.accent());
        let below_head = Rect {
            y: area.y + 1,
            height: area.height.saturating_sub(1),
            ..area
        };
        frame.render_stateful_widget(bar, below_head, &mut place);
    }
}

/// The rows of a table, made as they are needed.
pub(super) struct Rows<F> {
    /// How many there are.
    pub(super) len: usize,
    /// The one the cursor is on.
    pub(super) selected: Option<usize>,
    /// Makes one.
    pub(super) row: F,
}

/// How wide each column comes out, so that what does not fit is cut with an ellipsis and not in silence.
fn widths(columns: &Columns<'_>, room: u16) -> Vec<u16> {
    let cursor = u16::try_from(width(CURSOR)).unwrap_or(0);
    let room = Rect::new(0, 0, room.saturating_sub(cursor), 1);
    Layout::horizontal(columns.iter().map(|(_, width)| *width))
        .spacing(COLUMN_SPACING)
        .split(room)
        .iter()
        .map(|column| column.width)
        .collect()
}

fn cut(cell: Span<'_>, columns: usize) -> Span<'_> {
    if cell.width() <= columns {
        return cell;
    }
    Span::styled(fit(&cell.content, columns), cell.style)
}

/// The rows to show so that the cursor stays in the middle, except near the ends.
fn window(selected: usize, len: usize, height: usize) -> Range<usize> {
    let start = selected
        .saturating_sub(height / 2)
        .min(len.saturating_sub(height));
    start..len.min(start + height)
}

/// A text in the middle of the area.
pub(super) fn message(frame: &mut Frame<'_>, area: Rect, lines: Vec<Line<'_>>) {
    let widest = lines.iter().map(Line::width).max().unwrap_or(0);
    let columns = usize::from(area.width.saturating_sub(2)).max(1);
    let rows: usize = lines
        .iter()
        .map(|line| line.width().div_ceil(columns).max(1))
        .sum();
    let area = middle(
        area,
        u16::try_from(widest.min(columns)).unwrap_or(area.width),
        u16::try_from(rows).unwrap_or(area.height),
    );
    let text = Paragraph::new(lines)
        .alignment(Alignment::Center)
        .wrap(Wrap { trim: true });
    frame.render_widget(text, area);
}

/// An area of at most this size in the middle of another.
pub(super) fn middle(area: Rect, width: u16, height: u16) -> Rect {
    let [area] = Layout::horizontal([Constraint::Length(width.min(area.width))])
        .flex(Flex::Center)
        .areas(area);
    let [area] = Layout::vertical([Constraint::Length(height.min(area.height))])
        .flex(Flex::Center)
        .areas(area);
    area
}

/// A frame with a title, drawn; answers the room in it.
pub(super) fn panel(frame: &mut Frame<'_>, area: Rect, title: Line<'_>, border: Style) -> Rect {
    let block = Block::bordered()
        .border_type(BorderType::Rounded)
        .border_style(border)
        .title(title);
    let inner = block.inner(area).inner(Margin::new(1, 0));
    frame.render_widget(block, area);
    inner
}

/// A label and its value.
pub(super) fn fact<'a>(theme: Theme, label: &str, value: impl Into<Span<'a>>) -> Line<'a> {
    Line::from(vec![
        Span::styled(format!("{label:<LABEL_WIDTH$}"), theme.quiet()),
        value.into(),
    ])
}

/// A line of text with its cursor, scrolled so that the cursor is seen.
pub(super) fn input_line(input: &Input, columns: usize, is_focused: bool) -> Line<'static> {
    let (before, under, after) = input.parts();
    if !is_focused {
        return Line::raw(fit(&input.text(), columns));
    }
    let room = columns.saturating_sub(1);
    let mut shown = before.as_str();
    while width(shown) > room {
        let mut chars = shown.chars();
        chars.next();
        shown = chars.as_str();
    }
    let rest = room.saturating_sub(width(shown));
    Line::from(vec![
        Span::raw(shown.to_owned()),
        Span::styled(
            under.unwrap_or(' ').to_string(),
            Style::new().add_modifier(ratatui::style::Modifier::REVERSED),
        ),
        Span::raw(clip(&after, rest)),
    ])
}

/// How a subject stands, as sign and word.
pub(super) fn subject_status(theme: Theme, status: SubjectStatus) -> Span<'static> {
    let (sign, tone) = match status {
        SubjectStatus::Active => ("●", Tone::Good),
        SubjectStatus::Invited => ("○", Tone::Warn),
        SubjectStatus::Suspended => ("✗", Tone::Bad),
    };
    Span::styled(format!("{sign} {status}"), theme.tone(tone))
}

/// How an event ended, as sign and word.
pub(super) fn outcome(theme: Theme, event: &AuditEvent) -> Span<'static> {
    if is_declined(event) {
        return Span::styled("– declined", theme.quiet());
    }
    let outcome = event.outcome;
    let (sign, tone) = match outcome {
        AuditOutcome::Success => ("✓", Tone::Good),
        AuditOutcome::Refused => ("✗", Tone::Bad),
        AuditOutcome::Unusable => ("~", Tone::Warn),
        AuditOutcome::Fault => ("!", Tone::Bad),
        AuditOutcome::Unknown => ("?", Tone::Quiet),
    };
    Span::styled(format!("{sign} {outcome}"), theme.tone(tone))
}

/// What stands in the place of a state while the server is away: when it was last heard of.
pub(super) fn last_answer(at: Option<OffsetDateTime>) -> String {
    match at {
        Some(at) => format!(" ○ away, last answer {}", when::time_of_day(at)),
        None => " ○ away, no answer yet".to_owned(),
    }
}

/// How a part is, as sign and word.
pub(super) fn health_status(theme: Theme, status: HealthStatus) -> Span<'static> {
    let (sign, tone) = match status {
        HealthStatus::Up => ("●", Tone::Good),
        HealthStatus::Degraded => ("◐", Tone::Warn),
        HealthStatus::Down => ("✗", Tone::Bad),
    };
    Span::styled(format!("{sign} {status}"), theme.tone(tone))
}

/// A factor in at most six columns.
pub(super) fn factor_short(factor: FactorKind) -> &'static str {
    match factor {
        FactorKind::Password => "pwd",
        FactorKind::Totp => "totp",
        FactorKind::RecoveryCode => "rec",
        FactorKind::Passkey => "key",
        FactorKind::Face => "face",
        FactorKind::Fingerprint => "finger",
    }
}

/// A factor as people read it.
pub(super) fn factor_name(factor: FactorKind) -> &'static str {
    match factor {
        FactorKind::Password => "password",
        FactorKind::Totp => "TOTP",
        FactorKind::RecoveryCode => "recovery code",
        FactorKind::Passkey => "passkey",
        FactorKind::Face => "face",
        FactorKind::Fingerprint => "fingerprint",
    }
}

/// A row of bars, scaled to the highest or to twice the mean: what is even lies in the middle, a peak stands out.
pub(super) fn sparkline(values: &[u64]) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let highest = values.iter().copied().max().unwrap_or(0);
    let count = u64::try_from(values.len()).unwrap_or(1).max(1);
    let top = highest.max(2 * values.iter().sum::<u64>() / count).max(1);
    values
        .iter()
        .map(|value| {
            let bar = usize::try_from(value * 7 / top).unwrap_or(7);
            BARS.get(bar).copied().unwrap_or('█')
        })
        .collect()
}

/// The columns a text takes.
pub(super) fn width(text: &str) -> usize {
    Text::raw(text).width()
}

/// The text, cut with an ellipsis where it does not fit.
pub(super) fn fit(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut cut = clip(text, columns.saturating_sub(1));
    if columns > 0 {
        cut.push('…');
    }
    cut
}

/// The text in lines of at most so many columns, broken between words.
pub(super) fn wrap(text: &str, columns: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() && width(&line) + 1 + width(word) > columns {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

/// As much of the text as fits.
pub(super) fn clip(text: &str, columns: usize) -> String {
    let mut clipped = String::new();
    for c in text.chars() {
        clipped.push(c);
        if width(&clipped) > columns {
            clipped.pop();
            break;
        }
    }
    clipped
}

const LABEL_WIDTH: usize = 12;
const COLUMN_SPACING: u16 = 2;
const CURSOR: &str = "▸ ";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_holds_the_cursor_and_is_full_where_it_can_be() {
        for len in 0..30 {
            for height in 1..12 {
                for selected in 0..len {
                    let window = window(selected, len, height);
                    assert!(
                        window.contains(&selected),
                        "{selected} of {len} in {height}"
                    );
                    assert_eq!(window.len(), len.min(height));
                }
            }
        }
    }

    #[test]
    fn a_text_is_cut_by_columns_not_by_bytes() {
        for (text, columns, cut) in [
            ("ada", 3, "ada"),
            ("lovelace", 5, "love…"),
            ("日本語", 5, "日本…"),
            ("日本語", 4, "日…"),
            ("x", 0, ""),
        ] {
            assert_eq!(fit(text, columns), cut);
        }
    }

    #[test]
    fn a_text_is_wrapped_between_words() {
        assert_eq!(wrap("one two three", 8), ["one two", "three"]);
        assert_eq!(wrap("unbreakable", 4), ["unbreakable"]);
        assert!(wrap(" ", 4).is_empty());
    }

    #[test]
    fn a_sparkline_shows_peaks_and_keeps_what_is_even_in_the_middle() {
        assert_eq!(sparkline(&[0, 7, 14]), "▁▄█");
        assert_eq!(sparkline(&[5, 5, 5]), "▄▄▄");
        assert_eq!(sparkline(&[]), "");
        assert_eq!(sparkline(&[0, 0]), "▁▁");
    }
}
