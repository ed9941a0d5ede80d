#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# run.sh SECONDS BUILD_DIR [TARGET…]: builds the fuzz targets with clang in BUILD_DIR-fuzz and lets each search
# for its share of SECONDS, one on every core. What they find stays in BUILD_DIR-fuzz/found; a finding is a
# failure.
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
seconds=${1:?seconds}
build=$(realpath -m "${2:?build folder}")-fuzz
shift 2

if [ ! -f "$build/build.ninja" ]; then
    CC=clang meson setup "$build" "$top" -Dfuzz=true -Dtests=disabled -Db_lundef=false \
        -Db_sanitize=address,undefined -Dbuildtype=debugoptimized
fi
ninja -C "$build" fuzzers

targets=("$@")
if [ ${#targets[@]} -eq 0 ]; then
    for source in "$top"/tests/fuzz/fuzz_*.c; do
        name=$(basename "$source" .c)
        targets+=("${name#fuzz_}")
    done
fi

fuzz_one() {
    local name=$1 log=$build/$1.log learned=$build/learned/$1 dictionary=() found=0
    mkdir -p "$learned"
    [ ! -f "$top/tests/fuzz/$name.dict" ] || dictionary=("-dict=$top/tests/fuzz/$name.dict")
    "$build/tests/fuzz/fuzz_$name" -max_total_time="$share" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
        -artifact_prefix="$build/found/$name-" "${dictionary[@]}" \
        "$learned" "$top/tests/fuzz/corpus/$name" >"$log" 2>&1 || found=1
    [ $found -eq 0 ] || tail -n 60 "$log"
    printf '%-10s %s\n' "$name" "$(grep -a '^Done' "$log" || echo 'FOUND SOMETHING')"
    return $found
}

mkdir -p "$build/found"
cores=$(nproc)
share=$((seconds * cores / ${#targets[@]} + 1))
export -f fuzz_one
export top build share
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
printf '%s\n' "${targets[@]}" | xargs -P "$cores" -I NAME bash -c 'fuzz_one NAME'
