# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Shared by bootstrap (POSIX sh), qemu-tree and qemu-build (bash): the release
# line, the build directory, error and progress messages, the lock, and apt with
# private lists.  Sourced, with $top set to the top of the checkout.
#
# Environment: LINE, BUILD, QEMU_SRC, QEMU_TARBALL, MIN_FREE_MB.
#
# Progress goes to stdout; an error is one line on stderr, beginning with "error: ".

# shellcheck disable=SC2034,SC2154 # $top comes from, and the rest goes to, the script
# that sources this.

say() { printf '%s\n' "$*"; }

# In one line of readable length, whatever a user's value holds.
die() {
    printf 'error: %s' "$*" | tr '[:cntrl:]' '?' |
        awk 'length($0) > 1000 { $0 = substr($0, 1, 600) " [...] " substr($0, length($0) - 299) } 1' >&2
    exit 1
}

# Nothing of the user's locale in what we parse or sort.
export LC_ALL=C

# setup_line: the release line to work on, as $LINE; its files in $patches.
setup_line() {
    [ -n "${LINE-unset}" ] ||
        die 'LINE is empty: name a release line with LINE=10.0, or do not set it'
    LINE=${LINE:-10.0}
    patches=$top/patches/$LINE
    case $LINE in
    */* | .*) ;;
    *) [ -f "$patches/base" ] && return ;;
    esac
    have=
    for base in "$top"/patches/*/base; do
        [ -f "$base" ] || continue
        base=${base%/base}
        have="$have ${base##*/}"
    done
    die "LINE=$LINE: no such release line; available:${have:- none}"
}

# setup_build: sets $BUILD to the absolute build directory, and creates it if
# needed.  Also checks QEMU_SRC and QEMU_TARBALL, before anything is installed,
# fetched or unpacked.
setup_build() {
    # Not the default: what make does with an empty one would end in /.
    [ -n "${BUILD-unset}" ] ||
        die 'BUILD is empty: name a build directory with BUILD=dir, or do not set it'
    BUILD=${BUILD:-$top/build}
    case $BUILD in /*) ;; *) BUILD=$PWD/$BUILD ;; esac
    case $BUILD in
    *[[:space:]:]*)
        die "BUILD=$BUILD: QEMU's configure takes no path with a space or a colon; choose another" ;;
    esac
    # A real write: -w says yes to root on a read-only file system.  By `true`:
    # where a redirection of a special builtin such as `:` or `exec` fails, a
    # POSIX shell (dash, or bash as sh) exits on the spot.
    if ! { mkdir -p "$BUILD/log" && true >"$BUILD/log/.probe.$$" && rm "$BUILD/log/.probe.$$"; } 2>/dev/null
    then
        die "cannot write to the build directory $BUILD; make it writable or choose another with BUILD=dir"
    fi
    for file in "$BUILD"/log/*; do
        [ ! -e "$file" ] || [ -w "$file" ] || die_not_ours "$file"
    done
    tree=$BUILD/qemu-$LINE
    gitdir=$BUILD/qemu-$LINE.git
    if [ -n "${QEMU_SRC:-}" ]; then
        if ! [ -f "$QEMU_SRC/VERSION" ] || ! [ -f "$QEMU_SRC/configure" ]; then
            die "QEMU_SRC=$QEMU_SRC: not a QEMU source directory (it has no VERSION and configure)"
        fi
        case $(cd "$QEMU_SRC" && pwd -P)/ in
        "$(cd "$BUILD" && pwd -P)"/*)
            die "QEMU_SRC=$QEMU_SRC: is inside the build directory; name a tree of your own" ;;
        esac
    elif [ -n "${QEMU_TARBALL:-}" ]; then
        if ! [ -f "$QEMU_TARBALL" ] || ! [ -r "$QEMU_TARBALL" ]; then
            die "QEMU_TARBALL=$QEMU_TARBALL: no such file, or not readable"
        fi
    fi
    return 0
}

# die_not_ours FILE: somebody else's, such as root's after `sudo make`.
die_not_ours() {
    die "cannot write to $1; chown it, remove it, or choose another build directory with BUILD=dir"
}

# One make at a time in a build directory.  The lock ends with the process that
# holds fd 9, so a killed run does not leave it behind.
lock_build() {
    # Tried in a subshell: where exec fails, a POSIX shell exits.
    (exec 9>"$BUILD/lock") 2>/dev/null || die_not_ours "$BUILD/lock"
    exec 9>"$BUILD/lock"
    flock -n 9 && return
    say "waiting for another run that works in $BUILD"
    flock 9
}

free_mb() { df -Pk "$BUILD" | awk 'NR == 2 { print int($4 / 1024) }'; }

# need_free MB: fails early instead of after minutes.  MIN_FREE_MB overrides the
# number, for file systems that compress.
need_free() {
    case ${MIN_FREE_MB:-$1} in
    *[!0-9]* | ???????????????*) die "MIN_FREE_MB=$MIN_FREE_MB: not a number of megabytes" ;;
    esac
    [ "$(free_mb)" -ge "${MIN_FREE_MB:-$1}" ] ||
        die "no space: $BUILD has $(free_mb) MB free, needs ${MIN_FREE_MB:-$1} MB; make room or choose another with BUILD=dir"
}

# die_no_space: dies if that is why a command failed.
die_no_space() {
    if [ "$(free_mb)" -lt 2 ] || grep -qs 'No space left on device' "${1:-/dev/null}"; then
        die "no space left in $BUILD; make room or choose another with BUILD=dir"
    fi
}

# run_logged LOG COMMAND...: runs it with all output in build/log/LOG.
run_logged() {
    log=$BUILD/log/$1
    shift
    "$@" >"$log" 2>&1
}

# run_shown LOG COMMAND...: the same for a long step that shows its own progress
# well: on a terminal it may.
run_shown() {
    [ -t 1 ] || { run_logged "$@"; return; }
    true >"$BUILD/log/$1"
    shift
    "$@"
}

# die_logged LOG MESSAGE: one clear line, then the log's tail for the cause.
die_logged() {
    log=$BUILD/log/$1
    shift
    die_no_space "$log"
    printf 'error: %s; the end of %s:\n' "$*" "$log" >&2
    tail -n 15 "$log" | sed 's/^/    /' >&2
    exit 1
}

# base_get KEY: the values of KEY in the line's base, one line each.
base_get() {
    sed -n "s/^$1[[:space:]]*=[[:space:]]*//p" "$patches/base"
}

