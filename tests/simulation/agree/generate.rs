//! Random runbooks that are right as far as each of their parts goes.

use std::fmt::Write as _;

use super::book::{Book, Branch, Hold, Line, Step, Table, Undo};
use crate::support::chance::Chance;

/// Where things lie that several steps may change: some in others, some in protected state.
const FILES: [&str; 6] = ["/sim/a", "/sim/b", "/sim/t/a", "/sim/t/u/a", "/sim/s0/data/a", "/sim/c"];
const LINKS: [&str; 4] = ["/sim/l0", "/sim/l1", "/sim/t/l", "/sim/s0/data/l"];
const TREES: [&str; 4] = ["/sim/t", "/sim/t/u", "/sim/v", "/sim/s0/data/t"];

/// How a service is given another release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    /// The same release is stopped and started.
    Restart,
    Undos,
    Branch,
}

#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "each is one clause of its own")]
struct Service {
    number: usize,
    style: Style,
    has_pin: bool,
    /// The number of the state that it writes, and whether a new release leaves its form alone.
    writes: Option<(usize, bool)>,
    has_ingress: bool,
    has_hold: bool,
    is_begun: bool,
}

pub(super) struct Generator<'c> {
    chance: &'c mut Chance,
    count: usize,
    inputs: usize,
}

impl<'c> Generator<'c> {
    pub(super) fn new(chance: &'c mut Chance) -> Self {
        Self {
            chance,
            count: 0,
            inputs: 0,
        }
    }

    pub(super) fn book(mut self) -> Book {
        let on_failure = self.chance.of(&["unwind", "unwind", "unwind", "unwind", "park half"]);
        let on_interrupt = self.chance.of(&["unwind", "unwind", "unwind", "pause"]);
        let mut book = Book {
            has_window: self.chance.percent(50),
            on_failure,
            on_interrupt,
            inputs: Vec::new(),
            items: vec![
                "park half \"Half way\" {\n  do notify.file(\"/sim/log\", message: \"left here\")\n}".to_owned(),
            ],
            holds: Vec::new(),
            steps: Vec::new(),
            branch: None,
            tables: Vec::new(),
        };
        for _ in 0..self.chance.below(3) {
            let step = self.plain();
            book.steps.push(step);
        }
        let services = self.services();
        Self::declare(&services, &mut book);
        self.change(&services, &mut book);
        let at_least = usize::from(book.steps.is_empty());
        for _ in 0..at_least + self.chance.below(3) {
            let step = self.plain();
            book.steps.push(step);
        }
        self.vary(&mut book);
        let used = |item: &str| book.on_failure == item || book.steps.iter().any(|step| step.on_failure == Some(item));
        if !used("park half") {
            book.items.remove(0);
        }
        book.inputs = (0..self.inputs).map(|number| format!("in_{number}")).collect();
        book
    }

    fn next(&mut self) -> usize {
        self.count += 1;
        self.count
    }

    fn services(&mut self) -> Vec<Service> {
        let count = self.chance.of(&[0, 1, 1, 1, 2]);
        let style = self
            .chance
            .of(&[Style::Restart, Style::Undos, Style::Undos, Style::Branch]);
        let is_one_state = self.chance.percent(30);
        (0..count)
            .map(|number| {
                let state = if is_one_state { 0 } else { number };
                Service {
                    number,
                    style,
                    has_pin: self.chance.percent(70),
                    writes: self.chance.percent(75).then(|| (state, self.chance.percent(40))),
                    has_ingress: self.chance.percent(50),
                    has_hold: self.chance.percent(50),
                    is_begun: self.chance.percent(92),
                }
            })
            .collect()
    }

    fn declare(services: &[Service], book: &mut Book) {
        for service in services {
            let n = service.number;
            let mut clauses = String::new();
            if service.has_pin {
                let _ = writeln!(clauses, "  pinned by link(\"/sim/s{n}/current\")");
            }
            if let Some((state, is_kept)) = service.writes {
                let form = if is_kept {
                    " unmigrated because \"its form stays\""
                } else {
                    ""
                };
                let _ = writeln!(clauses, "  writes d{state}{form}");
            }
            if service.has_ingress {
                let _ = writeln!(clauses, "  behind ingress(\"s{n}\")");
            }
            let begins = if service.is_begun { "" } else { "  begins stopped\n" };
            book.items.push(format!(
                "service s{n} \"Service {n}\" {{\n  runs process(\"s{n}\")\n{clauses}  well \"it runs\": \
                 process.alive(s{n}) within 10s every 1s\n{begins}}}"
            ));
            if service.has_ingress && service.has_hold {
                book.holds.push(Hold {
                    name: format!("h{n}"),
                    take: format!("{} within 30s", traffic("drains", n)),
                    release: format!("{} within 30s", traffic("opens", n)),
                });
            }
        }
        let states = states_of(services);
        for n in states {
            book.items
                .push(format!("protect d{n} \"State {n}\" {{ path \"/sim/s{n}/data\" }}"));
        }
    }

