//! Steps and what each waits for, written for Backstay and for the programs beside it.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// How many steps stand beside each other in a layer.
const LAYER_STEPS: usize = 100;

/// For each step the steps before it.
pub(crate) struct Graph(Vec<Vec<usize>>);

impl Graph {
    /// Each after the one before it.
    pub(crate) fn chain(steps: usize) -> Self {
        Self(
            (0..steps)
                .map(|step| step.checked_sub(1).into_iter().collect())
                .collect(),
        )
    }

    /// None waits for another.
    pub(crate) fn side_by_side(steps: usize) -> Self {
        Self(vec![Vec::new(); steps])
    }

    /// Layers, each step after three of the layer before it.
    pub(crate) fn layers(steps: usize) -> Self {
        let before = |step: usize| {
            let (layer, place) = (step / LAYER_STEPS, step % LAYER_STEPS);
            let Some(above) = layer.checked_sub(1) else {
                return Vec::new();
            };
            let places = (0..3).map(|shift| (place + shift) % LAYER_STEPS);
            places.map(|place| above * LAYER_STEPS + place).collect()
        };
        Self((0..steps).map(before).collect())
    }

    /// One, all others but one after it, and one after all of these.
    pub(crate) fn fan(steps: usize) -> Self {
        let last = steps - 1;
        let before = |step: usize| match step {
            0 => Vec::new(),
            _ if step == last => (1..last).collect(),
            _ => vec![0],
        };
        Self((0..steps).map(before).collect())
    }

    /// A runbook whose steps each have this statement, with the number of the step for `#`; gives its path.
    pub(crate) fn runbook(&self, folder: &Path, statement: &str) -> String {
        let mut text = "runbook bench \"A benchmark\"\n".to_owned();
        for (step, before) in self.0.iter().enumerate() {
            let after = match names(before, ", ") {
                none if none.is_empty() => "nothing".to_owned(),
                names => names,
            };
            let statement = statement.replace('#', &step.to_string());
            writeln!(text, "step s{step} \"Step {step}\" after {after} {{\n  {statement}\n}}").unwrap();
        }
        write(folder, "runbook", &text)
    }

    /// The same for make; gives its path.
    pub(crate) fn makefile(&self, folder: &Path, command: &str) -> String {
        let all = names(&(0..self.0.len()).collect::<Vec<_>>(), " ");
        let mut text = format!(".PHONY: all {all}\nall: {all}\n");
        self.rules(&mut text, "\t", command);
        write(folder, "mk", &text)
    }

    /// The same for just; gives its path.
    pub(crate) fn justfile(&self, folder: &Path, command: &str) -> String {
        let all = names(&(0..self.0.len()).collect::<Vec<_>>(), " ");
        let mut text = format!("all: {all}\n");
        self.rules(&mut text, "  ", command);
        write(folder, "just", &text)
    }

    fn rules(&self, text: &mut String, indent: &str, command: &str) {
        for (step, before) in self.0.iter().enumerate() {
            writeln!(text, "s{step}: {}\n{indent}@{command}", names(before, " ")).unwrap();
        }
    }
}

fn names(steps: &[usize], between: &str) -> String {
    let names: Vec<String> = steps.iter().map(|step| format!("s{step}")).collect();
    names.join(between)
}

/// Writes a file with a name of its own.
fn write(folder: &Path, ending: &str, text: &str) -> String {
    let count = fs::read_dir(folder).unwrap().count();
    let path = folder.join(format!("bench-{count}.{ending}"));
    fs::write(&path, text).unwrap();
    path.display().to_string()
}