# --- apt, without changing the system's own sources and lists ---

# The Debian mirrors that this machine already uses: lines "main URI" and
# "security URI".  apt tells them from its package lists; where none were ever
# fetched (a fresh container), from the addresses that it would fetch.
apt_mirrors() {
    # shellcheck disable=SC2016 # the $( ) is apt's own format
    found=$(apt-get indextargets --format '$(LABEL)|$(REPO_URI)' \
                'Identifier: Packages' 'Origin: Debian' 2>/dev/null |
            sed -n 's/^Debian|/main /p; s/^Debian-Security|/security /p' | sort -u)
    if [ -z "$found" ]; then
        empty=$BUILD/apt/empty
        mkdir -p "$empty/partial"
        names='bookworm|trixie|forky|duke|sid|unstable|testing|stable|oldstable'
        found=$(apt-get update --print-uris -o Dir::State::lists="$empty" 2>/dev/null |
            sed -nE "s#^'(.*)dists/($names)/InRelease'.*#main \\1#p
                     s#^'(.*)dists/($names)(-security|/updates)/InRelease'.*#security \\1#p" |
            sort -u)
    fi
    printf '%s\n' "$found" | grep -v '[[:space:]]cdrom:' || :
}

# apt_setup NAME: private lists in build/apt/NAME, for apt_private.
apt_setup() {
    apt_dir=$BUILD/apt/$1
    { rm -rf "$apt_dir/parts" &&
        mkdir -p "$apt_dir/parts" "$apt_dir/lists/partial" "$apt_dir/cache/archives/partial"
    } 2>/dev/null || die_not_ours "$apt_dir"
    # The option of a line in a sources.list
    apt_keyring=
    for apt_key in /usr/share/keyrings/debian-archive-keyring.*; do
        [ ! -f "$apt_key" ] || apt_keyring="[signed-by=$apt_key]"
    done
}

# apt_private COMMAND...: runs apt-get or apt-cache (also through sudo) with those.
apt_private() {
    # apt takes options anywhere; last, they also work behind `sudo`.
    set -- "$@" \
        -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$apt_dir/parts" \
        -o Dir::State::lists="$apt_dir/lists" -o Dir::Cache="$apt_dir/cache" \
        -o Acquire::Retries=3 -o Acquire::Languages=none
    # Root's apt downloads as user _apt, who may not enter a checkout below
    # somebody's home; apt would warn and go on as root anyway.
    [ "$(id -u)" != 0 ] || set -- "$@" -o APT::Sandbox::User=root
    "$@"
}
