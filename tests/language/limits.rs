//! Every text ends, in time that grows with its length, in a bounded number of findings.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use backstay_dsl::ast::File;
use backstay_dsl::check::FINDINGS_MAX;
use backstay_dsl::compile::{Compiled, Outcome};
use backstay_dsl::diagnostic::{Diagnostic, Diagnostics};
use backstay_dsl::load::{FILES_MAX, USE_DEPTH_MAX};
use backstay_dsl::order::StepOrder;
use backstay_dsl::parse::{TEXT_BYTES_MAX, decode, parse};
use backstay_dsl::source::{Position, SourceId};
use backstay_dsl::time::times;
use proptest::prelude::*;

use crate::support::texts::{Beside, all_words, compiled};

const SMALL: &str = include_str!("../reference/small.runbook");
const WHOLE: &str = include_str!("../reference/whole.runbook");

fn parsed(text: &str) -> (File, Vec<Diagnostic>) {
    let mut diagnostics = Diagnostics::default();
    let file = parse(SourceId(0), text, &mut diagnostics);
    (file, diagnostics.into_sorted())
}

fn right(text: &str) -> File {
    let (file, found) = parsed(text);
    assert!(found.is_empty(), "{found:?}");
    file
}

fn slugs(text: &str) -> Vec<&'static str> {
    parsed(text).1.iter().map(|found| found.slug).collect()
}

fn alone(text: &str) -> Compiled {
    compiled("limits.runbook", text, &Beside::default())
}

/// What is found in a whole text, with what it points at.
fn found(text: &str) -> Vec<String> {
    let compiled = alone(text);
    let findings = compiled.diagnostics.iter();
    findings
        .map(|found| format!("{}: {}", found.slug, compiled.sources.text(found.span)))
        .collect()
}

#[test]
fn bytes_that_are_no_text_have_a_place() {
    assert_eq!(decode("é\n".as_bytes()), Ok("é\n"));
    assert_eq!(decode(b"ab\n\xc3\xa9x\xff"), Err(Position { line: 2, column: 3 }));
}

#[test]
fn nesting_is_bounded_the_same_in_every_build() {
    // The braces of the step are one level.
    for (open, close) in [("(", ")"), ("[", "]"), ("f(", ")")] {
        let nested = |depth: usize| {
            format!(
                "step a \"A\" {{ let y = {}x{} }}",
                open.repeat(depth),
                close.repeat(depth)
            )
        };
        right(&nested(63));
        assert_eq!(slugs(&nested(64)), ["too-deep"]);
    }
    let undos = format!("{}{}", "do f() undo { ".repeat(63), "} within 1s ".repeat(63));
    right(&format!("step a \"A\" {{ {undos} }}"));
    let (_, braces) = parsed(&"{".repeat(10_000));
    assert_eq!((braces.len(), braces[0].span.start), (1, 64));
    assert_eq!(braces[0].message, "brackets are nested more than 64 deep here");
}

#[test]
fn long_rows_of_operators_are_refused_not_walked() {
    let many = 10_000;
    for value in [
        vec!["x"; many].join(" + "),
        format!("{} x", "not ".repeat(many)),
        format!("x{}", ".f".repeat(many)),
    ] {
        assert_eq!(slugs(&format!("step a \"A\" {{ let y = {value} }}")), ["too-deep"]);
    }
    let lists = "list of ".repeat(many);
    assert_eq!(slugs(&format!("inputs {{ a : {lists} text }}")), ["too-deep"]);
}

#[test]
fn too_much_text_is_refused() {
    assert_eq!(slugs(&" ".repeat(TEXT_BYTES_MAX + 1)), ["too-large"]);
}

