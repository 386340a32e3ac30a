#!/bin/sh
# Starts waybill with secrets that stand in files: for each variable NAME_FILE that names a file in /run/secrets, NAME becomes
# what the file holds, without its last line end. One that is missing or empty ends it here, and is named. Other variables
# with such a name (SSL_CERT_FILE) mean something else, and stay as they are.
set -eu

secrets=${WAYBILL_SECRETS:-/run/secrets}
names=$(awk 'BEGIN { for (name in ENVIRON) if (name ~ /^[A-Z][A-Z0-9_]*_FILE$/) print name }')
for name in $names; do
  eval "file=\$$name"
  case $file in
    "$secrets"/*) ;;
    *) continue ;;
  esac
  value=$(cat "$file") || value=
  if [ -z "$value" ]; then
    echo "$name names $file, which cannot be read or is empty" >&2
    exit 3
  fi
  export "${name%_FILE}=$value"
  unset "$name"
done
exec waybill "$@"
