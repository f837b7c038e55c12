#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
use super::*;

fn run(text: &str) -> Result<Datum, ScriptError> {
    let script = Script::new(text, Vec::new()).unwrap();
    let thread = std::thread::Builder::new().stack_size(STACK_BYTES);
    thread.spawn(move || script.call(Vec::new())).unwrap().join().unwrap()
}

fn refused(text: &str) -> ScriptError {
    Script::new(text, vec!["listing".to_owned()]).unwrap_err().remove(0)
}

fn failure(text: &str) -> String {
    run(text).unwrap_err().message
}

#[test]
fn values_go_in_and_come_out() {
    let map = BTreeMap::from([("a".to_owned(), Datum::Int(1)), ("b".to_owned(), Datum::Nothing)]);
    let all = Datum::List(vec![
        Datum::Bool(true),
        Datum::Text("\u{e9}".to_owned()),
        Datum::Map(map),
        Datum::List(Vec::new()),
    ]);
    let script = Script::new("all", vec!["all".to_owned()]).unwrap();
    assert_eq!(script.call(vec![all.clone()]), Ok(all));
    assert_eq!(
        run("let total = 0; for n in [1, 2, 3] { total += n } total"),
        Ok(Datum::Int(6))
    );
    assert_eq!(
        run("\"a b c\".split(\" \").map(|x| x.to_upper()).len()"),
        Ok(Datum::Int(3))
    );
    assert_eq!(run("parse_json(\"{\\\"n\\\": 3}\").n"), Ok(Datum::Int(3)));
    assert_eq!(run("'c'"), Ok(Datum::Other("a char".to_owned())));
    assert_eq!(run("|x| x").unwrap().kind(), "a Fn");
}

#[test]
fn what_cannot_be_meant_is_told_before_it_runs() {
    for (text, at, words) in [
        (
            "let a = 1;\n  lisitng.len()",
            (2, 3),
            "nothing here is called `lisitng`",
        ),
        ("listing.lne()", (1, 9), "no function `lne`"),
        ("  open(\"/etc/passwd\")", (1, 3), "no function `open`"),
        ("if false { sleep(1) } 1", (1, 12), "no function `sleep`"),
        ("fn inner(a) { a + missing }\ninner(1)", (1, 19), "`missing`"),
        ("fn inner(a) { absent(a) }\ninner(1)", (1, 15), "no function `absent`"),
        (
            "listing.trim(1, 2)",
            (1, 9),
            "`trim` takes 0 arguments, and 2 are given",
        ),
        ("eval(\"1\")", (1, 1), "`eval` has no place"),
        ("print(1)", (1, 1), "`print` has no place"),
        ("let f = Fn(\"x\"); f.call()", (1, 9), "`Fn` has no place"),
        ("import \"x\" as y;", (1, 1), "cannot be read"),
        ("listing + ", (1, 11), "cannot be read"),
        ("1.5", (1, 3), "cannot be read"),
    ] {
        let error = refused(text);
        assert!(error.message.contains(words), "{text}: {}", error.message);
        assert_eq!(error.at, Some(at), "{text}: {}", error.message);
    }
    assert_eq!(refused("lisitng").help.unwrap(), "did you mean `listing`?");
    assert_eq!(refused("listing.contians(1)").help.unwrap(), "did you mean `contains`?");
}

