use super::*;

fn shown(found: &[Found]) -> String {
    let lines: Vec<String> = found
        .iter()
        .filter(|one| one.purpose != Purpose::Language)
        .map(|one| format!("{}:{} {}", one.line, one.purpose.as_str(), one.value))
        .collect();
    lines.join("; ")
}

#[test]
fn every_reader_names_the_line() {
    let table: &[(Reader, &[&str], &str, &str)] = &[
        (
            targets::make,
            &[],
            "CC := cc\n.PHONY: lint\nall build: x\n\tcc x\ncheck:\ntest:: all\nfmt = 1\nlint := 2\n",
            "3:build make build; 6:test make test; 5:test make check",
        ),
        (targets::make, &[], "test ::= x\n  test: y\n# test: z\n", ""),
        (
            targets::just,
            &[],
            "v := '1'\n@test *args:\n  x\nbuild target:\nlint a='b': test\n",
            "2:test just test; 5:lint just lint",
        ),
        (
            manifests::package,
            &["yarn.lock"],
            "{\n\"test\": 1,\n\"scripts\": {\n  \"lint\": \"eslint .\",\n  \"test\": \"jest\"\n}}",
            "5:test yarn test; 4:lint yarn run lint",
        ),
        (
            manifests::package,
            &[],
            r#"{"scripts":{"test":"echo \"Error: no test specified\" && exit 1","build":"tsc"}}"#,
            "1:build npm run build",
        ),
        (manifests::package, &["bun.lock"], r#"{"scripts":{"test":"x"}}"#, "1:test bun run test"),
        (manifests::package, &[], r#"{"scripts":["test"]}"#, ""),
        (manifests::package, &[], "{", ""),
        (
            manifests::cargo,
            &[],
            "# x\n[package]\nname = \"a\"\n",
            "2:build cargo build; 2:test cargo test; 2:format cargo fmt; 2:lint cargo clippy --all-targets",
        ),
        (manifests::cargo, &[], "name = 1", ""),
        (
            manifests::go,
            &[],
            "// x\nmodule a.b/c\n",
            "2:build go build ./...; 2:test go test ./...; 2:format gofmt -l .; 2:lint go vet ./...",
        ),
        (manifests::tox, &[], "[tox]\n", "1:test tox"),
        (
            manifests::pyproject,
            &[],
            "[project]\n[tool.pytest.ini_options]\n[tool.ruff]\n",
            "2:test pytest; 3:format ruff format .; 3:lint ruff check .",
        ),
        (manifests::gradle, &["gradlew"], "plugins {}", "1:build ./gradlew assemble; 1:test ./gradlew test"),
        (manifests::maven, &[], "<?xml?>\n<project>", "2:build mvn -DskipTests package; 2:test mvn test"),
        (
            documents::workflow,
            &[],
            "steps:\n  - run: cargo test --locked # all\n  - name: x\n    run: |\n      make lint\n\n      cargo test \
             ${{ matrix.flags }}\n    with: y\n  - run: 'go vet ./...'\n  - uses: cargo build\n",
            "2:test cargo test --locked; 5:lint make lint; 9:lint go vet ./...",
        ),
        (
            documents::workflow,
            &[],
            "- run: cargo test && rm -r x\n- run: echo cargo test\n- run: toxic\n",
            "",
        ),
        (
            documents::markdown,
            &[],
            "cargo build\n```sh\n$ cargo test\nrm -r x\n```\n```rust\ntox\n```\n~ tox\n```\nmake test\n",
            "3:test cargo test; 11:test make test",
        ),
    ];
    for (reader, files, text, expected) in table {
        assert_eq!(shown(&reader(text, &|file| files.contains(&file))), *expected, "{text}");
    }
}

#[test]
fn a_value_is_one_visible_line() {
    for (value, usable) in
        [("cargo test", true), ("", false), ("a\u{1b}b", false), ("tox \u{202e}x", false), ("a\nb", false)]
    {
        assert_eq!(is_usable(value), usable, "{value:?}");
    }
    assert!(!is_usable(&"x".repeat(MAX_VALUE + 1)));
}
