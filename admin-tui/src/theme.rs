//! The theme: every style of the console by its meaning, in the terminal's own sixteen colours or, by NO_COLOR, in none.
//!
//! Meaning is never in the colour alone: a state has its word and its sign too. The sixteen colours are the ones the
//! terminal's owner chose, so that the console is as legible as everything else there, on light and on dark.

use ratatui::style::{Color, Modifier, Style};

/// How things look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Theme {
    color: bool,
}

/// What a piece of text says about what it stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Nothing in particular.
    Plain,
    /// It is as it should be.
    Good,
    /// It wants attention.
    Warn,
    /// It is wrong.
    Bad,
    /// It matters less than what is beside it.
    Quiet,
}

impl Theme {
    /// With colours.
    pub const COLOR: Self = Self { color: true };
    /// Without any, by weight, reversal and underlining alone.
    pub const MONO: Self = Self { color: false };

    /// The theme for a value of `NO_COLOR`: set and not empty means none (<https://no-color.org>).
    pub fn for_no_color(no_color: Option<&std::ffi::OsStr>) -> Self {
        match no_color {
            Some(value) if !value.is_empty() => Self::MONO,
            Some(_) | None => Self::COLOR,
        }
    }

    /// Whether colours may be used.
    pub fn has_color(self) -> bool {
        self.color
    }

    /// Text of this tone.
    pub fn tone(self, tone: Tone) -> Style {
        match (tone, self.color) {
            (Tone::Plain, _) => Style::new(),
            (Tone::Good, true) => Style::new().fg(Color::Green),
            (Tone::Good, false) => Style::new(),
            (Tone::Warn, true) => Style::new().fg(Color::Yellow),
            (Tone::Warn, false) => Style::new().add_modifier(Modifier::BOLD),
            (Tone::Bad, true) => Style::new().fg(Color::Red).add_modifier(Modifier::BOLD),
            (Tone::Bad, false) => Style::new().add_modifier(Modifier::BOLD | Modifier::UNDERLINED),
            (Tone::Quiet, true) => Style::new().fg(Color::DarkGray),
            (Tone::Quiet, false) => Style::new().add_modifier(Modifier::DIM),
        }
    }

    /// Text that matters less.
    pub fn quiet(self) -> Style {
        self.tone(Tone::Quiet)
    }

    /// The product's name, the focused frame, the open tab.
    pub fn accent(self) -> Style {
        if self.color {
            Style::new().fg(Color::Cyan)
        } else {
            Style::new()
        }
    }

    /// The open tab.
    pub fn tab(self) -> Style {
        self.accent()
            .add_modifier(Modifier::BOLD | Modifier::REVERSED)
    }

    /// A heading, a table's header, a thing's name.
    pub fn strong(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// The row the cursor is on.
    pub fn selected(self) -> Style {
        self.accent().add_modifier(Modifier::REVERSED)
    }

    /// A key in the footer and the help.
    pub fn key(self) -> Style {
        self.accent().add_modifier(Modifier::BOLD)
    }

    /// What the operator's role does not allow, or what does not apply now.
    pub fn disabled(self) -> Style {
        if self.color {
            self.quiet()
        } else {
            Style::new().add_modifier(Modifier::DIM | Modifier::CROSSED_OUT)
        }
    }

    /// Frames and rules.
    pub fn frame(self) -> Style {
        self.quiet()
    }

    /// The modules of a QR code: black on white whatever the terminal's colours, so that a camera reads it.
    pub fn qr(self) -> Style {
        if self.color {
            Style::new().fg(Color::Black).bg(Color::White)
        } else {
            Style::new()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::*;

    #[test]
    fn no_color_takes_every_colour_away() {
        let theme = Theme::for_no_color(Some(OsStr::new("1")));
        let styles = [
            theme.tone(Tone::Good),
            theme.tone(Tone::Warn),
            theme.tone(Tone::Bad),
            theme.quiet(),
            theme.accent(),
            theme.tab(),
            theme.selected(),
            theme.key(),
            theme.disabled(),
            theme.qr(),
        ];
        for style in styles {
            assert_eq!((style.fg, style.bg), (None, None));
        }
        assert_eq!(Theme::for_no_color(Some(OsStr::new(""))), Theme::COLOR);
        assert_eq!(Theme::for_no_color(None), Theme::COLOR);
    }
}