    /// The steps that give services another release, or start them again.
    fn change(&mut self, services: &[Service], book: &mut Book) {
        let Some(style) = services.first().map(|service| service.style) else {
            return;
        };
        Self::stop_all(services, book);
        let is_new = style != Style::Restart;
        let states = states_of(services);
        for n in states.iter().filter(|_| is_new || self.chance.percent(30)) {
            let lines = vec![
                Line::of(format!(
                    "do backup.create(d{n}, to: \"/sim/backups\") within 1m as snap_{n}"
                )),
                Line::of(format!(
                    "check \"it restores {n}\": backup.verify(snap_{n}) is ok within 30s"
                )),
            ];
            book.steps.push(Step::new(format!("backup_{n}"), lines));
        }
        if is_new {
            for service in services.iter().filter(|service| service.has_pin) {
                let n = service.number;
                let line = Line::of(format!("let was_s{n} = fs.target(\"/sim/s{n}/current\")"));
                book.steps.push(Step::new(format!("look_{n}"), vec![line]));
            }
            Self::switch(services, style, book);
        }
        let from = book.steps.len();
        for service in services {
            let n = service.number;
            let line = match style {
                Style::Branch => Line::of(start(n)),
                Style::Restart | Style::Undos => Line::undone(start(n), &[&action(&stop(n))]),
            };
            let lines = vec![line, Line::of(format!("check s{n} is well"))];
            book.steps.push(Step::new(format!("start_{n}"), lines));
        }
        let mut commits = is_new
            && services
                .iter()
                .any(|service| service.has_ingress && matches!(service.writes, Some((_, false))));
        for service in services.iter().filter(|service| service.has_ingress) {
            let n = service.number;
            let mut lines = Vec::new();
            if std::mem::take(&mut commits) {
                lines.push(Line::of("commits \"users write from here\""));
            }
            lines.push(if service.has_hold {
                Line::of(format!("release h{n}"))
            } else {
                Line::undone(action(&traffic("opens", n)), &[&action(&traffic("drains", n))])
            });
            book.steps.push(Step::new(format!("open_{n}"), lines));
        }
        if style == Style::Branch {
            let first = book.steps.iter().find(|step| step.name.starts_with("switch_"));
            let first = first.unwrap_or(&book.steps[from]).name.clone();
            self.branch(services, first, book);
        }
    }

    /// Takes traffic away and stops what runs.
    fn stop_all(services: &[Service], book: &mut Book) {
        for service in services.iter().filter(|service| service.has_ingress) {
            let n = service.number;
            let line = if service.has_hold {
                Line::of(format!("take h{n}"))
            } else {
                Line::undone(action(&traffic("drains", n)), &[&action(&traffic("opens", n))])
            };
            book.steps.push(Step::new(format!("drain_{n}"), vec![line]));
        }
        for service in services.iter().filter(|service| service.is_begun) {
            let n = service.number;
            let line = Line::undone(action(&stop(n)), &[&start(n)]);
            book.steps.push(Step::new(format!("stop_{n}"), vec![line]));
        }
    }

    fn switch(services: &[Service], style: Style, book: &mut Book) {
        let mut restored = Vec::new();
        for service in services.iter().filter(|service| service.has_pin) {
            let n = service.number;
            let text = format!("do fs.link(\"/sim/s{n}/current\", to: \"/sim/s{n}/new\")");
            let back = format!("do fs.link(\"/sim/s{n}/current\", to: was_s{n})");
            let mut undo = Vec::new();
            if let Some((state, false)) = service.writes
                && !restored.contains(&state)
            {
                restored.push(state);
                undo.push(format!("do backup.restore(snap_{state}) within 1m"));
            }
            undo.push(back);
            let line = match style {
                Style::Branch => Line::of(text),
                Style::Undos | Style::Restart => Line {
                    undo: Undo::Does(undo),
                    ..Line::of(text)
                },
            };
            book.steps.push(Step::new(format!("switch_{n}"), vec![line]));
        }
    }

