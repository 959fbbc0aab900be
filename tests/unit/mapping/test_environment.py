"""`${...}` is resolved late, says what is missing and where, and remembers secrets."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.mapping.env_file import read_env
from engine.mapping.environment import Environment, reference_fault
from engine.values.errors import ConfigError, Place

HERE = Place(file="mappings/project.yaml", line=9, column=5)

DOTENV = """\
# comment
PLAIN=plain value   # a comment
export EXPORTED = exported
SINGLE='single # $NOT "expanded"'   # a comment
DOUBLE="line\\nnext \\"quoted\\""
EMPTY=
HASH=a#b
OVERRIDDEN=from the file
"""


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    (tmp_path / ".env").write_text(DOTENV, encoding="utf-8")
    (tmp_path / "secret").write_text("from a file\n", encoding="utf-8")
    return Environment(tmp_path, {"OVERRIDDEN": "from the environment", "USER": "u", "PASS": "p%40ss/1", "BLANK": ""})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no reference", "no reference"),
        ("${PLAIN}", "plain value"),
        ("${EXPORTED}", "exported"),
        ("${SINGLE}", 'single # $NOT "expanded"'),
        ("${DOUBLE}", 'line\\nnext "quoted"'),
        ("[${EMPTY}]", "[]"),
        ("${HASH}", "a#b"),
        ("${OVERRIDDEN}", "from the environment"),
        ("${NOT_SET:-a default}", "a default"),
        ("${NOT_SET:-}", ""),
        ("${BLANK:-a default}", "a default"),
        ("${USER:-a default}", "u"),
        ("db://${USER}:${PASS}@host/x", "db://u:p%40ss/1@host/x"),
        ("${file:secret}", "from a file"),
        ("$${PLAIN} and $5", "${PLAIN} and $5"),
    ],
)
def test_references_are_replaced(environment: Environment, text: str, value: str) -> None:
    assert environment.resolve(text, HERE) == value


def test_a_missing_variable_is_named_with_its_place_and_remedy(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        Environment(tmp_path, {}).resolve("${ERP_URL}", HERE)

    assert caught.value.code == "E_MISSING_VARIABLE"
    assert str(caught.value) == (
        "mappings/project.yaml:9:5: the variable ERP_URL is not set: "
        f"export it, or write ERP_URL=... to {tmp_path / '.env'}"
    )


def test_a_missing_file_is_named_with_its_place_and_remedy(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        Environment(tmp_path, {}).resolve("${file:/run/none/x}", HERE)

    assert caught.value.code == "E_MISSING_VARIABLE"
    assert str(caught.value) == (
        "mappings/project.yaml:9:5: ${file:/run/none/x} cannot be read (No such file or directory): "
        "create /run/none/x, or correct the path"
    )


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("large", b"x" * 65_537, "it has more than 65,536 bytes"),
        ("binary", b"\xff\xfe\x00", "it is not UTF-8 text"),
        ("/dev/zero", None, "it is no file"),
        (".", None, "it is no file"),
    ],
)
def test_a_file_that_holds_no_value_is_refused_with_its_place(
    tmp_path: Path, name: str, content: bytes | None, reason: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)

    with pytest.raises(ConfigError) as caught:
        Environment(tmp_path, {}).resolve(f"${{file:{name}}}", HERE)

    remedy = f"create {tmp_path / name}, or correct the path"
    assert str(caught.value) == f"{HERE}: ${{file:{name}}} cannot be read ({reason}): {remedy}"


@pytest.mark.parametrize("text", ["\ufeffA=1\r\nexport B='2'\r\n", 'A=1\nB="2"', "# x\n\nA = 1 # y\nB=2\n\n"])
def test_the_env_file_may_be_written_as_editors_and_shells_do(tmp_path: Path, text: str) -> None:
    (tmp_path / ".env").write_bytes(text.encode())

    assert Environment(tmp_path, {}).resolve("${A}${B}", HERE) == "12"


def test_a_misspelt_reference_is_never_taken_literally(environment: Environment) -> None:
    with pytest.raises(ConfigError) as caught:
        environment.resolve("x${PLAIN", HERE)

    assert str(caught.value) == f"{HERE}: {reference_fault('${PLAIN')}"
    assert caught.value.code == "E_REFERENCE"


def test_what_is_missing_can_be_listed_without_failing(environment: Environment) -> None:
    texts = ["${B}${A}", "${PLAIN}", "${C:-x}", "$${D}", "${file:none}", "${file:secret}", "${A}"]

    assert environment.missing(texts) == ("A", "B", "file:none")


def test_only_what_is_said_to_be_secret_is_remembered(environment: Environment) -> None:
    environment.resolve("${PLAIN}", HERE)
    environment.resolve("Bearer ${EXPORTED}", HERE, secret=True)
    environment.resolve("[${EMPTY}]$${", HERE, secret=True)

    assert environment.secrets == {"Bearer exported", "exported", "[]${"}


def test_the_password_of_a_url_is_remembered_in_every_form(environment: Environment) -> None:
    environment.resolve("db://${USER}:${PASS}@host/x", HERE, secret=True)
    environment.resolve("odbc://?odbc_connect=Server%3Dh%3BPwd%3Dhunter2%3B", HERE, secret=True)

    assert environment.secrets == {
        "db://u:p%40ss/1@host/x",
        "p%40ss/1",
        "p@ss/1",
        "p%40ss%2F1",
        "odbc://?odbc_connect=Server%3Dh%3BPwd%3Dhunter2%3B",
        "hunter2",
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("A=1\nno assignment\n", ":2:1: not a line of the form KEY=VALUE"),
        ("A='open\n", ":1:1: the closing quote is missing, or text follows it"),
        ('A="x" y\n', ":1:1: the closing quote is missing, or text follows it"),
    ],
)
def test_a_bad_line_of_the_env_file_is_told(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / ".env").write_text(text, encoding="utf-8")

    with pytest.raises(ConfigError) as caught:
        Environment(tmp_path, {})

    assert (caught.value.code, str(caught.value)) == ("E_ENV_FILE", f"{tmp_path / '.env'}{message}")


def test_the_password_of_a_header_is_known_without_its_scheme(environment: Environment) -> None:
    environment.resolve("Basic dXNlcjpodW50ZXIyMjI=", HERE, secret=True)

    assert environment.secrets == {"Basic dXNlcjpodW50ZXIyMjI=", "dXNlcjpodW50ZXIyMjI=", "user:hunter222", "hunter222"}


def test_a_sqlite_file_is_no_secret(environment: Environment) -> None:
    environment.resolve("sqlite:////srv/acme/erp.sqlite", HERE, secret=True)

    assert environment.secrets == frozenset()


ENV = r"""
WINDOWS="C:\new\temp"
SHARE='\\server\share'
ESCAPED="a\\b \"c\" \$d \`e\`"
PLAIN=C:\new\temp
JOINED="one \
two"
KEY="-----BEGIN KEY-----
abc=#'x
-----END KEY-----"   # a comment
export SINGLE='first
second'
AFTER=1
"""


def test_backslashes_and_line_breaks_stay_as_in_a_shell(tmp_path: Path) -> None:
    assert read_env_of(tmp_path, ENV.encode()) == {
        "WINDOWS": "C:\\new\\temp",
        "SHARE": "\\\\server\\share",
        "ESCAPED": 'a\\b "c" $d `e`',
        "PLAIN": "C:\\new\\temp",
        "JOINED": "one two",
        "KEY": "-----BEGIN KEY-----\nabc=#'x\n-----END KEY-----",
        "SINGLE": "first\nsecond",
        "AFTER": "1",
    }


def read_env_of(folder: Path, content: bytes) -> dict[str, str]:
    (folder / ".env").write_bytes(content)
    return read_env(folder / ".env")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("A=1\n".encode("utf-16"), ":1:1: the file is UTF-16: save it as UTF-8"),
        ("A=1\n".encode("utf-16-le"), ":1:1: the file is UTF-16: save it as UTF-8"),
        ("A=1\nB=ł\n".encode("cp1250"), ":2:1: byte 0xB3 is not UTF-8: save the file as UTF-8"),
        (b"A=1\nB='x\ny\n", ":2:1: the closing quote is missing, or text follows it"),
        (b"A='x\ny'\nno assignment\n", ":3:1: not a line of the form KEY=VALUE"),
    ],
)
def test_an_env_file_that_cannot_be_read_is_told_with_its_line(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_env_of(tmp_path, content)

    assert str(caught.value) == f"{tmp_path / '.env'}{message}"
