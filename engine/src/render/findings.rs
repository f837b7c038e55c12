//! Findings of the compiler as text: the line, the place under it, other places, what to do.

use std::collections::BTreeMap;
use std::ops::Range;

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Patch, Renderer, Snippet};
use backstay_dsl::diagnostic::{Diagnostic, Help, Severity};
use backstay_dsl::source::{SourceId, SourceMap, Span};

/// How many findings are shown in full; the rest is counted.
const SHOWN_MAX: usize = 50;
/// Places further apart than this are shown each on its own, so that a huge text is not laid out whole.
const SNIPPET_BYTES_MAX: usize = 64 << 10;

/// All findings, each in full, and a last line that counts them.
pub fn findings(sources: &SourceMap, findings: &[Diagnostic], has_colour: bool) -> String {
    let renderer = if has_colour {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    let mut text = String::new();
    for finding in findings.iter().take(SHOWN_MAX) {
        text.push_str(&renderer.render(&groups(sources, finding)));
        text.push_str("\n\n");
    }
    text.push_str(&count(findings));
    text
}

fn count(findings: &[Diagnostic]) -> String {
    let Some(first) = findings.first() else {
        return String::new();
    };
    let hidden = match findings.len().saturating_sub(SHOWN_MAX) {
        0 => String::new(),
        hidden => format!("… and {hidden} more\n"),
    };
    let numbers: Vec<String> = [(Severity::Error, "error"), (Severity::Warning, "warning")]
        .into_iter()
        .filter_map(|(severity, word)| {
            let number = findings.iter().filter(|finding| finding.severity == severity).count();
            match number {
                0 => None,
                1 => Some(format!("1 {word}")),
                _ => Some(format!("{number} {word}s")),
            }
        })
        .collect();
    let slug = first.slug;
    format!(
        "{hidden}{}; to understand one: backstay explain {slug}\n",
        numbers.join(", ")
    )
}

fn groups<'a>(sources: &'a SourceMap, finding: &'a Diagnostic) -> Vec<Group<'a>> {
    let level = match finding.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut places = vec![(finding.span, finding.label.as_str(), AnnotationKind::Primary)];
    places.extend(
        finding
            .related
            .iter()
            .map(|(span, label)| (*span, label.as_str(), AnnotationKind::Context)),
    );
    let first = level.primary_title(finding.message.as_str()).id(finding.slug);
    let mut main = Group::with_title(first).elements(snippets(sources, &places));
    let mut others = Vec::new();
    for help in &finding.help {
        match placed_help(sources, help) {
            Some(group) => others.push(group),
            None => main = main.element(Level::HELP.message(help.message.as_str())),
        }
    }
    others.insert(0, main);
    others
}

/// A help that has a place or a replacement, as a group of its own.
fn placed_help<'a>(sources: &'a SourceMap, help: &'a Help) -> Option<Group<'a>> {
    let title = Level::HELP.secondary_title(help.message.as_str());
    if let Some(suggestion) = &help.suggestion {
        let spans: Vec<Span> = suggestion.edits.iter().map(|(span, _)| *span).collect();
        let window = Window::around(sources, spans.first()?.source, &spans)?;
        let patches = suggestion.edits.iter();
        let patches = patches.map(|(span, text)| Patch::new(window.range(*span), text.as_str()));
        return Some(Group::with_title(title).element(window.snippet().patches(patches)));
    }
    let places = [(help.span?, "", AnnotationKind::Primary)];
    Some(Group::with_title(title).elements(snippets(sources, &places)))
}

type Place<'a> = (Span, &'a str, AnnotationKind);

fn snippets<'a>(sources: &'a SourceMap, places: &[Place<'a>]) -> Vec<Snippet<'a, Annotation<'a>>> {
    let mut by_source: BTreeMap<SourceId, Vec<Place<'a>>> = BTreeMap::new();
    for place in places {
        by_source.entry(place.0.source).or_default().push(*place);
    }
    let mut found = Vec::new();
    // The source of the finding itself comes first.
    let first = places.first().map(|(span, ..)| span.source);
    let order = first
        .into_iter()
        .chain(by_source.keys().copied().filter(|id| Some(*id) != first));
    for id in order {
        let places = by_source.get(&id).map(Vec::as_slice).unwrap_or_default();
        for near in split_far(places) {
            let spans: Vec<Span> = near.iter().map(|(span, ..)| *span).collect();
            let Some(window) = Window::around(sources, id, &spans) else {
                continue;
            };
            let annotations = near.iter().map(|(span, label, kind)| {
                let annotation = kind.span(window.range(*span));
                if label.is_empty() {
                    annotation
                } else {
                    annotation.label(*label)
                }
            });
            found.push(window.snippet().annotations(annotations));
        }
    }
    found
}

