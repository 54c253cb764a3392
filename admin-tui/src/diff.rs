//! What differs between two texts, line by line, with what stands around it.

use similar::{Algorithm, ChangeTag, capture_diff_slices};

/// A line of a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// In both.
    Same(&'a str),
    /// In the old one alone.
    Gone(&'a str),
    /// In the new one alone.
    New(&'a str),
    /// Lines that are the same and left out.
    Skipped(usize),
}

/// The shortest way from one text to the other, and three lines around each change.
pub fn lines<'a>(old: &'a str, new: &'a str) -> Vec<Piece<'a>> {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let steps = capture_diff_slices(Algorithm::Myers, &old, &new);
    let pieces = steps.iter().flat_map(|step| step.iter_changes(&old, &new));
    let pieces = pieces.map(|change| match change.tag() {
        ChangeTag::Equal => Piece::Same(change.value()),
        ChangeTag::Delete => Piece::Gone(change.value()),
        ChangeTag::Insert => Piece::New(change.value()),
    });
    shortened(pieces.collect())
}

fn shortened(pieces: Vec<Piece<'_>>) -> Vec<Piece<'_>> {
    let is_same = |piece: &Piece<'_>| matches!(piece, Piece::Same(_));
    let is_near = |at: usize| {
        let from = at.saturating_sub(AROUND);
        let to = (at + AROUND + 1).min(pieces.len());
        pieces[from..to].iter().any(|piece| !is_same(piece))
    };
    let mut shown = Vec::new();
    for (at, piece) in pieces.iter().enumerate() {
        match (is_near(at), shown.last_mut()) {
            (true, _) => shown.push(*piece),
            (false, Some(Piece::Skipped(count))) => *count += 1,
            (false, _) => shown.push(Piece::Skipped(1)),
        }
    }
    shown
}

const AROUND: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    fn check(old: &str, new: &str, expected: &str) {
        let said: Vec<String> = lines(old, new)
            .into_iter()
            .map(|piece| match piece {
                Piece::Same(line) => format!(" {line}"),
                Piece::Gone(line) => format!("-{line}"),
                Piece::New(line) => format!("+{line}"),
                Piece::Skipped(count) => format!("@{count}"),
            })
            .collect();
        assert_eq!(said.join("\n"), expected);
    }

    #[test]
    fn what_changed_is_shown_with_three_lines_around() {
        check("a\nb\nc", "a\nx\nc", " a\n-b\n+x\n c");
        check("", "a", "+a");
        check("a", "", "-a");
        check("a\nb", "a\nb", "@2");
        check(
            "1\n2\n3\n4\n5\n6\n7\n8\n9",
            "1\n2\n3\n4\n5!\n6\n7\n8\n9",
            "@1\n 2\n 3\n 4\n-5\n+5!\n 6\n 7\n 8\n@1",
        );
    }

    #[test]
    fn texts_without_anything_in_common_are_told_whole() {
        let (old, new) = ("a\n".repeat(3000), "b\n".repeat(3000));
        assert_eq!(lines(&old, &new).len(), 6000);
    }
}
