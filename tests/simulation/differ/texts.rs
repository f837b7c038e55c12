//! Small random texts over a few paths. The generator knows what is there after each step, so that all goes well
//! but for the one thing that is meant to fail.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use proptest::prelude::*;

/// Each file has a text of its own at the start, and what is written may be that of another.
const TEXTS: [&str; 4] = ["A=1;B=2", "A=3;B=4", "A=5;B=6", "A=7;B=8"];
const VALUES: [&str; 3] = ["1", "3", "9"];
/// Where links lead; always there. Each link leads to its own at the start, since two names of one thing are
/// refused in the real world, and the simulated one knows no such thing.
pub(super) const TARGETS: [&str; 3] = ["t0", "t1", "t2"];
/// What is not there.
const NEVER: [&str; 3] = ["never", "none", "broken"];
/// Files that are always there and that only a broken step names.
pub(super) const ANCHORS: [&str; 2] = ["anchor", "taken"];

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Thing {
    /// Lines of settings, separated by `;`.
    File(String),
    /// Where it leads, below the root.
    Link(String),
    Folder,
}

/// What is there, by path below the root.
pub(super) type Things = BTreeMap<String, Thing>;

/// Numbers that are taken modulo what there is to choose from.
#[derive(Debug, Clone)]
pub(super) struct Choices {
    pub(super) is_there: u16,
    pub(super) steps: Vec<(u8, u8, u8, u8)>,
    pub(super) trouble: Option<(u8, u8)>,
    /// Whether the simulated world hears of what is absent also where the text itself says so.
    pub(super) is_absence_told: bool,
}

pub(super) fn choices() -> impl Strategy<Value = Choices> {
    let step = (any::<u8>(), any::<u8>(), any::<u8>(), any::<u8>());
    (
        any::<u16>(),
        proptest::collection::vec(step, 3..7),
        proptest::option::weighted(0.8, (any::<u8>(), any::<u8>())),
        any::<bool>(),
    )
        .prop_map(|(is_there, steps, trouble, is_absence_told)| Choices {
            is_there,
            steps,
            trouble,
            is_absence_told,
        })
}

/// A text with what is there before it runs.
#[derive(Debug)]
pub(super) struct Book {
    /// `ROOT` stands for the folder.
    pub(super) text: String,
    pub(super) start: Things,
    /// What is not there and what the simulated world is told of.
    pub(super) absent: Vec<String>,
}

/// What can be there at the start; the bit of its place says whether it is.
fn start() -> Vec<(&'static str, Thing)> {
    let file = |text: usize| Thing::File(TEXTS[text].to_owned());
    vec![
        ("f0.env", file(0)),
        ("f1.env", file(1)),
        ("l0", Thing::Link("t0".to_owned())),
        ("l1", Thing::Link("t1".to_owned())),
        ("d0", Thing::Folder),
        ("d0/x.env", file(2)),
        ("d1", Thing::Folder),
        ("d1/l", Thing::Link("t2".to_owned())),
        ("n", file(3)),
    ]
}

impl Book {
    pub(super) fn new(choices: &Choices) -> Self {
        let mut there = Things::new();
        let mut absent = Vec::new();
        for (place, (path, thing)) in start().into_iter().enumerate() {
            let parent = path
                .rsplit_once('/')
                .is_none_or(|(folder, _)| there.contains_key(folder));
            if parent && choices.is_there >> place & 1 == 1 {
                there.insert(path.to_owned(), thing);
            } else {
                absent.push(path.to_owned());
            }
        }
        // What a thing that is moved or copied brings along was not there.
        for (folder, _) in start() {
            let brought = ["l", "x.env"].map(|name| format!("{folder}/{name}"));
            absent.extend(brought.into_iter().filter(|path| !there.contains_key(path)));
        }
        let mut writer = Writer {
            text: "runbook small \"Small\" {\n  window 1h keep 30m for the way back\n}\n".to_owned(),
            start: there.clone(),
            there,
            absent,
            said: Vec::new(),
            named: Vec::new(),
            edited: BTreeSet::new(),
            written: BTreeSet::new(),
            made_links: BTreeSet::new(),
        };
        let trouble_at = choices.trouble.map(|(at, _)| usize::from(at) % choices.steps.len());
        for (place, step) in choices.steps.iter().enumerate() {
            let trouble = choices.trouble.filter(|_| trouble_at == Some(place));
            let _ = write!(writer.text, "\nstep s{place} \"Step {place}\" {{\n  budget 5m\n");
            writer.step(place, *step);
            match trouble.map(|(_, kind)| kind % 9) {
                None => {}
                Some(kind @ 0..7) => writer.broken(kind),
                Some(_) => writer
                    .text
                    .push_str("  check \"it fails\": fs.exists(\"ROOT/never\")\n"),
            }
            writer.text.push_str("}\n");
        }
        let mut absent = writer.absent;
        absent.extend(NEVER.map(str::to_owned));
        if !choices.is_absence_told {
            absent.retain(|path| !writer.said.contains(path));
        }
        Self {
            text: writer.text,
            start: writer.start,
            absent,
        }
    }
}

