//! The pages behind `backstay explain SLUG`: for each slug the cause, a runbook that raises it, one that
//! does not, and what to do. A test runs both runbooks of every page.

macro_rules! pages {
    ($($slug:literal),* $(,)?) => {
        /// Every slug with its page, by slug.
        const PAGES: &[(&str, &str)] = &[$(($slug, include_str!(concat!("pages/", $slug, ".md")))),*];
    };
}

pages!(
    "budget-too-short",
    "clause-order",
    "commits-too-early",
    "cycle",
    "duplicate-clause",
    "duplicate-name",
    "floating-image",
    "hold-not-released",
    "import-cycle",
    "leads-nowhere",
    "misplaced-statement",
    "missing-argument",
    "missing-budget",
    "missing-clause",
    "no-steps",
    "not-apart",
    "not-filled-in",
    "not-supported-yet",
    "opaque-change",
    "overlapping-writers",
    "pin-left-behind",
    "recursion",
    "reserved-name",
    "retry-not-safe",
    "risky-habit",
    "secret-exposed",
    "symptom-no-default",
    "syntax",
    "too-deep",
    "too-large",
    "too-many-statements",
    "too-wide",
    "undo-not-repeatable",
    "unit",
    "unknown-action",
    "unknown-argument",
    "unknown-field",
    "unknown-module",
    "unknown-name",
    "unknown-service",
    "unknown-statement",
    "unknown-step",
    "unknown-type",
    "unused",
    "value-not-available",
    "window-too-short",
    "written-secret",
    "wrong-type",
);

/// The page of a slug in Markdown; `None` for a word that is no slug.
pub fn page(slug: &str) -> Option<&'static str> {
    PAGES.iter().find(|(known, _)| *known == slug).map(|(_, page)| *page)
}

/// Every slug that has a page, in order of the alphabet.
pub fn slugs() -> impl Iterator<Item = &'static str> {
    PAGES.iter().map(|(slug, _)| *slug)
}
