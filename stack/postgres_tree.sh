#!/usr/bin/env bash
# Makes or refreshes a private Postgres installation: postgres_tree.sh DIRECTORY EXTENSION_PACKAGE
# Exits 0; prints "changed" when a running server must be restarted to see the difference.
#
# A Postgres server finds its libraries and extensions relative to its own binary. So a directory with copies of the
# few binaries that do, links to Debian's other files, and our extension is an installation of its own. The extension
# is never written to /usr: that needs no root, and neither `make test` nor another checkout can overwrite the library
# that live servers of this stack have mapped.
source "$(dirname "$0")/paths.sh"

tree=$1
package=$2
share=share/postgresql/$POSTGRES_MAJOR
lib=lib/postgresql/$POSTGRES_MAJOR

# A new inode each time, because a running server still maps the old one.
replace() { # FILE DIRECTORY
  local target
  target=$2/$(basename "$1")
  if [[ ! -L $target ]] && cmp -s "$1" "$target"; then return; fi
  cp "$1" "$target.new"
  mv -f "$target.new" "$target"
  changed=true
}

changed=false
mkdir -p "$tree/$lib/bin" "$tree/$lib/lib" "$tree/$share"
cp --archive --symbolic-link --no-clobber "/usr/$lib/lib/." "$tree/$lib/lib"
cp --archive --symbolic-link --no-clobber "/usr/$share/." "$tree/$share"
for binary in initdb pg_config pg_ctl postgres; do
  replace "$POSTGRES_BIN/$binary" "$tree/$lib/bin"
done
replace "$package/usr/$lib/lib/octroi.so" "$tree/$lib/lib"
for file in "$package/usr/$share/extension"/octroi*; do
  replace "$file" "$tree/$share/extension"
done
ln -sfn "$lib/bin" "$tree/bin"

if $changed; then echo changed; fi
