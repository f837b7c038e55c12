//! No secret survives, however it was cut into pieces; what holds none stays as it was.

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
        let next = (at + cut % 9).min(text.len());
        clean.extend(scrubber.push(&text[at..next]));
        at = next;
    }
    clean.extend(scrubber.push(&text[at..]));
    clean.extend(scrubber.finish());
    clean
}

/// Written down from other programs: `base64`, `xxd`, Python's `quote`, `json.dumps`, `shlex.quote`, Bash's `printf %q`.
#[test]
fn encodings_of_other_programs_are_found() {
    let secret = "p@ss w'ord/ü\"1";
    let redactor = redactor(&[secret]);
    let seen = [
        secret,
        "cEBzcyB3J29yZC/DvCIx",
        "eHBAc3MgdydvcmQvw7wiMXRhaWw=",
        "eHlwQHNzIHcnb3JkL8O8IjF0YWls",
        "704073732077276f72642fc3bc2231",
        "704073732077276F72642FC3BC2231",
        "p%40ss%20w%27ord/%C3%BC%221",
        "p%40ss%20w%27ord%2F%C3%BC%221",
        "p%40ss+w%27ord%2F%C3%BC%221",
        "p@ss w'ord/\\u00fc\\\"1",
        "p@ss w'ord/ü\\\"1",
        "'p@ss w'\"'\"'ord/ü\"1'",
        "p@ss\\ w\\'ord/ü\\\"1",
    ];
    for text in seen {
        let clean = redactor.scrub_text(text);
        assert!(clean.contains(MASK), "{text} gave {clean}");
    }
    assert_eq!(redactor.scrub_text(&format!("<{secret}>")), "<***>");
}

#[test]
fn long_lines_of_a_secret_count_alone_and_overlaps_leave_nothing() {
    let redactor = redactor(&["-----BEGIN-----\nMIIEvQIBADAN\nxyz\n", "overlapping", "pinglot-7"]);
    assert_eq!(redactor.scrub_text("key MIIEvQIBADAN!"), "key ***!");
    assert_eq!(redactor.scrub_text("<overlappinglot-7>"), "<***>");
    assert_eq!(redactor.scrub_text("xyz"), "xyz");
}

#[test]
fn short_secrets_are_refused() {
    assert_eq!(Redactor::check("  ab12 \n"), Err(TooShort { characters: 4 }));
    assert_eq!(Redactor::check("ab12cd"), Ok(()));
}

#[test]
fn logs_without_a_secret_stay_as_they_were() {
    let redactor = redactor(&["correct horse", "hunter-2-hunter", "AKIA1234567890EXAMPLE"]);
    let log = "2026-11-22T10:00:00Z INFO gateway: 200 GET /health 3ms user=anna\n\
               sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 correct hose\n";
    assert!(matches!(redactor.scrub_text(log), Cow::Borrowed(text) if text == log));
    assert_eq!(redactor.scrub_bytes(log.as_bytes()), log.as_bytes());
}

proptest! {
    #[test]
    fn no_secret_survives_any_cutting(
        secret in "[a-zA-Z0-9 \"'\\\\/$&+üé-]{6,40}",
        other in "[ab]{6,12}",
        before in "[ -~\n]{0,60}",
        after in "[ -~\n]{0,60}",
        cuts in prop::collection::vec(0_usize..9, 0..60),
        form in 0_usize..40,
    ) {
        prop_assume!(Redactor::check(&secret).is_ok());
        let redactor = redactor(&[&secret, &other]);
        let forms = encodings::of_all([secret.as_str()].into_iter());
        let canary = &forms[form % forms.len()];
        let mut text = before.into_bytes();
        text.extend_from_slice(canary);
        text.extend_from_slice(other.as_bytes());
        text.extend_from_slice(after.as_bytes());
        let clean = in_pieces(&redactor, &text, &cuts);
        prop_assert_eq!(&clean, &redactor.scrub_bytes(&text), "pieces make no difference");
        prop_assert!(!redactor.finds(&clean) || clean.windows(3).any(|window| window == b"***"));
        prop_assert!(!clean.windows(canary.len()).any(|window| window == canary.as_slice()));
        prop_assert!(!clean.windows(other.len()).any(|window| window == other.as_bytes()));
    }

    #[test]
    fn what_holds_no_secret_is_not_changed(text in "[a-y0-9 \n]{0,300}", cuts in prop::collection::vec(0_usize..9, 0..60)) {
        let redactor = redactor(&["zZ#zZ#zZ#", "QQQQQQQQ"]);
        prop_assert_eq!(in_pieces(&redactor, text.as_bytes(), &cuts), text.into_bytes());
    }
}
