#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# release.sh [--tree BUILD] [--into DIR] [VERSION]: makes the files of a release from the commit that is checked out: source and binary
# tar.gz, Debian packages, SBOM (SPDX 2.3) and SHA256SUMS. Says on standard output what it made.
#   VERSION       what is meant; refused when CMakeLists.txt or CHANGELOG.md say another one
#   --into DIR    where to; must not be there (default build/release-files)
#   --tree BUILD  packages of this build tree, not of a new build/package
# Refused too: changes that are not committed, and lines in CHANGELOG.md below [Unreleased], which no version would have.
#
# The same commit in the same folder, with the same versions of Debian's packages, gives the same bytes: times are the commit's. In
# another folder the debug symbols differ, which name it, and with them the build ids of the binaries.
set -euo pipefail
root=$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")

refuse() {
    printf 'release.sh: %s\n' "$*" >&2
    exit 1
}

tree="" into=$root/build/release-files wanted=""
while (($#)); do
    case $1 in
    --tree | --into)
        if (($# < 2)); then
            refuse "$1 wants a folder"
        fi
        if [[ $1 == --tree ]]; then
            tree=$(readlink -f "$2")
        else
            into=$(readlink -m "$2")
        fi
        shift 2
        ;;
    -*)
        sed -n '3,/^set /{/^#/s/^# \{0,1\}//p}' "$0" >&2
        exit 2
        ;;
    *)
        wanted=$1
        shift
        ;;
    esac
done

cd "$root"
commit=$(git rev-parse --verify HEAD) || refuse "$root is no git tree with a commit"
changes=$(git status --porcelain)
if [[ $changes ]]; then
    refuse "there are changes that are not committed: $(head -n 1 <<<"$changes")"
fi
version=$(sed -n 's/^project(flowxdp VERSION \([0-9.]*\) .*/\1/p' CMakeLists.txt)
if [[ ! $version ]]; then
    refuse "CMakeLists.txt names no version"
fi
if [[ $wanted && $wanted != "$version" ]]; then
    refuse "CMakeLists.txt says version $version, not $wanted"
fi
listed=$(sed -n 's/^## \[\([0-9.]*\)\] - [0-9]\{4\}-[0-9][0-9]-[0-9][0-9]$/\1/p' CHANGELOG.md | head -n 1)
if [[ $listed != "$version" ]]; then
    refuse "the newest version of CHANGELOG.md is ${listed:-missing}, CMakeLists.txt says $version"
fi
if sed -n '/^## \[Unreleased\]/,/^## \[[0-9]/p' CHANGELOG.md | grep -q '^- '; then
    refuse "CHANGELOG.md has lines below [Unreleased]: move them to a version"
fi
if [[ -e $into ]]; then
    refuse "$into is there already"
fi

SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH TZ=UTC LC_ALL=C.UTF-8
if [[ ! $tree ]]; then
    # From the beginning: what is left of other commits is in no release.
    rm -rf build/package
    scripts/build.sh package all
    tree=$root/build/package
fi
built=$(sed -n 's/^set(CPACK_PACKAGE_VERSION "\(.*\)")$/\1/p' "$tree/CPackConfig.cmake")
if [[ $built != "$version" ]]; then
    refuse "$tree is of version ${built:-unknown}, not $version"
fi

mkdir -p "$(dirname "$into")"
work=$(mktemp -d "$into.XXXXXX")
trap 'rm -rf "$work"' EXIT
files=$work/files
mkdir "$files"

git archive --format=tar --prefix="flowxdp-$version/" "$commit" | gzip -9n >"$files/flowxdp-$version.tar.gz"

cpack -G TGZ -B "$work/tgz" --config "$tree/CPackConfig.cmake" >"$work/log" 2>&1 || refuse "cpack -G TGZ: $(tail -n 3 "$work/log")"
mkdir "$work/unpacked"
for archive in "$work"/tgz/*.tar.gz; do
    tar -xf "$archive" -C "$work/unpacked"
    # cpack's has the times and the order of this folder.
    tar --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner -C "$work/unpacked" -c "$(basename "$archive" .tar.gz)" |
        gzip -9n >"$files/$(basename "$archive")"
done

cpack -G DEB -B "$work/deb" --config "$tree/CPackConfig.cmake" >"$work/log" 2>&1 || refuse "cpack -G DEB: $(tail -n 3 "$work/log")"
cp "$work"/deb/*.deb "$files"

packaging/sbom.py --version "$version" --commit "$commit" "$files"/* >"$work/sbom"
mv "$work/sbom" "$files/flowxdp-$version.spdx.json"
(cd "$files" && sha256sum -- *) >"$work/sums"
mv "$work/sums" "$files/SHA256SUMS"
chmod 755 "$files"
chmod 644 "$files"/*
mv "$files" "$into"
echo "$into:"
(cd "$into" && wc -c -- *)
