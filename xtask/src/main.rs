//! The project's toolbox: `cargo xtask COMMAND`.
//!
//! Plain standard library and as few crates as possible, because everything else waits until this
//! is compiled. It knows the workspace from outside (files, manifests, tools) and links none of it.

mod bench;
mod dashboard;
mod deb;
mod need;
mod outside;
mod run;
mod static_binary;
mod test;
mod tidy;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

const HELP: &str = "\
cargo xtask COMMAND

  test    every check and every test, as CI runs them; installs or names what is missing
  bench   measure Roundel against its peers (bench/README.md); --help says more
  static-binary  what the container image has in it, for its test: target/static/roundel
  tidy    the house rules alone: file sizes, marks, names, crate edges, links
  screenshots
          take the pictures of the documentation anew, in a browser
  deb     the Debian package of a release, below target/debian
  deb test    the life of a package on a Debian: installed, upgraded, removed (as root)
  help    this
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["test"] => Ok(test::run(&root())),
        ["bench", options @ ..] => bench::run(&root(), options),
        ["static-binary"] => static_binary::make(&root()),
        ["tidy"] => tidy::run(&root()),
        ["screenshots"] => dashboard::screenshots(&root()),
        ["deb"] => deb::run(&root()),
        ["deb", "test"] => deb::live(&root()).map(|totals| totals.failed == 0),
        ["help" | "--help" | "-h"] => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        _ => {
            eprint!("error: no such command: {:?}\n\n{HELP}", words.join(" "));
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The root of the checkout: cargo says where this package is, also when it was built elsewhere.
fn root() -> PathBuf {
    let own = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    own.parent().map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}