struct Writer {
    text: String,
    absent: Vec<String>,
    start: Things,
    there: Things,
    /// What the text says was not there: the first that is done to it has an undo that removes it.
    said: Vec<String>,
    named: Vec<String>,
    /// Files with another setting, and files with another text. The simulated world does not know how the two
    /// hang together: no setting of the second is named, and the first are not read as a whole.
    edited: BTreeSet<String>,
    written: BTreeSet<String>,
    /// Links that the run has made. Where a link of the start leads, the simulated world does not know.
    made_links: BTreeSet<String>,
}

fn inside<'a>(path: &'a str, folder: &str) -> Option<&'a str> {
    path.strip_prefix(folder)
        .filter(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn is_settings(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|extension| extension == "env")
}

/// Links have places of their own, so that whatever else is written there is not written elsewhere.
fn is_for_links(path: &str) -> bool {
    path.rsplit('/').next().is_some_and(|name| name.starts_with('l'))
}

fn overlap(one: &str, other: &str) -> bool {
    inside(one, other).is_some() || inside(other, one).is_some()
}

fn pick<T: Clone>(from: &[T], by: u8) -> Option<T> {
    from.get(usize::from(by).checked_rem(from.len())?).cloned()
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace(';', "\\n"))
}

impl Writer {
    fn step(&mut self, place: usize, (what, which, other, undo): (u8, u8, u8, u8)) {
        match what % 10 {
            0 => self.write(place, which, other, undo),
            1 => self.link(place, which, other, undo),
            2 => self.mkdir(which, undo),
            3 => self.copy(place, which, other, undo),
            4 => self.rename(which, other, undo),
            5 => self.edit(place, which, other, undo),
            6 => self.remove(place, which, undo),
            7 => self.saved(place, which, other, undo),
            8 => self.through(place, which, other, undo),
            _ => self.check(which),
        }
    }

    fn paths(&self, is_meant: impl Fn(&str, Option<&Thing>) -> bool) -> Vec<String> {
        let all = start().into_iter().map(|(path, _)| path.to_owned());
        all.filter(|path| is_meant(path, self.there.get(path))).collect()
    }

    fn has_parent(&self, path: &str) -> bool {
        path.rsplit_once('/')
            .is_none_or(|(folder, _)| self.there.get(folder) == Some(&Thing::Folder))
    }

    /// Another folder made there could by chance be the same as that of the start: of what lies in a folder, the
    /// simulated world knows only what is named.
    fn begins_as_folder(&self, path: &str) -> bool {
        self.start.get(path) == Some(&Thing::Folder)
    }

    fn found(&self, is_meant: impl Fn(&Thing) -> bool) -> Vec<String> {
        self.paths(|_, thing| thing.is_some_and(&is_meant))
    }

    fn free(&self) -> Vec<String> {
        self.paths(|path, thing| thing.is_none() && self.has_parent(path))
    }

    /// A change: what goes before it, the change, and its undo.
    fn change(&mut self, before: &str, change: &str, undo: Option<&str>) {
        let undo = undo.map_or_else(
            || "no undo because \"it may stay\"".to_owned(),
            |undo| format!("undo {{ do {undo} }} within 10s"),
        );
        let _ = writeln!(self.text, "{before}  do {change} within 10s {undo}");
    }

    fn names(&mut self, path: &str, is_removed: bool) {
        if is_removed && !self.named.iter().any(|named| overlap(named, path)) && !self.start.contains_key(path) {
            self.said.push(path.to_owned());
        }
        self.named.push(path.to_owned());
    }

    /// What takes back a new text of a file, with what goes before.
    fn put_back(&mut self, place: usize, path: &str, undo: u8, other: u8) -> (String, Option<String>) {
        let text = quoted(TEXTS[usize::from(other) % TEXTS.len()]);
        let read = format!("  let was_{place} = fs.read(\"ROOT/{path}\")\n");
        let back = format!("fs.write(\"ROOT/{path}\", content: was_{place})");
        if !self.there.contains_key(path) {
            let is_removed = !undo.is_multiple_of(4);
            self.names(path, is_removed);
            return (String::new(), is_removed.then(|| format!("fs.remove(\"ROOT/{path}\")")));
        }
        self.names(path, false);
        match undo % 6 {
            2.. if self.edited.contains(path) => (String::new(), None),
            0 => (String::new(), None),
            1 => {
                let other = format!("fs.write(\"ROOT/{path}\", content: {text})");
                (String::new(), Some(other))
            }
            _ => (read, Some(back)),
        }
    }