    fn branch(&mut self, services: &[Service], from: String, book: &mut Book) {
        let mut lines = Vec::new();
        lines.extend(services.iter().map(|service| action(&stop(service.number))));
        let states = states_of(services);
        lines.extend(states.iter().map(|n| format!("do backup.restore(snap_{n}) within 1m")));
        let pinned = services.iter().filter(|service| service.has_pin);
        lines.extend(pinned.map(|service| {
            let n = service.number;
            format!("do fs.link(\"/sim/s{n}/current\", to: was_s{n}) within 30s")
        }));
        if self.chance.percent(50) {
            let begun = services.iter().filter(|service| service.is_begun);
            lines.extend(begun.map(|service| start(service.number)));
        }
        lines.push("unwind".to_owned());
        let until = book.steps.last().map_or_else(|| from.clone(), |step| step.name.clone());
        book.branch = Some(Branch { from, until, lines });
        (book.on_failure, book.on_interrupt) = ("rollback before", "rollback before");
    }

    /// A step of things beside services.
    fn plain(&mut self) -> Step {
        let name = format!("p{}", self.next());
        let mut lines = Vec::new();
        for _ in 0..=self.chance.below(3) {
            lines.extend(self.part());
        }
        Step::new(name, lines)
    }

    /// Statements that belong together, with what takes them back.
    fn part(&mut self) -> Vec<Line> {
        if self.chance.percent(55) {
            self.change_of_file()
        } else {
            self.other_part()
        }
    }

    fn change_of_file(&mut self) -> Vec<Line> {
        let n = self.next();
        let (file, link, own) = (self.chance.of(&FILES), self.chance.of(&LINKS), format!("/sim/own-{n}"));
        match self.chance.below(9) {
            0 | 1 => vec![
                Line::of(format!("let was_{n} = fs.target(\"{link}\")")),
                Line::undone(
                    format!("do fs.link(\"{link}\", to: \"/sim/new-{n}\")"),
                    &[&format!("do fs.link(\"{link}\", to: was_{n})")],
                ),
            ],
            2 => vec![
                Line::of(format!("let was_{n} = fs.key(\"{file}\", key: \"k\")")),
                Line::undone(
                    format!("do fs.edit_key(\"{file}\", key: \"k\", to: \"{n}\")"),
                    &[&format!("do fs.edit_key(\"{file}\", key: \"k\", to: was_{n})")],
                ),
            ],
            3 => vec![Line::undone(
                format!("do fs.write(\"{own}\", content: \"{n}\")"),
                &[&format!("do fs.remove(\"{own}\")")],
            )],
            4 => vec![
                Line::of(format!("let was_{n} = fs.read(\"{file}\")")),
                Line::undone(
                    format!("do fs.write(\"{file}\", content: \"{n}\")"),
                    &[&format!("do fs.write(\"{file}\", content: was_{n})")],
                ),
            ],
            5 => vec![
                copied(file, &own),
                Line::undone(
                    format!("do fs.edit_key(\"{file}\", key: \"k\", to: \"{n}\")"),
                    &[&copied_back(&own, file)],
                ),
            ],
            6 => vec![
                Line::undone(
                    format!("do fs.mkdir(\"{own}\")"),
                    &[&format!("do fs.remove(\"{own}\")")],
                ),
                Line::undone(
                    format!("do fs.write(\"{own}/x\", content: \"{n}\")"),
                    &[&format!("do fs.remove(\"{own}/x\")")],
                ),
            ],
            7 => vec![
                copied(file, &own),
                Line::undone(format!("do fs.remove(\"{file}\")"), &[&copied_back(&own, file)]),
            ],
            8 => vec![Line {
                undo: Undo::Excused,
                ..Line::of(format!("do fs.write(\"{file}\", content: \"{n}\")"))
            }],
            _ => vec![Line::undone(
                format!("do fs.write(\"{file}\", content: \"{n}\")"),
                &[&format!("do fs.remove(\"{file}\")")],
            )],
        }
    }

