"""Settings: file, environment, secret files, and words for what cannot be used."""

from __future__ import annotations

import re
import stat
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediasvc.configuration import ConfigurationError, load_settings, read_configuration
from mediasvc.configuration_text import masked, template, toml
from mediasvc.settings import Settings
from tests.conftest import Program


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


def problems(path: Path, environ: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(path, environ or {})
    assert caught.value.exit_code == 3
    return [str(problem) for problem in caught.value.problems]


def test_no_file_means_defaults(file: Path) -> None:
    assert load_settings(file, {}) == Settings()


def test_a_file_that_was_named_must_be_there(file: Path) -> None:
    with pytest.raises(ConfigurationError, match="no such file"):
        load_settings(file, {}, required=True)


def test_environment_wins_over_the_file(file: Path) -> None:
    file.write_text('[inbox]\nsettle_seconds = 3\nwatch = "poll"\n')
    settings = load_settings(file, {"MEDIASVC_INBOX__SETTLE_SECONDS": "0.5"})
    assert (settings.inbox.settle_seconds, settings.inbox.watch) == (0.5, "poll")


def test_a_secret_comes_from_its_file_without_the_last_newline(file: Path, tmp_path: Path) -> None:
    secret = tmp_path / "url"
    secret.write_text("postgresql://u:p@h/d\n")
    assert load_settings(file, {"MEDIASVC_DATABASE_FILE": str(secret)}).database \
        == "postgresql://u:p@h/d"


def test_value_and_secret_file_together_are_refused(file: Path, tmp_path: Path) -> None:
    (tmp_path / "url").write_text("x")
    assert problems(file, {"MEDIASVC_DATABASE": "sqlite:///x",
                           "MEDIASVC_DATABASE_FILE": str(tmp_path / "url")}) == [
        "MEDIASVC_DATABASE_FILE: database: is also set by MEDIASVC_DATABASE; use one"]


def test_a_secret_file_that_is_missing_is_named(file: Path) -> None:
    [text] = problems(file, {"MEDIASVC_DATABASE_FILE": "/nowhere/url"})
    assert "MEDIASVC_DATABASE_FILE" in text
    assert "No such file" in text


def test_all_mistakes_are_reported_at_once_with_their_places(file: Path) -> None:
    file.write_text("[site]\nissuerr = 'X'\ninstitution = 3\n\n[inbox]\nsettle_seconds = -1\n"
                    "watch = 'sometimes'\n[[sources]]\nname = 'a'\n[[sources]]\nnam = 'b'\n")
    found = problems(file, {"MEDIASVC_WORK__WORKERS": "many",
                            "MEDIASVC_INBOX__SETLE_SECONDS": "3"})
    expected = [
        f"{file} line 2: site.issuerr: no such setting; did you mean issuer?",
        f"{file} line 3: site.institution: must be text in quotes",
        f"{file} line 6: inbox.settle_seconds: must be greater than or equal to 0",
        f"{file} line 7: inbox.watch: must be 'auto', 'native' or 'poll'",
        f"{file} line 10: sources[1].name: is missing",
        f"{file} line 11: sources[1].nam: no such setting; did you mean name?",
        "MEDIASVC_WORK__WORKERS: work.workers: must be a whole number",
        "MEDIASVC_INBOX__SETLE_SECONDS: no such setting; "
        "did you mean MEDIASVC_INBOX__SETTLE_SECONDS?",
    ]
    assert sorted(found) == sorted(expected)


def test_a_value_that_may_be_secret_is_never_repeated(file: Path) -> None:
    file.write_text("database = ['hunter2']\n[work]\nworkers = 'hunter2'\n")
    assert not [text for text in problems(file) if "hunter2" in text]


@pytest.mark.parametrize("content", [b"x = [", b"\xff\xfe", b"[site]\nissuer = 'a'\nissuer = 'b'"])
def test_a_file_that_is_no_toml_does_not_hide_other_mistakes(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    found = problems(file, {"MEDIASVC_WORK__WORKERS": "-1"})
    assert len(found) == 2
    assert found[0].startswith(str(file))


def test_a_folder_in_place_of_the_file_is_named(tmp_path: Path) -> None:
    [text] = problems(tmp_path)
    assert "directory" in text


def test_two_sources_of_one_name_are_refused(file: Path) -> None:
    file.write_text("[[sources]]\nname = 'a'\n[[sources]]\nname = 'a'\n")
    assert problems(file) == [f"{file} line 1: sources: more than one is called a"]


def test_lists_in_the_environment_are_written_as_in_toml(file: Path) -> None:
    settings = load_settings(file, {"MEDIASVC_INBOX__IGNORE": '["*.x", "y"]',
                                    "MEDIASVC_SOURCES": '[{name = "east", issuer = "E"}]'})
    assert settings.inbox.ignore == ("*.x", "y")
    assert settings.sources[0].issuer == "E"


def test_variables_of_the_surroundings_are_left_alone(file: Path) -> None:
    """Container platforms make variables from a service's name; ours have two underscores."""
    assert load_settings(file, {"MEDIASVC_PORT": "tcp://1.2.3.4:80", "MEDIASVC_HOME": "/x",
                                "MEDIASVC_SERVICE_HOST": "1.2.3.4"}) == Settings()


def test_a_misspelt_top_level_variable_is_caught(file: Path) -> None:
    assert problems(file, {"MEDIASVC_DATABSE": "x"}) == [
        "MEDIASVC_DATABSE: no such setting; did you mean MEDIASVC_DATABASE?"]


def test_origin_of_every_value_is_known(file: Path) -> None:
    file.write_text("[inbox]\nwatch = 'poll'\n")
    loaded = read_configuration(file, {"MEDIASVC_WORK__WORKERS": "2"})
    assert loaded.origins["inbox.watch"] == f"{file} line 2"
    assert loaded.origins["work.workers"] == "MEDIASVC_WORK__WORKERS"


@given(st.dictionaries(st.sampled_from(["MEDIASVC_SITE__CONTACT", "MEDIASVC_INBOX__IGNORE",
                                        "MEDIASVC_WORK__WORKERS", "MEDIASVC_A__B"]), st.text()))
def test_any_text_in_the_environment_is_a_value_or_a_worded_problem(wild: dict[str, str]) -> None:
    try:
        load_settings(Path("/nowhere/config.toml"), wild)
    except ConfigurationError as error:
        assert all(problem.text for problem in error.problems)


def test_the_template_with_all_lines_taken_in_says_the_defaults() -> None:
    text = re.sub(r"^# (?=[a-z_]+ = |\[\[)", "", template(), flags=re.MULTILINE)
    values = tomllib.loads(text)
    assert values.pop("sources") == [{"name": "NAME", "issuer": ""}]
    for name in ("recipients", "robots"):
        [row] = values.pop(name)
        assert row["name"] == "NAME"
    assert Settings.model_validate(values) == Settings()


def test_the_template_as_written_changes_nothing(file: Path) -> None:
    file.write_text(template())
    assert load_settings(file, {}) == Settings()


@pytest.mark.parametrize("url, shown", [
    ("postgresql://me:pass@host/db", "postgresql://me:***@host/db"),
    ("postgresql://me:p@ss:w@host/db", "postgresql://me:***@host/db"),
    ("postgresql://host/db?password=abc&x=1", "postgresql://host/db?password=***&x=1"),
    ("sqlite:////srv/x.db", "sqlite:////srv/x.db"),
])
def test_passwords_are_masked(url: str, shown: str) -> None:
    assert masked(url) == shown


@given(st.text())
def test_any_text_survives_being_written_as_toml(text: str) -> None:
    if "\x7f" not in text:
        assert tomllib.loads(f"x = {toml(text)}")["x"] == text


def test_config_init_writes_a_private_file_once(cli: Program, home: Path) -> None:
    assert cli("config", "init").code == 0
    assert stat.S_IMODE((home / "config.toml").stat().st_mode) == 0o600
    again = cli("config", "init")
    assert again.code == 3
    assert "--force" in again.stderr
    assert cli("config", "init", "--force").code == 0


def test_config_validate_names_every_problem(cli: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDIASVC_WORK__WORKERS", "-1")
    monkeypatch.setenv("MEDIASVC_SITE__ISSUR", "x")
    done = cli("config", "validate")
    assert done.code == 3
    assert {line["origin"] for line in done.of("problem")} == {
        "MEDIASVC_WORK__WORKERS", "MEDIASVC_SITE__ISSUR"}
    assert done.summary["valid"] is False


def test_config_show_says_what_is_in_force_and_why(cli: Program,
                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDIASVC_DATABASE", "postgresql://me:secret@host/db")
    done = cli("config", "show")
    row = {line["key"]: line for line in done.of("setting")}["database"]
    assert row["value"] == "postgresql://me:***@host/db"
    assert row["origin"] == "MEDIASVC_DATABASE"
    text = cli.text("config", "show").stdout
    assert "secret" not in text
    assert tomllib.loads(text)["site"]["issuer"] == "LOCAL"


def test_a_named_configuration_that_is_missing_is_an_error(cli: Program, tmp_path: Path) -> None:
    done = cli("--config", tmp_path / "none.toml", "config", "show")
    assert done.code == 3
    assert "no such file" in done.stderr
