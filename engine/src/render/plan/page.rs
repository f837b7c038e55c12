//! A page of text for a terminal of a fixed width: words are carried over to lines that hang under the first.

use crate::render::visible;

/// The width, in characters.
const COLUMNS: usize = 100;

#[derive(Default)]
pub(super) struct Page(pub(super) String);

impl Page {
    /// A line at this indentation; what does not fit hangs two further.
    pub(super) fn line(&mut self, indent: usize, text: &str) {
        self.hanging(indent, indent + 2, "", text);
    }

    /// A line that begins with a mark; what does not fit stands behind the mark.
    pub(super) fn marked(&mut self, indent: usize, mark: &str, text: &str) {
        self.hanging(indent, indent + mark.chars().count(), mark, text);
    }

    fn hanging(&mut self, indent: usize, hang: usize, mark: &str, text: &str) {
        let text = visible(text);
        let mut at = indent + mark.chars().count();
        self.0.push_str(&" ".repeat(indent));
        self.0.push_str(mark);
        for (place, word) in text.split(' ').enumerate() {
            let length = word.chars().count();
            if place > 0 {
                if at + 1 + length > COLUMNS && at > hang {
                    self.0.push('\n');
                    self.0.push_str(&" ".repeat(hang));
                    at = hang;
                } else {
                    self.0.push(' ');
                    at += 1;
                }
            }
            self.0.push_str(word);
            at += length;
        }
        self.0.push('\n');
    }

    /// A text of several lines, as they stand.
    pub(super) fn lines(&mut self, indent: usize, mark: &str, text: &str) {
        for line in text.lines() {
            self.0.push_str(&" ".repeat(indent));
            self.0.push_str(mark);
            self.0.push_str(&visible(line));
            self.0.push('\n');
        }
    }

    /// What the text says of something (`///`).
    pub(super) fn doc(&mut self, indent: usize, doc: &str) {
        for line in doc.lines() {
            self.marked(indent, "", line.trim());
        }
    }

    pub(super) fn heading(&mut self, words: &str) {
        self.0.push('\n');
        self.0.push_str(words);
        self.0.push('\n');
    }
}
