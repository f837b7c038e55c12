//! `for each x in [a, b] one at a time { step … }`: its steps once for each element, before anything else is made of
//! the text.
//!
//! The step `install` becomes `install[a]` and `install[b]`. Every step of a turn waits for all of the turn before.
//! What a step binds is known within its turn alone. Elsewhere in the runbook the name of the step means each of them,
//! and where a way back begins or ends the first or the last.

mod replace;

use std::collections::{BTreeMap, BTreeSet};
use std::mem;

use crate::ast::{Expr, ExprKind, File, ForEach, Item, ItemKind, Name, Step};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::source::Spanned;

use replace::{Instead, Names, bound, dotted, in_host, in_statements};

/// The most elements of one list.
pub const ELEMENTS_MAX: usize = 1_000;

/// The most steps that come out of one runbook's lists.
pub const STEPS_MAX: usize = 10_000;

/// The longest part of an element that is shown in the name of a step, in characters.
const LABEL_CHARACTERS_MAX: usize = 40;

/// Writes every `for each` of a runbook out. What cannot be written out stays, and is told.
pub fn unroll(file: &mut File, diagnostics: &mut Diagnostics) {
    let is_loop = |item: &Item| matches!(item.kind, ItemKind::ForEach(_));
    if !file.items.iter().any(is_loop) {
        return;
    }
    let known = known_names(file);
    let mut turns: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut steps = 0;
    for item in mem::take(&mut file.items) {
        let ItemKind::ForEach(each) = &item.kind else {
            file.items.push(item);
            continue;
        };
        if known.contains(&each.variable.value) {
            let message = format!("`{}` is something else in this runbook", each.variable.value);
            let found = Diagnostic::error("duplicate-name", each.variable.span, message);
            diagnostics.push(found.help("give the element a name of its own"));
        }
        match elements(each, &mut steps, diagnostics) {
            Some(elements) => file.items.extend(written_out(&item, each, &elements, &mut turns)),
            None => file.items.push(item),
        }
    }
    for item in &mut file.items {
        name_turns(item, &turns);
    }
}

/// The names of values and things that an element cannot have too.
fn known_names(file: &File) -> BTreeSet<String> {
    let mut known = BTreeSet::new();
    for item in &file.items {
        match &item.kind {
            ItemKind::Inputs(inputs) => known.extend(inputs.iter().map(|input| input.name.value.clone())),
            ItemKind::Service(service) => known.extend([service.name.value.clone()]),
            ItemKind::Protect(state) => known.extend([state.name.value.clone()]),
            ItemKind::Anchor(anchor) => known.extend([anchor.name.value.clone()]),
            _ => {}
        }
    }
    known
}

/// The elements with what each is called in the names of its steps; `None` where they cannot be known here.
fn elements<'a>(
    each: &'a ForEach,
    steps: &mut usize,
    diagnostics: &mut Diagnostics,
) -> Option<Vec<(String, &'a Expr)>> {
    let ExprKind::List(list) = &each.list.kind else {
        let message = "`for each` over what is no list written out here is part of the language, but this program does \
                       not carry it out yet";
        let found = Diagnostic::error("not-supported-yet", each.list.span, message);
        diagnostics.push(found.help("write the elements out: `for each x in [a, b] one at a time { … }`"));
        return None;
    };
    *steps += list.len().saturating_mul(each.steps.len());
    if list.len() > ELEMENTS_MAX || *steps > STEPS_MAX {
        let message = format!(
            "{} elements are too many: a list has at most {ELEMENTS_MAX}, and all of them make at most {STEPS_MAX} steps",
            list.len()
        );
        let found = Diagnostic::error("too-large", each.list.span, message);
        diagnostics.push(found.help("split the runbook"));
        return None;
    }
    if list.is_empty() {
        let found = Diagnostic::error(
            "no-steps",
            each.list.span,
            "this list is empty, so nothing would be done",
        );
        diagnostics.push(found.help("name at least one element"));
    }
    let mut labels = BTreeMap::new();
    let mut found = Vec::new();
    for (place, element) in list.iter().enumerate() {
        let label = label(element).unwrap_or_else(|| (place + 1).to_string());
        if let Some(first) = labels.insert(label.clone(), element.span) {
            let message = format!("`{label}` stands in this list twice");
            let told = Diagnostic::error("duplicate-name", element.span, message);
            diagnostics.push(told.related(first, "the first is here"));
            continue;
        }
        found.push((label, element));
    }
    Some(found)
}

