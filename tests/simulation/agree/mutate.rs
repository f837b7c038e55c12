//! Ways to break a runbook, and to make it smaller.

use super::book::{Book, Line, Undo};
use crate::support::chance::Chance;

/// Breaks it at one place; what comes out may be no runbook at all.
pub(super) fn mutate(book: &mut Book, chance: &mut Chance) {
    let steps = book.steps.len();
    let step = chance.below(steps);
    let line = chance.below(book.steps[step].lines.len());
    let lines = &mut book.steps[step].lines;
    match chance.below(17) {
        7 | 8 => mutate_branch(book, step, chance),
        0 | 1 if !lines.is_empty() => drop(lines.remove(line)),
        2 if line + 1 < lines.len() => lines.swap(line, line + 1),
        3 if step + 1 < steps => book.steps.swap(step, step + 1),
        4 if !lines.is_empty() => lines[line].undo = Undo::Unsaid,
        5 if !lines.is_empty() => lines[line].undo = Undo::Excused,
        6 => {
            if let Some(Undo::Does(undo)) = lines.get_mut(line).map(|line| &mut line.undo) {
                let at = chance.below(undo.len());
                if undo.is_empty() {
                    // An earlier one has taken all of it.
                } else if chance.percent(50) || undo.len() < 2 {
                    undo.remove(at);
                } else {
                    undo.rotate_left(1);
                }
            }
        }
        9 if !lines.is_empty() => {
            let moved = lines.remove(line);
            let to = chance.below(book.steps.len());
            let at = chance.below(book.steps[to].lines.len() + 1);
            book.steps[to].lines.insert(at, moved);
        }
        10 => book.steps[step].on_failure = Some("continue because \"it is nice to have\""),
        11 => {
            let guard = "skip when fs.exists(\"/sim/mutated\") because \"it is done\"";
            book.steps[step].lines.insert(0, Line::of(guard));
        }
        12 => book.steps[step].after = Some(Vec::new()),
        13 if !lines.is_empty() => {
            let again = lines[line].clone();
            let to = chance.below(book.steps.len());
            book.steps[to].lines.push(again);
        }
        14 if !lines.is_empty() && lines[line].is_action() => {
            lines.insert(line, Line::of("commits \"from here on it stays\""));
        }
        15 if steps > 1 => drop(book.steps.remove(step)),
        16 => {
            if let Some(Undo::Does(undo)) = lines.get_mut(line).map(|line| &mut line.undo) {
                for text in undo {
                    if let Some((before, _)) = text.split_once("to: was_") {
                        *text = format!("{before}to: \"/sim/guess\")");
                    }
                }
            }
        }
        _ => {}
    }
}

fn mutate_branch(book: &mut Book, step: usize, chance: &mut Chance) {
    let Some(branch) = &mut book.branch else {
        return;
    };
    let name = book.steps[step].name.clone();
    let at = chance.below(branch.lines.len());
    match chance.below(4) {
        0 => drop(branch.lines.remove(at)),
        1 if at + 1 < branch.lines.len() => branch.lines.swap(at, at + 1),
        2 => branch.from = name,
        _ => branch.until = name,
    }
}

/// Every runbook that is a little smaller.
pub(super) fn smaller(book: &Book) -> Vec<Book> {
    let mut found = Vec::new();
    let mut with = |change: &dyn Fn(&mut Book)| {
        let mut smaller = book.clone();
        change(&mut smaller);
        if smaller != *book {
            found.push(smaller);
        }
    };
    for at in 0..book.tables.len() {
        with(&|book| drop(book.tables.remove(at)));
        for line in 0..book.tables[at].first.len() {
            with(&|book| drop(book.tables[at].first.remove(line)));
        }
    }
    for at in 0..book.steps.len() {
        with(&|book| drop(book.steps.remove(at)));
    }
    for at in 0..book.items.len() {
        with(&|book| drop(book.items.remove(at)));
        for line in 1..book.items[at].lines().count() {
            with(&|book| {
                let lines = book.items[at].lines().enumerate();
                let lines: Vec<&str> = lines
                    .filter(|(place, _)| *place != line)
                    .map(|(_, line)| line)
                    .collect();
                book.items[at] = lines.join("\n");
            });
        }
    }
    for at in 0..book.holds.len() {
        with(&|book| drop(book.holds.remove(at)));
    }
    for at in 0..book.inputs.len() {
        with(&|book| drop(book.inputs.remove(at)));
    }
    smaller_steps(book, &mut with);
    if let Some(branch) = &book.branch {
        with(&|book| {
            book.branch = None;
            (book.on_failure, book.on_interrupt) = ("unwind", "unwind");
        });
        for at in 0..branch.lines.len() {
            with(&|book| {
                if let Some(branch) = &mut book.branch {
                    branch.lines.remove(at);
                }
            });
        }
    } else {
        with(&|book| (book.on_failure, book.on_interrupt) = ("unwind", "unwind"));
    }
    with(&|book| book.has_window = false);
    found
}

fn smaller_steps(book: &Book, with: &mut impl FnMut(&dyn Fn(&mut Book))) {
    for (at, step) in book.steps.iter().enumerate() {
        with(&|book| book.steps[at].on_failure = None);
        with(&|book| book.steps[at].after = None);
        for (line, known) in step.lines.iter().enumerate() {
            with(&|book| drop(book.steps[at].lines.remove(line)));
            with(&|book| book.steps[at].lines[line].retries = false);
            with(&|book| book.steps[at].lines[line].undo = Undo::Unsaid);
            if let Undo::Does(undo) = &known.undo {
                for part in (0..undo.len()).filter(|_| undo.len() > 1) {
                    with(&|book| {
                        if let Undo::Does(undo) = &mut book.steps[at].lines[line].undo {
                            undo.remove(part);
                        }
                    });
                }
            }
        }
    }
}
