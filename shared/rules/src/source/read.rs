use super::split::documents;
use super::{Key, Span, Tree, TreeValue};
use granit_parser::{Event, Parser, Placement, ScalarStyle, ScanError, StructureStyle};
use std::collections::HashMap;

/// How many nodes a document may hold, those that an alias repeats counted each time.
pub(crate) const NODES_MAX: usize = 200_000;
/// What is said where it holds more.
pub(crate) const TOO_MANY: &str = "too many values in one document";
/// How deep a document may be nested.
const DEPTH_MAX: usize = 64;

/// One document of a file.
pub struct Document {
    /// What it holds.
    pub tree: Result<Tree, SyntaxError>,
    /// The comments in it.
    pub comments: Vec<Comment>,
    /// Where a YAML alias repeats what stands elsewhere. In the tree that stands there once more.
    pub aliases: Vec<Span>,
}

/// A comment of a rule file.
#[derive(Debug, Clone)]
pub struct Comment {
    /// With its `#`.
    pub text: String,
    /// Where.
    pub span: Span,
    /// Behind something on its line, rather than on a line of its own.
    pub trailing: bool,
}

/// Why a document cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyntaxError {
    /// Why.
    pub reason: String,
    /// Where.
    pub span: Span,
}

/// All documents of a file that are not empty.
pub fn read(text: &str) -> Vec<Document> {
    let mut read = Vec::new();
    for span in documents(text) {
        let slice = text.get(span.start..span.end).unwrap_or_default();
        let mut document = Reader::new(slice, span.start).document();
        if let Err(error) = &mut document.tree
            && let Some(fault) = super::json::fault(slice, span.start)
        {
            *error = fault;
        }
        let is_empty = document.tree.as_ref().is_ok_and(|tree| matches!(tree.value, TreeValue::Null));
        if !is_empty || !document.comments.is_empty() {
            read.push(document);
        }
    }
    read
}

struct Reader<'s> {
    parser: Parser<'s, granit_parser::StrInput<'s>>,
    /// Where the document begins in its file.
    base: usize,
    end: usize,
    comments: Vec<Comment>,
    aliases: Vec<Span>,
    anchors: HashMap<usize, (Tree, usize)>,
    nodes: usize,
    /// Behind the last thing read: where a block that ends by its indentation ends.
    last: usize,
}

impl<'s> Reader<'s> {
    fn new(text: &'s str, base: usize) -> Self {
        Self {
            parser: Parser::new_from_str(text),
            base,
            end: base + text.len(),
            comments: Vec::new(),
            aliases: Vec::new(),
            anchors: HashMap::new(),
            nodes: 0,
            last: base,
        }
    }

    fn document(mut self) -> Document {
        let tree = self.root();
        Document { tree, comments: self.comments, aliases: self.aliases }
    }

    fn root(&mut self) -> Result<Tree, SyntaxError> {
        let mut root = Tree { value: TreeValue::Null, span: Span { start: self.base, end: self.base } };
        loop {
            match self.next()? {
                (Event::StreamEnd, _) => return Ok(root),
                (Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd, _) => {}
                (event, span) => root = self.node(event, span, 0)?,
            }
        }
    }

