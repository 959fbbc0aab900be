# shellcheck shell=sh disable=SC2015,SC2154
# The checkout's own environment: makes, updates and repairs .venv. Sourced by one-sync, test and check.
#
# Before:  tool    the name in front of every message
#          self    the real path of the started script in bin/
#          wanted  extras of pyproject.toml the tool needs, separated by commas or spaces
# After:   checkout, venv, python   absolute paths; the environment is complete
#
# Every start compares; python is only asked when something must be done. .venv/setup holds what is compared:
#   pyproject.toml   as it was when .venv was made: the content counts, a touched file changes nothing
#   made-for         the checkout's path (the editable install points there) and the extras .venv has
#   unfinished       stands while .venv is being changed: what a killed start left is removed and made anew
#   lock             flock'ed by a start that changes .venv and by its children, so it ends with the last of them
#   log              what uv or pip said last
#
# Extras add up: what .venv once got it keeps, through updates and repairs, until someone removes .venv.

checkout=${self%/bin/*}
venv=$checkout/.venv
python=$venv/bin/python
setup=$venv/setup
unset PYTHONHOME # would make the environment's python look for its library elsewhere

fail() { # code, message: ends the start; nothing was attempted (exit 2)
    printf '%s: %s: %s\n' "$tool" "$1" "$2" >&2
    exit 2
}

# ---- the comparison

missing_extras() { # sets missing: those of wanted that .venv does not have
    missing=''
    for extra in $wanted; do
        case " $extras " in *" $extra "*) ;; *) missing="${missing:+$missing }$extra" ;; esac
    done
}

read_made_for() {
    made_for='' extras=''
    if [ -r "$setup/made-for" ]; then
        { IFS= read -r made_for && IFS= read -r extras; } <"$setup/made-for"
    fi || :
}

is_ready() {
    [ -x "$python" ] && [ ! -e "$setup/unfinished" ] || return 1
    read_made_for
    missing_extras
    [ "$made_for" = "$checkout" ] && [ -z "$missing" ] && is_current
}

is_current() {
    [ -r "$setup/pyproject.toml" ] && [ "$(cat "$setup/pyproject.toml")" = "$(cat "$checkout/pyproject.toml")" ]
}

# ---- finding what to build with

find_interpreter() {
    # Its real path: after an upgrade of the system's Python the link in .venv dangles, and .venv is made anew.
    probe='import os, sys
print("%d.%d" % sys.version_info[:2] if sys.version_info < (3, 11) else os.path.realpath(sys.executable))
sys.exit(sys.version_info < (3, 11))'
    found=''
    for candidate in python3 python3.14 python3.13 python3.12 python3.11; do
        if answer=$("$candidate" -c "$probe" 2>/dev/null); then
            interpreter=$answer
            return
        fi
        found="$found${answer:+, $(command -v "$candidate") is $answer}"
    done
    fail E_PYTHON "Python 3.11 or newer is needed${found:-, none was found}; install it as python3 or python3.11 on the PATH"
}

check_extras() {
    known=$("$interpreter" -c 'import sys, tomllib
print(*tomllib.load(open(sys.argv[1], "rb"))["project"].get("optional-dependencies", {}))' \
        "$checkout/pyproject.toml" 2>/dev/null) || fail E_PYPROJECT "$checkout/pyproject.toml cannot be read as TOML; mend it"
    for extra in $wanted; do
        case " $known " in
        *" $extra "*) ;;
        *) fail E_UNKNOWN_EXTRA "pyproject.toml has no extra '$extra'; known are: $known (ONE_SYNC_EXTRAS)" ;;
        esac
    done
}

check_builder() {
    command -v uv >/dev/null || "$interpreter" -c 'import ensurepip, venv' 2>/dev/null || fail E_NO_VENV \
        "$interpreter has no venv module; install it (Debian, Ubuntu: apt install ${interpreter##*/}-venv), or put uv on the PATH"
}

# ---- changing .venv

