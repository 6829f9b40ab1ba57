//! The PowerShell scripts of the examples have no syntax errors.
//!
//! PowerShell itself is in no package registry that the tests use, so a grammar of it reads the
//! scripts; what they do is the same as what the shell scripts do, which are run.

use std::path::Path;

use roundel_testkit::Python;

const PARSE: &str = r"
import pathlib, sys, tree_sitter, tree_sitter_powershell
parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_powershell.language()))
assert parser.parse(b'if (').root_node.has_error, 'the grammar finds no errors at all'
scripts = sorted(pathlib.Path(sys.argv[1]).rglob('*.ps1'))
assert scripts, 'no scripts'
for script in scripts:
    print(script.name, 'bad' if parser.parse(script.read_bytes()).root_node.has_error else 'good')
";

#[test]
fn scripts_have_no_syntax_errors() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let output = Python::for_checks().run(PARSE, &[examples.to_str().unwrap()]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let verdicts = String::from_utf8(output.stdout).unwrap();
    assert!(!verdicts.contains("bad"), "{verdicts}");
}
