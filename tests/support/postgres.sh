# A PostgreSQL server that lives exactly as long as whoever holds the other end of our standard input:
# when that pipe closes (the tests end, or are killed), the server is stopped and its directory deleted.
# Says "ready" once it answers. Usage: postgres.sh <directory of the binaries> <port>
set -eu
binaries=$1
port=$2
# Signals meant for the tests must not end us before the server is gone.
trap '' INT TERM HUP PIPE

directory=$(mktemp -d "${WELLWISHER_TEST_DIR:-${TMPDIR:-/tmp}}/wellwisher-postgres.XXXXXX")
server=
clean_up() {
    if [ -n "$server" ]; then
        kill -QUIT "$server" 2>/dev/null || true
        wait "$server" || true
    fi
    rm -rf "$directory"
}
trap clean_up EXIT

as=
if [ "$(id -u)" = 0 ]; then
    # The server refuses to run as root.
    chown postgres "$directory"
    as="setpriv --reuid=postgres --regid=postgres --init-groups --"
fi
cd "$directory"
log=$directory/log

make_cluster() {
    $as "$binaries/initdb" -D "$directory/data" -U wellwisher -A trust -E UTF8 --no-sync "$@" >"$log" 2>&1
}
if ! make_cluster --locale=C.UTF-8 && ! { rm -rf "$directory/data"; make_cluster --locale=C; }; then
    cat "$log" >&2
    exit 1
fi

$as "$binaries/postgres" -D "$directory/data" \
    -c listen_addresses=127.0.0.1 -c port="$port" -c unix_socket_directories= -c max_connections=200 \
    -c fsync=on -c synchronous_commit=on -c shared_buffers=64MB -c wal_level=minimal -c max_wal_senders=0 \
    -c max_wal_size=4GB -c checkpoint_timeout=1h -c jit=off >>"$log" 2>&1 &
server=$!
until "$binaries/pg_isready" -q -h 127.0.0.1 -p "$port" -d postgres; do
    if ! kill -0 "$server" 2>/dev/null; then
        cat "$log" >&2
        exit 1
    fi
    sleep 0.05
done
echo ready
cat >/dev/null