    fn node(&mut self, event: Event<'s>, span: Span, depth: usize) -> Result<Tree, SyntaxError> {
        self.nodes += 1;
        let fault = |reason: &str| SyntaxError { reason: reason.to_owned(), span };
        if self.nodes > NODES_MAX {
            return Err(fault(TOO_MANY));
        }
        if depth > DEPTH_MAX {
            return Err(fault("nested too deeply"));
        }
        let tag = match &event {
            Event::Scalar(.., tag) | Event::SequenceStart(.., tag) | Event::MappingStart(.., tag) => {
                tag.as_deref()
            }
            _ => None,
        };
        if tag.is_some_and(granit_parser::Tag::is_custom) {
            return Err(fault("a tag, which rule files have no use for"));
        }
        let nodes_before = self.nodes;
        let (tree, anchor) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let is_text = tag.is_some_and(|tag| tag.is_yaml_core_schema_tag("str"));
                let plain = style == ScalarStyle::Plain && !is_text;
                let is_null = plain && matches!(&*text, "" | "~" | "null" | "Null" | "NULL");
                let value =
                    if is_null { TreeValue::Null } else { TreeValue::Scalar(text.into_owned(), plain) };
                (Tree { value, span }, anchor)
            }
            Event::SequenceStart(style, anchor, _) => {
                let mut items = Vec::new();
                let end = loop {
                    match self.next()? {
                        (Event::SequenceEnd, end) => break end,
                        (event, span) => items.push(self.node(event, span, depth + 1)?),
                    }
                };
                let end = self.end_of(style, end);
                (Tree { value: TreeValue::List(items), span: Span { start: span.start, end } }, anchor)
            }
            Event::MappingStart(style, anchor, _) => {
                let mut entries = Vec::new();
                let end = loop {
                    match self.next()? {
                        (Event::MappingEnd, end) => break end,
                        (Event::Scalar(text, ..), span) => {
                            let key = Key { text: text.into_owned(), span };
                            let (event, span) = self.next()?;
                            entries.push((key, self.node(event, span, depth + 1)?));
                        }
                        (_, span) => {
                            let reason = "a key that is no plain word or text".to_owned();
                            return Err(SyntaxError { reason, span });
                        }
                    }
                };
                let end = self.end_of(style, end);
                (Tree { value: TreeValue::Map(entries), span: Span { start: span.start, end } }, anchor)
            }
            Event::Alias(id) => {
                self.aliases.push(span);
                let Some((tree, nodes)) = self.anchors.get(&id) else {
                    return Err(fault("an alias to what is not complete yet"));
                };
                self.nodes += nodes;
                if self.nodes > NODES_MAX {
                    return Err(fault(TOO_MANY));
                }
                (tree.clone(), 0)
            }
            _ => return Err(fault("something that rule files have no use for")),
        };
        if anchor != 0 {
            self.anchors.insert(anchor, (tree.clone(), self.nodes - nodes_before + 1));
        }
        Ok(tree)
    }

    /// A flow collection ends at its bracket; a block one with the last thing in it.
    fn end_of(&self, style: StructureStyle, end: Span) -> usize {
        if style == StructureStyle::Flow { end.end } else { self.last.min(end.end) }
    }

    /// The next event but comments, which are put aside.
    fn next(&mut self) -> Result<(Event<'s>, Span), SyntaxError> {
        loop {
            let (event, span) = match self.parser.next_event() {
                None => return Ok((Event::StreamEnd, Span { start: self.end, end: self.end })),
                Some(Err(error)) => return Err(self.syntax_error(&error)),
                Some(Ok((event, span))) => (event, self.span(span)),
            };
            match event {
                Event::Comment(text, placement) => {
                    let trailing = placement == Placement::Right;
                    self.comments.push(Comment { text: format!("#{text}"), span, trailing });
                }
                event => {
                    if matches!(event, Event::Scalar(..) | Event::Alias(_))
                        || matches!(event, Event::SequenceEnd | Event::MappingEnd) && span.end > span.start
                    {
                        self.last = span.end;
                    }
                    return Ok((event, span));
                }
            }
        }
    }

    fn span(&self, span: granit_parser::Span) -> Span {
        let offset = |marker: granit_parser::Marker| self.base + marker.byte_offset().unwrap_or(0);
        Span { start: offset(span.start), end: offset(span.end) }
    }

    fn syntax_error(&self, error: &ScanError) -> SyntaxError {
        let at = (self.base + error.marker().byte_offset().unwrap_or(0)).min(self.end);
        SyntaxError { reason: error.info(), span: Span { start: at, end: at } }
    }
}