/// What an element is called; `None` where only its place in the list can say it.
fn label(element: &Expr) -> Option<String> {
    let written = match &element.kind {
        ExprKind::Text(text) => text.clone(),
        ExprKind::Int(number) => number.to_string(),
        _ => dotted(element)?,
    };
    let is_plain = |one: char| one.is_alphanumeric() || matches!(one, '_' | '-' | '.' | ':' | '@');
    let is_short = written.chars().count() <= LABEL_CHARACTERS_MAX;
    (is_short && !written.is_empty() && written.chars().all(is_plain)).then_some(written)
}

fn in_turn(name: &str, label: &str) -> String {
    format!("{name}[{label}]")
}

fn written_out(
    item: &Item,
    each: &ForEach,
    elements: &[(String, &Expr)],
    turns: &mut BTreeMap<String, Vec<String>>,
) -> Vec<Item> {
    let own: BTreeSet<&str> = each.steps.iter().map(|(_, step)| step.name.value.as_str()).collect();
    let mut found = Vec::new();
    let mut before: Vec<String> = Vec::new();
    for (label, element) in elements {
        let mut names: Names<'_> = BTreeMap::new();
        let all_bound = each.steps.iter().flat_map(|(_, step)| bound(&step.body));
        names.extend(all_bound.map(|name| (name.value.as_str(), Instead::Name(in_turn(&name.value, label)))));
        names.insert(&each.variable.value, Instead::Value((*element).clone()));
        let mut turn = Vec::new();
        for (doc, step) in &each.steps {
            let mut step: Step = step.clone();
            let whole = in_turn(&step.name.value, label);
            turns
                .entry(mem::replace(&mut step.name.value, whole.clone()))
                .or_default()
                .push(whole.clone());
            if let Some(title) = &mut step.title {
                title.value = format!("{} ({label})", title.value);
            }
            if let Some(after) = &mut step.after {
                let span = after.first().map_or(step.name.span, |first| first.span);
                for name in after.iter_mut().filter(|name| own.contains(name.value.as_str())) {
                    name.value = in_turn(&name.value, label);
                }
                after.extend(before.iter().map(|name| Spanned::new(name.clone(), span)));
            }
            step.host.iter_mut().for_each(|host| in_host(host, &names));
            in_statements(&mut step.body, &names);
            turn.push(whole);
            // What stands before the loop is about its first step.
            let is_first = found.is_empty();
            found.push(Item {
                doc: doc.clone(),
                allows: if is_first { item.allows.clone() } else { Vec::new() },
                span: if is_first { item.span } else { step.name.span },
                kind: ItemKind::Step(step),
            });
        }
        before = turn;
    }
    found
}

/// Outside of its loop the name of a step means each of its turns.
fn name_turns(item: &mut Item, turns: &BTreeMap<String, Vec<String>>) {
    let all = |names: &mut Vec<Name>| {
        let written = mem::take(names);
        for name in written {
            match turns.get(&name.value) {
                Some(turns) => names.extend(turns.iter().map(|turn| Spanned::new(turn.clone(), name.span))),
                None => names.push(name),
            }
        }
    };
    let one = |name: &mut Name, pick: fn(&[String]) -> Option<&String>| {
        if let Some(turn) = turns.get(&name.value).and_then(|turns| pick(turns)) {
            name.value.clone_from(turn);
        }
    };
    match &mut item.kind {
        ItemKind::Step(step) => step.after.iter_mut().for_each(all),
        ItemKind::Symptoms(table) => all(&mut table.steps),
        ItemKind::Rollback(branch) => {
            if let Some((from, until)) = &mut branch.applies {
                one(from, <[String]>::first);
                one(until, <[String]>::last);
            }
        }
        ItemKind::Watch(watch) => {
            one(&mut watch.from, <[String]>::first);
            one(&mut watch.until, <[String]>::last);
        }
        ItemKind::Scenario(scenario) => {
            for inject in &mut scenario.injects {
                one(&mut inject.step, <[String]>::first);
            }
        }
        _ => {}
    }
}
