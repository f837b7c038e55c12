//! What real programs write is in `tests/secrets`; here is what a redactor leaves alone, and what it costs.
#![expect(clippy::disallowed_methods, reason = "a test measures what time it takes")]

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;

fn redactor(secrets: &[&str]) -> Redactor {
    let secrets: Vec<Secret> = secrets.iter().map(|text| Secret::new("token", *text)).collect();
    Redactor::new(&secrets)
}

fn in_pieces(redactor: &Redactor, text: &[u8], cuts: &[usize]) -> Vec<u8> {
    let mut scrubber = redactor.scrubber();
    let mut clean = Vec::new();
    let mut at = 0;
    for cut in cuts {
        let next = (at + cut).min(text.len());
        clean.extend(scrubber.push(&text[at..next]));
        at = next;
    }
    clean.extend(scrubber.push(&text[at..]));
    clean.extend(scrubber.finish());
    clean
}

#[test]
fn lines_count_alone_and_short_ones_with_their_neighbours() {
    let found = redactor(&[
        "-----BEGIN-----\nMIIEvQIBADAN\nabc12\nde\nf\nxyz7890\n",
        "overlapping",
        "pinglot-7",
    ]);
    assert_eq!(found.scrub_text("key MIIEvQIBADAN!"), "key ***!");
    assert_eq!(found.scrub_text("<overlappinglot-7>"), "<***>");
    assert_eq!(
        found.scrub_text("<xyz7890>"),
        "<xyz7890>",
        "others' text may say it too"
    );
    assert_eq!(found.scrub_text("> abc12 de f xyz7890 <"), "> *** <");
    assert_eq!(found.scrub_text("(  abc12\n  de\n  f\n  xyz7890\n)"), "(  ***\n)");
    assert_eq!(
        found.scrub_text("abc12"),
        "abc12",
        "too short to be told from others' text"
    );
}

#[test]
fn a_secret_that_begins_beyond_ascii_is_found_in_every_way_of_writing_it() {
    let secret = "\u{df}trong-word";
    let found = redactor(&[secret]);
    let latin: Vec<u8> = secret.chars().filter_map(|letter| u8::try_from(letter).ok()).collect();
    let wide: Vec<u8> = secret.encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (written, clean) in [(secret.as_bytes(), &b"***"[..]), (&latin, b"***"), (&wide, b"***\0")] {
        assert_eq!(in_pieces(&found, written, &[]), clean, "{written:?}");
    }
}

#[test]
fn common_lines_of_a_configuration_are_no_secrets() {
    let found = redactor(&["clusters:\nusers:\n- name: ops\n  token: abcdef123456\n"]);
    assert_eq!(found.scrub_text("users: 12"), "users: 12");
    assert_eq!(found.scrub_text("token: abcdef123456"), "***");
}

#[test]
fn a_secret_of_blanks_is_too_short() {
    assert!(!Redactor::is_long_enough("  ab12 \n"));
    assert!(!Redactor::is_long_enough("ab\n \n12\n"));
    assert!(Redactor::is_long_enough("abc\n12\nc"));
}

#[test]
fn a_text_is_scrubbed_before_it_is_shortened() {
    let text = format!("{}s3cret-w0rd", "x".repeat(5));
    assert_eq!(redactor(&["s3cret-w0rd"]).shortened(&text, 10), "xxxxx***");
    assert_eq!(Redactor::NONE.shortened("äöü", 2), "äö…");
    let log = b"first\nthe s3cret-w0rd ends here\n\n";
    assert_eq!(
        redactor(&["s3cret-w0rd"]).last_line(log, false, 9).as_deref(),
        Some("the *** e…")
    );
}

#[test]
fn logs_without_a_secret_stay_as_they_were() {
    let redactor = redactor(&[
        "correct horse",
        "hunter-2-hunter",
        "AKIA1234567890EXAMPLE",
        "123456",
        "secret",
    ]);
    let log = "2026-11-22T10:00:00Z INFO gateway: 200 GET /health 3ms user=anna\n\
               sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 correct hose\n\
               1\n2\n3\n4\n5\n6\n12 34 56\n\"se\" + \"cond\" &amp; %20 \\n 00000010  3c 78 3e\n";
    assert!(matches!(redactor.scrub_text(log), Cow::Borrowed(text) if text == log));
    assert_eq!(redactor.scrub_bytes(log.as_bytes()), log.as_bytes());
}

/// A secret of many lines, in little memory: what is looked for is as long as the secret, and no longer.
#[test]
fn a_long_secret_costs_little() {
    let mut number = 1_u64;
    let mut line = || {
        number = number
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        format!(
            "{:016x}{:016x}{:016x}",
            number,
            number.rotate_left(21),
            number.rotate_left(42)
        )
    };
    let secret: Vec<String> = std::iter::repeat_with(&mut line).take(1250).collect();
    let started = Instant::now();
    let found = redactor(&[&secret.join("\n")]);
    let built = started.elapsed();
    assert!(built < Duration::from_secs(2), "{built:?}");
    assert!(found.reach() < 4096, "{}", found.reach());
    assert_eq!(found.scrub_text(&secret[700]), MASK);
    let clean = found.scrub_text(&secret.join("\n")).into_owned();
    assert!(clean.chars().all(|character| "*\n".contains(character)));
    // In one line it is as long; every byte of it is in a piece.
    let found = redactor(&[&secret.join("")]);
    assert_eq!(found.scrub_text(&secret.join("")).replace('*', ""), "");
}

/// What a hostile program prints takes time by its length, whatever it prints.
#[test]
fn rows_of_signs_are_no_trap() {
    let found = redactor(&["p\\\\\\\\a''''''&&&&%%%%ss"]);
    for sign in ["\\", "'", "&", "%", "%25", "\\u005c", "=", "+", "\"", "\n", "&amp;"] {
        let started = Instant::now();
        let text = sign.repeat(20_000 / sign.len());
        assert_eq!(found.scrub_text(&text), text);
        assert!(started.elapsed() < Duration::from_secs(20), "{sign}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn no_secret_survives_any_cutting(
        secret in "[a-zA-Z0-9 \"'\\\\/$&+%=üé-]{8,40}",
        before in "[ -~\n]{0,60}",
        after in "[ -~\n]{0,60}",
        filling in 0_usize..40_000,
        cuts in prop::collection::vec(0_usize..3_000, 0..30),
    ) {
        prop_assume!(Redactor::is_long_enough(&secret));
        let redactor = redactor(&[&secret]);
        let text = format!("{}{before}{secret}{after}", "x ".repeat(filling / 2));
        let clean = in_pieces(&redactor, text.as_bytes(), &cuts);
        prop_assert_eq!(&clean, &redactor.scrub_bytes(text.as_bytes()), "pieces make no difference");
        let clean = String::from_utf8_lossy(&clean).into_owned();
        prop_assert!(clean.contains(MASK) && !clean.contains(secret.trim()), "{}", clean);
    }

    #[test]
    fn what_holds_no_secret_is_not_changed(text in "[a-y0-9 \n%\\\\&;]{0,300}", cuts in prop::collection::vec(0_usize..9, 0..60)) {
        let redactor = redactor(&["zZ#zZ#zZ#", "QQQQQQQQ"]);
        prop_assert_eq!(in_pieces(&redactor, text.as_bytes(), &cuts), text.into_bytes());
    }
}
