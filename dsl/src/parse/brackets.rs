//! Which bracket closes which, how deep everything lies, and what is never closed.

use super::keywords;
use super::scan::{Token, TokenKind};

/// Brackets may be nested this deep; the grammar, the checker and all that walks a tree rely on it.
pub(super) const DEPTH_MAX: usize = 64;

/// A bracket without its partner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BracketError {
    /// Whether it opens and is never closed; else it closes what is not open.
    pub(super) never_closed: bool,
    /// The bracket, as a place in the tokens.
    pub(super) bracket: usize,
    /// The token before which it should have been closed.
    pub(super) until: usize,
    /// A bracket further in whose partner stands at another indentation: likely the real culprit.
    pub(super) suspect: Option<usize>,
}

/// Nesting deeper than [`DEPTH_MAX`], at this token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooDeep(pub(super) usize);

/// Fills in the depth of every token and finds brackets without partners.
///
/// Where brackets do not balance, a second pass uses the form of the text: an item keyword in the
/// first column ends whatever is open, a statement word that begins a line ends open `(` and `[`.
pub(super) fn match_brackets(text: &str, tokens: &mut [Token]) -> Result<Vec<BracketError>, TooDeep> {
    let unmatched = Matcher::new(text, tokens, false).run()?;
    if unmatched.is_empty() {
        return Ok(unmatched);
    }
    Matcher::new(text, tokens, true).run()
}

struct Matcher<'a> {
    text: &'a str,
    tokens: &'a mut [Token],
    by_form: bool,
    open: Vec<usize>,
    unmatched: Vec<BracketError>,
    suspect: Option<usize>,
}

impl<'a> Matcher<'a> {
    fn new(text: &'a str, tokens: &'a mut [Token], by_form: bool) -> Self {
        Self {
            text,
            tokens,
            by_form,
            open: Vec::new(),
            unmatched: Vec::new(),
            suspect: None,
        }
    }

    fn run(mut self) -> Result<Vec<BracketError>, TooDeep> {
        for index in 0..self.tokens.len() {
            if self.by_form {
                self.close_by_form(index);
            }
            match self.tokens[index].kind {
                TokenKind::Open => {
                    if self.open.len() >= DEPTH_MAX {
                        return Err(TooDeep(index));
                    }
                    self.set_depth(index);
                    self.open.push(index);
                }
                TokenKind::Close => {
                    self.close(index);
                    self.set_depth(index);
                }
                _ => self.set_depth(index),
            }
            if self.open.is_empty() {
                self.suspect = None;
            }
        }
        self.abandon(0, self.tokens.len());
        Ok(self.unmatched)
    }

    fn set_depth(&mut self, index: usize) {
        self.tokens[index].depth = u8::try_from(self.open.len()).unwrap_or(u8::MAX);
    }

    fn byte(&self, index: usize) -> u8 {
        self.tokens[index].byte(self.text)
    }

    fn close(&mut self, index: usize) {
        let wanted = match self.byte(index) {
            b')' => b'(',
            b']' => b'[',
            _ => b'{',
        };
        // A `)` or `]` never reaches past the braces it stands in.
        let partner = self
            .open
            .iter()
            .rposition(|opener| self.byte(*opener) == wanted || self.byte(*opener) == b'{')
            .filter(|place| self.byte(self.open[*place]) == wanted);
        let Some(place) = partner else {
            self.unmatched.push(BracketError {
                never_closed: false,
                bracket: index,
                until: index,
                suspect: None,
            });
            return;
        };
        self.abandon(place + 1, index);
        let opener = self.open[place];
        self.open.truncate(place);
        let telling = self.by_form && wanted == b'{' && self.tokens[index].first_on_line && self.suspect.is_none();
        if telling && self.indentation(opener) != self.indentation(index) {
            self.suspect = Some(opener);
        }
    }

    /// Everything open from `place` on is never closed; it ends before the token `until`.
    fn abandon(&mut self, place: usize, until: usize) {
        while self.open.len() > place {
            let Some(bracket) = self.open.pop() else { return };
            let suspect = self.suspect.filter(|suspect| *suspect > bracket);
            self.unmatched.push(BracketError {
                never_closed: true,
                bracket,
                until,
                suspect,
            });
        }
    }

    fn close_by_form(&mut self, index: usize) {
        let token = self.tokens[index];
        if self.open.is_empty() || !token.first_on_line {
            return;
        }
        let first_column = token.start == 0 || self.text.as_bytes().get(token.start as usize - 1) == Some(&b'\n');
        if first_column && (token.kind == TokenKind::Doc || keywords::begins_item(self.text, self.tokens, index)) {
            let documents = token.kind != TokenKind::Doc || self.documents_item(index);
            if documents {
                self.abandon(0, index);
                return;
            }
        }
        if token.kind == TokenKind::Word && keywords::looks_like_statement(self.text, self.tokens, index) {
            let outer = self.open.iter().rposition(|opener| self.byte(*opener) == b'{');
            self.abandon(outer.map_or(0, |place| place + 1), index);
        }
    }

    /// Whether the documentation at `index` is followed by an item in the first column.
    fn documents_item(&self, index: usize) -> bool {
        // The first line of several has been asked already.
        if index > 0 && self.tokens[index - 1].kind == TokenKind::Doc {
            return false;
        }
        let next = self.tokens[index..]
            .iter()
            .position(|token| token.kind != TokenKind::Doc)
            .map(|length| index + length);
        next.is_some_and(|next| {
            let start = self.tokens[next].start as usize;
            let first_column = start == 0 || self.text.as_bytes().get(start - 1) == Some(&b'\n');
            first_column && keywords::begins_item(self.text, self.tokens, next)
        })
    }

    fn indentation(&self, index: usize) -> usize {
        let start = self.tokens[index].start as usize;
        let line = self.text[..start].rfind('\n').map_or(0, |at| at + 1);
        self.text[line..]
            .bytes()
            .take_while(|byte| matches!(byte, b' ' | b'\t'))
            .count()
    }
}
