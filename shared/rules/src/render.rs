use crate::diagnostic::Diagnostic;
use crate::source::SourceFile;
use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

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

/// Draws diagnostics with the lines that they are about. A file that is not among `files` is only named.
pub fn render(diagnostics: &[Diagnostic], files: &[SourceFile], style: Style) -> String {
    let renderer = if style.colour { Renderer::styled() } else { Renderer::plain() };
    let renderer = renderer.decor_style(DecorStyle::Ascii).term_width(style.width);
    let mut text = String::new();
    for diagnostic in diagnostics {
        let file = files.iter().find(|file| file.name == diagnostic.file);
        text.push_str(&renderer.render(&[group(diagnostic, file)]));
        text.push_str("\n\n");
    }
    text
}

fn group<'d>(diagnostic: &'d Diagnostic, file: Option<&'d SourceFile>) -> Group<'d> {
    let level = if diagnostic.is_error() { Level::ERROR } else { Level::WARNING };
    let field = diagnostic.field();
    let field = if field.is_empty() { String::new() } else { format!("{field}: ") };
    let title = format!("{field}expected {}, found {}", diagnostic.expected, diagnostic.found);
    let mut group = level.primary_title(title).id(diagnostic.code.as_str()).elements(None::<Origin<'_>>);
    group = if let Some(file) = file {
        let (start, end) = (diagnostic.place.start.offset, diagnostic.place.end.offset);
        // Of what spans several lines, the first is enough.
        let rest = file.text.get(start..end).unwrap_or_default();
        let end = start + rest.find('\n').unwrap_or(rest.len());
        let annotation = AnnotationKind::Primary.span(start..end).label(&*diagnostic.found);
        group.element(Snippet::source(&*file.text).path(&*file.name).annotation(annotation))
    } else {
        let start = diagnostic.place.start;
        group.element(Origin::path(&*diagnostic.file).line(start.line).char_column(start.column))
    };
    match &diagnostic.help {
        Some(help) => group.element(Level::HELP.message(&**help)),
        None => group,
    }
}
