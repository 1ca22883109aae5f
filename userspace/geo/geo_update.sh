#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# geo_update.sh - gets country and AS data and makes flowxdp's geo database of it (`flowxdp geo update`).
#
# Without --country and --asn: the npm packages @ip-location-db/geo-whois-asn-country-mmdb and @ip-location-db/asn.
# With them: files, or http(s) addresses; .gz is unpacked. Nothing is left behind but the database.
# Exit: 0 done, 1 something failed (the old database stays), 2 usage.
set -eu

usage() {
    cat <<'EOF'
usage: geo_update.sh [--output FILE] [--country FILE|URL]... [--asn FILE|URL]... [--attribution TEXT]... [--flowxdp PROGRAM]
EOF
}

die() {
    echo "flowxdp: geo update: $1" >&2
    exit "${2:-1}"
}

country_package=@ip-location-db/geo-whois-asn-country-mmdb
asn_package=@ip-location-db/asn
country_attribution='Countries: ip-location-db geo-whois-asn-country, from data of the NRO (https://www.nro.net), CC BY 4.0, changed'
asn_attribution='AS numbers: ip-location-db asn, from data of RouteViews (https://www.routeviews.org), the NRO (https://www.nro.net) and IP to ASN Lite by DB-IP (https://db-ip.com), CC BY 4.0, changed'

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
program=flowxdp
output=
user_sources=no
fetched=0
# Sources and attribution collect here as options of `flowxdp geo import`, one word per line, so that any name may come.
: >"$work/words"

word() {
    case $1 in *"
"*) die "a line break in \"$1\"" 2 ;; esac
    printf '%s\n' "$1" >>"$work/words"
}

# fetch SOURCE: prints the name of a local file with its content.
fetch() {
    case $1 in
    http://* | https://*)
        name="$work/$fetched-$(basename "${1%%\?*}")"
        if command -v curl >/dev/null 2>&1; then
            curl -fsSL --retry 2 -o "$name" "$1" || die "cannot get $1 (curl)"
        elif command -v wget >/dev/null 2>&1; then
            wget -q -O "$name" "$1" || die "cannot get $1 (wget)"
        else
            die "neither curl nor wget is installed: download $1 and give the file"
        fi
        ;;
    *)
        name=$1
        [ -r "$name" ] || die "$name: cannot read it"
        ;;
    esac
    case $name in
    *.gz)
        gzip -dc "$name" >"$work/$fetched.unpacked" || die "$1: cannot unpack"
        name="$work/$fetched.unpacked"
        ;;
    esac
    printf '%s\n' "$name"
}

# npm_package NAME FOLDER: unpacks the newest version into FOLDER and prints its version.
npm_package() {
    command -v npm >/dev/null 2>&1 ||
        die "npm is not installed: give --country and --asn files, e.g. from https://github.com/sapics/ip-location-db/releases"
    mkdir -p "$2"
    (cd "$2" && npm pack --silent "$1" >name.txt 2>npm.log) || {
        cat "$2/npm.log" >&2
        die "npm cannot get $1: give --country and --asn files, e.g. from https://github.com/sapics/ip-location-db/releases"
    }
    # npm may print notices first; the last line names the archive.
    archive=$(tail -n 1 "$2/name.txt")
    tar -xzf "$2/$archive" -C "$2" || die "$archive: cannot unpack"
    sed -n 's/^ *"version": *"\([^"]*\)".*/\1/p' "$2/package/package.json" | head -n 1
}

while [ $# -gt 0 ]; do
    case $1 in
    -h | --help)
        usage
        exit 0
        ;;
    --output | --country | --asn | --attribution | --flowxdp) [ $# -ge 2 ] || die "$1 needs a value" 2 ;;
    *)
        usage >&2
        die "unknown option $1" 2
        ;;
    esac
    case $1 in
    --output) output=$2 ;;
    --flowxdp) program=$2 ;;
    --attribution)
        word --attribution
        word "$2"
        ;;
    --country | --asn)
        fetched=$((fetched + 1))
        file=$(fetch "$2") || exit 1
        word "$1"
        word "$file"
        user_sources=yes
        ;;
    esac
    shift 2
done

if [ "$user_sources" = no ]; then
    version=$(npm_package $country_package "$work/country") || exit 1
    echo "$country_package $version"
    word --country
    word "$work/country/package/geo-whois-asn-country.mmdb"
    version=$(npm_package $asn_package "$work/asn") || exit 1
    echo "$asn_package $version"
    for part in ipv4 ipv6; do
        word --asn
        word "$work/asn/package/asn-$part.csv"
    done
    for line in "$country_attribution" "$asn_attribution"; do
        word --attribution
        word "$line"
    done
    echo "The packages' maker has stopped them in favour of https://github.com/sapics/ip-location-db/releases: their data ages."
fi
if [ -n "$output" ]; then
    word --output
    word "$output"
fi

set --
while IFS= read -r line; do
    set -- "$@" "$line"
done <"$work/words"
"$program" geo import "$@"