/// The first place with all that lie near it, then each that lies far off.
fn split_far<'a>(places: &[Place<'a>]) -> Vec<Vec<Place<'a>>> {
    let Some(((span, ..), _)) = places.split_first() else {
        return Vec::new();
    };
    let is_near = |place: &Place<'a>| place.0.start.abs_diff(span.start) as usize <= SNIPPET_BYTES_MAX;
    let (near, far): (Vec<_>, Vec<_>) = places.iter().copied().partition(is_near);
    std::iter::once(near)
        .chain(far.into_iter().map(|place| vec![place]))
        .collect()
}

/// The whole lines of a source around some places.
struct Window<'a> {
    name: &'a str,
    text: &'a str,
    start: usize,
    line: usize,
}

impl<'a> Window<'a> {
    fn around(sources: &'a SourceMap, id: SourceId, spans: &[Span]) -> Option<Self> {
        let source = sources.get(id)?;
        let text = source.text.as_str();
        let first = spans.iter().map(|span| span.start as usize).min()?.min(text.len());
        let last = spans
            .iter()
            .map(|span| span.end as usize)
            .max()?
            .clamp(first, text.len());
        let bytes = text.as_bytes();
        let start = bytes
            .iter()
            .take(first)
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |at| at + 1);
        let rest = bytes.get(last..).unwrap_or_default();
        let end = rest
            .iter()
            .position(|byte| *byte == b'\n')
            .map_or(text.len(), |at| last + at);
        // A line end of two characters is no part of the line.
        let end = if end > start && bytes.get(end - 1) == Some(&b'\r') {
            end - 1
        } else {
            end
        };
        let line_start = Span::new(id, u32::try_from(start).ok()?, u32::try_from(start).ok()?);
        Some(Self {
            name: &source.name,
            text: text.get(start..end)?,
            start,
            line: sources.start(line_start).line,
        })
    }

    fn snippet<T: Clone>(&self) -> Snippet<'a, T> {
        Snippet::source(self.text).path(self.name).line_start(self.line)
    }

    /// A place as bytes of this window, on borders of characters.
    fn range(&self, span: Span) -> Range<usize> {
        let border = |at: u32| {
            let mut at = (at as usize).saturating_sub(self.start).min(self.text.len());
            while !self.text.is_char_boundary(at) {
                at -= 1;
            }
            at
        };
        let (start, end) = (border(span.start), border(span.end));
        start..end.max(start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_shows_its_place_the_others_and_what_to_do() {
        let mut sources = SourceMap::default();
        let id = sources.add("up.runbook", "step größe \"S\" {\n  budgett 2m\n}\n");
        let far = sources.add("other.runbook", format!("# {}\nstep x\n", "long ".repeat(40_000)));
        let span = |start, end| Span::new(id, start, end);
        let finding = Diagnostic::error("unknown-statement", span(21, 28), "unknown statement `budgett`")
            .label("not a statement of a step")
            .related(span(0, 12), "in this step")
            .related(Span::new(far, 200_003, 200_009), "as here")
            .help("every step has a budget")
            .suggest("there is a statement of a similar name", span(21, 28), "budget");
        let text = findings(&sources, &[finding], false);
        for part in [
            "error[unknown-statement]: unknown statement `budgett`",
            "up.runbook:2:3",
            "^^^^^^^ not a statement of a step",
            "in this step",
            "other.runbook:2:1",
            "= help: every step has a budget",
            "- ",
            "budget 2m",
            "1 error; to understand one: backstay explain unknown-statement",
        ] {
            assert!(text.contains(part), "{part} is missing:\n{text}");
        }
        assert!(!text.contains('\u{1b}'));
    }

    #[test]
    fn places_that_do_not_fit_the_text_do_no_harm() {
        let mut sources = SourceMap::default();
        let id = sources.add("a", "é\u{1b}[31m");
        for (start, end) in [(1, 1), (1, 900), (900, 901), (7, 7), (0, 0)] {
            let finding = Diagnostic::warning("odd", Span::new(id, start, end), "odd \u{1b}[2J");
            let text = findings(&sources, &[finding], false);
            assert!(text.contains("warning[odd]") && !text.contains('\u{1b}'), "{text:?}");
        }
        let elsewhere = Diagnostic::error("gone", Span::new(SourceId(9), 0, 1), "nowhere");
        assert!(findings(&sources, &[elsewhere], false).contains("error[gone]: nowhere"));
    }
}
