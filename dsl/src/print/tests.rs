#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use proptest::prelude::*;

use super::*;
use crate::ast::{BinaryOperator, EffectWord, ItemKind, StatementKind, Test};
use crate::diagnostic::Diagnostics;
use crate::source::SourceId;

/// The value of `give EXPRESSION`.
fn parsed(text: &str) -> Expr {
    let mut found = Diagnostics::default();
    let text = format!("question q() -> int {{ give {text} }}");
    let mut file = crate::parse::parse(SourceId(0), &text, &mut found);
    assert!(found.iter().next().is_none(), "{text}\n{found:?}");
    match file.items.remove(0).kind {
        ItemKind::Question(mut question) => match question.body.remove(0).kind {
            StatementKind::Give(value) => value,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

/// A tree without its places.
fn bare(expr: &Expr) -> String {
    let places = regex::Regex::new(r"span: Span \{[^}]*\}").unwrap();
    places.replace_all(&format!("{expr:?}"), "").into_owned()
}

#[test]
fn brackets_stand_only_where_they_are_needed() {
    for text in [
        "a or b and not c == d default e + f * g",
        "((a or b) and not c) == (d default (e == f)) + (g - (h + 1)) * 2",
        "a - b - c",
        "not not (a and b) or (x is ok).y is not present",
        "(true).x at start.y",
        r#"f(a, b: {K: "v", "a key": [30s, 2GiB]}, c: not x) contains "tab\t \"quoted\" 'single' \\ \u{d}""#,
        r#"exec.run(["a"], effects: { edits tree("/x") starts s with p repeat keyed settle q(1) cancel grace 1m30s limit 5m healthy {ok: true} })"#,
        "exec.run(a, effects: nothing)",
    ] {
        assert_eq!(expression(&parsed(text)), text);
    }
    assert_eq!(expression(&parsed("((a)) + (b * (c))")), "a + b * c");
}

#[test]
fn operators_bind_as_the_reference_says() {
    for (plain, bracketed) in [
        (
            "a or b and not c == d + e * f",
            "a or (b and (not (c == (d + (e * f)))))",
        ),
        ("x is not ok and y is pinned", "(x is not ok) and (y is pinned)"),
        ("not x is ok", "not (x is ok)"),
        ("a default b + 1 < c", "(a default (b + 1)) < c"),
        ("a - b - c", "(a - b) - c"),
        ("image at start == x.y.z", "(image at start) == ((x.y).z)"),
        ("order or notes and island", "order or (notes and island)"),
    ] {
        assert_eq!(bare(&parsed(plain)), bare(&parsed(bracketed)), "{plain}");
    }
}

fn name() -> impl Strategy<Value = String> {
    "[a-z][a-z0-9_]{0,6}_"
}

fn texts() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), "[\"\\\\\n\r\t '{}a]{0,12}"]
}

fn leaf() -> impl Strategy<Value = ExprKind> {
    let amount = 0..=i64::MAX as u64;
    prop_oneof![
        texts().prop_map(ExprKind::Text),
        any::<bool>().prop_map(ExprKind::Bool),
        (0..=i64::MAX).prop_map(ExprKind::Int),
        amount.clone().prop_map(ExprKind::Duration),
        amount.prop_map(ExprKind::Size),
        "[0-9a-f]{64}".prop_map(|digits| ExprKind::Digest(format!("sha256:{digits}"))),
        name().prop_map(ExprKind::Name),
    ]
}

fn operators() -> impl Strategy<Value = BinaryOperator> {
    prop::sample::select(BinaryOperator::ALL.map(|(operator, ..)| operator).to_vec())
}

fn effect() -> impl Strategy<Value = EffectWord> {
    let operand = || name().prop_map(|name| tree(ExprKind::Name(name)));
    let kind = prop_oneof![
        (
            prop::sample::select(vec!["edits", "sets", "starts", "captures"]),
            operand(),
            prop::option::of(operand())
        )
            .prop_map(|(effect, operand, second)| EffectWordKind::Effect {
                word: word(effect),
                operand,
                second
            }),
        name().prop_map(|how| EffectWordKind::Repeat(word(&how))),
        (0..=i64::MAX as u64)
            .prop_map(|ms| EffectWordKind::Cancel(word("grace"), Some(Spanned::new(ms, Span::default())))),
        Just(EffectWordKind::Cancel(word("never"), None)),
        operand().prop_map(EffectWordKind::Settle),
    ];
    kind.prop_map(|kind| EffectWord {
        kind,
        span: Span::default(),
    })
}

/// A value: an argument or an entry may also be a map.
fn argument_of(inner: BoxedStrategy<Expr>) -> impl Strategy<Value = Argument> {
    let entries = prop::collection::vec((texts(), inner.clone()), 0..3);
    let map = entries.prop_map(|entries| {
        let entries = entries.into_iter().map(|(key, value)| (word(&key), value));
        tree(ExprKind::Map(entries.collect()))
    });
    let value = prop_oneof![4 => inner, 1 => map].prop_map(ArgumentValue::Expr);
    let effects = prop::collection::vec(effect(), 0..4).prop_map(|words| Argument {
        name: Some(word("effects")),
        value: ArgumentValue::Effects(Effects {
            is_nothing: words.is_empty(),
            words,
            span: Span::default(),
        }),
    });
    let plain = (prop::option::of(name()), value).prop_map(|(name, value)| Argument {
        name: name.as_deref().map(word),
        value,
    });
    prop_oneof![5 => plain, 1 => effects]
}

fn expressions() -> impl Strategy<Value = Expr> {
    leaf().prop_map(tree).prop_recursive(6, 48, 4, |inner| {
        let boxed = || inner.clone().prop_map(Box::new);
        let tests = prop::sample::select(Test::ALL.map(|(test, _)| test).to_vec());
        let arguments = prop::collection::vec(argument_of(inner.clone().boxed()), 0..4);
        let path = prop::collection::vec(name(), 1..3);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(ExprKind::List),
            (boxed(), name()).prop_map(|(record, field)| ExprKind::Field(record, word(&field))),
            boxed().prop_map(ExprKind::AtStart),
            boxed().prop_map(ExprKind::Not),
            (boxed(), tests, any::<bool>()).prop_map(|(subject, test, negated)| ExprKind::Is {
                subject,
                test,
                negated
            }),
            (boxed(), boxed()).prop_map(|(left, right)| ExprKind::Default(left, right)),
            (operators(), boxed(), boxed()).prop_map(|(operator, left, right)| ExprKind::Binary(operator, left, right)),
            (path, arguments).prop_map(|(path, arguments)| ExprKind::Call(Box::new(Call {
                path: path.iter().map(|name| word(name)).collect(),
                arguments,
                span: Span::default(),
            }))),
        ]
        .prop_map(tree)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_printed_parses_to_the_same_tree(expr in expressions()) {
        let text = expression(&expr);
        prop_assert_eq!(bare(&parsed(&text)), bare(&expr), "{}", text);
    }
}
