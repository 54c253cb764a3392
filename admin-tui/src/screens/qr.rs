//! A QR code in half blocks: two modules a character, so that it is square and a phone reads it off the screen.

use qrcode::{Color, EcLevel, QrCode};
use ratatui::text::Line;

use crate::theme::Theme;

/// A code, drawn.
pub(super) struct Code {
    /// Its lines.
    pub(super) lines: Vec<Line<'static>>,
    /// How many columns it takes.
    pub(super) columns: u16,
    /// How many rows it takes.
    pub(super) rows: u16,
}

/// The code with the widest quiet zone that fits the room and leaves this many columns beside it.
///
/// ISO/IEC 18004 asks for a quiet zone of four modules; readers do with two, and most with one.
pub(super) fn best(text: &str, room: (u16, u16), beside: u16, theme: Theme) -> Option<Code> {
    let code = QrCode::with_error_correction_level(text, EcLevel::L).ok()?;
    [4, 2, 1]
        .into_iter()
        .map(|quiet| draw(&code, quiet, theme))
        .find(|drawn| drawn.columns + beside <= room.0 && drawn.rows <= room.1)
}

fn draw(code: &QrCode, quiet: usize, theme: Theme) -> Code {
    let side = code.width();
    let colors = code.to_colors();
    let is_dark = |x: usize, y: usize| {
        let inside = (quiet..quiet + side).contains(&x) && (quiet..quiet + side).contains(&y);
        inside && colors.get((y - quiet) * side + (x - quiet)) == Some(&Color::Dark)
    };
    let whole = side + 2 * quiet;
    // Without colours the text's own is likely the light one: then the light modules are the ones to draw.
    let is_drawn = |x: usize, y: usize| is_dark(x, y) == theme.has_color();
    let lines: Vec<Line<'static>> = (0..whole)
        .step_by(2)
        .map(|y| {
            let row: String = (0..whole)
                .map(|x| match (is_drawn(x, y), is_drawn(x, y + 1)) {
                    (true, true) => '█',
                    (true, false) => '▀',
                    (false, true) => '▄',
                    (false, false) => ' ',
                })
                .collect();
            Line::styled(row, theme.qr())
        })
        .collect();
    Code {
        columns: u16::try_from(whole).unwrap_or(u16::MAX),
        rows: u16::try_from(lines.len()).unwrap_or(u16::MAX),
        lines,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINK: &str = "https://id.example.org/enrol/Jx0nPq3vQ8uY2m5tR7wZ1aB4cD6eF9gH0iK3lM5nO8p";

    #[test]
    fn the_drawing_holds_the_modules_of_the_code() {
        let code = QrCode::with_error_correction_level(LINK, EcLevel::L).unwrap();
        let colors = code.to_colors();
        for (theme, quiet) in [(Theme::COLOR, 2), (Theme::MONO, 4), (Theme::COLOR, 1)] {
            let drawn = draw(&code, quiet, theme);
            let rows: Vec<Vec<char>> = drawn
                .lines
                .iter()
                .map(|line| line.to_string().chars().collect())
                .collect();
            let side = code.width();
            for y in 0..side {
                for x in 0..side {
                    let (column, row) = (x + quiet, y + quiet);
                    let cell = rows[row / 2][column];
                    let filled = match cell {
                        '█' => true,
                        '▀' => row % 2 == 0,
                        '▄' => row % 2 == 1,
                        _ => false,
                    };
                    let dark = colors[y * side + x] == Color::Dark;
                    assert_eq!(filled == theme.has_color(), dark, "{x} {y}");
                }
            }
        }
    }

    #[test]
    fn an_invitation_fits_a_screen_of_80_by_24() {
        let drawn = best(LINK, (76, 21), 24, Theme::COLOR).expect("fits");
        assert!(drawn.rows <= 21 && drawn.columns <= 52);
        assert!(best(LINK, (40, 10), 24, Theme::COLOR).is_none());
    }
}
