# sh check-with-openssl.sh KEY: is the checkpoint signed by this key, and is each piece of data what it is named?
# KEY is the log's key as its owner told it to you some other way. Exit code 4 if something does not hold.
# Entries are not looked at here: node verify.mjs bundle --key KEY does that.
cd "$(dirname "$0")/bundle" || exit 1
key=$1
if [ -z "$key" ]; then
    key=$(cat vkey)
    echo "No key was given: this shows only that the folder agrees with itself." >&2
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
id=$(printf %s "$key" | cut -d+ -f2)
sed '/^$/,$d' checkpoint > "$work/text"
{ printf '\060\052\060\005\006\003\053\145\160\003\041\000'; printf %s "$key" | cut -d+ -f3- | base64 -d | tail -c 32; } > "$work/key.der"
signed=
for line in $(sed '1,/^$/d' checkpoint | cut -d' ' -f3); do
    printf %s "$line" | base64 -d > "$work/line"
    [ "$(head -c 4 "$work/line" | od -An -tx1 | tr -d ' \n')" = "$id" ] || continue
    tail -c 64 "$work/line" > "$work/signature"
    openssl pkeyutl -verify -pubin -keyform DER -inkey "$work/key.der" -rawin -in "$work/text" -sigfile "$work/signature" || exit 4
    signed=yes
done
[ -n "$signed" ] || { echo "The checkpoint is NOT signed by this key." >&2; exit 4; }
for blob in blobs/sha256/*/*; do echo "${blob##*/}  $blob"; done | sha256sum --check --quiet || exit 4
echo "The checkpoint is signed by this key, and each blob is what it is named. The entries: node verify.mjs bundle --key KEY"
