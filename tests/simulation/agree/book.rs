//! A random runbook as lists of statements, so that it can be broken and made smaller wherever one wants.

use std::fmt::Write as _;

/// What the undo clause of an action says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Undo {
    Unsaid,
    Does(Vec<String>),
    /// `no undo because`.
    Excused,
}

/// A statement with its undo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) text: String,
    pub(super) undo: Undo,
    pub(super) retries: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) name: String,
    /// Those it waits for; `None`: all before it.
    pub(super) after: Option<Vec<String>>,
    pub(super) lines: Vec<Line>,
    /// What its failure leads to, where it says so.
    pub(super) on_failure: Option<&'static str>,
}

/// A branch that applies from one step until another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Branch {
    pub(super) from: String,
    pub(super) until: String,
    pub(super) lines: Vec<String>,
}

/// A symptom table of one step, with one row that does something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) step: String,
    pub(super) first: Vec<Line>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hold {
    pub(super) name: String,
    pub(super) take: String,
    pub(super) release: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Book {
    pub(super) has_window: bool,
    pub(super) on_failure: &'static str,
    pub(super) on_interrupt: &'static str,
    /// Names of inputs, each yes or no.
    pub(super) inputs: Vec<String>,
    /// Services, protected states and safe places, as they are written.
    pub(super) items: Vec<String>,
    pub(super) holds: Vec<Hold>,
    pub(super) steps: Vec<Step>,
    pub(super) branch: Option<Branch>,
    pub(super) tables: Vec<Table>,
}

impl Line {
    pub(super) fn of(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            undo: Undo::Unsaid,
            retries: false,
        }
    }

    pub(super) fn undone(text: impl Into<String>, undo: &[&str]) -> Self {
        let undo = undo.iter().map(|line| (*line).to_owned()).collect();
        Self {
            undo: Undo::Does(undo),
            ..Self::of(text)
        }
    }

    pub(super) fn is_action(&self) -> bool {
        self.text.starts_with("do ")
    }

    fn write(&self, text: &mut String) {
        if self.retries && self.is_action() {
            text.push_str("  retry 1 every 5s\n");
        }
        let _ = write!(text, "  {}", self.text);
        match &self.undo {
            _ if !self.is_action() => {}
            Undo::Does(lines) if !lines.is_empty() => {
                let _ = write!(text, " undo {{\n    {}\n  }} within 2m", lines.join("\n    "));
            }
            Undo::Excused => text.push_str(" no undo because \"it may stay\""),
            Undo::Does(_) | Undo::Unsaid => {}
        }
        text.push('\n');
    }
}

impl Book {
    pub(super) fn text(&self) -> String {
        let mut text = String::from("runbook random \"Random\" {\n");
        if self.has_window {
            text.push_str("  window 6h keep 3h for the way back\n");
        }
        let (on_failure, on_interrupt) = (self.on_failure, self.on_interrupt);
        let _ = writeln!(text, "  on failure {on_failure}\n  on interrupt {on_interrupt}\n}}\n");
        if !self.inputs.is_empty() {
            let inputs = self.inputs.iter().map(|name| format!("  {name} : bool\n"));
            let _ = writeln!(text, "inputs {{\n{}}}\n", inputs.collect::<String>());
        }
        for item in &self.items {
            let _ = writeln!(text, "{item}\n");
        }
        for Hold { name, take, release } in &self.holds {
            let _ = writeln!(
                text,
                "hold {name} \"Quiet\" {{\n  take    {take}\n  release {release}\n}}\n"
            );
        }
        for step in &self.steps {
            step.write(&mut text);
        }
        if let Some(branch) = &self.branch {
            let (from, until) = (&branch.from, &branch.until);
            let _ = writeln!(
                text,
                "rollback before \"As it was\" {{\n  applies from {from} until {until}\n  budget 30m\n  {}\n}}\n",
                branch.lines.join("\n  ")
            );
        }
        for (place, table) in self.tables.iter().enumerate() {
            let mut first = String::new();
            table.first.iter().for_each(|line| line.write(&mut first));
            let _ = writeln!(
                text,
                "symptoms t{place} \"Usual\" for {} {{\n  symptom \"Usual {place}\" {{\n    seen when \
                 fs.exists(\"/sim/seen-{place}\")\n    suspect \"the usual\"\n    budget 5m\n    first {{\n{first}    }}\n    \
                 again at most 1\n    otherwise unwind\n  }}\n  symptom anything else {{ suspect \"more\" otherwise unwind \
                 }}\n}}\n",
                table.step
            );
        }
        text
    }
}

impl Step {
    pub(super) fn new(name: impl Into<String>, lines: Vec<Line>) -> Self {
        Self {
            name: name.into(),
            after: None,
            lines,
            on_failure: None,
        }
    }

    fn write(&self, text: &mut String) {
        let after = match &self.after {
            None => String::new(),
            Some(named) if named.is_empty() => " after nothing".to_owned(),
            Some(named) => format!(" after {}", named.join(", ")),
        };
        let name = &self.name;
        let _ = writeln!(text, "step {name} \"Step {name}\"{after} {{\n  budget 6m");
        self.lines.iter().for_each(|line| line.write(text));
        if let Some(way) = self.on_failure {
            let _ = writeln!(text, "  on failure {way}");
        }
        text.push_str("}\n\n");
    }
}
