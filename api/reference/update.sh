#!/bin/sh
# Replaces RapiDoc by the version in VERSION, from its npm package. Run it after changing VERSION; read NOTICES and LICENSE again.
set -eu
cd "$(dirname "$0")"
version=$(cat VERSION)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
npm pack --silent --pack-destination "$work" "rapidoc@$version" >/dev/null
tar -xzf "$work/rapidoc-$version.tgz" -C "$work"
cp "$work/package/dist/rapidoc-min.js.gz" rapidoc-min.js.gz
cp "$work/package/dist/rapidoc-min.js.LICENSE.txt" NOTICES
cp "$work/package/LICENSE.txt" LICENSE