    fn write(&mut self, place: usize, which: u8, other: u8, undo: u8) {
        let paths = self.paths(|path, thing| {
            is_settings(path) && self.has_parent(path) && matches!(thing, None | Some(Thing::File(_)))
        });
        let Some(path) = pick(&paths, which) else { return };
        let text = TEXTS[usize::from(other) % TEXTS.len()];
        let (before, undo) = self.put_back(place, &path, undo, other.wrapping_add(1));
        let change = format!("fs.write(\"ROOT/{path}\", content: {})", quoted(text));
        self.change(&before, &change, undo.as_deref());
        self.wrote(path, text);
    }

    /// Writes through a link that the run has made: a file that it leads to, or one in a folder that it leads to.
    fn through(&mut self, place: usize, which: u8, other: u8, undo: u8) {
        let links = self.made_links.iter().filter_map(|link| match self.there.get(link)? {
            Thing::Link(to) => match self.there.get(to)? {
                Thing::Folder => Some((format!("{link}/x.env"), format!("{to}/x.env"))),
                Thing::File(_) if is_settings(to) => Some((link.clone(), to.clone())),
                _ => None,
            },
            _ => None,
        });
        let is_free = |path: &String| matches!(self.there.get(path), None | Some(Thing::File(_)));
        let links: Vec<(String, String)> = links.filter(|(_, path)| is_free(path)).collect();
        let Some((name, path)) = pick(&links, which) else {
            return;
        };
        let text = TEXTS[usize::from(other) % TEXTS.len()];
        let (before, undo) = self.put_back(place, &path, undo, other.wrapping_add(1));
        let [path_said, name_said] = [&path, &name].map(|path| format!("\"ROOT/{path}\""));
        let [before, undo] = [before, undo.unwrap_or_default()].map(|text| text.replace(&path_said, &name_said));
        let change = format!("fs.write({name_said}, content: {})", quoted(text));
        self.change(&before, &change, Some(undo.as_str()).filter(|undo| !undo.is_empty()));
        self.wrote(path, text);
    }

    fn wrote(&mut self, path: String, text: &str) {
        self.edited.remove(&path);
        self.written.insert(path.clone());
        self.there.insert(path, Thing::File(text.to_owned()));
    }

    fn link(&mut self, place: usize, which: u8, other: u8, undo: u8) {
        let paths = self.paths(|path, thing| match thing {
            None => is_for_links(path) && self.has_parent(path),
            Some(thing) => matches!(thing, Thing::Link(_)),
        });
        let Some(path) = pick(&paths, which) else { return };
        let mut targets: Vec<String> = TARGETS.map(str::to_owned).to_vec();
        targets.extend(self.found(|thing| !matches!(thing, Thing::Link(_))));
        targets.retain(|target| !overlap(target, &path));
        let target = pick(&targets, other).unwrap_or_default();
        let (mut before, mut back) = (String::new(), None);
        if self.there.contains_key(&path) {
            self.names(&path, false);
            match undo % 6 {
                0 => {}
                1 => back = Some(format!("fs.link(\"ROOT/{path}\", to: \"ROOT/t1\")")),
                _ => {
                    before = format!("  let was_{place} = fs.target(\"ROOT/{path}\")\n");
                    back = Some(format!("fs.link(\"ROOT/{path}\", to: was_{place})"));
                }
            }
        } else {
            let is_removed = !undo.is_multiple_of(4);
            self.names(&path, is_removed);
            back = is_removed.then(|| format!("fs.remove(\"ROOT/{path}\")"));
        }
        let change = format!("fs.link(\"ROOT/{path}\", to: \"ROOT/{target}\")");
        self.change(&before, &change, back.as_deref());
        self.made_links.insert(path.clone());
        self.there.insert(path, Thing::Link(target));
    }

