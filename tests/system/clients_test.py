#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""clients_test.py FLOWXDP: real clients and servers behind a mirror port; the rows say what they said to each other.

ping, dig over UDP and TCP, curl with HTTP/1.1 and with TLS 1.2 and 1.3, ssh, lftp; dnsmasq, nginx, sshd, vsftpd. The sensor runs with
every plugin that reads packets, and replay of its own capture writes the same rows. Expected values are arguments of the clients, or
what openssl and ssh-keygen say of the server's keys. Exit 77 without root, BPF or a tool.
"""
import filecmp
import os
import shutil

import veth

TOOLS = ("ping", "dig", "curl", "openssl", "ssh", "sshd", "ssh-keygen", "lftp", "dnsmasq", "nginx", "vsftpd")
CLIENT, SERVER, CLIENT6, SERVER6 = "192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2"
TLS_VERSIONS = {"1.2": "0x0303", "1.3": "0x0304"}

NGINX = """
pid {folder}/nginx.pid; error_log {folder}/nginx.log; daemon off; user root;
events {{}}
http {{
    access_log off; default_type text/plain; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    server {{
        listen 80; listen [::]:80; listen 443 ssl http2; root {folder}/served;
        ssl_certificate {folder}/tls.crt; ssl_certificate_key {folder}/tls.key; ssl_protocols TLSv1.2 TLSv1.3;
    }}
}}
"""

VSFTPD = """
listen=YES
background=NO
anonymous_enable=YES
local_enable=NO
no_anon_password=NO
anon_root={folder}/served
write_enable=YES
anon_upload_enable=YES
secure_chroot_dir={folder}/empty
pam_service_name=vsftpd
"""

SSHD = """
ListenAddress {server}
HostKey {folder}/host_key
PidFile none
AuthorizedKeysFile {folder}/user_key.pub
PermitRootLogin prohibit-password
StrictModes no
UsePAM {pam}
"""


def write(path, text):
    with open(path, "w") as file:
        file.write(text)


def root_is_locked():
    """Then sshd lets root in only where PAM decides. PAM refuses in some containers, so it is asked in this case alone."""
    with open("/etc/shadow") as accounts:
        return any(line.startswith("root:!") for line in accounts)


def serve(network, namespace, folder):
    """All servers listen when it returns."""
    for name in ("served", "served/incoming", "empty"):
        os.mkdir(f"{folder}/{name}")
    shutil.chown(folder + "/served/incoming", "ftp")
    write(folder + "/served/index.html", "<!doctype html><title>flowxdp</title>\n")
    write(folder + "/served/numbers.txt", "".join(f"{n}\n" for n in range(60000)))
    write(folder + "/notes.txt", "".join(f"line {n}\n" for n in range(3000)))
    veth.run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", folder + "/tls.key", "-out", folder + "/tls.crt",
             "-subj", "/CN=clients.example", "-days", "2")
    for key in ("host_key", "user_key"):
        veth.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", f"{folder}/{key}")
    for name, text in (("nginx.conf", NGINX), ("vsftpd.conf", VSFTPD), ("sshd_config", SSHD)):
        write(f"{folder}/{name}", text.format(folder=folder, server=SERVER, pam="yes" if root_is_locked() else "no"))
    # sshd wants this folder, which only its service makes.
    os.makedirs("/run/sshd", mode=0o755, exist_ok=True)
    with open(folder + "/servers.log", "w") as log:
        started = [network.start(namespace, *words, stdout=log, stderr=log) for words in (
            ("nginx", "-e", folder + "/nginx.log", "-c", folder + "/nginx.conf"),
            ("vsftpd", folder + "/vsftpd.conf"),
            (shutil.which("sshd"), "-D", "-e", "-f", folder + "/sshd_config"),
            ("dnsmasq", "--keep-in-foreground", "--no-resolv", "--no-hosts", "--conf-file=/dev/null", "--pid-file=", "--user=root",
             "--local=/example.org/", "--host-record=www.example.org,192.0.2.7,2001:db8::7", "--mx-host=example.org,mail.example.org,10"))]

    def listening():
        said = network.inside(namespace, "ss", "-Hlntu").stdout
        assert all(server.poll() is None for server in started), open(folder + "/servers.log").read()
        return all(f":{port} " in said for port in (21, 22, 53, 80, 443))
    veth.until(listening, "the servers listen")


def talk(network, namespace, folder):
    def client(*words, **more):
        return network.inside(namespace, *words, timeout=60 * veth.PATIENCE, **more).stdout
    client("ping", "-c", "3", "-i", "0.1", SERVER)
    client("ping", "-c", "2", "-i", "0.1", SERVER6)
    for question in (("www.example.org", "A"), ("www.example.org", "AAAA"), ("example.org", "MX"), ("nowhere.example.org", "A"),
                     ("+tcp", "www.example.org", "A")):
        said = client("dig", "+norec", "+tries=1", "@" + SERVER, *question)
        assert ("NXDOMAIN" if "nowhere" in question[0] else "NOERROR") in said, said
    curl = ("curl", "-q", "-sfk", "--noproxy", "*", "-A", "flowxdp-test/1", "-o", folder + "/page")
    client(*curl, "--http1.1", f"http://{SERVER}/numbers.txt")
    assert filecmp.cmp(folder + "/page", folder + "/served/numbers.txt", shallow=False)
    client(*curl, "--http1.1", f"http://[{SERVER6}]/index.html")
    for version in TLS_VERSIONS:
        client(*curl, "--resolve", "clients.example:443:" + SERVER, "--tlsv" + version, "--tls-max", version, "https://clients.example/numbers.txt")
    said = client("ssh", "-F", "none", "-i", folder + "/user_key", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no", "-o",
                  "UserKnownHostsFile=/dev/null", "root@" + SERVER, "echo", "from", "inside")
    assert said == "from inside\n", said
    client("lftp", "--norc", "-e", "set net:max-retries 1; open -u anonymous,guest@example.org " + SERVER + "; cls -l; "
           f"get numbers.txt -o {folder}/fetched; put -O incoming {folder}/notes.txt; quit", env={**os.environ, "HOME": folder})
    assert filecmp.cmp(folder + "/fetched", folder + "/served/numbers.txt", shallow=False)
    assert filecmp.cmp(folder + "/notes.txt", folder + "/served/incoming/notes.txt", shallow=False)


def check(folder, table):
    """The rows say what the clients asked for and what the servers are."""
    def both(port, protocol="6"):
        """The flows to a port that were answered: pairs of the client's row and the server's."""
        answers = {row["flowInd"]: row for row in table if row["dir"] == "B"}
        found = [(row, answers[row["flowInd"]]) for row in table
                 if (row["dstPort"], row["l4Proto"], row["dir"]) == (str(port), protocol, "A") and row["flowInd"] in answers]
        return sorted(found, key=lambda pair: int(pair[0]["flowInd"]))

    def has(row, **cells):
        assert all(row[name] == value for name, value in cells.items()), (cells, {name: row[name] for name in cells})

    asked, over_tcp = both(53, "17"), both(53)
    assert len(asked) == 4 and len(over_tcp) == 1, (len(asked), len(over_tcp))
    address, address6, mail, nowhere = asked
    for question, answer in (address, *over_tcp):
        has(question, dnsQname='"www.example.org"', dnsQType="1", dnsNumQuery="1")
        has(answer, dns4Aaddress="192.0.2.7;-", dnsNumAnswered="1")
    has(address6[1], dnsQType="28", dns6Aaddress="2001:db8::7;-")
    has(mail[1], dnsQType="15", dnsAPname='"mail.example.org";""', dnsMXpref="10;0")
    has(nowhere[1], dnsQname='"nowhere.example.org"', dnsHFlg_OpC_RetC="0x88_0x0001_0x0008") # 1 << 3: NXDOMAIN

    (large, large_answer), (six, six_answer) = both(80)
    has(large, httpHosts=f'"{SERVER}"', httpURL='"/numbers.txt"', httpUsrAg='"flowxdp-test/1"', httpGetCnt="1",
        l7BytesRcvd=large_answer["l7BytesSnt"])
    has(six, srcIP=CLIENT6, httpHosts=f'"[{SERVER6}]"', httpURL='"/index.html"')
    has(large_answer, httpRSCode="200", httpMimes='"text/plain"')
    has(six_answer, httpRSCode="200", httpMimes='"text/html"')
    assert int(large_answer["l7BytesSnt"]) > os.path.getsize(folder + "/served/numbers.txt")

    fingerprint = veth.run("openssl", "x509", "-in", folder + "/tls.crt", "-noout", "-fingerprint", "-sha256").stdout
    for (client, server), version in zip(both(443), TLS_VERSIONS.values(), strict=True):
        has(client, sslServerName='"clients.example"', sslVersion=version, sslALPNList='"h2";"http/1.1"', nDPIclass='"TLS"')
        has(server, sslVersion=version)
        if version == TLS_VERSIONS["1.2"]: # 1.3 encrypts it
            has(server, sslCertSha256FP=fingerprint.split("=")[1].strip().replace(":", "").lower(),
                sslCSubjectCommonName='"clients.example"', sslCIssuerCommonName='"clients.example"')

    ((client, server),) = both(22)
    banner = veth.run("ssh", "-V").stderr.split(",")[0]
    assert banner in client["sshVersion"], (banner, client["sshVersion"])
    key = veth.run("ssh-keygen", "-l", "-E", "md5", "-f", folder + "/host_key").stdout.split()[1].removeprefix("MD5:")
    has(server, sshHostKeyType="ssh-ed25519", sshFingerprint=key)
    has(client, nDPIclass='"SSH"', sshKEX=server["sshKEX"])

    ((client, server),) = both(21)
    has(client, ftpUser='"anonymous"', ftpNumUser="1")
    assert {'"numbers.txt"', '"incoming/notes.txt"'} <= set(client["ftpCP"].split(";")), client["ftpCP"]
    assert {"230", "226", "221"} <= set(server["ftpRC"].split(";")), server["ftpRC"]
    # The list, the file that was fetched and the one that was stored went to the ports that the server named.
    for port in server["ftpDataPort"].split(";"):
        assert len(both(port)) == 1, (port, server["ftpDataPort"])

    # Type, code and number of the echo requests and replies. IPv6 asks for neighbours in the same flow, so its A is the server, who
    # answers such a question first.
    for source, cells in ((CLIENT, "8_0_3"), (SERVER, "0_0_3"), (CLIENT6, "128_0_2"), (SERVER6, "129_0_2")):
        (row,) = [row for row in table if row["srcIP"] == source and row["icmpEchoId"]]
        assert cells in row["icmpType_Code_Cnt"].split(";"), (source, row["icmpType_Code_Cnt"])
        if source in (CLIENT, CLIENT6):
            has(row, icmpEchoSuccRatio="1")


def join(network, namespace, end, *addresses):
    """A new namespace whose interface eth0 has these addresses; its cable ends at a port of the hub."""
    veth.run("ip", "netns", "add", namespace)
    network.inside(namespace, "sysctl", "-qw", "net.ipv6.conf.default.router_solicitations=0")
    veth.run("ip", "link", "add", end, "netns", network.sender, "type", "veth", "peer", "name", "eth0", "netns", namespace)
    network.inside(network.sender, "sysctl", "-qw", f"net.ipv6.conf.{end}.disable_ipv6=1")
    network.ip(network.sender, "link", "set", end, "master", "hub", "up")
    for address in addresses:
        network.ip(namespace, "addr", "add", address, "dev", "eth0", *(("nodad",) if ":" in address else ()))
    network.ip(namespace, "link", "set", "lo", "up")
    network.ip(namespace, "link", "set", "eth0", "up")


def clients(network, folder):
    for tool in TOOLS:
        if not shutil.which(tool):
            raise veth.Skip("needs " + tool)
    # A bridge that forgets addresses at once is a hub: every frame goes to the sensor, too, as from a mirror port.
    network.ip(network.sender, "link", "add", "hub", "type", "bridge", "ageing_time", "0", "mcast_snooping", "0")
    network.ip(network.sender, "link", "set", network.peers[0], "master", "hub")
    client, server = network.tag + "c", network.tag + "d"
    try:
        return observe(network, client, server, folder)
    finally:
        for namespace in (client, server):
            veth.run("ip", "netns", "del", namespace, check=False)


def observe(network, client, server, folder):
    prefix = folder + "/live"
    options = [word for name in veth.PAYLOAD_PLUGINS for word in ("--plugin", name)]
    sensor = veth.Sensor(network, prefix, network.veths[0], "-e", "all", *options)
    network.ip(network.sender, "link", "set", "hub", "up")
    join(network, server, network.tag + "q", SERVER + "/24", SERVER6 + "/64")
    join(network, client, network.tag + "o", CLIENT + "/24", CLIENT6 + "/64")
    serve(network, server, folder)
    talk(network, client, folder)
    for end in (network.tag + "q", network.tag + "o"):
        network.ip(network.sender, "link", "set", end, "down")
    sent = network.unplug()
    code, report = sensor.stop()
    assert code == 0, (code, sensor.said(), report)
    table = veth.rows(prefix)
    seen = veth.check_books(report, table)["seen"]
    assert seen == sent, f"{sent} packets were sent, {seen} were seen"
    veth.run(network.flowxdp, "replay", "-q", prefix + ".pcapng", "-w", prefix + "_again", *options)
    for kind in ("flows", "protocols"):
        assert filecmp.cmp(f"{prefix}_{kind}.txt", f"{prefix}_again_{kind}.txt", shallow=False), kind + " differ"
    assert not any(int(row["fxStat"], 16) & 0x80 for row in table), "wanted packets were lost"
    check(folder, table)
    return seen, len(table)


veth.main("fxcl", (clients,))
