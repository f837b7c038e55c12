//! What is read back is what was set, and nothing else in the file moves.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use proptest::prelude::*;

use super::*;

const ENV: &str = "# the gateway\r\nexport  IMAGE = \"repo/app:1 \\\"x\\\"\" # pinned\r\n\r\nPOOL=16   # workers\nEMPTY=\nBARE\nURL=http://h/#frag\nKEYS='one # two\nthree'\nLAST=end";
const JSON: &str = "{\n  \"a.b\": 1,\n  \"gateway\": {\"port\": 18789, \"host\" : \"l\\u00f6c\", \"tls\":false, \"x\": null},\n  \"members\": [ {\"name\": \"one\"}, {\"name\": \"two}\"} ]\n}\n";

fn setting(name: &str, text: &str, key: &str) -> Result<Setting, String> {
    Setting::find(Path::new(name), text, key)
}

fn value(name: &str, text: &str, key: &str) -> String {
    setting(name, text, key).unwrap().value().to_owned()
}

#[test]
fn values_are_read_in_every_form() {
    let cases = [
        ("IMAGE", "repo/app:1 \"x\""),
        ("POOL", "16"),
        ("EMPTY", ""),
        ("URL", "http://h/#frag"),
        ("KEYS", "one # two\nthree"),
        ("LAST", "end"),
    ];
    for (key, expected) in cases {
        assert_eq!(value(".env", ENV, key), expected, "{key}");
    }
    let cases = [
        (r"a\.b", "1"),
        ("gateway.port", "18789"),
        ("gateway.host", "löc"),
        ("gateway.tls", "false"),
        ("gateway.x", "null"),
        ("members.1.name", "two}"),
    ];
    for (key, expected) in cases {
        assert_eq!(value("c.json", JSON, key), expected, "{key}");
    }
}

#[test]
fn only_the_value_changes() {
    let set = |name, text, key, to| setting(name, text, key).unwrap().set(text, to).unwrap();
    assert_eq!(set(".env", ENV, "POOL", "32"), ENV.replace("=16 ", "=32 "));
    assert_eq!(set(".env", ENV, "EMPTY", "x y"), ENV.replace("EMPTY=", "EMPTY='x y'"));
    assert_eq!(set(".env", ENV, "LAST", "fin"), ENV.replace("=end", "=fin"));
    assert_eq!(
        set(".env", ENV, "IMAGE", "repo/app:2"),
        ENV.replace("\"repo/app:1 \\\"x\\\"\"", "\"repo/app:2\"")
    );
    assert_eq!(set("c", JSON, "gateway.port", "1"), JSON.replace("18789", "1"));
    assert_eq!(set("c", JSON, "gateway.tls", "true"), JSON.replace("false", "true"));
    assert_eq!(
        set("c", JSON, "members.1.name", "\"2\""),
        JSON.replace("\"two}\"", "\"\\\"2\\\"\"")
    );
}

#[test]
fn what_is_unclear_is_refused_without_quoting_the_file() {
    let cases = [
        (".env", "A=hunter22\nB=2\nA=3\n", "A", "lines 1 and 3"),
        (".env", "A=hunter22\n", "B", "no setting `B`"),
        (".env", "a=hunter22\n", "A", "there is `a`"),
        (".env", "A='hunter22\n", "A", "line 1 is not closed"),
        (".env", "hunter22 and more\nA=1\n", "A", "line 1 is no KEY=VALUE"),
        (".env", "A=\"1\" hunter22\n", "A", "line 1 goes on"),
        ("c.json", "{\"a\": hunter22}", "a", "no JSON: line 1"),
        ("c.json", "{\"a\": 1, \"a\": 2}", "a", "set twice"),
        ("c.json", "{\"a\": {\"b\": \"hunter22\"}}", "a", "no plain value"),
        ("c.json", "{\"a\": \"hunter22\"}", "a.b", "`b` is not there"),
        ("c.json", "A=hunter22", "A", "no JSON"),
    ];
    for (name, text, key, expected) in cases {
        let reason = setting(name, text, key).unwrap_err();
        assert!(reason.contains(expected), "{text:?}: {reason}");
        assert!(!reason.contains("hunter22"), "{reason}");
    }
    let port = setting("c.json", JSON, "gateway.port").unwrap();
    assert!(port.set(JSON, "abc").unwrap_err().contains("a number"));
}

proptest! {
    #[test]
    fn a_value_comes_back_and_can_be_taken_back(to in "[ -~é\n\r]{0,30}", which in 0_usize..5) {
        let key = ["IMAGE", "POOL", "EMPTY", "KEYS", "LAST"][which];
        let before = setting(".env", ENV, key).unwrap();
        let changed = before.set(ENV, &to).unwrap();
        prop_assert_eq!(value(".env", &changed, key), to);
        for other in ["IMAGE", "POOL", "EMPTY", "URL", "KEYS", "LAST"] {
            if other != key {
                prop_assert_eq!(value(".env", &changed, other), value(".env", ENV, other));
            }
        }
        let back = setting(".env", &changed, key).unwrap().set(&changed, before.value()).unwrap();
        prop_assert_eq!(value(".env", &back, key), before.value());
    }

    #[test]
    fn no_text_makes_it_panic(text in "[{}\\[\\]\"',:=# a-c\\\\\n\r\u{feff}é]{0,60}", key in "[a-c.0\\\\]{0,5}") {
        for name in [".env", "c.json"] {
            if let Ok(found) = setting(name, &text, &key) {
                let _ = found.set(&text, "x");
            }
        }
    }
}
