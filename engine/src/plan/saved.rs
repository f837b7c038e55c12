//! A plan that was saved as it was shown: what an approver looks at, and what a run is held to.

use std::path::Path;

use backstay_dsl::units;
use serde::Deserialize;
use serde_json::json;

use crate::error::Error;
use crate::private_files::{read_plain, write_whole};

use super::Plan;
use super::report::PlanReport;

/// The most bytes that a saved plan may have.
const BYTES_MAX: u64 = 64 << 20;

/// What a run may be held to.
#[derive(Debug, Clone)]
pub enum Approved {
    /// The digest of a plan: `sha256:…`.
    Digest(String),
    Saved(Box<SavedPlan>),
}

/// A plan that was saved: the shape of `plan --format json` with the sources and the program beside it.
#[derive(Debug, Clone, Deserialize)]
pub struct SavedPlan {
    digest: String,
    /// Name and SHA-256 of each text; the runbook comes first.
    sources: Vec<(String, String)>,
    inputs: Vec<SavedInput>,
    forward_ms: u64,
    forward_to_commit_ms: u64,
    longest_way_back_ms: u64,
    program: String,
}

#[derive(Debug, Clone, Deserialize)]
struct SavedInput {
    name: String,
    value: Option<String>,
}

/// Saves a plan as it was shown, in place of a file that is there.
pub fn save(plan: &Plan, report: &PlanReport, program: &str, path: &Path) -> Result<(), Error> {
    let mut shown = report.to_json();
    shown["sources"] = json!(plan.source_digests);
    shown["program"] = json!(program);
    let text = format!("{shown:#}\n");
    write_whole(path, text.as_bytes(), 0o644).map_err(|error| {
        let reason = format!("the plan cannot be saved as {}: {error}", path.display());
        Error::usage(
            reason,
            "name a file in a folder that is there and that you may write into",
        )
    })
}

impl Approved {
    /// What `--approved` names: a digest, else a file.
    pub fn read(word: &str) -> Result<Self, Error> {
        if word.starts_with("sha256:") {
            return Ok(Self::Digest(word.to_owned()));
        }
        let refused = |why: String| {
            let help = "--approved takes the digest of a plan (sha256:…) or the file of `backstay plan --out FILE`";
            Error::usage(format!("{word} is no saved plan: {why}"), help)
        };
        let text = read_plain(Path::new(word), BYTES_MAX).map_err(|error| refused(error.to_string()))?;
        let saved = serde_json::from_slice(&text).map_err(|error| refused(error.to_string()))?;
        Ok(Self::Saved(saved))
    }

    /// The digest that was approved.
    pub(crate) fn digest(&self) -> &str {
        match self {
            Self::Digest(digest) => digest,
            Self::Saved(saved) => &saved.digest,
        }
    }

    /// What is otherwise than it was when this was approved, one sentence each; none where it is the same plan.
    pub(crate) fn differences(&self, plan: &Plan, program: &str) -> Vec<String> {
        if self.digest() == plan.digest {
            return Vec::new();
        }
        let mut found = match self {
            Self::Digest(_) => Vec::new(),
            Self::Saved(saved) => saved.differences(plan, program),
        };
        if found.is_empty() {
            found.push(format!(
                "this plan is {}, but {} was approved",
                plan.digest,
                self.digest()
            ));
        }
        found
    }
}

impl SavedPlan {
    fn differences(&self, plan: &Plan, program: &str) -> Vec<String> {
        let mut found = Vec::new();
        self.sources_differ(plan, &mut found);
        self.inputs_differ(plan, &mut found);
        let times = &plan.times;
        for (what, then_ms, now_ms) in [
            ("the way forward", self.forward_ms, times.forward_ms),
            (
                "the way up to `commits`",
                self.forward_to_commit_ms,
                times.forward_to_commit_ms,
            ),
            (
                "the longest way back",
                self.longest_way_back_ms,
                times.longest_way_back_ms,
            ),
        ] {
            if then_ms != now_ms {
                let [then, now] = [then_ms, now_ms].map(units::duration);
                found.push(format!("{what} takes up to {now}, and {then} was approved"));
            }
        }
        if found.is_empty() && self.program != program {
            found.push(format!(
                "it was approved as {} plans it, and this is {program}",
                self.program
            ));
        }
        found
    }

    fn sources_differ(&self, plan: &Plan, found: &mut Vec<String>) {
        let now = &plan.source_digests;
        // The runbook itself may have another name.
        if let (Some((_, then)), Some((name, now))) = (self.sources.first(), now.first())
            && then != now
        {
            found.push(format!("the text of {name} has changed"));
        }
        let [then, now] = [&self.sources, now].map(|sources| sources.get(1..).unwrap_or_default());
        for (name, digest) in now {
            match then.iter().find(|(known, _)| known == name) {
                Some((_, known)) if known == digest => {}
                Some(_) => found.push(format!("the text of {name} has changed")),
                None => found.push(format!("{name} is used, and was not")),
            }
        }
        let gone = then
            .iter()
            .filter(|(name, _)| now.iter().all(|(known, _)| known != name));
        found.extend(gone.map(|(name, _)| format!("{name} is not used any more")));
    }

    fn inputs_differ(&self, plan: &Plan, found: &mut Vec<String>) {
        for (name, now) in plan.shown_inputs() {
            let then = self.inputs.iter().find(|input| input.name == name);
            let then = then.and_then(|input| input.value.as_deref());
            if then != now.as_deref() {
                let [now, then] = [now.as_deref(), then].map(|value| value.unwrap_or("no value"));
                found.push(format!("the input {name} is {now}, and {then} was approved"));
            }
        }
    }
}
