# Sourced by scripts/demo, in the folder that keeps the layers: makes base, vim and httpd once.
# base is a minimal Debian; vim and httpd hold the files of the packages that base lacks for
# them. Where no mirror answers, a stand-in is made of the host's own programs.

STAND_IN=''

# Leaves the layers in place and says what to show of them.
make_layers() {
  if ! [ -f .complete ]; then
    rm -rf base vim httpd debs
    # A stand-in is for this once: the next time a mirror may answer.
    if make_debian_layers; then touch .complete; else make_stand_in; fi
    rm -rf debs base.log fetch.log
  fi
  if [ -n "$STAND_IN" ]; then
    EDITOR_PROGRAM=usr/bin/sed EDITED=etc/profile DELETED=etc/os-release
    SERVER_SHOWN=httpd/usr/bin/perl
  else
    EDITOR_PROGRAM=usr/bin/vim.tiny EDITED=etc/bash.bashrc DELETED=etc/issue
    SERVER_SHOWN=httpd/usr/sbin/apache2
  fi
  EDITOR_SHOWN=vim/$EDITOR_PROGRAM
}

make_debian_layers() {
  local suite mirror
  command -v apt-get >/dev/null || return 1
  (need_packages mmdebstrap:mmdebstrap curl:curl) || return 1
  suite=$(. /etc/os-release && echo "${VERSION_CODENAME:-bookworm}")
  mirror=$(mirror_of "$suite")
  say "Making the base layer: a minimal Debian $suite"
  timeout 300 mmdebstrap --quiet --mode=root --variant=minbase "$suite" base $mirror \
    >base.log 2>&1 </dev/null || { tail -n 3 base.log >&2; return 1; }
  package_layer vim vim-tiny && package_layer httpd apache2 vim-tiny
}

# The mirror that this host is set up for, so that a local one is used; else mmdebstrap's own.
mirror_of() {
  apt-get indextargets --format '$(SITE)' "Codename: $1" 'Created-By: Packages' \
    2>/dev/null | grep -v -i security | head -n 1
}

# package_layer LAYER PACKAGE [PRESENT...]: the files of PACKAGE and of what it needs beyond
# base and the packages PRESENT in the layers between.
package_layer() {
  local layer=$1 deb
  shift
  say "Making the layer $layer: Debian's $1"
  rm -rf debs
  mkdir -p debs/partial
  fetch_packages "$1" || { apt_get update >/dev/null 2>&1 && fetch_packages "$1"; } ||
    { tail -n 3 fetch.log >&2; return 1; }
  mkdir "$layer"
  for deb in debs/*.deb; do
    case " ${*:2} " in *" $(dpkg-deb -f "$deb" Package) "*) continue ;; esac
    dpkg-deb --extract "$deb" "$layer"
  done
  merge_usr "$layer"
}

# base has /lib as a link into /usr; a directory of that name in a layer would hide it.
merge_usr() {
  local name
  for name in bin sbin lib lib32 lib64 libx32; do
    [ -d "$1/$name" ] || continue
    mkdir -p "$1/usr/$name"
    cp -a "$1/$name/." "$1/usr/$name/"
    rm -r "${1:?}/$name"
  done
}

# apt reckons with base's list of packages instead of the host's.
fetch_packages() {
  timeout 300 apt-get install --download-only -y --no-install-recommends \
    -o Dir::State::status="$PWD/base/var/lib/dpkg/status" \
    -o Dir::Cache::archives="$PWD/debs" -o Debug::NoLocking=1 \
    -o APT::Sandbox::User=root -o Acquire::Retries=3 "$1" >fetch.log 2>&1 </dev/null
}

# The settings of a server that needs nothing of what Debian's installation scripts would make.
write_server_settings() {
  cat >"$1" <<EOF
ServerName localhost
Listen 127.0.0.1:$PORT
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule dir_module /usr/lib/apache2/modules/mod_dir.so
User www-data
Group www-data
PidFile /run/apache2.pid
ErrorLog /var/log/apache2/error.log
DocumentRoot /var/www/html
EOF
}

# Programs of the host with the libraries they need: small, but a real root all the same.
make_stand_in() {
  say 'No package mirror answers: making small layers of this host instead'
  rm -rf base vim httpd
  mkdir -p base/{dev,etc,proc,run,tmp,var} vim httpd
  add_programs base bash ls cat cp mv rm ln mkdir find grep head uname
  add_programs vim sed
  add_programs httpd perl
  printf 'PRETTY_NAME="a stand-in"\n' >base/etc/os-release
  printf 'PATH=/usr/bin:/bin\n' >base/etc/profile
  STAND_IN=yes
}

add_programs() {
  local layer=$1 name file
  shift
  for name in "$@"; do
    file=$(command -v "$name") || continue
    mkdir -p "$layer/usr/bin"
    cp -L "$file" "$layer/usr/bin/"
    ldd "$file" 2>/dev/null | grep -o '/[^ ]*' | while read -r file; do
      mkdir -p "$layer/usr$(dirname "${file#/usr}")"
      cp -L "$file" "$layer/usr${file#/usr}"
    done
  done
  # As in Debian, /bin and /lib are in /usr.
  if [ "$layer" = base ]; then
    for name in bin lib lib64; do
      mkdir -p "base/usr/$name"
      ln -s "usr/$name" "base/$name"
    done
  fi
}
