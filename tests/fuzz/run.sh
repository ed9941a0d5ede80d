#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# run.sh SECONDS BUILD_DIR [TARGET…]: builds the fuzz targets with clang in BUILD_DIR-fuzz and runs each for its
# share of SECONDS. What they find stays in BUILD_DIR-fuzz/found; a finding is a failure.
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

export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
mkdir -p "$build/found"
failed=0
for name in "${targets[@]}"; do
    learned=$build/learned/$name
    mkdir -p "$learned"
    dictionary=()
    [ ! -f "$top/tests/fuzz/$name.dict" ] || dictionary=("-dict=$top/tests/fuzz/$name.dict")
    echo "== $name"
    "$build/tests/fuzz/fuzz_$name" -max_total_time=$((seconds / ${#targets[@]})) -timeout=10 -rss_limit_mb=2048 \
        -print_final_stats=1 -verbosity=1 -artifact_prefix="$build/found/$name-" "${dictionary[@]}" \
        "$learned" "$top/tests/fuzz/corpus/$name" >"$build/$name.log" 2>&1 || {
        failed=1
        tail -n 60 "$build/$name.log"
    }
    grep -a 'stat::number_of_executed_units\|^Done' "$build/$name.log" || true
done
exit $failed
