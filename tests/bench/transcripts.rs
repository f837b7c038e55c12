//! Benchmark of `transcript verify` beside a Python of ten lines that follows the chain and knows nothing else.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::bench::graphs::Graph;
use crate::bench::measure::in_turn;
use crate::bench::programs::NOTHING;

/// How many steps the run has; one that waits writes three records.
const STEPS: usize = 10_000;

/// How often each program is run in a row: the kernel counts CPU time in ticks.
const REPEATS: usize = 5;

const PYTHON: &str = r#"
import hashlib, json, sys
head = "0" * 64
with open(sys.argv[1] + "/transcript.jsonl", "rb") as lines:
    for number, line in enumerate(lines, 1):
        record = json.loads(line)
        if record["seq"] != number or record["prev"] != head:
            sys.exit(f"record {number} does not follow")
        head = hashlib.sha256(line).hexdigest()
with open(sys.argv[1] + "/seal.json") as seal:
    sys.exit(json.load(seal)["head"] != head)
"#;

/// Of a whole run that has ended; five times each.
pub(crate) fn verify() {
    let folder = tempfile::tempdir().unwrap();
    let file = Graph::chain(STEPS).runbook(folder.path(), NOTHING);
    let state = folder.path().join("state");
    let ran = backstay(&state)
        .arg("run")
        .arg(&file)
        .arg("--no-input")
        .output()
        .unwrap();
    assert!(ran.status.success(), "{ran:?}");
    let run = fs::read_dir(state.join("runs"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let records = fs::read_to_string(run.join("transcript.jsonl"))
        .unwrap()
        .lines()
        .count();
    in_turn(
        &format!("A transcript of {records} records"),
        11,
        &[
            ("backstay transcript verify", &|| {
                ends_well(backstay(&state).args(["transcript", "verify"]).arg(&run));
            }),
            ("python3", &|| {
                ends_well(Command::new("python3").args(["-c", PYTHON]).arg(&run));
            }),
        ],
    );
}

fn backstay(state: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_backstay"));
    command.env("BACKSTAY_STATE_DIR", state).env("BACKSTAY_LOCK_DIR", state);
    command
}

fn ends_well(command: &mut Command) {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    for _ in 0..REPEATS {
        assert!(command.status().unwrap().success(), "{command:?}");
    }
}
