#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# record.sh [FOLDER]: records the example captures anew, into this folder or FOLDER: real servers and clients in two
# network namespaces joined by a veth pair, tcpdump on the client's end. Needs root and the packages of
# scripts/packages-test.txt; leaves nothing behind.
#   client 192.0.2.10, 2001:db8::10  --- veth ---  server 198.51.100.20, 2001:db8::20
set -euo pipefail
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
out=$(readlink -f "${1:-$here}")
if ((EUID != 0)); then
    echo "record.sh: needs root for network namespaces" >&2
    exit 77
fi
client=fxclient-$$ server=fxserver-$$
work=$(mktemp -d)
chmod 755 "$work" # the servers' own users read here

# shellcheck disable=SC2317 # called by the trap
finish() {
    local space
    for space in "$client" "$server"; do
        # Servers go into the background: whatever still runs in our namespaces is ours.
        ip netns pids "$space" 2>/dev/null | xargs -r kill -9 || true
        ip netns delete "$space" 2>/dev/null || true
    done
    rm -rf "$work"
}
trap finish EXIT

on() { ip netns exec "$@"; } # on NAMESPACE COMMAND...

# serve COMMAND...: a server in the background; disowned, so that bash does not announce its end.
serve() {
    ip netns exec "$server" "$@" &
    disown
}

# lay_cable NAMESPACE MAC IPV4 OTHER-IPV4-NET IPV6
lay_cable() {
    ip -n "$1" link set lo up
    # No router, no duplicate address detection: nothing speaks but client and server.
    on "$1" sysctl -qw net.ipv6.conf.eth0.accept_ra=0 net.ipv6.conf.eth0.router_solicitations=0
    # Without offloads the capture holds what a wire would: no segments above the MTU, complete checksums.
    on "$1" ethtool -K eth0 tx off rx off sg off tso off gso off gro off >/dev/null
    ip -n "$1" link set eth0 address "$2" up
    ip -n "$1" address add "$3/32" dev eth0
    ip -n "$1" route add "$4" dev eth0 src "$3"
    ip -n "$1" address add "$5/64" dev eth0 nodad
}
ip netns add "$client"
ip netns add "$server"
ip link add eth0 netns "$client" type veth peer name eth0 netns "$server"
lay_cable "$client" 02:00:00:00:00:10 192.0.2.10 198.51.100.0/24 2001:db8::10
lay_cable "$server" 02:00:00:00:00:20 198.51.100.20 192.0.2.0/24 2001:db8::20
sleep 5 # multicast listener reports of the new links

# record FILE FILTER COMMAND...: what the filter lets through while COMMAND runs.
record() {
    local file=$work/$1 filter=$2 dump
    shift 2
    # Neighbour entries are forgotten, so that every capture begins the same way.
    ip -n "$client" neighbour flush dev eth0
    ip -n "$server" neighbour flush dev eth0
    # --immediate-mode: nothing waits in a buffer when tcpdump is stopped.
    # Not through on(): $! must be tcpdump itself, to be stopped by it. SIGTERM, for bash starts what it sends to the
    # background deaf to SIGINT.
    ip netns exec "$client" tcpdump -q -n -i eth0 --immediate-mode -Z root -w "$file" "$filter" 2>"$work/tcpdump.log" &
    dump=$!
    until grep -q 'listening on' "$work/tcpdump.log"; do sleep 0.1; done
    "$@"
    sleep 1
    kill "$dump"
    wait "$dump"
    if ! grep -q '^0 packets dropped by kernel' "$work/tcpdump.log"; then
        cat "$work/tcpdump.log" >&2
        exit 1
    fi
    cp "$file" "$out/"
    echo "$out/${file##*/}: $(stat -c %s "$file") bytes" >&2
}

wait_for_port() { # wait_for_port tcp|udp PORT: until the server listens
    local tries=50
    until [[ $(on "$server" ss -Hln "--$1" "sport = :$2") ]]; do
        if ((--tries == 0)); then
            echo "record.sh: nothing listens on $1 port $2" >&2
            exit 1
        fi
        sleep 0.1
    done
}

