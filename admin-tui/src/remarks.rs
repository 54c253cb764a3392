//! What the editor shows besides a policy: what is wrong, above the line that it is in, and what somebody else changed.
//!
//! Who is in an editor no longer sees the console. A remark is a comment to TOML, and is taken out when the editor ends.

use wire::PolicyFault;

use crate::diff::{self, Piece};

/// The text with each fault above its line; those that have none stand at the top, below the heads.
pub fn annotated(text: &str, heads: &[String], faults: &[PolicyFault]) -> String {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let place = |fault: &PolicyFault| {
        let line = usize::try_from(fault.line?).ok()?.checked_sub(1)?;
        (line < lines.len()).then_some(line)
    };
    let mut out = String::with_capacity(text.len());
    for head in heads {
        remark(&mut out, head);
    }
    for fault in faults.iter().filter(|fault| place(fault).is_none()) {
        remark(&mut out, &fault.message);
    }
    for (at, line) in lines.iter().enumerate() {
        for fault in faults.iter().filter(|fault| place(fault) == Some(at)) {
            remark(&mut out, &fault.message);
        }
        out.push_str(line);
    }
    out
}

/// The text without remarks.
pub fn stripped(text: &str) -> String {
    text.split_inclusive('\n')
        .filter(|line| !line.starts_with(MARK))
        .collect()
}

/// What somebody else changed, as heads.
pub fn of_change(by: &str, revision: i64, old: &str, new: &str) -> Vec<String> {
    let mut heads = vec![format!(
        "{by} changed the policy meanwhile, to revision {revision}. Work this into the text below; these lines are left out:"
    )];
    heads.extend(
        diff::lines(old, new)
            .into_iter()
            .filter_map(|piece| match piece {
                Piece::Same(_) | Piece::Skipped(_) => None,
                Piece::Gone(line) => Some(format!("- {line}")),
                Piece::New(line) => Some(format!("+ {line}")),
            }),
    );
    heads
}

/// What is to be done about the faults that stand below.
pub fn of_faults(count: usize) -> String {
    format!("{count} to mend, each above its line; these lines are left out")
}

fn remark(out: &mut String, text: &str) {
    for line in text.lines() {
        out.push_str(MARK);
        out.push(' ');
        out.push_str(line);
        out.push('\n');
    }
}

/// With what a remark begins. A comment that somebody keeps does not look like it.
const MARK: &str = "#!";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fault(message: &str, line: Option<u32>) -> PolicyFault {
        PolicyFault {
            message: message.to_owned(),
            line,
        }
    }

    #[test]
    fn a_fault_stands_above_its_line() {
        let faults = [
            fault("of it all", None),
            fault("of b", Some(2)),
            fault("beyond", Some(9)),
            fault("of b\ntoo", Some(2)),
        ];
        let said = annotated("a\nb\nc", &["head".to_owned()], &faults);
        assert_eq!(
            said,
            "#! head\n#! of it all\n#! beyond\na\n#! of b\n#! of b\n#! too\nb\nc"
        );
        assert_eq!(stripped(&said), "a\nb\nc");
    }

    #[test]
    fn what_somebody_else_changed_is_told() {
        let heads = of_change("grete", 5, "a\nb\n", "a\nc\n");
        assert_eq!(&heads[1..], ["- b", "+ c"]);
        assert!(heads[0].contains("grete") && heads[0].contains("revision 5"));
    }

    proptest! {
        #[test]
        fn remarks_leave_no_trace(
            text in "([a#! \r]{0,6}\n){0,6}[a#!]{0,4}",
            heads in prop::collection::vec("[a#!\n]{0,8}", 0..4),
            faults in prop::collection::vec(("[a#!\n]{0,8}", prop::option::of(0..12_u32)), 0..6),
        ) {
            let faults: Vec<_> = faults.iter().map(|(message, line)| fault(message, *line)).collect();
            let said = annotated(&text, &heads, &faults);
            prop_assert_eq!(stripped(&said), stripped(&text));
        }
    }
}
