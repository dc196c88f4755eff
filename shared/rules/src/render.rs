use crate::diagnostic::Diagnostic;
use crate::source::SourceFile;
use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use prodrome_model::shown::{harmless, harmless_in_place};
use std::collections::BTreeMap;

/// How diagnostics are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// With colours, for terminals.
    pub colour: bool,
    /// How wide the output may be, in columns.
    pub width: usize,
}

impl Default for Style {
    /// Without colours, 100 columns wide.
    fn default() -> Self {
        Self { colour: false, width: 100 }
    }
}

/// Draws diagnostics with the lines that they are about. A file that is not among `files` is only named. What stands in a
/// file steers no terminal.
pub fn render(diagnostics: &[Diagnostic], files: &[SourceFile], style: Style) -> String {
    let mut texts: BTreeMap<&str, String> = BTreeMap::new();
    for diagnostic in diagnostics {
        let file = files.iter().find(|file| file.name == diagnostic.file);
        if let Some(file) = file.filter(|file| !texts.contains_key(&*file.name)) {
            texts.insert(&file.name, harmless_in_place(&file.text));
        }
    }
    let renderer = if style.colour { Renderer::styled() } else { Renderer::plain() };
    let renderer = renderer.decor_style(DecorStyle::Ascii).term_width(style.width);
    let mut text = String::new();
    for diagnostic in diagnostics {
        let shown = shown(diagnostic);
        let source = texts.get(&*diagnostic.file).map(String::as_str);
        text.push_str(&renderer.render(&[group(&shown, source)]));
        text.push_str("\n\n");
    }
    text
}

/// What a terminal may show of a diagnostic.
fn shown(diagnostic: &Diagnostic) -> Diagnostic {
    Diagnostic {
        file: harmless(&diagnostic.file),
        rule: diagnostic.rule.as_deref().map(harmless),
        path: harmless(&diagnostic.path),
        expected: harmless(&diagnostic.expected),
        found: harmless(&diagnostic.found),
        help: diagnostic.help.as_deref().map(harmless),
        ..*diagnostic
    }
}

fn group<'d>(diagnostic: &'d Diagnostic, source: Option<&'d str>) -> Group<'d> {
    let level = if diagnostic.is_error() { Level::ERROR } else { Level::WARNING };
    let field = diagnostic.field();
    let field = if field.is_empty() { String::new() } else { format!("{field}: ") };
    let title = format!("{field}expected {}, found {}", diagnostic.expected, diagnostic.found);
    let mut group = level.primary_title(title).id(diagnostic.code.as_str()).elements(None::<Origin<'_>>);
    group = if let Some(source) = source {
        let (start, end) = (diagnostic.place.start.offset, diagnostic.place.end.offset);
        // Of what spans several lines, the first is enough.
        let rest = source.get(start..end).unwrap_or_default();
        let end = start + rest.find('\n').unwrap_or(rest.len());
        let annotation = AnnotationKind::Primary.span(start..end).label(&*diagnostic.found);
        group.element(Snippet::source(source).path(&*diagnostic.file).annotation(annotation))
    } else {
        let start = diagnostic.place.start;
        group.element(Origin::path(&*diagnostic.file).line(start.line).char_column(start.column))
    };
    match &diagnostic.help {
        Some(help) => group.element(Level::HELP.message(&**help)),
        None => group,
    }
}
