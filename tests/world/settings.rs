//! Settings of files: what is read back is what was set, and nothing else in the file moves.

use std::path::PathBuf;

use backstay::value::Value;
use proptest::prelude::*;

use crate::support::backup::wait;
use crate::support::bench::{Bench, path_value, text};
use crate::support::effort::cases;
use crate::support::worlds::real;

const ENV: &str = "# the gateway\r\nexport  IMAGE = \"repo/app:1 \\\"x\\\"\" # pinned\r\n\r\nPOOL=16   # workers\nEMPTY=\nBARE\nURL=http://h/#frag\nKEYS='one # two\nthree'\nLAST=end";
const JSON: &str = "{\n  \"a.b\": 1,\n  \"gateway\": {\"port\": 18789, \"host\" : \"l\\u00f6c\", \"tls\":false, \"x\": null},\n  \"members\": [ {\"name\": \"one\"}, {\"name\": \"two}\"} ]\n}\n";

/// A file of settings on a bench of its own.
struct Settings {
    bench: Bench,
    file: PathBuf,
}

impl Settings {
    fn new(name: &str, content: &str) -> Self {
        let bench = wait(async { real() });
        let file = bench.path(name);
        std::fs::write(&file, content).unwrap();
        Self { bench, file }
    }

    fn arguments(&self, key: &str) -> [(&'static str, Value); 2] {
        [("file", path_value(&self.file)), ("key", text(key))]
    }

    fn value(&self, key: &str) -> String {
        let value = wait(self.bench.does("fs.key", &self.arguments(key)));
        value.unwrap().canonical()
    }

    /// Sets a setting; answers with the whole file.
    fn set(&self, key: &str, to: &str) -> String {
        let [file, name] = self.arguments(key);
        wait(self.bench.does("fs.edit_key", &[file, name, ("to", text(to))]));
        std::fs::read_to_string(&self.file).unwrap()
    }

    /// As [`Self::set`], where it need not be there.
    fn add(&self, key: &str, to: Value) -> String {
        let [file, name] = self.arguments(key);
        let arguments = [file, name, ("to", to), ("add", Value::Bool(true))];
        wait(self.bench.does("fs.edit_key", &arguments));
        std::fs::read_to_string(&self.file).unwrap()
    }

    fn remove(&self, key: &str) -> String {
        wait(self.bench.does("fs.remove_key", &self.arguments(key)));
        std::fs::read_to_string(&self.file).unwrap()
    }
}

#[test]
fn values_are_read_in_every_form() {
    let settings = Settings::new(".env", ENV);
    for (key, expected) in [
        ("IMAGE", "repo/app:1 \"x\""),
        ("POOL", "16"),
        ("EMPTY", ""),
        ("URL", "http://h/#frag"),
        ("KEYS", "one # two\nthree"),
        ("LAST", "end"),
    ] {
        assert_eq!(settings.value(key), expected, "{key}");
    }
    let settings = Settings::new("c.json", JSON);
    for (key, expected) in [
        (r"a\.b", "1"),
        ("gateway.port", "18789"),
        ("gateway.host", "löc"),
        ("gateway.tls", "false"),
        ("gateway.x", "null"),
        ("members.1.name", "two}"),
    ] {
        assert_eq!(settings.value(key), expected, "{key}");
    }
}

#[test]
fn only_the_value_changes() {
    for (name, content, key, to, before, after) in [
        (".env", ENV, "POOL", "32", "=16 ", "=32 "),
        (".env", ENV, "EMPTY", "x y", "EMPTY=", "EMPTY='x y'"),
        (".env", ENV, "LAST", "fin", "=end", "=fin"),
        (
            ".env",
            ENV,
            "IMAGE",
            "repo/app:2",
            "\"repo/app:1 \\\"x\\\"\"",
            "\"repo/app:2\"",
        ),
        ("c", JSON, "gateway.port", "1", "18789", "1"),
        ("c", JSON, "gateway.tls", "true", "false", "true"),
        ("c", JSON, "members.1.name", "\"2\"", "\"two}\"", "\"\\\"2\\\"\""),
    ] {
        let settings = Settings::new(name, content);
        assert_eq!(settings.set(key, to), content.replace(before, after), "{key}");
    }
}

#[test]
fn a_setting_that_is_not_there_is_put_behind_the_others_and_taken_out_again() {
    for (name, before, key, to, after) in [
        (".env", "A=1\n", "B", text("2"), "A=1\nB=2\n"),
        (".env", "A=1", "B", text("x y"), "A=1\nB='x y'"),
        (".env", "A=1\r\n", "B", text("2"), "A=1\r\nB=2\r\n"),
        (".env", "A=1\r\nC=3", "B", text("2"), "A=1\r\nC=3\r\nB=2"),
        (".env", "", "B", Value::Port(80), "B=80\n"),
        (".env", "\u{feff}", "B", text("2"), "\u{feff}B=2\n"),
        ("c.json", "{}", "b", text("2"), "{\"b\": \"2\"}"),
        ("c.json", "{ }\n", "b.c", text("2"), ""),
        ("c.json", "{\"a\": [1]}", "b", Value::Port(80), "{\"a\": [1],\"b\": 80}"),
        (
            "c.json",
            "{\n  \"a\" : 1, \"x\": {\n    \"y\" : {}\n  }\n}\n",
            "x.b\\.c",
            text("\""),
            "{\n  \"a\" : 1, \"x\": {\n    \"y\" : {},\n    \"b.c\" : \"\\\"\"\n  }\n}\n",
        ),
        ("c.json", "{\"a\": [1]}", "a.1", text("2"), ""),
    ] {
        let settings = Settings::new(name, before);
        if after.is_empty() {
            let [file, name] = settings.arguments(key);
            let arguments = [file, name, ("to", to), ("add", Value::Bool(true))];
            wait(settings.bench.fails("fs.edit_key", &arguments));
        } else {
            assert_eq!(settings.add(key, to.clone()), after);
            assert_eq!(settings.value(key), to.canonical());
        }
        assert_eq!(settings.remove(key), before);
    }
    let settings = Settings::new(".env", "A=1 \\\n");
    for (key, expected) in [
        ("B", "would not be read back"),
        ("B C", "is no name"),
        ("A", "ends in a backslash"),
    ] {
        let [file, name] = settings.arguments(key);
        let arguments = [file, name, ("to", text("2")), ("add", Value::Bool(true))];
        let reason = wait(settings.bench.fails("fs.edit_key", &arguments));
        assert!(reason.contains(expected), "{reason}");
    }
    let settings = Settings::new("c.json", "{\"a\": [1, 2]}");
    let reason = wait(settings.bench.fails("fs.remove_key", &settings.arguments("a.0")));
    assert!(reason.contains("a value of a list"), "{reason}");
}

/// Each is taken out and put back, in the order of the way there and in the contrary one.
#[test]
fn what_was_taken_out_comes_back_where_and_as_it_was() {
    for (name, content, keys) in [
        (".env", ENV, &["IMAGE", "POOL", "EMPTY", "URL", "KEYS", "LAST"][..]),
        (
            "c.json",
            JSON,
            &["a\\.b", "gateway.port", "gateway.host", "gateway.tls", "gateway.x"],
        ),
        (".env", "A=1", &["A"]),
    ] {
        for is_contrary in [true, false] {
            let settings = Settings::new(name, content);
            let values: Vec<String> = keys.iter().map(|key| settings.value(key)).collect();
            for key in keys {
                let rest = settings.remove(key);
                wait(settings.bench.fails("fs.key", &settings.arguments(key)));
                assert_eq!(rest, settings.remove(key));
            }
            let mut back: Vec<_> = keys.iter().zip(values).collect();
            if is_contrary {
                back.reverse();
            }
            for (key, value) in back {
                settings.add(key, text(&value));
                assert_eq!(settings.value(key), value, "{key}");
            }
            let now = std::fs::read_to_string(&settings.file).unwrap();
            assert!(!is_contrary || now == content, "{now}");
        }
    }
}

#[test]
fn what_is_unclear_is_refused_without_quoting_the_file() {
    for (name, content, key, expected) in [
        (".env", "A=hunter22\nB=2\nA=3\n", "A", "lines 1 and 3"),
        (".env", "A=hunter22\n", "B", "no setting `B`"),
        (".env", "a=hunter22\n", "A", "there is `a`"),
        (".env", "A='hunter22\n", "A", "line 1 is not closed"),
        (".env", "hunter22 and more\nA=1\n", "A", "line 1 is no KEY=VALUE"),
        (".env", "A=\"1\" hunter22\n", "A", "line 1 goes on"),
        (
            ".env",
            "export A=hunter22 B=2\n",
            "A",
            "line 1 may set more than one thing",
        ),
        (
            ".env",
            "export A=1 B=hunter22\n",
            "B",
            "line 1 may set more than one thing",
        ),
        (".env", "A=1  B=hunter22", "A", "line 1 may set more than one thing"),
        (".env", "A=hunter22 \\\nB=2\n", "A", "line 1 ends in a backslash"),
        (
            ".env",
            "A=hunter22 \\\r\nB=2\r\n",
            "B",
            "line 2 may belong to the line above",
        ),
        (
            ".env",
            "A=1 \\\n -o hunter22 \\\nC=3",
            "C",
            "line 3 may belong to the line above",
        ),
        (".env", "A=hunter22\\", "A", "line 1 ends in a backslash"),
        (".env", "A=\"hunter22 \\\n more\"\n", "A", "line 1 ends in a backslash"),
        ("c.json", "{\"a\": hunter22}", "a", "no JSON: line 1"),
        ("c.json", "{\"a\": 1, \"a\": 2}", "a", "set twice"),
        ("c.json", "{\"a\": {\"b\": \"hunter22\"}}", "a", "no plain value"),
        ("c.json", "{\"a\": \"hunter22\"}", "a.b", "`b` is not there"),
        ("c.json", "A=hunter22", "A", "no JSON"),
    ] {
        let settings = Settings::new(name, content);
        let reason = wait(settings.bench.fails("fs.key", &settings.arguments(key)));
        assert!(reason.contains(expected), "{content:?}: {reason}");
        assert!(!reason.contains("hunter22"), "{reason}");
    }
    // What is clear beside it stays to be used.
    for (content, key, expected) in [
        ("export A=1 B=2\nC=3\n", "C", "3"),
        ("A=1 \\\n2\nC=3\n", "C", "3"),
        ("A=C:\\dir\\\\\nB=2\n", "A", "C:\\dir\\\\"),
        ("A=1 # C:\\\nB=2\n", "B", "2"),
        ("A=-Xmx1g -Dx=1 --y=2 # B=3\n", "A", "-Xmx1g -Dx=1 --y=2"),
        ("A='1 B=2'\n", "A", "1 B=2"),
        ("\u{feff}{\"A\": 1E400}", "A", "1E400"),
    ] {
        assert_eq!(Settings::new(".env", content).value(key), expected, "{content:?}");
    }
    for (name, content, key, expected) in [
        ("c.json", JSON, "gateway.port", "a number"),
        (".env", "A=#1\n", "A", "would not be read back"),
    ] {
        let settings = Settings::new(name, content);
        let [file, key] = settings.arguments(key);
        let reason = wait(settings.bench.fails("fs.edit_key", &[file, key, ("to", text("abc"))]));
        assert!(reason.contains(expected), "{reason}");
    }
}

proptest! {
    #![proptest_config(cases(32))]

    /// Whatever was written before comes back, byte for byte, in whatever order settings are set and set back.
    #[test]
    fn what_was_written_comes_back(
        forms in prop::collection::vec("[ -~\t]{0,12}|\"([ -~é]|\n){0,9}\"|'[ -~]{0,9}'", 4),
        to in prop::collection::vec("[ -~é\n]{0,9}", 4),
        order in Just(vec![0_usize, 1, 2, 3]).prop_shuffle(),
    ) {
        let lines: Vec<String> = forms.iter().enumerate().map(|(nth, form)| format!("K{nth}={form}\r\n")).collect();
        let content = lines.concat();
        let settings = Settings::new(".env", &content);
        let read = |nth: usize| {
            let call = settings.bench.call("fs.key", &settings.arguments(&format!("K{nth}")));
            let outcome = wait(settings.bench.perform(&call));
            outcome.evidence().value.as_ref().map(Value::canonical)
        };
        let old: Vec<_> = (0..forms.len()).map(read).collect();
        let clear: Vec<usize> = order.into_iter().filter(|nth| old[*nth].is_some()).collect();
        for nth in &clear {
            settings.set(&format!("K{nth}"), &to[*nth]);
        }
        for (nth, old) in old.iter().enumerate() {
            if let Some(old) = old {
                settings.set(&format!("K{nth}"), old);
            }
        }
        prop_assert_eq!(std::fs::read_to_string(&settings.file).unwrap(), content);
    }

    #[test]
    fn a_value_comes_back_and_can_be_taken_back(to in "[ -~é\n\r]{0,30}", which in 0_usize..5) {
        let settings = Settings::new(".env", ENV);
        let key = ["IMAGE", "POOL", "EMPTY", "KEYS", "LAST"][which];
        let all = || ["IMAGE", "POOL", "EMPTY", "URL", "KEYS", "LAST"].map(|name| (name, settings.value(name)));
        let before = all();
        settings.set(key, &to);
        for ((name, now), (_, before)) in all().into_iter().zip(&before) {
            prop_assert_eq!(&now, if name == key { &to } else { before }, "{}", name);
        }
        settings.set(key, &before.iter().find(|(name, _)| *name == key).unwrap().1);
        prop_assert_eq!(all(), before);
    }

    #[test]
    fn no_text_makes_it_panic(
        content in "[{}\\[\\]\"',:=# a-c\\\\\n\r\u{feff}é]{0,60}",
        key in "[a-c.0\\\\]{0,5}",
    ) {
        for name in [".env", "c.json"] {
            let settings = Settings::new(name, &content);
            let [file, name] = settings.arguments(&key);
            let call = settings.bench.call("fs.edit_key", &[file, name, ("to", text("x"))]);
            let shown = wait(settings.bench.preview(&call));
            prop_assert!(shown.is_some(), "it panicked");
            let [file, name] = settings.arguments(&key);
            let arguments = [file, name, ("to", text("x")), ("add", Value::Bool(true))];
            let shown = wait(settings.bench.preview(&settings.bench.call("fs.edit_key", &arguments)));
            prop_assert!(shown.is_some(), "it panicked");
            let call = settings.bench.call("fs.remove_key", &settings.arguments(&key));
            prop_assert!(wait(settings.bench.preview(&call)).is_some(), "it panicked");
        }
    }
}
