# SPDX-License-Identifier: BSD-2-Clause
"""A daemon that is killed again and again under new flows, and the next one that takes over: what tests of outputs share."""
import collections
import time

import veth

# So many UDP flows of one packet, a pause after each fifty.
SEND = """
import socket, sys, time
for n in range(int(sys.argv[1])):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(('192.0.2.1', 0))
    s.sendto(b'x', ('192.0.2.2', 10000 + n % 50000))
    s.close()
    if n % 50 == 0: time.sleep(float(sys.argv[2]))
"""


def senders(network, flows, pairs=1, pause=0.005):
    return [network.python(network.sender, SEND.replace("192.0.2.", f"192.0.{2 + n}."), flows, pause) for n in range(pairs)]


class Killed:
    """attach() starts a daemon, the cable is plugged in, and while the senders run each daemon is killed after so many seconds: at no
    particular point of its round. before, after: called around each kill. Then the cable is out, and the last daemon ends by itself.

    kills, sent (packets), report, and books: the ledger, whose sum is what was sent."""

    def __init__(self, network, attach, start_senders, every, before=lambda: None, after=lambda: None):
        sensor = attach()
        network.plug()
        sending = start_senders()
        self.kills = 0
        while any(sender.poll() is None for sender in sending):
            time.sleep(every)  # traffic under way
            before()
            sensor.kill()
            self.kills += 1
            after()
            sensor = attach()
        self.sent = sum(network.unplug(n) for n in range(network.pairs))
        code, self.report = sensor.stop()
        assert code == 0 and self.kills >= 2, (code, self.kills, sensor.said(), self.report)
        self.books = veth.ledger(self.report)
        assert self.books["seen"] == self.sent, (self.books, self.sent)


def once(what, keys):
    """The set of these keys, none of which comes twice."""
    counted = collections.Counter(keys)
    twice = [key for key, n in counted.items() if n > 1]
    assert not twice, f"{what}: {len(twice)} rows are written twice"
    return set(counted)


def once_each(what, table):
    """Likewise, of rows: flowInd and direction."""
    return once(what, ((str(row["flowInd"]), row["dir"]) for row in table))
