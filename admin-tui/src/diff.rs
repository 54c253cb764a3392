//! What differs between two texts, line by line, with what stands around it.

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
    let start = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let (old_rest, new_rest) = (&old[start..], &new[start..]);
    let end = old_rest
        .iter()
        .rev()
        .zip(new_rest.iter().rev())
        .take_while(|(a, b)| a == b)
        .count();
    let (old_part, new_part) = (
        &old_rest[..old_rest.len() - end],
        &new_rest[..new_rest.len() - end],
    );
    let mut pieces: Vec<Piece<'a>> = old[..start].iter().map(|line| Piece::Same(line)).collect();
    pieces.extend(between(old_part, new_part));
    let tail = &old_rest[old_rest.len() - end..];
    pieces.extend(tail.iter().map(|line| Piece::Same(line)));
    shortened(pieces)
}

/// By the longest common subsequence; where that table would be too large, all of the one and all of the other.
fn between<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<Piece<'a>> {
    let (rows, columns) = (old.len(), new.len());
    if rows.saturating_mul(columns) > LARGEST_TABLE {
        let gone = old.iter().map(|line| Piece::Gone(line));
        return gone
            .chain(new.iter().map(|line| Piece::New(line)))
            .collect();
    }
    let width = columns + 1;
    let mut common = vec![0_u32; (rows + 1) * width];
    for at in (0..rows).rev() {
        for to in (0..columns).rev() {
            common[at * width + to] = match old[at] == new[to] {
                true => common[(at + 1) * width + to + 1] + 1,
                false => common[(at + 1) * width + to].max(common[at * width + to + 1]),
            };
        }
    }
    let (mut at, mut to, mut pieces) = (0, 0, Vec::new());
    while at < rows || to < columns {
        if at < rows && to < columns && old[at] == new[to] {
            pieces.push(Piece::Same(old[at]));
            (at, to) = (at + 1, to + 1);
        } else if at < rows
            && (to == columns || common[(at + 1) * width + to] >= common[at * width + to + 1])
        {
            pieces.push(Piece::Gone(old[at]));
            at += 1;
        } else {
            pieces.push(Piece::New(new[to]));
            to += 1;
        }
    }
    pieces
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
const LARGEST_TABLE: usize = 4_000_000;

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