/// On a thread with the stack of a test, which is as small as any that runs scripts.
#[test]
fn every_script_ends_within_its_limits() {
    for (text, words) in [
        ("loop {}", "operations"),
        ("fn f(n) { f(n + 1) } f(0)", "deep"),
        ("let s = \"x\"; loop { s += s }", "too large"),
        ("let a = [1]; loop { a += a }", "too large"),
        ("let a = []; loop { a = [a, a] }", "too large"),
        ("let s = \"x\"; s.pad(1000000000, 'x'); s", "too large"),
        ("let a = []; a.pad(1000000000, 1); a", "too large"),
        ("let m = #{}; let i = 0; loop { m[`k${i}`] = i; i += 1 }", "operations"),
        ("9223372036854775807 + 1", "overflow"),
        ("1 / 0", "division by zero"),
        ("[1][5]", "index 5"),
        ("throw \"no such release\"", "it gives up: no such release"),
        ("#{a: 1}.b", "not found: b"),
        ("for i in 0..9223372036854775807 {}", "operations"),
        ("let f = |x| x; fn g(f, n) { g(f, n) } g(f, 1)", "deep"),
    ] {
        let message = failure(text);
        assert!(message.contains(words), "{text}: {message}");
    }
}

#[test]
fn a_script_is_read_and_run_on_the_stack_that_there_is() {
    // Whoever checks a text has no more stack than usual.
    for (first, more, last) in [
        ("if listing == 0 {}", " else if listing == 1 {}", ""),
        ("1", " + 1", ""),
        ("listing", ".a", ""),
        ("listing", "[0]", ""),
        ("listing", ".trim()", ""),
        ("", "`${", "1"),
        ("", "switch 1 { 1 => ", "1"),
        ("let a = 1;", "a = a + 1;", "a"),
        ("", "while true ", "{}"),
        ("", "try { ", "1"),
        ("true", " && true", ""),
        ("1", " ** 1", ""),
        ("1", " ?? 1", ""),
        ("", "return ", "1"),
        ("", "let a = ", "1"),
    ] {
        let text = format!("{first}{}{last}", more.repeat(4_000));
        drop(Script::new(&text, vec!["listing".to_owned()]));
    }
    let nested = |open: &str, count: usize, close: &str| format!("{}1{}", open.repeat(count), close.repeat(count));
    for (open, close) in [
        ("(", ")"),
        ("[", "]"),
        ("-", ""),
        ("!", ""),
        ("{", "}"),
        ("if true {", "}"),
        ("|x| ", ""),
    ] {
        for count in [20, 100, 5_000] {
            let text = nested(open, count, close);
            if let Ok(script) = Script::new(&text, Vec::new()) {
                let _ = script.call(Vec::new());
            }
        }
    }
    for json in [nested("[", 20_000, "]"), nested("{\"a\":", 9_000, "}")] {
        let script = Script::new("parse_json(text)", vec!["text".to_owned()]).unwrap();
        assert!(script.call(vec![Datum::Text(json)]).is_err());
    }
    for (wrap, text) in [
        ("[a]", "a.to_string()"),
        ("#{a: a}", "a == #{a: a}"),
        ("[a]", "let b = a; b.push(1); b"),
    ] {
        let deep = format!("let a = []; for i in 0..{} {{ a = {wrap} }} {text}", ELEMENTS_MAX - 5);
        let _ = run(&deep);
    }
    // The deepest that is allowed.
    let deepest = (1..EXPRESSION_DEPTH_MAX).rev().find_map(|depth| {
        let body = nested("(1 + ", depth, ")").replacen("1)", "f(n - 1))", 1);
        let text = format!("fn f(n) {{ if n == 0 {{ 0 }} else {{ {body} }} }} f({})", CALLS_MAX - 1);
        Script::new(&text, Vec::new()).ok()
    });
    assert!(matches!(deepest.unwrap().call(Vec::new()), Ok(Datum::Int(1..))));
}

#[test]
fn a_failure_has_the_place_of_what_fails() {
    let error = run("fn f(n) {\n  1 / n\n}\nlet a = 1;\nf(0)").unwrap_err();
    assert_eq!(error.at, Some((2, 5)), "{}", error.message);
    let too_long = Script::new("a", vec!["a".to_owned()]).unwrap();
    let error = too_long.call(vec![Datum::Text("x".repeat(TEXT_BYTES_MAX + 1))]);
    assert!(error.unwrap_err().message.starts_with("`a` has 65537 bytes"));
}