fn steps(count: usize) -> String {
    let mut text = String::new();
    for number in 0..count {
        writeln!(
            text,
            "step s{number} \"Step {number}\" {{\n  budget 5m\n  do \"Do it\": exec.run([\"/bin/true\"], effects: {{ opaque \
             tree(\"/srv/{number}\")  repeat convergent }}) within 30s undo \"Undo it\": exec.run([\"/bin/true\"], effects: nothing) \
             within 10s\n  check \"it holds\": fs.exists(\"/srv/{number}\") == true within 5s\n}}"
        )
        .unwrap();
    }
    text
}

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
    let small = kinds.iter().map(|kind| kind.repeat((256 << 10) / kind.len()));
    let large = ["junk \" } ) ' ", "step a \"b\" { do f() "].map(|kind| kind.repeat((10 << 20) / kind.len()));
    let block = format!("step a \"A\" {{\n{}}}", "do f(x)\nchek 5\n".repeat(100_000));
    for (text, least) in small
        .map(|text| (text, 0))
        .chain(large.into_iter().chain([block]).map(|text| (text, 1)))
    {
        assert!((least..=20).contains(&parsed(&text).1.len()), "{}", &text[..20]);
    }
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
        assert!(one.span.start <= one.span.end, "{text:?}: {one:?}");
        assert!(
            text.get(one.span.start as usize..one.span.end as usize).is_some(),
            "{text:?}: {one:?}"
        );
        assert!(
            !one.message.contains("Rule") && !one.message.contains("_clause"),
            "{}",
            one.message
        );
    }
    for item in &file.items {
        assert!(
            text.get(item.span.start as usize..item.span.end as usize).is_some(),
            "{text:?}"
        );
    }
}

#[test]
fn procedures_that_call_deep_or_wide_are_bounded() {
    let chain = |length: usize, body: &str| {
        let mut text = String::from("runbook r \"R\"\nstep a \"A\" { do p0(x: \"x\") }\n");
        for number in 0..length {
            let body = body.replace("NEXT", &format!("p{}", number + 1));
            writeln!(text, "procedure p{number}(x: text) {{\n{body}\n}}").unwrap();
        }
        writeln!(text, "procedure p{length}(x: text) {{ }}").unwrap();
        text
    };
    assert_eq!(found(&chain(3_000, "do NEXT(x: x)")), ["too-deep: p0(x: \"x\")"]);
    assert_eq!(
        found(&chain(12, &"do NEXT(x: x)\n".repeat(10))),
        ["too-many-statements: p0(x: \"x\")"]
    );
    assert_eq!(found(&chain(60, "do NEXT(x: x + x)")), [""; 0]);
}

#[test]
fn what_is_named_in_great_numbers_stays_cheap() {
    let many = |count: usize, line: &dyn Fn(usize) -> String| (0..count).map(line).collect::<String>();
    let lets = many(3_000, &|number| format!("let value{number} = unknown{number}\n"));
    let names: Vec<String> = (0..FINDINGS_MAX)
        .map(|number| format!("unknown-name: unknown{number}"))
        .collect();
    assert_eq!(found(&format!("runbook r \"R\"\nstep a \"A\" {{\n{lets}}}\n")), names);
    // Each place at which the depth is used up.
    let places = |letter: char, depth: usize, times: usize| -> Vec<String> {
        let deep = (1..=1_000).filter(|number| number % depth == 0);
        deep.flat_map(|number| vec![format!("too-deep: {letter}{number}"); times])
            .collect()
    };
    let anchors = many(1_000, &|number| format!("anchor a{number} = a{}\n", number + 1));
    let start = "runbook r \"R\"\nstep s \"S\" { require true else \"never\" }\n";
    assert_eq!(
        found(&format!("{start}{anchors}anchor a1000 = fs.size(\"/\")\n")),
        places('a', 64, 1)
    );
    let types = many(1_000, &|number| {
        format!("type T{number} {{ a: T{0}  b: T{0} }}\n", number + 1)
    });
    assert_eq!(
        found(&format!("{start}{types}type T1000 {{ ok: bool }}\n")),
        places('T', 8, 2)
    );
}

