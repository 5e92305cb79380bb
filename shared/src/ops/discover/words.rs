//! What a command is for, by its first words.

use super::Purpose::{self, Build, Format, Lint, Test};

/// Characters of a command that does more than one thing, or that means something only where it was written.
const COMPOUND: &[char] = &[';', '|', '&', '<', '>', '$', '`', '\\', '{', '}', '…'];

/// Commands by their first words. The first line that matches counts.
const COMMANDS: &[(&str, Purpose)] = &[
    ("cargo test", Test),
    ("cargo nextest run", Test),
    ("cargo build", Build),
    ("cargo fmt", Format),
    ("cargo clippy", Lint),
    ("npm test", Test),
    ("npm run test", Test),
    ("npm run build", Build),
    ("npm run format", Format),
    ("npm run lint", Lint),
    ("pnpm test", Test),
    ("pnpm run test", Test),
    ("pnpm build", Build),
    ("pnpm run build", Build),
    ("pnpm format", Format),
    ("pnpm lint", Lint),
    ("pnpm run lint", Lint),
    ("yarn test", Test),
    ("yarn build", Build),
    ("yarn format", Format),
    ("yarn lint", Lint),
    ("bun test", Test),
    ("bun run build", Build),
    ("bun run lint", Lint),
    ("go test", Test),
    ("go build", Build),
    ("go vet", Lint),
    ("gofmt", Format),
    ("golangci-lint run", Lint),
    ("pytest", Test),
    ("python -m pytest", Test),
    ("python3 -m pytest", Test),
    ("python -m unittest", Test),
    ("uv run pytest", Test),
    ("poetry run pytest", Test),
    ("tox", Test),
    ("nox", Test),
    ("ruff format", Format),
    ("ruff check", Lint),
    ("black", Format),
    ("mypy", Lint),
    ("flake8", Lint),
    ("make test", Test),
    ("make check", Test),
    ("make build", Build),
    ("make format", Format),
    ("make fmt", Format),
    ("make lint", Lint),
    ("just test", Test),
    ("just build", Build),
    ("just fmt", Format),
    ("just lint", Lint),
    ("./gradlew test", Test),
    ("./gradlew check", Test),
    ("./gradlew build", Build),
    ("./gradlew assemble", Build),
    ("mvn test", Test),
    ("mvn verify", Test),
    ("./mvnw test", Test),
    ("./mvnw verify", Test),
    ("mvn package", Build),
    ("cmake --build", Build),
    ("ctest", Test),
    ("dotnet test", Test),
    ("dotnet build", Build),
    ("bundle exec rspec", Test),
    ("bundle exec rake test", Test),
    ("bundle exec rubocop", Lint),
    ("mix test", Test),
    ("mix format", Format),
];

/// Returns what a command is for; `None` if that is not known, or if it is more than a simple command.
pub(super) fn purpose(command: &str) -> Option<Purpose> {
    if command.contains(COMPOUND) {
        return None;
    }
    let begins = |words: &&(&str, Purpose)| {
        let mut typed = command.split_whitespace();
        words.0.split(' ').all(|word| typed.next() == Some(word))
    };
    COMMANDS.iter().find(begins).map(|(_, purpose)| *purpose)
}
