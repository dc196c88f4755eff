//! Puts the shipped rules into the command, so that it needs no files beside it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

fn main() {
    let rules = PathBuf::from("../../rules");
    println!("cargo::rerun-if-changed={}", rules.display());
    let mut files: Vec<PathBuf> = std::fs::read_dir(&rules)
        .expect("the folder rules/ stands beside infra/")
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| is_rule_file(path))
        .collect();
    files.sort();
    write_list("shipped_rules.rs", "rules", files);
    let mut flows: Vec<PathBuf> = std::fs::read_dir(rules.join("flows"))
        .expect("the folder flows/ stands in rules/")
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| is_rule_file(path))
        .collect();
    flows.sort();
    write_list("shipped_flows.rs", "rules/flows", flows);
}

fn write_list(to: &str, folder: &str, files: Vec<PathBuf>) {
    let mut code = String::from("&[\n");
    for path in files {
        let name = path.file_name().expect("a file has a name").to_string_lossy().into_owned();
        let whole = path.canonicalize().expect("the file was listed a moment ago");
        writeln!(code, "    (\"{folder}/{name}\", include_str!(r#\"{}\"#)),", whole.display())
            .expect("writing to a string");
    }
    code.push_str("]\n");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets it"));
    std::fs::write(out.join(to), code).expect("OUT_DIR can be written to");
}

fn is_rule_file(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
    path.is_file()
        && ["yaml", "yml", "json"].contains(&extension)
        && !name.contains(".test.")
        && name != "schema.json"
}