    fn mkdir(&mut self, which: u8, undo: u8) {
        let paths = self.paths(|path, thing| {
            let holder = path.rsplit_once('/').map(|(folder, _)| self.there.get(folder));
            let is_fine = holder.is_none_or(|holder| matches!(holder, None | Some(Thing::Folder)));
            let is_anew = thing.is_none() && self.begins_as_folder(path);
            is_fine
                && !is_anew
                && !is_settings(path)
                && !is_for_links(path)
                && matches!(thing, None | Some(Thing::Folder))
        });
        let Some(path) = pick(&paths, which) else { return };
        let is_removed = !self.there.contains_key(&path) && !undo.is_multiple_of(4);
        self.names(&path, is_removed);
        let back = is_removed.then(|| format!("fs.remove(\"ROOT/{path}\")"));
        self.change("", &format!("fs.mkdir(\"ROOT/{path}\")"), back.as_deref());
        if let Some((folder, _)) = path.rsplit_once('/') {
            self.there.insert(folder.to_owned(), Thing::Folder);
        }
        self.there.insert(path, Thing::Folder);
    }

    fn copy(&mut self, place: usize, which: u8, other: u8, undo: u8) {
        let Some(from) = pick(&self.found(|thing| !matches!(thing, Thing::Link(_))), which) else {
            return;
        };
        let is_file = matches!(self.there.get(&from), Some(Thing::File(_)));
        let paths = self.paths(|path, thing| {
            let can_be = thing.is_none() || (is_file && matches!(thing, Some(Thing::File(_))));
            let is_anew = !is_file && self.begins_as_folder(path);
            can_be && !is_anew && !is_for_links(path) && self.has_parent(path) && !overlap(path, &from)
        });
        let Some(to) = pick(&paths, other) else { return };
        self.names(&from, false);
        let (before, back) = self.put_back(place, &to, undo, other.wrapping_add(1));
        let change = format!("fs.copy(\"ROOT/{from}\", to: \"ROOT/{to}\")");
        self.change(&before, &change, back.as_deref());
        self.put(&from, &to);
    }

    fn rename(&mut self, which: u8, other: u8, undo: u8) {
        let Some(from) = pick(&self.found(|_| true), which) else {
            return;
        };
        let is_folder = self.there.get(&from) == Some(&Thing::Folder);
        let is_link = is_for_links(&from);
        let mut paths = self.free();
        paths.retain(|path| {
            !overlap(path, &from) && is_link == is_for_links(path) && !(is_folder && self.begins_as_folder(path))
        });
        let Some(to) = pick(&paths, other) else { return };
        let is_back = !undo.is_multiple_of(4);
        self.names(&from, false);
        self.names(&to, is_back);
        let back = is_back.then(|| format!("fs.move(\"ROOT/{to}\", to: \"ROOT/{from}\")"));
        let change = format!("fs.move(\"ROOT/{from}\", to: \"ROOT/{to}\")");
        self.change("", &change, back.as_deref());
        self.put(&from, &to);
        self.take(&from);
    }

    fn edit(&mut self, place: usize, which: u8, other: u8, undo: u8) {
        let mut files = self.found(|thing| matches!(thing, Thing::File(_)));
        files.retain(|path| is_settings(path) && !self.written.contains(path));
        let Some(path) = pick(&files, which) else { return };
        let key = if other & 1 == 0 { "A" } else { "B" };
        let value = VALUES[usize::from(other / 2) % VALUES.len()];
        self.names(&path, false);
        let (before, back) = match undo % 6 {
            0 => (String::new(), None),
            1 if !self.edited.contains(&path) => {
                let read = format!("  let was_{place} = fs.read(\"ROOT/{path}\")\n");
                (read, Some(format!("fs.write(\"ROOT/{path}\", content: was_{place})")))
            }
            2 => {
                let back = format!("fs.edit_key(\"ROOT/{path}\", key: \"{key}\", to: \"{}\")", VALUES[0]);
                (String::new(), Some(back))
            }
            _ => {
                let read = format!("  let was_{place} = fs.key(\"ROOT/{path}\", key: \"{key}\")\n");
                let back = format!("fs.edit_key(\"ROOT/{path}\", key: \"{key}\", to: was_{place})");
                (read, Some(back))
            }
        };
        let change = format!("fs.edit_key(\"ROOT/{path}\", key: \"{key}\", to: \"{value}\")");
        self.change(&before, &change, back.as_deref());
        self.edited.insert(path.clone());
        if let Some(Thing::File(text)) = self.there.get_mut(&path) {
            let lines = text.split(';').map(|line| match line.split_once('=') {
                Some((name, _)) if name == key => format!("{key}={value}"),
                _ => line.to_owned(),
            });
            *text = lines.collect::<Vec<_>>().join(";");
        }
    }