take_lock() {
    mkdir -p "$setup" 2>/dev/null && [ -w "$setup" ] ||
        fail E_READ_ONLY "$venv is not set up for this checkout and cannot be written; start $tool once as a user who may, at this path"
    exec 9>>"$setup/lock"
    "$interpreter" -c 'import fcntl, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
try:
    fcntl.flock(9, fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
    print(sys.argv[1] + ": waiting: another start is setting up the environment", file=sys.stderr, flush=True)
    fcntl.flock(9, fcntl.LOCK_EX)' "$tool" || fail E_LOCK "$setup/lock cannot be locked; is $venv on a file system without locks?"
}

remove_environment() { # all but setup/, which holds the lock
    for entry in "$venv"/* "$venv"/.[!.]*; do
        [ "$entry" = "$setup" ] || rm -rf -- "$entry"
    done
}

create() {
    if command -v uv >/dev/null; then
        uv venv --allow-existing --python "$interpreter" "$venv"
    else
        "$interpreter" -m venv "$venv"
    fi
}

install() (
    cd "$checkout" || exit # '.' because pip reads brackets in a longer path as extras
    requirement=".${extras:+[$(printf '%s' "$extras" | tr ' ' ',')]}"
    if command -v uv >/dev/null; then
        uv pip install --python "$python" --editable "$requirement"
    else
        "$python" -c 'import pip' || "$python" -m ensurepip # uv made it, without pip
        PIP_USER=0 "$python" -m pip install --no-input --disable-pip-version-check --editable "$requirement"
    fi
)

why_it_failed() {
    if grep -qi 'no space left' "$setup/log"; then
        echo 'the disk is full: make room and start again'
    elif grep -qiE 'ProxyError|tunnel connection failed|407 proxy' "$setup/log"; then
        echo 'the proxy refused: set HTTPS_PROXY=http://user:password@host:port and start again'
    elif grep -qiE 'CERTIFICATE_VERIFY_FAILED|invalid peer certificate' "$setup/log"; then
        echo "the registry's certificate is not trusted: set PIP_CERT (uv: SSL_CERT_FILE) to your authority's file and start again"
    elif grep -qiE 'connection|name resolution|timed out|no matching distribution|error sending request' "$setup/log"; then
        echo 'the packages could not be fetched: look at the network (proxy: HTTPS_PROXY, mirror: PIP_INDEX_URL or UV_DEFAULT_INDEX) and start again'
    else
        echo "the reason is above; mend it and start again, or remove $venv for a fresh one"
    fi
}

give_up() {
    tail -n 15 "$setup/log" | sed 's/^/  | /' >&2
    fail E_SETUP "the environment could not be made ($setup/log): $(why_it_failed)"
}

make() { # from nothing: stays unfinished unless all of it succeeds
    remove_environment
    { create && install; } >"$setup/log" 2>&1 </dev/null || give_up
}

update() { # in place; one that failed before it changed a package leaves the old environment good
    install >"$setup/log" 2>&1 </dev/null && return
    grep -qE '^(Installing collected|Prepared)' "$setup/log" || rm -f "$setup/unfinished"
    give_up
}

say() {
    printf '%s: %s in %s (a minute or so; progress in %s)\n' "$tool" "$1" "$venv" "$setup/log" >&2
}

choose_change() { # sets change, and says why
    change='make'
    if [ -e "$setup/unfinished" ]; then
        say 'an earlier set-up was cut short: making the environment anew'
    elif [ ! -x "$python" ]; then
        say 'setting up the environment'
    elif [ "${made_for:-$checkout}" != "$checkout" ]; then
        say "the checkout was at $made_for: making the environment anew"
    else
        change='update'
        if [ -z "$made_for" ]; then # made by hand: kept, and brought to what pyproject.toml asks for
            say 'completing the environment'
        elif is_current; then
            say "adding $missing to the environment"
        else
            say 'pyproject.toml has changed: updating the environment'
        fi
    fi
}

set_up() {
    find_interpreter
    check_extras
    check_builder
    take_lock
    if ! is_ready; then # else another start has just done it
        read_made_for
        missing_extras
        choose_change
        : >"$setup/unfinished"
        extras="$extras${extras:+${missing:+ }}$missing"
        cp "$checkout/pyproject.toml" "$setup/pyproject.new" # before it is read: a later edit shows as a change
        "$change"
        mv "$setup/pyproject.new" "$setup/pyproject.toml"
        printf '%s\n%s\n' "$checkout" "$extras" >"$setup/made-for"
        rm "$setup/unfinished"
    fi
    exec 9>&-
}

case $wanted in
*[!A-Za-z0-9_,\ -]*) fail E_UNKNOWN_EXTRA "ONE_SYNC_EXTRAS='$wanted' is not a list of extras such as postgres,mysql" ;;
*,*) wanted=$(printf '%s' "$wanted" | tr ',' ' ') ;;
esac
is_ready || set_up
