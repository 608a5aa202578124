# Sourced by the commands in this folder: where the project is, one-line messages, and the
# two things each of them may need first (Debian packages, npm packages). Installs nothing
# that is already there, and never changes the project's files.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
PATH=$PATH:/usr/sbin:/sbin
cd "$ROOT" || exit 1

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
  BOLD=$'\e[1m' DIM=$'\e[2m' RED=$'\e[31m' GREEN=$'\e[32m' RESET=$'\e[0m'
else
  BOLD='' DIM='' RED='' GREEN='' RESET=''
fi

say() { printf '%s\n' "$*"; }
warn() { printf '%s\n' "$*" >&2; }
die() {
  printf '%s: %s\n' "$(basename "$0")" "$*" >&2
  exit 1
}

require_node() {
  command -v node >/dev/null || die 'Node.js 20 or newer is missing: install nodejs and npm'
  node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' ||
    die "Node.js 20 or newer is needed, this is $(node --version)"
  command -v npm >/dev/null || die 'npm is missing: install it beside Node.js'
}

require_root() {
  [ "$(id -u)" = 0 ] || die "needs root ($1); run it with sudo"
}

require_fuse() {
  [ -c /dev/fuse ] || die '/dev/fuse is missing: load the fuse module, or give the container the device (--device /dev/fuse)'
}

# need_packages COMMAND:PACKAGE ... installs the Debian packages whose command is not there.
need_packages() {
  local pair missing=()
  for pair in "$@"; do
    command -v "${pair%%:*}" >/dev/null || missing+=("${pair#*:}")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  command -v apt-get >/dev/null || die "these Debian packages are missing: ${missing[*]}"
  [ "$(id -u)" = 0 ] || die "these Debian packages are missing and only root can install them: ${missing[*]}"
  say "Installing Debian packages: ${missing[*]}"
  apt_install "${missing[@]}" || die "apt-get could not install: ${missing[*]}"
}

# need_libraries SONAME:PACKAGE ... the same for libraries that are loaded at run time.
need_libraries() {
  local pair missing=() known
  known=$(ldconfig -p)
  for pair in "$@"; do
    [[ $known == *"${pair%%:*}"* ]] || missing+=("${pair#*:}")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  say "Installing Debian packages: ${missing[*]}"
  apt_install "${missing[@]}"
}

apt_install() {
  local log
  log=$(mktemp)
  if ! apt_get install -y --no-install-recommends "$@" >"$log" 2>&1; then
    # Package lists may be old, or not there at all on a fresh system.
    if ! { apt_get update && apt_get install -y --no-install-recommends "$@"; } >"$log" 2>&1; then
      tail -n 5 "$log" >&2
      rm -f "$log"
      return 1
    fi
  fi
  rm -f "$log"
}

apt_get() {
  DEBIAN_FRONTEND=noninteractive timeout 600 \
    apt-get -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 "$@" </dev/null
}

# Installs the npm packages of the lock file when they are not there, or others than locked.
need_npm() {
  require_node
  local stamp=node_modules/.plyfs-lock
  if cmp -s package-lock.json "$stamp"; then return 0; fi
  mkdir -p .build
  (
    flock 9
    cmp -s package-lock.json "$stamp" && exit 0
    say 'Installing npm packages'
    npm ci --no-audit --no-fund --loglevel=error </dev/null || exit 1
    cp package-lock.json "$stamp"
  ) 9>.build/npm.lock || die 'npm ci failed'
}