#[test]
fn thousands_of_steps_are_a_chain_and_are_added_up() {
    let mut text = String::from("runbook r \"R\"\n");
    for number in 0..2_000 {
        let before = if number == 0 {
            "1".to_owned()
        } else {
            format!("x{} + 1", number - 1)
        };
        writeln!(
            text,
            "step s{number} \"S\" {{ budget 1m let x{number} = {before} do fs.write(\"/f\", content: \"\") undo fs.remove(\"/f\") within 1s record x{number} }}"
        )
        .unwrap();
    }
    let chain = alone(&text);
    assert!(chain.diagnostics.is_empty(), "{}", all_words(&chain));
    let Outcome::Whole(runbook) = &chain.outcome else {
        panic!("{:?}", chain.outcome)
    };
    assert!((1..2_000).all(|at| runbook.steps[at].after == [at - 1]));
    // What runs has a second to end, and the closing anchors half a minute.
    assert_eq!(
        (chain.times.forward_ms, chain.times.longest_way_back_ms),
        (2_000 * 60_000, 2_031_000)
    );
}

/// Of a step that a text gives, ten thousand: one after the other, and side by side.
#[test]
fn ten_thousand_steps_are_added_up() {
    const COUNT: usize = 10_000;
    let text = "runbook r \"R\"\nstep a \"A\" { budget 1m do fs.write(\"/f\", content: \"\") undo fs.remove(\"/f\") \
                within 1s }\n";
    let Outcome::Whole(one) = alone(text).outcome else {
        panic!("{}", all_words(&alone(text)))
    };
    for (is_wide, forward_ms, first_ms) in [
        (false, COUNT as u64 * 60_000, COUNT as u64 * 60_000),
        (true, 60_000, 60_000),
    ] {
        let mut many = (*one).clone();
        many.steps = (0..COUNT)
            .map(|number| {
                let mut step = one.steps[0].clone();
                step.name = format!("s{number}");
                step.after = number.checked_sub(1).filter(|_| !is_wide).into_iter().collect();
                step
            })
            .collect();
        let times = times(&many, &StepOrder::new(&many));
        assert_eq!(times.forward_ms, forward_ms);
        assert_eq!(times.remaining_ms[0], first_ms);
        // Every undo has a second, and the closing anchors half a minute; what still runs has a second to end, all at
        // once.
        assert_eq!(times.longest_way_back_ms, COUNT as u64 * 1_000 + 31_000);
    }
}

#[test]
fn modules_are_bounded_in_depth_number_and_size() {
    let with = |text: &str, modules: &mut dyn Iterator<Item = (String, String)>| {
        let beside = Beside {
            texts: modules.collect(),
            folder: None,
        };
        let start = "runbook r \"R\"\nstep s \"S\" { require true else \"never\" }\n";
        let compiled = compiled("limits.runbook", &format!("{text}\n{start}"), &beside);
        let found = compiled.diagnostics.iter();
        let found = found.map(|found| format!("{}: {}", found.slug, compiled.sources.text(found.span)));
        (found.collect::<Vec<_>>(), compiled.sources.iter().count())
    };
    let mut chain =
        (1..=USE_DEPTH_MAX + 1).map(|level| (level.to_string(), format!("use \"./{}\" as next", level + 1)));
    assert_eq!(
        with("use \"./1\" as next", &mut chain),
        (vec!["too-deep: use \"./9\" as next".to_owned()], USE_DEPTH_MAX + 1)
    );
    let uses: Vec<String> = (0..FILES_MAX)
        .map(|number| format!("use \"./{number}\" as m{number}"))
        .collect();
    let mut many = (0..FILES_MAX).map(|number| (number.to_string(), String::new()));
    assert_eq!(
        with(&uses.join("\n"), &mut many),
        (vec!["too-large: use \"./63\" as m63".to_owned()], FILES_MAX)
    );
    let mut large = [("a", " "), ("b", "\n")]
        .into_iter()
        .map(|(name, text)| (name.to_owned(), text.repeat(9 << 20)));
    assert_eq!(
        with("use \"./a\" as a\nuse \"./b\" as b", &mut large).0,
        ["too-large: use \"./b\" as b"]
    );
}
