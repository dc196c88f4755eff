//! Prints the JSON Schema of the rule language: `cargo run -p prodrome-rules --example schema > rules/schema.json`.

#[expect(clippy::print_stdout, reason = "printing it is the purpose")]
fn main() {
    println!("{:#}", prodrome_rules::schema());
}
