//! What the scan keeps beside the tree; the rest of the front is examined by the language cases.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use proptest::prelude::*;

use super::{parse, scan::scan};
use crate::diagnostic::Diagnostics;
use crate::source::SourceId;

/// A stretch of a text up to the end of a line: what it is made of, its comment, and whether it is blank.
#[derive(Debug, Clone)]
struct Stretch {
    code: &'static str,
    comment: Option<String>,
    end: &'static str,
}

fn stretch() -> impl Strategy<Value = Stretch> {
    let code = prop::sample::select(vec![
        "",
        "",
        " \t",
        "step a \"# no comment\" {",
        "  check \"a \\\" # b\": f(x)  ",
        "}",
        "/// documentation # of it",
        "let x = \"\"\"\n# none\n\n  none\n\"\"\" ",
        "\u{a7} ==",
        "members { a # b\n\n}",
    ]);
    let comment = prop::option::of("#[ #\"{}/a-z\u{e9}]{0,12}");
    (code, comment, prop::sample::select(vec!["\n", "\r\n"])).prop_map(|(code, comment, end)| Stretch {
        comment: comment.filter(|_| !code.starts_with("///")),
        code,
        end,
    })
}

fn is_white(text: &str) -> bool {
    text.chars().all(|one| " \t\r\n\u{feff}".contains(one))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_comment_and_blank_line_is_kept_in_order_and_nothing_else(lines in prop::collection::vec(stretch(), 0..20)) {
        let (mut text, mut comments, mut blank_lines) = (String::new(), Vec::new(), Vec::new());
        for line in &lines {
            if line.code.trim().is_empty() && line.comment.is_none() {
                blank_lines.push(u32::try_from(text.len()).unwrap());
            }
            if let Some(at) = line.code.find("# b\n") {
                comments.push("# b".to_owned());
                blank_lines.push(u32::try_from(text.len() + at + 4).unwrap());
            }
            text = format!("{text}{}{}{}", line.code, line.comment.as_deref().unwrap_or(""), line.end);
            comments.extend(line.comment.clone());
        }
        let trivia = parse(SourceId(0), &text, &mut Diagnostics::default()).trivia;
        let found: Vec<&str> = trivia.comments.iter().map(|comment| &text[comment.start as usize..comment.end as usize]).collect();
        prop_assert_eq!(found, comments, "{}", text);
        prop_assert_eq!(trivia.blank_lines, blank_lines, "{}", text);
    }

    #[test]
    fn tokens_comments_and_white_space_are_the_whole_of_any_text(text in "([#\"\\\\\r\n /a{}=\u{e9}-]|\\PC){0,80}") {
        let (tokens, trivia) = scan(SourceId(0), &text);
        let tokens = tokens.iter().map(|token| (token.start, token.end));
        let comments = trivia.comments.iter().map(|comment| (comment.start, comment.end));
        let mut parts: Vec<(u32, u32)> = tokens.chain(comments.clone()).collect();
        parts.sort_unstable();
        let mut at = 0;
        for (start, end) in parts {
            prop_assert!(is_white(&text[at..start as usize]));
            at = end as usize;
        }
        prop_assert!(is_white(&text[at..]));
        for (start, end) in comments {
            let comment = &text[start as usize..end as usize];
            prop_assert!(comment.starts_with('#') && !comment.contains('\n'), "{comment:?}");
        }
    }
}