    fn other_part(&mut self) -> Vec<Line> {
        let n = self.next();
        let (tree, own) = (self.chance.of(&TREES), format!("/sim/own-{n}"));
        let program = |effect: String| format!("do \"Run it\": exec.run([\"make\", \"{n}\"], effects: {{ {effect} }})");
        match self.chance.below(7) {
            0 => vec![
                copied(tree, &own),
                Line::undone(
                    program(format!("edits tree(\"{tree}\") repeat convergent")),
                    &[&copied_back(&own, tree)],
                ),
            ],
            1 => vec![Line::of(program(format!("adds file(\"{own}\") repeat once")))],
            2 => vec![Line::undone(
                format!("do fs.mkdir(\"{tree}\")"),
                &[&format!("do fs.remove(\"{tree}\")")],
            )],
            3 => vec![Line::of(format!("ask \"Is {n} right?\" confirm"))],
            4 => vec![Line::undone(
                program(format!("sets file(\"{own}\") to \"{n}\" repeat convergent")),
                &[&format!("do fs.remove(\"{own}\")")],
            )],
            _ => vec![Line::of(format!(
                "check \"it is there {n}\": fs.exists(\"/sim/there-{n}\")"
            ))],
        }
    }

    /// What is said of steps: guards, retries, what failures lead to, tables, what waits for what.
    fn vary(&mut self, book: &mut Book) {
        let is_together = self.chance.percent(15);
        let kept = ["take ", "release "];
        for place in 0..book.steps.len() {
            let is_plain = book.steps[place].name.starts_with('p');
            let mut chosen = |percent: usize| self.chance.percent(percent);
            let (guards, asks, continues, parks, retries) =
                (chosen(6), chosen(5), is_plain && chosen(8), chosen(4), chosen(20));
            let (is_free, has_table) = (is_plain && chosen(20), chosen(10));
            let number = self.next();
            let step = &mut book.steps[place];
            let has_hold = step
                .lines
                .iter()
                .any(|line| kept.iter().any(|word| line.text.starts_with(word)));
            if is_together && !is_plain && !has_hold {
                step.lines
                    .insert(0, Line::of("only when in_0 because \"it is wanted\""));
                self.inputs = self.inputs.max(1);
            } else if guards && !has_hold {
                let input = self.inputs;
                self.inputs += 1;
                step.lines
                    .insert(0, Line::of(format!("only when in_{input} because \"it is wanted\"")));
            } else if asks && !has_hold {
                step.lines.insert(
                    0,
                    Line::of(format!(
                        "skip when fs.exists(\"/sim/done-{number}\") because \"it is done\""
                    )),
                );
            }
            if continues {
                step.on_failure = Some("continue because \"it is nice to have\"");
            } else if parks {
                step.on_failure = Some("park half");
            }
            step.lines
                .iter_mut()
                .for_each(|line| line.retries = retries && !line.text.contains("repeat once"));
            if is_free {
                step.after = Some(Vec::new());
            }
            if has_table {
                let (step, first) = (step.name.clone(), self.row());
                book.tables.push(Table { step, first });
            }
        }
    }

    /// What a row does first.
    fn row(&mut self) -> Vec<Line> {
        if self.chance.percent(50) {
            return self.part().into_iter().filter(Line::is_action).collect();
        }
        let link = self.chance.of(&LINKS);
        vec![Line {
            undo: Undo::Excused,
            ..Line::of(format!("do fs.link(\"{link}\", to: \"/sim/healed\")"))
        }]
    }
}

/// Copies a thing to a place of its own.
fn copied(from: &str, own: &str) -> Line {
    Line::undone(
        format!("do fs.copy(\"{from}\", to: \"{own}\")"),
        &[&format!("do fs.remove(\"{own}\")")],
    )
}

fn copied_back(own: &str, of: &str) -> String {
    format!("do fs.copy(\"{own}\", to: \"{of}\")")
}

/// The numbers of the states that these write.
fn states_of(services: &[Service]) -> Vec<usize> {
    let mut states: Vec<usize> = services.iter().filter_map(|service| Some(service.writes?.0)).collect();
    states.dedup();
    states
}

/// What gives a service its traffic, or takes it away.
fn traffic(effect: &str, n: usize) -> String {
    format!("exec.run([\"{effect}\", \"s{n}\"], effects: {{ {effect} s{n} repeat convergent }})")
}

fn action(call: &str) -> String {
    if call.starts_with("exec") {
        format!("do \"Do it\": {call}")
    } else {
        format!("do {call}")
    }
}

fn stop(n: usize) -> String {
    format!("process.stop(s{n}, grace: 5s)")
}

fn start(n: usize) -> String {
    format!("do process.start(s{n}, [\"/sim/s{n}/current/serve\"])")
}