# --- FTP: one anonymous session; list, fetch and store, each over a passive data connection.
mkdir -p "$work/ftp/incoming" "$work/empty"
chown ftp "$work/ftp/incoming"
seq -f 'line %06g of a file that is fetched by FTP' 1 2000 >"$work/ftp/measurements.txt"
seq -f 'line %06g of a file that is stored by FTP' 1 300 >"$work/notes.txt"
cat >"$work/vsftpd.conf" <<EOF
listen=YES
background=NO
anonymous_enable=YES
local_enable=NO
no_anon_password=NO
anon_root=$work/ftp
write_enable=YES
anon_upload_enable=YES
secure_chroot_dir=$work/empty
pasv_min_port=50000
pasv_max_port=50099
pam_service_name=vsftpd
EOF
serve vsftpd "$work/vsftpd.conf"
wait_for_port tcp 21
# shellcheck disable=SC2317
ftp_session() {
    (cd "$work" && HOME="$work" on "$client" lftp --norc -e "
        set net:max-retries 1; set ftp:use-feat yes; set ftp:prefer-epsv no; set ftp:use-mdtm no; set ftp:use-site-utime no
        open -u anonymous,guest@example.org 198.51.100.20
        cls -l; sleep 1; get measurements.txt -o fetched.txt; sleep 1; put -O incoming notes.txt; close; quit" >"$work/lftp.log" 2>&1) ||
        { cat "$work/lftp.log" >&2; exit 1; }
    cmp "$work/ftp/measurements.txt" "$work/fetched.txt"
    cmp "$work/notes.txt" "$work/ftp/incoming/notes.txt"
}
record ftp-session.pcap tcp ftp_session

# --- HTTP: three requests on one connection, one over IPv6, one for a page that is not there, one to a closed port.
mkdir "$work/www"
printf '<!doctype html><title>flowxdp</title><p>An example page.\n' >"$work/www/index.html"
seq 1 9000 >"$work/www/numbers.txt"
cat >"$work/nginx.conf" <<EOF
pid $work/nginx.pid; error_log $work/nginx.log; daemon off;
events {}
http {
    access_log off; default_type text/plain; client_body_temp_path $work/body; proxy_temp_path $work/proxy;
    fastcgi_temp_path $work/fastcgi; uwsgi_temp_path $work/uwsgi; scgi_temp_path $work/scgi;
    server { listen 80; listen [::]:80; root $work/www; }
}
EOF
serve nginx -e "$work/nginx.log" -c "$work/nginx.conf"
wait_for_port tcp 80
# shellcheck disable=SC2317
http_requests() {
    local get=(on "$client" curl -q --silent --noproxy '*' --output /dev/null)
    "${get[@]}" http://198.51.100.20/ --next --silent --output /dev/null http://198.51.100.20/numbers.txt \
        --next --silent --output /dev/null http://198.51.100.20/missing
    "${get[@]}" 'http://[2001:db8::20]/numbers.txt'
    if "${get[@]}" http://198.51.100.20:8080/; then
        echo "record.sh: port 8080 answered" >&2
        exit 1
    fi
}
record http.pcap '' http_requests

# --- DNS: A, AAAA, a name that does not exist, a truncated answer repeated over TCP; over IPv4 and IPv6.
texts=()
for i in {1..12}; do
    texts+=("--txt-record=long.example.org,$i $(printf 'x%.0s' {1..120})")
done
serve dnsmasq --keep-in-foreground --no-resolv --no-hosts --conf-file=/dev/null --pid-file= --user=root \
    --local=/example.org/ --host-record=www.example.org,198.51.100.20,2001:db8::20 "${texts[@]}"
wait_for_port udp 53
# shellcheck disable=SC2317
dns_queries() {
    local at type
    for at in 198.51.100.20 2001:db8::20; do
        for type in A AAAA; do
            on "$client" dig +norec +tries=1 "@$at" www.example.org "$type"
        done
        on "$client" dig +norec +tries=1 "@$at" nowhere.example.org
    done >/dev/null
    on "$client" dig +norec +noedns +tries=1 @198.51.100.20 long.example.org TXT >/dev/null
    on "$client" ping -q -c 2 -i 0.2 198.51.100.20 >/dev/null
}
record dns.pcap '' dns_queries

# --- Control: ARP, ping, ports and protocols that nobody serves, DHCP and DHCPv6 of one client.
serve dnsmasq --keep-in-foreground --port=0 --no-hosts --conf-file=/dev/null --pid-file= --user=root --dhcp-leasefile="$work/leases" \
    --interface=eth0 --dhcp-authoritative --no-ping --domain=example.org --dhcp-option=option:router,198.51.100.1 \
    --dhcp-option=option:dns-server,198.51.100.53 --dhcp-option=option6:dns-server,[2001:db8::53] \
    --dhcp-range=198.51.100.100,198.51.100.120,255.255.255.0,2h --dhcp-range=2001:db8::100,2001:db8::120,64,2h
wait_for_port udp 67
wait_for_port udp 547
# shellcheck disable=SC2317
control_messages() {
    on "$client" ping -q -c 3 -i 0.2 198.51.100.20 >/dev/null
    on "$client" ping -q -c 3 -i 0.2 2001:db8::20 >/dev/null
    on "$client" busybox traceroute -n -q 2 -w 1 198.51.100.20 >/dev/null
    on "$client" busybox traceroute6 -n -q 2 -w 1 2001:db8::20 >/dev/null
    on "$client" busybox arping -q -f -w 2 -I eth0 198.51.100.20 >/dev/null
    on "$client" busybox arping -q -U -c 1 -I eth0 192.0.2.10 >/dev/null || true
    on "$client" busybox udhcpc -i eth0 -n -q -f -t 2 -T 1 -s /bin/true -x hostname:laptop -V example-client 2>/dev/null
    printf 'send fqdn.fqdn "laptop.example.org.";\n' >"$work/dhclient.conf"
    on "$client" timeout 10 dhclient -6 -1 -q -nw -cf "$work/dhclient.conf" -lf "$work/client-leases" -pf "$work/dhclient.pid" -sf /bin/true eth0
    sleep 4
    on "$client" dhclient -6 -r -q -cf "$work/dhclient.conf" -lf "$work/client-leases" -pf "$work/dhclient.pid" -sf /bin/true eth0
}
record control.pcap 'arp or icmp or icmp6 or udp' control_messages

# --- A stalled reader: the client stops reading twice, so its receive window closes and the server probes it.
cat >"$work/stall.py" <<'EOF'
import socket, sys, time

def serve():
    listener = socket.create_server(("198.51.100.20", 7000))
    connection, _ = listener.accept()
    connection.sendall(b"flowxdp " * 12000)  # 96,000 octets
    connection.close()

def read_on(connection, octets):
    while octets > 0:
        part = connection.recv(min(octets, 2048))
        if not part:
            return
        octets -= len(part)

def stall():
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)  # before connect: decides the window
    connection.connect(("198.51.100.20", 7000))
    time.sleep(4)
    read_on(connection, 40000)
    time.sleep(2)
    read_on(connection, 10**9)
    connection.close()

{"serve": serve, "stall": stall}[sys.argv[1]]()
EOF
serve python3 "$work/stall.py" serve
wait_for_port tcp 7000
record stalled-reader.pcap tcp on "$client" python3 "$work/stall.py" stall
