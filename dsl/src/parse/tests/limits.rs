use std::fmt::Write;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::{SMALL, WHOLE, errors, parsed, right};
use crate::parse::{TEXT_BYTES_MAX, decode};
use crate::source::Position;

#[test]
fn bytes_that_are_no_text_have_a_place() {
    assert_eq!(decode("é\n".as_bytes()), Ok("é\n"));
    assert_eq!(decode(b"ab\n\xc3\xa9x\xff"), Err(Position { line: 2, column: 3 }));
}

#[test]
fn nesting_is_bounded_the_same_in_every_build() {
    let nested = |open: &str, close: &str, depth: usize| format!("{}x{}", open.repeat(depth), close.repeat(depth));
    // The braces of the step are one level.
    right(&format!("step a \"A\" {{ let y = {} }}", nested("(", ")", 63)));
    right(&format!("step a \"A\" {{ let y = {} }}", nested("[", "]", 63)));
    right(&format!("step a \"A\" {{ let y = {} }}", nested("f(", ")", 63)));
    let undos = format!("{}{}", "do f() undo { ".repeat(63), "} within 1s ".repeat(63));
    right(&format!("step a \"A\" {{ {undos} }}"));
    let found = errors(&format!("step a \"A\" {{ let y = {} }}", nested("(", ")", 64)));
    assert!(found.contains("too-deep"), "{found}");
    let braces = errors(&"{".repeat(10_000));
    assert_eq!(braces, "1:65 too-deep: brackets are nested more than 64 deep here");
}

#[test]
fn long_rows_of_operators_are_refused_not_walked() {
    let row = vec!["x"; 10_000].join(" + ");
    let found = errors(&format!("step a \"A\" {{ let y = {row} }}"));
    assert_eq!(found.matches("too-deep").count(), 1, "{found}");
    let nots = "not ".repeat(10_000);
    let found = errors(&format!("step a \"A\" {{ let y = {nots} x }}"));
    assert_eq!(found.matches("too-deep").count(), 1, "{found}");
    let fields = ".f".repeat(10_000);
    let found = errors(&format!("step a \"A\" {{ let y = x{fields} }}"));
    assert_eq!(found.matches("too-deep").count(), 1, "{found}");
    let lists = "list of ".repeat(10_000);
    let found = errors(&format!("inputs {{ a : {lists} text }}"));
    assert_eq!(found.matches("too-deep").count(), 1, "{found}");
}

#[test]
fn too_much_text_is_refused() {
    let text = " ".repeat(TEXT_BYTES_MAX + 1);
    assert!(errors(&text).contains("too-large"));
}

fn steps(count: usize) -> String {
    let mut text = String::new();
    for number in 0..count {
        writeln!(
            text,
            "step s{number} \"Step {number}\" {{\n  budget 5m\n  do \"Do it\": exec.run([\"/bin/true\"], effects: {{ opaque \
             tree(\"/srv/{number}\")  repeat convergent }}) within 30s undo exec.run([\"/bin/true\"], effects: nothing) \
             within 10s\n  check \"it holds\": fs.exists(\"/srv/{number}\") == true within 5s\n}}"
        )
        .unwrap();
    }
    text
}

#[expect(clippy::disallowed_methods, reason = "a test of speed reads the clock")]
/// The shortest of a few tries: other work on the machine only makes things longer.
fn shortest(text: &str) -> Duration {
    let tries = (0..5).map(|_| {
        let start = Instant::now();
        right(text);
        start.elapsed()
    });
    tries.min().unwrap()
}

#[test]
fn time_grows_with_the_text_and_no_faster() {
    let (short, long) = (steps(200), steps(1_600));
    let ratio = shortest(&long).as_secs_f64() / shortest(&short).as_secs_f64();
    assert!(ratio < 24.0, "eight times the text took {ratio} times as long");
}

#[test]
fn ten_thousand_steps_parse() {
    assert_eq!(right(&steps(10_000)).items.len(), 10_000);
}

#[test]
fn ten_megabytes_of_junk_end_in_few_errors() {
    for kind in ["junk \" } ) ' ", "step a \"b\" { do f() "] {
        let (_, found) = parsed(&kind.repeat((10 << 20) / kind.len()));
        assert!(!found.is_empty() && found.len() <= 20, "{kind}: {}", found.len());
    }
}

#[test]
fn junk_of_any_kind_ends_in_few_errors() {
    let kinds = [
        "{}",
        "\"",
        "'",
        "a ",
        "step step ",
        "}",
        ")",
        "(]",
        "\"\"\"",
        "#\n",
        "///\n",
        "\u{e9}",
        ".",
        "1",
        "x = { ",
        "\\",
        "step a \"b\" { chek 5 }\n",
        "do f()\n",
        "\r\n",
        "step a \"b\" { (\ndo f()\n",
        "step a \"b\" { do f(\ndo g()\n}\n",
    ];
    for kind in kinds {
        let (_, found) = parsed(&kind.repeat((256 << 10) / kind.len()));
        assert!(found.len() <= 20, "{kind}: {}", found.len());
    }
}

#[test]
fn a_large_block_of_errors_is_given_up() {
    let text = format!("step a \"A\" {{\n{}}}", "do f(x)\nchek 5\n".repeat(100_000));
    let (_, found) = parsed(&text);
    assert!(!found.is_empty() && found.len() <= 20);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_parses_to_spans_within_it(text in "\\PC{0,200}") {
        spans_lie_within(&text);
    }

    #[test]
    fn edited_runbooks_parse_to_spans_within_them(
        start in 0usize..WHOLE.len(),
        length in 0usize..60,
        inserted in prop::sample::select(vec!["", "{", "}", "(", ")", "\"", "\"\"\"", "step", " = ", "do ", "5M", "é", "///", "\n", "#"]),
        whole in any::<bool>(),
    ) {
        let base = if whole { WHOLE } else { SMALL };
        let floor = |mut at: usize| {
            at = at.min(base.len());
            while !base.is_char_boundary(at) {
                at -= 1;
            }
            at
        };
        let text = format!("{}{inserted}{}", &base[..floor(start)], &base[floor(start + length)..]);
        spans_lie_within(&text);
    }
}

fn spans_lie_within(text: &str) {
    let (file, found) = parsed(text);
    for one in &found {
        assert!(
            one.span.start <= one.span.end && one.span.end as usize <= text.len(),
            "{text:?}: {one:?}"
        );
        assert!(text.is_char_boundary(one.span.start as usize) && text.is_char_boundary(one.span.end as usize));
        assert!(
            !one.message.contains("Rule") && !one.message.contains("_clause"),
            "{}",
            one.message
        );
    }
    for item in &file.items {
        assert!(item.span.end as usize <= text.len(), "{text:?}");
        assert!(text.get(item.span.start as usize..item.span.end as usize).is_some());
    }
}
