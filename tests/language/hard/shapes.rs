//! What grows faster than its text, where something looks at it all.

use std::fmt::Write as _;

/// What it is called, the slug that refuses it (none where it is right), and the text behind the header.
type Shape = (&'static str, &'static str, String);

pub(super) fn all() -> Vec<Shape> {
    let mut all = doubling();
    all.extend(at_once());
    all.extend(rows());
    all.extend(skips());
    all.extend(topology());
    all.extend(branches());
    all.extend(wrong());
    all
}

fn many(count: usize, line: impl Fn(usize) -> String) -> String {
    (0..count).map(line).collect()
}

fn step(number: usize, body: &str) -> String {
    format!("step s{number} \"S\" {{\n  {body}\n}}\n")
}

fn step_at_once(number: usize, body: &str) -> String {
    format!("step s{number} \"S\" after nothing {{\n  {body}\n}}\n")
}

fn read_link(number: usize) -> String {
    format!("let was{number} = fs.target(\"/srv/l{number}\")\n  ")
}

fn set_link(number: usize) -> String {
    format!("do fs.link(\"/srv/l{number}\", to: \"/srv/new\")")
}

fn put_link_back(number: usize) -> String {
    format!("fs.link(\"/srv/l{number}\", to: was{number})")
}

fn change_link(number: usize) -> String {
    let (read, set, back) = (read_link(number), set_link(number), put_link_back(number));
    format!("{read}{set} undo {back} within 1s\n  ")
}

const WRITE_ONE_FILE: &str = "do fs.write(\"/srv/f\", content: \"x\") no undo because \"x\"";

/// Forty of a kind, each of which has the one before twice.
fn chain(kind: &str, first: &str, next: impl Fn(usize) -> String) -> String {
    let mut text = format!("{kind} p0{first}\n");
    for number in 1..=40 {
        let _ = writeln!(text, "{kind} p{number}{}", next(number - 1));
    }
    text
}

fn doubling() -> Vec<Shape> {
    let procedures = chain(
        "procedure",
        "() { do fs.write(\"/srv/a\", content: \"x\") }",
        |before| format!("() {{ do p{before}() do p{before}() }}"),
    );
    let questions = chain("question", "() -> bool { give fs.exists(\"/srv/a\") }", |before| {
        format!("() -> bool {{ give p{before}() and p{before}() }}")
    });
    let values = many(60, |number| format!("let v{} = v{number} + v{number}\n  ", number + 1));
    let write = "do fs.write(\"/srv/a\", content: v60) no undo because \"x\"";
    vec![
        (
            "procedures that double",
            "too-many-statements",
            [procedures, step(0, "do p40()")].concat(),
        ),
        (
            "questions that double",
            "",
            [questions, step(0, "check \"c\": p40()")].concat(),
        ),
        (
            "values that double",
            "",
            step(0, &format!("let v0 = \"x\"\n  {values}{write}")),
        ),
    ]
}

fn at_once() -> Vec<Shape> {
    let after_many = |number: usize| {
        let before: Vec<String> = (number.saturating_sub(300)..number)
            .map(|before| format!("s{before}"))
            .collect();
        let before = if number == 0 {
            "nothing".to_owned()
        } else {
            before.join(", ")
        };
        format!("step s{number} \"S\" after {before} {{ wait 1s because \"x\" }}\n")
    };
    let names: Vec<String> = (0..1_000).map(|number| format!("\"w{number}\"")).collect();
    let each = format!(
        "for each w in [{}] one at a time {{ step s \"S\" {{ let is_there = fs.exists(w) record is_there }} }}\n",
        names.join(", ")
    );
    vec![
        (
            "a thousand steps at once",
            "",
            many(1_000, |number| step_at_once(number, &change_link(number))),
        ),
        (
            "a thousand steps at once on one file",
            "overlapping-writers",
            many(1_000, |number| step_at_once(number, WRITE_ONE_FILE)),
        ),
        ("steps after three hundred others", "", many(1_200, after_many)),
        ("a long list", "", each),
    ]
}

fn rows() -> Vec<Shape> {
    let table = |does: &dyn Fn(usize) -> String| {
        let failing = step(
            0,
            &format!("{}check \"it is there\": fs.exists(\"/srv/new\")", change_link(0)),
        );
        let rows = many(1_000, |number| {
            let does = does(number + 1);
            format!(
                "symptom \"{number}\" {{ seen when fs.exists(\"/q{number}\") suspect \"x\" first {{ {does} }} otherwise \
                 unwind }}\n"
            )
        });
        let last = "symptom anything else { suspect \"x\" otherwise unwind }";
        format!("{failing}symptoms t \"T\" for s0 {{\n{rows}{last}\n}}\n")
    };
    vec![
        ("a thousand rows", "", table(&change_link)),
        (
            "a thousand rows on one file",
            "too-many-paths",
            table(&|_| WRITE_ONE_FILE.to_owned()),
        ),
    ]
}