    fn remove(&mut self, place: usize, which: u8, undo: u8) {
        let Some(path) = pick(&self.found(|_| true), which) else {
            return;
        };
        self.names(&path, false);
        let (before, back) = match self.there.get(&path) {
            Some(Thing::File(_)) if !undo.is_multiple_of(4) && !self.edited.contains(&path) => (
                format!("  let was_{place} = fs.read(\"ROOT/{path}\")\n"),
                Some(format!("fs.write(\"ROOT/{path}\", content: was_{place})")),
            ),
            Some(Thing::Link(_)) if !undo.is_multiple_of(4) => (
                format!("  let was_{place} = fs.target(\"ROOT/{path}\")\n"),
                Some(format!("fs.link(\"ROOT/{path}\", to: was_{place})")),
            ),
            _ => (String::new(), None),
        };
        self.change(&before, &format!("fs.remove(\"ROOT/{path}\")"), back.as_deref());
        self.take(&path);
    }

    /// A copy is kept, the thing is removed or written anew, and the undo puts the copy in its place.
    fn saved(&mut self, place: usize, which: u8, other: u8, undo: u8) {
        let Some(path) = pick(&self.found(|thing| !matches!(thing, Thing::Link(_))), which) else {
            return;
        };
        self.names(&path, false);
        let copy = format!("kept-{place}");
        self.names(&copy, !undo.is_multiple_of(4));
        self.absent.push(copy.clone());
        let copy = format!("ROOT/{copy}");
        let kept = (!undo.is_multiple_of(4)).then(|| format!("fs.remove(\"{copy}\")"));
        self.change(
            "",
            &format!("fs.copy(\"ROOT/{path}\", to: \"{copy}\")"),
            kept.as_deref(),
        );
        let back = format!("fs.copy(\"{copy}\", to: \"ROOT/{path}\")");
        if matches!(self.there.get(&path), Some(Thing::File(_))) && other & 1 == 0 {
            let text = TEXTS[usize::from(other / 2) % TEXTS.len()];
            let change = format!("fs.write(\"ROOT/{path}\", content: {})", quoted(text));
            self.change("", &change, Some(&back));
            self.wrote(path, text);
        } else {
            self.change("", &format!("fs.remove(\"ROOT/{path}\")"), Some(&back));
            self.take(&path);
        }
    }

    fn check(&mut self, which: u8) {
        // What is not there and was named is known to be away; of what was never named nothing is known.
        let paths = self.paths(|path, thing| thing.is_some() || self.named.iter().any(|named| named == path));
        let Some(path) = pick(&paths, which) else { return };
        let not = if self.there.contains_key(&path) { "" } else { "not " };
        self.names(&path, false);
        let _ = writeln!(self.text, "  check \"as expected\": {not}fs.exists(\"ROOT/{path}\")");
    }

    /// An action that cannot be done.
    fn broken(&mut self, kind: u8) {
        let (change, undo) = match kind {
            0 => (
                "fs.write(\"ROOT/none/x\", content: \"x\")",
                Some("fs.remove(\"ROOT/none/x\")"),
            ),
            1 => (
                "fs.link(\"ROOT/broken\", to: \"ROOT/none\")",
                Some("fs.remove(\"ROOT/broken\")"),
            ),
            2 => ("fs.edit_key(\"ROOT/anchor\", key: \"C\", to: \"1\")", None),
            3 => (
                "fs.copy(\"ROOT/none\", to: \"ROOT/broken\")",
                Some("fs.remove(\"ROOT/broken\")"),
            ),
            4 => ("fs.move(\"ROOT/anchor\", to: \"ROOT/taken\")", None),
            5 => (
                "fs.write(\"ROOT/anchor\", content: \"x\")",
                Some("fs.remove(\"ROOT/anchor\")"),
            ),
            _ => ("fs.mkdir(\"ROOT/anchor/x\")", Some("fs.remove(\"ROOT/anchor/x\")")),
        };
        self.change("", change, undo);
    }

    fn put(&mut self, from: &str, to: &str) {
        self.take(to);
        let moved = |path: &String| Some(format!("{to}{}", inside(path, from)?));
        let copied = self.there.iter();
        let copied: Things = copied
            .filter_map(|(path, thing)| Some((moved(path)?, thing.clone())))
            .collect();
        self.there.extend(copied);
        for paths in [&mut self.edited, &mut self.written, &mut self.made_links] {
            let copied: Vec<String> = paths.iter().filter_map(moved).collect();
            paths.extend(copied);
        }
    }

    fn take(&mut self, path: &str) {
        self.there.retain(|known, _| inside(known, path).is_none());
        for paths in [&mut self.edited, &mut self.written, &mut self.made_links] {
            paths.retain(|known| inside(known, path).is_none());
        }
    }
}
