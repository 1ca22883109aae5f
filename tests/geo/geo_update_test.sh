#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# geo_update_test.sh GEO_TOOL SOURCE_DIR: the update script with files, with a stand-in for npm, and with npm failing.
set -eu
tool=$1
source=$2
data=$source/tests/geo/testdata
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() {
    echo "FAIL: $1" >&2
    exit 1
}
mkdir "$work/tmp" "$work/bin"
export TMPDIR="$work/tmp" FLOWXDP_GEO_UPDATE="$source/userspace/geo/geo_update.sh" SOURCE_DATE_EPOCH=1767225600

# Files of the user's, one packed, one with blanks in its name: the result is the committed test database.
gzip -c "$data/geo-test-asn.csv" >"$work/a s n.csv.gz"
"$tool" geo update --country "$data/geo-test-country.csv" --asn "$work/a s n.csv.gz" \
    --attribution "test data of flowxdp, BSD-2-Clause" -o "$work/out/geo.mmdb" >"$work/log"
cmp "$work/out/geo.mmdb" "$data/geo-test.mmdb" || fail "update with files made another database"
grep -q '^test data of flowxdp' "$work/log" || fail "no attribution printed"

# The same through an npm that packs our data under the public packages' file names.
cat >"$work/bin/npm" <<'EOF'
#!/bin/sh
set -eu
[ -z "${NPM_FAILS:-}" ] || { echo "npm error code ENOTFOUND" >&2; exit 1; }
mkdir -p "$FAKE/package"
echo '{ "name": "fake",
  "version": "1.2.3" }' >"$FAKE/package/package.json"
cp "$DATA/geo-test.mmdb" "$FAKE/package/geo-whois-asn-country.mmdb"
grep -v : "$DATA/geo-test-asn.csv" >"$FAKE/package/asn-ipv4.csv"
grep -E '^2[0-9a-f]*:' "$DATA/geo-test-asn.csv" >"$FAKE/package/asn-ipv6.csv"
tar -czf fake.tgz -C "$FAKE" package
echo fake.tgz
EOF
chmod +x "$work/bin/npm"
export FAKE="$work/fake" DATA="$data"
PATH="$work/bin:$PATH" "$tool" geo update -o "$work/npm.mmdb" >"$work/log"
grep -q 'CC BY 4.0' "$work/log" || fail "no licence printed"
[ "$("$tool" geo lookup --geo-country "$work/npm.mmdb" 143.166.11.10)" = "143.166.11.10	us	Dell, Inc." ] || fail "IPv4 label"
[ "$("$tool" geo lookup --geo-country "$work/npm.mmdb" 2a00:1450::1)" = "2a00:1450::1	ie	Google LLC" ] || fail "IPv6 label"
"$tool" geo status --geo-country "$work/npm.mmdb" | grep -q 'licence .*DB-IP.*CC BY 4.0' || fail "no licence in status"

# A failure keeps the old database, says why and what to do, and leaves nothing behind.
cp "$work/npm.mmdb" "$work/before.mmdb"
code=0
NPM_FAILS=1 PATH="$work/bin:$PATH" "$tool" geo update -o "$work/npm.mmdb" >"$work/log" 2>&1 || code=$?
[ $code -eq 1 ] || fail "exit code $code instead of 1"
cmp -s "$work/npm.mmdb" "$work/before.mmdb" || fail "a failed update touched the database"
grep -q 'ENOTFOUND' "$work/log" || fail "npm's reason is missing"
grep -q -e '--country and --asn' "$work/log" || fail "no way out named"
code=0
"$tool" geo update --country /nonexistent/c.csv >"$work/log" 2>&1 || code=$?
[ $code -eq 1 ] && grep -q '/nonexistent/c.csv: cannot read it' "$work/log" || fail "missing file not named"
[ -z "$(ls "$work/tmp")" ] || fail "temporary files left: $(ls "$work/tmp")"
echo ok
