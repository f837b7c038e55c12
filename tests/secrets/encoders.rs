//! Random secrets through the encoders of real programs, and through the redactor in pieces of every size.
//!
//! What is left is compared with what the program wrote, without knowing how it encodes: no six of its signs in a row
//! may be left of the secret's part.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Command, Stdio};

use backstay::redact::Redactor;
use backstay::value::Secret;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::support::left_out::leave_out;

/// A program that must be there, and how it encodes its input.
const ENCODERS: &[(&str, &str)] = &[
    ("cat", "cat"),
    ("base64", "base64"),
    ("base64", "base64 -w 64"),
    ("base64", "base64 -w 0 | base64 -w 0"),
    ("base64", "base64 | base64 | base64"),
    ("base32", "base32"),
    ("basenc", "basenc --base32hex"),
    ("basenc", "basenc --base64url"),
    ("basenc", "basenc --base16"),
    ("openssl", "openssl base64"),
    ("openssl", "openssl base64 -A"),
    ("xxd", "xxd -p"),
    ("xxd", "xxd -p -u -c 20"),
    ("xxd", "xxd -i"),
    ("od", "od -An -v -tx1"),
    ("od", "od -An -v -tx1 | tr -d ' \\n'"),
    ("jq", "jq -Rs ."),
    ("jq", "jq -Rsa ."),
    ("jq", "jq -Rs . | jq -Rs ."),
    ("jq", "jq -Rs . | jq -Rs . | jq -Rsa ."),
    ("jq", "jq -Rsr @uri"),
    ("jq", "jq -Rsr @uri | jq -Rsr @uri"),
    ("jq", "jq -Rsr @html"),
    ("jq", "jq -Rsr @html | jq -Rs ."),
    ("jq", "jq -Rsr @sh"),
    ("jq", "jq -Rsr @base64 | jq -Rsr @uri"),
    ("jq", "jq -Rsr '[.] | @csv'"),
    ("bash", "bash -c 'printf %q \"$(cat)\"'"),
    ("sed", "sed \"s/'/''/g\""),
    ("sed", "sed 's/[][\\.*^$/&]/\\\\&/g'"),
    ("sed", "sed 's/\"/\"\"/g'"),
    ("fold", "fold -w 60"),
    ("python3", "python3 -c 'import sys; print(repr(sys.stdin.read()))'"),
    ("python3", "python3 -c 'import sys; print(ascii(sys.stdin.read()))'"),
    ("python3", "python3 -c 'import sys; print(sys.stdin.buffer.read())'"),
    (
        "python3",
        "python3 -c 'import sys, json; print(json.dumps({\"a\": json.dumps(sys.stdin.read())}))'",
    ),
    (
        "python3",
        "python3 -c 'import sys, urllib.parse as u; print(u.quote_plus(sys.stdin.read()))'",
    ),
    (
        "python3",
        "python3 -c 'import sys, urllib.parse as u; print(u.quote(u.quote(sys.stdin.read())))'",
    ),
    (
        "python3",
        "python3 -c 'import sys, html; print(html.escape(sys.stdin.read()))'",
    ),
    (
        "python3",
        "python3 -c 'import sys, shlex; print(shlex.quote(sys.stdin.read()))'",
    ),
    (
        "python3",
        "python3 -c 'import sys, quopri; quopri.encode(sys.stdin.buffer, sys.stdout.buffer, False)'",
    ),
    (
        "python3",
        "python3 -c 'import sys; sys.stdout.buffer.write(sys.stdin.read().encode(\"ascii\", \"xmlcharrefreplace\"))'",
    ),
    (
        "python3",
        "python3 -c 'import sys, base64; print(base64.b64encode(sys.stdin.read().encode(\"latin1\").decode(\"latin1\").encode(\"utf-16le\")))'",
    ),
    (
        "python3",
        "python3 -c 'import sys, json, base64 as b; print(json.dumps(b.encodebytes(sys.stdin.buffer.read()).decode()))'",
    ),
    (
        "node",
        "node -e 'const s = fs.readFileSync(0, \"utf8\"); console.log([s])'",
    ),
    (
        "node",
        "node -e 'const s = fs.readFileSync(0, \"utf8\"); console.log(encodeURIComponent(s))'",
    ),
    (
        "node",
        "node -e 'const s = fs.readFileSync(0, \"utf8\"); console.log(encodeURI(s))'",
    ),
    (
        "node",
        "node -e 'const s = fs.readFileSync(0, \"utf8\"); console.log(escape(s))'",
    ),
    (
        "node",
        "node -e 'const s = fs.readFileSync(0, \"utf8\"); const u = new URL(\"http://h/\"); u.username = s; console.log(u.href)'",
    ),
    (
        "node",
        "node -e 'const s = fs.readFileSync(0, \"utf8\"); console.log(new URLSearchParams({ s }).toString())'",
    ),
    (
        "node",
        "node -e 'const s = fs.readFileSync(0, \"utf8\"); console.log(Buffer.from(s).toString(\"base64url\"))'",
    ),
    (
        "perl",
        "perl -0777 -pe 's/([^A-Za-z0-9])/sprintf(\"%%%02x\", ord($1))/ge'",
    ),
    (
        "perl",
        "perl -0777 -pe 's/([^A-Za-z0-9])/sprintf(\"\\\\%03o\", ord($1))/ge'",
    ),
    (
        "perl",
        "perl -0777 -pe 's/([^A-Za-z0-9])/sprintf(\"&#%d;\", ord($1))/ge if utf8::decode($_)'",
    ),
    ("perl", "perl -0777 -pe '$_ = quotemeta'"),
    ("iconv", "iconv -f utf-8 -t utf-16le"),
    ("tclsh", "tclsh <(echo 'puts [list [read stdin]]')"),
    // As PostgreSQL's `quote_literal` writes it.
    ("sed", "sed \"s/'/''/g; s/.*/select E'&'/\""),
    // As Go and PHP write JSON.
    (
        "sed",
        "sed 's/\\\\/\\\\\\\\/g; s/\"/\\\\\"/g; s/&/\\\\u0026/g; s/</\\\\u003c/g; s/>/\\\\u003e/g'",
    ),
    ("jq", "jq -Rsa . | sed 's,/,\\\\/,g'"),
];

