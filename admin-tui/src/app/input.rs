//! One line of text being typed, with the keys a shell has.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// A line of text and the place of its cursor, in characters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Input {
    text: Vec<char>,
    cursor: usize,
}

impl Input {
    /// A line that holds this text, the cursor behind it.
    pub fn with_text(text: &str) -> Self {
        let text: Vec<char> = text.chars().collect();
        Self {
            cursor: text.len(),
            text,
        }
    }

    /// What was typed.
    pub fn text(&self) -> String {
        self.text.iter().collect()
    }

    /// What was typed, without white space around it.
    pub fn trimmed(&self) -> String {
        self.text().trim().to_owned()
    }

    /// Whether nothing was typed.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// The text in front of the cursor, the character under it, and the text behind.
    pub fn parts(&self) -> (String, Option<char>, String) {
        let (before, after) = self.text.split_at(self.cursor.min(self.text.len()));
        let mut after = after.iter();
        let under = after.next().copied();
        (before.iter().collect(), under, after.collect())
    }

    /// Empties the line.
    pub fn clear(&mut self) {
        self.text.clear();
        self.cursor = 0;
    }

    /// Takes a key; whether the text changed.
    pub fn edit(&mut self, key: KeyEvent) -> bool {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Char('u') if control => self.remove(0, self.cursor),
            KeyCode::Char('k') if control => self.remove(self.cursor, self.text.len()),
            KeyCode::Char('w') if control => self.remove(self.word_start(), self.cursor),
            KeyCode::Char('h') if control => {
                self.remove(self.cursor.saturating_sub(1), self.cursor)
            }
            KeyCode::Char('a') if control => self.go(0),
            KeyCode::Char('e') if control => self.go(self.text.len()),
            KeyCode::Char(c)
                if !control && !key.modifiers.contains(KeyModifiers::ALT) && !c.is_control() =>
            {
                self.text.insert(self.cursor, c);
                self.cursor += 1;
                true
            }
            KeyCode::Backspace => self.remove(self.cursor.saturating_sub(1), self.cursor),
            KeyCode::Delete => self.remove(self.cursor, self.cursor + 1),
            KeyCode::Left => self.go(self.cursor.saturating_sub(1)),
            KeyCode::Right => self.go(self.cursor + 1),
            KeyCode::Home => self.go(0),
            KeyCode::End => self.go(self.text.len()),
            _ => false,
        }
    }

    fn go(&mut self, place: usize) -> bool {
        self.cursor = place.min(self.text.len());
        false
    }

    fn remove(&mut self, from: usize, to: usize) -> bool {
        let to = to.min(self.text.len());
        if from >= to {
            return false;
        }
        self.text.drain(from..to);
        self.cursor = from;
        true
    }

    fn word_start(&self) -> usize {
        let before = &self.text[..self.cursor];
        let end = before.iter().rposition(|c| !c.is_whitespace());
        let Some(end) = end else { return 0 };
        before[..end]
            .iter()
            .rposition(|c| c.is_whitespace())
            .map_or(0, |space| space + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(keys: &[(KeyCode, KeyModifiers)], expected: &str) {
        let mut input = Input::with_text("ada lovelace");
        for (code, modifiers) in keys {
            input.edit(KeyEvent::new(*code, *modifiers));
        }
        assert_eq!(input.text(), expected);
    }

    #[test]
    fn the_keys_of_a_shell_edit_the_line() {
        use KeyCode::{Backspace, Char, Delete, End, Home, Left, Right};
        let (plain, control) = (KeyModifiers::NONE, KeyModifiers::CONTROL);
        check(&[(Char('!'), plain)], "ada lovelace!");
        check(&[(Backspace, plain), (Backspace, plain)], "ada lovela");
        check(&[(Home, plain), (Delete, plain)], "da lovelace");
        check(&[(Char('w'), control)], "ada ");
        check(&[(Char('w'), control), (Char('w'), control)], "");
        check(&[(Char('u'), control)], "");
        check(
            &[(Left, plain), (Left, plain), (Char('k'), control)],
            "ada lovela",
        );
        check(
            &[
                (Home, plain),
                (Char('É'), plain),
                (End, plain),
                (Right, plain),
            ],
            "Éada lovelace",
        );
        check(
            &[(Home, plain), (Left, plain), (Backspace, plain)],
            "ada lovelace",
        );
    }
}