fn skips() -> Vec<Shape> {
    let skip = |number: usize, body: &str| {
        step(
            number,
            &format!("skip when fs.exists(\"/k{number}\") because \"x\"\n  {body}"),
        )
    };
    let restart = "do process.stop(app) undo process.start(app, [\"/bin/app\"]) within 1s\n  \
                   do process.start(app, [\"/bin/app\"]) no undo because \"x\"";
    let app = "service app \"A\" { runs process(\"app\") }\n";
    vec![
        (
            "skips over one service",
            "too-many-paths",
            [app.to_owned(), many(200, |number| skip(number, restart))].concat(),
        ),
        (
            "skips over a link each",
            "",
            many(1_000, |number| skip(number, &change_link(number))),
        ),
    ]
}

fn topology() -> Vec<Shape> {
    let hold = |number: usize| {
        format!(
            "hold h{number} \"H\" {{ take fs.write(\"/h{number}\", content: \"x\") within 1s release \
             fs.remove(\"/h{number}\") within 1s }}\n"
        )
    };
    let taken = many(300, |number| step(number, &format!("take h{number}")));
    let released = many(300, |number| step(300 + number, &format!("release h{number}")));
    let service = |number: usize| {
        format!(
            "service v{number} \"V\" {{ runs process(\"v{number}\") writes d{number} well \"w\": \
             fs.exists(\"/srv/d{number}\") within 1s }}\nprotect d{number} \"D\" {{ path \
             \"/srv/d{number}\" }}\n"
        )
    };
    let change = |number: usize| {
        let start = format!("process.start(v{number}, [\"/bin/a\"])");
        step(
            number,
            &format!(
                "do process.stop(v{number}) undo {start} within 1s\n  do backup.create(d{number}, to: \"/b{number}\") as \
                 b{number}\n  check \"it restores\": backup.verify(b{number}) is ok\n  do {start} undo {{ do \
                 process.stop(v{number}) do backup.restore(b{number}) do {start} }} within 1m\n  check \
                 v{number} is well"
            ),
        )
    };
    vec![
        ("three hundred holds", "", [many(300, hold), taken, released].concat()),
        (
            "two hundred services with state",
            "",
            [many(200, service), many(200, change)].concat(),
        ),
    ]
}

fn branches() -> Vec<Shape> {
    let branch = |number: usize, does: String| {
        format!("rollback r{number} \"R\" {{ applies from s{number} until s{number} do {does} }}\n")
    };
    let helps = |count: usize, then: &str| {
        let bound = format!("step first \"F\" {{\n  {}\n}}\n", many(count, read_link));
        let does = |number: usize| {
            let way = format!("{}\n  on failure rollback r{number}", set_link(number));
            step(number, &way)
        };
        let branches = many(count, |number| {
            branch(number, format!("{}{then}", put_link_back(number)))
        });
        [bound, many(count, does), branches].concat()
    };
    let write = |number: usize| step(number, &format!("do fs.write(\"/srv/f{number}\", content: \"x\")"));
    let remove = |number: usize| format!("fs.remove(\"/srv/f{number}\")");
    let idle = [many(300, write), many(300, |number| branch(number, remove(number)))].concat();
    let does = many(1_000, |number| format!("do {}\n", remove(number)));
    let long = format!("rollback r \"R\" {{ applies from s0 until s999\n{does}}}\n");
    vec![
        (
            "three hundred branches, of which each helps one step",
            "no-way-back",
            helps(300, ""),
        ),
        (
            "a thousand branches, of which each helps one step",
            "no-way-back",
            helps(1_000, " unwind"),
        ),
        ("three hundred branches, none of which helps", "no-way-back", idle),
        (
            "a branch of a thousand statements",
            "no-way-back",
            [many(1_000, write), long].concat(),
        ),
    ]
}

fn wrong() -> Vec<Shape> {
    let compared = |number: usize| step(number, &format!("check \"c\": nam{number} == nmae{number}"));
    vec![
        (
            "twenty thousand unknown words",
            "unknown-statement",
            many(20_000, |number| step(number, &format!("bogus{number}"))),
        ),
        ("ten thousand unknown values", "unknown-name", many(10_000, compared)),
        (
            "a script of many lines",
            "too-large",
            format!("fn f() -> int rhai \"\"\"\n{}\"\"\"\n", "\n".repeat(400_000)),
        ),
    ]
}