fn is_here(program: &str) -> bool {
    let found = Command::new("sh")
        .args(["-c", &format!("command -v {program}")])
        .output();
    found.is_ok_and(|output| output.status.success())
}

fn encoded(script: &str, text: &str) -> Option<Vec<u8>> {
    let mut child = Command::new("bash")
        .args(["-c", &format!("set -o pipefail; {script}")])
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    (output.status.success() && !output.stdout.is_empty()).then_some(output.stdout)
}

/// Scrubbed in two pieces, cut at this place.
fn in_two(redactor: &Redactor, text: &[u8], at: usize) -> Vec<u8> {
    let mut scrubber = redactor.scrubber();
    let mut clean = scrubber.push(&text[..at]);
    clean.extend(scrubber.push(&text[at..]));
    clean.extend(scrubber.finish());
    clean
}

/// Six signs in a row of what was written, without what stands around the secret, that are still there.
fn left(written: &[u8], around: &[u8], clean: &[u8]) -> Option<String> {
    let telling = |window: &&[u8]| window.iter().filter(|byte| byte.is_ascii_alphanumeric()).count() >= 5;
    let is_in = |text: &[u8], window: &[u8]| text.windows(window.len()).any(|part| part == window);
    let mut windows = written.windows(6).filter(telling);
    let found = windows.find(|window| is_in(clean, window) && !is_in(around, window));
    found.map(|window| String::from_utf8_lossy(window).into_owned())
}

fn secrets(count: usize) -> Vec<String> {
    let one = prop_oneof![
        4 => "[a-zA-Z0-9 \"'\\\\/$&+%<>=;#:@!?.,~|{}()*^üéß€-]{12,48}",
        1 => "[A-Za-z0-9+/]{40,200}",
        1 => "([a-zA-Z0-9&/%'\"]{9,40}\n){2,5}",
    ];
    let mut runner = TestRunner::deterministic();
    let mut all = Vec::new();
    // Some that others came upon.
    all.extend(["pa$$w0rd&x/%40y", "p@ss w'ord/ü\"1&<x>%2F$y", "it's \"50%\" & more"].map(str::to_owned));
    while all.len() < count {
        let secret = one.new_tree(&mut runner).unwrap().current();
        // Blanks at the ends of a secret are not looked for.
        let secret = secret.trim().to_owned();
        if Redactor::is_long_enough(&secret) {
            all.push(secret);
        }
    }
    all
}

#[test]
fn what_real_programs_write_is_scrubbed_wherever_it_is_cut() {
    let count = if std::env::var_os("BACKSTAY_TESTS_LONG").is_some() {
        60
    } else {
        5
    };
    let mut missing = Vec::new();
    let mut failures = Vec::new();
    let mut worked = BTreeSet::new();
    for secret in secrets(count) {
        let redactor = Redactor::new(&[Secret::new("token", secret.as_str())]);
        for (program, script) in ENCODERS {
            if !is_here(program) {
                missing.push(*program);
                continue;
            }
            let after = |secret: &str| encoded(script, &format!("the token: {secret}"));
            // The same with a text that is as long in its place.
            let other: String = secret
                .bytes()
                .map(|byte| if byte == b'\n' { '\n' } else { 'x' })
                .collect();
            let (Some(written), Some(mut around), Some(beside)) = (after(&secret), after(""), after(&other)) else {
                continue;
            };
            worked.insert(*script);
            around.extend(beside);
            let clean = redactor.scrub_bytes(&written);
            if let Some(left) = left(&written, &around, &clean) {
                let (written, clean) = (String::from_utf8_lossy(&written), String::from_utf8_lossy(&clean));
                failures.push(format!(
                    "{script}: {left:?} is left of {secret:?}:\n  {written:?}\n  {clean:?}"
                ));
            }
            for at in 0..written.len() {
                assert_eq!(in_two(&redactor, &written, at), clean, "{script}, cut at {at}");
            }
        }
    }
    // One may fail at some texts, and not at all.
    let never = ENCODERS
        .iter()
        .filter(|(program, script)| !missing.contains(program) && !worked.contains(script));
    failures.extend(never.map(|(_, script)| format!("{script}: it failed at every secret")));
    missing.sort_unstable();
    missing.dedup();
    if !missing.is_empty() {
        leave_out(
            "what_real_programs_write_is_scrubbed",
            &format!("there is no {}", missing.join(", ")),
        );
    }
    assert!(
        failures.is_empty(),
        "{} failures:\n{}",
        failures.len(),
        failures.join("\n")
    );
}
