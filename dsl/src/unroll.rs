//! `for each x in [a, b] one at a time { step … }`: its steps once for each element, before anything else is made of
//! the text.
//!
//! A list that is an input has as many elements as it is given. A text is proved for every length that its bound
//! allows ([`Lengths::each_of`]), and a plan is made of the text with the lengths that it has.
//!
//! The step `install` becomes `install[a]` and `install[b]`. Every step of a turn waits for all of the turn before.
//! What a step binds is known within its turn alone. Elsewhere in the runbook the name of the step means each of them,
//! and where a way back begins or ends the first or the last.

mod replace;

use std::collections::{BTreeMap, BTreeSet};
use std::mem;

use crate::ast::{Expr, ExprKind, File, ForEach, Item, ItemKind, Name, Step, TypeExprKind};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::source::Spanned;

use replace::{Instead, Names, bound, dotted, in_host, in_statements};

/// The most elements of one list.
pub const ELEMENTS_MAX: usize = 1_000;

/// The most steps that come out of one runbook's lists.
pub const STEPS_MAX: usize = 10_000;

/// The longest part of an element that is shown in the name of a step, in characters.
const LABEL_CHARACTERS_MAX: usize = 40;

/// So many combinations of lengths are proved at most: the text is compiled for each.
pub const LENGTHS_MAX: u64 = 32;

/// How many elements the lists have that are inputs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lengths(pub BTreeMap<String, u64>);

impl Lengths {
    /// Every combination of lengths that the bounds of the lists allow which steps are done for, the longest last;
    /// one without any where no list is an input, or where there are more than are proved. An empty list is refused
    /// when it is given.
    pub fn each_of(file: &File) -> Vec<Self> {
        let bounds = bounds(file);
        let count = bounds.values().try_fold(1_u64, |count, most| count.checked_mul(*most));
        if count.is_none_or(|count| count > LENGTHS_MAX) {
            return vec![Self::default()];
        }
        let mut found = vec![Self::default()];
        for (input, most) in bounds {
            found = found
                .into_iter()
                .flat_map(|known| {
                    let input = &input;
                    (1..=most).map(move |length| {
                        let mut lengths = known.clone();
                        lengths.0.insert(input.clone(), length);
                        lengths
                    })
                })
                .collect();
        }
        found
    }
}

/// The lists that are inputs and that steps are done for, with the most elements each may have.
fn bounds(file: &File) -> BTreeMap<String, u64> {
    let mut found = BTreeMap::new();
    for item in &file.items {
        if let ItemKind::ForEach(each) = &item.kind
            && let ExprKind::Name(name) = &each.list.kind
            && let Some(most) = bound_of(file, name)
        {
            found.insert(name.clone(), most);
        }
    }
    found
}

/// The bound of an input `list of T at most N`.
fn bound_of(file: &File, name: &str) -> Option<u64> {
    let inputs = file.items.iter().filter_map(|item| match &item.kind {
        ItemKind::Inputs(inputs) => Some(inputs),
        _ => None,
    });
    let input = inputs.flatten().find(|input| input.name.value == name)?;
    match &input.ty.kind {
        TypeExprKind::List(_, Some(most)) => u64::try_from(*most).ok().filter(|most| *most > 0),
        _ => None,
    }
}

/// Writes every `for each` of a runbook out, with these lengths of its inputs. What cannot be written out stays, and is
/// told.
pub fn unroll(file: &mut File, lengths: &Lengths, diagnostics: &mut Diagnostics) {
    let is_loop = |item: &Item| matches!(item.kind, ItemKind::ForEach(_));
    if !file.items.iter().any(is_loop) {
        return;
    }
    let known = known_names(file);
    let inputs = bounds(file);
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
        let list = list_of(each, lengths, &inputs, diagnostics);
        match list.and_then(|list| elements(each, &list, &mut steps, diagnostics)) {
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

/// The elements of a list, also of one that is an input: `webs.1`; `None` where they cannot be known here.
fn list_of(
    each: &ForEach,
    lengths: &Lengths,
    inputs: &BTreeMap<String, u64>,
    diagnostics: &mut Diagnostics,
) -> Option<Vec<Expr>> {
    let span = each.list.span;
    let name = match &each.list.kind {
        ExprKind::List(list) => return Some(list.clone()),
        ExprKind::Name(name) => name,
        _ => "",
    };
    if let Some(length) = lengths.0.get(name) {
        let element = |place: u64| Expr {
            kind: ExprKind::Field(Box::new(each.list.clone()), Spanned::new(place.to_string(), span)),
            span,
        };
        return Some((1..=*length).map(element).collect());
    }
    if inputs.contains_key(name) {
        let message = format!(
            "these lists may have more than {LENGTHS_MAX} combinations of lengths, and the steps are proved for each"
        );
        let found = Diagnostic::error("too-large", span, message);
        diagnostics.push(found.help("let the inputs be `at most` fewer, or split the runbook"));
        return None;
    }
    let message = "`for each` goes over a list that is known before the plan: written out here, or an input of type `list of T at most N`";
    let found = Diagnostic::error("wrong-type", span, message);
    diagnostics.push(found.help("write the elements out: `for each x in [a, b] one at a time { … }`"));
    None
}

/// The elements with what each is called in the names of its steps; `None` where there are too many.
fn elements(
    each: &ForEach,
    list: &[Expr],
    steps: &mut usize,
    diagnostics: &mut Diagnostics,
) -> Option<Vec<(String, Expr)>> {
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
        found.push((label, element.clone()));
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
    elements: &[(String, Expr)],
    turns: &mut BTreeMap<String, Vec<String>>,
) -> Vec<Item> {
    let own: BTreeSet<&str> = each.steps.iter().map(|(_, step)| step.name.value.as_str()).collect();
    let mut found = Vec::new();
    let mut before: Vec<String> = Vec::new();
    for (label, element) in elements {
        let mut names: Names<'_> = BTreeMap::new();
        let all_bound = each.steps.iter().flat_map(|(_, step)| bound(&step.body));
        names.extend(all_bound.map(|name| (name.value.as_str(), Instead::Name(in_turn(&name.value, label)))));
        names.insert(&each.variable.value, Instead::Value(element.clone()));
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
