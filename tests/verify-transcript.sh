#!/bin/sh
# Verifies the transcript of a run as docs/transcript-format.md says, without any code of Backstay.
# Usage: verify-transcript.sh RUN-DIRECTORY
# Prints one verdict; exits 0 for `unsigned` (whole and sealed), 1 for any other, 2 where it cannot tell.
# Needs jq and sha256sum.
set -uf
export LC_ALL=C
dir=${1:?usage: verify-transcript.sh RUN-DIRECTORY}
records=$dir/transcript.jsonl
seal=$dir/seal.json
[ -r "$records" ] || { echo "no transcript in $dir" >&2; exit 2; }
scratch=$(mktemp -d) || exit 2
trap 'rm -rf "$scratch"' EXIT

verdict() {
  echo "$1"
  [ "$1" = unsigned ] && exit 0
  exit 1
}
# Whether the first line of a file is a JSON object whose whole-number format is not 1.
other_format() {
  format=$(head -n 1 "$1" | jq -r '.format | if type == "number" then tostring else empty end' 2>/dev/null)
  case $format in '' | 1 | *[!0-9]*) return 1 ;; esac
}

other_format "$records" && verdict version

# What is needed of each record, a line each; a line that is no object gives none, and the numbers disagree.
jq -Rr 'fromjson | [.seq, .prev, .kind] + if .seq == 1 then [.format == 1, .run] else [null, null] end
  + [if .kind == "run.end" then .end else null end] | map(if . == null then "-" else tostring end) | join(" ")' \
  <"$records" >"$scratch/fields" 2>/dev/null

lines=$(wc -l <"$records")
prev=$(printf '%064d' 0)
count=0 bytes=0 run= end= kind=
# The seals that the ends so far have to have; and those that are written before the last record, at the latest.
: >"$scratch/seals" && : >"$scratch/earlier"
exec 3<"$scratch/fields" 4<"$records"
while [ "$count" -lt "$lines" ]; do
  count=$((count + 1)) last=$kind/$end
  IFS= read -r line <&4
  IFS= read -r fields <&3 || verdict altered
  # shellcheck disable=SC2086 # the fields are split on purpose
  set -- $fields
  [ $# -eq 6 ] && [ "$1" = "$count" ] && [ "$2" = "$prev" ] || verdict altered
  kind=$3 end=$6
  [ "$count" = 1 ] && run=$5
  case $count/$kind/$4 in 1/run.start/true) ;; 1/* | */run.start/* | */-/*) verdict altered ;; esac
  case $last/$kind in
    run.end/stuck/run.resumed) cp "$scratch/seals" "$scratch/earlier" ;;
    run.end/*) verdict altered ;;
  esac
  prev=$(printf '%s\n' "$line" | sha256sum | cut -d' ' -f1)
  bytes=$((bytes + ${#line} + 1))
  [ "$kind" = run.end ] &&
    printf '{"format":1,"run":"%s","records":%d,"bytes":%d,"head":"%s","end":"%s"}\n' \
      "$run" "$count" "$bytes" "$prev" "$end" >>"$scratch/seals"
done

# Every output that a record names is there, and is what was kept.
head -n "$lines" "$records" | jq -r 'select(.kind == "outcome") | (.blobs // [])[]
  | .[1] | if type == "string" and test("^[0-9a-f]{64}$") then . else "-" end' >"$scratch/outputs" 2>/dev/null
while IFS= read -r digest; do
  output=$dir/blobs/$digest
  [ -f "$output" ] && [ ! -L "$output" ] || verdict altered
  [ "$(sha256sum <"$output" | cut -d' ' -f1)" = "$digest" ] || verdict altered
done <"$scratch/outputs"

[ -e "$seal" ] && [ ! -s "$seal" ] && verdict altered
if [ -e "$seal" ]; then cat "$seal"; fi >"$scratch/seal"
sealed_as() { cmp -s "$scratch/$1" "$scratch/seal"; }
if [ "$(tail -c 1 "$records" | od -An -tx1 | tr -d ' ')" != 0a ] && [ -s "$records" ]; then
  sealed_as earlier && verdict torn
  [ "$kind/$end" = run.end/stuck ] && sealed_as seals && verdict torn
  verdict altered
fi
other_format "$scratch/seal" && verdict version
if [ "$kind" = run.end ]; then
  sealed_as seals && verdict unsigned
  sealed_as earlier && verdict unsealed
elif sealed_as seals; then
  verdict unsealed
fi
verdict altered
